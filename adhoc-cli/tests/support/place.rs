//! Everything that an environment needs from its first day to its last, each as real as it can be on one machine.
//!
//! ```text
//!  adhoc ─┬─▶ terraform ─▶ provider ─┬─▶ moto           network, load balancer, secrets, DNS, buckets, roles
//!         ├─▶ aws-sdk ───────────────┴─▶ embedded AWS   ECS and CloudWatch Logs; containers are child processes
//!         └─▶ ssh ─▶ sshd ─────────────▶ Postgres       the environment's database
//! ```

#![expect(clippy::print_stderr, reason = "a test that is skipped says so")]

use adhoc_db::testing::{PostgresFixture, SshdFixture, SshdOptions};
use adhoc_local::{Behaviour, Scenario, Server, Timing};
use serde_json::Value;

use super::Run;
use super::account::Account;

/// A release whose `gunicorn` crashes.
pub(crate) const BROKEN: &str = "v-broken";
/// A release whose migration fails.
pub(crate) const BAD_MIGRATION: &str = "v-bad-migration";

/// An account, the embedded AWS beside it, a Postgres and the bastion before it.
pub(crate) struct Place {
    pub(crate) account: Account,
    pub(crate) server: Server,
    postgres: PostgresFixture,
    _bastion: SshdFixture,
    _runtime: tokio::runtime::Runtime,
}

impl Place {
    /// With nothing in it but a certificate, a zone and var files; `None`, said aloud, where Postgres or sshd is missing.
    pub(crate) fn empty() -> Option<Self> {
        let missing = PostgresFixture::programs().is_none() || SshdFixture::program().is_none();
        if missing && std::env::var_os("ADHOC_TEST_REQUIRE").is_none() {
            eprintln!("skipped: PostgreSQL or sshd is not installed");
            return None;
        }
        let runtime = tokio::runtime::Runtime::new().unwrap();
        let (server, postgres, bastion) = runtime.block_on(async {
            let server = Server::start_with(scenario()).await.unwrap();
            let postgres = PostgresFixture::start().await.unwrap();
            let address = format!("127.0.0.1:{}", postgres.port());
            let bastion = SshdOptions::new().with_permit_open(address).start().await.unwrap();
            (server, postgres, bastion)
        });
        let mut account = Account::open();
        for service in ["ECS", "CLOUDWATCH_LOGS"] {
            account.answer_elsewhere(service, &server.endpoint());
        }
        account.set("ADHOC_DB_PASSWORD", PostgresFixture::MASTER_PASSWORD);
        account.set("USER", "me");
        account.file("adhoc.toml", &configuration(&postgres, &bastion));
        Some(Self { account, server, postgres, _bastion: bastion, _runtime: runtime })
    }

    /// With a bootstrap and a shared environment, made by the program and the project's configurations. Two minutes.
    pub(crate) fn with_shared() -> Option<Self> {
        let place = Self::empty()?;
        place.account.succeed("bootstrap create");
        place.account.succeed("shared create dev");
        Some(place)
    }

    /// With what an environment needs of both, but neither; see `shared_stand_in.py`. Seconds.
    pub(crate) fn with_stand_in() -> Option<Self> {
        let place = Self::empty()?;
        place.account.stand_in_for_shared();
        Some(place)
    }

    /// A run of the program, which shows no password however it ends.
    pub(crate) fn adhoc(&self, line: &str) -> Run {
        let run = self.account.adhoc(line);
        for secret in [PostgresFixture::MASTER_PASSWORD, "SCRAM-SHA-256$"] {
            assert!(!run.stdout.contains(secret) && !run.stderr.contains(secret), "{line} shows a password");
        }
        run
    }

    /// What the server of the databases answers.
    pub(crate) fn psql(&self, query: &str) -> String {
        let mut psql = self.postgres.command("psql");
        let output = psql.args(["-X", "-A", "-t", "-d", "postgres", "-c", query]).output().unwrap();
        assert!(output.status.success(), "{query}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap().trim().to_owned()
    }

    /// The databases that somebody made, and the roles that can log in to them.
    pub(crate) fn databases(&self) -> String {
        self.psql(
            "SELECT string_agg(name, ' ' ORDER BY name) FROM (\
             SELECT datname AS name FROM pg_database WHERE datname NOT IN ('postgres', 'rdsadmin', 'template0', 'template1') \
             UNION SELECT rolname FROM pg_roles WHERE rolcanlogin AND rolname NOT IN ('postgres', 'rdsadmin')) made",
        )
    }

    /// The tag of the image that a service's newest deployment runs, and how many tasks it should have.
    pub(crate) fn release(&self, environment: &str, role: &str) -> (String, i64) {
        let line = format!("ecs describe-services --cluster {environment}-cluster --services {environment}-{role}");
        let service = &self.account.aws(&line)["services"][0];
        let definition = service["taskDefinition"].as_str().unwrap();
        let line = format!("ecs describe-task-definition --task-definition {definition}");
        let image = self.account.aws(&line)["taskDefinition"]["containerDefinitions"][0]["image"].clone();
        let tag = image.as_str().unwrap().rsplit(':').next().unwrap().to_owned();
        (tag, service["desiredCount"].as_i64().unwrap())
    }

    /// The tags of an environment's cluster.
    pub(crate) fn cluster_tags(&self, environment: &str) -> Value {
        let line = format!("ecs describe-clusters --clusters {environment}-cluster --include TAGS");
        let tags = self.account.aws(&line)["clusters"][0]["tags"].clone();
        let pair = |tag: &Value| (tag["key"].as_str().unwrap().to_owned(), tag["value"].clone());
        Value::Object(tags.as_array().unwrap().iter().map(pair).collect())
    }

    /// Nothing is left of any environment, in any of the three places.
    pub(crate) fn no_environment_is_left(&self) {
        self.account.no_environment_is_left();
        assert_eq!(self.databases(), "");
        let under_way = self.account.aws("ecs describe-clusters --clusters alpha-cluster --include STATISTICS");
        let cluster = &under_way["clusters"][0];
        let tasks = |name: &str| cluster[name].as_i64().unwrap_or(0);
        assert_eq!((tasks("runningTasksCount"), tasks("pendingTasksCount")), (0, 0), "{cluster}");
    }
}

/// What is in the images: nothing but what a test wants to see of it. Later ones win.
fn scenario() -> Scenario {
    let migration = "echo 'Running migrations:'; echo '  Applying blog.0001_initial... OK'";
    let bad = "echo 'Running migrations:'; echo 'no such column: title' >&2; exit 1";
    [
        Behaviour::idle("*"),
        Behaviour::command("*-migrate", ["sh", "-c", migration]),
        Behaviour::command("*-collectstatic", ["echo", "164 static files copied"]),
        Behaviour::command("*-migrate", ["sh", "-c", bad]).with_image(format!("*:{BAD_MIGRATION}")),
        Behaviour::command("*-gunicorn", ["sh", "-c", "echo 'no module named wsgi' >&2; exit 1"])
            .with_image(format!("*:{BROKEN}")),
    ]
    .into_iter()
    .fold(Scenario::empty().with_timing(Timing::instant()), Scenario::with_behaviour)
}

fn configuration(postgres: &PostgresFixture, bastion: &SshdFixture) -> String {
    format!(
        "[project]\nname = \"ublog\"\ndomain = \"dev.example.com\"\n\n[health]\nurl = \"{}/{{env}}\"\n\n\
         [database]\nhost = \"127.0.0.1\"\nport = {}\nsslmode = \"disable\"\nadmin_user = \"postgres\"\n\
         admin_password_env = \"ADHOC_DB_PASSWORD\"\n\n\
         [database.ssh]\nhost = \"127.0.0.1\"\nport = {}\nuser = \"{}\"\nidentity_file = \"{}\"\nknown_hosts = \"{}\"\n",
        super::site::healthy(),
        postgres.port(),
        bastion.port(),
        bastion.user(),
        bastion.client_key().display(),
        bastion.known_hosts_file().unwrap().display(),
    )
}
