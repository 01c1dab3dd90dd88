output "name" {
  description = "Name of the service, and of its record in the namespace."
  value       = aws_ecs_service.this.name
}

output "family" {
  description = "Family of the task definition."
  value       = module.task_definition.family
}

output "port" {
  description = "Port that the server listens on."
  value       = local.port
}

output "container" {
  description = "Definition of the container."
  value       = module.task_definition.container
}

output "log_group" {
  description = "Name of the log group."
  value       = module.task_definition.log_group
}
