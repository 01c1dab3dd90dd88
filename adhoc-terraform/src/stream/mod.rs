//! What Terraform says while it works: its [machine-readable UI](https://developer.hashicorp.com/terraform/internals/machine-readable-ui),
//! a JSON object a line.

mod collector;
mod diagnostic;
mod lines;
mod message;
mod wire;

pub(crate) use collector::Collector;
pub use diagnostic::{Diagnostic, Location, Severity};
pub(crate) use diagnostic::{one_line, shortened};
pub(crate) use lines::read_lines;
pub use message::{ChangeSummary, Message, OutputChange, PlannedResource, ResourceHook};
