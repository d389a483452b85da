//! Pages of stock and of everything that must add up to it, by item.

use futures_util::TryStreamExt;

use crate::store::{StoreError, Tx, on};

use super::{MovementLine, PAGE_ROWS};

/// The next movements behind (item, version, line), up to a version.
pub async fn movements_by_item(
    tx: &mut Tx,
    after: (i64, i64, i64),
    upto: i64,
) -> Result<Vec<MovementLine>, StoreError> {
    let sql = "select version, line, item, from_location, from_place, to_location, to_place,
            quantity, from_after, to_after, reason, reservation
        from movement where (item, version, line) > ($1, $2, $3) and version <= $4
        order by item, version, line limit $5";
    let rows = on!(tx, conn => sqlx::query_as(sql)
        .bind(after.0).bind(after.1).bind(after.2).bind(upto).bind(PAGE_ROWS)
        .fetch_all(conn).await)?;
    Ok(rows)
}

/// Movements of one item behind (version, line), to the end of the snapshot.
pub async fn late_movements(
    tx: &mut Tx,
    item: i64,
    after: (i64, i64),
) -> Result<Vec<MovementLine>, StoreError> {
    let sql = "select version, line, item, from_location, from_place, to_location, to_place,
            quantity, from_after, to_after, reason, reservation
        from movement where item = $1 and (version, line) > ($2, $3)
        order by version, line limit $4";
    let rows = on!(tx, conn => sqlx::query_as(sql)
        .bind(item).bind(after.0).bind(after.1).bind(PAGE_ROWS).fetch_all(conn).await)?;
    Ok(rows)
}

/// A stock row.
#[derive(Debug, Clone, sqlx::FromRow)]
pub struct StockLine {
    pub item: i64,
    pub location: i64,
    pub available: i64,
    pub store_share: i64,
    pub reserved: i64,
    pub picked: i64,
    pub quality_control: i64,
    pub damaged: i64,
    pub in_doubt: i64,
    pub supplier: i64,
    pub customer: i64,
    pub adjustment: i64,
    pub scrap: i64,
    pub discrepancy: i64,
    pub short: i64,
    pub version: i64,
}

impl StockLine {
    /// The balances, in the order of `Place::ALL`.
    pub const fn balances(&self) -> [i64; 12] {
        [
            self.available,
            self.store_share,
            self.reserved,
            self.picked,
            self.quality_control,
            self.damaged,
            self.in_doubt,
            self.supplier,
            self.customer,
            self.adjustment,
            self.scrap,
            self.discrepancy,
        ]
    }
}

/// Stock rows behind (item, location), up to an item.
pub async fn stock(
    tx: &mut Tx,
    after: (i64, i64),
    upto: i64,
) -> Result<Vec<StockLine>, StoreError> {
    let sql = "select * from stock where (item, location) > ($1, $2) and item <= $3
        order by item, location limit $4";
    let rows = on!(tx, conn => sqlx::query_as(sql)
        .bind(after.0).bind(after.1).bind(upto).bind(PAGE_ROWS).fetch_all(conn).await)?;
    Ok(rows)
}

/// An open line and the state of its reservation.
#[derive(Debug, Clone, sqlx::FromRow)]
pub struct OpenLine {
    pub item: i64,
    pub location: i64,
    pub reservation: String,
    pub quantity: i64,
    pub short: i64,
    pub state: Option<String>,
}

/// Every open line of the items behind one, up to another. They are streamed, not paged: one item
/// may have very many, in no order that an index has.
pub async fn open_lines(
    tx: &mut Tx,
    after: i64,
    upto: i64,
    mut each: impl FnMut(OpenLine) + Send,
) -> Result<(), StoreError> {
    let sql = "select l.item, l.location, l.reservation, l.quantity, l.short, r.state
        from reservation_line l left join reservation r on r.id = l.reservation
        where l.open = 1 and l.item > $1 and l.item <= $2";
    on!(tx, conn => {
        let mut lines = sqlx::query_as(sql).bind(after).bind(upto).fetch(conn);
        while let Some(line) = lines.try_next().await? {
            each(line);
        }
    });
    Ok(())
}

/// What the incarnations of a store own of an item.
#[derive(Debug, Clone, sqlx::FromRow)]
pub struct ShareLine {
    pub item: i64,
    pub location: i64,
    pub owned: i64,
    pub doubt: i64,
    /// Rows whose incarnation is unknown or belongs to another store.
    pub stray: i64,
}

/// Shares behind (item, location), up to an item, summed per stock row.
pub async fn shares(
    tx: &mut Tx,
    after: (i64, i64),
    upto: i64,
) -> Result<Vec<ShareLine>, StoreError> {
    let sql = "select s.item, s.location,
            cast(coalesce(sum(case when i.retired = 0
                then s.granted + s.brought - s.sold - s.returned else 0 end), 0) as bigint)
                as owned,
            cast(coalesce(sum(s.doubt), 0) as bigint) as doubt,
            cast(coalesce(sum(case when i.location = s.location
                then 0 else 1 end), 0) as bigint) as stray
        from share s left join incarnation i on i.id = s.incarnation
        where (s.item, s.location) > ($1, $2) and s.item <= $3
        group by s.item, s.location order by s.item, s.location limit $4";
    let rows = on!(tx, conn => sqlx::query_as(sql)
        .bind(after.0).bind(after.1).bind(upto).bind(PAGE_ROWS).fetch_all(conn).await)?;
    Ok(rows)
}

/// A store for which more than one incarnation speaks.
#[derive(Debug, Clone, sqlx::FromRow)]
pub struct LiveLine {
    pub location: i64,
    pub lives: i64,
}

/// Stores with more than one live incarnation.
pub async fn stores_with_two_lives(tx: &mut Tx) -> Result<Vec<LiveLine>, StoreError> {
    let sql = "select location, count(*) as lives from incarnation where retired = 0
        group by location having count(*) > 1 order by location";
    Ok(on!(tx, conn => sqlx::query_as(sql).fetch_all(conn).await)?)
}
