//! What is asked of CloudFormation, with errors of the core.

use std::error::Error as StdError;
use std::fmt;

use adhoc_core::{Error, Result};
use aws_sdk_cloudformation::Client;
use aws_sdk_cloudformation::error::{DisplayErrorContext, ProvideErrorMetadata, SdkError};
use aws_sdk_cloudformation::operation::describe_change_set::DescribeChangeSetOutput;
use aws_sdk_cloudformation::types::{Capability, ChangeSetType, ResourceStatus, Stack, StackEvent, StackStatus};

/// The stacks of an account and region.
#[derive(Clone)]
pub(super) struct Stacks {
    client: Client,
}

impl fmt::Debug for Stacks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Stacks")
    }
}

/// What a change set is made of.
pub(super) struct NewChangeSet<'a> {
    pub(super) stack: &'a str,
    pub(super) name: &'a str,
    pub(super) kind: ChangeSetType,
    pub(super) template: String,
}

impl Stacks {
    pub(super) fn new(client: Client) -> Self {
        Self { client }
    }

    /// The names of all stacks that are there.
    pub(super) async fn names(&self) -> Result<Vec<String>> {
        let stacks = self.all().await?;
        Ok(stacks.into_iter().filter_map(|stack| stack.stack_name).collect())
    }

    /// The stack of that name. (Asked by its name, CloudFormation says that there is none in words alone.)
    pub(super) async fn find(&self, name: &str) -> Result<Option<Stack>> {
        Ok(self.all().await?.into_iter().find(|stack| stack.stack_name() == Some(name)))
    }

    async fn all(&self) -> Result<Vec<Stack>> {
        let pages = self.client.describe_stacks().into_paginator().items().send();
        let stacks: Vec<Stack> =
            pages.collect::<Result<_, _>>().await.map_err(|error| failed("DescribeStacks", "", &error))?;
        Ok(stacks.into_iter().filter(|stack| stack.stack_status() != Some(&StackStatus::DeleteComplete)).collect())
    }

    /// Makes a change set, and gives its ARN and the stack's.
    pub(super) async fn create_change_set(&self, new: NewChangeSet<'_>) -> Result<(String, String)> {
        let request = self
            .client
            .create_change_set()
            .stack_name(new.stack)
            .change_set_name(new.name)
            .change_set_type(new.kind)
            .template_body(new.template)
            .capabilities(Capability::CapabilityNamedIam);
        let reply = request.send().await.map_err(|error| failed("CreateChangeSet", new.stack, &error))?;
        match (reply.id, reply.stack_id) {
            (Some(change_set), Some(stack)) => Ok((change_set, stack)),
            _ => Err(Error::unavailable("CreateChangeSet", new.stack, "the answer holds no change set")),
        }
    }

    /// A change set with all its changes, if it is there.
    pub(super) async fn change_set(&self, arn: &str) -> Result<Option<DescribeChangeSetOutput>> {
        let (mut whole, mut token): (Option<DescribeChangeSetOutput>, _) = (None, None);
        loop {
            let request = self.client.describe_change_set().change_set_name(arn).set_next_token(token);
            let page = match request.send().await {
                Ok(page) => page,
                Err(SdkError::ServiceError(error)) if error.err().is_change_set_not_found_exception() => {
                    return Ok(None);
                }
                Err(error) => return Err(failed("DescribeChangeSet", arn, &error)),
            };
            token = page.next_token.clone();
            match &mut whole {
                None => whole = Some(page),
                Some(whole) => whole.changes.get_or_insert_default().extend(page.changes.unwrap_or_default()),
            }
            if token.is_none() {
                return Ok(whole);
            }
        }
    }

    pub(super) async fn execute(&self, arn: &str, token: &str) -> Result<()> {
        let request = self.client.execute_change_set().change_set_name(arn).client_request_token(token);
        request.send().await.map(drop).map_err(|error| failed("ExecuteChangeSet", arn, &error))
    }

    pub(super) async fn delete_change_set(&self, arn: &str) -> Result<()> {
        let request = self.client.delete_change_set().change_set_name(arn);
        request.send().await.map(drop).map_err(|error| failed("DeleteChangeSet", arn, &error))
    }

    /// Begins to delete a stack, by its ARN: another one may get its name.
    pub(super) async fn delete(&self, arn: &str) -> Result<()> {
        let request = self.client.delete_stack().stack_name(arn);
        request.send().await.map(drop).map_err(|error| failed("DeleteStack", arn, &error))
    }

    /// The logical names and types of the resources that a stack has.
    pub(super) async fn resources(&self, arn: &str) -> Result<Vec<(String, String)>> {
        let mut pages = self.client.list_stack_resources().stack_name(arn).into_paginator().items().send();
        let mut resources = Vec::new();
        while let Some(resource) = pages.next().await {
            let resource = resource.map_err(|error| failed("ListStackResources", arn, &error))?;
            if resource.resource_status() != Some(&ResourceStatus::DeleteComplete) {
                let text = |text: Option<&str>| text.unwrap_or_default().to_owned();
                resources.push((text(resource.logical_resource_id()), text(resource.resource_type())));
            }
        }
        resources.sort();
        Ok(resources)
    }

    /// What happened to a stack after the event `mark`, oldest first; a stack that is gone keeps its events for 90 days.
    pub(super) async fn events_after(&self, arn: &str, mark: Option<&str>) -> Result<Vec<StackEvent>> {
        let mut pages = self.client.describe_stack_events().stack_name(arn).into_paginator().items().send();
        let mut events = Vec::new();
        while let Some(event) = pages.next().await {
            let event = event.map_err(|error| failed("DescribeStackEvents", arn, &error))?;
            if mark.is_some() && event.event_id() == mark {
                break;
            }
            events.push(event);
        }
        events.reverse();
        Ok(events)
    }

    /// The newest event of a stack.
    pub(super) async fn newest_event(&self, arn: &str) -> Result<Option<String>> {
        let reply = self.client.describe_stack_events().stack_name(arn).send().await;
        let reply = reply.map_err(|error| failed("DescribeStackEvents", arn, &error))?;
        Ok(reply.stack_events().first().and_then(|event| event.event_id()).map(str::to_owned))
    }
}

/// The core error of a failed call, by its code.
fn failed<E, R>(operation: &'static str, resource: &str, error: &SdkError<E, R>) -> Error
where
    E: ProvideErrorMetadata + StdError + 'static,
    R: fmt::Debug,
{
    // An ARN ends in a name and an id; the name is what people know.
    let resource = resource.rsplit('/').nth(1).unwrap_or(resource);
    let Some(code) = error.code() else {
        return Error::unavailable(operation, resource, DisplayErrorContext(error).to_string());
    };
    let reason = format!("{} ({code})", error.message().unwrap_or("no message"));
    match code {
        "Throttling" | "ThrottlingException" | "RequestLimitExceeded" => Error::throttled(operation, resource, reason),
        "AccessDenied" | "AccessDeniedException" | "ExpiredToken" | "InvalidClientTokenId" => {
            Error::permission_denied(operation, resource, reason)
        }
        "ChangeSetNotFound" => Error::not_found(operation, resource, reason),
        "AlreadyExistsException" | "InvalidChangeSetStatus" => Error::conflict(operation, resource, reason),
        "InternalFailure" | "ServiceUnavailable" => Error::unavailable(operation, resource, reason),
        _ => Error::rejected(operation, resource, reason),
    }
}
