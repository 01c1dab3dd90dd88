# The example of what a production-like environment stands on. Run with its own var file:
#   TF_WORKSPACE=prod terraform test -test-directory=tests/production -var-file=../examples/production/shared.tfvars

mock_provider "aws" {
  mock_data "aws_region" {
    defaults = { id = "eu-central-1" }
  }
  mock_data "aws_iam_policy_document" {
    defaults = { json = "{}" }
  }
  mock_resource "aws_lb" {
    defaults = { arn = "arn:aws:elasticloadbalancing:eu-central-1:123456789012:loadbalancer/app/prod-alb/50dc6c495c0c9188" }
  }
  mock_resource "aws_eip" {
    defaults = { public_ip = "198.51.100.1" }
  }
  mock_resource "aws_iam_role" {
    defaults = { arn = "arn:aws:iam::123456789012:role/mock" }
  }
}

run "differs_in_variables_only" {
  command = apply

  assert {
    condition     = output.domain == "example.com" && output.region == "eu-central-1" && output.public
    error_message = "Run this with the var file of the example."
  }
  assert {
    condition     = module.database.guards.multi_az && !module.database.guards.apply_immediately
    error_message = "A zone that fails takes no database with it, and nothing restarts it at noon."
  }
  assert {
    condition     = module.database.guards.deletion_protection && module.load_balancer.deletion_protection
    error_message = "Neither database nor load balancer can be destroyed by accident."
  }
  assert {
    condition     = module.database.guards.final_snapshot && module.database.guards.backup_days >= 7
    error_message = "Backups go back a week at least, and the last one stays."
  }
  assert {
    condition     = length(output.private_subnet_ids) == 3 && keys(module.network.nat_addresses) == ["a", "b", "c"]
    error_message = "Each zone has a NAT gateway of its own."
  }
  assert {
    condition     = !local.ssh
    error_message = "The bastion is reached by Session Manager only."
  }
}
