use adhoc_core::{Dependencies, Dependency, Error, Result, async_trait};
use aws_sdk_ssm::types::ParameterStringFilter;
use aws_types::SdkConfig;

use super::in_region;
use crate::aws::error::from_sdk;

/// Roles, secrets, parameters and log groups of an account.
#[derive(Clone)]
pub struct AwsDependencies {
    config: SdkConfig,
    iam: aws_sdk_iam::Client,
    secrets: aws_sdk_secretsmanager::Client,
    parameters: aws_sdk_ssm::Client,
}

impl AwsDependencies {
    /// With the region, credentials and endpoint of `config`.
    #[must_use]
    pub fn on_aws(config: &SdkConfig) -> Self {
        Self {
            config: config.clone(),
            iam: aws_sdk_iam::Client::new(config),
            secrets: aws_sdk_secretsmanager::Client::new(config),
            parameters: aws_sdk_ssm::Client::new(config),
        }
    }

    async fn role(&self, role: &str) -> Result<()> {
        let name = role.rsplit('/').next().unwrap_or(role);
        let reply = self.iam.get_role().role_name(name).send().await;
        reply.map(drop).map_err(|error| from_sdk("GetRole", name, &error))
    }

    async fn secret(&self, secret: &str) -> Result<()> {
        let reply = self.secrets.describe_secret().secret_id(secret).send().await;
        let found = reply.map_err(|error| from_sdk("DescribeSecret", secret, &error))?;
        match found.deleted_date() {
            None => Ok(()),
            Some(_) => Err(Error::not_found("DescribeSecret", secret, "is about to be deleted")),
        }
    }

    async fn parameter(&self, parameter: &str) -> Result<()> {
        let names = parameter_names(parameter);
        let filter = ParameterStringFilter::builder().key("Name").option("Equals").set_values(Some(names)).build();
        let filter = filter.map_err(|error| {
            Error::internal("DescribeParameters", parameter, "the filter is not whole").with_source(error)
        })?;
        let reply = self.parameters.describe_parameters().parameter_filters(filter).send().await;
        let reply = reply.map_err(|error| from_sdk("DescribeParameters", parameter, &error))?;
        match reply.parameters().is_empty() {
            false => Ok(()),
            true => Err(Error::not_found("DescribeParameters", parameter, "is not there")),
        }
    }

    async fn log_group(&self, name: &str, region: Option<&str>) -> Result<()> {
        let client = aws_sdk_cloudwatchlogs::Client::new(&in_region(&self.config, region));
        let pages = client.describe_log_groups().log_group_name_prefix(name).into_paginator().items().send();
        let found: Vec<_> = pages
            .collect::<std::result::Result<_, _>>()
            .await
            .map_err(|error| from_sdk("DescribeLogGroups", name, &error))?;
        let mut found = found.iter().map(aws_sdk_cloudwatchlogs::types::LogGroup::log_group_name);
        match found.any(|found| found == Some(name)) {
            true => Ok(()),
            false => Err(Error::not_found("DescribeLogGroups", name, "is not there")),
        }
    }
}

/// The names that a parameter may have: its ARN does not tell whether a name without further slashes begins with one.
fn parameter_names(parameter: &str) -> Vec<String> {
    match parameter.split_once(":parameter/") {
        Some((_, rest)) => vec![rest.to_owned(), format!("/{rest}")],
        None => vec![parameter.to_owned()],
    }
}

#[async_trait]
impl Dependencies for AwsDependencies {
    async fn find(&self, dependency: &Dependency) -> Result<()> {
        match dependency {
            Dependency::Role(role) => self.role(role).await,
            Dependency::Secret(secret) => self.secret(secret).await,
            Dependency::Parameter(parameter) => self.parameter(parameter).await,
            Dependency::LogGroup { name, region } => self.log_group(name, region.as_deref()).await,
            other => Err(Error::invalid("", other.to_string(), "is nothing that can be looked for")),
        }
    }
}
