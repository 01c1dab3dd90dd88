provider "aws" {
  region = var.region

  default_tags {
    tags = {
      project    = local.shared.project
      env        = local.environment
      managed-by = "terraform"
    }
  }

  # Owner, expiry and releases are tags, too, but change without an apply.
  ignore_tags {
    key_prefixes = ["adhoc:"]
  }
}
