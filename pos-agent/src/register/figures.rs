//! Items with their figures: here, and in other stores.
//!
//! Every figure of this store is the copy with own unsent sales on top; the share is the machine's
//! own record.

use oneshelf_domain::item::Item;
use oneshelf_domain::stock::Place;
use oneshelf_domain::{LocationCode, Sku};
use oneshelf_sync::agent::Line;

use super::view::{ElsewhereView, HereView};
use super::{Answer, Front, ItemHere, Refused};
use crate::clock;

impl Front {
    /// An item by SKU, with figures.
    pub(crate) async fn item_here(&self, sku: &Sku) -> Answer<ItemHere> {
        let item = self.shared.reads.item(sku.as_str()).await?;
        self.here(&item.ok_or_else(|| Refused::item_unknown(true))?).await
    }

    /// Items with these words, with figures.
    pub(crate) async fn search(&self, text: &str, limit: usize) -> Answer<Vec<ItemHere>> {
        let mut found = vec![];
        for item in self.shared.reads.search(text, limit).await? {
            found.push(self.here(&item).await?);
        }
        Ok(found)
    }

    /// An item with its figures.
    pub(super) async fn here(&self, item: &Item) -> Answer<ItemHere> {
        let stock = self.shared.reads.stock(&item.sku).await?;
        let share = self.core.lock().await.agent.totals(&item.sku).share();
        let here = HereView {
            on_hand: stock.on_hand(),
            // Both buckets: a grant on its way has left one and not reached the other's owner.
            to_sell: stock.available() + stock.at(Place::StoreShare),
            reserved: stock.at(Place::Reserved),
            picked: stock.at(Place::Picked),
            share,
        };
        Ok(ItemHere::of(item, self.shared.price(item), here, self.elsewhere(&item.sku).await?))
    }

    async fn elsewhere(&self, sku: &Sku) -> Answer<Vec<ElsewhereView>> {
        let figures = self.shared.reads.elsewhere(sku).await?;
        if figures.is_empty() {
            return Ok(vec![]);
        }
        let link = *self.shared.link.borrow();
        let live = link.line != Line::Offline;
        let as_of = match (live, link.heard) {
            (true, _) => clock::now(),
            (false, Some(heard)) => heard,
            (false, None) => self.shared.reads.copied_at().await?.unwrap_or(link.since),
        };
        let records = self.shared.records();
        let name = |code: &str| {
            let location = LocationCode::new(code).ok();
            let location = location.and_then(|c| records.location(&c).map(|l| l.name.clone()));
            location.unwrap_or_else(|| code.to_owned())
        };
        let view = |(location, shown): (String, i64)| ElsewhereView {
            name: name(&location),
            location,
            shown,
            as_of,
            live,
        };
        Ok(figures.into_iter().map(view).collect())
    }
}
