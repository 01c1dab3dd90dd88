use adhoc_core::{
    DatabaseAdmin, Error, Quota, QuotaKind, QuotaSource, Result, Summary, binding, median, sort_by_what_binds,
};
use adhoc_ecs::QuotaReport;
use adhoc_ecs::aws::AwsQuotas;

use super::{Session, environments};
use crate::args::QuotaArgs;
use crate::commands::db::Databases;
use crate::reporters::{QuotaRow, QuotaTable, UnknownQuota};

/// `adhoc quota`.
pub(in crate::commands) async fn quota(_args: &QuotaArgs, session: &Session) -> Summary {
    let table = read(session).await.map(|report| table(&report)).and_then(|table| {
        serde_json::to_value(table).map_err(|error| Error::internal("", "quota", "has no JSON form").with_source(error))
    });
    let mut summary = Summary::new("quota");
    match table {
        Ok(table) => {
            summary.result = Some(table);
            summary
        }
        Err(error) => summary.with_error(&error),
    }
}

async fn read(session: &Session) -> Result<QuotaReport> {
    let names = session.cx.step("clusters", environments(session)).await?;
    let environments: Vec<_> = names.iter().map(|name| session.environment(name)).collect();
    let quotas = AwsQuotas::on_aws(&session.sdk, &session.config.conventions);
    let of_aws = adhoc_ecs::quotas(&session.cx, &session.ecs, &quotas, &environments);
    let (report, connections) = tokio::join!(of_aws, connections(session));
    let mut report = report?;
    match connections {
        Ok(connections) => report.quotas.extend(connections),
        Err(error @ Error::Cancelled(_)) => return Err(error),
        Err(error) => report.unknown.push((QuotaKind::DatabaseConnections, error)),
    }
    sort_by_what_binds(&mut report.quotas);
    Ok(report)
}

/// The connections of the shared database server; none where the configuration names no server. One more environment is
/// expected to open as many as the median of those that have some open now.
async fn connections(session: &Session) -> Result<Option<Quota>> {
    if session.config.database.is_none() {
        return Ok(None);
    }
    let read = async {
        let databases = Databases::open(&session.cx, &session.global, &session.config).await?;
        let read = async { Ok((databases.admin.limits().await?, databases.admin.list().await?)) };
        let read: Result<_> = read.await;
        databases.close().await;
        read
    };
    let (limits, found) = session.cx.step("databases", read).await?;
    let ours = found.iter().filter(|database| database.marker.is_some() && database.connections > 0);
    let each = median(ours.map(|database| database.connections.into()).collect());
    let quota = Quota::new(QuotaKind::DatabaseConnections, limits.max_connections.into(), limits.connections.into());
    Ok(Some(quota.with_measured(each)))
}

fn table(report: &QuotaReport) -> QuotaTable {
    let binds = binding(&report.quotas);
    let unknown =
        |(kind, error): &(QuotaKind, Error)| UnknownQuota { quota: kind.to_string(), reason: error.chain().join(": ") };
    QuotaTable {
        environments_that_fit: binds.and_then(Quota::fits),
        binding: binds.map(|quota| quota.kind.to_string()),
        measured_on: report.measured,
        quotas: report.quotas.iter().map(row).collect(),
        defaults: report.defaults.iter().map(unknown).collect(),
        unknown: report.unknown.iter().map(unknown).collect(),
    }
}

fn row(quota: &Quota) -> QuotaRow {
    QuotaRow {
        quota: quota.kind.to_string(),
        unit: if quota.kind.is_cpu() { "cpu_units" } else { "count" }.to_owned(),
        limit: quota.limit,
        used: quota.used,
        left: quota.left(),
        per_environment: quota.per_environment,
        fits: quota.fits(),
        is_default: quota.source == QuotaSource::Default,
        is_measured: quota.measured,
    }
}
