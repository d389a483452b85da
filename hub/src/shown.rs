//! Figures as a channel's public sees them: the promise, the buffer, the display policy, freshness.
//!
//! One place for HTTP and live stock, so that both always say the same. The rules are the
//! domain's ([`oneshelf_domain::promise`]).

use std::collections::BTreeSet;
use std::sync::Arc;

use oneshelf_domain::promise::{
    Fulfilment, Lines, Shown, channel_figure, channel_total, promise_of, sells, shown,
};
use oneshelf_domain::record::{Display, Location, LocationKind, Records};
use oneshelf_domain::stock::{ItemNo, StockKey, Version};
use oneshelf_domain::{LocationCode, Sku, Timestamp};
use serde::Serialize;

use crate::app::Clock;
use crate::follow::Follow;
use crate::link::{LinkState, Links};
use crate::store::read::figures::{self, ItemStock};
use crate::store::{Store, StoreError};

/// Who looks.
#[derive(Debug, Clone, PartialEq, Eq)]
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
        self.total == other.total && same_locations(self.locations.iter(), other.locations.iter())
    }
}

impl ShownLocation {
    /// True when a person would see the same; the time alone is no change.
    pub fn same(&self, other: &Self) -> bool {
        (&self.location, &self.name, &self.shown, self.state)
            == (&other.location, &other.name, &other.shown, other.state)
    }
}

/// True when a person would see the same locations with the same figures.
pub fn same_locations<'a>(
    mut these: impl Iterator<Item = &'a ShownLocation>,
    mut those: impl Iterator<Item = &'a ShownLocation>,
) -> bool {
    loop {
        match (these.next(), those.next()) {
            (None, None) => return true,
            (Some(this), Some(that)) if this.same(that) => {}
            _ => return false,
        }
    }
}

/// What figures are made from; cheap to clone.
#[derive(Clone)]
pub struct Source {
    /// Stock rows.
    pub store: Store,
    /// Settings.
    pub follow: Follow,
    /// How fresh each store is.
    pub links: Arc<Links>,
    /// Now.
    pub clock: Clock,
}

/// Everything but the rows, as it is at one moment.
pub struct Moment<'a> {
    links: &'a Links,
    records: Arc<Records>,
    lines: Arc<Lines>,
    now: Timestamp,
}

impl Source {
    /// The figures of some items, with the version that they are true at.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn items(
        &self,
        audience: &Audience,
        items: &[ItemNo],
    ) -> Result<(i64, Vec<ShownItem>), StoreError> {
        let (version, stock) = self.stock(items).await?;
        let moment = self.moment();
        Ok((version.0, stock.iter().map(|i| moment.item(audience, i)).collect()))
    }

    /// The rows that figures of some items are made from, with the version that they are true at.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn stock(&self, items: &[ItemNo]) -> Result<(Version, Vec<ItemStock>), StoreError> {
        let records = self.follow.seen().records.clone();
        figures::available(&self.store, &records, items).await
    }

    /// Now.
    pub fn moment(&self) -> Moment<'_> {
        let records = self.follow.seen().records.clone();
        Moment { links: &self.links, records, lines: self.links.lines(), now: (self.clock)() }
    }
}

impl Moment<'_> {
    /// When it is.
    pub fn now(&self) -> Timestamp {
        self.now
    }

    /// How the lines to all locations that sell look, in the records' order, and of which items a
    /// recall went unanswered: figures follow from both.
    pub fn lines(&self) -> (Vec<LinkState>, BTreeSet<StockKey>) {
        let selling = self.records.locations().filter(|l| sells(l));
        (selling.map(|l| self.links.state(l.no)).collect(), self.lines.late.clone())
    }

    /// An item's figures.
    pub fn item(&self, audience: &Audience, stock: &ItemStock) -> ShownItem {
        let channel = audience.channel.as_deref();
        let mut promises = vec![];
        let mut locations = vec![];
        for location in self.records.locations().filter(|l| sells(l)) {
            let key = StockKey { item: stock.no, location: location.no };
            promises.push(promise_of(&self.records, &self.lines, key, |key| stock.row(key)));
            locations.push(self.at(audience, location, key, stock));
        }
        let buffer = self.records.buffer(stock.no, channel);
        ShownItem {
            sku: stock.sku.clone(),
            total: shown(audience.display, channel_total(promises, buffer)),
            locations,
        }
    }

    fn at(
        &self,
        audience: &Audience,
        location: &Location,
        key: StockKey,
        stock: &ItemStock,
    ) -> ShownLocation {
        // One location's figure is what a shopper may have kept there.
        let who = (audience.channel.as_deref(), Fulfilment::Pickup);
        let row = |key| stock.row(key);
        let figure = channel_figure(&self.records, &self.lines, key, row, who);
        // Where no agent works nobody but the hub moves stock: its word is always fresh.
        let state = match self.links.state(location.no) {
            LinkState::None => LinkState::Fresh,
            other => other,
        };
        let as_of = match (state, self.links.age_ms(location.no)) {
            (LinkState::Fresh, _) | (_, None) => self.now,
            (_, Some(age)) => self.now.plus_ms(-age),
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
}
