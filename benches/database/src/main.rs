//! What the commands of `adhoc db` cost beside the tools that they replace, in one run on one machine, through a real sshd to a
//! real Postgres. Prints each figure as a ratio to its peer's. It asserts nothing: a figure above its target is to be read.
//!
//! `cargo run --release -p adhoc-benches-database [ROWS]`; a million rows, the default, are a database of about 469 MB and a
//! plain dump of about 300 MB. Peers: `psql -1`, `pg_restore -j2` and `createdb`, each through OpenSSH.
#![expect(clippy::print_stdout, reason = "a bench talks to its reader")]
#![expect(clippy::unwrap_used, reason = "a bench that cannot be set up ends")]

mod peers;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use adhoc_core::{Clock, Context, EnvironmentName, NullSink, SystemClock};
use adhoc_db::testing::{PostgresFixture, SshdFixture, SshdOptions, seed_sql};
use adhoc_db::tunnel::{Authentication, Ssh, SshConfig};
use adhoc_db::{
    CreateDatabase, DatabaseAdmin, DatabaseMarker, DropDatabase, DumpSource, LoadTemplate, Postgres, PostgresAdmin,
    RestoreOptions, Session, Tls, restore,
};

use crate::peers::Peers;

/// How often each figure is taken; the best counts, since what disturbs only ever adds.
const RUNS: usize = 3;

/// Seconds, best of the runs.
struct Figure {
    what: String,
    ours: f64,
    peer: Option<(&'static str, f64)>,
    target: &'static str,
}

struct Bench {
    postgres: PostgresFixture,
    bastion: SshdFixture,
    clock: Arc<dyn Clock>,
    cx: Context,
}

fn main() {
    let rows = std::env::args().filter_map(|word| word.parse().ok()).next().unwrap_or(1_000_000);
    tokio::runtime::Runtime::new().unwrap().block_on(run(rows));
}

async fn run(rows: u64) {
    let bench = Bench::start().await;
    println!("PostgreSQL {}, OpenSSH {}, {rows} rows", bench.postgres.version(), bench.bastion.version());
    let dumps = bench.seed(rows).await;
    let peers = Peers::start(&bench.postgres, &bench.bastion);
    let mut figures = Vec::new();

    // The peers first and last, so that neither side has a machine that is warmer.
    let plain = bench.restores("plain", &dumps.plain, || peers.psql(&dumps.plain)).await;
    figures.push(Figure { target: "≤ 1", ..plain });
    let custom = bench.restores("custom", &dumps.custom, || peers.pg_restore(&dumps.custom)).await;
    figures.push(Figure { target: "≤ 1", ..custom });
    let peak = peak_mib();
    figures.push(bench.clones(&dumps.plain).await);
    figures.push(bench.creates(&peers).await);

    println!("\n{:<42} {:>9} {:>24} {:>7}   target", "best of 3, seconds", "adhoc", "peer", "ratio");
    for figure in figures {
        let (peer, ratio) = match figure.peer {
            Some((name, seconds)) => (format!("{name} {seconds:.3}"), format!("{:.2}", figure.ours / seconds)),
            None => (String::new(), String::new()),
        };
        println!("{:<42} {:>9.3} {peer:>24} {ratio:>7}   {}", figure.what, figure.ours, figure.target);
    }
    println!("{:<42} {peak:>5} MiB {:>32}   < 64 MB", "peak memory of this process, after restores", "");
}

struct Dumps {
    plain: PathBuf,
    custom: PathBuf,
}

impl Bench {
    async fn start() -> Self {
        let settings = ["shared_buffers=256MB", "max_wal_size=4GB"];
        let postgres = PostgresFixture::start_with(None, &settings).await.unwrap();
        let options = SshdOptions::new().with_permit_open(format!("127.0.0.1:{}", postgres.port()));
        let bastion = options.start().await.unwrap();
        let clock: Arc<dyn Clock> = Arc::new(SystemClock::new());
        let cx = Context::new(clock.clone(), Arc::new(NullSink));
        Self { postgres, bastion, clock, cx }
    }

    /// A source database and its dumps.
    async fn seed(&self, rows: u64) -> Dumps {
        let root = self.postgres.superuser("postgres").await.unwrap();
        root.client().batch_execute("CREATE DATABASE source").await.unwrap();
        let source = self.postgres.superuser("source").await.unwrap();
        source.client().batch_execute(&seed_sql(rows)).await.unwrap();
        source.close().await;
        let size = root.client().query_one("SELECT pg_database_size('source')", &[]).await.unwrap();
        let folder = self.postgres.folder();
        let dump = |name: &str, format: &str| {
            let path = folder.join(name);
            let mut command = self.postgres.command("pg_dump");
            let done = command.args(["-d", "source", format, "-f"]).arg(&path).status().unwrap();
            assert!(done.success(), "pg_dump failed");
            path
        };
        let dumps = Dumps { plain: dump("source.sql", "-Fp"), custom: dump("source.dump", "-Fc") };
        let megabytes = |bytes: u64| bytes / 1_000_000;
        println!(
            "a database of {} MB, {} MB as plain SQL, {} MB in the custom format",
            megabytes(u64::try_from(size.get::<_, i64>(0)).unwrap()),
            megabytes(std::fs::metadata(&dumps.plain).unwrap().len()),
            megabytes(std::fs::metadata(&dumps.custom).unwrap().len()),
        );
        dumps
    }

    /// The master user, through a new SSH connection.
    fn admin(&self) -> PostgresAdmin {
        let config = SshConfig::new("127.0.0.1", self.bastion.user())
            .with_port(self.bastion.port())
            .with_known_hosts(self.bastion.known_hosts_file().unwrap())
            .with_authentication(Authentication::key_file(self.bastion.client_key()));
        let tunnel = Arc::new(Ssh::new(self.clock.clone(), config));
        let server = Postgres::new(tunnel, self.clock.clone(), "127.0.0.1", self.postgres.port(), Tls::Disabled);
        PostgresAdmin::new(server, Arc::new(self.postgres.master()))
    }

    fn request(&self, name: &str) -> CreateDatabase {
        let environment: EnvironmentName = name.parse().unwrap();
        let marker = DatabaseMarker::for_environment(&environment, self.clock.now());
        CreateDatabase::new(format!("{name}-db").parse().unwrap(), name.parse().unwrap(), marker)
    }

    async fn timed<T>(&self, work: impl Future<Output = T>) -> (T, f64) {
        let began = self.clock.now();
        let output = work.await;
        (output, self.since(began))
    }

    fn since(&self, began: adhoc_core::Timestamp) -> f64 {
        self.clock.now().duration_since(began).as_secs_f64()
    }

    /// The same dump into a new database, ours and the peer's in turn.
    async fn restores(&self, format: &str, dump: &Path, peer: impl Fn() -> (&'static str, Duration)) -> Figure {
        let (mut ours, mut theirs, mut name) = (f64::MAX, f64::MAX, "");
        for _ in 0..RUNS {
            let request = self.request("alpha");
            let admin = self.admin();
            admin.create(&request).await.unwrap();
            let (_, seconds) = self
                .timed(admin.as_owner(&request.name, &request.owner, async |session: &Session| {
                    restore(&self.cx, session, DumpSource::path(dump), &RestoreOptions::new()).await
                }))
                .await;
            ours = ours.min(seconds);
            admin.drop(&removal(&request)).await.unwrap();
            let (peer, took) = peer();
            (name, theirs) = (peer, theirs.min(took.as_secs_f64()));
        }
        Figure { what: format!("restore, {format}"), ours, peer: Some((name, theirs)), target: "" }
    }

    async fn clones(&self, dump: &Path) -> Figure {
        let admin = self.admin();
        let seed: adhoc_db::DatabaseName = "seed".parse().unwrap();
        let request = LoadTemplate::new(seed.clone(), DatabaseMarker::for_template(&seed, self.clock.now())).unwrap();
        let load =
            async |session: &Session| restore(&self.cx, session, DumpSource::path(dump), &RestoreOptions::new()).await;
        admin.load_template(&self.cx, &request, load).await.unwrap();
        let mut ours = f64::MAX;
        for _ in 0..RUNS {
            let request = self.request("alpha").with_template(Some(seed.clone()));
            let admin = self.admin();
            let (created, seconds) = self.timed(admin.create(&request)).await;
            created.unwrap();
            ours = ours.min(seconds);
            admin.drop(&removal(&request)).await.unwrap();
        }
        Figure {
            what: "clone of the seed, log-in to the bastion included".to_owned(),
            ours,
            peer: None,
            target: "< 0.5",
        }
    }

    /// Each from nothing: a new SSH connection, role, database, grants and marker; the peer makes the database alone.
    async fn creates(&self, peers: &Peers<'_>) -> Figure {
        let (mut ours, mut theirs) = (f64::MAX, f64::MAX);
        for _ in 0..RUNS {
            let request = self.request("beta");
            let admin = self.admin();
            let (created, seconds) = self.timed(admin.create(&request)).await;
            created.unwrap();
            ours = ours.min(seconds);
            admin.drop(&removal(&request)).await.unwrap();
            theirs = theirs.min(peers.createdb().as_secs_f64());
        }
        Figure { what: "create".to_owned(), ours, peer: Some(("ssh createdb", theirs)), target: "< 0.3, ≤ 1" }
    }
}

fn removal(request: &CreateDatabase) -> DropDatabase {
    let environment = request.owner.as_str().parse().unwrap();
    DropDatabase::of_environment(environment, request.name.clone(), request.owner.clone())
}

/// The most memory that this process has had resident.
fn peak_mib() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    line.and_then(|line| line.trim().trim_end_matches(" kB").parse::<u64>().ok()).unwrap_or_default() / 1024
}
