# The environment is the workspace: TF_WORKSPACE=alpha terraform test

mock_provider "aws" {
  mock_data "aws_availability_zones" {
    defaults = { names = ["eu-central-1a", "eu-central-1b", "eu-central-1c"] }
  }

  mock_data "aws_region" {
    defaults = { id = "eu-central-1" }
  }

  mock_data "aws_iam_policy_document" {
    defaults = { json = "{}" }
  }

  mock_resource "aws_lb" {
    defaults = { arn = "arn:aws:elasticloadbalancing:eu-central-1:123456789012:loadbalancer/app/alpha-alb/50dc6c495c0c9188" }
  }

  mock_resource "aws_db_instance" {
    defaults = { address = "alpha-rds.example.eu-central-1.rds.amazonaws.com", port = 5432 }
  }

  mock_resource "aws_eip" {
    defaults = { public_ip = "198.51.100.1" }
  }

  # By these the tests can tell them apart.
  mock_resource "aws_iam_role" {
    defaults = { arn = "arn:aws:iam::123456789012:role/mock" }
  }
}

variables {
  project         = "ublog"
  domain          = "dev.example.com"
  zone_id         = "Z0123456789ABCDEFGHIJ"
  certificate_arn = "arn:aws:acm:eu-central-1:123456789012:certificate/1"
}

run "defaults" {
  assert {
    condition     = output.environment == terraform.workspace && output.project == "ublog" && output.domain == "dev.example.com" && output.zone_id == var.zone_id && output.region == "eu-central-1" && output.public
    error_message = "what environments are told about themselves"
  }

  assert {
    condition     = output.database_host == "alpha-rds.example.eu-central-1.rds.amazonaws.com" && output.database_port == 5432
    error_message = "where the database is"
  }

  assert {
    condition     = length(output.private_subnet_ids) == 2 && length(output.public_subnet_ids) == 2 && output.namespace_name == "ad-hoc"
    error_message = "two zones and the namespace"
  }

  assert {
    condition     = toset(output.app_ports) == toset([80, 3000, 8000, 8080])
    error_message = "which ports of theirs the load balancer reaches"
  }

  assert {
    condition = alltrue([for value in [
      output.vpc_id, output.alb_arn, output.alb_arn_suffix, output.alb_dns_name, output.alb_zone_id, output.https_listener_arn,
      output.app_security_group_id, output.namespace_id, output.execution_role_arn, output.task_role_arn, output.bastion_instance_id,
    ] : length(value) > 0])
    error_message = "the rest of the contract with the environments"
  }

  assert {
    condition     = toset(local.allowed_cidrs) == toset(["0.0.0.0/0"]) && !local.ssh
    error_message = "a public load balancer, no SSH"
  }

  assert {
    condition     = aws_service_discovery_private_dns_namespace.this.vpc == module.network.vpc_id
    error_message = "the namespace is for the VPC"
  }
}

run "internal" {
  command = plan

  variables {
    public  = false
    zone_id = null
  }

  assert {
    condition     = local.allowed_cidrs == tolist([var.vpc_cidr]) && output.zone_id == null && !output.public
    error_message = "open to the VPC only, and no zone"
  }
}

run "production" {
  command = plan

  variables {
    nat_per_zone                  = true
    deletion_protection           = true
    database_class                = "db.m7g.large"
    database_multi_az             = true
    database_backup_days          = 30
    database_final_snapshot       = true
    database_apply_immediately    = false
    database_performance_insights = true
    database_logs                 = ["postgresql", "upgrade"]
    bastion_ssh_cidrs             = ["203.0.113.7/32"]
    permissions_boundary_arn      = "arn:aws:iam::123456789012:policy/ublog-boundary"
  }

  assert {
    condition     = local.ssh
    error_message = "production is a matter of variables"
  }
}

run "a_project_too_long_for_buckets" {
  command = plan

  variables {
    project = "sixteen-letters-"
  }

  expect_failures = [var.project]
}

run "a_url_is_no_domain" {
  command = plan

  variables {
    domain = "https://dev.example.com"
  }

  expect_failures = [var.domain]
}

run "an_arn_of_something_else" {
  command = plan

  variables {
    certificate_arn = "arn:aws:iam::123456789012:server-certificate/old"
  }

  expect_failures = [var.certificate_arn]
}

run "a_network_too_small" {
  command = plan

  variables {
    vpc_cidr = "10.0.0.0/24"
  }

  expect_failures = [var.vpc_cidr]
}

run "one_zone_is_too_few" {
  command = plan

  variables {
    availability_zones = ["eu-central-1a"]
  }

  expect_failures = [var.availability_zones]
}

run "tasks_need_https" {
  command = plan

  variables {
    egress_ports = [587]
  }

  expect_failures = [var.egress_ports]
}

run "every_secret_is_too_many" {
  command = plan

  variables {
    extra_secret_arns = ["arn:aws:secretsmanager:eu-central-1:123456789012:secret:*"]
  }

  expect_failures = [var.extra_secret_arns]
}
