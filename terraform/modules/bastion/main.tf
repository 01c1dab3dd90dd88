# Amazon Linux 2023 brings the agents of Systems Manager and EC2 Instance Connect.
data "aws_ssm_parameter" "image" {
  name = "/aws/service/ami-amazon-linux-latest/al2023-ami-kernel-default-arm64"
}

data "aws_iam_policy_document" "trust" {
  statement {
    actions = ["sts:AssumeRole"]

    principals {
      type        = "Service"
      identifiers = ["ec2.amazonaws.com"]
    }
  }
}

resource "aws_iam_role" "this" {
  name                 = var.role_name
  path                 = var.role_path
  description          = "Bastion of ${var.name}: Session Manager and nothing else"
  assume_role_policy   = data.aws_iam_policy_document.trust.json
  permissions_boundary = var.permissions_boundary_arn

  tags = { Name = var.role_name }
}

# AWS's own policy for this, AmazonSSMManagedInstanceCore, could read every parameter of the account as well. See
# https://docs.aws.amazon.com/systems-manager/latest/userguide/getting-started-create-iam-instance-profile.html
data "aws_iam_policy_document" "session_manager" {
  #checkov:skip=CKV_AWS_111:Nothing narrower exists, see below
  #checkov:skip=CKV_AWS_356:Nothing narrower exists, see below
  statement {
    sid = "SessionManager"
    actions = [
      "ssm:UpdateInstanceInformation",
      "ssmmessages:CreateControlChannel",
      "ssmmessages:CreateDataChannel",
      "ssmmessages:OpenControlChannel",
      "ssmmessages:OpenDataChannel",
    ]
    resources = ["*"] # the last four know no resources, and the instance has no id yet for the first
  }
}

resource "aws_iam_role_policy" "session_manager" {
  name   = "session-manager"
  role   = aws_iam_role.this.id
  policy = data.aws_iam_policy_document.session_manager.json
}

resource "aws_iam_instance_profile" "this" {
  name = var.role_name
  path = var.role_path
  role = aws_iam_role.this.name

  tags = { Name = var.role_name }
}

resource "aws_instance" "this" {
  #checkov:skip=CKV_AWS_126:Detailed monitoring is billed, and nothing here depends on a minute's resolution
  #checkov:skip=CKV_AWS_88:It has a public address only with `ssh`, and then only the given address ranges reach port 22
  ami                         = data.aws_ssm_parameter.image.insecure_value # "insecure" means: a public value, not a secret
  instance_type               = var.instance_type
  subnet_id                   = var.subnet_id
  vpc_security_group_ids      = [var.security_group_id]
  iam_instance_profile        = aws_iam_instance_profile.this.name
  associate_public_ip_address = var.ssh ? true : null # the subnets give none by themselves
  ebs_optimized               = true

  user_data_replace_on_change = true
  user_data = templatefile("${path.module}/user-data.sh.tftpl", {
    host = var.database_host
    port = var.database_port
    keys = var.public_keys
    ssh  = var.ssh
  })

  metadata_options {
    http_endpoint               = "enabled"
    http_tokens                 = "required"
    http_put_response_hop_limit = 1
  }

  root_block_device {
    volume_type           = "gp3"
    volume_size           = 8
    encrypted             = true
    delete_on_termination = true

    tags = { Name = "${var.name}-bastion" }
  }

  tags = { Name = "${var.name}-bastion" }

  lifecycle {
    # A new image comes out every other week, and each would replace the instance and its host key. To renew it:
    # terraform apply -replace=module.bastion.aws_instance.this
    ignore_changes = [ami]
  }

  # Before it has its rights the agent would register in vain, and wait for half an hour.
  depends_on = [aws_iam_role_policy.session_manager]
}
