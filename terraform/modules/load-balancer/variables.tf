variable "name" {
  description = "Name of the shared environment; the load balancer is called `{name}-alb`."
  type        = string
}

variable "public" {
  description = "Reachable from the internet; otherwise only from inside the VPC and what is connected to it."
  type        = bool
}

variable "subnet_ids" {
  description = "Subnets in two zones or more: public ones for a public load balancer, private ones otherwise."
  type        = list(string)
}

variable "security_group_id" {
  description = "Security group of the load balancer."
  type        = string
}

variable "certificate_arn" {
  description = "ACM certificate for `*.{domain}`."
  type        = string
}

variable "idle_timeout" {
  description = "Seconds after which a silent connection is closed."
  type        = number
  default     = 60
}

variable "deletion_protection" {
  description = "Refuse to delete the load balancer."
  type        = bool
  default     = false
}

variable "access_logs_bucket" {
  description = "Existing S3 bucket for access logs, with a policy that lets the load balancer write. Null: no logs."
  type        = string
  default     = null
}
