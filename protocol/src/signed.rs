//! A frame that an agent signs, for a way through a broker of somebody else: `signature.frame`.
//!
//! The broker proves nothing about who speaks, so each frame does. This file only spells and
//! reads; keys are the shells' matter. Invariant: what is signed names hub and agent, so that a
//! frame is good for no other.

use oneshelf_domain::AgentId;

const SIGNATURE_DIGITS: usize = 128;

/// What is signed (Ed25519).
pub fn signed_bytes(hub_id: &str, agent: AgentId, frame: &str) -> Vec<u8> {
    format!("oneshelf-frame-1\n{hub_id}\n{agent}\n{frame}").into_bytes()
}

/// The message: signature in hex, a dot, the frame.
pub fn message(signature: &[u8; 64], frame: &str) -> String {
    format!("{}.{frame}", hex::encode(signature))
}

/// Signature and frame of a message.
pub fn parts(message: &str) -> Option<([u8; 64], &str)> {
    let (signature, frame) = message.split_at_checked(SIGNATURE_DIGITS)?;
    let bytes: [u8; 64] = hex::decode(signature).ok()?.try_into().ok()?;
    Some((bytes, frame.strip_prefix('.')?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_reads_back_and_nothing_else_does() {
        let sent = message(&[7; 64], "{\"kind\":\"pong\"}");
        assert_eq!(parts(&sent), Some(([7; 64], "{\"kind\":\"pong\"}")));
        for bad in ["", "{}", &"g".repeat(130), &"a".repeat(128), &"é".repeat(100)] {
            assert_eq!(parts(bad), None);
        }
    }
}
