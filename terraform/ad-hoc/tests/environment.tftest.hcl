# Of an environment `alpha`: run these with TF_WORKSPACE=alpha.

mock_provider "aws" {
  mock_data "aws_caller_identity" {
    defaults = { account_id = "123456789012" }
  }
  mock_data "aws_region" {
    defaults = { id = "eu-central-1", name = "eu-central-1" }
  }
  mock_data "aws_iam_policy_document" {
    defaults = { json = "{}" }
  }
  mock_resource "aws_ecs_cluster" {
    defaults = { arn = "arn:aws:ecs:eu-central-1:123456789012:cluster/alpha-cluster" }
  }
  mock_resource "aws_ecs_task_definition" {
    defaults = { arn = "arn:aws:ecs:eu-central-1:123456789012:task-definition/alpha-role:1" }
  }
  mock_resource "aws_lb_target_group" {
    defaults = { arn = "arn:aws:elasticloadbalancing:eu-central-1:123456789012:targetgroup/alpha-api/1" }
  }
  mock_resource "aws_service_discovery_service" {
    defaults = { arn = "arn:aws:servicediscovery:eu-central-1:123456789012:service/srv-1" }
  }
  mock_resource "aws_secretsmanager_secret" {
    defaults = { arn = "arn:aws:secretsmanager:eu-central-1:123456789012:secret:alpha-db-AbCdEf" }
  }
}

override_data {
  target = data.terraform_remote_state.shared
  values = {
    outputs = {
      project               = "ublog"
      environment           = "dev"
      region                = "eu-central-1"
      domain                = "dev.example.com"
      zone_id               = "Z1"
      public                = true
      vpc_id                = "vpc-1"
      private_subnet_ids    = ["subnet-1", "subnet-2"]
      public_subnet_ids     = ["subnet-3", "subnet-4"]
      alb_arn               = "arn:aws:elasticloadbalancing:eu-central-1:123456789012:loadbalancer/app/dev-alb/1"
      alb_arn_suffix        = "app/dev-alb/1"
      alb_dns_name          = "dev-alb-1.eu-central-1.elb.amazonaws.com"
      alb_zone_id           = "Z2"
      https_listener_arn    = "arn:aws:elasticloadbalancing:eu-central-1:123456789012:listener/app/dev-alb/1/2"
      app_security_group_id = "sg-1"
      app_ports             = [8000, 80, 3000, 8080]
      namespace_id          = "ns-1"
      namespace_name        = "ad-hoc"
      database_host         = "dev-rds.example.eu-central-1.rds.amazonaws.com"
      database_port         = 5432
      execution_role_arn    = "arn:aws:iam::123456789012:role/execution"
      task_role_arn         = "arn:aws:iam::123456789012:role/task"
      bastion_instance_id   = "i-1"
    }
  }
}

variables {
  state_bucket = "example-terraform-state"
  state_region = "eu-central-1"
}

run "names_follow_the_conventions" {
  command = apply

  assert {
    condition     = output.environment == "alpha" && output.url == "https://alpha.dev.example.com"
    error_message = "The environment is the workspace: run the tests with TF_WORKSPACE=alpha."
  }
  assert {
    condition     = aws_ecs_cluster.this.name == "alpha-cluster" && output.cluster == "alpha-cluster" && aws_ecs_cluster.this.tags["Name"] == "alpha-cluster"
    error_message = "The cluster is {env}-cluster."
  }
  assert {
    condition = output.services == {
      gunicorn = "alpha-gunicorn", default = "alpha-default", beat = "alpha-beat", web-ui = "alpha-web-ui", redis = "alpha-redis"
    }
    error_message = "The services are those of the conventions."
  }
  assert {
    condition = output.task_families == {
      gunicorn = "alpha-gunicorn", default = "alpha-default", beat = "alpha-beat", web-ui = "alpha-web-ui", redis = "alpha-redis"
      migrate  = "alpha-migrate", collectstatic = "alpha-collectstatic"
    }
    error_message = "Services and one-off tasks have a family each."
  }
  assert {
    condition     = alltrue([for role in keys(output.task_families) : output.log_groups[role] == "/ecs/alpha/${role}"])
    error_message = "Each role has its log group."
  }
  assert {
    condition     = output.database == "alpha-db" && aws_secretsmanager_secret.database.name == "alpha-db" && output.redis_host == "alpha-redis.ad-hoc"
    error_message = "Database, secret and Redis follow the conventions."
  }
  assert {
    condition     = output.bucket == "ublog-alpha-media-123456789012"
    error_message = "The task role is allowed {project}-{env}-media-{account}."
  }
  assert {
    condition     = aws_route53_record.this[0].name == "alpha.dev.example.com" && aws_route53_record.this[0].alias[0].zone_id == "Z2"
    error_message = "The record points to the shared load balancer."
  }
  assert {
    condition     = max(output.listener_rule_priorities.backend...) < 25000 && output.listener_rule_priorities.frontend > 25000
    error_message = "The back end's rules come first."
  }
}

run "starts_stopped_cheap_and_without_a_password" {
  command = plan

  assert {
    condition     = alltrue([for role, service in local.services : service.count == 0]) && keys(module.service) == ["beat", "default", "gunicorn", "web-ui"]
    error_message = "Nothing but Redis runs before the first release."
  }
  assert {
    condition = local.images == {
      backend  = "123456789012.dkr.ecr.eu-central-1.amazonaws.com/backend:placeholder"
      frontend = "123456789012.dkr.ecr.eu-central-1.amazonaws.com/frontend:placeholder"
    }
    error_message = "Images hold a place in the account's own repositories."
  }
  assert {
    condition     = one(aws_ecs_cluster_capacity_providers.this.default_capacity_provider_strategy).capacity_provider == "FARGATE_SPOT"
    error_message = "Spot is the default."
  }
  assert {
    condition     = aws_ecs_cluster_capacity_providers.this.capacity_providers == toset(["FARGATE", "FARGATE_SPOT"])
    error_message = "The cluster has both capacity providers, so that one can be changed for the other."
  }
  assert {
    condition     = one(aws_ecs_cluster.this.setting).value == "disabled"
    error_message = "Container Insights are off."
  }
  assert {
    condition     = aws_secretsmanager_secret.database.recovery_window_in_days == 0
    error_message = "An environment can be made again at once."
  }
  assert {
    condition     = local.services["beat"].single && !local.services["gunicorn"].single && !local.services["default"].single
    error_message = "Only the scheduler must never run twice."
  }
  assert {
    condition     = length(var.autoscaling) == 0
    error_message = "Autoscaling is off."
  }
}

run "measures_nothing_unasked" {
  command = plan

  assert {
    condition     = length(aws_cloudwatch_log_group.container_insights) == 0 && one(aws_ecs_cluster.this.setting).value == "disabled"
    error_message = "Container Insights cost money."
  }
}

run "tells_the_containers_what_they_need" {
  command = plan

  variables {
    environment_variables          = { FEATURE = "on", ALLOWED_HOSTS = "alpha.dev.example.com" }
    frontend_environment_variables = { THEME = "dark" }
    secrets                        = { REDIS_URL = "arn:aws:secretsmanager:eu-central-1:123456789012:secret:redis-url-AbCdEf" }
  }

  assert {
    condition = (
      local.backend_environment["DB_HOST"] == "dev-rds.example.eu-central-1.rds.amazonaws.com" && local.backend_environment["DB_PORT"] == "5432" &&
      local.backend_environment["DB_NAME"] == "alpha-db" && local.backend_environment["DB_USER"] == "alpha"
    )
    error_message = "The back end knows its database."
  }
  assert {
    condition     = !contains(keys(local.backend_environment), "DB_PASSWORD") && endswith(local.backend_secrets["DB_PASSWORD"], ":password::")
    error_message = "The password is a reference to one key of the secret."
  }
  assert {
    condition     = local.backend_environment["REDIS_HOST"] == "alpha-redis.ad-hoc" && local.backend_environment["CELERY_BROKER_URL"] == "redis://alpha-redis.ad-hoc:6379/1"
    error_message = "The back end knows its Redis."
  }
  assert {
    condition     = local.backend_environment["S3_BUCKET_NAME"] == "ublog-alpha-media-123456789012" && local.backend_environment["SITE_URL"] == "https://alpha.dev.example.com"
    error_message = "The back end knows its bucket and its URL."
  }
  assert {
    condition     = local.backend_environment["FEATURE"] == "on" && local.backend_environment["ALLOWED_HOSTS"] == "alpha.dev.example.com"
    error_message = "The team's own variables are added, and win."
  }
  assert {
    condition     = !contains(keys(local.backend_environment), "REDIS_URL") && local.backend_secrets["REDIS_URL"] == "arn:aws:secretsmanager:eu-central-1:123456789012:secret:redis-url-AbCdEf"
    error_message = "A default gives way to a secret of its name."
  }
  assert {
    condition     = local.environments.frontend["THEME"] == "dark" && length(local.secrets.frontend) == 0 && !contains(keys(local.environments.frontend), "DB_HOST")
    error_message = "The front end knows its own variables, and nothing of the database."
  }
}

run "other_names_of_the_database_variables" {
  command = plan

  variables {
    database_variable_names = { host = "POSTGRES_HOST", password = "POSTGRES_PASSWORD" }
  }

  assert {
    condition     = local.backend_environment["POSTGRES_HOST"] != "" && contains(keys(local.backend_secrets), "POSTGRES_PASSWORD") && !contains(keys(local.backend_secrets), "DB_PASSWORD")
    error_message = "Applications have their own names for these."
  }
  assert {
    condition     = local.backend_environment["DB_NAME"] == "alpha-db"
    error_message = "Names that are not given stay as they are."
  }
}

run "roles_are_overridden_one_by_one" {
  command = plan

  variables {
    roles = {
      gunicorn = { cpu = 1024, memory = 2048, count = 2, stop_timeout = 60 }
      reports  = { command = ["celery", "worker", "--queues", "reports"] }
      seed     = { kind = "task", command = ["python", "manage.py", "loaddata", "demo"] }
      redis    = { memory = 1024, stop_timeout = 90 }
    }
  }

  assert {
    condition     = local.roles["gunicorn"].cpu == 1024 && local.roles["gunicorn"].memory == 2048 && local.roles["gunicorn"].count == 2 && local.roles["gunicorn"].stop_timeout == 60
    error_message = "What is given holds."
  }
  assert {
    condition     = local.roles["gunicorn"].command[0] == "gunicorn" && local.roles["gunicorn"].port == 8000
    error_message = "What is not given stays."
  }
  assert {
    condition     = local.roles["beat"].cpu == 256 && local.roles["beat"].memory == 512
    error_message = "Other roles stay as they are."
  }
  assert {
    condition     = contains(keys(module.service), "reports") && contains(keys(module.task_definition), "reports")
    error_message = "A role of the team's own is a service."
  }
  assert {
    condition     = contains(keys(module.task_definition), "seed") && !contains(keys(module.service), "seed")
    error_message = "Or a one-off task, which has a definition only."
  }
  assert {
    condition     = output.task_families["reports"] == "alpha-reports" && output.task_families["seed"] == "alpha-seed"
    error_message = "The families of both are there to be retired."
  }
  assert {
    condition     = !contains(keys(module.task_definition), "redis")
    error_message = "Redis stays in its module."
  }
  assert {
    condition     = module.redis.container.stopTimeout == 90 && module.task_definition["gunicorn"].container.stopTimeout == 60
    error_message = "And is given as long to stop as it asks for, like the others."
  }
}

run "commands_know_package_and_port" {
  command = plan

  variables {
    python_package = "ublog"
    backend_port   = 8080
  }

  assert {
    condition     = contains(local.roles["gunicorn"].command, "0.0.0.0:8080") && contains(local.roles["gunicorn"].command, "ublog.wsgi") && local.roles["gunicorn"].port == 8080
    error_message = "gunicorn listens where the load balancer looks."
  }
  assert {
    condition     = contains(local.roles["default"].command, "ublog") && contains(local.roles["beat"].command, "ublog")
    error_message = "Celery runs the same package."
  }
}

run "images_of_ones_own" {
  command = plan

  variables {
    backend_image      = "registry.example.com/ublog/api"
    backend_image_tag  = "v1.2.3"
    frontend_image_tag = "v1.2.3"
  }

  assert {
    condition     = local.images.backend == "registry.example.com/ublog/api:v1.2.3" && local.images.frontend == "123456789012.dkr.ecr.eu-central-1.amazonaws.com/frontend:v1.2.3"
    error_message = "A repository and a tag make an image."
  }
}

run "every_variable_is_remembered" {
  command = plan

  assert {
    condition = setunion(keys(output.adhoc_variables)) == toset(flatten([
      for file in fileset(".", "*.tf") : [for match in regexall("(?m)^variable \"([^\"]+)\"", file(file)) : match[0]]
    ]))
    error_message = "Output `adhoc_variables` must name every variable, so that an environment can be destroyed without its var file."
  }
  assert {
    condition     = output.adhoc_variables.state_bucket == "example-terraform-state" && output.adhoc_variables.shared == "dev"
    error_message = "And have its value."
  }
}

run "container_insights_leave_nothing_behind" {
  command = plan

  variables {
    container_insights = true
    log_retention_days = 7
  }

  assert {
    condition     = aws_cloudwatch_log_group.container_insights[0].name == "/aws/ecs/containerinsights/alpha-cluster/performance" && aws_cloudwatch_log_group.container_insights[0].retention_in_days == 7
    error_message = "The log group that ECS would make for ever is made here."
  }
  # A dependency is no value that could be looked at, so this reads the text.
  assert {
    condition     = length(aws_cloudwatch_log_group.container_insights) == 1 && can(regex("resource \"aws_ecs_cluster\" \"this\" \\{\n(  .*\n|\n)*  depends_on = \\[aws_cloudwatch_log_group\\.container_insights\\]", file("main.tf")))
    error_message = "It is there before the cluster, and goes after it."
  }
}

run "refuses_a_region_that_is_not_the_shared_one" {
  command = plan

  override_data {
    target = data.aws_region.current
    values = { id = "us-east-1" }
  }

  expect_failures = [aws_ecs_cluster.this]
}

run "refuses_a_port_of_the_back_end_that_is_closed" {
  command = plan

  variables {
    backend_port = 9000
  }

  expect_failures = [aws_ecs_cluster.this]
}

run "refuses_a_port_of_the_front_end_that_is_closed" {
  command = plan

  variables {
    frontend_port = 5173
  }

  expect_failures = [aws_ecs_cluster.this]
}

run "refuses_autoscaling_of_what_is_no_service" {
  command = plan

  variables {
    autoscaling = { gunicron = { max = 3 } }
  }

  expect_failures = [aws_ecs_cluster.this]
}

run "refuses_autoscaling_of_the_scheduler" {
  command = plan

  variables {
    autoscaling = { beat = {} }
  }

  expect_failures = [var.autoscaling]
}

run "refuses_a_misspelt_role" {
  command = plan

  variables {
    roles = { gunicron = { cpu = 512 } }
  }

  expect_failures = [var.roles]
}

run "refuses_to_make_a_service_a_task" {
  command = plan

  variables {
    roles = { beat = { kind = "task" } }
  }

  expect_failures = [var.roles]
}

run "refuses_a_secret_by_value" {
  command = plan

  variables {
    secrets = { DJANGO_SECRET_KEY = "hunter2" }
  }

  expect_failures = [var.secrets]
}

run "refuses_redis_without_a_version" {
  command = plan

  variables {
    redis_image = "public.ecr.aws/docker/library/redis:latest"
  }

  expect_failures = [var.redis_image]
}

run "refuses_the_shared_environment" {
  command = plan

  variables {
    shared = "alpha"
  }

  expect_failures = [data.terraform_remote_state.shared]
}

run "refuses_a_shared_environment_without_outputs" {
  command = plan

  override_data {
    target = data.terraform_remote_state.shared
    values = { outputs = { project = "ublog" } }
  }

  expect_failures = [data.terraform_remote_state.shared]
}
