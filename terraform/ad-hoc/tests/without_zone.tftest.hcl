# A shared environment whose DNS is kept somewhere else: run with TF_WORKSPACE=alpha.

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
}

# Without zone_id: Terraform keeps no outputs that are null. Without app_ports: older states have none.
override_data {
  target = data.terraform_remote_state.shared
  values = {
    outputs = {
      project               = "ublog"
      region                = "eu-central-1"
      domain                = "dev.example.com"
      vpc_id                = "vpc-1"
      private_subnet_ids    = ["subnet-1", "subnet-2"]
      alb_dns_name          = "dev-alb-1.eu-central-1.elb.amazonaws.com"
      alb_zone_id           = "Z2"
      https_listener_arn    = "arn:aws:elasticloadbalancing:eu-central-1:123456789012:listener/app/dev-alb/1/2"
      app_security_group_id = "sg-1"
      namespace_id          = "ns-1"
      namespace_name        = "ad-hoc"
      database_host         = "dev-rds.example.eu-central-1.rds.amazonaws.com"
      database_port         = 5432
      execution_role_arn    = "arn:aws:iam::123456789012:role/execution"
      task_role_arn         = "arn:aws:iam::123456789012:role/task"
    }
  }
}

variables {
  state_bucket = "example-terraform-state"
  state_region = "eu-central-1"
}

run "makes_no_record" {
  command = plan

  assert {
    condition     = length(aws_route53_record.this) == 0 && output.url == "https://alpha.dev.example.com"
    error_message = "Without a zone there is no record to make."
  }
  assert {
    condition     = length(local.closed_ports) == 0
    error_message = "Where the open ports are not known, every port is taken to be one."
  }
}
