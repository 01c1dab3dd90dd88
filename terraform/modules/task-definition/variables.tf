variable "environment" {
  description = "Name of the environment."
  type        = string
}

variable "role" {
  description = "What the container does, as in `gunicorn`. It names the container; family and log group are derived from it."
  type        = string
}

variable "image" {
  description = "Whole image reference, with its tag."
  type        = string
}

variable "command" {
  description = "Command of the container. Default: the image's own."
  type        = list(string)
  default     = null
}

variable "cpu" {
  description = "CPU units of the task: 1024 are one vCPU."
  type        = number
  default     = 256
}

variable "memory" {
  description = "Memory of the task in MiB."
  type        = number
  default     = 512
}

variable "cpu_architecture" {
  description = "What the image was built for: X86_64 or ARM64."
  type        = string
  default     = "X86_64"

  validation {
    condition     = contains(["X86_64", "ARM64"], var.cpu_architecture)
    error_message = "The architecture is X86_64 or ARM64."
  }
}

variable "port" {
  description = "Port that the container listens on. Default: none."
  type        = number
  default     = null
}

variable "stop_timeout" {
  description = "Seconds between SIGTERM and SIGKILL, 2 to 120. Default: those of ECS, 30."
  type        = number
  default     = null

  validation {
    condition     = var.stop_timeout == null ? true : var.stop_timeout >= 2 && var.stop_timeout <= 120
    error_message = "Fargate waits 2 to 120 seconds before it kills a container."
  }
}

variable "health_check_command" {
  description = "Command that tells, inside the container, whether it is healthy. Default: ECS does not ask."
  type        = list(string)
  default     = null
}

variable "environment_variables" {
  description = "Environment variables of the container, in clear."
  type        = map(string)
  default     = {}
}

variable "secrets" {
  description = "Environment variables whose values ECS takes from Secrets Manager or the SSM parameter store: name to ARN."
  type        = map(string)
  default     = {}
}

variable "execution_role_arn" {
  description = "Role with which ECS pulls the image, reads the secrets and writes the logs."
  type        = string
}

variable "task_role_arn" {
  description = "Role of the application itself."
  type        = string
}

variable "region" {
  description = "Region of the log group."
  type        = string
}

variable "log_retention_days" {
  description = "Days that log lines are kept. CloudWatch knows 1, 3, 5, 7, 14, 30, 60, 90, ..."
  type        = number
  default     = 14
}
