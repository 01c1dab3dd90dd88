//! Terraform workspaces, one for each short-lived environment.

pub mod stream;

pub use stream::{Diagnostic, Message};
