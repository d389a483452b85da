//! An agent's credential: `agent_id.issued_at.nonce.signature`, valid 60 s and once.
//!
//! The signature (Ed25519, hex) is over [`signed_text`]; this file only spells and reads.

use oneshelf_domain::{AgentId, Timestamp};
use uuid::Uuid;

/// A credential as presented.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Credential {
    /// Who claims to speak.
    pub agent: AgentId,
    /// In the hub's time.
    pub issued_at: Timestamp,
    /// Used once.
    pub nonce: Uuid,
    /// Hex.
    pub signature: String,
}

/// What is signed: fields that cannot contain the separator.
pub fn signed_text(hub_id: &str, transport: &str, issued_at: Timestamp, nonce: Uuid) -> String {
    format!("oneshelf-agent-1\n{hub_id}\n{transport}\n{}\n{}", issued_at.0, nonce.as_simple())
}

impl std::fmt::Display for Credential {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let nonce = self.nonce.as_simple();
        write!(f, "{}.{}.{nonce}.{}", self.agent, self.issued_at.0, self.signature)
    }
}

/// The text is no credential.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("not an agent's credential")]
pub struct NotACredential;

impl std::str::FromStr for Credential {
    type Err = NotACredential;

    fn from_str(text: &str) -> Result<Self, NotACredential> {
        let parts: Vec<&str> = text.split('.').collect();
        let [agent, issued_at, nonce, signature] = parts[..] else { return Err(NotACredential) };
        let hex = signature.len() == 128 && signature.bytes().all(|b| b.is_ascii_hexdigit());
        if !hex {
            return Err(NotACredential);
        }
        Ok(Self {
            agent: agent.parse().map_err(|_| NotACredential)?,
            issued_at: Timestamp(issued_at.parse().map_err(|_| NotACredential)?),
            nonce: Uuid::try_parse(nonce).map_err(|_| NotACredential)?,
            signature: signature.to_owned(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_credential_reads_back() {
        let credential = Credential {
            agent: AgentId(Uuid::from_u128(1)),
            issued_at: Timestamp(5),
            nonce: Uuid::from_u128(2),
            signature: "ab".repeat(64),
        };
        assert_eq!(credential.to_string().parse::<Credential>().unwrap(), credential);
        assert!("a.b.c".parse::<Credential>().is_err());
    }
}
