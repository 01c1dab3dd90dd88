# Copy to terraform/shared/envs/prod.tfvars. Everything differs from an ad hoc set-up in these values only.

project         = "ublog"
domain          = "example.com"
zone_id         = "Z0123456789ABCDEFGHIJ"
certificate_arn = "arn:aws:acm:eu-central-1:123456789012:certificate/12345678-1234-1234-1234-123456789012"
region          = "eu-central-1"

# A zone that fails takes no other one with it.
availability_zones = ["eu-central-1a", "eu-central-1b", "eu-central-1c"]
nat_per_zone       = true

database_class                = "db.m7g.large"
database_storage_gb           = 100
database_max_storage_gb       = 500
database_multi_az             = true
database_backup_days          = 14
database_final_snapshot       = true
database_apply_immediately    = false
database_performance_insights = true
database_logs                 = ["postgresql", "upgrade"]

# Neither the database nor the load balancer can be destroyed before `false` has been applied.
deletion_protection = true
