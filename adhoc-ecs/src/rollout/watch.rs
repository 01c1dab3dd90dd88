//! Watching services under way: one batched poll for all of them, and a verdict for each.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use adhoc_core::{
    Check, ClusterName, Context, DeploymentStatus, Error, Event, Outcome, Result, Service, ServiceName, ServiceSummary,
    Verdict,
};

use super::start::Tracked;
use crate::verdict::{Judgement, judge_deployment};
use crate::{Ecs, dossier};

/// How many polls in a row may miss a service before it counts as gone.
const MISSED_POLLS: u32 = 3;

/// How many entries of a service's history are enough to find a deployment that was just made.
const RECENT_HISTORY: u16 = 10;

pub(super) struct Rollout<'a> {
    cx: &'a Context,
    ecs: &'a Ecs,
    cluster: &'a ClusterName,
    tracked: Mutex<Vec<Tracked>>,
}

/// What one poll leaves open: one phrase for each undecided service.
pub(super) type StillOpen = Vec<String>;

pub(super) fn all_decided(open: Option<&StillOpen>) -> Check {
    match open {
        Some(open) if open.is_empty() => Check::Ready,
        Some(open) => Check::NotYet(open.join(", ")),
        None => Check::NotYet("the services are not visible yet".to_owned()),
    }
}

impl<'a> Rollout<'a> {
    pub(super) fn new(cx: &'a Context, ecs: &'a Ecs, cluster: &'a ClusterName, tracked: Vec<Tracked>) -> Self {
        Self { cx, ecs, cluster, tracked: Mutex::new(tracked) }
    }

    /// One poll: reads all undecided services in one batch and decides what can be decided.
    pub(super) async fn observe(&self) -> Result<Option<StillOpen>> {
        let open = self.open();
        let names: Vec<ServiceName> = open.iter().map(|tracked| tracked.from.service.name.clone()).collect();
        if names.is_empty() {
            return Ok(Some(Vec::new()));
        }
        let services = self.ecs.services.describe(self.cluster, &names).await?;
        let mut still_open = Vec::new();
        for tracked in open {
            let service = services.iter().find(|service| service.name == tracked.from.service.name);
            if let Some(missing) = self.judge(tracked, service).await? {
                still_open.push(missing);
            }
        }
        Ok(Some(still_open))
    }

    /// Judges one service; gives back what is missing if it stays open.
    async fn judge(&self, mut tracked: Tracked, service: Option<&Service>) -> Result<Option<String>> {
        let name = tracked.from.service.name.clone();
        let (Some(target), Some(service)) = (&tracked.target, service) else {
            tracked.missed += 1;
            if tracked.missed >= MISSED_POLLS {
                self.close(&tracked, Verdict::Failed, Some("the service is gone".to_owned()), None).await;
            } else {
                self.replace(tracked);
            }
            return Ok(Some(format!("{name} is not visible")));
        };
        let mut judgement = judge_deployment(target, service, None);
        if judgement == Judgement::NeedsHistory {
            let history = self.history(&name).await?;
            judgement = judge_deployment(target, service, Some(&history));
        }
        if judgement == Judgement::NeedsHistory {
            // The history lags behind: after some polls, what the deployments themselves say has to do.
            tracked.undated += 1;
            if tracked.undated > MISSED_POLLS {
                judgement = judge_deployment(target, service, Some(&[]));
            }
            self.replace(tracked.clone());
        }
        match judgement {
            Judgement::Closed(verdict, reason) => {
                self.close(&tracked, verdict, reason, Some(service)).await;
                Ok(None)
            }
            Judgement::Open(missing) => Ok(Some(format!("{name} {missing}"))),
            Judgement::NeedsHistory => Ok(Some(format!("{name} is between two deployments"))),
        }
    }

    /// The history, or none where the caller may not read it: the deployments themselves then have to do.
    async fn history(&self, service: &ServiceName) -> Result<Vec<adhoc_core::ServiceDeployment>> {
        match self.ecs.services.history(self.cluster, service, RECENT_HISTORY).await {
            Ok(history) => Ok(history),
            Err(error) if error.is_retryable() => Err(error),
            Err(error) => {
                tracing::debug!(%service, %error, "no deployment history");
                Ok(Vec::new())
            }
        }
    }

    async fn close(&self, tracked: &Tracked, verdict: Verdict, reason: Option<String>, service: Option<&Service>) {
        let mut summary = tracked.summary(verdict, reason);
        if let (Some(target), false) = (&tracked.target, Outcome::from(verdict) == Outcome::Succeeded) {
            summary.dossier = Some(dossier::collect(self.ecs, self.cluster, target, service).await);
        }
        self.cx.emit(Event::ServiceVerdict(Box::new(summary.clone())));
        self.replace(Tracked { decided: Some(summary), ..tracked.clone() });
    }

    /// At the deadline, a deployment whose tasks fail and fail has failed; any other is merely slow.
    pub(super) async fn close_at_deadline(&self, timeout: Duration) {
        let open = self.open();
        let names: Vec<ServiceName> = open.iter().map(|tracked| tracked.from.service.name.clone()).collect();
        let services = self.ecs.services.describe(self.cluster, &names).await.unwrap_or_default();
        for tracked in open {
            let service = services.iter().find(|service| service.name == tracked.from.service.name);
            let last =
                tracked.target.as_ref().zip(service).map(|(target, service)| judge_deployment(target, service, None));
            let (verdict, reason) = match last {
                Some(Judgement::Closed(verdict, reason)) => (verdict, reason),
                _ => deadline_verdict(&tracked, service, timeout),
            };
            self.close(&tracked, verdict, reason, service).await;
        }
    }

    pub(super) fn name_what_goes_on(&self, error: Error) -> Error {
        self.open().iter().fold(error, |error, tracked| match &tracked.target {
            Some(target) => {
                error.with_left_behind(format!("deployment {} of {} goes on", target.deployment, target.service))
            }
            None => error,
        })
    }

    /// What is awaited, for people.
    pub(super) fn title(&self) -> String {
        match self.open().as_slice() {
            [one] => one.from.service.name.to_string(),
            many => format!("{} services", many.len()),
        }
    }

    fn open(&self) -> Vec<Tracked> {
        self.lock().iter().filter(|tracked| tracked.decided.is_none()).cloned().collect()
    }

    pub(super) fn decided_without_waiting(&self) -> Vec<ServiceSummary> {
        self.lock().iter().filter_map(|tracked| tracked.decided.clone()).collect()
    }

    fn replace(&self, tracked: Tracked) {
        let mut all = self.lock();
        if let Some(place) = all.iter_mut().find(|known| known.from.service.name == tracked.from.service.name) {
            *place = tracked;
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Vec<Tracked>> {
        self.tracked.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn into_summaries(self) -> Vec<ServiceSummary> {
        let tracked = self.tracked.into_inner().unwrap_or_else(PoisonError::into_inner);
        tracked.into_iter().filter_map(|tracked| tracked.decided).collect()
    }
}

/// To whole seconds, where there are some: what is left of a deadline has nine decimals.
fn rounded(timeout: Duration) -> Duration {
    let whole = Duration::from_secs(timeout.as_secs() + u64::from(timeout.subsec_millis() >= 500));
    if whole.is_zero() { timeout } else { whole }
}

fn deadline_verdict(tracked: &Tracked, service: Option<&Service>, timeout: Duration) -> (Verdict, Option<String>) {
    let ours = tracked.target.as_ref().and_then(|target| service?.deployment(&target.deployment));
    let waited = format!("after {:?}", rounded(timeout));
    let (verdict, reason) = match ours {
        Some(ours) if ours.status == DeploymentStatus::Primary && ours.failed_tasks > 0 && ours.running_count == 0 => {
            (Verdict::Failed, format!("{} tasks failed and none runs {waited}", ours.failed_tasks))
        }
        Some(ours) => (Verdict::TimedOut, format!("{} of {} run {waited}", ours.running_count, ours.desired_count)),
        None => (Verdict::TimedOut, format!("undecided {waited}")),
    };
    (verdict, Some(reason))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_that_was_waited_has_no_decimals() {
        assert_eq!(rounded(Duration::from_secs_f64(14.943_994)), Duration::from_secs(15));
        assert_eq!(rounded(Duration::from_millis(20)), Duration::from_millis(20));
    }
}
