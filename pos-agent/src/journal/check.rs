//! Whether a journal may be sold from: looked at before anything of it is used.
//!
//! A damaged one, or one whose newest part is gone, is refused by name and with the way back; it is
//! not changed by a byte. Invariant: what is looked at here is bounded, also in a large journal;
//! `pos-agent doctor` looks at every page.

use std::fs::{self, File, OpenOptions};
use std::io::ErrorKind;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use sqlx::SqliteConnection;

use super::{FILE, Fault, beside, sum};
use crate::{folder, key};

/// Up to here every page is looked at when the agent starts, bytes: half a second of a slow disk.
const WHOLE_MAX_BYTES: u64 = 256 << 20;
/// Of a larger one: what a wrong row of would be sold by.
const VITAL: [&str; 7] = ["life", "totals", "counter", "ticket", "agent", "copy", "cash_session"];
/// There while an agent works on the journal, and after one that did not end in order.
const MARK: &str = "serve.open";

/// The journal's file in a data folder.
pub(crate) fn journal(data: &Path) -> PathBuf {
    data.join(FILE)
}

/// What to do about a journal that cannot be sold from.
pub(crate) fn unfit(data: &Path, what: &str) -> Fault {
    let (file, data) = (journal(data), data.display());
    Fault::Damaged(format!(
        "the journal {} cannot be sold from: {what}. Nothing in it was changed. Keep the folder as \
         it is; save what the hub has not answered, as far as it can be read: pos-agent \
         export-unsent unsent.jsonl --data {data}; put a backup back, which takes along what can \
         be read: pos-agent restore BACKUP --replace --data {data}. Without a backup join anew \
         with another folder and hand it the facts: pos-agent import-unsent unsent.jsonl",
        file.display()
    ))
}

/// Whether what could not be done is writing. 8 and 14 with their extensions are SQLite's read-only
/// database and a file that it cannot open, or not make beside it.
pub(super) fn is_read_only(fault: &Fault) -> bool {
    match fault {
        Fault::Database(sqlx::Error::Database(error)) => {
            let code = error.code().and_then(|code| code.parse::<i64>().ok());
            matches!(code.map(|code| code & 0xff), Some(8 | 14))
        }
        Fault::Database(sqlx::Error::Io(error)) => {
            matches!(error.kind(), ErrorKind::PermissionDenied | ErrorKind::ReadOnlyFilesystem)
        }
        _ => false,
    }
}

/// What to do about it.
pub(super) fn read_only(data: &Path, fault: &Fault) -> Fault {
    let file = journal(data);
    Fault::ReadOnly(format!(
        "{} cannot be opened to be written ({fault}): {}. Nothing in it was changed",
        file.display(),
        folder::WRITES
    ))
}

/// Before the journal is opened to be written. A folder that joined a shop has one.
pub(super) fn files(data: &Path) -> Result<(), Fault> {
    let length = fs::metadata(journal(data)).map(|about| about.len());
    let joined = data.join(key::FILE).exists();
    match length {
        Err(_) if joined => Err(unfit(data, "it is not there, and this folder has joined a shop")),
        Ok(0) if joined => Err(unfit(data, "it is empty")),
        _ if marked(data) && !beside(&journal(data), "-wal").exists() => {
            let what = "its log (-wal) is gone, and with it what was sold last. If this folder was \
                        put back or moved as a whole: pos-agent restore --in-place";
            Err(unfit(data, what))
        }
        _ => Ok(()),
    }
}

/// Looks at pages and rows, and at the facts that the hub is still to be told.
pub(super) async fn pages(db: &mut SqliteConnection, data: &Path) -> Result<(), Fault> {
    let length = fs::metadata(journal(data)).map_or(0, |about| about.len());
    let mut found = vec![];
    if length <= WHOLE_MAX_BYTES {
        found.extend(quick(db, "").await?);
        // What the hub is told of is found by the indexes.
        let sql = "select integrity_check from sqlite_master m, pragma_integrity_check(m.name)
                   where m.type = 'table' and m.name = 'log'";
        found.extend(sqlx::query_scalar::<_, String>(sql).fetch_all(&mut *db).await?);
    } else {
        for table in VITAL {
            found.extend(quick(db, table).await?);
        }
    }
    match found.iter().find(|said| *said != "ok") {
        Some(fault) => Err(unfit(data, &format!("it is damaged ({})", fault.replace('\n', ", ")))),
        None => match sum::unsound(db, false).await? {
            0 => Ok(()),
            n => {
                let what = "facts that the hub has not answered are not what was stored";
                Err(unfit(data, &format!("it is damaged ({n} {what})")))
            }
        },
    }
}

async fn quick(db: &mut SqliteConnection, table: &str) -> Result<Vec<String>, Fault> {
    let (sql, one) = match table {
        "" => ("select quick_check from pragma_quick_check where ? = ''", table),
        _ => ("select quick_check from pragma_quick_check(?)", table),
    };
    Ok(sqlx::query_scalar(sql).bind(one).fetch_all(db).await?)
}

fn marked(data: &Path) -> bool {
    data.join(MARK).exists()
}

/// From now on the journal's log must be there.
pub(crate) fn mark(data: &Path) -> std::io::Result<()> {
    // Without a log there is nothing that could be lost.
    if beside(&journal(data), "-wal").exists() {
        let mark = data.join(MARK);
        let file = OpenOptions::new().create(true).append(true).mode(0o600).open(mark)?;
        file.sync_all()?;
        File::open(data)?.sync_all()?;
    }
    Ok(())
}

/// The journal ends in order, or is another one. False when the mark stays: then the log must stay
/// too, or the next start would miss it.
pub(crate) fn unmark(data: &Path) -> bool {
    match fs::remove_file(data.join(MARK)) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            tracing::warn!(%error, "{MARK} cannot be removed");
            false
        }
        _ => true,
    }
}
