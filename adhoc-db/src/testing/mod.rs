//! Fixtures that start real servers on loopback, unprivileged and in a folder of their own, and stop them when dropped.
//!
//! They need PostgreSQL and OpenSSH on the machine: on the PATH, or where distributions put them.

mod postgres;
mod process;
mod seed;
mod sshd;

pub use postgres::PostgresFixture;
pub use seed::seed_sql;
pub use sshd::{SshdFixture, SshdOptions};
