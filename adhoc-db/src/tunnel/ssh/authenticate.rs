//! Logging in.

use std::path::Path;
use std::sync::Arc;

use adhoc_core::{Error, Result};
use russh::client::{AuthResult, Handle};
use russh::keys::agent::AgentIdentity;
use russh::keys::agent::client::AgentClient;
use russh::keys::{Algorithm, HashAlg, PrivateKey, PrivateKeyWithHashAlg};
use russh::{AgentAuthError, MethodKind};
use tokio::net::UnixStream;

use super::config::{Authentication, Hop};
use super::connection::Client;
use super::host_keys::describe;
use super::keys;

/// One log-in under way: what was tried, and what could not be.
pub(super) struct Attempt<'a> {
    handle: &'a mut Handle<Client>,
    hop: &'a Hop,
    tried: Vec<String>,
    problems: Vec<Error>,
}

/// Whether to go on with other keys.
enum Step {
    LoggedIn,
    Refused,
    /// The server accepts no more keys on this connection; this is why.
    Over(String),
}

impl<'a> Attempt<'a> {
    pub(super) fn new(handle: &'a mut Handle<Client>, hop: &'a Hop) -> Self {
        Self { handle, hop, tried: Vec::new(), problems: Vec::new() }
    }

    /// Tries one way after the other and stops at the first that works: a second log-in on the same connection would never
    /// be answered.
    pub(super) async fn log_in(mut self, methods: &[Authentication]) -> Result<()> {
        for method in methods {
            let step = match method {
                Authentication::Agent { socket } => self.with_agent(socket).await,
                Authentication::KeyFile { path, passphrase } => {
                    let (path, passphrase) = (path.clone(), passphrase.clone());
                    let name = path.display().to_string();
                    self.with_loaded(name, move || keys::read(&path, passphrase.as_ref())).await
                }
                Authentication::Key { text, passphrase } => {
                    let (text, passphrase) = (text.clone(), passphrase.clone());
                    self.with_loaded("the given key".to_owned(), move || {
                        keys::decode("the given key", &text, passphrase.as_ref())
                    })
                    .await
                }
                Authentication::Pushed(_) if self.hop.is_jump => continue,
                Authentication::Pushed(pusher) => {
                    let key = keys::generate()?;
                    let public =
                        key.public_key().to_openssh().map_err(|e| Error::internal("make key", "", e.to_string()))?;
                    pusher.push(&self.hop.user, public.trim_end()).await?;
                    self.with_key(key, "pushed").await
                }
            };
            match step {
                Ok(Step::LoggedIn) => return Ok(()),
                Ok(Step::Refused) => {}
                Ok(Step::Over(why)) => return Err(self.refused(Some(&why))),
                // Another way may still work.
                Err(error) => self.problems.push(error),
            }
        }
        Err(self.refused(None))
    }

    /// Opening an encrypted key takes a while, on purpose, so it is done beside the runtime.
    async fn with_loaded(
        &mut self,
        name: String,
        load: impl FnOnce() -> Result<PrivateKey> + Send + 'static,
    ) -> Result<Step> {
        let loaded = tokio::task::spawn_blocking(load).await;
        let key = loaded.map_err(|error| Error::internal("read key", name.clone(), error.to_string()))??;
        self.with_key(key, &name).await
    }

    async fn with_key(&mut self, key: PrivateKey, name: &str) -> Result<Step> {
        self.tried.push(format!("{} ({name})", describe(key.public_key())));
        let hash = self.hash_for(matches!(key.algorithm(), Algorithm::Rsa { .. })).await;
        let key = PrivateKeyWithHashAlg::new(Arc::new(key), hash);
        let result = self.handle.authenticate_publickey(self.hop.user.clone(), key).await;
        self.judge(result.map_err(|error| self.broken(&error)))
    }

    async fn with_agent(&mut self, socket: &Path) -> Result<Step> {
        let name = socket.display().to_string();
        let unusable = |reason: &str, hint: &str| Error::database("ssh agent", name.clone(), reason).with_hint(hint);
        let stream = UnixStream::connect(socket).await.map_err(|error| {
            unusable("the agent does not answer", "start one (`eval $(ssh-agent)`), or name a key file")
                .with_source(error)
        })?;
        let mut agent = AgentClient::connect(stream);
        if let Some(binding) = self.handle.agent_session_binding()
            && let Err(error) = agent.bind_session(binding, false).await
        {
            // Only agents with keys that are bound to a destination need it.
            tracing::debug!(%error, "the agent does not bind sessions");
        }
        let identities = agent.request_identities().await.map_err(|error| {
            unusable("the agent does not list its keys", "`ssh-add -l` shows whether it works").with_source(error)
        })?;
        if identities.is_empty() {
            return Err(unusable("the agent has no keys", "load one with `ssh-add`, or name a key file"));
        }
        for identity in identities {
            match self.with_identity(&mut agent, identity).await? {
                Step::Refused => {}
                other => return Ok(other),
            }
        }
        Ok(Step::Refused)
    }

    async fn with_identity(&mut self, agent: &mut AgentClient<UnixStream>, identity: AgentIdentity) -> Result<Step> {
        let user = self.hop.user.clone();
        let key = identity.public_key().into_owned();
        let name = format!("{} ({}, from the agent)", describe(&key), identity.comment());
        self.tried.push(name.clone());
        let hash = self.hash_for(matches!(key.algorithm(), Algorithm::Rsa { .. })).await;
        let result = match identity {
            AgentIdentity::PublicKey { key, .. } => {
                self.handle.authenticate_publickey_with(user, key, hash, agent).await
            }
            AgentIdentity::Certificate { certificate, .. } => {
                self.handle.authenticate_certificate_with(user, certificate, hash, agent).await
            }
        };
        match result {
            Err(AgentAuthError::Key(error)) => {
                let reason = format!("the agent did not sign with {name}");
                self.problems.push(Error::database("ssh agent", "", reason).with_source(error));
                Ok(Step::Refused)
            }
            other => self.judge(other.map_err(|error| self.broken(&error))),
        }
    }

    /// How an RSA key signs: the best that the server knows, and never with SHA-1.
    async fn hash_for(&self, is_rsa: bool) -> Option<HashAlg> {
        if !is_rsa {
            return None;
        }
        let best = self.handle.best_supported_rsa_hash().await.ok().flatten().flatten();
        Some(best.unwrap_or(HashAlg::Sha512))
    }

    fn judge(&self, result: Result<AuthResult>) -> Result<Step> {
        match result? {
            AuthResult::Success => Ok(Step::LoggedIn),
            AuthResult::Failure { partial_success: true, remaining_methods } => {
                let more: Vec<&str> = remaining_methods.iter().map(Into::into).collect();
                Ok(Step::Over(format!("it accepts the key but wants {} too", more.join(" or "))))
            }
            AuthResult::Failure { remaining_methods, .. } if remaining_methods.contains(&MethodKind::PublicKey) => {
                Ok(Step::Refused)
            }
            AuthResult::Failure { remaining_methods, .. } if remaining_methods.is_empty() => {
                Ok(Step::Over("it closed the connection after these".to_owned()))
            }
            AuthResult::Failure { .. } => Ok(Step::Over("it accepts no keys at all".to_owned())),
        }
    }

    fn broken(&self, error: &dyn std::fmt::Display) -> Error {
        Error::database("ssh", self.hop.to_string(), format!("the connection broke while logging in: {error}"))
    }

    /// The error of a log-in in which nothing worked.
    fn refused(mut self, why: Option<&str>) -> Error {
        if self.tried.is_empty() && !self.problems.is_empty() {
            return self.problems.swap_remove(0);
        }
        let role = self.hop.role();
        let mut reason = match self.tried.as_slice() {
            [] => format!("none of the configured ways to log in is for {role}"),
            tried => format!("{role} refused every key: {}", tried.join(", ")),
        };
        for extra in why.map(str::to_owned).into_iter().chain(self.problems.iter().map(ToString::to_string)) {
            reason = format!("{reason}; {extra}");
        }
        Error::database("ssh", self.hop.to_string(), reason).with_hint(format!(
            "is `{}` the right user, and is one of these keys in its authorized_keys?",
            self.hop.user
        ))
    }
}
