//! CloudWatch Logs.

mod api;
mod groups;
mod store;
mod stream;

pub(crate) use api::Place;
pub(crate) use store::LogStore;
