variable "environment" {
  description = "Name of the environment."
  type        = string
}

variable "role" {
  description = "What the service does, as in `gunicorn`; also the name of its container."
  type        = string
}

variable "cluster_arn" {
  description = "ARN of the environment's cluster."
  type        = string
}

variable "cluster_name" {
  description = "Name of the environment's cluster."
  type        = string
}

variable "task_definition_arn" {
  description = "Revision that the service starts with. Later ones come from releases."
  type        = string
}

variable "initial_count" {
  description = "Tasks that the service starts with. Later on, releases and autoscaling set the number."
  type        = number
  default     = 0

  validation {
    condition     = var.initial_count >= 0 && floor(var.initial_count) == var.initial_count
    error_message = "A service has 0 tasks or more."
  }
}

variable "single" {
  description = "Whether there must never be two tasks at once: the old one is stopped before the new one starts."
  type        = bool
  default     = false
}

variable "capacity" {
  description = "Capacity provider: FARGATE or FARGATE_SPOT."
  type        = string

  validation {
    condition     = contains(["FARGATE", "FARGATE_SPOT"], var.capacity)
    error_message = "The capacity is FARGATE or FARGATE_SPOT."
  }
}

variable "subnet_ids" {
  description = "Private subnets of the tasks."
  type        = list(string)
}

variable "security_group_ids" {
  description = "Security groups of the tasks."
  type        = list(string)
}

variable "load_balancer" {
  description = "Target group of the service, the container's port, and the seconds after a task's start in which failed health checks do not count. Default: no load balancer."
  type = object({
    target_group_arn     = string
    port                 = number
    grace_period_seconds = optional(number, 60)
  })
  default = null
}

variable "autoscaling" {
  description = "Least and most tasks, and the average CPU in percent that is aimed at. Default: no autoscaling."
  type = object({
    min         = number
    max         = number
    cpu_percent = number
  })
  default = null

  validation {
    condition     = var.autoscaling == null ? true : var.autoscaling.min >= 0 && var.autoscaling.max >= max(var.autoscaling.min, 1)
    error_message = "Autoscaling needs 0 <= min <= max, and max of at least 1."
  }

  validation {
    condition     = var.autoscaling == null ? true : var.autoscaling.cpu_percent >= 10 && var.autoscaling.cpu_percent <= 95
    error_message = "Aim at a CPU load between 10 and 95 percent."
  }
}
