//! Facts that the hub will not book: each is kept as it came, and its place in the log is taken,
//! so that the store's later facts go on.
//!
//! Invariant: no fact is answered `rejected` before its frame is kept.

use oneshelf_domain::stock::{Command, LocationNo, Outcome};
use oneshelf_domain::{AgentId, CommandId, Refusal};
use oneshelf_protocol::frame::Up;
use oneshelf_sync::hub::{Unreadable, rejected};
use oneshelf_sync::plan::Reply;
use uuid::Uuid;

use super::session::Ended;
use crate::app::App;
use crate::store::read::frames;

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

    /// Keeps the frame when the reply rejects it.
    ///
    /// # Errors
    /// When the database does not answer.
    pub(super) async fn settle(
        &mut self,
        app: &App,
        (agent, location): (AgentId, LocationNo),
        reply: &Reply,
    ) -> Result<(), Ended> {
        let code = match reply {
            Reply::Refused(refusal) => refusal.code(),
            Reply::Accepted { outcome: Outcome::NotBooked { code }, .. } => code,
            _ => return Ok(()),
        };
        tracing::warn!(%agent, id = %self.head.fact.command_id, code, "a fact is not booked");
        let Some(frame) = self.frame.take() else { return Ok(()) };
        let text = serde_json::to_string(&frame).map_err(|e| Ended::Failed(e.to_string()))?;
        keep(app, (agent, location), self.head.fact.command_id, code, &text).await
    }

    /// The command that takes the place of a fact that was refused as a whole, its id, and itself;
    /// none when the place is not this store's to take.
    pub(super) fn stand_in(
        &self,
        location: LocationNo,
        reply: &Reply,
    ) -> Option<(CommandId, Command, Sent)> {
        let Reply::Refused(refusal) = reply else { return None };
        if self.stands_in {
            return None;
        }
        // An id that somebody else has used cannot be used again.
        let id = match refusal {
            Refusal::CommandReused => CommandId(Uuid::now_v7()),
            _ => self.head.fact.command_id,
        };
        let command = rejected(&self.head, location, refusal.code());
        Some((id, command, Sent { head: self.head.clone(), frame: None, stands_in: true }))
    }
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
