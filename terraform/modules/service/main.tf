resource "aws_ecs_service" "this" {
  name            = "${var.environment}-${var.role}"
  cluster         = var.cluster_arn
  task_definition = var.task_definition_arn
  desired_count   = var.initial_count

  enable_execute_command  = true
  enable_ecs_managed_tags = true
  propagate_tags          = "SERVICE"

  # A rebalanced service runs a task more for a while, so a single one must not be.
  deployment_maximum_percent         = var.single ? 100 : 200
  deployment_minimum_healthy_percent = var.single ? 0 : 100
  availability_zone_rebalancing      = var.single ? "DISABLED" : "ENABLED"
  health_check_grace_period_seconds  = var.load_balancer == null ? null : var.load_balancer.grace_period_seconds

  # There may be no image yet. Releases wait for their own deployments.
  wait_for_steady_state = false

  # Environments are destroyed without being stopped first.
  force_delete = true

  # Without it the provider would replace the service for another capacity, at its initial count. With it, a change of
  # the service itself (never of its tags or task definition) starts its tasks anew.
  force_new_deployment = true

  capacity_provider_strategy {
    capacity_provider = var.capacity
    weight            = 1
  }

  deployment_circuit_breaker {
    enable   = true
    rollback = true
  }

  network_configuration {
    subnets          = var.subnet_ids
    security_groups  = var.security_group_ids
    assign_public_ip = false
  }

  dynamic "load_balancer" {
    for_each = var.load_balancer == null ? [] : [var.load_balancer]

    content {
      target_group_arn = load_balancer.value.target_group_arn
      container_name   = var.role
      container_port   = load_balancer.value.port
    }
  }

  tags = { Name = "${var.environment}-${var.role}" }

  lifecycle {
    # Both belong to releases, and the count to autoscaling as well: an apply must never roll them back.
    ignore_changes = [task_definition, desired_count]

    precondition {
      condition     = !(var.single && (var.initial_count > 1 || var.autoscaling != null))
      error_message = "${var.role} must never run twice: its count is 0 or 1, and it cannot scale."
    }
  }
}

# A stopped service (desired count 0) stays stopped: it has no CPU load to act on.
resource "aws_appautoscaling_target" "this" {
  count = var.autoscaling == null ? 0 : 1

  service_namespace  = "ecs"
  scalable_dimension = "ecs:service:DesiredCount"
  resource_id        = "service/${var.cluster_name}/${aws_ecs_service.this.name}"
  min_capacity       = var.autoscaling.min
  max_capacity       = var.autoscaling.max

  tags = { Name = "${var.environment}-${var.role}" }
}

resource "aws_appautoscaling_policy" "cpu" {
  count = var.autoscaling == null ? 0 : 1

  name               = "${var.environment}-${var.role}-cpu"
  policy_type        = "TargetTrackingScaling"
  service_namespace  = aws_appautoscaling_target.this[0].service_namespace
  scalable_dimension = aws_appautoscaling_target.this[0].scalable_dimension
  resource_id        = aws_appautoscaling_target.this[0].resource_id

  target_tracking_scaling_policy_configuration {
    target_value       = var.autoscaling.cpu_percent
    scale_out_cooldown = 60
    scale_in_cooldown  = 300

    predefined_metric_specification {
      predefined_metric_type = "ECSServiceAverageCPUUtilization"
    }
  }
}
