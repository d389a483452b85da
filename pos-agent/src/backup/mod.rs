//! Backups of a store's journal, and what comes out of one that is damaged: files that are whole,
//! or none.
//!
//! It knows files and folders; rows are the journal's, words the command line's. Invariant: what
//! stands under the name that was asked for was looked at, and nothing half-made ever stands there.

mod restore;
mod unsent;

use std::fs::{self, File, OpenOptions};
use std::io::ErrorKind;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail, ensure};

use crate::journal::{self, Held, beside};

pub(crate) use restore::{Restore, Restored, restore};
pub(crate) use unsent::{export, import};

/// Behind the name of a file that is not done.
const PARTIAL: &str = ".partial";

/// A backup that was made.
#[derive(Debug)]
pub(crate) struct Made {
    /// Bytes.
    pub size: u64,
    /// What is in it.
    pub held: Held,
}

/// Makes a backup of a folder's journal, also while the agent works on it.
///
/// # Errors
/// When it cannot be made; then nothing is left of it.
pub(crate) async fn backup(data: &Path, file: &Path, overwrite: bool) -> Result<Made> {
    let journal = journal::file_in(data);
    ensure!(journal.is_file(), "there is no journal {}", journal.display());
    ensure!(!same_file(&journal, file), "{} is the journal itself", file.display());
    let partial = free_name(file, overwrite)?;
    let made = make(data, file, &partial).await;
    if made.is_err() {
        // What is half-made has no use; that it cannot be removed is not what went wrong.
        let _ = fs::remove_file(&partial);
    }
    made
}

async fn make(data: &Path, file: &Path, partial: &Path) -> Result<Made> {
    // SQLite fills an empty file and leaves it as closed as it was made.
    private(partial)?;
    journal::write(data, partial).await.context("the journal cannot be copied")?;
    let held = journal::examine(partial).await.context("the copy cannot be used")?;
    let size = named(partial, file)?;
    Ok(Made { size, held })
}

/// The name under which a file is made; what a crash left there is gone.
fn free_name(file: &Path, overwrite: bool) -> Result<PathBuf> {
    ensure!(!file.is_dir(), "{} is a folder: name a file in it", file.display());
    if !overwrite && file.exists() {
        bail!("{} is there already: take another name, or say --overwrite", file.display());
    }
    let partial = beside(file, PARTIAL);
    remove(&partial)?;
    Ok(partial)
}

/// Gives a file that is done its name. Answers its size.
fn named(partial: &Path, file: &Path) -> Result<u64> {
    let whole = File::open(partial)?;
    whole.sync_all()?;
    let size = whole.metadata()?.len();
    fs::rename(partial, file).with_context(|| format!("{}", file.display()))?;
    sync_folder(file)?;
    Ok(size)
}

/// Makes a file that nobody else may read.
fn private(path: &Path) -> Result<File> {
    let made = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path);
    made.with_context(|| format!("{} cannot be made", path.display()))
}

/// Removes a file that may not be there.
fn remove(path: &Path) -> Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != ErrorKind::NotFound => {
            Err(error).with_context(|| format!("{} cannot be removed", path.display()))
        }
        _ => Ok(()),
    }
}

fn sync_folder(file: &Path) -> Result<()> {
    let folder = file.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let synced = File::open(folder).and_then(|folder| folder.sync_all());
    synced.with_context(|| format!("{}", folder.display()))
}

fn same_file(one: &Path, other: &Path) -> bool {
    matches!((one.canonicalize(), other.canonicalize()), (Ok(one), Ok(other)) if one == other)
}
