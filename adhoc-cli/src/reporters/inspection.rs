//! What the commands have found that look before a change.

mod cost;
mod quota;
mod verify;

pub(crate) use self::cost::{CostGroup, CostReport, CostRow};
pub(crate) use self::quota::{QuotaRow, QuotaTable, UnknownQuota};
pub(crate) use self::verify::{FindingRow, VerifyReport};
