//! What is known of an environment's life, and where it is kept: in tags of its cluster. What follows from it, and what it
//! costs and takes.

mod cost;
mod extension;
mod inventory;
mod marks;
mod money;
mod prices;
mod quota;
mod span;
mod sweep;
mod tags;

pub use cost::{
    CostItem, DatabaseUsage, InstanceUsage, ServiceUsage, SharedUsage, cost_of_services, cost_of_shared, daily_cost,
    total_cost,
};
pub use extension::extended_until;
pub use inventory::{
    DatabaseRecord, EnvironmentRecord, EnvironmentState, Inventory, ObservedCluster, ObservedWorkspace, Part,
    ServiceCounts,
};
pub use marks::{NewEnvironment, begin_create, begin_destroy, finish_create};
pub use money::Money;
pub use prices::{PriceTable, Prices, RegionalPrices};
pub use quota::{Quota, QuotaKind, QuotaSource, binding, median, sort_by_what_binds};
pub use span::roughly;
pub use sweep::{SweepAction, SweepDecision, SweepPolicy, Warning, decide};
pub use tags::{EnvironmentTags, TagKey, Unfinished};
