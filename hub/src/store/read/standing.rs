//! How stores stand: units of share, promised, in doubt, short, unexplained; and of which items.
//!
//! It knows rows, no line and no risk. Only rows with such units are looked at: an index has them.

use std::collections::BTreeMap;

use oneshelf_domain::stock::{ItemNo, LocationNo};
use oneshelf_domain::{IncarnationId, Sku};
use sqlx::AssertSqlSafe;

use crate::store::{Store, StoreError, Tx, on};

/// Rows of `stock s` that the index `stock_owned` has, as it says it: then both engines use it.
pub const OWNED: &str = "(s.store_share > 0 or s.reserved > 0 or s.picked > 0 or s.in_doubt > 0 \
                     or s.short > 0 or s.discrepancy < 0)";

/// Units, and of how many items.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Units {
    /// Base units.
    pub units: i64,
    /// Items with any.
    pub items: i64,
}

/// What a store holds in whose name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Standing {
    /// Its registers' to sell.
    pub share: Units,
    /// Reserved or picked there.
    pub promised: Units,
    /// Open reservations with a line there.
    pub reservations: i64,
    /// Those of them that were given up and wait for the store's word.
    pub releasing: i64,
    /// What these have reserved there.
    pub kept: Units,
    /// What a silent or copied agent may still hold.
    pub in_doubt: Units,
    /// What reservations lack.
    pub short: Units,
    /// Sold, though no bucket explains it.
    pub discrepancy: Units,
}

type Row = (i64, i64, i64, i64, i64, i64, i64, i64, i64, i64, i64);

/// Of stores, as they stand in one moment; one without such rows is left out.
///
/// # Errors
/// When the database does not answer.
pub async fn of(
    store: &Store,
    locations: &[LocationNo],
) -> Result<BTreeMap<LocationNo, Standing>, StoreError> {
    let mut tx = store.read().await?;
    let named = |tx: &Tx| {
        let mut rows = tx.rows("b");
        for location in locations {
            rows.row(|r| {
                r.int(location.0);
            });
        }
        rows
    };
    let both = |units: &str| {
        format!(
            "cast(sum({units}) as bigint), \
             cast(sum(case when {units} > 0 then 1 else 0 end) as bigint)"
        )
    };
    let sums: Vec<String> = Kind::ALL.iter().map(|kind| both(kind.units())).collect();
    let sql = format!(
        "select s.location, {} from {{rows}} join stock s on s.location = r.c0 \
         where {OWNED} group by s.location",
        sums.join(", ")
    );
    let rows = named(&tx);
    let found: Vec<Row> = tx.fetch(&sql, rows).await?;
    let sql = format!(
        "select s.location, count(distinct l.reservation), \
            count(distinct case when h.state = 'releasing' then h.id end), \
            cast(sum(case when h.state = 'releasing' then l.quantity - l.short else 0 end) \
                as bigint), \
            count(distinct case when h.state = 'releasing' then l.item end) from {{rows}} \
         join stock s on s.location = r.c0 \
         join reservation_line l on l.item = s.item and l.location = s.location and l.open = 1 \
         join reservation h on h.id = l.reservation \
         where {OWNED} group by s.location"
    );
    let rows = named(&tx);
    let claims: Vec<(i64, i64, i64, i64, i64)> = tx.fetch(&sql, rows).await?;
    tx.rollback().await?;
    let mut all = BTreeMap::new();
    let of = |units, items| Units { units, items };
    for (location, share, a, promised, b, in_doubt, c, short, d, discrepancy, e) in found {
        let standing = Standing {
            share: of(share, a),
            promised: of(promised, b),
            in_doubt: of(in_doubt, c),
            short: of(short, d),
            discrepancy: of(discrepancy, e),
            ..Standing::default()
        };
        all.insert(LocationNo(location), standing);
    }
    for (location, reservations, releasing, units, items) in claims {
        let of: &mut Standing = all.entry(LocationNo(location)).or_default();
        (of.reservations, of.releasing, of.kept) =
            (reservations, releasing, Units { units, items });
    }
    Ok(all)
}

/// Which of a store's units.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Its registers' to sell.
    Share,
    /// Reserved or picked.
    Promised,
    /// In doubt.
    InDoubt,
    /// Lacked by reservations.
    Short,
    /// Not explained.
    Discrepancy,
}

impl Kind {
    /// All, in the order of the fields of [`Standing`].
    const ALL: [Kind; 5] =
        [Kind::Share, Kind::Promised, Kind::InDoubt, Kind::Short, Kind::Discrepancy];

    const fn units(self) -> &'static str {
        match self {
            Kind::Share => "s.store_share",
            Kind::Promised => "(s.reserved + s.picked)",
            Kind::InDoubt => "s.in_doubt",
            Kind::Short => "s.short",
            Kind::Discrepancy => "(case when s.discrepancy < 0 then 0 - s.discrepancy else 0 end)",
        }
    }
}

/// An item of a store with units of a kind.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Item {
    /// Its number.
    pub no: i64,
    /// Its SKU.
    pub sku: Sku,
    /// Its name.
    pub name: String,
    /// How many.
    pub units: i64,
}

/// The items with the most units of a kind, behind one of them.
///
/// # Errors
/// When the database does not answer.
pub async fn items(
    store: &Store,
    location: LocationNo,
    kind: Kind,
    (units, item): (i64, i64),
    limit: i64,
) -> Result<Vec<Item>, StoreError> {
    let units_of = kind.units();
    let sql = format!(
        "select s.item, {units_of} as units from stock s
        where s.location = $1 and {OWNED} and {units_of} > 0
            and ({units_of} < $2 or ({units_of} = $2 and s.item > $3))
        order by units desc, s.item limit $4"
    );
    let mut tx = store.read().await?;
    let found: Vec<(i64, i64)> = on!(&mut tx, conn => sqlx::query_as(AssertSqlSafe(sql))
        .bind(location.0).bind(units).bind(item).bind(limit).fetch_all(conn).await)?;
    let numbers: Vec<ItemNo> = found.iter().map(|(no, _)| ItemNo(*no)).collect();
    let mut named = super::items::named(&mut tx, &numbers).await?;
    tx.rollback().await?;
    let row = |(no, units): (i64, i64)| {
        let unknown = || StoreError::unreadable("stock", format_args!("no item {no}"));
        let (sku, name) = named.remove(&ItemNo(no)).ok_or_else(unknown)?;
        Ok(Item { no, sku, name, units })
    };
    found.into_iter().map(row).collect()
}

/// The life that speaks for a store; none where no agent lives.
///
/// # Errors
/// When the database does not answer.
pub async fn life(
    store: &Store,
    location: LocationNo,
) -> Result<Option<IncarnationId>, StoreError> {
    let sql = "select id from incarnation where location = $1 and retired = 0
        order by created desc, id desc limit 1";
    let mut tx = store.read().await?;
    let found: Option<String> = on!(&mut tx, conn => sqlx::query_scalar(sql)
        .bind(location.0).fetch_optional(conn).await)?;
    tx.rollback().await?;
    let read = |id: String| id.parse().map_err(|_| StoreError::unreadable("incarnation", &id));
    found.map(read).transpose()
}
