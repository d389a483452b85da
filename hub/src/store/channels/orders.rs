//! What channels sent, and the orders that came of it.
//!
//! Invariant: a delivery of a channel is one row however often it comes, and so is an order.

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
    /// `received`, `worked` or `ignored`.
    pub state: String,
    /// When.
    pub received_at: i64,
}

/// An order of a channel.
#[derive(Debug, Clone, PartialEq, Eq, sqlx::FromRow)]
pub struct OrderRow {
    /// Whose.
    pub channel: String,
    /// The channel's id of it.
    pub id: String,
    /// `placed`, `accepted`, `refused` or `cancelled`.
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

/// What nobody has worked off, the oldest first.
///
/// # Errors
/// When the database does not answer.
pub async fn open(tx: &mut Tx, rows: i64) -> Result<Vec<InboxRow>, StoreError> {
    let sql = "select channel, event, kind, subject, body, state, received_at from channel_inbox
        where state = 'received' order by received_at, channel, event limit $1";
    Ok(on!(tx, conn => sqlx::query_as(sql).bind(rows).fetch_all(conn).await)?)
}

/// It is worked off.
///
/// # Errors
/// When the database does not answer.
pub async fn worked(tx: &mut Tx, row: &InboxRow) -> Result<(), StoreError> {
    let sql = "update channel_inbox set state = 'worked' where channel = $1 and event = $2";
    on!(tx, conn => sqlx::query(sql)
        .bind(&row.channel).bind(&row.event).execute(conn).await.map(drop))?;
    Ok(())
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

/// Keeps a new order; gives the one that is kept, which may have been there.
///
/// # Errors
/// When the database does not answer.
pub async fn begin(store: &Store, row: &OrderRow) -> Result<OrderRow, StoreError> {
    let mut tx = store.begin_write().await?;
    let sql = "insert into channel_order (channel, id, state, lines, reservation, code, detail,
            placed_at, changed_at)
        values ($1, $2, $3, $4, $5, $6, $7, $8, $9) on conflict (channel, id) do nothing";
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
