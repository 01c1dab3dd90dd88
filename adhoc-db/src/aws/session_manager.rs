//! Port forwarding through Systems Manager.

use adhoc_core::{Error, Result};
use async_trait::async_trait;
use aws_sdk_ssm::Client;
use aws_types::SdkConfig;

use super::error::{code, from_sdk};
use crate::tunnel::{SsmSession, SsmSessions};

/// The document whose far end connects to another host than the instance itself. See
/// <https://docs.aws.amazon.com/systems-manager/latest/userguide/session-manager-working-with-sessions-start.html>.
const DOCUMENT: &str = "AWS-StartPortForwardingSessionToRemoteHost";

/// Sessions on one instance that is managed by Systems Manager.
#[derive(Clone)]
pub struct SessionManager {
    client: Client,
    region: String,
    endpoint: Option<String>,
    instance_id: String,
}

impl SessionManager {
    /// Sessions on the instance of this id.
    pub fn new(config: &SdkConfig, instance_id: impl Into<String>) -> Self {
        Self {
            client: Client::new(config),
            region: config.region().map(ToString::to_string).unwrap_or_default(),
            endpoint: config.endpoint_url().map(str::to_owned),
            instance_id: instance_id.into(),
        }
    }
}

#[async_trait]
impl SsmSessions for SessionManager {
    async fn start(&self, host: &str, port: u16, local_port: u16) -> Result<SsmSession> {
        let request = self.client.start_session().target(&self.instance_id).document_name(DOCUMENT);
        let request = request
            .parameters("host", vec![host.to_owned()])
            .parameters("portNumber", vec![port.to_string()])
            .parameters("localPortNumber", vec![local_port.to_string()]);
        let answer = request.send().await.map_err(|error| from_sdk("StartSession", &self.instance_id, &error))?;
        let (Some(id), Some(url), Some(token)) = (answer.session_id, answer.stream_url, answer.token_value) else {
            return Err(Error::database("StartSession", &self.instance_id, "the answer lacks id, URL or token"));
        };
        let session = SsmSession::new(id, url, token, &self.region, &self.instance_id);
        Ok(match &self.endpoint {
            Some(endpoint) => session.with_endpoint(endpoint),
            None => session,
        })
    }

    async fn terminate(&self, session_id: &str) -> Result<()> {
        match self.client.terminate_session().session_id(session_id).send().await {
            Ok(_) => Ok(()),
            // It has ended by itself.
            Err(error) if matches!(code(&error), Some("DoesNotExistException" | "ValidationException")) => Ok(()),
            Err(error) => Err(from_sdk("TerminateSession", session_id, &error)),
        }
    }
}
