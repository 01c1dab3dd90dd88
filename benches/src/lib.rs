//! What the benches share: a large task definition, the typed alternative to cloning it, and the anatomy of an update.

mod anatomy;
mod definition;

pub use anatomy::{Anatomy, Calls, dissect};
pub use definition::{TypedDefinition, large_definition};
