//! CloudFormation's words for what is done to resources, in those of the core.

use adhoc_core::{ChangeCounts, InfrastructurePlan, ResourceAction, ResourceChange};
use aws_sdk_cloudformation::types::{ChangeAction, PolicyAction, Replacement, ResourceChange as Change};

/// Puts the changes into a plan and counts them.
pub(super) fn record(plan: &mut InfrastructurePlan, changes: Vec<ResourceChange>) {
    for change in &changes {
        count(&mut plan.counts, change.action);
    }
    let omitted = changes.len().saturating_sub(InfrastructurePlan::MAX_LISTED);
    plan.omitted = u64::try_from(omitted).unwrap_or(u64::MAX);
    plan.changes = changes;
    plan.changes.truncate(InfrastructurePlan::MAX_LISTED);
}

fn count(counts: &mut ChangeCounts, action: ResourceAction) {
    match action {
        ResourceAction::Create => counts.add += 1,
        ResourceAction::Update | ResourceAction::Other => counts.change += 1,
        ResourceAction::Delete => counts.destroy += 1,
        ResourceAction::Import => counts.import += 1,
        ResourceAction::Replace => {
            counts.add += 1;
            counts.destroy += 1;
        }
        _ => {}
    }
}

/// A change of a change set.
pub(super) fn converted(change: &Change) -> ResourceChange {
    let address = change.logical_resource_id().unwrap_or_default();
    ResourceChange::new(address, change.resource_type().unwrap_or_default(), action(change)).with_reason(reason(change))
}

fn action(change: &Change) -> ResourceAction {
    match change.action() {
        Some(ChangeAction::Add) => ResourceAction::Create,
        Some(ChangeAction::Import) => ResourceAction::Import,
        Some(ChangeAction::Remove) if change.policy_action() == Some(&PolicyAction::Retain) => ResourceAction::Forget,
        Some(ChangeAction::Remove) => ResourceAction::Delete,
        // Whether it has to be replaced may turn out only on the way. Who guards data has to expect it.
        Some(ChangeAction::Modify) => match change.replacement() {
            Some(Replacement::True | Replacement::Conditional) => ResourceAction::Replace,
            // moto says nothing of replacements.
            _ => ResourceAction::Update,
        },
        _ => ResourceAction::Other,
    }
}

/// The properties that change, such as `ContainerDefinitions`.
fn reason(change: &Change) -> Option<String> {
    let mut names: Vec<&str> = change.details().iter().filter_map(|detail| detail.target()?.name()).collect();
    names.sort_unstable();
    names.dedup();
    let perhaps = (change.replacement() == Some(&Replacement::Conditional)).then_some("perhaps");
    let words: Vec<&str> = perhaps.into_iter().chain(names).collect();
    (!words.is_empty()).then(|| words.join(", "))
}

/// What is done to a resource by an event's status, such as `UPDATE_IN_PROGRESS`.
pub(super) fn action_of(status: &str) -> ResourceAction {
    match status.split('_').next().unwrap_or_default() {
        "CREATE" => ResourceAction::Create,
        "UPDATE" => ResourceAction::Update,
        "DELETE" if status == "DELETE_SKIPPED" => ResourceAction::Forget,
        "DELETE" => ResourceAction::Delete,
        "IMPORT" => ResourceAction::Import,
        _ => ResourceAction::Other,
    }
}

#[cfg(test)]
mod tests {
    use adhoc_core::EnvironmentName;
    use aws_sdk_cloudformation::types::{ResourceChangeDetail, ResourceTargetDefinition};

    use super::*;

    fn change(action: ChangeAction) -> aws_sdk_cloudformation::types::builders::ResourceChangeBuilder {
        Change::builder().action(action).logical_resource_id("Cluster").resource_type("AWS::ECS::Cluster")
    }

    #[test]
    fn what_may_be_replaced_counts_as_replaced() {
        let of = |replacement| converted(&change(ChangeAction::Modify).replacement(replacement).build());
        assert_eq!(of(Replacement::False).action, ResourceAction::Update);
        assert_eq!(of(Replacement::True).action, ResourceAction::Replace);
        let perhaps = of(Replacement::Conditional);
        assert_eq!((perhaps.action, perhaps.reason.as_deref()), (ResourceAction::Replace, Some("perhaps")));
    }

    #[test]
    fn what_is_retained_is_forgotten_and_not_destroyed() {
        let removed = change(ChangeAction::Remove);
        assert_eq!(converted(&removed.clone().build()).action, ResourceAction::Delete);
        let retained = removed.policy_action(PolicyAction::Retain).build();
        assert_eq!(converted(&retained).action, ResourceAction::Forget);
    }

    #[test]
    fn the_properties_that_change_are_named_once() {
        let detail = |name| {
            let target = ResourceTargetDefinition::builder().name(name).build();
            ResourceChangeDetail::builder().target(target).build()
        };
        let modified =
            change(ChangeAction::Modify).details(detail("Tags")).details(detail("Cpu")).details(detail("Tags"));
        assert_eq!(converted(&modified.build()).reason.as_deref(), Some("Cpu, Tags"));
    }

    #[test]
    fn a_plan_lists_no_more_than_it_may_and_counts_all() {
        let mut plan = InfrastructurePlan::new(&"alpha".parse::<EnvironmentName>().expect("valid"));
        let changes = vec![ResourceChange::new("a", "b", ResourceAction::Replace); InfrastructurePlan::MAX_LISTED + 3];
        record(&mut plan, changes);
        assert_eq!((plan.changes.len(), plan.omitted), (InfrastructurePlan::MAX_LISTED, 3));
        assert_eq!((plan.counts.add, plan.counts.destroy), (2003, 2003));
    }
}
