provider "aws" {
  region = var.region

  default_tags {
    tags = {
      project    = var.project
      env        = "bootstrap" # it belongs to no environment
      managed-by = "terraform"
    }
  }

  # Written at run time, by `adhoc`.
  ignore_tags {
    key_prefixes = ["adhoc:"]
  }
}
