//! What AWS is to allow: groups of actions that are needed together, on the resources that names and tags can tell.
//!
//! Resources are those of <https://docs.aws.amazon.com/service-authorization/latest/reference/reference.html>. `*` stands where AWS
//! knows none for the action.

use crate::config::{AdminAuth, BastionKind, Config, DatabaseConfig};

/// Actions on resources. `{cluster}`, `{service}`, `{family}`, `{rds_instance}`, `{secret}` and `{bastion}` are the names that
/// the configuration gives, with `*` for what differs between environments.
#[derive(Debug, Clone, Copy)]
pub(super) struct Grant {
    /// The same for grants of the same resources and condition, since they become one statement.
    pub(super) sid: &'static str,
    pub(super) actions: &'static [&'static str],
    pub(super) resources: &'static [&'static str],
    /// Operator, key and value.
    pub(super) condition: Option<[&'static str; 3]>,
    /// Whether the configuration asks for it.
    pub(super) when: fn(&Config) -> bool,
}

const fn grant(sid: &'static str, actions: &'static [&'static str], resources: &'static [&'static str]) -> Grant {
    Grant { sid, actions, resources, condition: None, when: |_| true }
}

impl Grant {
    const fn only_if(mut self, operator: &'static str, key: &'static str, value: &'static str) -> Self {
        self.condition = Some([operator, key, value]);
        self
    }

    const fn when(mut self, when: fn(&Config) -> bool) -> Self {
        self.when = when;
        self
    }
}

/// The name of the one statement for all actions that know no resources.
const UNSCOPED: &str = "WhereAwsKnowsNoResources";

const CLUSTER: &str = "arn:aws:ecs:*:*:cluster/{cluster}";
const SERVICE: &str = "arn:aws:ecs:*:*:service/{cluster}/*";
const TASK: &str = "arn:aws:ecs:*:*:task/{cluster}/*";
const DEFINITION: &str = "arn:aws:ecs:*:*:task-definition/{family}:*";
const ROLE_SECRET: &str = "arn:aws:secretsmanager:*:*:secret:{secret}-??????";
const IN_CLUSTERS: [&str; 3] = ["ArnLike", "ecs:cluster", CLUSTER];

const fn in_clusters(grant: Grant) -> Grant {
    grant.only_if(IN_CLUSTERS[0], IN_CLUSTERS[1], IN_CLUSTERS[2])
}

pub(super) const READ_CLUSTERS: Grant = grant("Clusters", &["ecs:DescribeClusters"], &[CLUSTER]);
pub(super) const LIST_CLUSTERS: Grant = grant(UNSCOPED, &["ecs:ListClusters"], &["*"]);
pub(super) const TAG_CLUSTERS: Grant = grant("Clusters", &["ecs:TagResource", "ecs:UntagResource"], &[CLUSTER]);

pub(super) const READ_SERVICES: Grant = grant("Services", &["ecs:DescribeServices"], &[SERVICE]);
pub(super) const LIST_SERVICES: Grant = in_clusters(grant("ListInClusters", &["ecs:ListServices"], &["*"]));
pub(super) const READ_HISTORY: Grant = grant(
    "ReadDeployments",
    &["ecs:ListServiceDeployments", "ecs:DescribeServiceDeployments", "ecs:DescribeServiceRevisions"],
    &[SERVICE, "arn:aws:ecs:*:*:service-deployment/{cluster}/*", "arn:aws:ecs:*:*:service-revision/{cluster}/*"],
);
pub(super) const UPDATE_SERVICES: Grant = grant("Services", &["ecs:UpdateService"], &[SERVICE]);

pub(super) const READ_DEFINITIONS: Grant = grant(UNSCOPED, &["ecs:DescribeTaskDefinition"], &["*"]);
pub(super) const REGISTER: Grant = grant("Register", &["ecs:RegisterTaskDefinition"], &[DEFINITION]);
/// A clone has the tags of its original.
pub(super) const TAG_REGISTERED: Grant = grant("TagRegistered", &["ecs:TagResource"], &[DEFINITION]).only_if(
    "StringEquals",
    "ecs:CreateAction",
    "RegisterTaskDefinition",
);
pub(super) const RETIRE: Grant = grant(UNSCOPED, &["ecs:DeregisterTaskDefinition"], &["*"]);
/// The roles that a task definition names, for ECS and nobody else.
pub(super) const PASS_ROLES: Grant = grant("HandRolesToTasks", &["iam:PassRole"], &["arn:aws:iam::*:role/*"]).only_if(
    "StringEquals",
    "iam:PassedToService",
    "ecs-tasks.amazonaws.com",
);

pub(super) const READ_TASKS: Grant = grant("Tasks", &["ecs:DescribeTasks"], &[TASK]);
pub(super) const LIST_TASKS: Grant = in_clusters(grant("ListInClusters", &["ecs:ListTasks"], &["*"]));
pub(super) const RUN_TASKS: Grant = in_clusters(grant("RunTasks", &["ecs:RunTask"], &[DEFINITION]));
pub(super) const EXECUTE: Grant = grant("Execute", &["ecs:ExecuteCommand"], &[CLUSTER, TASK]);

/// The names of log groups stand in the task definitions; those of the Terraform configurations begin like this.
pub(super) const READ_LOGS: Grant =
    grant("ReadLogs", &["logs:GetLogEvents"], &["arn:aws:logs:*:*:log-group:/ecs/*:log-stream:*"]);

/// Where a service does not say in which network its tasks run.
pub(super) const FIND_NETWORK: Grant = grant(UNSCOPED, &["ec2:DescribeSubnets", "ec2:DescribeSecurityGroups"], &["*"]);

fn database(config: &Config, asks: fn(&DatabaseConfig) -> bool) -> bool {
    config.database.as_ref().is_some_and(asks)
}

/// The roles' passwords are in Secrets Manager.
fn keeps_secrets(database: &DatabaseConfig) -> bool {
    database.role_password_env.is_none() && !matches!(database.auth, AdminAuth::Environment(_))
}

pub(super) const FIND_DATABASE: Grant =
    grant("Database", &["rds:DescribeDBInstances"], &["arn:aws:rds:*:*:db:{rds_instance}"]).when(|config| {
        database(config, |it| {
            it.host.is_none()
                || matches!(it.auth, AdminAuth::RdsSecret)
                || (matches!(it.auth, AdminAuth::Iam) && it.admin_user.is_none())
        })
    });
pub(super) const FIND_BASTION: Grant = grant(UNSCOPED, &["ec2:DescribeInstances"], &["*"]).when(|config| {
    database(config, |it| match it.bastion {
        BastionKind::Direct => false,
        BastionKind::Ssm => true,
        BastionKind::Ssh => it.ssh.host.is_none() || it.ssh.instance_connect,
        BastionKind::Openssh => it.ssh.host.is_none(),
    })
});
pub(super) const PUSH_KEY: Grant =
    grant("PushKeyToBastion", &["ec2-instance-connect:SendSSHPublicKey"], &["arn:aws:ec2:*:*:instance/*"])
        .only_if("StringEquals", "aws:ResourceTag/Name", "{bastion}")
        .when(|config| database(config, |it| it.bastion == BastionKind::Ssh && it.ssh.instance_connect));
pub(super) const FORWARD: Grant =
    grant("ForwardThroughBastion", &["ssm:StartSession"], &["arn:aws:ec2:*:*:instance/*"])
        .only_if("StringEquals", "aws:ResourceTag/Name", "{bastion}")
        .when(|config| database(config, |it| it.bastion == BastionKind::Ssm));
pub(super) const FORWARD_DOCUMENT: Grant = grant(
    "ForwardWithDocument",
    &["ssm:StartSession"],
    &["arn:aws:ssm:*::document/AWS-StartPortForwardingSessionToRemoteHost"],
)
.when(|config| database(config, |it| it.bastion == BastionKind::Ssm));
/// AWS names a session after who has started it.
pub(super) const END_SESSIONS: Grant =
    grant("EndOwnSessions", &["ssm:TerminateSession"], &["arn:aws:ssm:*:*:session/${aws:userid}-*"])
        .when(|config| database(config, |it| it.bastion == BastionKind::Ssm));
/// The secret that RDS manages, whose name RDS chooses.
pub(super) const MASTER_SECRET: Grant =
    grant("ReadMasterPassword", &["secretsmanager:GetSecretValue"], &["arn:aws:secretsmanager:*:*:secret:rds!db-*"])
        .when(|config| database(config, |it| matches!(it.auth, AdminAuth::RdsSecret)));
pub(super) const NAMED_SECRET: Grant =
    grant("ReadAdminPassword", &["secretsmanager:GetSecretValue"], &["{admin_secret}"])
        .when(|config| database(config, |it| matches!(it.auth, AdminAuth::Secret(_))));
pub(super) const LOG_IN_BY_TOKEN: Grant =
    grant("LogInToDatabase", &["rds-db:connect"], &["arn:aws:rds-db:*:*:dbuser:*/{admin_user}"])
        .when(|config| database(config, |it| matches!(it.auth, AdminAuth::Iam)));

pub(super) const READ_PASSWORDS: Grant = grant("DatabasePasswords", &["secretsmanager:GetSecretValue"], &[ROLE_SECRET])
    .when(|config| database(config, keeps_secrets));
pub(super) const KEEP_PASSWORDS: Grant = grant(
    "DatabasePasswords",
    &[
        "secretsmanager:GetSecretValue",
        "secretsmanager:CreateSecret",
        "secretsmanager:TagResource",
        "secretsmanager:PutSecretValue",
        "secretsmanager:RestoreSecret",
    ],
    &[ROLE_SECRET],
)
.when(|config| database(config, keeps_secrets));
pub(super) const DROP_PASSWORDS: Grant =
    grant("DatabasePasswords", &["secretsmanager:DescribeSecret", "secretsmanager:DeleteSecret"], &[ROLE_SECRET])
        .when(|config| database(config, keeps_secrets));

// What is looked at, and nothing else. AWS knows few resources for that.

pub(super) const LOOK_FOR_IMAGES: Grant =
    grant("LookForImages", &["ecr:DescribeImages", "ecr:BatchGetImage"], &["arn:aws:ecr:*:*:repository/*"]);
pub(super) const LOOK_FOR_ROLES: Grant = grant("LookForRoles", &["iam:GetRole"], &["arn:aws:iam::*:role/*"]);
pub(super) const LOOK_FOR_SECRETS: Grant =
    grant("LookForSecrets", &["secretsmanager:DescribeSecret"], &["arn:aws:secretsmanager:*:*:secret:*"]);
pub(super) const LOOK_FOR_LOGS: Grant =
    grant("LookForLogs", &["logs:DescribeLogGroups"], &["arn:aws:logs:*:*:log-group:*"]);
pub(super) const LOOK_FOR_PARAMETERS: Grant = grant(UNSCOPED, &["ssm:DescribeParameters"], &["*"]);
pub(super) const LOOK_AT_ROUTES: Grant =
    grant(UNSCOPED, &["ec2:DescribeRouteTables", "ec2:DescribeVpcEndpoints"], &["*"]);
pub(super) const LOOK_AT_QUOTAS: Grant = grant(
    UNSCOPED,
    &[
        "servicequotas:GetServiceQuota",
        "ecs:ListClusters",
        "ecs:ListTasks",
        "ecs:DescribeTasks",
        "ec2:DescribeNetworkInterfaces",
        "ec2:DescribeSubnets",
        "elasticloadbalancing:DescribeListeners",
        "elasticloadbalancing:DescribeLoadBalancers",
        "elasticloadbalancing:DescribeRules",
        "elasticloadbalancing:DescribeTargetGroups",
        "secretsmanager:ListSecrets",
        "servicediscovery:ListNamespaces",
        "servicediscovery:ListServices",
    ],
    &["*"],
);
pub(super) const LOOK_AT_SHARED: Grant = grant(
    UNSCOPED,
    &[
        "ec2:DescribeInstances",
        "ec2:DescribeNatGateways",
        "ec2:DescribeSubnets",
        "elasticloadbalancing:DescribeLoadBalancers",
    ],
    &["*"],
);
pub(super) const LOOK_AT_DATABASE: Grant =
    grant("Database", &["rds:DescribeDBInstances"], &["arn:aws:rds:*:*:db:{rds_instance}"]);

pub(super) const LOOK_AT_RULES: Grant = grant(
    UNSCOPED,
    &[
        "elasticloadbalancing:DescribeListeners",
        "elasticloadbalancing:DescribeLoadBalancers",
        "elasticloadbalancing:DescribeRules",
        "elasticloadbalancing:DescribeTags",
        "elasticloadbalancing:DescribeTargetGroups",
    ],
    &["*"],
);
pub(super) const SHOW_PAGE: Grant = grant(
    "ShowMaintenancePage",
    &["elasticloadbalancing:CreateRule"],
    &["arn:aws:elasticloadbalancing:*:*:listener/app/*"],
);
pub(super) const TAG_PAGE: Grant = grant(
    "TagMaintenancePage",
    &["elasticloadbalancing:AddTags"],
    &["arn:aws:elasticloadbalancing:*:*:listener-rule/app/*"],
)
.only_if("StringEquals", "elasticloadbalancing:CreateAction", "CreateRule");
/// The tag of the rule says whose it is, and that it is no rule of the application's.
pub(super) const REMOVE_PAGE: Grant = grant(
    "RemoveMaintenancePage",
    &["elasticloadbalancing:DeleteRule"],
    &["arn:aws:elasticloadbalancing:*:*:listener-rule/app/*"],
)
.only_if("StringLike", "aws:ResourceTag/adhoc:maintenance", "*");
