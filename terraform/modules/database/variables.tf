variable "name" {
  description = "Name of the shared environment; the instance is called `{name}-rds`."
  type        = string
}

variable "subnet_ids" {
  description = "Private subnets in two zones or more."
  type        = list(string)
}

variable "security_group_id" {
  description = "Security group of the instance."
  type        = string
}

variable "port" {
  description = "Port that Postgres listens on."
  type        = number
  default     = 5432
}

variable "engine_version" {
  description = "Major version of Postgres. RDS installs minor versions by itself."
  type        = string
}

variable "instance_class" {
  description = "Size of the instance, such as `db.t4g.micro`."
  type        = string
}

variable "storage_gb" {
  description = "Storage at the beginning, in GB."
  type        = number
}

variable "max_storage_gb" {
  description = "How far the storage may grow by itself, in GB: ten percent more than `storage_gb` at least. 0: not at all."
  type        = number
}

variable "multi_az" {
  description = "A standby in a second zone. It doubles the price."
  type        = bool
}

variable "backup_days" {
  description = "For how many days backups are kept. 0: no backups."
  type        = number
}

variable "final_snapshot" {
  description = "Take a snapshot before the instance is deleted, and keep automated backups. Snapshots stay and are billed."
  type        = bool
}

variable "deletion_protection" {
  description = "Refuse to delete the instance."
  type        = bool
}

variable "apply_immediately" {
  description = "Change the instance at once, which may restart it, instead of in the next maintenance window."
  type        = bool
}

variable "performance_insights" {
  description = "Performance Insights, with the seven days of history that are free."
  type        = bool
}

variable "logs" {
  description = "Logs to send to CloudWatch: `postgresql`, `upgrade`."
  type        = list(string)
  default     = []
}

variable "log_days" {
  description = "For how many days CloudWatch keeps those logs."
  type        = number
  default     = 14
}
