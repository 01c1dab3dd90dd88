//! The log groups of a server.

use super::stream::Stream;
use crate::sync::lock;
use std::{collections::BTreeMap, sync::Mutex};

pub(crate) struct Group {
    pub(crate) created_at: u64,
    pub(crate) streams: BTreeMap<String, Stream>,
    pub(crate) tags: BTreeMap<String, String>,
    pub(crate) retention_days: Option<i64>,
    /// `STANDARD`, `INFREQUENT_ACCESS` or `DELIVERY`.
    pub(crate) class: String,
    /// The KMS key, if it is one's own.
    pub(crate) key: Option<String>,
}

impl Group {
    pub(crate) fn new(now: u64) -> Self {
        Self {
            created_at: now,
            streams: BTreeMap::new(),
            tags: BTreeMap::new(),
            retention_days: None,
            class: "STANDARD".to_owned(),
            key: None,
        }
    }
}

/// Groups and streams, under a lock of their own: a chatty container does not hold up ECS.
#[derive(Default)]
pub(crate) struct LogStore {
    pub(crate) groups: Mutex<BTreeMap<String, Group>>,
}

impl LogStore {
    pub(crate) fn create_group(&self, name: &str, now: u64) {
        lock(&self.groups).entry(name.to_owned()).or_insert_with(|| Group::new(now));
    }

    pub(crate) fn has_group(&self, name: &str) -> bool {
        lock(&self.groups).contains_key(name)
    }

    /// Removes every group whose name begins with `prefix`.
    pub(crate) fn remove_groups(&self, prefix: &str) {
        lock(&self.groups).retain(|name, _| !name.starts_with(prefix));
    }

    /// What a container wrote; lost if the group is gone, as in AWS.
    pub(crate) fn append<'a>(
        &self,
        group: &str,
        stream: &str,
        lines: impl IntoIterator<Item = &'a str>,
        now: u64,
        delay_ms: u64,
    ) {
        let mut groups = lock(&self.groups);
        let Some(group) = groups.get_mut(group) else { return };
        if !group.streams.contains_key(stream) {
            group.streams.insert(stream.to_owned(), Stream::new(now));
        }
        if let Some(stream) = group.streams.get_mut(stream) {
            stream.append(lines.into_iter().map(|line| (now, line)), now + delay_ms);
        }
    }
}
