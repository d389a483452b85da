//! Pages of what only grows: ledger, movements, outcomes, events, by version.

use crate::store::{StoreError, Tx, on};

use super::PAGE_ROWS;

/// A ledger row with the outcome of its command, as far as it is still kept.
#[derive(Debug, Clone, sqlx::FromRow)]
pub struct LedgerLine {
    pub version: i64,
    pub command: String,
    pub kind: String,
    pub actor: String,
    pub on_behalf_of: Option<String>,
    pub reference: Option<String>,
    pub occurred_at: Option<i64>,
    pub recorded_at: i64,
    pub fingerprint: String,
    pub movements: i64,
    pub hash: String,
    pub known: Option<String>,
    pub known_version: Option<i64>,
    pub known_fingerprint: Option<String>,
}

/// The next rows of the ledger.
pub async fn ledger(tx: &mut Tx, after: i64, upto: i64) -> Result<Vec<LedgerLine>, StoreError> {
    let sql = "select l.version, l.command, l.kind, l.actor, l.on_behalf_of, l.reference,
            l.occurred_at, l.recorded_at, l.fingerprint, l.movements, l.hash,
            c.id as known, c.version as known_version, c.fingerprint as known_fingerprint
        from ledger l left join command c on c.id = l.command
        where l.version > $1 and l.version <= $2 order by l.version limit $3";
    let rows = on!(tx, conn => sqlx::query_as(sql)
        .bind(after).bind(upto).bind(PAGE_ROWS).fetch_all(conn).await)?;
    Ok(rows)
}

/// A movement, as text and numbers.
#[derive(Debug, Clone, sqlx::FromRow)]
pub struct MovementLine {
    pub version: i64,
    pub line: i64,
    pub item: i64,
    pub from_location: i64,
    pub from_place: String,
    pub to_location: i64,
    pub to_place: String,
    pub quantity: i64,
    pub from_after: i64,
    pub to_after: i64,
    pub reason: String,
    pub reservation: Option<String>,
}

/// The next movements behind (version, line), up to a version.
pub async fn movements(
    tx: &mut Tx,
    after: (i64, i64),
    upto: i64,
) -> Result<Vec<MovementLine>, StoreError> {
    let sql = "select version, line, item, from_location, from_place, to_location, to_place,
            quantity, from_after, to_after, reason, reservation
        from movement where (version, line) > ($1, $2) and version <= $3
        order by version, line limit $4";
    let rows = on!(tx, conn => sqlx::query_as(sql)
        .bind(after.0).bind(after.1).bind(upto).bind(PAGE_ROWS).fetch_all(conn).await)?;
    Ok(rows)
}

/// An outcome with a version, and the command that the ledger has there.
#[derive(Debug, Clone, sqlx::FromRow)]
pub struct CommandLine {
    pub id: String,
    pub version: Option<i64>,
    pub ledger_command: Option<String>,
}

/// The next outcomes, by id.
pub async fn commands(tx: &mut Tx, after: &str) -> Result<Vec<CommandLine>, StoreError> {
    let sql = "select c.id, c.version, l.command as ledger_command
        from command c left join ledger l on l.version = c.version
        where c.id > $1 order by c.id limit $2";
    let rows = on!(tx, conn => sqlx::query_as(sql)
        .bind(after).bind(PAGE_ROWS).fetch_all(conn).await)?;
    Ok(rows)
}

/// When the oldest outcome of a request that is still kept was recorded.
pub async fn oldest_request(tx: &mut Tx) -> Result<Option<i64>, StoreError> {
    let sql = "select min(recorded_at) from command where fact = 0";
    Ok(on!(tx, conn => sqlx::query_scalar(sql).fetch_one(conn).await)?)
}

/// The version of the oldest event that is still kept.
pub async fn oldest_event(tx: &mut Tx) -> Result<Option<i64>, StoreError> {
    let sql = "select min(version) from event";
    Ok(on!(tx, conn => sqlx::query_scalar(sql).fetch_one(conn).await)?)
}

/// The end of a reservation as told when it happened, and how the reservation stands now.
#[derive(Debug, Clone, sqlx::FromRow)]
pub struct EventLine {
    pub version: i64,
    pub kind: String,
    pub subject: String,
    pub state: Option<String>,
    pub state_version: Option<i64>,
}

/// The ends of reservations in a window of versions.
pub async fn ending_events(
    tx: &mut Tx,
    after: i64,
    upto: i64,
) -> Result<Vec<EventLine>, StoreError> {
    let sql = "select e.version, e.kind, e.subject, r.state, r.version as state_version
        from event e left join reservation r on r.id = e.subject
        where e.version > $1 and e.version <= $2
            and e.kind in ('reservation.consumed', 'reservation.released', 'reservation.expired',
                'reservation.transferred')
        order by e.version, e.line";
    let rows = on!(tx, conn => sqlx::query_as(sql).bind(after).bind(upto).fetch_all(conn).await)?;
    Ok(rows)
}

/// The last version of each table that is written by version.
#[derive(Debug, Clone, sqlx::FromRow)]
pub struct Beyond {
    pub head: i64,
    pub ledger: i64,
    pub movement: i64,
    pub event: i64,
    pub sale: i64,
    pub stock: i64,
}

/// How far each table goes, in one snapshot.
pub async fn beyond(tx: &mut Tx) -> Result<Beyond, StoreError> {
    let sql = "select h.version as head,
            (select coalesce(max(version), 0) from ledger) as ledger,
            (select coalesce(max(version), 0) from movement) as movement,
            (select coalesce(max(version), 0) from event) as event,
            (select coalesce(max(version), 0) from sale) as sale,
            (select coalesce(max(version), 0) from stock) as stock
        from head h";
    Ok(on!(tx, conn => sqlx::query_as(sql).fetch_one(conn).await)?)
}
