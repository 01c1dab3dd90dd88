//! What an account holds beside ECS.

mod dependencies;
mod images;
mod quotas;
mod routes;
mod shared;

use std::sync::Arc;

use adhoc_core::Conventions;
use aws_types::SdkConfig;
use aws_types::region::Region;

pub use dependencies::AwsDependencies;
pub use images::AwsImages;
pub use quotas::AwsQuotas;
pub use routes::AwsRoutes;
pub use shared::AwsShared;

use crate::Account;

impl Account {
    /// Everything on AWS, with the region, credentials and endpoint of `config`. The network that environments share is the
    /// one that carries the tags of `conventions`.
    #[must_use]
    pub fn on_aws(config: &SdkConfig, conventions: &Conventions) -> Self {
        Self::new(
            Arc::new(AwsImages::on_aws(config)),
            Arc::new(AwsDependencies::on_aws(config)),
            Arc::new(AwsRoutes::on_aws(config)),
            Arc::new(AwsQuotas::on_aws(config, conventions)),
        )
    }
}

/// The same account in another region, if one is named.
fn in_region(config: &SdkConfig, region: Option<&str>) -> SdkConfig {
    match region {
        Some(region) => config.to_builder().region(Region::new(region.to_owned())).build(),
        None => config.clone(),
    }
}
