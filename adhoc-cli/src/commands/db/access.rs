use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use adhoc_core::{
    BoxedStream, Clock, Context, Conventions, CreateDatabase, Credentials, DatabaseMarker, EnvironmentName, Error,
    Result, SecretString, SystemClock, Tunnel, async_trait,
};
use adhoc_db::aws::{
    Bastion, IamToken, InstanceConnect, RdsInstance, SecretCredentials, SecretsManagerPasswords, SessionManager,
    find_bastion, find_rds_instance,
};
use adhoc_db::tunnel::{
    Authentication, Direct, HostKeyPolicy, OpenSsh, OpenSshConfig, Ssh, SshConfig as SshTunnelConfig, Ssm, SsmConfig,
};
use adhoc_db::{Account, CredentialSource, GivenPassword, Postgres, PostgresAdmin, RoleSecrets, Tls};
use aws_config::SdkConfig;
use tokio::sync::OnceCell;

use super::url::no_password;
use crate::args::GlobalArgs;
use crate::aws;
use crate::config::{AdminAuth, BastionKind, Config, DatabaseConfig, SshConfig, TlsMode};

/// The port of Postgres, where neither the configuration nor RDS says another.
const POSTGRES_PORT: u16 = 5432;

/// The account on Amazon's own images.
const BASTION_USER: &str = "ec2-user";

const SAMPLE: &str = "add [database] to adhoc.toml: at least `ssl_root_cert`, the RDS bundle, and [database.ssh]";

/// The server that holds the environments' databases, with the way to it, its master user, and where passwords are kept.
pub(crate) struct Databases {
    pub(crate) admin: PostgresAdmin,
    pub(crate) passwords: Arc<dyn RoleSecrets>,
    pub(crate) config: DatabaseConfig,
    conventions: Conventions,
    ssm: Option<Ssm>,
    ssh: Option<Ssh>,
}

impl Databases {
    /// Ends what would otherwise outlive this program: a session of Systems Manager with its plugin.
    pub(crate) async fn close(&self) {
        if let Some(ssm) = &self.ssm {
            ssm.close().await;
        }
    }

    /// Finds what the configuration does not say on AWS, which is asked for nothing else.
    ///
    /// # Errors
    ///
    /// Those of the configuration and of AWS. Nothing is connected yet.
    pub(crate) async fn open(cx: &Context, global: &GlobalArgs, config: &Config) -> Result<Self> {
        let Some(database) = config.database.clone() else {
            return Err(Error::invalid("", "", "adhoc.toml has no [database]").with_hint(SAMPLE));
        };
        let finder = Finder {
            cx,
            global,
            config,
            database: &database,
            sdk: OnceCell::new(),
            rds: OnceCell::new(),
            ssm: Mutex::new(None),
            ssh: Mutex::new(None),
        };
        let (host, port) = finder.place().await?;
        let tls = match &database.tls {
            TlsMode::VerifyFull(bundle) => Tls::verify_full(bundle)?,
            TlsMode::Disable => Tls::Disabled,
        };
        let clock: Arc<dyn Clock> = Arc::new(SystemClock::new());
        let server = Postgres::new(finder.tunnel(&clock).await?, clock, &host, port, tls);
        let credentials = finder.credentials(&host, port).await?;
        let admin = PostgresAdmin::new(server, credentials).with_database(&database.admin_database);
        let passwords = finder.passwords().await?;
        let Finder { ssm, ssh, .. } = finder;
        let ssm = ssm.into_inner().unwrap_or_else(PoisonError::into_inner);
        let ssh = ssh.into_inner().unwrap_or_else(PoisonError::into_inner);
        Ok(Self { admin, passwords, conventions: config.conventions.clone(), config: database, ssm, ssh })
    }

    /// The way for foreign clients, of which one must not hold up another: each gets an SSH connection of its own.
    pub(crate) fn tunnel_for_clients(&self) -> Arc<dyn Tunnel> {
        match &self.ssh {
            Some(ssh) => Arc::new(Separate(ssh.clone())),
            None => self.admin.server().tunnel().clone(),
        }
    }

    /// An environment's own log-in.
    pub(crate) fn account(&self, environment: &EnvironmentName) -> Result<Account> {
        let (database, role) = (self.conventions.database(environment)?, self.conventions.database_role(environment)?);
        let server = self.admin.server();
        let account = Account::new(environment.clone(), database, role, (server.host(), server.port()));
        Ok(account.with_secret(self.conventions.database_secret(environment)))
    }

    /// The database that an environment is to have, empty.
    pub(crate) fn request(&self, account: &Account, marker: DatabaseMarker) -> CreateDatabase {
        CreateDatabase::new(account.database.clone(), account.role.clone(), marker)
            .with_connection_limit(self.config.connection_limit)
            .with_extensions(self.config.extensions.clone())
    }

    /// The password of an environment's role.
    pub(crate) async fn password(&self, account: &Account) -> Result<SecretString> {
        self.passwords.find(account).await?.ok_or_else(|| no_password(account))
    }

    /// Says that a role cannot log in by itself, where no password is kept for it.
    pub(crate) async fn hint_about_password(&self, cx: &Context, account: &Account) {
        if let Ok(None) = self.passwords.find(account).await {
            let role = &account.role;
            cx.hint(format!(
                "role {role} has no password: set `role_password_env` under [database] and run this once more"
            ));
        }
    }
}

/// An SSH connection for every stream.
struct Separate(Ssh);

#[async_trait]
impl Tunnel for Separate {
    async fn open(&self, host: &str, port: u16) -> Result<BoxedStream> {
        self.0.separate().open(host, port).await
    }
}

/// Looks things up on AWS, each at most once and only if it is needed.
struct Finder<'a> {
    cx: &'a Context,
    global: &'a GlobalArgs,
    config: &'a Config,
    database: &'a DatabaseConfig,
    sdk: OnceCell<SdkConfig>,
    rds: OnceCell<RdsInstance>,
    ssm: Mutex<Option<Ssm>>,
    ssh: Mutex<Option<Ssh>>,
}

impl Finder<'_> {
    async fn sdk(&self) -> Result<&SdkConfig> {
        self.sdk.get_or_try_init(|| aws::sdk_config(self.global, self.config)).await
    }

    async fn rds(&self) -> Result<&RdsInstance> {
        let look_up = || async { find_rds_instance(self.sdk().await?, &self.config.conventions.rds_instance()).await };
        self.rds.get_or_try_init(look_up).await
    }

    async fn bastion(&self) -> Result<Bastion> {
        find_bastion(self.sdk().await?, &self.config.conventions.bastion()).await
    }

    /// Host and port of the server.
    async fn place(&self) -> Result<(String, u16)> {
        match (&self.database.host, self.database.port) {
            (Some(host), port) => Ok((host.clone(), port.unwrap_or(POSTGRES_PORT))),
            (None, port) => {
                let instance = self.rds().await?;
                Ok((instance.host.clone(), port.unwrap_or(instance.port)))
            }
        }
    }

    async fn credentials(&self, host: &str, port: u16) -> Result<Arc<dyn CredentialSource>> {
        let user = self.database.admin_user.clone();
        Ok(match &self.database.auth {
            AdminAuth::Environment(variable) => {
                let password = secret_variable(variable, "admin_password_env")?;
                Arc::new(Credentials::new(user.unwrap_or_else(|| "postgres".to_owned()), password))
            }
            AdminAuth::Secret(secret) => Arc::new(self.secret(secret).await?.with_user(user)),
            AdminAuth::RdsSecret => {
                let secret = self.rds().await?.master_secret.clone().ok_or_else(|| {
                    let instance = self.config.conventions.rds_instance();
                    Error::invalid("", instance, "has no master password that RDS manages")
                        .with_hint("set `admin_secret` or `admin_password_env` under [database]")
                })?;
                Arc::new(self.secret(&secret).await?.with_user(user))
            }
            AdminAuth::Iam => {
                let user = match user {
                    Some(user) => user,
                    None => self.rds().await?.master_user.clone().unwrap_or_else(|| "postgres".to_owned()),
                };
                Arc::new(IamToken::new(self.sdk().await?, host, port, user))
            }
        })
    }

    async fn secret(&self, name: &str) -> Result<SecretCredentials> {
        Ok(SecretCredentials::new(self.sdk().await?, name))
    }

    /// In Secrets Manager, unless a variable has the password, or AWS takes no part in the log-in of the master user either.
    async fn passwords(&self) -> Result<Arc<dyn RoleSecrets>> {
        Ok(match (&self.database.role_password_env, &self.database.auth) {
            (Some(variable), _) => Arc::new(GivenPassword::new(secret_variable(variable, "role_password_env")?)),
            (None, AdminAuth::Environment(_)) => Arc::new(GivenPassword::none()),
            (None, _) => Arc::new(SecretsManagerPasswords::new(self.sdk().await?)),
        })
    }

    async fn tunnel(&self, clock: &Arc<dyn Clock>) -> Result<Arc<dyn Tunnel>> {
        Ok(match self.database.bastion {
            BastionKind::Direct => Arc::new(Direct::new(clock.clone())),
            BastionKind::Ssh => {
                let tunnel = Ssh::new(clock.clone(), self.ssh().await?);
                *self.ssh.lock().unwrap_or_else(PoisonError::into_inner) = Some(tunnel.clone());
                Arc::new(tunnel)
            }
            BastionKind::Openssh => Arc::new(OpenSsh::new(clock.clone(), self.openssh().await?)),
            BastionKind::Ssm => {
                let bastion = self.bastion().await?;
                let sessions = SessionManager::new(self.sdk().await?, bastion.instance_id);
                let tunnel = Ssm::new(clock.clone(), Arc::new(sessions), self.plugin());
                *self.ssm.lock().unwrap_or_else(PoisonError::into_inner) = Some(tunnel.clone());
                Arc::new(tunnel)
            }
        })
    }

    async fn ssh(&self) -> Result<SshTunnelConfig> {
        let ssh = &self.database.ssh;
        let bastion = match ssh.host.is_none() || ssh.instance_connect {
            true => Some(self.bastion().await?),
            false => None,
        };
        let address = match (&ssh.host, &bastion) {
            (Some(host), _) => host.clone(),
            (None, Some(bastion)) => bastion.address()?.to_owned(),
            (None, None) => return Err(Error::internal("", "the bastion", "was not looked up")),
        };
        let user = ssh.user.clone().unwrap_or_else(|| BASTION_USER.to_owned());
        let mut config = SshTunnelConfig::new(address, user).with_port(ssh.port.unwrap_or(22));
        if let (true, Some(bastion)) = (ssh.instance_connect, bastion) {
            let pusher = InstanceConnect::new(self.sdk().await?, &bastion);
            config = config.with_authentication(Authentication::pushed(Arc::new(pusher)));
        }
        for method in authentication(ssh)? {
            config = config.with_authentication(method);
        }
        for file in known_hosts(ssh) {
            config = config.with_known_hosts(file);
        }
        for jump in &ssh.proxy_jump {
            config = config.with_jump(jump.parse()?);
        }
        if ssh.accept_new {
            self.cx.hint(
                "a bastion that is met for the first time is believed (strict_host_key_checking = \"accept-new\")",
            );
            config = config.with_host_key_policy(HostKeyPolicy::AcceptNew);
        }
        Ok(config)
    }

    /// The plugin resumes a session with the same profile.
    fn plugin(&self) -> SsmConfig {
        match &self.global.profile {
            Some(profile) => SsmConfig::new().with_profile(profile),
            None => SsmConfig::new(),
        }
    }

    /// Only what the file names: the rest is for the user's own OpenSSH configuration.
    async fn openssh(&self) -> Result<OpenSshConfig> {
        let ssh = &self.database.ssh;
        let ours = [
            ("agent", ssh.agent),
            ("identity_env", ssh.identity_env.is_some()),
            ("passphrase_env", ssh.passphrase_env.is_some()),
            ("instance_connect", ssh.instance_connect),
        ];
        if let Some((key, _)) = ours.into_iter().find(|(_, set)| *set) {
            return Err(Error::invalid(
                "",
                format!("`{key}` under [database.ssh]"),
                "does not go with bastion = \"openssh\"",
            )
            .with_hint("OpenSSH has its own configuration for it; or use `bastion = \"ssh\"`"));
        }
        let host = match &ssh.host {
            Some(host) => host.clone(),
            None => self.bastion().await?.address()?.to_owned(),
        };
        let mut config = OpenSshConfig::new(host).with_accept_new(ssh.accept_new);
        if let Some(file) = &ssh.known_hosts {
            config = config.with_option(format!("UserKnownHostsFile={}", quoted(file)));
        }
        if !ssh.proxy_jump.is_empty() {
            config = config.with_option(format!("ProxyJump={}", ssh.proxy_jump.join(",")));
        }
        if let Some(port) = ssh.port {
            config = config.with_port(port);
        }
        if let Some(user) = &ssh.user {
            config = config.with_user(user);
        }
        if let Some(file) = &ssh.config_file {
            config = config.with_file(file);
        }
        for file in &ssh.identity_files {
            config = config.with_identity(file);
        }
        Ok(config)
    }
}

/// A path as OpenSSH's configuration takes it.
fn quoted(file: &Path) -> String {
    format!("\"{}\"", std::path::absolute(file).unwrap_or_else(|_| file.to_owned()).display())
}

/// The ways to log in that the configuration names; without any, those that OpenSSH would try.
fn authentication(ssh: &SshConfig) -> Result<Vec<Authentication>> {
    let passphrase =
        ssh.passphrase_env.as_deref().map(|name| secret_variable(name, "ssh.passphrase_env")).transpose()?;
    let opened = |method: Authentication| match &passphrase {
        Some(passphrase) => method.with_passphrase(passphrase.clone()),
        None => method,
    };
    let mut methods = Vec::new();
    if let Some(variable) = &ssh.identity_env {
        methods.push(opened(Authentication::key(secret_variable(variable, "ssh.identity_env")?)));
    }
    methods.extend(ssh.identity_files.iter().map(|file| opened(Authentication::key_file(file))));
    let socket = std::env::var_os("SSH_AUTH_SOCK").filter(|socket| !socket.is_empty());
    if ssh.agent {
        let socket = socket.clone().ok_or_else(|| {
            Error::invalid("", "SSH_AUTH_SOCK", "is not set, but `agent = true` asks for the SSH agent")
                .with_hint("start one with `eval $(ssh-agent)`, and add a key with `ssh-add`")
        })?;
        methods.push(Authentication::agent(socket));
    }
    if methods.is_empty() && !ssh.instance_connect {
        methods.extend(socket.map(Authentication::agent));
        let default = ["id_ed25519", "id_ecdsa", "id_rsa"].map(|name| home().join(".ssh").join(name));
        methods.extend(
            default.into_iter().filter(|file| file.is_file()).map(|file| opened(Authentication::key_file(file))),
        );
    }
    Ok(methods)
}

fn known_hosts(ssh: &SshConfig) -> Vec<PathBuf> {
    let own = ssh.known_hosts.clone().unwrap_or_else(|| home().join(".ssh/known_hosts"));
    vec![own, PathBuf::from("/etc/ssh/ssh_known_hosts")]
}

fn home() -> PathBuf {
    std::env::var_os("HOME").map_or_else(|| Path::new("/").to_owned(), PathBuf::from)
}

/// The secret in an environment variable that the configuration names.
fn secret_variable(name: &str, key: &str) -> Result<SecretString> {
    match std::env::var(name) {
        Ok(value) if !value.is_empty() => Ok(SecretString::from(value)),
        _ => Err(Error::invalid("", format!("variable {name}"), "is not set, or is empty")
            .with_hint(format!("`{key}` under [database] names it as the place of a secret"))),
    }
}
