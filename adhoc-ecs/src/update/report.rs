//! What an update, a rollback or a run did.

use adhoc_core::{Error, Outcome, Result, ServiceSummary, Summary, TaskDefinitionSummary, TaskSummary};

/// What an update did, whether it succeeded or not.
#[derive(Debug, Default)]
#[non_exhaustive]
pub struct UpdateReport {
    /// The revisions in use.
    pub task_definitions: Vec<TaskDefinitionSummary>,
    /// The one-off tasks that ran.
    pub tasks: Vec<TaskSummary>,
    /// The services, each with its verdict.
    pub services: Vec<ServiceSummary>,
    /// Why it did not succeed.
    pub error: Option<Error>,
}

impl UpdateReport {
    /// How it ended.
    #[must_use]
    pub fn outcome(&self) -> Outcome {
        self.error.as_ref().map_or(Outcome::Succeeded, Outcome::from)
    }

    /// The report, or the error that is in it.
    ///
    /// # Errors
    ///
    /// The reason why the update did not succeed.
    pub fn into_result(self) -> Result<Self> {
        match self.error {
            None => Ok(self),
            Some(error) => Err(error),
        }
    }

    /// The summary of `command` with this report's contents.
    pub fn summary(&self, command: impl Into<String>) -> Summary {
        let mut summary = Summary::new(command);
        if let Some(error) = &self.error {
            summary = summary.with_error(error);
        }
        summary.task_definitions.clone_from(&self.task_definitions);
        summary.tasks.clone_from(&self.tasks);
        summary.services.clone_from(&self.services);
        summary
    }
}
