locals {
  family = "${var.environment}-${var.role}"

  # Members that are null would be sent as such, and ECS would give back a definition without them.
  container = {
    for member, value in {
      name         = var.role
      image        = var.image
      essential    = true
      command      = var.command
      portMappings = var.port == null ? null : [{ containerPort = var.port, hostPort = var.port, protocol = "tcp" }]
      stopTimeout  = var.stop_timeout

      # Sorted, as maps are: a plan shows what has changed, and nothing else.
      environment = [for name, value in var.environment_variables : { name = name, value = value }]
      secrets     = [for name, arn in var.secrets : { name = name, valueFrom = arn }]

      # ECS Exec leaves processes behind; an init process reaps them.
      linuxParameters = { initProcessEnabled = true }

      healthCheck = var.health_check_command == null ? null : {
        command     = concat(["CMD"], var.health_check_command)
        interval    = 10
        timeout     = 5
        retries     = 3
        startPeriod = 10
      }

      logConfiguration = {
        logDriver = "awslogs"
        options = {
          awslogs-group         = aws_cloudwatch_log_group.this.name
          awslogs-region        = var.region
          awslogs-stream-prefix = var.role
        }
      }
    } : member => value if value != null
  }

  # MiB that Fargate offers for each number of CPU units: least, most, step.
  # https://docs.aws.amazon.com/AmazonECS/latest/developerguide/task-cpu-memory-error.html
  fargate_memory = {
    "256"   = concat([512], range(1024, 2049, 1024))
    "512"   = range(1024, 4097, 1024)
    "1024"  = range(2048, 8193, 1024)
    "2048"  = range(4096, 16385, 1024)
    "4096"  = range(8192, 30721, 1024)
    "8192"  = range(16384, 61441, 4096)
    "16384" = range(32768, 122881, 8192)
  }
  offered_memory = lookup(local.fargate_memory, tostring(var.cpu), [])
}

resource "aws_cloudwatch_log_group" "this" {
  #checkov:skip=CKV_AWS_158:CloudWatch encrypts with its own key; a key of one's own costs more than a short-lived environment
  #checkov:skip=CKV_AWS_338:logs of a short-lived environment are of no use for a year; the retention is a variable
  name              = "/ecs/${var.environment}/${var.role}"
  retention_in_days = var.log_retention_days

  tags = { Name = "/ecs/${var.environment}/${var.role}" }
}

resource "aws_ecs_task_definition" "this" {
  #checkov:skip=CKV_AWS_249:the roles are two, which the check cannot see in variables
  family                   = local.family
  requires_compatibilities = ["FARGATE"]
  network_mode             = "awsvpc"
  cpu                      = var.cpu
  memory                   = var.memory
  execution_role_arn       = var.execution_role_arn
  task_role_arn            = var.task_role_arn
  container_definitions    = jsonencode([local.container])

  runtime_platform {
    operating_system_family = "LINUX"
    cpu_architecture        = var.cpu_architecture
  }

  # Releases register revisions of their own in this family. The state follows the revision that was made here, so that those
  # are not drift.
  track_latest = false

  # An older revision stays ACTIVE when a variable changes: services may still run it, and it is what they roll back to.
  # Nobody could start a task from an INACTIVE one. `adhoc destroy` retires the families at the end.
  skip_destroy = true

  tags = { Name = local.family }

  lifecycle {
    # The new revision first: the state never is without one, even if an apply is interrupted.
    create_before_destroy = true

    precondition {
      condition     = contains(local.offered_memory, var.memory)
      error_message = "Fargate does not offer ${var.memory} MiB with ${var.cpu} CPU units, as ${var.role} asks for. ${length(local.offered_memory) == 0 ? "CPU units are one of ${join(", ", keys(local.fargate_memory))}" : "It offers ${join(", ", local.offered_memory)} MiB"}."
    }

    precondition {
      condition     = length(setintersection(keys(var.environment_variables), keys(var.secrets))) == 0
      error_message = "ECS refuses a variable that is in clear and a secret: ${join(", ", setintersection(keys(var.environment_variables), keys(var.secrets)))} of ${var.role}. Leave it out of one of the two."
    }
  }
}
