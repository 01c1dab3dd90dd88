//! `[database]`: the server that holds the environments' databases, and the way to it.

use std::path::{Path, PathBuf};

use adhoc_core::{Conventions, DatabaseName, Result};
use serde::Deserialize;
use toml::Spanned;

use super::Source;

/// The server that holds the environments' databases.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct DatabaseConfig {
    /// The way to the server.
    pub(crate) bastion: BastionKind,
    /// The server's name at the far end; that of the RDS instance if none.
    pub(crate) host: Option<String>,
    /// The server's port; that of the RDS instance if none.
    pub(crate) port: Option<u16>,
    /// The master user; that of the secret or the RDS instance if none.
    pub(crate) admin_user: Option<String>,
    /// The database that the master user logs in to.
    pub(crate) admin_database: String,
    /// How the master user proves itself.
    pub(crate) auth: AdminAuth,
    /// What protects the connection.
    pub(crate) tls: TlsMode,
    /// The template that new databases are cloned from.
    pub(crate) template: Option<DatabaseName>,
    /// How many connections an environment's database allows.
    pub(crate) connection_limit: u32,
    /// Extensions that only the master user may install.
    pub(crate) extensions: Vec<String>,
    /// The variable with the password of every environment's role, if they are not kept in Secrets Manager.
    pub(crate) role_password_env: Option<String>,
    /// `[database.ssh]`.
    pub(crate) ssh: SshConfig,
}

/// The way to the server.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum BastionKind {
    /// SSH in this process.
    #[default]
    Ssh,
    /// The system's `ssh -W`.
    Openssh,
    /// Port forwarding of AWS Systems Manager.
    Ssm,
    /// No bastion.
    Direct,
}

/// How the master user proves itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum AdminAuth {
    /// A password in this environment variable.
    Environment(String),
    /// A secret of this name or ARN.
    Secret(String),
    /// The secret that RDS manages.
    RdsSecret,
    /// An IAM token.
    Iam,
}

/// What protects the connection.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum TlsMode {
    /// `verify-full` with the authorities in this file.
    VerifyFull(PathBuf),
    /// None, on loopback.
    Disable,
}

/// `[database.ssh]`.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct SshConfig {
    /// The bastion; that of the running instance if none.
    pub(crate) host: Option<String>,
    /// Its port, 22 if none.
    pub(crate) port: Option<u16>,
    /// The user on it.
    pub(crate) user: Option<String>,
    /// Private key files.
    pub(crate) identity_files: Vec<PathBuf>,
    /// The variable with a private key.
    pub(crate) identity_env: Option<String>,
    /// The variable with the passphrase of the keys.
    pub(crate) passphrase_env: Option<String>,
    /// Whether to ask the agent.
    pub(crate) agent: bool,
    /// Whether to push a throw-away key.
    pub(crate) instance_connect: bool,
    /// Known hosts.
    pub(crate) known_hosts: Option<PathBuf>,
    /// Whether a host that is met for the first time is believed.
    pub(crate) accept_new: bool,
    /// Hosts on the way, `user@host:port`.
    pub(crate) proxy_jump: Vec<String>,
    /// OpenSSH's configuration file, for `ssh -F`.
    pub(crate) config_file: Option<PathBuf>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct DatabaseTable {
    engine: Option<Spanned<String>>,
    #[serde(default)]
    bastion: BastionKind,
    host: Option<Spanned<String>>,
    port: Option<Spanned<u16>>,
    admin_user: Option<Spanned<String>>,
    admin_database: Option<Spanned<String>>,
    admin_password_env: Option<Spanned<String>>,
    admin_secret: Option<Spanned<String>>,
    auth: Option<Spanned<Auth>>,
    #[serde(default)]
    sslmode: SslMode,
    ssl_root_cert: Option<Spanned<String>>,
    template: Option<Spanned<String>>,
    connection_limit: Option<Spanned<u32>>,
    #[serde(default)]
    extensions: Vec<Spanned<String>>,
    role_password_env: Option<Spanned<String>>,
    #[serde(default)]
    ssh: SshTable,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Auth {
    Password,
    Iam,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum SslMode {
    #[default]
    VerifyFull,
    Disable,
}

#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct SshTable {
    host: Option<Spanned<String>>,
    port: Option<Spanned<u16>>,
    user: Option<Spanned<String>>,
    identity_file: Option<OneOrMany>,
    identity_env: Option<Spanned<String>>,
    passphrase_env: Option<Spanned<String>>,
    agent: bool,
    instance_connect: bool,
    known_hosts: Option<Spanned<String>>,
    strict_host_key_checking: HostKeyChecking,
    proxy_jump: Option<OneOrMany>,
    config_file: Option<Spanned<String>>,
}

/// The values of OpenSSH's StrictHostKeyChecking that are safe.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum HostKeyChecking {
    #[default]
    Yes,
    AcceptNew,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum OneOrMany {
    One(String),
    Many(Vec<String>),
}

impl OneOrMany {
    fn into_vec(self) -> Vec<String> {
        match self {
            Self::One(one) => vec![one],
            Self::Many(many) => many,
        }
    }
}

impl DatabaseTable {
    pub(super) fn into_database(self, conventions: &Conventions, source: &Source<'_>) -> Result<DatabaseConfig> {
        if let Some(engine) = self.engine.as_ref().filter(|engine| engine.get_ref() != "postgres") {
            let fault = format!("{:?} is no engine that this version knows", engine.get_ref());
            return Err(source.error(engine.span(), "database.engine", &fault, "the engine is \"postgres\""));
        }
        let auth = self.auth(source)?;
        let tls = self.tls(source)?;
        let template = match &self.template {
            None => None,
            Some(name) => Some(name.get_ref().parse::<DatabaseName>().map_err(|error| {
                let hint = error.detail().hint.clone().unwrap_or_default();
                source.error(name.span(), "database.template", &error.detail().reason, &hint)
            })?),
        };
        check_names(conventions, source)?;
        let text =
            |value: &Option<Spanned<String>>, key: &str| filled(value.as_ref(), &format!("database.{key}"), source);
        Ok(DatabaseConfig {
            bastion: self.bastion,
            host: text(&self.host, "host")?,
            port: port(self.port.as_ref(), "database.port", source)?,
            admin_user: text(&self.admin_user, "admin_user")?,
            admin_database: text(&self.admin_database, "admin_database")?.unwrap_or_else(|| "postgres".to_owned()),
            auth,
            tls,
            template,
            connection_limit: self.connection_limit(source)?,
            extensions: self.extensions.into_iter().map(Spanned::into_inner).collect(),
            role_password_env: filled(self.role_password_env.as_ref(), "database.role_password_env", source)?,
            ssh: self.ssh.into_ssh(source)?,
        })
    }

    fn auth(&self, source: &Source<'_>) -> Result<AdminAuth> {
        let iam = self.auth.as_ref().filter(|auth| *auth.get_ref() == Auth::Iam);
        let variable = filled(self.admin_password_env.as_ref(), "database.admin_password_env", source)?;
        let secret = filled(self.admin_secret.as_ref(), "database.admin_secret", source)?;
        match (iam, variable, secret) {
            (Some(auth), None, None) if self.sslmode == SslMode::Disable => {
                let fault = "\"iam\" needs TLS: the server takes no token without it";
                Err(source.error(auth.span(), "database.auth", fault, "use `sslmode = \"verify-full\"`"))
            }
            (Some(_), None, None) => Ok(AdminAuth::Iam),
            (None, Some(variable), None) => Ok(AdminAuth::Environment(variable)),
            (None, None, Some(secret)) => Ok(AdminAuth::Secret(secret)),
            (None, None, None) => Ok(AdminAuth::RdsSecret),
            _ => {
                let places = [self.admin_password_env.as_ref(), self.admin_secret.as_ref()];
                let span = places.into_iter().flatten().map(Spanned::span).next_back().unwrap_or_default();
                let fault = "says more than one way to prove the master user";
                let hint = "keep one of `admin_password_env`, `admin_secret` and `auth = \"iam\"`";
                Err(source.error(span, "database", fault, hint))
            }
        }
    }

    fn tls(&self, source: &Source<'_>) -> Result<TlsMode> {
        const BUNDLE: &str = "name the RDS bundle, https://truststore.pki.rds.amazonaws.com/global/global-bundle.pem, \
                              which you have downloaded";
        match (self.sslmode, &self.ssl_root_cert, &self.host) {
            (SslMode::VerifyFull, Some(file), _) => {
                let file = filled(Some(file), "database.ssl_root_cert", source)?.unwrap_or_default();
                Ok(TlsMode::VerifyFull(source.path(&file)))
            }
            (SslMode::VerifyFull, None, _) => {
                let span = source.table("database");
                Err(source.error(
                    span,
                    "database",
                    "lacks `ssl_root_cert`, which sslmode \"verify-full\" needs",
                    BUNDLE,
                ))
            }
            (SslMode::Disable, _, Some(host)) if is_loopback(host.get_ref()) => Ok(TlsMode::Disable),
            (SslMode::Disable, _, host) => {
                let span = host.as_ref().map_or_else(|| source.table("database"), Spanned::span);
                let fault = "sslmode \"disable\" is for a server on loopback only";
                Err(source.error(
                    span,
                    "database.sslmode",
                    fault,
                    "use `sslmode = \"verify-full\"`, or `host = \"127.0.0.1\"`",
                ))
            }
        }
    }

    fn connection_limit(&self, source: &Source<'_>) -> Result<u32> {
        match &self.connection_limit {
            Some(limit) if *limit.get_ref() == 0 || *limit.get_ref() > 10_000 => {
                let fault = "must be between 1 and 10000";
                Err(source.error(limit.span(), "database.connection_limit", fault, "50 is the default"))
            }
            limit => Ok(limit.as_ref().map_or(50, |limit| *limit.get_ref())),
        }
    }
}

/// The templates must make names that Postgres keeps whole, whatever the environment.
fn check_names(conventions: &Conventions, source: &Source<'_>) -> Result<()> {
    let longest = format!("a{}", "b".repeat(27)).parse()?;
    let faulty = conventions.database(&longest).err().or(conventions.database_role(&longest).err());
    faulty.map_or(Ok(()), |error| {
        let reason = format!("makes a name that {}", error.detail().reason);
        let hint = "set `database` and `database_role` to letters, digits, `_`, `-` and `{env}`, which takes up to 28 characters of 63";
        Err(source.error(source.table("names"), "names", &reason, hint))
    })
}

impl SshTable {
    fn into_ssh(self, source: &Source<'_>) -> Result<SshConfig> {
        let text =
            |value: &Option<Spanned<String>>, key: &str| filled(value.as_ref(), &format!("database.ssh.{key}"), source);
        let path = |value: &Option<Spanned<String>>, key: &str| Ok(text(value, key)?.map(|file| source.path(&file)));
        Ok(SshConfig {
            host: text(&self.host, "host")?,
            port: port(self.port.as_ref(), "database.ssh.port", source)?,
            user: text(&self.user, "user")?,
            identity_env: text(&self.identity_env, "identity_env")?,
            passphrase_env: text(&self.passphrase_env, "passphrase_env")?,
            agent: self.agent,
            instance_connect: self.instance_connect,
            known_hosts: path(&self.known_hosts, "known_hosts")?,
            accept_new: self.strict_host_key_checking == HostKeyChecking::AcceptNew,
            config_file: path(&self.config_file, "config_file")?,
            identity_files: self
                .identity_file
                .map(OneOrMany::into_vec)
                .unwrap_or_default()
                .iter()
                .map(|file| source.path(file))
                .collect(),
            proxy_jump: self.proxy_jump.map(OneOrMany::into_vec).unwrap_or_default(),
        })
    }
}

/// The text, which must not be empty if it is there.
pub(super) fn filled(value: Option<&Spanned<String>>, key: &str, source: &Source<'_>) -> Result<Option<String>> {
    match value {
        Some(text) if text.get_ref().trim().is_empty() => {
            Err(source.error(text.span(), key, "is empty", "leave it out for the default"))
        }
        text => Ok(text.map(|text| text.get_ref().clone())),
    }
}

fn port(value: Option<&Spanned<u16>>, key: &str, source: &Source<'_>) -> Result<Option<u16>> {
    match value {
        Some(port) if *port.get_ref() == 0 => Err(source.error(port.span(), key, "is 0", "ports are 1 to 65535")),
        port => Ok(port.map(|port| *port.get_ref())),
    }
}

fn is_loopback(host: &str) -> bool {
    host == "localhost" || host.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback())
}

/// A path in the file: `~/` is the home folder, and a relative path begins at the folder of the file.
pub(super) fn resolve(path: &str, file: &Path) -> PathBuf {
    match (path.strip_prefix("~/"), std::env::var_os("HOME")) {
        (Some(rest), Some(home)) => Path::new(&home).join(rest),
        _ => file.parent().unwrap_or(Path::new("")).join(path),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Config;

    fn parse(text: &str) -> Result<DatabaseConfig> {
        Config::parse(text, Path::new("project/adhoc.toml")).map(|config| config.database.expect("the section"))
    }

    #[test]
    fn the_documented_example_says_all_of_it() {
        let database = parse(
            r#"
[database]
engine = "postgres"
bastion = "ssh"
host = "dev-rds.example.internal"
port = 5433
admin_user = "postgres"
admin_password_env = "ADHOC_DB_PASSWORD"
sslmode = "verify-full"
ssl_root_cert = "rds-ca.pem"
template = "seed"
connection_limit = 20
extensions = ["postgis"]
[database.ssh]
host = "bastion.example.com"
port = 2222
user = "ec2-user"
identity_file = "keys/id_ed25519"
known_hosts = "/etc/known_hosts"
strict_host_key_checking = "accept-new"
proxy_jump = "me@jump"
"#,
        )
        .expect("valid");
        assert_eq!((database.bastion, database.host.as_deref()), (BastionKind::Ssh, Some("dev-rds.example.internal")));
        assert_eq!((database.port, database.connection_limit), (Some(5433), 20));
        assert_eq!(database.auth, AdminAuth::Environment("ADHOC_DB_PASSWORD".to_owned()));
        assert_eq!(database.tls, TlsMode::VerifyFull("project/rds-ca.pem".into()), "beside the file");
        assert_eq!(database.template.as_ref().map(DatabaseName::as_str), Some("seed"));
        let ssh = database.ssh;
        assert_eq!(ssh.identity_files, [PathBuf::from("project/keys/id_ed25519")]);
        assert_eq!(ssh.known_hosts, Some("/etc/known_hosts".into()));
        assert_eq!((ssh.accept_new, ssh.proxy_jump), (true, vec!["me@jump".to_owned()]));
    }

    #[test]
    fn what_is_left_out_is_looked_up_or_safe() {
        let database = parse("[database]\nssl_root_cert = 'ca.pem'").expect("valid");
        assert_eq!((database.auth, database.host), (AdminAuth::RdsSecret, None));
        assert_eq!((database.bastion, database.connection_limit), (BastionKind::Ssh, 50));
        assert!(!database.ssh.accept_new);
    }

    #[test]
    fn faults_are_one_line_with_place_key_and_hint() {
        let faults: Vec<String> = [
            "[database]\nengine = 'mysql'\nssl_root_cert = 'a'",
            "[database]\nbastion = 'telnet'",
            "[database]\nhost = 'db'",
            "[database]\nhost = 'db.example.com'\nsslmode = 'disable'",
            "[database]\nsslmode = 'prefer'",
            "[database]\nssl_root_cert = ''",
            "[database]\nssl_root_cert = 'a'\nport = 0",
            "[database]\nssl_root_cert = 'a'\nport = 65536",
            "[database]\nssl_root_cert = 'a'\nauth = 'iam'\nadmin_secret = 'x'",
            "[database]\nhost = '127.0.0.1'\nsslmode = 'disable'\nauth = 'iam'",
            "[database]\nssl_root_cert = 'a'\ntemplate = 'se;ed'",
            "[database]\nssl_root_cert = 'a'\nconnection_limit = 0",
            "[database]\nssl_root_cert = 'a'\npassword = 'hunter2'",
            "[database]\nssl_root_cert = 'a'\n[database.ssh]\nstrict_host_key_checking = 'no'",
            "[database]\nssl_root_cert = 'a'\n[names]\ndatabase = 'a-name-that-is-much-too-long-for-any-database-{env}-db'",
            "[database]\nssl_root_cert = 'a'\n[names]\ndatabase = '{env};db'",
        ]
        .into_iter()
        .map(|text| {
            let error = parse(text).expect_err(text);
            let line = error.chain().join(": ");
            assert!(!line.contains('\n') && !line.contains("hunter2"), "{line}");
            format!("{text}\n> {line}\n> hint: {}\n", error.detail().hint.as_deref().expect("a hint"))
        })
        .collect();
        insta::with_settings!({ snapshot_path => "../snapshots", prepend_module_to_snapshot => false }, {
            insta::assert_snapshot!("database_config_errors", faults.join("\n"));
        });
    }
}
