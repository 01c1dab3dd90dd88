# ECS would make it itself, but never delete it, nor a line in it.
resource "aws_cloudwatch_log_group" "container_insights" {
  #checkov:skip=CKV_AWS_158:CloudWatch encrypts with its own key; a key of one's own costs more than a short-lived environment
  #checkov:skip=CKV_AWS_338:measurements of a short-lived environment are of no use for a year; the retention is a variable
  count = var.container_insights ? 1 : 0

  name              = "/aws/ecs/containerinsights/${local.environment}-cluster/performance"
  retention_in_days = var.log_retention_days

  tags = { Name = "/aws/ecs/containerinsights/${local.environment}-cluster/performance" }
}

resource "aws_ecs_cluster" "this" {
  #checkov:skip=CKV_AWS_65:Container Insights cost as much as a small environment; they are a variable
  name = "${local.environment}-cluster"

  setting {
    name  = "containerInsights"
    value = var.container_insights ? "enabled" : "disabled"
  }

  tags = { Name = "${local.environment}-cluster" }

  # Before the first measurement, and until after the last one.
  depends_on = [aws_cloudwatch_log_group.container_insights]

  lifecycle {
    precondition {
      condition     = local.region == local.shared.region
      error_message = "The shared environment `${var.shared}` is in ${local.shared.region}, but this apply would work in ${local.region}. Set `region`, or AWS_REGION."
    }

    precondition {
      condition     = length(local.closed_ports) == 0
      error_message = "The load balancer of `${var.shared}` cannot reach port ${join(", ", local.closed_ports)} of a container. Choose `backend_port` and `frontend_port` from ${join(", ", local.open_ports)}, or add to `app_ports` of the shared environment."
    }

    precondition {
      condition     = length(setsubtract(keys(var.autoscaling), keys(local.services))) == 0
      error_message = "`autoscaling` names ${join(", ", setsubtract(keys(var.autoscaling), keys(local.services)))}, which is no service. Services: ${join(", ", keys(local.services))}."
    }
  }
}

resource "aws_ecs_cluster_capacity_providers" "this" {
  cluster_name       = aws_ecs_cluster.this.name
  capacity_providers = ["FARGATE", "FARGATE_SPOT"]

  default_capacity_provider_strategy {
    capacity_provider = var.capacity
    weight            = 1
  }
}

module "task_definition" {
  source   = "../modules/task-definition"
  for_each = local.roles

  environment           = local.environment
  role                  = each.key
  image                 = local.images[each.value.component]
  command               = each.value.command
  cpu                   = each.value.cpu
  memory                = each.value.memory
  cpu_architecture      = var.cpu_architecture
  port                  = each.value.port
  stop_timeout          = each.value.stop_timeout
  environment_variables = local.environments[each.value.component]
  secrets               = local.secrets[each.value.component]
  execution_role_arn    = local.shared.execution_role_arn
  task_role_arn         = local.shared.task_role_arn
  region                = local.region
  log_retention_days    = var.log_retention_days
}

module "service" {
  source   = "../modules/service"
  for_each = local.services

  environment         = local.environment
  role                = each.key
  cluster_arn         = aws_ecs_cluster.this.arn
  cluster_name        = aws_ecs_cluster.this.name
  task_definition_arn = module.task_definition[each.key].arn
  initial_count       = each.value.count
  single              = each.value.single
  capacity            = var.capacity
  subnet_ids          = local.shared.private_subnet_ids
  security_group_ids  = [local.shared.app_security_group_id]
  autoscaling         = try(var.autoscaling[each.key].enabled, false) ? var.autoscaling[each.key] : null

  load_balancer = !contains(keys(local.target_groups), each.key) ? null : {
    target_group_arn     = local.target_groups[each.key]
    port                 = each.value.port
    grace_period_seconds = var.health_check_grace_period_seconds
  }

  # A capacity provider cannot leave a cluster while a service uses it.
  depends_on = [aws_ecs_cluster_capacity_providers.this]
}

module "redis" {
  source = "../modules/redis"

  environment        = local.environment
  cluster_arn        = aws_ecs_cluster.this.arn
  namespace_id       = local.shared.namespace_id
  image              = var.redis_image
  command            = try(var.roles["redis"].command, null)
  cpu                = coalesce(try(var.roles["redis"].cpu, null), 256)
  memory             = coalesce(try(var.roles["redis"].memory, null), 512)
  initial_count      = coalesce(try(var.roles["redis"].count, null), 1)
  stop_timeout       = try(var.roles["redis"].stop_timeout, null)
  cpu_architecture   = var.cpu_architecture
  capacity           = var.capacity
  subnet_ids         = local.shared.private_subnet_ids
  security_group_ids = [local.shared.app_security_group_id]
  execution_role_arn = local.shared.execution_role_arn
  task_role_arn      = local.shared.task_role_arn
  region             = local.region
  log_retention_days = var.log_retention_days

  depends_on = [aws_ecs_cluster_capacity_providers.this]
}

locals {
  # States of shared environments that were applied long ago do not tell.
  open_ports   = try(local.shared.app_ports, [var.backend_port, var.frontend_port])
  closed_ports = setsubtract([var.backend_port, var.frontend_port], local.open_ports)

  target_groups = {
    gunicorn = module.routing.backend_target_group_arn
    web-ui   = module.routing.frontend_target_group_arn
  }
  bucket_name = "${local.shared.project}-${local.environment}-media-${data.aws_caller_identity.current.account_id}"
}

module "routing" {
  source = "../modules/routing"

  environment                = local.environment
  host                       = local.host
  vpc_id                     = local.shared.vpc_id
  listener_arn               = local.shared.https_listener_arn
  slot                       = var.listener_rule_slot
  backend_paths              = var.backend_path_patterns
  backend_health_check_path  = var.backend_health_check_path
  frontend_health_check_path = var.frontend_health_check_path
}

resource "aws_route53_record" "this" {
  # Without a zone the team has a wildcard record of its own somewhere else.
  count = local.zone_id == null ? 0 : 1

  zone_id = local.zone_id
  name    = local.host
  type    = "A"

  alias {
    name                   = local.shared.alb_dns_name
    zone_id                = local.shared.alb_zone_id
    evaluate_target_health = false
  }
}

module "media_bucket" {
  source = "../modules/media-bucket"

  name          = local.bucket_name
  force_destroy = var.media_force_destroy
  versioning    = var.media_versioning
  cors_origins  = var.media_cors_origins
}
