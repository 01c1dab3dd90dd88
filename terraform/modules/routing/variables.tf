variable "environment" {
  description = "Name of the environment: at most 28 characters, since target groups are named after it."
  type        = string
}

variable "host" {
  description = "Host name of the environment, as in `alpha.dev.example.com`."
  type        = string
}

variable "vpc_id" {
  description = "VPC of the load balancer."
  type        = string
}

variable "listener_arn" {
  description = "HTTPS listener of the shared load balancer."
  type        = string
}

variable "slot" {
  description = "Place of the environment among the listener's rules, 0 to 11999. Default: derived from its name."
  type        = number
  default     = null

  validation {
    condition     = var.slot == null ? true : var.slot >= 0 && var.slot <= 11999 && floor(var.slot) == var.slot
    error_message = "The slot is a whole number from 0 to 11999."
  }
}

variable "backend_paths" {
  description = "Path patterns of the back end, 1 to 8. All other paths are the front end's."
  type        = list(string)

  validation {
    condition     = length(var.backend_paths) >= 1 && length(var.backend_paths) <= 8
    error_message = "There is room for 1 to 8 path patterns: two rules with four each."
  }

  validation {
    condition     = alltrue([for pattern in var.backend_paths : startswith(pattern, "/") && length(pattern) <= 128])
    error_message = "A path pattern begins with `/` and has at most 128 characters."
  }
}

variable "backend_health_check_path" {
  description = "Path that tells, with a status from 200 to 399, whether the back end is healthy."
  type        = string
}

variable "frontend_health_check_path" {
  description = "Path that tells, with a status from 200 to 399, whether the front end is healthy."
  type        = string
}

variable "deregistration_delay" {
  description = "Seconds that a stopping task may take for the requests it has."
  type        = number
  default     = 15
}
