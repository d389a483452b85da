//! The feed: which stock rows changed, told to every subscriber of this process.
//!
//! It knows nothing of channels or display policies. A subscriber that lags is told so and reads
//! its items again.

use std::collections::BTreeSet;
use std::sync::Arc;

use oneshelf_domain::stock::ItemNo;
use tokio::sync::broadcast;
use tokio_util::sync::CancellationToken;

use crate::follow::Follow;
use crate::store::read::changes;
use crate::store::{Store, StoreError};

/// Changes that a slow subscriber may lag behind before it reads its items again.
const LAG_MAX: usize = 256;
/// Changed items of one tick; beyond that everything counts as changed.
const ITEMS_MAX: usize = 5_000;

/// Something changed.
#[derive(Debug, Clone)]
pub struct Tick {
    /// Everything up to this version is included.
    pub upto: i64,
    /// The items whose stock changed; none: any item may have.
    pub items: Option<Arc<BTreeSet<ItemNo>>>,
}

/// The handle.
#[derive(Debug, Clone)]
pub struct Feed(broadcast::Sender<Tick>);

impl Feed {
    /// Starts reading; ends with the token.
    pub fn start(store: Store, follow: Follow, stop: CancellationToken) -> Self {
        let (sender, _) = broadcast::channel(LAG_MAX);
        let feed = Self(sender);
        let out = feed.clone();
        tokio::spawn(async move { out.read(&store, &follow, &stop).await });
        feed
    }

    /// Told from now on.
    pub fn subscribe(&self) -> broadcast::Receiver<Tick> {
        self.0.subscribe()
    }

    async fn read(&self, store: &Store, follow: &Follow, stop: &CancellationToken) {
        let mut seen = follow.subscribe();
        let mut before = seen.borrow_and_update().clone();
        loop {
            tokio::select! {
                () = stop.cancelled() => return,
                changed = seen.changed() => if changed.is_err() { return },
            }
            let now = seen.borrow_and_update().clone();
            let settings = !Arc::ptr_eq(&now.records, &before.records);
            let items = if settings || now.epoch != before.epoch || self.0.receiver_count() == 0 {
                None
            } else {
                changed_items(store, before.version.0, now.version.0).await.unwrap_or_else(|e| {
                    tracing::warn!(error = %e, "live stock cannot read what changed");
                    None
                })
            };
            before = now.clone();
            // Nobody listening is no error.
            let _ = self.0.send(Tick { upto: now.version.0, items });
        }
    }
}

async fn changed_items(
    store: &Store,
    after: i64,
    upto: i64,
) -> Result<Option<Arc<BTreeSet<ItemNo>>>, StoreError> {
    let items = changes::items_changed(store, after, upto, ITEMS_MAX + 1).await?;
    Ok((items.len() <= ITEMS_MAX).then(|| Arc::new(items)))
}
