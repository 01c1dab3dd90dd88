//! Terraform workspaces, one for each short-lived environment.

mod failure;
mod lock;
pub mod stream;

pub use lock::LockInfo;
pub use stream::{Diagnostic, Message};
