use adhoc_core::{Error, FixedResponse, ListenerRule, ListenerRules, NewListenerRule, Result, Tags, async_trait};
use aws_sdk_elasticloadbalancingv2::Client;
use aws_sdk_elasticloadbalancingv2::error::ProvideErrorMetadata;
use aws_sdk_elasticloadbalancingv2::types::{
    Action, ActionTypeEnum, FixedResponseActionConfig, ForwardActionConfig, HostHeaderConditionConfig,
    LoadBalancerTypeEnum, Rule, RuleCondition, Tag, TagDescription,
};
use futures_util::future::try_join_all;

use super::error::from_sdk;

const HOST: &str = "host-header";

/// Rules of application load balancers on AWS. Only those that answer by themselves are given with their tags, since tags cost a
/// request of their own.
#[derive(Clone)]
pub struct AwsListenerRules {
    client: Client,
}

impl AwsListenerRules {
    /// On the account and region of `client`.
    #[must_use]
    pub fn new(client: Client) -> Self {
        Self { client }
    }

    /// With the region, credentials and endpoint of `config`.
    #[must_use]
    pub fn on_aws(config: &aws_types::SdkConfig) -> Self {
        Self::new(Client::new(config))
    }

    async fn load_balancers(&self) -> Result<Vec<String>> {
        let pages = self.client.describe_load_balancers().into_paginator().items().send();
        let found: Vec<_> = pages
            .collect::<std::result::Result<_, _>>()
            .await
            .map_err(|error| from_sdk("DescribeLoadBalancers", "", &error))?;
        let of_http = found.into_iter().filter(|it| it.r#type() == Some(&LoadBalancerTypeEnum::Application));
        Ok(of_http.filter_map(|it| it.load_balancer_arn).collect())
    }

    async fn listeners(&self, load_balancer: String) -> Result<Vec<String>> {
        let request = self.client.describe_listeners().load_balancer_arn(&load_balancer);
        let found: Vec<_> = request
            .into_paginator()
            .items()
            .send()
            .collect::<std::result::Result<_, _>>()
            .await
            .map_err(|error| from_sdk("DescribeListeners", &load_balancer, &error))?;
        Ok(found.into_iter().filter_map(|it| it.listener_arn).collect())
    }

    async fn rules(&self, listener: String) -> Result<Vec<ListenerRule>> {
        let request = self.client.describe_rules().listener_arn(&listener);
        let found: Vec<Rule> = request
            .into_paginator()
            .items()
            .send()
            .collect::<std::result::Result<_, _>>()
            .await
            .map_err(|error| from_sdk("DescribeRules", &listener, &error))?;
        Ok(found.iter().filter_map(|it| rule(it, &listener)).collect())
    }

    /// The rule with its tags; none if it is gone by now.
    async fn tagged(&self, rule: ListenerRule) -> Result<Option<ListenerRule>> {
        let reply = match self.client.describe_tags().resource_arns(&rule.arn).send().await {
            Ok(reply) => reply,
            Err(error) if error.code() == Some("RuleNotFound") => return Ok(None),
            Err(error) => return Err(from_sdk("DescribeTags", &rule.arn, &error)),
        };
        let tags = reply.tag_descriptions().iter().flat_map(TagDescription::tags);
        let tags = tags.filter_map(|tag| Some((tag.key()?.to_owned(), tag.value().unwrap_or_default().to_owned())));
        let tags: Tags = tags.collect();
        Ok(Some(rule.with_tags(tags)))
    }
}

/// A rule; none if it is its listener's default one.
fn rule(from: &Rule, listener: &str) -> Option<ListenerRule> {
    let priority = from.priority()?.parse().ok()?;
    let hosts = from.conditions().iter().filter(|it| it.field() == Some(HOST)).flat_map(hosts).collect();
    let groups = from.actions().iter().flat_map(target_groups).collect();
    let rule = ListenerRule::new(from.rule_arn()?, listener, priority).with_hosts(hosts).with_target_groups(groups);
    Some(rule.with_response(from.actions().iter().find_map(response)))
}

/// AWS gives hosts in either member, or in both.
fn hosts(condition: &RuleCondition) -> Vec<String> {
    let values = condition.host_header_config().map(HostHeaderConditionConfig::values).unwrap_or_default();
    if values.is_empty() { condition.values().to_vec() } else { values.to_vec() }
}

fn target_groups(action: &Action) -> Vec<String> {
    let weighted = action.forward_config().map(ForwardActionConfig::target_groups).unwrap_or_default();
    let mut arns: Vec<String> = weighted.iter().filter_map(|it| it.target_group_arn().map(str::to_owned)).collect();
    arns.extend(action.target_group_arn().filter(|arn| !arns.iter().any(|known| known == arn)).map(str::to_owned));
    arns
}

fn response(action: &Action) -> Option<FixedResponse> {
    let config = action.fixed_response_config()?;
    let status = config.status_code()?.parse().ok()?;
    let text = |value: Option<&str>| value.unwrap_or_default().to_owned();
    Some(FixedResponse::found(status, text(config.content_type()), text(config.message_body())))
}

fn action(response: &FixedResponse) -> Action {
    let config = FixedResponseActionConfig::builder()
        .status_code(response.status.to_string())
        .content_type(&response.content_type)
        .message_body(&response.body);
    Action::builder().r#type(ActionTypeEnum::FixedResponse).fixed_response_config(config.build()).build()
}

fn condition(hosts: &[String]) -> RuleCondition {
    let hosts = HostHeaderConditionConfig::builder().set_values(Some(hosts.to_vec())).build();
    RuleCondition::builder().field(HOST).host_header_config(hosts).build()
}

#[async_trait]
impl ListenerRules for AwsListenerRules {
    async fn list(&self) -> Result<Vec<ListenerRule>> {
        let listeners = self.load_balancers().await?.into_iter().map(|arn| self.listeners(arn));
        let listeners = try_join_all(listeners).await?.into_iter().flatten();
        let rules = try_join_all(listeners.map(|arn| self.rules(arn))).await?.into_iter().flatten();
        let (answering, forwarding): (Vec<_>, Vec<_>) = rules.partition(|rule| rule.response.is_some());
        let answering = try_join_all(answering.into_iter().map(|rule| self.tagged(rule))).await?;
        Ok(forwarding.into_iter().chain(answering.into_iter().flatten()).collect())
    }

    async fn create(&self, rule: &NewListenerRule) -> Result<String> {
        let tags = rule.tags.iter().map(|(key, value)| Tag::builder().key(key).value(value).build()).collect();
        let request = self
            .client
            .create_rule()
            .listener_arn(&rule.listener)
            .priority(i32::try_from(rule.priority).unwrap_or(i32::MAX))
            .conditions(condition(&rule.hosts))
            .actions(action(&rule.response))
            .set_tags(Some(tags));
        let reply = request.send().await.map_err(|error| match error.code() {
            Some("PriorityInUse") => {
                let reason = format!("priority {} is taken", rule.priority);
                Error::conflict("CreateRule", &rule.listener, reason)
            }
            _ => from_sdk("CreateRule", &rule.listener, &error),
        })?;
        let arn = reply.rules().first().and_then(Rule::rule_arn).map(str::to_owned);
        arn.ok_or_else(|| Error::unavailable("CreateRule", &rule.listener, "the answer holds no rule"))
    }

    async fn delete(&self, arn: &str) -> Result<()> {
        match self.client.delete_rule().rule_arn(arn).send().await {
            Ok(_) => Ok(()),
            Err(error) if error.code() == Some("RuleNotFound") => Ok(()),
            Err(error) => Err(from_sdk("DeleteRule", arn, &error)),
        }
    }
}
