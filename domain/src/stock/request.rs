//! Physical requests at locations without an agent: receive, return, adjust, count.
//!
//! A store with an agent books its physical acts itself: a second road into the store's books
//! makes counts and restores wrong (reference/shares.md section 2).

use super::draft::{Draft, Shift};
use super::draw::Draw;
use super::{
    Adjustment, Command, ItemNo, Key, LocationNo, Outcome, Place, Reason, StockKey, Stop, kits,
    release,
};
use crate::limits;
use crate::record::LocationKind;
use crate::refusal::Refusal;

pub(super) fn physical(draft: &mut Draft, command: &Command) -> Result<Outcome, Stop> {
    match command {
        Command::Receive { location, lines, .. } => receive(draft, *location, lines),
        Command::ReturnGoods { location, item, quantity, to } => {
            known_and_open(draft, *location, *item)?;
            stands_somewhere(draft, *location)?;
            draft.each(kits::parts(draft, *item, *location)?, |draft, part| {
                let (key, units) = (Draft::key(part.item, *location), *quantity * part.quantity);
                shift(draft, key, Place::Customer, *to, units, Reason::Return)?;
                draft.heal(key)
            })?;
            Ok(Outcome::Done)
        }
        Command::Adjust { location, item, quantity, why, approved, .. } => {
            let key = checked(draft, *location, *item)?;
            if !approved && *quantity > limits::ADJUST_UNITS_CLERK_MAX {
                return Err(Refusal::ApprovalNeeded.into());
            }
            adjust(draft, key, *quantity, *why)
        }
        Command::Count { location, item, found, approved } => {
            let key = checked(draft, *location, *item)?;
            stands_somewhere(draft, *location)?;
            let difference = (draft.stock(key)?.shelf() - found).abs();
            if !approved && difference > limits::ADJUST_UNITS_CLERK_MAX {
                return Err(Refusal::ApprovalNeeded.into());
            }
            let moved = count(draft, key, *found, 0)?;
            Ok(if moved { Outcome::Done } else { Outcome::Unchanged })
        }
        _ => Err(Stop::NotNow("not a physical request")),
    }
}

/// Order: unknown, wrong state.
fn checked(draft: &Draft, location: LocationNo, item: ItemNo) -> Result<StockKey, Stop> {
    known_and_open(draft, location, item)?;
    kits::has_stock(draft, item)?;
    Ok(Draft::key(item, location))
}

fn known_and_open(draft: &Draft, location: LocationNo, item: ItemNo) -> Result<(), Stop> {
    draft.known_location(location)?;
    known(draft, item)?;
    without_agent(draft, location)
}

fn without_agent(draft: &Draft, location: LocationNo) -> Result<(), Stop> {
    draft.open_location(location)?;
    match draft.current(location)? {
        Some(_) => Err(Refusal::StoreHasAgent.into()),
        None => Ok(()),
    }
}

/// What is on its way is a transfer's: nobody takes goods in there, or counts them.
fn stands_somewhere(draft: &Draft, location: LocationNo) -> Result<(), Refusal> {
    match draft.known_location(location)?.kind {
        LocationKind::Transit => {
            Err(Refusal::invalid("/location", "not of kind transit: receive its transfers instead"))
        }
        _ => Ok(()),
    }
}

/// The edge turns SKUs into numbers, so an unknown number is a caller's mistake.
pub(super) fn known(draft: &Draft, item: ItemNo) -> Result<(), Stop> {
    match draft.state.item_by_no(item)? {
        Some(_) => Ok(()),
        None => Err(Refusal::ItemUnknown { sku: item.0.to_string() }.into()),
    }
}

/// The same of all lines, asked for at once.
pub(super) fn all_known(draft: &Draft, items: &[ItemNo]) -> Result<(), Stop> {
    draft.at_hand(items.iter().map(|item| Key::ItemNo(*item)))?;
    items.iter().try_for_each(|item| known(draft, *item))
}

fn shift(
    draft: &mut Draft,
    key: StockKey,
    from: Place,
    to: Place,
    quantity: i64,
    reason: Reason,
) -> Result<(), Stop> {
    draft.shift(Shift { key, from, to, quantity, reason, reservation: None })
}

fn receive(
    draft: &mut Draft,
    location: LocationNo,
    lines: &[(ItemNo, i64)],
) -> Result<Outcome, Stop> {
    draft.known_location(location)?;
    all_known(draft, &lines.iter().map(|(item, _)| *item).collect::<Vec<_>>())?;
    without_agent(draft, location)?;
    stands_somewhere(draft, location)?;
    for (item, _) in lines {
        kits::has_stock(draft, *item)?;
    }
    draft.each(lines, |draft, (item, quantity)| {
        let key = Draft::key(*item, location);
        shift(draft, key, Place::Supplier, Place::Available, *quantity, Reason::Receive)?;
        draft.heal(key)
    })?;
    Ok(Outcome::Done)
}

fn adjust(
    draft: &mut Draft,
    key: StockKey,
    quantity: i64,
    why: Adjustment,
) -> Result<Outcome, Stop> {
    let (from, to) = match why {
        Adjustment::Damaged => (Place::Available, Place::Damaged),
        Adjustment::Expired => (Place::Available, Place::Scrap),
        Adjustment::Lost | Adjustment::Stolen | Adjustment::Sample | Adjustment::CorrectionDown => {
            (Place::Available, Place::Adjustment)
        }
        Adjustment::Found | Adjustment::CorrectionUp => (Place::Adjustment, Place::Available),
        Adjustment::Scrapped => (Place::Damaged, Place::Scrap),
    };
    let at_hand = draft.stock(key)?.at(from);
    if from.is_bucket() && at_hand < quantity {
        return Err(not_enough(draft, key, at_hand, quantity));
    }
    shift(draft, key, from, to, quantity, Reason::Adjust)?;
    draft.heal(key)?;
    Ok(Outcome::Done)
}

/// The refusal with the SKU that people know.
pub(super) fn not_enough(draft: &Draft, key: StockKey, available: i64, wanted: i64) -> Stop {
    match sku(draft, key) {
        Ok(sku) => Refusal::NotEnoughAvailable { sku, available, wanted }.into(),
        Err(stop) => stop,
    }
}

/// The same, where the units are a store's share.
pub(super) fn not_now(draft: &Draft, key: StockKey) -> Stop {
    match sku(draft, key) {
        Ok(sku) => Refusal::NotPromisedNow { sku }.into(),
        Err(stop) => stop,
    }
}

fn sku(draft: &Draft, key: StockKey) -> Result<String, Stop> {
    let item = draft.state.item_by_no(key.item)?;
    Ok(item.map_or_else(|| key.item.0.to_string(), |i| i.sku.to_string()))
}

/// Books what a count found; true when anything moved. A surplus goes to available; a deficit
/// comes from every doubt of the store, then as a sale beyond the share, never from a share. What
/// silent agents may still tell is remembered in `written_off` of the latest: the whole difference,
/// with the part that the agent has `cut` from its own share. Nothing is in doubt
/// afterwards, also not what a closed incarnation left behind (a grant that never reached it), and
/// no claim waits for the word of an agent that was given up.
pub(super) fn count(draft: &mut Draft, key: StockKey, found: i64, cut: i64) -> Result<bool, Stop> {
    let retired: Vec<_> =
        draft.incarnations_at(key.location)?.into_iter().filter(|i| i.retired).collect();
    let rest = draft.stock(key)?.shelf() - found;
    if let Some(latest) = retired.iter().rev().find(|i| !i.closed).filter(|_| rest + cut != 0) {
        let mut share = draft.share(key, latest.id)?;
        share.written_off += rest + cut;
        draft.put_share(key, latest.id, share);
    }
    if rest < 0 {
        shift(draft, key, Place::Adjustment, Place::Available, -rest, Reason::Count)?;
    } else {
        draft.draw(Draw {
            key,
            quantity: rest,
            to: Place::Adjustment,
            reason: Reason::Count,
            first: None,
            any_doubt: true,
        })?;
    }
    let mut moved = rest != 0;
    if !retired.is_empty() {
        moved |= release::counted(draft, key)?;
    }
    for i in retired {
        let mut share = draft.share(key, i.id)?;
        let settled = share.doubt;
        if settled > 0 {
            share.doubt = 0;
            draft.put_share(key, i.id, share);
            shift(draft, key, Place::InDoubt, Place::Available, settled, Reason::Count)?;
            moved = true;
        }
    }
    draft.heal(key)?;
    Ok(moved)
}
