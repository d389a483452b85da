//! How the lines to the stores look to the hub: whose share a channel's figure counts.
//!
//! Of the moment and in memory alone: a restart forgets it. A hint, as in the product's shell.

use std::collections::BTreeMap;

use oneshelf_domain::promise::Lines;
use oneshelf_domain::stock::{LocationNo, StockKey};
use oneshelf_domain::{IncarnationId, limits};
use oneshelf_sync::hub::Freshness;

use super::{Hub, Ring};
use crate::sim::bug::Bug;
use crate::sim::names::STORES;
use crate::sim::scene::Scene;

/// What was heard of the stores.
#[derive(Debug, Clone, Default)]
pub(super) struct Heard {
    /// When the last answered ping was sent, ms.
    answered: BTreeMap<LocationNo, i64>,
    /// Recalls under way: when they were sent, and what the store had returned then.
    asked: BTreeMap<StockKey, (i64, i64)>,
    /// Lives whose logs go on behind facts that the tables do not have and no agent keeps.
    gaps: BTreeMap<LocationNo, IncarnationId>,
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
            let gap = self.gap(location);
            self.ring(scene, Ring::Answered(location, at, gap));
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

    /// An agent keeps what was answered for a while, and a backup may be older than that.
    pub(super) fn look_for_a_gap(&mut self, scene: &mut Scene, connection: u64) {
        let Some(c) = self.connections.get(&connection) else { return };
        let location = c.location;
        let next = c.link.maybe_ahead().filter(|next| {
            let known = self.database.incarnations.get(&next.incarnation);
            let last = known.map_or(0, |i| i.last);
            !known.is_some_and(|i| i.forked) && next.seq > last + 1
        });
        let life = next.map(|next| next.incarnation);
        if life.is_some() && self.gap(location) != life {
            scene.counts.met("a log went on behind what the hub has");
        }
        self.put_gap(location, life.filter(|_| scene.bug != Some(Bug::GapUnseen)));
    }

    /// The life of a store whose agent has dropped facts that the tables do not have.
    pub fn gap(&self, location: LocationNo) -> Option<IncarnationId> {
        self.heard.gaps.get(&location).copied()
    }

    /// What was found of a store's log, here or by another process.
    pub(super) fn put_gap(&mut self, location: LocationNo, life: Option<IncarnationId>) {
        match life {
            Some(life) => _ = self.heard.gaps.insert(location, life),
            None => _ = self.heard.gaps.remove(&location),
        }
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
        let gaps = self.heard.gaps.values().copied().collect();
        let mut lines = Lines { gaps, ..Lines::default() };
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
