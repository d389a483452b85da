//! Loads reservations: by id, by the stock row that they draw on, by whose holds they are.
//!
//! Invariant: a reservation is put in with all its lines or not at all.

use std::collections::BTreeMap;

use oneshelf_domain::stock::{
    ItemNo, Key, LocationNo, OfKit, Reservation, ReservationLine, ReservationState, State,
    Transfer, Version,
};
use oneshelf_domain::{ReservationId, Timestamp};

use super::{CHUNK_ROWS, Kinds, parse};
use crate::store::{Rows, StoreError, Tx};

pub(super) async fn load(tx: &mut Tx, state: &mut State, kinds: &Kinds) -> Result<(), StoreError> {
    let mut wanted = kinds.reservations.clone();
    for chunk in kinds.open.chunks(CHUNK_ROWS) {
        let mut rows = tx.rows("bb");
        for key in chunk {
            rows.row(|r| {
                r.int(key.item.0).int(key.location.0);
            });
        }
        let sql = "select distinct l.reservation from {rows} \
                   join reservation_line l on l.item = r.c0 and l.location = r.c1 and l.open = 1";
        wanted.extend(ids(tx, sql, rows).await?);
    }
    let of_shopper = "select h.id from {rows} join reservation h \
                      on h.shopper = r.c0 and h.shopper is not null and h.state = 'held'";
    let from_address = "select h.id from {rows} join reservation h \
                        on h.address = r.c0 and h.address is not null and h.state = 'held'";
    for (texts, sql) in [(&kinds.shoppers, of_shopper), (&kinds.addresses, from_address)] {
        for chunk in texts.chunks(CHUNK_ROWS) {
            let mut rows = tx.rows("t");
            for text in chunk {
                rows.row(|r| {
                    r.text(text);
                });
            }
            wanted.extend(ids(tx, sql, rows).await?);
        }
    }
    wanted.sort_unstable();
    wanted.dedup();
    wanted.retain(|id| !state.has(&Key::Reservation(*id)));
    for chunk in wanted.chunks(CHUNK_ROWS) {
        reservations(tx, state, chunk).await?;
    }
    kinds.open.iter().for_each(|k| state.loaded(Key::OpenReservations(*k)));
    kinds.shoppers.iter().for_each(|s| state.loaded(Key::HoldsOfShopper(s.clone())));
    kinds.addresses.iter().for_each(|a| state.loaded(Key::HoldsFromAddress(a.clone())));
    Ok(())
}

async fn ids(tx: &mut Tx, sql: &str, rows: Rows) -> Result<Vec<ReservationId>, StoreError> {
    let found: Vec<(String,)> = tx.fetch(sql, rows).await?;
    found.iter().map(|(id,)| parse("reservation", id)).collect()
}

async fn reservations(
    tx: &mut Tx,
    state: &mut State,
    wanted: &[ReservationId],
) -> Result<(), StoreError> {
    let mut found = read(tx, wanted).await?;
    for id in wanted {
        let reservation = found.remove(&id.to_string());
        state.put_reservation(*id, reservation);
    }
    Ok(())
}

type Columns = (
    String,
    String,
    Option<i64>,
    Option<String>,
    Option<String>,
    Option<String>,
    Option<String>,
    Option<i64>,
    Option<i64>,
    Option<i64>,
    i64,
    i64,
);

/// Reservations with their lines, by their ids.
pub(in crate::store) async fn read(
    tx: &mut Tx,
    wanted: &[ReservationId],
) -> Result<BTreeMap<String, Reservation>, StoreError> {
    let named = |tx: &Tx| {
        let mut rows = tx.rows("t");
        for id in wanted {
            rows.row(|r| {
                r.shown(id);
            });
        }
        rows
    };
    let rows = named(tx);
    let heads: Vec<Columns> = tx
        .fetch(
            "select h.id, h.state, h.expires_at, h.channel, h.shopper, h.address, h.reference, \
             h.transfer_from, h.transfer_to, h.transfer_via, h.created, h.version \
             from {rows} join reservation h on h.id = r.c0",
            rows,
        )
        .await?;
    let mut found = BTreeMap::new();
    if heads.is_empty() {
        return Ok(found);
    }
    for head in heads {
        found.insert(head.0.clone(), reservation(head)?);
    }
    let rows = named(tx);
    type Line = (String, i64, i64, i64, i64, Option<i64>, Option<i64>);
    let lines: Vec<Line> = tx
        .fetch(
            "select l.reservation, l.item, l.location, l.quantity, l.short, l.kit, \
             l.kit_quantity \
             from {rows} join reservation_line l on l.reservation = r.c0 \
             order by l.reservation, l.line",
            rows,
        )
        .await?;
    for (id, item, location, quantity, short, kit, kits) in lines {
        if let Some(r) = found.get_mut(&id) {
            let (item, location) = (ItemNo(item), LocationNo(location));
            let kit = OfKit::stored(kit, kits);
            r.lines.push(ReservationLine { item, location, quantity, short, kit });
        }
    }
    Ok(found)
}

fn reservation(columns: Columns) -> Result<Reservation, StoreError> {
    let (
        id,
        state,
        expires_at,
        channel,
        shopper,
        address,
        reference,
        from,
        to,
        via,
        created,
        version,
    ) = columns;
    let unknown = || StoreError::unreadable("reservation", format_args!("state {state}"));
    Ok(Reservation {
        id: parse("reservation", &id)?,
        state: ReservationState::from_name(&state).ok_or_else(unknown)?,
        lines: vec![],
        expires_at: expires_at.map(Timestamp),
        channel,
        shopper,
        address,
        reference,
        transfer: transfer(from, to, via),
        created: Version(created),
        version: Version(version),
    })
}

/// Where its goods go: all three columns are there, or none.
pub(in crate::store) fn transfer(
    from: Option<i64>,
    to: Option<i64>,
    via: Option<i64>,
) -> Option<Transfer> {
    let at = |no: Option<i64>| no.map(LocationNo);
    Some(Transfer { from: at(from)?, to: at(to)?, via: at(via)? })
}
