//! Keys of the hub that live outside its database: in one file of the data folder, mode 0600.
//!
//! Owns making, reading and using them. It must not know who asks. Invariant: no key shows in
//! `Debug`, in a log or in an answer, except the PIN pepper that an enrolled agent is given.

use std::fmt;
use std::fs;
use std::io::Write;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::Path;

use base64::Engine;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use chacha20poly1305::aead::{Aead, KeyInit, Payload};
use chacha20poly1305::{XChaCha20Poly1305, XNonce};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

/// Their file in the folder.
pub(crate) const FILE: &str = "secrets.json";
const KEY_BYTES: usize = 32;
const NONCE_BYTES: usize = 24;

/// Why the keys cannot be had.
#[derive(Debug, thiserror::Error)]
pub enum SecretsError {
    /// The folder or file cannot be read or made.
    #[error("the hub's keys in {path}: {cause}")]
    File {
        /// Which.
        path: String,
        /// Why.
        cause: std::io::Error,
    },
    /// The file is not what this program wrote.
    #[error("the hub's keys in {0} are damaged; bring the file back from a backup")]
    Damaged(String),
    /// A sealed secret does not open with these keys.
    #[error("a sealed secret does not open: the hub's keys are not those it was sealed with")]
    Sealed,
    /// The operating system gave no random bytes.
    #[error("no random bytes from the operating system")]
    Random,
}

/// The hub's keys.
pub struct Secrets {
    pin_pepper: [u8; KEY_BYTES],
    root: [u8; KEY_BYTES],
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Kept {
    pin_pepper: String,
    root: String,
}

impl fmt::Debug for Secrets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secrets(..)")
    }
}

/// Random bytes from the operating system.
///
/// # Errors
/// When there are none.
pub fn random<const N: usize>() -> Result<[u8; N], SecretsError> {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes).map_err(|_| SecretsError::Random)?;
    Ok(bytes)
}

impl Secrets {
    /// New keys that are kept nowhere.
    ///
    /// # Errors
    /// When there are no random bytes.
    pub fn ephemeral() -> Result<Self, SecretsError> {
        Ok(Self { pin_pepper: random()?, root: random()? })
    }

    /// The keys of a data folder; made at the first start.
    ///
    /// # Errors
    /// When the folder or its file cannot be used.
    pub fn open(folder: &Path) -> Result<Self, SecretsError> {
        let path = folder.join(FILE);
        let shown = path.display().to_string();
        let failed = |cause| SecretsError::File { path: shown.clone(), cause };
        fs::DirBuilder::new().recursive(true).mode(0o700).create(folder).map_err(failed)?;
        match fs::read(&path) {
            Ok(bytes) => Self::read(&bytes).ok_or(SecretsError::Damaged(shown)),
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => {
                let made = Self::ephemeral()?;
                if made.keep(&path).map_err(failed)? {
                    return Ok(made);
                }
                // Another hub of this folder was first.
                let bytes = fs::read(&path).map_err(failed)?;
                Self::read(&bytes).ok_or(SecretsError::Damaged(shown))
            }
            Err(e) => Err(failed(e)),
        }
    }

    fn read(bytes: &[u8]) -> Option<Self> {
        let kept: Kept = serde_json::from_slice(bytes).ok()?;
        let key = |text: &str| hex::decode(text).ok()?.try_into().ok();
        Some(Self { pin_pepper: key(&kept.pin_pepper)?, root: key(&kept.root)? })
    }

    /// Writes the whole file under another name first, so that nobody reads half of it. False
    /// when the file is there already.
    fn keep(&self, path: &Path) -> std::io::Result<bool> {
        let kept = Kept { pin_pepper: hex::encode(self.pin_pepper), root: hex::encode(self.root) };
        let text = serde_json::to_string(&kept).map_err(std::io::Error::other)?;
        let beside = path.with_extension(format!("{}.new", std::process::id()));
        let mut file =
            fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(&beside)?;
        file.write_all(text.as_bytes())?;
        file.sync_all()?;
        let first = match fs::hard_link(&beside, path) {
            Ok(()) => true,
            Err(e) if e.kind() == std::io::ErrorKind::AlreadyExists => false,
            Err(e) => return Err(e),
        };
        fs::remove_file(&beside)?;
        Ok(first)
    }

    /// The key that PINs are hashed with, here and in the stores.
    pub fn pin_pepper(&self) -> &[u8; KEY_BYTES] {
        &self.pin_pepper
    }

    /// The key that passwords are hashed with.
    pub fn password_pepper(&self) -> [u8; KEY_BYTES] {
        self.derive("password pepper", b"")
    }

    /// Bytes that only this hub can make, the same every time for the same purpose and seed.
    pub fn derive(&self, purpose: &str, seed: &[u8]) -> [u8; KEY_BYTES] {
        // The key stands in front and the lengths are said: no extension, no two inputs alike.
        let mut inner = Sha256::new();
        inner.update(self.root);
        inner.update((purpose.len() as u64).to_be_bytes());
        inner.update(purpose.as_bytes());
        inner.update(seed);
        let mut outer = Sha256::new();
        outer.update(self.root);
        outer.update(inner.finalize());
        outer.finalize().into()
    }

    /// Seals a secret for the database. It opens only as what it was sealed for.
    ///
    /// The nonce follows from what is sealed, so the same secret looks the same and a request sent
    /// again is the same command; two secrets never share one.
    ///
    /// # Errors
    /// When it is far too long.
    pub fn seal(&self, owner: &str, secret: &[u8]) -> Result<String, SecretsError> {
        let seed = [owner.len().to_string().as_bytes(), b":", owner.as_bytes(), secret].concat();
        let nonce = &self.derive("nonce of a sealed secret", &seed)[..NONCE_BYTES];
        let payload = Payload { msg: secret, aad: owner.as_bytes() };
        let sealed = self.sealing().encrypt(&nonce_of(nonce)?, payload);
        let sealed = sealed.map_err(|_| SecretsError::Sealed)?;
        Ok(STANDARD_NO_PAD.encode([nonce, &sealed].concat()))
    }

    /// Opens what was sealed for this owner.
    ///
    /// # Errors
    /// When it was sealed for another, with another key, or was changed.
    pub fn open_sealed(&self, owner: &str, sealed: &str) -> Result<Vec<u8>, SecretsError> {
        let bytes = STANDARD_NO_PAD.decode(sealed).map_err(|_| SecretsError::Sealed)?;
        let (nonce, sealed) = bytes.split_at_checked(NONCE_BYTES).ok_or(SecretsError::Sealed)?;
        let payload = Payload { msg: sealed, aad: owner.as_bytes() };
        self.sealing().decrypt(&nonce_of(nonce)?, payload).map_err(|_| SecretsError::Sealed)
    }

    fn sealing(&self) -> XChaCha20Poly1305 {
        XChaCha20Poly1305::new(&self.derive("sealed secrets", b"").into())
    }

    /// A name for an address or a shopper that says nothing of it.
    pub fn blind(&self, purpose: &str, text: &str) -> String {
        hex::encode(&self.derive(purpose, text.as_bytes())[..16])
    }
}

fn nonce_of(bytes: &[u8]) -> Result<XNonce, SecretsError> {
    bytes.try_into().map_err(|_| SecretsError::Sealed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sealed_secret_opens_for_its_owner_alone() {
        let secrets = Secrets::ephemeral().unwrap();
        let sealed = secrets.seal("channel/web", b"whsec").unwrap();
        assert_eq!(secrets.open_sealed("channel/web", &sealed).unwrap(), b"whsec");
        assert_eq!(sealed, secrets.seal("channel/web", b"whsec").unwrap());
        assert_ne!(sealed[..20], secrets.seal("channel/web", b"other").unwrap()[..20]);
        assert!(secrets.open_sealed("channel/ebay", &sealed).is_err());
        assert!(Secrets::ephemeral().unwrap().open_sealed("channel/web", &sealed).is_err());
        let mut changed = sealed.clone().into_bytes();
        changed[40] = if changed[40] == b'A' { b'B' } else { b'A' };
        let changed = String::from_utf8(changed).unwrap();
        for wrong in [changed.as_str(), "", "AAAA", "%", &sealed[1..]] {
            assert!(secrets.open_sealed("channel/web", wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn keys_are_kept_and_belong_to_one_user() {
        use std::os::unix::fs::PermissionsExt;
        let folder = std::env::temp_dir().join(format!("oneshelf-secrets-{}", std::process::id()));
        let first = Secrets::open(&folder).unwrap();
        let again = Secrets::open(&folder).unwrap();
        assert_eq!(first.pin_pepper(), again.pin_pepper());
        assert_eq!(first.blind("address", "::1"), again.blind("address", "::1"));
        assert_ne!(first.blind("address", "::1"), first.blind("shopper", "::1"));
        let mode = fs::metadata(folder.join(FILE)).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        fs::write(folder.join(FILE), "{}").unwrap();
        assert!(matches!(Secrets::open(&folder), Err(SecretsError::Damaged(_))));
        fs::remove_dir_all(&folder).unwrap();
    }

    #[test]
    fn keys_do_not_show_in_debug() {
        assert_eq!(format!("{:?}", Secrets::ephemeral().unwrap()), "Secrets(..)");
    }
}
