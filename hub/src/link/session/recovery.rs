//! The end of a restore for one store: its agent has told everything that it keeps.
//!
//! Invariant: a location that recovers is promised again only after an agent of it, in a session
//! of this epoch, had the hub's word on every fact of its log.

use futures_util::Sink;
use oneshelf_domain::CommandId;
use oneshelf_domain::record::Recovering;
use oneshelf_domain::stock::Command;
use uuid::Uuid;

use super::{Ended, Session};
use crate::commands::{Failure, Lane};

impl<O: Sink<String> + Unpin> Session<'_, O> {
    /// Whether the hub still asks this store for what it did since the backup.
    pub(super) fn is_recovering(&self) -> bool {
        self.app.follow.seen().records.is_recovering(self.location)
    }

    /// The agent spoke of its log: when nothing waits in it any more, the store has recovered.
    pub(super) async fn recovered(&mut self) -> Result<(), Ended> {
        if !self.is_recovering() || !self.link.told_all() {
            return Ok(());
        }
        let command = Command::RemoveRecord { key: Recovering::key(self.location) };
        let submission = self.submission(CommandId(Uuid::now_v7()), command);
        match self.app.commands.submit(Lane::Agents, submission).await {
            Ok(_) => {
                let (agent, location) = (self.link.agent, self.location.0);
                tracing::info!(%agent, location, "this store has told everything");
                // Nothing was granted until now.
                self.top_ups.begin();
            }
            // Said already; the news is under way.
            Err(Failure::Refused(_)) => {}
            // The next word on the log tries it again.
            Err(failure) => tracing::warn!(?failure, "a store cannot be promised again yet"),
        }
        Ok(())
    }
}
