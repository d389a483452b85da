//! What stores' registers sold since a version, for shares that follow the walk-in demand.

use std::collections::BTreeMap;

use oneshelf_domain::stock::{ItemNo, LocationNo, StockKey, Version};

use crate::store::{Store, StoreError, on};

/// Sales of an item at a store.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Sold {
    /// How often.
    pub sales: i64,
    /// Units.
    pub units: i64,
}

/// Sales behind a version, and in how many hours of the clock each store sold anything.
#[derive(Debug, Default)]
pub struct Demand {
    /// By item and store.
    pub sold: BTreeMap<StockKey, Sold>,
    /// By store.
    pub hours: BTreeMap<LocationNo, i64>,
}

/// Reads both of one moment.
///
/// # Errors
/// When the database does not answer.
pub async fn since(store: &Store, after: Version) -> Result<Demand, StoreError> {
    let mut tx = store.read().await?;
    let sold = "select from_location, item, count(*), cast(sum(quantity) as bigint)
        from movement where version > $1 and reason = 'sale' group by from_location, item";
    let rows: Vec<(i64, i64, i64, i64)> =
        on!(&mut tx, conn => sqlx::query_as(sold).bind(after.0).fetch_all(conn).await)?;
    let hours = "select m.from_location,
            count(distinct coalesce(l.occurred_at, l.recorded_at) / 3600000000)
        from movement m join ledger l on l.version = m.version
        where m.version > $1 and m.reason = 'sale' group by m.from_location";
    let open: Vec<(i64, i64)> =
        on!(&mut tx, conn => sqlx::query_as(hours).bind(after.0).fetch_all(conn).await)?;
    tx.rollback().await?;
    let mut demand = Demand::default();
    for (location, item, sales, units) in rows {
        let key = StockKey { item: ItemNo(item), location: LocationNo(location) };
        demand.sold.insert(key, Sold { sales, units });
    }
    demand.hours.extend(open.into_iter().map(|(location, n)| (LocationNo(location), n)));
    Ok(demand)
}
