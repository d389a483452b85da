//! Who works on a SQLite file: a lock beside it, shared by every program that opens the database.
//!
//! `FILE.lock` stays behind, empty: taking it away would let two programs lock two files of one
//! name. It is not the database itself, since closing a second handle of that file would drop the
//! locks that SQLite holds on it. Invariant: while one program has the lock alone, nobody else has
//! it; it ends with the program, however that ends.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{Error, ErrorKind};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt, chown};
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::StoreError;

/// What stands behind the database's name.
const SUFFIX: &str = ".lock";
/// A program that ends has the lock until it is gone, and one that starts another shares it with
/// that one for a moment.
const ENDING_TRIES: u32 = 20;
const ENDING_PAUSE: Duration = Duration::from_millis(50);

/// Held until it is dropped.
#[derive(Debug)]
pub struct Lock {
    _file: File,
}

impl Lock {
    /// Beside other programs that work on the database.
    ///
    /// # Errors
    /// When one has it alone, or the lock's file cannot be had.
    pub fn shared(database: &Path) -> Result<Self, StoreError> {
        let file = open(database)?;
        match file.try_lock_shared() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                let shown = database.display();
                let what = format!("{shown} is being restored; start again when that is done");
                return Err(StoreError::Unfit(what));
            }
            // There are file systems without locks, and a hub must run on them as before.
            Err(TryLockError::Error(error)) => {
                tracing::warn!(%error, "the database cannot be locked against `hub restore`");
            }
        }
        Ok(Self { _file: file })
    }

    /// With nobody beside; who is about to end is waited for, a second at most.
    ///
    /// # Errors
    /// When another program works on the database.
    pub fn alone(database: &Path) -> Result<Self, StoreError> {
        let file = open(database)?;
        for _ in 0..ENDING_TRIES {
            match file.try_lock() {
                Ok(()) => return Ok(Self { _file: file }),
                Err(TryLockError::WouldBlock) => std::thread::sleep(ENDING_PAUSE),
                Err(TryLockError::Error(error)) => return Err(failed(database, &error)),
            }
        }
        Err(in_use(database))
    }
}

/// Another program has the database open.
pub(super) fn in_use(database: &Path) -> StoreError {
    let shown = database.display();
    StoreError::Unfit(format!("{shown} is in use: stop the hub that runs on it first"))
}

/// A name with something behind it, in the same folder.
pub fn beside(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    name.into()
}

fn open(database: &Path) -> Result<File, StoreError> {
    let path = beside(database, SUFFIX);
    let options = || OpenOptions::new().read(true).write(true).to_owned();
    let opened = match options().create_new(true).mode(0o600).open(&path) {
        Ok(file) => {
            belongs_with(&path, database);
            Ok(file)
        }
        // Reading is enough to lock it.
        Err(e) if e.kind() == ErrorKind::AlreadyExists => OpenOptions::new().read(true).open(&path),
        Err(e) => Err(e),
    };
    opened.map_err(|error| failed(&path, &error))
}

fn failed(path: &Path, error: &Error) -> StoreError {
    StoreError::Unfit(format!("{}: {error}", path.display()))
}

/// A file that root made for a hub belongs to the hub's user, as what it stands beside does; where
/// there is no such file yet, as their folder does. Others cannot give files away, and need not.
pub fn belongs_with(path: &Path, other: &Path) {
    let folder = || fs::metadata(folder_of(path));
    let Ok(owner) = fs::metadata(other).or_else(|_| folder()) else { return };
    let Ok(own) = fs::metadata(path) else { return };
    if (own.uid(), own.gid()) != (owner.uid(), owner.gid()) {
        let _ = chown(path, Some(owner.uid()), Some(owner.gid()));
    }
}

/// Where a file lies.
pub fn folder_of(path: &Path) -> &Path {
    path.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."))
}
