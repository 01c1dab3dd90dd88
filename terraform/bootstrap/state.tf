# The states of all environments. A lock is an object beside its state (`use_lockfile`), so no table is needed.
resource "aws_s3_bucket" "state" {
  #checkov:skip=CKV_AWS_145:S3's own key encrypts it; who may read the states is who may read the bucket, with a key of our own as well
  #checkov:skip=CKV_AWS_144:A state describes one region, and is of no use while that region is down
  #checkov:skip=CKV_AWS_18:Access logs would need a second bucket; CloudTrail records data events where an audit asks for them
  #checkov:skip=CKV2_AWS_62:Nothing listens for events of this bucket
  bucket        = coalesce(var.state_bucket, "${var.project}-terraform-state-${local.account}")
  force_destroy = var.force_destroy

  tags = { Name = coalesce(var.state_bucket, "${var.project}-terraform-state-${local.account}") }
}

resource "aws_s3_bucket_versioning" "state" {
  bucket = aws_s3_bucket.state.id

  versioning_configuration {
    status = "Enabled"
  }
}

resource "aws_s3_bucket_server_side_encryption_configuration" "state" {
  bucket = aws_s3_bucket.state.id

  rule {
    apply_server_side_encryption_by_default {
      sse_algorithm = "AES256"
    }
  }
}

resource "aws_s3_bucket_public_access_block" "state" {
  bucket                  = aws_s3_bucket.state.id
  block_public_acls       = true
  block_public_policy     = true
  ignore_public_acls      = true
  restrict_public_buckets = true
}

resource "aws_s3_bucket_ownership_controls" "state" {
  bucket = aws_s3_bucket.state.id

  rule {
    object_ownership = "BucketOwnerEnforced"
  }

  # S3 refuses changes of a bucket's access that come at the same moment; the same below.
  depends_on = [aws_s3_bucket_public_access_block.state]
}

data "aws_iam_policy_document" "tls_only" {
  statement {
    sid       = "TlsOnly"
    effect    = "Deny"
    actions   = ["s3:*"]
    resources = [aws_s3_bucket.state.arn, "${aws_s3_bucket.state.arn}/*"]

    principals {
      type        = "*"
      identifiers = ["*"]
    }

    condition {
      test     = "Bool"
      variable = "aws:SecureTransport"
      values   = ["false"]
    }
  }
}

resource "aws_s3_bucket_policy" "state" {
  count = var.state_tls_only ? 1 : 0

  bucket = aws_s3_bucket.state.id
  policy = data.aws_iam_policy_document.tls_only.json

  depends_on = [aws_s3_bucket_ownership_controls.state]
}

resource "aws_s3_bucket_lifecycle_configuration" "state" {
  bucket = aws_s3_bucket.state.id

  rule {
    id     = "history"
    status = "Enabled"

    filter {}

    noncurrent_version_expiration {
      noncurrent_days = var.state_history_days
    }

    # Each lock that was released and each state that was deleted leaves a marker behind.
    expiration {
      expired_object_delete_marker = true
    }

    abort_incomplete_multipart_upload {
      days_after_initiation = 7
    }
  }

  depends_on = [aws_s3_bucket_versioning.state]
}
