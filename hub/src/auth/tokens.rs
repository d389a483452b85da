//! Secrets of keys, sessions and enrolment: how they look, how they are hashed and compared.
//!
//! Invariant: only hashes are kept. A secret has 256 random bits (a code typed by hand 80), so a
//! plain SHA-256 suffices.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

/// Of the admin secret.
pub const ADMIN: &str = "osa_";
/// Of secret keys.
pub const SECRET: &str = "osk_";
/// Of publishable keys.
pub const PUBLISHABLE: &str = "osp_";
/// Of session cookies.
pub const SESSION: &str = "oss_";

/// Letters of an enrolment code: 32 of them, none that is read as another.
const CODE_LETTERS: &[u8; 32] = b"ABCDEFGHJKLMNPQRSTUVWXYZ23456789";
const CODE_GROUPS: usize = 4;
const CODE_GROUP_LETTERS: usize = 4;

/// A secret as its owner sees it.
pub fn text(prefix: &str, bytes: &[u8; 32]) -> String {
    format!("{prefix}{}", URL_SAFE_NO_PAD.encode(bytes))
}

/// What is kept of a secret.
pub fn hash(secret: &str) -> String {
    hex::encode(Sha256::digest(secret.as_bytes()))
}

/// Compares two hashes in constant time.
pub fn same(a: &str, b: &str) -> bool {
    a.as_bytes().ct_eq(b.as_bytes()).into()
}

/// An enrolment code of 80 bits: four groups of four letters.
pub fn enrolment_code(bytes: &[u8; 32]) -> String {
    // 256 is a multiple of 32, so each letter is as likely as any other.
    let letter = |b: &u8| char::from(CODE_LETTERS[usize::from(*b) % CODE_LETTERS.len()]);
    let groups: Vec<String> = bytes[..CODE_GROUPS * CODE_GROUP_LETTERS]
        .chunks(CODE_GROUP_LETTERS)
        .map(|group| group.iter().map(letter).collect())
        .collect();
    groups.join("-")
}

/// A code as typed: case, spaces and hyphens do not matter.
pub fn normal_code(typed: &str) -> String {
    let letters: Vec<char> = typed
        .chars()
        .filter(|c| c.is_ascii_alphanumeric())
        .map(|c| c.to_ascii_uppercase())
        .take(CODE_GROUPS * CODE_GROUP_LETTERS + 1)
        .collect();
    let groups: Vec<String> =
        letters.chunks(CODE_GROUP_LETTERS).map(|group| group.iter().collect()).collect();
    groups.join("-")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_have_no_look_alikes_and_are_read_leniently() {
        let code = enrolment_code(&[7; 32]);
        assert_eq!(code, "HHHH-HHHH-HHHH-HHHH");
        assert_eq!(normal_code(" hhhh hhhhhhhh-hhhh\n"), code);
        assert!(!CODE_LETTERS.iter().any(|b| b"01IO".contains(b)));
        assert_eq!(normal_code(&"A".repeat(1_000)).len(), 21);
    }

    #[test]
    fn hashes_compare() {
        assert!(same(&hash("osk_a"), &hash("osk_a")));
        assert!(!same(&hash("osk_a"), &hash("osk_b")));
        assert!(!same(&hash("osk_a"), ""));
    }
}
