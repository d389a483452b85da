//! Proving an agent: its credential is signed by the key that it enrolled with, fresh, and new.
//!
//! Knows the credential's spelling through `protocol` only. Invariant: a credential is good once,
//! also with several hubs on one database, and an agent that was revoked proves nothing.

use ed25519_dalek::{Signature, VerifyingKey};
use oneshelf_domain::record::{Agent, RecordState, Records};
use oneshelf_domain::{Timestamp, limits};
use oneshelf_protocol::credential::{Credential, signed_text};

use crate::store::{Store, StoreError, nonces};

/// Of a program that reads over HTTP.
pub const HTTP: &str = "http";
/// Of the link.
pub const WEBSOCKET: &str = "websocket";
/// Of the link over the hub's own MQTT endpoint.
pub const MQTT: &str = "mqtt";

/// How far an agent's idea of the hub's time may be ahead, milliseconds.
const AHEAD_MS_MAX: i64 = 10_000;

/// Why nobody was proven.
#[derive(Debug, thiserror::Error)]
pub enum NotProven {
    /// The credential is wrong, old, used or of somebody who was revoked.
    #[error("this credential proves nothing")]
    Refused,
    /// The database did not say whether it was used.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// A public key as agents send it: 64 hex digits of a point that can sign.
pub fn public_key(hex_digits: &str) -> Option<VerifyingKey> {
    let bytes: [u8; 32] = hex::decode(hex_digits).ok()?.try_into().ok()?;
    VerifyingKey::from_bytes(&bytes).ok().filter(|key| !key.is_weak())
}

/// The agent behind a credential.
///
/// # Errors
/// When it proves nothing, or the database does not answer.
pub async fn prove(
    store: &Store,
    records: &Records,
    hub_id: &str,
    transport: &str,
    text: &str,
    now: Timestamp,
) -> Result<Agent, NotProven> {
    let credential: Credential = text.parse().map_err(|_| NotProven::Refused)?;
    let agent = records.agent(credential.agent).ok_or(NotProven::Refused)?;
    let age = now.ms_since(credential.issued_at);
    let fresh = (-AHEAD_MS_MAX..=limits::CREDENTIAL_MS).contains(&age);
    if agent.state != RecordState::Active
        || !fresh
        || !is_signed(agent, &credential, hub_id, transport)
    {
        return Err(NotProven::Refused);
    }
    let until = credential.issued_at.plus_ms(limits::CREDENTIAL_MS + AHEAD_MS_MAX);
    let name = format!("{}.{}", credential.agent, credential.nonce.as_simple());
    if !nonces::take(store, &name, until, now).await? {
        return Err(NotProven::Refused);
    }
    Ok(agent.clone())
}

fn is_signed(agent: &Agent, credential: &Credential, hub_id: &str, transport: &str) -> bool {
    let text = signed_text(hub_id, transport, credential.issued_at, credential.nonce);
    let signature: Option<[u8; 64]> =
        hex::decode(&credential.signature).ok().and_then(|bytes| bytes.try_into().ok());
    match (public_key(&agent.public_key), signature) {
        (Some(key), Some(bytes)) => {
            key.verify_strict(text.as_bytes(), &Signature::from_bytes(&bytes)).is_ok()
        }
        _ => false,
    }
}
