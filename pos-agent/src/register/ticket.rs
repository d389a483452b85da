//! What a cashier does with the ticket: add, change, void. Codes become items in `scan`.
//!
//! A line appears at once; whether its units are the store's own shows a moment later. Every
//! change tells the machine what the ticket needs of the item now.

use std::sync::Arc;

use oneshelf_domain::item::{Item, ItemState};
use oneshelf_domain::ticket::{Ticket, TicketLine, TicketPart};
use oneshelf_domain::{LineId, Money, RegisterCode, Sku, limits};
use oneshelf_sync::agent::Step;

use super::core::units;
use super::{Added, Answer, Front, Refused, Session, TicketView};
use crate::clock;
use crate::journal::{Keep, NewDeed};

/// Characters of a name that go onto the ticket and into the fact: keeps a fact of 200 lines
/// under the limit of a frame.
const LINE_NAME_CHARS_MAX: usize = 120;

impl Front {
    /// The register's ticket.
    pub(crate) async fn ticket(&self, who: &Session) -> Answer<TicketView> {
        let currency = self.shared.currency()?;
        let mut core = self.core().await?;
        let ticket = core.ticket_of(&who.register, currency);
        Ok(TicketView::of(ticket, &self.shared.records())?)
    }

    /// Units of an item that was searched for.
    pub(crate) async fn add_item(
        self: &Arc<Self>,
        who: &Session,
        sku: &Sku,
        quantity: i64,
    ) -> Answer<Added> {
        let item = self.shared.reads.item(sku.as_str()).await?;
        let item = item.ok_or_else(|| Refused::item_unknown(true))?;
        self.add(who, &item, Amount::of(quantity), vec![]).await
    }

    pub(super) async fn add(
        self: &Arc<Self>,
        who: &Session,
        item: &Item,
        amount: Amount,
        keeps: Vec<Keep>,
    ) -> Answer<Added> {
        let currency = self.shared.currency()?;
        let line = line_of(item, amount, self.shared.price(item))?;
        self.shared.room_for(limits::SPACE_NEW_MIN_BYTES)?;
        let (view, added) = {
            let mut core = self.core().await?;
            if !core.cash.contains_key(&who.register) {
                return Err(Refused::cash_session_closed());
            }
            if core.paying.contains(&who.register) {
                return Err(locked());
            }
            let mut ticket = core.ticket_of(&who.register, currency).clone();
            let skus = items_of(&line);
            let added = ticket.add(line)?;
            ticket.total()?;
            let view = self.change(&mut core, &who.register, ticket, &skus, keeps).await?;
            (view, added)
        };
        let item = self.here(item).await?;
        Ok(Added { ticket: view, added, item, says: None })
    }

    /// Another quantity of a line.
    pub(crate) async fn set_quantity(
        self: &Arc<Self>,
        who: &Session,
        line: LineId,
        quantity: i64,
    ) -> Answer<TicketView> {
        let currency = self.shared.currency()?;
        let mut core = self.core().await?;
        if core.paying.contains(&who.register) {
            return Err(locked());
        }
        let mut ticket = core.ticket_of(&who.register, currency).clone();
        ticket.set_quantity(line, quantity)?;
        ticket.total()?;
        let changed = ticket.lines.iter().find(|l| l.id == line);
        let skus = changed.map(items_of).unwrap_or_default();
        self.change(&mut core, &who.register, ticket, &skus, vec![]).await
    }

    /// Takes a line off.
    pub(crate) async fn void_line(
        self: &Arc<Self>,
        who: &Session,
        line: LineId,
    ) -> Answer<TicketView> {
        let currency = self.shared.currency()?;
        let mut core = self.core().await?;
        if core.paying.contains(&who.register) {
            return Err(locked());
        }
        let mut ticket = core.ticket_of(&who.register, currency).clone();
        let gone = ticket.void_line(line)?;
        let deed = NewDeed {
            register: who.register.clone(),
            staff: who.staff.clone(),
            kind: "line_voided",
            detail: format!("{}: {} x {}", ticket.id, gone.quantity, gone.sku),
        };
        let keeps = vec![Keep::Deed(deed, clock::now())];
        self.change(&mut core, &who.register, ticket, &items_of(&gone), keeps).await
    }

    /// Takes everything off.
    pub(crate) async fn void_ticket(self: &Arc<Self>, who: &Session) -> Answer<TicketView> {
        let currency = self.shared.currency()?;
        let mut core = self.core().await?;
        if core.paying.contains(&who.register) {
            return Err(locked());
        }
        let ticket = core.ticket_of(&who.register, currency).clone();
        if ticket.lines.is_empty() {
            return Ok(TicketView::of(&ticket, &self.shared.records())?);
        }
        let (now, mut step) = (clock::now(), Step::default());
        for (sku, _) in units(&ticket) {
            step.then(core.agent.need(&sku, ticket.id, 0, now, &mut clock::fresh));
        }
        let deed = NewDeed {
            register: who.register.clone(),
            staff: who.staff.clone(),
            kind: "ticket_voided",
            detail: format!("{}: {} pieces", ticket.id, ticket.pieces()),
        };
        let keeps = vec![Keep::TicketGone(who.register.clone()), Keep::Deed(deed, now)];
        core.perform(step, keeps).await?;
        core.tickets.remove(&who.register);
        self.show_customer(&core, &who.register);
        let empty = core.ticket_of(&who.register, currency);
        Ok(TicketView::of(empty, &self.shared.records())?)
    }

    /// Keeps a changed ticket and tells the machine what it needs of these items now.
    async fn change(
        self: &Arc<Self>,
        core: &mut super::Core,
        register: &RegisterCode,
        ticket: Ticket,
        skus: &[Sku],
        mut keeps: Vec<Keep>,
    ) -> Answer<TicketView> {
        let (now, mut step) = (clock::now(), Step::default());
        for sku in skus {
            let of = ticket.lines.iter().flat_map(TicketLine::units).filter(|(of, _)| *of == sku);
            let wanted = of.map(|(_, quantity)| quantity).sum();
            step.then(core.agent.need(sku, ticket.id, wanted, now, &mut clock::fresh));
        }
        keeps.push(if ticket.lines.is_empty() {
            Keep::TicketGone(register.clone())
        } else {
            Keep::Ticket(register.clone(), ticket.clone())
        });
        core.perform(step, keeps).await?;
        core.tickets.insert(register.clone(), ticket);
        if core.waits(register) {
            self.mark_later(register.clone());
        }
        core.mark(register, Some(skus)).await?;
        self.show_customer(core, register);
        let Some(ticket) = core.tickets.get(register) else {
            return Err(Refused::internal(&"the ticket is gone"));
        };
        Ok(TicketView::of(ticket, &self.shared.records())?)
    }
}

/// Items whose units a line takes.
fn items_of(line: &TicketLine) -> Vec<Sku> {
    line.units().into_iter().map(|(sku, _)| sku.clone()).collect()
}

fn locked() -> Refused {
    Refused::new(409, "payment_under_way", "The ticket is being paid. Scan again afterwards.")
}

/// How much of an item a line takes.
#[derive(Debug, Clone, Copy)]
pub(super) struct Amount {
    /// In its base unit.
    pub quantity: i64,
    /// What all of it costs, where a label says so.
    pub label_total: Option<Money>,
}

impl Amount {
    pub(super) fn of(quantity: i64) -> Self {
        Self { quantity, label_total: None }
    }
}

/// A line keeps the price of its scan: it is what was shown.
fn line_of(item: &Item, amount: Amount, price: Option<Money>) -> Answer<TicketLine> {
    let d = &item.details;
    if d.state == ItemState::Retired {
        let detail = "This item is not sold any more. Ask a manager.";
        return Err(Refused::new(409, "item_retired", detail));
    }
    let Amount { quantity, label_total } = amount;
    // Without a price in the catalogue the label's own, for one as for a kilogram.
    let by_label = |all: Money| all.of_units_half_up(d.unit.priced_by(), quantity).ok();
    let Some(unit_price) = price.or_else(|| label_total.and_then(by_label)) else {
        let detail = "This item has no price. Ask a manager to set one.";
        return Err(Refused::new(409, "item_without_price", detail));
    };
    Ok(TicketLine {
        id: LineId(clock::fresh()),
        sku: item.sku.clone(),
        name: d.name.chars().take(LINE_NAME_CHARS_MAX).collect(),
        options: d.options.clone(),
        unit: d.unit,
        quantity,
        unit_price,
        label_total,
        tax: d.tax.clone(),
        parts: d.components.iter().cloned().map(TicketPart::from).collect(),
        beyond: 0,
        warning: None,
    })
}
