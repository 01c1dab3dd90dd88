//! The infrastructure of environments: a workspace each, planned, applied and destroyed as a whole.

use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;

use async_trait::async_trait;
use serde::ser::SerializeStruct;
use serde::{Deserialize, Serialize, Serializer};

use crate::{Context, EnvironmentName, Result};

/// What is done to a resource or an output.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum ResourceAction {
    /// Nothing.
    None,
    /// It is made.
    Create,
    /// A data source is read.
    Read,
    /// It is changed where it stands.
    Update,
    /// It is destroyed and made again.
    Replace,
    /// It is destroyed.
    Delete,
    /// It gets another address.
    Move,
    /// What is there is taken over.
    Import,
    /// It is no longer looked after, and stays.
    Forget,
    /// Something that this version does not know.
    #[serde(other)]
    Other,
}

impl fmt::Display for ResourceAction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::None => "keep",
            Self::Create => "create",
            Self::Read => "read",
            Self::Update => "update",
            Self::Replace => "replace",
            Self::Delete => "destroy",
            Self::Move => "move",
            Self::Import => "import",
            Self::Forget => "forget",
            Self::Other => "change",
        })
    }
}

/// How far the work on a resource is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum ResourcePhase {
    /// It begins.
    Started,
    /// It goes on.
    Progressing,
    /// It is done.
    Finished,
    /// It failed.
    Failed,
}

/// What a plan does to one resource.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct ResourceChange {
    /// Its address, such as `module.api.aws_ecs_service.this`.
    pub address: String,
    /// Its type, such as `aws_ecs_service`.
    #[serde(rename = "type")]
    pub kind: String,
    /// What is done to it.
    pub action: ResourceAction,
    /// Why, in the implementation's word, such as `cannot_update`; none where it does not say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

impl ResourceChange {
    /// A change without a reason.
    pub fn new(address: impl Into<String>, kind: impl Into<String>, action: ResourceAction) -> Self {
        Self { address: address.into(), kind: kind.into(), action, reason: None }
    }

    /// Adds why.
    #[must_use]
    pub fn with_reason(mut self, reason: Option<String>) -> Self {
        self.reason = reason;
        self
    }
}

/// How many resources are added, changed, destroyed and imported. A replaced one is added and destroyed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ChangeCounts {
    /// Made.
    pub add: u64,
    /// Changed where they stand.
    pub change: u64,
    /// Destroyed.
    pub destroy: u64,
    /// Taken over.
    pub import: u64,
}

/// What a plan does to an environment's infrastructure.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct InfrastructurePlan {
    /// The environment.
    pub environment: String,
    /// Whether everything is to go.
    pub destroy: bool,
    /// Whether applying it changes anything, if only outputs.
    pub has_changes: bool,
    /// How many resources of each kind of change there are, those beyond the list included.
    pub counts: ChangeCounts,
    /// The changes, the first [`InfrastructurePlan::MAX_LISTED`] of them.
    pub changes: Vec<ResourceChange>,
    /// What somebody else changed since the last apply; likewise limited.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub drift: Vec<ResourceChange>,
    /// The outputs that change.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub outputs: BTreeMap<String, ResourceAction>,
    /// How many changes were left out of `changes` and `drift`.
    #[serde(default)]
    pub omitted: u64,
    /// By what the implementation finds it again: the path of the saved plan. None if it was not kept.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reference: Option<String>,
}

impl InfrastructurePlan {
    /// How many changes a plan lists: more than that nobody reads, and memory is to stay flat.
    pub const MAX_LISTED: usize = 2000;

    /// A plan that changes nothing.
    pub fn new(environment: &EnvironmentName) -> Self {
        Self {
            environment: environment.to_string(),
            destroy: false,
            has_changes: false,
            counts: ChangeCounts::default(),
            changes: Vec::new(),
            drift: Vec::new(),
            outputs: BTreeMap::new(),
            omitted: 0,
            reference: None,
        }
    }
}

/// What becomes of a plan.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum PlanPurpose {
    /// It is only looked at: nothing is kept, and a workspace that had to be made for it is removed again.
    Look,
    /// It is applied next; it is kept in a place of the implementation's until then.
    Apply,
    /// It is kept in this file, to be applied later, perhaps on another machine.
    Keep(PathBuf),
}

/// What is to be planned.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct PlanRequest {
    /// The environment.
    pub environment: EnvironmentName,
    /// Whether everything is to go. Default no.
    pub destroy: bool,
    /// What becomes of the plan.
    pub purpose: PlanPurpose,
}

impl PlanRequest {
    /// A plan that brings the environment to what is configured.
    #[must_use]
    pub fn new(environment: EnvironmentName, purpose: PlanPurpose) -> Self {
        Self { environment, destroy: false, purpose }
    }

    /// Plans to destroy everything instead.
    #[must_use]
    pub fn with_destroy(mut self, destroy: bool) -> Self {
        self.destroy = destroy;
        self
    }
}

/// What an apply did.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct AppliedPlan {
    /// The environment.
    pub environment: String,
    /// How many resources were changed.
    pub counts: ChangeCounts,
}

impl AppliedPlan {
    /// What was done to an environment.
    #[must_use]
    pub fn new(environment: &EnvironmentName, counts: ChangeCounts) -> Self {
        Self { environment: environment.to_string(), counts }
    }
}

/// What [`Workspaces::destroy`] did.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct DestroyedWorkspace {
    /// The environment.
    pub environment: String,
    /// Whether there was a workspace, however empty.
    pub existed: bool,
    /// How many resources were destroyed.
    pub destroyed: u64,
}

impl DestroyedWorkspace {
    /// The end of a workspace.
    #[must_use]
    pub fn new(environment: &EnvironmentName, existed: bool, destroyed: u64) -> Self {
        Self { environment: environment.to_string(), existed, destroyed }
    }
}

/// An output of an environment's infrastructure. A sensitive one is redacted wherever it is shown or serialised.
#[derive(Clone, PartialEq, Eq, Deserialize)]
#[non_exhaustive]
pub struct OutputValue {
    /// The value.
    pub value: serde_json::Value,
    /// Whether it must not be shown.
    #[serde(default)]
    pub sensitive: bool,
}

/// The outputs of an environment by name.
pub type Outputs = BTreeMap<String, OutputValue>;

const REDACTED: &str = "(sensitive)";

impl OutputValue {
    /// A value that may be shown.
    pub fn new(value: impl Into<serde_json::Value>) -> Self {
        Self { value: value.into(), sensitive: false }
    }

    /// A value that must not be shown.
    pub fn sensitive(value: impl Into<serde_json::Value>) -> Self {
        Self { value: value.into(), sensitive: true }
    }

    /// The value if it is text.
    #[must_use]
    pub fn as_str(&self) -> Option<&str> {
        self.value.as_str()
    }
}

impl fmt::Debug for OutputValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.sensitive { f.write_str(REDACTED) } else { write!(f, "{}", self.value) }
    }
}

impl Serialize for OutputValue {
    fn serialize<S: Serializer>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error> {
        let mut fields = serializer.serialize_struct("OutputValue", 2)?;
        if self.sensitive {
            fields.serialize_field("value", REDACTED)?;
        } else {
            fields.serialize_field("value", &self.value)?;
        }
        fields.serialize_field("sensitive", &self.sensitive)?;
        fields.end()
    }
}

/// The infrastructure of every environment, in a workspace each.
///
/// # Contract
///
/// Operations on different environments may run at once. Each emits its own steps, and the progress of every resource. A
/// cancelled operation ends in good order, which may take a while: it is not to be dropped. `plan` with
/// [`PlanPurpose::Look`] changes nothing. `apply` does what the plan says or refuses, if the plan is another environment's
/// or the world has moved on. `destroy` is safe to repeat; afterwards neither resources nor workspace are left.
///
/// Errors are [`Error::Terraform`](crate::Error::Terraform) where the tool failed, [`Error::Locked`](crate::Error::Locked)
/// where another run holds the environment or its state, [`Error::NotFound`](crate::Error::NotFound) without configuration or
/// workspace, [`Error::Invalid`](crate::Error::Invalid) for faults in what the user wrote, and
/// [`Error::Cancelled`](crate::Error::Cancelled).
#[cfg_attr(feature = "test-util", mockall::automock)]
#[async_trait]
pub trait Workspaces: Send + Sync {
    /// The environments that have a workspace, by name. Workspaces whose name cannot be an environment's are left out.
    async fn list(&self, cx: &Context) -> Result<Vec<EnvironmentName>>;

    /// What would be changed.
    async fn plan(&self, cx: &Context, request: &PlanRequest) -> Result<InfrastructurePlan>;

    /// Does what a kept plan says.
    async fn apply(&self, cx: &Context, plan: &InfrastructurePlan) -> Result<AppliedPlan>;

    /// The outputs of the last apply; none if nothing was ever applied.
    async fn outputs(&self, cx: &Context, environment: &EnvironmentName) -> Result<Outputs>;

    /// Destroys everything, makes sure that nothing is left, and removes the workspace.
    async fn destroy(&self, cx: &Context, environment: &EnvironmentName) -> Result<DestroyedWorkspace>;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sensitive_output_is_shown_nowhere() {
        let outputs = Outputs::from([
            ("password".to_owned(), OutputValue::sensitive("hunter2")),
            ("url".to_owned(), OutputValue::new("https://alpha.dev.example.com")),
        ]);
        let shown = format!("{outputs:?} {}", serde_json::to_string(&outputs).expect("JSON"));
        assert!(!shown.contains("hunter2") && shown.contains("alpha.dev.example.com"), "{shown}");
    }

    #[test]
    fn an_unknown_action_is_no_reason_to_fail() {
        let action: ResourceAction = serde_json::from_str("\"teleport\"").expect("JSON");
        assert_eq!(action, ResourceAction::Other);
    }
}
