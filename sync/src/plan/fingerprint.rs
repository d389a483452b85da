//! Fingerprints: which command was sent, as 64 hex digits.
//!
//! SHA-256 over the parsed command in canonical JSON (the field order of [`Command`]), with the
//! version of that form in front: a later form never equals an earlier one by chance. What is put
//! around a command at each sending is left out: a fact's session, a hold's network address, when
//! a shelf was looked at.

use std::borrow::Cow;

use oneshelf_domain::stock::{Command, Lease, Version};
use sha2::{Digest, Sha256};

/// Version of the canonical form.
const FORM: &[u8] = b"oneshelf-command-1\n";

/// The fingerprint of a command.
pub fn fingerprint(command: &Command) -> String {
    let mut hasher = Sha256::new();
    hasher.update(FORM);
    // Plain data: serde cannot fail on it.
    hasher.update(serde_json::to_vec(&*bare(command)).unwrap_or_default());
    hex(&hasher.finalize())
}

/// The command without what is put around it at each sending.
fn bare(command: &Command) -> Cow<'_, Command> {
    match command {
        // The same fact comes again in another session, the same hold from another network.
        Command::Fact { .. } => {
            let mut bare = command.clone();
            if let Command::Fact { session, .. } = &mut bare {
                *session = Lease::default();
            }
            Cow::Owned(bare)
        }
        // The same fact is booked late after another look at the shelf.
        Command::BookRejected { .. } => {
            let mut bare = command.clone();
            if let Command::BookRejected { as_of, .. } = &mut bare {
                *as_of = Version(0);
            }
            Cow::Owned(bare)
        }
        Command::Reserve { address: Some(_), .. } => {
            let mut bare = command.clone();
            if let Command::Reserve { address, .. } = &mut bare {
                *address = None;
            }
            Cow::Owned(bare)
        }
        _ => Cow::Borrowed(command),
    }
}

/// Bytes as hex digits. Two hashes are written for each command: a digit at a time is too slow.
pub(super) fn hex(bytes: &[u8]) -> String {
    let mut text = vec![0; 2 * bytes.len()];
    // The text has just the room that is needed.
    let _ = ::hex::encode_to_slice(bytes, &mut text);
    String::from_utf8(text).unwrap_or_default()
}
