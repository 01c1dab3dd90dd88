terraform {
  required_version = ">= 1.5"

  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = ">= 5.80, < 7.0"
    }
  }

  # Bucket, key and region come from `backend.config` at init. Each environment is a workspace.
  backend "s3" {}
}
