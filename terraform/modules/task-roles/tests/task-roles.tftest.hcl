mock_provider "aws" {
  mock_data "aws_iam_policy_document" {
    defaults = { json = "{}" }
  }

  mock_data "aws_caller_identity" {
    defaults = { account_id = "123456789012" }
  }

  mock_data "aws_region" {
    defaults = { id = "eu-central-1" }
  }

  mock_data "aws_partition" {
    defaults = { partition = "aws" }
  }
}

variables {
  project           = "ublog"
  name              = "dev"
  repositories      = ["backend", "frontend"]
  extra_secret_arns = ["arn:aws:secretsmanager:eu-central-1:123456789012:secret:stripe-??????"]
}

run "roles" {
  assert {
    condition     = aws_iam_role.execution.name == "ublog-dev-execution" && aws_iam_role.task.name == "ublog-dev-task"
    error_message = "CI may make and hand over roles of these names"
  }

  assert {
    condition     = aws_iam_role.execution.path == "/ublog/" && aws_iam_role.task.path == "/ublog/"
    error_message = "and in this path only"
  }

  assert {
    condition     = data.aws_iam_policy_document.trust.statement[0].principals == toset([{ type = "Service", identifiers = toset(["ecs-tasks.amazonaws.com"]) }])
    error_message = "for ECS tasks only"
  }

  assert {
    condition     = one(data.aws_iam_policy_document.trust.statement[0].condition).values == tolist(["123456789012"])
    error_message = "of this account only"
  }

  assert {
    condition = toset([for statement in data.aws_iam_policy_document.execution.statement : statement.sid if contains(statement.resources, "*")]) == toset(["RegistryLogIn"]) && toset(flatten([
      for statement in data.aws_iam_policy_document.execution.statement : statement.resources if statement.sid == "ReadSecrets"
      ])) == toset([
      "arn:aws:secretsmanager:eu-central-1:123456789012:secret:*-db-??????",
      "arn:aws:secretsmanager:eu-central-1:123456789012:secret:stripe-??????",
    ])
    error_message = "only the secrets of the databases, and the given ones"
  }

  assert {
    condition = toset(flatten([for statement in data.aws_iam_policy_document.execution.statement : statement.resources if statement.sid == "PullImages"])) == toset([
      "arn:aws:ecr:eu-central-1:123456789012:repository/backend",
      "arn:aws:ecr:eu-central-1:123456789012:repository/frontend",
    ])
    error_message = "only the project's repositories"
  }

  assert {
    condition = toset(flatten([for statement in data.aws_iam_policy_document.task.statement : statement.resources if statement.sid != "ExecuteCommand"])) == toset([
      "arn:aws:s3:::ublog-*-media-123456789012",
      "arn:aws:s3:::ublog-*-media-123456789012/*",
    ])
    error_message = "only the media buckets"
  }
}
