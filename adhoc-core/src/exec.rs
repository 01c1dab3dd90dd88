//! Sessions in running containers.

use async_trait::async_trait;

use crate::{ClusterName, ContainerName, Result, SecretString, TaskArn};

/// Starts sessions in running containers.
///
/// # Contract
///
/// `start` begins one interactive session that runs `command`, once somebody connects to it; see
/// <https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_ExecuteCommand.html>. The agent in the container splits the
/// command into words as a POSIX shell would, without expanding anything, and gives it a terminal of its own. A cancelled
/// `start` may leave a session behind that nobody uses, which ends by itself.
#[cfg_attr(feature = "test-util", mockall::automock)]
#[async_trait]
pub trait ExecSessions: Send + Sync {
    /// Starts a session.
    ///
    /// # Errors
    ///
    /// [`Error::NotFound`](crate::Error::NotFound) where there is no such cluster or task;
    /// [`Error::Rejected`](crate::Error::Rejected) where the container takes no sessions.
    async fn start(&self, request: &StartExec) -> Result<ExecSession>;
}

/// What to run, and where.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct StartExec {
    /// The cluster.
    pub cluster: ClusterName,
    /// The task.
    pub task: TaskArn,
    /// The container.
    pub container: ContainerName,
    /// The command, quoted for a POSIX shell.
    pub command: String,
}

impl StartExec {
    /// A session that runs `command` in a container of a task.
    pub fn new(cluster: ClusterName, task: TaskArn, container: ContainerName, command: impl Into<String>) -> Self {
        Self { cluster, task, container, command: command.into() }
    }
}

/// A session as ECS gives it, with what is needed to connect to it. `Debug` does not show the token.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct ExecSession {
    /// Its id.
    pub session_id: String,
    /// Where to connect to.
    pub stream_url: String,
    /// What lets in.
    pub token: SecretString,
    /// The region.
    pub region: String,
    /// The endpoint of Systems Manager; the region's own if none.
    pub endpoint: Option<String>,
}

impl ExecSession {
    /// A session in `region`.
    pub fn new(
        session_id: impl Into<String>,
        stream_url: impl Into<String>,
        token: impl Into<SecretString>,
        region: impl Into<String>,
    ) -> Self {
        Self {
            session_id: session_id.into(),
            stream_url: stream_url.into(),
            token: token.into(),
            region: region.into(),
            endpoint: None,
        }
    }

    /// Uses another endpoint than the region's own.
    #[must_use]
    pub fn with_endpoint(mut self, endpoint: Option<String>) -> Self {
        self.endpoint = endpoint;
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_token_does_not_show() {
        let session = ExecSession::new("id", "wss://stream", "hunter2".to_owned(), "eu-central-1");
        assert!(!format!("{session:?} {session:#?}").contains("hunter2"));
    }
}
