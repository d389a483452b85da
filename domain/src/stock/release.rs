//! Giving a claim up: when its units are free again.
//!
//! A store's agent hands goods over without asking, so a claim that it was told of is freed by
//! its own word alone (reference/shares.md section 6): until then the claim is `releasing`, and
//! its units are promised to nobody. A hand-over that stands before that word in the same log
//! wins. It must not know how the store learns of it. Invariant: units of a claim become
//! available once, and never while an agent that speaks for their store may hand them over.

use super::draft::Draft;
use super::reserve::{
    agents_at_hand, answer, clear_timer, found, has_agent, move_units, state_refuses, still_open,
    store_has_no_agent,
};
use super::{
    Incarnation, LocationNo, Outcome, Place, Reason, Reservation, ReservationLine,
    ReservationState, StockKey, Stop,
};
use crate::id::{IncarnationId, ReservationId};
use crate::refusal::Refusal;

pub(super) fn release(
    draft: &mut Draft,
    id: ReservationId,
    shopper: Option<&str>,
) -> Result<Outcome, Stop> {
    let r = found(draft, id)?;
    if shopper.is_some() && r.shopper.as_deref() != shopper {
        return Err(Refusal::ReservationUnknown.into());
    }
    let r = still_open(r)?;
    if shopper.is_some() && r.state != ReservationState::Held {
        // What was committed is an order: a page's token lets go of holds alone.
        return Err(state_refuses(&r, "released").into());
    }
    match r.state {
        // No agent hands a hold over: it is not paid for.
        ReservationState::Held => end(draft, r, ReservationState::Released, Reason::Release),
        ReservationState::InTransit => Err(state_refuses(&r, "released").into()),
        ReservationState::Picked => {
            store_has_no_agent(draft, &r)?;
            end(draft, r, ReservationState::Released, Reason::Release)
        }
        _ => let_go(draft, r, Word::Nobodys),
    }
}

/// Whose word frees lines, beside those at places where no agent speaks.
#[derive(Clone, Copy)]
enum Word {
    Nobodys,
    Store(LocationNo),
    /// Somebody counted an item where no agent speaks any more.
    Count(StockKey),
}

impl Word {
    fn frees(self, draft: &Draft, line: &ReservationLine) -> Result<bool, Stop> {
        match self {
            // What is at another item's place there may have been handed over all the same.
            Word::Count(key) => Ok(line.key() == key),
            Word::Store(location) if location == line.location => Ok(true),
            Word::Store(_) | Word::Nobodys => Ok(!has_agent(draft, line.location)?),
        }
    }
}

/// A count where nobody speaks any more, since the agent was given up: nobody else will ever say
/// what became of claims that waited for its word. What was handed over is missing on the shelf,
/// and the count has booked that; the rest lies there and is free.
pub(super) fn counted(draft: &mut Draft, key: StockKey) -> Result<bool, Stop> {
    if draft.stock(key)?.at(Place::Reserved) == 0 || has_agent(draft, key.location)? {
        return Ok(false);
    }
    let mut waiting = vec![];
    for id in draft.state.open_reservations(key)? {
        let waits = |r: &Reservation| r.state == ReservationState::Releasing;
        waiting.extend(draft.reservation(id)?.filter(waits));
    }
    let ended = !waiting.is_empty();
    draft.each(waiting, |draft, r| let_go(draft, r, Word::Count(key)).map(|_| ()))?;
    Ok(ended)
}

/// A store says that it did not hand the goods over and never will.
pub(super) fn released(draft: &mut Draft, i: &Incarnation, id: ReservationId) -> Result<(), Stop> {
    let Some(r) = draft.reservation(id)?.filter(|r| r.state.is_reserved()) else {
        return Ok(()); // handed over before, or freed
    };
    if speaks(draft, i)? {
        // Also of one that nobody gave up: a hub that was put back has forgotten that.
        let_go(draft, r, Word::Store(i.location))?;
    }
    Ok(())
}

/// Whether nobody else can hand over at its store: it is the one that speaks there, or that one
/// is a later life of the same database, or none speaks there any more.
fn speaks(draft: &Draft, i: &Incarnation) -> Result<bool, Stop> {
    let all = draft.incarnations_at(i.location)?;
    let mut at: Option<IncarnationId> = all.iter().rev().find(|o| !o.retired).map(|o| o.id);
    if at.is_none() {
        return Ok(true);
    }
    // A chain of lives has no more links than there are lives.
    for _ in 0..=all.len() {
        if at == Some(i.id) {
            return Ok(true);
        }
        at = all.iter().find(|o| Some(o.id) == at).and_then(|o| o.follows);
    }
    Ok(false)
}

/// Frees the lines that this word frees; while others wait for theirs, the claim is `releasing`.
fn let_go(draft: &mut Draft, r: Reservation, word: Word) -> Result<Outcome, Stop> {
    agents_at_hand(draft, &r)?;
    let mut rest = r.clone();
    let mut freed = vec![];
    for line in &mut rest.lines {
        if line.held() > 0 && word.frees(draft, line)? {
            freed.push((line.key(), line.held()));
            line.short = line.quantity;
        }
    }
    if rest.lines.iter().all(|l| l.held() == 0) {
        return end(draft, r, ReservationState::Released, Reason::Release);
    }
    if freed.is_empty() && r.state == ReservationState::Releasing {
        return Ok(answer(&r, Outcome::Unchanged));
    }
    // What it lacks stands there, and nobody waits for that any more.
    draft.rows(rest.lines.iter().map(|line| line.key()))?;
    clear_timer(draft, &r);
    rest.state = ReservationState::Releasing;
    rest.expires_at = None;
    let (id, outcome) = (rest.id, answer(&rest, Outcome::Done));
    draft.put_reservation(rest);
    draft.each(freed, |draft, (key, units)| {
        move_units(draft, key, Place::Reserved, Place::Available, units, Reason::Release, id)?;
        draft.heal(key)
    })?;
    Ok(outcome)
}

/// Gives the units back to available and ends the reservation.
pub(super) fn end(
    draft: &mut Draft,
    mut r: Reservation,
    state: ReservationState,
    reason: Reason,
) -> Result<Outcome, Stop> {
    let from = if r.state == ReservationState::Picked { Place::Picked } else { Place::Reserved };
    clear_timer(draft, &r);
    r.state = state;
    let lines = r.lines.clone();
    let outcome = answer(&r, Outcome::Done);
    let id = r.id;
    // Before healing, so that the ended reservation is not filled with its own units.
    draft.put_reservation(r);
    draft.each(lines, |draft, line| {
        move_units(draft, line.key(), from, Place::Available, line.held(), reason, id)?;
        draft.heal(line.key())
    })?;
    Ok(outcome)
}
