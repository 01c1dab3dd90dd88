//! What protects a connection to Postgres.

use std::fmt;
use std::path::Path;
use std::sync::Arc;

use adhoc_core::{Error, Result};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use rustls::{ClientConfig, RootCertStore};
use tokio_postgres::tls::MakeTlsConnect;
use tokio_postgres_rustls::MakeRustlsConnect;

use super::wire::Wire;

/// Where RDS publishes its certificate authorities.
const RDS_BUNDLE: &str = "https://truststore.pki.rds.amazonaws.com/global/global-bundle.pem";

/// How a connection to Postgres is protected, in the terms of libpq's
/// [`sslmode`](https://www.postgresql.org/docs/current/libpq-ssl.html).
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum Tls {
    /// `verify-full`: the certificate must come from one of these authorities and name the host that was asked for.
    VerifyFull(Roots),
    /// `disable`: for a server on loopback.
    Disabled,
}

/// The certificate authorities that are trusted; the web's own are not among them.
#[derive(Clone)]
pub struct Roots(Arc<ClientConfig>);

/// What starts TLS on one stream.
pub(super) type Connect = <MakeRustlsConnect as MakeTlsConnect<Wire>>::TlsConnect;

impl Roots {
    /// What starts TLS on a stream to `host`.
    pub(super) fn connect(&self, host: &str) -> Connect {
        let mut make = MakeRustlsConnect::new((*self.0).clone());
        // Infallible: a name that is none is found out when it is used.
        MakeTlsConnect::<Wire>::make_tls_connect(&mut make, host).unwrap_or_else(|never| match never {})
    }
}

impl fmt::Debug for Roots {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Roots")
    }
}

impl Tls {
    /// `verify-full` with the authorities in a PEM file, such as the
    /// [RDS bundle](https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/UsingWithRDS.SSL.html).
    ///
    /// # Errors
    ///
    /// [`Error::Invalid`] if the file cannot be read or holds no certificate.
    pub fn verify_full(bundle: &Path) -> Result<Self> {
        let invalid = |reason: &str| {
            Error::invalid("", bundle.display().to_string(), reason)
                .with_hint(format!("`ssl_root_cert` names a PEM file; RDS publishes its own at {RDS_BUNDLE}"))
        };
        let pem = std::fs::read(bundle).map_err(|error| invalid("cannot be read").with_source(error))?;
        Self::verify_full_pem(&pem).map_err(|error| match error {
            Error::Invalid(detail) => invalid(&detail.reason),
            other => other,
        })
    }

    /// `verify-full` with the authorities of a PEM text.
    ///
    /// # Errors
    ///
    /// [`Error::Invalid`] if it holds no usable certificate.
    pub fn verify_full_pem(pem: &[u8]) -> Result<Self> {
        let certificates: Vec<CertificateDer<'_>> = CertificateDer::pem_slice_iter(pem)
            .collect::<Result<_, _>>()
            .map_err(|error| Error::invalid("", "", format!("is no PEM file: {error}")))?;
        let mut roots = RootCertStore::empty();
        let (usable, _) = roots.add_parsable_certificates(certificates);
        if usable == 0 {
            return Err(Error::invalid("", "", "holds no usable certificate"));
        }
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(|error| Error::internal("", "TLS", error.to_string()))?
            .with_root_certificates(roots)
            .with_no_client_auth();
        Ok(Self::VerifyFull(Roots(Arc::new(config))))
    }
}
