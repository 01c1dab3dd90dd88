//! `adhoc db`, through a real bastion to a real Postgres, beside the embedded AWS.

#![expect(
    clippy::unwrap_used,
    clippy::print_stderr,
    reason = "a test that cannot be set up fails, and one that is skipped says so"
)]

mod support;

use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::process::{Child, ChildStdin, Stdio};

use adhoc_db::testing::{PostgresFixture, SshdFixture, SshdOptions};
use adhoc_local::Scenario;
use support::{Run, World, running};

/// A server behind a bastion that forwards to it alone, and a project that knows the way.
struct Place {
    world: World,
    postgres: PostgresFixture,
    bastion: SshdFixture,
}

const ENV_PASSWORD: &str = "role-password-never-shown";

impl Place {
    fn start() -> Option<Self> {
        Self::with(World::scenario(running("alpha")))
    }

    fn with(scenario: Scenario) -> Option<Self> {
        let missing = PostgresFixture::programs().is_none() || SshdFixture::program().is_none();
        if missing && std::env::var_os("ADHOC_TEST_REQUIRE").is_none() {
            eprintln!("skipped: PostgreSQL or sshd is not installed");
            return None;
        }
        let world = World::with(scenario);
        let (postgres, bastion) = world.block_on(async {
            let postgres = PostgresFixture::start().await.unwrap();
            let place = format!("127.0.0.1:{}", postgres.port());
            let bastion = SshdOptions::new().with_permit_open(place).start().await.unwrap();
            (postgres, bastion)
        });
        let place = Self { world, postgres, bastion };
        place.configure("", "");
        Some(place)
    }

    /// Writes adhoc.toml, with more lines for its two sections.
    fn configure(&self, database: &str, ssh: &str) {
        let text = format!(
            "[project]\nname = \"ublog\"\n\n[database]\nhost = \"127.0.0.1\"\nport = {}\nsslmode = \"disable\"\n\
             admin_user = \"postgres\"\nadmin_password_env = \"ADHOC_DB_PASSWORD\"\n{database}\n\
             [database.ssh]\nhost = \"127.0.0.1\"\nport = {}\nuser = \"{}\"\nidentity_file = \"{}\"\nknown_hosts = \"{}\"\n{ssh}\n",
            self.postgres.port(),
            self.bastion.port(),
            self.bastion.user(),
            self.bastion.client_key().display(),
            self.bastion.known_hosts_file().unwrap().display(),
        );
        self.world.file("adhoc.toml", &text);
    }

    fn command(&self, line: &str) -> std::process::Command {
        let mut command = self.world.command(line);
        command
            .env("ADHOC_DB_PASSWORD", PostgresFixture::MASTER_PASSWORD)
            .env("ROLE_PASSWORD", ENV_PASSWORD)
            .env("USER", "me");
        command
    }

    fn adhoc(&self, line: &str) -> Run {
        let run = Run::of(self.command(line).output().unwrap());
        for secret in [PostgresFixture::MASTER_PASSWORD, ENV_PASSWORD, "SCRAM-SHA-256$"] {
            assert!(!run.stdout.contains(secret) && !run.stderr.contains(secret), "{line} shows a secret");
        }
        run
    }

    fn psql(&self, database: &str, query: &str) -> String {
        let mut psql = self.postgres.command("psql");
        let output = psql.args(["-X", "-A", "-t", "-d", database, "-c", query]).output().unwrap();
        assert!(output.status.success(), "{query}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap().trim().to_owned()
    }

    /// How many sessions there are in alpha's database.
    fn sessions(&self) -> String {
        self.psql("postgres", "SELECT count(*) FROM pg_stat_activity WHERE datname = 'alpha-db'")
    }

    /// A restore in the middle of a table, whose source has not ended.
    fn restore_under_way(&self) -> (Child, ChildStdin) {
        let mut command = self.command("db restore alpha -");
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let mut stdin = child.stdin.take().unwrap();
        stdin.write_all(b"CREATE TABLE a (x int);\nCOPY a (x) FROM stdin;\n1\n").unwrap();
        self.world.until("the restore runs", || self.sessions() == "1");
        (child, stdin)
    }

    fn databases(&self) -> String {
        self.psql("postgres", "SELECT string_agg(datname, ' ' ORDER BY datname) FROM pg_database WHERE datname NOT IN ('postgres', 'rdsadmin', 'template0', 'template1')")
    }
}

/// One error line, a hint, no panic.
#[track_caller]
fn one_clear_line(run: &Run, parts: &[&str]) {
    let errors = run.errors();
    assert_eq!(errors.len(), 1, "{}", run.stderr);
    for part in parts {
        assert!(run.stderr.contains(part), "{part:?} is not in {}", run.stderr);
    }
    assert!(run.stderr.contains("hint:") && !run.stderr.contains("panicked"), "{}", run.stderr);
}

#[test]
fn a_database_lives_and_dies_through_the_bastion() {
    let Some(place) = Place::start() else { return };
    place.configure("role_password_env = \"ROLE_PASSWORD\"", "");
    let created = place.adhoc("db create alpha --ttl 5d").ends_with(0);
    assert!(created.stdout.contains("database alpha-db is there, owned by alpha"), "{}", created.stdout);
    let again = place.adhoc("db create alpha -vv").ends_with(0);
    assert!(again.stdout.contains("nothing was changed"), "{}", again.stdout);
    place.adhoc("db create beta").ends_with(0);

    let list = place.adhoc("db list").ends_with(0);
    let line = |name: &str| list.stdout.lines().find(|line| line.contains(name)).unwrap_or_default().to_owned();
    assert!(line("alpha-db").contains(" me ") && !line("alpha-db").contains("orphaned"), "{}", list.stdout);
    assert!(line("beta-db").contains("orphaned"), "{}", list.stdout);
    let rows = place.adhoc("db list --output json").ends_with(0).summary()["result"]["databases"].clone();
    assert_eq!((&rows[0]["environment"], &rows[1]["orphaned"]), (&"alpha".into(), &true.into()));

    place.adhoc("db audit").ends_with(0);
    place.psql("postgres", "GRANT CONNECT ON DATABASE \"beta-db\" TO PUBLIC");
    let audit = place.adhoc("db audit").ends_with(11);
    assert!(audit.stdout.contains("can reach beta-db"), "{}", audit.stdout);
    one_clear_line(&audit, &["1 of 2 roles"]);

    one_clear_line(&place.adhoc("db drop alpha").ends_with(2), &["--yes"]);
    for (environment, words) in [("alpha", "are gone"), ("alpha", "gone already"), ("beta", "are gone")] {
        let dropped = place.adhoc(&format!("db drop {environment} --yes")).ends_with(0);
        assert!(dropped.stdout.contains(words), "{}", dropped.stdout);
    }
    assert_eq!(place.databases(), "");
}

#[test]
fn an_update_makes_the_database_before_it_migrates() {
    let Some(place) = Place::start() else { return };
    let dry = place.adhoc("update backend alpha --tag v1.1.0 --dry-run").ends_with(0);
    assert!(dry.stdout.contains("database alpha-db"), "{}", dry.stdout);
    assert_eq!(place.databases(), "");
    place.adhoc("update backend alpha --tag v1.1.0 --skip-db").ends_with(0);
    assert_eq!(place.databases(), "");

    let run = place.adhoc("update backend alpha --tag v1.2.0 --output json").ends_with(0);
    let steps: Vec<String> = run
        .events()
        .iter()
        .filter(|event| event["event"] == "step_finished")
        .map(|event| event["step"].as_str().unwrap().to_owned())
        .collect();
    assert_eq!(steps, ["resolve", "database alpha-db", "register", "migrate", "roll"]);
    assert_eq!(place.databases(), "alpha-db");

    // Whatever is wrong with the environment is found before the database is touched.
    place.adhoc("update backend beta --tag v1.2.0").ends_with(3);
    assert_eq!(place.databases(), "alpha-db");
    let mutations = place.world.mutations();
    place.configure("", "strict_host_key_checking = \"yes\"\nidentity_file = \"/nowhere\"");
    let broken = place.adhoc("update backend alpha --tag v1.3.0");
    assert_ne!(broken.code, 0);
    assert_eq!(place.world.mutations(), mutations, "{}", broken.stderr);
}

#[test]
fn everything_is_found_on_aws() {
    // The managed secret of the embedded RDS says who the master user is.
    let mut scenario = World::scenario(running("alpha"));
    let master = format!(r#"{{"username":"postgres","password":"{}"}}"#, PostgresFixture::MASTER_PASSWORD);
    scenario.secrets.insert("rds!db-dev-rds".to_owned(), master);
    let Some(place) = Place::with(scenario) else { return };
    place.world.file(
        "adhoc.toml",
        &format!(
            "[database]\nhost = \"127.0.0.1\"\nport = {}\nsslmode = \"disable\"\n[database.ssh]\nport = {}\nuser = \"{}\"\n\
             identity_file = \"{}\"\nknown_hosts = \"{}\"\n",
            place.postgres.port(),
            place.bastion.port(),
            place.bastion.user(),
            place.bastion.client_key().display(),
            place.bastion.known_hosts_file().unwrap().display()
        ),
    );
    place.adhoc("db create alpha").ends_with(0);
    let secret = place.world.server.secret("alpha-db").expect("the role's password is kept");
    assert!(secret.contains("\"username\":\"alpha\""), "{secret}");
    let url = place.adhoc("db url alpha").ends_with(0).stdout;
    assert_eq!(url.trim(), format!("postgresql://alpha@127.0.0.1:{}/alpha-db?sslmode=disable", place.postgres.port()));
    place.adhoc("db drop alpha --yes").ends_with(0);
    assert!(place.world.server.secret("alpha-db").is_none());
}

#[test]
fn a_shell_gets_its_password_from_a_file_that_nobody_else_can_read() {
    let Some(place) = Place::start() else { return };
    place.adhoc("db create alpha").ends_with(0);
    let shell = Run::of(
        place.command("db shell alpha --").args(["-X", "-A", "-t", "-c", "SELECT current_user"]).output().unwrap(),
    );
    assert_eq!(shell.ends_with(0).stdout.trim(), "alpha");
    let failing =
        Run::of(place.command("db shell alpha --").args(["-X", "-c", "SELECT 1/0"]).output().unwrap()).ends_with(11);
    assert!(failing.stderr.contains("division by zero"), "{}", failing.stderr);

    // A psql that tells what it was given.
    let folder = place.world.folder.path().join("bin");
    std::fs::create_dir(&folder).unwrap();
    let spy = folder.join("psql");
    std::fs::write(&spy, "#!/bin/sh\necho \"$@\"; stat -c %a \"$PGPASSFILE\"; env | grep '^PG' | grep -v PGPASSFILE; cat \"$PGPASSFILE\" >&2\n").unwrap();
    std::fs::set_permissions(&spy, std::fs::Permissions::from_mode(0o755)).unwrap();
    place.configure("role_password_env = \"ROLE_PASSWORD\"", "");
    place.adhoc("db create alpha").ends_with(0);
    let path = format!("{}:{}", folder.display(), std::env::var("PATH").unwrap());
    let told = Run::of(place.command("db shell alpha").env("PATH", path).output().unwrap()).ends_with(0);
    assert!(told.stdout.contains("600\n") && told.stdout.contains("PGHOSTADDR=127.0.0.1"), "{}", told.stdout);
    assert!(!told.stdout.contains(ENV_PASSWORD) && told.stderr.contains(ENV_PASSWORD));
    let without = Run::of(place.command("db shell alpha").env("PATH", "/nowhere").output().unwrap()).ends_with(11);
    one_clear_line(&without, &["psql", "install"]);
    assert_eq!(place.psql("postgres", "SELECT count(*) FROM pg_roles WHERE rolname LIKE 'adhoc-login%'"), "0");
}

#[test]
fn a_port_is_forwarded_only_when_asked_for() {
    let Some(place) = Place::start() else { return };
    place.configure("role_password_env = \"ROLE_PASSWORD\"", "");
    place.adhoc("db create alpha").ends_with(0);
    let mut child =
        place.command("db url alpha --listen 0").stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
    let mut line = String::new();
    std::io::BufRead::read_line(&mut std::io::BufReader::new(child.stdout.as_mut().unwrap()), &mut line).unwrap();
    let mut psql = place.postgres.command("psql");
    for variable in ["PGHOST", "PGPORT", "PGUSER", "PGDATABASE"] {
        psql.env_remove(variable);
    }
    let output = psql
        .env("PGPASSWORD", ENV_PASSWORD)
        .args(["-X", "-A", "-t", "-d", line.trim(), "-c", "SELECT current_database()"])
        .output()
        .unwrap();
    assert_eq!(
        String::from_utf8_lossy(&output.stdout).trim(),
        "alpha-db",
        "{line} {}",
        String::from_utf8_lossy(&output.stderr)
    );
    support::interrupt(&child);
    assert_eq!(child.wait().unwrap().code(), Some(0));
    let shown = Run::of(place.command("db url alpha --with-password").output().unwrap()).ends_with(0);
    assert!(shown.stdout.contains(&format!("alpha:{ENV_PASSWORD}@")), "{}", shown.stdout);
    place.adhoc("db url alpha --with-password --output json").ends_with(2);
}

#[test]
fn restoring_and_cloning() {
    let Some(place) = Place::start() else { return };
    let dump = "CREATE TABLE public.posts (id int, title text);\nCOPY public.posts (id, title) FROM stdin;\n1\tone\n2\ttwo\n\\.\n\
                ALTER TABLE public.posts OWNER TO production;\nGRANT ALL ON public.posts TO production;\n";
    place.world.file("dump.sql", dump);
    let early = place.adhoc("db restore alpha dump.sql").ends_with(3);
    one_clear_line(&early, &["alpha-db", "db create"]);
    place.adhoc("db create alpha").ends_with(0);
    let restored = place.adhoc("db restore alpha dump.sql").ends_with(0);
    assert!(restored.stdout.contains("alpha-db"), "{}", restored.stdout);
    assert_eq!(
        place.psql(
            "alpha-db",
            "SELECT count(*) || tableowner FROM posts, pg_tables WHERE tablename = 'posts' GROUP BY tableowner"
        ),
        "2alpha"
    );

    one_clear_line(&place.adhoc("db restore alpha dump.sql").ends_with(11), &["already exists", "--clean"]);
    place.adhoc("db restore alpha dump.sql --clean").ends_with(0);
    place.world.file("evil.sql", "CREATE TABLE a (x int);\n\\! touch /tmp/owned\n");
    one_clear_line(&place.adhoc("db restore alpha evil.sql --clean").ends_with(11), &["evil.sql:2", "\\!"]);
    assert_eq!(place.psql("alpha-db", "SELECT count(*) FROM posts"), "2", "what was there stays");

    // Piped in, and as a template.
    let mut child = place
        .command("db restore --as-template seed -")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(dump.as_bytes()).unwrap();
    Run::of(child.wait_with_output().unwrap()).ends_with(0);
    place.adhoc("db clone beta --from seed").ends_with(0);
    assert_eq!(
        place.psql(
            "beta-db",
            "SELECT count(*) || tableowner FROM posts, pg_tables WHERE tablename = 'posts' GROUP BY tableowner"
        ),
        "2beta"
    );
    one_clear_line(&place.adhoc("db clone beta --from seed").ends_with(11), &["exists already", "db drop beta"]);
    one_clear_line(&place.adhoc("db clone gamma --from nothing").ends_with(3), &["nothing", "--as-template"]);
    place.configure("template = \"seed\"", "");
    assert!(place.adhoc("db create gamma").ends_with(0).stdout.contains("clone of seed"));
    place.adhoc("db drop --template seed --yes").ends_with(0);
    assert_eq!(place.databases(), "alpha-db beta-db gamma-db");
}

#[test]
fn a_dump_that_leaves_its_role_gains_nothing_and_leaves_no_log_in() {
    let Some(place) = Place::start() else { return };
    place.adhoc("db create alpha").ends_with(0);
    let left =
        "DO $$ BEGIN EXECUTE 'SET ROLE NONE'; EXECUTE 'CREATE SCHEMA sly'; END $$;\nCREATE TABLE sly.t (x int);\n";
    place.world.file("sly.sql", left);
    place.adhoc("db restore alpha sly.sql").ends_with(0);
    let owners = "SELECT string_agg(DISTINCT r.rolname, ' ') FROM pg_class c JOIN pg_roles r ON r.oid = c.relowner \
                  JOIN pg_namespace n ON n.oid = c.relnamespace AND n.nspowner = r.oid WHERE n.nspname = 'sly'";
    assert_eq!(place.psql("alpha-db", owners), "alpha");
    place.world.file("grab.sql", "DO $$ BEGIN EXECUTE 'SET ROLE NONE'; EXECUTE 'CREATE ROLE intruder'; END $$;\n");
    one_clear_line(&place.adhoc("db restore alpha grab.sql").ends_with(11), &["nothing was changed"]);
    place.world.file("quotes.sql", "SELECT set_config('standard_conforming_strings', 'off', false);\n");
    one_clear_line(&place.adhoc("db restore alpha quotes.sql").ends_with(11), &["quotes.sql:1", "set_config"]);
    let roles = "SELECT count(*) FROM pg_roles WHERE rolname LIKE 'adhoc-login%' OR rolname = 'intruder'";
    assert_eq!(place.psql("postgres", roles), "0");
}

#[test]
fn ctrl_c_in_a_restore_leaves_nothing() {
    let Some(place) = Place::start() else { return };
    place.adhoc("db create alpha").ends_with(0);
    let (child, stdin) = place.restore_under_way();
    support::interrupt(&child);
    let run = Run::of(child.wait_with_output().unwrap()).ends_with(130);
    drop(stdin);
    one_clear_line_without_hint(&run);
    assert_eq!(place.psql("alpha-db", "SELECT count(*) FROM pg_tables WHERE schemaname = 'public'"), "0");
    assert_eq!(place.psql("postgres", "SELECT count(*) FROM pg_roles WHERE rolname LIKE 'adhoc-login%'"), "0");
}

#[test]
fn a_bastion_that_dies_in_a_restore_leaves_nothing_in_the_database() {
    let Some(place) = Place::start() else { return };
    place.adhoc("db create alpha").ends_with(0);
    let (child, stdin) = place.restore_under_way();
    place.bastion.kill_connections();
    let run = Run::of(child.wait_with_output().unwrap()).ends_with(11);
    drop(stdin);
    one_clear_line(&run, &["nothing was changed"]);
    place.world.until("the server has noticed", || place.sessions() == "0");
    assert_eq!(place.psql("alpha-db", "SELECT count(*) FROM pg_tables WHERE schemaname = 'public'"), "0");
}

#[track_caller]
fn one_clear_line_without_hint(run: &Run) {
    assert_eq!(run.errors().len(), 1, "{}", run.stderr);
    assert!(!run.stderr.contains("panicked"), "{}", run.stderr);
}

#[test]
fn bad_input_is_one_line_with_its_exit_code() {
    let Some(place) = Place::start() else { return };
    for name in ["alpha\"", "alpha;", "älpha", "Alpha", "default", &"a".repeat(64)] {
        place.adhoc(&format!("db create {name}")).ends_with(2);
    }
    for name in ["seed\"", "seed;drop", "sëed", &"s".repeat(64)] {
        place.adhoc(&format!("db clone alpha --from {name}")).ends_with(2);
        place.adhoc(&format!("db restore --as-template {name} x.sql")).ends_with(2);
    }
    one_clear_line(&place.adhoc("db restore alpha nowhere.sql"), &["nowhere.sql"]);
    let mut without = place.command("db list");
    one_clear_line(
        &Run::of(without.env_remove("ADHOC_DB_PASSWORD").output().unwrap()).ends_with(2),
        &["ADHOC_DB_PASSWORD"],
    );
    let wrong = Run::of(place.command("db list").env("ADHOC_DB_PASSWORD", "wrong-one").output().unwrap()).ends_with(11);
    one_clear_line(&wrong, &["password authentication failed"]);
    place.world.file("empty_hosts", "");
    place.configure("", "");
    let text = std::fs::read_to_string(place.world.folder.path().join("adhoc.toml")).unwrap();
    let unknown: String = text
        .lines()
        .map(|line| {
            if line.starts_with("known_hosts") {
                "known_hosts = \"empty_hosts\"\n".to_owned()
            } else {
                format!("{line}\n")
            }
        })
        .collect();
    place.world.file("adhoc.toml", &unknown);
    one_clear_line(&place.adhoc("db list").ends_with(11), &["accept-new"]);
    place.world.file("adhoc.toml", &format!("{unknown}strict_host_key_checking = \"accept-new\"\n"));
    place.adhoc("db list").ends_with(0);
    place.world.file("adhoc.toml", &unknown);
    place.adhoc("db list").ends_with(0);
    place.world.file("adhoc.toml", "[project]\nname = \"x\"\n");
    one_clear_line(&place.adhoc("db list").ends_with(2), &["[database]"]);
    assert_eq!(place.databases(), "");
}
