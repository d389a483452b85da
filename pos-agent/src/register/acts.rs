//! What staff do with goods in the store, beside selling: take in, count, send, hand over.
//!
//! Each is a fact of the store's one log, whoever does it on whichever page: a second road into
//! the books would make counts wrong. Invariant: the same key has one effect, and one reservation
//! is handed over once.

use oneshelf_domain::item::Component;
use oneshelf_domain::record::{LocationKind, Role};
use oneshelf_domain::stock::{InSource, ReservationState};
use oneshelf_domain::{CommandId, LocationCode, Quantity, ReservationId, Sku, limits};
use oneshelf_protocol::frame::{ArrivedUnits, Body, Fact};
use oneshelf_protocol::replica::Row;
use oneshelf_sync::agent::Step;
use serde::Deserialize;
use uuid::Uuid;

use super::{Answer, Front, Refused, Session};
use crate::clock;
use crate::journal::Fault;

/// Names of facts that are made from keys.
const KEYED: Uuid = Uuid::from_u128(0x0192_6f3a_51c7_7b1e_9d4f_7a60_11ce_0002);

/// What is done.
#[derive(Debug, Deserialize)]
#[serde(tag = "act", rename_all = "snake_case", deny_unknown_fields)]
pub(crate) enum Act {
    /// A delivery was unpacked.
    Receive {
        /// Which item.
        sku: Sku,
        /// How many, at least one.
        quantity: Quantity,
    },
    /// A shopper brought goods back, fit to be sold.
    Return {
        /// Which item.
        sku: Sku,
        /// How many, at least one.
        quantity: Quantity,
    },
    /// The shelf was counted; goods in open tickets stand on it, picked goods do not.
    Count {
        /// Which item.
        sku: Sku,
        /// Units found.
        found: Quantity,
    },
    /// Goods of the store's share go to another location, by the store's own decision.
    Send {
        /// Where they go.
        to: LocationCode,
        /// Where they stand on the way; none: the hub says so.
        via: Option<LocationCode>,
        /// What goes.
        lines: Vec<SentLine>,
    },
    /// Goods of a transfer were unpacked.
    Arrive {
        /// Which transfer.
        transfer: ReservationId,
        /// What came; an item that was not sent may be among it.
        lines: Vec<CameLine>,
        /// Nothing more of it will come.
        #[serde(default)]
        close: bool,
    },
    /// A reservation's goods were given to the shopper, or a transfer's to the driver.
    HandOver {
        /// Which.
        reservation: ReservationId,
    },
}

/// Units that go to another location.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct SentLine {
    /// Which item.
    sku: Sku,
    /// How many, at least one.
    quantity: Quantity,
}

/// Units that came from another location.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct CameLine {
    /// Which item.
    sku: Sku,
    /// Fit to be sold.
    good: Quantity,
    /// Not for sale.
    #[serde(default)]
    damaged: Quantity,
}

impl Front {
    /// Logs an act. True when it was logged now, false when this key did it before.
    pub(crate) async fn act(&self, who: &Session, key: Option<&str>, act: Act) -> Answer<bool> {
        may(who, &act)?;
        let now = clock::now();
        let id = CommandId(key.map_or_else(clock::fresh, |key| {
            Uuid::new_v5(&KEYED, format!("{}/{key}", who.staff).as_bytes())
        }));
        let mut core = self.core().await?;
        // Before anything is looked at: what was done may have changed what is there.
        let before = match core.writer.fact_text(id).await {
            Err(fault) => {
                core.doubt(&fault);
                return Err(fault.into());
            }
            Ok(before) => before,
        };
        if let Some(text) = before {
            let fact: Fact = serde_json::from_str(&text).map_err(Fault::from)?;
            let parts = self.parts(&act).await?.unwrap_or_default();
            return if act.made(&parts, &fact.body) { Ok(false) } else { Err(reused()) };
        }
        let parts = self.parts(&act).await?.ok_or_else(|| Refused::item_unknown(true))?;
        if !parts.is_empty() && !matches!(act, Act::Return { .. }) {
            let detail = "This is a kit: take in and count its parts.";
            return Err(Refused::new(409, "kit_has_no_stock", detail));
        }
        let step: Step = match act {
            Act::Receive { sku, quantity } => {
                let units = some(quantity)?;
                core.agent.bring(id, &sku, units, false, InSource::Supplier, now)
            }
            Act::Return { sku, quantity } => {
                some(quantity)?;
                let mut step = Step::default();
                for (at, (sku, units)) in returned(&sku, quantity, &parts).enumerate() {
                    // The first fact is the one that the key names.
                    let id = if at == 0 { id } else { of_part(id, &sku) };
                    if units > limits::QUANTITY_MAX {
                        return Err(Refused::invalid("/quantity", "fewer of so large a kit"));
                    }
                    step.then(core.agent.bring(id, &sku, units, false, InSource::Customer, now));
                }
                step
            }
            Act::Count { sku, found } => core.agent.count(id, &sku, found.units(), now),
            Act::Send { to, via, lines } => {
                let lines = self.to_send(&to, lines)?;
                let step = core.agent.send(id, (to, via), lines, now);
                step.ok_or_else(not_enough_share)?
            }
            Act::Arrive { transfer, lines, close } => {
                let lines = came(lines, close)?;
                self.is_on_its_way(transfer).await?;
                core.agent.arrive(id, transfer, lines, close, now)
            }
            Act::HandOver { reservation } => {
                let lines = self.to_hand_over(reservation).await?;
                core.agent.hand_over(id, reservation, lines, now)
            }
        };
        core.perform(step, vec![]).await?;
        Ok(true)
    }

    /// What the items of an act are made of: nothing, when none is a kit or none is named; none:
    /// there is no such item.
    async fn parts(&self, act: &Act) -> Answer<Option<Vec<Component>>> {
        let mut parts = vec![];
        for sku in act.items() {
            let item = self.shared.reads.item(sku.as_str()).await?;
            let Some(item) = item else { return Ok(None) };
            parts.extend(item.details.components);
        }
        Ok(Some(parts))
    }

    fn to_send(&self, to: &LocationCode, lines: Vec<SentLine>) -> Answer<Vec<(Sku, i64)>> {
        let records = self.shared.records();
        let Some(location) = records.location(to) else {
            let detail = "There is no location with this code.";
            return Err(Refused::new(404, "location_unknown", detail));
        };
        let here = self.shared.identity().is_some_and(|i| i.location == to.as_str());
        if location.kind == LocationKind::Transit || here {
            return Err(Refused::invalid("/to", "another location, not of kind transit"));
        }
        if lines.is_empty() || lines.len() > limits::LINES_MAX {
            return Err(Refused::invalid("/lines", "1 to 200 lines"));
        }
        lines.into_iter().map(|l| Ok((l.sku, some(l.quantity)?))).collect()
    }

    /// What the own log has closed, the hub has not told back yet.
    async fn is_on_its_way(&self, id: ReservationId) -> Answer<()> {
        let row = self.shared.reads.reservation(id).await?;
        if !matches!(row, Some(Row::Transfer { .. })) {
            let detail = "The store has not been told of this transfer, or it has ended.";
            return Err(Refused::new(404, "transfer_unknown", detail));
        }
        if self.shared.reads.closed_here(id).await? {
            let detail = "This transfer was closed before. Nothing was booked.";
            return Err(Refused::new(409, "transfer_ended", detail));
        }
        Ok(())
    }

    /// The lines of an order that the store knows of and has not handed over itself: until the
    /// hub's rows come back, only the own log knows that it has ended.
    async fn to_hand_over(&self, id: ReservationId) -> Answer<Vec<(Sku, i64)>> {
        let unknown = || {
            let detail = "The store has not been told of this reservation, or it has ended.";
            Refused::new(404, "reservation_unknown", detail)
        };
        let row = self.shared.reads.reservation(id).await?.ok_or_else(unknown)?;
        let Row::Reservation { state, mut lines, to, .. } = row else { return Err(unknown()) };
        let ended = |detail| Err(Refused::new(409, "reservation_ended", detail));
        if self.shared.reads.handed_over_here(id).await? {
            return ended("These goods were handed over before. Nothing was booked.");
        }
        match ReservationState::from_name(&state) {
            Some(ReservationState::Committed | ReservationState::Picked) => {}
            // The hub was told that these goods stay here.
            Some(ReservationState::Releasing) => {
                return ended("This order was cancelled. Put the goods back on the shelf.");
            }
            // Nobody has paid, and the hub frees it when its time is over, without asking.
            Some(ReservationState::Held) => {
                let detail =
                    "This is a hold: it is not an order yet. Sell the goods at a register.";
                return Err(Refused::new(409, "reservation_held", detail));
            }
            _ => return Err(unknown()),
        }
        if to.is_some() {
            // What a register took of a transfer stays behind; an order's shopper has a choice.
            lines.retain(|(_, quantity, short)| quantity > short);
            lines.iter_mut().for_each(|(_, quantity, short)| *quantity -= *short);
            if lines.is_empty() {
                let detail = "All of it was sold meanwhile. Ask the office to cancel the transfer.";
                return Err(Refused::new(409, "reservation_short", detail));
            }
        }
        Ok(lines.into_iter().map(|(sku, quantity, _)| (sku, quantity)).collect())
    }
}

impl Act {
    /// The items that it names.
    fn items(&self) -> Vec<&Sku> {
        match self {
            Act::Receive { sku, .. } | Act::Return { sku, .. } | Act::Count { sku, .. } => {
                vec![sku]
            }
            Act::Send { lines, .. } => lines.iter().map(|l| &l.sku).collect(),
            Act::Arrive { lines, .. } => lines.iter().map(|l| &l.sku).collect(),
            Act::HandOver { .. } => vec![],
        }
    }

    /// Whether this act made that fact. What the agent added, as the cut of its share, is not
    /// compared.
    fn made(&self, parts: &[Component], body: &Body) -> bool {
        match (self, body) {
            (Act::Receive { sku, quantity }, Body::In { sku: of, quantity: n, source, .. }) => {
                (sku, quantity.units(), &InSource::Supplier) == (of, *n, source)
            }
            (Act::Return { sku, quantity }, Body::In { sku: of, quantity: n, source, .. }) => {
                let first = returned(sku, *quantity, parts).next();
                first == Some((of.clone(), *n)) && *source == InSource::Customer
            }
            (Act::Count { sku, found }, Body::Count { sku: of, found: n, .. }) => {
                (sku, found.units()) == (of, *n)
            }
            (Act::Send { to, via, lines }, Body::Sent { to: t, via: v, lines: of }) => {
                let same = |(l, (sku, n)): (&SentLine, &(Sku, i64))| {
                    (&l.sku, l.quantity.units()) == (sku, *n)
                };
                (to, via, lines.len()) == (t, v, of.len()) && lines.iter().zip(of).all(same)
            }
            (
                Act::Arrive { transfer, lines, close },
                Body::Arrived { transfer: t, lines: of, close: c },
            ) => {
                let same = |(l, o): (&CameLine, &ArrivedUnits)| {
                    (&l.sku, l.good.units(), l.damaged.units()) == (&o.sku, o.good, o.damaged)
                };
                (transfer, close, lines.len()) == (t, c, of.len()) && lines.iter().zip(of).all(same)
            }
            (Act::HandOver { reservation }, Body::Handover { reservation: of, .. }) => {
                reservation == of
            }
            _ => false,
        }
    }
}

/// Units that come back with an item: of a kit its parts.
fn returned(
    sku: &Sku,
    quantity: Quantity,
    parts: &[Component],
) -> impl Iterator<Item = (Sku, i64)> {
    let parts = parts.iter().map(move |part| (part.sku.clone(), part.quantity * quantity.units()));
    let itself = parts.len() == 0;
    parts.chain(itself.then(|| (sku.clone(), quantity.units())))
}

/// The fact of a kit's part beside the first.
fn of_part(id: CommandId, sku: &Sku) -> CommandId {
    CommandId(Uuid::new_v5(&id.0, sku.as_str().as_bytes()))
}

fn came(lines: Vec<CameLine>, close: bool) -> Answer<Vec<ArrivedUnits>> {
    let lines: Vec<ArrivedUnits> = lines
        .into_iter()
        .map(|l| ArrivedUnits { sku: l.sku, good: l.good.units(), damaged: l.damaged.units() })
        .collect();
    if lines.len() > limits::LINES_MAX {
        return Err(Refused::invalid("/lines", "up to 200 lines"));
    }
    if !close && lines.iter().all(|l| l.good + l.damaged == 0) {
        return Err(Refused::invalid("/lines", "something that came, or close it"));
    }
    Ok(lines)
}

/// A store sends what is its own; what the hub may promise, the hub sends.
fn not_enough_share() -> Refused {
    let detail = "The store's share has fewer that no open ticket holds. Ask the office for a \
                  transfer of the others.";
    Refused::new(409, "not_enough_share", detail)
}

fn reused() -> Refused {
    let detail = "This key has done something else before. Nothing was booked now.";
    Refused::new(409, "command_reused", detail)
}

fn some(quantity: Quantity) -> Answer<i64> {
    if quantity.is_zero() {
        return Err(Refused::invalid("/quantity", "at least one unit"));
    }
    Ok(quantity.units())
}

/// Cashiers hand over; stock is changed by those who answer for it.
fn may(who: &Session, act: &Act) -> Answer<()> {
    let answers_for_stock = matches!(who.role, Role::Clerk | Role::Manager | Role::Admin);
    if answers_for_stock || matches!(act, Act::HandOver { .. }) {
        return Ok(());
    }
    Err(Refused::new(403, "not_allowed", "This needs a clerk or a manager. Ask one to sign in."))
}
