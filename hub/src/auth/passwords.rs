//! Hashes of PINs and passwords: Argon2id with a pepper, a few at a time, off the async threads.
//!
//! PINs are checked by the agents, which must read what `hash_pin` writes: a PHC string over the
//! material of the protocol. Invariant: what is typed shows in no log and no `Debug`.

use std::sync::Arc;

use argon2::password_hash::{PasswordHasher, PasswordVerifier};
use argon2::{Algorithm, Argon2, Params, Version};
use oneshelf_protocol::pin::pin_material;
use tokio::sync::Semaphore;

/// Hashes that are computed at once; each takes 19 MiB.
const AT_ONCE: usize = 4;

/// The hashing failed for a reason that is not the caller's.
#[derive(Debug, thiserror::Error)]
#[error("a password could not be hashed")]
pub struct HashingFailed;

/// Computes hashes.
#[derive(Clone)]
pub struct Hasher {
    turn: Arc<Semaphore>,
}

impl Default for Hasher {
    fn default() -> Self {
        Self { turn: Arc::new(Semaphore::new(AT_ONCE)) }
    }
}

impl Hasher {
    /// The hash of what was typed.
    ///
    /// # Errors
    /// When there is no memory for it, or the program is stopping.
    pub async fn hash(
        &self,
        pepper: [u8; 32],
        salt: [u8; 16],
        typed: String,
    ) -> Result<String, HashingFailed> {
        let _turn = self.turn.acquire().await.map_err(|_| HashingFailed)?;
        tokio::task::spawn_blocking(move || {
            let argon2 = argon2(&pepper)?;
            let hash = argon2.hash_password_with_salt(typed.as_bytes(), &salt);
            hash.map(|h| h.to_string()).map_err(|_| HashingFailed)
        })
        .await
        .map_err(|_| HashingFailed)?
    }

    /// The hash of a PIN, as agents check it: the pepper is in the material, not in Argon2.
    ///
    /// # Errors
    /// When there is no memory for it, or the program is stopping.
    pub async fn hash_pin(
        &self,
        pepper: [u8; 32],
        salt: [u8; 16],
        pin: String,
    ) -> Result<String, HashingFailed> {
        let _turn = self.turn.acquire().await.map_err(|_| HashingFailed)?;
        tokio::task::spawn_blocking(move || {
            let material = pin_material(&hex::encode(pepper), &pin).ok_or(HashingFailed)?;
            let hash = Argon2::default().hash_password_with_salt(material.as_bytes(), &salt);
            hash.map(|h| h.to_string()).map_err(|_| HashingFailed)
        })
        .await
        .map_err(|_| HashingFailed)?
    }

    /// Whether what was typed has this hash. Without a hash the same work is done in vain, so
    /// that time does not tell who exists.
    ///
    /// # Errors
    /// When the program is stopping.
    pub async fn verify(
        &self,
        pepper: [u8; 32],
        hash: Option<String>,
        typed: String,
    ) -> Result<bool, HashingFailed> {
        let _turn = self.turn.acquire().await.map_err(|_| HashingFailed)?;
        tokio::task::spawn_blocking(move || {
            let argon2 = argon2(&pepper)?;
            Ok(match hash {
                Some(hash) => argon2.verify_password(typed.as_bytes(), hash.as_str()).is_ok(),
                None => {
                    let _ = argon2.hash_password_with_salt(typed.as_bytes(), &[0; 16]);
                    false
                }
            })
        })
        .await
        .map_err(|_| HashingFailed)?
    }
}

fn argon2(pepper: &[u8; 32]) -> Result<Argon2<'_>, HashingFailed> {
    let made =
        Argon2::new_with_secret(pepper, Algorithm::Argon2id, Version::V0x13, Params::default());
    made.map_err(|_| HashingFailed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_pin_is_checked_as_agents_do() {
        let hash = Hasher::default().hash_pin([1; 32], [2; 16], "1234".into()).await.unwrap();
        let is = |pepper: [u8; 32], pin| {
            let material = pin_material(&hex::encode(pepper), pin).unwrap();
            Argon2::default().verify_password(material.as_bytes(), hash.as_str()).is_ok()
        };
        assert!(is([1; 32], "1234"));
        assert!(!is([1; 32], "1235") && !is([9; 32], "1234"));
    }

    #[tokio::test]
    async fn a_hash_needs_its_pepper() {
        let hasher = Hasher::default();
        let hash = hasher.hash([1; 32], [2; 16], "1234".into()).await.unwrap();
        assert!(hash.starts_with("$argon2id$v=19$"), "{hash}");
        assert!(hasher.verify([1; 32], Some(hash.clone()), "1234".into()).await.unwrap());
        assert!(!hasher.verify([1; 32], Some(hash.clone()), "1235".into()).await.unwrap());
        assert!(!hasher.verify([9; 32], Some(hash), "1234".into()).await.unwrap());
        assert!(!hasher.verify([1; 32], None, "1234".into()).await.unwrap());
    }
}
