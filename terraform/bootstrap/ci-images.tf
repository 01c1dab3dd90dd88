# The CI role for images: it pushes into our repositories, and can do nothing else. A build runs whatever a Dockerfile says, so
# it gets no other credentials. A tag is never overwritten: the repositories are immutable.

data "aws_iam_policy_document" "images" {
  #checkov:skip=CKV_AWS_356:The token is for the whole registry
  statement {
    sid       = "RegistryLogIn"
    actions   = ["ecr:GetAuthorizationToken"]
    resources = ["*"] # this action knows no resources
  }

  statement {
    sid = "PushImages"
    actions = [
      "ecr:BatchCheckLayerAvailability",
      "ecr:BatchGetImage",
      "ecr:CompleteLayerUpload",
      "ecr:DescribeImages",
      "ecr:GetDownloadUrlForLayer",
      "ecr:InitiateLayerUpload",
      "ecr:PutImage",
      "ecr:UploadLayerPart",
    ]
    resources = [for name in var.repositories : "${local.here.ecr}:repository/${name}"]
  }
}

module "ci_images" {
  source = "../modules/ci-role"
  count  = local.ci

  name         = "${var.project}-ci-images"
  description  = "Images of ${var.project}"
  provider_arn = local.oidc_provider_arn
  repository   = var.github_repository
  subjects     = var.ci_images_subjects

  policies = { images = data.aws_iam_policy_document.images.json }
}
