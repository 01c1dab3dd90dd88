variable "environment" {
  description = "Name of the environment."
  type        = string
}

variable "cluster_arn" {
  description = "ARN of the environment's cluster."
  type        = string
}

variable "namespace_id" {
  description = "Cloud Map namespace of the shared environment."
  type        = string
}

variable "image" {
  description = "Image of the Redis server, pinned by its version."
  type        = string
}

variable "command" {
  description = "Command of the container. The default keeps everything in memory."
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

variable "initial_count" {
  description = "Tasks that the service starts with: 1, or 0."
  type        = number
  default     = 1

  validation {
    condition     = contains([0, 1], var.initial_count)
    error_message = "Redis keeps its data in the memory of one task: its count is 0 or 1."
  }
}

variable "stop_timeout" {
  description = "Seconds between SIGTERM and SIGKILL, 2 to 120. Default: those of ECS, 30."
  type        = number
  default     = null
}

variable "cpu_architecture" {
  description = "X86_64 or ARM64."
  type        = string
  default     = "X86_64"
}

variable "capacity" {
  description = "Capacity provider: FARGATE or FARGATE_SPOT."
  type        = string
}

variable "subnet_ids" {
  description = "Private subnets of the task."
  type        = list(string)
}

variable "security_group_ids" {
  description = "Security groups of the task."
  type        = list(string)
}

variable "execution_role_arn" {
  description = "Role with which ECS pulls the image and writes the logs."
  type        = string
}

variable "task_role_arn" {
  description = "Role of the task itself."
  type        = string
}

variable "region" {
  description = "Region of the log group."
  type        = string
}

variable "log_retention_days" {
  description = "Days that log lines are kept."
  type        = number
  default     = 14
}
