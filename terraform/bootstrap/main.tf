data "aws_caller_identity" "current" {}
data "aws_partition" "current" {}
data "aws_region" "current" {}

locals {
  partition = data.aws_partition.current.partition
  account   = data.aws_caller_identity.current.account_id
  region    = data.aws_region.current.id

  # Beginning of the ARNs of a service, in this region and account.
  arn = "arn:${local.partition}"
  here = {
    for service in [
      "application-autoscaling", "cloudwatch", "ec2", "ecr", "ecs", "elasticloadbalancing", "logs", "rds",
      "secretsmanager", "servicediscovery", "ssm",
    ] : service => "arn:${local.partition}:${service}:${local.region}:${local.account}"
  }
}

locals {
  state_keys = { for root in ["shared", "ad-hoc"] : root => "${root}/terraform.tfstate" }

  backend_config = {
    for root, key in local.state_keys : root => <<-EOT
      bucket       = "${aws_s3_bucket.state.id}"
      key          = "${key}"
      region       = "${local.region}"
      encrypt      = true
      use_lockfile = true
    EOT
  }
}
