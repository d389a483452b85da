//! Whom the hub's own requests believe: the system's roots, and one that the operator names.
//!
//! Invariant: a root of one's own is added and takes nothing away; a file without one is an error.

use std::path::Path;

use anyhow::{Context, ensure};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use rustls::{ClientConfig, RootCertStore};

/// The system's roots and those of a PEM file.
///
/// # Errors
/// When the file cannot be read or holds no certificate.
pub fn roots(own: Option<&Path>) -> anyhow::Result<RootCertStore> {
    let mut roots = RootCertStore::empty();
    // A machine without any has an operator who names one, or needs none.
    roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    if let Some(path) = own {
        let shown = path.display();
        let bytes = std::fs::read(path).with_context(|| format!("{shown} cannot be read"))?;
        let all: Vec<_> = CertificateDer::pem_slice_iter(&bytes)
            .collect::<Result<_, _>>()
            .with_context(|| format!("{shown} is no PEM"))?;
        ensure!(!all.is_empty(), "{shown} holds no certificate in PEM");
        for certificate in all {
            roots.add(certificate).with_context(|| format!("{shown} is no root to trust"))?;
        }
    }
    Ok(roots)
}

/// For clients: TLS 1.2 or newer, and these roots.
///
/// # Errors
/// As [`roots`].
pub fn client_config(own: Option<&Path>) -> anyhow::Result<ClientConfig> {
    super::use_ring();
    Ok(ClientConfig::builder().with_root_certificates(roots(own)?).with_no_client_auth())
}

/// A client of the hub's own commands.
///
/// # Errors
/// As [`client_config`].
pub fn http_client(own: Option<&Path>) -> anyhow::Result<reqwest::ClientBuilder> {
    Ok(reqwest::Client::builder().tls_backend_preconfigured(client_config(own)?))
}
