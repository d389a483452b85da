//! Which items of a frame need share: a store's policy says more than it has, and units are free.
//!
//! A hint only; the command decides again.

use oneshelf_domain::Sku;
use oneshelf_domain::record::Records;
use oneshelf_domain::stock::{ItemNo, LocationNo, Place};
use oneshelf_protocol::replica::Row;
use std::collections::BTreeMap;

/// Items whose share is below the policy while units are available.
pub(super) fn wanted(
    records: &Records,
    location: LocationNo,
    rows: &[Row],
    numbers: &BTreeMap<Sku, ItemNo>,
) -> Vec<(ItemNo, Sku)> {
    if records.of_kind("share").next().is_none() {
        return vec![];
    }
    let mut wanted = vec![];
    for row in rows {
        let Row::Stock { sku, balances, .. } = row else { continue };
        let Some(no) = numbers.get(sku) else { continue };
        let share = balances[Place::StoreShare.index()];
        let free = balances[Place::Available.index()];
        if free > 0 && share < records.share_units(location, *no) {
            wanted.push((*no, sku.clone()));
        }
    }
    wanted
}
