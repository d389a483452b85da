//! What a channel is told when a store's line falls or comes back, which makes no version.
//!
//! It finds the items; the feed compares them. Invariant: how the lines looked is kept only after
//! everything that differs for it waits to be said.

use std::collections::BTreeSet;

use oneshelf_domain::limits;
use oneshelf_domain::promise::Lines;
use oneshelf_domain::record::{Channel, Records};
use oneshelf_domain::stock::{ItemNo, LocationNo};

use super::feed::{Feed, ITEMS_MAX, serving};
use crate::follow::Seen;
use crate::store::StoreError;
use crate::store::channels::shadows::{self, StateRow};

/// What changed for a channel without a version.
pub(super) struct Moved {
    /// Stores that answer again, or no more.
    stores: Vec<LocationNo>,
    /// Items of which a recall went unanswered, or is forgiven.
    items: Vec<ItemNo>,
}

impl Feed {
    /// What the lines change for a channel since it was looked after last: a line that falls makes
    /// no version. None when nothing did. A hub that has just started knows no line yet; one that
    /// has the lease anew does not know what another one told, and compares all.
    pub(super) fn moved(&self, channel: &Channel, seen: &Seen, now: &Lines) -> Option<Moved> {
        if self.app.links.now_ms() <= limits::FRESH_MS {
            return None;
        }
        let places: Vec<LocationNo> =
            serving(&seen.records, channel).into_iter().map(|(no, _)| no).collect();
        let Some(before) = self.lines.get(channel.code.as_str()) else {
            return Some(Moved { stores: places, items: vec![] });
        };
        let stores = before.fresh.symmetric_difference(&now.fresh).copied();
        let items = before.late.symmetric_difference(&now.late);
        let items = items.filter(|key| places.contains(&key.location)).map(|key| key.item);
        let moved = Moved {
            stores: stores.filter(|no| places.contains(no)).collect(),
            items: items.collect(),
        };
        (!moved.stores.is_empty() || !moved.items.is_empty()).then_some(moved)
    }

    /// As `compare`, of what stores own whose lines changed.
    pub(super) async fn of_lines(
        &self,
        channel: &Channel,
        state: &StateRow,
        lines: &Lines,
        moved: &Moved,
    ) -> Result<Option<usize>, StoreError> {
        let mut told = 0;
        let records = self.app.seen().records.clone();
        for items in moved.items.chunks(usize::try_from(ITEMS_MAX).unwrap_or(1)) {
            let items = with_kits(&records, items);
            let Some(more) = self.compare(channel, state, lines, &items).await? else {
                return Ok(None);
            };
            told += more;
        }
        for store in &moved.stores {
            let mut last = ItemNo(0);
            loop {
                let mut tx = self.app.store.read().await?;
                let items = shadows::items_with_share(&mut tx, *store, last, ITEMS_MAX).await?;
                tx.rollback().await?;
                let Some(end) = items.last() else { break };
                last = *end;
                let items = with_kits(&records, &items);
                let Some(more) = self.compare(channel, state, lines, &items).await? else {
                    return Ok(None);
                };
                told += more;
            }
        }
        Ok(Some(told))
    }
}

/// Items, and the kits that they are parts of, each once.
fn with_kits(records: &Records, items: &[ItemNo]) -> Vec<ItemNo> {
    let kits = items.iter().flat_map(|no| records.kits_of(*no));
    let all: BTreeSet<ItemNo> = items.iter().copied().chain(kits).collect();
    all.into_iter().collect()
}
