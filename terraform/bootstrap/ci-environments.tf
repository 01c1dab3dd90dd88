# The CI role for environments: each list is what the commands and the provider were seen to call, by service.

data "aws_iam_policy_document" "environments_state" {
  statement {
    sid       = "ListStates"
    actions   = ["s3:ListBucket"]
    resources = ["${aws_s3_bucket.state.arn}"]
  }

  # The state and its lock. (The default workspace has no state, but it is looked at.)
  statement {
    sid     = "KeepStates"
    actions = ["s3:GetObject", "s3:PutObject", "s3:DeleteObject"]
    resources = [
      "${aws_s3_bucket.state.arn}/${local.state_keys["ad-hoc"]}*",
      "${aws_s3_bucket.state.arn}/env:/*/${local.state_keys["ad-hoc"]}*",
    ]
  }

  statement {
    sid       = "ReadShared"
    actions   = ["s3:GetObject"]
    resources = ["${aws_s3_bucket.state.arn}/env:/*/${local.state_keys["shared"]}"]
  }
}

data "aws_iam_policy_document" "environments_application" {
  #checkov:skip=CKV_AWS_111:The statements that can change things have conditions or names; `*` is only where AWS knows nothing narrower
  #checkov:skip=CKV_AWS_356:`*` is only where AWS knows nothing narrower, as the comments say

  statement {
    sid       = "MakeEcs"
    actions   = ["ecs:CreateCluster", "ecs:CreateService", "ecs:RegisterTaskDefinition"]
    resources = ["${local.here.ecs}:cluster/*", "${local.here.ecs}:service/*", "${local.here.ecs}:task-definition/*"]

    condition {
      test     = "StringEquals"
      variable = "aws:RequestTag/project"
      values   = ["${var.project}"]
    }
  }

  statement {
    sid = "ChangeEcs"
    actions = [
      "ecs:DeleteCluster",
      "ecs:DeleteService",
      "ecs:ExecuteCommand",
      "ecs:PutClusterCapacityProviders",
      "ecs:RunTask",
      "ecs:TagResource",
      "ecs:UntagResource",
      "ecs:UpdateCluster",
      "ecs:UpdateClusterSettings",
      "ecs:UpdateService",
    ]
    resources = [
      "${local.here.ecs}:cluster/*",
      "${local.here.ecs}:service/*",
      "${local.here.ecs}:task/*",
      "${local.here.ecs}:task-definition/*",
    ]

    condition {
      test     = "StringEquals"
      variable = "aws:ResourceTag/project"
      values   = ["${var.project}"]
    }
  }

  statement {
    sid       = "TagNewEcs"
    actions   = ["ecs:TagResource"]
    resources = ["${local.here.ecs}:*"] # of whatever one of these calls makes

    condition {
      test     = "StringEquals"
      variable = "ecs:CreateAction"
      values   = ["CreateCluster", "CreateService", "RegisterTaskDefinition", "RunTask"]
    }
  }

  # Tasks by their cluster, because a one-off task has no tags.
  statement {
    sid       = "StopTasks"
    actions   = ["ecs:StopTask"]
    resources = ["${local.here.ecs}:task/*"]

    condition {
      test     = "ArnLike"
      variable = "ecs:cluster"
      values   = ["${local.here.ecs}:cluster/*-cluster"]
    }
  }

  statement {
    sid = "ReadEcs"
    actions = [
      "ecs:DescribeClusters",
      "ecs:DescribeServiceDeployments",
      "ecs:DescribeServiceRevisions",
      "ecs:DescribeServices",
      "ecs:DescribeTasks",
      "ecs:ListServiceDeployments",
      "ecs:ListServices",
      "ecs:ListTagsForResource",
      "ecs:ListTasks",
    ]
    resources = ["${local.here.ecs}:*"] # reading gives nothing away but names
  }

  statement {
    sid = "TaskDefinitions"
    actions = [
      "ecs:DeregisterTaskDefinition",
      "ecs:DescribeTaskDefinition",
      "ecs:ListClusters",
      "ecs:ListTaskDefinitions",
    ]
    resources = ["*"] # these actions know no resources
  }

  statement {
    sid       = "HandRolesToTasks"
    actions   = ["iam:PassRole"]
    resources = local.task_roles

    condition {
      test     = "StringEquals"
      variable = "iam:PassedToService"
      values   = ["ecs-tasks.amazonaws.com"]
    }
  }

  statement {
    sid       = "MakeServiceLinkedRoles"
    actions   = ["iam:CreateServiceLinkedRole"]
    resources = [for service in local.service_linked_roles.environments : "${local.arn}:iam::${local.account}:role/aws-service-role/${service}/*"]

    condition {
      test     = "StringEquals"
      variable = "iam:AWSServiceName"
      values   = local.service_linked_roles.environments
    }
  }

  statement {
    sid = "Logs"
    actions = [
      "logs:CreateLogGroup",
      "logs:DeleteLogGroup",
      "logs:DeleteRetentionPolicy",
      "logs:DescribeLogStreams",
      "logs:FilterLogEvents",
      "logs:GetLogEvents",
      "logs:ListTagsForResource",
      "logs:PutRetentionPolicy",
      "logs:TagResource",
      "logs:UntagResource",
    ]
    resources = ["${local.here.logs}:log-group:/ecs/*", "${local.here.logs}:log-group:/aws/ecs/containerinsights/*-cluster/*"]
  }

  statement {
    sid       = "FindLogs"
    actions   = ["logs:DescribeLogGroups"]
    resources = ["${local.here.logs}:log-group:*"] # it searches all of them
  }

  statement {
    sid = "Scale"
    actions = [
      "application-autoscaling:DeleteScalingPolicy",
      "application-autoscaling:DeregisterScalableTarget",
      "application-autoscaling:ListTagsForResource",
      "application-autoscaling:PutScalingPolicy",
      "application-autoscaling:RegisterScalableTarget",
      "application-autoscaling:TagResource",
      "application-autoscaling:UntagResource",
    ]
    resources = ["${local.here["application-autoscaling"]}:scalable-target/*"]

    condition {
      test     = "StringEqualsIfExists"
      variable = "application-autoscaling:service-namespace"
      values   = ["ecs"]
    }
  }

  statement {
    sid       = "ReadScaling"
    actions   = ["application-autoscaling:DescribeScalableTargets", "application-autoscaling:DescribeScalingPolicies"]
    resources = ["*"] # these actions know no resources
  }

  # Application Auto Scaling makes the alarms of a target tracking policy in our name.
  statement {
    sid       = "ScalingAlarms"
    actions   = ["cloudwatch:DeleteAlarms", "cloudwatch:DescribeAlarms", "cloudwatch:PutMetricAlarm"]
    resources = ["${local.here.cloudwatch}:alarm:TargetTracking-service/*"]
  }
}

data "aws_iam_policy_document" "environments_routing" {
  #checkov:skip=CKV_AWS_111:The statements that can change things have conditions or names; `*` is only where AWS knows nothing narrower
  #checkov:skip=CKV_AWS_356:`*` is only where AWS knows nothing narrower, as the comments say

  statement {
    sid       = "MakeTargetGroups"
    actions   = ["elasticloadbalancing:CreateTargetGroup"]
    resources = ["${local.here.elasticloadbalancing}:targetgroup/*"]

    condition {
      test     = "StringEquals"
      variable = "aws:RequestTag/project"
      values   = ["${var.project}"]
    }
  }

  statement {
    sid = "ChangeRouting"
    actions = [
      "elasticloadbalancing:AddTags",
      "elasticloadbalancing:CreateRule",
      "elasticloadbalancing:DeleteRule",
      "elasticloadbalancing:DeleteTargetGroup",
      "elasticloadbalancing:ModifyRule",
      "elasticloadbalancing:ModifyTargetGroup",
      "elasticloadbalancing:ModifyTargetGroupAttributes",
      "elasticloadbalancing:RemoveTags",
      "elasticloadbalancing:SetRulePriorities",
    ]
    resources = [
      "${local.here.elasticloadbalancing}:targetgroup/*",
      "${local.here.elasticloadbalancing}:listener/app/*",
      "${local.here.elasticloadbalancing}:listener-rule/app/*",
    ]

    condition {
      test     = "StringEquals"
      variable = "aws:ResourceTag/project"
      values   = ["${var.project}"]
    }
  }

  statement {
    sid     = "TagNewRouting"
    actions = ["elasticloadbalancing:AddTags"]
    resources = [
      "${local.here.elasticloadbalancing}:targetgroup/*",
      "${local.here.elasticloadbalancing}:listener-rule/app/*",
    ]

    condition {
      test     = "StringEquals"
      variable = "elasticloadbalancing:CreateAction"
      values   = ["CreateTargetGroup", "CreateRule"]
    }
  }

  statement {
    sid = "ReadRouting"
    actions = [
      "elasticloadbalancing:DescribeListeners",
      "elasticloadbalancing:DescribeLoadBalancers",
      "elasticloadbalancing:DescribeRules",
      "elasticloadbalancing:DescribeTags",
      "elasticloadbalancing:DescribeTargetGroupAttributes",
      "elasticloadbalancing:DescribeTargetGroups",
      "elasticloadbalancing:DescribeTargetHealth",
    ]
    resources = ["*"] # these actions know no resources
  }

  statement {
    sid       = "MakeDiscovery"
    actions   = ["servicediscovery:CreateService"]
    resources = ["${local.here.servicediscovery}:service/*"]

    condition {
      test     = "StringEquals"
      variable = "aws:RequestTag/project"
      values   = ["${var.project}"]
    }
  }

  # What these are made in is ours as well.
  statement {
    sid       = "UseNamespace"
    actions   = ["servicediscovery:CreateService"]
    resources = ["${local.here.servicediscovery}:namespace/*"]

    condition {
      test     = "StringEquals"
      variable = "aws:ResourceTag/project"
      values   = ["${var.project}"]
    }
  }

  statement {
    sid = "ChangeDiscovery"
    actions = [
      "servicediscovery:DeleteService",
      "servicediscovery:DeregisterInstance",
      "servicediscovery:UpdateService",
    ]
    resources = ["${local.here.servicediscovery}:service/*"]

    condition {
      test     = "StringEquals"
      variable = "aws:ResourceTag/project"
      values   = ["${var.project}"]
    }
  }

  # A service is tagged as it is made; what has another project's tag stays as it is.
  statement {
    sid       = "TagNewDiscovery"
    actions   = ["servicediscovery:TagResource"]
    resources = ["*"] # this action knows no resources

    condition {
      test     = "StringEquals"
      variable = "aws:RequestTag/project"
      values   = ["${var.project}"]
    }

    condition {
      test     = "StringEqualsIfExists"
      variable = "aws:ResourceTag/project"
      values   = ["${var.project}"]
    }
  }

  statement {
    sid       = "TagOwnDiscovery"
    actions   = ["servicediscovery:TagResource", "servicediscovery:UntagResource"]
    resources = ["*"] # these actions know no resources

    condition {
      test     = "StringEquals"
      variable = "aws:ResourceTag/project"
      values   = ["${var.project}"]
    }
  }

  statement {
    sid = "ReadDiscovery"
    actions = [
      "servicediscovery:GetNamespace",
      "servicediscovery:GetOperation",
      "servicediscovery:GetService",
      "servicediscovery:ListInstances",
      "servicediscovery:ListServices",
      "servicediscovery:ListTagsForResource",
    ]
    resources = ["*"] # these actions know no resources, or not everywhere
  }

  # Cloud Map removes the records of an instance in our name. Nobody else may do that with this statement.
  statement {
    sid       = "DiscoveryRecords"
    actions   = ["route53:ChangeResourceRecordSets"]
    resources = ["${local.arn}:route53:::hostedzone/*"]

    condition {
      test     = "Bool"
      variable = "aws:ViaAWSService"
      values   = ["true"]
    }
  }

  dynamic "statement" {
    for_each = length(var.zone_ids) > 0 ? [1] : []

    content {
      sid = "Records"
      actions = [
        "route53:ChangeResourceRecordSets",
        "route53:GetHostedZone",
        "route53:ListResourceRecordSets",
        "route53:ListTagsForResource",
      ]
      resources = [for id in var.zone_ids : "${local.arn}:route53:::hostedzone/${id}"]
    }
  }

  statement {
    sid       = "RecordChanges"
    actions   = ["route53:GetChange"]
    resources = ["${local.arn}:route53:::change/*"] # its id is not known beforehand
  }
}

data "aws_iam_policy_document" "environments_data" {
  #checkov:skip=CKV_AWS_108:Its work is to read the secrets of the databases and to fill media buckets; both go by name
  #checkov:skip=CKV_AWS_111:The statements that can change things have conditions or names; `*` is only where AWS knows nothing narrower
  #checkov:skip=CKV_AWS_356:`*` is only where AWS knows nothing narrower, as the comments say

  statement {
    sid = "MediaBuckets"
    actions = [
      "s3:CreateBucket",
      "s3:DeleteBucket",
      "s3:DeleteBucketPolicy",
      "s3:GetAccelerateConfiguration",
      "s3:GetBucketAcl",
      "s3:GetBucketCORS",
      "s3:GetBucketLocation",
      "s3:GetBucketLogging",
      "s3:GetBucketObjectLockConfiguration",
      "s3:GetBucketOwnershipControls",
      "s3:GetBucketPolicy",
      "s3:GetBucketPublicAccessBlock",
      "s3:GetBucketRequestPayment",
      "s3:GetBucketTagging",
      "s3:GetBucketVersioning",
      "s3:GetBucketWebsite",
      "s3:GetEncryptionConfiguration",
      "s3:GetLifecycleConfiguration",
      "s3:GetReplicationConfiguration",
      "s3:ListBucket",
      "s3:ListBucketVersions",
      "s3:ListTagsForResource",
      "s3:PutBucketCORS",
      "s3:PutBucketOwnershipControls",
      "s3:PutBucketPolicy",
      "s3:PutBucketPublicAccessBlock",
      "s3:PutBucketTagging",
      "s3:PutBucketVersioning",
      "s3:PutEncryptionConfiguration",
      "s3:PutLifecycleConfiguration",
      "s3:TagResource",
      "s3:UntagResource",
    ]
    resources = ["${local.media_buckets}"]
  }

  statement {
    sid       = "EmptyMediaBuckets"
    actions   = ["s3:DeleteObject", "s3:DeleteObjectVersion"]
    resources = ["${local.media_buckets}/*"]
  }

  # A secret that is being made has no six characters at its end yet.
  statement {
    sid       = "MakeDatabaseSecrets"
    actions   = ["secretsmanager:CreateSecret"]
    resources = ["${local.here.secretsmanager}:secret:*-db", "${local.here.secretsmanager}:secret:*-db-??????"]
  }

  statement {
    sid = "DatabaseSecrets"
    actions = [
      "secretsmanager:DeleteSecret",
      "secretsmanager:DescribeSecret",
      "secretsmanager:GetResourcePolicy",
      "secretsmanager:GetSecretValue",
      "secretsmanager:PutSecretValue",
      "secretsmanager:RestoreSecret",
      "secretsmanager:TagResource",
      "secretsmanager:UntagResource",
      "secretsmanager:UpdateSecret",
    ]
    resources = ["${local.here.secretsmanager}:secret:*-db", "${local.here.secretsmanager}:secret:*-db-??????"]
  }

  # RDS names its secrets after nothing, but tags them with the instance.
  statement {
    sid       = "MasterPassword"
    actions   = ["secretsmanager:DescribeSecret", "secretsmanager:GetSecretValue"]
    resources = ["${local.here.secretsmanager}:secret:rds!db-*"]

    condition {
      test     = "StringLike"
      variable = "aws:ResourceTag/aws:rds:primaryDBInstanceArn"
      values   = ["${local.here.rds}:db:*-rds"]
    }
  }

  statement {
    sid       = "FindDatabase"
    actions   = ["rds:DescribeDBInstances"]
    resources = ["${local.here.rds}:db:*"]
  }

  statement {
    sid       = "FindNetwork"
    actions   = ["ec2:DescribeInstances", "ec2:DescribeSecurityGroups", "ec2:DescribeSubnets", "ec2:DescribeVpcs"]
    resources = ["*"] # these actions know no resources
  }

  statement {
    sid       = "BastionBySsh"
    actions   = ["ec2-instance-connect:SendSSHPublicKey"]
    resources = ["${local.here.ec2}:instance/*"]

    condition {
      test     = "StringEquals"
      variable = "aws:ResourceTag/project"
      values   = ["${var.project}"]
    }

    condition {
      test     = "StringLike"
      variable = "aws:ResourceTag/Name"
      values   = ["*-bastion"]
    }

    condition {
      test     = "StringEquals"
      variable = "ec2:osuser"
      values   = ["ec2-user"]
    }
  }

  # With the check of the document a session forwards a port and can do nothing else, such as open a shell.
  statement {
    sid       = "BastionBySessionManager"
    actions   = ["ssm:StartSession"]
    resources = ["${local.here.ec2}:instance/*"]

    condition {
      test     = "StringEquals"
      variable = "aws:ResourceTag/project"
      values   = ["${var.project}"]
    }

    condition {
      test     = "StringLike"
      variable = "aws:ResourceTag/Name"
      values   = ["*-bastion"]
    }

    condition {
      test     = "BoolIfExists"
      variable = "ssm:SessionDocumentAccessCheck"
      values   = ["true"]
    }
  }

  statement {
    sid       = "ForwardPorts"
    actions   = ["ssm:StartSession"]
    resources = ["${local.arn}:ssm:${local.region}::document/AWS-StartPortForwardingSessionToRemoteHost"]
  }

  statement {
    sid       = "OwnSessions"
    actions   = ["ssm:ResumeSession", "ssm:TerminateSession"]
    resources = ["${local.here.ssm}:session/*"]

    condition {
      test     = "StringLike"
      variable = "ssm:resourceTag/aws:ssmmessages:session-id"
      values   = ["&{aws:userid}"]
    }
  }
}
