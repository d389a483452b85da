//! Movements with the ledger row that each belongs to.
//!
//! It knows rows; who may see which is for its readers. Pages run by (version, line).

use oneshelf_domain::stock::{ItemNo, LocationNo, Version};

use crate::store::{StoreError, Tx, on};

/// A movement and why it happened.
#[derive(Debug, Clone, sqlx::FromRow)]
pub struct MovementRow {
    /// Of its command.
    pub version: i64,
    /// Its place in the command.
    pub line: i64,
    /// Which item.
    pub sku: String,
    /// From where.
    pub from_location: i64,
    /// From which place there.
    pub from_place: String,
    /// To where.
    pub to_location: i64,
    /// To which place there.
    pub to_place: String,
    /// How many.
    pub quantity: i64,
    /// Balance of `from` afterwards.
    pub from_after: i64,
    /// Balance of `to` afterwards.
    pub to_after: i64,
    /// Why.
    pub reason: String,
    /// For which reservation.
    pub reservation: Option<String>,
    /// The kind of command.
    pub kind: String,
    /// Who.
    pub actor: String,
    /// The caller's number.
    pub reference: Option<String>,
    /// The sender's claim.
    pub occurred_at: Option<i64>,
    /// The hub's time.
    pub recorded_at: i64,
}

/// Which movements a list shows.
#[derive(Debug, Clone, Copy)]
pub struct Wanted {
    /// One item.
    pub item: Option<ItemNo>,
    /// One location, on either side.
    pub location: Option<LocationNo>,
    /// Up to this version.
    pub upto: Version,
    /// Rows of the page.
    pub limit: i64,
}

macro_rules! columns {
    () => {
        "select m.version, m.line, i.sku, m.from_location, m.from_place, m.to_location,
           m.to_place, m.quantity, m.from_after, m.to_after, m.reason, m.reservation,
           l.kind, l.actor, l.reference, l.occurred_at, l.recorded_at
         from movement m join ledger l on l.version = m.version join item i on i.no = m.item
         where m.version <= $1 and (m.from_location = $2 or m.to_location = $2 or $2 = 0) "
    };
}

/// The oldest movements behind a place, oldest first.
///
/// # Errors
/// When the database does not answer.
pub async fn after(
    tx: &mut Tx,
    wanted: Wanted,
    (version, line): (i64, i64),
) -> Result<Vec<MovementRow>, StoreError> {
    let location = wanted.location.map_or(0, |l| l.0);
    let found: Vec<MovementRow> = match wanted.item {
        Some(item) => {
            let sql = concat!(
                columns!(),
                "and m.item = $3 and (m.version, m.line) > ($4, $5)
                 order by m.version, m.line limit $6"
            );
            on!(tx, conn => sqlx::query_as(sql)
                .bind(wanted.upto.0).bind(location).bind(item.0).bind(version).bind(line)
                .bind(wanted.limit).fetch_all(conn).await)?
        }
        None => {
            let sql = concat!(
                columns!(),
                "and (m.version, m.line) > ($3, $4) order by m.version, m.line limit $5"
            );
            on!(tx, conn => sqlx::query_as(sql)
                .bind(wanted.upto.0).bind(location).bind(version).bind(line)
                .bind(wanted.limit).fetch_all(conn).await)?
        }
    };
    Ok(found)
}

/// The newest movements of an item at a location, newest first.
///
/// # Errors
/// When the database does not answer.
pub async fn newest(
    tx: &mut Tx,
    item: ItemNo,
    location: LocationNo,
    upto: Version,
    limit: i64,
) -> Result<Vec<MovementRow>, StoreError> {
    let sql = concat!(columns!(), "and m.item = $3 order by m.version desc, m.line desc limit $4");
    let found = on!(tx, conn => sqlx::query_as(sql)
        .bind(upto.0).bind(location.0).bind(item.0).bind(limit).fetch_all(conn).await)?;
    Ok(found)
}
