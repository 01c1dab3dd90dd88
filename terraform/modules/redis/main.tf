# Redis is a module of its own because it is the one service that no release rolls: here, Terraform does.

locals {
  name = "${var.environment}-redis"
  port = 6379
}

module "task_definition" {
  source = "../task-definition"

  environment          = var.environment
  role                 = "redis"
  image                = var.image
  command              = var.command == null ? ["redis-server", "--save", "", "--appendonly", "no"] : var.command
  health_check_command = ["redis-cli", "ping"]
  port                 = local.port
  cpu                  = var.cpu
  memory               = var.memory
  cpu_architecture     = var.cpu_architecture
  stop_timeout         = var.stop_timeout
  execution_role_arn   = var.execution_role_arn
  task_role_arn        = var.task_role_arn
  region               = var.region
  log_retention_days   = var.log_retention_days
}

resource "aws_service_discovery_service" "this" {
  name        = local.name
  description = "Redis of ${var.environment}"

  dns_config {
    namespace_id   = var.namespace_id
    routing_policy = "MULTIVALUE"

    dns_records {
      type = "A"
      ttl  = 10
    }
  }

  # ECS reports the health of its tasks only where there is one, and stops tasks that it cannot report. AWS takes 1 and
  # nothing else; an empty block would show as a change for ever.
  health_check_custom_config {
    failure_threshold = 1
  }

  # The address of a task that has just been stopped must not keep the name.
  force_destroy = true

  tags = { Name = local.name }
}

resource "aws_ecs_service" "this" {
  name            = local.name
  cluster         = var.cluster_arn
  task_definition = module.task_definition.arn
  desired_count   = var.initial_count

  enable_execute_command  = true
  enable_ecs_managed_tags = true
  propagate_tags          = "SERVICE"

  # Never two at once: half of the clients would find the other one.
  deployment_maximum_percent         = 100
  deployment_minimum_healthy_percent = 0
  availability_zone_rebalancing      = "DISABLED"

  wait_for_steady_state = false
  force_delete          = true

  # Without it the provider would replace the service for another capacity.
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

  service_registries {
    registry_arn = aws_service_discovery_service.this.arn
  }

  tags = { Name = local.name }

  lifecycle {
    # An environment that was stopped stays stopped. The task definition is followed: see above.
    ignore_changes = [desired_count]
  }
}
