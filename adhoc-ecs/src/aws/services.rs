use std::collections::HashMap;

use adhoc_core::{
    ClusterName, Error, Result, Service, ServiceDeployment, ServiceName, ServiceUpdate, Services, TaskDefinitionArn,
    async_trait,
};
use aws_sdk_ecs::Client;
use aws_sdk_ecs::config::retry::RetryConfig;
use aws_sdk_ecs::operation::describe_service_revisions::DescribeServiceRevisionsOutput;
use aws_sdk_ecs::types::ServiceDeploymentBrief;
use futures_util::future::try_join_all;

use super::convert;
use super::error::from_sdk;

/// `DescribeServices` takes no more.
const BATCH: usize = 10;

/// `DescribeServiceRevisions` takes no more.
const REVISION_BATCH: usize = 20;

/// Services on AWS.
#[derive(Clone)]
pub struct AwsServices {
    client: Client,
}

impl AwsServices {
    /// On the account and region of `client`.
    #[must_use]
    pub fn new(client: Client) -> Self {
        Self { client }
    }

    async fn describe_batch(&self, cluster: &ClusterName, services: &[ServiceName]) -> Result<Vec<Service>> {
        let names = services.iter().map(|name| name.as_str().to_owned()).collect();
        let request = self.client.describe_services().cluster(cluster.as_str()).set_services(Some(names));
        let reply = request.send().await.map_err(|error| from_sdk("DescribeServices", cluster.as_str(), &error))?;
        let failures = reply.failures().iter().filter(|failure| failure.reason() != Some("MISSING"));
        let failures: Vec<String> = failures.map(convert::failure).collect();
        if failures.is_empty() {
            Ok(reply.services().iter().map(convert::service).collect())
        } else {
            Err(Error::rejected("DescribeServices", cluster.as_str(), failures.join("; ")))
        }
    }

    /// The task definition of each service revision.
    async fn revisions(&self, arns: Vec<String>, service: &ServiceName) -> Result<HashMap<String, TaskDefinitionArn>> {
        let batches = arns.chunks(REVISION_BATCH).map(|batch| {
            self.client.describe_service_revisions().set_service_revision_arns(Some(batch.to_vec())).send()
        });
        let replies = try_join_all(batches)
            .await
            .map_err(|error| from_sdk("DescribeServiceRevisions", service.as_str(), &error))?;
        let revisions =
            replies.iter().flat_map(DescribeServiceRevisionsOutput::service_revisions).filter_map(|revision| {
                let definition = TaskDefinitionArn::new(revision.task_definition()?);
                Some((revision.service_revision_arn()?.to_owned(), definition))
            });
        Ok(revisions.collect())
    }
}

#[async_trait]
impl Services for AwsServices {
    async fn describe(&self, cluster: &ClusterName, services: &[ServiceName]) -> Result<Vec<Service>> {
        let batches = services.chunks(BATCH).map(|batch| self.describe_batch(cluster, batch));
        Ok(try_join_all(batches).await?.into_iter().flatten().collect())
    }

    async fn update(&self, update: &ServiceUpdate) -> Result<Service> {
        let definition = update.task_definition.as_ref().map(|arn| arn.as_str().to_owned());
        let count = update.desired_count.map(|count| i32::try_from(count).unwrap_or(i32::MAX));
        let request = self
            .client
            .update_service()
            .cluster(update.cluster.as_str())
            .service(update.service.as_str())
            .set_task_definition(definition)
            .set_desired_count(count)
            .set_force_new_deployment(update.force_new_deployment.then_some(true));
        let mut config = aws_sdk_ecs::Config::builder();
        if update.force_new_deployment {
            // Sent twice, it would make two deployments. Without force the second one changes nothing.
            config = config.retry_config(RetryConfig::disabled());
        }
        let reply = request.customize().config_override(config).send().await;
        let reply = reply.map_err(|error| from_sdk("UpdateService", update.service.as_str(), &error))?;
        let service = reply.service().map(convert::service);
        service
            .ok_or_else(|| Error::unavailable("UpdateService", update.service.as_str(), "the answer holds no service"))
    }

    async fn history(
        &self,
        cluster: &ClusterName,
        service: &ServiceName,
        limit: u16,
    ) -> Result<Vec<ServiceDeployment>> {
        let request = self.client.list_service_deployments().cluster(cluster.as_str()).service(service.as_str());
        let reply = request.max_results(limit.into()).send().await;
        let reply = reply.map_err(|error| from_sdk("ListServiceDeployments", service.as_str(), &error))?;
        let mut briefs: Vec<&ServiceDeploymentBrief> = reply.service_deployments().iter().collect();
        briefs.sort_by_key(|brief| std::cmp::Reverse(brief.created_at().map(|at| (at.secs(), at.subsec_nanos()))));
        let mut arns: Vec<String> =
            briefs.iter().filter_map(|brief| brief.target_service_revision_arn()).map(str::to_owned).collect();
        arns.sort();
        arns.dedup();
        let revisions = self.revisions(arns, service).await?;
        let entry = |brief: &&ServiceDeploymentBrief| {
            let definition = brief.target_service_revision_arn().and_then(|arn| revisions.get(arn)).cloned();
            let arn = brief.service_deployment_arn().unwrap_or_default();
            ServiceDeployment::new(arn, convert::deployment_status(brief.status()))
                .with_task_definition(definition)
                .with_created_at(convert::timestamp(brief.created_at()))
                .with_reason(brief.status_reason().map(str::to_owned))
        };
        Ok(briefs.iter().map(entry).collect())
    }

    async fn list(&self, cluster: &ClusterName) -> Result<Vec<ServiceName>> {
        let pages = self.client.list_services().cluster(cluster.as_str()).into_paginator().items().send();
        let arns: Vec<String> = pages
            .collect::<std::result::Result<_, _>>()
            .await
            .map_err(|error| from_sdk("ListServices", cluster.as_str(), &error))?;
        let name = |arn: &String| ServiceName::new(arn.rsplit_once('/').map_or(arn.as_str(), |(_, name)| name));
        Ok(arns.iter().map(name).collect())
    }
}
