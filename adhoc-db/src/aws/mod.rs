//! Where the server, the bastion and the passwords are on AWS. SDK types do not leave this module, except that each adapter
//! is made from a configuration.

mod error;
mod iam;
mod instance_connect;
mod lookup;
mod secrets;
mod session_manager;

pub use self::iam::IamToken;
pub use self::instance_connect::InstanceConnect;
pub use self::lookup::{Bastion, RdsInstance, find_bastion, find_rds_instance};
pub use self::secrets::{SecretCredentials, SecretsManagerPasswords};
pub use self::session_manager::SessionManager;
