//! What stores' registers sold since a version, for shares that follow the walk-in demand.

use std::collections::BTreeMap;

use oneshelf_domain::record::Sold;
use oneshelf_domain::stock::{ItemNo, LocationNo, Version};

use crate::store::{Store, StoreError, on};

/// Sales behind a version, by store.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Demand {
    /// By item, in the order of their numbers. A line is one sale, from however many places its
    /// units came.
    pub sold: Vec<Sold>,
    /// Hours of the clock in which anything was sold.
    pub hours: i64,
    /// Days of it.
    pub days: i64,
}

/// Reads all stores of one moment.
///
/// # Errors
/// When the database does not answer.
pub async fn since(
    store: &Store,
    after: Version,
) -> Result<BTreeMap<LocationNo, Demand>, StoreError> {
    let mut tx = store.read().await?;
    let sold = "select from_location, item, count(distinct version), cast(sum(quantity) as bigint)
        from movement where version > $1 and reason = 'sale'
        group by from_location, item order by from_location, item";
    let rows: Vec<(i64, i64, i64, i64)> =
        on!(&mut tx, conn => sqlx::query_as(sold).bind(after.0).fetch_all(conn).await)?;
    let open = "select m.from_location,
            count(distinct coalesce(l.occurred_at, l.recorded_at) / 3600000000),
            count(distinct coalesce(l.occurred_at, l.recorded_at) / 86400000000)
        from movement m join ledger l on l.version = m.version
        where m.version > $1 and m.reason = 'sale' group by m.from_location";
    let open: Vec<(i64, i64, i64)> =
        on!(&mut tx, conn => sqlx::query_as(open).bind(after.0).fetch_all(conn).await)?;
    tx.rollback().await?;
    let mut all: BTreeMap<LocationNo, Demand> = BTreeMap::new();
    for (location, item, sales, units) in rows {
        let sold = Sold { item: ItemNo(item), sales, units };
        all.entry(LocationNo(location)).or_default().sold.push(sold);
    }
    for (location, hours, days) in open {
        let demand = all.entry(LocationNo(location)).or_default();
        (demand.hours, demand.days) = (hours, days);
    }
    Ok(all)
}
