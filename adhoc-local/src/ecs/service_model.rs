//! Services, their deployments and what is remembered of both.

use super::breaker::Breaker;
use crate::{clock::epoch_seconds, json::Members};
use serde_json::{Map, Value, json};
use std::collections::VecDeque;

const EVENTS: usize = 100;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Rollout {
    InProgress,
    Completed,
    Failed,
}

impl Rollout {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::InProgress => "IN_PROGRESS",
            Self::Completed => "COMPLETED",
            Self::Failed => "FAILED",
        }
    }
}

/// A deployment in a service's list.
#[derive(Clone)]
pub(crate) struct Deployment {
    pub(crate) id: String,
    pub(crate) primary: bool,
    pub(crate) definition: String,
    pub(crate) revision_arn: String,
    pub(crate) created_at: u64,
    pub(crate) updated_at: u64,
    pub(crate) failed: u32,
    pub(crate) rollout: Rollout,
    pub(crate) reason: String,
    /// The service deployment that it belongs to.
    pub(crate) record: String,
    /// No launch before this time, after failures.
    pub(crate) back_off_until: u64,
    /// Whether it is where a failed deployment is rolled back to.
    pub(crate) is_rollback: bool,
}

/// A service deployment: the lasting record of what became of an update.
pub(crate) struct Record {
    pub(crate) arn: String,
    pub(crate) status: &'static str,
    pub(crate) status_reason: Option<String>,
    pub(crate) target: String,
    pub(crate) sources: Vec<String>,
    pub(crate) created_at: u64,
    pub(crate) started_at: Option<u64>,
    pub(crate) finished_at: Option<u64>,
    pub(crate) updated_at: u64,
    pub(crate) failed: u32,
    pub(crate) threshold: u32,
    pub(crate) breaker: &'static str,
    pub(crate) rollback: Option<Value>,
}

impl Record {
    pub(crate) fn set(&mut self, status: &'static str, reason: Option<&str>, now: u64) {
        self.status = status;
        self.status_reason = reason.map(str::to_owned).or(self.status_reason.take());
        self.updated_at = now;
        if matches!(status, "SUCCESSFUL" | "STOPPED" | "ROLLBACK_SUCCESSFUL" | "ROLLBACK_FAILED") {
            self.finished_at = Some(now);
        }
    }

    pub(crate) fn is_over(&self) -> bool {
        self.finished_at.is_some()
    }
}

/// What a deployment runs: a service revision.
pub(crate) struct Revision {
    pub(crate) arn: String,
    pub(crate) definition: String,
    pub(crate) created_at: u64,
    pub(crate) settings: Map<String, Value>,
}

/// A service.
pub(crate) struct Service {
    pub(crate) name: String,
    pub(crate) cluster: String,
    pub(crate) arn: String,
    pub(crate) status: &'static str,
    pub(crate) desired: usize,
    pub(crate) definition: String,
    /// Members that are kept as they were sent, by name.
    pub(crate) settings: Map<String, Value>,
    pub(crate) deployments: Vec<Deployment>,
    pub(crate) records: Vec<Record>,
    pub(crate) revisions: Vec<Revision>,
    pub(crate) events: VecDeque<Value>,
    pub(crate) created_at: u64,
    pub(crate) tags: Vec<Value>,
    pub(crate) steady: bool,
    pub(crate) next_tick: Option<u64>,
}

impl Service {
    pub(crate) fn event(&mut self, message: &str, now: u64) {
        let message = format!("(service {}) {message}", self.name);
        let id = uuid::Uuid::new_v4().to_string();
        self.events.push_front(json!({"id": id, "createdAt": epoch_seconds(now), "message": message}));
        self.events.truncate(EVENTS);
    }

    pub(crate) fn setting(&self, name: &str) -> &Value {
        self.settings.get(name).unwrap_or(&Value::Null)
    }

    pub(crate) fn controller(&self) -> &str {
        self.setting("deploymentController").text("type").unwrap_or("ECS")
    }

    pub(super) fn breaker(&self) -> Breaker {
        let breaker = self.setting("deploymentConfiguration").get("deploymentCircuitBreaker");
        let flag = |name: &str| breaker.is_some_and(|breaker| breaker.flag(name));
        Breaker { enable: flag("enable"), rollback: flag("rollback") }
    }

    /// The fewest healthy and the most tasks that a rollout may have.
    pub(crate) fn bounds(&self) -> (usize, usize) {
        let configuration = self.setting("deploymentConfiguration");
        let percent = |name: &str, default: usize| {
            configuration.number(name).and_then(|n| usize::try_from(n).ok()).unwrap_or(default)
        };
        let least = (self.desired * percent("minimumHealthyPercent", 100)).div_ceil(100);
        let most = self.desired * percent("maximumPercent", 200) / 100;
        (least, most)
    }

    pub(crate) fn primary(&self) -> Option<&Deployment> {
        self.deployments.iter().find(|deployment| deployment.primary)
    }

    pub(crate) fn primary_mut(&mut self) -> Option<&mut Deployment> {
        self.deployments.iter_mut().find(|deployment| deployment.primary)
    }

    pub(crate) fn record_mut(&mut self, arn: &str) -> Option<&mut Record> {
        self.records.iter_mut().find(|record| record.arn == arn)
    }

    /// The revision of the last update that succeeded.
    pub(crate) fn last_completed(&self) -> Option<&Revision> {
        let record = self.records.iter().rev().find(|record| record.status == "SUCCESSFUL")?;
        self.revisions.iter().find(|revision| revision.arn == record.target)
    }
}
