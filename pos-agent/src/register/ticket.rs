//! What a cashier does with the ticket: scan, add, change, void.
//!
//! A line appears at once; whether its units are the store's own shows a moment later. Every
//! change tells the machine what the ticket needs of the item now.

use std::sync::Arc;

use oneshelf_domain::item::{Item, ItemState};
use oneshelf_domain::ticket::{Ticket, TicketLine};
use oneshelf_domain::{LineId, RegisterCode, Sku};
use oneshelf_hardware::scanner::{
    FrameEvent, Framer, Refusal, Symbology, check_digit_ok, normalise_gtin,
};
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

    /// A code from a scanner or a keyboard wedge: one more of its item.
    pub(crate) async fn scan(self: &Arc<Self>, who: &Session, code: &str) -> Answer<Added> {
        let (code, symbology) = one_code(code)?;
        self.scan_code(who, &code, symbology.as_ref()).await
    }

    /// A whole code, framed already.
    pub(crate) async fn scan_code(
        self: &Arc<Self>,
        who: &Session,
        code: &str,
        symbology: Option<&Symbology>,
    ) -> Answer<Added> {
        let item = self.item_of_code(code, symbology).await?;
        self.add(who, &item, 1).await
    }

    async fn item_of_code(&self, code: &str, symbology: Option<&Symbology>) -> Answer<Item> {
        let unknown = || Refused::item_unknown(check_digit_ok(code) != Some(false));
        let code = match symbology {
            Some(s) if s.is_gs1() => gtin_of_gs1(code).unwrap_or(code),
            _ => code,
        };
        let gtin = normalise_gtin(code, symbology)
            .or_else(|| normalise_gtin(code, Some(&Symbology::Ean13)));
        let reads = &self.shared.reads;
        if let Some(item) = reads.item_by_code(code, gtin.as_deref()).await? {
            return Ok(item);
        }
        // Goods without a barcode carry labels with the SKU.
        reads.item(code).await?.ok_or_else(unknown)
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
        self.add(who, &item, quantity).await
    }

    async fn add(self: &Arc<Self>, who: &Session, item: &Item, quantity: i64) -> Answer<Added> {
        let currency = self.shared.currency()?;
        let line = line_of(item, quantity)?;
        let (view, added) = {
            let mut core = self.core().await?;
            if !core.cash.contains_key(&who.register) {
                return Err(Refused::cash_session_closed());
            }
            if core.paying.contains(&who.register) {
                return Err(locked());
            }
            let mut ticket = core.ticket_of(&who.register, currency).clone();
            let added = ticket.add(line)?;
            ticket.total()?;
            let skus = [item.sku.clone()];
            let view = self.change(&mut core, &who.register, ticket, &skus, vec![]).await?;
            (view, added)
        };
        let item = self.here(item).await?;
        Ok(Added { ticket: view, added, item })
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
        let sku = ticket.lines.iter().find(|l| l.id == line).map(|l| l.sku.clone());
        let skus: Vec<Sku> = sku.into_iter().collect();
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
        self.change(&mut core, &who.register, ticket, &[gone.sku], keeps).await
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
            let wanted = ticket.lines.iter().filter(|l| l.sku == *sku).map(|l| l.quantity).sum();
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
        let Some(ticket) = core.tickets.get(register) else {
            return Err(Refused::internal(&"the ticket is gone"));
        };
        Ok(TicketView::of(ticket, &self.shared.records())?)
    }
}

fn locked() -> Refused {
    Refused::new(409, "payment_under_way", "The ticket is being paid. Scan again afterwards.")
}

/// The code in what a page or scanner sent: framed by the same rules as a serial scan.
pub(super) fn one_code(text: &str) -> Answer<(String, Option<Symbology>)> {
    let (mut framer, mut found) = (Framer::default(), vec![]);
    framer.push(text.trim().as_bytes(), std::time::Duration::ZERO, &mut found);
    framer.push(b"\r", std::time::Duration::ZERO, &mut found);
    let mut found = found.into_iter();
    match (found.next(), found.next()) {
        (Some(FrameEvent::Scan(scan)), None) => Ok((scan.code, scan.symbology)),
        (Some(FrameEvent::Refused(Refusal::CardTrack)), _) => Err(Refused::card()),
        _ => Err(Refused::item_unknown(true)),
    }
}

/// The GTIN in a GS1 code that begins with one (application identifier 01).
fn gtin_of_gs1(code: &str) -> Option<&str> {
    code.strip_prefix("01").and_then(|rest| rest.get(..14))
}

fn line_of(item: &Item, quantity: i64) -> Answer<TicketLine> {
    let d = &item.details;
    if d.state == ItemState::Retired {
        let detail = "This item is not sold any more. Ask a manager.";
        return Err(Refused::new(409, "item_retired", detail));
    }
    let Some(unit_price) = d.price else {
        let detail = "This item has no price. Ask a manager to set one.";
        return Err(Refused::new(409, "item_without_price", detail));
    };
    Ok(TicketLine {
        id: LineId(clock::fresh()),
        sku: item.sku.clone(),
        name: d.name.chars().take(LINE_NAME_CHARS_MAX).collect(),
        options: d.options.clone(),
        quantity,
        unit_price,
        tax: d.tax.clone(),
        beyond: 0,
        warning: None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_card_is_refused_and_a_mark_is_taken_off() {
        let refused = one_code(";4111111111111111=25121010000000000000?").unwrap_err();
        assert_eq!(refused.0.code, "card_refused");
        let (code, symbology) = one_code("]E04006381333931").unwrap();
        assert_eq!((code.as_str(), symbology), ("4006381333931", Some(Symbology::Ean13)));
        assert_eq!(one_code("a\rb").unwrap_err().0.code, "item_unknown");
        assert_eq!(one_code("").unwrap_err().0.code, "item_unknown");
    }

    #[test]
    fn a_gs1_code_names_its_item() {
        assert_eq!(gtin_of_gs1("0104006381333931211"), Some("04006381333931"));
        assert_eq!(gtin_of_gs1("01040"), None);
    }
}
