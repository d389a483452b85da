//! Links to stores: which agents are connected to this process, and what they are asked for.
//!
//! It knows nothing of sockets (http/ does) and decides nothing about stock (the write path does).
//! Losing it costs each agent a Hello.

mod bell;
mod kept;
mod lines;
mod numbers;
pub mod recall;
mod rejects;
mod said;
mod session;
mod top_up;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Instant;

use oneshelf_domain::stock::{LocationNo, StockKey};
use oneshelf_domain::{AgentId, limits};
use recall::Recall;
use tokio::sync::mpsc;
use tokio::sync::{Semaphore, SemaphorePermit, TryAcquireError};
use tokio_util::sync::CancellationToken;

pub use bell::run as ring;
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
    /// What it said last.
    answered: Option<lines::Word>,
    /// The connection that is there now.
    connection: Option<Connection>,
}

#[derive(Debug)]
struct Connection {
    /// Ends it.
    end: CancellationToken,
    /// What its agent is to be asked for.
    recalls: mpsc::Sender<Recall>,
}

/// Recalls that wait for a connection.
const RECALLS_MAX: usize = 256;

/// The registry of this process.
#[derive(Debug)]
pub struct Links {
    started: Instant,
    stores: Mutex<BTreeMap<LocationNo, Presence>>,
    /// Facts that could not be stored.
    failing: rejects::Failing,
    /// Stores with an agent that may connect, from the records.
    expected: Mutex<BTreeSet<LocationNo>>,
    heard: lines::Heard,
    /// The other hubs.
    bell: bell::Bell,
    kept: kept::Kept,
    /// Claims that wait for share.
    waiting: Semaphore,
    /// What they wait for.
    wanted: Mutex<BTreeMap<StockKey, i64>>,
    /// How long, milliseconds.
    wait_ms: AtomicU64,
    /// How far the clock was moved on, milliseconds.
    skipped_ms: AtomicI64,
}

impl Default for Links {
    fn default() -> Self {
        Self {
            started: Instant::now(),
            stores: Mutex::default(),
            expected: Mutex::default(),
            failing: rejects::Failing::default(),
            heard: lines::Heard::default(),
            bell: bell::Bell::default(),
            kept: kept::Kept::default(),
            waiting: Semaphore::new(limits::RECALLS_WAITING_MAX),
            wanted: Mutex::default(),
            wait_ms: AtomicU64::new(limits::RECALL_WAIT_MS.unsigned_abs()),
            skipped_ms: AtomicI64::new(0),
        }
    }
}

impl Links {
    /// Milliseconds of this process's monotonic clock.
    pub fn now_ms(&self) -> i64 {
        let passed = i64::try_from(self.started.elapsed().as_millis()).unwrap_or(i64::MAX);
        passed.saturating_add(self.skipped_ms.load(Ordering::Relaxed))
    }

    /// Moves that clock on, for whoever cannot wait until a line looks stale.
    pub fn skip_ms(&self, ms: i64) {
        self.skipped_ms.fetch_add(ms, Ordering::Relaxed);
    }

    /// Which stores have an agent, as the records say.
    pub fn expect(&self, stores: BTreeSet<LocationNo>) {
        *self.expected.lock().unwrap_or_else(PoisonError::into_inner) = stores;
    }

    /// The agent that is connected to a store now.
    pub fn connected(&self, location: LocationNo) -> Option<AgentId> {
        let stores = self.stores.lock().unwrap_or_else(PoisonError::into_inner);
        stores.get(&location).filter(|p| p.connection.is_some()).map(|p| p.agent)
    }

    /// A new connection takes the place of an older one, which is ended. Gives what its agent is to
    /// be asked for.
    fn enter(
        &self,
        location: LocationNo,
        agent: AgentId,
        end: CancellationToken,
    ) -> mpsc::Receiver<Recall> {
        let (recalls, asked) = mpsc::channel(RECALLS_MAX);
        let mut stores = self.stores.lock().unwrap_or_else(PoisonError::into_inner);
        let fresh = Presence { agent, answered: None, connection: None };
        let presence = stores.entry(location).or_insert(fresh);
        presence.agent = agent;
        if let Some(older) = presence.connection.replace(Connection { end, recalls }) {
            older.end.cancel();
        }
        asked
    }

    /// Ends the connection to a store's agent, whichever hub has it: its life was retired, and it
    /// is to hear of that.
    pub fn cut(&self, location: LocationNo) {
        self.cut_here(location);
        self.bell.cut(location);
    }

    fn cut_here(&self, location: LocationNo) {
        let mut stores = self.stores.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(connection) = stores.get_mut(&location).and_then(|p| p.connection.take()) {
            connection.end.cancel();
            drop(stores);
            self.put_gap(location, None);
        }
    }

    /// How long a claim waits for share from now on, for whoever cannot be hurried.
    pub fn wait_for_share(&self, ms: u64) {
        self.wait_ms.store(ms, Ordering::Relaxed);
    }

    /// Asks a store for share, by whichever hub holds its agent: a connection that is here may be
    /// one that the agent has left. A total may come twice.
    fn recall(&self, recall: Recall) {
        self.recall_here(recall);
        self.bell.recall(recall);
    }

    /// The same where its agent is connected to this hub. One that finds no room is lost: its
    /// deadline passes. Whoever is connected, no policy gives the share away again at once.
    fn recall_here(&self, recall: Recall) {
        self.keep(recall.key);
        let stores = self.stores.lock().unwrap_or_else(PoisonError::into_inner);
        let connection = stores.get(&recall.key.location).and_then(|p| p.connection.as_ref());
        if let Some(connection) = connection {
            let _ = connection.recalls.try_send(recall);
        }
    }

    /// More, or fewer, units are waited for.
    fn want(&self, key: StockKey, units: i64) {
        let mut wanted = self.wanted.lock().unwrap_or_else(PoisonError::into_inner);
        let all = wanted.entry(key).or_default();
        *all += units;
        if *all <= 0 {
            wanted.remove(&key);
        }
    }

    /// Units that all claims wait for.
    fn wanted(&self, key: StockKey) -> i64 {
        let wanted = self.wanted.lock().unwrap_or_else(PoisonError::into_inner);
        wanted.get(&key).copied().unwrap_or(0)
    }

    /// Room for one more claim that waits for share.
    fn room_to_wait(&self) -> Result<SemaphorePermit<'_>, TryAcquireError> {
        self.waiting.try_acquire()
    }

    /// A connection ended; one that took its place stays.
    fn leave(&self, location: LocationNo, end: &CancellationToken) {
        let mut stores = self.stores.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(presence) = stores.get_mut(&location)
            && !end.is_cancelled()
        {
            presence.connection = None;
            drop(stores);
            // Whoever has it next hears it say so again.
            self.put_gap(location, None);
        }
    }
}
