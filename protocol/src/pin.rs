//! What is hashed of a PIN: hub and agent must agree on it to the byte.
//!
//! Argon2id then runs over this text. The pepper is a key outside the database, so that a stolen
//! copy of the hashes alone cannot be tried for the few PINs that there are.

use sha2::{Digest, Sha256};

/// SHA-256, hex, over the pepper's bytes, a colon and the PIN. None: the pepper is no hex.
pub fn pin_material(pepper_hex: &str, pin: &str) -> Option<String> {
    let pepper = hex::decode(pepper_hex).ok()?;
    let mut hasher = Sha256::new();
    hasher.update(pepper);
    hasher.update(b":");
    hasher.update(pin.as_bytes());
    Some(hex::encode(hasher.finalize()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_material_depends_on_pepper_and_pin_and_never_changes() {
        let known = "1976a3916d09b784c0765376dd8490c6b654a63d805df1366c442dc78e7fe519";
        let material = pin_material("00ff", "1234").unwrap();
        assert_eq!(material, known);
        assert_ne!(material, pin_material("00fe", "1234").unwrap());
        assert_ne!(material, pin_material("00ff", "1235").unwrap());
        assert_eq!(pin_material("xyz", "1234"), None);
    }
}
