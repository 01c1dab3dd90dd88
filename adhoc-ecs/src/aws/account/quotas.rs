use adhoc_core::{Conventions, Error, QuotaKind, Quotas, Result, async_trait};
use aws_sdk_ec2::types::Subnet;
use aws_sdk_ecs::types::{LaunchType, Task};
use aws_sdk_secretsmanager::operation::list_secrets::ListSecretsOutput;
use aws_sdk_servicediscovery::operation::list_namespaces::ListNamespacesOutput;
use aws_sdk_servicediscovery::operation::list_services::ListServicesOutput;
use aws_sdk_servicediscovery::types::{NamespaceSummary, ServiceFilter, ServiceFilterName};
use aws_types::SdkConfig;
use futures_util::future::try_join_all;

use super::shared::{AwsShared, vpcs};
use crate::aws::error::from_sdk;

/// `DescribeTasks` takes no more.
const BATCH: usize = 100;

/// AWS keeps five addresses of every subnet. See
/// <https://docs.aws.amazon.com/vpc/latest/userguide/subnet-sizing.html>.
const RESERVED_ADDRESSES: u64 = 5;

/// An account's quotas in one region, and what is used of them.
#[derive(Clone)]
pub struct AwsQuotas {
    shared: AwsShared,
    quotas: aws_sdk_servicequotas::Client,
    ecs: aws_sdk_ecs::Client,
    ec2: aws_sdk_ec2::Client,
    balancers: aws_sdk_elasticloadbalancingv2::Client,
    discovery: aws_sdk_servicediscovery::Client,
    secrets: aws_sdk_secretsmanager::Client,
    logs: aws_sdk_cloudwatchlogs::Client,
}

impl AwsQuotas {
    /// With the region, credentials and endpoint of `config`.
    #[must_use]
    pub fn on_aws(config: &SdkConfig, conventions: &Conventions) -> Self {
        Self {
            shared: AwsShared::on_aws(config, conventions),
            quotas: aws_sdk_servicequotas::Client::new(config),
            ecs: aws_sdk_ecs::Client::new(config),
            ec2: aws_sdk_ec2::Client::new(config),
            balancers: aws_sdk_elasticloadbalancingv2::Client::new(config),
            discovery: aws_sdk_servicediscovery::Client::new(config),
            secrets: aws_sdk_secretsmanager::Client::new(config),
            logs: aws_sdk_cloudwatchlogs::Client::new(config),
        }
    }

    /// The ARNs of the shared load balancers. There is usually one.
    async fn load_balancers(&self) -> Result<Vec<String>> {
        let subnets = self.shared.subnets().await?;
        let found = self.shared.load_balancers(&vpcs(&subnets)).await?;
        let arns: Vec<String> = found.into_iter().filter_map(|balancer| balancer.load_balancer_arn).collect();
        match arns.is_empty() {
            false => Ok(arns),
            true => Err(Error::not_found("DescribeLoadBalancers", "", "the shared network has no load balancer")),
        }
    }

    /// The rules of the fullest load balancer, without default rules.
    async fn listener_rules(&self) -> Result<u64> {
        let balancers = self.load_balancers().await?;
        let counts = try_join_all(balancers.iter().map(|balancer| self.rules_of(balancer))).await?;
        Ok(counts.into_iter().max().unwrap_or_default())
    }

    async fn rules_of(&self, balancer: &str) -> Result<u64> {
        let listeners: Vec<_> = self
            .balancers
            .describe_listeners()
            .load_balancer_arn(balancer)
            .into_paginator()
            .items()
            .send()
            .collect::<std::result::Result<_, _>>()
            .await
            .map_err(|error| from_sdk("DescribeListeners", balancer, &error))?;
        let arns = listeners
            .iter()
            .filter_map(|listener: &aws_sdk_elasticloadbalancingv2::types::Listener| listener.listener_arn());
        let rules = try_join_all(arns.map(|listener| async move {
            let pages = self.balancers.describe_rules().listener_arn(listener).into_paginator().items().send();
            let rules: Vec<_> = pages
                .collect::<std::result::Result<_, _>>()
                .await
                .map_err(|error| from_sdk("DescribeRules", listener, &error))?;
            let own = |rule: &&aws_sdk_elasticloadbalancingv2::types::Rule| rule.is_default() != Some(true);
            Ok::<u64, Error>(amount(rules.iter().filter(own).count()))
        }));
        Ok(rules.await?.into_iter().sum())
    }

    /// The target groups of a load balancer, or of the region.
    async fn target_groups(&self, balancer: Option<&str>) -> Result<u64> {
        let request = self.balancers.describe_target_groups().set_load_balancer_arn(balancer.map(str::to_owned));
        let found: Vec<_> = request
            .into_paginator()
            .items()
            .send()
            .collect::<std::result::Result<_, _>>()
            .await
            .map_err(|error| from_sdk("DescribeTargetGroups", balancer.unwrap_or_default(), &error))?;
        Ok(amount(found.len()))
    }

    async fn target_groups_of_balancer(&self) -> Result<u64> {
        let balancers = self.load_balancers().await?;
        let counts = try_join_all(balancers.iter().map(|balancer| self.target_groups(Some(balancer)))).await?;
        Ok(counts.into_iter().max().unwrap_or_default())
    }

    /// The instances of the fullest namespace: which one environments use is for their infrastructure to know.
    async fn cloud_map_instances(&self) -> Result<u64> {
        let pages: Vec<_> = self
            .discovery
            .list_namespaces()
            .into_paginator()
            .send()
            .collect::<std::result::Result<_, _>>()
            .await
            .map_err(|error| from_sdk("ListNamespaces", "", &error))?;
        let namespaces = pages.iter().flat_map(ListNamespacesOutput::namespaces);
        let ids = namespaces.filter_map(NamespaceSummary::id);
        let counts = try_join_all(ids.map(|namespace| self.instances_of(namespace))).await?;
        counts
            .into_iter()
            .max()
            .ok_or_else(|| Error::not_found("ListNamespaces", "", "there is no Cloud Map namespace"))
    }

    async fn instances_of(&self, namespace: &str) -> Result<u64> {
        let filter = ServiceFilter::builder().name(ServiceFilterName::NamespaceId).values(namespace).build();
        let filter = filter.map_err(|error| {
            Error::internal("ListServices", namespace, "the filter is not whole").with_source(error)
        })?;
        let pages: Vec<_> = self
            .discovery
            .list_services()
            .filters(filter)
            .into_paginator()
            .send()
            .collect::<std::result::Result<_, _>>()
            .await
            .map_err(|error| from_sdk("ListServices", namespace, &error))?;
        let services = pages.iter().flat_map(ListServicesOutput::services);
        let counts = services.filter_map(|service| u64::try_from(service.instance_count()?).ok());
        Ok(counts.sum())
    }

    async fn clusters(&self) -> Result<Vec<String>> {
        let pages = self.ecs.list_clusters().into_paginator().items().send();
        pages.collect::<std::result::Result<_, _>>().await.map_err(|error| from_sdk("ListClusters", "", &error))
    }

    /// The CPU units of all tasks that run on Fargate, on Spot or on demand.
    async fn fargate_cpu(&self, spot: bool) -> Result<u64> {
        let clusters = self.clusters().await?;
        let of_clusters = try_join_all(clusters.iter().map(|cluster| self.tasks(cluster))).await?;
        let tasks = of_clusters.iter().flatten().filter(|task| on_spot(task) == Some(spot));
        Ok(tasks.filter_map(|task| task.cpu()?.parse::<u64>().ok()).sum())
    }

    async fn tasks(&self, cluster: &str) -> Result<Vec<Task>> {
        let pages = self.ecs.list_tasks().cluster(cluster).into_paginator().items().send();
        let arns: Vec<String> = pages
            .collect::<std::result::Result<_, _>>()
            .await
            .map_err(|error| from_sdk("ListTasks", cluster, &error))?;
        let batches = arns.chunks(BATCH).map(|batch| async move {
            let reply = self.ecs.describe_tasks().cluster(cluster).set_tasks(Some(batch.to_vec())).send().await;
            Ok::<_, Error>(reply.map_err(|error| from_sdk("DescribeTasks", cluster, &error))?.tasks.unwrap_or_default())
        });
        Ok(try_join_all(batches).await?.into_iter().flatten().collect())
    }

    async fn network_interfaces(&self) -> Result<u64> {
        let pages = self.ec2.describe_network_interfaces().into_paginator().items().send();
        let found: Vec<_> = pages
            .collect::<std::result::Result<_, _>>()
            .await
            .map_err(|error| from_sdk("DescribeNetworkInterfaces", "", &error))?;
        Ok(amount(found.len()))
    }

    async fn secrets(&self) -> Result<u64> {
        let pages: Vec<_> = self
            .secrets
            .list_secrets()
            .into_paginator()
            .send()
            .collect::<std::result::Result<_, _>>()
            .await
            .map_err(|error| from_sdk("ListSecrets", "", &error))?;
        Ok(amount(pages.iter().map(|page: &ListSecretsOutput| page.secret_list().len()).sum()))
    }

    async fn log_groups(&self) -> Result<u64> {
        let pages = self.logs.describe_log_groups().into_paginator().items().send();
        let found: Vec<_> = pages
            .collect::<std::result::Result<_, _>>()
            .await
            .map_err(|error| from_sdk("DescribeLogGroups", "", &error))?;
        Ok(amount(found.len()))
    }
}

fn amount(number: usize) -> u64 {
    u64::try_from(number).unwrap_or(u64::MAX)
}

/// Whether a task is on Fargate Spot; none if it is not on Fargate.
fn on_spot(task: &Task) -> Option<bool> {
    match task.capacity_provider_name() {
        Some("FARGATE_SPOT") => Some(true),
        Some("FARGATE") => Some(false),
        _ => (task.launch_type() == Some(&LaunchType::Fargate)).then_some(false),
    }
}

/// How many addresses a subnet can give away in all.
fn size(subnet: &Subnet) -> u64 {
    let prefix = subnet.cidr_block().and_then(|cidr| cidr.rsplit_once('/')?.1.parse::<u32>().ok()).unwrap_or(32);
    1_u64.checked_shl(32_u32.saturating_sub(prefix)).unwrap_or_default().saturating_sub(RESERVED_ADDRESSES)
}

fn free(subnet: &Subnet) -> u64 {
    subnet.available_ip_address_count().and_then(|count| u64::try_from(count).ok()).unwrap_or_default()
}

/// A quota as Service Quotas has it, in our unit.
fn in_unit(kind: QuotaKind, value: f64) -> u64 {
    let units = if kind.is_cpu() { value * 1024.0 } else { value };
    // A float that is out of range saturates.
    units as u64
}

#[async_trait]
impl Quotas for AwsQuotas {
    async fn limit(&self, kind: QuotaKind) -> Result<u64> {
        if kind == QuotaKind::SubnetAddresses {
            return Ok(self.shared.subnets().await?.iter().map(size).sum());
        }
        let unknown = || Error::not_found("GetServiceQuota", kind.to_string(), "Service Quotas has none of this name");
        let (service, code) = kind.code().ok_or_else(unknown)?;
        let reply = self.quotas.get_service_quota().service_code(service).quota_code(code).send().await;
        let reply = reply.map_err(|error| from_sdk("GetServiceQuota", code, &error))?;
        let value = reply.quota().and_then(aws_sdk_servicequotas::types::ServiceQuota::value).ok_or_else(unknown)?;
        Ok(in_unit(kind, value))
    }

    async fn used(&self, kind: QuotaKind) -> Result<u64> {
        match kind {
            QuotaKind::ListenerRules => self.listener_rules().await,
            QuotaKind::TargetGroups => self.target_groups_of_balancer().await,
            QuotaKind::TargetGroupsInRegion => self.target_groups(None).await,
            QuotaKind::CloudMapInstances => self.cloud_map_instances().await,
            QuotaKind::FargateCpu => self.fargate_cpu(false).await,
            QuotaKind::FargateSpotCpu => self.fargate_cpu(true).await,
            QuotaKind::Clusters => Ok(amount(self.clusters().await?.len())),
            QuotaKind::NetworkInterfaces => self.network_interfaces().await,
            QuotaKind::SubnetAddresses => {
                Ok(self.shared.subnets().await?.iter().map(|it| size(it).saturating_sub(free(it))).sum())
            }
            QuotaKind::Secrets => self.secrets().await,
            QuotaKind::LogGroups => self.log_groups().await,
            other => Err(Error::not_found("", other.to_string(), "is nothing that AWS counts")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_subnet_holds_what_its_prefix_leaves_less_five() {
        let subnet = |cidr: &str| Subnet::builder().cidr_block(cidr).build();
        assert_eq!((size(&subnet("10.0.0.0/24")), size(&subnet("10.0.0.0/20"))), (251, 4091));
        assert_eq!((size(&subnet("10.0.0.0/32")), size(&subnet("nonsense"))), (0, 0));
    }

    #[test]
    fn quotas_of_cpu_are_in_cpu_units() {
        assert_eq!(in_unit(QuotaKind::FargateCpu, 6.0), 6144);
        assert_eq!(in_unit(QuotaKind::ListenerRules, 100.0), 100);
        assert_eq!(in_unit(QuotaKind::ListenerRules, -1.0), 0);
    }

    #[test]
    fn a_task_is_on_spot_by_its_capacity_provider() {
        let task = |provider: &str| Task::builder().capacity_provider_name(provider).build();
        assert_eq!(on_spot(&task("FARGATE_SPOT")), Some(true));
        assert_eq!(on_spot(&task("hosts")), None);
        assert_eq!(on_spot(&Task::builder().launch_type(LaunchType::Fargate).build()), Some(false));
    }
}
