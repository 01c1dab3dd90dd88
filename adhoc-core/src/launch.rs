//! On what tasks run: launch types and capacity providers.

/// On what tasks run.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum LaunchMode {
    /// Whatever the cluster's default is.
    ClusterDefault,
    /// `FARGATE`, `EC2` or `EXTERNAL`.
    LaunchType(String),
    /// Capacity providers: the only way to Fargate Spot.
    Strategy(Vec<CapacityProviderItem>),
}

/// One member of a capacity provider strategy.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct CapacityProviderItem {
    /// Such as `FARGATE_SPOT`.
    pub provider: String,
    /// Its share of the tasks beyond all bases.
    pub weight: i32,
    /// How many tasks it gets first.
    pub base: i32,
}

impl CapacityProviderItem {
    /// A member.
    pub fn new(provider: impl Into<String>, weight: i32, base: i32) -> Self {
        Self { provider: provider.into(), weight, base }
    }
}
