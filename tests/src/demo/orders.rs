//! The web's demand: a bounded stream of orders, each claimed at the warehouse and shipped, and
//! now and then a hold at a store.
//!
//! One order after the other, so that the hub is never asked more than it can answer.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use super::catalogue::Order;
use super::hub::Hub;

/// How often an order comes in.
const PACE: Duration = Duration::from_millis(1_500);
/// Orders of one run.
const ORDERS_MAX: usize = 2_000;
/// How long a hold at a store lives, seconds.
const HOLD_S: i64 = 300;

/// What came of them.
#[derive(Debug, Default)]
pub struct Tally {
    /// Orders and holds that were claimed.
    pub placed: AtomicU64,
    /// Orders that left the warehouse.
    pub shipped: AtomicU64,
    /// Not enough stock.
    pub refused: AtomicU64,
}

/// Sends orders until there are no more.
pub async fn run(
    hub: Hub,
    orders: Vec<Order>,
    warehouse: String,
    stores: Vec<String>,
    run: u64,
    tally: Arc<Tally>,
) {
    let mut pace = tokio::time::interval(PACE);
    pace.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    for (at, order) in orders.iter().cycle().take(ORDERS_MAX.min(orders.len() * 4)).enumerate() {
        pace.tick().await;
        let key = format!("{}-{run}-{at}", order.reference);
        let placed = if at % 5 == 4 && !stores.is_empty() {
            hold(&hub, &key, order, &stores[at / 5 % stores.len()]).await
        } else {
            ship(&hub, &key, order, &warehouse, &tally).await
        };
        match placed {
            Ok(true) => tally.placed.fetch_add(1, Ordering::Relaxed),
            Ok(false) => tally.refused.fetch_add(1, Ordering::Relaxed),
            Err(error) => {
                tracing::warn!(%error, "an order found no hub");
                continue;
            }
        };
    }
}

async fn ship(
    hub: &Hub,
    key: &str,
    order: &Order,
    warehouse: &str,
    tally: &Tally,
) -> anyhow::Result<bool> {
    let Some(id) = hub.reserve(key, warehouse, &order.lines, Some(900)).await? else {
        return Ok(false);
    };
    for step in ["commit", "pick", "hand-over"] {
        if !hub.step(&id, step).await? {
            return Ok(true);
        }
    }
    tally.shipped.fetch_add(1, Ordering::Relaxed);
    Ok(true)
}

async fn hold(hub: &Hub, key: &str, order: &Order, store: &str) -> anyhow::Result<bool> {
    let line: Vec<_> = order.lines.iter().take(1).map(|(sku, _)| (sku.clone(), 1)).collect();
    Ok(hub.reserve(key, store, &line, Some(HOLD_S)).await?.is_some())
}
