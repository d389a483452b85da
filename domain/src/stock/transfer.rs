//! Transfers: goods on their way from one location to another.
//!
//! A transfer is a reservation that knows where its goods go. Until they leave, its units stand in
//! `reserved` at the sender as those of any order; on the way they stand in `reserved` at a
//! location of kind transit, where nobody is promised them. It must not know who carries them.
//! Invariant: a line at `via` has `quantity` units that left, of which `short` have arrived; what
//! arrives beyond that, or never, is booked openly as an adjustment.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::draft::{Draft, Shift};
use super::draw::Draw;
use super::request::{all_known, not_enough};
use super::reserve::{answer, found, move_units};
use super::{
    Command, Incarnation, ItemNo, LocationNo, Outcome, Place, Reason, Reservation, ReservationLine,
    ReservationState, StockKey, Stop, arrival, fact, kits,
};
use crate::code::LocationCode;
use crate::id::ReservationId;
use crate::record::{LocationKind, RecordState};
use crate::refusal::Refusal;

/// Where the goods of a transfer go.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Transfer {
    /// Who sends them.
    pub from: LocationNo,
    /// Who gets them.
    pub to: LocationNo,
    /// Where they stand on the way; of kind transit.
    pub via: LocationNo,
}

pub(super) fn transfer(draft: &mut Draft, command: &Command) -> Result<Outcome, Stop> {
    match command {
        Command::Transfer { from, to, via, lines, reference } => {
            let road = road(draft, *from, *to, *via, lines)?;
            request(draft, road, lines, reference.clone())
        }
        Command::ReceiveTransfer { id, lines, close } => {
            arrival::receive(draft, *id, lines, *close)
        }
        _ => Err(Stop::NotNow("not about a transfer")),
    }
}

/// Unknown things before wrong states.
fn road(
    draft: &Draft,
    from: LocationNo,
    to: LocationNo,
    via: Option<LocationNo>,
    lines: &[(ItemNo, i64)],
) -> Result<Transfer, Stop> {
    for location in [Some(from), Some(to), via].into_iter().flatten() {
        draft.known_location(location)?;
    }
    all_known(draft, &lines.iter().map(|(item, _)| *item).collect::<Vec<_>>())?;
    for (location, field) in [(from, "/from"), (to, "/to")] {
        if draft.open_location(location)?.kind == LocationKind::Transit {
            return Err(Refusal::invalid(field, "not a location of kind transit").into());
        }
    }
    for (item, _) in lines {
        kits::has_stock(draft, *item)?;
    }
    let via = match via {
        Some(via) if draft.open_location(via)?.kind == LocationKind::Transit => via,
        Some(_) => return Err(Refusal::invalid("/via", "a location of kind transit").into()),
        None => first_transit(draft).ok_or(Refusal::NoTransitLocation)?,
    };
    Ok(Transfer { from, to, via })
}

fn first_transit(draft: &Draft) -> Option<LocationNo> {
    let all = draft.state.records.locations();
    let open = all.filter(|l| l.kind == LocationKind::Transit && l.state == RecordState::Active);
    open.map(|l| l.no).min()
}

/// A clerk's act: it looks at `available` alone, and neither recalls a store's share nor heeds
/// what is kept back for safety. All lines or none.
fn request(
    draft: &mut Draft,
    road: Transfer,
    lines: &[(ItemNo, i64)],
    reference: Option<String>,
) -> Result<Outcome, Stop> {
    let id = ReservationId(draft.at.command.0);
    let recovering = draft.state.records.is_recovering(road.from);
    draft.rows(lines.iter().map(|(item, _)| Draft::key(*item, road.from)))?;
    for (item, quantity) in lines {
        let key = Draft::key(*item, road.from);
        let available = if recovering { 0 } else { draft.stock(key)?.available() };
        if available < *quantity {
            return Err(not_enough(draft, key, available, *quantity));
        }
        let (from, to) = (Place::Available, Place::Reserved);
        move_units(draft, key, from, to, *quantity, Reason::Transfer, id)?;
    }
    let made = new(draft, road, ReservationState::Committed, road.from, lines, reference);
    let outcome = answer(&made, Outcome::Done);
    draft.put_reservation(made);
    Ok(outcome)
}

fn new(
    draft: &Draft,
    road: Transfer,
    state: ReservationState,
    location: LocationNo,
    lines: &[(ItemNo, i64)],
    reference: Option<String>,
) -> Reservation {
    let line = |(item, quantity): &(ItemNo, i64)| ReservationLine {
        item: *item,
        location,
        quantity: *quantity,
        short: 0,
        kit: None,
    };
    Reservation {
        id: ReservationId(draft.at.command.0),
        state,
        lines: lines.iter().map(line).collect(),
        expires_at: None,
        channel: None,
        shopper: None,
        address: None,
        reference,
        transfer: Some(road),
        created: draft.at.version,
        version: draft.at.version,
    }
}

/// The goods of a transfer leave a location without an agent; what a register took stays behind.
pub(super) fn leave(draft: &mut Draft, r: Reservation, road: Transfer) -> Result<Outcome, Stop> {
    let mut all: BTreeMap<ItemNo, i64> = BTreeMap::new();
    for line in &r.lines {
        *all.entry(line.item).or_default() += line.held();
    }
    if all.values().all(|units| *units == 0) {
        return Err(Refusal::ReservationShort.into());
    }
    let id = r.id;
    set_off(draft, r, road, all)?;
    Ok(answer(&found(draft, id)?, Outcome::Done))
}

/// An agent's hand-over of a transfer of its own store. What it gave travels, whatever was asked
/// for; of one that is not there to leave any more, as a transfer of its own.
pub(super) fn handed_over(
    draft: &mut Draft,
    r: Reservation,
    road: Transfer,
    mut given: BTreeMap<ItemNo, i64>,
) -> Result<(), Stop> {
    if !r.state.is_open() || r.state == ReservationState::InTransit {
        draft.notice(
            "transfer_again",
            r.id.to_string(),
            "a store sent goods of a transfer that had left or ended; they travel as another one",
        );
        let lines: Vec<(ItemNo, i64)> = given.into_iter().collect();
        draft.each(&lines, |draft, (item, quantity)| {
            beyond(draft, Draft::key(*item, road.from), *quantity)
        })?;
        return travel(draft, Place::Available, road, &lines, r.reference);
    }
    let mut claimed: BTreeMap<ItemNo, i64> = BTreeMap::new();
    for line in &r.lines {
        *claimed.entry(line.item).or_default() += line.quantity;
    }
    if given.is_empty() {
        given.clone_from(&claimed);
    }
    if given != claimed {
        let text = "a store handed over other units than were reserved";
        draft.notice("handover_differs", r.id.to_string(), text);
    }
    if r.state == ReservationState::Releasing {
        let text = "a store had handed over what was then cancelled";
        draft.notice("handover_of_cancelled", r.id.to_string(), text);
    }
    set_off(draft, r, road, given)
}

/// Moves what was `given` to `via`: the transfer's own units first, then units that no bucket has
/// kept for it. Its units that were not given are free again.
fn set_off(
    draft: &mut Draft,
    mut r: Reservation,
    road: Transfer,
    mut given: BTreeMap<ItemNo, i64>,
) -> Result<(), Stop> {
    all_at_hand(draft, road, r.lines.iter().map(|line| line.item).chain(given.keys().copied()))?;
    let from = if r.state == ReservationState::Picked { Place::Picked } else { Place::Reserved };
    let (id, mut own, mut free, mut more) = (r.id, vec![], vec![], vec![]);
    let mut parts = vec![];
    for line in &r.lines {
        let (key, held) = (line.key(), line.held());
        let left = given.entry(line.item).or_default();
        let part = (*left).min(held);
        *left -= part;
        parts.push(part);
        own.push((key, part));
        free.push((key, held - part));
    }
    for (line, part) in r.lines.iter_mut().zip(parts) {
        let (key, left) = (line.key(), given.entry(line.item).or_default());
        let beyond = (*left).min(line.quantity - part);
        *left -= beyond;
        more.push((key, beyond));
        if part + beyond > 0 {
            (line.location, line.quantity, line.short) = (road.via, part + beyond, 0);
        } else {
            line.short = line.quantity; // nothing of it is on its way
        }
    }
    for (item, quantity) in given.into_iter().filter(|(_, quantity)| *quantity > 0) {
        more.push((Draft::key(item, road.from), quantity));
        let at = |l: &&mut ReservationLine| (l.item, l.location) == (item, road.via);
        match r.lines.iter_mut().find(at) {
            Some(line) => line.quantity += quantity,
            None => {
                let (location, short, kit) = (road.via, 0, None);
                r.lines.push(ReservationLine { item, location, quantity, short, kit });
            }
        }
    }
    r.state = ReservationState::InTransit;
    // Before units are drawn, so that it is not drawn on itself.
    draft.put_reservation(r);
    for (key, units) in own {
        carry(draft, key, from, units, (road.via, Place::Reserved), id)?;
    }
    for (key, units) in &free {
        move_units(draft, *key, from, Place::Available, *units, Reason::Release, id)?;
    }
    draft.each(more, |draft, (key, units)| {
        beyond(draft, key, units)?;
        carry(draft, key, Place::Available, units, (road.via, Place::Reserved), id)
    })?;
    draft.each(free, |draft, (key, _)| draft.heal(key))
}

/// Asks at once for the rows of items where they leave and where they stand on the way.
fn all_at_hand(
    draft: &Draft,
    road: Transfer,
    items: impl Iterator<Item = ItemNo>,
) -> Result<(), Stop> {
    draft.rows(items.flat_map(|item| [road.from, road.via].map(|at| Draft::key(item, at))))
}

/// Makes units available that left and that nothing was kept for, so that they can be sent.
fn beyond(draft: &mut Draft, key: StockKey, quantity: i64) -> Result<(), Stop> {
    draft.draw(Draw {
        key,
        quantity,
        to: Place::Available,
        reason: Reason::Transfer,
        first: None,
        any_doubt: false,
    })
}

/// Units that stand there now go on their way, as a transfer with this command's id.
fn travel(
    draft: &mut Draft,
    from: Place,
    road: Transfer,
    lines: &[(ItemNo, i64)],
    reference: Option<String>,
) -> Result<(), Stop> {
    if lines.is_empty() {
        return Ok(());
    }
    all_at_hand(draft, road, lines.iter().map(|(item, _)| *item))?;
    let made = new(draft, road, ReservationState::InTransit, road.via, lines, reference);
    let id = made.id;
    draft.put_reservation(made);
    for (item, quantity) in lines {
        let key = Draft::key(*item, road.from);
        carry(draft, key, from, *quantity, (road.via, Place::Reserved), id)?;
    }
    Ok(())
}

/// A store has sent units of its share by itself. Where nobody knows the way they went, they are
/// lost until somebody finds them.
pub(super) fn sent(
    draft: &mut Draft,
    i: &Incarnation,
    (to, via): (&LocationCode, Option<&LocationCode>),
    lines: &[(ItemNo, i64)],
) -> Result<(), Stop> {
    let units = kits::units(draft, lines, i.location)?;
    draft.each(&units, |draft, (item, quantity)| {
        let key = Draft::key(*item, i.location);
        // Not by way of a bucket: what lies there already is not what left.
        fact::leave(draft, i, key, *quantity, Place::Adjustment, Reason::Transfer)
    })?;
    let records = &draft.state.records;
    let is_transit = |code: &LocationCode| {
        records.location(code).map(|l| (l.no, l.kind == LocationKind::Transit))
    };
    let to = is_transit(to).filter(|(no, transit)| !transit && *no != i.location);
    let via = via.and_then(is_transit).filter(|(_, transit)| *transit).map(|(no, _)| no);
    if let (Some((to, _)), Some(via)) = (to, via.or_else(|| first_transit(draft))) {
        let lines: Vec<(ItemNo, i64)> = units.into_iter().collect();
        let road = Transfer { from: i.location, to, via };
        return travel(draft, Place::Adjustment, road, &lines, None);
    }
    draft.notice(
        "transfer_lost",
        draft.at.command.to_string(),
        "a store sent goods to a location that there is not, or there is none of kind transit",
    );
    Ok(())
}

fn carry(
    draft: &mut Draft,
    key: StockKey,
    from: Place,
    quantity: i64,
    (location, to): (LocationNo, Place),
    id: ReservationId,
) -> Result<(), Stop> {
    let reservation = Some(id);
    let shift = Shift { key, from, to, quantity, reason: Reason::Transfer, reservation };
    draft.carry(shift, location)
}
