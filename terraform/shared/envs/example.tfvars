# Copy to envs/ENV.tfvars; the name of the file is the name of the environment and of its workspace, such as `dev`.
# What is commented out shows the default.

# Begins the names of IAM roles and S3 buckets; the same in every environment.
project = "ublog"

# Environments get https://{env}.{domain}.
domain          = "dev.example.com"
zone_id         = "Z0123456789ABCDEFGHIJ"
certificate_arn = "arn:aws:acm:us-east-1:123456789012:certificate/00000000-0000-0000-0000-000000000000"

# region = null # from AWS_REGION or the profile

# --- Network ---
# public             = true          # false: an internal load balancer, for a VPN
# allowed_cidrs      = ["0.0.0.0/0"] # who may open the load balancer
# vpc_cidr           = "10.0.0.0/16"
# availability_zones = []            # the first two of the region
# nat_per_zone       = false
# app_ports          = [8000, 80, 3000, 8080]
# egress_ports       = [443]         # add 587 for mail by SMTP
# idle_timeout       = 60
# access_logs_bucket = null

# --- Database ---
# database_version              = "17"
# database_class                = "db.t4g.micro"
# database_storage_gb           = 20
# database_max_storage_gb       = 100
# database_multi_az             = false
# database_backup_days          = 1
# database_final_snapshot       = false
# database_apply_immediately    = true
# database_performance_insights = false
# database_logs                 = []
# deletion_protection           = false

# --- Bastion: without SSH it is reached by Session Manager ---
# bastion_type        = "t4g.nano"
# bastion_ssh_cidrs   = [] # such as ["203.0.113.0/24"]
# bastion_public_keys = [] # none are needed with EC2 Instance Connect

# --- Rights ---
# repositories             = ["backend", "frontend"]
# extra_secret_arns        = []
# permissions_boundary_arn = null # `terraform -chdir=../bootstrap output permissions_boundary_arn`; CI cannot create roles without
