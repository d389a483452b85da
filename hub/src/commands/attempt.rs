//! One attempt at a batch: decided under the lock of `head`, stored, committed.
//!
//! It keeps the rows that it knows between batches, as long as nobody else wrote. While a batch
//! is being stored the next one may be decided ahead: the lock keeps everybody else out, so the
//! tables are what the kept rows say, or get there with this commit. Invariant: whatever fails,
//! what was kept is forgotten, so that it never runs ahead of the tables for longer than that.

use std::collections::{BTreeMap, BTreeSet};

use oneshelf_domain::stock::{State, Version};
use oneshelf_domain::{CommandId, Timestamp, limits};
use oneshelf_sync::plan::{EventRow, Head, Plan, Reply, Submission, TooManyRounds, Writes, needs};

use super::LinesNow;
use crate::store::{self, HeadRow, Storage, Store, StoreError, Tx};

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

    /// True when a row that is stored once is there already.
    pub(super) fn taken(&self) -> bool {
        matches!(self, Trouble::Store(error) if error.taken())
    }

    /// What is wrong with the disk, when that is the trouble.
    pub(super) fn storage(&self) -> Option<Storage> {
        match self {
            Trouble::Store(error) => error.storage(),
            Trouble::Rounds(_) | Trouble::Panic(_) => None,
        }
    }

    pub(super) fn connection_lost(&self) -> bool {
        matches!(self, Trouble::Store(error) if error.connection_lost())
    }
}

/// What was stored of a batch.
pub(super) struct Done {
    pub replies: Vec<Reply>,
    /// How far the tables are, whoever wrote them.
    pub head: Head,
    /// What a person is to look at.
    pub notices: Vec<EventRow>,
}

/// A batch that is decided and holds the lock, or had nothing to store.
pub(super) struct Decided {
    tx: Tx,
    writes: Writes,
    batch: i64,
}

impl Decided {
    /// Stores and commits it.
    pub(super) async fn store(mut self) -> Result<Done, Trouble> {
        if self.writes.is_empty() {
            // Replays and answers that nobody will ask for again: nothing to make durable.
            self.tx.rollback().await?;
        } else {
            store::flush(&mut self.tx, &self.writes, self.batch).await?;
            self.tx.commit().await?;
        }
        let Writes { head, replies, mut events, .. } = self.writes;
        events.retain(EventRow::is_notice);
        Ok(Done { head, replies, notices: events })
    }
}

/// What is decided of a batch whose turn has not come.
pub(super) struct Ahead {
    plan: Plan,
    /// So many of its ids were looked up.
    checked: usize,
}

/// Rows as the last batch leaves them.
pub(super) struct Cache {
    kept: Option<Kept>,
    /// How the lines to the stores look: asked anew for each batch.
    lines: LinesNow,
}

struct Kept {
    state: State,
    head: Head,
    batch: i64,
    /// Ids of the last batch: the tables may not have them yet.
    storing: BTreeSet<CommandId>,
}

impl Cache {
    /// Nothing is known yet.
    pub(super) fn new(lines: LinesNow) -> Self {
        Self { kept: None, lines }
    }

    /// Forgets everything: it may say more than the tables.
    pub(super) fn forget(&mut self) {
        self.kept = None;
    }

    /// Decides a batch under the lock, from where it was decided ahead. Until it returns well,
    /// the cache is empty.
    pub(super) async fn decide(
        &mut self,
        store: &Store,
        now: Timestamp,
        batch: &[Submission],
        ahead: Option<Ahead>,
    ) -> Result<Decided, Trouble> {
        let kept = self.kept.take();
        let newest = store.newest();
        let mut tx = store.begin_write().await?;
        let row = store::lock_head(&mut tx).await?;
        store.look(&mut tx, &newest, &row.head).await?;
        let (mut state, Ahead { mut plan, checked }) = match (kept, ahead) {
            (Some(kept), Some(ahead)) if kept.is(&row) => (kept.state, ahead),
            (kept, ahead) => {
                // What was decided ahead of tables that came out otherwise holds nowhere. Of the
                // rows that were kept for it only records are used again.
                let spoilt = ahead.is_some_and(|a| a.plan.changes_records());
                let kept = if spoilt { None } else { kept };
                let state = warm(&mut tx, kept, &row).await?;
                let plan = Plan::new(row.head.clone(), now, BTreeMap::new());
                (state, Ahead { plan, checked: 0 })
            }
        };
        plan.later(now);
        state.lines = (self.lines)();
        let ids: Vec<CommandId> = batch[checked..].iter().map(|s| s.id).collect();
        if !ids.is_empty() {
            plan.know(store::known(&mut tx, &ids).await?);
        }
        let mut missing = needs(&batch[plan.decided()..], &state);
        loop {
            store::load(&mut tx, &mut state, &missing).await?;
            missing = plan.run(&mut state, batch)?;
            if missing.is_empty() {
                break;
            }
        }
        let writes = plan.finish(&state);
        let batch_no = row.batch + i64::from(!writes.is_empty());
        let storing = batch.iter().map(|s| s.id).collect();
        self.kept = Some(Kept { state, head: writes.head.clone(), batch: batch_no, storing });
        Ok(Decided { tx, writes, batch: batch_no })
    }

    /// Decides the first commands of the next batch while the last one is being stored; `read` is
    /// one look at the tables for all of its parts. It may be dropped at any await.
    pub(super) async fn ahead(
        &mut self,
        store: &Store,
        now: Timestamp,
        batch: &[Submission],
        ahead: &mut Option<Ahead>,
        read: &mut Option<Tx>,
    ) -> Result<(), Trouble> {
        let Some(kept) = &mut self.kept else { return Ok(()) };
        kept.state.lines = (self.lines)();
        // A cache that is too big is cut between batches, which needs one that was not decided.
        if kept.state.rows() > limits::CACHE_ROWS_MAX {
            return Ok(());
        }
        // What was sent a moment ago is answered as a replay, once the tables have it.
        let again = batch.iter().position(|s| kept.storing.contains(&s.id));
        let batch = &batch[..again.unwrap_or(batch.len())];
        let head = &kept.head;
        let Ahead { plan, checked } = ahead.get_or_insert_with(|| Ahead {
            plan: Plan::new(head.clone(), now, BTreeMap::new()),
            checked: 0,
        });
        plan.later(now);
        if read.is_none() {
            *read = Some(store.read_by_key().await?);
        }
        let Some(tx) = read else { return Ok(()) };
        let ids: Vec<CommandId> = batch[*checked..].iter().map(|s| s.id).collect();
        if !ids.is_empty() {
            plan.know(store::known(tx, &ids).await?);
            *checked = batch.len();
        }
        loop {
            let missing = plan.run(&mut kept.state, batch)?;
            if missing.is_empty() {
                return Ok(());
            }
            store::load(tx, &mut kept.state, &missing).await?;
        }
    }
}

impl Kept {
    /// True when the tables are as the last batch left them.
    fn is(&self, row: &HeadRow) -> bool {
        self.head == row.head && self.batch == row.batch
    }
}

fn only_records(state: State) -> State {
    let mut fresh = State::default();
    fresh.records = state.records;
    fresh
}

/// The state to decide on: what was kept, if nobody wrote since and it is not too big; else the
/// records alone, with what changed of them.
async fn warm(tx: &mut Tx, kept: Option<Kept>, row: &HeadRow) -> Result<State, StoreError> {
    let (mut state, after) = match kept {
        Some(k) if k.is(row) && k.state.rows() <= limits::CACHE_ROWS_MAX => return Ok(k.state),
        Some(k) if k.head.epoch == row.head.epoch && k.head.version <= row.head.version => {
            (only_records(k.state), k.head.version)
        }
        _ => (State::default(), Version(0)),
    };
    for (key, version, record) in store::records_since(tx, after).await? {
        match record {
            Some(record) => state.records.put(version, record),
            None => state.records.remove(&key),
        }
    }
    Ok(state)
}
