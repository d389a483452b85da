//! What the link hands in: a connection, frames, its end. And the passing of time.

use std::sync::Arc;
use std::time::Duration;

use oneshelf_protocol::frame::Down;
use oneshelf_sync::agent::{Line, Step};
use tokio::sync::mpsc::UnboundedSender;

use super::Front;
use crate::clock;
use crate::journal::Fault;

/// How often the line's age is looked at.
const LOOK: Duration = Duration::from_millis(500);

impl Front {
    /// A connection is there: says Hello on it.
    pub(crate) async fn connected(&self, link: UnboundedSender<String>) -> Result<(), Fault> {
        let mut core = self.core().await?;
        core.link = Some(link);
        let step = core.agent.connected(&mut clock::fresh);
        core.perform(step, vec![]).await
    }

    /// Frames arrived; all that were ready are one transaction.
    pub(crate) async fn frames(&self, frames: Vec<Down>) -> Result<(), Fault> {
        let mut core = self.core().await?;
        let mut step = Step::default();
        for frame in frames {
            step.then(core.agent.frame(frame, clock::now(), &mut clock::fresh));
        }
        core.perform(step, vec![]).await
    }

    /// The connection is gone.
    pub(crate) async fn disconnected(&self) -> Result<(), Fault> {
        let mut core = self.core().await?;
        core.link = None;
        core.agent.disconnected();
        core.show_link();
        // Nobody answers an Ask any more.
        core.asks.clear();
        core.mark_all().await?;
        self.shared.share_changed.notify_waiters();
        Ok(())
    }

    /// Watches the age of the last answer: a silent line counts as down.
    pub(crate) async fn watch_line(self: Arc<Self>) {
        let mut shown = Line::Offline;
        loop {
            tokio::time::sleep(LOOK).await;
            let looked = async {
                let mut core = self.core().await?;
                core.show_link();
                let line = core.agent.line(clock::now());
                let fell = line == Line::Offline && shown != Line::Offline;
                shown = line;
                if fell { core.mark_all().await } else { Ok(()) }
            };
            if let Err(error) = looked.await {
                tracing::error!(%error, "the line could not be looked at");
            }
        }
    }
}
