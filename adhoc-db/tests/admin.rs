//! Create, drop, list, audit and templates on a real server, as a master user without superuser rights.

mod common;

use std::collections::BTreeMap;

use adhoc_core::{Credentials, Error, SecretString};
use adhoc_db::{Created, DatabaseAdmin, DatabaseMarker, DropDatabase, Dropped, LoadTemplate, Proof, Session};
use common::{admin, at, context, postgres, request};

async fn value(session: &Session, query: &str) -> String {
    let messages = session.client().simple_query(query).await.expect(query);
    let row = messages.iter().find_map(|message| match message {
        tokio_postgres::SimpleQueryMessage::Row(row) => Some(row.get(0).unwrap_or("NULL").to_owned()),
        _ => None,
    });
    row.unwrap_or_default()
}

fn drop_of(environment: &str, database: &str) -> DropDatabase {
    let valid = environment.parse().expect("a name");
    DropDatabase::of_environment(valid, database.parse().expect("a name"), environment.parse().expect("a name"))
}

fn owner(name: &str) -> Credentials {
    Credentials::new(name, format!("secret of {name}"))
}

/// Everything that create and drop may change, as one text.
const EVERYTHING: &str = "
    SELECT string_agg(x, E'\\n' ORDER BY x) FROM (
        SELECT concat_ws(' ', 'database', datname, datdba::regrole, datacl, datconnlimit, shobj_description(oid, 'pg_database')) x
        FROM pg_database
        UNION ALL SELECT concat_ws(' ', 'role', rolname, rolcanlogin, rolpassword, shobj_description(oid, 'pg_authid')) FROM pg_authid
        UNION ALL SELECT concat_ws(' ', 'member', roleid::regrole, member::regrole) FROM pg_auth_members) all_of_it";

#[tokio::test]
async fn creating_makes_role_database_grants_and_marker_and_once_more_changes_nothing() {
    let Some(fixture) = postgres().await else { return };
    let admin = admin(&fixture);
    assert_eq!(admin.create(&request("alpha")).await.expect("created"), Created::New);

    let root = fixture.superuser("postgres").await.expect("in");
    let marker =
        value(&root, "SELECT shobj_description(oid, 'pg_database') FROM pg_database WHERE datname = 'alpha-db'").await;
    assert_eq!(marker, r#"{"environment":"alpha","created_at":"2026-11-21T06:00:00Z"}"#);
    let password = value(&root, "SELECT rolpassword FROM pg_authid WHERE rolname = 'alpha'").await;
    assert!(password.starts_with("SCRAM-SHA-256$"), "{password}");
    let inside = fixture.server().connect("alpha-db", &owner("alpha")).await.expect("the owner logs in");
    inside
        .client()
        .batch_execute("CREATE TABLE t (x int); INSERT INTO t VALUES (1)")
        .await
        .expect("the owner may create");

    let before = value(&root, EVERYTHING).await;
    assert!(before.contains("member alpha postgres"), "{before}");
    assert_eq!(admin.create(&request("alpha")).await.expect("there"), Created::Unchanged);
    assert_eq!(value(&root, EVERYTHING).await, before);
    assert!(!fixture.log().contains("secret of alpha"), "the password reached the server's log");
}

#[tokio::test]
async fn a_password_that_the_role_does_not_have_is_set() {
    let Some(fixture) = postgres().await else { return };
    let admin = admin(&fixture);
    admin.create(&request("alpha").with_password(None)).await.expect("created");
    assert!(fixture.server().connect("alpha-db", &owner("alpha")).await.is_err());
    assert_eq!(admin.create(&request("alpha")).await.expect("there"), Created::Completed);
    fixture.server().connect("alpha-db", &owner("alpha")).await.expect("now it logs in");
}

#[tokio::test]
async fn many_at_once_make_one_database() {
    let Some(fixture) = postgres().await else { return };
    let admin = admin(&fixture);
    let (alpha, beta) = (request("alpha"), request("beta"));
    let six = [&alpha, &beta, &alpha, &beta, &alpha, &beta].map(|request| admin.create(request));
    let made: Vec<Created> =
        futures_util::future::join_all(six).await.into_iter().map(|result| result.expect("all succeed")).collect();
    let count = |kind| made.iter().filter(|made| **made == kind).count();
    assert_eq!((count(Created::New), count(Created::Unchanged)), (2, 4), "{made:?}");
    assert_eq!(admin.list().await.expect("listed").len(), 2);
}

#[tokio::test]
async fn what_an_interrupted_run_left_is_completed() {
    let Some(fixture) = postgres().await else { return };
    let admin = admin(&fixture);
    admin.create(&request("alpha")).await.expect("created");
    // As after a crash between CREATE DATABASE and what follows it.
    let master = admin.connect().await.expect("in");
    let undo = "COMMENT ON DATABASE \"alpha-db\" IS NULL; GRANT CONNECT ON DATABASE \"alpha-db\" TO PUBLIC";
    master.client().batch_execute(undo).await.expect("undone");
    assert_eq!(admin.create(&request("alpha")).await.expect("completed"), Created::Completed);
    let databases = admin.list().await.expect("listed");
    assert_eq!(databases[0].marker.as_ref().and_then(|marker| marker.environment.as_deref()), Some("alpha"));
    assert!(admin.audit(&BTreeMap::new()).await.expect("audited").is_clean());

    // The password is the one that the completing run was given.
    master.client().batch_execute(undo).await.expect("undone");
    let other = request("alpha").with_password(Some(SecretString::from("another one")));
    assert_eq!(admin.create(&other).await.expect("completed"), Created::Completed);
    fixture.server().connect("alpha-db", &Credentials::new("alpha", "another one".to_owned())).await.expect("logs in");

    // As after a crash between CREATE ROLE and CREATE DATABASE.
    master.client().batch_execute("DROP DATABASE \"alpha-db\"").await.expect("dropped");
    assert_eq!(admin.create(&request("alpha")).await.expect("created"), Created::New);
}

#[tokio::test]
async fn what_is_not_ours_is_refused_and_left_alone() {
    let Some(fixture) = postgres().await else { return };
    let admin = admin(&fixture);
    let root = fixture.superuser("postgres").await.expect("in");
    for statement in [
        "CREATE DATABASE \"alpha-db\" OWNER postgres",
        "CREATE ROLE beta",
        "COMMENT ON DATABASE \"alpha-db\" IS 'the app'",
    ] {
        root.client().batch_execute(statement).await.expect(statement);
    }
    admin.create(&request("gamma")).await.expect("created");
    root.client().batch_execute("ALTER DATABASE \"gamma-db\" RENAME TO \"delta-db\"").await.expect("renamed");
    let before = value(&root, EVERYTHING).await;
    for (name, reason) in
        [("alpha", "was not made by adhoc"), ("beta", "the role beta exists"), ("delta", "belongs to gamma")]
    {
        let error = admin.create(&request(name)).await.expect_err(name);
        assert!(matches!(error, Error::Database(_)) && error.to_string().contains(reason), "{error}");
        assert!(error.detail().hint.is_some());
    }
    for name in ["alpha-db", "rdsadmin", "postgres", "template1"] {
        let error = admin.drop(&drop_of("nobody", name)).await.expect_err(name);
        assert!(error.detail().hint.is_some(), "{error}");
    }
    assert_eq!(value(&root, EVERYTHING).await, before);
}

#[tokio::test]
async fn dropping_ends_sessions_removes_the_role_and_is_happy_when_it_is_gone() {
    let Some(fixture) = postgres().await else { return };
    let admin = admin(&fixture);
    admin.create(&request("alpha")).await.expect("created");
    let inside = fixture.server().connect("alpha-db", &owner("alpha")).await.expect("in");
    let request = drop_of("alpha", "alpha-db");
    assert_eq!(admin.drop(&request).await.expect("dropped"), Dropped::Dropped);
    assert!(inside.client().batch_execute("SELECT 1").await.is_err(), "its session was ended");
    assert!(!admin.exists(&request.name).await.expect("asked"));
    assert_eq!(admin.drop(&request).await.expect("gone"), Dropped::AlreadyGone);
    let root = fixture.superuser("postgres").await.expect("in");
    assert_eq!(value(&root, "SELECT count(*) FROM pg_roles WHERE rolname = 'alpha'").await, "0");
}

#[tokio::test]
async fn a_failure_half_way_leaves_nothing() {
    let Some(fixture) = postgres().await else { return };
    let admin = admin(&fixture);
    let root = fixture.superuser("postgres").await.expect("in");
    let before = value(&root, EVERYTHING).await;
    let bad = request("alpha").with_extensions(vec!["no_such_extension".to_owned()]);
    let error = admin.create(&bad).await.expect_err("no such extension");
    assert!(matches!(error, Error::Database(_)) && error.detail().left_behind.is_empty(), "{error:?}");
    assert_eq!(value(&root, EVERYTHING).await, before);
}

#[tokio::test]
async fn a_list_tells_size_connections_activity_and_whose_it_is() {
    let Some(fixture) = postgres().await else { return };
    let admin = admin(&fixture);
    let expiry = "2026-11-26T06:00:00Z".parse().ok();
    let mut asked = request("alpha").with_connection_limit(7);
    asked.marker = asked.marker.with_creator(Some("me".to_owned())).with_expiry(expiry);
    admin.create(&asked).await.expect("created");
    let _inside = fixture.server().connect("alpha-db", &owner("alpha")).await.expect("in");
    let root = fixture.superuser("postgres").await.expect("in");
    root.client().batch_execute("CREATE DATABASE foreign_one").await.expect("made");

    let databases = admin.list().await.expect("listed");
    let names: Vec<&str> = databases.iter().map(|database| database.name.as_str()).collect();
    assert_eq!(names, ["alpha-db", "foreign_one"]);
    let alpha = &databases[0];
    assert_eq!((alpha.owner.as_str(), alpha.connections, alpha.connection_limit), ("alpha", 1, Some(7)));
    assert!(alpha.size_bytes.is_some_and(|size| size > 1_000_000) && alpha.last_activity.is_some(), "{alpha:?}");
    let marker = alpha.marker.as_ref().expect("ours");
    assert_eq!((marker.creator.as_deref(), marker.expires_at), (Some("me"), expiry));
    assert!(databases[1].marker.is_none() && databases[1].connection_limit.is_none());
    let limits = admin.limits().await.expect("asked");
    assert!(limits.connections >= 2 && limits.max_connections >= 97, "{limits:?}");
}

#[tokio::test]
async fn an_audit_logs_in_everywhere_and_finds_what_leads_further() {
    let Some(fixture) = postgres().await else { return };
    let admin = admin(&fixture);
    for name in ["alpha", "beta", "gamma"] {
        admin.create(&request(name)).await.expect("created");
    }
    let passwords = BTreeMap::from([("alpha".to_owned(), SecretString::from("secret of alpha"))]);
    let clean = admin.audit(&passwords).await.expect("audited");
    assert!(clean.is_clean(), "{clean:?}");
    assert_eq!(
        clean.roles.iter().map(|role| role.proof).collect::<Vec<_>>(),
        [Proof::OwnPassword, Proof::TemporaryMember, Proof::TemporaryMember]
    );
    assert_eq!(clean.roles[0].tried.iter().map(|reach| reach.reached).collect::<Vec<_>>(), [true, false, false]);

    let root = fixture.superuser("postgres").await.expect("in");
    let holes = "GRANT CONNECT ON DATABASE \"beta-db\" TO PUBLIC; ALTER ROLE beta CREATEROLE; \
                 REVOKE CONNECT ON DATABASE \"gamma-db\" FROM gamma";
    root.client().batch_execute(holes).await.expect("holes");
    let dirty = admin.audit(&BTreeMap::new()).await.expect("audited");
    let problems: Vec<&[String]> = dirty.roles.iter().map(|role| role.problems.as_slice()).collect();
    assert_eq!(problems[0], ["can reach beta-db"]);
    assert_eq!(problems[1], ["has the attribute CREATEROLE"]);
    assert!(problems[2].iter().any(|problem| problem == "can reach beta-db"), "{problems:?}");
    assert_eq!(value(&root, "SELECT count(*) FROM pg_roles WHERE rolname LIKE 'adhoc-login%'").await, "0");
}

async fn load_seed(admin: &adhoc_db::PostgresAdmin, rows: u32) {
    let (cx, _) = context();
    let seed = "seed".parse().expect("a name");
    let request =
        LoadTemplate::new(seed, DatabaseMarker::for_template(&"seed".parse().expect("a name"), at())).expect("short");
    let load = async |session: &Session| {
        let statements = format!(
            "COMMENT ON SCHEMA public IS 'from a dump'; CREATE SCHEMA app; DO $$ BEGIN \
             IF EXISTS (SELECT FROM pg_available_extensions WHERE name = 'citext') THEN CREATE EXTENSION citext; END IF; END $$; \
             CREATE TABLE app.posts (id int PRIMARY KEY, title text); \
             INSERT INTO app.posts SELECT n, 'post ' || n FROM generate_series(1, {rows}) n"
        );
        session
            .client()
            .batch_execute(&statements)
            .await
            .map_err(|error| Error::database("load", "", format!("{error:?}")))
    };
    admin.load_template(&cx, &request, load).await.expect("loaded");
}

#[tokio::test]
async fn clones_of_a_template_belong_to_their_environments_alone() {
    let Some(fixture) = postgres().await else { return };
    let admin = admin(&fixture);
    load_seed(&admin, 10).await;
    let from_seed = |name: &str| request(name).with_template(Some("seed".parse().expect("a name")));
    let (alpha, beta) = (from_seed("alpha"), from_seed("beta"));
    let both = tokio::join!(admin.create(&alpha), admin.create(&beta));
    assert_eq!((both.0.expect("cloned"), both.1.expect("cloned")), (Created::New, Created::New));
    for name in ["alpha", "beta"] {
        let inside = fixture.server().connect(&format!("{name}-db"), &owner(name)).await.expect("in");
        assert_eq!(value(&inside, "SELECT count(*) FROM app.posts").await, "10");
        inside
            .client()
            .batch_execute("ALTER TABLE app.posts ADD COLUMN body text; DROP TABLE app.posts")
            .await
            .expect("its own");
        let foreign =
            "SELECT count(*) FROM pg_class c JOIN pg_roles r ON r.oid = c.relowner WHERE r.rolname LIKE 'seed%'";
        assert_eq!(value(&inside, foreign).await, "0");
    }
    assert!(fixture.server().connect("seed", &fixture.master()).await.is_err(), "nobody connects to a template");
    let root = fixture.superuser("postgres").await.expect("in");
    let state =
        "SELECT datdba::regrole || ' ' || datistemplate || ' ' || datallowconn FROM pg_database WHERE datname = 'seed'";
    assert_eq!(value(&root, state).await, "postgres true false");

    // Made anew: later clones have the new contents, and nothing of the making is left.
    load_seed(&admin, 20).await;
    admin.create(&from_seed("gamma")).await.expect("cloned");
    let inside = fixture.server().connect("gamma-db", &owner("gamma")).await.expect("in");
    assert_eq!(value(&inside, "SELECT count(*) FROM app.posts").await, "20");
    assert_eq!(value(&root, "SELECT count(*) FROM pg_database WHERE datname LIKE 'seed-%'").await, "0");
    assert!(admin.audit(&BTreeMap::new()).await.expect("audited").is_clean());

    // A clone that was cut off is completed as a clone, whatever the next run asks for; an empty one is made anew.
    let unmarked = "COMMENT ON DATABASE \"gamma-db\" IS NULL; REASSIGN OWNED BY gamma TO \"seed-owner\"";
    let inside = fixture.superuser("gamma-db").await.expect("in");
    inside.client().batch_execute(unmarked).await.expect("as after a crash");
    root.client().batch_execute("ALTER DATABASE \"gamma-db\" OWNER TO gamma").await.expect("as after a crash");
    inside.close().await;
    assert_eq!(admin.create(&request("gamma")).await.expect("completed"), Created::Completed);
    let inside = fixture.server().connect("gamma-db", &owner("gamma")).await.expect("in");
    assert_eq!(value(&inside, "SELECT count(*) FROM app.posts").await, "20");
    admin.create(&request("delta")).await.expect("created");
    root.client().batch_execute("COMMENT ON DATABASE \"delta-db\" IS NULL").await.expect("as after a crash");
    assert_eq!(admin.create(&from_seed("delta")).await.expect("made anew"), Created::New);
    let inside = fixture.server().connect("delta-db", &owner("delta")).await.expect("in");
    assert_eq!(value(&inside, "SELECT count(*) FROM app.posts").await, "20");
    inside.close().await;
    admin.drop(&drop_of("delta", "delta-db")).await.expect("dropped");

    // Each is only what it is.
    let template = |name: &str, owner: &str| {
        DropDatabase::of_template(name.parse().expect("a name"), owner.parse().expect("a name"))
    };
    for wrong in [template("alpha-db", "alpha"), drop_of("seed", "seed")] {
        let error = admin.drop(&wrong).await.expect_err("refused");
        assert!(matches!(error, Error::Database(_)) && error.detail().hint.is_some(), "{error}");
    }
    assert_eq!(admin.drop(&template("seed", "seed-owner")).await.expect("dropped"), Dropped::Dropped);
    let missing = admin.create(&from_seed("delta")).await.expect_err("gone");
    assert!(matches!(missing, Error::NotFound(_)), "{missing}");
}

#[tokio::test]
async fn a_template_whose_loading_fails_leaves_the_former_one() {
    let Some(fixture) = postgres().await else { return };
    let admin = admin(&fixture);
    load_seed(&admin, 10).await;
    let root = fixture.superuser("postgres").await.expect("in");
    let before = value(&root, EVERYTHING).await;
    let (cx, _) = context();
    let request = LoadTemplate::new(
        "seed".parse().expect("a name"),
        DatabaseMarker::for_template(&"seed".parse().expect("a name"), at()),
    );
    // Foreign SQL cannot become the administrator.
    let load = async |session: &Session| {
        session
            .client()
            .batch_execute("RESET ROLE; CREATE ROLE intruder")
            .await
            .map_err(|_| Error::database("load", "", "refused"))
    };
    let error = admin.load_template(&cx, &request.expect("short"), load).await.expect_err("refused");
    assert!(error.to_string().contains("refused") && error.detail().left_behind.is_empty(), "{error:?}");
    assert_eq!(value(&root, EVERYTHING).await, before);
}

#[tokio::test]
async fn a_log_in_that_was_forgotten_is_removed_when_it_is_no_longer_good() {
    let Some(fixture) = postgres().await else { return };
    let admin = admin(&fixture);
    admin.create(&request("alpha")).await.expect("created");
    let root = fixture.superuser("postgres").await.expect("in");
    let count = "SELECT count(*) FROM pg_roles WHERE rolname LIKE 'adhoc-login%'";
    let forgotten = admin.temporary_login(&"alpha".parse().expect("a name")).await.expect("made");
    let user = forgotten.credentials().user.clone();
    let inside = fixture.server().connect("alpha-db", forgotten.credentials()).await.expect("in");
    assert_eq!(value(&inside, "SELECT session_user || ' ' || current_user").await, format!("{user} alpha"));
    admin.audit(&BTreeMap::new()).await.expect("audited");
    assert_eq!(value(&root, count).await, "1", "it is still good");
    root.client().batch_execute(&format!("ALTER ROLE \"{user}\" VALID UNTIL '2020-01-01'")).await.expect("aged");
    admin.audit(&BTreeMap::new()).await.expect("audited");
    assert_eq!(value(&root, count).await, "1", "somebody uses it");
    inside.close().await;
    admin.audit(&BTreeMap::new()).await.expect("audited");
    assert_eq!(value(&root, count).await, "0");
}

#[tokio::test]
async fn a_rotated_password_is_fetched_again_once() {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};
    struct Rotating(AtomicUsize);
    #[adhoc_core::async_trait]
    impl adhoc_db::CredentialSource for Rotating {
        async fn credentials(&self, fresh: bool) -> adhoc_core::Result<Credentials> {
            self.0.fetch_add(1, Ordering::SeqCst);
            let password = if fresh { adhoc_db::testing::PostgresFixture::MASTER_PASSWORD } else { "last week's" };
            Ok(Credentials::new("postgres", password.to_owned()))
        }
    }
    let Some(fixture) = postgres().await else { return };
    let source = Arc::new(Rotating(AtomicUsize::new(0)));
    let admin = adhoc_db::PostgresAdmin::new(fixture.server(), source.clone());
    admin.list().await.expect("logged in");
    assert_eq!(source.0.load(Ordering::SeqCst), 2);
}
