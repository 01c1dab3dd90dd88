//! Terraform workspaces, one for each short-lived environment.

mod failure;
mod lock;
pub mod stream;
pub mod variables;

pub use lock::LockInfo;
pub use stream::{Diagnostic, Message};
pub use variables::{Declarations, VarFile};
