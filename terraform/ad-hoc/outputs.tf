output "environment" {
  description = "Name of the environment."
  value       = local.environment
}

output "url" {
  description = "Where the environment is reached."
  value       = local.url
}

output "cluster" {
  description = "Name of the ECS cluster."
  value       = aws_ecs_cluster.this.name
}

output "services" {
  description = "Names of the services, by role."
  value       = merge({ for role, service in module.service : role => service.name }, { redis = module.redis.name })
}

output "task_families" {
  description = "Families of all task definitions, by role: services, one-off tasks and Redis. Their revisions outlive a `terraform destroy`, and `adhoc destroy` reads here which to retire."
  value       = merge({ for role, definition in module.task_definition : role => definition.family }, { redis = module.redis.family })
}

output "database" {
  description = "Name of the database, which `adhoc db create` makes."
  value       = local.database_name
}

output "database_secret_arn" {
  description = "ARN of the secret with the log-in to the database; `adhoc db create` gives it its value."
  value       = aws_secretsmanager_secret.database.arn
}

output "redis_host" {
  description = "Host name of Redis, inside the VPC."
  value       = local.redis_host
}

output "bucket" {
  description = "Name of the bucket for media."
  value       = module.media_bucket.name
}

output "log_groups" {
  description = "Names of the log groups, by role."
  value       = merge({ for role, definition in module.task_definition : role => definition.log_group }, { redis = module.redis.log_group })
}

output "listener_rule_priorities" {
  description = "Priorities of the environment's rules on the shared listener."
  value       = module.routing.priorities
}

output "adhoc_variables" {
  description = "Values of all variables at the last apply, with which the environment can be destroyed when its var file is gone."
  value = {
    shared                            = var.shared
    state_bucket                      = var.state_bucket
    state_key                         = var.state_key
    state_region                      = var.state_region
    region                            = var.region
    backend_image                     = var.backend_image
    backend_image_tag                 = var.backend_image_tag
    frontend_image                    = var.frontend_image
    frontend_image_tag                = var.frontend_image_tag
    redis_image                       = var.redis_image
    cpu_architecture                  = var.cpu_architecture
    capacity                          = var.capacity
    python_package                    = var.python_package
    backend_port                      = var.backend_port
    frontend_port                     = var.frontend_port
    roles                             = var.roles
    autoscaling                       = var.autoscaling
    environment_variables             = var.environment_variables
    frontend_environment_variables    = var.frontend_environment_variables
    secrets                           = var.secrets
    database_variable_names           = var.database_variable_names
    backend_path_patterns             = var.backend_path_patterns
    backend_health_check_path         = var.backend_health_check_path
    frontend_health_check_path        = var.frontend_health_check_path
    health_check_grace_period_seconds = var.health_check_grace_period_seconds
    listener_rule_slot                = var.listener_rule_slot
    media_force_destroy               = var.media_force_destroy
    media_versioning                  = var.media_versioning
    media_cors_origins                = var.media_cors_origins
    log_retention_days                = var.log_retention_days
    container_insights                = var.container_insights
  }
}
