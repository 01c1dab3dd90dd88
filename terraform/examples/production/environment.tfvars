# Copy to terraform/ad-hoc/envs/app.tfvars, for an environment `app` at https://app.example.com. Everything differs from an ad
# hoc environment in these values only.

shared       = "prod"
state_bucket = "example-terraform-state"
region       = "eu-central-1"

# Real images from the beginning, since services start with tasks.
backend_image_tag  = "v1.0.0"
frontend_image_tag = "v1.0.0"

# Nothing is interrupted.
capacity = "FARGATE"

# More than one task of each, except for the scheduler.
roles = {
  gunicorn = { count = 2, cpu = 1024, memory = 2048, stop_timeout = 60 }
  default  = { count = 2, cpu = 1024, memory = 2048, stop_timeout = 120 }
  beat     = { count = 1 }
  web-ui   = { count = 2, cpu = 512, memory = 1024 }
  redis    = { cpu = 512, memory = 2048 }
  migrate  = { cpu = 1024, memory = 2048 }
}

autoscaling = {
  gunicorn = { min = 2, max = 10, cpu_percent = 60 }
  default  = { min = 2, max = 8, cpu_percent = 70 }
  web-ui   = { min = 2, max = 6, cpu_percent = 60 }
}

health_check_grace_period_seconds = 120

environment_variables = {
  DJANGO_SETTINGS_MODULE = "config.settings"
}

# What users have uploaded survives mistakes.
media_force_destroy = false
media_versioning    = true

log_retention_days = 90
container_insights = true
