//! Reservations: claim, commit, release, expire, pick, hand over.
//!
//! A claim takes all its lines or none. A hold is dead for commit from `expires_at` on, but time
//! alone returns no units: exactly one command (expire, or its owner's release) ends it.

use std::collections::BTreeMap;

use super::draft::{Draft, Shift};
use super::draw::Draw;
use super::release::{self, end};
use super::request::{all_known, not_enough, not_now};
use super::{
    Command, ItemNo, Key, LocationNo, OfKit, Outcome, Place, Reason, Reservation, ReservationLine,
    ReservationState, StockKey, Stop, TimerChange, TimerKind, holds, kits, transfer,
};
use crate::id::ReservationId;
use crate::item::ItemState;
use crate::promise::{Fulfilment, Lines};
use crate::record::LocationKind;
use crate::refusal::Refusal;
use crate::{limits, promise};

pub(super) fn reserve(draft: &mut Draft, command: &Command) -> Result<Outcome, Stop> {
    let Command::Reserve { lines, expires_in_ms, channel, fulfilment, .. } = command else {
        return Err(Stop::NotNow("not a reserve"));
    };
    let Command::Reserve { shopper, address, reference, .. } = command else {
        return Err(Stop::NotNow("not a reserve"));
    };
    check_things(draft, lines)?;
    if let Some(shopper) = shopper {
        holds::replace(draft, shopper, lines)?;
    }
    if let Some(address) = address {
        holds::bound(draft, address, lines)?;
    }
    let id = ReservationId(draft.at.command.0);
    let mut claimed = vec![];
    for (item, location, quantity) in lines {
        let key = Draft::key(*item, *location);
        let (figure, at_most) = figures(draft, key, channel.as_deref(), *fulfilment)?;
        if at_most < *quantity {
            return Err(not_enough(draft, key, figure, *quantity));
        }
        if figure < *quantity {
            return Err(not_now(draft, key));
        }
        claim(draft, key, *quantity, &mut claimed)?;
    }
    let expires_at = expires_in_ms.map(|ms| draft.at.now.plus_ms(ms));
    let state =
        if expires_at.is_some() { ReservationState::Held } else { ReservationState::Committed };
    if let Some(due_at) = expires_at {
        let subject = id.to_string();
        draft.timer(TimerChange::Set { kind: TimerKind::ExpireReservation, subject, due_at });
    }
    draft.put_reservation(Reservation {
        id,
        state,
        lines: claimed,
        expires_at,
        channel: channel.clone(),
        shopper: shopper.clone(),
        address: address.clone(),
        reference: reference.clone(),
        transfer: None,
        created: draft.at.version,
        version: draft.at.version,
    });
    Ok(Outcome::Reservation { id, state, expires_at })
}

/// Moves the units of one line: of a kit those of all its parts.
fn claim(
    draft: &mut Draft,
    key: StockKey,
    quantity: i64,
    lines: &mut Vec<ReservationLine>,
) -> Result<(), Stop> {
    let StockKey { item, location } = key;
    let kit = draft.state.records.kit(item).map(|_| OfKit { item, quantity });
    for part in kits::parts(draft, item, location)? {
        let (of, units) = (Draft::key(part.item, location), quantity * part.quantity);
        // Whatever a figure counts, only what lies in the bucket can be given.
        if draft.stock(of)?.available() < units {
            return Err(not_now(draft, key));
        }
        let id = ReservationId(draft.at.command.0);
        move_units(draft, of, Place::Available, Place::Reserved, units, Reason::Reserve, id)?;
        lines.push(ReservationLine { item: part.item, location, quantity: units, short: 0, kit });
    }
    Ok(())
}

/// Units that may be asked for now, and units that could be had with all of the store's share:
/// by a channel's figure, or without a channel by what the hub has or can ask its store for.
fn figures(
    draft: &Draft,
    key: StockKey,
    channel: Option<&str>,
    fulfilment: Fulfilment,
) -> Result<(i64, i64), Stop> {
    let (records, lines) = (&draft.state.records, &draft.state.lines);
    let places = promise::places_of_figure(records, key, (channel, fulfilment));
    let parts = kits::parts(draft, key.item, key.location)?;
    let of = |location: LocationNo| parts.iter().map(move |part| Draft::key(part.item, location));
    let keys: Vec<StockKey> = places.iter().flat_map(|location| of(*location)).collect();
    draft.rows(keys.iter().copied())?;
    let mut rows = BTreeMap::new();
    for key in keys {
        rows.insert(key, draft.stock(key)?);
    }
    let row = |key: StockKey| rows.get(&key).copied().unwrap_or_default();
    let there = |part: ItemNo| {
        let row = row(StockKey { item: part, ..key });
        row.available() + row.at(Place::StoreShare)
    };
    let all = records.kit(key.item).map_or_else(|| there(key.item), |kit| kit.count(there));
    Ok(match channel {
        Some(c) => {
            let figure =
                |lines| promise::channel_figure(records, lines, key, row, (Some(c), fulfilment));
            // How it stands with other stores counts only where their figures do.
            let mut answering = match places.len() {
                1 => Lines { dark: lines.dark.clone(), ..Lines::default() },
                _ => Lines::clone(lines),
            };
            answering.fresh.insert(key.location);
            answering.late.retain(|late| late.location != key.location);
            // No figure exceeds what there is, whatever a policy says.
            (figure(lines).min(all), figure(&answering).min(all))
        }
        None if records.is_recovering(key.location) => (0, 0),
        None => (all, all),
    })
}

/// Unknown things before wrong states, over all lines.
fn check_things(draft: &Draft, lines: &[(ItemNo, LocationNo, i64)]) -> Result<(), Stop> {
    for (_, location, _) in lines {
        draft.known_location(*location)?;
    }
    all_known(draft, &lines.iter().map(|(item, _, _)| *item).collect::<Vec<_>>())?;
    kits::at_hand(draft, lines.iter().map(|(item, location, _)| (*item, *location)))?;
    let retired = |item| -> Result<bool, Stop> {
        let item = draft.state.item_by_no(item)?;
        Ok(item.is_some_and(|i| i.details.state == ItemState::Retired))
    };
    let mut claimed = 0;
    for (item, location, quantity) in lines {
        draft.open_location(*location)?;
        let parts = kits::parts(draft, *item, *location)?;
        claimed += parts.len();
        if parts.iter().any(|part| part.quantity > limits::QUANTITY_MAX / quantity) {
            return Err(Refusal::invalid("/lines/quantity", "1,000,000,000 units of a part").into());
        }
        for of in parts.iter().map(|part| part.item).chain([*item]) {
            if retired(of)? {
                return Err(Refusal::ItemRetired.into());
            }
        }
    }
    if claimed > limits::LINES_MAX {
        let rule = "1 to 200 lines, where each part of a kit is one";
        return Err(Refusal::invalid("/lines", rule).into());
    }
    Ok(())
}

pub(super) fn step(draft: &mut Draft, command: &Command) -> Result<Outcome, Stop> {
    match command {
        Command::Commit { id } => commit(draft, *id),
        Command::Release { id, shopper } => release::release(draft, *id, shopper.as_deref()),
        Command::Expire { id } => expire(draft, *id),
        Command::Pick { id } => pick(draft, *id),
        Command::HandOver { id } => hand_over(draft, *id),
        _ => Err(Stop::NotNow("not a step of a reservation")),
    }
}

pub(super) fn found(draft: &Draft, id: ReservationId) -> Result<Reservation, Stop> {
    draft.reservation(id)?.ok_or_else(|| Refusal::ReservationUnknown.into())
}

fn open(draft: &Draft, id: ReservationId) -> Result<Reservation, Stop> {
    Ok(still_open(found(draft, id)?)?)
}

pub(super) fn still_open(r: Reservation) -> Result<Reservation, Refusal> {
    if r.state.is_open() {
        return Ok(r);
    }
    Err(Refusal::ReservationEnded { state: r.state.name().to_owned() })
}

pub(super) fn state_refuses(r: &Reservation, step: &str) -> Refusal {
    Refusal::ReservationState { state: r.state.name().to_owned(), step: step.to_owned() }
}

fn not_expired(draft: &Draft, r: &Reservation) -> Result<(), Refusal> {
    let dead = r.state == ReservationState::Held && r.expires_at.is_some_and(|t| t <= draft.at.now);
    if dead { Err(Refusal::ReservationExpired) } else { Ok(()) }
}

fn commit(draft: &mut Draft, id: ReservationId) -> Result<Outcome, Stop> {
    let mut r = open(draft, id)?;
    not_expired(draft, &r)?;
    if r.state != ReservationState::Held {
        return match r.state {
            ReservationState::Releasing | ReservationState::InTransit => {
                Err(state_refuses(&r, "committed").into())
            }
            _ => Ok(answer(&r, Outcome::Unchanged)),
        };
    }
    if r.is_short() {
        return Err(Refusal::ReservationShort.into());
    }
    clear_timer(draft, &r);
    r.state = ReservationState::Committed;
    r.expires_at = None;
    let outcome = answer(&r, Outcome::Done);
    draft.put_reservation(r);
    Ok(outcome)
}

fn expire(draft: &mut Draft, id: ReservationId) -> Result<Outcome, Stop> {
    let r = found(draft, id)?;
    let due = r.expires_at.is_some_and(|t| t <= draft.at.now);
    if r.state != ReservationState::Held || !due {
        return Err(Refusal::StaleTimer.into());
    }
    end(draft, r, ReservationState::Expired, Reason::Expire)
}

fn pick(draft: &mut Draft, id: ReservationId) -> Result<Outcome, Stop> {
    let mut r = open(draft, id)?;
    if r.state != ReservationState::Committed {
        return Err(state_refuses(&r, "picked").into());
    }
    if r.is_short() {
        return Err(Refusal::ReservationShort.into());
    }
    store_has_no_agent(draft, &r)?;
    draft.rows(r.lines.iter().map(|line| line.key()))?;
    for line in r.lines.clone() {
        let key = line.key();
        move_units(draft, key, Place::Reserved, Place::Picked, line.held(), Reason::Pick, id)?;
    }
    r.state = ReservationState::Picked;
    let outcome = answer(&r, Outcome::Done);
    draft.put_reservation(r);
    Ok(outcome)
}

fn hand_over(draft: &mut Draft, id: ReservationId) -> Result<Outcome, Stop> {
    let r = open(draft, id)?;
    not_expired(draft, &r)?;
    if matches!(r.state, ReservationState::Releasing | ReservationState::InTransit) {
        return Err(state_refuses(&r, "handed over").into());
    }
    if let Some(road) = r.transfer {
        store_has_no_agent(draft, &r)?;
        return transfer::leave(draft, r, road);
    }
    if r.is_short() {
        return Err(Refusal::ReservationShort.into());
    }
    store_has_no_agent(draft, &r)?;
    consume(draft, r)
}

/// Gives an open reservation's units to the customer; what it lacks is drawn as beyond.
pub(super) fn consume(draft: &mut Draft, mut r: Reservation) -> Result<Outcome, Stop> {
    let from = if r.state == ReservationState::Picked { Place::Picked } else { Place::Reserved };
    let id = r.id;
    clear_timer(draft, &r);
    let lines = r.lines.clone();
    r.state = ReservationState::Consumed;
    let outcome = answer(&r, Outcome::Done);
    draft.put_reservation(r);
    draft.each(lines, |draft, line| {
        let key = line.key();
        move_units(draft, key, from, Place::Customer, line.held(), Reason::HandOver, id)?;
        draft.draw(Draw {
            key,
            quantity: line.short,
            to: Place::Customer,
            reason: Reason::HandOver,
            first: None,
            any_doubt: false,
        })
    })?;
    Ok(outcome)
}

/// Pick and hand-over are physical: a store with an agent books them in its log.
pub(super) fn store_has_no_agent(draft: &Draft, r: &Reservation) -> Result<(), Stop> {
    agents_at_hand(draft, r)?;
    for line in &r.lines {
        if has_agent(draft, line.location)? {
            return Err(Refusal::StoreHasAgent.into());
        }
    }
    Ok(())
}

/// A store for which an agent speaks.
pub(super) fn has_agent(draft: &Draft, location: LocationNo) -> Result<bool, Stop> {
    Ok(is_store(draft, location) && draft.current(location)?.is_some())
}

/// Asks at once for who speaks at the stores of a reservation: each line may be at another one.
pub(super) fn agents_at_hand(draft: &Draft, r: &Reservation) -> Result<(), Stop> {
    let stores = r.lines.iter().map(|line| line.location).filter(|at| is_store(draft, *at));
    draft.at_hand(stores.map(Key::IncarnationsAt))
}

fn is_store(draft: &Draft, location: LocationNo) -> bool {
    let location = draft.state.records.location_by_no(location);
    location.is_some_and(|l| l.kind == LocationKind::Store)
}

pub(super) fn clear_timer(draft: &mut Draft, r: &Reservation) {
    if r.state == ReservationState::Held && r.expires_at.is_some() {
        let subject = r.id.to_string();
        draft.timer(TimerChange::Clear { kind: TimerKind::ExpireReservation, subject });
    }
}

pub(super) fn move_units(
    draft: &mut Draft,
    key: StockKey,
    from: Place,
    to: Place,
    quantity: i64,
    reason: Reason,
    id: ReservationId,
) -> Result<(), Stop> {
    draft.shift(Shift { key, from, to, quantity, reason, reservation: Some(id) })
}

pub(super) fn answer(r: &Reservation, outcome: Outcome) -> Outcome {
    match outcome {
        Outcome::Done | Outcome::Unchanged => {
            Outcome::Reservation { id: r.id, state: r.state, expires_at: r.expires_at }
        }
        other => other,
    }
}
