//! The page during an update.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use adhoc_core::{CancellationToken, Context, Error, FixedResponse, ListenerRules, Result, Verdict, async_trait};

use super::{maintenance_off, maintenance_on};
use crate::{Ecs, Environment, Preparation, UpdateReport};

const NAME: &str = "maintenance page";

/// The maintenance page for the time of an update: a [`Preparation`], which should be the last one, and [`settle`](Self::settle)
/// after it.
pub struct MaintenancePage {
    ecs: Ecs,
    rules: Arc<dyn ListenerRules>,
    environment: Environment,
    response: FixedResponse,
    was_asked_for: AtomicBool,
}

impl MaintenancePage {
    /// The page of `environment`.
    #[must_use]
    pub fn new(ecs: Ecs, rules: Arc<dyn ListenerRules>, environment: Environment, response: FixedResponse) -> Self {
        Self { ecs, rules, environment, response, was_asked_for: AtomicBool::new(false) }
    }

    /// Takes the page away after an update, if what is behind it is whole: the new release, or the former one on data that no task
    /// has touched. Else the page stays, and the report's error says so. If it cannot be taken away, that is the report's error.
    /// Does its work even if the context is cancelled.
    pub async fn settle(&self, cx: &Context, mut report: UpdateReport) -> UpdateReport {
        if !self.was_asked_for.load(Ordering::Relaxed) {
            return report;
        }
        let removed = match is_whole(&report) {
            true => {
                let own = cx.clone().with_cancellation(CancellationToken::new());
                let removing = maintenance_off(&own, &*self.rules, &self.environment.name);
                own.step("maintenance off", removing).await.map(drop)
            }
            false => Ok(()),
        };
        let is_gone = is_whole(&report) && removed.is_ok();
        // Why the update failed says more than why the page is still there.
        report.error = report.error.or(removed.err().map(|error| error.with_hint(self.command())));
        if !is_gone {
            report.error = report.error.map(|error| error.with_left_behind(self.left_behind()));
        }
        report
    }

    fn command(&self) -> String {
        format!("`adhoc maintenance off {}`", self.environment.name)
    }

    fn left_behind(&self) -> String {
        let (environment, command) = (&self.environment.name, self.command());
        format!("the maintenance page of {environment}, which everybody sees instead of it: {command} takes it away")
    }
}

#[async_trait]
impl Preparation for MaintenancePage {
    fn name(&self) -> &str {
        NAME
    }

    async fn prepare(&self, cx: &Context) -> Result<()> {
        self.was_asked_for.store(true, Ordering::Relaxed);
        maintenance_on(cx, &self.ecs, &*self.rules, &self.environment, &self.response).await.map(drop)
    }

    fn is_always_needed(&self) -> bool {
        true
    }
}

/// Whether an environment is as its users should see it: all of the new release, or all of the former one, with data that fit it.
fn is_whole(report: &UpdateReport) -> bool {
    let Some(error) = &report.error else { return true };
    // One that never started has done nothing.
    let no_task_ran = match error {
        Error::TaskNotStarted(_) => report.tasks.len() <= 1,
        _ => report.tasks.is_empty(),
    };
    let are_former = || {
        let is_former = |verdict| matches!(verdict, Verdict::RolledBack | Verdict::Unchanged);
        !report.services.is_empty() && report.services.iter().all(|service| is_former(service.verdict))
    };
    no_task_ran
        && match error.detail().step.as_deref() {
            None | Some(NAME | "resolve" | "register") => true,
            Some("roll") => are_former(),
            // A task that was refused; of any other failure nobody knows whether it began.
            Some(_) => matches!(error, Error::TaskNotStarted(_) | Error::Rejected(_) | Error::PermissionDenied(_)),
        }
}

#[cfg(test)]
mod tests {
    use adhoc_core::{ServiceSummary, TaskSummary};

    use super::*;

    fn service(verdict: Verdict) -> ServiceSummary {
        ServiceSummary {
            service: "alpha-gunicorn".to_owned(),
            deployment_id: None,
            verdict,
            reason: None,
            from: "alpha-gunicorn:1".to_owned(),
            to: "alpha-gunicorn:2".to_owned(),
            dossier: None,
        }
    }

    fn task() -> TaskSummary {
        TaskSummary { family: "alpha-migrate".to_owned(), arn: None, exit_code: None, stop_code: None, reason: None }
    }

    fn whole(error: Error, step: Option<&str>, tasks: usize, verdicts: &[Verdict]) -> bool {
        let error = step.into_iter().fold(error, Error::in_step);
        let tasks = (0..tasks).map(|_| task()).collect();
        let services = verdicts.iter().map(|verdict| service(*verdict)).collect();
        is_whole(&UpdateReport { tasks, services, error: Some(error), ..UpdateReport::default() })
    }

    #[test]
    fn the_page_goes_when_what_is_behind_it_is_whole() {
        use Verdict::{Failed, RolledBack, Succeeded, TimedOut, Unchanged};
        assert!(is_whole(&UpdateReport::default()));
        let rolled_back = || Error::rolled_back("", "", "");
        assert!(whole(rolled_back(), Some("roll"), 0, &[RolledBack, Unchanged]));
        assert!(!whole(rolled_back(), Some("roll"), 1, &[RolledBack]), "the data are those of the new release");
        assert!(!whole(rolled_back(), Some("roll"), 0, &[RolledBack, Succeeded]), "two releases at once");
        assert!(!whole(Error::rollout_failed("", "", ""), Some("roll"), 0, &[Failed]));
        assert!(!whole(Error::timeout("", "", ""), Some("roll"), 0, &[TimedOut]));
        assert!(!whole(Error::cancelled("", "", ""), Some("roll"), 0, &[]), "what was asked for goes on");
        assert!(whole(Error::unavailable("", "", ""), Some("register"), 0, &[]));
        assert!(whole(Error::timeout("", "", ""), None, 0, &[]), "no time was left before the first task");
        assert!(!whole(Error::timeout("", "", ""), None, 1, &[]));
        assert!(!whole(Error::task_failed("", "", ""), Some("migrate"), 1, &[]), "it may have done half its work");
        assert!(whole(Error::task_not_started("", "", ""), Some("migrate"), 1, &[]));
        assert!(!whole(Error::task_not_started("", "", ""), Some("collectstatic"), 2, &[]));
        assert!(whole(Error::rejected("RunTask", "", ""), Some("migrate"), 0, &[]));
        assert!(!whole(Error::unavailable("RunTask", "", ""), Some("migrate"), 0, &[]), "it may run");
    }
}
