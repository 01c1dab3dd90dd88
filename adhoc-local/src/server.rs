//! Starting and stopping.

use crate::{
    Behaviour, EnvironmentSpec, Fault, Scenario, StartError,
    clock::now_ms,
    http,
    shared::{Shared, clockwork},
    sync::lock,
};
use axum::serve::ListenerExt;
use serde::Serialize;
use std::{net::SocketAddr, sync::Arc};
use tokio::{
    runtime::{Builder, Runtime},
    task::JoinHandle,
};

/// A request that was served.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Call {
    /// `ecs`, `logs`, `ec2`, `ec2-instance-connect`, `ssm`, `rds`, `sts`, `secretsmanager` or `ecr`.
    pub service: String,
    /// Such as `RunTask`.
    pub operation: String,
    /// The request: its JSON, or its form parameters as an object.
    pub request: serde_json::Value,
    /// The HTTP status of the answer; 0 if a fault closed the connection.
    pub status: u16,
    /// The access key that it was signed with.
    pub access_key: String,
    /// When it came, in milliseconds since the epoch.
    pub at_ms: u64,
}

/// A running embedded AWS. Dropping it stops everything, the child processes included, and removes the SSH keys that were
/// pushed.
///
/// It has threads of its own: it serves however busy, blocked or paused the caller's runtime is.
#[derive(Debug)]
pub struct Server {
    address: SocketAddr,
    shared: Arc<Shared>,
    serving: Option<JoinHandle<()>>,
    runtime: Option<Runtime>,
}

impl std::fmt::Debug for Shared {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Shared").field("region", &self.region).finish_non_exhaustive()
    }
}

impl Server {
    /// Starts [`Scenario::default`] on a free port.
    ///
    /// # Errors
    /// No port, or no threads, are to be had.
    pub async fn start() -> Result<Self, StartError> {
        Self::start_with(Scenario::default()).await
    }

    /// Starts a scenario on a free port.
    ///
    /// # Errors
    /// No port, or no threads, are to be had.
    pub async fn start_with(scenario: Scenario) -> Result<Self, StartError> {
        Self::bind(0, scenario).await
    }

    /// Starts a scenario on this port of 127.0.0.1.
    ///
    /// # Errors
    /// The port is taken or forbidden, or no threads are to be had.
    #[expect(clippy::unused_async, reason = "a starting server may come to wait")]
    pub async fn bind(port: u16, scenario: Scenario) -> Result<Self, StartError> {
        let bind = |source| StartError::Bind { port, source };
        let listener = std::net::TcpListener::bind(("127.0.0.1", port)).map_err(bind)?;
        listener.set_nonblocking(true).map_err(bind)?;
        let address = listener.local_addr().map_err(bind)?;
        let runtime = Builder::new_multi_thread()
            .worker_threads(2)
            .thread_name("adhoc-local")
            .enable_all()
            .build()
            .map_err(|source| StartError::Runtime { source })?;
        let shared = Arc::new(Shared::new(&scenario));
        let listener = {
            let _inside = runtime.enter();
            tokio::net::TcpListener::from_std(listener).map_err(bind)?
        };
        runtime.spawn(clockwork(Arc::clone(&shared)));
        let router = http::router(Arc::clone(&shared));
        let serving = runtime.spawn(async move {
            let listener = listener.tap_io(|stream| {
                if let Err(error) = stream.set_nodelay(true) {
                    tracing::debug!(%error, "cannot switch off Nagle's algorithm");
                }
            });
            if let Err(error) = axum::serve(listener, router).await {
                tracing::error!(%error, "the server stopped");
            }
        });
        tracing::debug!(%address, "the embedded AWS listens");
        Ok(Self { address, shared, serving: Some(serving), runtime: Some(runtime) })
    }

    /// Its URL, `http://127.0.0.1:PORT`, for `AWS_ENDPOINT_URL`.
    #[must_use]
    pub fn endpoint(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Every request served, in order; the newest 100,000.
    #[must_use]
    pub fn calls(&self) -> Vec<Call> {
        lock(&self.shared.calls).iter().cloned().collect()
    }

    /// Forgets the calls so far.
    pub fn clear_calls(&self) {
        lock(&self.shared.calls).clear();
    }

    /// Makes what Terraform would: cluster, task definitions, services, log groups and tags. Nothing happens if there
    /// is an environment of this name.
    pub fn create_environment(&self, spec: &EnvironmentSpec) {
        lock(&self.shared.world).create_environment(spec, &self.shared.logs, now_ms());
        self.shared.wake.notify_one();
    }

    /// Removes all that, its tasks and their processes at once.
    pub fn remove_environment(&self, name: &str) {
        let tasks = lock(&self.shared.world).remove_environment(name, &self.shared.logs);
        tasks.iter().for_each(|task| self.shared.processes.kill_task(task));
    }

    /// Changes what is in an image, for tasks that start from now on. It wins over the behaviours before it.
    pub fn add_behaviour(&self, behaviour: Behaviour) {
        lock(&self.shared.world).behaviours.push(behaviour);
    }

    /// Adds a fault.
    pub fn add_fault(&self, fault: Fault) {
        lock(&self.shared.faults).add(fault);
    }

    /// The environments, oldest first.
    #[must_use]
    pub fn environments(&self) -> Vec<String> {
        lock(&self.shared.world).environments.clone()
    }

    /// The present value of a secret, by name or ARN; none without one.
    #[must_use]
    pub fn secret(&self, name: &str) -> Option<String> {
        lock(&self.shared.secrets).value_from(name)
    }

    /// The Session Manager sessions that were started and not terminated, oldest first.
    #[must_use]
    pub fn open_sessions(&self) -> Vec<String> {
        lock(&self.shared.sessions).open()
    }

    /// Stops everything; the port is free when this returns.
    pub async fn shutdown(mut self) {
        if let Some(serving) = self.serving.take() {
            serving.abort();
            // It ends by being aborted, which is no news.
            drop(serving.await);
        }
    }

    fn stop(&mut self) {
        self.shared.stop.cancel();
        self.shared.processes.kill_all();
        if let Some(runtime) = self.runtime.take() {
            // A runtime that is dropped waits, which is forbidden inside of another one.
            runtime.shutdown_background();
        }
        self.shared.keys.remove_all();
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.stop();
    }
}
