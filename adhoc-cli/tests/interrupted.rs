//! `adhoc create` and `destroy`, killed at every step: what is left is found and completed by the next run. With a real Terraform and
//! resources that need no provider, ECS on the embedded AWS, and a real Postgres behind a real sshd.

#![expect(
    clippy::unwrap_used,
    clippy::print_stderr,
    clippy::panic,
    reason = "a fixture that cannot be set up fails the test"
)]

mod support;

use std::io::{BufRead, BufReader};
use std::process::Command;

use adhoc_db::testing::{PostgresFixture, SshdFixture, SshdOptions};
use adhoc_local::{EnvironmentSpec, Scenario, Timing};
use serde_json::Value;
use support::World;

const CONFIGURATION: &str = r#"
resource "terraform_data" "part" { input = terraform.workspace }
resource "terraform_data" "other" { input = terraform_data.part.id }
output "cluster" { value = "${terraform.workspace}-cluster" }
"#;

struct Place {
    world: World,
    postgres: PostgresFixture,
    _bastion: SshdFixture,
}

impl Place {
    /// With the clusters of two environments, which the configuration does not make; `None`, said aloud, where a program is missing.
    fn open() -> Option<Self> {
        let terraform = Command::new("terraform").arg("version").env("CHECKPOINT_DISABLE", "1").output().is_ok();
        let missing = PostgresFixture::programs().is_none() || SshdFixture::program().is_none() || !terraform;
        if missing && std::env::var_os("ADHOC_TEST_REQUIRE").is_none() {
            eprintln!("skipped: Terraform, PostgreSQL or sshd is not installed");
            return None;
        }
        let environments = ["alpha", "beta"].map(EnvironmentSpec::new);
        let scenario = Scenario::empty().with_timing(Timing::instant());
        let world = World::with(environments.into_iter().fold(scenario, Scenario::with_environment));
        let (postgres, bastion) = world.block_on(async {
            let postgres = PostgresFixture::start().await.unwrap();
            let address = format!("127.0.0.1:{}", postgres.port());
            let bastion = SshdOptions::new().with_permit_open(address).start().await.unwrap();
            (postgres, bastion)
        });
        std::fs::create_dir_all(world.folder.path().join("terraform/ad-hoc/envs")).unwrap();
        world.file("terraform/ad-hoc/main.tf", CONFIGURATION);
        world.file("template.tfvars", "# Nothing.\n");
        let place = Self { world, postgres, _bastion: bastion };
        place.configure();
        Some(place)
    }

    fn configure(&self) {
        let text = format!(
            "[health]\nurl = \"{}/{{env}}\"\n\n[database]\nhost = \"127.0.0.1\"\nport = {}\nsslmode = \"disable\"\n\
             admin_user = \"postgres\"\nadmin_password_env = \"ADHOC_DB_PASSWORD\"\n\n\
             [database.ssh]\nhost = \"127.0.0.1\"\nport = {}\nuser = \"{}\"\nidentity_file = \"{}\"\nknown_hosts = \"{}\"\n",
            support::site::healthy(),
            self.postgres.port(),
            self._bastion.port(),
            self._bastion.user(),
            self._bastion.client_key().display(),
            self._bastion.known_hosts_file().unwrap().display(),
        );
        self.world.file("adhoc.toml", &text);
    }

    fn command(&self, line: &str) -> Command {
        let mut command = self.world.command(line);
        command.env("ADHOC_DB_PASSWORD", PostgresFixture::MASTER_PASSWORD).env("USER", "me");
        command
    }

    /// The result of a command that has to succeed.
    fn result(&self, line: &str) -> Value {
        let run = support::Run::of(self.command(&format!("{line} --output json")).output().unwrap()).ends_with(0);
        run.summary()["result"].clone()
    }

    /// Runs a command again and again, and kills it when it begins its first, its second, its third ... step, until one run gets
    /// to its end. Gives the steps at which runs were killed.
    fn kill_at_every_step(&self, line: &str) -> Vec<String> {
        let mut killed = Vec::new();
        for number in 1..60 {
            match self.kill_at(line, number) {
                Some(step) => killed.push(step),
                None => return killed,
            }
        }
        panic!("it never ends; it was killed at {killed:?}");
    }

    /// The step at whose beginning the run was killed; none if it came to its end.
    fn kill_at(&self, line: &str, number: usize) -> Option<String> {
        let mut command = self.command(&format!("{line} --output json"));
        let mut child =
            command.stdout(std::process::Stdio::piped()).stderr(std::process::Stdio::null()).spawn().unwrap();
        let mut begun = 0;
        let mut last = Value::Null;
        for line in BufReader::new(child.stdout.take().unwrap()).lines() {
            last = serde_json::from_str(&line.unwrap()).unwrap();
            begun += usize::from(last["event"] == "step_started");
            if begun == number {
                child.kill().unwrap();
                child.wait().unwrap();
                return Some(last["step"].as_str().unwrap().to_owned());
            }
        }
        let code = child.wait().unwrap().code();
        // A Terraform that outlives its killed parent keeps the environment for a moment; the next run may try again.
        if code == Some(13) {
            return self.kill_at(line, number);
        }
        assert_eq!(code, Some(0), "{last}");
        None
    }

    /// What there is of an environment, in words that are the same for each.
    fn picture(&self, environment: &str) -> String {
        let status = self.result(&format!("status {environment}"));
        let list = self.result("list");
        let record = list["environments"].as_array().unwrap().iter().find(|record| record["name"] == environment);
        let mut record = record.cloned().unwrap_or_default();
        for moment in ["created_at", "expires_at"] {
            assert!(record[moment].is_string(), "{record}");
            record[moment] = Value::Null;
        }
        if let Some(size) = record["database"].get_mut("size_bytes") {
            *size = Value::Null;
        }
        format!("{status:#}\n{record:#}").replace(environment, "ENV")
    }

    fn databases(&self) -> String {
        let mut psql = self.postgres.command("psql");
        let query = "SELECT string_agg(datname, ' ' ORDER BY datname) FROM pg_database WHERE datname LIKE '%-db'";
        let output = psql.args(["-X", "-A", "-t", "-d", "postgres", "-c", query]).output().unwrap();
        assert!(output.status.success());
        String::from_utf8(output.stdout).unwrap().trim().to_owned()
    }
}

#[test]
fn what_was_killed_at_any_step_is_completed_by_the_next_run() {
    let Some(place) = Place::open() else { return };
    let create = |name: &str| format!("create {name} --from template.tfvars --ttl 5d --owner ada --tag v1.0.0");
    place.result(&create("beta"));
    let killed = place.kill_at_every_step(&create("alpha"));
    for step in ["apply", "register", "database alpha-db", "resolve", "migrate", "roll", "health"] {
        assert!(killed.iter().any(|killed| killed == step), "{step} is not in {killed:?}");
    }
    assert_eq!(place.picture("alpha"), place.picture("beta"));
    assert_eq!(place.databases(), "alpha-db beta-db");

    // One more changes nothing: no release is rolled, and no migration runs.
    let before = place.world.mutations();
    place.result("create alpha");
    let mutations: Vec<String> = place.world.mutations().split_off(before.len());
    assert!(
        mutations.iter().all(|operation| !["RunTask", "UpdateService"].contains(&operation.as_str())),
        "{mutations:?}"
    );

    let killed = place.kill_at_every_step("destroy alpha --yes");
    for step in ["stop", "database", "apply", "deregister"] {
        assert!(killed.iter().any(|killed| killed == step), "{step} is not in {killed:?}");
    }
    assert_eq!(place.databases(), "beta-db");
    let services = place.result("status alpha");
    assert!(services["rows"].as_array().unwrap().iter().all(|row| row["desired"] == 0), "{services}");
    let again = place.command("destroy alpha --yes").output().unwrap();
    assert!(String::from_utf8(again.stdout).unwrap().contains("there was nothing left of alpha"));
    place.result("destroy beta --yes");
    assert_eq!(place.databases(), "");
}
