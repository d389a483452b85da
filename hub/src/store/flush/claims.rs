//! Stock rows, reservations with their lines, timers: the newest state of each.

use oneshelf_domain::Timestamp;
use oneshelf_domain::stock::{Reservation, ReservationLine, Stock, StockKey, TimerKind};
use oneshelf_sync::plan::Writes;

use super::{Row, Statements, Tx, add, put};

pub(super) fn stock(tx: &Tx, all: &mut Statements, writes: &Writes) {
    let sql = "insert into stock \
               (item, location, available, store_share, reserved, picked, quality_control, \
               damaged, in_doubt, supplier, customer, adjustment, scrap, discrepancy, short, \
               version) \
               select c0, c1, c2, c3, c4, c5, c6, c7, c8, c9, c10, c11, c12, c13, c14, c15 \
               from {rows} where true \
               on conflict (item, location) do update set \
               available = excluded.available, store_share = excluded.store_share, \
               reserved = excluded.reserved, picked = excluded.picked, \
               quality_control = excluded.quality_control, damaged = excluded.damaged, \
               in_doubt = excluded.in_doubt, supplier = excluded.supplier, \
               customer = excluded.customer, adjustment = excluded.adjustment, \
               scrap = excluded.scrap, discrepancy = excluded.discrepancy, \
               short = excluded.short, version = excluded.version";
    put(tx, all, sql, "bbbbbbbbbbbbbbbb", &writes.stock, |r, (key, row): (&StockKey, &Stock)| {
        r.int(key.item.0).int(key.location.0);
        for balance in row.balances {
            r.int(balance);
        }
        r.int(row.short).int(row.version.0);
    });
}

/// New rows and changed ones apart: for a row that may be there, PostgreSQL must insert on
/// probation. A changed one is stored as if it were new: a plan of `update ... from`, made while
/// the table was empty, would read all of it later.
pub(super) fn reservations(tx: &Tx, all: &mut Statements, writes: &Writes) {
    let (new, old): (Vec<_>, Vec<_>) = writes.reservations.values().partition(|r| writes.made(r));
    let fill = |r: &mut Row<'_>, h: &&Reservation| {
        r.shown(h.id)
            .text(h.state.name())
            .opt_int(h.expires_at.map(|t| t.0))
            .opt_text(h.channel.as_deref())
            .opt_text(h.shopper.as_deref())
            .opt_text(h.address.as_deref())
            .opt_text(h.reference.as_deref())
            .opt_int(h.transfer.map(|t| t.from.0))
            .opt_int(h.transfer.map(|t| t.to.0))
            .opt_int(h.transfer.map(|t| t.via.0))
            .int(h.created.0)
            .int(h.version.0);
    };
    let columns = "id, state, expires_at, channel, shopper, address, reference, \
                   transfer_from, transfer_to, transfer_via, created, version";
    add(tx, all, ("reservation", columns), "ttbttttbbbbb", &new, fill);
    let sql = "insert into reservation \
               (id, state, expires_at, channel, shopper, address, reference, \
               transfer_from, transfer_to, transfer_via, created, version) \
               select c0, c1, c2, c3, c4, c5, c6, c7, c8, c9, c10, c11 from {rows} where true \
               on conflict (id) do update set state = excluded.state, \
               expires_at = excluded.expires_at, version = excluded.version";
    put(tx, all, sql, "ttbttttbbbbb", &old, fill);
    let fill = |r: &mut Row<'_>, (h, line, l): (&Reservation, i64, &ReservationLine)| {
        r.shown(h.id)
            .int(line)
            .int(l.item.0)
            .int(l.location.0)
            .int(l.quantity)
            .int(l.short)
            .int(i64::from(h.state.is_open()))
            .opt_int(l.kit.map(|kit| kit.item.0))
            .opt_int(l.kit.map(|kit| kit.quantity));
    };
    let columns = "reservation, line, item, location, quantity, short, open, kit, kit_quantity";
    add(tx, all, ("reservation_line", columns), "tbbbbbbbb", lines(&new), fill);
    let sql = "insert into reservation_line \
               (reservation, line, item, location, quantity, short, open, kit, kit_quantity) \
               select c0, c1, c2, c3, c4, c5, c6, c7, c8 from {rows} where true \
               on conflict (reservation, line) do update set \
               location = excluded.location, quantity = excluded.quantity, \
               short = excluded.short, open = excluded.open";
    put(tx, all, sql, "tbbbbbbbb", lines(&old), fill);
}

/// Lines with their numbers.
fn lines<'a>(
    reservations: &'a [&'a Reservation],
) -> impl Iterator<Item = (&'a Reservation, i64, &'a ReservationLine)> {
    reservations.iter().flat_map(|h| (0_i64..).zip(&h.lines).map(move |(line, l)| (*h, line, l)))
}

pub(super) fn timers(tx: &Tx, all: &mut Statements, writes: &Writes) {
    type Set<'a> = (&'a (TimerKind, String), Timestamp);
    let fill = |r: &mut Row<'_>, (key, due): Set<'_>| {
        r.text(key.0.name()).text(&key.1).int(due.0);
    };
    // A reservation that is new has no timer in the table yet.
    let new = |(kind, subject): &(TimerKind, String)| {
        let made = |id| writes.reservations.get(&id).is_some_and(|r| writes.made(r));
        *kind == TimerKind::ExpireReservation && subject.parse().is_ok_and(made)
    };
    let set = writes.timers.iter().filter_map(|(key, due)| Some((key, (*due)?)));
    let (fresh, other): (Vec<_>, Vec<_>) = set.partition(|(key, _)| new(key));
    add(tx, all, ("timer", "kind, subject, due_at"), "ttb", fresh, fill);
    let sql = "insert into timer (kind, subject, due_at) select c0, c1, c2 from {rows} \
               where true on conflict (kind, subject) do update set due_at = excluded.due_at";
    put(tx, all, sql, "ttb", other, fill);
    let cleared = writes.timers.iter().filter(|(key, due)| due.is_none() && !new(key));
    let cleared = cleared.map(|(key, _)| key);
    let sql = "delete from timer where (kind, subject) in (select c0, c1 from {rows})";
    put(tx, all, sql, "tt", cleared, |r, key: &(TimerKind, String)| {
        r.text(key.0.name()).text(&key.1);
    });
}
