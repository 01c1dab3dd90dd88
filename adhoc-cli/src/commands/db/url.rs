use std::fmt::Write as _;
use std::path::Path;

use adhoc_core::{Error, ExposeSecret, Result, SecretString};
use adhoc_db::{Account, tunnel};

use super::Surroundings;
use crate::args::{DbUrlArgs, OutputFormat};
use crate::config::TlsMode;
use crate::reporters::print_result;

/// `adhoc db url`: prints the address; with `--listen`, forwards a port until interrupted. Gives back the address without a
/// password, since a summary may be kept.
pub(super) async fn url(at: &Surroundings<'_>, args: &DbUrlArgs) -> Result<String> {
    if args.with_password && at.global.output == OutputFormat::Json {
        return Err(Error::invalid(
            "",
            "--with-password",
            "does not go with --output json, whose lines are kept in logs",
        ));
    }
    let databases = at.open().await?;
    let account = databases.account(&args.environment)?;
    let password = match args.with_password {
        true => Some(databases.password(&account).await?),
        false => None,
    };
    let tls = &databases.config.tls;
    let Some(port) = args.listen else {
        announce(at, &address(&account, password.as_ref(), tls, None));
        return Ok(address(&account, None, tls, None));
    };
    let server = databases.admin.server();
    let listener = tunnel::listen(databases.tunnel_for_clients(), server.host(), server.port(), port).await?;
    let port = Some(listener.address().port());
    announce(at, &address(&account, password.as_ref(), tls, port));
    at.cx.hint("the port is forwarded until Ctrl-C");
    listener.forward(at.cx.cancellation()).await?;
    Ok(address(&account, None, tls, port))
}

/// At once, before anything is forwarded.
fn announce(at: &Surroundings<'_>, url: &str) {
    match at.global.output {
        OutputFormat::Human => print_result(&format!("{url}\n")),
        // The result comes with the summary, which a listener gives at its end.
        OutputFormat::Json => at.cx.hint(url),
    }
}

/// A connection URI of libpq's. Through a local port the host's name stays, for the certificate, beside the address.
fn address(account: &Account, password: Option<&SecretString>, tls: &TlsMode, local_port: Option<u16>) -> String {
    let secret = password.map_or(String::new(), |password| format!(":{}", encoded(password.expose_secret())));
    let port = local_port.unwrap_or(account.port);
    let mut url = format!("postgresql://{}{secret}@{}:{port}/{}?", account.role, account.host, account.database);
    if local_port.is_some() {
        url.push_str("hostaddr=127.0.0.1&");
    }
    match tls {
        TlsMode::Disable => url.push_str("sslmode=disable"),
        TlsMode::VerifyFull(file) => {
            let file = std::path::absolute(file).unwrap_or_else(|_| file.clone());
            let _ = write!(url, "sslmode=verify-full&sslrootcert={}", encoded_path(&file));
        }
    }
    url
}

fn encoded_path(path: &Path) -> String {
    // Slashes may stand as they are in a query, and read better.
    encoded(&path.to_string_lossy()).replace("%2F", "/")
}

/// Percent-encoding of all but what has no meaning in any part of a URI.
fn encoded(text: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte);
    text.bytes().fold(String::new(), |mut url, byte| {
        if plain(byte) {
            url.push(char::from(byte));
        } else {
            let _ = write!(url, "%{byte:02X}");
        }
        url
    })
}

/// The error of a password that is nowhere kept.
pub(super) fn no_password(account: &Account) -> Error {
    Error::not_found("", format!("the password of {}", account.role), "is not kept anywhere")
        .with_hint("set `role_password_env` under [database], and run `adhoc db create` once more")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_those_of_libpq() {
        let account = Account::new(
            "alpha".parse().expect("a name"),
            "alpha-db".parse().expect("a name"),
            "alpha".parse().expect("a name"),
            ("db.example", 5432),
        );
        let tls = TlsMode::VerifyFull("/etc/rds ca.pem".into());
        assert_eq!(
            address(&account, None, &tls, None),
            "postgresql://alpha@db.example:5432/alpha-db?sslmode=verify-full&sslrootcert=/etc/rds%20ca.pem"
        );
        let password = SecretString::from("p@ss:w/rd%");
        assert_eq!(
            address(&account, Some(&password), &TlsMode::Disable, Some(5433)),
            "postgresql://alpha:p%40ss%3Aw%2Frd%25@db.example:5433/alpha-db?hostaddr=127.0.0.1&sslmode=disable"
        );
    }
}
