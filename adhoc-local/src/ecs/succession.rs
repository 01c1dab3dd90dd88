//! One primary deployment takes the place of another: an update, or the way back.

use super::{
    World,
    breaker::threshold,
    service_model::{Deployment, Record, Revision, Rollout, Service},
};
use crate::clock::epoch_seconds;
use serde_json::json;

impl World {
    /// Makes a new deployment of the last revision that completed the primary one.
    pub(super) fn roll_back(&mut self, service: &mut Service, failed: &Deployment, reason: &str, now: u64) {
        let Some(target) = service.last_completed().map(|revision| (revision.arn.clone(), revision.definition.clone()))
        else {
            return;
        };
        let id = format!("ecs-svc/{}", self.digits());
        let why = format!("ECS deployment circuit breaker: rolling back to deploymentId {id}.");
        service.event(&format!("rolling back to deployment {id}."), now);
        if let Some(record) = service.record_mut(&failed.record) {
            record.set("ROLLBACK_IN_PROGRESS", Some(reason), now);
            record.rollback = Some(json!({
                "reason": reason,
                "startedAt": epoch_seconds(now),
                "serviceRevisionArn": target.0,
            }));
        }
        for deployment in &mut service.deployments {
            deployment.primary = false;
        }
        service.definition.clone_from(&target.1);
        service.deployments.insert(
            0,
            Deployment {
                id,
                primary: true,
                definition: target.1,
                revision_arn: target.0,
                created_at: now,
                updated_at: now,
                failed: 0,
                rollout: Rollout::InProgress,
                reason: why,
                record: failed.record.clone(),
                back_off_until: 0,
                is_rollback: true,
            },
        );
    }

    /// Puts a new primary deployment of what the service is now in front of the others.
    pub(super) fn deploy(&mut self, service: &mut Service, now: u64) {
        let revision = format!("service-revision/{}/{}/{}", service.cluster, service.name, self.digits());
        let record = format!("service-deployment/{}/{}/{}", service.cluster, service.name, self.digits());
        let (revision, record) = (self.arn("ecs", &revision), self.arn("ecs", &record));
        let id = format!("ecs-svc/{}", self.digits());
        supersede(service, now);
        let sources =
            service.deployments.iter().filter(|d| d.rollout == Rollout::Completed).map(|d| d.revision_arn.clone());
        service.records.push(Record {
            arn: record.clone(),
            status: "PENDING",
            status_reason: None,
            target: revision.clone(),
            sources: sources.take(1).collect(),
            created_at: now,
            started_at: None,
            finished_at: None,
            updated_at: now,
            failed: 0,
            threshold: threshold(service.desired),
            breaker: "DISABLED",
            rollback: None,
        });
        service.revisions.push(Revision {
            arn: revision.clone(),
            definition: service.definition.clone(),
            created_at: now,
            settings: service.settings.clone(),
        });
        let reason = format!("ECS deployment {id} in progress.");
        service.deployments.insert(
            0,
            Deployment {
                id,
                primary: true,
                definition: service.definition.clone(),
                revision_arn: revision,
                created_at: now,
                updated_at: now,
                failed: 0,
                rollout: Rollout::InProgress,
                reason,
                record,
                back_off_until: 0,
                is_rollback: false,
            },
        );
        service.steady = false;
        service.next_tick = Some(now);
    }
}

/// The primary deployment is no longer; if it was still under way, its record says so.
fn supersede(service: &mut Service, now: u64) {
    let Some(primary) = service.primary_mut() else { return };
    primary.primary = false;
    primary.updated_at = now;
    let record = primary.record.clone();
    if let Some(record) = service.record_mut(&record).filter(|record| !record.is_over()) {
        let status = if record.rollback.is_some() { "ROLLBACK_FAILED" } else { "STOPPED" };
        record.set(status, Some("A new deployment replaced this one."), now);
    }
}
