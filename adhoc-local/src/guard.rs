//! Who may talk to a server that starts processes: AWS clients on this machine, and no page in a browser.

use crate::error::ApiError;
use axum::http::{HeaderMap, StatusCode, header};
use std::net::IpAddr;

fn is_loopback(host: &str) -> bool {
    let name = match host.strip_prefix('[') {
        Some(rest) => rest.split(']').next().unwrap_or_default(),
        None => host.split(':').next().unwrap_or_default(),
    };
    name.eq_ignore_ascii_case("localhost") || name.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}

/// Refuses what a browser could send: it sends `Origin`, cannot sign, and after DNS rebinding names a foreign host.
pub(crate) fn check(headers: &HeaderMap) -> Result<(), ApiError> {
    let text = |name: header::HeaderName| headers.get(name).and_then(|value| value.to_str().ok());
    let refuse = |code: &str, message: &str| Err(ApiError::new(code, message).with_status(StatusCode::FORBIDDEN));
    if headers.contains_key(header::ORIGIN) {
        return refuse("AccessDeniedException", "Requests from web pages are refused.");
    }
    if !text(header::HOST).is_some_and(is_loopback) {
        return refuse("AccessDeniedException", "The Host header must name the loopback interface.");
    }
    if !text(header::AUTHORIZATION).is_some_and(|value| value.starts_with("AWS4-HMAC-SHA256 ")) {
        return refuse("MissingAuthenticationTokenException", "Missing Authentication Token");
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::is_loopback;

    #[test]
    fn only_names_of_the_loopback_interface_pass() {
        for host in ["127.0.0.1:4566", "localhost", "LOCALHOST:1", "[::1]:80", "127.9.9.9"] {
            assert!(is_loopback(host), "{host}");
        }
        for host in
            ["", "example.com", "127.0.0.1.example.com", "localhost.example.com:80", "10.0.0.1", "[::2]:80", "0.0.0.0"]
        {
            assert!(!is_loopback(host), "{host}");
        }
    }
}
