//! Rules by which a load balancer answers, or passes requests on.

use async_trait::async_trait;

use crate::{Error, Result, Tags};

/// The most bytes of a body that a load balancer answers with by itself.
const LONGEST_BODY: usize = 1024;

/// What a load balancer may say its own answers are.
const CONTENT_TYPES: [&str; 5] = ["text/plain", "text/css", "text/html", "application/javascript", "application/json"];

/// Reads, makes and deletes the rules of load balancers' listeners.
///
/// # Contract
///
/// `list` gives the rules of every listener of every load balancer that looks at HTTP, without the listeners' default ones, which
/// have no priority; tags may be left out of rules that forward. `create` never replaces: a priority that is taken is a conflict.
/// `delete` is safe to repeat.
#[cfg_attr(feature = "test-util", mockall::automock)]
#[async_trait]
pub trait ListenerRules: Send + Sync {
    /// Every rule that has a priority.
    ///
    /// # Errors
    ///
    /// Those of the backend.
    async fn list(&self) -> Result<Vec<ListenerRule>>;

    /// Makes a rule, and gives its ARN. Cancelling may leave it made.
    ///
    /// # Errors
    ///
    /// [`Error::Conflict`] if the priority is taken; [`Error::Rejected`] with the backend's reason, such as its quota.
    async fn create(&self, rule: &NewListenerRule) -> Result<String>;

    /// Deletes a rule; one that is gone is as good as deleted.
    ///
    /// # Errors
    ///
    /// Those of the backend.
    async fn delete(&self, arn: &str) -> Result<()>;
}

/// A rule of a listener.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct ListenerRule {
    /// Its ARN.
    pub arn: String,
    /// Its listener's ARN.
    pub listener: String,
    /// Its place among the listener's rules: the lowest is looked at first.
    pub priority: u32,
    /// The hosts that it is for; any if none.
    pub hosts: Vec<String>,
    /// The ARNs of the target groups that it forwards to.
    pub target_groups: Vec<String>,
    /// What it answers with instead.
    pub response: Option<FixedResponse>,
    /// Its tags.
    pub tags: Tags,
}

impl ListenerRule {
    /// A rule for any host, which does nothing yet.
    pub fn new(arn: impl Into<String>, listener: impl Into<String>, priority: u32) -> Self {
        Self {
            arn: arn.into(),
            listener: listener.into(),
            priority,
            hosts: Vec::new(),
            target_groups: Vec::new(),
            response: None,
            tags: Tags::new(),
        }
    }

    /// Sets its hosts.
    #[must_use]
    pub fn with_hosts(mut self, hosts: Vec<String>) -> Self {
        self.hosts = hosts;
        self
    }

    /// Forwards to target groups.
    #[must_use]
    pub fn with_target_groups(mut self, arns: Vec<String>) -> Self {
        self.target_groups = arns;
        self
    }

    /// Answers by itself.
    #[must_use]
    pub fn with_response(mut self, response: Option<FixedResponse>) -> Self {
        self.response = response;
        self
    }

    /// Sets its tags.
    #[must_use]
    pub fn with_tags(mut self, tags: Tags) -> Self {
        self.tags = tags;
        self
    }
}

/// A rule to be made, which answers by itself.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct NewListenerRule {
    /// The listener's ARN.
    pub listener: String,
    /// Its place among the listener's rules.
    pub priority: u32,
    /// The hosts that it is for.
    pub hosts: Vec<String>,
    /// What it answers with.
    pub response: FixedResponse,
    /// Its tags.
    pub tags: Tags,
}

impl NewListenerRule {
    /// A rule without tags.
    pub fn new(listener: impl Into<String>, priority: u32, hosts: Vec<String>, response: FixedResponse) -> Self {
        Self { listener: listener.into(), priority, hosts, response, tags: Tags::new() }
    }

    /// Sets its tags.
    #[must_use]
    pub fn with_tags(mut self, tags: Tags) -> Self {
        self.tags = tags;
        self
    }
}

/// An answer that a load balancer gives by itself.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct FixedResponse {
    /// Its HTTP status.
    pub status: u16,
    /// The type of its body.
    pub content_type: String,
    /// Its body.
    pub body: String,
}

impl FixedResponse {
    /// An answer as load balancers can give it
    /// (<https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_FixedResponseActionConfig.html>).
    ///
    /// # Errors
    ///
    /// [`Error::Invalid`] for a status that is not 2xx, 4xx or 5xx, another type than plain text, HTML, CSS, JavaScript or JSON, and
    /// a body of more than 1024 bytes.
    pub fn new(status: u16, content_type: impl Into<String>, body: impl Into<String>) -> Result<Self> {
        let (content_type, body) = (content_type.into(), body.into());
        let invalid = |reason: String| Error::invalid("", "the fixed response", reason);
        if !matches!(status / 100, 2 | 4 | 5) {
            return Err(invalid(format!("the status {status} is none of 2xx, 4xx and 5xx")));
        }
        if !CONTENT_TYPES.contains(&content_type.as_str()) {
            let reason = format!("the content type {content_type:?} is none of {}", CONTENT_TYPES.join(", "));
            return Err(invalid(reason));
        }
        if body.len() > LONGEST_BODY {
            let reason = format!("the body has {} bytes, and a load balancer takes {LONGEST_BODY}", body.len());
            return Err(invalid(reason).with_hint("keep the page to a few lines, without images and scripts"));
        }
        Ok(Self { status, content_type, body })
    }

    /// An answer that a load balancer gives already.
    pub fn found(status: u16, content_type: impl Into<String>, body: impl Into<String>) -> Self {
        Self { status, content_type: content_type.into(), body: body.into() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_response_is_as_a_load_balancer_takes_it() {
        assert!(FixedResponse::new(503, "text/html", "x".repeat(1024)).is_ok());
        for (status, content_type, body, part) in [
            (302, "text/html", "", "302"),
            (99, "text/html", "", "99"),
            (503, "image/png", "", "image/png"),
            (503, "text/html", "é".repeat(513).as_str(), "1026 bytes"),
        ] {
            let error = FixedResponse::new(status, content_type, body).expect_err(part);
            assert!(matches!(error, Error::Invalid(_)) && error.to_string().contains(part), "{error}");
        }
    }
}
