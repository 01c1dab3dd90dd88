//! The events of a stack, followed until CloudFormation is done with it.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use adhoc_core::{Check, Context, Error, Event, ResourcePhase, Result, Timestamp, WaitConfig, wait_for};
use aws_sdk_cloudformation::types::{ResourceStatus, StackEvent};

use super::CdkWorkspaces;
use super::change::action_of;

/// How many causes an error names.
const NAMED: usize = 3;

/// One operation of CloudFormation's on a stack.
pub(super) struct Operation<'a> {
    at: &'a CdkWorkspaces,
    cx: &'a Context,
    /// The stack's ARN: its events can be read by it even when the stack is gone.
    stack: &'a str,
    progress: Mutex<Progress>,
}

/// How an operation has ended.
#[derive(Debug, Default, Clone)]
pub(super) struct Ended {
    /// The stack's status, such as `UPDATE_ROLLBACK_COMPLETE`.
    pub(super) status: String,
    /// What failed, and why; consequences of the first failure left out.
    pub(super) causes: Vec<String>,
    /// The resources that were left alone.
    pub(super) kept: Vec<String>,
}

#[derive(Debug, Default)]
struct Progress {
    mark: Option<String>,
    begun: BTreeMap<String, Timestamp>,
    ended: Ended,
}

impl<'a> Operation<'a> {
    /// An operation that begins after what has happened to the stack so far.
    pub(super) async fn about_to_begin(at: &'a CdkWorkspaces, cx: &'a Context, stack: &'a str) -> Result<Self> {
        let mark = at.stacks.newest_event(stack).await?;
        Ok(Self { at, cx, stack, progress: Mutex::new(Progress { mark, ..Progress::default() }) })
    }

    /// A delete that began some time ago.
    pub(super) async fn delete_under_way(at: &'a CdkWorkspaces, cx: &'a Context, stack: &'a str) -> Result<Self> {
        let events = at.stacks.events_after(stack, None).await?;
        let begin = |event: &&StackEvent| {
            let status = event.resource_status().map(ResourceStatus::as_str);
            event.physical_resource_id() == Some(stack) && status == Some("DELETE_IN_PROGRESS")
        };
        let mark = events.iter().rfind(begin).and_then(|event| event.event_id()).map(str::to_owned);
        Ok(Self { at, cx, stack, progress: Mutex::new(Progress { mark, ..Progress::default() }) })
    }

    /// Waits for its end, and emits the progress of every resource.
    ///
    /// The events decide, and not the stack's status: that may still be the one before the operation.
    pub(super) async fn ended(&self, name: &str) -> Result<Ended> {
        let config = WaitConfig::new(format!("stack {name}"))
            .with_timeout(self.at.config.timeout)
            .with_absence_grace(self.at.config.timeout);
        let probe = || async { Ok(self.look().await?.map(|ended| ended.status)) };
        let settled = |status: Option<&String>| match status {
            Some(status) if !status.ends_with("_IN_PROGRESS") => Check::Ready,
            Some(status) => Check::NotYet(status.to_lowercase().replace('_', " ")),
            None => Check::NotYet("it has not begun".to_owned()),
        };
        let waited = wait_for(self.cx, &config, probe, &settled).await;
        waited.map_err(|error| error.with_left_behind(format!("CloudFormation goes on with the stack {name}")))?;
        Ok(self.progress().ended.clone())
    }

    async fn look(&self) -> Result<Option<Ended>> {
        let mark = self.progress().mark.clone();
        let events = self.at.stacks.events_after(self.stack, mark.as_deref()).await?;
        let mut progress = self.progress();
        for event in &events {
            progress.take(self.cx, self.stack, event);
        }
        Ok((!progress.ended.status.is_empty()).then(|| progress.ended.clone()))
    }

    fn progress(&self) -> MutexGuard<'_, Progress> {
        self.progress.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Progress {
    fn take(&mut self, cx: &Context, stack: &str, event: &StackEvent) {
        self.mark = event.event_id().map(str::to_owned).or(self.mark.take());
        let (Some(address), Some(status)) = (event.logical_resource_id(), event.resource_status()) else { return };
        let status = status.as_str();
        if event.physical_resource_id() == Some(stack) {
            status.clone_into(&mut self.ended.status);
            return;
        }
        let phase = self.phase(address, status);
        if phase == ResourcePhase::Failed {
            self.failed(address, event.resource_status_reason().unwrap_or("no reason is given"));
        }
        if status == "DELETE_SKIPPED" {
            self.ended.kept.push(address.to_owned());
        }
        let begun = *self.begun.entry(address.to_owned()).or_insert_with(|| cx.clock().now());
        cx.emit(Event::ResourceProgress {
            address: address.to_owned(),
            action: action_of(status),
            phase,
            elapsed_ms: u64::try_from(cx.since(begun).as_millis()).unwrap_or(u64::MAX),
        });
    }

    /// A resource is said to be in progress twice: when it is asked for, and when it has a name.
    fn phase(&self, address: &str, status: &str) -> ResourcePhase {
        match status.rsplit('_').next() {
            Some("FAILED") => ResourcePhase::Failed,
            Some("COMPLETE" | "SKIPPED") => ResourcePhase::Finished,
            _ if self.begun.contains_key(address) => ResourcePhase::Progressing,
            _ => ResourcePhase::Started,
        }
    }

    fn failed(&mut self, address: &str, reason: &str) {
        // The others are called off when one fails, in words alone.
        if !reason.contains("cancelled") || self.ended.causes.is_empty() {
            self.ended.causes.push(format!("{address}: {}", reason.trim_end_matches('.')));
        }
    }
}

impl Ended {
    /// Nothing, if the operation did what it was to do; else why it did not.
    pub(super) fn ensure(&self, operation: &'static str, stack: &str) -> Result<()> {
        match self.status.as_str() {
            "CREATE_COMPLETE" | "UPDATE_COMPLETE" | "IMPORT_COMPLETE" | "DELETE_COMPLETE" => Ok(()),
            _ => Err(self.failure(operation, stack)),
        }
    }

    fn failure(&self, operation: &'static str, stack: &str) -> Error {
        let causes = self.causes.iter().take(NAMED).map(String::as_str).collect::<Vec<_>>().join("; ");
        let causes = if causes.is_empty() { "its events give no reason" } else { causes.as_str() };
        let error = |what: &str| Error::terraform(operation, stack, format!("{what}: {causes}"));
        match self.status.as_str() {
            "UPDATE_ROLLBACK_COMPLETE" => error("the stack was rolled back to what it was"),
            "ROLLBACK_COMPLETE" => error("the stack was rolled back to nothing")
                .with_left_behind(format!("the empty stack {stack}"))
                .with_hint("destroy the environment, then create it again"),
            "UPDATE_ROLLBACK_FAILED" => error("the stack could not be rolled back")
                .with_left_behind(format!("the stack {stack}, half changed"))
                .with_hint(format!("run `aws cloudformation continue-update-rollback --stack-name {stack}`")),
            "DELETE_FAILED" => error("not everything could be deleted")
                .with_left_behind(format!("the stack {stack}, half deleted"))
                .with_hint("remove what stands in the way, then destroy the environment again"),
            status => error(&format!("the stack ended as {status}")).with_left_behind(format!("the stack {stack}")),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use adhoc_core::testing::{ManualClock, RecordingSink};

    const STACK: &str = "arn:aws:cloudformation:us-east-1:1:stack/ublog-alpha/1";

    fn event(address: &str, status: &str, reason: &str) -> StackEvent {
        let physical = if address == "ublog-alpha" { STACK } else { address };
        StackEvent::builder()
            .stack_id(STACK)
            .event_id(format!("{address}-{status}"))
            .logical_resource_id(address)
            .physical_resource_id(physical)
            .resource_status(ResourceStatus::from(status))
            .resource_status_reason(reason)
            .build()
    }

    fn progress(events: &[(&str, &str, &str)]) -> (Progress, Vec<Event>) {
        let sink = Arc::new(RecordingSink::default());
        let cx = Context::new(Arc::new(ManualClock::new()), sink.clone());
        let mut progress = Progress::default();
        for (address, status, reason) in events {
            progress.take(&cx, STACK, &event(address, status, reason));
        }
        (progress, sink.events())
    }

    #[test]
    fn every_resource_begins_goes_on_and_ends() {
        let (progress, events) = progress(&[
            ("ublog-alpha", "CREATE_IN_PROGRESS", "User Initiated"),
            ("Cluster", "CREATE_IN_PROGRESS", ""),
            ("Cluster", "CREATE_IN_PROGRESS", "Resource creation Initiated"),
            ("Cluster", "CREATE_COMPLETE", ""),
            ("ublog-alpha", "CREATE_COMPLETE", ""),
        ]);
        let phases: Vec<_> = events
            .iter()
            .filter_map(|event| match event {
                Event::ResourceProgress { address, phase, .. } if address == "Cluster" => Some(*phase),
                _ => None,
            })
            .collect();
        assert_eq!(phases, [ResourcePhase::Started, ResourcePhase::Progressing, ResourcePhase::Finished]);
        assert_eq!(events.len(), 3, "the stack itself is no resource");
        assert!(progress.ended.ensure("apply", "ublog-alpha").is_ok());
        assert_eq!(progress.mark.as_deref(), Some("ublog-alpha-CREATE_COMPLETE"));
    }

    #[test]
    fn a_rollback_names_its_cause_and_not_the_consequences() {
        let (progress, _) = progress(&[
            ("gunicornservice", "CREATE_FAILED", "Unable to assume role."),
            ("beatservice", "CREATE_FAILED", "Resource creation cancelled"),
            ("Cluster", "DELETE_COMPLETE", ""),
            ("ublog-alpha", "ROLLBACK_COMPLETE", ""),
        ]);
        let error = progress.ended.ensure("apply", "ublog-alpha").expect_err("rolled back");
        assert_eq!(
            error.to_string(),
            "apply ublog-alpha: the stack was rolled back to nothing: gunicornservice: Unable to assume role"
        );
        assert!(matches!(error, Error::Terraform(_)));
        assert_eq!(error.detail().left_behind, ["the empty stack ublog-alpha"]);
    }

    #[test]
    fn an_update_that_was_rolled_back_leaves_nothing() {
        let (progress, _) = progress(&[("ublog-alpha", "UPDATE_ROLLBACK_COMPLETE", "")]);
        let error = progress.ended.ensure("apply", "ublog-alpha").expect_err("rolled back");
        assert!(error.to_string().ends_with("to what it was: its events give no reason"), "{error}");
        assert!(error.detail().left_behind.is_empty());
    }
}
