//! Items whose share was recalled for a claim: no policy grants it to the store again for a while,
//! since what came back is for the shopper who comes back (docs/decisions/0008).
//!
//! It is the hub's, not a connection's: an agent that connects anew, also one that was connected
//! to another hub, gets no unit that it has just given. Volatile and bounded: what is forgotten
//! here costs a shopper a second try.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, MutexGuard, PoisonError};

use oneshelf_domain::limits;
use oneshelf_domain::stock::{ItemNo, LocationNo, StockKey};

use super::Links;

/// Items of one store. One more than these is topped up as if nobody had asked.
const ITEMS_MAX: usize = 4_096;

/// Until when, milliseconds of this process's clock.
#[derive(Debug, Default)]
pub(super) struct Kept(Mutex<BTreeMap<LocationNo, BTreeMap<ItemNo, i64>>>);

impl Kept {
    fn all(&self) -> MutexGuard<'_, BTreeMap<LocationNo, BTreeMap<ItemNo, i64>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Links {
    /// An item is recalled for a claim.
    pub(super) fn keep(&self, key: StockKey) {
        let now = self.now_ms();
        let mut all = self.kept.all();
        let items = all.entry(key.location).or_default();
        if items.len() >= ITEMS_MAX {
            items.retain(|_, until| *until > now);
        }
        if items.len() < ITEMS_MAX || items.contains_key(&key.item) {
            items.insert(key.item, now + limits::RECALL_KEPT_MS);
        }
    }

    /// Items of a store that no policy tops up now.
    pub(super) fn kept(&self, location: LocationNo) -> BTreeSet<ItemNo> {
        let now = self.now_ms();
        let all = self.kept.all();
        let kept = all.get(&location).into_iter().flatten().filter(|(_, until)| **until > now);
        kept.map(|(item, _)| *item).collect()
    }

    /// Items of which that is over, each told once.
    pub(super) fn no_longer_kept(&self, location: LocationNo) -> Vec<ItemNo> {
        let now = self.now_ms();
        let mut all = self.kept.all();
        let Some(items) = all.get_mut(&location) else { return vec![] };
        let mut over = vec![];
        items.retain(|item, until| {
            let stays = *until > now;
            if !stays {
                over.push(*item);
            }
            stays
        });
        if items.is_empty() {
            all.remove(&location);
        }
        over
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_item_is_kept_for_a_while_whoever_is_connected() {
        let links = Links::default();
        let here = LocationNo(7);
        let key = |no| StockKey { item: ItemNo(no), location: here };
        links.keep(key(1));
        links.skip_ms(limits::RECALL_KEPT_MS / 2);
        links.keep(key(2));
        assert_eq!(links.kept(here), [ItemNo(1), ItemNo(2)].into());
        assert_eq!(links.kept(LocationNo(8)), BTreeSet::new());
        assert_eq!(links.no_longer_kept(here), []);
        links.skip_ms(limits::RECALL_KEPT_MS / 2);
        assert_eq!(links.kept(here), [ItemNo(2)].into());
        assert_eq!(links.no_longer_kept(here), [ItemNo(1)]);
        assert_eq!(links.no_longer_kept(here), [], "told once");
        links.skip_ms(limits::RECALL_KEPT_MS);
        assert_eq!(links.no_longer_kept(here), [ItemNo(2)]);
        assert_eq!(links.kept.all().len(), 0, "nothing is left of a store");
    }

    #[test]
    fn a_store_fills_no_memory() {
        let links = Links::default();
        let here = LocationNo(7);
        let key = |no| StockKey { item: ItemNo(no), location: here };
        let most = i64::try_from(ITEMS_MAX).unwrap();
        (0..=most).for_each(|no| links.keep(key(no)));
        assert_eq!(links.kept(here).len(), ITEMS_MAX);
        assert!(!links.kept(here).contains(&ItemNo(most)));
        links.skip_ms(limits::RECALL_KEPT_MS);
        links.keep(key(most));
        assert_eq!(links.kept(here), [ItemNo(most)].into(), "old ones make room");
    }
}
