//! Which command needs what of AWS.

use super::grants::*;

/// What one command needs.
#[derive(Debug, Clone, Copy)]
pub(super) struct Needs {
    /// As it is typed.
    pub(super) command: &'static str,
    /// What its own code asks of AWS.
    pub(super) grants: &'static [&'static [Grant]],
    /// The commands whose work it does as well.
    pub(super) also: &'static [&'static str],
    /// Whether it runs Terraform, which has needs of its own.
    pub(super) terraform: bool,
}

const fn command(command: &'static str, grants: &'static [&'static [Grant]]) -> Needs {
    Needs { command, grants, also: &[], terraform: false }
}

const fn terraform(command: &'static str, grants: &'static [&'static [Grant]]) -> Needs {
    Needs { command, grants, also: &[], terraform: true }
}

impl Needs {
    const fn and(mut self, also: &'static [&'static str]) -> Self {
        self.also = also;
        self
    }
}

const OBSERVE: &[Grant] = &[READ_SERVICES, LIST_SERVICES, READ_DEFINITIONS];
const RELEASE: &[Grant] = &[REGISTER, TAG_REGISTERED, PASS_ROLES];
const ONE_OFF: &[Grant] = &[FIND_NETWORK, RUN_TASKS, LIST_TASKS, READ_TASKS, READ_LOGS];
const ROLL: &[Grant] = &[UPDATE_SERVICES, READ_HISTORY, LIST_TASKS, READ_TASKS, READ_LOGS];
const CHECKS: &[Grant] = &[
    READ_CLUSTERS,
    LIST_SERVICES,
    READ_HISTORY,
    FIND_NETWORK,
    LOOK_FOR_IMAGES,
    LOOK_FOR_ROLES,
    LOOK_FOR_SECRETS,
    LOOK_FOR_PARAMETERS,
    LOOK_FOR_LOGS,
    LOOK_AT_ROUTES,
    LOOK_AT_QUOTAS,
];
const REACH_DATABASE: &[Grant] = &[
    FIND_DATABASE,
    FIND_BASTION,
    PUSH_KEY,
    FORWARD,
    FORWARD_DOCUMENT,
    END_SESSIONS,
    MASTER_SECRET,
    NAMED_SECRET,
    LOG_IN_BY_TOKEN,
];

/// Every command.
pub(super) const COMMANDS: &[Needs] = &[
    // The embedded AWS asks for no permission, and the rest of these ask nothing of AWS.
    command("demo", &[]),
    command("local serve", &[]),
    command("completions", &[]),
    command("man", &[]),
    command("iam-policy", &[]),
    terraform("bootstrap create", &[]),
    terraform("bootstrap destroy", &[]),
    terraform("shared create", &[]),
    terraform("shared plan", &[]),
    terraform("shared destroy", &[]),
    terraform("create", &[&[READ_CLUSTERS, TAG_CLUSTERS]]).and(&["db create", "update"]),
    terraform("plan", &[]),
    terraform("destroy", &[OBSERVE, &[READ_CLUSTERS, TAG_CLUSTERS, RETIRE]]).and(&[
        "stop",
        "maintenance off",
        "db drop",
    ]),
    command("update", &[OBSERVE, RELEASE, ONE_OFF, ROLL, &[READ_CLUSTERS, TAG_CLUSTERS]]).and(&["db create"]),
    command("rollback", &[OBSERVE, ROLL, &[PASS_ROLES, READ_CLUSTERS, TAG_CLUSTERS]]),
    command("run", &[OBSERVE, RELEASE, ONE_OFF]),
    command("promote", &[&[LIST_TASKS, READ_TASKS]]).and(&["update"]),
    command("status", &[OBSERVE]),
    command("verify", &[OBSERVE, CHECKS]),
    terraform("list", &[OBSERVE, &[LIST_CLUSTERS, READ_CLUSTERS]]).and(&["db list"]),
    command("stop", &[OBSERVE, ROLL, &[LIST_CLUSTERS, READ_CLUSTERS, TAG_CLUSTERS, LIST_SERVICES]]),
    command("start", &[OBSERVE, ROLL, &[PASS_ROLES, LIST_CLUSTERS, READ_CLUSTERS, TAG_CLUSTERS, LIST_SERVICES]]),
    command("extend", &[&[READ_CLUSTERS, TAG_CLUSTERS]]),
    terraform("sweep", &[]).and(&["list", "destroy", "extend"]),
    command("logs", &[OBSERVE, &[LIST_TASKS, READ_TASKS, READ_LOGS]]),
    command("exec", &[&[READ_SERVICES, LIST_TASKS, READ_TASKS, EXECUTE]]),
    command("maintenance on", &[&[READ_SERVICES, LIST_SERVICES, LOOK_AT_RULES, SHOW_PAGE, TAG_PAGE]]),
    command("maintenance off", &[&[READ_SERVICES, LIST_SERVICES, LOOK_AT_RULES, REMOVE_PAGE]]),
    command("quota", &[OBSERVE, &[LIST_CLUSTERS, READ_CLUSTERS, LOOK_AT_QUOTAS, LOOK_FOR_LOGS]]).and(&["db list"]),
    command("cost", &[OBSERVE, &[LIST_CLUSTERS, READ_CLUSTERS, LOOK_AT_SHARED, LOOK_AT_DATABASE]]),
    command("db create", &[REACH_DATABASE, &[KEEP_PASSWORDS]]),
    command("db clone", &[REACH_DATABASE, &[KEEP_PASSWORDS]]),
    command("db restore", &[REACH_DATABASE, &[KEEP_PASSWORDS]]),
    command("db drop", &[REACH_DATABASE, &[DROP_PASSWORDS]]),
    command("db list", &[REACH_DATABASE, &[LIST_SERVICES]]),
    command("db url", &[REACH_DATABASE, &[READ_PASSWORDS]]),
    command("db shell", &[REACH_DATABASE, &[READ_PASSWORDS]]),
    command("db audit", &[REACH_DATABASE, &[READ_PASSWORDS]]),
];
