mock_provider "aws" {
  mock_resource "aws_service_discovery_service" {
    defaults = { arn = "arn:aws:servicediscovery:eu-central-1:123456789012:service/srv-1" }
  }
  mock_resource "aws_ecs_task_definition" {
    defaults = { arn = "arn:aws:ecs:eu-central-1:123456789012:task-definition/alpha-redis:1" }
  }
}

variables {
  environment        = "alpha"
  cluster_arn        = "arn:aws:ecs:eu-central-1:123456789012:cluster/alpha-cluster"
  namespace_id       = "ns-1"
  image              = "redis:7.2.7-alpine"
  capacity           = "FARGATE_SPOT"
  subnet_ids         = ["subnet-1", "subnet-2"]
  security_group_ids = ["sg-1"]
  execution_role_arn = "arn:aws:iam::123456789012:role/execution"
  task_role_arn      = "arn:aws:iam::123456789012:role/task"
  region             = "eu-central-1"
}

run "is_found_by_its_name" {
  command = apply

  assert {
    condition     = aws_service_discovery_service.this.name == "alpha-redis" && aws_service_discovery_service.this.dns_config[0].namespace_id == "ns-1"
    error_message = "Its record is {env}-redis in the shared namespace."
  }
  assert {
    condition     = aws_service_discovery_service.this.dns_config[0].dns_records[0].type == "A" && length(aws_service_discovery_service.this.health_check_custom_config) == 1
    error_message = "ECS keeps an A record, and reports the health behind it."
  }
  assert {
    condition     = aws_ecs_service.this.service_registries[0].registry_arn == aws_service_discovery_service.this.arn
    error_message = "The service registers its task."
  }
  assert {
    condition     = aws_ecs_service.this.name == "alpha-redis" && output.family == "alpha-redis" && output.log_group == "/ecs/alpha/redis" && output.port == 6379
    error_message = "Names follow the conventions."
  }
}

run "takes_its_time_to_stop" {
  command = plan

  variables {
    stop_timeout = 60
  }

  assert {
    condition     = output.container.stopTimeout == 60 && output.container.name == "redis"
    error_message = "The stop timeout is the container's."
  }
}

run "runs_once_and_at_once" {
  command = plan

  assert {
    condition     = !contains(keys(output.container), "stopTimeout")
    error_message = "Without one it is that of ECS."
  }

  assert {
    condition     = aws_ecs_service.this.desired_count == 1
    error_message = "Redis needs no release, so it runs from the beginning."
  }
  assert {
    condition     = aws_ecs_service.this.deployment_maximum_percent == 100 && aws_ecs_service.this.deployment_minimum_healthy_percent == 0 && aws_ecs_service.this.availability_zone_rebalancing == "DISABLED"
    error_message = "There are never two."
  }
}

run "a_stopped_one_stays_stopped_but_its_revision_is_followed" {
  command = plan

  variables {
    initial_count = 0
  }

  override_module {
    target = module.task_definition
    outputs = {
      arn       = "arn:aws:ecs:eu-central-1:123456789012:task-definition/alpha-redis:2"
      family    = "alpha-redis"
      log_group = "/ecs/alpha/redis"
    }
  }

  assert {
    condition     = aws_ecs_service.this.desired_count == 1
    error_message = "The count belongs to `adhoc stop` and `adhoc start`."
  }
  assert {
    condition     = aws_ecs_service.this.task_definition == "arn:aws:ecs:eu-central-1:123456789012:task-definition/alpha-redis:2"
    error_message = "Nobody else rolls Redis."
  }
}

run "refuses_two" {
  command = plan

  variables {
    initial_count = 2
  }

  expect_failures = [var.initial_count]
}
