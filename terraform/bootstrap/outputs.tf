output "project" {
  description = "Name of the project."
  value       = var.project
}

output "region" {
  description = "AWS region."
  value       = local.region
}

output "state_bucket" {
  description = "Name of the bucket that holds the states of all environments."
  value       = aws_s3_bucket.state.id
}

output "backend_config" {
  description = "Settings of the S3 backend, the same for `shared` and `ad-hoc`; each has a `key` of its own besides, in `state_keys`."
  value = {
    bucket       = aws_s3_bucket.state.id
    region       = local.region
    encrypt      = true
    use_lockfile = true
  }
}

output "state_keys" {
  description = "Key of each configuration's state in the bucket. Workspaces other than `default` are kept under `env:/`."
  value       = local.state_keys
}

output "backend_config_shared" {
  description = "Text of `shared/backend.config`: `terraform output -raw backend_config_shared >../shared/backend.config`."
  value       = local.backend_config["shared"]
}

output "backend_config_ad_hoc" {
  description = "Text of `ad-hoc/backend.config`: `terraform output -raw backend_config_ad_hoc >../ad-hoc/backend.config`."
  value       = local.backend_config["ad-hoc"]
}

output "repository_urls" {
  description = "Where images are pushed to, by the repository's name."
  value       = { for name, repository in aws_ecr_repository.this : name => repository.repository_url }
}

output "ci_environments_role_arn" {
  description = "CI role for environments: `adhoc create`, `update`, `run`, `db`, `destroy` and the like. Absent without `github_repository`."
  value       = one(module.ci_environments[*].arn)
}

output "ci_shared_role_arn" {
  description = "CI role for shared environments: `adhoc shared create`, `plan` and `destroy`. Absent without `github_repository`."
  value       = one(module.ci_shared[*].arn)
}

output "ci_images_role_arn" {
  description = "CI role for images: it pushes into the repositories. Absent without `github_repository`."
  value       = one(module.ci_images[*].arn)
}

output "permissions_boundary_arn" {
  description = "Boundary that the CI role for shared environments must put on the roles it makes: `permissions_boundary_arn` of `shared`. Absent without `github_repository`."
  value       = one(aws_iam_policy.boundary[*].arn)
}
