//! Jobs: what the hub does by itself, each under a lease, so that of several hubs one does it.
//!
//! A job changes stock only by commands. A lease saves work; what a job does twice has one effect
//! anyway. Invariant: a job never holds a transaction while it waits.

mod retention;
mod timers;
mod walk_in;

use std::time::Duration;

use oneshelf_domain::Timestamp;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::commands::{Clock, Commands};
use crate::store::{Store, StoreError, timers as rows};

pub use retention::{Kept, Retention};
pub use timers::{Round, Timers};
pub use walk_in::WalkIns;

/// How long a lease lasts without being renewed, milliseconds.
const LEASE_MS: i64 = 10_000;

/// Starts all jobs; they end soon after `stop`.
pub fn start(
    store: &Store,
    commands: &Commands,
    clock: &Clock,
    stop: &CancellationToken,
) -> Vec<JoinHandle<()>> {
    let timers = Timers::new(store.clone(), commands.clone(), clock.clone());
    let retention = Retention::new(store.clone(), clock.clone());
    let walk_ins = WalkIns::new(store.clone(), commands.clone(), clock.clone());
    vec![
        tokio::spawn(timers.run(stop.clone())),
        tokio::spawn(retention.run(stop.clone())),
        tokio::spawn(walk_ins.run(stop.clone())),
    ]
}

/// A lease that is renewed when half of it is over.
pub(crate) struct Lease {
    store: Store,
    name: &'static str,
    holder: String,
    until: Timestamp,
}

impl Lease {
    pub(crate) fn new(store: Store, name: &'static str) -> Self {
        let holder = Uuid::now_v7().as_simple().to_string();
        Self { store, name, holder, until: Timestamp(0) }
    }

    /// True when this hub has the job now.
    pub(crate) async fn held(&mut self, now: Timestamp) -> Result<bool, StoreError> {
        // A clock that was set back makes a lease look endless.
        if (LEASE_MS / 2..=LEASE_MS).contains(&self.until.ms_since(now)) {
            return Ok(true);
        }
        let until = now.plus_ms(LEASE_MS);
        let mut tx = self.store.begin_write().await?;
        let fence = rows::take_lease(&mut tx, self.name, &self.holder, now, until).await?;
        tx.commit().await?;
        self.until = if fence.is_some() { until } else { Timestamp(0) };
        Ok(fence.is_some())
    }

    pub(crate) async fn give_up(self) {
        if self.until == Timestamp(0) {
            return;
        }
        let given = async {
            let mut tx = self.store.begin_write().await?;
            rows::give_lease(&mut tx, self.name, &self.holder).await?;
            tx.commit().await
        };
        if let Err(error) = given.await {
            tracing::debug!(%error, lease = self.name, "the lease runs out by itself");
        }
    }
}

/// Waits; false when the hub stops meanwhile.
pub(crate) async fn pause(time: Duration, stop: &CancellationToken) -> bool {
    tokio::select! {
        () = stop.cancelled() => false,
        () = tokio::time::sleep(time) => true,
    }
}
