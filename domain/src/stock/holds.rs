//! What keeps one person from holding the whole shelf: one hold per shopper and item, so many holds
//! and units per address.
//!
//! It knows nothing of figures. Invariant: what a claim replaces is given up in the same command.

use std::collections::BTreeMap;

use super::draft::Draft;
use super::release::end;
use super::{ItemNo, Key, LocationNo, Reason, Reservation, ReservationState, Stop, kits};
use crate::limits;
use crate::refusal::Refusal;

/// One live hold per shopper and item: the earlier one is given up in the same command.
pub(super) fn replace(
    draft: &mut Draft,
    shopper: &str,
    lines: &[(ItemNo, LocationNo, i64)],
) -> Result<(), Stop> {
    let list = Key::HoldsOfShopper(shopper.to_owned());
    let holds: Vec<Reservation> = draft.state.live_holds(&list)?.into_iter().cloned().collect();
    let same =
        |r: &Reservation| r.lines.iter().any(|l| lines.iter().any(|(i, _, _)| *i == l.asked()));
    let (replaced, kept): (Vec<_>, Vec<_>) = holds.into_iter().partition(same);
    if kept.len() >= limits::HOLDS_PER_SHOPPER_MAX {
        return Err(Refusal::TooManyHolds.into());
    }
    draft.each(replaced, |draft, hold| {
        end(draft, hold, ReservationState::Released, Reason::Release).map(|_| ())
    })
}

/// Whoever draws new tokens at will is one address still: so many holds, so many units of an item,
/// whether they are wanted by themselves or in kits.
pub(super) fn bound(
    draft: &Draft,
    address: &str,
    lines: &[(ItemNo, LocationNo, i64)],
) -> Result<(), Stop> {
    let list = Key::HoldsFromAddress(address.to_owned());
    let mut held: BTreeMap<ItemNo, i64> = BTreeMap::new();
    let mut open = 0;
    for hold in draft.state.live_holds(&list)? {
        // As it is now: this command may have replaced it.
        let Some(now) = draft.reservation(hold.id)? else { continue };
        if now.state != ReservationState::Held {
            continue;
        }
        open += 1;
        for line in &now.lines {
            *held.entry(line.item).or_default() += line.quantity;
        }
    }
    if open >= limits::HOLDS_PER_ADDRESS_MAX {
        return Err(Refusal::TooManyHolds.into());
    }
    for (item, location, quantity) in lines {
        for part in kits::parts(draft, *item, *location)? {
            let units = held.entry(part.item).or_default();
            *units += quantity * part.quantity;
            // One kit may always be held, however many units of a part are in it.
            let most = limits::HOLD_UNITS_PER_ADDRESS_AND_ITEM_MAX.max(part.quantity);
            if *units > most {
                let sku = draft.state.item_by_no(part.item)?.map(|i| i.sku.to_string());
                return Err(Refusal::TooManyHeld { sku: sku.unwrap_or_default(), most }.into());
            }
        }
    }
    Ok(())
}
