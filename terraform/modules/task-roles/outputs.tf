output "execution_role_arn" {
  description = "Role with which ECS starts tasks."
  value       = aws_iam_role.execution.arn
}

output "task_role_arn" {
  description = "Role that the application runs with."
  value       = aws_iam_role.task.arn
}
