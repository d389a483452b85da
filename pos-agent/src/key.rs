//! The agent's Ed25519 key: made here, kept in a file that only its owner reads.
//!
//! It never leaves this machine; the hub knows the public half. Invariant: an existing key is
//! never overwritten, and the file's mode is 0600 from its first byte on.

use std::path::Path;

use anyhow::{Context, Result, anyhow};
use ed25519_dalek::{Signer, SigningKey};
use oneshelf_domain::{AgentId, Timestamp};
use oneshelf_protocol::credential::{Credential, signed_text};
use uuid::Uuid;

use crate::folder;

/// Its file in the data folder.
pub(crate) const FILE: &str = "agent.key";

/// The key; its `Debug` shows nothing.
pub(crate) struct AgentKey(SigningKey);

impl std::fmt::Debug for AgentKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("AgentKey(..)")
    }
}

impl AgentKey {
    /// The key of this data folder.
    pub(crate) fn read(data: &Path) -> Result<Self> {
        let path = data.join(FILE);
        let text = std::fs::read_to_string(&path)
            .with_context(|| format!("the agent's key {} cannot be read", path.display()))?;
        let seed = hex::decode(text.trim()).ok().and_then(|b| <[u8; 32]>::try_from(b).ok());
        let seed = seed.ok_or_else(|| anyhow!("{} holds no key", path.display()))?;
        Ok(Self(SigningKey::from_bytes(&seed)))
    }

    /// The key of this data folder, made now if there is none. Nobody else may be doing so.
    pub(crate) fn read_or_make(data: &Path) -> Result<Self> {
        if data.join(FILE).exists() {
            return Self::read(data);
        }
        let mut seed = [0u8; 32];
        getrandom::fill(&mut seed).map_err(|e| anyhow!("no random bytes: {e}"))?;
        folder::keep_secret(data, FILE, &hex::encode(seed))?;
        Ok(Self(SigningKey::from_bytes(&seed)))
    }

    /// The public half, hex.
    pub(crate) fn public(&self) -> String {
        hex::encode(self.0.verifying_key().to_bytes())
    }

    /// Signs bytes.
    pub(crate) fn sign(&self, bytes: &[u8]) -> [u8; 64] {
        self.0.sign(bytes).to_bytes()
    }

    /// A credential for one connection.
    pub(crate) fn credential(
        &self,
        agent: AgentId,
        hub_id: &str,
        transport: &str,
        issued_at: Timestamp,
    ) -> Credential {
        let nonce = Uuid::new_v4();
        let text = signed_text(hub_id, transport, issued_at, nonce);
        let signature = hex::encode(self.0.sign(text.as_bytes()).to_bytes());
        Credential { agent, issued_at, nonce, signature }
    }
}
