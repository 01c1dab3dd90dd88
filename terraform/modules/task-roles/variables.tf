variable "project" {
  description = "Name of the project, which is the path of the roles, and begins their names and those of media buckets."
  type        = string
}

variable "name" {
  description = "Name of the shared environment."
  type        = string
}

variable "repositories" {
  description = "ECR repositories of this account and region that tasks are started from."
  type        = list(string)
}

variable "extra_secret_arns" {
  description = "Secrets that task definitions refer to, besides those of the databases. ARNs, with the six characters at their end, or `-??????`."
  type        = list(string)
  default     = []
}

variable "permissions_boundary_arn" {
  description = "Permissions boundary of the roles. Null: none."
  type        = string
  default     = null
}
