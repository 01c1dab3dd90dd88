//! A database for every environment inside one shared Postgres server, reached through a bastion.
//!
//! ```text
//!   your pipeline
//!     │  ensure_database · remove_database            an environment's database and the password of its role
//!     ├──> restore         a dump of any format, in one transaction
//!     ├──> PostgresAdmin   create, drop, list, audit, templates, as the server's master user
//!     │      └──> Session  one connection
//!     │             └──> Postgres   over any byte stream, with TLS that names the real server
//!     │                    └──> Tunnel   Direct · Ssh · OpenSsh · Ssm
//!     ├──> RoleSecrets        where the passwords of roles are kept: GivenPassword, Secrets Manager
//!     └──> CredentialSource   the master user: Credentials, Secrets Manager, an IAM token
//! ```
//!
//! Nothing opens a local port unless [`tunnel::listen`] is asked to, and no password is ever in an argument list, a log, an
//! event or an error. The server needs to be Postgres 14 or later. Its master user needs no superuser rights.
//!
//! # Example
//!
//! A pipeline depends on the traits, and so can be tried without a server:
//!
//! ```
//! use std::sync::Arc;
//! use adhoc_core::testing::{ManualClock, MockDatabaseAdmin};
//! use adhoc_core::{Context, Error, NullSink};
//! use adhoc_db::{Account, CreateDatabase, Created, DatabaseMarker, GivenPassword, ensure_database};
//!
//! # tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap().block_on(async {
//! let mut admin = MockDatabaseAdmin::new();
//! admin.expect_create().returning(|_| Ok(Created::New));
//!
//! let cx = Context::new(Arc::new(ManualClock::new()), Arc::new(NullSink));
//! let account = Account::new("alpha".parse()?, "alpha-db".parse()?, "alpha".parse()?, ("db.internal", 5432));
//! let marker = DatabaseMarker::for_environment(&"alpha".parse()?, cx.clock().now());
//! let request = CreateDatabase::new(account.database.clone(), account.role.clone(), marker);
//!
//! let created = ensure_database(&cx, &admin, &GivenPassword::none(), &account, request).await?;
//! assert_eq!(created, Created::New);
//! # Ok::<_, Error>(())
//! # }).unwrap();
//! ```
//!
//! On a real server, `admin` is a [`PostgresAdmin`]:
//!
//! ```no_run
//! use std::sync::Arc;
//! use adhoc_core::{Credentials, Error, SystemClock};
//! use adhoc_db::tunnel::{Authentication, Ssh, SshConfig};
//! use adhoc_db::{Postgres, PostgresAdmin, Tls};
//!
//! # fn main() -> Result<(), Error> {
//! let clock = Arc::new(SystemClock::new());
//! let bastion = SshConfig::new("bastion.example.com", "ec2-user")
//!     .with_authentication(Authentication::key_file("/home/me/.ssh/id_ed25519"))
//!     .with_known_hosts("/home/me/.ssh/known_hosts");
//! let tls = Tls::verify_full("rds-ca.pem".as_ref())?;
//! let server = Postgres::new(Arc::new(Ssh::new(clock.clone(), bastion)), clock, "dev-rds.internal", 5432, tls);
//! let admin = PostgresAdmin::new(server, Arc::new(Credentials::new("postgres", "from somewhere safe".to_owned())));
//! # Ok(())
//! # }
//! ```

mod admin;
#[cfg(feature = "aws")]
pub mod aws;
mod credentials;
mod dump;
mod environment;
mod identifier;
mod postgres;
mod restore;
pub mod tunnel;

#[cfg(feature = "test-util")]
pub mod testing;

pub use adhoc_core::{
    CreateDatabase, Created, Database, DatabaseAdmin, DatabaseMarker, DatabaseName, DropDatabase, Dropped, RoleName,
    Tunnel, async_trait,
};

pub use admin::{
    AuditReport, DatabaseReach, Limits, LoadTemplate, PostgresAdmin, Proof, RoleAudit, TemporaryLogin, template_owner,
};
pub use credentials::{Account, CredentialSource, GivenPassword, RoleSecrets};
pub use dump::DumpSource;
pub use environment::{ensure_database, remove_database};
pub use postgres::{Canceller, Postgres, Roots, Session, Tls};
pub use restore::{RestoreOptions, Restored, Skipped, restore};
