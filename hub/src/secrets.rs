//! Keys of the hub that live outside its database: in one file of the data folder, mode 0600.
//!
//! Owns making, reading and using them. It must not know who asks. Invariant: no key shows in
//! `Debug`, in a log or in an answer, except the PIN pepper that an enrolled agent is given.

use std::fmt;
use std::fs;
use std::io::Write;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::Path;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

const FILE: &str = "secrets.json";
const KEY_BYTES: usize = 32;

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

    /// A name for an address or a shopper that says nothing of it.
    pub fn blind(&self, purpose: &str, text: &str) -> String {
        hex::encode(&self.derive(purpose, text.as_bytes())[..16])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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
