# What GitHub Actions may do. Three roles: one for environments, which cannot create a role, a network or a database server;
# one for what they share, which can, within the boundary below; and one that pushes images. The policies are in
# ci-environments.tf, ci-shared.tf and ci-images.tf. Anything of EC2, ECS, load balancing and RDS is ours if it has the project's tag, which the provider puts on
# everything; IAM and S3, which know no such condition or not everywhere, go by names.

locals {
  ci = var.github_repository == null ? 0 : 1

  oidc_provider_arn = try(coalesce(var.github_oidc_provider_arn, one(aws_iam_openid_connect_provider.github[*].arn)), null)

  # What `shared` calls its roles, which have a path of the project's own. The CI roles are not in it, so no CI role can
  # change itself or the other.
  task_roles       = [for kind in ["execution", "task"] : "${local.arn}:iam::${local.account}:role/${var.project}/${var.project}-*-${kind}"]
  bastion_roles    = "${local.arn}:iam::${local.account}:role/${var.project}/${var.project}-*-bastion"
  bastion_profiles = "${local.arn}:iam::${local.account}:instance-profile/${var.project}/${var.project}-*-bastion"

  # AWS makes these roles for itself, once in an account, for whoever first uses a service.
  service_linked_roles = {
    environments = ["ecs.amazonaws.com", "ecs.application-autoscaling.amazonaws.com"]
    shared       = ["elasticloadbalancing.amazonaws.com", "rds.amazonaws.com"]
  }

  media_buckets = "${local.arn}:s3:::${var.project}-*-media-${local.account}"
}

resource "aws_iam_openid_connect_provider" "github" {
  count = var.github_repository != null && var.github_oidc_provider_arn == null ? 1 : 0

  url            = "https://token.actions.githubusercontent.com"
  client_id_list = ["sts.amazonaws.com"]
  # AWS trusts GitHub's certificate by its authority and ignores these, but older providers want some.
  thumbprint_list = ["6938fd4d98bab03faadb97b34396831e3780aea1", "1c58a3a8518e8759bf075b76b750d4f2df264fcd"]

  tags = { Name = "github-actions" }
}

module "ci_environments" {
  source = "../modules/ci-role"
  count  = local.ci

  name         = "${var.project}-ci-environments"
  description  = "Ad hoc environments of ${var.project}"
  provider_arn = local.oidc_provider_arn
  repository   = var.github_repository
  subjects     = var.ci_environments_subjects

  policies = {
    state       = data.aws_iam_policy_document.environments_state.json
    application = data.aws_iam_policy_document.environments_application.json
    routing     = data.aws_iam_policy_document.environments_routing.json
    data        = data.aws_iam_policy_document.environments_data.json
  }
}

module "ci_shared" {
  source = "../modules/ci-role"
  count  = local.ci

  name         = "${var.project}-ci-shared"
  description  = "Shared environments of ${var.project}"
  provider_arn = local.oidc_provider_arn
  repository   = var.github_repository
  subjects     = var.ci_shared_subjects

  policies = {
    state    = data.aws_iam_policy_document.shared_state.json
    network  = data.aws_iam_policy_document.shared_network.json
    services = data.aws_iam_policy_document.shared_services.json
    identity = data.aws_iam_policy_document.shared_identity.json
  }
}

# --- Boundary ---------------------------------------------------------------------------------------------------------

# The most that any role of `shared` can ever do, whatever its own policies say. It does not grant anything by itself.
data "aws_iam_policy_document" "boundary" {
  #checkov:skip=CKV_AWS_111:A boundary grants nothing; see the comments at each `*`
  #checkov:skip=CKV_AWS_356:A boundary grants nothing; see the comments at each `*`
  statement {
    sid       = "RegistryLogIn"
    actions   = ["ecr:GetAuthorizationToken"]
    resources = ["*"] # a token is for the whole registry
  }

  statement {
    sid       = "PullImages"
    actions   = ["ecr:BatchCheckLayerAvailability", "ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"]
    resources = ["${local.here.ecr}:repository/*"]
  }

  statement {
    sid       = "WriteLogs"
    actions   = ["logs:CreateLogStream", "logs:PutLogEvents"]
    resources = ["${local.here.logs}:log-group:/ecs/*"]
  }

  statement {
    sid       = "ReadSecrets"
    actions   = ["secretsmanager:GetSecretValue"]
    resources = concat(["${local.here.secretsmanager}:secret:*-db-??????"], var.extra_secret_arns)
  }

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
    sid = "SessionManager"
    actions = [
      "ssm:UpdateInstanceInformation",
      "ssmmessages:CreateControlChannel",
      "ssmmessages:CreateDataChannel",
      "ssmmessages:OpenControlChannel",
      "ssmmessages:OpenDataChannel",
    ]
    resources = ["*"] # these know no resources that would have a name beforehand
  }
}

resource "aws_iam_policy" "boundary" {
  count = local.ci

  name        = "${var.project}-boundary"
  description = "Permissions boundary of all roles of ${var.project}'s shared environments"
  policy      = data.aws_iam_policy_document.boundary.json

  tags = { Name = "${var.project}-boundary" }
}
