//! Pages of reservations, timers, sales, items and barcodes.

use crate::store::{StoreError, Tx, on};

use super::PAGE_ROWS;

/// A reservation with what must agree with it.
#[derive(Debug, Clone, sqlx::FromRow)]
pub struct ReservationLine {
    pub id: String,
    pub state: String,
    pub expires_at: Option<i64>,
    pub version: i64,
    pub due_at: Option<i64>,
    /// Lines whose `open` differs from the state.
    pub wrong_open: i64,
    pub lines: i64,
    /// The last event that its version tells of it.
    pub event: Option<String>,
}

/// The next reservations, by id.
pub async fn reservations(tx: &mut Tx, after: &str) -> Result<Vec<ReservationLine>, StoreError> {
    let sql = "select r.id, r.state, r.expires_at, r.version, t.due_at,
            (select count(*) from reservation_line l where l.reservation = r.id and l.open <>
                case when r.state in ('held', 'committed', 'picked', 'releasing', 'in_transit')
                    then 1 else 0 end) as wrong_open,
            (select count(*) from reservation_line l where l.reservation = r.id) as lines,
            (select max(e.kind) from event e where e.version = r.version and e.subject = r.id
                and e.kind >= 'reservation.' and e.kind < 'reservation/') as event
        from reservation r
        left join timer t on t.kind = 'expire_reservation' and t.subject = r.id
        where r.id > $1 order by r.id limit $2";
    let rows = on!(tx, conn => sqlx::query_as(sql)
        .bind(after).bind(PAGE_ROWS).fetch_all(conn).await)?;
    Ok(rows)
}

/// A timer and the reservation that it is about.
#[derive(Debug, Clone, sqlx::FromRow)]
pub struct TimerLine {
    pub kind: String,
    pub subject: String,
    pub due_at: i64,
    pub state: Option<String>,
    pub expires_at: Option<i64>,
}

/// The next timers, by (kind, subject).
pub async fn timers(tx: &mut Tx, after: (&str, &str)) -> Result<Vec<TimerLine>, StoreError> {
    let sql = "select t.kind, t.subject, t.due_at, r.state, r.expires_at
        from timer t left join reservation r on r.id = t.subject
        where (t.kind, t.subject) > ($1, $2) order by t.kind, t.subject limit $3";
    let rows = on!(tx, conn => sqlx::query_as(sql)
        .bind(after.0).bind(after.1).bind(PAGE_ROWS).fetch_all(conn).await)?;
    Ok(rows)
}

/// A sale.
#[derive(Debug, Clone, sqlx::FromRow)]
pub struct SaleLine {
    pub version: i64,
    pub id: String,
    pub register: String,
    pub number: i64,
    pub receipt_number: String,
    pub total: i64,
    pub attention: Option<String>,
    pub document: String,
}

/// The next sales, by version.
pub async fn sales(tx: &mut Tx, after: i64, upto: i64) -> Result<Vec<SaleLine>, StoreError> {
    let sql = "select version, id, register, number, receipt_number, total, attention, document
        from sale where version > $1 and version <= $2 order by version limit $3";
    let rows = on!(tx, conn => sqlx::query_as(sql)
        .bind(after).bind(upto).bind(PAGE_ROWS).fetch_all(conn).await)?;
    Ok(rows)
}

/// Units of an item that a version's sale moved to customers.
#[derive(Debug, Clone, sqlx::FromRow)]
pub struct SoldLine {
    pub version: i64,
    pub item: i64,
    pub units: i64,
}

/// Units sold by registers in a window of versions.
pub async fn sold(tx: &mut Tx, after: i64, upto: i64) -> Result<Vec<SoldLine>, StoreError> {
    let sql = "select version, item, cast(sum(quantity) as bigint) as units from movement
        where version > $1 and version <= $2 and reason = 'sale' and to_place = 'customer'
        group by version, item";
    Ok(on!(tx, conn => sqlx::query_as(sql).bind(after).bind(upto).fetch_all(conn).await)?)
}

/// The next versions by which units went to a register's customers, behind one.
pub async fn sold_later(tx: &mut Tx, after: i64, upto: i64) -> Result<Vec<i64>, StoreError> {
    let sql = "select distinct version from movement
        where version > $1 and version <= $2 and reason = 'sale' and to_place = 'customer'
        order by version limit $3";
    Ok(on!(tx, conn => sqlx::query_scalar(sql)
        .bind(after).bind(upto).bind(PAGE_ROWS).fetch_all(conn).await)?)
}

/// The next receipt numbers behind (register, number, version): register, number, version, text.
pub async fn receipts(
    tx: &mut Tx,
    after: (&str, i64, i64),
    upto: i64,
) -> Result<Vec<(String, i64, i64, String)>, StoreError> {
    let sql = "select register, number, version, receipt_number from sale
        where (register, number, version) > ($1, $2, $3) and version <= $4
        order by register, number, version limit $5";
    let rows = on!(tx, conn => sqlx::query_as(sql)
        .bind(after.0).bind(after.1).bind(after.2).bind(upto).bind(PAGE_ROWS)
        .fetch_all(conn).await)?;
    Ok(rows)
}

/// Codes of the stores of which an agent was restored or copied.
pub async fn copied_stores(tx: &mut Tx) -> Result<Vec<String>, StoreError> {
    let sql = "select distinct location from incarnation where value like '%\"forked\":true%'";
    let forked: Vec<i64> = on!(tx, conn => sqlx::query_scalar(sql).fetch_all(conn).await)?;
    let sql = "select value from record where key like 'location/%' and value is not null";
    let records: Vec<String> = on!(tx, conn => sqlx::query_scalar(sql).fetch_all(conn).await)?;
    let mut codes = vec![];
    for record in records {
        let location: StoreLine =
            serde_json::from_str(&record).map_err(|e| StoreError::unreadable("record", e))?;
        if forked.contains(&location.no) {
            codes.push(location.code);
        }
    }
    Ok(codes)
}

#[derive(serde::Deserialize)]
struct StoreLine {
    no: i64,
    code: String,
}

/// An item's details, as stored.
#[derive(Debug, Clone, sqlx::FromRow)]
pub struct ItemLine {
    pub no: i64,
    pub sku: String,
    pub details: String,
}

/// The next items, by number.
pub async fn items(tx: &mut Tx, after: i64) -> Result<Vec<ItemLine>, StoreError> {
    let sql = "select no, sku, details from item where no > $1 order by no limit $2";
    let rows = on!(tx, conn => sqlx::query_as(sql)
        .bind(after).bind(PAGE_ROWS / 5).fetch_all(conn).await)?;
    Ok(rows)
}

/// A barcode with its owner's details.
#[derive(Debug, Clone, sqlx::FromRow)]
pub struct BarcodeLine {
    pub code: String,
    pub item: i64,
    pub details: Option<String>,
}

/// The next barcodes, by code.
pub async fn barcodes(tx: &mut Tx, after: &str) -> Result<Vec<BarcodeLine>, StoreError> {
    let sql = "select b.code, b.item, i.details from barcode b left join item i on i.no = b.item
        where b.code > $1 order by b.code limit $2";
    let rows = on!(tx, conn => sqlx::query_as(sql)
        .bind(after).bind(PAGE_ROWS / 5).fetch_all(conn).await)?;
    Ok(rows)
}

/// The owners of barcodes, as far as they have one.
pub async fn owners_of(tx: &mut Tx, codes: &[String]) -> Result<Vec<(String, i64)>, StoreError> {
    let mut rows = tx.rows("t");
    for code in codes {
        rows.row(|r| {
            r.text(code);
        });
    }
    let sql = "select b.code, b.item from {rows} join barcode b on b.code = r.c0";
    tx.fetch(sql, rows).await
}
