resource "aws_db_subnet_group" "this" {
  name        = "${var.name}-rds"
  description = "Private subnets of ${var.name}"
  subnet_ids  = var.subnet_ids

  tags = { Name = "${var.name}-rds" }
}

# A new major version needs a new group beside the one that is still in use.
resource "aws_db_parameter_group" "this" {
  name_prefix = "${var.name}-rds-"
  family      = "postgres${var.engine_version}"
  description = "Postgres of ${var.name}"

  parameter {
    name  = "rds.force_ssl"
    value = "1"
  }

  tags = { Name = "${var.name}-rds" }

  lifecycle {
    create_before_destroy = true
  }
}

# RDS would create them itself, but never delete them, nor a line in them.
resource "aws_cloudwatch_log_group" "this" {
  #checkov:skip=CKV_AWS_158:CloudWatch encrypts log groups anyway; a key of our own costs more than what it protects here
  #checkov:skip=CKV_AWS_338:Nobody audits the statements of last year in environments that live for days
  for_each = toset(var.logs)

  name              = "/aws/rds/instance/${var.name}-rds/${each.value}"
  retention_in_days = var.log_days

  tags = { Name = "${var.name}-rds-${each.value}" }
}

resource "aws_db_instance" "this" {
  #checkov:skip=CKV_AWS_157:A standby doubles the price; `multi_az` turns it on
  #checkov:skip=CKV_AWS_293:Short-lived environments must be destroyable; `deletion_protection` is a variable
  #checkov:skip=CKV_AWS_118:Enhanced monitoring is billed as CloudWatch logs and needs one more role; CPU, memory and I/O are measured without it
  #checkov:skip=CKV_AWS_353:Off by default, because the smallest classes have little memory to spare; `performance_insights` turns it on
  #checkov:skip=CKV_AWS_354:The key that RDS keeps for the account encrypts Performance Insights; a key of our own is not worth its price here
  #checkov:skip=CKV_AWS_129:Logs can be read without exporting them (`aws rds download-db-log-file-portion`); `logs` exports them
  identifier     = "${var.name}-rds"
  engine         = "postgres"
  engine_version = var.engine_version
  instance_class = var.instance_class

  storage_type          = "gp3"
  storage_encrypted     = true
  allocated_storage     = var.storage_gb
  max_allocated_storage = var.max_storage_gb

  # RDS makes the password, keeps it in Secrets Manager and rotates it, so no state ever holds it.
  username                            = "postgres"
  manage_master_user_password         = true
  iam_database_authentication_enabled = true

  port                   = var.port
  multi_az               = var.multi_az
  publicly_accessible    = false
  db_subnet_group_name   = aws_db_subnet_group.this.name
  vpc_security_group_ids = [var.security_group_id]
  parameter_group_name   = aws_db_parameter_group.this.name

  auto_minor_version_upgrade = true
  # Whoever writes another major version into the variable means it; RDS asks a second time otherwise.
  allow_major_version_upgrade = true
  apply_immediately           = var.apply_immediately

  backup_retention_period  = var.backup_days
  delete_automated_backups = !var.final_snapshot
  copy_tags_to_snapshot    = true
  deletion_protection      = var.deletion_protection
  skip_final_snapshot      = !var.final_snapshot
  # By the day it was made, so that an instance of the same name can be deleted again. Always there, so that the variable
  # can be turned on later.
  final_snapshot_identifier = "${var.name}-rds-final-${formatdate("YYYYMMDDhhmmss", plantimestamp())}"

  performance_insights_enabled    = var.performance_insights
  enabled_cloudwatch_logs_exports = var.logs

  tags = { Name = "${var.name}-rds" }

  lifecycle {
    ignore_changes = [final_snapshot_identifier]

    # RDS refuses less, but an apply would learn that after some minutes only.
    precondition {
      condition     = var.max_storage_gb == 0 || var.max_storage_gb >= ceil(var.storage_gb * 11 / 10)
      error_message = "The storage of the database may grow to ${var.max_storage_gb} GB, and begins at ${var.storage_gb} GB. Let it grow to ${ceil(var.storage_gb * 11 / 10)} GB at least, ten percent more, or set 0: not at all."
    }
  }

  depends_on = [aws_cloudwatch_log_group.this]
}
