use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{EnvironmentTags, Unfinished};
use crate::{Cluster, Conventions, Database, EnvironmentName};

/// The workspace of the configuration that makes the backend itself: no environment's.
const BOOTSTRAP: &str = "bootstrap";

/// One of the places where something of an environment may be.
///
/// What could not be read says nothing about what is there, and so nothing is destroyed for its sake.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Part<T> {
    /// It was read, and has this.
    Read(Vec<T>),
    /// The project has no such place.
    Absent,
    /// It could not be read.
    Unreadable,
}

impl<T> Part<T> {
    /// What is there; none if that is not known.
    #[must_use]
    pub fn known(&self) -> Option<&[T]> {
        match self {
            Self::Read(found) => Some(found),
            Self::Absent => Some(&[]),
            Self::Unreadable => None,
        }
    }
}

/// How many services an environment has, and tasks they have.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ServiceCounts {
    /// Services.
    pub services: u32,
    /// Tasks that should run.
    pub desired: u32,
    /// Tasks that run.
    pub running: u32,
    /// Tasks that are starting.
    pub pending: u32,
}

/// A cluster, with what its services say.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct ObservedCluster {
    /// The cluster.
    pub cluster: Cluster,
    /// Its services; none if they could not be read.
    pub services: Option<ServiceCounts>,
    /// The version of each component by the images of its services, where no tag says it.
    pub versions: BTreeMap<String, String>,
}

impl ObservedCluster {
    /// A cluster whose services are not known.
    #[must_use]
    pub fn new(cluster: Cluster) -> Self {
        Self { cluster, services: None, versions: BTreeMap::new() }
    }

    /// Sets what its services have.
    #[must_use]
    pub fn with_services(mut self, services: Option<ServiceCounts>) -> Self {
        self.services = services;
        self
    }

    /// Sets the version of each component by the images of its services.
    #[must_use]
    pub fn with_versions(mut self, versions: BTreeMap<String, String>) -> Self {
        self.versions = versions;
        self
    }
}

/// A workspace, with what its state has.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct ObservedWorkspace {
    /// The environment.
    pub environment: EnvironmentName,
    /// How many resources its state has; none if that is not known.
    pub resources: Option<u64>,
}

impl ObservedWorkspace {
    /// A workspace.
    #[must_use]
    pub fn new(environment: EnvironmentName, resources: Option<u64>) -> Self {
        Self { environment, resources }
    }
}

/// Everything that was found of any environment.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Inventory {
    /// The clusters of the account and region.
    pub clusters: Part<ObservedCluster>,
    /// The workspaces.
    pub workspaces: Part<ObservedWorkspace>,
    /// The environments that have a var file.
    pub var_files: Vec<EnvironmentName>,
    /// The databases of the shared server.
    pub databases: Part<Database>,
}

impl Default for Inventory {
    fn default() -> Self {
        Self { clusters: Part::Absent, workspaces: Part::Absent, var_files: Vec::new(), databases: Part::Absent }
    }
}

/// How an environment is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum EnvironmentState {
    /// It is there, and something in it is to run.
    Live,
    /// It is there, and nothing in it is to run.
    Stopped,
    /// It was begun to be made or destroyed, and that has not ended; or parts of it are missing.
    HalfMade,
    /// A workspace whose state is empty is all that there is.
    GhostWorkspace,
    /// A database is all that there is.
    OrphanDatabase,
    /// A cluster has its name, but nobody here has made it.
    Untracked,
    /// A var file is all that there is.
    Configured,
    /// What there is of it could not be read whole.
    Unknown,
}

impl EnvironmentState {
    /// The state in words.
    #[must_use]
    pub fn words(self) -> &'static str {
        match self {
            Self::Live => "live",
            Self::Stopped => "stopped",
            Self::HalfMade => "half-made",
            Self::GhostWorkspace => "ghost workspace",
            Self::OrphanDatabase => "orphan database",
            Self::Untracked => "untracked",
            Self::Configured => "configured",
            Self::Unknown => "unknown",
        }
    }
}

impl fmt::Display for EnvironmentState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.words())
    }
}

/// The database of an environment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct DatabaseRecord {
    /// Its name.
    pub name: String,
    /// The role that owns it.
    pub role: String,
    /// Its size on disk; none where it may not be read.
    #[serde(default)]
    pub size_bytes: Option<u64>,
}

/// What is known of one environment. The member names are a contract with those who read `--output json`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct EnvironmentRecord {
    /// Its name.
    pub name: EnvironmentName,
    /// How it is.
    pub state: EnvironmentState,
    /// Whose it is.
    pub owner: Option<String>,
    /// The version of each component.
    pub versions: BTreeMap<String, String>,
    /// Where it is reached.
    pub url: Option<String>,
    /// Since when it is there.
    pub created_at: Option<Timestamp>,
    /// After when it may be swept away.
    pub expires_at: Option<Timestamp>,
    /// When its owner was last told that it expires.
    pub warned_at: Option<Timestamp>,
    /// Since when it is asleep.
    pub stopped_at: Option<Timestamp>,
    /// Why it is never swept away.
    pub keep: Option<String>,
    /// Whether it is not destroyed at all.
    pub protected: bool,
    /// What was begun with it and has not ended.
    pub unfinished: Option<Unfinished>,
    /// Whether its cluster has tags of ours.
    pub tracked: bool,
    /// Its cluster.
    pub cluster: Option<String>,
    /// What its services have; none if that is not known.
    pub services: Option<ServiceCounts>,
    /// Whether it has a workspace; none if that is not known.
    pub workspace: Option<bool>,
    /// How many resources its workspace has; none if that was not asked.
    pub resources: Option<u64>,
    /// Whether it has a var file.
    pub var_file: bool,
    /// Its database.
    pub database: Option<DatabaseRecord>,
    /// What it costs per day, in US cents; none if that is not known.
    pub cost_cents_per_day: Option<u64>,
    /// What is not as it should be, one phrase each.
    pub notes: Vec<String>,
}

impl EnvironmentRecord {
    /// An environment of which nothing more is known.
    #[must_use]
    pub fn new(name: EnvironmentName, state: EnvironmentState) -> Self {
        Self {
            name,
            state,
            owner: None,
            versions: BTreeMap::new(),
            url: None,
            created_at: None,
            expires_at: None,
            warned_at: None,
            stopped_at: None,
            keep: None,
            protected: false,
            unfinished: None,
            tracked: false,
            cluster: None,
            services: None,
            workspace: None,
            resources: None,
            var_file: false,
            database: None,
            cost_cents_per_day: None,
            notes: Vec::new(),
        }
    }

    /// Takes over what the tags of its cluster say.
    #[must_use]
    pub fn with_tags(mut self, tags: EnvironmentTags) -> Self {
        self.owner = tags.owner;
        self.created_at = tags.created_at;
        self.expires_at = tags.expires_at;
        self.warned_at = tags.warned_at;
        self.stopped_at = tags.stopped_at;
        self.keep = tags.keep;
        self.protected = tags.protected;
        self.unfinished = tags.unfinished;
        self.versions = tags.versions;
        self
    }
}

impl Inventory {
    /// Joins what was found into one record for each environment, by name. The shared environment and the bootstrap are none.
    #[must_use]
    pub fn join(&self, conventions: &Conventions) -> Vec<EnvironmentRecord> {
        let mut names: BTreeSet<EnvironmentName> = self.var_files.iter().cloned().collect();
        names.extend(self.clusters(conventions).map(|(name, _)| name));
        names.extend(self.workspaces.known().unwrap_or_default().iter().map(|it| it.environment.clone()));
        names.extend(self.databases.known().unwrap_or_default().iter().filter_map(environment_of));
        names.retain(|name| name.as_str() != conventions.shared && name.as_str() != BOOTSTRAP);
        let clusters: BTreeMap<_, _> = self.clusters(conventions).collect();
        names.into_iter().map(|name| self.found(&name, clusters.get(&name).copied()).record(name)).collect()
    }

    fn clusters<'a>(
        &'a self,
        conventions: &'a Conventions,
    ) -> impl Iterator<Item = (EnvironmentName, &'a ObservedCluster)> {
        let clusters = self.clusters.known().unwrap_or_default().iter();
        clusters.filter_map(|it| Some((conventions.environment_of_cluster(&it.cluster.name)?, it)))
    }

    fn found<'a>(&'a self, name: &EnvironmentName, cluster: Option<&'a ObservedCluster>) -> Found<'a> {
        let workspaces = self.workspaces.known().unwrap_or_default();
        let databases = self.databases.known().unwrap_or_default();
        Found {
            inventory: self,
            cluster,
            workspace: workspaces.iter().find(|it| it.environment == *name),
            var_file: self.var_files.contains(name),
            database: databases.iter().find(|database| environment_of(database).as_ref() == Some(name)),
        }
    }
}

/// The environment whose database this is, by its marker.
fn environment_of(database: &Database) -> Option<EnvironmentName> {
    database.marker.as_ref()?.environment.as_ref()?.parse().ok()
}

/// What was found of one environment.
struct Found<'a> {
    inventory: &'a Inventory,
    cluster: Option<&'a ObservedCluster>,
    workspace: Option<&'a ObservedWorkspace>,
    var_file: bool,
    database: Option<&'a Database>,
}

impl Found<'_> {
    fn record(&self, name: EnvironmentName) -> EnvironmentRecord {
        let tags = self.cluster.map(|it| EnvironmentTags::read(&it.cluster.tags)).unwrap_or_default();
        let state = self.state(&tags);
        let mut record = EnvironmentRecord::new(name, state).with_tags(tags);
        if let Some(marker) = self.database.and_then(|database| database.marker.as_ref()) {
            record.owner = record.owner.or_else(|| marker.creator.clone());
            if state == EnvironmentState::OrphanDatabase {
                (record.created_at, record.expires_at) = (Some(marker.created_at), marker.expires_at);
            }
        }
        if let Some(it) = self.cluster {
            record.tracked = EnvironmentTags::is_ours(&it.cluster.tags);
            record.cluster = Some(it.cluster.name.to_string());
            record.services = it.services;
            for (component, version) in &it.versions {
                record.versions.entry(component.clone()).or_insert_with(|| version.clone());
            }
        }
        record.workspace = self.inventory.workspaces.known().map(|_| self.workspace.is_some());
        record.resources = self.workspace.and_then(|workspace| workspace.resources);
        record.var_file = self.var_file;
        record.database = self.database.map(|database| DatabaseRecord {
            name: database.name.clone(),
            role: database.owner.clone(),
            size_bytes: database.size_bytes,
        });
        record.notes = self.notes(&record);
        record
    }

    fn state(&self, tags: &EnvironmentTags) -> EnvironmentState {
        match self.cluster {
            Some(it) => self.state_of_cluster(it, tags),
            None if self.inventory.clusters.known().is_none() => EnvironmentState::Unknown,
            None => match self.workspace.map(|workspace| workspace.resources) {
                Some(Some(0)) => EnvironmentState::GhostWorkspace,
                Some(Some(_)) => EnvironmentState::HalfMade,
                Some(None) => EnvironmentState::Unknown,
                None if self.inventory.workspaces.known().is_none() => EnvironmentState::Unknown,
                None if self.database.is_some() => EnvironmentState::OrphanDatabase,
                None => EnvironmentState::Configured,
            },
        }
    }

    fn state_of_cluster(&self, it: &ObservedCluster, tags: &EnvironmentTags) -> EnvironmentState {
        let nobody = !EnvironmentTags::is_ours(&it.cluster.tags) && self.workspace.is_none();
        let services = it.services.map_or(it.cluster.services, |counts| counts.services);
        let asleep = match it.services {
            Some(counts) => counts.desired + counts.running + counts.pending == 0,
            None => tags.stopped_at.is_some() && it.cluster.running_tasks == 0,
        };
        match (nobody, tags.unfinished.is_some() || services == 0, asleep) {
            (true, _, _) => EnvironmentState::Untracked,
            (false, true, _) => EnvironmentState::HalfMade,
            (false, false, true) => EnvironmentState::Stopped,
            (false, false, false) => EnvironmentState::Live,
        }
    }

    fn notes(&self, record: &EnvironmentRecord) -> Vec<String> {
        match record.state {
            EnvironmentState::Live | EnvironmentState::Stopped => self.notes_of_whole(record),
            EnvironmentState::HalfMade => half_made(record),
            EnvironmentState::GhostWorkspace => vec!["its workspace is empty, and it has no cluster".to_owned()],
            EnvironmentState::OrphanDatabase => vec!["it has neither a cluster nor a workspace".to_owned()],
            EnvironmentState::Untracked if record.workspace.is_none() => {
                vec!["has no tags of adhoc; whether it has a workspace is not known".to_owned()]
            }
            EnvironmentState::Untracked => vec!["has no tags of adhoc and no workspace".to_owned()],
            EnvironmentState::Unknown => vec![self.unread(record)],
            EnvironmentState::Configured => Vec::new(),
        }
    }

    fn unread(&self, record: &EnvironmentRecord) -> String {
        let what = match (self.inventory.clusters.known(), record.workspace) {
            (None, _) => "its cluster",
            (_, None) => "its workspace",
            _ => "what its workspace holds",
        };
        format!("{what} could not be read")
    }

    fn notes_of_whole(&self, record: &EnvironmentRecord) -> Vec<String> {
        let mut notes = Vec::new();
        if let Some(ServiceCounts { desired, running, .. }) = record.services {
            if record.stopped_at.is_some() && desired > 0 {
                notes.push("was put to sleep, but something in it is to run".to_owned());
            }
            if running < desired {
                notes.push(format!("{running} of {desired} tasks run"));
            }
        }
        if !record.tracked {
            notes.push("has no tags of adhoc".to_owned());
        }
        if matches!(self.inventory.workspaces, Part::Read(_)) && self.workspace.is_none() {
            notes.push("has no workspace".to_owned());
        }
        if matches!(self.inventory.databases, Part::Read(_)) && self.database.is_none() {
            notes.push("has no database".to_owned());
        }
        notes
    }
}

fn half_made(record: &EnvironmentRecord) -> Vec<String> {
    let why = match (record.unfinished, &record.cluster, record.resources) {
        (Some(unfinished), _, _) => format!("its {unfinished} has not ended"),
        (None, Some(_), _) => "its cluster has no services".to_owned(),
        (None, None, Some(1)) => "its workspace has 1 resource, but it has no cluster".to_owned(),
        (None, None, resources) => {
            format!("its workspace has {} resources, but it has no cluster", resources.unwrap_or_default())
        }
    };
    vec![why]
}

#[cfg(test)]
mod tests;
