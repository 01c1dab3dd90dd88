# The CI role for shared environments: each list is what the provider was seen to call, by service.

data "aws_iam_policy_document" "shared_state" {
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
      "${aws_s3_bucket.state.arn}/${local.state_keys["shared"]}*",
      "${aws_s3_bucket.state.arn}/env:/*/${local.state_keys["shared"]}*",
    ]
  }
}

data "aws_iam_policy_document" "shared_network" {
  #checkov:skip=CKV_AWS_109:It opens ports between groups that have the project's tag; that is its work
  #checkov:skip=CKV_AWS_111:The statements that can change things have conditions; `*` is only where AWS knows nothing narrower
  #checkov:skip=CKV_AWS_356:`*` is only where AWS knows nothing narrower, as the comments say

  statement {
    sid = "MakeNetwork"
    actions = [
      "ec2:AllocateAddress",
      "ec2:CreateInternetGateway",
      "ec2:CreateNatGateway",
      "ec2:CreateRouteTable",
      "ec2:CreateSecurityGroup",
      "ec2:CreateSubnet",
      "ec2:CreateVpc",
      "ec2:CreateVpcEndpoint",
    ]
    resources = [
      "${local.here.ec2}:elastic-ip/*",
      "${local.here.ec2}:internet-gateway/*",
      "${local.here.ec2}:natgateway/*",
      "${local.here.ec2}:route-table/*",
      "${local.here.ec2}:security-group/*",
      "${local.here.ec2}:subnet/*",
      "${local.here.ec2}:vpc/*",
      "${local.here.ec2}:vpc-endpoint/*",
    ]

    condition {
      test     = "StringEquals"
      variable = "aws:RequestTag/project"
      values   = ["${var.project}"]
    }
  }

  # What these are made in, or out of, is ours as well.
  statement {
    sid = "UseNetwork"
    actions = [
      "ec2:CreateNatGateway",
      "ec2:CreateRouteTable",
      "ec2:CreateSecurityGroup",
      "ec2:CreateSubnet",
      "ec2:CreateVpcEndpoint",
    ]
    resources = [
      "${local.here.ec2}:elastic-ip/*",
      "${local.here.ec2}:route-table/*",
      "${local.here.ec2}:subnet/*",
      "${local.here.ec2}:vpc/*",
    ]

    condition {
      test     = "StringEquals"
      variable = "aws:ResourceTag/project"
      values   = ["${var.project}"]
    }
  }

  statement {
    sid = "ChangeNetwork"
    actions = [
      "ec2:AssociateRouteTable",
      "ec2:AttachInternetGateway",
      "ec2:AuthorizeSecurityGroupEgress",
      "ec2:AuthorizeSecurityGroupIngress",
      "ec2:CreateRoute",
      "ec2:DeleteInternetGateway",
      "ec2:DeleteNatGateway",
      "ec2:DeleteRoute",
      "ec2:DeleteRouteTable",
      "ec2:DeleteSecurityGroup",
      "ec2:DeleteSubnet",
      "ec2:DeleteVpc",
      "ec2:DeleteVpcEndpoints",
      "ec2:DetachInternetGateway",
      "ec2:DisassociateAddress",
      "ec2:DisassociateRouteTable",
      "ec2:ModifySecurityGroupRules",
      "ec2:ModifySubnetAttribute",
      "ec2:ModifyVpcAttribute",
      "ec2:ModifyVpcEndpoint",
      "ec2:ReleaseAddress",
      "ec2:ReplaceRoute",
      "ec2:ReplaceRouteTableAssociation",
      "ec2:RevokeSecurityGroupEgress",
      "ec2:RevokeSecurityGroupIngress",
    ]
    resources = [
      "${local.here.ec2}:elastic-ip/*",
      "${local.here.ec2}:internet-gateway/*",
      "${local.here.ec2}:natgateway/*",
      "${local.here.ec2}:route-table/*",
      "${local.here.ec2}:security-group/*",
      "${local.here.ec2}:subnet/*",
      "${local.here.ec2}:vpc/*",
      "${local.here.ec2}:vpc-endpoint/*",
    ]

    condition {
      test     = "StringEquals"
      variable = "aws:ResourceTag/project"
      values   = ["${var.project}"]
    }
  }

  # A rule is changed together with its group, which has to be ours.
  statement {
    sid = "ChangeRules"
    actions = [
      "ec2:AuthorizeSecurityGroupEgress",
      "ec2:AuthorizeSecurityGroupIngress",
      "ec2:ModifySecurityGroupRules",
      "ec2:RevokeSecurityGroupEgress",
      "ec2:RevokeSecurityGroupIngress",
    ]
    resources = ["${local.here.ec2}:security-group-rule/*"]
  }

  statement {
    sid       = "MakeBastion"
    actions   = ["ec2:RunInstances"]
    resources = ["${local.here.ec2}:instance/*", "${local.here.ec2}:volume/*"]

    condition {
      test     = "StringEquals"
      variable = "aws:RequestTag/project"
      values   = ["${var.project}"]
    }
  }

  statement {
    sid       = "UseForBastion"
    actions   = ["ec2:RunInstances"]
    resources = ["${local.here.ec2}:security-group/*", "${local.here.ec2}:subnet/*"]

    condition {
      test     = "StringEquals"
      variable = "aws:ResourceTag/project"
      values   = ["${var.project}"]
    }
  }

  statement {
    sid       = "BastionInterface"
    actions   = ["ec2:RunInstances"]
    resources = ["${local.here.ec2}:network-interface/*"] # it is made with the instance, without tags
  }

  statement {
    sid       = "BastionImage"
    actions   = ["ec2:RunInstances"]
    resources = ["${local.arn}:ec2:${local.region}::image/*"]

    condition {
      test     = "StringEquals"
      variable = "ec2:Owner"
      values   = ["amazon"]
    }
  }

  statement {
    sid = "ChangeBastion"
    actions = [
      "ec2:ModifyInstanceAttribute",
      "ec2:ModifyInstanceCreditSpecification",
      "ec2:ModifyInstanceMetadataOptions",
      "ec2:ModifyVolume",
      "ec2:StartInstances",
      "ec2:StopInstances",
      "ec2:TerminateInstances",
    ]
    resources = ["${local.here.ec2}:instance/*", "${local.here.ec2}:volume/*"]

    condition {
      test     = "StringEquals"
      variable = "aws:ResourceTag/project"
      values   = ["${var.project}"]
    }
  }

  statement {
    sid       = "TagNew"
    actions   = ["ec2:CreateTags"]
    resources = ["${local.here.ec2}:*"] # of whatever one of these calls makes

    condition {
      test     = "StringEquals"
      variable = "ec2:CreateAction"
      values   = ["AllocateAddress", "AuthorizeSecurityGroupEgress", "AuthorizeSecurityGroupIngress", "CreateInternetGateway", "CreateNatGateway", "CreateRouteTable", "CreateSecurityGroup", "CreateSubnet", "CreateVpc", "CreateVpcEndpoint", "RunInstances"]
    }
  }

  statement {
    sid       = "TagOwn"
    actions   = ["ec2:CreateTags", "ec2:DeleteTags"]
    resources = ["${local.here.ec2}:*"] # of whatever has our tag

    condition {
      test     = "StringEquals"
      variable = "aws:ResourceTag/project"
      values   = ["${var.project}"]
    }
  }

  statement {
    sid = "Read"
    actions = [
      "ec2:DescribeAddresses",
      "ec2:DescribeAddressesAttribute",
      "ec2:DescribeAvailabilityZones",
      "ec2:DescribeImages",
      "ec2:DescribeInstanceAttribute",
      "ec2:DescribeInstanceCreditSpecifications",
      "ec2:DescribeInstanceStatus",
      "ec2:DescribeInstanceTypes",
      "ec2:DescribeInstances",
      "ec2:DescribeInternetGateways",
      "ec2:DescribeNatGateways",
      "ec2:DescribeNetworkAcls",
      "ec2:DescribeNetworkInterfaces",
      "ec2:DescribePrefixLists",
      "ec2:DescribeRegions",
      "ec2:DescribeRouteTables",
      "ec2:DescribeSecurityGroupRules",
      "ec2:DescribeSecurityGroups",
      "ec2:DescribeSubnets",
      "ec2:DescribeTags",
      "ec2:DescribeVolumes",
      "ec2:DescribeVolumesModifications",
      "ec2:DescribeVpcAttribute",
      "ec2:DescribeVpcEndpoints",
      "ec2:DescribeVpcs",
    ]
    resources = ["*"] # these actions know no resources
  }
}

data "aws_iam_policy_document" "shared_services" {
  #checkov:skip=CKV_AWS_111:The statements that can change things have conditions or names; `*` is only where AWS knows nothing narrower
  #checkov:skip=CKV_AWS_356:`*` is only where AWS knows nothing narrower, as the comments say

  statement {
    sid       = "MakeBalancer"
    actions   = ["elasticloadbalancing:CreateLoadBalancer"]
    resources = ["${local.here.elasticloadbalancing}:loadbalancer/app/*"]

    condition {
      test     = "StringEquals"
      variable = "aws:RequestTag/project"
      values   = ["${var.project}"]
    }
  }

  statement {
    sid = "ChangeBalancer"
    actions = [
      "elasticloadbalancing:AddTags",
      "elasticloadbalancing:CreateListener",
      "elasticloadbalancing:DeleteListener",
      "elasticloadbalancing:DeleteLoadBalancer",
      "elasticloadbalancing:ModifyListener",
      "elasticloadbalancing:ModifyListenerAttributes",
      "elasticloadbalancing:ModifyLoadBalancerAttributes",
      "elasticloadbalancing:RemoveTags",
      "elasticloadbalancing:SetSecurityGroups",
      "elasticloadbalancing:SetSubnets",
    ]
    resources = [
      "${local.here.elasticloadbalancing}:loadbalancer/app/*",
      "${local.here.elasticloadbalancing}:listener/app/*",
    ]

    condition {
      test     = "StringEquals"
      variable = "aws:ResourceTag/project"
      values   = ["${var.project}"]
    }
  }

  statement {
    sid     = "TagNewBalancer"
    actions = ["elasticloadbalancing:AddTags"]
    resources = [
      "${local.here.elasticloadbalancing}:loadbalancer/app/*",
      "${local.here.elasticloadbalancing}:listener/app/*",
    ]

    condition {
      test     = "StringEquals"
      variable = "elasticloadbalancing:CreateAction"
      values   = ["CreateListener", "CreateLoadBalancer"]
    }
  }

  statement {
    sid = "ReadBalancer"
    actions = [
      "elasticloadbalancing:DescribeCapacityReservation",
      "elasticloadbalancing:DescribeListenerAttributes",
      "elasticloadbalancing:DescribeListeners",
      "elasticloadbalancing:DescribeLoadBalancerAttributes",
      "elasticloadbalancing:DescribeLoadBalancers",
      "elasticloadbalancing:DescribeTags",
    ]
    resources = ["*"] # these actions know no resources
  }

  statement {
    sid = "Database"
    actions = [
      "rds:AddTagsToResource",
      "rds:CreateDBInstance",
      "rds:CreateDBParameterGroup",
      "rds:CreateDBSnapshot",
      "rds:CreateDBSubnetGroup",
      "rds:DeleteDBInstance",
      "rds:DeleteDBParameterGroup",
      "rds:DeleteDBSubnetGroup",
      "rds:ModifyDBInstance",
      "rds:ModifyDBParameterGroup",
      "rds:ModifyDBSubnetGroup",
      "rds:RebootDBInstance",
      "rds:RemoveTagsFromResource",
    ]
    resources = [
      "${local.here.rds}:db:*-rds",
      "${local.here.rds}:pg:*-rds-*",
      "${local.here.rds}:snapshot:*-rds-final-*",
      "${local.here.rds}:subgrp:*-rds",
    ]
  }

  # Every instance has an option group; without one of its own it gets the default one.
  statement {
    sid       = "DefaultOptions"
    actions   = ["rds:CreateDBInstance", "rds:ModifyDBInstance"]
    resources = ["${local.here.rds}:og:default:postgres-*", "${local.here.rds}:pg:default.postgres*"]
  }

  statement {
    sid = "ReadDatabase"
    actions = [
      "rds:DescribeDBInstances",
      "rds:DescribeDBParameterGroups",
      "rds:DescribeDBParameters",
      "rds:DescribeDBSubnetGroups",
      "rds:ListTagsForResource",
    ]
    resources = ["${local.here.rds}:db:*", "${local.here.rds}:pg:*", "${local.here.rds}:subgrp:*"]
  }

  # RDS makes and rotates the master password in our name.
  statement {
    sid       = "MasterPassword"
    actions   = ["secretsmanager:CreateSecret", "secretsmanager:RotateSecret", "secretsmanager:TagResource"]
    resources = ["${local.here.secretsmanager}:secret:rds!db-*"]
  }

  statement {
    sid       = "DefaultKeys"
    actions   = ["kms:DescribeKey"]
    resources = ["${local.arn}:kms:${local.region}:${local.account}:key/*"]

    condition {
      test     = "ForAnyValue:StringEquals"
      variable = "kms:ResourceAliases"
      values   = ["alias/aws/rds", "alias/aws/secretsmanager"]
    }
  }

  statement {
    sid = "DatabaseLogs"
    actions = [
      "logs:CreateLogGroup",
      "logs:DeleteLogGroup",
      "logs:ListTagsForResource",
      "logs:PutRetentionPolicy",
      "logs:TagResource",
      "logs:UntagResource",
    ]
    resources = ["${local.here.logs}:log-group:/aws/rds/instance/*-rds/*"]
  }

  statement {
    sid       = "FindLogs"
    actions   = ["logs:DescribeLogGroups"]
    resources = ["${local.here.logs}:log-group:*"] # it searches all of them
  }

  statement {
    sid       = "MakeNamespace"
    actions   = ["servicediscovery:CreatePrivateDnsNamespace"]
    resources = ["*"] # the namespace has no id yet

    condition {
      test     = "StringEquals"
      variable = "aws:RequestTag/project"
      values   = ["${var.project}"]
    }
  }

  statement {
    sid       = "ChangeNamespace"
    actions   = ["servicediscovery:DeleteNamespace", "servicediscovery:UpdatePrivateDnsNamespace"]
    resources = ["${local.here.servicediscovery}:namespace/*"]

    condition {
      test     = "StringEquals"
      variable = "aws:ResourceTag/project"
      values   = ["${var.project}"]
    }
  }

  statement {
    sid       = "TagNewNamespace"
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
    sid       = "TagOwnNamespace"
    actions   = ["servicediscovery:TagResource", "servicediscovery:UntagResource"]
    resources = ["*"] # these actions know no resources

    condition {
      test     = "StringEquals"
      variable = "aws:ResourceTag/project"
      values   = ["${var.project}"]
    }
  }

  statement {
    sid = "ReadNamespace"
    actions = [
      "servicediscovery:GetNamespace",
      "servicediscovery:GetOperation",
      "servicediscovery:ListTagsForResource",
    ]
    resources = ["*"] # these actions know no resources, or not everywhere
  }

  # Cloud Map makes and deletes the namespace's hosted zone in our name. Route 53 deletes empty zones only, and nothing here
  # can empty one.
  statement {
    sid       = "NamespaceZone"
    actions   = ["route53:AssociateVPCWithHostedZone", "route53:DeleteHostedZone", "route53:GetHostedZone"]
    resources = ["${local.arn}:route53:::hostedzone/*", "${local.arn}:ec2:${local.region}:${local.account}:vpc/*"]
  }

  statement {
    sid       = "MakeNamespaceZone"
    actions   = ["route53:CreateHostedZone", "route53:ListHostedZonesByName"]
    resources = ["*"] # the zone has no id yet
  }

  statement {
    sid       = "BastionImage"
    actions   = ["ssm:GetParameter"]
    resources = ["${local.arn}:ssm:${local.region}::parameter/aws/service/ami-amazon-linux-latest/*"]
  }
}

data "aws_iam_policy_document" "shared_identity" {
  # Without the boundary none of these is allowed, and nothing here can take a boundary away.
  statement {
    sid       = "GrantWithinBoundary"
    actions   = ["iam:CreateRole", "iam:DeleteRolePolicy", "iam:PutRolePolicy"]
    resources = concat(local.task_roles, [local.bastion_roles])

    condition {
      test     = "ArnEquals"
      variable = "iam:PermissionsBoundary"
      values   = aws_iam_policy.boundary[*].arn
    }
  }

  statement {
    sid = "Roles"
    actions = [
      "iam:DeleteRole",
      "iam:GetRole",
      "iam:GetRolePolicy",
      "iam:ListAttachedRolePolicies",
      "iam:ListInstanceProfilesForRole",
      "iam:ListRolePolicies",
      "iam:ListRoleTags",
      "iam:TagRole",
      "iam:UntagRole",
      "iam:UpdateAssumeRolePolicy",
      "iam:UpdateRole",
      "iam:UpdateRoleDescription",
    ]
    resources = concat(local.task_roles, [local.bastion_roles])
  }

  statement {
    sid = "BastionProfile"
    actions = [
      "iam:AddRoleToInstanceProfile",
      "iam:CreateInstanceProfile",
      "iam:DeleteInstanceProfile",
      "iam:GetInstanceProfile",
      "iam:ListInstanceProfileTags",
      "iam:RemoveRoleFromInstanceProfile",
      "iam:TagInstanceProfile",
      "iam:UntagInstanceProfile",
    ]
    resources = ["${local.bastion_profiles}"]
  }

  statement {
    sid       = "HandRoleToBastion"
    actions   = ["iam:PassRole"]
    resources = ["${local.bastion_roles}"]

    condition {
      test     = "StringEquals"
      variable = "iam:PassedToService"
      values   = ["ec2.amazonaws.com"]
    }
  }

  statement {
    sid       = "MakeServiceLinkedRoles"
    actions   = ["iam:CreateServiceLinkedRole"]
    resources = [for service in local.service_linked_roles.shared : "${local.arn}:iam::${local.account}:role/aws-service-role/${service}/*"]

    condition {
      test     = "StringEquals"
      variable = "iam:AWSServiceName"
      values   = local.service_linked_roles.shared
    }
  }
}
