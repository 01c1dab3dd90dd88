use std::cmp::Reverse;
use std::fmt;

use serde::Serialize;

/// Something of which an account has only so much, and every environment takes some.
///
/// The defaults are those of AWS's pages, for accounts whose own quotas cannot be read:
/// - <https://docs.aws.amazon.com/elasticloadbalancing/latest/application/load-balancer-limits.html>
/// - <https://docs.aws.amazon.com/AmazonECS/latest/developerguide/service-quotas.html>
/// - <https://docs.aws.amazon.com/general/latest/gr/ecs-service.html>
/// - <https://docs.aws.amazon.com/cloud-map/latest/dg/cloud-map-limits.html>
/// - <https://docs.aws.amazon.com/vpc/latest/userguide/amazon-vpc-limits.html>
/// - <https://docs.aws.amazon.com/secretsmanager/latest/userguide/reference_limits.html>
/// - <https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/cloudwatch_limits_cwl.html>
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum QuotaKind {
    /// Rules of the shared load balancer, without its default rules.
    ListenerRules,
    /// Target groups of the shared load balancer.
    TargetGroups,
    /// Target groups in the region.
    TargetGroupsInRegion,
    /// Instances that are registered in the Cloud Map namespace: tasks that others look up.
    CloudMapInstances,
    /// CPU of Fargate on demand, in CPU units.
    FargateCpu,
    /// CPU of Fargate Spot, in CPU units.
    FargateSpotCpu,
    /// ECS clusters in the region.
    Clusters,
    /// Network interfaces in the region, of which each task has one.
    NetworkInterfaces,
    /// Addresses in the shared private subnets, of which each task has one.
    SubnetAddresses,
    /// Secrets in the region.
    Secrets,
    /// CloudWatch log groups in the region.
    LogGroups,
    /// Connections to the shared database server.
    DatabaseConnections,
}

impl QuotaKind {
    /// Those that an AWS account has; the connections of a database are known to the database.
    pub const OF_AWS: [Self; 11] = [
        Self::ListenerRules,
        Self::TargetGroups,
        Self::TargetGroupsInRegion,
        Self::CloudMapInstances,
        Self::FargateCpu,
        Self::FargateSpotCpu,
        Self::Clusters,
        Self::NetworkInterfaces,
        Self::SubnetAddresses,
        Self::Secrets,
        Self::LogGroups,
    ];

    /// The service and the code under which Service Quotas has it; none where it has none, or none that can be raised.
    #[must_use]
    pub fn code(self) -> Option<(&'static str, &'static str)> {
        match self {
            Self::ListenerRules => Some(("elasticloadbalancing", "L-7EED9B64")),
            Self::TargetGroups => Some(("elasticloadbalancing", "L-822D1B1B")),
            Self::TargetGroupsInRegion => Some(("elasticloadbalancing", "L-B22855CB")),
            Self::FargateCpu => Some(("fargate", "L-3032A538")),
            Self::FargateSpotCpu => Some(("fargate", "L-36FBB829")),
            Self::Clusters => Some(("ecs", "L-21C621EB")),
            Self::NetworkInterfaces => Some(("vpc", "L-DF5E4CA3")),
            Self::CloudMapInstances
            | Self::SubnetAddresses
            | Self::Secrets
            | Self::LogGroups
            | Self::DatabaseConnections => None,
        }
    }

    /// AWS's default; none where there is nothing that all accounts have.
    #[must_use]
    pub fn default_limit(self) -> Option<u64> {
        match self {
            Self::ListenerRules | Self::TargetGroups => Some(100),
            Self::TargetGroupsInRegion => Some(3_000),
            Self::CloudMapInstances => Some(2_000),
            Self::FargateCpu | Self::FargateSpotCpu => Some(6 * 1024),
            Self::Clusters => Some(10_000),
            Self::NetworkInterfaces => Some(5_000),
            Self::Secrets => Some(500_000),
            Self::LogGroups => Some(1_000_000),
            Self::SubnetAddresses | Self::DatabaseConnections => None,
        }
    }

    /// What an environment takes that `terraform/ad-hoc` makes with its defaults: five services of one task each, seven task
    /// definitions with a log group each, two target groups, three rules, one service in Cloud Map, one secret.
    #[must_use]
    pub fn built_in_need(self) -> u64 {
        match self {
            Self::ListenerRules => 3,
            Self::TargetGroups | Self::TargetGroupsInRegion => 2,
            Self::NetworkInterfaces | Self::SubnetAddresses => 5,
            Self::LogGroups => 7,
            Self::FargateSpotCpu => 5 * 256,
            Self::FargateCpu => 0,
            Self::CloudMapInstances | Self::Clusters | Self::Secrets => 1,
            Self::DatabaseConnections => 20,
        }
    }

    /// Whether amounts are CPU units, of which 1024 are a vCPU.
    #[must_use]
    pub fn is_cpu(self) -> bool {
        matches!(self, Self::FargateCpu | Self::FargateSpotCpu)
    }
}

impl fmt::Display for QuotaKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::ListenerRules => "listener rules",
            Self::TargetGroups => "target groups of the load balancer",
            Self::TargetGroupsInRegion => "target groups in the region",
            Self::CloudMapInstances => "Cloud Map instances",
            Self::FargateCpu => "Fargate vCPU",
            Self::FargateSpotCpu => "Fargate Spot vCPU",
            Self::Clusters => "clusters",
            Self::NetworkInterfaces => "network interfaces",
            Self::SubnetAddresses => "private addresses",
            Self::Secrets => "secrets",
            Self::LogGroups => "log groups",
            Self::DatabaseConnections => "database connections",
        })
    }
}

/// Where a number comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum QuotaSource {
    /// It was read.
    Account,
    /// AWS's default stands in, because the account's own could not be read.
    Default,
}

/// A quota, what is used of it, and what one more environment takes. CPU is in CPU units.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Quota {
    /// Of what.
    pub kind: QuotaKind,
    /// How much there may be.
    pub limit: u64,
    /// How much there is.
    pub used: u64,
    /// How much one more environment takes.
    pub per_environment: u64,
    /// Where the limit comes from.
    pub source: QuotaSource,
    /// Whether what one takes was measured on those that are there; else it is the built-in need.
    pub measured: bool,
}

impl Quota {
    /// A quota that was read, of which an environment takes the built-in need.
    #[must_use]
    pub fn new(kind: QuotaKind, limit: u64, used: u64) -> Self {
        let per_environment = kind.built_in_need();
        Self { kind, limit, used, per_environment, source: QuotaSource::Account, measured: false }
    }

    /// Says that the limit is AWS's default.
    #[must_use]
    pub fn with_source(mut self, source: QuotaSource) -> Self {
        self.source = source;
        self
    }

    /// Sets what an environment takes, if that was measured.
    #[must_use]
    pub fn with_measured(mut self, per_environment: Option<u64>) -> Self {
        if let Some(per_environment) = per_environment {
            (self.per_environment, self.measured) = (per_environment, true);
        }
        self
    }

    /// How much is left.
    #[must_use]
    pub fn left(&self) -> u64 {
        self.limit.saturating_sub(self.used)
    }

    /// How many more environments fit; none where an environment takes nothing of it.
    #[must_use]
    pub fn fits(&self) -> Option<u64> {
        self.left().checked_div(self.per_environment)
    }
}

/// Sorts quotas by which runs out first; where two do at once, the fuller one is first.
pub fn sort_by_what_binds(quotas: &mut [Quota]) {
    let fullness = |quota: &Quota| quota.used.saturating_mul(1_000).checked_div(quota.limit).unwrap_or(u64::MAX);
    quotas.sort_by_key(|quota| (quota.fits().is_none(), quota.fits(), Reverse(fullness(quota)), quota.kind));
}

/// The quota that runs out first, if any can.
#[must_use]
pub fn binding(quotas: &[Quota]) -> Option<&Quota> {
    quotas.iter().filter(|quota| quota.fits().is_some()).min_by_key(|quota| (quota.fits(), quota.kind))
}

/// The middle one of what environments take: one that was scaled up does not speak for all.
#[must_use]
pub fn median(mut amounts: Vec<u64>) -> Option<u64> {
    amounts.sort_unstable();
    // Of two in the middle the greater one: rather one environment too few than a failing one.
    amounts.get(amounts.len() / 2).copied()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn as_many_fit_as_are_left_whole() {
        let rules = Quota::new(QuotaKind::ListenerRules, 100, 9);
        assert_eq!((rules.left(), rules.fits()), (91, Some(30)));
        assert_eq!(Quota::new(QuotaKind::ListenerRules, 100, 130).fits(), Some(0));
        assert_eq!(Quota::new(QuotaKind::FargateCpu, 100, 0).fits(), None, "environments are on Spot");
        assert_eq!(rules.with_measured(Some(7)).fits(), Some(13));
    }

    #[test]
    fn what_runs_out_first_is_first_and_what_cannot_is_last() {
        let mut quotas = vec![
            Quota::new(QuotaKind::FargateCpu, 6 * 1024, 0),
            Quota::new(QuotaKind::Clusters, 10_000, 3),
            Quota::new(QuotaKind::TargetGroups, 100, 40),
            Quota::new(QuotaKind::ListenerRules, 100, 10),
        ];
        assert_eq!(binding(&quotas).map(|quota| quota.kind), Some(QuotaKind::ListenerRules));
        sort_by_what_binds(&mut quotas);
        let kinds: Vec<QuotaKind> = quotas.iter().map(|quota| quota.kind).collect();
        // 30 each, but target groups are fuller.
        let expected = [QuotaKind::TargetGroups, QuotaKind::ListenerRules, QuotaKind::Clusters, QuotaKind::FargateCpu];
        assert_eq!(kinds, expected);
    }

    #[test]
    fn the_median_is_no_mean() {
        assert_eq!(median(vec![5, 100, 4]), Some(5));
        assert_eq!(median(vec![4, 6]), Some(6));
        assert_eq!(median(Vec::new()), None);
    }

    proptest! {
        #[test]
        fn what_fits_does_fit_and_one_more_does_not(limit in 0..1_000_000u64, used in 0..1_000_000u64, each in 1..1000u64) {
            let quota = Quota::new(QuotaKind::Clusters, limit, used).with_measured(Some(each));
            let fits = quota.fits().expect("takes some");
            prop_assert!(fits == 0 || used + fits * each <= limit);
            prop_assert!(used + (fits + 1) * each > limit);
        }
    }
}
