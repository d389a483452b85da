//! Items with their figures: here, and in other stores.
//!
//! Every figure of this store is the copy with own unsent sales on top; the share is the machine's
//! own record.

use std::collections::BTreeMap;

use oneshelf_domain::item::Item;
use oneshelf_domain::record::kits_in;
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
        let here = match item.details.components.is_empty() {
            true => self.figures(&item.sku).await?,
            false => self.figures_of_kit(item).await?,
        };
        Ok(ItemHere::of(item, self.shared.price(item), here, self.elsewhere(item).await?))
    }

    async fn figures(&self, sku: &Sku) -> Answer<HereView> {
        let stock = self.shared.reads.stock(sku).await?;
        let share = self.core.lock().await.agent.totals(sku).share();
        Ok(HereView {
            on_hand: stock.on_hand(),
            // Both buckets: a grant on its way has left one and not reached the other's owner.
            to_sell: stock.available() + stock.at(Place::StoreShare),
            reserved: stock.at(Place::Reserved),
            picked: stock.at(Place::Picked),
            share,
        })
    }

    /// As many as the scarcest part allows. What is reserved of parts is not reserved as kits.
    async fn figures_of_kit(&self, item: &Item) -> Answer<HereView> {
        let mut parts = vec![];
        for part in &item.details.components {
            parts.push((self.figures(&part.sku).await?, part.quantity));
        }
        let kits = |units: fn(&HereView) -> i64| {
            kits_in(parts.iter().map(|(here, each)| (units(here), *each)))
        };
        Ok(HereView {
            on_hand: kits(|here| here.on_hand),
            to_sell: kits(|here| here.to_sell),
            reserved: 0,
            picked: 0,
            share: kits(|here| here.share),
        })
    }

    /// What other stores may promise of it: of a kit those that have all its parts.
    async fn promised_elsewhere(&self, item: &Item) -> Answer<Vec<(String, i64)>> {
        let reads = &self.shared.reads;
        let mut parts = item.details.components.iter();
        let Some(first) = parts.next() else { return Ok(reads.elsewhere(&item.sku).await?) };
        let mut kits = reads.elsewhere(&first.sku).await?;
        kits.iter_mut().for_each(|(_, units)| *units /= first.quantity.max(1));
        for part in parts {
            let figures: BTreeMap<String, i64> =
                reads.elsewhere(&part.sku).await?.into_iter().collect();
            for (location, units) in &mut kits {
                let here = figures.get(location).copied().unwrap_or(0);
                *units = (*units).min(here / part.quantity.max(1));
            }
        }
        kits.retain(|(_, units)| *units > 0);
        Ok(kits)
    }

    async fn elsewhere(&self, item: &Item) -> Answer<Vec<ElsewhereView>> {
        let figures = self.promised_elsewhere(item).await?;
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
