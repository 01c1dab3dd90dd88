//! `adhoc iam-policy` against what the commands really ask of AWS: every call that the embedded AWS sees is allowed by the policy
//! that is printed for the command.

#![expect(
    clippy::unwrap_used,
    clippy::print_stderr,
    reason = "a test that cannot be set up fails, and one that is skipped says so"
)]

mod support;

use std::collections::BTreeSet;

use adhoc_db::testing::{PostgresFixture, SshdFixture, SshdOptions};
use adhoc_local::{Behaviour, Call, Network, Scenario};
use serde_json::Value;
use support::{Run, World, running};

/// What a policy allows: actions on resources. Conditions are not judged here.
struct Policy(Vec<(BTreeSet<String>, Vec<String>)>);

impl Policy {
    fn of(world: &World, commands: &[&str]) -> Self {
        let mut program = world.command("iam-policy");
        let run = Run::of(program.args(commands).output().unwrap()).ends_with(0);
        let policy: Value = serde_json::from_str(&run.stdout).unwrap();
        let texts = |list: &Value| {
            list.as_array().unwrap().iter().map(|it| it.as_str().unwrap().to_owned()).collect::<Vec<_>>()
        };
        let statements = policy["Statement"].as_array().unwrap().iter();
        Self(statements.map(|it| (texts(&it["Action"]).into_iter().collect(), texts(&it["Resource"]))).collect())
    }

    fn allows(&self, action: &str, resource: Option<&str>) -> bool {
        self.0.iter().any(|(actions, resources)| {
            actions.contains(action)
                && resource.is_none_or(|resource| resources.iter().any(|pattern| matches(pattern, resource)))
        })
    }

    fn actions(&self) -> BTreeSet<&str> {
        self.0.iter().flat_map(|(actions, _)| actions).map(String::as_str).collect()
    }
}

/// Whether a resource is one of a pattern with `*` and `?`.
fn matches(pattern: &str, text: &str) -> bool {
    match (pattern.chars().next(), text.chars().next()) {
        (None, end) => end.is_none(),
        (Some('*'), _) => {
            (0..=text.len()).filter(|&at| text.is_char_boundary(at)).any(|at| matches(&pattern[1..], &text[at..]))
        }
        (Some('?'), Some(one)) => matches(&pattern[1..], &text[one.len_utf8()..]),
        (Some(one), Some(other)) => one == other && matches(&pattern[one.len_utf8()..], &text[other.len_utf8()..]),
        (Some(_), None) => false,
    }
}

/// The resource that a call is about, where AWS judges by one.
fn resource_of(call: &Call) -> Option<String> {
    let text = |key: &str| call.request[key].as_str();
    let first = |key: &str| call.request[key][0].as_str();
    let full = |service: &str, kind: &str, name: &str| match name.starts_with("arn:") {
        true => name.to_owned(),
        false => format!("arn:aws:{service}:us-east-1:123456789012:{kind}{name}"),
    };
    let in_cluster = |kind: &str, name: &str| {
        let cluster = text("cluster").unwrap_or("default");
        let cluster = cluster.rsplit('/').next().unwrap_or(cluster);
        full("ecs", kind, &if name.starts_with("arn:") { name.to_owned() } else { format!("{cluster}/{name}") })
    };
    Some(match (call.service.as_str(), call.operation.as_str()) {
        ("ecs", "DescribeClusters") => full("ecs", "cluster/", first("clusters")?),
        ("ecs", "DescribeServices") => in_cluster("service/", first("services")?),
        ("ecs", "UpdateService" | "ListServiceDeployments") => in_cluster("service/", text("service")?),
        ("ecs", "DescribeServiceRevisions") => first("serviceRevisionArns")?.to_owned(),
        ("ecs", "DescribeTasks") => in_cluster("task/", first("tasks")?),
        ("ecs", "RunTask") => full("ecs", "task-definition/", text("taskDefinition")?),
        ("ecs", "RegisterTaskDefinition") => full("ecs", "task-definition/", &format!("{}:1", text("family")?)),
        ("ecs", "TagResource" | "UntagResource") => text("resourceArn")?.to_owned(),
        ("ecs", "ExecuteCommand") => in_cluster("task/", text("task")?),
        ("logs", "GetLogEvents") => {
            let stream = format!("{}:log-stream:{}", text("logGroupName")?, text("logStreamName")?);
            full("logs", "log-group:", &stream)
        }
        ("rds", "DescribeDBInstances") => full("rds", "db:", text("DBInstanceIdentifier")?),
        ("secretsmanager", "CreateSecret") => full("secretsmanager", "secret:", &format!("{}-AbCdEf", text("Name")?)),
        ("secretsmanager", _) => match text("SecretId")? {
            arn if arn.starts_with("arn:") => arn.to_owned(),
            name => full("secretsmanager", "secret:", &format!("{name}-AbCdEf")),
        },
        _ => return None,
    })
}

/// Every call so far is allowed for these commands.
#[track_caller]
fn assert_allowed(world: &World, commands: &[&str]) -> BTreeSet<String> {
    let policy = Policy::of(world, commands);
    let calls = world.server.calls();
    let mut seen = BTreeSet::new();
    for call in calls.iter().filter(|call| call.service != "sts") {
        let action = format!("{}:{}", call.service, call.operation);
        let resource = resource_of(call);
        assert!(policy.allows(&action, resource.as_deref()), "{commands:?}: {action} on {resource:?} is not allowed");
        if call.operation == "RegisterTaskDefinition"
            && call.request["tags"].as_array().is_some_and(|it| !it.is_empty())
        {
            assert!(policy.allows("ecs:TagResource", resource.as_deref()), "{commands:?}: tags of {resource:?}");
            seen.insert("ecs:TagResource".to_owned());
        }
        seen.insert(action);
    }
    seen
}

/// Runs a line, and judges its calls by the policy of its command.
#[track_caller]
fn within(world: &World, command: &str, line: &str, code: i32) {
    world.server.clear_calls();
    world.adhoc(line).ends_with(code);
    assert!(!world.server.calls().is_empty(), "{line} asked nothing of AWS");
    assert_allowed(world, &[command]);
}

#[test]
fn what_commands_ask_of_ecs_is_in_their_policies() {
    let world = World::new();
    world
        .server
        .add_behaviour(Behaviour::command("*-gunicorn", ["sh", "-c", "echo boom; exit 3"]).with_image("*:broken"));
    world.server.add_behaviour(Behaviour::command("*-migrate", ["sh", "-c", "exit 1"]).with_image("*:bad-migration"));
    within(&world, "update", "update backend alpha --tag v2 --dry-run", 0);
    within(&world, "update", "update backend alpha --tag v2", 0);
    within(&world, "update", "update frontend alpha --tag v2", 0);
    within(&world, "update", "update backend alpha --tag bad-migration", 4);
    within(&world, "update", "update backend alpha --tag broken", 6);
    within(&world, "rollback", "rollback backend alpha", 0);
    within(&world, "rollback", "rollback backend alpha --to alpha-gunicorn:1", 0);
    within(&world, "run", "run migrate alpha", 0);
    within(&world, "run", "run migrate alpha --tag v3", 0);
    within(&world, "status", "status alpha", 0);
    within(&world, "status", "status nowhere", 3);
    within(&world, "logs", "logs gunicorn alpha", 0);
}

#[test]
fn what_commands_ask_of_the_life_of_environments_is_in_their_policies() {
    let world = World::new();
    within(&world, "list", "list", 0);
    within(&world, "extend", "extend alpha --keep demo", 0);
    within(&world, "extend", "extend alpha --no-keep", 0);
    within(&world, "stop", "stop alpha", 0);
    within(&world, "start", "start alpha", 0);
    within(&world, "stop", "stop --all", 0);
    within(&world, "sweep", "sweep", 0);
}

#[test]
fn a_release_needs_all_that_its_policy_allows() {
    let world = World::new();
    world
        .server
        .add_behaviour(Behaviour::command("*-gunicorn", ["sh", "-c", "echo boom; exit 3"]).with_image("*:broken"));
    world.adhoc("update backend alpha --tag broken").ends_with(6);
    world.adhoc("rollback backend alpha").ends_with(0);
    let seen = assert_allowed(&world, &["update", "rollback"]);
    // AWS asks for these by itself, or in places that are not in this world.
    let unseen = [
        "iam:PassRole",
        "ec2:DescribeSubnets",
        "ec2:DescribeSecurityGroups",
        "ecs:DescribeServiceDeployments",
        "ecs:ListServices",
        "ecs:DescribeClusters",
        "ecs:UntagResource",
        "ecs:TagResource",
    ];
    let policy = Policy::of(&world, &["update", "rollback"]);
    let mut idle = policy.actions();
    idle.retain(|action| !seen.contains(*action) && !unseen.contains(action));
    assert!(idle.is_empty(), "allowed, and never asked for: {idle:?}");
}

#[test]
fn names_of_the_configuration_are_those_of_the_policy() {
    let world = World::new();
    world.file("adhoc.toml", "[names]\nservice = 'web-{env}-{role}'\ncluster = '{env}'\n");
    let policy = Policy::of(&world, &["update"]);
    assert!(
        policy.allows("ecs:UpdateService", Some("arn:aws:ecs:us-east-1:123456789012:service/beta/web-beta-gunicorn"))
    );
    let world = World::new();
    let policy = Policy::of(&world, &["update"]);
    assert!(
        !policy.allows("ecs:UpdateService", Some("arn:aws:ecs:us-east-1:123456789012:service/beta/web-beta-gunicorn"))
    );
    world.adhoc("iam-policy updat").ends_with(2);
}

#[test]
fn what_commands_ask_of_a_database_behind_a_bastion_is_in_their_policies() {
    let missing = PostgresFixture::programs().is_none() || SshdFixture::program().is_none();
    if missing && std::env::var_os("ADHOC_TEST_REQUIRE").is_none() {
        eprintln!("skipped: PostgreSQL or sshd is not installed");
        return;
    }
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let postgres = runtime.block_on(PostgresFixture::start()).unwrap();
    let options = SshdOptions::new().with_permit_open(format!("127.0.0.1:{}", postgres.port()));
    let bastion = runtime.block_on(options.start()).unwrap();
    let network = Network::new("dev")
        .with_database_endpoint("127.0.0.1", postgres.port())
        .with_authorized_keys(bastion.pushed_keys().parent().unwrap());
    let master = format!(r#"{{"username":"postgres","password":"{}"}}"#, PostgresFixture::MASTER_PASSWORD);
    let scenario: Scenario =
        World::scenario(running("alpha")).with_network(network).with_secret("rds!db-dev-rds", master);
    let world = World::with(scenario);
    let config = format!(
        "[database]\nhost = '127.0.0.1'\nport = {}\nsslmode = 'disable'\n[database.ssh]\nport = {}\nuser = '{}'\ninstance_connect = true\nknown_hosts = '{}'\n",
        postgres.port(),
        bastion.port(),
        bastion.user(),
        bastion.known_hosts_file().unwrap().display(),
    );
    world.file("adhoc.toml", &config).file("dump.sql", "CREATE TABLE post (id int);\n");
    within(&world, "db create", "db create alpha --ttl 5d", 0);
    within(&world, "db create", "db create alpha", 0);
    within(&world, "db restore", "db restore alpha dump.sql", 0);
    within(&world, "db restore", "db restore --as-template seed dump.sql", 0);
    within(&world, "db clone", "db clone beta --from seed", 0);
    within(&world, "db list", "db list", 0);
    within(&world, "db audit", "db audit", 0);
    within(&world, "db url", "db url alpha --with-password", 0);
    within(&world, "update", "update backend alpha --tag v2", 0);
    within(&world, "db drop", "db drop alpha --yes", 0);
    within(&world, "db drop", "db drop --template seed --yes", 0);
}
