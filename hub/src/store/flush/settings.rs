//! Items with their barcodes, records, and the agents' incarnations and shares.

use oneshelf_domain::item::{Item, ItemState};
use oneshelf_domain::record::Record;
use oneshelf_domain::stock::{Incarnation, ItemNo, Share, StockKey, Version};
use oneshelf_domain::{Barcode, IncarnationId};
use oneshelf_sync::plan::Writes;

use super::{Row, Statements, Tx, put};
use crate::store::search::item_text;

pub(super) fn items(tx: &Tx, all: &mut Statements, writes: &Writes) {
    let sql = "insert into item (no, sku, search, state, details, prices, version) \
               select c0, c1, c2, c3, c4, c5, c6 from {rows} where true \
               on conflict (no) do update set search = excluded.search, state = excluded.state, \
               details = excluded.details, prices = excluded.prices, \
               version = excluded.version";
    put(tx, all, sql, "btttttb", writes.items.values(), |r, i: &Item| {
        let state = match i.details.state {
            ItemState::Active => "active",
            ItemState::Retired => "retired",
        };
        r.int(i.no.0)
            .text(i.sku.as_str())
            .text(&item_text(i))
            .text(state)
            .json(&i.details)
            .json(&i.prices)
            .int(i.version.0);
    });
    let owned = writes.barcodes.iter().filter_map(|(code, owner)| Some((code, (*owner)?)));
    let sql = "insert into barcode (code, item) select c0, c1 from {rows} where true \
               on conflict (code) do update set item = excluded.item";
    put(tx, all, sql, "tb", owned, |r, (code, owner): (&Barcode, ItemNo)| {
        r.text(code.as_str()).int(owner.0);
    });
    let gone = writes.barcodes.iter().filter(|(_, owner)| owner.is_none()).map(|(code, _)| code);
    let sql = "delete from barcode where code in (select c0 from {rows})";
    put(tx, all, sql, "t", gone, |r, code: &Barcode| {
        r.text(code.as_str());
    });
}

type RecordRow<'a> = (&'a String, &'a (Version, Option<Record>));

pub(super) fn records(tx: &Tx, all: &mut Statements, writes: &Writes) {
    let sql = "insert into record (key, value, version) select c0, c1, c2 from {rows} \
               where true on conflict (key) do update set \
               value = excluded.value, version = excluded.version";
    put(tx, all, sql, "ttb", &writes.records, |r: &mut Row<'_>, row: RecordRow<'_>| {
        let (key, (version, record)) = row;
        r.text(key);
        match record {
            Some(value) => r.json(value),
            None => r.opt_text(None),
        };
        r.int(version.0);
    });
}

type ShareRow<'a> = (&'a (IncarnationId, StockKey), &'a (Version, Share));

pub(super) fn agents(tx: &Tx, all: &mut Statements, writes: &Writes) {
    let sql = "insert into incarnation (id, location, retired, created, value) \
               select c0, c1, c2, c3, c4 from {rows} where true \
               on conflict (id) do update set \
               retired = excluded.retired, value = excluded.value";
    put(tx, all, sql, "tbbbt", writes.incarnations.values(), |r, i: &Incarnation| {
        r.shown(i.id).int(i.location.0).int(i64::from(i.retired)).int(i.created.0).json(i);
    });
    let sql = "insert into share (incarnation, item, location, granted, brought, sold, returned, \
               doubt, written_off, version) \
               select c0, c1, c2, c3, c4, c5, c6, c7, c8, c9 from {rows} where true \
               on conflict (incarnation, item) do update set granted = excluded.granted, \
               brought = excluded.brought, sold = excluded.sold, returned = excluded.returned, \
               doubt = excluded.doubt, written_off = excluded.written_off, \
               version = excluded.version";
    put(tx, all, sql, "tbbbbbbbbb", &writes.shares, |r: &mut Row<'_>, row: ShareRow<'_>| {
        let ((id, key), (version, s)) = row;
        r.shown(id)
            .int(key.item.0)
            .int(key.location.0)
            .int(s.granted)
            .int(s.brought)
            .int(s.sold)
            .int(s.returned)
            .int(s.doubt)
            .int(s.written_off)
            .int(version.0);
    });
}
