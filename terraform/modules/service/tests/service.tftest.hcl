mock_provider "aws" {}

variables {
  environment         = "alpha"
  role                = "gunicorn"
  cluster_arn         = "arn:aws:ecs:eu-central-1:123456789012:cluster/alpha-cluster"
  cluster_name        = "alpha-cluster"
  task_definition_arn = "arn:aws:ecs:eu-central-1:123456789012:task-definition/alpha-gunicorn:1"
  capacity            = "FARGATE_SPOT"
  subnet_ids          = ["subnet-1", "subnet-2"]
  security_group_ids  = ["sg-1"]
}

run "starts_stopped_on_spot" {
  # Applied, so that the next runs are changes of this service.
  command = apply

  assert {
    condition     = aws_ecs_service.this.name == "alpha-gunicorn" && aws_ecs_service.this.tags["Name"] == "alpha-gunicorn"
    error_message = "The service is {env}-{role}."
  }
  assert {
    condition     = aws_ecs_service.this.desired_count == 0
    error_message = "There is nothing to run before the first release."
  }
  assert {
    condition     = [for strategy in aws_ecs_service.this.capacity_provider_strategy : strategy.capacity_provider] == ["FARGATE_SPOT"]
    error_message = "The capacity is the one that was asked for."
  }
  assert {
    condition     = aws_ecs_service.this.deployment_circuit_breaker[0].enable && aws_ecs_service.this.deployment_circuit_breaker[0].rollback
    error_message = "A failed deployment is rolled back."
  }
  assert {
    condition     = aws_ecs_service.this.enable_execute_command && aws_ecs_service.this.enable_ecs_managed_tags && aws_ecs_service.this.propagate_tags == "SERVICE"
    error_message = "ECS Exec is on, and tasks carry the tags of their service."
  }
  assert {
    condition     = !aws_ecs_service.this.wait_for_steady_state && aws_ecs_service.this.force_delete && aws_ecs_service.this.force_new_deployment
    error_message = "An apply does not wait for tasks, a destroy does not need them stopped, and a new capacity replaces no service."
  }
  assert {
    condition     = aws_ecs_service.this.deployment_maximum_percent == 200 && aws_ecs_service.this.deployment_minimum_healthy_percent == 100 && aws_ecs_service.this.availability_zone_rebalancing == "ENABLED"
    error_message = "A deployment never leaves the service with less than it has."
  }
  assert {
    condition     = !aws_ecs_service.this.network_configuration[0].assign_public_ip
    error_message = "Tasks have no public address."
  }
  assert {
    condition     = length(aws_ecs_service.this.load_balancer) == 0 && aws_ecs_service.this.health_check_grace_period_seconds == null
    error_message = "A service without a target group has no load balancer."
  }
  assert {
    condition     = length(aws_appautoscaling_target.this) == 0 && length(aws_appautoscaling_policy.cpu) == 0
    error_message = "Autoscaling is off by default."
  }
}

run "an_apply_rolls_nothing_back" {
  command = plan

  variables {
    task_definition_arn = "arn:aws:ecs:eu-central-1:123456789012:task-definition/alpha-gunicorn:2"
    initial_count       = 3
  }

  assert {
    condition     = aws_ecs_service.this.task_definition == "arn:aws:ecs:eu-central-1:123456789012:task-definition/alpha-gunicorn:1"
    error_message = "The revision of a service belongs to releases."
  }
  assert {
    condition     = aws_ecs_service.this.desired_count == 0
    error_message = "The count of a service belongs to releases and autoscaling."
  }
}

run "a_single_one_never_runs_twice" {
  command = plan

  variables {
    single = true
  }

  assert {
    condition     = aws_ecs_service.this.deployment_maximum_percent == 100 && aws_ecs_service.this.deployment_minimum_healthy_percent == 0 && aws_ecs_service.this.availability_zone_rebalancing == "DISABLED"
    error_message = "The old task stops before the new one starts."
  }
}

run "a_single_one_refuses_two_tasks" {
  command = plan

  variables {
    single        = true
    initial_count = 2
  }

  expect_failures = [aws_ecs_service.this]
}

run "a_single_one_refuses_autoscaling" {
  command = plan

  variables {
    single      = true
    autoscaling = { min = 1, max = 2, cpu_percent = 60 }
  }

  expect_failures = [aws_ecs_service.this]
}

run "is_reached_through_its_target_group" {
  command = plan

  variables {
    load_balancer = {
      target_group_arn     = "arn:aws:elasticloadbalancing:eu-central-1:123456789012:targetgroup/alpha-api/1"
      port                 = 8000
      grace_period_seconds = 90
    }
  }

  assert {
    condition = [for balancer in aws_ecs_service.this.load_balancer : [balancer.target_group_arn, balancer.container_name, balancer.container_port]] == [
      ["arn:aws:elasticloadbalancing:eu-central-1:123456789012:targetgroup/alpha-api/1", "gunicorn", 8000]
    ]
    error_message = "The container's port is registered in the target group."
  }
  assert {
    condition     = aws_ecs_service.this.health_check_grace_period_seconds == 90
    error_message = "A new task gets its grace period."
  }
}

run "scales_by_cpu" {
  command = plan

  variables {
    autoscaling = { min = 2, max = 6, cpu_percent = 55 }
  }

  assert {
    condition     = aws_appautoscaling_target.this[0].resource_id == "service/alpha-cluster/alpha-gunicorn" && aws_appautoscaling_target.this[0].min_capacity == 2 && aws_appautoscaling_target.this[0].max_capacity == 6
    error_message = "The service scales between its bounds."
  }
  assert {
    condition     = aws_appautoscaling_policy.cpu[0].target_tracking_scaling_policy_configuration[0].target_value == 55
    error_message = "It aims at the CPU load that was asked for."
  }
}

run "refuses_bounds_that_are_none" {
  command = plan

  variables {
    autoscaling = { min = 3, max = 2, cpu_percent = 55 }
  }

  expect_failures = [var.autoscaling]
}

run "refuses_an_unknown_capacity" {
  command = plan

  variables {
    capacity = "EC2"
  }

  expect_failures = [var.capacity]
}
