# What the shared environment offers, and whether this environment may be made at all.

locals {
  environment = terraform.workspace

  # A destroy checks no conditions, and must also work when the shared environment has gone before: for the provider, which
  # looks at the arguments all the same, there is something in their place.
  shared = merge(
    { for name in local.needed_of_shared : name => endswith(name, "_arn") ? "arn:aws:iam::000000000000:role/gone" : "gone" },
    { private_subnet_ids = [] },
    data.terraform_remote_state.shared.outputs,
  )

  # Outputs without a value are not kept in a state.
  zone_id = try(local.shared.zone_id, null)

  needed_of_shared = [
    "project", "region", "domain", "vpc_id", "private_subnet_ids", "alb_dns_name", "alb_zone_id", "https_listener_arn",
    "app_security_group_id", "namespace_id", "namespace_name", "database_host", "database_port", "execution_role_arn",
    "task_role_arn",
  ]
}

data "terraform_remote_state" "shared" {
  backend   = "s3"
  workspace = var.shared

  config = {
    bucket = var.state_bucket
    key    = var.state_key
    region = var.state_region == null ? var.region : var.state_region
  }

  lifecycle {
    # Everything depends on this state, so nothing else is looked at, or complained about, before these hold.
    precondition {
      condition     = terraform.workspace != "default"
      error_message = "An environment is a workspace, and `default` is none: select another one, or set TF_WORKSPACE=alpha."
    }

    precondition {
      condition     = can(regex("^[a-z][a-z0-9-]{0,27}$", terraform.workspace)) && !can(regex("--|-$", terraform.workspace))
      error_message = "`${terraform.workspace}` cannot name an environment: a lower-case letter, then up to 27 lower-case letters, digits and single hyphens, and no hyphen at the end."
    }

    precondition {
      condition     = terraform.workspace != var.shared
      error_message = "`${terraform.workspace}` is the shared environment; an ad hoc one needs another name."
    }

    postcondition {
      condition     = length(setsubtract(local.needed_of_shared, keys(self.outputs))) == 0
      error_message = "The shared environment `${var.shared}` (s3://${var.state_bucket}, ${var.state_key}) has no output ${join(", ", setsubtract(local.needed_of_shared, keys(self.outputs)))}. Create it first: `adhoc shared create ${var.shared}`, or an apply of the configuration `shared` in the workspace `${var.shared}`."
    }
  }
}

data "aws_caller_identity" "current" {}

data "aws_region" "current" {}
