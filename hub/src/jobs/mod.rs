//! Jobs: what the hub does by itself, each under a lease, so that of several hubs one does it.
//!
//! A job changes stock only by commands, which have one effect however often they are sent: their
//! ids follow from what they are for, or they name the version that they change. Whatever else it
//! writes, it writes under its fence: a hub that slept through the end of its lease and wakes up in
//! the middle of a job writes nothing any more (docs/decisions/0014). Invariant: a job never holds
//! a transaction while it waits.

mod retention;
mod timers;
mod walk_in;

use std::time::Duration;

use oneshelf_domain::Timestamp;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::app::App;
use crate::store::leases::{self, Fence};
use crate::store::{Store, StoreError, Tx};

pub use retention::{Kept, Retention};
pub use timers::{Round, Timers};
pub use walk_in::WalkIns;

/// How long a lease lasts without being renewed, where nobody says another time.
pub const LEASE: Duration = Duration::from_secs(10);

/// Starts all jobs; they end soon after the hub's stop.
pub fn start(app: &App) -> Vec<JoinHandle<()>> {
    let (store, commands, clock, stop) = (&app.store, &app.commands, &app.clock, &app.stop);
    let timers = Timers::new(store.clone(), commands.clone(), clock.clone(), app.lease);
    let retention = Retention::new(store.clone(), clock.clone(), app.lease);
    let walk_ins = WalkIns::new(store.clone(), commands.clone(), clock.clone(), app.lease);
    vec![
        tokio::spawn(timers.run(stop.clone())),
        tokio::spawn(retention.run(stop.clone())),
        tokio::spawn(walk_ins.run(stop.clone())),
    ]
}

/// A lease that is renewed when half of it is over.
pub(crate) struct Lease {
    store: Store,
    holder: String,
    lasts_ms: i64,
    fence: Fence,
}

impl Lease {
    pub(crate) fn new(store: Store, name: &'static str, lasts: Duration) -> Self {
        // Whoever looks at the table sees which process has the job.
        let holder = format!("{}-{}", std::process::id(), Uuid::now_v7().as_simple());
        let lasts_ms = i64::try_from(lasts.as_millis()).unwrap_or(i64::MAX);
        Self { store, holder, lasts_ms, fence: Fence { name, number: 0, until: Timestamp(0) } }
    }

    pub(crate) fn of(app: &App, name: &'static str) -> Self {
        Self::new(app.store.clone(), name, app.lease)
    }

    /// True when this hub has the job now.
    pub(crate) async fn held(&mut self, now: Timestamp) -> Result<bool, StoreError> {
        // A clock that was set back makes a lease look endless.
        if (self.lasts_ms / 2..=self.lasts_ms).contains(&self.fence.until.ms_since(now)) {
            return Ok(true);
        }
        let (name, until) = (self.fence.name, now.plus_ms(self.lasts_ms));
        let mut tx = self.store.begin_write().await?;
        let taken = leases::take(&mut tx, name, &self.holder, now, until).await?;
        tx.commit().await?;
        let Some(number) = taken else {
            self.fence.until = Timestamp(0);
            return Ok(false);
        };
        if number != self.fence.number {
            tracing::info!(job = name, fence = number, "this hub does this job now");
        }
        self.fence = Fence { name, number, until };
        Ok(true)
    }

    /// What the job writes with now.
    pub(crate) fn fence(&self) -> Fence {
        self.fence
    }

    /// A writing transaction of the job; none when another hub has it meanwhile.
    pub(crate) async fn write(&self) -> Result<Option<Tx>, StoreError> {
        self.fence.write(&self.store).await
    }

    /// The longest wait of a job that keeps its lease by looking.
    pub(crate) fn look(&self, longest: Duration) -> Duration {
        longest.min(Duration::from_millis(self.lasts_ms.unsigned_abs() / 4))
    }

    pub(crate) async fn give_up(self) {
        if self.fence.until == Timestamp(0) {
            return;
        }
        let given = async {
            let mut tx = self.store.begin_write().await?;
            leases::give(&mut tx, self.fence.name, &self.holder).await?;
            tx.commit().await
        };
        if let Err(error) = given.await {
            tracing::debug!(%error, lease = self.fence.name, "the lease runs out by itself");
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
