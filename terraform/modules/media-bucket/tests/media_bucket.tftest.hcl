mock_provider "aws" {
  mock_data "aws_iam_policy_document" {
    defaults = { json = "{}" }
  }
}

variables {
  name          = "ublog-alpha-media-123456789012"
  force_destroy = true
  versioning    = false
}

run "private_and_encrypted" {
  command = apply

  assert {
    condition     = aws_s3_bucket.this.bucket == "ublog-alpha-media-123456789012" && aws_s3_bucket.this.tags["Name"] == "ublog-alpha-media-123456789012" && aws_s3_bucket.this.force_destroy
    error_message = "The bucket has its name, and goes with the environment."
  }
  assert {
    condition = alltrue([
      aws_s3_bucket_public_access_block.this.block_public_acls,
      aws_s3_bucket_public_access_block.this.block_public_policy,
      aws_s3_bucket_public_access_block.this.ignore_public_acls,
      aws_s3_bucket_public_access_block.this.restrict_public_buckets,
    ])
    error_message = "Nothing in the bucket is public."
  }
  assert {
    condition     = aws_s3_bucket_ownership_controls.this.rule[0].object_ownership == "BucketOwnerEnforced"
    error_message = "There are no ACLs."
  }
  assert {
    condition     = one(one(aws_s3_bucket_server_side_encryption_configuration.this.rule).apply_server_side_encryption_by_default).sse_algorithm == "AES256"
    error_message = "The bucket is encrypted."
  }
  assert {
    condition = (
      data.aws_iam_policy_document.tls_only.statement[0].effect == "Deny" &&
      one(data.aws_iam_policy_document.tls_only.statement[0].condition).variable == "aws:SecureTransport" &&
      one(data.aws_iam_policy_document.tls_only.statement[0].condition).values == tolist(["false"]) &&
      length(data.aws_iam_policy_document.tls_only.statement[0].resources) == 2
    )
    error_message = "Bucket and objects are refused without TLS."
  }
  assert {
    condition     = aws_s3_bucket_policy.this.policy == data.aws_iam_policy_document.tls_only.json
    error_message = "The policy is the bucket's."
  }
  assert {
    condition     = length(aws_s3_bucket_cors_configuration.this) == 0 && length(aws_s3_bucket_versioning.this) == 0 && length(aws_s3_bucket_lifecycle_configuration.this) == 0
    error_message = "CORS and versioning are options; without versions there is nothing to expire."
  }
}

run "options" {
  command = plan

  variables {
    force_destroy = false
    versioning    = true
    cors_origins  = ["https://alpha.dev.example.com"]
  }

  assert {
    condition     = !aws_s3_bucket.this.force_destroy && aws_s3_bucket_versioning.this[0].versioning_configuration[0].status == "Enabled" && one(one(aws_s3_bucket_lifecycle_configuration.this[0].rule).noncurrent_version_expiration).noncurrent_days == 30
    error_message = "Media can be kept."
  }
  assert {
    condition     = one(aws_s3_bucket_cors_configuration.this[0].cors_rule).allowed_origins == toset(["https://alpha.dev.example.com"])
    error_message = "Only the given origins may read and upload."
  }
}

run "refuses_a_name_that_is_too_long" {
  command = plan

  variables {
    name = "a-project-with-a-long-name-an-environment-of-28-letters-media-123456789012"
  }

  expect_failures = [var.name]
}
