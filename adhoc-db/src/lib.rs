//! A database for every environment inside one shared Postgres server, reached through a bastion.

mod dump;
mod identifier;
mod postgres;
mod restore;
pub mod tunnel;

#[cfg(feature = "test-util")]
pub mod testing;

pub use dump::DumpSource;
pub use postgres::{Postgres, Session, Tls};
pub use restore::{RestoreOptions, Restored, Skipped, restore};
