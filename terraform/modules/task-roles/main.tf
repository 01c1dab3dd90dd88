data "aws_caller_identity" "current" {}
data "aws_partition" "current" {}
data "aws_region" "current" {}

locals {
  partition = data.aws_partition.current.partition
  account   = data.aws_caller_identity.current.account_id
  region    = data.aws_region.current.id
  regional  = "${local.region}:${local.account}"

  # Names of roles of a project `a-b` begin like those of a project `a`; paths do not.
  path = "/${var.project}/"

  media_buckets = "arn:${local.partition}:s3:::${var.project}-*-media-${local.account}"
}

data "aws_iam_policy_document" "trust" {
  statement {
    actions = ["sts:AssumeRole"]

    principals {
      type        = "Service"
      identifiers = ["ecs-tasks.amazonaws.com"]
    }

    # Only for tasks of this account.
    condition {
      test     = "StringEquals"
      variable = "aws:SourceAccount"
      values   = [local.account]
    }
  }
}

# --- What ECS does to start a task ------------------------------------------------------------------------------------

resource "aws_iam_role" "execution" {
  name                 = "${var.project}-${var.name}-execution"
  path                 = local.path
  description          = "Starts the tasks of all environments in ${var.name}"
  assume_role_policy   = data.aws_iam_policy_document.trust.json
  permissions_boundary = var.permissions_boundary_arn

  tags = { Name = "${var.project}-${var.name}-execution" }
}

data "aws_iam_policy_document" "execution" {
  statement {
    sid       = "RegistryLogIn"
    actions   = ["ecr:GetAuthorizationToken"]
    resources = ["*"] # a token is for the whole registry
  }

  statement {
    sid       = "PullImages"
    actions   = ["ecr:BatchCheckLayerAvailability", "ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"]
    resources = [for name in var.repositories : "arn:${local.partition}:ecr:${local.regional}:repository/${name}"]
  }

  statement {
    sid       = "WriteLogs"
    actions   = ["logs:CreateLogStream", "logs:PutLogEvents"]
    resources = ["arn:${local.partition}:logs:${local.regional}:log-group:/ecs/*"]
  }

  statement {
    sid     = "ReadSecrets"
    actions = ["secretsmanager:GetSecretValue"]
    resources = concat(
      ["arn:${local.partition}:secretsmanager:${local.regional}:secret:*-db-??????"],
      var.extra_secret_arns,
    )
  }
}

resource "aws_iam_role_policy" "execution" {
  name   = "start-tasks"
  role   = aws_iam_role.execution.id
  policy = data.aws_iam_policy_document.execution.json
}

# --- What the application does ----------------------------------------------------------------------------------------

resource "aws_iam_role" "task" {
  name                 = "${var.project}-${var.name}-task"
  path                 = local.path
  description          = "What the application may do in all environments in ${var.name}"
  assume_role_policy   = data.aws_iam_policy_document.trust.json
  permissions_boundary = var.permissions_boundary_arn

  tags = { Name = "${var.project}-${var.name}-task" }
}

data "aws_iam_policy_document" "task" {
  statement {
    sid       = "ListMedia"
    actions   = ["s3:ListBucket"]
    resources = [local.media_buckets]
  }

  statement {
    sid       = "KeepMedia"
    actions   = ["s3:AbortMultipartUpload", "s3:DeleteObject", "s3:GetObject", "s3:PutObject"]
    resources = ["${local.media_buckets}/*"]
  }

  statement {
    sid = "ExecuteCommand"
    actions = [
      "ssmmessages:CreateControlChannel",
      "ssmmessages:CreateDataChannel",
      "ssmmessages:OpenControlChannel",
      "ssmmessages:OpenDataChannel",
    ]
    resources = ["*"] # these actions know no resources
  }
}

resource "aws_iam_role_policy" "task" {
  name   = "application"
  role   = aws_iam_role.task.id
  policy = data.aws_iam_policy_document.task.json
}
