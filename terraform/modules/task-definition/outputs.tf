output "arn" {
  description = "ARN of the revision made here, with its number."
  value       = aws_ecs_task_definition.this.arn
}

output "family" {
  description = "Family of the task definition."
  value       = aws_ecs_task_definition.this.family
}

output "container" {
  description = "Definition of the container, without the members that have no value. Secrets are references in it."
  value       = local.container
}

output "log_group" {
  description = "Name of the log group."
  value       = aws_cloudwatch_log_group.this.name
}
