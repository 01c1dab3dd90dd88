//! A database for every environment inside one shared Postgres server, reached through a bastion.

mod admin;
#[cfg(feature = "aws")]
pub mod aws;
mod credentials;
mod environment;
mod identifier;
mod postgres;
pub mod tunnel;

#[cfg(feature = "test-util")]
pub mod testing;

pub use adhoc_core::{
    CreateDatabase, Created, Database, DatabaseAdmin, DatabaseMarker, DatabaseName, Dropped, RoleName, Tunnel,
    async_trait,
};

pub use admin::{
    AuditReport, DatabaseReach, Limits, LoadTemplate, PostgresAdmin, Proof, RoleAudit, TemporaryLogin, template_owner,
};
pub use credentials::{Account, CredentialSource, GivenPassword, RoleSecrets};
pub use environment::{ensure_database, remove_database};
pub use postgres::{Canceller, Postgres, Session, Tls};
