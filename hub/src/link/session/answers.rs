//! What the write path answered, told to the agent.
//!
//! It must not decide anything. Invariant: a fact that is rejected is kept before its agent hears
//! of it, and only an answer that was committed is told.

use futures_util::Sink;
use oneshelf_domain::stock::{HelloAnswer, ItemNo, Outcome};
use oneshelf_sync::hub::About;
use oneshelf_sync::plan::Reply;

use super::{Carried, Ended, Session};
use crate::link::rejects::rejecting;

impl<O: Sink<String> + Unpin> Session<'_, O> {
    /// An answer that came in its turn; a fact that is rejected is kept first, and a command that
    /// takes its place speaks for it where it left none.
    pub(super) async fn answered(
        &mut self,
        about: About,
        carried: Carried,
        reply: Reply,
    ) -> Result<(), Ended> {
        let Carried { sent, settled } = carried;
        if let Some(mut sent) = sent {
            let id = sent.head.fact.command_id;
            if let Some(code) = rejecting(self.app, id, &reply).await {
                sent.settle(self.app, (self.link.agent, self.location), &code).await?;
                if let Some((id, command, sent)) = sent.stand_in(self.location, &reply, &code) {
                    self.settled = settled;
                    return self.enqueue(about, id, command, Some(sent));
                }
            }
        }
        self.answer(&about, &reply).await?;
        // An answer that says "not now" is none: the frame comes again.
        if !matches!(reply, Reply::NotNow(_)) {
            settled.now();
        }
        Ok(())
    }

    pub(super) async fn answer(&mut self, about: &About, reply: &Reply) -> Result<(), Ended> {
        let items: Vec<ItemNo> = match reply {
            Reply::Accepted {
                outcome: Outcome::Hello(HelloAnswer::Welcome { granted, .. }),
                ..
            } => {
                self.top_ups.begin();
                granted.iter().map(|(item, _)| *item).collect()
            }
            _ => vec![],
        };
        let names = self.app.items.skus(&self.app.store, &items).await?;
        let mut todo = self.link.reply(about, reply, &names);
        if let About::Hello { incarnation, .. } = about {
            self.tell_of_lives(*incarnation, &mut todo).await?;
        }
        self.act(todo).await
    }
}
