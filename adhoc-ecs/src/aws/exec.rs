use adhoc_core::{Error, ExecSession, ExecSessions, Result, StartExec, async_trait};
use aws_sdk_ecs::Client;
use aws_types::SdkConfig;

use super::error::from_sdk;

/// ECS Exec on AWS.
#[derive(Clone)]
pub struct AwsExecSessions {
    client: Client,
    region: String,
    endpoint: Option<String>,
}

impl AwsExecSessions {
    /// With the region, credentials and endpoint of `config`.
    #[must_use]
    pub fn on_aws(config: &SdkConfig) -> Self {
        Self {
            client: Client::new(config),
            region: config.region().map(ToString::to_string).unwrap_or_default(),
            endpoint: config.endpoint_url().map(str::to_owned),
        }
    }
}

#[async_trait]
impl ExecSessions for AwsExecSessions {
    async fn start(&self, request: &StartExec) -> Result<ExecSession> {
        let (cluster, task) = (request.cluster.as_str(), request.task.id());
        let call = self.client.execute_command().cluster(cluster).task(request.task.as_str());
        let call = call.container(request.container.as_str()).command(&request.command).interactive(true);
        let reply = call.send().await.map_err(|error| match from_sdk("ExecuteCommand", task, &error) {
            Error::Rejected(detail) if detail.reason.contains("not found") => Error::NotFound(detail),
            error @ Error::Rejected(_) => error.with_hint(
                "ECS Exec needs `enableExecuteCommand` when the task starts, an agent that runs in it, and the ssmmessages actions in the task role",
            ),
            other => other,
        })?;
        let session = reply.session.unwrap_or_else(|| aws_sdk_ecs::types::Session::builder().build());
        match (session.session_id, session.stream_url, session.token_value) {
            (Some(id), Some(url), Some(token)) => {
                Ok(ExecSession::new(id, url, token, &self.region).with_endpoint(self.endpoint.clone()))
            }
            _ => Err(Error::unavailable("ExecuteCommand", task, "the answer holds no session")),
        }
    }
}
