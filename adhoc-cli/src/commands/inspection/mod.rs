//! What is known before a change: checks, quotas, costs.

mod cost;
mod quota;
mod verify;

use adhoc_core::{EnvironmentName, Result};

pub(super) use self::cost::{cost, daily_costs};
pub(super) use self::quota::quota;
pub(super) use self::verify::verify;

use super::Session;

/// Every environment that has a cluster, but for the shared one.
async fn environments(session: &Session) -> Result<Vec<EnvironmentName>> {
    let conventions = &session.config.conventions;
    let clusters = session.clusters.list().await?;
    let names = clusters.iter().filter_map(|cluster| conventions.environment_of_cluster(&cluster.name));
    let mut names: Vec<_> = names.filter(|name| name.as_str() != conventions.shared).collect();
    names.sort();
    Ok(names)
}
