# Copy this file to `envs/ENV.tfvars`, as in envs/alpha.tfvars, for an environment `alpha`. The name is the workspace's, so it
# stands nowhere in here. What is commented out shows the default; variables.tf describes each variable.

# Where the shared environment's state is: what `backend.config` of the shared configuration says.
state_bucket = "example-terraform-state"
# state_key    = "shared/terraform.tfstate"
# state_region = "eu-central-1"          # default: `region`, else that of the surroundings
# shared       = "dev"
# region       = "eu-central-1"          # default: that of the surroundings (AWS_REGION, profile)

# The package with wsgi.py and the Celery app.
python_package = "config"

# Images until the first release, which `adhoc update` makes.
# backend_image      = "123456789012.dkr.ecr.eu-central-1.amazonaws.com/backend"
# backend_image_tag  = "placeholder"
# frontend_image     = "123456789012.dkr.ecr.eu-central-1.amazonaws.com/frontend"
# frontend_image_tag = "placeholder"
# cpu_architecture   = "X86_64"

# What the application is told besides its database, Redis, bucket, host and URL.
environment_variables = {
  DJANGO_SETTINGS_MODULE = "config.settings"
}
# frontend_environment_variables = { FEATURE_FLAGS = "new-editor" }
# secrets = {
#   DJANGO_SECRET_KEY = "arn:aws:secretsmanager:eu-central-1:123456789012:secret:dev-django-AbCdEf:secret_key::"
# }
# database_variable_names = { password = "POSTGRES_PASSWORD" }

# Where it differs from roles.tf: sizes, commands, more workers, more one-off tasks.
# roles = {
#   gunicorn = { cpu = 512, memory = 2048 }
#   reports  = { command = ["celery", "--app", "config", "worker", "--queues", "reports"] }
#   seed     = { kind = "task", command = ["python", "manage.py", "loaddata", "demo"] }
# }

# backend_path_patterns      = ["/api/*", "/admin/*", "/static/*", "/media/*"]
# backend_health_check_path  = "/api/health-check/"
# frontend_health_check_path = "/"
# frontend_port              = 3000

# Only where an apply says `PriorityInUse`.
# listener_rule_slot = 4711
