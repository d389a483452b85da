//! The end of a restore for one store: its agents have told everything that they keep; or one
//! cannot, since it has dropped what the backup does not have.
//!
//! Invariant: a location that recovers is promised again only after each agent that joined there
//! and was not revoked, in a session of this epoch, had the hub's word on every fact of its log.
//! That its channels' orders came again is somebody else's word (`http::caught_up`).

use futures_util::Sink;
use oneshelf_domain::CommandId;
use oneshelf_domain::record::{Record, RecordState, Recovering};
use oneshelf_domain::stock::{Command, Versions};
use uuid::Uuid;

use super::{Ended, Session};
use crate::commands::{Failure, Lane};
use crate::store::read::frames;

impl<O: Sink<String> + Unpin> Session<'_, O> {
    /// Whether the hub still asks this store for what it did since the backup.
    pub(super) fn is_recovering(&self) -> bool {
        self.app.follow.seen().records.is_recovering(self.location)
    }

    /// An agent keeps what was answered for a while, and a backup may be older than that: its log
    /// then goes on behind what the hub has, and would wait for ever for facts that nobody has.
    pub(super) async fn look_for_a_gap(&mut self) -> Result<(), Ended> {
        let life = match self.link.maybe_ahead() {
            None => None,
            Some(next) => {
                let mut tx = self.app.store.read().await?;
                let lives = frames::lives_of(&mut tx, self.location).await?;
                tx.rollback().await?;
                let known = lives.iter().find(|i| i.id == next.incarnation);
                // A fork's facts are booked in any order.
                let forked = known.is_some_and(|i| i.forked);
                let last = known.map_or(0, |i| i.last);
                (!forked && next.seq > last + 1).then_some(next.incarnation)
            }
        };
        if self.app.links.put_gap(self.location, life)
            && let Some(life) = life
        {
            let (agent, location) = (self.link.agent, self.location.0);
            tracing::error!(
                %agent, location, %life,
                "this store's agent has dropped facts that this hub, which was put back, does not \
                 have: what is left is booked as a fork's, and the store must be counted"
            );
        }
        Ok(())
    }

    /// The agent spoke of its log: when nothing waits in it any more, and in no other agent's, the
    /// store has recovered.
    pub(super) async fn recovered(&mut self) -> Result<(), Ended> {
        let told_all = self.link.told_all() && self.app.links.gap(self.location).is_none();
        let seen = self.app.follow.seen();
        let now = self.link.session().is_some_and(|session| session.epoch == seen.epoch);
        let key = Recovering::key(self.location);
        let Some((version, Record::Recovering(mark))) = seen.records.get_versioned(&key) else {
            return Ok(());
        };
        // A restore that was cut off has marked it, and has not begun its epoch.
        if !told_all || !now || mark.epoch > seen.epoch {
            return Ok(());
        }
        let active = |a: &oneshelf_domain::record::Agent| a.state == RecordState::Active;
        let revoked = |one| seen.records.agent(one).is_some_and(|agent| !active(agent));
        let next = mark.after(self.link.agent, revoked);
        if next.as_ref() == Some(mark) {
            return Ok(());
        }
        let over = next.is_none();
        let change = match next {
            None => Command::RemoveRecord { key },
            Some(next) => Command::PutRecord { record: Box::new(Record::Recovering(next)) },
        };
        // Another agent's word, or one that joins, may come between.
        let at = Some(Versions::These(vec![version]));
        let command = Command::OnlyIf { at, not_at: None, change: Box::new(change) };
        let submission = self.submission(CommandId(Uuid::now_v7()), command);
        match self.app.commands.submit(Lane::Agents, submission).await {
            Ok(_) => {
                let (agent, location) = (self.link.agent, self.location.0);
                tracing::info!(%agent, location, over, "this agent has told everything");
                if over {
                    // Nothing was granted until now.
                    self.top_ups.begin();
                }
            }
            // Said already; the news is under way.
            Err(Failure::Refused(_)) => {}
            // The next word on the log tries it again.
            Err(failure) => tracing::warn!(?failure, "a store cannot be promised again yet"),
        }
        Ok(())
    }
}
