//! Fingerprints: which command was sent, as 64 hex digits.
//!
//! SHA-256 over the parsed command in canonical JSON (the field order of [`Command`]), with the
//! version of that form in front: a later form never equals an earlier one by chance. What is put
//! around a command at each sending is left out: a fact's session, a hold's network address.

use oneshelf_domain::stock::{Command, Lease};
use sha2::{Digest, Sha256};

/// Version of the canonical form.
const FORM: &[u8] = b"oneshelf-command-1\n";

/// The fingerprint of a command.
pub fn fingerprint(command: &Command) -> String {
    let mut hasher = Sha256::new();
    hasher.update(FORM);
    let mut bare = command.clone();
    match &mut bare {
        // The same fact comes again in another session, the same hold from another network.
        Command::Fact { session, .. } => *session = Lease::default(),
        Command::Reserve { address, .. } => *address = None,
        _ => {}
    }
    // Plain data: serde cannot fail on it.
    hasher.update(serde_json::to_vec(&bare).unwrap_or_default());
    hex::encode(hasher.finalize())
}
