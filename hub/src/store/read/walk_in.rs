//! What stores' registers sold since a version, for shares that follow the walk-in demand.
//!
//! What came back was no demand: its units go, and of the sales as large a part. Invariant: no
//! figure is below zero, whatever was sold before that version or somewhere else.

use std::collections::BTreeMap;

use oneshelf_domain::record::Sold;
use oneshelf_domain::stock::{ItemNo, LocationNo, Version};

use crate::store::{Store, StoreError, on};

/// Sales behind a version, by store.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Demand {
    /// By item, in the order of their numbers. A line is one sale, from however many places its
    /// units came. What came back is left out.
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
    let back = "select to_location, item, cast(sum(quantity) as bigint)
        from movement where version > $1 and reason = 'return' group by to_location, item";
    let back: Vec<(i64, i64, i64)> =
        on!(&mut tx, conn => sqlx::query_as(back).bind(after.0).fetch_all(conn).await)?;
    let back: BTreeMap<(i64, i64), i64> =
        back.into_iter().map(|(location, item, units)| ((location, item), units)).collect();
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
        let back = back.get(&(location, item)).copied().unwrap_or(0);
        let sold = without(Sold { item: ItemNo(item), sales, units }, back);
        all.entry(LocationNo(location)).or_default().sold.push(sold);
    }
    for (location, hours, days) in open {
        let demand = all.entry(LocationNo(location)).or_default();
        (demand.hours, demand.days) = (hours, days);
    }
    Ok(all)
}

/// Sales without what came back of them. A sale stays as large as it was in the mean; a part of one
/// counts as one.
fn without(sold: Sold, back: i64) -> Sold {
    let units = (sold.units - back).max(0);
    let all = i128::from(sold.units.max(1));
    let sales = (i128::from(sold.sales) * i128::from(units) + all - 1) / all;
    Sold { units, sales: i64::try_from(sales).unwrap_or(sold.sales), ..sold }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_came_back_takes_its_part_of_the_sales() {
        let left = |sales, units, back| {
            let left = without(Sold { item: ItemNo(1), sales, units }, back);
            (left.sales, left.units)
        };
        assert_eq!(left(10, 10, 0), (10, 10));
        assert_eq!(left(10, 10, 3), (7, 7));
        assert_eq!(left(4, 40, 11), (3, 29), "of the third sale a part stayed");
        assert_eq!(left(1, 5, 2), (1, 3));
        assert_eq!(left(10, 10, 10), (0, 0));
        assert_eq!(left(10, 10, 12), (0, 0), "sold before, or elsewhere");
    }
}
