//! What channels sent, and the orders that came of it.
//!
//! Invariant: a delivery of a channel is one row however often it comes, and so is an order.

use std::collections::BTreeMap;

use oneshelf_domain::Timestamp;

use crate::store::{Store, StoreError, Tx, on};

/// Something that a channel sent.
#[derive(Debug, Clone, PartialEq, Eq, sqlx::FromRow)]
pub struct InboxRow {
    /// Who.
    pub channel: String,
    /// The channel's id of it.
    pub event: String,
    /// `placed`, `cancelled`, `echo` or what it was called.
    pub kind: String,
    /// The channel's order.
    pub subject: String,
    /// What is to be done, as JSON; none after a while.
    pub body: Option<String>,
    /// `received`, `worked`, `ignored`, or `failed`: somebody has to look at it.
    pub state: String,
    /// When.
    pub received_at: i64,
    /// Tries that failed.
    pub tries: i64,
}

/// An order of a channel.
#[derive(Debug, Clone, PartialEq, Eq, sqlx::FromRow)]
pub struct OrderRow {
    /// Whose.
    pub channel: String,
    /// The channel's id of it.
    pub id: String,
    /// `placed`, `accepted`, `refused`, `cancelled`, or `failed`: it could not be written.
    pub state: String,
    /// What is served from where, as JSON; empty before it is decided.
    pub lines: String,
    /// The claim on its units; empty when there is none.
    pub reservation: String,
    /// Why it was refused, or why it could not be cancelled.
    pub code: String,
    /// In words.
    pub detail: String,
    /// When the channel sent it.
    pub placed_at: i64,
    /// When its state changed.
    pub changed_at: i64,
}

/// Keeps what a channel sent; false when it is there.
///
/// # Errors
/// When the database does not answer.
pub async fn take_in(store: &Store, row: &InboxRow) -> Result<bool, StoreError> {
    let mut tx = store.begin_write().await?;
    let sql = "insert into channel_inbox (channel, event, kind, subject, body, state, received_at)
        values ($1, $2, $3, $4, $5, $6, $7) on conflict (channel, event) do nothing";
    let new: u64 = on!(&mut tx, conn => sqlx::query(sql)
        .bind(&row.channel).bind(&row.event).bind(&row.kind).bind(&row.subject).bind(&row.body)
        .bind(&row.state).bind(row.received_at)
        .execute(conn).await.map(|done| done.rows_affected()))?;
    tx.commit().await?;
    Ok(new == 1)
}

/// What nobody has worked off, behind a row, the oldest first; nothing of a channel that is held
/// up.
///
/// # Errors
/// When the database does not answer.
pub async fn open(
    tx: &mut Tx,
    now: Timestamp,
    behind: Option<&InboxRow>,
    rows: i64,
) -> Result<Vec<InboxRow>, StoreError> {
    let sql =
        "select i.channel, i.event, i.kind, i.subject, i.body, i.state, i.received_at, i.tries
        from channel_inbox i where i.state = 'received' and not exists (
            select 1 from channel_inbox h where h.channel = i.channel and h.state = 'received'
                and h.due_at > $1) and (i.received_at, i.channel, i.event) > ($3, $4, $5)
        order by i.received_at, i.channel, i.event limit $2";
    let (at, channel, event) =
        behind.map_or((i64::MIN, "", ""), |r| (r.received_at, &*r.channel, &*r.event));
    Ok(on!(tx, conn => sqlx::query_as(sql)
        .bind(now.0).bind(rows).bind(at).bind(channel).bind(event).fetch_all(conn).await)?)
}

/// A try failed: its channel is held up until a time.
///
/// # Errors
/// When the database does not answer.
pub async fn hold(mut tx: Tx, row: &InboxRow, until: Timestamp) -> Result<(), StoreError> {
    let sql = "update channel_inbox set tries = $3, due_at = $4
        where channel = $1 and event = $2 and state = 'received'";
    on!(&mut tx, conn => sqlx::query(sql)
        .bind(&row.channel).bind(&row.event).bind(row.tries + 1).bind(until.0)
        .execute(conn).await.map(drop))?;
    tx.commit().await
}

/// It is worked off, and so is what failed before and asked for the same, or for the order that it
/// cancels.
///
/// # Errors
/// When the database does not answer.
pub async fn worked(tx: &mut Tx, row: &InboxRow) -> Result<(), StoreError> {
    let sql = "update channel_inbox set state = 'worked' where channel = $1
        and (event = $2 or (subject = $3 and state = 'failed'
            and (kind = $4 or $4 = 'cancelled')))";
    on!(tx, conn => sqlx::query(sql)
        .bind(&row.channel).bind(&row.event).bind(&row.subject).bind(&row.kind)
        .execute(conn).await.map(drop))?;
    Ok(())
}

/// It is not tried again until somebody asks for it.
///
/// # Errors
/// When the database does not answer.
pub async fn failed(tx: &mut Tx, row: &InboxRow) -> Result<(), StoreError> {
    let sql = "update channel_inbox set state = 'failed', tries = $3
        where channel = $1 and event = $2 and state = 'received'";
    on!(tx, conn => sqlx::query(sql)
        .bind(&row.channel).bind(&row.event).bind(row.tries + 1).execute(conn).await.map(drop))?;
    Ok(())
}

/// Lets what failed be tried again, in its order; gives how much that is.
///
/// # Errors
/// When the database does not answer.
pub async fn again(tx: &mut Tx, channel: &str) -> Result<u64, StoreError> {
    let sql = "update channel_inbox set state = 'received', tries = 0, due_at = 0
        where channel = $1 and state = 'failed'";
    Ok(on!(tx, conn => sqlx::query(sql)
        .bind(channel).execute(conn).await.map(|done| done.rows_affected()))?)
}

/// How much of each channel failed.
///
/// # Errors
/// When the database does not answer.
pub async fn failures(tx: &mut Tx) -> Result<BTreeMap<String, i64>, StoreError> {
    let sql = "select channel, count(*) from channel_inbox where state = 'failed' group by channel";
    let rows: Vec<(String, i64)> = on!(tx, conn => sqlx::query_as(sql).fetch_all(conn).await)?;
    Ok(rows.into_iter().collect())
}

/// An order, by the channel's id.
///
/// # Errors
/// When the database does not answer.
pub async fn find(tx: &mut Tx, channel: &str, id: &str) -> Result<Option<OrderRow>, StoreError> {
    let sql = "select channel, id, state, lines, reservation, code, detail, placed_at, changed_at
        from channel_order where channel = $1 and id = $2";
    Ok(on!(tx, conn => sqlx::query_as(sql).bind(channel).bind(id).fetch_optional(conn).await)?)
}

/// Keeps a new order; gives the one that is kept, which may have been there. One that was given up
/// before it was planned is planned now.
///
/// # Errors
/// When the database does not answer.
pub async fn begin(mut tx: Tx, row: &OrderRow) -> Result<OrderRow, StoreError> {
    let sql = "insert into channel_order (channel, id, state, lines, reservation, code, detail,
            placed_at, changed_at)
        values ($1, $2, $3, $4, $5, $6, $7, $8, $9) on conflict (channel, id) do update set
            state = excluded.state, lines = excluded.lines, code = excluded.code,
            detail = excluded.detail, changed_at = excluded.changed_at
        where channel_order.state = 'failed' and channel_order.lines = ''";
    write(&mut tx, sql, row).await?;
    let kept = find(&mut tx, &row.channel, &row.id).await?;
    tx.commit().await?;
    kept.ok_or_else(|| StoreError::unreadable("channel_order", &row.id))
}

/// Keeps an order as it is now.
///
/// # Errors
/// When the database does not answer.
pub async fn put(tx: &mut Tx, row: &OrderRow) -> Result<(), StoreError> {
    let sql = "insert into channel_order (channel, id, state, lines, reservation, code, detail,
            placed_at, changed_at)
        values ($1, $2, $3, $4, $5, $6, $7, $8, $9) on conflict (channel, id) do update set
            state = excluded.state, lines = excluded.lines, reservation = excluded.reservation,
            code = excluded.code, detail = excluded.detail, changed_at = excluded.changed_at";
    write(tx, sql, row).await
}

async fn write(tx: &mut Tx, sql: &'static str, row: &OrderRow) -> Result<(), StoreError> {
    on!(tx, conn => sqlx::query(sql)
        .bind(&row.channel).bind(&row.id).bind(&row.state).bind(&row.lines)
        .bind(&row.reservation).bind(&row.code).bind(&row.detail).bind(row.placed_at)
        .bind(row.changed_at).execute(conn).await.map(drop))?;
    Ok(())
}

/// The orders of a channel that changed last, before a place.
///
/// # Errors
/// When the database does not answer.
pub async fn before(
    tx: &mut Tx,
    channel: &str,
    (changed_at, id): (i64, &str),
    rows: i64,
) -> Result<Vec<OrderRow>, StoreError> {
    let sql = "select channel, id, state, lines, reservation, code, detail, placed_at, changed_at
        from channel_order where channel = $1 and (changed_at, id) < ($2, $3)
        order by changed_at desc, id desc limit $4";
    Ok(on!(tx, conn => sqlx::query_as(sql)
        .bind(channel).bind(changed_at).bind(id).bind(rows).fetch_all(conn).await)?)
}
