# The example of a production-like environment. Run with its own var file:
#   TF_WORKSPACE=app terraform test -test-directory=tests/production -var-file=../examples/production/environment.tfvars

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
    defaults = { arn = "arn:aws:ecs:eu-central-1:123456789012:cluster/app-cluster" }
  }
  mock_resource "aws_ecs_task_definition" {
    defaults = { arn = "arn:aws:ecs:eu-central-1:123456789012:task-definition/app-role:1" }
  }
  mock_resource "aws_lb_target_group" {
    defaults = { arn = "arn:aws:elasticloadbalancing:eu-central-1:123456789012:targetgroup/app-api/1" }
  }
  mock_resource "aws_service_discovery_service" {
    defaults = { arn = "arn:aws:servicediscovery:eu-central-1:123456789012:service/srv-1" }
  }
  mock_resource "aws_secretsmanager_secret" {
    defaults = { arn = "arn:aws:secretsmanager:eu-central-1:123456789012:secret:app-db-AbCdEf" }
  }
}

override_data {
  target = data.terraform_remote_state.shared
  values = {
    outputs = {
      project               = "ublog"
      environment           = "prod"
      region                = "eu-central-1"
      domain                = "example.com"
      zone_id               = "Z1"
      public                = true
      vpc_id                = "vpc-1"
      private_subnet_ids    = ["subnet-1", "subnet-2"]
      public_subnet_ids     = ["subnet-3", "subnet-4"]
      alb_arn               = "arn:aws:elasticloadbalancing:eu-central-1:123456789012:loadbalancer/app/prod-alb/1"
      alb_arn_suffix        = "app/prod-alb/1"
      alb_dns_name          = "prod-alb-1.eu-central-1.elb.amazonaws.com"
      alb_zone_id           = "Z2"
      https_listener_arn    = "arn:aws:elasticloadbalancing:eu-central-1:123456789012:listener/app/prod-alb/1/2"
      app_security_group_id = "sg-1"
      app_ports             = [8000, 80, 3000, 8080]
      namespace_id          = "ns-1"
      namespace_name        = "ad-hoc"
      database_host         = "prod-rds.example.eu-central-1.rds.amazonaws.com"
      database_port         = 5432
      execution_role_arn    = "arn:aws:iam::123456789012:role/execution"
      task_role_arn         = "arn:aws:iam::123456789012:role/task"
      bastion_instance_id   = "i-1"
    }
  }
}


run "differs_in_variables_only" {
  command = apply

  assert {
    condition     = output.url == "https://app.example.com" && output.adhoc_variables.shared == "prod"
    error_message = "Run this with TF_WORKSPACE=app and the var file of the example."
  }
  assert {
    condition     = one(aws_ecs_cluster_capacity_providers.this.default_capacity_provider_strategy).capacity_provider == "FARGATE" && var.capacity == "FARGATE"
    error_message = "Production is not interrupted."
  }
  assert {
    condition     = alltrue([for role in ["gunicorn", "default", "web-ui"] : local.services[role].count > 1]) && local.services["beat"].count == 1
    error_message = "There is more than one task of each service but the scheduler."
  }
  assert {
    condition = alltrue([
      for role in ["gunicorn", "default", "web-ui"] : var.autoscaling[role].enabled && var.autoscaling[role].min >= 2 && var.autoscaling[role].max > var.autoscaling[role].min
    ])
    error_message = "Services scale."
  }
  assert {
    condition     = alltrue([for image in values(local.images) : !endswith(image, ":placeholder")])
    error_message = "Services that start with tasks need real images."
  }
  assert {
    condition     = !var.media_force_destroy && var.media_versioning && one(aws_ecs_cluster.this.setting).value == "enabled"
    error_message = "Media are kept, and Container Insights are on."
  }
  assert {
    condition     = one(aws_cloudwatch_log_group.container_insights).retention_in_days == 90
    error_message = "And what they measure is kept as long as the logs."
  }
}
