//! TLS on the hub's listeners: certificates that are read anew while connections stay, handshakes
//! that cost a slow client its turn and nobody else theirs.
//!
//! It knows files, keys and handshakes, no route and no frame. Invariant: a pair of files that does
//! not fit never takes the place of one that did, and no key shows in `Debug` or a log.

pub(crate) mod files;
mod handshakes;
pub mod roots;

use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::time::Duration;

use oneshelf_domain::Timestamp;
use oneshelf_protocol::certificate::Certificate;
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use tokio::net::TcpStream;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;
use tokio_util::sync::CancellationToken;

use crate::app::Clock;
use files::Pair;
use handshakes::Handshakes;

pub use files::FilesError;

/// How often the files are looked at.
const LOOK: Duration = Duration::from_secs(10);
/// From here on the log speaks of the certificate's end, milliseconds (14 days).
pub const ENDS_SOON_MS: i64 = 14 * 24 * 60 * 60 * 1_000;
/// How often it does, milliseconds (12 hours).
const SAY_AGAIN_MS: i64 = 12 * 60 * 60 * 1_000;

/// Where certificate and key are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Files {
    /// PEM: the hub's certificate, then those that lead to the root.
    pub certificate: PathBuf,
    /// PEM: its key. Nobody but the hub's user, or root and a group of its own, may read it.
    pub key: PathBuf,
}

/// What is spoken inside, as a client may ask for it (ALPN).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Inside {
    /// HTTP/1.1, and WebSocket with it.
    Http,
    /// MQTT, which many clients do not name.
    Mqtt,
}

/// Chooses ring, once; for clients too. Whoever speaks TLS in this program calls it first.
pub fn use_ring() {
    // A second call finds it chosen.
    let _ = rustls::crypto::ring::default_provider().install_default();
}

/// The hub's certificate, ready for handshakes.
pub struct Tls {
    files: Files,
    current: Arc<Current>,
    /// What was read last, good or bad: the same bytes are not tried twice.
    tried: Mutex<Vec<u8>>,
    http: TlsAcceptor,
    mqtt: TlsAcceptor,
    handshakes: Handshakes,
}

impl std::fmt::Debug for Tls {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Tls").field("files", &self.files).finish_non_exhaustive()
    }
}

/// The pair that new handshakes get.
#[derive(Debug)]
struct Current(RwLock<(Arc<CertifiedKey>, Certificate)>);

impl ResolvesServerCert for Current {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(self.0.read().unwrap_or_else(PoisonError::into_inner).0.clone())
    }
}

impl Tls {
    /// Reads certificate and key.
    ///
    /// # Errors
    /// When a file cannot be read, others may read the key, or the two do not belong together.
    pub fn open(files: Files) -> Result<Arc<Self>, FilesError> {
        use_ring();
        let Pair { key, certificate, digest } = files::read(&files)?;
        let current = Arc::new(Current(RwLock::new((key, certificate))));
        let tls = Self {
            http: acceptor(&current, &[b"http/1.1"])?,
            mqtt: acceptor(&current, &[])?,
            tried: Mutex::new(digest),
            handshakes: Handshakes::default(),
            current,
            files,
        };
        tls.measure();
        Ok(Arc::new(tls))
    }

    /// What the certificate in use says.
    pub fn certificate(&self) -> Certificate {
        self.current.0.read().unwrap_or_else(PoisonError::into_inner).1.clone()
    }

    /// The acceptor of a listener; certificates change beneath it.
    pub fn acceptor(&self, inside: Inside) -> &TlsAcceptor {
        match inside {
            Inside::Http => &self.http,
            Inside::Mqtt => &self.mqtt,
        }
    }

    /// Does a handshake within its time. None when there is nobody to talk to: what came was no
    /// TLS, or too slow, or one of so many at once that the oldest had to go.
    pub async fn accept(&self, inside: Inside, stream: TcpStream) -> Option<TlsStream<TcpStream>> {
        match self.handshakes.run(self.acceptor(inside), stream, inside).await {
            Ok(stream) => Some(stream),
            Err(why) => {
                metrics::counter!("oneshelf_tls_refused_total", "why" => why.name()).increment(1);
                tracing::debug!(why = why.name(), "a TLS connection was not made");
                None
            }
        }
    }

    /// Reads the files again. True when a new pair is in use from now on.
    ///
    /// # Errors
    /// When they do not fit; the pair before stays in use.
    pub fn reload(&self) -> Result<bool, FilesError> {
        let digest = files::digest(&self.files)?;
        let mut tried = self.tried.lock().unwrap_or_else(PoisonError::into_inner);
        if *tried == digest {
            return Ok(false);
        }
        *tried = digest;
        let Pair { key, certificate, digest } = files::read(&self.files)?;
        // They may have changed again in between.
        *tried = digest;
        *self.current.0.write().unwrap_or_else(PoisonError::into_inner) = (key, certificate);
        self.measure();
        Ok(true)
    }

    /// As [`Tls::reload`], and says in the log what came of it.
    pub fn reload_and_say(&self) {
        match self.reload() {
            Ok(false) => {}
            Ok(true) => {
                let Certificate { ends, names, .. } = self.certificate();
                tracing::info!(%ends, names = names.join(" "), "a new TLS certificate is in use");
            }
            Err(error) => {
                metrics::counter!("oneshelf_tls_reload_failed_total").increment(1);
                tracing::error!(
                    %error,
                    "the new TLS certificate or key is not good; the one before stays in use"
                );
            }
        }
    }

    fn measure(&self) {
        let seconds = self.certificate().ends.0 as f64 / 1_000_000.0;
        metrics::gauge!("oneshelf_tls_certificate_ends_seconds").set(seconds);
    }

    /// Looks at the files and at the certificate's end, until the stop.
    pub async fn keep(self: Arc<Self>, clock: Clock, stop: CancellationToken) {
        let mut said: Option<Timestamp> = None;
        loop {
            let now = clock();
            let left_ms = self.certificate().ends.ms_since(now);
            let due = said.is_none_or(|said| now.ms_since(said) >= SAY_AGAIN_MS);
            if left_ms < ENDS_SOON_MS && due {
                said = Some(now);
                let ends = self.certificate().ends;
                if left_ms <= 0 {
                    tracing::error!(%ends, "the TLS certificate has ended: nobody can connect");
                } else {
                    tracing::warn!(%ends, "the TLS certificate ends soon: renew it");
                }
            }
            tokio::select! {
                () = stop.cancelled() => return,
                () = tokio::time::sleep(LOOK) => {}
            }
            let this = Arc::clone(&self);
            // Files on a slow disk must not hold a thread that answers.
            let _ = tokio::task::spawn_blocking(move || this.reload_and_say()).await;
        }
    }
}

fn acceptor(current: &Arc<Current>, protocols: &[&[u8]]) -> Result<TlsAcceptor, FilesError> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut config = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(FilesError::Unusable)?
        .with_no_client_auth()
        .with_cert_resolver(current.clone());
    config.alpn_protocols = protocols.iter().map(|p| p.to_vec()).collect();
    Ok(TlsAcceptor::from(Arc::new(config)))
}
