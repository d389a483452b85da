//! Whom the agent believes when it speaks TLS: the system's roots, and the root that the operator
//! names with `--hub-ca`.
//!
//! One configuration for everything that goes to the hub: requests, the WebSocket, MQTT.
//! Invariant: a certificate that leads to none of these roots, has ended, or is for another name
//! is never accepted; there is no switch for it.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use rustls::{ClientConfig, RootCertStore};

/// Chooses ring, once. Whoever speaks TLS in this program calls it first.
pub(crate) fn use_ring() {
    // A second call finds it chosen.
    let _ = rustls::crypto::ring::default_provider().install_default();
}

/// For clients: TLS 1.2 or newer, the system's roots and those of a PEM file.
pub(crate) fn client_config(hub_ca: Option<&Path>) -> Result<Arc<ClientConfig>> {
    use_ring();
    let mut roots = RootCertStore::empty();
    // A machine without any has an operator who names one, or needs none.
    roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    if let Some(path) = hub_ca {
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
    let config = ClientConfig::builder().with_root_certificates(roots).with_no_client_auth();
    Ok(Arc::new(config))
}

/// A client for requests to the hub.
pub(crate) fn http_client(config: &Arc<ClientConfig>, answer: Duration) -> Result<reqwest::Client> {
    let builder = reqwest::Client::builder().timeout(answer);
    Ok(builder.tls_backend_preconfigured(ClientConfig::clone(config)).build()?)
}
