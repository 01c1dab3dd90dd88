variable "project" {
  description = "Name of the project. It begins the names of IAM roles and S3 buckets, and is a tag on everything."
  type        = string

  validation {
    condition     = can(regex("^[a-z][a-z0-9]*(-[a-z0-9]+)*$", var.project)) && length(var.project) <= 15
    error_message = "Use 1 to 15 lower-case letters, digits and single hyphens, beginning with a letter: names of S3 buckets are made of it."
  }
}

variable "region" {
  description = "AWS region. Null: from AWS_REGION or the profile."
  type        = string
  default     = null
}

variable "force_destroy" {
  description = "Let `destroy` delete the state bucket and the repositories with everything in them. Apply `true` first, then destroy."
  type        = bool
  default     = false
}

# --- State ------------------------------------------------------------------------------------------------------------

variable "state_bucket" {
  description = "Name of the state bucket. Null: `{project}-terraform-state-{account id}`."
  type        = string
  default     = null

  validation {
    condition     = var.state_bucket == null || can(regex("^[a-z0-9][a-z0-9-]{1,61}[a-z0-9]$", var.state_bucket))
    error_message = "Use 3 to 63 lower-case letters, digits and hyphens."
  }
}

variable "state_history_days" {
  description = "For how many days older versions of a state are kept."
  type        = number
  default     = 90

  validation {
    condition     = var.state_history_days >= 1 && floor(var.state_history_days) == var.state_history_days
    error_message = "Give one day at least: the version before the last is what repairs a broken state."
  }
}

variable "state_tls_only" {
  description = "Refuse requests to the state bucket without TLS. False only for an emulator of S3, which speaks plain HTTP."
  type        = bool
  default     = true
}

# --- Images -----------------------------------------------------------------------------------------------------------

variable "repositories" {
  description = "Names of the ECR repositories."
  type        = list(string)
  default     = ["backend", "frontend"]

  validation {
    condition     = alltrue([for name in var.repositories : can(regex("^[a-z0-9]+([._/-][a-z0-9]+)*$", name))])
    error_message = "Names of repositories are lower-case letters and digits, with single `.`, `_`, `-` or `/` between."
  }
}

variable "keep_images" {
  description = "How many images each repository keeps, the newest ones. More than are ever in use: what is gone cannot be started again."
  type        = number
  default     = 200

  validation {
    condition     = var.keep_images >= 1 && floor(var.keep_images) == var.keep_images
    error_message = "Give one image at least."
  }
}

variable "placeholder_tag" {
  description = "Tag that new environments start with, before their first release; its image is never expired."
  type        = string
  default     = "placeholder"
}

# --- CI ---------------------------------------------------------------------------------------------------------------

variable "github_repository" {
  description = <<-EOT
    GitHub repository whose workflows may take the CI roles, as GitHub's token names it. Null: no CI roles. That is `OWNER/NAME`, or
    `OWNER@ID/NAME@ID` if the repository uses immutable subject claims, as those made or renamed after 15 July 2026 do.
    `gh api repos/OWNER/NAME/actions/oidc/customization/sub` tells: it is what follows `repo:` in `sub_claim_prefix`.
  EOT
  type        = string
  default     = null
}

variable "github_oidc_provider_arn" {
  description = "The account's IAM identity provider for GitHub Actions, of which there can be one only. Null: make it."
  type        = string
  default     = null

  validation {
    condition     = var.github_oidc_provider_arn == null || can(regex("^arn:aws[a-z-]*:iam::[0-9]{12}:oidc-provider/token\\.actions\\.githubusercontent\\.com$", var.github_oidc_provider_arn))
    error_message = "Give an ARN that ends in `oidc-provider/token.actions.githubusercontent.com`."
  }
}

variable "ci_environments_subjects" {
  description = <<-EOT
    Which runs may work on environments: what follows `repo:OWNER/NAME:` in the subject of GitHub's token, such as
    `environment:ad-hoc`, `ref:refs/heads/main`, `pull_request`, or `*`: whoever may push to the repository.
  EOT
  type        = list(string)
  default     = ["*"]
}

variable "ci_images_subjects" {
  description = "Which runs may push images."
  type        = list(string)
  default     = ["*"]
}

variable "ci_shared_subjects" {
  description = "Which runs may work on shared environments. The GitHub environment `shared` should ask for a review."
  type        = list(string)
  default     = ["environment:shared"]
}

variable "zone_ids" {
  description = "Route 53 hosted zones in which CI may make the records of environments: the `zone_id` of every `shared` that has one."
  type        = list(string)
  default     = []

  validation {
    condition     = alltrue([for id in var.zone_ids : can(regex("^[A-Z0-9]{1,32}$", id))])
    error_message = "Give ids of hosted zones, such as `Z0123456789ABCDEFGHIJ`, without `/hostedzone/`."
  }
}

variable "extra_secret_arns" {
  description = "Secrets that tasks may read besides those of the databases; as in `shared`, whose roles cannot have more than this."
  type        = list(string)
  default     = []
}
