# What the containers are told.

locals {
  region        = data.aws_region.current.id
  host          = "${local.environment}.${local.shared.domain}"
  url           = "https://${local.host}"
  redis_host    = "${local.environment}-redis.${local.shared.namespace_name}"
  redis_url     = "redis://${local.redis_host}:6379"
  database_name = "${local.environment}-db"

  backend_defaults = {
    ENVIRONMENT = local.environment
    SITE_URL    = local.url

    # The load balancer only lets this environment's host through, and its health checks come with a task's address as
    # their host, which Django would refuse.
    ALLOWED_HOSTS        = "*"
    CSRF_TRUSTED_ORIGINS = local.url

    (var.database_variable_names.host) = local.shared.database_host
    (var.database_variable_names.port) = tostring(local.shared.database_port)
    (var.database_variable_names.name) = local.database_name
    (var.database_variable_names.user) = local.environment

    REDIS_HOST            = local.redis_host
    REDIS_PORT            = "6379"
    REDIS_URL             = "${local.redis_url}/0"
    CELERY_BROKER_URL     = "${local.redis_url}/1"
    CELERY_RESULT_BACKEND = "${local.redis_url}/2"

    # The first is what django-storages asks for.
    AWS_STORAGE_BUCKET_NAME = local.bucket_name
    S3_BUCKET_NAME          = local.bucket_name
  }

  # One key of the secret's JSON. A task cannot start before the secret has a value.
  backend_secrets = merge(
    { (var.database_variable_names.password) = "${aws_secretsmanager_secret.database.arn}:password::" },
    var.secrets,
  )

  # A default gives way to a secret of the same name. One of the team's own does not: ECS refuses such a pair, and so does
  # the task definition, with a message.
  backend_environment = merge(
    { for name, value in local.backend_defaults : name => value if !contains(keys(var.secrets), name) },
    var.environment_variables,
  )

  environments = {
    backend = local.backend_environment
    frontend = merge({
      ENVIRONMENT = local.environment
      SITE_URL    = local.url
      API_URL     = local.url
      PORT        = tostring(var.frontend_port)
    }, var.frontend_environment_variables)
  }
  secrets = { backend = local.backend_secrets, frontend = {} }
}

# The database and the value of this secret are made by `adhoc db create`, so that no password is ever in a state.
resource "aws_secretsmanager_secret" "database" {
  #checkov:skip=CKV_AWS_149:Secrets Manager encrypts with its own key; a key of one's own costs more than a short-lived environment
  #checkov:skip=CKV2_AWS_57:the password lives as long as the environment; `adhoc db create` makes a new one each time
  name        = local.database_name
  description = "Log-in of ${local.environment} to its database: username, password, host, port, dbname"

  # An environment of this name may come back at once; a secret that waits for its deletion would be in the way.
  recovery_window_in_days = 0

  tags = { Name = local.database_name }
}
