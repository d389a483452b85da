//! Reservations with their lines.
//!
//! It knows rows; who may see which is for its readers.

use oneshelf_domain::stock::{
    ItemNo, LocationNo, OfKit, Reservation, ReservationLine, ReservationState, Version,
};
use oneshelf_domain::{ReservationId, Timestamp};

use crate::store::load::claims::transfer;
use crate::store::{StoreError, Tx, on};

#[derive(sqlx::FromRow)]
struct Columns {
    state: String,
    expires_at: Option<i64>,
    channel: Option<String>,
    shopper: Option<String>,
    address: Option<String>,
    reference: Option<String>,
    transfer_from: Option<i64>,
    transfer_to: Option<i64>,
    transfer_via: Option<i64>,
    created: i64,
    version: i64,
}

/// One reservation.
///
/// # Errors
/// When the database does not answer.
pub async fn by_id(tx: &mut Tx, id: ReservationId) -> Result<Option<Reservation>, StoreError> {
    let name = id.to_string();
    let sql = "select state, expires_at, channel, shopper, address, reference,
            transfer_from, transfer_to, transfer_via, created, version
        from reservation where id = $1";
    let found: Option<Columns> =
        on!(&mut *tx, conn => sqlx::query_as(sql).bind(&name).fetch_optional(conn).await)?;
    let Some(row) = found else { return Ok(None) };
    let sql = "select item, location, quantity, short, kit, kit_quantity from reservation_line
        where reservation = $1 order by line";
    type Line = (i64, i64, i64, i64, Option<i64>, Option<i64>);
    let lines: Vec<Line> = on!(tx, conn => sqlx::query_as(sql).bind(&name).fetch_all(conn).await)?;
    let state = ReservationState::from_name(&row.state)
        .ok_or_else(|| StoreError::unreadable("reservation", &row.state))?;
    let line = |(item, location, quantity, short, kit, kits): Line| ReservationLine {
        item: ItemNo(item),
        location: LocationNo(location),
        quantity,
        short,
        kit: OfKit::stored(kit, kits),
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
        transfer: transfer(row.transfer_from, row.transfer_to, row.transfer_via),
        created: Version(row.created),
        version: Version(row.version),
    }))
}
