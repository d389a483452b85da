//! Paying: one transaction of ticket, tenders, receipt number, fact and print job.
//!
//! A payment names the ticket, the sum and the lines that were shown: nothing else is paid. The
//! same key answers the same sale however often it is asked. Drawer and printer come after the
//! commit, the hub after its own time. Invariant: receipt numbers of a register have no gap, and a
//! number exists exactly when its sale does.

use std::sync::Arc;

use oneshelf_domain::code::plain_text;
use oneshelf_domain::record::Records;
use oneshelf_domain::ticket::{Ticket, TicketPart, TicketRefusal, Warning};
use oneshelf_domain::{
    CommandId, LocationCode, Money, PrintJobId, Quantity, RegisterCode, SaleId, TicketId, limits,
};
use oneshelf_protocol::amount;
use oneshelf_protocol::frame::{Sale, SaleApproval, SoldLine, Tender, Total};
use serde::Deserialize;
use serde_json::json;
use sha2::{Digest, Sha256};
use tokio::sync::MutexGuard;

use super::core::units;
use super::sale::{PaidLine, PaidSale};
use super::{
    Answer, Core, Front, Refused, SaleView, Session, TicketView, display, given_up, receipt,
    register_path, view,
};
use crate::clock;
use crate::events::Event;
use crate::journal::{Keep, NewDeed, NewJob, NewSale, SaleRow};

/// Tenders of one sale.
const TENDERS_MAX: usize = 20;
/// Characters of a pay key.
const KEY_CHARS_MAX: usize = 255;

/// A tender as asked.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct TenderRequest {
    kind: String,
    #[serde(deserialize_with = "amount::asked")]
    given: Money,
}

/// What the cashier saw and told the shopper.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Shown {
    ticket: TicketId,
    #[serde(deserialize_with = "amount::asked")]
    total: Money,
    /// As the ticket said it.
    fingerprint: String,
}

/// Selling what may be promised to somebody else.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ApproveRequest {
    reason: String,
    /// Of a manager; not needed when the cashier is one.
    #[serde(default)]
    pin: Option<String>,
}

/// What is asked.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct PayRequest {
    /// The ticket as the cashier saw it.
    shown: Shown,
    tenders: Vec<TenderRequest>,
    #[serde(default)]
    approve: Option<ApproveRequest>,
}

impl Front {
    /// Takes payment for the register's ticket.
    pub(crate) async fn pay(
        self: &Arc<Self>,
        who: &Session,
        key: Option<String>,
        asked: PayRequest,
    ) -> Answer<SaleView> {
        let key = key.map(|k| key_at(&who.register, &k, "/Idempotency-Key")).transpose()?;
        let fingerprint = fingerprint(&asked);
        if let Some(row) = self.paid_before(key.as_deref(), &fingerprint).await? {
            return Ok(SaleView::of_row(&row));
        }
        let approval = match &asked.approve {
            None => None,
            Some(approve) => Some(self.approval(who, approve).await?),
        };
        let mut core = self.settled(who).await?;
        // It may have been paid while this request waited.
        if let Some(row) = self.paid_before(key.as_deref(), &fingerprint).await? {
            return Ok(SaleView::of_row(&row));
        }
        if key.as_ref().is_some_and(|key| core.given_up.has(key)) {
            return Err(given_up::refusal());
        }
        self.shared.room_for(limits::SPACE_PAY_MIN_BYTES)?;
        core.may_number()?;
        let ticket = core.ticket_of(&who.register, self.shared.currency()?).clone();
        self.as_shown(&ticket, &asked.shown)?;
        let (given, change) = tendered(&ticket, &asked.tenders)?;
        let approval = may_be_sold(&ticket, approval)?;
        let location = self.shared.identity().ok_or_else(Refused::not_signed_in)?.location;
        let number = core.writer.last_number(&who.register).await? + 1;
        let records = self.shared.records();
        let name = Numbered { location: &location, number };
        let sale = paid(who, &ticket, &asked.tenders, given, change, &name, &records)?;
        let step = core.agent.sell(
            CommandId(sale.id.0),
            ticket.id,
            &units(&ticket),
            document(&sale, &location, approval.clone())?,
            sale.paid_at,
        );
        let print = self.shared.drawer.is_some();
        let receipt = receipt::of(&sale, &location, &records, self.shared.language);
        let new = NewSale { sale: sale.clone(), pay_key: key, fingerprint, receipt };
        let keeps = kept(who, new, print, approval);
        // Before pages are told: nobody may be shown a paid ticket as open. When storing fails the
        // core is loaded from disk, where the ticket still is.
        core.tickets.remove(&who.register);
        core.perform(step.step, keeps).await?;
        let paid = display::Paid { total: sale.total, given: sale.given, change: sale.change };
        self.shared.displays.put_paid(&who.register, paid);
        self.show_customer(&core, &who.register);
        drop(core);
        if self.shared.drawer.as_ref().is_some_and(|drawer| !drawer.pulse(&who.register)) {
            self.shared.events.push(Event::drawer_not_opened(who.register.clone()));
        }
        self.shared.printer_wake.notify_one();
        Ok(SaleView::of(&sale, print.then_some("queued")))
    }

    /// A scan may have joined since the cashier told the sum, or another page has paid.
    fn as_shown(&self, ticket: &Ticket, shown: &Shown) -> Answer<()> {
        if (shown.ticket, shown.total) == (ticket.id, ticket.total()?)
            && shown.fingerprint == view::fingerprint(ticket)
        {
            return Ok(());
        }
        let detail = "The ticket is not what was shown any more. Look at it, tell the customer the \
                      new total and take payment again. Nothing was booked.";
        let now = TicketView::of(ticket, &self.shared.records())?;
        Err(Refused::new(409, "ticket_changed", detail).with("ticket", json!(now)))
    }

    /// The sale that this key made before; a refusal when it was asked about something else.
    async fn paid_before(&self, key: Option<&str>, fingerprint: &str) -> Answer<Option<SaleRow>> {
        let Some(key) = key else { return Ok(None) };
        match self.shared.reads.sale_by_key(key).await? {
            Some(row) if row.fingerprint != fingerprint => {
                let detail = "This key has paid another ticket, or with other tenders, before.";
                Err(Refused::new(409, "command_reused", detail))
            }
            row => Ok(row),
        }
    }

    /// The core, when no grant for the ticket can come any more. Scans wait meanwhile.
    async fn settled(self: &Arc<Self>, who: &Session) -> Answer<MutexGuard<'_, Core>> {
        loop {
            let changed = self.shared.share_changed.notified();
            tokio::pin!(changed);
            changed.as_mut().enable();
            let mut core = self.core().await?;
            core.paying.remove(&who.register);
            if !core.cash.contains_key(&who.register) {
                return Err(Refused::cash_session_closed());
            }
            if !core.waits(&who.register) {
                core.mark(&who.register, None).await?;
                return Ok(core);
            }
            core.paying.insert(who.register.clone());
            drop(core);
            // A timer wakes this too, when no grant comes.
            changed.await;
        }
    }

    async fn approval(&self, who: &Session, asked: &ApproveRequest) -> Answer<SaleApproval> {
        let reason = plain_text(&asked.reason, limits::NOTE_CHARS_MAX);
        if reason.is_empty() {
            return Err(Refused::invalid("/approve/reason", "say why it is sold"));
        }
        // A page may send an empty field for "none".
        let by = match asked.pin.as_ref().filter(|pin| !pin.is_empty()) {
            Some(pin) => self.approver(who, pin).await?.code.to_string(),
            None if who.approves() => who.staff.to_string(),
            None => {
                let detail = "A manager's PIN is needed for this.";
                return Err(Refused::new(403, "approval_denied", detail));
            }
        };
        Ok(SaleApproval { by, reason })
    }
}

/// A pay key as it is kept: two registers' pages may choose the same one.
pub(super) fn key_at(register: &RegisterCode, key: &str, pointer: &str) -> Answer<String> {
    if key.is_empty() || key.chars().count() > KEY_CHARS_MAX {
        return Err(Refused::invalid(pointer, "1 to 255 characters"));
    }
    Ok(format!("{register}/{key}"))
}

/// Of all that a payment is, to know a second sending. Who approved it is left out: a page that
/// was reloaded has no PIN any more, and must still be able to ask what became of the sale.
fn fingerprint(asked: &PayRequest) -> String {
    let mut hasher = Sha256::new();
    let Shown { ticket, total, fingerprint } = &asked.shown;
    hasher.update(format!("{ticket} {} {} {fingerprint:?}\n", total.minor, total.currency));
    for tender in &asked.tenders {
        let Money { minor, currency } = tender.given;
        hasher.update(format!("{:?} {minor} {currency}\n", tender.kind).as_bytes());
    }
    hex::encode(hasher.finalize())
}

/// What was given in all, and the change.
fn tendered(ticket: &Ticket, tenders: &[TenderRequest]) -> Answer<(Money, Money)> {
    if ticket.lines.is_empty() {
        return Err(TicketRefusal::Empty.into());
    }
    if tenders.is_empty() || tenders.len() > TENDERS_MAX {
        return Err(Refused::invalid("/tenders", "1 to 20 tenders"));
    }
    if tenders.iter().any(|t| t.kind != "cash") {
        return Err(TicketRefusal::TenderKind.into());
    }
    let given: Vec<Money> = tenders.iter().map(|t| t.given).collect();
    let change = ticket.change(&given)?;
    Ok((ticket.total()?.plus(change)?, change))
}

/// The approval that the ticket needs; none where nothing on it may be promised.
fn may_be_sold(ticket: &Ticket, approval: Option<SaleApproval>) -> Answer<Option<SaleApproval>> {
    let promised = |l: &&oneshelf_domain::ticket::TicketLine| l.warning == Some(Warning::Promised);
    let lines: Vec<String> =
        ticket.lines.iter().filter(promised).map(|l| l.id.to_string()).collect();
    if lines.is_empty() {
        return Ok(None);
    }
    if approval.is_some() {
        return Ok(approval);
    }
    let detail = "These goods may be promised to somebody else. A manager can approve the sale, \
                  with a reason.";
    Err(Refused::new(409, "approval_needed", detail).with("lines", lines))
}

struct Numbered<'a> {
    location: &'a str,
    number: i64,
}

fn paid(
    who: &Session,
    ticket: &Ticket,
    tenders: &[TenderRequest],
    given: Money,
    change: Money,
    name: &Numbered<'_>,
    records: &Records,
) -> Answer<PaidSale> {
    let register = register_path(name.location, &who.register);
    let lines = ticket.lines.iter().map(|l| {
        Ok(PaidLine {
            id: l.id,
            sku: l.sku.clone(),
            name: l.name.clone(),
            options: l.options.clone(),
            unit: l.unit,
            quantity: l.quantity,
            unit_price: l.unit_price,
            total: l.total()?,
            tax: l.tax.clone(),
            components: l.parts.iter().map(in_one).collect(),
        })
    });
    Ok(PaidSale {
        // Not the ticket's: one of a journal that was put back may have been paid before.
        id: SaleId(clock::fresh()),
        ticket: ticket.id,
        receipt_number: format!("{register}-{:06}", name.number),
        register: who.register.clone(),
        number: name.number,
        cashier: format!("{} ({})", who.name, who.staff),
        total: ticket.total()?,
        given,
        change,
        paid_at: clock::now(),
        tenders: tenders.iter().map(|t| Tender { kind: t.kind.clone(), given: t.given }).collect(),
        lines: lines.collect::<Answer<_>>()?,
        taxes: ticket.taxes(records.shop().map_or(&[][..], |s| &s.taxes))?,
    })
}

fn in_one(part: &TicketPart) -> Total {
    (part.component.sku.clone(), part.component.quantity)
}

/// The commercial part of the fact.
fn document(sale: &PaidSale, location: &str, approval: Option<SaleApproval>) -> Answer<Sale> {
    let lines = sale.lines.iter().map(|l| {
        Ok(SoldLine {
            id: l.id,
            sku: l.sku.clone(),
            name: l.name.clone(),
            quantity: Quantity::new(l.quantity).map_err(|e| Refused::internal(&e))?,
            unit_price: l.unit_price,
            total: l.total,
            tax: l.tax.clone(),
            components: l.components.clone(),
        })
    });
    Ok(Sale {
        id: sale.id,
        receipt_number: sale.receipt_number.clone(),
        register: register_path(location, &sale.register),
        number: sale.number,
        cashier: sale.cashier.clone(),
        total: sale.total,
        change: sale.change,
        tenders: sale.tenders.clone(),
        lines: lines.collect::<Answer<_>>()?,
        approval,
    })
}

fn kept(who: &Session, new: NewSale, print: bool, approval: Option<SaleApproval>) -> Vec<Keep> {
    let (number, at) = (new.sale.receipt_number.clone(), new.sale.paid_at);
    let register = who.register.clone();
    let mut keeps = vec![Keep::TicketGone(register.clone()), Keep::Sale(Box::new(new))];
    if print {
        keeps.push(Keep::PrintJob(NewJob {
            id: PrintJobId(clock::fresh()),
            register: register.clone(),
            receipt_number: Some(number.clone()),
            copy: false,
            at,
        }));
    }
    if let Some(SaleApproval { by, reason }) = approval {
        let detail = format!("{number}: approved by {by}: {reason}");
        let deed = NewDeed { register, staff: who.staff.clone(), kind: "sale_approved", detail };
        keeps.push(Keep::Deed(deed, at));
    }
    keeps
}

/// A location's code for a receipt's header.
pub(super) fn location_code(location: &str) -> Option<LocationCode> {
    LocationCode::new(location).ok()
}
