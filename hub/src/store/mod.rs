//! The hub's store: one set of bodies in portable SQL, compiled for SQLite and PostgreSQL.
//!
//! SQL lives only here. It knows rows, never rules: what a batch stores was decided before.
//! Invariant: the tables of the write path change only under the lock of `head`
//! (docs/decisions/0001).

pub mod alone;
pub mod audit;
mod behind;
pub mod bell;
mod bulk;
pub mod channels;
mod checkpoint;
pub mod copy;
mod dialect;
pub mod disk;
mod error;
mod flush;
pub mod imports;
pub mod inspect;
pub mod leases;
mod load;
pub mod lock;
pub mod moment;
pub mod nonces;
mod open;
pub mod read;
pub mod records;
mod rejected;
pub mod retention;
mod rows;
pub mod search;
pub mod sessions;
pub mod timers;

pub use behind::{Behind, Moment, Point};
pub use bulk::Bulk;
pub(crate) use dialect::on;
pub use dialect::{Rows, Tx};
pub use disk::Disk;
pub use error::{Storage, StoreError};
pub use flush::flush;
pub use load::{known, load, records_since};
pub use rejected::{RejectedFrame, Settled, keep_rejected, settle_rejected};

use std::path::Path;
use std::sync::Arc;

use oneshelf_domain::Timestamp;
use oneshelf_domain::stock::Version;
use oneshelf_sync::plan::Head;

use crate::store::open::Pools;

const READ_ONLY: &str = "begin isolation level repeatable read read only";

/// Which database.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Engine {
    /// A file.
    Sqlite,
    /// A server.
    Postgres,
}

/// An open database; clones share its connections.
#[derive(Clone)]
pub struct Store(Arc<Pools>);

impl Store {
    /// Opens `sqlite:PATH` or `postgres://...`, checks that the engine is fit, and brings the
    /// tables up to date. A fresh database becomes a hub of its own.
    ///
    /// # Errors
    /// When the database cannot be reached, is too old, or sorts text in another way.
    pub async fn open(url: &str) -> Result<Self, StoreError> {
        Ok(Self(Arc::new(open::open(url).await?)))
    }

    /// As [`Store::open`], of a file that the caller has locked, or that nobody else knows of.
    ///
    /// # Errors
    /// As [`Store::open`].
    pub async fn open_own(path: &Path) -> Result<Self, StoreError> {
        Ok(Self(Arc::new(open::sqlite(path, None).await?)))
    }

    /// As [`Store::open`], of a server's database that the caller has to itself ([`alone::Lock`]).
    ///
    /// # Errors
    /// As [`Store::open`].
    pub async fn open_locked(url: &str) -> Result<Self, StoreError> {
        Ok(Self(Arc::new(open::postgres(url, true).await?)))
    }

    /// Which engine it runs on.
    pub fn engine(&self) -> Engine {
        match &*self.0 {
            Pools::Sqlite { .. } => Engine::Sqlite,
            Pools::Postgres { .. } => Engine::Postgres,
        }
    }

    /// A read-only transaction: everything read in it is of one moment, that of its first query.
    ///
    /// # Errors
    /// When no connection can be had, or the database fell behind.
    pub async fn read(&self) -> Result<Tx, StoreError> {
        self.0.is_not_behind()?;
        Ok(match &*self.0 {
            Pools::Sqlite { read, .. } => Tx::Sqlite(read.begin().await?),
            Pools::Postgres { read, .. } => Tx::Postgres(open::begin(read, READ_ONLY).await?),
        })
    }

    /// A read-only transaction of the write path: it finds every row by key, as
    /// [`Store::begin_write`] does, however small its tables were when a plan was made.
    ///
    /// # Errors
    /// When no connection can be had.
    pub async fn read_by_key(&self) -> Result<Tx, StoreError> {
        self.0.is_not_behind()?;
        Ok(match &*self.0 {
            Pools::Sqlite { .. } => self.read().await?,
            Pools::Postgres { write, .. } => Tx::Postgres(open::begin(write, READ_ONLY).await?),
        })
    }

    /// A writing transaction; keep it short. On SQLite there is one at a time. The write path
    /// takes [`lock_head`] first; everything else must keep out of its tables.
    ///
    /// # Errors
    /// When no connection can be had, the disk has failed, or the database fell behind.
    pub async fn begin_write(&self) -> Result<Tx, StoreError> {
        self.0.is_not_behind()?;
        Ok(match &*self.0 {
            Pools::Sqlite { disk, .. } if disk.get() == Disk::Failed => {
                return Err(StoreError::DiskFailed);
            }
            Pools::Sqlite { write, .. } => Tx::Sqlite(write.begin_with("begin immediate").await?),
            Pools::Postgres { write, .. } => {
                Tx::Postgres(open::begin(write, "begin isolation level read committed").await?)
            }
        })
    }

    /// The counter row and the hub's id, as last committed.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn head(&self) -> Result<(Head, String), StoreError> {
        let mut tx = self.read().await?;
        let head = head(&mut tx).await?;
        tx.rollback().await?;
        Ok((head.head, head.hub_id))
    }

    /// How it stands with the disk under a database that is a file; a server sees to its own.
    pub fn disk(&self) -> Disk {
        match &*self.0 {
            Pools::Sqlite { disk, .. } => disk.get(),
            Pools::Postgres { .. } => Disk::Sound,
        }
    }

    /// Waits until that disk has failed.
    pub async fn disk_failed(&self) {
        if let Pools::Sqlite { disk, .. } = &*self.0 {
            let mut disk = disk.subscribe();
            // It ends with the sign, which this value holds.
            if disk.wait_for(|now| *now == Disk::Failed).await.is_ok() {
                return;
            }
        }
        std::future::pending().await
    }

    /// Tells what a write has met, so that it is shown and acted on.
    pub fn met(&self, trouble: Storage) {
        if let Pools::Sqlite { disk, .. } = &*self.0 {
            disk.put(match trouble {
                Storage::Full => Disk::Full,
                Storage::Failed => Disk::Failed,
            });
        }
    }

    /// How the database was when somebody looked last.
    pub fn newest(&self) -> Moment {
        self.0.newest().seen()
    }

    /// Takes note of how far it is, as a transaction reads it that began behind `before`.
    ///
    /// # Errors
    /// When it is behind that: nothing may rest on what the transaction reads.
    pub async fn look(&self, tx: &mut Tx, before: &Moment, head: &Head) -> Result<(), StoreError> {
        self.0.newest().look(tx, before, head).await
    }

    /// The hash of a version; none: there is no such version.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn hash_at(&self, version: i64) -> Result<Option<String>, StoreError> {
        let mut tx = self.read().await?;
        let hash = hash_at(&mut tx, version).await?;
        tx.rollback().await?;
        Ok(hash)
    }

    /// Takes note of a commit, before anybody is answered.
    pub fn committed(&self, head: &Head) {
        self.0.newest().raise(Moment::of(head));
    }

    /// What made it fall behind what was seen of it.
    pub fn behind(&self) -> Option<Behind> {
        self.0.newest().behind()
    }

    /// Waits until it has fallen behind.
    pub async fn went_behind(&self) -> Behind {
        self.0.newest().went().await
    }

    /// Closes all connections; transactions that are open end first.
    pub async fn close(&self) {
        self.0.close().await;
    }
}

/// The counter row with what the core does not know of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HeadRow {
    /// For planning.
    pub head: Head,
    /// The hub's id.
    pub hub_id: String,
    /// Counts every batch that stored anything, also those without a version: a cache is good
    /// while this stands still.
    pub batch: i64,
}

type HeadColumns = (i64, i64, i64, String, String, i64);

fn head_row((version, epoch, recorded_at, hash, hub_id, batch): HeadColumns) -> HeadRow {
    let (version, recorded_at) = (Version(version), Timestamp(recorded_at));
    HeadRow { head: Head { version, epoch, recorded_at, hash }, hub_id, batch }
}

/// The counter row as this transaction sees it.
///
/// # Errors
/// When the database does not answer.
pub async fn head(tx: &mut Tx) -> Result<HeadRow, StoreError> {
    let sql = "select version, epoch, recorded_at, hash, hub_id, batch from head";
    let row: HeadColumns = on!(tx, conn => sqlx::query_as(sql).fetch_one(conn).await)?;
    Ok(head_row(row))
}

/// The hash of a version; none: there is no such version.
async fn hash_at(tx: &mut Tx, version: i64) -> Result<Option<String>, StoreError> {
    let sql = "select hash from ledger where version = $1";
    Ok(on!(tx, conn => sqlx::query_scalar(sql).bind(version).fetch_optional(conn).await)?)
}

/// The counter row, locked until the end of the transaction: batches go one after another.
///
/// # Errors
/// When the database does not answer.
pub async fn lock_head(tx: &mut Tx) -> Result<HeadRow, StoreError> {
    dialect::lock_head(tx).await.map(head_row)
}
