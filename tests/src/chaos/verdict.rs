//! What must be so when the trouble is over: the programs' words and rows against the books.
//!
//! It must not know what the trouble was. Invariant: everything acknowledged is there exactly once,
//! and nothing else is.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use anyhow::{Context, Result, bail};
use serde_json::json;

use super::client::{Ask, Caller, until};
use super::load::Books;
use super::register::{Register, units};
use super::world::{STORE, WAREHOUSE, World};
use super::{rows as tables, settle};

/// The agent's words about sales from the `first` on, and both programs' figures.
///
/// # Errors
/// Says what differs.
pub async fn words(
    world: &World,
    books: &Books,
    register: &mut Register,
    first: usize,
) -> Result<()> {
    let hub = world.admin(0)?;
    let skus: BTreeSet<&String> = books.sales.iter().flat_map(|s| s.units.keys()).collect();
    settle::same_views(register, &hub, skus.into_iter()).await?;
    for sold in &books.sales[first..] {
        let path = format!("/api/sales/{}", sold.receipt);
        let sale = register.settled(&Ask::get(&path)).await?.good("a receipt")?;
        let same = units(&sale) == sold.units && sale["total"]["minor"] == json!(sold.total);
        if !same {
            bail!("{} was acknowledged as {sold:?}, and the agent has {sale}", sold.receipt);
        }
    }
    Ok(())
}

/// The hub's figures of an item, which began with so many at the store and at the warehouse.
///
/// # Errors
/// Names the figure that differs.
pub async fn stock(
    hub: &Caller,
    sku: &str,
    (at_store, at_warehouse): (i64, i64),
    books: &Books,
) -> Result<()> {
    let claimed = |location: &str, states: &[&str]| -> i64 {
        let claims = books.claims.values();
        let mine = claims.filter(|c| c.location == location && states.contains(&c.state));
        mine.filter_map(|c| c.units.get(sku)).sum()
    };
    // The last of the short claims run out in the meantime.
    let look = async || {
        let figures = settle::at(hub, sku, WAREHOUSE).await?;
        let left = claimed(WAREHOUSE, &["consumed", "in_transit", "transferred"]);
        let there = at_warehouse + books.came(WAREHOUSE, sku) - left;
        let checked = [
            ("reserved", claimed(WAREHOUSE, &["held", "committed"])),
            ("picked", claimed(WAREHOUSE, &["picked"])),
            ("on_hand", there),
            ("discrepancy", 0),
        ];
        let differs = checked.iter().find_map(|(name, book)| {
            settle::expect(&figures, name, *book, sku).err().map(|e| e.to_string())
        });
        Ok(differs.map_or(Ok(()), Err))
    };
    until(Duration::from_secs(20), look).await.context("the warehouse")?;
    let figures = settle::at_store(hub, sku).await?;
    let sold: i64 = books.sales.iter().filter_map(|s| s.units.get(sku)).sum();
    settle::expect(&figures, "on_hand", at_store + books.came(STORE, sku) - sold, sku)?;
    settle::expect(&figures, "reserved", claimed(STORE, &["held", "committed"]), sku)?;
    settle::expect(&figures, "discrepancy", 0, sku)
}

/// The rows of both databases against the books: everything once, nothing else.
///
/// # Errors
/// Names what is lost, doubled or of nobody.
pub async fn rows(world: &World, books: &Books) -> Result<()> {
    let (hub, receipts) =
        (tables::sales(&world.database).await?, tables::receipts(&world.journal()).await?);
    let mut told: BTreeMap<&str, &tables::HubSale> = BTreeMap::new();
    for sale in &hub {
        if told.insert(&sale.receipt, sale).is_some() {
            bail!("the hub has {} twice", sale.receipt);
        }
    }
    for sold in &books.sales {
        let Some(sale) = told.get(sold.receipt.as_str()) else {
            bail!("{} was acknowledged, and the hub has no such sale", sold.receipt);
        };
        if sale.total != sold.total || sale.units != sold.units {
            bail!("{sold:?} was acknowledged, and the hub has {sale:?}");
        }
    }
    let names = |all: &mut dyn Iterator<Item = &str>| -> BTreeSet<String> {
        all.map(str::to_owned).collect()
    };
    let acknowledged = names(&mut books.sales.iter().map(|s| s.receipt.as_str()));
    for (who, theirs) in [
        ("the hub's sales", names(&mut told.keys().copied())),
        ("the agent's receipts", names(&mut receipts.keys().map(String::as_str))),
    ] {
        if theirs != acknowledged {
            let odd: Vec<_> = theirs.symmetric_difference(&acknowledged).take(5).collect();
            bail!("{who} are not those that were acknowledged: {odd:?}");
        }
    }
    if acknowledged.len() != books.sales.len() {
        bail!("a receipt number was given twice");
    }
    tables::gapless(receipts.keys())?;
    claims_kept(world, books).await
}

async fn claims_kept(world: &World, books: &Books) -> Result<()> {
    let theirs = tables::reservations(&world.database).await?;
    for (id, claim) in &books.claims {
        let Some(row) = theirs.get(id) else { bail!("claim {id} is lost: {claim:?}") };
        if row.reference != claim.reference || row.state != claim.state {
            bail!("claim {id} was acknowledged as {claim:?}, and the hub has {row:?}");
        }
    }
    if let Some((id, row)) = theirs.iter().find(|(id, _)| !books.claims.contains_key(*id)) {
        bail!("claim {id} was acknowledged to nobody: {row:?}");
    }
    Ok(())
}
