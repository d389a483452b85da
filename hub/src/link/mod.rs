//! Links to stores: which agents are connected to this process, and how fresh each store is.
//!
//! It knows nothing of sockets (http/ does) and decides nothing about stock (the write path does).
//! Losing it costs each agent a Hello.

mod numbers;
mod rejects;
mod said;
mod session;
mod top_up;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, PoisonError};
use std::time::Instant;

use oneshelf_domain::stock::LocationNo;
use oneshelf_domain::{AgentId, limits};
use oneshelf_sync::hub::Freshness;
use tokio_util::sync::CancellationToken;

pub use said::{Said, Settled};
pub use session::{Ended, run};

/// How a store's line looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LinkState {
    /// Answered lately.
    Fresh,
    /// Not lately.
    Stale,
    /// Silent for long.
    Dark,
    /// No agent works there.
    None,
}

impl LinkState {
    /// The word in the API.
    pub const fn name(self) -> &'static str {
        match self {
            LinkState::Fresh => "fresh",
            LinkState::Stale => "stale",
            LinkState::Dark => "dark",
            LinkState::None => "none",
        }
    }
}

#[derive(Debug)]
struct Presence {
    agent: AgentId,
    /// When the last ping that was answered was sent, milliseconds since the start.
    answered: Option<i64>,
    /// Ends the connection that is there now.
    connection: Option<CancellationToken>,
}

/// The registry of this process.
#[derive(Debug)]
pub struct Links {
    started: Instant,
    stores: Mutex<BTreeMap<LocationNo, Presence>>,
    /// Facts that could not be stored.
    failing: rejects::Failing,
    /// Stores with an agent that may connect, from the records.
    expected: Mutex<BTreeSet<LocationNo>>,
}

impl Default for Links {
    fn default() -> Self {
        Self {
            started: Instant::now(),
            stores: Mutex::default(),
            expected: Mutex::default(),
            failing: rejects::Failing::default(),
        }
    }
}

impl Links {
    /// Milliseconds of this process's monotonic clock.
    pub fn now_ms(&self) -> i64 {
        i64::try_from(self.started.elapsed().as_millis()).unwrap_or(i64::MAX)
    }

    /// Which stores have an agent, as the records say.
    pub fn expect(&self, stores: BTreeSet<LocationNo>) {
        *self.expected.lock().unwrap_or_else(PoisonError::into_inner) = stores;
    }

    /// Age of the last answered ping, milliseconds; none when there was none since the start.
    pub fn age_ms(&self, location: LocationNo) -> Option<i64> {
        let stores = self.stores.lock().unwrap_or_else(PoisonError::into_inner);
        let answered = stores.get(&location)?.answered?;
        Some(self.now_ms() - answered)
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

    /// The agent that is connected to a store now.
    pub fn connected(&self, location: LocationNo) -> Option<AgentId> {
        let stores = self.stores.lock().unwrap_or_else(PoisonError::into_inner);
        stores.get(&location).filter(|p| p.connection.is_some()).map(|p| p.agent)
    }

    /// A new connection takes the place of an older one, which is ended.
    fn enter(&self, location: LocationNo, agent: AgentId, end: CancellationToken) {
        let mut stores = self.stores.lock().unwrap_or_else(PoisonError::into_inner);
        let fresh = Presence { agent, answered: None, connection: None };
        let presence = stores.entry(location).or_insert(fresh);
        presence.agent = agent;
        if let Some(older) = presence.connection.replace(end) {
            older.cancel();
        }
    }

    fn answered(&self, location: LocationNo, at: i64) {
        let mut stores = self.stores.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(presence) = stores.get_mut(&location) {
            presence.answered = presence.answered.max(Some(at));
        }
    }

    /// A connection ended; one that took its place stays.
    fn leave(&self, location: LocationNo, end: &CancellationToken) {
        let mut stores = self.stores.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(presence) = stores.get_mut(&location)
            && !end.is_cancelled()
        {
            presence.connection = None;
        }
    }
}
