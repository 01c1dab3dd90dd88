//! A page instead of the application: rules of the load balancer that answer by themselves, in front of an environment's own.

mod page;

use std::collections::{BTreeMap, BTreeSet};

use adhoc_core::{
    Context, EnvironmentName, Error, FixedResponse, ListenerRule, ListenerRules, NewListenerRule, Result, Tags,
};

use crate::{Ecs, Environment};

pub use self::page::MaintenancePage;

/// The tag by which our rules are found again; its value is the environment's name.
const TAG: &str = "adhoc:maintenance";

/// A rule of a load balancer may hold five hosts and paths in all.
const HOSTS: usize = 5;

/// What switching the maintenance page on has done.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct MaintenanceReport {
    /// The hosts that answer with the page.
    pub hosts: BTreeSet<String>,
    /// How many rules were made; none where the page was there already.
    pub made: usize,
}

/// Lets load balancers answer every request to an environment with `page`.
///
/// The rules that forward to the target groups of the environment's services tell on which listeners it is reached, and under
/// which hosts. On each of them, one more rule with these hosts is made in front of them. The environment's own rules, target groups
/// and tasks are not touched, so that its infrastructure has not drifted, and health checks go on. Safe to repeat; another page
/// replaces the former one without a gap.
///
/// # Errors
///
/// [`Error::NotFound`] if no rule with a host forwards to the environment; [`Error::Rejected`] if there is no priority left in
/// front of its rules; those of the backends. What was made before stays, and so it does when this is cancelled:
/// [`maintenance_off`] removes it.
pub async fn maintenance_on(
    cx: &Context,
    ecs: &Ecs,
    rules: &dyn ListenerRules,
    environment: &Environment,
    page: &FixedResponse,
) -> Result<MaintenanceReport> {
    let all = rules.list().await?;
    let sites = sites(&all, &target_groups(ecs, environment).await?);
    if sites.is_empty() {
        let reason = "no rule of a load balancer forwards a host to its services";
        return Err(Error::not_found("maintenance", environment.name.as_str(), reason)
            .with_hint("the page takes the place of hosts: an environment that has none cannot have it"));
    }
    let ours: Vec<&ListenerRule> = all.iter().filter(|rule| is_of(rule, &environment.name)).collect();
    let (mut report, mut kept) = (MaintenanceReport::default(), Vec::new());
    for (listener, site) in &sites {
        let hosts: Vec<String> = site.hosts.iter().cloned().collect();
        for hosts in hosts.chunks(HOSTS) {
            cx.ensure_not_cancelled()?;
            let there = ours.iter().find(|rule| rule.listener == *listener && site.is_covered(rule, hosts, page));
            match there {
                Some(rule) => kept.push(rule.arn.as_str()),
                None => {
                    let rule = NewListenerRule::new(*listener, 0, hosts.to_vec(), page.clone());
                    make(rules, rule.with_tags(tags(&environment.name)), site, &all).await?;
                    report.made += 1;
                }
            }
        }
        report.hosts.extend(hosts);
    }
    // Only now, so that no request meets the application in between.
    for rule in ours.iter().filter(|rule| !kept.contains(&rule.arn.as_str())) {
        rules.delete(&rule.arn).await?;
    }
    Ok(report)
}

/// Lets requests reach an environment again, and gives the number of rules that were removed. Safe to repeat, and also right for an
/// environment that is no more.
///
/// # Errors
///
/// Those of the backend. What was removed before stays so.
pub async fn maintenance_off(cx: &Context, rules: &dyn ListenerRules, environment: &EnvironmentName) -> Result<usize> {
    let ours: Vec<ListenerRule> = rules.list().await?.into_iter().filter(|rule| is_of(rule, environment)).collect();
    for rule in &ours {
        cx.ensure_not_cancelled()?;
        rules.delete(&rule.arn).await?;
    }
    Ok(ours.len())
}

fn is_of(rule: &ListenerRule, environment: &EnvironmentName) -> bool {
    rule.tags.get(TAG).is_some_and(|name| name == environment.as_str())
}

fn tags(environment: &EnvironmentName) -> Tags {
    [(TAG.to_owned(), environment.to_string()), ("Name".to_owned(), format!("{environment}-maintenance"))].into()
}

async fn target_groups(ecs: &Ecs, environment: &Environment) -> Result<BTreeSet<String>> {
    let cluster = environment.cluster();
    let names = ecs.services.list(&cluster).await?;
    let services = ecs.services.describe(&cluster, &names).await?;
    Ok(services.into_iter().flat_map(|service| service.target_groups).collect())
}

/// How an environment is reached on one listener.
struct Site {
    hosts: BTreeSet<String>,
    /// The priority of the first of its rules.
    first: u32,
}

impl Site {
    /// Whether `rule` is already what these hosts need.
    fn is_covered(&self, rule: &ListenerRule, hosts: &[String], page: &FixedResponse) -> bool {
        let same_hosts = rule.hosts.iter().collect::<BTreeSet<_>>() == hosts.iter().collect();
        same_hosts && rule.response.as_ref() == Some(page) && rule.priority < self.first
    }
}

fn sites<'a>(all: &'a [ListenerRule], target_groups: &BTreeSet<String>) -> BTreeMap<&'a str, Site> {
    let mut sites = BTreeMap::new();
    let forwards = |rule: &&ListenerRule| rule.target_groups.iter().any(|arn| target_groups.contains(arn));
    for rule in all.iter().filter(forwards).filter(|rule| !rule.hosts.is_empty()) {
        let site = sites
            .entry(rule.listener.as_str())
            .or_insert_with(|| Site { hosts: BTreeSet::new(), first: rule.priority });
        site.hosts.extend(rule.hosts.iter().cloned());
        site.first = site.first.min(rule.priority);
    }
    sites
}

/// Makes the rule at the last free priority before the environment's own rules. Whoever takes one meanwhile has it; that may be a
/// request of ours whose answer was lost, whose rule does no harm.
async fn make(rules: &dyn ListenerRules, mut rule: NewListenerRule, site: &Site, all: &[ListenerRule]) -> Result<()> {
    let listener = rule.listener.clone();
    let is_taken = |priority: &u32| all.iter().any(|known| known.listener == listener && known.priority == *priority);
    for priority in (1..site.first).rev().filter(|priority| !is_taken(priority)) {
        rule.priority = priority;
        match rules.create(&rule).await {
            Err(Error::Conflict(_)) => {}
            made => return made.map(drop),
        }
    }
    let reason = format!("no priority before {} is free", site.first);
    Err(Error::rejected("CreateRule", listener, reason)
        .with_hint("give the environment's own rules higher priorities, such as by `listener_rule_slot`"))
}

#[cfg(test)]
mod tests;
