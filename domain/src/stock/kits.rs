//! Kits: items whose units lie in their parts.
//!
//! Invariant: the record of a kit says by number what its item says by SKU, and no unit ever lies
//! at a kit itself.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::draft::Draft;
use super::{Change, ItemNo, Key, LocationNo, Place, SaleDocument, SaleLine, StockKey, Stop};
use crate::code::Sku;
use crate::item::{Item, ItemDetails, ItemState};
use crate::limits;
use crate::record::{Kit, Part, Record};
use crate::refusal::Refusal;

/// What one kit of a sale was made of, as its register knew it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SoldKit {
    /// Which line of the document, from 0.
    pub line: usize,
    /// (item, base units in one kit) per part.
    pub parts: Vec<(ItemNo, i64)>,
}

impl SaleDocument {
    /// Units that its lines sold, by the items that they lie in: of a kit its parts.
    pub fn units(&self) -> BTreeMap<ItemNo, i128> {
        let mut units: BTreeMap<ItemNo, i128> = BTreeMap::new();
        for (at, (item, quantity, _, _)) in self.lines.iter().enumerate() {
            let itself = [(*item, 1)];
            let kit = self.kits.iter().find(|kit| kit.line == at);
            for (part, each) in kit.map_or(&itself[..], |kit| &kit.parts) {
                *units.entry(*part).or_default() += i128::from(*quantity) * i128::from(*each);
            }
        }
        units
    }
}

/// A sale as it is booked: an agent that names a kit took its parts from no share.
pub(super) fn split(
    draft: &Draft,
    lines: &[SaleLine],
    location: LocationNo,
) -> Result<Vec<SaleLine>, Stop> {
    at_hand(draft, lines.iter().map(|line| (line.item, location)))?;
    let mut booked = vec![];
    for line in lines {
        if draft.state.records.kit(line.item).is_none() {
            booked.push(line.clone());
            continue;
        }
        for part in draft.state.records.parts(line.item) {
            let beyond = (line.share + line.beyond) * part.quantity;
            booked.push(SaleLine { item: part.item, share: 0, beyond });
        }
    }
    Ok(booked)
}

/// The parts of an item (itself, when it is no kit), of a kit with their rows at hand.
pub(super) fn parts(draft: &Draft, item: ItemNo, location: LocationNo) -> Result<Vec<Part>, Stop> {
    if draft.state.records.kit(item).is_some() {
        at_hand(draft, [(item, location)])?;
    }
    Ok(draft.state.records.parts(item))
}

/// Units that lines name, by the items that they lie in: of kits their parts, with their rows at
/// a location at hand.
pub(super) fn units(
    draft: &Draft,
    lines: &[(ItemNo, i64)],
    location: LocationNo,
) -> Result<BTreeMap<ItemNo, i64>, Stop> {
    at_hand(draft, lines.iter().map(|(item, _)| (*item, location)))?;
    let mut units: BTreeMap<ItemNo, i64> = BTreeMap::new();
    for (item, quantity) in lines {
        for part in draft.state.records.parts(*item) {
            *units.entry(part.item).or_default() += quantity * part.quantity;
        }
    }
    Ok(units)
}

/// Asks at once for the rows where the units of many items lie, and for the parts of kits.
pub(super) fn at_hand(
    draft: &Draft,
    lines: impl IntoIterator<Item = (ItemNo, LocationNo)>,
) -> Result<(), Stop> {
    let mut keys = vec![];
    for (item, location) in lines {
        let parts = draft.state.records.parts(item);
        keys.extend(parts.iter().map(|part| Key::Stock(Draft::key(part.item, location))));
        if draft.state.records.kit(item).is_some() {
            keys.extend(parts.iter().map(|part| Key::ItemNo(part.item)));
        }
    }
    draft.at_hand(keys)
}

/// A kit is neither received nor counted: its parts are.
pub(super) fn has_stock(draft: &Draft, item: ItemNo) -> Result<(), Stop> {
    if draft.state.records.kit(item).is_none() {
        return Ok(());
    }
    let sku = draft.state.item_by_no(item)?.map(|i| i.sku.to_string()).unwrap_or_default();
    Err(Refusal::KitHasNoStock { sku }.into())
}

/// Keeps in the records what an item is made of now.
pub(super) fn keep(
    draft: &mut Draft,
    sku: &Sku,
    no: ItemNo,
    old: Option<&Item>,
    details: &ItemDetails,
) -> Result<(), Stop> {
    if old.map_or(&[][..], |old| &old.details.components) == details.components {
        return Ok(());
    }
    if details.components.is_empty() {
        draft.push(Change::RecordGone(Kit::key(no)));
        return Ok(());
    }
    let parts = numbered(draft, sku, details)?;
    let records = &draft.state.records;
    if records.kits_of(no).next().is_some() {
        return Err(Refusal::KitNested { sku: sku.to_string() }.into());
    }
    if records.kit(no).is_none() {
        if records.kits() >= limits::KITS_MAX {
            return Err(Refusal::invalid("/components", "at most 10,000 items are kits").into());
        }
        if old.is_some() {
            without_stock(draft, sku, no)?;
        }
    }
    draft.push(Change::Record(Box::new(Record::Kit(Kit { item: no, parts }))));
    Ok(())
}

/// The parts by number: items that are sold and are no kits.
fn numbered(draft: &Draft, sku: &Sku, details: &ItemDetails) -> Result<Vec<Part>, Stop> {
    if let Some(at) = details.components.iter().position(|part| part.sku == *sku) {
        let field = format!("/components/{at}/sku");
        return Err(Refusal::invalid(&field, "another item than the kit itself").into());
    }
    draft.at_hand(details.components.iter().map(|part| Key::Item(part.sku.clone())))?;
    let mut parts = vec![];
    for component in &details.components {
        let unknown = || Refusal::ItemUnknown { sku: component.sku.to_string() };
        let item = draft.state.item(&component.sku)?.ok_or_else(unknown)?;
        parts.push((item, Part { item: item.no, quantity: component.quantity }));
    }
    for (item, _) in &parts {
        if item.details.state == ItemState::Retired {
            return Err(Refusal::ItemRetired.into());
        }
        if !item.details.components.is_empty() {
            return Err(Refusal::KitNested { sku: item.sku.to_string() }.into());
        }
    }
    Ok(parts.into_iter().map(|(_, part)| part).collect())
}

/// What an item has of its own could neither be sold nor counted once it is a kit.
fn without_stock(draft: &Draft, sku: &Sku, no: ItemNo) -> Result<(), Stop> {
    let keys: Vec<(StockKey, String)> = draft
        .state
        .records
        .locations()
        .map(|l| (Draft::key(no, l.no), l.code.to_string()))
        .collect();
    draft.rows(keys.iter().map(|(key, _)| *key))?;
    for (key, location) in keys {
        let row = draft.stock(key)?;
        if row.on_hand() != 0 || row.at(Place::Discrepancy) != 0 || row.short != 0 {
            return Err(Refusal::ItemHasStock { sku: sku.to_string(), location }.into());
        }
    }
    Ok(())
}
