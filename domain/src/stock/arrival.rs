//! The end of a transfer: what arrived, what did not, what was too much.
//!
//! Goods that were unpacked are there, whatever is known of their transfer; only a request may be
//! refused. It must not know how they set off. Invariant: a transfer ends once, when nothing of it
//! is on its way any more or somebody says that nothing more will come.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use super::draft::{Draft, Shift};
use super::request::all_known;
use super::reserve::{answer, found, has_agent, move_units, state_refuses, still_open};
use super::{
    Incarnation, ItemNo, LocationNo, Outcome, Place, Reason, Reservation, ReservationLine,
    ReservationState, StockKey, Stop, Transfer, kits,
};
use crate::id::ReservationId;
use crate::refusal::Refusal;

/// Units of an item that arrived.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct ArrivedLine {
    /// Which item.
    pub item: ItemNo,
    /// Fit to be sold.
    pub good: i64,
    /// Not for sale.
    pub damaged: i64,
}

pub(super) fn receive(
    draft: &mut Draft,
    id: ReservationId,
    lines: &[ArrivedLine],
    close: bool,
) -> Result<Outcome, Stop> {
    let r = draft.reservation(id)?.ok_or(Refusal::TransferUnknown)?;
    let Some(road) = r.transfer else { return Err(Refusal::TransferUnknown.into()) };
    all_known(draft, &lines.iter().map(|line| line.item).collect::<Vec<_>>())?;
    let r = still_open(r)?;
    if r.state != ReservationState::InTransit {
        return Err(state_refuses(&r, "received").into());
    }
    if has_agent(draft, road.to)? {
        return Err(Refusal::StoreHasAgent.into());
    }
    for line in lines {
        kits::has_stock(draft, line.item)?;
    }
    arrive(draft, r, road, None, lines, close)?;
    Ok(answer(&found(draft, id)?, Outcome::Done))
}

/// A store has unpacked a transfer. The goods are there, whatever is known of it: of one that is
/// not on its way here (this hub was put back, or its sender has not spoken yet) as a receipt.
pub(super) fn arrived(
    draft: &mut Draft,
    i: &Incarnation,
    id: ReservationId,
    lines: &[ArrivedLine],
    close: bool,
) -> Result<(), Stop> {
    kits::at_hand(draft, lines.iter().map(|line| (line.item, i.location)))?;
    let mut parts = vec![];
    for line in lines {
        for part in draft.state.records.parts(line.item) {
            let units = |n: i64| n * part.quantity;
            let (good, damaged) = (units(line.good), units(line.damaged));
            parts.push(ArrivedLine { item: part.item, good, damaged });
        }
    }
    let lines = &parts[..];
    let travelling = draft.reservation(id)?.filter(|r| r.state == ReservationState::InTransit);
    let here = |r: Reservation| {
        let road = r.transfer.filter(|road| road.to == i.location)?;
        Some((r, road))
    };
    if let Some((r, road)) = travelling.and_then(here) {
        return arrive(draft, r, road, Some(i), lines, close);
    }
    if lines.iter().any(|line| line.good + line.damaged > 0) {
        let text = "a store received a transfer that was not on its way there";
        draft.notice("arrival_unexpected", id.to_string(), text);
    }
    draft.each(lines, |draft, line| {
        let key = Draft::key(line.item, i.location);
        let from = (i.location, Place::Supplier);
        land(draft, Some(i), from, (key, Place::Available), line.good, None)?;
        land(draft, Some(i), from, (key, Place::Damaged), line.damaged, None)?;
        draft.heal(key)
    })
}

fn arrive(
    draft: &mut Draft,
    mut r: Reservation,
    road: Transfer,
    by: Option<&Incarnation>,
    lines: &[ArrivedLine],
    close: bool,
) -> Result<(), Stop> {
    let id = r.id;
    let spots = |item| [road.via, road.to].map(|at| Draft::key(item, at));
    let sent = r.lines.iter().map(|line| line.key());
    draft.rows(sent.chain(lines.iter().flat_map(|line| spots(line.item))))?;
    let (mut came, mut over) = (vec![], vec![]);
    for line in lines {
        let key = Draft::key(line.item, road.to);
        for (units, into) in [(line.good, Place::Available), (line.damaged, Place::Damaged)] {
            let mut rest = units;
            let on_its_way =
                |l: &&mut ReservationLine| (l.item, l.location) == (line.item, road.via);
            for sent in r.lines.iter_mut().filter(on_its_way) {
                let part = rest.min(sent.held());
                sent.short += part;
                rest -= part;
                came.push(((key, into), part));
            }
            over.push(((key, into), rest));
        }
    }
    let missing: Vec<(StockKey, i64)> =
        r.lines.iter().filter(|l| l.held() > 0).map(|l| (l.key(), l.held())).collect();
    if close || missing.is_empty() {
        r.state = ReservationState::Transferred;
    }
    draft.put_reservation(r);
    draft.each(came, |draft, (to, units)| {
        land(draft, by, (road.via, Place::Reserved), to, units, Some(id))
    })?;
    if over.iter().any(|(_, units)| *units > 0) {
        draft.notice("transfer_over", id.to_string(), "more arrived than was sent");
    }
    draft.each(over, |draft, (to, units)| {
        land(draft, by, (road.to, Place::Adjustment), to, units, Some(id))
    })?;
    if close && !missing.is_empty() {
        draft.notice("transfer_short", id.to_string(), "less arrived than was sent");
        for (key, units) in missing {
            let (from, to) = (Place::Reserved, Place::Adjustment);
            move_units(draft, key, from, to, units, Reason::Transfer, id)?;
        }
    }
    let keys: BTreeSet<StockKey> =
        lines.iter().map(|line| Draft::key(line.item, road.to)).collect();
    draft.each(keys, Draft::heal)
}

/// Units arrive. What a count has found in the absence of an agent that is replaced now, it has
/// booked before that agent could say where it came from.
fn land(
    draft: &mut Draft,
    by: Option<&Incarnation>,
    (at, from): (LocationNo, Place),
    (key, into): (StockKey, Place),
    quantity: i64,
    id: Option<ReservationId>,
) -> Result<(), Stop> {
    let shift = |draft: &mut Draft, to, quantity| {
        let reason = if id.is_some() { Reason::Transfer } else { Reason::Receive };
        let key_from = Draft::key(key.item, at);
        let s = Shift { key: key_from, from, to, quantity, reason, reservation: id };
        draft.carry(s, key.location)
    };
    let mut rest = quantity;
    if let Some(i) = by.filter(|i| i.retired && into == Place::Available) {
        let mut share = draft.share(key, i.id)?;
        let booked = rest.min((-share.written_off).max(0));
        share.written_off += booked;
        draft.put_share(key, i.id, share);
        if from != Place::Adjustment {
            shift(draft, Place::Adjustment, booked)?;
        }
        rest -= booked;
    }
    shift(draft, into, rest)
}
