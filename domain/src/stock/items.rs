//! Items and their prices: commands that change what is sold.
//!
//! Invariant: a barcode belongs to one item; a price that is set counts from now on, so prices that
//! began before do not outlive it.

use super::draft::Draft;
use super::{Change, Command, ItemNo, Key, Outcome, Stop, kits};
use crate::code::Sku;
use crate::item::{Item, ItemDetails, ItemState};
use crate::money::{Currency, Money};
use crate::price::{self, DatedPrice, PriceFrom};
use crate::refusal::Refusal;

pub(super) fn item(draft: &mut Draft, command: &Command) -> Result<Outcome, Stop> {
    match command {
        Command::PutItem { sku, details } => {
            let details = details.clone().checked()?;
            let mut prices = vec![];
            if let Some(known) = draft.state.item(sku)? {
                prices.clone_from(&known.prices);
                if known.details.price != details.price {
                    to_come(draft, &mut prices);
                }
            }
            put_item(draft, sku, details, prices)
        }
        Command::NameItem { sku } => match draft.state.item(sku)? {
            Some(known) => Ok(Outcome::Item { no: known.no }),
            None => put_item(draft, sku, ItemDetails::named(sku), vec![]),
        },
        Command::RetireItem { sku } => {
            let known = known(draft, sku)?;
            let details = ItemDetails { state: ItemState::Retired, ..known.details };
            put_item(draft, sku, details, known.prices)
        }
        Command::PutPrices { sku, prices } => {
            let prices = price::checked(prices.clone(), currency(draft))?;
            let known = known(draft, sku)?;
            put_item(draft, sku, known.details, prices)
        }
        Command::SetPrice { sku, from, price } => set_price(draft, sku, *from, *price),
        _ => Err(Stop::NotNow("not about an item")),
    }
}

fn known(draft: &Draft, sku: &Sku) -> Result<Item, Stop> {
    let known = draft.state.item(sku)?.cloned();
    Ok(known.ok_or_else(|| Refusal::ItemUnknown { sku: sku.to_string() })?)
}

fn currency(draft: &Draft) -> Option<Currency> {
    draft.state.records.shop().map(|shop| shop.currency)
}

/// Leaves the prices that have not begun, by the office's clock.
fn to_come(draft: &Draft, prices: &mut Vec<DatedPrice>) {
    let office = draft.state.records.zone_of(None);
    prices.retain(|p| p.from.begins(office) > draft.at.now);
}

fn set_price(
    draft: &mut Draft,
    sku: &Sku,
    from: Option<PriceFrom>,
    money: Option<Money>,
) -> Result<Outcome, Stop> {
    if let Some(money) = money {
        price::fits(money, currency(draft), "/price")?;
    }
    let Item { mut details, mut prices, .. } = known(draft, sku)?;
    match from {
        None => {
            details.price = money;
            to_come(draft, &mut prices);
        }
        Some(from) => {
            prices.retain(|p| p.from != from);
            prices.extend(money.map(|price| DatedPrice { from, price }));
            price::without_ended(&mut prices, draft.at.now);
            prices = price::checked(prices, None)?;
        }
    }
    put_item(draft, sku, details, prices)
}

fn put_item(
    draft: &mut Draft,
    sku: &Sku,
    details: ItemDetails,
    prices: Vec<DatedPrice>,
) -> Result<Outcome, Stop> {
    let old = draft.state.item(sku)?.cloned();
    let no = old.as_ref().map_or(ItemNo(draft.at.version.0), |i| i.no);
    if old.as_ref().is_some_and(|i| i.details == details && i.prices == prices) {
        return Ok(Outcome::Item { no });
    }
    kits::keep(draft, sku, no, old.as_ref(), &details)?;
    draft.at_hand(details.barcodes.iter().cloned().map(Key::Barcode))?;
    for barcode in &details.barcodes {
        if draft.state.barcode_owner(barcode)?.is_some_and(|owner| owner != no) {
            return Err(Refusal::BarcodeInUse { barcode: barcode.to_string() }.into());
        }
    }
    let dropped = old
        .map(|i| i.details.barcodes)
        .unwrap_or_default()
        .into_iter()
        .filter(|b| !details.barcodes.contains(b))
        .collect();
    let item = Item { no, sku: sku.clone(), details, prices, version: draft.at.version };
    draft.push(Change::Item { item: Box::new(item), dropped });
    Ok(Outcome::Item { no })
}
