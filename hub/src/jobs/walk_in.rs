//! Keeps what is known of walk-in demand in step with what registers sell: shares that are `auto`
//! follow it.
//!
//! A record is written only when the share that follows from it is another one, so that a quiet
//! shop writes nothing, and only over the record that was read: a hub that slept in between
//! changes nothing. Invariant: it changes stock by no command of its own; the link tops shares up
//! and stores give back by the records.

use std::collections::BTreeMap;
use std::time::Duration;

use oneshelf_domain::record::{Record, Records, Sold, WalkIn};
use oneshelf_domain::stock::{Command, ItemNo, LocationNo, Versions};
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

/// The job.
pub struct WalkIns {
    store: Store,
    commands: Commands,
    clock: Clock,
    lease: Lease,
}

impl WalkIns {
    /// The job, not running yet.
    pub fn new(store: Store, commands: Commands, clock: Clock, lasts: Duration) -> Self {
        let lease = Lease::new(store.clone(), "walk_in", lasts);
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
        let mut changed = 0;
        for command in changes(&known, &demand) {
            let sent = Submission::by_hub(CommandId(Uuid::now_v7()), command);
            match self.commands.submit(Lane::Bulk, sent).await {
                Ok(_) => changed += 1,
                // A location that is gone meanwhile, or another hub was first; all else is looked
                // at again.
                Err(Failure::Refused(_)) => {}
                Err(failure) => tracing::warn!(?failure, "shares cannot follow now"),
            }
        }
        Ok(changed)
    }
}

/// What must be written so that every share follows: the record of each store where one of them is
/// another one now.
fn changes(known: &Records, demand: &BTreeMap<LocationNo, Demand>) -> Vec<Command> {
    let mut due = vec![];
    for location in known.locations() {
        let now = demand.get(&location.no).map(|demand| of_store(location.no, demand));
        let now = now.filter(|walk_in| !walk_in.sold.is_empty());
        match (known.walk_in(location.no), now) {
            (None, None) => {}
            (Some(_), None) => {
                let key = WalkIn::key(location.no);
                due.push(over(known, &key, Command::RemoveRecord { key: key.clone() }));
            }
            (before, Some(now)) => {
                if before.is_none_or(|before| shares(before) != shares(&now)) {
                    let put = Command::PutRecord { record: Box::new(Record::WalkIn(now)) };
                    due.push(over(known, &WalkIn::key(location.no), put));
                }
            }
        }
    }
    due
}

/// A change of the record that was read, and of no later one.
fn over(known: &Records, key: &str, change: Command) -> Command {
    let (at, not_at) = match known.get_versioned(key) {
        Some((version, _)) => (Some(Versions::These(vec![version])), None),
        None => (None, Some(Versions::Any)),
    };
    Command::OnlyIf { at, not_at, change: Box::new(change) }
}

fn shares(walk_in: &WalkIn) -> Vec<(ItemNo, i64)> {
    walk_in.sold.iter().map(|sold| (sold.item, sold.share(walk_in.hours))).collect()
}

/// The items that have a share by what was sold.
fn of_store(location: LocationNo, demand: &Demand) -> WalkIn {
    let hours =
        demand.hours.max(demand.days * limits::WALK_IN_DAY_HOURS).max(limits::WALK_IN_HOURS_MIN);
    let within = |sold: &Sold| Sold {
        sales: sold.sales.min(limits::QUANTITY_MAX),
        units: sold.units.min(limits::QUANTITY_MAX),
        ..*sold
    };
    let mut sold: Vec<Sold> =
        demand.sold.iter().map(within).filter(|sold| sold.share(hours) > 0).collect();
    sold.sort_by_key(|sold| std::cmp::Reverse(sold.share(hours)));
    sold.truncate(limits::WALK_IN_ITEMS_MAX);
    sold.sort_by_key(|sold| sold.item);
    WalkIn { location, hours, sold }
}

#[cfg(test)]
mod tests {
    use oneshelf_domain::code::LocationCode;
    use oneshelf_domain::stock::Version;

    use super::*;

    fn demand(items: &[(i64, i64)]) -> Demand {
        let of = |(no, n): &(i64, i64)| Sold { item: ItemNo(*no), sales: *n, units: *n };
        Demand { sold: items.iter().map(of).collect(), hours: 400, days: 28 }
    }

    #[test]
    fn a_store_is_written_when_one_of_its_shares_changes() {
        let mut known = Records::default();
        for (no, code) in [(1, "S01"), (2, "S02"), (3, "S03"), (4, "S04")] {
            let json = serde_json::json!({"record": "location", "no": no, "code": code,
                "name": code, "kind": "store", "zone": "UTC"});
            known.put(Version(1), serde_json::from_value(json).unwrap());
            assert_eq!(LocationCode::new(code).unwrap().as_str(), code);
        }
        let old = |no, sold: &[(i64, i64)]| Record::WalkIn(of_store(LocationNo(no), &demand(sold)));
        known.put(Version(1), old(1, &[(7, 20)]));
        known.put(Version(1), old(2, &[(7, 20)]));
        known.put(Version(1), old(3, &[(7, 20)]));
        let mut now = BTreeMap::new();
        now.insert(LocationNo(1), demand(&[(7, 25), (8, 3)]));
        now.insert(LocationNo(2), demand(&[(7, 80)]));
        now.insert(LocationNo(3), demand(&[(7, 3)]));
        now.insert(LocationNo(4), demand(&[(9, 20)]));
        let due: Vec<String> = changes(&known, &now)
            .iter()
            .map(|command| match command {
                Command::OnlyIf { at, not_at, change } => {
                    let of = match (at, not_at) {
                        (Some(Versions::These(at)), None) => format!("{at:?}"),
                        (None, Some(Versions::Any)) => "none".to_owned(),
                        other => panic!("{other:?}"),
                    };
                    match &**change {
                        Command::PutRecord { record } => format!("put {} over {of}", record.key()),
                        Command::RemoveRecord { key } => format!("remove {key} of {of}"),
                        other => panic!("{other:?}"),
                    }
                }
                other => panic!("{other:?}"),
            })
            .collect();
        assert_eq!(
            due,
            [
                "put walk_in/2 over [Version(1)]",
                "remove walk_in/3 of [Version(1)]",
                "put walk_in/4 over none",
            ]
        );
    }
}
