//! One attempt at a batch: one transaction from the lock of `head` to its commit.
//!
//! It keeps the rows that it knows between batches, as long as nobody else wrote. Invariant:
//! whatever fails, what it knew is forgotten, so that a state never runs ahead of the tables.

use oneshelf_domain::stock::{State, Version};
use oneshelf_domain::{CommandId, Timestamp, limits};
use oneshelf_sync::plan::{Plan, Reply, Submission, TooManyRounds, needs};

use crate::store::{self, HeadRow, Store, StoreError, Tx};

/// Why a batch was not stored.
#[derive(Debug, thiserror::Error)]
pub(super) enum Trouble {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(transparent)]
    Rounds(#[from] TooManyRounds),
    #[error("deciding failed: {0}")]
    Panic(String),
}

impl Trouble {
    /// True when the same batch may be stored if it is tried again.
    pub(super) fn passing(&self) -> bool {
        matches!(self, Trouble::Store(error) if error.passing())
    }

    pub(super) fn connection_lost(&self) -> bool {
        matches!(self, Trouble::Store(error) if error.connection_lost())
    }
}

/// What was stored of a batch.
pub(super) struct Done {
    pub replies: Vec<Reply>,
    /// The newest version of the tables, whoever made it.
    pub version: Version,
}

/// Rows as the last batch left them.
#[derive(Default)]
pub(super) struct Cache(Option<Kept>);

struct Kept {
    state: State,
    epoch: i64,
    version: Version,
    batch: i64,
}

impl Cache {
    /// Decides and stores a batch. Until it returns well, the cache is empty.
    pub(super) async fn attempt(
        &mut self,
        store: &Store,
        now: Timestamp,
        batch: &[Submission],
    ) -> Result<Done, Trouble> {
        let kept = self.0.take();
        let mut tx = store.begin_write().await?;
        let head = store::lock_head(&mut tx).await?;
        let mut state = warm(&mut tx, kept, &head).await?;
        let ids: Vec<CommandId> = batch.iter().map(|s| s.id).collect();
        let known = store::known(&mut tx, &ids).await?;
        let mut plan = Plan::new(head.head.clone(), now, known);
        let mut missing = needs(batch, &state);
        loop {
            store::load(&mut tx, &mut state, &missing).await?;
            missing = plan.run(&mut state, batch)?;
            if missing.is_empty() {
                break;
            }
        }
        let writes = plan.finish(&state);
        let mut kept =
            Kept { state, epoch: head.head.epoch, version: head.head.version, batch: head.batch };
        if writes.is_empty() {
            // Replays and answers that nobody will ask for again: nothing to make durable.
            tx.rollback().await?;
        } else {
            kept.batch += 1;
            store::flush(&mut tx, &writes, kept.batch).await?;
            tx.commit().await?;
            kept.version = writes.head.version;
        }
        let version = kept.version;
        if kept.state.rows() > limits::CACHE_ROWS_MAX {
            kept.state = only_records(kept.state);
        }
        self.0 = Some(kept);
        Ok(Done { replies: writes.replies, version })
    }
}

fn only_records(state: State) -> State {
    let mut fresh = State::default();
    fresh.records = state.records;
    fresh
}

/// The state to decide on: what was kept, if nobody wrote since; else the records alone, with
/// what changed of them.
async fn warm(tx: &mut Tx, kept: Option<Kept>, head: &HeadRow) -> Result<State, StoreError> {
    let same_epoch = kept.filter(|k| k.epoch == head.head.epoch && k.version <= head.head.version);
    let (mut state, after) = match same_epoch {
        Some(k) if k.batch == head.batch && k.version == head.head.version => return Ok(k.state),
        Some(k) => (only_records(k.state), k.version),
        None => (State::default(), Version(0)),
    };
    for (key, version, record) in store::records_since(tx, after).await? {
        match record {
            Some(record) => state.records.put(version, record),
            None => state.records.remove(&key),
        }
    }
    Ok(state)
}
