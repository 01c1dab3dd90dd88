# Run in the workspace that names no environment:
#   TF_WORKSPACE=default terraform test -test-directory=tests/refused

mock_provider "aws" {
  mock_data "aws_iam_policy_document" {
    defaults = { json = "{}" }
  }
}

variables {
  project            = "ublog"
  domain             = "dev.example.com"
  certificate_arn    = "arn:aws:acm:eu-central-1:123456789012:certificate/1"
  availability_zones = ["eu-central-1a", "eu-central-1b"]
}

run "no_environment" {
  command = plan

  expect_failures = [data.aws_region.current]
}
