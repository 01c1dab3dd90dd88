use adhoc_core::Summary;

use super::Surroundings;
use crate::args::DbRestoreArgs;

pub(super) async fn restore(_: &Surroundings<'_>, _: &DbRestoreArgs) -> Summary {
    Summary::new("db restore")
}
