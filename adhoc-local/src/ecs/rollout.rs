//! The service scheduler: keeps counts, rolls deployments task by task, and heeds the circuit breaker.

use super::{
    World,
    breaker::Verdict,
    definitions::Definition,
    plan::TaskPlan,
    run_task::provider,
    service_model::{Deployment, Rollout, Service},
    tags::managed_tags,
    task_model::{Phase, Task},
};
use crate::{clock::epoch_seconds, json::Members};
use serde_json::{Value, json};

/// What the scheduler sees of a service's tasks.
struct Census {
    /// Ids of the primary deployment's tasks that are not leaving.
    primary: Vec<String>,
    /// How many of those are steady.
    primary_steady: usize,
    /// Other deployments' tasks that are not leaving, those that do not run yet first.
    old: Vec<(String, bool)>,
    /// Tasks of any deployment whose last status is RUNNING or earlier.
    live_old: usize,
}

impl World {
    /// Lets every scheduler whose time has come look at its service.
    pub(super) fn step_services(&mut self, now: u64) {
        let tick = self.timing.deployment_tick_ms;
        for task in self.tasks.values().filter(|task| task.is_leaving() && !task.accounted) {
            let Some((name, _)) = &task.service else { continue };
            let key = (task.cluster.clone(), name.clone());
            if let Some(service) = self.services.get_mut(&key) {
                service.next_tick.get_or_insert(now);
            }
        }
        let due = |service: &&Service| service.next_tick.is_some_and(|at| at <= now);
        let keys: Vec<_> = self.services.values().filter(due).map(|s| (s.cluster.clone(), s.name.clone())).collect();
        for key in keys {
            // The scheduler works on the service and the tasks at once, so it takes the service out for the while.
            let Some(mut service) = self.services.remove(&key) else { continue };
            self.schedule(&mut service, now);
            let quiet = service.steady && service.deployments.len() <= 1 && service.status != "DRAINING";
            service.next_tick = (!quiet).then_some(now + tick);
            self.services.insert(key, service);
        }
    }

    fn schedule(&mut self, service: &mut Service, now: u64) {
        if service.controller() != "ECS" && service.status == "ACTIVE" {
            service.steady = true;
            return;
        }
        self.account(service, now);
        self.start_record(service, now);
        let census = self.census(service, now);
        if census.primary_steady > 0
            && let Some(primary) = service.primary_mut()
        {
            primary.failed = 0;
        }
        self.heed_breaker(service, now);
        let census = self.census(service, now);
        self.drain(service, &census, now);
        self.launch(service, &census, now);
        self.conclude(service, now);
    }

    fn service_tasks<'a>(&'a self, service: &Service) -> impl Iterator<Item = &'a Task> + use<'a> {
        let (cluster, name) = (service.cluster.clone(), service.name.clone());
        self.tasks.values().filter(move |task| task.is_in(&cluster, &name))
    }

    fn census(&self, service: &Service, now: u64) -> Census {
        let primary_id = service.primary().map(|primary| primary.id.clone()).unwrap_or_default();
        let steady_ms = self.timing.steady_ms;
        let mut census = Census { primary: Vec::new(), primary_steady: 0, old: Vec::new(), live_old: 0 };
        for task in self.service_tasks(service) {
            let steady = task.is_steady(now, steady_ms);
            if !task.is_of(&primary_id) && task.phase <= Phase::Running {
                census.live_old += 1;
            }
            match (task.is_leaving(), task.is_of(&primary_id)) {
                (true, _) => {}
                (false, true) => {
                    census.primary.push(task.id.clone());
                    census.primary_steady += usize::from(steady);
                }
                (false, false) => census.old.push((task.id.clone(), steady)),
            }
        }
        census.old.sort_by_key(|(_, steady)| *steady);
        census
    }

    /// Takes note of tasks that ended on their own, before they had shown that they can run.
    fn account(&mut self, service: &mut Service, now: u64) {
        let (steady_ms, tick) = (self.timing.steady_ms, self.timing.deployment_tick_ms);
        let mut gone = Vec::new();
        for task in self.tasks.values_mut() {
            if !task.is_in(&service.cluster, &service.name) || !task.is_leaving() || task.accounted {
                continue;
            }
            task.accounted = true;
            let by_us = task.stop_code.as_deref() == Some("ServiceSchedulerInitiated");
            let ran_ms = task.started_at.map_or(0, |at| task.stopping_at.unwrap_or(now).saturating_sub(at));
            let failed = !by_us && ran_ms < steady_ms && task.stop_code.as_deref() != Some("UserInitiated");
            let deployment = task.service.as_ref().map(|(_, id)| id.clone()).unwrap_or_default();
            gone.push((deployment, failed));
        }
        for (id, failed) in gone {
            service.steady = false;
            if let Some(deployment) = service.deployments.iter_mut().find(|d| d.id == id).filter(|_| failed) {
                deployment.failed += 1;
                deployment.updated_at = now;
                // Without this a crashing image would be started a hundred times a second.
                let doublings = deployment.failed.saturating_sub(3).min(6);
                deployment.back_off_until = now + if doublings > 0 { tick << doublings } else { 0 };
                let (record, failures) = (deployment.record.clone(), deployment.failed);
                if let Some(record) = service.record_mut(&record).filter(|record| !record.is_over()) {
                    record.failed = failures;
                    record.updated_at = now;
                }
            }
        }
    }

    fn start_record(&self, service: &mut Service, now: u64) {
        let Some(arn) = service.primary().map(|primary| primary.record.clone()) else { return };
        let armed = service.breaker().enable;
        if let Some(record) = service.record_mut(&arn).filter(|record| record.status == "PENDING") {
            record.set("IN_PROGRESS", None, now);
            record.started_at = Some(now);
            record.breaker = if armed { "MONITORING" } else { "DISABLED" };
        }
    }

    fn heed_breaker(&mut self, service: &mut Service, now: u64) {
        let Some(primary) = service.primary().filter(|primary| primary.rollout == Rollout::InProgress).cloned() else {
            return;
        };
        let earlier = !primary.is_rollback && service.last_completed().is_some();
        let verdict = service.breaker().judge(primary.failed, service.desired, earlier);
        if verdict == Verdict::Closed {
            return;
        }
        let reason = "ECS deployment circuit breaker: tasks failed to start.";
        if let Some(failed) = service.primary_mut() {
            failed.rollout = Rollout::Failed;
            failed.reason = reason.to_owned();
            failed.updated_at = now;
        }
        service.event(&format!("(deployment {}) deployment failed: tasks failed to start.", primary.id), now);
        if let Some(record) = service.record_mut(&primary.record) {
            record.breaker = "TRIGGERED";
        }
        if verdict == Verdict::RollBack {
            self.roll_back(service, &primary, reason, now);
        } else {
            give_up(service, &primary, reason, now);
        }
    }

    /// Stops what the new deployment replaces, and what is more than was asked for.
    fn drain(&mut self, service: &mut Service, census: &Census, now: u64) {
        let timing = self.timing;
        let failed = service.primary().is_some_and(|primary| primary.rollout == Rollout::Failed);
        let surplus = census.primary.len().saturating_sub(service.desired);
        let mut stop: Vec<String> = census.primary.iter().rev().take(surplus).cloned().collect();
        let old_steady = census.old.iter().filter(|(_, steady)| *steady).count();
        let (least, _) = service.bounds();
        let mut spare = (census.primary_steady + old_steady).saturating_sub(least.min(service.desired));
        for (id, steady) in &census.old {
            match (*steady, failed) {
                // What a failed deployment has replaced stays as it is.
                (_, true) => break,
                (false, false) => stop.push(id.clone()),
                (true, false) if spare > 0 => {
                    spare -= 1;
                    stop.push(id.clone());
                }
                (true, false) => {}
            }
        }
        for id in &stop {
            let deployment = service.primary().map(|primary| primary.id.clone()).unwrap_or_default();
            if let Some(task) = self.task_mut(id) {
                let own = task.is_of(&deployment);
                let reason = if own {
                    "Scaling activity initiated by service".to_owned()
                } else {
                    format!("Scaling activity initiated by (deployment {deployment})")
                };
                task.begin_stop("ServiceSchedulerInitiated", reason, &timing, now);
            }
        }
        announce(service, "has stopped", &stop, now);
    }

    fn launch(&mut self, service: &mut Service, census: &Census, now: u64) {
        let Some(primary) = service.primary().cloned() else { return };
        if primary.rollout == Rollout::Failed || service.status != "ACTIVE" || primary.back_off_until > now {
            return;
        }
        let (_, most) = service.bounds();
        let active = census.primary.len()
            + self.service_tasks(service).filter(|t| !t.is_leaving() && !t.is_of(&primary.id)).count();
        let room = most.max(usize::from(service.desired > 0 && active == 0)).saturating_sub(active);
        let wanted = service.desired.saturating_sub(census.primary.len()).min(room);
        if wanted == 0 {
            return;
        }
        service.steady = false;
        let Ok(definition) = self.definition(&primary.definition).cloned() else { return };
        if self.lacks_capacity(&definition) {
            let unable = "was unable to place a task. Reason: Capacity is unavailable at this time. Please try again later or in a different availability zone.";
            let already =
                service.events.front().is_some_and(|event| event.text("message").unwrap_or_default().contains(unable));
            if !already {
                service.event(unable, now);
            }
            return;
        }
        let strategy = service.setting("capacityProviderStrategy").as_array().cloned().unwrap_or_default();
        let plan = TaskPlan {
            cluster: service.cluster.clone(),
            group: format!("service:{}", service.name),
            started_by: Some(primary.id.clone()),
            launch_type: Some(service.setting("launchType").as_str().unwrap_or("FARGATE").to_owned()),
            capacity_provider: provider(&strategy),
            network: Some(service.setting("networkConfiguration").clone()).filter(|network| !network.is_null()),
            overrides: json!({"containerOverrides": [], "inferenceAcceleratorOverrides": []}),
            tags: task_tags(service, &definition),
            definition,
            exec: service.setting("enableExecuteCommand") == &Value::Bool(true),
            service: Some((service.name.clone(), primary.id.clone())),
        };
        let ids: Vec<String> = (0..wanted).map(|_| self.spawn_task(&plan, now)).collect();
        announce(service, "has started", &ids, now);
    }

    /// Notices that a deployment is done, forgets the drained ones, and says when all is quiet.
    fn conclude(&mut self, service: &mut Service, now: u64) {
        let census = self.census(service, now);
        let settled =
            census.primary_steady == service.desired && census.primary.len() == service.desired && census.live_old == 0;
        let id = service.primary().map(|primary| primary.id.clone()).unwrap_or_default();
        let rollout = service.primary().map(|primary| primary.rollout);
        if settled && rollout == Some(Rollout::InProgress) {
            complete(service, now);
        }
        let failed = rollout == Some(Rollout::Failed);
        let draining: Vec<String> = service
            .deployments
            .iter()
            .filter(|deployment| {
                deployment.primary
                    || self
                        .service_tasks(service)
                        .any(|task| task.is_of(&deployment.id) && task.phase <= Phase::Running)
            })
            .map(|deployment| deployment.id.clone())
            .collect();
        service.deployments.retain(|deployment| draining.contains(&deployment.id));
        if settled && !service.steady && service.deployments.iter().all(|deployment| deployment.id == id) {
            service.steady = true;
            service.event("has reached a steady state.", now);
        } else if failed && census.primary.is_empty() {
            service.steady = true;
        }
        let leaving = self.service_tasks(service).any(|task| !task.is_stopped());
        if service.status == "DRAINING" && !leaving {
            service.status = "INACTIVE";
            service.deployments.clear();
            service.steady = true;
        }
    }
}

/// What a service's tasks inherit from it or from their definition, and what ECS adds.
fn task_tags(service: &Service, definition: &Definition) -> Vec<Value> {
    let mut tags = match service.setting("propagateTags").as_str() {
        Some("SERVICE") => service.tags.clone(),
        Some("TASK_DEFINITION") => definition.tags.clone(),
        _ => Vec::new(),
    };
    if service.setting("enableECSManagedTags") == &Value::Bool(true) {
        tags.extend(managed_tags(&service.cluster, Some(&service.name)));
    }
    tags
}

fn give_up(service: &mut Service, failed: &Deployment, reason: &str, now: u64) {
    let wants_rollback = service.breaker().rollback;
    let Some(record) = service.record_mut(&failed.record) else { return };
    if wants_rollback {
        let why = format!("{reason} No rollback candidate was found to run the rollback.");
        record.rollback.get_or_insert_with(|| json!({"reason": reason, "startedAt": epoch_seconds(now)}));
        record.set("ROLLBACK_FAILED", Some(&why), now);
    } else {
        record.set("STOPPED", Some(reason), now);
    }
}

fn complete(service: &mut Service, now: u64) {
    let Some(primary) = service.primary_mut() else { return };
    primary.rollout = Rollout::Completed;
    primary.updated_at = now;
    primary.failed = 0;
    let (id, record, rollback) = (primary.id.clone(), primary.record.clone(), primary.is_rollback);
    if !rollback {
        primary.reason = format!("ECS deployment {id} completed.");
    }
    if let Some(record) = service.record_mut(&record) {
        record.set(if rollback { "ROLLBACK_SUCCESSFUL" } else { "SUCCESSFUL" }, None, now);
        if record.breaker == "MONITORING" {
            record.breaker = "MONITORING_COMPLETE";
        }
    }
    service.event(&format!("(deployment {id}) deployment completed."), now);
}

fn announce(service: &mut Service, what: &str, ids: &[String], now: u64) {
    if ids.is_empty() {
        return;
    }
    service.steady = false;
    let tasks: Vec<String> = ids.iter().map(|id| format!("(task {id})")).collect();
    let verb = if what == "has stopped" {
        format!("{what} {} running tasks", ids.len())
    } else {
        format!("{what} {} tasks", ids.len())
    };
    service.event(&format!("{verb}: {}.", tasks.join(" ")), now);
}
