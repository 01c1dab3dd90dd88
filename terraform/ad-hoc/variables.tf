# The environment's name is the workspace. Output `adhoc_variables` names every variable: add new ones there, too.

# --- The shared environment, and where its state is ---

variable "shared" {
  description = "Name of the shared environment: the workspace of its state."
  type        = string
  default     = "dev"
}

variable "state_bucket" {
  description = "S3 bucket with the state of the shared environment."
  type        = string
}

variable "state_key" {
  description = "Key of that state, as the shared environment's `backend.config` has it."
  type        = string
  default     = "shared/terraform.tfstate"
}

variable "state_region" {
  description = "Region of that bucket. Default: `region`, else that of the surroundings (AWS_REGION, profile)."
  type        = string
  default     = null
}

variable "region" {
  description = "AWS region. It must be the shared environment's. Default: that of the surroundings (AWS_REGION, profile)."
  type        = string
  default     = null
}

# --- What runs ---

variable "backend_image" {
  description = "Repository of the back end's image, without a tag. Default: `backend` in this account's ECR."
  type        = string
  default     = null
}

variable "backend_image_tag" {
  description = "Tag of the back end's image until the first release. `placeholder` is never a rollback target."
  type        = string
  default     = "placeholder"
}

variable "frontend_image" {
  description = "Repository of the front end's image, without a tag. Default: `frontend` in this account's ECR."
  type        = string
  default     = null
}

variable "frontend_image_tag" {
  description = "Tag of the front end's image until the first release."
  type        = string
  default     = "placeholder"
}

variable "redis_image" {
  description = "Image of the Redis server, with its version."
  type        = string
  default     = "public.ecr.aws/docker/library/redis:7.2.7-alpine"

  validation {
    condition     = can(regex("(:[^/:]+|@sha256:[0-9a-f]{64})$", var.redis_image)) && !endswith(var.redis_image, ":latest")
    error_message = "Name a version of the Redis image, as in `redis:7.2.7-alpine`: `latest` is another one every month."
  }
}

variable "cpu_architecture" {
  description = "What the images were built for: X86_64 or ARM64."
  type        = string
  default     = "X86_64"

  validation {
    condition     = contains(["X86_64", "ARM64"], var.cpu_architecture)
    error_message = "The architecture is X86_64 or ARM64."
  }
}

variable "capacity" {
  description = "Where tasks run: FARGATE_SPOT (about a third of the price, interrupted at two minutes' notice) or FARGATE."
  type        = string
  default     = "FARGATE_SPOT"

  validation {
    condition     = contains(["FARGATE", "FARGATE_SPOT"], var.capacity)
    error_message = "The capacity is FARGATE or FARGATE_SPOT."
  }
}

variable "python_package" {
  description = "Python package of the Django project, with `wsgi` and the Celery app, for the default commands in `roles`."
  type        = string
  default     = "config"

  validation {
    condition     = can(regex("^[A-Za-z_][A-Za-z0-9_.]*$", var.python_package))
    error_message = "That is no name of a Python package."
  }
}

variable "backend_port" {
  description = "Port that gunicorn listens on, one of the shared environment's `app_ports`."
  type        = number
  default     = 8000
}

variable "frontend_port" {
  description = "Port that web-ui listens on, one of the shared environment's `app_ports`."
  type        = number
  default     = 3000
}

variable "roles" {
  description = <<-EOT
    What differs from the defaults, by role (gunicorn, default, beat, web-ui, redis; migrate, collectstatic), and more
    roles that run the back end's image: `kind` is `service` (default; a further Celery worker, say) or `task` (one-off).
    cpu: CPU units, 1024 are one vCPU. memory: MiB. command: null is the default, or the image's own. count: tasks that a
    new service starts with; releases and autoscaling change it later. stop_timeout: seconds from SIGTERM to SIGKILL.
  EOT
  type = map(object({
    kind         = optional(string)
    cpu          = optional(number)
    memory       = optional(number)
    command      = optional(list(string))
    count        = optional(number)
    stop_timeout = optional(number)
  }))
  default = {}

  validation {
    condition     = alltrue([for role in keys(var.roles) : can(regex("^[a-z][a-z0-9-]{0,31}$", role))])
    error_message = "A role is named by a lower-case letter and up to 31 lower-case letters, digits and hyphens."
  }

  validation {
    condition     = alltrue([for role in values(var.roles) : contains(["service", "task"], coalesce(role.kind, "service"))])
    error_message = "The kind of a role is `service` or `task`."
  }

  validation {
    condition = alltrue([
      for name, role in var.roles : role.kind == null
      if contains(["gunicorn", "default", "beat", "web-ui", "redis", "migrate", "collectstatic"], name)
    ])
    error_message = "gunicorn, default, beat, web-ui and redis are services, migrate and collectstatic are tasks: leave out `kind`."
  }

  validation {
    condition = alltrue([
      for name, role in var.roles : role.command != null
      if !contains(["gunicorn", "default", "beat", "web-ui", "redis", "migrate", "collectstatic"], name)
    ])
    error_message = "A role of your own needs a command. (Did you misspell gunicorn, default, beat, web-ui, redis, migrate or collectstatic?)"
  }
}

variable "autoscaling" {
  description = <<-EOT
    Autoscaling by role, for gunicorn, web-ui and workers; none by default. min, max: tasks. cpu_percent: average CPU load
    that is aimed at. A service that is stopped, at 0 tasks, stays stopped.
  EOT
  type = map(object({
    enabled     = optional(bool, true)
    min         = optional(number, 1)
    max         = optional(number, 4)
    cpu_percent = optional(number, 60)
  }))
  default = {}

  validation {
    condition     = length(setintersection(keys(var.autoscaling), ["beat", "redis", "migrate", "collectstatic"])) == 0
    error_message = "beat and redis must never run twice, and one-off tasks are no services: they cannot scale."
  }
}

# --- What it is told ---

variable "environment_variables" {
  description = "More environment variables of the back end, or other values for those that it gets anyway. Nothing secret."
  type        = map(string)
  default     = {}
}

variable "frontend_environment_variables" {
  description = "The same for the front end."
  type        = map(string)
  default     = {}
}

variable "secrets" {
  description = "Environment variables of the back end with secret values: name to ARN of a Secrets Manager secret (`ARN:key::` for one key of its JSON). The shared environment's execution role must be allowed to read them: `extra_secret_arns` there."
  type        = map(string)
  default     = {}

  validation {
    condition     = alltrue([for arn in values(var.secrets) : can(regex("^arn:[a-z-]+:secretsmanager:", arn))])
    error_message = "A secret is named by its ARN in Secrets Manager, never by its value."
  }
}

variable "database_variable_names" {
  description = "Names of the environment variables by which the back end finds its database."
  type = object({
    host     = optional(string, "DB_HOST")
    port     = optional(string, "DB_PORT")
    name     = optional(string, "DB_NAME")
    user     = optional(string, "DB_USER")
    password = optional(string, "DB_PASSWORD")
  })
  default = {}
}

# --- How it is reached ---

variable "backend_path_patterns" {
  description = "Paths of the back end, 1 to 8 patterns of the load balancer. All other paths are the front end's."
  type        = list(string)
  default     = ["/api/*", "/admin/*", "/static/*", "/media/*"]

  validation {
    condition     = length(var.backend_path_patterns) >= 1 && length(var.backend_path_patterns) <= 8
    error_message = "There is room for 1 to 8 path patterns: two listener rules with four each."
  }
}

variable "backend_health_check_path" {
  description = "Path that answers with a status from 200 to 399 while the back end is healthy."
  type        = string
  default     = "/api/health-check/"
}

variable "frontend_health_check_path" {
  description = "Path that answers with a status from 200 to 399 while the front end is healthy."
  type        = string
  default     = "/"
}

variable "health_check_grace_period_seconds" {
  description = "Seconds after its start in which a task's failed health checks do not count."
  type        = number
  default     = 60
}

variable "listener_rule_slot" {
  description = <<-EOT
    Place of the environment among the rules of the shared listener, 0 to 11999. Default: derived from its name. Two
    environments can meet in one: the apply of the later one then fails with `PriorityInUse`. Give it any other number.
  EOT
  type        = number
  default     = null

  validation {
    condition     = var.listener_rule_slot == null ? true : var.listener_rule_slot >= 0 && var.listener_rule_slot <= 11999
    error_message = "The slot is a whole number from 0 to 11999."
  }
}

# --- What it keeps ---

variable "media_force_destroy" {
  description = "Whether destroying the environment may delete the media in its bucket."
  type        = bool
  default     = true
}

variable "media_versioning" {
  description = "Whether overwritten and deleted media are kept, for 30 days."
  type        = bool
  default     = false
}

variable "media_cors_origins" {
  description = "Origins whose pages may read and upload media by themselves, as in `https://alpha.dev.example.com`."
  type        = list(string)
  default     = []
}

variable "log_retention_days" {
  description = "Days that log lines are kept, and what Container Insights have measured."
  type        = number
  default     = 14

  validation {
    condition     = contains([1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653], var.log_retention_days)
    error_message = "CloudWatch keeps logs for 1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365 days, or some years."
  }
}

variable "container_insights" {
  description = "Whether CloudWatch collects metrics of every task, which is not free."
  type        = bool
  default     = false
}
