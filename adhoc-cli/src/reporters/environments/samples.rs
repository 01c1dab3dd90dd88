//! Lists for the snapshot tests.

use adhoc_core::{EnvironmentRecord, EnvironmentState, ServiceCounts, Timestamp, Unfinished};
use jiff::SignedDuration;

use super::EnvironmentTable;
use crate::reporters::samples::moment;

fn hours(number: i64) -> Timestamp {
    moment() + SignedDuration::from_hours(number)
}

fn record(name: &str, state: EnvironmentState, running: Option<(u32, u32)>) -> EnvironmentRecord {
    let mut record = EnvironmentRecord::new(name.parse().expect("valid"), state);
    if let Some((running, desired)) = running {
        record.services = Some(ServiceCounts { services: 5, desired, running, pending: 0 });
        record.cluster = Some(format!("{name}-cluster"));
        record.url = Some(format!("https://{name}.dev.example.com"));
        record.tracked = true;
        record.created_at = Some(hours(-100));
        record.cost_cents_per_day = Some(if desired == 0 { 87 } else { 412 });
    }
    record
}

fn with(mut record: EnvironmentRecord, change: impl FnOnce(&mut EnvironmentRecord)) -> EnvironmentRecord {
    change(&mut record);
    record
}

fn versions(record: &mut EnvironmentRecord, backend: &str, frontend: &str) {
    let versions = [("backend", backend), ("frontend", frontend)];
    record.versions = versions.map(|(name, version)| (name.to_owned(), version.to_owned())).into();
}

/// One of each kind.
pub(crate) fn table() -> EnvironmentTable {
    let environments = vec![
        with(record("alpha", EnvironmentState::Live, Some((6, 6))), |it| {
            versions(it, "v1.4.0", "v1.4.2");
            (it.owner, it.expires_at) = (Some("Ada Lovelace".to_owned()), Some(hours(76)));
        }),
        with(record("board", EnvironmentState::Live, Some((5, 5))), |it| {
            versions(it, "v1.3.0", "v1.3.0");
            (it.owner, it.keep) = (Some("grace@example.com".to_owned()), Some("demo for the board".to_owned()));
        }),
        with(record("pr-1042", EnvironmentState::Live, Some((3, 5))), |it| {
            versions(it, "pr-1042-8f3c2d1", "v1.4.2");
            (it.owner, it.expires_at) = (Some("linus".to_owned()), Some(hours(5)));
            it.notes = vec!["3 of 5 tasks run".to_owned()];
        }),
        with(record("staging", EnvironmentState::Live, Some((8, 8))), |it| {
            versions(it, "v1.4.0", "v1.4.2");
            it.protected = true;
        }),
        with(record("beta", EnvironmentState::Stopped, Some((0, 0))), |it| {
            versions(it, "v1.2.9", "v1.2.9");
            (it.owner, it.expires_at) = (Some("Ada Lovelace".to_owned()), Some(hours(-3)));
            it.stopped_at = Some(hours(-12));
        }),
        with(record("pr-977", EnvironmentState::HalfMade, Some((0, 1))), |it| {
            (it.owner, it.unfinished) = (Some("linus".to_owned()), Some(Unfinished::Create));
            it.notes = vec!["its create has not ended".to_owned()];
        }),
        with(record("typo", EnvironmentState::GhostWorkspace, None), |it| {
            it.notes = vec!["its workspace is empty, and it has no cluster".to_owned()];
        }),
        with(record("pr-7", EnvironmentState::OrphanDatabase, None), |it| {
            (it.owner, it.created_at) = (Some("linus".to_owned()), Some(hours(-900)));
            it.notes = vec!["it has neither a cluster nor a workspace".to_owned()];
        }),
        with(record("production", EnvironmentState::Untracked, Some((20, 20))), |it| {
            (it.tracked, it.url, it.created_at, it.cost_cents_per_day) = (false, None, None, None);
            it.notes = vec!["has no tags of adhoc and no workspace".to_owned()];
        }),
        record("gamma", EnvironmentState::Configured, None),
    ];
    EnvironmentTable {
        project: Some("ublog".to_owned()),
        region: Some("eu-central-1".to_owned()),
        at: moment(),
        environments,
        unreadable: Vec::new(),
    }
}

/// Everything that somebody else writes, with the worst that it may say.
pub(crate) fn hostile() -> EnvironmentTable {
    const EVIL: &str = "\"><script>alert('x')</script><img src=http://x onerror=alert(1)>](http://x) & |\u{1b}[2J";
    let mut table = table();
    table.project = Some(EVIL.to_owned());
    table.region = Some(EVIL.to_owned());
    table.unreadable = vec![EVIL.to_owned()];
    for record in &mut table.environments {
        record.owner = Some(EVIL.to_owned());
        record.keep = Some(EVIL.to_owned());
        record.notes = vec![EVIL.to_owned()];
        record.versions = [(EVIL.to_owned(), EVIL.to_owned())].into();
        record.url = Some("javascript:alert(1)".to_owned());
    }
    table
}
