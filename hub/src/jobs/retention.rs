//! Deletes what is kept for a while only: one job for all of it.
//!
//! Small batches, each its own transaction, so that the write path never waits long. How long a
//! thing is kept stands in `limits`. Invariant: facts' outcomes, ledger and movements stay.

use std::time::Duration;

use oneshelf_domain::{Timestamp, limits};
use tokio_util::sync::CancellationToken;

use super::{Lease, pause};
use crate::commands::Clock;
use crate::store::{Store, StoreError, Tx, moment, retention};

/// Between two passes.
const EVERY: Duration = Duration::from_secs(600);
/// Between two batches, so that others get the writing connection.
const BREATH: Duration = Duration::from_millis(20);
/// Rows of a batch.
const BATCH_ROWS: i64 = 1_000;

/// A thing that is kept for a while only.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kept {
    /// Events.
    Events,
    /// Outcomes of requests.
    Outcomes,
    /// Nonces of credentials.
    Nonces,
    /// Login sessions.
    Sessions,
    /// Rows of imports that ended.
    Staging,
    /// Imports that ended, and their errors.
    Imports,
    /// What channels were told, and how that went.
    Deliveries,
    /// What channels sent.
    InboxBodies,
    /// Ids of what channels sent, and orders that came to nothing.
    InboxIds,
}

impl Kept {
    /// All of them.
    pub const ALL: [Kept; 9] = [
        Kept::Events,
        Kept::Outcomes,
        Kept::Nonces,
        Kept::Sessions,
        Kept::Staging,
        Kept::Imports,
        Kept::Deliveries,
        Kept::InboxBodies,
        Kept::InboxIds,
    ];
}

/// The job.
pub struct Retention {
    store: Store,
    clock: Clock,
    lease: Lease,
}

impl Retention {
    /// The job, not running yet.
    pub fn new(store: Store, clock: Clock, lasts: Duration) -> Self {
        let lease = Lease::new(store.clone(), "retention", lasts);
        Self { store, clock, lease }
    }

    /// Runs until it is stopped.
    pub async fn run(mut self, stop: CancellationToken) {
        loop {
            for kept in Kept::ALL {
                if let Err(error) = self.clear(kept, &stop).await {
                    tracing::warn!(%error, ?kept, "old rows cannot be deleted now");
                }
            }
            if !pause(EVERY, &stop).await {
                self.lease.give_up().await;
                return;
            }
        }
    }

    /// Deletes everything of a kind that is old enough. Gives how many rows went.
    async fn clear(&mut self, kept: Kept, stop: &CancellationToken) -> Result<u64, StoreError> {
        let mut gone = 0;
        loop {
            if stop.is_cancelled() || !self.lease.held((self.clock)()).await? {
                return Ok(gone);
            }
            let Some(tx) = self.lease.write().await? else { return Ok(gone) };
            let batch = self.delete(tx, kept).await?;
            gone += batch;
            if batch == 0 || !pause(BREATH, stop).await {
                return Ok(gone);
            }
        }
    }

    /// Deletes one batch, whoever has the job. Gives how many rows went.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn batch(&self, kept: Kept) -> Result<u64, StoreError> {
        self.delete(self.store.begin_write().await?, kept).await
    }

    async fn delete(&self, mut tx: Tx, kept: Kept) -> Result<u64, StoreError> {
        let now = (self.clock)();
        let gone = delete(&mut tx, kept, now).await?;
        tx.commit().await?;
        Ok(gone)
    }
}

async fn delete(tx: &mut Tx, kept: Kept, now: Timestamp) -> Result<u64, StoreError> {
    match kept {
        Kept::Events => {
            let before = now.plus_ms(-limits::KEEP_EVENTS_MS);
            let upto = moment::version_at(tx, Timestamp(before.0 - 1)).await?.0;
            retention::events(tx, upto, BATCH_ROWS).await
        }
        Kept::Outcomes => {
            let before = now.plus_ms(-limits::KEEP_OUTCOMES_MS);
            retention::outcomes(tx, before, BATCH_ROWS).await
        }
        Kept::Nonces => retention::nonces(tx, now, BATCH_ROWS).await,
        Kept::Sessions => retention::sessions(tx, now, BATCH_ROWS).await,
        Kept::Staging => retention::staging(tx, now, BATCH_ROWS).await,
        Kept::Deliveries => {
            let before = now.plus_ms(-limits::KEEP_DELIVERIES_MS);
            match retention::deliveries(tx, before, BATCH_ROWS).await? {
                0 => retention::attempts(tx, before, BATCH_ROWS).await,
                gone => Ok(gone),
            }
        }
        Kept::InboxBodies => {
            let before = now.plus_ms(-limits::KEEP_INBOX_BODIES_MS);
            retention::inbox_bodies(tx, before, BATCH_ROWS).await
        }
        Kept::InboxIds => {
            let before = now.plus_ms(-limits::KEEP_INBOX_IDS_MS);
            match retention::inbox_ids(tx, before, BATCH_ROWS).await? {
                0 => retention::ended_orders(tx, before, BATCH_ROWS).await,
                gone => Ok(gone),
            }
        }
        Kept::Imports => {
            let before = now.plus_ms(-limits::KEEP_IMPORTS_MS);
            match retention::import_errors(tx, before, BATCH_ROWS).await? {
                0 => retention::imports(tx, before, BATCH_ROWS).await,
                gone => Ok(gone),
            }
        }
    }
}
