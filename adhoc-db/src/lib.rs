//! A database for every environment inside one shared Postgres server, reached through a bastion.

mod identifier;
mod postgres;
pub mod tunnel;

#[cfg(feature = "test-util")]
pub mod testing;

pub use postgres::{Postgres, Session, Tls};
