//! Fingerprints: which command was sent, as 64 hex digits.
//!
//! SHA-256 over the parsed command in canonical JSON (the field order of [`Command`]), with the
//! version of that form in front: a later form never equals an earlier one by chance. A fact's
//! session is left out: it is put around the stored bytes at each sending.

use oneshelf_domain::stock::{Command, Lease};
use sha2::{Digest, Sha256};

/// Version of the canonical form.
const FORM: &[u8] = b"oneshelf-command-1\n";

/// The fingerprint of a command.
pub fn fingerprint(command: &Command) -> String {
    let mut hasher = Sha256::new();
    hasher.update(FORM);
    // The session is the envelope: the same fact comes again in another one.
    let mut bare = command.clone();
    if let Command::Fact { session, .. } = &mut bare {
        *session = Lease::default();
    }
    // Plain data: serde cannot fail on it.
    hasher.update(serde_json::to_vec(&bare).unwrap_or_default());
    hex::encode(hasher.finalize())
}
