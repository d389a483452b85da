//! The demo's folder: data of all programs, the credentials, and which steps are done.
//! It must not know what the steps are. Only its owner can look into it (0700; credentials 0600),
//! and only one demo uses it at a time.

use std::collections::BTreeMap;
use std::fs::{self, DirBuilder, File, OpenOptions, Permissions};
use std::io::{Read, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use super::setup::{Person, Store};
use crate::tree::Tree;

const CREDENTIALS: &str = "credentials.txt";
const ADMIN_SECRET: &str = "admin secret";

pub(crate) struct Folder {
    path: PathBuf,
    /// What a person or a later start must know, by name.
    credentials: BTreeMap<String, String>,
    lock: File,
}

impl Folder {
    pub(crate) fn open(tree: &Tree) -> Result<Self> {
        let path = match std::env::var_os("ONESHELF_DEMO_DIR") {
            Some(path) => tree.root.join(path),
            None => tree.root.join(".demo"),
        };
        Self::open_at(path)
    }

    pub(crate) fn open_at(path: PathBuf) -> Result<Self> {
        DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(&path)
            .and_then(|()| fs::set_permissions(&path, Permissions::from_mode(0o700)))
            .with_context(|| format!("cannot make {}", path.display()))?;
        let lock = File::create(path.join("lock"))?;
        if lock.try_lock().is_err() {
            anyhow::bail!("a demo runs in {} already", path.display());
        }
        fs::create_dir_all(path.join("logs"))?;
        let text = fs::read_to_string(path.join(CREDENTIALS)).unwrap_or_default();
        let pairs = text.lines().filter_map(|line| line.split_once(": "));
        let credentials = pairs.map(|(name, value)| (name.into(), value.into())).collect();
        Ok(Self { path, credentials, lock })
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    pub(crate) fn logs(&self) -> PathBuf {
        self.path.join("logs")
    }

    /// A folder below, as text for a command line.
    pub(crate) fn make(&self, name: &str) -> Result<String> {
        let path = self.path.join(name);
        fs::create_dir_all(&path).with_context(|| format!("cannot make {}", path.display()))?;
        Ok(path.display().to_string())
    }

    pub(crate) fn secret(&self) -> Result<&str> {
        self.credential(ADMIN_SECRET).context("the demo folder holds no admin secret")
    }

    pub(crate) fn keep_secret(&mut self, secret: &str) -> Result<()> {
        self.keep(ADMIN_SECRET, secret)
    }

    pub(crate) fn pin(&self, store: &Store, person: &Person) -> Option<&str> {
        self.credential(&pin_name(store, person))
    }

    /// The person's PIN, made on the first question.
    pub(crate) fn make_pin(&mut self, store: &Store, person: &Person) -> Result<String> {
        if let Some(pin) = self.pin(store, person) {
            return Ok(pin.to_owned());
        }
        let pin = random_digits(person.pin_digits())?;
        self.keep(&pin_name(store, person), &pin)?;
        Ok(pin)
    }

    pub(crate) fn is_done(&self, step: &str) -> bool {
        self.path.join(format!("{step}.done")).exists()
    }

    pub(crate) fn set_done(&self, step: &str) -> Result<()> {
        fs::write(self.path.join(format!("{step}.done")), "")
            .with_context(|| format!("cannot note that {step} is done"))
    }

    fn credential(&self, name: &str) -> Option<&str> {
        self.credentials.get(name).map(String::as_str)
    }

    /// Written whole under another name first: a start that is interrupted loses nothing.
    fn keep(&mut self, name: &str, value: &str) -> Result<()> {
        self.credentials.insert(name.to_owned(), value.to_owned());
        let lines = self.credentials.iter().map(|(name, value)| format!("{name}: {value}\n"));
        let new = self.path.join(format!("{CREDENTIALS}.new"));
        let mut file =
            OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&new)?;
        file.write_all(lines.collect::<String>().as_bytes())?;
        file.sync_all()?;
        fs::rename(&new, self.path.join(CREDENTIALS)).context("cannot keep the credentials")
    }
}

impl Drop for Folder {
    /// A program that is being started holds a copy of the open file for a moment; to close ours
    /// would not be enough.
    fn drop(&mut self) {
        let _ = self.lock.unlock();
    }
}

fn pin_name(store: &Store, person: &Person) -> String {
    format!("PIN of {} in {}", person.code, store.code)
}

/// Digits from the kernel; bytes of 250 and more would favour some of them.
fn random_digits(count: usize) -> Result<String> {
    let mut source = File::open("/dev/urandom").context("no source of randomness")?;
    let mut digits = String::new();
    while digits.len() < count {
        let mut byte = [0];
        source.read_exact(&mut byte)?;
        if byte[0] < 250 {
            digits.push(char::from(b'0' + byte[0] % 10));
        }
    }
    Ok(digits)
}

#[cfg(test)]
mod tests {
    use super::super::setup::STORES;
    use super::*;

    fn path(name: &str) -> PathBuf {
        std::env::temp_dir().join(format!("xtask-demo-{name}-{}", std::process::id()))
    }

    #[test]
    fn a_second_start_finds_what_the_first_one_kept() {
        let path = path("again");
        let mut first = Folder::open_at(path.clone()).unwrap();
        first.keep_secret("osa_1").unwrap();
        let pin = first.make_pin(&STORES[0], &STORES[0].staff[0]).unwrap();
        first.set_done("stores").unwrap();
        drop(first);
        let mut second = Folder::open_at(path.clone()).unwrap();
        assert_eq!(second.secret().unwrap(), "osa_1");
        assert_eq!(second.make_pin(&STORES[0], &STORES[0].staff[0]).unwrap(), pin);
        assert!(second.is_done("stores") && !second.is_done("else"));
        let mode = |name: &str| fs::metadata(path.join(name)).unwrap().permissions().mode() & 0o777;
        assert_eq!((mode(""), mode(CREDENTIALS)), (0o700, 0o600));
        fs::remove_dir_all(path).unwrap();
    }

    #[test]
    fn two_demos_do_not_share_a_folder() {
        let path = path("twice");
        let first = Folder::open_at(path.clone()).unwrap();
        assert!(Folder::open_at(path.clone()).is_err());
        drop(first);
        fs::remove_dir_all(path).unwrap();
    }

    #[test]
    fn digits_are_digits() {
        let digits = random_digits(6).unwrap();
        assert!(digits.len() == 6 && digits.chars().all(|it| it.is_ascii_digit()), "{digits}");
    }
}
