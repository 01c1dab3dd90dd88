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

output "guards" {
  description = "What keeps the data when something fails, or somebody errs."
  value = {
    multi_az            = aws_db_instance.this.multi_az
    backup_days         = aws_db_instance.this.backup_retention_period
    final_snapshot      = !aws_db_instance.this.skip_final_snapshot && !aws_db_instance.this.delete_automated_backups
    deletion_protection = aws_db_instance.this.deletion_protection
    apply_immediately   = aws_db_instance.this.apply_immediately
  }
}
