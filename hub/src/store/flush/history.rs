//! What is only ever added: answers, versions, movements, sales, events.

use oneshelf_domain::stock::Movement;
use oneshelf_sync::plan::{CommandRow, EventRow, LedgerRow, SaleRow, Writes};

use super::{Row, Statements, Tx, add};

pub(super) fn commands(tx: &Tx, all: &mut Statements, writes: &Writes) {
    let table = ("command", "id, principal, fingerprint, outcome, version, recorded_at, fact");
    add(tx, all, table, "ttttbbb", &writes.commands, |r: &mut Row<'_>, c: &CommandRow| {
        r.shown(c.id)
            .text(&c.known.principal)
            .opt_text(c.known.version.is_none().then_some(&c.known.fingerprint))
            .text(&c.known.outcome)
            .opt_int(c.known.version.map(|v| v.0))
            .int(c.recorded_at.0)
            .int(i64::from(c.fact));
    });
}

pub(super) fn ledger(tx: &Tx, all: &mut Statements, writes: &Writes) {
    let table = (
        "ledger",
        "version, command, kind, actor, on_behalf_of, reference, occurred_at, \
         recorded_at, fingerprint, movements, hash",
    );
    add(tx, all, table, "btttttbbtbt", &writes.ledger, |r: &mut Row<'_>, l: &LedgerRow| {
        r.int(l.version.0)
            .shown(l.command)
            .text(&l.kind)
            .text(&l.actor)
            .opt_text(l.on_behalf_of.as_deref())
            .opt_text(l.reference.as_deref())
            .opt_int(l.occurred_at.map(|t| t.0))
            .int(l.recorded_at.0)
            .text(&l.fingerprint)
            .int(i64::try_from(l.movements.len()).unwrap_or(i64::MAX))
            .text(&l.hash);
    });
    let table = (
        "movement",
        "version, line, item, from_location, from_place, to_location, to_place, \
         quantity, from_after, to_after, reason, reservation",
    );
    let lines = writes
        .ledger
        .iter()
        .flat_map(|l| (0_i64..).zip(&l.movements).map(|(line, m)| (l.version.0, line, m)));
    add(tx, all, table, "bbbbtbtbbbtt", lines, |r: &mut Row<'_>, row: (i64, i64, &Movement)| {
        let (version, line, m) = row;
        r.int(version)
            .int(line)
            .int(m.item.0)
            .int(m.from.location.0)
            .text(m.from.place.name())
            .int(m.to.location.0)
            .text(m.to.place.name())
            .int(m.quantity)
            .int(m.from_after)
            .int(m.to_after)
            .text(m.reason.name())
            .opt_shown(m.reservation);
    });
}

pub(super) fn sales(tx: &Tx, all: &mut Statements, writes: &Writes) {
    let table = (
        "sale",
        "version, id, location, register, number, receipt_number, occurred_at, total, \
         attention, document",
    );
    add(tx, all, table, "btbtbtbbtt", &writes.sales, |r: &mut Row<'_>, s: &SaleRow| {
        r.int(s.version.0)
            .shown(s.document.id)
            .int(s.location.0)
            .text(&s.document.register)
            .int(s.document.number)
            .text(&s.document.receipt_number)
            .int(s.occurred_at.0)
            .int(s.document.total_minor)
            .opt_text(s.attention.as_deref())
            .json(&s.document);
    });
}

pub(super) fn events(tx: &Tx, all: &mut Statements, writes: &Writes) {
    let table = ("event", "version, line, kind, subject, body");
    add(tx, all, table, "bbttt", &writes.events, |r: &mut Row<'_>, e: &EventRow| {
        r.int(e.version.0).int(e.line).text(&e.kind).text(&e.subject).text(&e.body);
    });
}
