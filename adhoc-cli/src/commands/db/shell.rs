use std::fs::{OpenOptions, Permissions};
use std::io::{ErrorKind, Write};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::process::ExitStatus;
use std::sync::atomic::Ordering;

use adhoc_core::{CancellationToken, Credentials, Error, ExposeSecret, Result};
use adhoc_db::{Account, tunnel};
use tempfile::TempDir;
use tokio::process::Command;

use super::Surroundings;
use super::access::Databases;
use crate::args::DbShellArgs;
use crate::commands::FOREGROUND;
use crate::config::TlsMode;

/// `adhoc db shell`: psql, through a port on loopback and with its password in a file that only we can read.
pub(super) async fn shell(at: &Surroundings<'_>, args: &DbShellArgs) -> Result<()> {
    let databases = at.open().await?;
    let account = databases.account(&args.environment)?;
    match databases.passwords.find(&account).await? {
        Some(password) => {
            let own = Credentials::new(account.role.as_str(), password);
            psql(at, databases, &account, &own, &args.arguments).await
        }
        None => {
            let login = databases.admin.temporary_login(&account.role).await?;
            let done = psql(at, databases, &account, login.credentials(), &args.arguments).await;
            let ended = databases.admin.end_temporary_login(login).await;
            done.and(ended)
        }
    }
}

async fn psql(
    at: &Surroundings<'_>,
    databases: &Databases,
    account: &Account,
    credentials: &Credentials,
    arguments: &[String],
) -> Result<()> {
    let server = databases.admin.server();
    // Tried first, so that what is wrong on the way is told by us.
    server.connect(account.database.as_str(), credentials).await?.close().await;
    let listener = tunnel::listen(databases.tunnel_for_clients(), server.host(), server.port(), 0).await?;
    let (folder, passfile) = password_file(credentials)?;
    let port = listener.address().port();
    let mut command = Command::new("psql");
    command
        .env("PGPASSFILE", &passfile)
        .env("PGHOST", server.host())
        .env("PGHOSTADDR", "127.0.0.1")
        .env("PGPORT", port.to_string())
        .env("PGUSER", &credentials.user)
        .env("PGDATABASE", account.database.as_str())
        .env_remove("PGPASSWORD")
        .env_remove("PGSERVICE");
    match &databases.config.tls {
        TlsMode::Disable => command.env("PGSSLMODE", "disable"),
        TlsMode::VerifyFull(bundle) => command.env("PGSSLMODE", "verify-full").env("PGSSLROOTCERT", absolute(bundle)),
    };
    command.args(arguments).kill_on_drop(true);
    let done = CancellationToken::new();
    let (ended, forwarded) = tokio::join!(
        async {
            let ended = run(at, command).await;
            done.cancel();
            ended
        },
        listener.forward(&done)
    );
    drop(folder);
    let status = ended?;
    forwarded?;
    match status.code() {
        Some(0) => Ok(()),
        code => {
            let how = code.map_or("was killed".to_owned(), |code| format!("ended with exit code {code}"));
            Err(Error::database("psql", account.database.as_str(), how))
        }
    }
}

/// Runs psql until it ends. Ctrl-C is psql's own: it cancels a query there.
async fn run(at: &Surroundings<'_>, command: Command) -> Result<ExitStatus> {
    FOREGROUND.store(true, Ordering::Relaxed);
    let ended = run_to_end(at, command).await;
    FOREGROUND.store(false, Ordering::Relaxed);
    ended
}

async fn run_to_end(at: &Surroundings<'_>, mut command: Command) -> Result<ExitStatus> {
    let mut child = command.spawn().map_err(|error| match error.kind() {
        ErrorKind::NotFound => Error::database("psql", "", "is not installed, or not on the PATH").with_hint(
            "install PostgreSQL's client, or use `adhoc db url ENV --listen 5433` with a client of your own",
        ),
        _ => Error::database("psql", "", "cannot be started").with_source(error),
    })?;
    tokio::select! {
        status = child.wait() => status.map_err(|error| Error::internal("psql", "", "was lost").with_source(error)),
        () = at.cx.cancellation().cancelled() => {
            let _ = child.kill().await;
            Err(Error::cancelled("", "", "interrupted"))
        }
    }
}

/// A file in libpq's format, in a folder of its own: both only for us, and gone with the folder. See
/// <https://www.postgresql.org/docs/current/libpq-pgpass.html>.
fn password_file(credentials: &Credentials) -> Result<(TempDir, PathBuf)> {
    let failed =
        |error: std::io::Error| Error::internal("", "the password file", "cannot be written").with_source(error);
    let folder = tempfile::Builder::new().prefix("adhoc-").permissions(Permissions::from_mode(0o700)).tempdir();
    let folder = folder.map_err(failed)?;
    let path = folder.path().join("pgpass");
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&path).map_err(failed)?;
    let escaped = credentials.password.expose_secret().replace('\\', "\\\\").replace(':', "\\:");
    file.write_all(format!("*:*:*:*:{escaped}\n").as_bytes()).map_err(failed)?;
    Ok((folder, path))
}

fn absolute(path: &Path) -> PathBuf {
    std::path::absolute(path).unwrap_or_else(|_| path.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_password_file_is_ours_alone_and_goes_with_its_folder() {
        let (folder, path) = password_file(&Credentials::new("alpha", "a:b\\c".to_owned())).expect("written");
        let mode = |path: &Path| std::fs::metadata(path).expect("there").permissions().mode() & 0o777;
        assert_eq!((mode(&path), mode(folder.path())), (0o600, 0o700));
        assert_eq!(std::fs::read_to_string(&path).expect("read"), "*:*:*:*:a\\:b\\\\c\n");
        drop(folder);
        assert!(!path.exists());
    }
}
