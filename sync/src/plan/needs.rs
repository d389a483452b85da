//! What a batch will surely look at: loaded in one go, before the first decision.
//!
//! Only a head start: whatever is left out here, deciding asks for.

use oneshelf_domain::record::Records;
use oneshelf_domain::stock::{Command, FactBody, ItemNo, Key, LocationNo, State, StockKey};

use super::Submission;

/// The keys that are not at hand yet.
pub fn needs(batch: &[Submission], state: &State) -> Vec<Key> {
    let mut keys = vec![];
    for submission in batch {
        of(&submission.command, &state.records, &mut keys);
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

/// The rows of an item where its units lie.
fn rows(records: &Records, keys: &mut Vec<Key>, item: ItemNo, location: LocationNo) {
    keys.push(Key::ItemNo(item));
    records.parts(item).iter().for_each(|part| row(keys, part.item, location));
}

fn of(command: &Command, records: &Records, keys: &mut Vec<Key>) {
    match command {
        Command::PutItem { sku, details } => {
            keys.push(Key::Item(sku.clone()));
            keys.extend(details.barcodes.iter().cloned().map(Key::Barcode));
            keys.extend(details.components.iter().map(|part| Key::Item(part.sku.clone())));
        }
        Command::NameItem { sku }
        | Command::RetireItem { sku }
        | Command::PutPrices { sku, .. }
        | Command::SetPrice { sku, .. } => {
            keys.push(Key::Item(sku.clone()));
        }
        Command::PutRecord { .. } | Command::RemoveRecord { .. } | Command::Redeem { .. } => {}
        Command::OnlyIf { change, .. } => of(change, records, keys),
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
            for (item, location, _) in lines {
                rows(records, keys, *item, *location);
            }
            keys.extend(shopper.clone().map(Key::HoldsOfShopper));
            keys.extend(address.clone().map(Key::HoldsFromAddress));
        }
        Command::Transfer { from, lines, .. } => {
            lines.iter().for_each(|(item, _)| row(keys, *item, *from));
        }
        Command::ReceiveTransfer { id, lines, .. } => {
            keys.push(Key::Reservation(*id));
            keys.extend(lines.iter().map(|line| Key::ItemNo(line.item)));
        }
        Command::Commit { id }
        | Command::Release { id, .. }
        | Command::Expire { id }
        | Command::Pick { id }
        | Command::HandOver { id } => keys.push(Key::Reservation(*id)),
        Command::Hello { location, incarnation, .. }
        | Command::RetireAgent { location, incarnation } => {
            keys.push(Key::Incarnation(*incarnation));
            keys.push(Key::IncarnationsAt(*location));
            keys.push(Key::SharesOf(*incarnation));
        }
        Command::Ask { location, item, .. } | Command::GrantByPolicy { location, item, .. } => {
            keys.push(Key::IncarnationsAt(*location));
            row(keys, *item, *location);
            keys.push(Key::SharesAt(StockKey { item: *item, location: *location }));
        }
        Command::Fact { location, incarnation, body, .. }
        | Command::BookRejected { location, incarnation, body, .. } => {
            keys.push(Key::IncarnationsAt(*location));
            keys.push(Key::Incarnation(*incarnation));
            fact(*location, body, records, keys);
        }
    }
}

fn fact(location: LocationNo, body: &FactBody, records: &Records, keys: &mut Vec<Key>) {
    let mut key = |item: ItemNo| {
        rows(records, keys, item, location);
        let parts = records.parts(item);
        let row = |item| Key::SharesAt(StockKey { item, location });
        keys.extend(parts.iter().map(|part| row(part.item)));
    };
    match body {
        FactBody::Unreadable { .. } => {}
        FactBody::Sale { lines, .. } => lines.iter().for_each(|l| key(l.item)),
        FactBody::In { item, .. } | FactBody::Back { item, .. } | FactBody::Count { item, .. } => {
            key(*item);
        }
        FactBody::Sent { lines, .. } => lines.iter().for_each(|(item, _)| key(*item)),
        FactBody::Arrived { transfer, lines, .. } => {
            lines.iter().for_each(|line| key(line.item));
            keys.push(Key::Reservation(*transfer));
        }
        FactBody::Close { left } => left.iter().for_each(|(item, _)| key(*item)),
        FactBody::Handover { lines, reservation } | FactBody::Released { lines, reservation } => {
            lines.iter().for_each(|(item, _)| key(*item));
            keys.push(Key::Reservation(*reservation));
        }
    }
}
