//! Facts: what happened in a store, in the order of its agent's log.
//!
//! The agent states the split of a sale; the hub never re-derives it from its own view, which
//! counts grants that the agent has not received. A fact's stock effect is always booked. The
//! shell answers ids that were booked before; here every id is new.

use std::collections::BTreeMap;

use super::draft::{Draft, Shift};
use super::draw::Draw;
use super::session::{behind_a_gap, learn, speaker, unheard};
use super::{
    Change, Command, FactBody, InSource, Incarnation, ItemNo, Outcome, Place, Reason,
    ReservationState, SaleApproval, SaleDocument, SaleLine, StockKey, Stop, arrival, kits, release,
    reserve, transfer,
};
use crate::id::{IncarnationId, ReservationId};
use crate::limits;
use crate::refusal::Refusal;
use crate::time::Timestamp;

pub(super) fn fact(draft: &mut Draft, command: &Command) -> Result<Outcome, Stop> {
    let Command::Fact { location, session, incarnation, seq, prev, granted, occurred_at, body } =
        command
    else {
        return Err(Stop::NotNow("not a fact"));
    };
    speaker(draft, *location, *session)?;
    let mut i = match draft.incarnation(*incarnation)? {
        Some(known) => known,
        None => {
            // A restored hub that never knew this one.
            let mut new = unheard(*incarnation, *location, draft.at.version);
            new.retired = true;
            draft.put_incarnation(new.clone());
            new
        }
    };
    if i.location != *location {
        return Err(Refusal::invalid("/incarnation", "of this agent's own store").into());
    }
    let own = match body {
        FactBody::Unreadable { code, id } => {
            if *id != draft.at.command && *seq <= i.last {
                // Its place was taken before: by itself, or by what stood in for it.
                return Ok(Outcome::NotBooked { code: code.clone() });
            }
            *id
        }
        _ => draft.at.command,
    };
    if !i.forked {
        let gap = behind_a_gap(draft, &i, *seq)?;
        if gap || *seq <= i.last || *prev != i.head {
            draft.retire(i.id, true)?; // then applied as a stray
            i = draft.incarnation(i.id)?.unwrap_or(i);
        }
    }
    if *seq > i.last {
        i.last = *seq;
        i.head = Some(own);
        draft.put_incarnation(i.clone());
    }
    if let Some(code) = unbookable(body) {
        // The log goes on, else every later fact of this store would wait for ever.
        draft.notice("fact_not_booked", own.to_string(), "a fact makes no sense");
        return Ok(Outcome::NotBooked { code });
    }
    learn(draft, i.id, granted)?;
    apply(draft, &i, body, *occurred_at)
}

/// The only whole rejections: shapes that cannot be booked (DESIGN.md section 7).
pub(super) fn unbookable(body: &FactBody) -> Option<String> {
    let units = |n: i64| (1..=limits::QUANTITY_MAX).contains(&n);
    let none = |n: i64| (0..=limits::QUANTITY_MAX).contains(&n);
    let some = |lines: &[(ItemNo, i64)]| {
        lines.len() <= limits::LINES_MAX && lines.iter().all(|(_, n)| units(*n))
    };
    let good = match body {
        FactBody::Unreadable { code, .. } => return Some(code.clone()),
        FactBody::Sale { lines, .. } => {
            !lines.is_empty()
                && lines.len() <= limits::LINES_MAX
                && lines.iter().all(|l| none(l.share) && none(l.beyond))
        }
        FactBody::In { quantity, .. } | FactBody::Back { quantity, .. } => units(*quantity),
        FactBody::Count { found, from_share, .. } => none(*found) && none(*from_share),
        FactBody::Handover { lines, .. } | FactBody::Released { lines, .. } => some(lines),
        FactBody::Sent { lines, .. } => !lines.is_empty() && some(lines),
        FactBody::Arrived { lines, .. } => {
            lines.len() <= limits::LINES_MAX
                && lines.iter().all(|l| none(l.good) && none(l.damaged))
        }
        FactBody::Close { left } => left.iter().all(|(_, n)| none(*n)),
    };
    (!good).then(|| "invalid".to_owned())
}

pub(super) fn apply(
    draft: &mut Draft,
    i: &Incarnation,
    body: &FactBody,
    occurred_at: Timestamp,
) -> Result<Outcome, Stop> {
    let mut attention = None;
    match body {
        FactBody::Sale { lines, document } => {
            let lines = &kits::split(draft, lines, i.location)?;
            draft.each(lines, |draft, line| sale_line(draft, i, line))?;
            if let Some(document) = document {
                draft.explain("reservation_short", &taken(document));
                attention = commercial(lines, document);
                if let Some(code) = &attention {
                    draft.notice(code, document.receipt_number.clone(), "this sale needs a look");
                }
                draft.push(Change::Sale {
                    location: i.location,
                    occurred_at,
                    document: document.clone(),
                    attention: attention.clone(),
                });
            }
        }
        FactBody::In { item, quantity, to_share, source } => {
            draft.each(kits::parts(draft, *item, i.location)?, |draft, part| {
                let (key, units) = (Draft::key(part.item, i.location), quantity * part.quantity);
                // An agent that names a kit added nothing to the share of its parts.
                let to_share = *to_share && part.item == *item;
                goods_in(draft, i, key, units, to_share, *source)
            })?;
        }
        FactBody::Back { item, quantity } => {
            back(draft, i, Draft::key(*item, i.location), *quantity)?;
        }
        FactBody::Count { item, found, from_share } => {
            if draft.state.records.kit(*item).is_some() {
                let sku = draft.state.item_by_no(*item)?.map(|i| i.sku.to_string());
                let text = "a store counted a kit, which has no stock: count its parts";
                draft.notice("kit_counted", sku.unwrap_or_default(), text);
            } else if i.retired {
                // It proves nothing now; its cut went to doubt already.
                let sku = draft.state.item_by_no(*item)?.map(|i| i.sku.to_string());
                let text = "a count by an agent that no longer speaks for its store: count again";
                draft.notice("count_not_used", sku.unwrap_or_default(), text);
            } else {
                let key = Draft::key(*item, i.location);
                leave(draft, i, key, *from_share, Place::Adjustment, Reason::Count)?;
                super::request::count(draft, key, *found, *from_share)?;
            }
        }
        FactBody::Handover { reservation, lines } => {
            hand_over(draft, i, *reservation, lines)?;
        }
        FactBody::Released { reservation, .. } => release::released(draft, i, *reservation)?,
        FactBody::Sent { to, via, lines } => {
            transfer::sent(draft, i, (to, via.as_ref()), lines)?;
        }
        FactBody::Arrived { transfer, lines, close } => {
            arrival::arrived(draft, i, *transfer, lines, *close)?;
        }
        FactBody::Close { left } => close(draft, i.id, left)?,
        FactBody::Unreadable { .. } => {}
    }
    Ok(Outcome::Booked { attention })
}

/// How a reservation lost units to a sale.
fn taken(document: &SaleDocument) -> String {
    let receipt = &document.receipt_number;
    match &document.approval {
        Some(SaleApproval { by, reason }) => {
            format!("sold as {receipt} though it was promised; approved by {by}: {reason}")
        }
        None => format!("sold as {receipt}, where it was free as far as the store knew"),
    }
}

fn sale_line(draft: &mut Draft, i: &Incarnation, line: &SaleLine) -> Result<(), Stop> {
    let key = Draft::key(line.item, i.location);
    leave(draft, i, key, line.share, Place::Customer, Reason::Sale)?;
    draft.draw(Draw {
        key,
        quantity: line.beyond,
        to: Place::Customer,
        reason: Reason::Sale,
        first: None,
        any_doubt: false,
    })
}

/// Units that the agent took out of its own share.
pub(super) fn leave(
    draft: &mut Draft,
    i: &Incarnation,
    key: StockKey,
    quantity: i64,
    to: Place,
    reason: Reason,
) -> Result<(), Stop> {
    let shift = |from, quantity| Shift { key, from, to, quantity, reason, reservation: None };
    let mut rest = draft.booked_before(i, key, quantity, (to, reason))?;
    if !i.retired {
        let mut share = draft.share(key, i.id)?;
        let owned = rest.min(share.owned().max(0));
        share.sold += owned;
        draft.put_share(key, i.id, share);
        draft.shift(shift(Place::StoreShare, owned))?;
        rest -= owned;
        if rest > 0 {
            mismatch(draft, i.id);
        }
    }
    let first = i.retired.then_some(i.id);
    draft.draw(Draw { key, quantity: rest, to, reason, first, any_doubt: false })
}

fn mismatch(draft: &mut Draft, id: IncarnationId) {
    draft.notice("share_mismatch", id.to_string(), "an agent used more share than it had");
}

fn goods_in(
    draft: &mut Draft,
    i: &Incarnation,
    key: StockKey,
    quantity: i64,
    to_share: bool,
    source: InSource,
) -> Result<(), Stop> {
    let (from, reason) = match source {
        InSource::Customer => (Place::Customer, Reason::Return),
        InSource::Supplier => (Place::Supplier, Reason::Receive),
    };
    let shift = |to, quantity| Shift { key, from, to, quantity, reason, reservation: None };
    let mut share = draft.share(key, i.id)?;
    if !i.retired && to_share {
        share.brought += quantity;
        draft.put_share(key, i.id, share);
        return draft.shift(shift(Place::StoreShare, quantity));
    }
    let mut rest = quantity;
    if i.retired {
        let booked = rest.min((-share.written_off).max(0));
        share.written_off += booked;
        draft.shift(shift(Place::Adjustment, booked))?;
        rest -= booked;
        if to_share && !i.closed {
            share.doubt += rest;
            draft.shift(shift(Place::InDoubt, rest))?;
            rest = 0;
        }
        draft.put_share(key, i.id, share);
    }
    draft.shift(shift(Place::Available, rest))?;
    draft.heal(key)
}

fn back(draft: &mut Draft, i: &Incarnation, key: StockKey, quantity: i64) -> Result<(), Stop> {
    let mut share = draft.share(key, i.id)?;
    let (from, given) = if i.retired {
        if i.forked {
            return Ok(());
        }
        let given = quantity.min(share.doubt);
        share.doubt -= given;
        (Place::InDoubt, given)
    } else {
        let given = quantity.min(share.owned().max(0));
        share.returned += given;
        if given < quantity {
            mismatch(draft, i.id);
        }
        (Place::StoreShare, given)
    };
    draft.put_share(key, i.id, share);
    draft.shift(Shift {
        key,
        from,
        to: Place::Available,
        quantity: given,
        reason: Reason::GiveBack,
        reservation: None,
    })?;
    draft.heal(key)
}

/// The physical fact wins: of an ended, unknown or short reservation the rest is a sale beyond the
/// share. An agent's word moves units of its own store only.
fn hand_over(
    draft: &mut Draft,
    i: &Incarnation,
    id: ReservationId,
    lines: &[(ItemNo, i64)],
) -> Result<(), Stop> {
    let mut given = kits::units(draft, lines, i.location)?;
    let known = draft.reservation(id)?;
    let road = known.as_ref().and_then(|r| r.transfer).filter(|road| road.from == i.location);
    if let (Some(r), Some(road)) = (&known, road) {
        return transfer::handed_over(draft, r.clone(), road, given);
    }
    if let Some(r) = known.filter(|r| r.state.is_open()) {
        if r.lines.iter().all(|l| l.location == i.location) {
            let mut claimed: BTreeMap<ItemNo, i64> = BTreeMap::new();
            for line in &r.lines {
                *claimed.entry(line.item).or_default() += line.quantity;
            }
            if !lines.is_empty() && given != claimed {
                draft.notice(
                    "handover_differs",
                    id.to_string(),
                    "a store handed over other units than were reserved",
                );
            }
            if r.state == ReservationState::Releasing {
                draft.notice(
                    "handover_of_cancelled",
                    id.to_string(),
                    "a store had handed over what was then cancelled",
                );
            }
            reserve::consume(draft, r)?;
            for (item, quantity) in &mut given {
                *quantity = (*quantity - claimed.get(item).unwrap_or(&0)).max(0);
            }
        } else {
            draft.notice(
                "handover_elsewhere",
                id.to_string(),
                "a store handed over a reservation of another location",
            );
        }
    }
    draft.each(given, |draft, (item, quantity)| {
        let key = Draft::key(item, i.location);
        // Of a claim that ended with a count: that has booked the units.
        let rest = draft.booked_before(i, key, quantity, (Place::Customer, Reason::HandOver))?;
        draft.draw(Draw {
            key,
            quantity: rest,
            to: Place::Customer,
            reason: Reason::HandOver,
            first: None,
            any_doubt: false,
        })
    })
}

fn close(draft: &mut Draft, id: IncarnationId, left: &[(ItemNo, i64)]) -> Result<(), Stop> {
    draft.retire(id, false)?;
    let Some(mut i) = draft.incarnation(id)? else { return Ok(()) };
    i.closed = !i.forked; // a copy's word closes nothing
    draft.put_incarnation(i.clone());
    if i.forked {
        return Ok(());
    }
    draft.each(left, |draft, (item, quantity)| {
        let key = Draft::key(*item, i.location);
        let mut share = draft.share(key, id)?;
        let freed = share.doubt.min(*quantity);
        share.doubt -= freed;
        draft.put_share(key, id, share);
        draft.shift(Shift {
            key,
            from: Place::InDoubt,
            to: Place::Available,
            quantity: freed,
            reason: Reason::Close,
            reservation: None,
        })?;
        draft.heal(key)
    })
}

/// What is wrong with the commercial part, as a code; the goods are gone either way.
fn commercial(lines: &[SaleLine], document: &SaleDocument) -> Option<String> {
    // Amounts come from afar and have no bound here.
    let given: i128 = document.tenders.iter().map(|t| i128::from(t.given_minor)).sum();
    let sum: i128 = document.lines.iter().map(|(_, _, _, total)| i128::from(*total)).sum();
    let total = i128::from(document.total_minor);
    if sum != total || given - i128::from(document.change_minor) != total {
        return Some("sale_totals_differ".to_owned());
    }
    let mut units = document.units();
    for line in lines {
        *units.entry(line.item).or_default() -= i128::from(line.share + line.beyond);
    }
    units.values().any(|difference| *difference != 0).then(|| "sale_units_differ".to_owned())
}
