//! How this program speaks HTTP with anything but AWS: one client, one TLS stack.

use std::time::Duration;

use adhoc_core::{Error, Result};
use reqwest::redirect::{Attempt, Policy};
use reqwest::{Client, Url};

/// How long a connection may take.
const CONNECT: Duration = Duration::from_secs(5);
/// How long a request may take in all, unless it says otherwise.
const REQUEST: Duration = Duration::from_secs(30);
/// How many redirects are followed.
const REDIRECTS: usize = 5;

/// A client with ring, the roots of the machine, and the proxies of the environment.
///
/// A redirect to another origin is not followed, but is the answer: a path, or a header, may be a secret between us and the
/// origin that we asked.
///
/// # Errors
///
/// [`Error::Internal`] if the roots of the machine cannot be read.
pub(crate) fn client() -> Result<Client> {
    // Whoever was first has installed the same one.
    let _ = rustls::crypto::CryptoProvider::install_default(rustls::crypto::ring::default_provider());
    Client::builder()
        .user_agent(concat!("adhoc/", env!("CARGO_PKG_VERSION")))
        .connect_timeout(CONNECT)
        .timeout(REQUEST)
        .redirect(Policy::custom(at_home))
        .referer(false)
        .build()
        .map_err(|error| Error::internal("", "the HTTP client", "cannot be made").with_source(error.without_url()))
}

fn at_home(attempt: Attempt<'_>) -> reqwest::redirect::Action {
    let home = attempt.previous().first().map(Url::origin);
    match home == Some(attempt.url().origin()) && attempt.previous().len() <= REDIRECTS {
        true => attempt.follow(),
        false => attempt.stop(),
    }
}

/// A URL to which a secret may be sent: https, or http on loopback.
///
/// # Errors
///
/// [`Error::Invalid`] about `what`, which does not show the URL.
pub(crate) fn trusted_url(text: &str, what: &str) -> Result<Url> {
    let url = Url::parse(text.trim()).ok().filter(|url| url.scheme() == "https" || is_loopback(url));
    url.ok_or_else(|| Error::invalid("", what, "holds no https URL"))
}

fn is_loopback(url: &Url) -> bool {
    url.scheme() == "http" && matches!(url.host_str(), Some("127.0.0.1" | "[::1]" | "localhost"))
}

/// Why a request got no answer, without its URL, which may be a secret.
pub(crate) fn failure(error: reqwest::Error) -> String {
    if error.is_timeout() {
        return "no answer in time".to_owned();
    }
    let error = error.without_url();
    let mut innermost: &dyn std::error::Error = &error;
    while let Some(source) = innermost.source() {
        innermost = source;
    }
    innermost.to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_client_can_be_made_twice() {
        assert!(client().is_ok() && client().is_ok());
    }

    #[test]
    fn a_secret_goes_to_https_or_stays_on_this_machine() {
        for good in ["https://hooks.example.com/T/B/x", " http://127.0.0.1:80/x\n", "http://[::1]/x"] {
            assert!(trusted_url(good, "X").is_ok(), "{good}");
        }
        for bad in
            ["http://hooks.example.com/secret", "secret", "", "file:///secret", "http://127.0.0.1.example.com/secret"]
        {
            let error = trusted_url(bad, "X").expect_err(bad).to_string();
            assert!(!error.contains("secret"), "{error}");
        }
    }
}
