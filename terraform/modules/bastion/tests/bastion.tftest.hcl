mock_provider "aws" {
  mock_data "aws_iam_policy_document" {
    defaults = { json = "{}" }
  }
}

variables {
  name              = "dev"
  role_name         = "ublog-dev-bastion"
  role_path         = "/ublog/"
  subnet_id         = "subnet-1"
  security_group_id = "sg-1"
  database_host     = "dev-rds.example.us-east-1.rds.amazonaws.com"
  database_port     = 5432
}

run "session_manager" {
  assert {
    condition     = aws_instance.this.tags.Name == "dev-bastion"
    error_message = "adhoc finds the instance by this name"
  }

  assert {
    condition     = aws_instance.this.metadata_options[0].http_tokens == "required" && aws_instance.this.root_block_device[0].encrypted
    error_message = "IMDSv2, and an encrypted volume"
  }

  assert {
    condition     = strcontains(aws_instance.this.user_data, "systemctl disable --now sshd") && !strcontains(aws_instance.this.user_data, "authorized_keys")
    error_message = "no SSH server"
  }

  assert {
    condition     = !contains([for statement in data.aws_iam_policy_document.session_manager.statement : true if contains(statement.actions, "ssm:GetParameter") || contains(statement.actions, "*")], true)
    error_message = "Session Manager and nothing else"
  }

  assert {
    condition = alltrue([
      for made in [aws_iam_role.this, aws_iam_instance_profile.this] : made.name == "ublog-dev-bastion" && made.path == "/ublog/"
    ])
    error_message = "CI may make, and hand over, what has this name and path"
  }

  assert {
    condition     = data.aws_ssm_parameter.image.name == "/aws/service/ami-amazon-linux-latest/al2023-ami-kernel-default-arm64"
    error_message = "Amazon Linux 2023 for ARM"
  }
}

run "ssh" {
  variables {
    ssh                      = true
    public_keys              = ["ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIA7 somebody@example.com"]
    permissions_boundary_arn = "arn:aws:iam::123456789012:policy/ublog-boundary"
  }

  assert {
    condition     = aws_instance.this.associate_public_ip_address
    error_message = "SSH needs a public address"
  }

  assert {
    condition = alltrue([
      for line in [
        "PermitOpen dev-rds.example.us-east-1.rds.amazonaws.com:5432",
        "AllowTcpForwarding local",
        "PermitTTY no",
        "PasswordAuthentication no",
        "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIA7 somebody@example.com",
        "sshd -t",
      ] : contains(split("\n", aws_instance.this.user_data), line)
    ])
    error_message = "forwards to the database, for the given keys, and nothing else"
  }

  assert {
    condition     = aws_iam_role.this.permissions_boundary == var.permissions_boundary_arn
    error_message = "the boundary on the role"
  }
}

run "not_a_key" {
  command = plan

  variables {
    public_keys = ["-----BEGIN OPENSSH PRIVATE KEY-----"]
  }

  expect_failures = [var.public_keys]
}

run "not_a_path" {
  command = plan

  variables {
    role_path = "ublog"
  }

  expect_failures = [var.role_path]
}

run "not_arm" {
  command = plan

  variables {
    instance_type = "t3.nano"
  }

  expect_failures = [var.instance_type]
}
