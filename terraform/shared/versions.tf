terraform {
  required_version = ">= 1.5"

  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = ">= 5.80, < 7.0"
    }
  }

  # Settings come from a file, at `terraform init -backend-config=backend.config`.
  backend "s3" {}
}
