//! Sessions of agents and grants: the hub's side of reference/shares.md section 3.
//!
//! One transaction a message; the answer leaves after its commit. Safety never rests on time here.

use std::collections::BTreeSet;

use super::draft::{Draft, Shift};
use super::draw::Draw;
use super::{
    Command, HelloAnswer, Incarnation, ItemNo, Lease, LocationNo, Outcome, Place, Reason, StockKey,
    Stop,
};
use crate::id::IncarnationId;
use crate::limits;
use crate::refusal::Refusal;

/// Not now: the session of the frame is not the store's any more. Its link is of no use.
pub const SESSION_OVER: &str = "this session is over";

pub(super) fn session(draft: &mut Draft, command: &Command) -> Result<Outcome, Stop> {
    match command {
        Command::Hello { .. } => hello(draft, command).map(Outcome::Hello),
        Command::Ask { location, incarnation, session, item, want } => {
            ask(draft, *location, *incarnation, *session, *item, *want)
        }
        Command::GrantByPolicy { location, session, item } => {
            by_policy(draft, *location, *session, *item)
        }
        Command::RetireAgent { location, incarnation } => retire(draft, *location, *incarnation),
        _ => Err(Stop::NotNow("not a session frame")),
    }
}

fn hello(draft: &mut Draft, command: &Command) -> Result<HelloAnswer, Stop> {
    let Command::Hello {
        agent, location, incarnation, follows, lease, nonce, last, granted, ..
    } = command
    else {
        return Err(Stop::NotNow("not a hello"));
    };
    let epoch = Lease { epoch: draft.at.epoch, number: 0 };
    let mut i = match draft.incarnation(*incarnation)? {
        // A restore ends every session of earlier epochs: none is handed out again.
        Some(known) => Incarnation { lease: known.lease.max(epoch), ..known },
        None => {
            let others = draft.incarnations_at(*location)?;
            for other in others.iter().filter(|i| !i.retired) {
                draft.retire(other.id, false)?;
            }
            let mut new = unheard(*incarnation, *location, draft.at.version);
            new.agent = Some(*agent);
            new.follows = *follows;
            // A session names one life only: a late ping or answer of the life before, which
            // carries nothing but its session, must not be taken for this one's.
            let before = others.iter().map(|i| i.lease).max().unwrap_or_default();
            new.lease = (*lease).max(epoch).max(before);
            draft.put_incarnation(new.clone());
            new
        }
    };
    if i.location != *location {
        return Err(Stop::NotNow("this incarnation belongs to another store"));
    }
    if i.retired {
        learn(draft, *incarnation, granted)?;
        return Ok(HelloAnswer::Retired);
    }
    let repeat = i.used_by(*lease) == Some(*nonce);
    if repeat && i.answer != *lease {
        return Ok(HelloAnswer::Stale); // an old copy of a Hello, or a copy of the agent
    }
    let unused = i.used_by(*lease).is_none();
    if !repeat && *lease < i.answer && unused {
        // A restored hub forgot who used it. An old copy of a Hello never brings a second nonce.
        i.claim(*lease, *nonce);
        draft.put_incarnation(i);
        return Ok(HelloAnswer::Stale);
    }
    if !repeat && (*last < i.last || !unused) {
        draft.retire(*incarnation, true)?;
        return Ok(HelloAnswer::Retired);
    }
    if !repeat {
        // Versions, or a session, that this hub has not given: it was put back to a backup and
        // not told so. Kept, so that a Hello that comes again is answered as the first one was.
        let newer = (draft.at.epoch, draft.at.version);
        let copy = matches!(command, Command::Hello { copy, .. } if *copy >= newer);
        i.behind = copy || *lease > i.lease;
        if i.behind {
            let text = match copy {
                true => "an agent's copy is newer than the hub, which was put back",
                false => "an agent has a newer session than the hub, which was put back",
            };
            draft.notice("hub_behind", i.id.to_string(), text);
        }
        i.answer = *lease;
        i.claim(*lease, *nonce);
        i.lease = (*lease).max(i.lease).next();
    }
    draft.put_incarnation(i.clone());
    learn(draft, *incarnation, granted)?;
    let totals = granted_totals(draft, *incarnation, *location, granted)?;
    Ok(HelloAnswer::Welcome { lease: i.lease, granted: totals, last: i.last, anew: i.behind })
}

/// All totals above zero: those known before, and those that this very command taught.
fn granted_totals(
    draft: &Draft,
    incarnation: IncarnationId,
    location: LocationNo,
    told: &[(ItemNo, i64)],
) -> Result<Vec<(ItemNo, i64)>, Stop> {
    let known = draft.state.shares_of(incarnation)?.into_iter().map(|(key, _)| key.item);
    let items: BTreeSet<ItemNo> = known.chain(told.iter().map(|(item, _)| *item)).collect();
    let mut totals = vec![];
    for item in items {
        let total = draft.share(Draft::key(item, location), incarnation)?.granted;
        if total > 0 {
            totals.push((item, total));
        }
    }
    Ok(totals)
}

/// An incarnation that nothing is known of yet.
pub(super) fn unheard(
    id: IncarnationId,
    location: LocationNo,
    created: super::Version,
) -> Incarnation {
    Incarnation {
        id,
        location,
        agent: None,
        follows: None,
        retired: false,
        forked: false,
        closed: false,
        last: 0,
        head: None,
        lease: Lease::default(),
        answer: Lease::default(),
        behind: false,
        used: Vec::with_capacity(limits::LEASES_KEPT),
        created,
    }
}

/// An agent's granted total above ours: this hub lost the grant (it was restored). The difference
/// is drawn as a sale beyond the share would be.
pub(super) fn learn(
    draft: &mut Draft,
    id: IncarnationId,
    granted: &[(ItemNo, i64)],
) -> Result<(), Stop> {
    let Some(i) = draft.incarnation(id)? else { return Ok(()) };
    draft.each(granted, |draft, (item, total)| learn_one(draft, &i, *item, *total))
}

fn learn_one(draft: &mut Draft, i: &Incarnation, item: ItemNo, total: i64) -> Result<(), Stop> {
    let key = Draft::key(item, i.location);
    let mut share = draft.share(key, i.id)?;
    let lost = total.min(limits::QUANTITY_MAX) - share.granted;
    if lost <= 0 {
        return Ok(());
    }
    share.granted += lost;
    draft.put_share(key, i.id, share);
    let to = if i.retired { Place::InDoubt } else { Place::StoreShare };
    draft.draw(Draw {
        key,
        quantity: lost,
        to,
        reason: Reason::Learn,
        first: None,
        any_doubt: false,
    })?;
    if i.retired {
        let mut share = draft.share(key, i.id)?;
        share.doubt += lost;
        draft.put_share(key, i.id, share);
    }
    draft.notice("hub_behind", i.id.to_string(), "an agent knows a grant that the hub had lost");
    Ok(())
}

/// The incarnation that may speak in this session, which is of this epoch.
pub(super) fn speaker(
    draft: &Draft,
    location: LocationNo,
    session: Lease,
) -> Result<Incarnation, Stop> {
    match draft.current(location)? {
        Some(i) if i.lease == session && session.epoch == draft.at.epoch => Ok(i),
        _ => Err(Stop::NotNow(SESSION_OVER)),
    }
}

/// Whether a fact stands behind others that its agent has dropped. What may still come is waited
/// for.
pub(super) fn behind_a_gap(draft: &mut Draft, i: &Incarnation, seq: i64) -> Result<bool, Stop> {
    if seq <= i.last + 1 {
        return Ok(false);
    }
    if !draft.state.lines.gaps.contains(&i.id) {
        return Err(Stop::NotNow("a fact before this one is missing"));
    }
    let text = "its agent has dropped what this hub, which was put back, does not have: count the \
                store";
    draft.notice("log_begins_late", i.id.to_string(), text);
    Ok(true)
}

fn ask(
    draft: &mut Draft,
    location: LocationNo,
    incarnation: IncarnationId,
    session: Lease,
    item: ItemNo,
    want: i64,
) -> Result<Outcome, Stop> {
    let i = speaker(draft, location, session)?;
    if i.id != incarnation {
        return Err(Stop::NotNow("another incarnation speaks for this store"));
    }
    let key = Draft::key(item, location);
    let share = draft.share(key, i.id)?;
    let wanted = want.min(limits::QUANTITY_MAX) - share.granted;
    let given = wanted.clamp(0, free(draft, key)?);
    grant(draft, &i, item, given)
}

/// For the session that the hub saw the lack in. In another one its answer would be dropped, and
/// the units would lie with a store that does not know of them until its next Hello.
fn by_policy(
    draft: &mut Draft,
    location: LocationNo,
    session: Lease,
    item: ItemNo,
) -> Result<Outcome, Stop> {
    let i = speaker(draft, location, session)?;
    let key = Draft::key(item, location);
    let share = draft.share(key, i.id)?;
    let target = draft.state.records.share_target(key, &draft.stock(key)?);
    let wanted = target - share.owned();
    let given = wanted.clamp(0, free(draft, key)?);
    grant(draft, &i, item, given)
}

/// An operator gives a silent agent up. Whoever answers can be asked for its share instead, unless
/// its log cannot go on here.
fn retire(draft: &mut Draft, location: LocationNo, id: IncarnationId) -> Result<Outcome, Stop> {
    let known = draft.incarnation(id)?.filter(|i| i.location == location);
    let unknown = || Refusal::RecordUnknown { what: "life of this store's agent".to_owned() };
    if known.ok_or_else(unknown)?.retired {
        return Ok(Outcome::Unchanged);
    }
    let lines = &draft.state.lines;
    let gap = lines.gaps.contains(&id);
    if !gap && lines.fresh.contains(&location) {
        return Err(Refusal::AgentAnswers.into());
    }
    if !gap && lines.unheard.contains(&location) {
        return Err(Refusal::AgentNotHeardYet.into());
    }
    draft.retire(id, gap)?;
    Ok(Outcome::Done)
}

/// Units that may become share: none while the location recovers, since they may be gone.
fn free(draft: &Draft, key: StockKey) -> Result<i64, Stop> {
    match draft.state.records.is_recovering(key.location) {
        true => Ok(0),
        false => Ok(draft.stock(key)?.available()),
    }
}

fn grant(draft: &mut Draft, i: &Incarnation, item: ItemNo, given: i64) -> Result<Outcome, Stop> {
    let key = Draft::key(item, i.location);
    let mut share = draft.share(key, i.id)?;
    if given > 0 {
        share.granted += given;
        draft.put_share(key, i.id, share);
        draft.shift(Shift {
            key,
            from: Place::Available,
            to: Place::StoreShare,
            quantity: given,
            reason: Reason::Grant,
            reservation: None,
        })?;
    }
    Ok(Outcome::Grant { incarnation: i.id, session: i.lease, item, total: share.granted })
}
