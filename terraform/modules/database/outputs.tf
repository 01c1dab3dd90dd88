output "host" {
  description = "Host name of the instance, which is also the name in its certificate."
  value       = aws_db_instance.this.address
}

output "port" {
  description = "Port of the instance."
  value       = aws_db_instance.this.port
}

output "identifier" {
  description = "Identifier of the instance."
  value       = aws_db_instance.this.identifier
}

output "master_secret_arn" {
  description = "ARN of the secret in which RDS keeps the master user's password."
  value       = one(aws_db_instance.this.master_user_secret[*].secret_arn)
}
