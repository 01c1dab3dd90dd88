//! The maintenance page on an AWS that nobody here wrote: moto, from PyPI.
//!
//! `ADHOC_TEST_VENV` names the virtual environment that has it; `scripts/test` makes one.

#![cfg(feature = "account")]
#![expect(clippy::unwrap_used, reason = "a helper that fails is a test that fails")]

#[path = "support/moto.rs"]
mod moto;
mod support;

use adhoc_core::testing::RecordingSink;
use adhoc_core::{Context, Error, FixedResponse, ListenerRules, NewListenerRule, SystemClock};
use adhoc_ecs::aws::AwsListenerRules;
use adhoc_ecs::{maintenance_off, maintenance_on};
use aws_sdk_ecs::types::{ContainerDefinition, LoadBalancer};
use aws_sdk_elasticloadbalancingv2::Client;
use aws_sdk_elasticloadbalancingv2::types::{
    Action, ActionTypeEnum, HostHeaderConditionConfig, ProtocolEnum, Rule, RuleCondition,
};
use moto::Moto;
use std::sync::Arc;
use support::alpha;

fn forward(group: &str) -> Action {
    Action::builder().r#type(ActionTypeEnum::Forward).target_group_arn(group).build()
}

fn host(host: &str) -> RuleCondition {
    let hosts = HostHeaderConditionConfig::builder().values(host).build();
    RuleCondition::builder().field("host-header").host_header_config(hosts).build()
}

/// A load balancer whose one listener forwards to alpha from priority 8 on, and to beta at 7.
async fn load_balancer(moto: &Moto, elb: &Client) -> (String, String) {
    let ec2 = aws_sdk_ec2::Client::new(&moto.config);
    let subnets = ec2.describe_subnets().send().await.unwrap();
    let vpc = subnets.subnets()[0].vpc_id().unwrap().to_owned();
    let subnets = subnets.subnets().iter().take(2).filter_map(|subnet| subnet.subnet_id().map(str::to_owned)).collect();
    let made = elb.create_load_balancer().name("dev").set_subnets(Some(subnets)).send().await.unwrap();
    let balancer = made.load_balancers()[0].load_balancer_arn().unwrap().to_owned();
    let mut groups = Vec::new();
    for name in ["alpha-api", "beta-api"] {
        let request = elb.create_target_group().name(name).protocol(ProtocolEnum::Http).port(80).vpc_id(&vpc);
        let made = request.send().await.unwrap();
        groups.push(made.target_groups()[0].target_group_arn().unwrap().to_owned());
    }
    let request = elb.create_listener().load_balancer_arn(&balancer).protocol(ProtocolEnum::Http).port(80);
    let made = request.default_actions(forward(&groups[1])).send().await.unwrap();
    let listener = made.listeners()[0].listener_arn().unwrap().to_owned();
    for (priority, name, group) in [(8, "alpha", 0), (25_004, "alpha", 0), (7, "beta", 1)] {
        let request = elb.create_rule().listener_arn(&listener).priority(priority).actions(forward(&groups[group]));
        request.conditions(host(&format!("{name}.example.com"))).send().await.unwrap();
    }
    (listener, groups.swap_remove(0))
}

/// The cluster of alpha, with one service in a target group.
async fn service(moto: &Moto, target_group: &str) {
    let ecs = aws_sdk_ecs::Client::new(&moto.config);
    ecs.create_cluster().cluster_name("alpha-cluster").send().await.unwrap();
    let container = ContainerDefinition::builder().name("gunicorn").image("backend:v1").memory(64).build();
    let request = ecs.register_task_definition().family("alpha-gunicorn").container_definitions(container);
    request.send().await.unwrap();
    let target = LoadBalancer::builder().target_group_arn(target_group).container_name("gunicorn").container_port(80);
    let request = ecs.create_service().cluster("alpha-cluster").service_name("alpha-gunicorn").desired_count(1);
    request.task_definition("alpha-gunicorn").load_balancers(target.build()).send().await.unwrap();
}

async fn rules_of(elb: &Client, listener: &str) -> Vec<Rule> {
    elb.describe_rules().listener_arn(listener).send().await.unwrap().rules.unwrap()
}

#[tokio::test]
async fn the_page_is_one_more_rule_and_goes_without_a_trace_on_moto() {
    let Some(moto) = Moto::start().await else { return };
    let elb = Client::new(&moto.config);
    let (listener, target_group) = load_balancer(&moto, &elb).await;
    service(&moto, &target_group).await;
    let before = rules_of(&elb, &listener).await;
    let cx = Context::new(Arc::new(SystemClock::new()), Arc::new(RecordingSink::default()));
    let rules = AwsListenerRules::on_aws(&moto.config);
    let page = FixedResponse::new(503, "text/html", "<h1>Soon & better</h1>").unwrap();

    let report = maintenance_on(&cx, &moto.ecs, &rules, &alpha(), &page).await.unwrap();
    assert_eq!((report.made, report.hosts.iter().map(String::as_str).collect()), (1, vec!["alpha.example.com"]));
    let now = rules_of(&elb, &listener).await;
    let made: Vec<&Rule> = now.iter().filter(|rule| !before.contains(rule)).collect();
    let [made] = made.as_slice() else { panic!("{made:?}") };
    assert_eq!((made.priority(), now.len()), (Some("6"), before.len() + 1));
    let answer = made.actions()[0].fixed_response_config().unwrap();
    assert_eq!((answer.status_code(), answer.message_body()), (Some("503"), Some("<h1>Soon & better</h1>")));
    assert_eq!(maintenance_on(&cx, &moto.ecs, &rules, &alpha(), &page).await.unwrap().made, 0);

    let taken = NewListenerRule::new(&listener, 8, vec!["x.example.com".to_owned()], page);
    let error = rules.create(&taken).await.unwrap_err();
    assert!(matches!(error, Error::Conflict(_)), "{error:?}");

    let arn = made.rule_arn().unwrap().to_owned();
    assert_eq!(maintenance_off(&cx, &rules, &alpha().name).await.unwrap(), 1);
    assert_eq!(maintenance_off(&cx, &rules, &alpha().name).await.unwrap(), 0);
    rules.delete(&arn).await.unwrap();
    assert_eq!(rules_of(&elb, &listener).await, before);
}

#[tokio::test]
async fn an_environment_without_a_load_balancer_has_no_page_on_moto() {
    let Some(moto) = Moto::start().await else { return };
    let cx = Context::new(Arc::new(SystemClock::new()), Arc::new(RecordingSink::default()));
    let rules = AwsListenerRules::on_aws(&moto.config);
    let page = FixedResponse::new(503, "text/plain", "soon").unwrap();
    let error = maintenance_on(&cx, &moto.ecs, &rules, &alpha(), &page).await.unwrap_err();
    assert!(matches!(error, Error::NotFound(_)), "{error:?}");
    assert_eq!(maintenance_off(&cx, &rules, &alpha().name).await.unwrap(), 0);
}
