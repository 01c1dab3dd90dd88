//! How many more environments an account has room for.

use std::collections::{BTreeMap, BTreeSet};

use adhoc_core::{
    Context, Error, Quota, QuotaKind, QuotaSource, Quotas, Result, Service, ServiceUsage, median, sort_by_what_binds,
};
use futures_util::stream::{self, StreamExt};

use crate::usage::{active_services, usage_of};
use crate::{Ecs, Environment};

/// How many kinds, and how many environments, are read at once.
const AT_ONCE: usize = 8;

/// What there is room for.
#[derive(Debug)]
#[non_exhaustive]
pub struct QuotaReport {
    /// The quotas, by what runs out first.
    pub quotas: Vec<Quota>,
    /// Those that could not be read, and for which there is no default; or whose use could not be read.
    pub unknown: Vec<(QuotaKind, Error)>,
    /// Why AWS's default stands in for the account's own quota; none where AWS has no quota of that kind to tell.
    pub defaults: Vec<(QuotaKind, Error)>,
    /// On how many running environments it was measured what one takes.
    pub measured: usize,
}

/// Reads the quotas of AWS, what is used of them, and what the environments that run take: the median of these is what one
/// more is expected to take. Changes nothing. What cannot be read costs its own line only.
///
/// # Errors
///
/// [`Error::Cancelled`].
pub async fn quotas(cx: &Context, ecs: &Ecs, quotas: &dyn Quotas, environments: &[Environment]) -> Result<QuotaReport> {
    cx.step("quotas", async {
        let reads = stream::iter(QuotaKind::OF_AWS).map(|kind| async move { (kind, read(quotas, kind).await) });
        let reads = reads.buffered(AT_ONCE).collect::<Vec<_>>();
        let (reads, needs) = tokio::join!(reads, needs(cx, ecs, environments));
        cx.ensure_not_cancelled()?;
        Ok(report(reads, &needs))
    })
    .await
}

/// A quota, and why AWS's default stands in for its limit.
type Read = Result<(Quota, Option<Error>)>;

async fn read(quotas: &dyn Quotas, kind: QuotaKind) -> Read {
    let (limit, used) = tokio::join!(quotas.limit(kind), quotas.used(kind));
    let used = used?;
    match (limit, kind.default_limit()) {
        (Ok(limit), _) => Ok((Quota::new(kind, limit, used), None)),
        (Err(error), Some(default)) => {
            let why = Some(error).filter(|error| !matches!(error, Error::NotFound(_)));
            Ok((Quota::new(kind, default, used).with_source(QuotaSource::Default), why))
        }
        (Err(error), None) => Err(error),
    }
}

fn report(reads: Vec<(QuotaKind, Read)>, needs: &[BTreeMap<QuotaKind, u64>]) -> QuotaReport {
    let mut report =
        QuotaReport { quotas: Vec::new(), unknown: Vec::new(), defaults: Vec::new(), measured: needs.len() };
    for (kind, read) in reads {
        match read {
            Ok((quota, why)) => {
                let measured = needs.iter().filter_map(|need| need.get(&kind).copied()).collect();
                report.quotas.push(quota.with_measured(median(measured)));
                report.defaults.extend(why.map(|error| (kind, error)));
            }
            Err(error) => report.unknown.push((kind, error)),
        }
    }
    sort_by_what_binds(&mut report.quotas);
    report
}

/// What each environment takes. One of which nothing runs tells nothing.
async fn needs(cx: &Context, ecs: &Ecs, environments: &[Environment]) -> Vec<BTreeMap<QuotaKind, u64>> {
    let looks = environments.iter().map(|environment| async move {
        match need(ecs, environment).await {
            Ok(need) => need,
            Err(error) => {
                let name = &environment.name;
                cx.hint(format!("what {name} takes could not be measured: {}", error.chain().join(": ")));
                None
            }
        }
    });
    stream::iter(looks).buffered(AT_ONCE).filter_map(async |need| need).collect().await
}

async fn need(ecs: &Ecs, environment: &Environment) -> Result<Option<BTreeMap<QuotaKind, u64>>> {
    let services = active_services(ecs, environment).await?;
    let usage = usage_of(ecs, &services).await?;
    Ok(usage.iter().any(|usage| usage.tasks > 0).then(|| need_of(&services, &usage)))
}

/// What can be seen of an environment: the CPU and network interfaces of its tasks, and its target groups.
fn need_of(services: &[Service], usage: &[ServiceUsage]) -> BTreeMap<QuotaKind, u64> {
    let tasks: u64 = usage.iter().map(|usage| u64::from(usage.tasks)).sum();
    let cpu = |count: fn(&ServiceUsage) -> u32| -> u64 {
        let fargate = usage.iter().filter(|usage| usage.fargate);
        fargate.map(|usage| u64::from(usage.cpu) * u64::from(count(usage))).sum()
    };
    let groups: BTreeSet<&String> = services.iter().flat_map(|service| &service.target_groups).collect();
    let groups = u64::try_from(groups.len()).unwrap_or(u64::MAX);
    BTreeMap::from([
        (QuotaKind::FargateSpotCpu, cpu(|usage| usage.spot_tasks)),
        (QuotaKind::FargateCpu, cpu(|usage| usage.tasks.saturating_sub(usage.spot_tasks))),
        (QuotaKind::NetworkInterfaces, tasks),
        (QuotaKind::SubnetAddresses, tasks),
        (QuotaKind::TargetGroups, groups),
        (QuotaKind::TargetGroupsInRegion, groups),
    ])
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use adhoc_core::testing::{
        FakeLogs, FakeNetwork, FakeServices, FakeTaskDefinitions, FakeTasks, ManualClock, MockQuotas, RecordingSink,
    };
    use adhoc_core::{Conventions, LaunchMode};
    use serde_json::json;

    use super::*;

    /// `alpha` with one service of so many tasks, of half a vCPU each, on demand.
    fn alpha(tasks: u32) -> (Ecs, [Environment; 1]) {
        let (definitions, services) = (FakeTaskDefinitions::default(), FakeServices::default());
        let document = json!({"family": "alpha-gunicorn", "cpu": "512", "memory": "1024", "containerDefinitions": []});
        let definition = definitions.insert(document.as_object().expect("object").clone());
        let mut service = Service::new("alpha-gunicorn".into(), definition.arn()).with_counts(tasks, tasks, 0);
        service.launch = LaunchMode::LaunchType("FARGATE".to_owned());
        service.target_groups = vec!["api".to_owned(), "api".to_owned(), "static".to_owned(), "web".to_owned()];
        services.insert(service);
        let ecs = Ecs::new(
            Arc::new(definitions),
            Arc::new(FakeTasks::default()),
            Arc::new(services),
            Arc::new(FakeLogs::default()),
            Arc::new(FakeNetwork::default()),
        );
        (ecs, [Environment::new("alpha".parse().expect("valid"), Conventions::default())])
    }

    /// An account that tells some of its limits, and all that is used but the log groups.
    fn account() -> MockQuotas {
        let mut account = MockQuotas::new();
        account.expect_limit().returning(|kind| match kind {
            QuotaKind::FargateCpu => Ok(20 * 1024),
            QuotaKind::ListenerRules => Err(Error::permission_denied("GetServiceQuota", "L-1", "no")),
            _ => Err(Error::not_found("GetServiceQuota", "", "none")),
        });
        account.expect_used().returning(|kind| match kind {
            QuotaKind::LogGroups => Err(Error::permission_denied("DescribeLogGroups", "", "no")),
            QuotaKind::FargateCpu => Ok(2 * 1024),
            _ => Ok(10),
        });
        account
    }

    async fn report(tasks: u32) -> QuotaReport {
        let (ecs, environments) = alpha(tasks);
        let cx = Context::new(Arc::new(ManualClock::new()), Arc::new(RecordingSink::default()));
        quotas(&cx, &ecs, &account(), &environments).await.expect("a report")
    }

    fn of(report: &QuotaReport, kind: QuotaKind) -> &Quota {
        report.quotas.iter().find(|quota| quota.kind == kind).expect("known")
    }

    #[tokio::test]
    async fn one_more_environment_takes_what_those_take_that_run() {
        let report = report(2).await;
        let cpu = of(&report, QuotaKind::FargateCpu);
        assert_eq!((cpu.per_environment, cpu.measured, cpu.fits()), (1024, true, Some(18)));
        let groups = of(&report, QuotaKind::TargetGroups);
        assert_eq!((groups.per_environment, groups.fits()), (3, Some(30)), "a group is counted once");
        assert!(!of(&report, QuotaKind::ListenerRules).measured);
        assert_eq!((report.measured, report.quotas[0].kind), (1, QuotaKind::FargateCpu));
    }

    #[tokio::test]
    async fn what_sleeps_is_no_measure() {
        let report = report(0).await;
        let spot = of(&report, QuotaKind::FargateSpotCpu);
        assert_eq!((report.measured, spot.measured, spot.per_environment), (0, false, 5 * 256));
    }

    #[tokio::test]
    async fn what_cannot_be_read_costs_its_own_line_only() {
        let report = report(1).await;
        let unknown: Vec<QuotaKind> = report.unknown.iter().map(|(kind, _)| *kind).collect();
        assert_eq!(unknown, [QuotaKind::SubnetAddresses, QuotaKind::LogGroups], "addresses have no default");
        let rules = of(&report, QuotaKind::ListenerRules);
        assert_eq!((rules.limit, rules.source), (100, QuotaSource::Default));
        let refused: Vec<QuotaKind> = report.defaults.iter().map(|(kind, _)| *kind).collect();
        assert_eq!(refused, [QuotaKind::ListenerRules], "AWS not knowing a quota needs no word");
        assert_eq!(of(&report, QuotaKind::FargateCpu).source, QuotaSource::Account);
    }
}
