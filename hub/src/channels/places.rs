//! Which location serves which line of a channel's order, until a router does.
//!
//! A choice by the figures of the moment; the write path decides whether the units are there.

use oneshelf_connectors::{Order, OrderLine};
use oneshelf_domain::promise::Lines;
use oneshelf_domain::record::{Channel, Records};
use oneshelf_domain::stock::{ItemNo, LocationNo};
use oneshelf_domain::{LocationCode, Refusal, Sku};
use serde::{Deserialize, Serialize};

use super::feed::{figure, serving};
use crate::app::App;
use crate::store::StoreError;
use crate::store::channels::shadows;

/// A line as it is asked for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Planned {
    pub(super) item: ItemNo,
    pub(super) sku: Sku,
    pub(super) no: LocationNo,
    pub(super) location: LocationCode,
    pub(super) quantity: i64,
}

/// Which lines are asked for where. A line that names no location goes where all such lines of
/// the order can be served now, else where it can, else to the first that serves the channel.
pub(super) async fn assign(
    app: &App,
    channel: &Channel,
    records: &Records,
    order: &Order,
) -> Result<Result<Vec<Planned>, Refusal>, StoreError> {
    let skus: Vec<Sku> = order.lines.iter().map(|line| line.sku.clone()).collect();
    let numbers = app.items.of(&app.store, &skus).await?;
    let mut items = vec![];
    for (number, sku) in numbers.into_iter().zip(&skus) {
        match number {
            Some(no) => items.push(no),
            None => return Ok(Err(Refusal::ItemUnknown { sku: sku.to_string() })),
        }
    }
    let places = serving(records, channel);
    let free = free_places(app, channel, records, order, &items).await?;
    let mut planned = vec![];
    for ((line, item), free) in order.lines.iter().zip(items).zip(free) {
        let place = match &line.location {
            Some(code) => places.iter().find(|(_, known)| known == code),
            None => places.get(free),
        };
        let Some((no, location)) = place.cloned() else {
            let location = line.location.as_ref().map_or("", LocationCode::as_str).to_owned();
            return Ok(Err(Refusal::LocationUnknown { location }));
        };
        let (sku, quantity) = (line.sku.clone(), line.quantity.units());
        planned.push(Planned { item, sku, no, location, quantity });
    }
    Ok(Ok(planned))
}

/// True when nobody can serve this now, and a store that tells the hub everything again, as after
/// a restore, may have it.
pub(super) async fn may_be_served_later(
    app: &App,
    channel: &Channel,
    records: &Records,
    planned: &[Planned],
) -> Result<bool, StoreError> {
    if !serving(records, channel).iter().any(|(no, _)| records.is_recovering(*no)) {
        return Ok(false);
    }
    let items: Vec<ItemNo> = planned.iter().map(|line| line.item).collect();
    let found = shadows::figures(&app.store, records, &items).await?;
    let lines = app.links.lines();
    Ok(planned.iter().any(|line| {
        let same = planned.iter().filter(|other| (other.item, other.no) == (line.item, line.no));
        let wanted: i64 = same.map(|other| other.quantity).sum();
        let item = found.items.iter().find(|i| i.no == line.item);
        let places = item.map(|i| figure((records, &lines), channel, i).1).unwrap_or_default();
        let here = places.iter().find(|place| place.location == line.location);
        here.map_or(0, |place| place.quantity) < wanted
    }))
}

/// For each line the place among those that serve the channel.
async fn free_places(
    app: &App,
    channel: &Channel,
    records: &Records,
    order: &Order,
    items: &[ItemNo],
) -> Result<Vec<usize>, StoreError> {
    let found = shadows::figures(&app.store, records, items).await?;
    let now = app.links.lines();
    let offered = |lines: &Lines, item: ItemNo, place: usize| {
        let figures = found.items.iter().find(|i| i.no == item);
        let locations = figures.map(|i| figure((records, lines), channel, i).1);
        locations.unwrap_or_default().get(place).map_or(0, |l| l.quantity)
    };
    // What a store must give back first is the second choice: it may not answer.
    let (silent, places) = (Lines::default(), 0..serving(records, channel).len());
    let views = [&silent, &*now];
    let open: Vec<(ItemNo, i64)> = items
        .iter()
        .zip(&order.lines)
        .filter(|(_, line)| line.location.is_none())
        .map(|(item, line)| (*item, line.quantity.units()))
        .collect();
    let serves_all = |lines: &Lines, place: usize| {
        open.iter().all(|(item, _)| {
            let same = open.iter().filter(|(other, _)| other == item);
            offered(lines, *item, place) >= same.map(|(_, quantity)| quantity).sum()
        })
    };
    let all =
        views.into_iter().find_map(|lines| places.clone().find(|place| serves_all(lines, *place)));
    let alone = |(item, line): (&ItemNo, &OrderLine)| {
        let wanted = line.quantity.units();
        let serves =
            |lines: &Lines| places.clone().find(|place| offered(lines, *item, *place) >= wanted);
        views.into_iter().find_map(serves).unwrap_or(0)
    };
    Ok(match all {
        Some(place) => vec![place; items.len()],
        None => items.iter().zip(&order.lines).map(alone).collect(),
    })
}
