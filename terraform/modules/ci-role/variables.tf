variable "name" {
  description = "Name of the role, which also begins the names of its policies."
  type        = string
}

variable "description" {
  description = "What the role is for."
  type        = string
}

variable "provider_arn" {
  description = "IAM identity provider for `token.actions.githubusercontent.com`."
  type        = string
}

variable "repository" {
  description = "GitHub repository whose workflows may take the role, as `OWNER/NAME`, or `OWNER@ID/NAME@ID` with immutable subject claims."
  type        = string

  validation {
    condition     = can(regex("^([A-Za-z0-9-]+/[A-Za-z0-9._-]+|[A-Za-z0-9-]+@[0-9]+/[A-Za-z0-9._-]+@[0-9]+)$", var.repository))
    error_message = "Give the repository as `OWNER/NAME` or `OWNER@ID/NAME@ID`, without wildcards."
  }
}

variable "subjects" {
  description = <<-EOT
    Which runs may take the role: what follows `repo:OWNER/NAME:` in the subject of GitHub's token, such as
    `environment:production`, `ref:refs/heads/main`, `pull_request`, or `*` for all of them. `*` and `?` match as in IAM.
  EOT
  type        = list(string)

  validation {
    condition = length(var.subjects) > 0 && alltrue([
      for subject in var.subjects : subject == "*" || subject == "pull_request" || can(regex("^(environment|ref|job_workflow_ref):.+$", subject))
    ])
    error_message = "Each is `environment:NAME`, `ref:refs/heads/BRANCH`, `pull_request`, `job_workflow_ref:...` or `*`."
  }
}

variable "policies" {
  description = "What the role may do: policy documents (JSON) by name. IAM takes ten at most, 6144 characters each."
  type        = map(string)

  validation {
    condition     = length(var.policies) > 0 && length(var.policies) <= 10
    error_message = "Give one to ten policies."
  }

  # IAM does not count white space.
  validation {
    condition     = alltrue([for policy in values(var.policies) : length(replace(policy, "/\\s/", "")) <= 6144])
    error_message = "IAM takes 6144 characters in a policy: split it."
  }
}
