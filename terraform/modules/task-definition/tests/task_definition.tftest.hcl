mock_provider "aws" {}

variables {
  environment        = "alpha"
  role               = "gunicorn"
  image              = "registry.example.com/backend:placeholder"
  execution_role_arn = "arn:aws:iam::123456789012:role/execution"
  task_role_arn      = "arn:aws:iam::123456789012:role/task"
  region             = "eu-central-1"
}

run "names_follow_the_conventions" {
  command = plan

  assert {
    condition     = aws_ecs_task_definition.this.family == "alpha-gunicorn" && output.family == "alpha-gunicorn"
    error_message = "The family is {env}-{role}."
  }
  assert {
    condition     = aws_cloudwatch_log_group.this.name == "/ecs/alpha/gunicorn" && output.log_group == "/ecs/alpha/gunicorn"
    error_message = "The log group is /ecs/{env}/{role}."
  }
  assert {
    condition     = jsondecode(aws_ecs_task_definition.this.container_definitions)[0].name == "gunicorn"
    error_message = "Releases change the container that is named after its role."
  }
  assert {
    condition = jsondecode(aws_ecs_task_definition.this.container_definitions)[0].logConfiguration == {
      logDriver = "awslogs"
      options = {
        awslogs-group         = "/ecs/alpha/gunicorn"
        awslogs-region        = "eu-central-1"
        awslogs-stream-prefix = "gunicorn"
      }
    }
    error_message = "Logs go to the group of the role, and its name begins their streams."
  }
  assert {
    condition     = aws_ecs_task_definition.this.tags["Name"] == "alpha-gunicorn" && aws_cloudwatch_log_group.this.tags["Name"] == "/ecs/alpha/gunicorn"
    error_message = "The resources have a Name tag."
  }
}

run "runs_on_fargate_and_keeps_what_services_run" {
  command = plan

  assert {
    condition     = tolist(aws_ecs_task_definition.this.requires_compatibilities) == tolist(["FARGATE"]) && aws_ecs_task_definition.this.network_mode == "awsvpc"
    error_message = "Tasks run on Fargate."
  }
  assert {
    condition     = aws_ecs_task_definition.this.runtime_platform[0].cpu_architecture == "X86_64"
    error_message = "The default architecture is X86_64."
  }
  assert {
    condition     = aws_ecs_task_definition.this.track_latest == false
    error_message = "Revisions that releases register must not be drift."
  }
  assert {
    condition     = aws_ecs_task_definition.this.skip_destroy == true
    error_message = "A revision that services still run, or roll back to, must stay ACTIVE."
  }
  assert {
    condition     = aws_cloudwatch_log_group.this.retention_in_days == 14
    error_message = "Logs are kept for two weeks."
  }
}

run "leaves_out_what_is_not_set" {
  command = plan

  assert {
    condition = length(setintersection(
      keys(jsondecode(aws_ecs_task_definition.this.container_definitions)[0]),
      ["command", "portMappings", "stopTimeout", "healthCheck"],
    )) == 0
    error_message = "Members without a value must not be sent: ECS would give back a definition without them."
  }
}

run "passes_on_what_is_set" {
  command = plan

  variables {
    command               = ["gunicorn", "config.wsgi"]
    port                  = 8000
    stop_timeout          = 90
    health_check_command  = ["true"]
    cpu_architecture      = "ARM64"
    cpu                   = 1024
    memory                = 2048
    environment_variables = { B = "2", A = "1" }
    secrets               = { DB_PASSWORD = "arn:aws:secretsmanager:eu-central-1:123456789012:secret:alpha-db-AbCdEf:password::" }
  }

  assert {
    condition     = jsondecode(aws_ecs_task_definition.this.container_definitions)[0].command == ["gunicorn", "config.wsgi"]
    error_message = "The command is the container's."
  }
  assert {
    condition     = jsondecode(aws_ecs_task_definition.this.container_definitions)[0].portMappings == [{ containerPort = 8000, hostPort = 8000, protocol = "tcp" }]
    error_message = "The port is mapped."
  }
  assert {
    condition     = jsondecode(aws_ecs_task_definition.this.container_definitions)[0].stopTimeout == 90
    error_message = "The stop timeout is the container's."
  }
  assert {
    condition     = jsondecode(aws_ecs_task_definition.this.container_definitions)[0].healthCheck.command == ["CMD", "true"]
    error_message = "The health check runs without a shell."
  }
  assert {
    condition     = jsondecode(aws_ecs_task_definition.this.container_definitions)[0].environment == [{ name = "A", value = "1" }, { name = "B", value = "2" }]
    error_message = "Environment variables are sorted by their names."
  }
  assert {
    condition     = jsondecode(aws_ecs_task_definition.this.container_definitions)[0].secrets[0].valueFrom == "arn:aws:secretsmanager:eu-central-1:123456789012:secret:alpha-db-AbCdEf:password::"
    error_message = "Secrets are references, never values."
  }
  assert {
    condition     = aws_ecs_task_definition.this.cpu == "1024" && aws_ecs_task_definition.this.memory == "2048" && aws_ecs_task_definition.this.runtime_platform[0].cpu_architecture == "ARM64"
    error_message = "Sizes and architecture are the task's."
  }
}

run "refuses_sizes_that_fargate_does_not_have" {
  command = plan

  variables {
    cpu    = 256
    memory = 4096
  }

  expect_failures = [aws_ecs_task_definition.this]
}

run "refuses_cpu_units_that_fargate_does_not_have" {
  command = plan

  variables {
    cpu = 300
  }

  expect_failures = [aws_ecs_task_definition.this]
}

run "refuses_a_variable_that_is_also_a_secret" {
  command = plan

  variables {
    environment_variables = { DB_PASSWORD = "hunter2" }
    secrets               = { DB_PASSWORD = "arn:aws:secretsmanager:eu-central-1:123456789012:secret:alpha-db-AbCdEf:password::" }
  }

  expect_failures = [aws_ecs_task_definition.this]
}

run "refuses_an_unknown_architecture" {
  command = plan

  variables {
    cpu_architecture = "RISCV"
  }

  expect_failures = [var.cpu_architecture]
}

run "refuses_a_stop_timeout_that_fargate_does_not_have" {
  command = plan

  variables {
    stop_timeout = 300
  }

  expect_failures = [var.stop_timeout]
}
