//! Reservations with their lines.
//!
//! It knows rows; who may see which is for its readers.

use oneshelf_domain::stock::{
    ItemNo, LocationNo, Reservation, ReservationLine, ReservationState, Version,
};
use oneshelf_domain::{ReservationId, Timestamp};

use crate::store::{StoreError, Tx, on};

#[derive(sqlx::FromRow)]
struct Columns {
    state: String,
    expires_at: Option<i64>,
    channel: Option<String>,
    shopper: Option<String>,
    address: Option<String>,
    reference: Option<String>,
    created: i64,
    version: i64,
}

/// One reservation.
///
/// # Errors
/// When the database does not answer.
pub async fn by_id(tx: &mut Tx, id: ReservationId) -> Result<Option<Reservation>, StoreError> {
    let name = id.to_string();
    let sql = "select state, expires_at, channel, shopper, address, reference, created, version
        from reservation where id = $1";
    let found: Option<Columns> =
        on!(&mut *tx, conn => sqlx::query_as(sql).bind(&name).fetch_optional(conn).await)?;
    let Some(row) = found else { return Ok(None) };
    let sql = "select item, location, quantity, short from reservation_line
        where reservation = $1 order by line";
    let lines: Vec<(i64, i64, i64, i64)> =
        on!(tx, conn => sqlx::query_as(sql).bind(&name).fetch_all(conn).await)?;
    let state = ReservationState::from_name(&row.state)
        .ok_or_else(|| StoreError::unreadable("reservation", &row.state))?;
    let line = |(item, location, quantity, short): (i64, i64, i64, i64)| ReservationLine {
        item: ItemNo(item),
        location: LocationNo(location),
        quantity,
        short,
    };
    Ok(Some(Reservation {
        id,
        state,
        lines: lines.into_iter().map(line).collect(),
        expires_at: row.expires_at.map(Timestamp),
        channel: row.channel,
        shopper: row.shopper,
        address: row.address,
        reference: row.reference,
        created: Version(row.created),
        version: Version(row.version),
    }))
}
