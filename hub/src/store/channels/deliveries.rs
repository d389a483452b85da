//! Deliveries: what waits to be said, how each attempt went, what became of it.
//!
//! Invariant: what an attempt came to is one transaction: the delivery, its attempt, the shadow
//! and how the channel is doing.

use oneshelf_domain::Timestamp;
use oneshelf_domain::stock::ItemNo;

use super::shadows::StateRow;
use crate::store::leases::Fence;
use crate::store::{Bulk, Store, StoreError, Tx, on};

/// A delivery.
#[derive(Debug, Clone, PartialEq, Eq, sqlx::FromRow)]
pub struct DeliveryRow {
    /// Its id, which the channel sees.
    pub id: String,
    /// To whom.
    pub channel: String,
    /// `stock`, `order` or `ping`.
    pub kind: String,
    /// 0 when it is about no item.
    pub item: i64,
    /// SKU or order.
    pub subject: String,
    /// The message as JSON.
    pub message: String,
    /// The figure in it.
    pub figure: String,
    /// Units of it.
    pub total: i64,
    /// Zeros come first.
    pub rank: i64,
    /// When.
    pub made_at: i64,
    /// Not before.
    pub due_at: i64,
    /// So far.
    pub attempts: i64,
    /// `waiting`, `sent`, `replaced` or `failed`.
    pub state: String,
    /// 0 while it waits.
    pub ended_at: i64,
}

/// An attempt, as kept.
#[derive(Debug, Clone, PartialEq, Eq, sqlx::FromRow)]
pub struct AttemptRow {
    /// Of which delivery.
    pub delivery: String,
    /// From 1 on.
    pub number: i64,
    /// When.
    pub at: i64,
    /// `answered`, `timed_out`, `not_connected`, `not_allowed`, `cut` or `unknown`.
    pub result: String,
    /// Of HTTP; 0 without an answer.
    pub status: i64,
    /// Milliseconds.
    pub took_ms: i64,
}

/// How an attempt went.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Attempt {
    /// When.
    pub at: i64,
    /// `answered`, `timed_out`, `not_connected`, `not_allowed`, `cut` or `unknown`.
    pub result: &'static str,
    /// Of HTTP; 0 without an answer.
    pub status: i64,
    /// Milliseconds.
    pub took_ms: i64,
}

/// What an attempt came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ended {
    /// It is said.
    Sent,
    /// Again then, and nothing to this channel before the second time.
    Later(Timestamp, Timestamp),
    /// Nothing to this channel before that time, which asked for it; no failure.
    Limited(Timestamp),
    /// Not again.
    Failed,
}

macro_rules! columns {
    () => {
        "id, channel, kind, item, subject, message, figure, total, rank, made_at, due_at,
         attempts, state, ended_at"
    };
}

/// What a channel is to be told now, the most urgent first.
///
/// # Errors
/// When the database does not answer.
pub async fn due(
    tx: &mut Tx,
    channel: &str,
    now: Timestamp,
    rows: i64,
) -> Result<Vec<DeliveryRow>, StoreError> {
    let sql = concat!(
        "select ",
        columns!(),
        // What is said of an order is said in its order: a later word waits for the one before.
        " from delivery where channel = $1 and state = 'waiting' and due_at <= $2
            and (kind <> 'order' or not exists (select 1 from delivery e
                where e.channel = delivery.channel and e.kind = 'order'
                    and e.subject = delivery.subject and e.state = 'waiting'
                    and e.made_at < delivery.made_at))
            order by rank, due_at, id limit $3"
    );
    Ok(on!(tx, conn => sqlx::query_as(sql)
        .bind(channel).bind(now.0).bind(rows).fetch_all(conn).await)?)
}

/// A message about no item: an order, a ping.
#[derive(Debug)]
pub struct NewMessage<'a> {
    /// Of the delivery.
    pub id: &'a str,
    /// `order` or `ping`.
    pub kind: &'a str,
    /// The order.
    pub subject: &'a str,
    /// As JSON.
    pub message: &'a str,
}

/// Keeps a message until it is said; one that is there stays.
///
/// # Errors
/// When the database does not answer.
pub async fn put(
    tx: &mut Tx,
    channel: &str,
    new: &NewMessage<'_>,
    now: Timestamp,
) -> Result<(), StoreError> {
    let sql = "insert into delivery (id, channel, kind, item, subject, message, figure, total,
            rank, made_at, due_at, attempts, state, ended_at)
        values ($1, $2, $3, 0, $4, $5, '', 0, 1, $6, $6, 0, 'waiting', 0)
        on conflict (id) do nothing";
    on!(tx, conn => sqlx::query(sql)
        .bind(new.id).bind(channel).bind(new.kind).bind(new.subject).bind(new.message)
        .bind(now.0).execute(conn).await.map(drop))?;
    Ok(())
}

/// Notes what an attempt came to. False when it was made in another generation, or when another
/// hub delivers by now, which may have gone on: then it says nothing of what the channel knows now
/// and how it is doing. That it was made is kept in any case.
///
/// # Errors
/// When the database does not answer.
pub async fn note(
    store: &Store,
    delivery: &DeliveryRow,
    (before, fence): (&StateRow, Fence),
    attempt: &Attempt,
    ended: Ended,
    now: Timestamp,
) -> Result<bool, StoreError> {
    let mut tx = store.begin_write().await?;
    let mine = fence.stands(&mut tx).await?;
    let said = said(attempt);
    let of = (delivery, before.generation);
    // The channel's row first, as all who write here: no two wait for each other.
    let counts = match ended {
        _ if !mine => hold_still(&mut tx, &delivery.channel).await.map(|()| false)?,
        Ended::Sent => went_well(&mut tx, of, &said, now).await?,
        Ended::Later(_, until) => went_wrong(&mut tx, of, &said, (1, until), now).await?,
        Ended::Limited(until) => went_wrong(&mut tx, of, &said, (0, until), now).await?,
        Ended::Failed => went_wrong(&mut tx, of, &said, (1, now), now).await?,
    };
    if mine {
        keep(&mut tx, delivery, ended, now).await?;
    }
    match ended {
        Ended::Sent if counts && before.failures > 0 => {
            all_due(&mut tx, &delivery.channel, now).await?;
        }
        Ended::Failed if counts && delivery.item > 0 => {
            forget(&mut tx, &delivery.channel, ItemNo(delivery.item)).await?;
        }
        _ => {}
    }
    // Numbered by what is there: attempts of a redelivery come behind those before it.
    let sql = "insert into delivery_attempt (delivery, number, at, result, status, took_ms)
        select $1, (select count(*) from delivery_attempt where delivery = $1) + 1, $2, $3, $4, $5
        from delivery where id = $1";
    on!(&mut tx, conn => sqlx::query(sql)
        .bind(&delivery.id).bind(attempt.at).bind(attempt.result)
        .bind(attempt.status).bind(attempt.took_ms).execute(conn).await.map(drop))?;
    tx.commit().await?;
    Ok(counts)
}

fn said(attempt: &Attempt) -> String {
    if attempt.status > 0 { attempt.status.to_string() } else { attempt.result.to_owned() }
}

/// The delivery afterwards. One that was replaced and taken away while it was on its way comes
/// back for its history.
async fn keep(
    tx: &mut Tx,
    delivery: &DeliveryRow,
    ended: Ended,
    now: Timestamp,
) -> Result<(), StoreError> {
    // One that was turned away unread has lost its turn, no try.
    let limited = matches!(ended, Ended::Limited(_));
    let attempts = delivery.attempts + i64::from(!limited);
    let (state, due_at, ended_at) = match ended {
        Ended::Sent => ("sent", delivery.due_at, now.0),
        Ended::Later(again, _) => ("waiting", again.0, 0),
        Ended::Limited(_) => ("waiting", delivery.due_at, 0),
        Ended::Failed => ("failed", delivery.due_at, now.0),
    };
    let sql = "update delivery set attempts = $2, due_at = $4,
            state = case when state = 'waiting' or $3 = 'sent' then $3 else state end,
            ended_at = case when state = 'waiting' then $5 else ended_at end
        where id = $1";
    let known: u64 = on!(&mut *tx, conn => sqlx::query(sql)
        .bind(&delivery.id).bind(attempts).bind(state).bind(due_at).bind(ended_at)
        .execute(conn).await.map(|done| done.rows_affected()))?;
    if known > 0 {
        return Ok(());
    }
    let gone = if ended == Ended::Sent { "sent" } else { "replaced" };
    let mut rows = tx.rows("tttbtttbbbbbtb");
    rows.row(|r| {
        r.text(&delivery.id).text(&delivery.channel).text(&delivery.kind).int(delivery.item);
        r.text(&delivery.subject).text(&delivery.message).text(&delivery.figure);
        r.int(delivery.total).int(delivery.rank).int(delivery.made_at).int(delivery.due_at);
        r.int(attempts).text(gone).int(now.0);
    });
    tx.store(Bulk::new("delivery", columns!(), rows)).await
}

async fn went_well(
    tx: &mut Tx,
    (delivery, generation): (&DeliveryRow, i64),
    result: &str,
    now: Timestamp,
) -> Result<bool, StoreError> {
    let sql = "update channel_state set failures = 0, failing_since = 0, closed_until = 0,
        last_ok_at = $3, last_result = $4 where channel = $1 and generation = $2";
    let counts: u64 = on!(&mut *tx, conn => sqlx::query(sql)
        .bind(&delivery.channel).bind(generation).bind(now.0).bind(result)
        .execute(conn).await.map(|done| done.rows_affected()))?;
    if counts > 0 && delivery.item > 0 {
        let sql = "update channel_shadow set confirmed = $3, confirmed_total = $4,
            confirmed_at = $5 where channel = $1 and item = $2";
        on!(&mut *tx, conn => sqlx::query(sql)
            .bind(&delivery.channel).bind(delivery.item).bind(&delivery.figure)
            .bind(delivery.total).bind(now.0).execute(conn).await.map(drop))?;
    }
    Ok(counts > 0)
}

async fn went_wrong(
    tx: &mut Tx,
    (delivery, generation): (&DeliveryRow, i64),
    result: &str,
    (failures, closed_until): (i64, Timestamp),
    now: Timestamp,
) -> Result<bool, StoreError> {
    let sql = "update channel_state set failures = failures + $6, last_result = $4,
        failing_since = case when failing_since = 0 then $3 else failing_since end,
        closed_until = case when $5 > closed_until then $5 else closed_until end
        where channel = $1 and generation = $2";
    let counts: u64 = on!(&mut *tx, conn => sqlx::query(sql)
        .bind(&delivery.channel).bind(generation).bind(now.0).bind(result).bind(closed_until.0)
        .bind(failures).execute(conn).await.map(|done| done.rows_affected()))?;
    Ok(counts > 0)
}

/// An outage is over: everything that waits for its next attempt is due.
async fn all_due(tx: &mut Tx, channel: &str, now: Timestamp) -> Result<(), StoreError> {
    let sql = "update delivery set due_at = $2
        where channel = $1 and state = 'waiting' and attempts > 0 and due_at > $2";
    on!(tx, conn => sqlx::query(sql)
        .bind(channel).bind(now.0).execute(conn).await.map(drop))?;
    Ok(())
}

/// Nobody knows any more what a channel has of an item: it is told at the next comparison.
async fn forget(tx: &mut Tx, channel: &str, item: ItemNo) -> Result<(), StoreError> {
    let sql = "update channel_shadow set told = '' where channel = $1 and item = $2";
    on!(tx, conn => sqlx::query(sql)
        .bind(channel).bind(item.0).execute(conn).await.map(drop))?;
    Ok(())
}

/// Nobody else writes what a channel is told before the transaction ends.
async fn hold_still(tx: &mut Tx, channel: &str) -> Result<(), StoreError> {
    let sql = "update channel_state set cursor = cursor where channel = $1";
    on!(tx, conn => sqlx::query(sql).bind(channel).execute(conn).await.map(drop))?;
    Ok(())
}

/// Lets ended deliveries be said again: one, or all that were made since a time. Figures that were
/// replaced are not: the channel would take an old one for new. Gives how many wait now.
///
/// # Errors
/// When the database does not answer.
pub async fn again(
    tx: &mut Tx,
    channel: &str,
    id: &str,
    since: Timestamp,
    now: Timestamp,
) -> Result<u64, StoreError> {
    // As all who make deliveries wait: one after another.
    hold_still(tx, channel).await?;
    let sql = "update delivery set state = 'waiting', due_at = $4, ended_at = 0, attempts = 0
        where channel = $1 and ((id = $2 and $2 <> '') or ($2 = '' and made_at >= $3))
            and state in ('sent', 'failed') and (item = 0 or (
                not exists (select 1 from delivery w where w.channel = delivery.channel
                    and w.item = delivery.item and w.state = 'waiting')
                and not exists (select 1 from delivery n where n.channel = delivery.channel
                    and n.item = delivery.item and n.state <> 'waiting'
                    and (n.made_at > delivery.made_at
                        or (n.made_at = delivery.made_at and n.id > delivery.id)))))";
    Ok(on!(tx, conn => sqlx::query(sql)
        .bind(channel).bind(id).bind(since.0).bind(now.0)
        .execute(conn).await.map(|done| done.rows_affected()))?)
}

/// One delivery of a channel.
///
/// # Errors
/// When the database does not answer.
pub async fn find(tx: &mut Tx, channel: &str, id: &str) -> Result<Option<DeliveryRow>, StoreError> {
    let sql = concat!("select ", columns!(), " from delivery where channel = $1 and id = $2");
    Ok(on!(tx, conn => sqlx::query_as(sql).bind(channel).bind(id).fetch_optional(conn).await)?)
}

/// The newest deliveries of a channel before a place.
///
/// # Errors
/// When the database does not answer.
pub async fn before(
    tx: &mut Tx,
    channel: &str,
    (made_at, id): (i64, &str),
    rows: i64,
) -> Result<Vec<DeliveryRow>, StoreError> {
    let sql = concat!(
        "select ",
        columns!(),
        " from delivery where channel = $1 and (made_at, id) < ($2, $3)
            order by made_at desc, id desc limit $4"
    );
    Ok(on!(tx, conn => sqlx::query_as(sql)
        .bind(channel).bind(made_at).bind(id).bind(rows).fetch_all(conn).await)?)
}

/// The attempts of deliveries, in order.
///
/// # Errors
/// When the database does not answer.
pub async fn attempts(
    tx: &mut Tx,
    deliveries: &[DeliveryRow],
) -> Result<Vec<AttemptRow>, StoreError> {
    let mut rows = tx.rows("t");
    for delivery in deliveries {
        rows.row(|r| {
            r.text(&delivery.id);
        });
    }
    let sql = "select a.delivery, a.number, a.at, a.result, a.status, a.took_ms from {rows} \
        join delivery_attempt a on a.delivery = r.c0 order by a.delivery, a.number";
    tx.fetch(sql, rows).await
}

/// How many deliveries of each channel wait, and since when the oldest does.
///
/// # Errors
/// When the database does not answer.
pub async fn backlogs(tx: &mut Tx) -> Result<Vec<(String, i64, i64)>, StoreError> {
    let sql = "select channel, count(*), min(made_at) from delivery
        where state = 'waiting' group by channel";
    Ok(on!(tx, conn => sqlx::query_as(sql).fetch_all(conn).await)?)
}
