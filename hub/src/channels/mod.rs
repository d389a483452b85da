//! Channels: telling each what it may offer, taking in what it sends.
//!
//! The shell around the connectors: it resolves, connects, retries and keeps; what bytes mean is
//! theirs. Figures come from the stock (`feed`), go out (`send`), and orders come in (`orders`).
//! Invariant: whatever is told or taken is in the database first, so a hub that dies loses nothing.

mod bucket;
mod claims;
mod feed;
mod lines;
mod orders;
pub mod outgoing;
mod places;
mod send;

use std::sync::Arc;
use std::time::Duration;

use oneshelf_connectors::Secret;
use oneshelf_domain::record::{Channel, ChannelSecret, RecordState};
use oneshelf_domain::{Timestamp, limits};
use tokio::sync::Notify;
use tokio::task::JoinHandle;

use crate::app::App;
use crate::secrets::{Secrets, SecretsError};
pub(crate) use feed::serving;
use outgoing::{Guard, Lookup, Network, Outgoing, system_lookup};

/// How long an endpoint may take to answer.
const ANSWER_MAX: Duration = Duration::from_secs(15);

/// How a hub reaches its channels.
#[derive(Clone)]
pub struct Settings {
    /// Networks that are not public and that may be reached nevertheless.
    pub allowed: Vec<Network>,
    /// Names to addresses.
    pub lookup: Lookup,
    /// How long an endpoint may take.
    pub longest: Duration,
}

impl Default for Settings {
    fn default() -> Self {
        Self { allowed: vec![], lookup: system_lookup(), longest: ANSWER_MAX }
    }
}

/// What requests and jobs share.
pub struct Channels {
    /// The way out.
    pub outgoing: Outgoing,
    /// Something is to be said.
    say: Notify,
    /// Something came in.
    came: Notify,
}

impl Channels {
    /// The channels of a hub.
    ///
    /// # Errors
    /// When there is no way out.
    pub fn new(settings: &Settings) -> Result<Self, reqwest::Error> {
        let guard = Guard::new(settings.allowed.clone());
        let outgoing = Outgoing::new(guard, &settings.lookup, settings.longest)?;
        Ok(Self { outgoing, say: Notify::new(), came: Notify::new() })
    }

    /// There is something to say now.
    pub fn speak(&self) {
        self.say.notify_one();
    }

    /// Something came in.
    pub fn listen(&self) {
        self.came.notify_one();
    }
}

/// Starts all that goes on by itself; it ends with the hub's stop.
pub fn start(app: &App) -> Vec<JoinHandle<()>> {
    vec![
        tokio::spawn(feed::Feed::new(app).run()),
        tokio::spawn(send::Sender::new(app).run()),
        tokio::spawn(orders::Orders::new(app).run()),
    ]
}

/// For whom a channel's secrets are sealed.
fn owner(code: &str) -> String {
    format!("channel/{code}")
}

/// A new secret of a channel, sealed for its record. It follows from the command that makes it, so
/// that a request sent again is answered the same.
///
/// # Errors
/// When it cannot be sealed.
pub fn new_secret(
    secrets: &Secrets,
    code: &str,
    command: &[u8],
) -> Result<(Secret, ChannelSecret), SecretsError> {
    let bytes = secrets.derive("channel secret", command);
    let secret = Secret::new(&bytes).map_err(|_| SecretsError::Sealed)?;
    let sealed = secrets.seal(&owner(code), secret.bytes())?;
    Ok((secret, ChannelSecret { sealed, until: None }))
}

/// The secrets of a channel that are good now, the newest first.
pub fn live_secrets(secrets: &Secrets, channel: &Channel, now: Timestamp) -> Vec<Secret> {
    let live = channel.secrets.iter().filter(|s| s.until.is_none_or(|until| now < until));
    let open = |kept: &ChannelSecret| {
        let bytes = secrets.open_sealed(&owner(channel.code.as_str()), &kept.sealed);
        match bytes.map(|bytes| Secret::new(&bytes)) {
            Ok(Ok(secret)) => Some(secret),
            Ok(Err(_)) | Err(_) => {
                tracing::error!(channel = %channel.code, "a secret of this channel does not open");
                None
            }
        }
    };
    live.take(limits::CHANNEL_SECRETS_MAX).filter_map(open).collect()
}

/// Whether a channel is told anything now.
pub fn is_told(channel: &Channel) -> bool {
    let active = channel.state == RecordState::Active && channel.stopped.is_none();
    active && channel.endpoint.is_some()
}

/// Where a channel is told; empty when nowhere.
fn told_at(channel: &Channel) -> &str {
    channel.endpoint.as_deref().unwrap_or_default()
}

/// For `App`.
pub type Shared = Arc<Channels>;
