//! How far each channel has been looked after, and what it knows of each item.
//!
//! Invariant: the cursor moves in the transaction that keeps what follows from the way to it, and
//! only from where whoever moves it has read it, and only in the generation that it was read in.

use std::collections::BTreeMap;

use oneshelf_domain::record::Records;
use oneshelf_domain::stock::{ItemNo, LocationNo, Place, Stock, StockKey};
use oneshelf_domain::{Sku, Timestamp};
use sqlx::AssertSqlSafe;

use crate::store::read::figures::{asked, with_parts};
use crate::store::read::standing::OWNED;
use crate::store::{Bulk, Store, StoreError, Tx, head, on};

/// How a channel is doing.
#[derive(Debug, Clone, PartialEq, Eq, sqlx::FromRow)]
pub struct StateRow {
    /// Which.
    pub channel: String,
    /// Of the hub, when it was last looked after.
    pub epoch: i64,
    /// Everything up to this version has been looked at for it.
    pub cursor: i64,
    /// When all items were compared.
    pub swept_at: i64,
    /// Attempts that failed since the last that did not.
    pub failures: i64,
    /// Since when; 0 when it does not fail.
    pub failing_since: i64,
    /// Nothing is sent before.
    pub closed_until: i64,
    /// 0: never.
    pub last_ok_at: i64,
    /// Of the last attempt.
    pub last_result: String,
    /// Raised whenever everything is to be compared anew.
    pub generation: i64,
    /// Where what it knows was told; empty: nowhere yet.
    pub endpoint: String,
}

/// How all channels are doing that were ever looked after.
///
/// # Errors
/// When the database does not answer.
pub async fn states(tx: &mut Tx) -> Result<BTreeMap<String, StateRow>, StoreError> {
    let sql = "select * from channel_state order by channel";
    let rows: Vec<StateRow> = on!(tx, conn => sqlx::query_as(sql).fetch_all(conn).await)?;
    Ok(rows.into_iter().map(|row| (row.channel.clone(), row)).collect())
}

/// One channel's.
///
/// # Errors
/// When the database does not answer.
pub async fn state(tx: &mut Tx, channel: &str) -> Result<Option<StateRow>, StoreError> {
    let sql = "select * from channel_state where channel = $1";
    Ok(on!(tx, conn => sqlx::query_as(sql).bind(channel).fetch_optional(conn).await)?)
}

/// Looks after a channel at an endpoint from now on: everything is to be compared. What another
/// endpoint knew or did says nothing of this one, and what was confirmed before a restore nothing
/// of now. Gives how the channel is doing then; somebody else may have come first.
///
/// # Errors
/// When the database does not answer.
pub async fn look_after(
    mut tx: Tx,
    channel: &str,
    endpoint: &str,
    epoch: i64,
) -> Result<Option<StateRow>, StoreError> {
    let sql = "insert into channel_state (channel, epoch, cursor, swept_at, failures,
            failing_since, closed_until, last_ok_at, last_result, generation, endpoint)
        values ($1, $2, 0, 0, 0, 0, 0, 0, '', 0, $3) on conflict (channel) do nothing";
    let new: u64 = on!(&mut tx, conn => sqlx::query(sql)
        .bind(channel).bind(epoch).bind(endpoint)
        .execute(conn).await.map(|done| done.rows_affected()))?;
    if new == 0 {
        let sql = "update channel_state set endpoint = $2, epoch = $3
            where channel = $1 and (endpoint <> $2 or epoch <> $3)";
        let moved: u64 = on!(&mut tx, conn => sqlx::query(sql)
            .bind(channel).bind(endpoint).bind(epoch)
            .execute(conn).await.map(|done| done.rows_affected()))?;
        begin_anew(&mut tx, channel, Some(epoch)).await?;
        if moved > 0 {
            let sql = "update channel_shadow set confirmed = '', confirmed_total = -1,
                confirmed_at = 0 where channel = $1";
            on!(&mut tx, conn => sqlx::query(sql)
                .bind(channel).execute(conn).await.map(drop))?;
        }
    }
    let state = state(&mut tx, channel).await?;
    tx.commit().await?;
    Ok(state)
}

/// Forgets what a channel was told, and compares everything anew: another endpoint, a long
/// silence, a hub that was put back. What was told last may have been taken though nobody
/// confirmed it.
///
/// # Errors
/// When the database does not answer.
pub async fn begin_anew(tx: &mut Tx, channel: &str, epoch: Option<i64>) -> Result<(), StoreError> {
    let sql = "update channel_state set generation = generation + 1, cursor = 0, swept_at = 0,
            failures = 0, failing_since = 0, closed_until = 0,
            epoch = case when $2 > 0 then $2 else epoch end
        where channel = $1";
    on!(&mut *tx, conn => sqlx::query(sql)
        .bind(channel).bind(epoch.unwrap_or(0)).execute(conn).await.map(drop))?;
    let sql = "update channel_shadow set told = '' where channel = $1";
    on!(&mut *tx, conn => sqlx::query(sql).bind(channel).execute(conn).await.map(drop))?;
    let sql = "delete from delivery where channel = $1 and state = 'waiting' and item > 0";
    on!(&mut *tx, conn => sqlx::query(sql).bind(channel).execute(conn).await.map(drop))?;
    // What is said of orders need not wait until an old outage is over.
    let sql = "update delivery set due_at = made_at where channel = $1 and state = 'waiting'";
    on!(tx, conn => sqlx::query(sql).bind(channel).execute(conn).await.map(drop))?;
    Ok(())
}

/// The figures of items, and the version that they are true at.
#[derive(Debug)]
pub struct Figures {
    /// The hub's version.
    pub version: i64,
    /// Item by item.
    pub items: Vec<ItemFigures>,
}

/// What figures of an item are made from.
#[derive(Debug)]
pub struct ItemFigures {
    /// Which.
    pub no: ItemNo,
    /// Its SKU.
    pub sku: Sku,
    /// Whether it is sold.
    pub active: bool,
    /// Available units and the store's share, by location: its own, and those of its parts where
    /// it is a kit. What is not sold has none.
    pub stock: BTreeMap<StockKey, Stock>,
}

type FiguresRow = (i64, String, String, Option<i64>, Option<i64>, Option<i64>);

/// Reads them in one moment.
///
/// # Errors
/// When the database does not answer.
pub async fn figures(
    store: &Store,
    records: &Records,
    wanted: &[ItemNo],
) -> Result<Figures, StoreError> {
    let mut tx = store.read().await?;
    let mut rows = tx.rows("b");
    for no in with_parts(records, wanted) {
        rows.row(|r| {
            r.int(no.0);
        });
    }
    let sql = "select i.no, i.sku, i.state, s.location, s.available, s.store_share from {rows} \
        join item i on i.no = r.c0 left join stock s on s.item = i.no order by i.no";
    let found: Vec<FiguresRow> = tx.fetch(sql, rows).await?;
    let version = head(&mut tx).await?.head.version.0;
    tx.rollback().await?;
    let mut items: Vec<ItemFigures> = vec![];
    for (no, sku, state, location, available, share) in found {
        if items.last().is_none_or(|i| i.no.0 != no) {
            let sku = Sku::new(&sku).map_err(|_| StoreError::unreadable("item", &sku))?;
            let (no, stock) = (ItemNo(no), BTreeMap::new());
            items.push(ItemFigures { no, sku, active: state == "active", stock });
        }
        if let (Some(item), Some(location)) = (items.last_mut(), location)
            && item.active
        {
            let key = StockKey { item: item.no, location: LocationNo(location) };
            let mut stock = Stock::default();
            stock.balances[Place::Available.index()] = available.unwrap_or(0);
            stock.balances[Place::StoreShare.index()] = share.unwrap_or(0);
            item.stock.insert(key, stock);
        }
    }
    let items = asked(records, wanted, items, |i| (i.no, &mut i.stock));
    Ok(Figures { version, items })
}

/// Items whose stock or catalogue row changed after a version; at most so many.
///
/// # Errors
/// When the database does not answer.
pub async fn items_touched(
    tx: &mut Tx,
    after: i64,
    items_max: i64,
) -> Result<Vec<ItemNo>, StoreError> {
    let sql = "select item from stock where version > $1
        union select no from item where version > $1 limit $2";
    let found: Vec<i64> = on!(tx, conn => sqlx::query_scalar(sql)
        .bind(after).bind(items_max).fetch_all(conn).await)?;
    Ok(found.into_iter().map(ItemNo).collect())
}

/// The next items of which a store's registers own units: their figures change with its line.
///
/// # Errors
/// When the database does not answer.
pub async fn items_with_share(
    tx: &mut Tx,
    location: LocationNo,
    after: ItemNo,
    rows: i64,
) -> Result<Vec<ItemNo>, StoreError> {
    let sql = format!(
        "select s.item from stock s where s.location = $1 and {OWNED} and s.store_share > 0
            and s.item > $2 order by s.item limit $3"
    );
    let found: Vec<i64> = on!(tx, conn => sqlx::query_scalar(AssertSqlSafe(sql))
        .bind(location.0).bind(after.0).bind(rows).fetch_all(conn).await)?;
    Ok(found.into_iter().map(ItemNo).collect())
}

/// Keys of the settings that changed after a version and that figures follow from.
///
/// # Errors
/// When the database does not answer.
pub async fn settings_touched(tx: &mut Tx, after: i64) -> Result<Vec<String>, StoreError> {
    let sql = "select key from record where version > $1 and (key like 'buffer/%'
        or key like 'safety/%' or key like 'location/%' or key like 'channel/%'
        or key like 'recovering/%')";
    Ok(on!(tx, conn => sqlx::query_scalar(sql).bind(after).fetch_all(conn).await)?)
}

/// The next items in order of their numbers.
///
/// # Errors
/// When the database does not answer.
pub async fn items_after(tx: &mut Tx, no: ItemNo, rows: i64) -> Result<Vec<ItemNo>, StoreError> {
    let sql = "select no from item where no > $1 order by no limit $2";
    let found: Vec<i64> =
        on!(tx, conn => sqlx::query_scalar(sql).bind(no.0).bind(rows).fetch_all(conn).await)?;
    Ok(found.into_iter().map(ItemNo).collect())
}

/// What a channel knows of an item.
#[derive(Debug, Clone, Default)]
pub struct Shadow {
    /// Told last, or about to be; empty: nothing.
    pub told: String,
    /// Units that it confirmed last.
    pub confirmed: Option<i64>,
}

/// What a channel knows of items.
///
/// # Errors
/// When the database does not answer.
pub async fn of_items(
    tx: &mut Tx,
    channel: &str,
    items: &[ItemNo],
) -> Result<BTreeMap<ItemNo, Shadow>, StoreError> {
    let mut rows = tx.rows("tb");
    for no in items {
        rows.row(|r| {
            r.text(channel).int(no.0);
        });
    }
    let sql = "select s.item, s.told, s.confirmed_total from {rows} \
        join channel_shadow s on s.channel = r.c0 and s.item = r.c1";
    let found: Vec<(i64, String, i64)> = tx.fetch(sql, rows).await?;
    let shadow = |(no, told, total): (i64, String, i64)| {
        (ItemNo(no), Shadow { told, confirmed: (total >= 0).then_some(total) })
    };
    Ok(found.into_iter().map(shadow).collect())
}

/// A figure that a channel is to be told.
#[derive(Debug, Clone)]
pub struct NewFigure {
    /// Of the delivery.
    pub id: String,
    /// Which item.
    pub item: ItemNo,
    /// Its SKU.
    pub sku: Sku,
    /// The message as JSON.
    pub message: String,
    /// The figure in it, to be compared.
    pub figure: String,
    /// Units of it.
    pub total: i64,
    /// 0 a zero, 1 what cannot wait, 2 what can.
    pub rank: i64,
    /// Not before.
    pub due_at: Timestamp,
}

/// Takes the channel's row for this transaction; false when another hub has moved on, or when
/// everything is to be compared anew.
///
/// # Errors
/// When the database does not answer.
pub async fn claim(tx: &mut Tx, state: &StateRow) -> Result<bool, StoreError> {
    let sql = "update channel_state set cursor = cursor
        where channel = $1 and cursor = $2 and epoch = $3 and generation = $4";
    let mine: u64 = on!(tx, conn => sqlx::query(sql)
        .bind(&state.channel).bind(state.cursor).bind(state.epoch).bind(state.generation)
        .execute(conn).await.map(|done| done.rows_affected()))?;
    Ok(mine == 1)
}

/// Keeps figures to be told; they replace those that wait.
///
/// # Errors
/// When the database does not answer.
pub async fn tell(
    tx: &mut Tx,
    channel: &str,
    new: &[NewFigure],
    now: Timestamp,
) -> Result<(), StoreError> {
    if new.is_empty() {
        return Ok(());
    }
    let keys = |tx: &Tx| {
        let mut rows = tx.rows("tbb");
        for one in new {
            rows.row(|r| {
                r.text(channel).int(one.item.0).int(now.0);
            });
        }
        rows
    };
    // What was never sent was never: the value is enough.
    let sql = "delete from delivery where id in (select d.id from {rows} join delivery d
            on d.channel = r.c0 and d.item = r.c1 and d.state = 'waiting' and d.attempts = 0)";
    let rows = keys(tx);
    tx.store(Bulk::sql(sql, rows)).await?;
    let sql = "update delivery set state = 'replaced', ended_at = r.c2 from {rows}
        where delivery.channel = r.c0 and delivery.item = r.c1 and delivery.state = 'waiting'";
    let rows = keys(tx);
    tx.store(Bulk::sql(sql, rows)).await?;
    let mut rows = tx.rows("tttbtttbbbbbtb");
    let mut shadows = tx.rows("tbt");
    for one in new {
        rows.row(|r| {
            r.text(&one.id).text(channel).text("stock").int(one.item.0).text(one.sku.as_str());
            r.text(&one.message).text(&one.figure).int(one.total).int(one.rank).int(now.0);
            r.int(one.due_at.0).int(0).text("waiting").int(0);
        });
        shadows.row(|r| {
            r.text(channel).int(one.item.0).text(&one.figure);
        });
    }
    let columns = "id, channel, kind, item, subject, message, figure, total, rank, made_at, \
        due_at, attempts, state, ended_at";
    tx.store(Bulk::new("delivery", columns, rows)).await?;
    let sql = "insert into channel_shadow (channel, item, told, confirmed, confirmed_total,
            confirmed_at)
        select c0, c1, c2, '', -1, 0 from {rows} where true
        on conflict (channel, item) do update set told = excluded.told";
    tx.store(Bulk::sql(sql, shadows)).await
}

/// Everything up to a version has been looked at; with a time, all items were compared.
///
/// # Errors
/// When the database does not answer.
pub async fn advance(
    tx: &mut Tx,
    channel: &str,
    upto: i64,
    swept_at: Option<Timestamp>,
) -> Result<(), StoreError> {
    let sql = "update channel_state set cursor = $2,
        swept_at = case when $3 > 0 then $3 else swept_at end where channel = $1";
    on!(tx, conn => sqlx::query(sql)
        .bind(channel).bind(upto).bind(swept_at.map_or(0, |at| at.0))
        .execute(conn).await.map(drop))?;
    Ok(())
}
