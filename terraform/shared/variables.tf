# --- What it is -------------------------------------------------------------------------------------------------------

variable "project" {
  description = "Name of the project. It begins the names of IAM roles and S3 buckets, and is a tag on everything."
  type        = string

  validation {
    condition     = can(regex("^[a-z][a-z0-9]*(-[a-z0-9]+)*$", var.project)) && length(var.project) <= 15
    error_message = "Use 1 to 15 lower-case letters, digits and single hyphens, beginning with a letter: names of S3 buckets are made of it."
  }
}

variable "region" {
  description = "AWS region. Null: from AWS_REGION or the profile."
  type        = string
  default     = null
}

variable "domain" {
  description = "Domain of the environments, without a dot at its end: with `dev.example.com` they get https://alpha.dev.example.com."
  type        = string

  validation {
    condition     = can(regex("^([a-z0-9]([a-z0-9-]*[a-z0-9])?\\.)+[a-z]{2,}$", var.domain))
    error_message = "Give a lower-case domain without scheme, wildcard or dot at its end, such as `dev.example.com`."
  }
}

variable "zone_id" {
  description = "Route 53 hosted zone in which environments make their records. Null: DNS is kept elsewhere, with a wildcard record."
  type        = string
  default     = null

  validation {
    condition     = var.zone_id == null || can(regex("^[A-Z0-9]{1,32}$", var.zone_id))
    error_message = "Give the id of a hosted zone, such as `Z0123456789ABCDEFGHIJ`, without `/hostedzone/`."
  }
}

variable "certificate_arn" {
  description = "ACM certificate for `*.{domain}`, issued, in the same region."
  type        = string

  validation {
    condition     = can(regex("^arn:aws[a-z-]*:acm:[a-z0-9-]+:[0-9]{12}:certificate/.+$", var.certificate_arn))
    error_message = "Give the ARN of an ACM certificate, such as `arn:aws:acm:us-east-1:123456789012:certificate/...`."
  }
}

variable "public" {
  description = "The load balancer is reachable from the internet. Otherwise it is in the private subnets, for a VPN or the like."
  type        = bool
  default     = true
}

# --- Network ----------------------------------------------------------------------------------------------------------

variable "vpc_cidr" {
  description = "Address range of the VPC, /16 to /20."
  type        = string
  default     = "10.0.0.0/16"

  validation {
    condition     = can(cidrhost(var.vpc_cidr, 0)) && can(regex("/(1[6-9]|20)$", var.vpc_cidr))
    error_message = "Give a range from /16 to /20, such as `10.0.0.0/16`: each subnet gets a sixteenth of it."
  }
}

variable "availability_zones" {
  description = "Names of two to eight availability zones. Empty: the first two of the region."
  type        = list(string)
  default     = []

  validation {
    condition = (
      length(var.availability_zones) == 0 ||
      (length(distinct(var.availability_zones)) == length(var.availability_zones) && length(var.availability_zones) >= 2 && length(var.availability_zones) <= 8)
    )
    error_message = "Name two to eight different zones, or none: load balancers and RDS want two at least."
  }
}

variable "nat_per_zone" {
  description = "A NAT gateway in every zone, for production; otherwise one for all (about 33 USD a month each, and traffic)."
  type        = bool
  default     = false
}

variable "allowed_cidrs" {
  description = "Address ranges that may open the load balancer. Null: everybody if it is public, else the VPC."
  type        = list(string)
  default     = null

  validation {
    condition     = alltrue([for cidr in coalesce(var.allowed_cidrs, []) : can(cidrhost(cidr, 0)) && can(regex("\\.", cidr))])
    error_message = "Give IPv4 ranges, such as `203.0.113.0/24`; a single address ends in `/32`."
  }
}

variable "app_ports" {
  description = "Container ports that the load balancer may reach: `backend_port` and `frontend_port` of every environment must be among them."
  type        = list(number)
  default     = [8000, 80, 3000, 8080]

  validation {
    condition     = length(var.app_ports) > 0 && alltrue([for port in var.app_ports : port >= 1 && port <= 65535 && floor(port) == port])
    error_message = "Give one port at least, each from 1 to 65535."
  }
}

variable "egress_ports" {
  description = "TCP ports that tasks may reach on the internet: 443 for AWS itself; add 587 if they send mail by SMTP."
  type        = list(number)
  default     = [443]

  validation {
    condition     = contains(var.egress_ports, 443) && alltrue([for port in var.egress_ports : port >= 1 && port <= 65535 && floor(port) == port])
    error_message = "Give ports from 1 to 65535, 443 among them: without it no task can pull its image."
  }
}

variable "idle_timeout" {
  description = "Seconds after which the load balancer closes a silent connection."
  type        = number
  default     = 60

  validation {
    condition     = var.idle_timeout >= 1 && var.idle_timeout <= 4000
    error_message = "Give 1 to 4000 seconds."
  }
}

variable "access_logs_bucket" {
  description = "Existing S3 bucket for the load balancer's access logs, whose policy lets it write. Null: no access logs."
  type        = string
  default     = null
}

variable "namespace" {
  description = "Private DNS namespace of the environments; their Redis is `{env}-redis.{namespace}`."
  type        = string
  default     = "ad-hoc"

  validation {
    condition     = can(regex("^[a-z0-9]([a-z0-9-]*[a-z0-9])?(\\.[a-z0-9]([a-z0-9-]*[a-z0-9])?)*$", var.namespace))
    error_message = "Give a lower-case domain name, such as `ad-hoc`."
  }
}

# --- Database ---------------------------------------------------------------------------------------------------------

variable "database_version" {
  description = "Major version of Postgres, 14 to 18. A higher one upgrades the instance: apply it with `database_apply_immediately = true`."
  type        = string
  default     = "17"

  validation {
    condition     = can(regex("^1[4-8]$", var.database_version))
    error_message = "Give a major version from 14 to 18, such as `17`."
  }
}

variable "database_class" {
  description = "Size of the RDS instance."
  type        = string
  default     = "db.t4g.micro"

  validation {
    condition     = can(regex("^db\\.[a-z0-9-]+\\.[a-z0-9]+$", var.database_class))
    error_message = "Give a class of RDS, such as `db.t4g.micro`."
  }
}

variable "database_storage_gb" {
  description = "Storage of the database at the beginning, in GB."
  type        = number
  default     = 20

  validation {
    condition     = var.database_storage_gb >= 20
    error_message = "RDS gives 20 GB at least."
  }
}

variable "database_max_storage_gb" {
  description = "How far the database's storage may grow by itself, in GB: ten percent more than `database_storage_gb` at least. 0: not at all."
  type        = number
  default     = 100

  validation {
    condition     = var.database_max_storage_gb >= 0
    error_message = "Give 0, or a size in GB, ten percent above `database_storage_gb` at least."
  }
}

variable "database_multi_az" {
  description = "A standby in a second zone, for production. It doubles the price."
  type        = bool
  default     = false
}

variable "database_backup_days" {
  description = "For how many days backups of the database are kept. 0: no backups."
  type        = number
  default     = 1

  validation {
    condition     = var.database_backup_days >= 0 && var.database_backup_days <= 35
    error_message = "Give 0 to 35 days."
  }
}

variable "database_final_snapshot" {
  description = "Take a snapshot before the database is destroyed and keep its backups, for production. Both stay and are billed."
  type        = bool
  default     = false
}

variable "database_apply_immediately" {
  description = <<-EOT
    Change the instance at once, which may restart it; otherwise in its next maintenance window, as production wants. True for
    a new major version, else Terraform deletes the old parameter group while the instance still uses it, which fails.
  EOT
  type        = bool
  default     = true
}

variable "database_performance_insights" {
  description = "Performance Insights with seven days of history, which is free."
  type        = bool
  default     = false
}

variable "database_logs" {
  description = "Logs of the database to send to CloudWatch: `postgresql`, `upgrade`."
  type        = list(string)
  default     = []

  validation {
    condition     = alltrue([for log in var.database_logs : contains(["postgresql", "upgrade"], log)])
    error_message = "RDS for Postgres has the logs `postgresql` and `upgrade`."
  }
}

variable "deletion_protection" {
  description = "Refuse to delete the database and the load balancer, for production. To destroy them, apply `false` first."
  type        = bool
  default     = false
}

# --- Bastion ----------------------------------------------------------------------------------------------------------

variable "bastion_type" {
  description = "Size of the bastion; an ARM type."
  type        = string
  default     = "t4g.nano"
}

variable "bastion_ssh_cidrs" {
  description = "Address ranges that may open SSH on the bastion. Empty: none, and Session Manager is the only way."
  type        = list(string)
  default     = []

  validation {
    condition     = alltrue([for cidr in var.bastion_ssh_cidrs : can(cidrhost(cidr, 0)) && can(regex("\\.", cidr))])
    error_message = "Give IPv4 ranges, such as `203.0.113.0/24`; a single address ends in `/32`."
  }
}

variable "bastion_public_keys" {
  description = "OpenSSH public keys that may forward the database's port. EC2 Instance Connect works without any."
  type        = list(string)
  default     = []
}

# --- Rights -----------------------------------------------------------------------------------------------------------

variable "repositories" {
  description = "ECR repositories of this account and region that tasks are started from."
  type        = list(string)
  default     = ["backend", "frontend"]

  validation {
    condition     = length(var.repositories) > 0
    error_message = "Name one repository at least."
  }
}

variable "extra_secret_arns" {
  description = "Secrets that task definitions refer to, besides `{env}-db`. Each ARN ends in the six characters of AWS, or in `-??????`."
  type        = list(string)
  default     = []

  validation {
    condition     = alltrue([for arn in var.extra_secret_arns : can(regex("^arn:aws[a-z-]*:secretsmanager:[a-z0-9-]+:[0-9]{12}:secret:[^*]+$", arn))])
    error_message = "Give ARNs of secrets, such as `arn:aws:secretsmanager:us-east-1:123456789012:secret:stripe-??????`, without `*`."
  }
}

variable "permissions_boundary_arn" {
  description = "Permissions boundary of all roles made here. The CI role of `bootstrap` may create roles with its own boundary only."
  type        = string
  default     = null

  validation {
    condition     = var.permissions_boundary_arn == null || can(regex("^arn:aws[a-z-]*:iam::([0-9]{12}|aws):policy/.+$", var.permissions_boundary_arn))
    error_message = "Give the ARN of an IAM policy."
  }
}
