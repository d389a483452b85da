//! Follows what was committed, by this hub or another one over the same database.
//!
//! It publishes the newest version and the records (settings and rights) of that moment; what
//! changed besides, its subscribers read for themselves. It never writes. Invariant: what it
//! shows is one snapshot of the database, and it goes back only when the epoch was raised.

use std::sync::Arc;
use std::time::Duration;

use oneshelf_domain::record::Records;
use oneshelf_domain::stock::Version;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::store::{Store, StoreError, head, records};

/// How long commits of another hub may go unnoticed.
const POLL: Duration = Duration::from_millis(50);
/// How long a reader waits for his own write.
const WAIT_MAX: Duration = Duration::from_secs(2);

/// A moment of the database.
#[derive(Debug, Clone)]
pub struct Seen {
    /// Everything up to this version is in it.
    pub version: Version,
    /// Raised by a restore.
    pub epoch: i64,
    /// The hash of that version, which stands for all before it.
    pub hash: String,
    /// Settings and rights.
    pub records: Arc<Records>,
}

/// The newest moment; clones share it.
#[derive(Debug, Clone)]
pub struct Follow(watch::Receiver<Arc<Seen>>);

impl Follow {
    /// Loads everything once, then follows until it is stopped.
    ///
    /// # Errors
    /// When the first load fails.
    pub async fn start(
        store: Store,
        committed: watch::Receiver<Version>,
        stop: CancellationToken,
    ) -> Result<(Self, JoinHandle<()>), StoreError> {
        let first = load(&store, None).await?;
        let (publish, seen) = watch::channel(first);
        let task = tokio::spawn(run(store, committed, publish, stop));
        Ok((Self(seen), task))
    }

    /// The newest moment.
    pub fn seen(&self) -> Arc<Seen> {
        self.0.borrow().clone()
    }

    /// Tells of every newer one; in-between ones may be skipped.
    pub fn subscribe(&self) -> watch::Receiver<Arc<Seen>> {
        self.0.clone()
    }

    /// The moment when a version is in it: whoever wrote it reads it. When that takes too long,
    /// the newest there is.
    pub async fn reached(&self, version: Version) -> Arc<Seen> {
        let mut seen = self.0.clone();
        let there = seen.wait_for(|s| s.version >= version);
        match tokio::time::timeout(WAIT_MAX, there).await {
            Ok(Ok(seen)) => seen.clone(),
            _ => self.seen(),
        }
    }
}

async fn run(
    store: Store,
    mut committed: watch::Receiver<Version>,
    publish: watch::Sender<Arc<Seen>>,
    stop: CancellationToken,
) {
    let mut failing = false;
    let mut told = true;
    loop {
        tokio::select! {
            () = stop.cancelled() => return,
            changed = committed.changed(), if told => told = changed.is_ok(),
            () = tokio::time::sleep(POLL) => {}
        }
        let before = publish.borrow().clone();
        match load(&store, Some(&before)).await {
            Ok(seen) => {
                failing = false;
                if !Arc::ptr_eq(&before, &seen) {
                    publish.send_replace(seen);
                }
            }
            Err(error) if !failing => {
                failing = true;
                tracing::warn!(%error, "the newest version cannot be read");
            }
            Err(_) => tokio::time::sleep(POLL).await,
        }
    }
}

/// The moment of now; the same one when nothing was committed since.
async fn load(store: &Store, before: Option<&Arc<Seen>>) -> Result<Arc<Seen>, StoreError> {
    let newest = store.newest();
    let mut tx = store.read().await?;
    let head = head(&mut tx).await?.head;
    store.look(&mut tx, &newest, &head).await?;
    let before = before.filter(|b| b.epoch == head.epoch && b.version <= head.version);
    let seen = match before {
        Some(b) if b.version == head.version => b.clone(),
        Some(b) => {
            let mut records = b.records.clone();
            if records::changed_since(&mut tx, b.version).await? {
                records::catch_up(&mut tx, Arc::make_mut(&mut records), b.version).await?;
            }
            Arc::new(Seen { version: head.version, epoch: head.epoch, hash: head.hash, records })
        }
        None => {
            let mut all = Records::default();
            records::catch_up(&mut tx, &mut all, Version(0)).await?;
            let records = Arc::new(all);
            Arc::new(Seen { version: head.version, epoch: head.epoch, hash: head.hash, records })
        }
    };
    tx.rollback().await?;
    Ok(seen)
}
