//! What a batch will surely look at: loaded in one go, before the first decision.
//!
//! Only a head start: whatever is left out here, deciding asks for.

use oneshelf_domain::stock::{Command, FactBody, ItemNo, Key, LocationNo, State, StockKey};

use super::Submission;

/// The keys that are not at hand yet.
pub fn needs(batch: &[Submission], state: &State) -> Vec<Key> {
    let mut keys = vec![];
    for submission in batch {
        of(&submission.command, &mut keys);
    }
    keys.retain(|k| !state.has(k));
    keys.sort();
    keys.dedup();
    keys
}

fn row(keys: &mut Vec<Key>, item: ItemNo, location: LocationNo) {
    keys.push(Key::ItemNo(item));
    keys.push(Key::Stock(StockKey { item, location }));
}

fn of(command: &Command, keys: &mut Vec<Key>) {
    match command {
        Command::PutItem { sku, details } => {
            keys.push(Key::Item(sku.clone()));
            keys.extend(details.barcodes.iter().cloned().map(Key::Barcode));
        }
        Command::NameItem { sku }
        | Command::RetireItem { sku }
        | Command::PutPrices { sku, .. }
        | Command::SetPrice { sku, .. } => {
            keys.push(Key::Item(sku.clone()));
        }
        Command::PutRecord { .. } | Command::RemoveRecord { .. } | Command::Redeem { .. } => {}
        Command::OnlyIf { change, .. } => of(change, keys),
        Command::Receive { location, lines, .. } => {
            lines.iter().for_each(|(item, _)| row(keys, *item, *location));
            keys.push(Key::IncarnationsAt(*location));
        }
        Command::ReturnGoods { location, item, .. }
        | Command::Adjust { location, item, .. }
        | Command::Count { location, item, .. } => {
            row(keys, *item, *location);
            keys.push(Key::IncarnationsAt(*location));
        }
        Command::Reserve { lines, shopper, address, .. } => {
            lines.iter().for_each(|(item, location, _)| row(keys, *item, *location));
            keys.extend(shopper.clone().map(Key::HoldsOfShopper));
            keys.extend(address.clone().map(Key::HoldsFromAddress));
        }
        Command::Commit { id }
        | Command::Release { id, .. }
        | Command::Expire { id }
        | Command::Pick { id }
        | Command::HandOver { id } => keys.push(Key::Reservation(*id)),
        Command::Hello { location, incarnation, .. } => {
            keys.push(Key::Incarnation(*incarnation));
            keys.push(Key::IncarnationsAt(*location));
            keys.push(Key::SharesOf(*incarnation));
        }
        Command::Ask { location, item, .. } | Command::GrantByPolicy { location, item, .. } => {
            keys.push(Key::IncarnationsAt(*location));
            row(keys, *item, *location);
            keys.push(Key::SharesAt(StockKey { item: *item, location: *location }));
        }
        Command::Fact { location, incarnation, body, .. } => {
            keys.push(Key::IncarnationsAt(*location));
            keys.push(Key::Incarnation(*incarnation));
            fact(*location, body, keys);
        }
    }
}

fn fact(location: LocationNo, body: &FactBody, keys: &mut Vec<Key>) {
    let mut key = |item: ItemNo| {
        row(keys, item, location);
        keys.push(Key::SharesAt(StockKey { item, location }));
    };
    match body {
        FactBody::Unreadable { .. } => {}
        FactBody::Sale { lines, .. } => lines.iter().for_each(|l| key(l.item)),
        FactBody::In { item, .. } | FactBody::Back { item, .. } | FactBody::Count { item, .. } => {
            key(*item);
        }
        FactBody::Close { left } => left.iter().for_each(|(item, _)| key(*item)),
        FactBody::Handover { lines, reservation } | FactBody::Released { lines, reservation } => {
            lines.iter().for_each(|(item, _)| key(*item));
            keys.push(Key::Reservation(*reservation));
        }
    }
}
