mock_provider "aws" {
  mock_data "aws_iam_policy_document" {
    defaults = { json = "{}" }
  }

  mock_resource "aws_iam_policy" {
    defaults = { arn = "arn:aws:iam::123456789012:policy/mock" }
  }
}

variables {
  name         = "ublog-ci-environments"
  description  = "Ad hoc environments of ublog"
  provider_arn = "arn:aws:iam::123456789012:oidc-provider/token.actions.githubusercontent.com"
  repository   = "acme/ublog"
  subjects     = ["environment:ad-hoc", "pull_request"]
  policies     = { state = "{}", routing = "{}" }
}

run "trust" {
  assert {
    condition = {
      for condition in data.aws_iam_policy_document.trust.statement[0].condition : condition.variable => toset(condition.values)
      } == {
      "token.actions.githubusercontent.com:aud" = toset(["sts.amazonaws.com"])
      "token.actions.githubusercontent.com:sub" = toset(["repo:acme/ublog:environment:ad-hoc", "repo:acme/ublog:pull_request"])
    }
    error_message = "this repository and these runs only"
  }

  assert {
    condition     = toset(keys(aws_iam_role_policy_attachment.this)) == toset(["routing", "state"]) && aws_iam_policy.this["state"].name == "ublog-ci-environments-state"
    error_message = "each policy is attached"
  }
}

run "every_repository" {
  command = plan

  variables {
    repository = "acme/*"
  }

  expect_failures = [var.repository]
}

run "every_subject_of_any_kind" {
  command = plan

  variables {
    subjects = ["*:main"]
  }

  expect_failures = [var.subjects]
}

run "too_long" {
  command = plan

  variables {
    policies = { long = format("%06200d", 0) }
  }

  expect_failures = [var.policies]
}
