use super::*;
use crate::DatabaseMarker;

fn name(name: &str) -> EnvironmentName {
    name.parse().expect("valid")
}

fn counts(services: u32, desired: u32, running: u32) -> Option<ServiceCounts> {
    Some(ServiceCounts { services, desired, running, pending: 0 })
}

fn cluster(environment: &str, tags: &[(&str, &str)]) -> ObservedCluster {
    let tags = tags.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect();
    let cluster = Cluster::new(format!("{environment}-cluster").as_str().into(), "arn").with_tags(tags);
    ObservedCluster::new(cluster.with_counts(5, 5)).with_services(counts(5, 5, 5))
}

const CREATED: (&str, &str) = ("adhoc:created-at", "2026-01-01T00:00:00Z");

fn database(environment: &str) -> Database {
    let at = "2026-01-01T00:00:00Z".parse().expect("a moment");
    let marker = DatabaseMarker::for_environment(&name(environment), at).with_creator(Some("ada".to_owned()));
    Database::new(format!("{environment}-db"), environment).with_marker(marker)
}

fn workspace(environment: &str, resources: u64) -> ObservedWorkspace {
    ObservedWorkspace::new(name(environment), Some(resources))
}

/// Name, state and notes.
fn joined(inventory: &Inventory) -> Vec<(String, EnvironmentState, String)> {
    let records = inventory.join(&Conventions::default());
    records.iter().map(|record| (record.name.to_string(), record.state, record.notes.join("; "))).collect()
}

#[test]
fn each_state_is_told_by_what_is_there() {
    let asleep = cluster("asleep", &[CREATED]).with_services(counts(5, 0, 0));
    let empty = cluster("empty", &[CREATED]).with_services(counts(0, 0, 0));
    let begun = cluster("begun", &[CREATED, ("adhoc:unfinished", "create")]);
    let clusters = vec![
        cluster("alpha", &[CREATED]),
        asleep,
        empty,
        begun,
        cluster("production", &[]),
        cluster("by-hand", &[]),
        cluster("dev", &[CREATED]),
        ObservedCluster::new(Cluster::new("other".into(), "arn")),
    ];
    let whole = ["alpha", "asleep", "empty", "begun", "by-hand", "dev", "bootstrap"].map(|it| workspace(it, 40));
    let workspaces = whole.into_iter().chain([workspace("ghost", 0), workspace("torn", 3)]).collect();
    let foreign = Database::new("alpha-copy", "someone");
    let inventory = Inventory {
        clusters: Part::Read(clusters),
        workspaces: Part::Read(workspaces),
        var_files: ["alpha", "later"].map(name).to_vec(),
        databases: Part::Read(vec![database("alpha"), database("asleep"), database("lost"), foreign]),
    };
    let expected = [
        ("alpha", EnvironmentState::Live, ""),
        ("asleep", EnvironmentState::Stopped, ""),
        ("begun", EnvironmentState::HalfMade, "its create has not ended"),
        ("by-hand", EnvironmentState::Live, "has no tags of adhoc; has no database"),
        ("empty", EnvironmentState::HalfMade, "its cluster has no services"),
        ("ghost", EnvironmentState::GhostWorkspace, "its workspace is empty, and it has no cluster"),
        ("later", EnvironmentState::Configured, ""),
        ("lost", EnvironmentState::OrphanDatabase, "it has neither a cluster nor a workspace"),
        ("production", EnvironmentState::Untracked, "has no tags of adhoc and no workspace"),
        ("torn", EnvironmentState::HalfMade, "its workspace has 3 resources, but it has no cluster"),
    ];
    assert_eq!(joined(&inventory), expected.map(|(name, state, notes)| (name.to_owned(), state, notes.to_owned())));
}

#[test]
fn what_could_not_be_read_is_neither_missing_nor_orphaned() {
    let everything = Inventory {
        clusters: Part::Unreadable,
        workspaces: Part::Read(vec![workspace("ghost", 0)]),
        var_files: vec![name("later")],
        databases: Part::Read(vec![database("lost")]),
    };
    let states = |inventory: &Inventory| joined(inventory).into_iter().map(|(_, state, _)| state).collect::<Vec<_>>();
    assert_eq!(states(&everything), [EnvironmentState::Unknown; 3]);
    let no_workspaces =
        Inventory { clusters: Part::Read(Vec::new()), workspaces: Part::Unreadable, ..everything.clone() };
    assert_eq!(states(&no_workspaces), [EnvironmentState::Unknown; 2]);
    let absent = Inventory { clusters: Part::Read(Vec::new()), workspaces: Part::Absent, ..everything };
    assert_eq!(states(&absent), [EnvironmentState::Configured, EnvironmentState::OrphanDatabase]);
    let unknown_state = ObservedWorkspace::new(name("ghost"), None);
    let inventory = Inventory {
        clusters: Part::Read(Vec::new()),
        workspaces: Part::Read(vec![unknown_state]),
        ..Inventory::default()
    };
    assert_eq!(joined(&inventory)[0].2, "what its workspace holds could not be read");
}

#[test]
fn tags_come_before_images_and_before_the_marker() {
    let observed = cluster("alpha", &[CREATED, ("adhoc:backend", "v2")]);
    let versions = [("backend", "v1"), ("frontend", "v1")].map(|(name, it)| (name.to_owned(), it.to_owned()));
    let inventory = Inventory {
        clusters: Part::Read(vec![observed.with_versions(versions.into())]),
        databases: Part::Read(vec![database("alpha")]),
        ..Inventory::default()
    };
    let record = inventory.join(&Conventions::default()).remove(0);
    assert_eq!((record.versions["backend"].as_str(), record.versions["frontend"].as_str()), ("v2", "v1"));
    assert_eq!(record.owner.as_deref(), Some("ada"));
    assert_eq!(record.expires_at, None, "the cluster says when it expires, not the database");
    assert!(record.tracked && record.notes.is_empty(), "{:?}", record.notes);
}

#[test]
fn a_sleeper_that_stirs_is_live_with_a_note() {
    let tags = [CREATED, ("adhoc:stopped-at", "2026-01-02T00:00:00Z")];
    let stirring = cluster("alpha", &tags).with_services(counts(5, 2, 1));
    let unread = cluster("beta", &tags).with_services(None);
    let mut quiet = cluster("gamma", &tags).with_services(None);
    quiet.cluster.running_tasks = 0;
    let inventory = Inventory { clusters: Part::Read(vec![stirring, unread, quiet]), ..Inventory::default() };
    let found = joined(&inventory);
    assert_eq!(found[0].1, EnvironmentState::Live);
    assert_eq!(found[0].2, "was put to sleep, but something in it is to run; 1 of 2 tasks run");
    assert_eq!((found[1].1, found[2].1), (EnvironmentState::Live, EnvironmentState::Stopped));
}

#[test]
fn a_record_survives_json() {
    let inventory = Inventory { clusters: Part::Read(vec![cluster("alpha", &[CREATED])]), ..Inventory::default() };
    let record = inventory.join(&Conventions::default()).remove(0);
    let text = serde_json::to_string(&record).expect("JSON");
    assert_eq!(serde_json::from_str::<EnvironmentRecord>(&text).expect("JSON"), record);
    assert!(serde_json::from_str::<EnvironmentRecord>(&text.replace("\"alpha\"", "\"Alpha\"")).is_err());
}
