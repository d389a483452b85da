//! Loads incarnations of stores' agents and what each owns of an item.

use oneshelf_domain::IncarnationId;
use oneshelf_domain::stock::{Incarnation, ItemNo, Key, LocationNo, Share, State, StockKey};

use super::{CHUNK_ROWS, Kinds, parse};
use crate::store::{Rows, StoreError, Tx};

pub(super) async fn load(tx: &mut Tx, state: &mut State, kinds: &Kinds) -> Result<(), StoreError> {
    for chunk in kinds.incarnations.chunks(CHUNK_ROWS) {
        let rows = named(tx, chunk);
        let sql = "select i.value from {rows} join incarnation i on i.id = r.c0";
        incarnations(tx, state, sql, rows).await?;
        for id in chunk {
            if !state.has(&Key::Incarnation(*id)) {
                state.put_incarnation(*id, None);
            }
        }
    }
    for chunk in kinds.incarnations_at.chunks(CHUNK_ROWS) {
        let mut rows = tx.rows("b");
        for location in chunk {
            rows.row(|r| {
                r.int(location.0);
            });
        }
        let sql = "select i.value from {rows} join incarnation i on i.location = r.c0";
        incarnations(tx, state, sql, rows).await?;
        chunk.iter().for_each(|l| state.loaded(Key::IncarnationsAt(*l)));
    }
    for chunk in kinds.shares_at.chunks(CHUNK_ROWS) {
        let mut rows = tx.rows("bb");
        for key in chunk {
            rows.row(|r| {
                r.int(key.item.0).int(key.location.0);
            });
        }
        shares(tx, state, "s.item = r.c0 and s.location = r.c1", rows).await?;
        chunk.iter().for_each(|k| state.loaded(Key::SharesAt(*k)));
    }
    for chunk in kinds.shares_of.chunks(CHUNK_ROWS) {
        let rows = named(tx, chunk);
        shares(tx, state, "s.incarnation = r.c0", rows).await?;
        chunk.iter().for_each(|id| state.loaded(Key::SharesOf(*id)));
    }
    Ok(())
}

fn named(tx: &Tx, ids: &[IncarnationId]) -> Rows {
    let mut rows = tx.rows("t");
    for id in ids {
        rows.row(|r| {
            r.shown(id);
        });
    }
    rows
}

async fn incarnations(
    tx: &mut Tx,
    state: &mut State,
    sql: &str,
    rows: Rows,
) -> Result<(), StoreError> {
    let found: Vec<(String,)> = tx.fetch(sql, rows).await?;
    for (value,) in found {
        let i: Incarnation =
            serde_json::from_str(&value).map_err(|e| StoreError::unreadable("incarnation", e))?;
        if !state.has(&Key::Incarnation(i.id)) {
            state.put_incarnation(i.id, Some(i));
        }
    }
    Ok(())
}

type Columns = (String, i64, i64, i64, i64, i64, i64, i64, i64);

async fn shares(
    tx: &mut Tx,
    state: &mut State,
    condition: &str,
    rows: Rows,
) -> Result<(), StoreError> {
    let sql = format!(
        "select s.incarnation, s.item, s.location, s.granted, s.brought, s.sold, s.returned, \
         s.doubt, s.written_off from {{rows}} join share s on {condition}"
    );
    let found: Vec<Columns> = tx.fetch(&sql, rows).await?;
    for row in found {
        let (id, item, location, granted, brought, sold, returned, doubt, written_off) = row;
        let id: IncarnationId = parse("share", &id)?;
        let key = StockKey { item: ItemNo(item), location: LocationNo(location) };
        // A share that the state answers for is at hand, or was not there when all were loaded.
        if state.share(key, id).is_err() {
            let share = Share { granted, brought, sold, returned, doubt, written_off };
            state.put_share(key, id, share);
        }
    }
    Ok(())
}
