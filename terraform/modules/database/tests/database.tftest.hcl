mock_provider "aws" {}

variables {
  name                 = "dev"
  subnet_ids           = ["subnet-1", "subnet-2"]
  security_group_id    = "sg-1"
  engine_version       = "17"
  instance_class       = "db.t4g.micro"
  storage_gb           = 20
  max_storage_gb       = 100
  multi_az             = false
  backup_days          = 1
  final_snapshot       = false
  deletion_protection  = false
  apply_immediately    = true
  performance_insights = false
}

run "small" {
  assert {
    condition     = aws_db_instance.this.identifier == "dev-rds"
    error_message = "adhoc finds the instance by this name"
  }

  assert {
    condition     = aws_db_instance.this.storage_encrypted && !aws_db_instance.this.publicly_accessible
    error_message = "encrypted and private"
  }

  assert {
    condition     = aws_db_instance.this.manage_master_user_password && aws_db_instance.this.password == null && aws_db_instance.this.iam_database_authentication_enabled
    error_message = "no password in the state"
  }

  assert {
    condition     = aws_db_parameter_group.this.family == "postgres17" && [for parameter in aws_db_parameter_group.this.parameter : parameter.value if parameter.name == "rds.force_ssl"] == ["1"]
    error_message = "nobody connects without TLS"
  }

  assert {
    condition     = !aws_db_instance.this.multi_az && aws_db_instance.this.skip_final_snapshot && aws_db_instance.this.delete_automated_backups && !aws_db_instance.this.deletion_protection
    error_message = "cheap, and gone when it is destroyed"
  }

  assert {
    condition     = can(regex("^dev-rds-final-[0-9]{14}$", aws_db_instance.this.final_snapshot_identifier))
    error_message = "a snapshot's name is there before it is needed, and names no other instance's"
  }

  assert {
    condition     = length(aws_cloudwatch_log_group.this) == 0
    error_message = "no logs unless they are asked for"
  }
}

run "storage_that_just_grows" {
  command = plan

  variables {
    storage_gb     = 30
    max_storage_gb = 33
  }

  assert {
    condition     = aws_db_instance.this.max_allocated_storage == 33
    error_message = "ten percent are enough"
  }
}

run "storage_that_does_not_grow" {
  command = plan

  variables {
    max_storage_gb = 0
  }

  assert {
    condition     = aws_db_instance.this.max_allocated_storage == 0
    error_message = "0 turns it off"
  }
}

run "storage_that_hardly_grows" {
  command = plan

  variables {
    storage_gb     = 25
    max_storage_gb = 27
  }

  expect_failures = [aws_db_instance.this]
}

run "storage_that_shrinks" {
  command = plan

  variables {
    storage_gb     = 200
    max_storage_gb = 100
  }

  expect_failures = [aws_db_instance.this]
}

run "production" {
  command = plan

  variables {
    multi_az             = true
    backup_days          = 14
    final_snapshot       = true
    deletion_protection  = true
    apply_immediately    = false
    performance_insights = true
    logs                 = ["postgresql"]
  }

  assert {
    condition     = aws_db_instance.this.multi_az && aws_db_instance.this.deletion_protection && aws_db_instance.this.backup_retention_period == 14 && aws_db_instance.this.performance_insights_enabled
    error_message = "what production asks for"
  }

  assert {
    condition     = !aws_db_instance.this.skip_final_snapshot && !aws_db_instance.this.delete_automated_backups && !aws_db_instance.this.apply_immediately
    error_message = "nothing is lost, or restarted at noon"
  }

  assert {
    condition     = output.guards == { multi_az = true, backup_days = 14, final_snapshot = true, deletion_protection = true, apply_immediately = false }
    error_message = "and this is said"
  }

  assert {
    condition     = aws_cloudwatch_log_group.this["postgresql"].name == "/aws/rds/instance/dev-rds/postgresql" && aws_cloudwatch_log_group.this["postgresql"].retention_in_days == 14
    error_message = "logs that end some day"
  }
}
