//! Backups of a hub whose database is a file: one file that is whole, or none.
//!
//! It knows files and the audit; words are the command line's. Invariant: what stands under the
//! name that was asked for was audited, and nothing half-made ever stands there.

mod marks;
mod restore;

use std::fs::{self, File, OpenOptions};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::{Context, bail, ensure};

use crate::audit::{self, Progress, Report};
use crate::store::Store;
use crate::store::copy::{self, Held};
use crate::store::lock::{Lock, beside, folder_of};

pub use restore::{Accept, Restore, Restored, renew, restore};

/// Behind the name of a backup that is not done.
const PARTIAL: &str = ".partial";
/// Behind the name of one that the audit found something in.
const BROKEN: &str = ".broken";

/// What is told of progress.
pub type Tell<'a> = &'a mut (dyn FnMut(Progress) + Send);

/// A backup that was made.
#[derive(Debug)]
pub struct Made {
    /// Where: not the name that was asked for when the audit found something.
    pub file: PathBuf,
    /// Bytes.
    pub size: u64,
    /// What is in it.
    pub held: Held,
    /// What the audit of it found.
    pub report: Report,
    /// How long copying took.
    pub copied: Duration,
    /// How long looking at it took.
    pub verified: Duration,
}

/// Makes a backup of the database in a file, also while a hub serves from it.
///
/// # Errors
/// When it cannot be made; then nothing is left of it.
pub async fn backup(
    database: &Path,
    file: &Path,
    overwrite: bool,
    tell: Tell<'_>,
) -> anyhow::Result<Made> {
    ensure!(!file.is_dir(), "{} is a folder: name a file in it", file.display());
    if !overwrite && file.exists() {
        bail!("{} is there already: take another name, or say --overwrite", file.display());
    }
    ensure!(database.is_file(), "there is no database {}", database.display());
    ensure!(!same_file(database, file), "{} is the database itself", file.display());
    // Nobody puts another database in its place meanwhile.
    let _lock = Lock::shared(database)?;
    let partial = beside(file, PARTIAL);
    let made = make(database, file, &partial, tell).await;
    if made.is_err() {
        // What is half-made has no use; that it cannot be removed is not what went wrong.
        let _ = fs::remove_file(&partial);
    }
    made
}

async fn make(
    database: &Path,
    file: &Path,
    partial: &Path,
    tell: Tell<'_>,
) -> anyhow::Result<Made> {
    let begun = Instant::now();
    remove(partial)?;
    // SQLite fills an empty file and leaves it as closed as it was made.
    private(partial)?;
    copy::write(database, partial).await.context("the database cannot be copied")?;
    let copied = begun.elapsed();
    let held = copy::examine(partial).await?;
    let store = Store::open_finished(partial).await?;
    let report = audit::audit_with(&store, tell).await;
    store.close().await;
    let report = report.context("the copy cannot be read")?;
    let whole = File::open(partial)?;
    whole.sync_all()?;
    let size = whole.metadata()?.len();
    let file = if report.is_clean() { file.to_owned() } else { beside(file, BROKEN) };
    fs::rename(partial, &file).with_context(|| format!("{}", file.display()))?;
    sync_folder(&file)?;
    let verified = begun.elapsed().saturating_sub(copied);
    Ok(Made { file, size, held, report, copied, verified })
}

/// Makes a file that nobody else may read.
fn private(path: &Path) -> anyhow::Result<File> {
    let made = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path);
    made.with_context(|| format!("{} cannot be made", path.display()))
}

/// Removes a file that may not be there.
fn remove(path: &Path) -> anyhow::Result<()> {
    match fs::remove_file(path) {
        Err(e) if e.kind() != std::io::ErrorKind::NotFound => {
            Err(e).with_context(|| format!("{} cannot be removed", path.display()))
        }
        _ => Ok(()),
    }
}

fn sync_folder(path: &Path) -> anyhow::Result<()> {
    let folder = folder_of(path);
    let synced = File::open(folder).and_then(|folder| folder.sync_all());
    synced.with_context(|| format!("{}", folder.display()))
}

fn same_file(one: &Path, other: &Path) -> bool {
    matches!((one.canonicalize(), other.canonicalize()), (Ok(one), Ok(other)) if one == other)
}
