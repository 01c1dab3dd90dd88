//! The whole life of an environment: real Terraform and its real AWS provider on moto, ECS and logs on the embedded AWS, and a
//! real Postgres behind a real sshd. It takes minutes, so `scripts/test` runs it in its stage `apply`.

mod support;

use support::place::{BAD_MIGRATION, BROKEN, Place};

#[test]
#[ignore = "takes minutes: `scripts/test apply`"]
fn an_environment_lives_and_dies_for_real() {
    let Some(place) = Place::with_shared() else { return };
    made(&place);
    released(&place);
    let plan = place.adhoc("plan alpha").ends_with(0);
    assert!(plan.stdout.contains("no changes"), "releases are no drift: {}", plan.stdout);
    slept(&place);
    swept(&place);
    place.account.succeed("shared destroy dev --yes");
    place.account.succeed("bootstrap destroy --yes");
    place.account.nothing_is_left();
}

#[test]
#[ignore = "takes minutes: `scripts/test apply`"]
fn an_environment_comes_back_where_one_of_its_name_was_for_real() {
    let Some(place) = Place::with_stand_in() else { return };
    for _ in 0..2 {
        place.adhoc("create alpha --tag backend=v1.0.0").ends_with(0);
        // A change of the services, the cluster, the log groups and their tags, by the provider's own calls.
        let changed = place.adhoc(
            "create alpha --yes --set log_retention_days=30 --set container_insights=true --set capacity=FARGATE",
        );
        changed.ends_with(0);
        assert_eq!(place.release("alpha", "gunicorn"), ("v1.0.0".to_owned(), 1), "a change is no other release");
        assert!(place.adhoc("plan alpha").ends_with(0).stdout.contains("no changes"));
        place.adhoc("destroy alpha --yes").ends_with(0);
        place.no_environment_is_left();
    }
}

/// Infrastructure, database, first release and health by one command, which ends with what one wants to know.
fn made(place: &Place) {
    let created = place.adhoc("create alpha --ttl 5d --owner ada --tag v1.0.0").ends_with(0);
    for part in ["alpha is up: http://127.0.0.1:", "v1.0.0", "alpha-db", "ada", "adhoc exec gunicorn alpha"] {
        assert!(created.stdout.contains(part), "{part} is not in {}", created.stdout);
    }
    assert_eq!(place.databases(), "alpha alpha-db");
    for role in ["gunicorn", "default", "beat", "web-ui"] {
        assert_eq!(place.release("alpha", role), ("v1.0.0".to_owned(), 1), "{role}");
    }
    let tags = place.cluster_tags("alpha");
    assert_eq!((&tags["adhoc:owner"], &tags["adhoc:backend"]), (&"ada".into(), &"v1.0.0".into()));
    assert!(tags["adhoc:expires-at"].is_string() && tags.get("adhoc:unfinished").is_none(), "{tags}");
    assert!(place.adhoc("plan alpha").ends_with(0).stdout.contains("no changes"));
    let again = place.adhoc("create alpha").ends_with(0);
    assert!(!again.stderr.contains("migrate"), "nothing is released twice: {}", again.stderr);
}

/// Asleep and awake again, with what it ran.
fn slept(place: &Place) {
    let list = place.adhoc("list").ends_with(0);
    assert!(
        list.stdout.contains("alpha") && list.stdout.contains("live") && list.stdout.contains("ada"),
        "{}",
        list.stdout
    );
    place.adhoc("stop alpha").ends_with(0);
    assert_eq!(place.release("alpha", "gunicorn"), ("v1.1.0".to_owned(), 0));
    assert!(place.adhoc("list").ends_with(0).stdout.contains("stopped"));
    place.adhoc("start alpha").ends_with(0);
    for role in ["gunicorn", "default", "beat", "web-ui", "redis"] {
        assert_eq!(place.release("alpha", role).1, 1, "{role}");
    }
    place.adhoc("extend alpha --ttl 10d").ends_with(0);
}

/// Left in peace until it has expired, and then gone to the last trace.
fn swept(place: &Place) {
    let early = place.adhoc("sweep --apply --yes").ends_with(0);
    assert_eq!(place.databases(), "alpha alpha-db", "{}", early.stdout);
    let found = place.account.aws("ecs describe-clusters --clusters alpha-cluster");
    let cluster = found["clusters"][0]["clusterArn"].as_str().expect("an ARN");
    let past = "key=adhoc:expires-at,value=2020-01-01T00:00:00Z";
    place.account.aws(&format!("ecs tag-resource --resource-arn {cluster} --tags {past}"));
    let dry = place.adhoc("sweep").ends_with(0);
    assert!(dry.stdout.contains("alpha") && dry.stdout.contains("expired"), "{}", dry.stdout);
    assert_eq!(place.databases(), "alpha alpha-db", "a dry run");
    place.adhoc("sweep --apply --yes").ends_with(0);
    place.no_environment_is_left();
    let again = place.adhoc("destroy alpha --yes").ends_with(0);
    assert!(again.stdout.contains("there was nothing left of alpha"), "{}", again.stdout);
}

/// A good release, a broken one, the way back, and one that does not get past its migration.
fn released(place: &Place) {
    let second = place.adhoc("update backend alpha --tag v1.1.0").ends_with(0);
    assert!(second.stderr.contains("Applying blog.0001_initial... OK"), "{}", second.stderr);
    assert_eq!(place.release("alpha", "gunicorn"), ("v1.1.0".to_owned(), 1));

    let broken = place.adhoc(&format!("update backend alpha --tag {BROKEN}")).ends_with(6);
    assert!(broken.stdout.contains("no module named wsgi"), "{}\n{}", broken.stdout, broken.stderr);
    assert_eq!(place.release("alpha", "gunicorn").0, "v1.1.0", "ECS went back");
    place.adhoc("rollback backend alpha").ends_with(0);
    for role in ["gunicorn", "default", "beat"] {
        assert_eq!(place.release("alpha", role), ("v1.1.0".to_owned(), 1), "{role}");
    }

    let bad = place.adhoc(&format!("update backend alpha --tag {BAD_MIGRATION}")).ends_with(4);
    assert!(bad.stderr.contains("no such column: title"), "{}", bad.stderr);
    assert_eq!(place.release("alpha", "gunicorn").0, "v1.1.0", "no service was touched");
    let status = place.adhoc("status alpha").ends_with(0);
    assert!(status.stdout.contains("v1.1.0") && !status.stdout.contains(BROKEN), "{}", status.stdout);
}
