//! Certificate and key as they lie on the disk: read, judged, never written.
//!
//! Invariant: a key that everybody on the machine can read is not used, and an error says what to
//! do about it.

use std::fs::{self, Metadata};
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::Path;
use std::sync::Arc;

use oneshelf_protocol::certificate::{self, Certificate};
use rustls::crypto::ring;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::sign::CertifiedKey;
use sha2::{Digest, Sha256};

use super::Files;

const OTHERS: u32 = 0o007;
const GROUP: u32 = 0o070;

/// Why certificate and key cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum FilesError {
    /// A file cannot be read.
    #[error("{path} cannot be read: {cause}")]
    Unreadable {
        /// Which.
        path: String,
        /// Why.
        cause: std::io::Error,
    },
    /// Everybody can read the key.
    #[error(
        "the TLS key {0} can be read by other users (mode {1:03o}): chmod 600 {0}, or let it \
         belong to root and a group of the hub's with mode 640"
    )]
    Open(String, u32),
    /// There is no certificate in the file.
    #[error("{0} holds no certificate in PEM; the hub's comes first, then those that signed it")]
    NoCertificate(String),
    /// There is no key in the file.
    #[error("{0} holds no private key in PEM (PKCS#8, PKCS#1 or SEC1, without a passphrase)")]
    NoKey(String),
    /// The two do not belong together, or rustls does not know the kind of key.
    #[error("the TLS certificate {certificate} and the key {key} do not fit: {cause}")]
    Unfit {
        /// Certificate.
        certificate: String,
        /// Key.
        key: String,
        /// Why.
        cause: rustls::Error,
    },
    /// No acceptor can be made at all.
    #[error("TLS cannot be used: {0}")]
    Unusable(rustls::Error),
}

/// A certificate with its key, and which bytes they were.
pub(crate) struct Pair {
    pub key: Arc<CertifiedKey>,
    pub certificate: Certificate,
    pub digest: Vec<u8>,
}

fn bytes(path: &Path) -> Result<Vec<u8>, FilesError> {
    let shown = || path.display().to_string();
    fs::read(path).map_err(|cause| FilesError::Unreadable { path: shown(), cause })
}

/// Which bytes lie there now.
pub(super) fn digest(files: &Files) -> Result<Vec<u8>, FilesError> {
    let about = about_key(files)?;
    Ok(digest_of(&about, &bytes(&files.certificate)?, &bytes(&files.key)?))
}

fn about_key(files: &Files) -> Result<Metadata, FilesError> {
    let path = files.key.display().to_string();
    fs::metadata(&files.key).map_err(|cause| FilesError::Unreadable { path, cause })
}

/// Who may read the key counts too: the same bytes are tried again once nobody else can.
fn digest_of(about: &Metadata, certificate: &[u8], key: &[u8]) -> Vec<u8> {
    let mut digest = Sha256::new();
    digest.update(about.permissions().mode().to_be_bytes());
    digest.update(about.uid().to_be_bytes());
    digest.update((certificate.len() as u64).to_be_bytes());
    digest.update(certificate);
    digest.update(key);
    digest.finalize().to_vec()
}

/// Whether nobody can read the key who should not: a group only of root's files.
fn is_closed(about: &Metadata) -> bool {
    let mode = about.permissions().mode();
    mode & OTHERS == 0 && (mode & GROUP == 0 || about.uid() == 0)
}

/// Reads both and sees whether they fit.
pub(crate) fn read(files: &Files) -> Result<Pair, FilesError> {
    let named = |path: &Path| path.display().to_string();
    let about = about_key(files)?;
    if !is_closed(&about) {
        return Err(FilesError::Open(named(&files.key), about.permissions().mode() & 0o777));
    }
    let (chain, key) = (bytes(&files.certificate)?, bytes(&files.key)?);
    let digest = digest_of(&about, &chain, &key);
    let chain: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&chain).collect();
    let chain = chain.unwrap_or_default();
    let first = chain.first().and_then(|first| certificate::read(first));
    let certificate = first.ok_or_else(|| FilesError::NoCertificate(named(&files.certificate)))?;
    let key = PrivateKeyDer::from_pem_slice(&key);
    let key = key.map_err(|_| FilesError::NoKey(named(&files.key)))?;
    let unfit = |cause| FilesError::Unfit {
        certificate: named(&files.certificate),
        key: named(&files.key),
        cause,
    };
    let key = CertifiedKey::from_der(chain, key, &ring::default_provider()).map_err(unfit)?;
    Ok(Pair { key: Arc::new(key), certificate, digest })
}
