//! Asking a store's agent for share: for a claim that waits, for a debt, or by a policy that
//! follows the stock.
//!
//! No transaction and no memory: a recall names a total, the next ping's time asks again for what
//! the rows still lack. Invariant: nothing is asked of a life that does not speak in this session.

use futures_util::Sink;
use oneshelf_domain::Sku;
use oneshelf_domain::stock::{ItemNo, StockKey};
use oneshelf_sync::hub::{Balance, balance};

use super::{Ended, Session};
use crate::link::recall::Recall;
use crate::store::read::shares;

/// Items that are asked for at once.
const ITEMS_MAX: usize = 256;

impl<O: Sink<String> + Unpin> Session<'_, O> {
    /// A claim waits for units.
    pub(super) async fn recall(&mut self, recall: Recall) -> Result<(), Ended> {
        let Recall { key, incarnation, target } = recall;
        let skus = self.app.items.skus(&self.app.store, &[key.item]).await?;
        let Some(sku) = skus.get(&key.item) else { return Ok(()) };
        let Some(down) = self.link.recall(incarnation, sku.clone(), target) else { return Ok(()) };
        self.top_ups.not_now(key.item);
        self.send(&down).await
    }

    /// What the rows newly want back without a claim.
    pub(super) async fn recall_new(&mut self) -> Result<(), Ended> {
        let wanted = self.top_ups.newly_wanted(ITEMS_MAX);
        self.recall_items(wanted).await
    }

    /// What is still wanted back, some of it at each heartbeat.
    pub(super) async fn recall_again(&mut self) -> Result<(), Ended> {
        let wanted = self.top_ups.still_wanted(ITEMS_MAX);
        self.recall_items(wanted).await
    }

    /// How much is wanted is read with the total that it counts from: what came back meanwhile
    /// must not be asked for again.
    async fn recall_items(&mut self, wanted: Vec<(ItemNo, Sku)>) -> Result<(), Ended> {
        if wanted.is_empty() {
            return Ok(());
        }
        let location = self.location;
        let key = |item| StockKey { item, location };
        let keys: Vec<StockKey> = wanted.iter().map(|(item, _)| key(*item)).collect();
        let records = self.app.follow.seen().records.clone();
        let rows = shares::of(&self.app.store, &keys).await?;
        for (item, sku) in wanted {
            let Some(row) = rows.get(&key(item)) else { continue };
            let Balance::Recall(units) = balance(&records, key(item), &row.stock()) else {
                self.top_ups.settled(item);
                continue;
            };
            let Some(incarnation) = row.incarnation else { continue };
            if let Some(down) = self.link.recall(incarnation, sku, row.returned + units) {
                self.send(&down).await?;
            }
        }
        Ok(())
    }
}
