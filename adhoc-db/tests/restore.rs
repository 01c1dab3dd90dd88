//! Dumps of the real pg_dump in every form, restored into a real server by an ordinary role, and what must not happen.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a helper that fails is a test that fails")]

use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use adhoc_core::testing::RecordingSink;
use adhoc_core::{Clock, Context, Credentials, Error, Event, NullSink, Result, SystemClock};
use adhoc_db::testing::{PostgresFixture, seed_sql};
use adhoc_db::{DumpSource, RestoreOptions, Restored, Session, restore};
use flate2::Compression;
use flate2::write::GzEncoder;

const PASSWORD: &str = "alpha's secret";

/// Everything that a schema may contain.
const RICH: &str = include_str!("fixtures/rich.sql");

/// A server with a database `rich`, whose owner is no superuser. None, said aloud, where Postgres is missing and not required.
struct Stage {
    fixture: PostgresFixture,
}

impl Stage {
    async fn start() -> Option<Self> {
        if PostgresFixture::programs().is_none() {
            let required = std::env::var_os("ADHOC_TEST_REQUIRE").is_some_and(|required| required == "1");
            assert!(!required, "PostgreSQL is required, but not installed");
            say("skipped: PostgreSQL is not installed");
            return None;
        }
        let fixture = PostgresFixture::start().await.unwrap();
        let stage = Self { fixture };
        let admin = stage.fixture.superuser("postgres").await.unwrap();
        // Somebody who owns things where the dump is made, and does not exist where it is restored.
        admin.client().batch_execute("CREATE ROLE producer LOGIN").await.unwrap();
        Some(stage)
    }

    /// A database with all of `RICH`.
    async fn rich(&self) {
        self.database("rich").await;
        let admin = self.fixture.superuser("rich").await.unwrap();
        admin.client().batch_execute(RICH).await.unwrap();
    }

    /// An empty database `name` as `adhoc db create` would make it, with an owner of the same name.
    async fn database(&self, name: &str) {
        let admin = self.fixture.superuser("postgres").await.unwrap();
        for sql in [
            format!("CREATE ROLE {name} LOGIN PASSWORD '{}'", PASSWORD.replace('\'', "''")),
            format!("CREATE DATABASE {name} OWNER {name} TEMPLATE template0"),
            format!("REVOKE CONNECT, TEMPORARY ON DATABASE {name} FROM PUBLIC"),
        ] {
            admin.client().batch_execute(&sql).await.unwrap();
        }
    }

    async fn session(&self, name: &str) -> Session {
        let credentials = Credentials::new(name, PASSWORD.to_owned());
        self.fixture.server().connect(name, &credentials).await.unwrap()
    }

    /// Restores into `name` as its owner.
    async fn restore(&self, name: &str, source: DumpSource) -> Result<Restored> {
        let session = self.session(name).await;
        restore(&quiet(), &session, source, &RestoreOptions::new()).await
    }

    /// Restores into a new database, which afterwards is gone again.
    async fn refuse(&self, source: DumpSource) -> Error {
        self.database("refused").await;
        let error = self.restore("refused", source).await.expect_err("refused");
        assert_eq!(self.objects("refused").await, 0, "{error}");
        assert!(error.detail().reason.ends_with("; nothing was changed"), "{error}");
        self.drop("refused").await;
        error
    }

    async fn drop(&self, name: &str) {
        let admin = self.fixture.superuser("postgres").await.unwrap();
        for sql in [format!("DROP DATABASE {name} WITH (FORCE)"), format!("DROP ROLE {name}")] {
            admin.client().batch_execute(&sql).await.unwrap();
        }
    }

    /// How many objects there are besides the server's own.
    async fn objects(&self, name: &str) -> i64 {
        let admin = self.fixture.superuser(name).await.unwrap();
        let count = "SELECT (SELECT count(*) FROM pg_class WHERE relnamespace NOT IN
                (SELECT oid FROM pg_namespace WHERE nspname LIKE 'pg\\_%' OR nspname = 'information_schema'))
            + (SELECT count(*) FROM pg_namespace WHERE nspname NOT LIKE 'pg\\_%') - 2
            + (SELECT count(*) FROM pg_largeobject_metadata)";
        admin.client().query_one(count, &[]).await.unwrap().get(0)
    }

    fn pg_dump(&self, name: &str, arguments: &[&str]) -> Vec<u8> {
        let output = self.fixture.command("pg_dump").args(["-d", name]).args(arguments).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        output.stdout
    }

    /// Dumps `rich` into a file or directory.
    fn dump(&self, file: &str, arguments: &[&str]) -> PathBuf {
        let path = self.fixture.folder().join(file);
        let to = format!("--file={}", path.display());
        self.pg_dump("rich", &[arguments, &[&to]].concat());
        path
    }

    /// The contents of a database as text, without what differs from dump to dump.
    fn contents(&self, name: &str) -> String {
        let text = String::from_utf8(self.pg_dump(name, &["--no-owner", "--no-acl", "--no-publications"])).unwrap();
        let lines = text.lines().filter(|line| !line.starts_with("\\restrict") && !line.starts_with("\\unrestrict"));
        // Only the owner of an extension may comment on it.
        let lines = lines.filter(|line| !line.contains("EXTENSION"));
        lines.collect::<Vec<_>>().join("\n")
    }

    /// Restores into a new database and expects all of `rich` in it.
    async fn round_trip(&self, what: &str, source: DumpSource) -> Restored {
        self.database("copy").await;
        let restored = self.restore("copy", source).await.unwrap_or_else(|error| panic!("{what}: {error:?}"));
        assert_same(&self.contents("rich"), &self.contents("copy"), what);
        let foreign =
            "SELECT count(*) FROM pg_class WHERE relowner <> 'copy'::regrole AND relnamespace = 'public'::regnamespace";
        let admin = self.fixture.superuser("copy").await.unwrap();
        assert_eq!(admin.client().query_one(foreign, &[]).await.unwrap().get::<_, i64>(0), 0, "{what}: owners");
        drop(admin);
        self.drop("copy").await;
        restored
    }
}

#[expect(clippy::print_stdout, reason = "a test that does not run says so")]
fn say(line: &str) {
    println!("{line}");
}

fn quiet() -> Context {
    Context::new(Arc::new(SystemClock::new()), Arc::new(NullSink))
}

fn assert_same(expected: &str, found: &str, what: &str) {
    let differs = expected.lines().zip(found.lines()).find(|(expected, found)| expected != found);
    assert_eq!(differs, None, "{what}");
    assert_eq!(expected.lines().count(), found.lines().count(), "{what}");
}

fn gzip(path: &Path) -> PathBuf {
    let packed = path.with_extension("packed");
    let mut encoder = GzEncoder::new(std::fs::File::create(&packed).unwrap(), Compression::fast());
    encoder.write_all(&std::fs::read(path).unwrap()).unwrap();
    encoder.finish().unwrap();
    packed
}

/// A stream that gives a few bytes at a time and cannot be sought.
struct Trickle(std::process::ChildStdout);

impl Read for Trickle {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let most = buffer.len().min(777);
        self.0.read(&mut buffer[..most])
    }
}

fn bytes(text: impl Into<Vec<u8>>) -> DumpSource {
    DumpSource::reader("test.sql", std::io::Cursor::new(text.into()))
}

#[tokio::test(flavor = "multi_thread")]
async fn every_format_and_compression_comes_back_as_it_was() {
    let Some(stage) = Stage::start().await else { return };
    stage.rich().await;
    let forms: [(&str, &[&str]); 10] = [
        ("plain.sql", &["--format=plain"]),
        ("create.sql", &["--format=plain", "--quote-all-identifiers"]),
        ("inserts.sql", &["--format=plain", "--inserts"]),
        ("rows.sql", &["--format=plain", "--rows-per-insert=7", "--column-inserts"]),
        ("custom.dump", &["--format=custom"]),
        ("custom-0.dump", &["--format=custom", "--compress=0"]),
        ("custom-inserts.dump", &["--format=custom", "--inserts"]),
        ("directory", &["--format=directory"]),
        ("directory-0", &["--format=directory", "--compress=0"]),
        ("archive.tar", &["--format=tar"]),
    ];
    let mut rows = Vec::new();
    for (file, arguments) in forms {
        let path = stage.dump(file, arguments);
        let restored = stage.round_trip(file, DumpSource::path(&path)).await;
        assert!(restored.tables >= 8 && restored.bytes > 5000, "{file}: {restored:?}");
        assert!(restored.skipped.iter().any(|skipped| skipped.kind == "privileges"), "{file}: {restored:?}");
        rows.push(restored.rows);
        if path.is_file() {
            stage.round_trip(&format!("{file} in gzip"), DumpSource::path(gzip(&path))).await;
            let mut cat = Command::new("cat").arg(&path).stdout(Stdio::piped()).spawn().unwrap();
            let pipe = Trickle(cat.stdout.take().unwrap());
            stage.round_trip(&format!("{file} through a pipe"), DumpSource::reader("-", pipe)).await;
            cat.wait().unwrap();
        }
    }
    assert!(rows[0] > 2000 && rows.iter().all(|count| *count == rows[0]), "{rows:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_asynchronous_stream_will_do_and_progress_is_told() {
    let Some(stage) = Stage::start().await else { return };
    stage.rich().await;
    let dump = stage.dump("custom.dump", &["--format=custom"]);
    let file = tokio::fs::File::open(&dump).await.unwrap();
    stage.round_trip("asynchronous", DumpSource::async_reader("download", file)).await;

    let sink = Arc::new(RecordingSink::default());
    let cx = Context::new(Arc::new(SystemClock::new()), sink.clone());
    stage.database("told").await;
    let session = stage.session("told").await;
    let restored =
        restore(&cx, &session, DumpSource::path(&dump).with_name("seed"), &RestoreOptions::new()).await.unwrap();
    let told = sink.events();
    let Some(Event::TransferProgress { what, bytes, total, detail }) = told.last() else { panic!("{told:?}") };
    let size = dump.metadata().unwrap().len();
    assert_eq!((what.as_str(), *bytes, *total, detail.as_str()), ("seed", size, Some(size), "committing"));
    assert_eq!(restored.bytes, size);
    let timeout = session.client().query_one("SHOW search_path", &[]).await.unwrap();
    assert_eq!(timeout.get::<_, &str>(0), "\"$user\", public", "the session is as it was");
}

#[tokio::test(flavor = "multi_thread")]
async fn dumps_of_newer_servers_load_as_far_as_this_server_knows_them() {
    let Some(stage) = Stage::start().await else { return };
    for version in ["16", "18"] {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures");
        for form in ["sql", "dump", "tar", "dir"] {
            stage.database("newer").await;
            let source = DumpSource::path(folder.join(format!("pg{version}.{form}")));
            let restored =
                stage.restore("newer", source).await.unwrap_or_else(|error| panic!("{version}.{form}: {error:?}"));
            assert_eq!((restored.tables, restored.rows), (2, 54), "{version}.{form}");
            let admin = stage.fixture.superuser("newer").await.unwrap();
            let sums = "SELECT (SELECT count FROM mv), (SELECT length(lo_get(oid)) FROM pg_largeobject_metadata),
                (SELECT nextval('t_id_seq')), f(2)";
            let row = admin.client().query_one(sums, &[]).await.unwrap();
            let found: (i64, i32, i64, i32) = (row.get(0), row.get(1), row.get(2), row.get(3));
            assert_eq!(found, (53, 9000, 54, 2), "{version}.{form}");
            drop(admin);
            stage.drop("newer").await;
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_dump_must_not_do_is_refused_by_name_and_line() {
    let Some(stage) = Stage::start().await else { return };
    let begin = "CREATE TABLE t (a int);\nCOPY t (a) FROM stdin;\n1\n2\n\\.\n\n";
    for (sql, named) in [
        ("\\! touch /tmp/x\n", "test.sql:7: the psql command \\! "),
        ("\\connect other\n", "test.sql:7: the psql command \\connect "),
        ("COMMIT;\n", "test.sql:7: COMMIT in a dump"),
        ("BEGIN;\nSELECT 1;\nCOMMIT;\n", "test.sql:7: BEGIN in a dump"),
        ("COPY t TO STDOUT;\n", "test.sql:7: COPY from or to a place"),
        (
            "SELECT 1;\nSELECT nonsense;\nSELECT 2;",
            "test.sql:8: SELECT nonsense: column \"nonsense\" does not exist (42703)",
        ),
        ("SELECT 'ä';\nSELEKT 1;\n", "test.sql:8: SELEKT: syntax error at or near \"SELEKT\" (42601)"),
        ("SELECT 1;\nSELECT 1 / 0;\n", "test.sql:8: SELECT: division by zero (22012)"),
        ("CREATE TABLE t (b text);\n", "test.sql:7: CREATE TABLE t: relation \"t\" already exists (42P07)"),
        ("COPY t (a) FROM stdin;\n3\nx\n\\.\n", "(22P02), in COPY t, line 2, column a"),
        ("COPY u (a) FROM stdin;\n3\n\\.\n", "test.sql:7: COPY u: relation \"u\" does not exist (42P01)"),
        ("COPY t (a) FROM stdin;\n3\n", "test.sql:9: ends inside the data of a table"),
        ("SELECT 'unfinished", "test.sql:7: ends inside a string"),
        ("CREATE DATABASE other;", "test.sql:7: makes or drops a database"),
        ("-- PostgreSQL database dump\nSELECT 1;\n", "ends without `-- PostgreSQL database dump complete`"),
    ] {
        let error = stage.refuse(bytes(format!("{begin}{sql}"))).await;
        assert!(error.to_string().contains(named), "{error}\n{named}");
    }
    let error = stage.refuse(bytes("CREATE EXTENSION pg_stat_statements;")).await;
    assert!(error.detail().hint.as_deref().unwrap().contains("`extensions`"), "{error:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_that_is_no_dump_is_called_what_it_is() {
    let Some(stage) = Stage::start().await else { return };
    let mut nothing = GzEncoder::new(Vec::new(), Compression::fast());
    nothing.flush().unwrap();
    let files: [(Vec<u8>, &str); 8] = [
        (Vec::new(), "is empty"),
        (nothing.finish().unwrap(), "is empty"),
        (b"\x89PNG\r\n\x1a\n\0\0\0".to_vec(), "is a binary file"),
        (b"<!DOCTYPE html><html>Sign in</html>".to_vec(), "is a web page"),
        (b"--\n-- PostgreSQL database cluster dump\n--\nSELECT 1;".to_vec(), "pg_dumpall"),
        (b"\x28\xb5\x2f\xfdxxxx".to_vec(), "is compressed by zstd"),
        (b"-- nothing\n".to_vec(), "contains no statement"),
        (b"PGDMP\x01\x11\x00".to_vec(), "version 1.17"),
    ];
    for (file, named) in files {
        let error = stage.refuse(bytes(file)).await;
        assert!(error.to_string().contains(named), "{error}");
    }
    let folder = stage.fixture.folder().join("no-dump");
    std::fs::create_dir(&folder).unwrap();
    let error = stage.refuse(DumpSource::path(&folder)).await;
    assert!(error.to_string().contains("without a readable toc.dat"), "{error}");
    let error = stage.refuse(DumpSource::path(folder.join("missing.sql"))).await;
    assert!(error.to_string().starts_with("restore missing.sql: cannot be opened"), "{error}");
}

/// Small numbers that look random, and are the same in every run.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, below: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(self.0 >> 33).unwrap() % below
    }
}

/// A dump that was damaged is either refused, and nothing of it stays, or loaded whole: whether it was.
async fn survives(stage: &Stage, damaged: Vec<u8>, what: &str) -> bool {
    match stage.restore("damaged", bytes(damaged)).await {
        Ok(_) => {
            stage.drop("damaged").await;
            stage.database("damaged").await;
            true
        }
        Err(error) => {
            assert_eq!(stage.objects("damaged").await, 0, "{what}: {error}");
            assert!(matches!(error, Error::Database(_)), "{what}: {error}");
            false
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_damaged_dump_leaves_nothing_behind() {
    let Some(stage) = Stage::start().await else { return };
    stage.rich().await;
    stage.database("damaged").await;
    for (file, arguments) in [
        ("plain.sql", &["--format=plain"][..]),
        ("custom.dump", &["--format=custom"]),
        ("archive.tar", &["--format=tar"]),
    ] {
        let whole = std::fs::read(stage.dump(file, arguments)).unwrap();
        let mut dice = Dice(42);
        for _ in 0..25 {
            let (mut damaged, at) = (whole.clone(), dice.roll(whole.len()));
            damaged[at] ^= 1 << dice.roll(8);
            survives(&stage, damaged, &format!("{file}, byte {at}")).await;
            // The zeros at the end of a tar file are no part of the dump.
            let at = dice.roll(whole.len() - 1024);
            let what = format!("{file}, cut at {at}");
            assert!(!survives(&stage, whole[..at].to_vec(), &what).await, "{what}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dump_cut_between_two_of_its_parts_is_refused_too() {
    let Some(stage) = Stage::start().await else { return };
    stage.database("cut").await;
    let session = stage.session("cut").await;
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures");
    let plain = std::fs::read(folder.join("pg18.sql")).unwrap();
    let custom = std::fs::read(folder.join("pg18.dump")).unwrap();
    let complete = plain.windows(8).rposition(|words| words == b"complete").unwrap();
    let ends = (1..complete).filter(|at| plain[..*at].ends_with(b";\n") || plain[..*at].ends_with(b"\\.\n"));
    let cuts: Vec<&[u8]> =
        ends.map(|at| &plain[..at]).chain((1..500).map(|cut| &custom[..custom.len() - cut])).collect();
    assert!(cuts.len() > 530, "{}", cuts.len());
    for cut in cuts {
        let error = restore(&quiet(), &session, bytes(cut), &RestoreOptions::new()).await.expect_err("a cut dump");
        assert!(
            error.detail().hint.as_deref().is_some_and(|hint| hint.contains("truncated")),
            "{}: {error:?}",
            cut.len()
        );
    }
    assert_eq!(stage.objects("cut").await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_directory_without_one_of_its_files_is_refused() {
    let Some(stage) = Stage::start().await else { return };
    stage.rich().await;
    let folder = stage.dump("directory", &["--format=directory"]);
    let files = std::fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().path());
    let files: Vec<PathBuf> = files.filter(|file| file.file_name().unwrap() != "toc.dat").collect();
    assert!(files.len() > 8);
    for file in files {
        let whole = std::fs::read(&file).unwrap();
        std::fs::remove_file(&file).unwrap();
        let error = stage.refuse(DumpSource::path(&folder)).await;
        assert!(error.detail().hint.as_deref().unwrap().contains("truncated"), "{error:?}");
        std::fs::write(&file, &whole[..whole.len() / 2]).unwrap();
        stage.refuse(DumpSource::path(&folder)).await;
        std::fs::write(&file, whole).unwrap();
    }
}

/// Waits until `sql` gives true, for a minute at most.
async fn until(session: &Session, sql: &str) {
    let clock = SystemClock::new();
    for _ in 0..1200 {
        if session.client().query_one(sql, &[]).await.unwrap().get(0) {
            return;
        }
        clock.sleep(Duration::from_millis(50)).await;
    }
    panic!("never: {sql}");
}

const BUSY: &str =
    "SELECT count(*) > 0 FROM pg_stat_activity WHERE usename = 'busy' AND state = 'active' AND query ~ 'pg_sleep|COPY'";
const IDLE: &str = "SELECT count(*) = 0 FROM pg_stat_activity WHERE usename = 'busy' AND state <> 'idle'";

/// Data without end.
struct Endless(Vec<u8>);

impl Read for Endless {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        if !self.0.is_empty() {
            let count = self.0.len().min(buffer.len());
            buffer[..count].copy_from_slice(&self.0[..count]);
            self.0.drain(..count);
            return Ok(count);
        }
        let line = b"1\n";
        let count = buffer.len() / 2 * 2;
        buffer[..count].copy_from_slice(&line.repeat(count / 2));
        Ok(count)
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn cancelling_ends_what_is_under_way_and_leaves_nothing() {
    let Some(stage) = Stage::start().await else { return };
    stage.database("busy").await;
    let admin = stage.fixture.superuser("busy").await.unwrap();
    let (slow, endless) =
        ("CREATE TABLE t (a int); SELECT pg_sleep(300);", "CREATE TABLE t (a int);\nCOPY t FROM stdin;\n");
    for source in [bytes(slow), DumpSource::reader("endless", Endless(endless.into())), {
        // Nothing comes any more.
        let (reader, writer) = std::io::pipe().unwrap();
        let mut writer = writer;
        writer.write_all(endless.as_bytes()).unwrap();
        std::mem::forget(writer);
        DumpSource::reader("stuck", reader)
    }] {
        let (cx, session) = (quiet(), stage.session("busy").await);
        let name = source.name().to_owned();
        let token = cx.cancellation().clone();
        let work = tokio::spawn(async move {
            let result = restore(&cx, &session, source, &RestoreOptions::new()).await;
            (result, session)
        });
        if name == "stuck" {
            SystemClock::new().sleep(Duration::from_millis(300)).await;
        } else {
            until(&admin, BUSY).await;
        }
        let cancelled = Instant::now();
        token.cancel();
        let (result, session) = work.await.unwrap();
        let error = result.unwrap_err();
        assert!(matches!(&error, Error::Cancelled(_)) && error.to_string().contains("nothing was changed"), "{error}");
        assert!(cancelled.elapsed() < Duration::from_secs(3), "{name}: {:?}", cancelled.elapsed());
        until(&admin, IDLE).await;
        drop(session);
        assert_eq!(stage.objects("busy").await, 0);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lost_connection_leaves_nothing() {
    let Some(stage) = Stage::start().await else { return };
    stage.database("busy").await;
    let admin = stage.fixture.superuser("busy").await.unwrap();
    let session = stage.session("busy").await;
    let source = DumpSource::reader("endless", Endless(b"CREATE TABLE t (a int);\nCOPY t FROM stdin;\n".to_vec()));
    let work = tokio::spawn(async move { restore(&quiet(), &session, source, &RestoreOptions::new()).await });
    until(&admin, BUSY).await;
    let killed = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'busy'";
    admin.client().query_one(killed, &[]).await.unwrap();
    let error = work.await.unwrap().unwrap_err();
    assert!(matches!(error, Error::Database(_)), "{error}");
    until(&admin, "SELECT count(*) = 0 FROM pg_stat_activity WHERE usename = 'busy'").await;
    assert_eq!(stage.objects("busy").await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn clean_replaces_what_is_there_and_the_owner_may_still_log_in() {
    let Some(stage) = Stage::start().await else { return };
    stage.rich().await;
    stage.database("used").await;
    let session = stage.session("used").await;
    let used = "CREATE SCHEMA old; CREATE SCHEMA shop; CREATE TABLE old.t (a int); CREATE TABLE people (b text); SELECT lo_create(4711);
        CREATE EXTENSION citext; CREATE FUNCTION old.f() RETURNS int LANGUAGE sql AS 'SELECT 1';";
    session.client().batch_execute(used).await.unwrap();
    let dump = stage.dump("custom.dump", &["--format=custom"]);
    let error = restore(&quiet(), &session, DumpSource::path(&dump), &RestoreOptions::new()).await.unwrap_err();
    assert!(error.detail().hint.as_deref().unwrap().contains("--clean"), "{error:?}");

    let options = RestoreOptions::new().with_clean(true);
    let broken = bytes("CREATE TABLE t (a int); SELECT nonsense;");
    restore(&quiet(), &session, broken, &options).await.unwrap_err();
    session.client().batch_execute("SELECT * FROM old.t, people").await.expect("a failure changes nothing");

    for _ in 0..2 {
        let session = stage.session("used").await;
        restore(&quiet(), &session, DumpSource::path(&dump), &options).await.unwrap();
    }
    assert_same(&stage.contents("rich"), &stage.contents("used"), "clean");
    stage.session("used").await.client().batch_execute("CREATE TEMPORARY TABLE x (a int)").await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn the_seed_is_loaded_whole() {
    let Some(stage) = Stage::start().await else { return };
    stage.database("seed").await;
    let restored = stage.restore("seed", bytes(seed_sql(1000))).await.unwrap();
    assert_eq!((restored.tables, restored.rows), (4, 101 + 1000 + 3000 + 501));
}
