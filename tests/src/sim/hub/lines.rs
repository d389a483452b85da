//! How the lines to the stores look to the hub: whose share a channel's figure counts.
//!
//! Of the moment and in memory alone: a restart forgets it. A hint, as in the product's shell.

use std::collections::BTreeMap;

use oneshelf_domain::limits;
use oneshelf_domain::promise::Lines;
use oneshelf_domain::stock::{LocationNo, StockKey};
use oneshelf_sync::hub::Freshness;

use super::{Hub, Ring};
use crate::sim::names::STORES;
use crate::sim::scene::Scene;

/// What was heard of the stores.
#[derive(Debug, Clone, Default)]
pub(super) struct Heard {
    /// When the last answered ping was sent, ms.
    answered: BTreeMap<LocationNo, i64>,
    /// Recalls under way: when they were sent, and what the store had returned then.
    asked: BTreeMap<StockKey, (i64, i64)>,
    /// When the hub was started.
    since: i64,
}

impl Heard {
    /// Nothing, from this moment on.
    pub fn since(now: i64) -> Self {
        Self { since: now, ..Self::default() }
    }
}

impl Hub {
    /// A connection has said something; it may have been the answer to a ping.
    pub(super) fn hears(&mut self, scene: &mut Scene, connection: u64) {
        let Some(c) = self.connections.get(&connection) else { return };
        let (location, Some(at)) = (c.location, c.link.answered()) else { return };
        if self.heard.answered.get(&location).is_none_or(|known| *known < at) {
            self.ring(scene, Ring::Answered(location, at));
        }
        self.answered_elsewhere(location, at);
    }

    /// A store has answered a ping that left then, whoever asked.
    pub(super) fn answered_elsewhere(&mut self, location: LocationNo, at: i64) {
        let known = self.heard.answered.entry(location).or_insert(at);
        *known = at.max(*known);
        // What it was asked before that ping is no longer held against it.
        self.heard.asked.retain(|key, (asked, _)| key.location != location || *asked >= at);
    }

    /// A store is asked for share, of which it has returned so much.
    pub(super) fn asks_for(&mut self, key: StockKey, now: i64, returned: i64) {
        self.heard.asked.entry(key).or_insert((now, returned));
    }

    /// A store answered lately, as far as this process has heard.
    pub fn is_fresh(&self, location: LocationNo, now: i64) -> bool {
        self.lines(now).fresh.contains(&location)
    }

    /// How all lines look now.
    pub(super) fn lines(&self, now: i64) -> Lines {
        let mut lines = Lines::default();
        for location in self.numbers.places.iter().take(STORES) {
            let answered = self.heard.answered.get(location);
            let age = now - answered.copied().unwrap_or(self.heard.since);
            match Freshness::of(age) {
                Freshness::Fresh if answered.is_some() => _ = lines.fresh.insert(*location),
                Freshness::Dark => _ = lines.dark.insert(*location),
                _ => {}
            }
        }
        let late = |key: &StockKey, asked: i64, before: i64| {
            let here = self.database.shares.iter().filter(|((_, at), _)| at == key);
            let returned: i64 = here.map(|(_, share)| share.returned).sum();
            now - asked > limits::RECALL_WAIT_MS && returned <= before
        };
        let asked = self.heard.asked.iter();
        let late = asked.filter(|(key, (at, before))| late(key, *at, *before));
        lines.late = late.map(|(key, _)| *key).collect();
        lines
    }
}
