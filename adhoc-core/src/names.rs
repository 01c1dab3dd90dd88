//! Names and ARNs, parsed once at the edge.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::{Error, Result};

macro_rules! text_newtype {
    ($($(#[$doc:meta])* $name:ident;)*) => {$(
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(String);

        impl $name {
            /// Wraps a name that AWS gave, or that a convention made.
            pub fn new(name: impl Into<String>) -> Self {
                Self(name.into())
            }

            /// The name as text.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.pad(&self.0)
            }
        }

        impl From<&str> for $name {
            fn from(name: &str) -> Self {
                Self::new(name)
            }
        }
    )*};
}

text_newtype! {
    /// The name of an ECS cluster, or its ARN.
    ClusterName;
    /// The name of an ECS service.
    ServiceName;
    /// A task-definition family.
    Family;
    /// The name of a container in a task definition.
    ContainerName;
    /// The id of a service's deployment, `ecs-svc/` and digits.
    DeploymentId;
    /// The ARN of a task.
    TaskArn;
    /// The ARN of one task-definition revision.
    TaskDefinitionArn;
}

impl TaskArn {
    /// The id: what follows the last slash.
    #[must_use]
    pub fn id(&self) -> &str {
        last_segment(&self.0)
    }
}

impl TaskDefinitionArn {
    /// The family.
    #[must_use]
    pub fn family(&self) -> &str {
        let short = last_segment(&self.0);
        short.rsplit_once(':').map_or(short, |(family, _)| family)
    }

    /// The revision, where the text has one.
    #[must_use]
    pub fn revision(&self) -> Option<u64> {
        last_segment(&self.0).rsplit_once(':').and_then(|(_, revision)| revision.parse().ok())
    }

    /// `family:revision`, the form for people.
    #[must_use]
    pub fn short(&self) -> &str {
        last_segment(&self.0)
    }
}

fn last_segment(arn: &str) -> &str {
    arn.rsplit_once('/').map_or(arn, |(_, last)| last)
}

/// The name of an environment, which is also its Terraform workspace: `[a-z][a-z0-9-]{0,27}`, no trailing or double
/// hyphen, never `default`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String")]
pub struct EnvironmentName(String);

impl EnvironmentName {
    /// The most characters a name may have. Names of AWS resources are made from it, and the shortest of their limits
    /// (a target group's 32) leaves this many.
    pub const MAX_LENGTH: usize = 28;

    /// The name as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for EnvironmentName {
    type Err = Error;

    fn from_str(name: &str) -> Result<Self> {
        match environment_fault(name) {
            None => Ok(Self(name.to_owned())),
            Some(fault) => Err(Error::invalid("", format!("environment name {name:?}"), fault).with_hint(
                "use 1 to 28 lower-case letters, digits and single hyphens, beginning with a letter, such as `alpha` or `pr-42`",
            )),
        }
    }
}

impl fmt::Display for EnvironmentName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

impl TryFrom<String> for EnvironmentName {
    type Error = Error;

    fn try_from(name: String) -> Result<Self> {
        name.parse()
    }
}

fn environment_fault(name: &str) -> Option<String> {
    let first = name.chars().next();
    if name == "default" {
        Some("is reserved for Terraform's own workspace".to_owned())
    } else if first.is_none() {
        Some("is empty".to_owned())
    } else if name.chars().count() > EnvironmentName::MAX_LENGTH {
        Some(format!("is longer than {} characters", EnvironmentName::MAX_LENGTH))
    } else if !first.is_some_and(|c| c.is_ascii_lowercase()) {
        Some("does not begin with a lower-case letter".to_owned())
    } else if let Some(bad) = name.chars().find(|c| !(c.is_ascii_lowercase() || c.is_ascii_digit() || *c == '-')) {
        Some(format!("contains {bad:?}"))
    } else if name.ends_with('-') || name.contains("--") {
        Some("has a trailing or double hyphen".to_owned())
    } else {
        None
    }
}

/// The tag of a container image: `[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}`, the grammar of the OCI distribution
/// specification.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize)]
#[serde(transparent)]
pub struct ImageTag(String);

impl ImageTag {
    /// The tag as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for ImageTag {
    type Err = Error;

    fn from_str(tag: &str) -> Result<Self> {
        let fault = match tag.chars().next() {
            None => Some("is empty".to_owned()),
            Some('.' | '-') => Some("begins with a dot or a hyphen".to_owned()),
            _ if tag.len() > 128 => Some("is longer than 128 characters".to_owned()),
            _ => tag
                .chars()
                .find(|c| !(c.is_ascii_alphanumeric() || matches!(c, '_' | '.' | '-')))
                .map(|bad| format!("contains {bad:?}")),
        };
        match fault {
            None => Ok(Self(tag.to_owned())),
            Some(fault) => Err(Error::invalid("", format!("image tag {tag:?}"), fault)
                .with_hint("a tag has letters, digits, `_`, `.` and `-`; give a whole reference with `--image`")),
        }
    }
}

impl fmt::Display for ImageTag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn environment_names_follow_the_convention() {
        for good in ["a", "alpha", "pr-42", "a234567890123456789012345678"] {
            assert!(good.parse::<EnvironmentName>().is_ok(), "{good}");
        }
        for bad in
            ["", "default", "Alpha", "1a", "a-", "a--b", "a/b", "a_b", "ä", "a2345678901234567890123456789", "alpha "]
        {
            let error = bad.parse::<EnvironmentName>().expect_err(bad);
            assert!(matches!(error, Error::Invalid(_)), "{bad}: {error}");
            assert!(error.detail().hint.is_some());
        }
    }

    #[test]
    fn tags_follow_the_grammar_of_oci() {
        for good in ["v1.1.0", "_x", "a".repeat(128).as_str()] {
            assert!(good.parse::<ImageTag>().is_ok(), "{good}");
        }
        for bad in ["", "-x", ".x", "a b", "a:b", "a@b", "a".repeat(129).as_str()] {
            assert!(bad.parse::<ImageTag>().is_err(), "{bad}");
        }
    }

    #[test]
    fn arns_have_short_forms() {
        let arn = TaskDefinitionArn::new("arn:aws:ecs:us-east-1:1:task-definition/alpha-gunicorn:12");
        assert_eq!((arn.family(), arn.revision(), arn.short()), ("alpha-gunicorn", Some(12), "alpha-gunicorn:12"));
        assert_eq!(TaskArn::new("arn:aws:ecs:us-east-1:1:task/alpha-cluster/abc").id(), "abc");
    }
}
