output "balancer_id" {
  description = "Security group of the load balancer."
  value       = aws_security_group.balancer.id
}

output "app_id" {
  description = "Security group of the tasks of all environments."
  value       = aws_security_group.app.id
}

output "database_id" {
  description = "Security group of the database."
  value       = aws_security_group.database.id
}

output "bastion_id" {
  description = "Security group of the bastion."
  value       = aws_security_group.bastion.id
}
