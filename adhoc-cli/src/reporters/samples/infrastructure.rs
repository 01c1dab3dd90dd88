//! Plans of Terraform's, and the work on resources.

use adhoc_core::{ChangeCounts, Event, InfrastructurePlan, ResourceAction, ResourceChange, ResourcePhase};

fn change(address: &str, action: ResourceAction, reason: Option<&str>) -> ResourceChange {
    let name = address.rsplit("module.").next().unwrap_or(address);
    let kind = name.split('.').rev().nth(1).unwrap_or(name);
    ResourceChange::new(address, kind, action).with_reason(reason.map(str::to_owned))
}

/// A plan with every action.
pub(crate) fn infrastructure_plan() -> InfrastructurePlan {
    let mut plan = InfrastructurePlan::new(&"alpha".parse().expect("valid"));
    plan.has_changes = true;
    plan.counts = ChangeCounts { add: 3, change: 1, destroy: 3, import: 1 };
    plan.changes = vec![
        change("module.network.aws_subnet.private[\"eu-central-1a\"]", ResourceAction::Create, None),
        change("aws_ecs_service.gunicorn", ResourceAction::Update, None),
        change("aws_cloudwatch_log_group.old", ResourceAction::Move, None),
        change("aws_lb_target_group.web", ResourceAction::Replace, Some("cannot_update")),
        change("aws_sns_topic.mails", ResourceAction::Delete, Some("delete_because_no_resource_config")),
        change("data.aws_iam_policy_document.task", ResourceAction::Read, Some("read_because_dependency_pending")),
        change("aws_s3_bucket.media", ResourceAction::Import, None),
        change("aws_instance.nat", ResourceAction::Replace, Some("tainted")),
        change("aws_iam_role.legacy", ResourceAction::Forget, None),
        change("aws_kms_key.secrets", ResourceAction::Other, Some("rotated_by_hand")),
        change("aws_vpc.this", ResourceAction::None, None),
    ];
    plan.drift = vec![
        change("aws_ecs_service.gunicorn", ResourceAction::Update, None),
        change("aws_security_group_rule.ssh", ResourceAction::Delete, None),
    ];
    plan.outputs = [("url", ResourceAction::Create), ("cluster", ResourceAction::Update)]
        .map(|(name, action)| (name.to_owned(), action))
        .into();
    plan.omitted = 3;
    plan
}

/// A plan that creates and destroys many resources of nine types.
pub(crate) fn large_plan(creates: usize, destroys: usize) -> InfrastructurePlan {
    let types = ["subnet", "route", "subnet", "eip", "nat_gateway", "lb", "lb_listener", "route53_record", "iam_role"];
    let resource = |index: usize, action, reason| {
        let kind = if index % 20 == 19 { "acm_certificate" } else { types[index % types.len()] };
        change(&format!("module.network.aws_{kind}.this[{index}]"), action, reason)
    };
    let mut plan = InfrastructurePlan::new(&"alpha".parse().expect("valid"));
    plan.has_changes = true;
    let number = |number: usize| u64::try_from(number).expect("few");
    plan.counts = ChangeCounts { add: number(creates), destroy: number(destroys), ..ChangeCounts::default() };
    plan.changes = (0..creates).map(|index| resource(index, ResourceAction::Create, None)).collect();
    let gone = Some("delete_because_no_resource_config");
    plan.changes.extend((0..destroys).map(|index| resource(index, ResourceAction::Delete, gone)));
    plan
}

/// The work on a resource.
pub(crate) fn resource(address: &str, action: ResourceAction, phase: ResourcePhase, elapsed_ms: u64) -> Event {
    Event::ResourceProgress { address: address.to_owned(), action, phase, elapsed_ms }
}

/// A plan, and work in each of its phases.
pub(super) fn events() -> Vec<Event> {
    let mut plan = infrastructure_plan();
    plan.reference = Some("alpha.plan".to_owned());
    vec![
        Event::InfrastructurePlan(Box::new(plan)),
        resource("aws_nat_gateway.this", ResourceAction::Create, ResourcePhase::Started, 0),
        resource("aws_nat_gateway.this", ResourceAction::Create, ResourcePhase::Progressing, 60_000),
        resource("aws_nat_gateway.this", ResourceAction::Create, ResourcePhase::Finished, 95_000),
        resource("aws_instance.nat", ResourceAction::Delete, ResourcePhase::Finished, 12_300),
        resource("aws_ecs_service.gunicorn", ResourceAction::Update, ResourcePhase::Failed, 3_000),
    ]
}
