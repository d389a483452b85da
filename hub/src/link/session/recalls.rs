//! Asking a store's agent for share: for a claim that waits, for a debt, or by a policy that
//! follows the stock.
//!
//! No transaction and no memory: a recall names a total, the next ping's time asks again for what
//! the rows still lack. Invariant: nothing is asked of a life that does not speak in this session.

use futures_util::Sink;
use oneshelf_domain::stock::StockKey;

use super::{Ended, Session};
use crate::link::recall::Recall;
use crate::store::read::shares;

/// Items that are asked for at once.
const ITEMS_MAX: usize = 256;

impl<O: Sink<String> + Unpin> Session<'_, O> {
    /// A claim waits for units.
    pub(super) async fn recall(&mut self, recall: Recall) -> Result<(), Ended> {
        let Recall { key, incarnation, target } = recall;
        self.top_ups.keep(key.item, self.app.links.now_ms());
        let skus = self.app.items.skus(&self.app.store, &[key.item]).await?;
        let Some(sku) = skus.get(&key.item) else { return Ok(()) };
        match self.link.recall(incarnation, sku.clone(), target) {
            Some(down) => self.send(&down).await,
            None => Ok(()),
        }
    }

    /// What is wanted back without a claim, as the rows say.
    pub(super) async fn recall_wanted(&mut self) -> Result<(), Ended> {
        let wanted = self.top_ups.wanted(ITEMS_MAX);
        if wanted.is_empty() {
            return Ok(());
        }
        let location = self.location;
        let key = |item| StockKey { item, location };
        let keys: Vec<StockKey> = wanted.iter().map(|(item, _, _)| key(*item)).collect();
        let rows = shares::of(&self.app.store, &keys).await?;
        for (item, sku, units) in wanted {
            let Some(row) = rows.get(&key(item)) else { continue };
            let Some(incarnation) = row.incarnation else { continue };
            let target = row.returned + units.min(row.share);
            if let Some(down) = self.link.recall(incarnation, sku, target) {
                self.send(&down).await?;
            }
        }
        Ok(())
    }
}
