//! What the link hands in: a connection, frames, its end. And the passing of time.

use std::sync::Arc;
use std::time::Duration;

use oneshelf_protocol::frame::{Applied, Cursor, Down};
use oneshelf_protocol::replica::Row;
use oneshelf_sync::agent::{Line, Note, Step, Write};
use tokio::sync::mpsc::UnboundedSender;

use super::Front;
use crate::clock;
use crate::journal::{Fault, ROWS_AT_ONCE};

/// How often the line's age is looked at.
const LOOK: Duration = Duration::from_millis(500);

/// Items whose share is looked at in one transaction.
const ITEMS_AT_ONCE: usize = 64;

/// Rows that would hold the register's lock for too long.
struct Large {
    whole: bool,
    rows: Vec<Row>,
    cursor: Cursor,
    applied: Applied,
}

impl Large {
    /// Takes the rows out of a step, when they are many.
    fn out_of(step: &mut Step) -> Option<Self> {
        let many = |w: &Write| matches!(w, Write::Rows { rows, .. } if rows.len() > ROWS_AT_ONCE);
        let at = step.writes.iter().position(many)?;
        let Write::Rows { whole, rows, cursor, applied } = step.writes.remove(at) else {
            return None;
        };
        step.notes.retain(|note| !matches!(note, Note::Copy | Note::Records));
        Some(Self { whole, rows, cursor, applied })
    }
}

impl Front {
    /// A connection is there: says Hello on it.
    pub(crate) async fn connected(&self, link: UnboundedSender<String>) -> Result<(), Fault> {
        let mut core = self.core().await?;
        core.link = Some(link);
        let step = core.agent.connected(&mut clock::fresh);
        core.perform(step, vec![]).await
    }

    /// Frames arrived; all that were ready are one transaction, up to rows of the copy: what comes
    /// behind those may rest on them.
    pub(crate) async fn frames(&self, frames: Vec<Down>) -> Result<(), Fault> {
        let mut core = self.core().await?;
        let mut step = Step::default();
        for frame in frames {
            step.then(core.agent.frame(frame, clock::now(), &mut clock::fresh));
            if !step.notes.contains(&Note::Copy) {
                continue;
            }
            let large = Large::out_of(&mut step);
            core.perform(std::mem::take(&mut step), vec![]).await?;
            if let Some(large) = large {
                drop(core);
                self.copy(large).await?;
                core = self.core().await?;
            }
        }
        core.perform(step, vec![]).await?;
        drop(core);
        self.give_surplus_back().await
    }

    /// Puts a large copy in place, part by part: a scan has its turn in between. Until the last
    /// part the machine's cursor is ahead of the disk's; only this task connects, and it is here.
    async fn copy(&self, large: Large) -> Result<(), Fault> {
        let copied = self.copy_parts(&large).await;
        if let Err(fault) = &copied {
            self.core.lock().await.doubt(fault);
        }
        copied
    }

    async fn copy_parts(&self, large: &Large) -> Result<(), Fault> {
        let Large { whole, rows, cursor, applied } = large;
        let empty = self.core().await?.writer.begin_staging().await?;
        for part in rows.chunks(ROWS_AT_ONCE) {
            self.core().await?.writer.stage(part, empty).await?;
        }
        self.core().await?.writer.adopt_catalogue(*whole).await?;
        let mut core = self.core().await?;
        if core.agent.cursor() != *cursor {
            return Ok(()); // It was loaded again meanwhile; the hub sends the rows once more.
        }
        core.writer.adopt(*whole, *cursor, *applied, clock::now()).await?;
        core.copied().await
    }

    /// Share above a policy that was lowered goes back, some items at a time: a scan has its turn
    /// in between, also where the whole catalogue is concerned.
    async fn give_surplus_back(&self) -> Result<(), Fault> {
        let mut after = None;
        loop {
            let mut core = self.core().await?;
            if after.is_none() && !std::mem::take(&mut core.surplus) {
                return Ok(());
            }
            let now = clock::now();
            let (step, last) =
                core.agent.give_some_back(after.as_ref(), ITEMS_AT_ONCE, now, &mut clock::fresh);
            core.perform(step, vec![]).await?;
            after = last;
            if after.is_none() {
                return Ok(());
            }
        }
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
                if core.give_up_asks() || fell {
                    core.mark_all().await?;
                    self.shared.share_changed.notify_waiters();
                }
                Ok::<(), Fault>(())
            };
            if let Err(error) = looked.await {
                tracing::error!(%error, "the line could not be looked at");
            }
        }
    }
}
