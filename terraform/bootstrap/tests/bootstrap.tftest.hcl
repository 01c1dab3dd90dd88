mock_provider "aws" {
  mock_data "aws_caller_identity" {
    defaults = { account_id = "123456789012" }
  }

  mock_data "aws_partition" {
    defaults = { partition = "aws" }
  }

  mock_data "aws_region" {
    defaults = { id = "eu-central-1" }
  }

  mock_data "aws_iam_policy_document" {
    defaults = { json = "{}" }
  }

  mock_resource "aws_iam_policy" {
    defaults = { arn = "arn:aws:iam::123456789012:policy/mock" }
  }

  mock_resource "aws_iam_role" {
    defaults = { arn = "arn:aws:iam::123456789012:role/mock" }
  }

  mock_resource "aws_iam_openid_connect_provider" {
    defaults = { arn = "arn:aws:iam::123456789012:oidc-provider/token.actions.githubusercontent.com" }
  }

  # As the real one, whose id is its name.
  mock_resource "aws_s3_bucket" {
    defaults = { id = "ublog-terraform-state-123456789012", arn = "arn:aws:s3:::ublog-terraform-state-123456789012" }
  }
}

variables {
  project = "ublog"
}

run "state_and_images" {
  assert {
    condition     = aws_s3_bucket.state.bucket == "ublog-terraform-state-123456789012" && !aws_s3_bucket.state.force_destroy
    error_message = "a bucket of this account that cannot be deleted by accident"
  }

  assert {
    condition     = aws_s3_bucket_versioning.state.versioning_configuration[0].status == "Enabled"
    error_message = "a broken state can be repaired"
  }

  assert {
    condition     = one(aws_s3_bucket_server_side_encryption_configuration.state.rule).apply_server_side_encryption_by_default[0].sse_algorithm == "AES256"
    error_message = "encrypted"
  }

  assert {
    condition = alltrue([
      aws_s3_bucket_public_access_block.state.block_public_acls,
      aws_s3_bucket_public_access_block.state.block_public_policy,
      aws_s3_bucket_public_access_block.state.ignore_public_acls,
      aws_s3_bucket_public_access_block.state.restrict_public_buckets,
      aws_s3_bucket_ownership_controls.state.rule[0].object_ownership == "BucketOwnerEnforced",
    ])
    error_message = "private"
  }

  assert {
    condition     = length(aws_s3_bucket_policy.state) == 1 && data.aws_iam_policy_document.tls_only.statement[0].effect == "Deny"
    error_message = "TLS only"
  }

  assert {
    condition     = keys(aws_ecr_repository.this) == ["backend", "frontend"] && alltrue([for repository in values(aws_ecr_repository.this) : repository.image_tag_mutability == "IMMUTABLE" && repository.image_scanning_configuration[0].scan_on_push && !repository.force_delete])
    error_message = "a tag is one image for ever, and is scanned"
  }

  assert {
    condition = [for rule in jsondecode(aws_ecr_lifecycle_policy.this["backend"].policy).rules : [rule.rulePriority, rule.selection.tagStatus, rule.selection.countNumber]] == [
      [1, "tagged", 1], [2, "untagged", 7], [3, "any", 200],
    ]
    error_message = "the placeholder stays, and so do the newest images"
  }

  assert {
    condition     = output.backend_config == { bucket = "ublog-terraform-state-123456789012", region = "eu-central-1", encrypt = true, use_lockfile = true }
    error_message = "settings of the backend"
  }

  assert {
    condition     = contains(split("\n", output.backend_config_ad_hoc), "key          = \"ad-hoc/terraform.tfstate\"") && contains(split("\n", output.backend_config_shared), "key          = \"shared/terraform.tfstate\"")
    error_message = "a key for each configuration"
  }

  assert {
    condition     = output.ci_shared_role_arn == null && output.ci_environments_role_arn == null && output.ci_images_role_arn == null && length(aws_iam_openid_connect_provider.github) == 0 && length(aws_iam_policy.boundary) == 0
    error_message = "no CI roles without a repository"
  }
}

run "ci" {
  variables {
    github_repository = "acme/ublog"
    zone_ids          = ["Z0123456789ABCDEFGHIJ"]
  }

  assert {
    condition     = output.ci_shared_role_arn != null && output.ci_environments_role_arn != null && output.ci_images_role_arn != null && length(aws_iam_openid_connect_provider.github) == 1
    error_message = "the roles, and the identity provider"
  }

  # --- What the policies must never say ---

  assert {
    condition = length([
      for action in flatten([
        for document in [
          data.aws_iam_policy_document.environments_state, data.aws_iam_policy_document.environments_application,
          data.aws_iam_policy_document.environments_routing, data.aws_iam_policy_document.environments_data,
          data.aws_iam_policy_document.shared_state, data.aws_iam_policy_document.shared_network,
          data.aws_iam_policy_document.shared_services, data.aws_iam_policy_document.shared_identity,
          data.aws_iam_policy_document.boundary, data.aws_iam_policy_document.images,
        ] : [for statement in document.statement : statement.actions]
      ]) : action if strcontains(action, "*")
    ]) == 0
    error_message = "no wildcard in an action"
  }

  assert {
    condition = toset([
      for action in flatten([
        for document in [
          data.aws_iam_policy_document.environments_state, data.aws_iam_policy_document.environments_application,
          data.aws_iam_policy_document.environments_routing, data.aws_iam_policy_document.environments_data,
        ] : [for statement in document.statement : statement.actions]
      ]) : action if startswith(action, "iam:")
    ]) == toset(["iam:CreateServiceLinkedRole", "iam:PassRole"])
    error_message = "the role for environments cannot make a role"
  }

  assert {
    condition = alltrue([
      for statement in concat(data.aws_iam_policy_document.environments_application.statement, data.aws_iam_policy_document.shared_identity.statement) :
      anytrue([for condition in statement.condition : condition.variable == "iam:PassedToService"])
      if contains(statement.actions, "iam:PassRole")
    ])
    error_message = "roles are handed to one service only"
  }

  assert {
    condition = alltrue([
      for statement in data.aws_iam_policy_document.shared_identity.statement :
      anytrue([for condition in statement.condition : condition.variable == "iam:PermissionsBoundary"])
      if length(setintersection(statement.actions, ["iam:CreateRole", "iam:PutRolePolicy", "iam:AttachRolePolicy", "iam:DeleteRolePolicy"])) > 0
    ])
    error_message = "roles are made with the boundary only"
  }

  assert {
    condition = alltrue([
      for resource in flatten([for statement in data.aws_iam_policy_document.shared_identity.statement : tolist(statement.resources)]) :
      can(regex("^arn:aws:iam::123456789012:((role|instance-profile)/ublog/ublog-\\*-(execution|task|bastion)|role/aws-service-role/[a-z.]+/\\*)$", resource))
    ])
    error_message = "only roles of `shared`, which the CI roles themselves are not"
  }

  assert {
    condition = toset(flatten([
      for statement in data.aws_iam_policy_document.environments_application.statement : statement.resources if contains(statement.actions, "iam:PassRole")
    ])) == toset(["arn:aws:iam::123456789012:role/ublog/ublog-*-execution", "arn:aws:iam::123456789012:role/ublog/ublog-*-task"])
    error_message = "tasks get roles in the project's path only"
  }

  assert {
    condition = length(setsubtract(
      ["ec2:DescribeRegions", "ec2:DescribeVpcs", "route53:CreateHostedZone", "route53:ListHostedZonesByName"],
      flatten([
        for document in [data.aws_iam_policy_document.shared_network, data.aws_iam_policy_document.shared_services] :
        [for statement in document.statement : statement.actions if contains(statement.resources, "*")]
      ]),
    )) == 0
    error_message = "what Cloud Map asks for in our name when it makes a namespace"
  }

  assert {
    condition = toset(flatten([
      for statement in data.aws_iam_policy_document.environments_state.statement : statement.resources if contains(statement.actions, "s3:PutObject")
      ])) == toset([
      "arn:aws:s3:::ublog-terraform-state-123456789012/ad-hoc/terraform.tfstate*",
      "arn:aws:s3:::ublog-terraform-state-123456789012/env:/*/ad-hoc/terraform.tfstate*",
    ])
    error_message = "the role for environments cannot write the state of `shared`"
  }

  assert {
    condition = toset(flatten([
      for statement in data.aws_iam_policy_document.environments_application.statement : statement.resources if contains(statement.actions, "logs:CreateLogGroup")
      ])) == toset([
      "arn:aws:logs:eu-central-1:123456789012:log-group:/ecs/*",
      "arn:aws:logs:eu-central-1:123456789012:log-group:/aws/ecs/containerinsights/*-cluster/*",
    ])
    error_message = "log groups of tasks and of Container Insights"
  }

  # One and the same Cloud Map serves all projects of the account.
  assert {
    condition = alltrue([
      for statement in concat(data.aws_iam_policy_document.environments_routing.statement, data.aws_iam_policy_document.shared_services.statement) : anytrue([
        for condition in statement.condition :
        condition.test == "StringEquals" && contains(["aws:RequestTag/project", "aws:ResourceTag/project"], condition.variable) && condition.values == tolist(["ublog"])
      ])
      if anytrue([for action in statement.actions : can(regex("^servicediscovery:(Create|Delete|Deregister|Register|Tag|Untag|Update)", action))])
    ])
    error_message = "nothing in Cloud Map is changed that is not the project's"
  }

  assert {
    condition = {
      for statement in data.aws_iam_policy_document.environments_routing.statement :
      one(statement.resources) => one(statement.condition).variable if contains(statement.actions, "servicediscovery:CreateService")
      } == {
      "arn:aws:servicediscovery:eu-central-1:123456789012:service/*"   = "aws:RequestTag/project"
      "arn:aws:servicediscovery:eu-central-1:123456789012:namespace/*" = "aws:ResourceTag/project"
    }
    error_message = "a service is made with the project's tag, in a namespace that has it"
  }

  assert {
    condition = toset(flatten([
      for statement in data.aws_iam_policy_document.environments_routing.statement : statement.resources if statement.sid == "Records"
    ])) == toset(["arn:aws:route53:::hostedzone/Z0123456789ABCDEFGHIJ"])
    error_message = "records in the given zones only"
  }

  assert {
    condition = {
      for statement in data.aws_iam_policy_document.images.statement : statement.sid => toset(statement.resources)
      } == {
      RegistryLogIn = toset(["*"])
      PushImages    = toset(["arn:aws:ecr:eu-central-1:123456789012:repository/backend", "arn:aws:ecr:eu-central-1:123456789012:repository/frontend"])
    }
    error_message = "images are pushed into our repositories only"
  }

  assert {
    condition     = length([for action in flatten([for statement in data.aws_iam_policy_document.images.statement : tolist(statement.actions)]) : action if !startswith(action, "ecr:") || strcontains(action, "Delete")]) == 0
    error_message = "the role for images pushes, and neither deletes nor does anything else"
  }
}

run "a_repository_with_immutable_subject_claims" {
  variables {
    github_repository = "acme@1234/ublog@5678"
  }

  assert {
    condition     = output.ci_environments_role_arn != null
    error_message = "it is named as GitHub's token names it"
  }
}

run "an_identity_provider_that_is_there" {
  variables {
    github_repository        = "acme/ublog"
    github_oidc_provider_arn = "arn:aws:iam::123456789012:oidc-provider/token.actions.githubusercontent.com"
  }

  assert {
    condition     = length(aws_iam_openid_connect_provider.github) == 0 && local.oidc_provider_arn == var.github_oidc_provider_arn
    error_message = "an account can have one only"
  }
}

run "on_an_emulator" {
  command = plan

  variables {
    state_tls_only = false
    force_destroy  = true
  }

  assert {
    condition     = length(aws_s3_bucket_policy.state) == 0 && aws_s3_bucket.state.force_destroy && aws_ecr_repository.this["backend"].force_delete
    error_message = "plain HTTP, and gone at the end"
  }
}

run "a_project_in_capitals" {
  command = plan

  variables {
    project = "Ublog"
  }

  expect_failures = [var.project]
}
