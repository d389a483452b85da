//! Moves what is committed from SQLite's write-ahead log into its file, off the commit path.
//!
//! A passive checkpoint never makes a writer wait, but under steady writing it never gets to the
//! end either, and only a log that was emptied starts over. So when the log has grown long, the
//! last stretch is done while this task holds the writing connection: a few pages. A log that
//! starts over again and again keeps its blocks, which makes its flushes cheaper. While it looks at
//! the log it looks at the disk, and whether the file is still the one that was opened.

use std::sync::Arc;
use std::time::Duration;

use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{ConnectOptions, SqliteConnection, SqlitePool};

use super::behind::{Behind, Newest, Opened};
use super::disk::{Disk, Sign};
use super::lock::beside;
use super::{Storage, StoreError};

/// How often the log is looked at, milliseconds.
const LOOK_MS: u64 = 200;
/// From here on a checkpoint is worth its flush, bytes.
const LOG_BYTES_SOME: u64 = 32 << 20;
/// From here on the writer waits for the rest, pages.
const LOG_PAGES_LONG: i64 = 16_384;

pub(super) async fn keep(opened: Opened, write: SqlitePool, (disk, newest): (Sign, Arc<Newest>)) {
    let log = beside(&opened.path, "-wal");
    let options = SqliteConnectOptions::new().filename(&opened.path);
    let mut connection = None;
    let mut look = tokio::time::interval(Duration::from_millis(LOOK_MS));
    look.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        look.tick().await;
        disk.look(&opened.path);
        if opened.was_replaced() && !write.is_closed() {
            // What is open has no name any more: all that is written goes with the program.
            newest.put(Behind::Replaced);
            return;
        }
        if tokio::fs::metadata(&log).await.map_or(0, |m| m.len()) < LOG_BYTES_SOME {
            continue;
        }
        if connection.is_none() {
            connection = options.connect().await.ok();
        }
        let Some(conn) = connection.as_mut() else { continue };
        match once(conn, &write).await {
            Ok(()) => {}
            Err(sqlx::Error::PoolClosed) => return,
            Err(error) => {
                tracing::warn!(%error, "a checkpoint of the database failed; it is tried again");
                connection = None;
                if StoreError::from(error).storage() == Some(Storage::Failed) {
                    disk.put(Disk::Failed);
                }
            }
        }
    }
}

async fn once(conn: &mut SqliteConnection, write: &SqlitePool) -> Result<(), sqlx::Error> {
    let passive = "pragma wal_checkpoint(passive)";
    let (_, pages, _): (i64, i64, i64) = sqlx::query_as(passive).fetch_one(conn).await?;
    if pages > LOG_PAGES_LONG {
        let mut writer = write.acquire().await?;
        sqlx::query(passive).fetch_optional(&mut *writer).await?;
    }
    Ok(())
}
