//! Figures as a channel's public sees them: the promise, the buffer, the display policy, freshness.
//!
//! One place for HTTP and live stock, so that both always say the same. The rules are the
//! domain's ([`oneshelf_domain::promise`]).

use oneshelf_domain::promise::{Shown, channel_figure, channel_total, promise, shown};
use oneshelf_domain::record::{Display, Location, LocationKind, RecordState, Records};
use oneshelf_domain::stock::{ItemNo, Stock, StockKey};
use oneshelf_domain::{LocationCode, Sku, Timestamp};
use serde::Serialize;

use crate::app::App;
use crate::link::LinkState;
use crate::store::StoreError;
use crate::store::read::figures::{self, ItemStock};

/// Who looks.
#[derive(Debug, Clone)]
pub struct Audience {
    /// The channel whose figure it is.
    pub channel: Option<String>,
    /// How it is shown.
    pub display: Display,
}

/// An item's figures.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ShownItem {
    /// Which item.
    pub sku: Sku,
    /// Over all locations.
    pub total: Shown,
    /// One by one.
    pub locations: Vec<ShownLocation>,
}

/// One location's figure.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ShownLocation {
    /// Its code.
    pub location: LocationCode,
    /// As shown.
    pub name: String,
    /// Store, warehouse ...
    pub kind: LocationKind,
    /// The figure.
    pub shown: Shown,
    /// `fresh`, `stale` or `dark`.
    pub state: &'static str,
    /// When the store was last heard; now, where no agent works.
    pub as_of: Timestamp,
}

impl ShownItem {
    /// True when a person would see the same; the time alone is no change.
    pub fn same(&self, other: &Self) -> bool {
        let same = |(a, b): (&ShownLocation, &ShownLocation)| {
            (&a.location, &a.name, &a.shown, a.state) == (&b.location, &b.name, &b.shown, b.state)
        };
        self.total == other.total
            && self.locations.len() == other.locations.len()
            && self.locations.iter().zip(&other.locations).all(same)
    }
}

/// The figures of some items, with the version that they are true at.
///
/// # Errors
/// When the database does not answer.
pub async fn shown_items(
    app: &App,
    audience: &Audience,
    items: &[ItemNo],
) -> Result<(i64, Vec<ShownItem>), StoreError> {
    let (version, stock) = figures::available(&app.store, items).await?;
    let records = app.follow.seen().records.clone();
    let now = (app.clock)();
    let shown = stock.iter().map(|i| item(app, &records, audience, now, i)).collect();
    Ok((version.0, shown))
}

fn item(
    app: &App,
    records: &Records,
    audience: &Audience,
    now: Timestamp,
    stock: &ItemStock,
) -> ShownItem {
    let channel = audience.channel.as_deref();
    let mut promises = vec![];
    let mut locations = vec![];
    for location in records.locations().filter(|l| sells(l)) {
        let row = stock.rows.get(&location.no).copied().unwrap_or_default();
        let key = StockKey { item: stock.no, location: location.no };
        promises.push(promise(records, key, &row));
        locations.push(at(app, records, audience, now, location, key, &row));
    }
    let buffer = records.buffer(stock.no, channel);
    ShownItem {
        sku: stock.sku.clone(),
        total: shown(audience.display, channel_total(promises, buffer)),
        locations,
    }
}

fn sells(location: &Location) -> bool {
    location.state == RecordState::Active && location.kind != LocationKind::Transit
}

fn at(
    app: &App,
    records: &Records,
    audience: &Audience,
    now: Timestamp,
    location: &Location,
    key: StockKey,
    row: &Stock,
) -> ShownLocation {
    let figure = channel_figure(records, key, row, audience.channel.as_deref());
    // Where no agent works nobody but the hub moves stock: its word is always fresh.
    let state = match app.links.state(location.no) {
        LinkState::None => LinkState::Fresh,
        other => other,
    };
    let as_of = match (state, app.links.age_ms(location.no)) {
        (LinkState::Fresh, _) | (_, None) => now,
        (_, Some(age)) => now.plus_ms(-age),
    };
    ShownLocation {
        location: location.code.clone(),
        name: location.name.clone(),
        kind: location.kind,
        shown: shown(audience.display, figure),
        state: state.name(),
        as_of,
    }
}
