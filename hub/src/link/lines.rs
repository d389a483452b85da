//! How the lines to all stores look from this hub: who answered when, what was recalled in vain.
//!
//! Freshness is a hint for figures (shares.md section 7); nothing that is promised rests on it.
//! Volatile: after a start every store is stale, not dark, until it had time to connect.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, PoisonError};

use oneshelf_domain::promise::Lines;
use oneshelf_domain::stock::{LocationNo, StockKey};
use oneshelf_domain::{IncarnationId, limits};
use oneshelf_sync::hub::Freshness;

use super::{LinkState, Links};

/// How old the common view may be, milliseconds.
const VIEW_MS: i64 = 100;

/// What a store said with its answer to a ping.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Word {
    /// When the ping left, milliseconds of this process's clock.
    pub at: i64,
    /// Facts that waited in the agent's log.
    pub waiting: Option<i64>,
}

/// See the module.
#[derive(Debug, Default)]
pub(super) struct Heard {
    /// Stores that another hub of the database serves.
    elsewhere: Mutex<BTreeMap<LocationNo, Word>>,
    /// Recalls that went unanswered, and when.
    late: Mutex<BTreeMap<StockKey, i64>>,
    /// Lives whose log goes on behind what the hub has, by their store; whoever holds the agent
    /// tells the other hubs.
    gaps: Mutex<BTreeMap<LocationNo, IncarnationId>>,
    /// The last view and when it was made.
    view: Mutex<Option<(i64, Arc<Lines>)>>,
}

impl Heard {
    fn forget_view(&self) {
        *self.view.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }
}

impl Links {
    /// Age of the last answered ping, milliseconds, whichever hub it was that pinged; none when
    /// there was none since the start.
    pub fn age_ms(&self, location: LocationNo) -> Option<i64> {
        Some(self.now_ms() - self.last_word(location)?.at)
    }

    /// Facts that waited in the log of a store's agent when it answered last.
    pub fn waiting(&self, location: LocationNo) -> Option<i64> {
        self.last_word(location)?.waiting
    }

    fn last_word(&self, location: LocationNo) -> Option<Word> {
        let here = {
            let stores = self.stores.lock().unwrap_or_else(PoisonError::into_inner);
            stores.get(&location).and_then(|p| p.answered)
        };
        let elsewhere = self.heard.elsewhere.lock().unwrap_or_else(PoisonError::into_inner);
        here.max(elsewhere.get(&location).copied())
    }

    /// How the store's line looks now.
    pub fn state(&self, location: LocationNo) -> LinkState {
        let expected = self.expected.lock().unwrap_or_else(PoisonError::into_inner);
        if !expected.contains(&location) {
            return LinkState::None;
        }
        drop(expected);
        // After a start nothing is known yet: stale, not dark, until it had time to connect.
        let grace =
            if self.now_ms() <= limits::FRESH_MS { LinkState::Stale } else { LinkState::Dark };
        match self.age_ms(location).map(Freshness::of) {
            None => grace,
            Some(Freshness::Fresh) => LinkState::Fresh,
            Some(Freshness::Stale) => LinkState::Stale,
            Some(Freshness::Dark) => LinkState::Dark,
        }
    }

    /// All lines, as of a moment ago at most.
    pub fn lines(&self) -> Arc<Lines> {
        let now = self.now_ms();
        let mut view = self.heard.view.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((at, lines)) = &*view
            && now - at < VIEW_MS
        {
            return Arc::clone(lines);
        }
        let made = Arc::new(self.look());
        *view = Some((now, Arc::clone(&made)));
        made
    }

    fn look(&self) -> Lines {
        let expected: BTreeSet<LocationNo> = {
            let expected = self.expected.lock().unwrap_or_else(PoisonError::into_inner);
            expected.clone()
        };
        let mut lines = Lines::default();
        for location in expected {
            if self.now_ms() <= limits::FRESH_MS && self.last_word(location).is_none() {
                lines.unheard.insert(location);
            }
            match self.state(location) {
                LinkState::Fresh => _ = lines.fresh.insert(location),
                LinkState::Dark => _ = lines.dark.insert(location),
                LinkState::Stale | LinkState::None => {}
            }
        }
        let late = self.heard.late.lock().unwrap_or_else(PoisonError::into_inner);
        lines.late = late.keys().copied().collect();
        let gaps = self.heard.gaps.lock().unwrap_or_else(PoisonError::into_inner);
        lines.gaps = gaps.values().copied().collect();
        lines
    }

    /// The life of a store whose agent has dropped facts that this hub does not have.
    pub fn gap(&self, location: LocationNo) -> Option<IncarnationId> {
        let gaps = self.heard.gaps.lock().unwrap_or_else(PoisonError::into_inner);
        gaps.get(&location).copied()
    }

    /// What was found of a store's log. True when that is news.
    pub(super) fn put_gap(&self, location: LocationNo, life: Option<IncarnationId>) -> bool {
        let mut gaps = self.heard.gaps.lock().unwrap_or_else(PoisonError::into_inner);
        let before = match life {
            Some(life) => gaps.insert(location, life),
            None => gaps.remove(&location),
        };
        drop(gaps);
        if before != life {
            self.heard.forget_view();
        }
        before != life
    }

    /// A store answered a ping.
    pub(super) fn answered(&self, location: LocationNo, word: Word) {
        {
            let mut stores = self.stores.lock().unwrap_or_else(PoisonError::into_inner);
            if let Some(presence) = stores.get_mut(&location) {
                presence.answered = presence.answered.max(Some(word));
            }
        }
        self.on_time(location, word.at);
        let gap = self.gap(location);
        self.bell.answered(location, self.now_ms() - word.at, word.waiting, gap);
    }

    /// A store answered another hub, whose ping left so long ago.
    pub(super) fn answered_elsewhere(
        &self,
        location: LocationNo,
        age_ms: i64,
        waiting: Option<i64>,
    ) {
        let at = self.now_ms() - age_ms.max(0);
        let word = Word { at, waiting };
        {
            let mut all = self.heard.elsewhere.lock().unwrap_or_else(PoisonError::into_inner);
            let known = all.entry(location).or_insert(word);
            *known = word.max(*known);
        }
        self.on_time(location, at);
    }

    /// What was missed before this ping left is forgiven.
    fn on_time(&self, location: LocationNo, at: i64) {
        let mut late = self.heard.late.lock().unwrap_or_else(PoisonError::into_inner);
        late.retain(|key, missed| key.location != location || *missed > at);
        drop(late);
        self.heard.forget_view();
    }

    /// A recall went unanswered: the item's figure there counts no share until the next ping that
    /// leaves from now on is answered.
    pub(super) fn missed(&self, key: StockKey) {
        self.missed_here(key);
        self.bell.late(key);
    }

    /// The same, as another hub saw it.
    pub(super) fn missed_here(&self, key: StockKey) {
        let now = self.now_ms();
        let mut late = self.heard.late.lock().unwrap_or_else(PoisonError::into_inner);
        late.insert(key, now);
        drop(late);
        self.heard.forget_view();
    }
}

#[cfg(test)]
mod tests {
    use oneshelf_domain::stock::ItemNo;

    use super::*;

    #[test]
    fn a_missed_recall_counts_until_a_later_ping_is_answered() {
        let links = Links::default();
        let location = LocationNo(7);
        let key = StockKey { item: ItemNo(1), location };
        links.expect([location].into());
        assert_eq!(links.state(location), LinkState::Stale, "after a start");
        assert!(links.lines().unheard.contains(&location));
        links.answered_elsewhere(location, 10, None);
        assert!(links.lines().counts(key));
        assert!(!links.lines().unheard.contains(&location));
        links.missed(key);
        assert!(!links.lines().counts(key));
        links.answered_elsewhere(location, 1_000, None);
        assert!(!links.lines().counts(key), "that ping left before");
        links.heard.late.lock().unwrap().insert(key, -10);
        links.answered_elsewhere(location, 5, None);
        assert!(links.lines().counts(key));
    }
}
