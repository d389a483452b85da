//! Keeps what is known of walk-in demand in step with what registers sell: shares that are `auto`
//! follow it.
//!
//! A record is written only when the share that follows from it is another one, so that a quiet
//! shop writes nothing. Invariant: it changes stock by no command of its own; the link tops shares
//! up and stores give back by the records.

use std::collections::BTreeMap;
use std::time::Duration;

use futures_util::future::join_all;
use oneshelf_domain::record::{Record, Records, WalkIn};
use oneshelf_domain::stock::{Command, StockKey};
use oneshelf_domain::{CommandId, limits};
use oneshelf_sync::plan::Submission;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::{Lease, pause};
use crate::commands::{Clock, Commands, Failure, Lane};
use crate::store::read::walk_in::{self, Demand};
use crate::store::{Store, StoreError, moment, records};

/// Before the first look.
const FIRST: Duration = Duration::from_secs(600);
/// Between two looks.
const EVERY: Duration = Duration::from_secs(3_600);
/// Commands on their way at once.
const TOGETHER: usize = 64;

/// The job.
pub struct WalkIns {
    store: Store,
    commands: Commands,
    clock: Clock,
    lease: Lease,
}

impl WalkIns {
    /// The job, not running yet.
    pub fn new(store: Store, commands: Commands, clock: Clock) -> Self {
        let lease = Lease::new(store.clone(), "walk_in");
        Self { store, commands, clock, lease }
    }

    /// Runs until it is stopped.
    pub async fn run(mut self, stop: CancellationToken) {
        let mut wait = FIRST;
        while pause(wait, &stop).await {
            wait = EVERY;
            let now = (self.clock)();
            match self.lease.held(now).await {
                Ok(true) => match self.round().await {
                    Ok(0) => {}
                    Ok(changed) => tracing::info!(changed, "shares follow the walk-in demand"),
                    Err(error) => tracing::warn!(%error, "walk-in demand cannot be read now"),
                },
                Ok(false) => {}
                Err(error) => tracing::warn!(%error, "a lease cannot be had now"),
            }
        }
        self.lease.give_up().await;
    }

    /// One look; how many records changed.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn round(&self) -> Result<usize, StoreError> {
        let since = (self.clock)().plus_ms(-limits::WALK_IN_MS);
        let mut tx = self.store.read().await?;
        let after = moment::version_at(&mut tx, since).await?;
        let mut known = Records::default();
        records::catch_up(&mut tx, &mut known, oneshelf_domain::stock::Version(0)).await?;
        tx.rollback().await?;
        let demand = walk_in::since(&self.store, after).await?;
        let due = changes(&known, &demand);
        let mut changed = 0;
        for some in due.chunks(TOGETHER) {
            let sent = some.iter().map(|command| self.commands.submit(Lane::Bulk, sent(command)));
            for answer in join_all(sent).await {
                match answer {
                    Ok(_) => changed += 1,
                    // An item that is gone meanwhile; all else is looked at again.
                    Err(Failure::Refused(_)) => {}
                    Err(failure) => tracing::warn!(?failure, "a share cannot follow now"),
                }
            }
        }
        Ok(changed)
    }
}

fn sent(command: &Command) -> Submission {
    Submission {
        id: CommandId(Uuid::now_v7()),
        principal: "hub".to_owned(),
        actor: "hub".to_owned(),
        on_behalf_of: None,
        keyed: false,
        command: command.clone(),
    }
}

/// What must be written so that every share follows.
fn changes(known: &Records, demand: &Demand) -> Vec<Command> {
    let mut due = BTreeMap::new();
    for (key, sold) in &demand.sold {
        let hours = demand.hours.get(&key.location).copied().unwrap_or(0);
        let walk_in = WalkIn {
            item: key.item,
            location: key.location,
            sales: sold.sales,
            units: sold.units.min(limits::QUANTITY_MAX),
            hours: hours.max(limits::WALK_IN_HOURS_MIN),
        };
        let before = known.walk_in(key.location, key.item).map_or(0, WalkIn::share);
        if walk_in.share() != before && walk_in.share() > 0 {
            let record = Box::new(Record::WalkIn(walk_in));
            due.insert(*key, Command::PutRecord { record });
        }
    }
    for (_, record) in known.of_kind("walk_in") {
        let Record::WalkIn(w) = record else { continue };
        let key = StockKey { item: w.item, location: w.location };
        let now = demand.sold.get(&key).map_or(0, |sold| {
            let hours = demand.hours.get(&key.location).copied().unwrap_or(0);
            let hours = hours.max(limits::WALK_IN_HOURS_MIN);
            WalkIn { sales: sold.sales, units: sold.units, hours, ..w.clone() }.share()
        });
        if now == 0 {
            due.insert(key, Command::RemoveRecord { key: record.key() });
        }
    }
    due.into_values().collect()
}

#[cfg(test)]
mod tests {
    use oneshelf_domain::stock::{ItemNo, LocationNo, Version};

    use super::*;
    use crate::store::read::walk_in::Sold;

    #[test]
    fn only_shares_that_change_are_written() {
        let location = LocationNo(1);
        let key = |item| StockKey { item: ItemNo(item), location };
        let mut demand = Demand::default();
        demand.hours.insert(location, 400);
        demand.sold.insert(key(1), Sold { sales: 20, units: 20 });
        demand.sold.insert(key(2), Sold { sales: 5, units: 5 });
        demand.sold.insert(key(3), Sold { sales: 80, units: 80 });
        let mut known = Records::default();
        let old =
            |item, sales| WalkIn { item: ItemNo(item), location, sales, units: sales, hours: 400 };
        known.put(Version(1), Record::WalkIn(old(1, 25)));
        known.put(Version(1), Record::WalkIn(old(2, 30)));
        known.put(Version(1), Record::WalkIn(old(4, 30)));
        let due = changes(&known, &demand);
        let [two, three, four] = due.as_slice() else { panic!("{due:?}") };
        assert!(matches!(two, Command::RemoveRecord { key } if key == "walk_in/1/2"));
        assert!(matches!(three, Command::PutRecord { .. }));
        assert!(matches!(four, Command::RemoveRecord { key } if key == "walk_in/1/4"));
    }
}
