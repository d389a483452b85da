//! The only write path: whoever wants to change the hub hands a command in here.
//!
//! Commands wait in three bounded queues; one writer task takes what waits, decides it against
//! one state and stores it in one transaction (group commit, without lingering). Nothing is
//! answered before its own commit. It knows no transport.

mod attempt;
mod batch;
mod queue;
mod weight;
mod writer;

use std::sync::Arc;

use oneshelf_domain::promise::Lines;
use oneshelf_domain::stock::{Outcome, Version};
use oneshelf_domain::{Refusal, Timestamp};
use oneshelf_sync::plan::{Reply, Submission};
use tokio::sync::{oneshot, watch};
use tokio::task::JoinHandle;

use crate::store::{Disk, Store};
use queue::Queue;

/// How the lines to the stores look now: what a channel may be promised depends on it.
pub type LinesNow = Arc<dyn Fn() -> Arc<Lines> + Send + Sync>;

/// The hub's wall clock.
pub type Clock = Arc<dyn Fn() -> Timestamp + Send + Sync>;

/// Where a command waits. When all have work they are served 8 : 4 : 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lane {
    /// People and shops wait for it.
    Interactive,
    /// Stores' agents.
    Agents,
    /// Imports and sweeps.
    Bulk,
}

impl Lane {
    /// All lanes, in the order of their shares.
    pub const ALL: [Lane; 3] = [Lane::Interactive, Lane::Agents, Lane::Bulk];

    /// The name in metrics.
    pub const fn name(self) -> &'static str {
        match self {
            Lane::Interactive => "interactive",
            Lane::Agents => "agents",
            Lane::Bulk => "bulk",
        }
    }
}

/// A command was accepted and is durable.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Accepted {
    /// The answer.
    pub outcome: Outcome,
    /// The version it got; none when nothing changed.
    pub version: Option<Version>,
    /// It was accepted before.
    pub replayed: bool,
}

/// A command had no effect, or nobody knows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Failure {
    /// A rule says no.
    Refused(Refusal),
    /// Not now; the sender tries again.
    NotNow(&'static str),
    /// Too many commands wait; it was not taken in.
    Busy,
    /// It could not be stored, or whether it was is not known; the same id may be sent again.
    Internal,
    /// The hub stops; it was not taken in.
    Stopping,
    /// The disk is full: it had no effect.
    StorageFull,
    /// The disk failed: whether it was stored is not known. The same id may be sent again.
    StorageFailed,
}

/// What a command is answered.
pub type Answer = Result<Accepted, Failure>;

/// The way to the writer; clones share it.
#[derive(Clone)]
pub struct Commands {
    queue: Arc<Queue>,
    store: Store,
    ended: watch::Receiver<bool>,
}

impl Commands {
    /// Starts the writer task of a program that no store connects to. `committed` gets the newest
    /// version after each commit that made one.
    pub fn start(
        store: Store,
        clock: Clock,
        committed: watch::Sender<Version>,
    ) -> (Self, JoinHandle<()>) {
        let none = Arc::new(Lines::default());
        Self::start_with(store, clock, committed, Arc::new(move || Arc::clone(&none)))
    }

    /// The same, where stores are connected.
    pub fn start_with(
        store: Store,
        clock: Clock,
        committed: watch::Sender<Version>,
        lines: LinesNow,
    ) -> (Self, JoinHandle<()>) {
        let queue = Arc::new(Queue::default());
        let (end, ended) = watch::channel(false);
        let seen = (clock, lines);
        let task = tokio::spawn(writer::run(store.clone(), seen, committed, queue.clone(), end));
        (Self { queue, store, ended }, task)
    }

    /// Hands a command in and waits for its answer, which leaves after its commit. A caller that
    /// goes away meanwhile does not take the command back.
    ///
    /// # Errors
    /// [`Failure`] says why it had no effect.
    pub async fn submit(&self, lane: Lane, submission: Submission) -> Answer {
        // Without an answer the writer ended while it had the command: nobody knows.
        self.enqueue(lane, submission)?.await.unwrap_or(Err(Failure::Internal))
    }

    /// Hands a command in; commands of a lane are decided in this order. While the disk is full
    /// what is left of it is kept for what has happened in stores.
    ///
    /// # Errors
    /// [`Failure::Busy`], [`Failure::Stopping`] or [`Failure::StorageFull`]: it was not taken in.
    pub fn enqueue(
        &self,
        lane: Lane,
        submission: Submission,
    ) -> Result<oneshot::Receiver<Answer>, Failure> {
        if lane != Lane::Agents && self.store.disk() == Disk::Full {
            return Err(Failure::StorageFull);
        }
        self.queue.put(lane, submission)
    }

    /// Takes no more commands in, answers those that wait, then the writer ends.
    pub async fn stop(&self) {
        self.queue.stop();
        let mut ended = self.ended.clone();
        // An error says that the task is gone: it has ended too.
        let _ = ended.wait_for(|ended| *ended).await;
    }
}

fn answer(reply: Reply) -> Answer {
    match reply {
        Reply::Accepted { outcome, version, replayed } => {
            Ok(Accepted { outcome, version, replayed })
        }
        Reply::Refused(refusal) => Err(Failure::Refused(refusal)),
        Reply::NotNow(why) => Err(Failure::NotNow(why)),
    }
}
