use std::collections::BTreeMap;

use adhoc_core::{Error, Outcome, QuotaKind, Service};

use super::Finding;
use super::definitions::Family;
use crate::account::Account;
use crate::usage::service_usage;

/// While services are rolled, old and new tasks run side by side: that much CPU has to be left.
pub(super) async fn surge(account: &Account, families: &[Family], services: &[Service]) -> Vec<Finding> {
    let needs = needs(families, services);
    let mut findings = Vec::new();
    for (kind, needed) in needs.into_iter().filter(|(_, needed)| *needed > 0) {
        let (limit, used) = tokio::join!(account.quotas.limit(kind), account.quotas.used(kind));
        findings.push(match (limit, used) {
            (Ok(limit), Ok(used)) => judge(kind, limit, used, needed),
            // A default would be a guess: it differs from account to account.
            (Err(Error::NotFound(_)), _) => {
                Finding::skipped("quota", kind.to_string(), "the account's quota is not known")
            }
            (Err(error), _) => Finding::of_error("quota", kind.to_string(), "servicequotas", &error),
            (_, Err(error)) => Finding::of_error("quota", kind.to_string(), "ecs", &error),
        });
    }
    findings
}

/// The CPU of one more set of tasks, in CPU units. A stopped service is started with one.
fn needs(families: &[Family], services: &[Service]) -> BTreeMap<QuotaKind, u64> {
    let mut needs = BTreeMap::new();
    for service in services {
        let family =
            families.iter().find(|family| family.definition.family().as_str() == service.task_definition.family());
        let Some(family) = family else { continue };
        let mut started = service.clone();
        started.desired_count = service.desired_count.max(1);
        let usage = service_usage(&started, &family.definition);
        if usage.fargate {
            let cpu = u64::from(usage.cpu);
            *needs.entry(QuotaKind::FargateSpotCpu).or_default() += cpu * u64::from(usage.spot_tasks);
            *needs.entry(QuotaKind::FargateCpu).or_default() += cpu * u64::from(usage.tasks - usage.spot_tasks);
        }
    }
    needs
}

fn judge(kind: QuotaKind, limit: u64, used: u64, needed: u64) -> Finding {
    let left = limit.saturating_sub(used);
    let said = format!("{} of {} left, an update takes {} for a while", vcpu(left), vcpu(limit), vcpu(needed));
    match left >= needed {
        true => Finding::ok("quota", kind.to_string(), said),
        false => Finding::failed("quota", kind.to_string(), Outcome::TaskNotStarted, said)
            .with_hint("stop an environment, or ask for more in Service Quotas"),
    }
}

fn vcpu(units: u64) -> String {
    let hundredths = units * 100 / 1024;
    format!("{}.{:02}", hundredths / 100, hundredths % 100)
}
