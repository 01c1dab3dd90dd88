//! Secrets Manager: secrets, their versions and staging labels, tags, and deletion with a recovery window.

mod api;
mod list;
mod secret;
mod store;

pub(crate) use store::{Secrets, seeded_arn};
