//! From stock to what each channel is to be told: who follows what changed, and compares.
//!
//! It knows no connector and no socket. Invariant: a figure that differs from what a channel was
//! told last waits to be said before the cursor passes the change that made it differ.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use oneshelf_connectors::{Location, Message};
use oneshelf_domain::promise::{
    self, Fulfilment, Lines, channel_figure, channel_total, promise_of,
};
use oneshelf_domain::record::{Channel, Records};
use oneshelf_domain::stock::{ItemNo, LocationNo, StockKey};
use oneshelf_domain::{LocationCode, Timestamp};
use uuid::Uuid;

use super::{is_told, told_at};
use crate::app::App;
use crate::follow::Seen;
use crate::jobs::{Lease, pause};
use crate::store::channels::shadows::{self, ItemFigures, NewFigure, Shadow, StateRow};
use crate::store::{StoreError, head};

/// The longest wait between two looks.
const LOOK: Duration = Duration::from_secs(1);
/// Between two looks at a busy hub, whose commits are for sales.
const PACE: Duration = Duration::from_millis(20);
/// Items that are compared in one transaction.
pub(super) const ITEMS_MAX: i64 = 500;
/// Between two comparisons of everything, milliseconds (a day).
const SWEEP_MS: i64 = 24 * 60 * 60 * 1_000;
/// How long an increase waits for the next one, milliseconds. Decreases do not wait.
const COALESCE_MS: i64 = 1_000;

pub(super) struct Feed {
    pub(super) app: App,
    lease: Lease,
    /// How the lines looked when a channel was looked after last, by its code. Another hub may have
    /// told channels of other lines: it is good for `fence` alone.
    pub(super) lines: BTreeMap<String, Arc<Lines>>,
    /// Of the lease that `lines` were told under.
    fence: i64,
}

/// What is to be compared for a channel.
enum What {
    Nothing,
    These(Vec<ItemNo>),
    Everything,
}

impl Feed {
    pub(super) fn new(app: &App) -> Self {
        let (lease, app) = (Lease::of(app, "channel-feed"), app.clone());
        Self { lease, app, lines: BTreeMap::new(), fence: 0 }
    }

    pub(super) async fn run(mut self) {
        let mut seen = self.app.follow.subscribe();
        let stop = self.app.stop.clone();
        let mut failing = false;
        while !stop.is_cancelled() {
            seen.borrow_and_update();
            match self.round().await {
                Ok(()) => failing = false,
                Err(error) if !failing => {
                    failing = true;
                    tracing::warn!(%error, "what channels are to be told cannot be read");
                }
                Err(_) => {}
            }
            if failing {
                pause(LOOK, &stop).await;
                continue;
            }
            tokio::select! {
                () = stop.cancelled() => break,
                changed = seen.changed() => if changed.is_err() { break },
                () = tokio::time::sleep(self.lease.look(LOOK)) => {}
            }
            pause(PACE, &stop).await;
        }
        self.lease.give_up().await;
    }

    async fn round(&mut self) -> Result<(), StoreError> {
        let now = self.app.now();
        if !self.app.seen().records.channels().any(is_told) {
            return Ok(());
        }
        let held = self.lease.held(now).await?;
        let fence = self.lease.fence().number;
        if !held || fence != self.fence {
            self.lines.clear();
            self.fence = fence;
        }
        if !held {
            return Ok(());
        }
        let mut tx = self.app.store.read().await?;
        let states = shadows::states(&mut tx).await?;
        let head = head(&mut tx).await?.head;
        tx.rollback().await?;
        // Another hub may have looked further than this one has seen.
        let seen = self.app.follow.reached(head.version).await;
        if seen.epoch != head.epoch || seen.version < head.version {
            return Ok(());
        }
        for channel in seen.records.channels().filter(|channel| is_told(channel)) {
            let (code, endpoint) = (channel.code.as_str(), told_at(channel));
            // Whether it is another endpoint is asked here, not noted by whoever changed it: a hub
            // that dies in between loses nothing.
            let stands = |state: &&StateRow| {
                let known = state.epoch == seen.epoch && state.cursor <= seen.version.0;
                known && state.endpoint == endpoint
            };
            match states.get(code).filter(stands) {
                Some(state) => self.look(channel, state, &seen).await?,
                None => {
                    let Some(tx) = self.lease.write().await? else { return Ok(()) };
                    let begun = shadows::look_after(tx, code, endpoint, seen.epoch).await?;
                    // The first look compares everything.
                    if let Some(state) = begun.as_ref().filter(stands) {
                        self.look(channel, state, &seen).await?;
                    }
                }
            }
        }
        Ok(())
    }

    /// Compares what changed since the channel was looked after.
    async fn look(
        &mut self,
        channel: &Channel,
        state: &StateRow,
        seen: &Seen,
    ) -> Result<(), StoreError> {
        let now = self.app.now();
        let lines = self.app.links.lines();
        let moved = self.moved(channel, seen, &lines);
        let sweep = now.ms_since(Timestamp(state.swept_at)) >= SWEEP_MS;
        let what = if state.cursor == 0 || sweep {
            What::Everything
        } else if state.cursor == seen.version.0 {
            if moved.is_none() {
                return Ok(());
            }
            What::Nothing
        } else {
            self.changed(channel, state.cursor).await?
        };
        let (told, swept_at) = match what {
            What::Nothing => (Some(0), None),
            What::These(items) => (self.compare(channel, state, &lines, &items).await?, None),
            What::Everything => (self.everything(channel, state, &lines).await?, Some(now)),
        };
        let Some(mut told) = told else { return Ok(()) };
        if let Some(moved) = moved {
            if swept_at.is_none() {
                let Some(more) = self.of_lines(channel, state, &lines, &moved).await? else {
                    return Ok(());
                };
                told += more;
            }
            self.lines.insert(channel.code.to_string(), lines);
        }
        let Some(mut tx) = self.lease.write().await? else { return Ok(()) };
        if shadows::claim(&mut tx, state).await? {
            shadows::advance(&mut tx, &state.channel, seen.version.0, swept_at).await?;
        }
        tx.commit().await?;
        if told > 0 {
            self.app.channels.speak();
        }
        Ok(())
    }

    async fn changed(&self, channel: &Channel, after: i64) -> Result<What, StoreError> {
        let mut tx = self.app.store.read().await?;
        let settings = shadows::settings_touched(&mut tx, after).await?;
        let touched = shadows::items_touched(&mut tx, after, ITEMS_MAX + 1).await?;
        tx.rollback().await?;
        let mut items: BTreeSet<ItemNo> = touched.into_iter().collect();
        for key in settings {
            match of_setting(&key, channel) {
                What::Nothing => {}
                What::These(more) => items.extend(more),
                What::Everything => return Ok(What::Everything),
            }
        }
        let records = &self.app.seen().records;
        let kits: Vec<ItemNo> = items.iter().flat_map(|no| records.kits_of(*no)).collect();
        items.extend(kits);
        Ok(match i64::try_from(items.len()) {
            Ok(0) => What::Nothing,
            Ok(count) if count <= ITEMS_MAX => What::These(items.into_iter().collect()),
            _ => What::Everything,
        })
    }

    /// As `compare`, of all items.
    async fn everything(
        &self,
        channel: &Channel,
        state: &StateRow,
        lines: &Lines,
    ) -> Result<Option<usize>, StoreError> {
        let (mut last, mut told) = (ItemNo(0), 0);
        loop {
            let mut tx = self.app.store.read().await?;
            let items = shadows::items_after(&mut tx, last, ITEMS_MAX).await?;
            tx.rollback().await?;
            let Some(end) = items.last() else { return Ok(Some(told)) };
            last = *end;
            let Some(more) = self.compare(channel, state, lines, &items).await? else {
                return Ok(None);
            };
            told += more;
        }
    }

    /// Keeps what differs from what the channel was told last. Gives how many do; none when this
    /// look was overtaken.
    pub(super) async fn compare(
        &self,
        channel: &Channel,
        state: &StateRow,
        lines: &Lines,
        items: &[ItemNo],
    ) -> Result<Option<usize>, StoreError> {
        // A kit that changes just now counts for nothing, and is compared again by that change.
        let records = self.app.seen().records.clone();
        let found = shadows::figures(&self.app.store, &records, items).await?;
        // Settings as new as the stock: of two figures the one with the higher version is newer.
        let version = oneshelf_domain::stock::Version(found.version);
        let records = self.app.follow.reached(version).await.records.clone();
        let now = self.app.now();
        let Some(mut tx) = self.lease.write().await? else { return Ok(None) };
        if !shadows::claim(&mut tx, state).await? {
            return Ok(None);
        }
        let known = shadows::of_items(&mut tx, &state.channel, items).await?;
        let at = (state.epoch, found.version);
        let new: Vec<NewFigure> = found
            .items
            .iter()
            .filter_map(|item| {
                let shadow = known.get(&item.no).cloned().unwrap_or_default();
                differs((&records, lines), channel, item, &shadow, at, now)
            })
            .collect();
        shadows::tell(&mut tx, &state.channel, &new, now).await?;
        tx.commit().await?;
        Ok(Some(new.len()))
    }
}

/// Whose figures a changed setting changes.
fn of_setting(key: &str, channel: &Channel) -> What {
    let mut parts = key.splitn(3, '/');
    let (kind, first) = (parts.next().unwrap_or_default(), parts.next().unwrap_or_default());
    let item = || first.parse().map_or(What::Everything, |no| What::These(vec![ItemNo(no)]));
    match kind {
        "safety" => item(),
        "buffer" if parts.next() == Some(channel.code.as_str()) => item(),
        "location" | "recovering" => What::Everything,
        "channel" if first == channel.code.as_str() => What::Everything,
        _ => What::Nothing,
    }
}

/// Locations that serve a channel, in its order.
pub(crate) fn serving(records: &Records, channel: &Channel) -> Vec<(LocationNo, LocationCode)> {
    promise::serving(records, channel.code.as_str()).map(|l| (l.no, l.code.clone())).collect()
}

/// What a channel may offer of an item: in all, and for each location.
pub(super) fn figure(
    (records, lines): (&Records, &Lines),
    channel: &Channel,
    item: &ItemFigures,
) -> (i64, Vec<Location>) {
    let mut promises = vec![];
    let mut locations = vec![];
    for (no, location) in serving(records, channel) {
        let key = StockKey { item: item.no, location: no };
        let row = |key: StockKey| item.stock.get(&key).copied().unwrap_or_default();
        let who = (Some(channel.code.as_str()), Fulfilment::Shipping);
        promises.push(promise_of(records, lines, key, row));
        let quantity = channel_figure(records, lines, key, row, who);
        locations.push(Location { location, quantity });
    }
    let buffer = records.buffer(item.no, Some(channel.code.as_str()));
    (channel_total(promises, buffer), locations)
}

fn differs(
    seen: (&Records, &Lines),
    channel: &Channel,
    item: &ItemFigures,
    shadow: &Shadow,
    at: (i64, i64),
    now: Timestamp,
) -> Option<NewFigure> {
    let (total, locations) = figure(seen, channel, item);
    let text = serde_json::to_string(&(total, &locations)).unwrap_or_default();
    if text == shadow.told {
        return None;
    }
    // A decrease that was never sent is still one for the channel, whatever came in between.
    let rank = match shadow.confirmed {
        Some(confirmed) if total < confirmed => rank(total, &locations, &shadow.told).min(1),
        _ => rank(total, &locations, &shadow.told),
    };
    let message = Message::Stock {
        sku: item.sku.clone(),
        quantity: total,
        locations,
        expected: shadow.confirmed,
        at,
    };
    Some(NewFigure {
        id: format!("evt_{}", Uuid::now_v7().as_simple()),
        item: item.no,
        sku: item.sku.clone(),
        message: serde_json::to_string(&message).unwrap_or_default(),
        figure: text,
        total,
        rank,
        due_at: if rank == 2 { now.plus_ms(COALESCE_MS) } else { now },
    })
}

/// Zeros first; what grows nowhere shrinks somewhere and cannot wait; the rest can.
fn rank(total: i64, locations: &[Location], told: &str) -> i64 {
    if total == 0 {
        return 0;
    }
    let Ok((before, of)) = serde_json::from_str::<(i64, Vec<Location>)>(told) else { return 1 };
    let of: BTreeMap<LocationCode, i64> =
        of.into_iter().map(|l| (l.location, l.quantity)).collect();
    let now: BTreeMap<&LocationCode, i64> =
        locations.iter().map(|l| (&l.location, l.quantity)).collect();
    let less = of.iter().any(|(code, units)| now.get(code).copied().unwrap_or(0) < *units);
    if less || total < before { 1 } else { 2 }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(code: &str, quantity: i64) -> Location {
        Location { location: LocationCode::new(code).unwrap(), quantity }
    }

    #[test]
    fn zeros_go_first_and_increases_last() {
        let told = serde_json::to_string(&(5, vec![at("W01", 2), at("S07", 3)])).unwrap();
        let of = |total, locations: &[Location]| rank(total, locations, &told);
        assert_eq!(of(0, &[at("W01", 0), at("S07", 0)]), 0);
        assert_eq!(of(4, &[at("W01", 2), at("S07", 2)]), 1);
        assert_eq!(of(6, &[at("W01", 6), at("S07", 0)]), 1, "one of them shrank");
        assert_eq!(of(5, &[at("W01", 5)]), 1, "one of them is gone");
        assert_eq!(of(6, &[at("W01", 3), at("S07", 3)]), 2);
        assert_eq!(rank(3, &[], ""), 1, "nothing was told yet");
    }
}
