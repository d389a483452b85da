//! Facts that the hub will not book: each is kept as it came, and its place in the log is taken,
//! so that the store's later facts go on.
//!
//! Invariant: no fact is answered `rejected` before its frame is kept.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use oneshelf_domain::stock::{Command, LocationNo, Outcome};
use oneshelf_domain::{AgentId, CommandId, Refusal};
use oneshelf_protocol::frame::Up;
use oneshelf_sync::hub::{Unreadable, rejected};
use oneshelf_sync::plan::Reply;
use uuid::Uuid;

use super::session::Ended;
use crate::app::App;
use crate::store::read::frames;
use crate::store::{self, StoreError};

/// The write path failed on a command; whether it was stored is not known.
pub(super) const NOT_STORED: &str = "the hub could not store it";
/// The disk under the database is full, or failed.
pub(super) const NO_DISK: &str = "the hub's disk takes nothing";
/// Facts that are counted at once.
const FAILING_MAX: usize = 1_000;
/// How often a fact is tried. It comes again with every second ping.
const TRIES: u32 = 5;

/// A fact on its way to the write path.
#[derive(Debug)]
pub(super) struct Sent {
    /// Its head.
    pub head: Unreadable,
    /// The frame, until it is kept.
    frame: Option<Box<Up>>,
    /// It stands in for one that was refused.
    stands_in: bool,
}

impl Sent {
    /// A fact of this frame, when it is one.
    pub(super) fn of(up: Up) -> Option<Self> {
        let Up::Fact { session, fact } = &up else { return None };
        let head = Unreadable::of(*session, fact);
        Some(Self { head, frame: Some(Box::new(up)), stands_in: false })
    }

    /// One whose frame is kept already.
    pub(super) fn kept(head: Unreadable) -> Self {
        Self { head, frame: None, stands_in: false }
    }

    /// Keeps the frame of a fact that will not be booked.
    ///
    /// # Errors
    /// When the database does not answer.
    pub(super) async fn settle(
        &mut self,
        app: &App,
        (agent, location): (AgentId, LocationNo),
        code: &str,
    ) -> Result<(), Ended> {
        tracing::warn!(%agent, id = %self.head.fact.command_id, code, "a fact is not booked");
        let Some(frame) = self.frame.take() else { return Ok(()) };
        let text = serde_json::to_string(&frame).map_err(|e| Ended::Failed(e.to_string()))?;
        keep(app, (agent, location), self.head.fact.command_id, code, &text).await
    }

    /// The command that takes the place of a fact that took none itself, its id, and itself; none
    /// when the place is not this store's to take.
    pub(super) fn stand_in(
        &self,
        location: LocationNo,
        reply: &Reply,
        code: &str,
    ) -> Option<(CommandId, Command, Sent)> {
        if self.stands_in || matches!(reply, Reply::Accepted { .. }) {
            return None;
        }
        // An id that somebody else has used cannot be used again. Every other stays the fact's own:
        // when it comes once more, it is answered by what stood in for it.
        let id = match reply {
            Reply::Refused(Refusal::CommandReused) => CommandId(Uuid::now_v7()),
            _ => self.head.fact.command_id,
        };
        let command = rejected(&self.head, location, code);
        Some((id, command, Sent { head: self.head.clone(), frame: None, stands_in: true }))
    }
}

/// Facts that the write path fails on, and how often: none may stop its store's log. Of all
/// connections of this process, since a bad line has many.
#[derive(Debug, Default)]
pub(super) struct Failing(Mutex<BTreeMap<CommandId, u32>>);

impl Failing {
    fn times(&self, id: CommandId) -> u32 {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if all.len() >= FAILING_MAX && !all.contains_key(&id) {
            all.clear(); // Each counts from the start again.
        }
        let times = all.entry(id).or_default();
        *times += 1;
        *times
    }

    fn forget(&self, id: CommandId) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).remove(&id);
    }
}

/// The code with which a fact is rejected, when its reply rejects it. One that has failed too
/// often is: by then it is sure that nothing of it was stored.
pub(super) async fn rejecting(app: &App, id: CommandId, reply: &Reply) -> Option<String> {
    match reply {
        Reply::Refused(refusal) => Some(refusal.code().to_owned()),
        Reply::Accepted { outcome: Outcome::NotBooked { code }, .. } => Some(code.clone()),
        Reply::NotNow(NOT_STORED) => {
            // While the database does not answer, the fault is not the fact's; and one whose
            // answer alone was lost is answered when it comes again.
            let stored = stored(app, id).await.ok()?;
            if stored || app.links.failing.times(id) < TRIES {
                return None;
            }
            app.links.failing.forget(id);
            Some("internal".to_owned())
        }
        _ => None,
    }
}

async fn stored(app: &App, id: CommandId) -> Result<bool, StoreError> {
    let mut tx = app.store.read().await?;
    let known = store::known(&mut tx, &[id]).await?;
    tx.rollback().await?;
    Ok(known.contains_key(&id))
}

/// Keeps a frame that will not be booked.
///
/// # Errors
/// When the database does not answer.
pub(super) async fn keep(
    app: &App,
    (agent, location): (AgentId, LocationNo),
    id: CommandId,
    code: &str,
    frame: &str,
) -> Result<(), Ended> {
    let row = frames::RejectedFrame { id, agent, location, code, frame };
    Ok(frames::keep_rejected(&app.store, &row, app.now()).await?)
}
