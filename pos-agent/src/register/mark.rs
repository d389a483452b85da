//! Marks of ticket lines: units that the store's share does not cover, and which case that is.
//!
//! While the answer to an Ask may still come, a line has no mark. When the hub answered and gave
//! nothing, the units are promised, unless its books have none that anybody could have been
//! promised (docs/decisions/0018-goods-that-no-book-knows.md). When nobody answers, the line counts
//! as down, whatever its socket says: the copy as it was says whether somebody had claimed the
//! units. It decides nothing about payment. Invariant: a mark is of the newest copy that is known.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use oneshelf_domain::stock::Place;
use oneshelf_domain::ticket::{Ticket, Warning};
use oneshelf_domain::{RegisterCode, Sku, limits};
use oneshelf_sync::agent::Line;
use tokio::time::Instant;

use super::core::{Asked, Core, units};
use super::{Front, TicketView};
use crate::clock;
use crate::events::Event;
use crate::journal::Fault;

impl Core {
    /// True while a grant for this register's ticket may still come.
    pub(super) fn waits(&self, register: &RegisterCode) -> bool {
        self.tickets.get(register).is_some_and(|ticket| {
            let lacks = |sku: &Sku| self.agent.beyond(sku, ticket.id) > 0;
            units(ticket).iter().any(|(sku, _)| lacks(sku) && self.may_come(sku))
        })
    }

    /// True while a grant of this item may still come.
    fn may_come(&self, sku: &Sku) -> bool {
        matches!(self.asks.get(sku), Some(Asked::Until(until)) if Instant::now() < *until)
    }

    /// Questions that nobody answered in time. Answers whether there were new ones.
    pub(super) fn give_up_asks(&mut self) -> bool {
        let (now, mut some) = (Instant::now(), false);
        for asked in self.asks.values_mut() {
            if matches!(asked, Asked::Until(until) if *until <= now) {
                *asked = Asked::Silent;
                some = true;
            }
        }
        some
    }

    /// Marks every ticket anew: the line or the copy changed.
    pub(super) async fn mark_all(&mut self) -> Result<(), Fault> {
        let registers: Vec<RegisterCode> = self.tickets.keys().cloned().collect();
        for register in registers {
            self.mark_and_tell(&register).await?;
        }
        Ok(())
    }

    /// Marks the tickets that name one of these items: its share changed.
    pub(super) async fn mark_items(&mut self, skus: &BTreeSet<Sku>) -> Result<(), Fault> {
        let names = |t: &Ticket| units(t).iter().any(|(sku, _)| skus.contains(sku));
        let registers: Vec<RegisterCode> =
            self.tickets.iter().filter(|(_, t)| names(t)).map(|(r, _)| r.clone()).collect();
        for register in registers {
            self.mark_and_tell(&register).await?;
        }
        Ok(())
    }

    pub(super) async fn mark_and_tell(&mut self, register: &RegisterCode) -> Result<(), Fault> {
        if self.mark(register, None).await?
            && let Some(ticket) = self.tickets.get(register)
            && let Ok(view) = TicketView::of(ticket, &self.shared.records())
        {
            self.shared.events.push(Event::ticket(register.clone(), &view));
        }
        Ok(())
    }

    /// Marks a ticket's lines; of some items only, where nothing else can have changed. Answers
    /// whether a mark changed.
    pub(super) async fn mark(
        &mut self,
        register: &RegisterCode,
        only: Option<&[Sku]>,
    ) -> Result<bool, Fault> {
        let Some(ticket) = self.tickets.get(register) else { return Ok(false) };
        let offline = self.agent.line(clock::now()) == Line::Offline;
        let mut marks = vec![];
        for (sku, _) in units(ticket) {
            if only.is_some_and(|skus| !skus.contains(&sku)) {
                continue;
            }
            let beyond = self.agent.beyond(&sku, ticket.id);
            if beyond == 0 {
                marks.push((sku, 0, None));
            } else if !self.may_come(&sku) {
                // "Promised" is somebody's word, never the lack of one.
                let answered = !offline && self.asks.get(&sku) == Some(&Asked::Answered);
                let warning = match answered {
                    true if self.nobody_was_promised(&sku).await? => Warning::Uncounted,
                    false if self.free_when_line_fell(register, &sku).await? >= beyond => {
                        Warning::FreeWhenOffline
                    }
                    _ => Warning::Promised,
                };
                marks.push((sku, beyond, Some(warning)));
            }
        }
        let Some(ticket) = self.tickets.get_mut(register) else { return Ok(false) };
        let before = ticket.lines.clone();
        for (sku, beyond, warning) in marks {
            put_marks(ticket, &sku, beyond, warning);
        }
        Ok(before != ticket.lines)
    }

    /// The copy has no unit that the hub could give or promise, none that it has promised, and
    /// nobody who waits for one. One that is older than a claim still shows what that claim took.
    async fn nobody_was_promised(&self, sku: &Sku) -> Result<bool, Fault> {
        let stock = self.shared.reads.stock(sku).await?;
        // What is in doubt is freed by others' words: by a count, by an agent that closes its life.
        let free = stock.available() + stock.at(Place::InDoubt);
        let claimed = stock.at(Place::Reserved) + stock.at(Place::Picked) + stock.short;
        Ok(free <= 0 && claimed <= 0)
    }

    /// Units that nobody had claimed when the line fell, less own sales since and what other open
    /// tickets count on.
    async fn free_when_line_fell(&self, register: &RegisterCode, sku: &Sku) -> Result<i64, Fault> {
        let others: i64 = self
            .tickets
            .iter()
            .filter(|(r, _)| *r != register)
            .flat_map(|(_, t)| &t.lines)
            .filter_map(|l| l.marked(sku))
            .filter(|(_, warning)| *warning == Warning::FreeWhenOffline)
            .map(|(beyond, _)| beyond)
            .sum();
        Ok(self.shared.reads.stock(sku).await?.available() - others)
    }
}

/// The latest lines of an item lack first.
fn put_marks(ticket: &mut Ticket, sku: &Sku, beyond: i64, warning: Option<Warning>) {
    let mut left = beyond;
    for line in ticket.lines.iter_mut().rev() {
        left -= line.mark(sku, left, warning);
    }
}

pub(super) fn grant_wait() -> Duration {
    Duration::from_millis(u64::try_from(limits::GRANT_WAIT_MS).unwrap_or(250))
}

impl Front {
    /// Marks a ticket when no grant has come in time.
    pub(super) fn mark_later(self: &Arc<Self>, register: RegisterCode) {
        let front = Arc::clone(self);
        tokio::spawn(async move {
            tokio::time::sleep(grant_wait()).await;
            let marked = async {
                let mut core = front.core().await?;
                core.mark_and_tell(&register).await
            };
            if let Err(error) = marked.await {
                tracing::error!(%error, "a ticket could not be marked");
            }
            front.shared.share_changed.notify_waiters();
        });
    }
}
