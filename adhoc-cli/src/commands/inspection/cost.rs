use std::path::Path;

use adhoc_core::{
    CostItem, DatabaseUsage, EnvironmentName, Error, InstanceUsage, Money, PriceTable, RegionalPrices, Result,
    ServiceUsage, SharedUsage, Summary, cost_of_services, cost_of_shared, daily_cost, total_cost,
};
use adhoc_db::aws::{RdsInstance, find_bastion, find_rds_instance};
use adhoc_ecs::aws::AwsShared;
use adhoc_ecs::environment_usage;
use futures_util::stream::{self, StreamExt};

use super::{Session, environments};
use crate::args::CostArgs;
use crate::reporters::{CostGroup, CostReport, CostRow};

/// How many environments are looked into at once.
const AT_ONCE: usize = 8;

/// `adhoc cost`.
pub(in crate::commands) async fn cost(args: &CostArgs, session: &Session) -> Summary {
    let report = report(args, session).await.and_then(|report| {
        serde_json::to_value(report).map_err(|error| Error::internal("", "cost", "has no JSON form").with_source(error))
    });
    let mut summary = Summary::new("cost");
    if let Some(environment) = &args.environment {
        summary = summary.with_environment(environment.as_str());
    }
    match report {
        Ok(report) => {
            summary.result = Some(report);
            summary
        }
        Err(error) => summary.with_error(&error),
    }
}

/// What each of these environments costs per day, in the order of their names; none for one that cannot be read.
///
/// # Errors
///
/// Those of the table of prices.
pub(in crate::commands) async fn daily_costs(
    session: &Session,
    names: &[&EnvironmentName],
) -> Result<Vec<Option<Money>>> {
    let (table, _) = session.config.cost.table(None)?;
    let region = region(session);
    let prices = table.in_region(&region);
    let usages = usages(session, names).await;
    Ok(usages.into_iter().map(|usage| Some(daily_cost(&usage.ok()?, &prices))).collect())
}

fn region(session: &Session) -> String {
    session.sdk.region().map(ToString::to_string).unwrap_or_default()
}

async fn usages(session: &Session, names: &[&EnvironmentName]) -> Vec<Result<Vec<ServiceUsage>>> {
    let reads =
        names.iter().map(|name| async move { environment_usage(&session.ecs, &session.environment(name)).await });
    stream::iter(reads).buffered(AT_ONCE).collect().await
}

async fn report(args: &CostArgs, session: &Session) -> Result<CostReport> {
    let (table, file) = session.config.cost.table(args.prices.as_deref())?;
    let region = region(session);
    let prices = table.in_region(&region);
    let mut report = empty(&table, file.as_deref(), &region);
    match &args.environment {
        Some(name) => {
            let environment = session.environment(name);
            let usage = environment_usage(&session.ecs, &environment);
            let items = cost_of_services(&session.cx.step("costs", usage).await?, &prices);
            report.environments.push(group(name.as_str(), &items));
        }
        None => session.cx.step("costs", all(session, &prices, &mut report)).await?,
    }
    report.per_day = report.environments.iter().chain(&report.shared).map(|group| group.per_day).sum();
    Ok(report)
}

fn empty(table: &PriceTable, file: Option<&Path>, region: &str) -> CostReport {
    CostReport {
        prices_as_of: table.as_of.clone(),
        prices_from: file.map(|file| file.display().to_string()),
        region: region.to_owned(),
        per_day: Money::default(),
        environments: Vec::new(),
        shared: None,
        unreadable: Vec::new(),
    }
}

/// Every environment, and what they share. What cannot be read is missing, and said to be.
async fn all(session: &Session, prices: &RegionalPrices<'_>, report: &mut CostReport) -> Result<()> {
    let names = environments(session).await?;
    let names: Vec<&EnvironmentName> = names.iter().collect();
    let (usages, (shared, problems)) = tokio::join!(usages(session, &names), shared(session));
    for (name, usage) in names.into_iter().zip(usages) {
        match usage {
            Ok(usage) => report.environments.push(group(name.as_str(), &cost_of_services(&usage, prices))),
            Err(error) => report.unreadable.push(format!("{name}: {}", error.chain().join(": "))),
        }
    }
    report.shared = Some(group(&session.config.conventions.shared, &cost_of_shared(&shared, prices)));
    report.unreadable.extend(problems.iter().map(|error| error.chain().join(": ")));
    Ok(())
}

async fn shared(session: &Session) -> (SharedUsage, Vec<Error>) {
    let conventions = &session.config.conventions;
    let (server, bastion) = (conventions.rds_instance(), conventions.bastion());
    let network = AwsShared::on_aws(&session.sdk, conventions);
    let ((mut usage, mut problems), database, instance) =
        tokio::join!(network.usage(), find_rds_instance(&session.sdk, &server), find_bastion(&session.sdk, &bastion),);
    match database {
        Ok(found) => usage.databases.push(database_usage(&server, &found)),
        // A project may do without it.
        Err(Error::NotFound(_)) => {}
        Err(error) => problems.push(error),
    }
    match instance {
        Ok(found) => {
            usage.public_addresses += u32::from(found.public_address.is_some());
            usage.instances.push(InstanceUsage::new(bastion, found.instance_type.unwrap_or_default()));
        }
        Err(Error::NotFound(_)) => {}
        Err(error) => problems.push(error),
    }
    (usage, problems)
}

fn database_usage(name: &str, found: &RdsInstance) -> DatabaseUsage {
    DatabaseUsage::new(name, found.class.clone().unwrap_or_default(), found.storage_gb)
        .with_standby(found.multi_az)
        .with_running(found.status.as_deref() != Some("stopped"))
}

fn group(name: &str, items: &[CostItem]) -> CostGroup {
    let (per_day, is_incomplete) = total_cost(items);
    CostGroup { name: name.to_owned(), per_day, is_incomplete, items: items.iter().map(row).collect() }
}

fn row(item: &CostItem) -> CostRow {
    CostRow {
        name: item.name.clone(),
        detail: item.detail.clone(),
        per_day: item.per_day,
        priced_in: item.priced_in.clone(),
    }
}
