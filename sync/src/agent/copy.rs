//! The copy of the hub's rows: applied whole frames only, in order, of one epoch.
//!
//! A frame is applied when `after` is not beyond the cursor and no part of it is missing; else the
//! agent asks again from where it is (DESIGN.md section 7).

use oneshelf_domain::stock::{Lease, ReservationState};
use oneshelf_domain::{CommandId, ReservationId, Timestamp};
use oneshelf_protocol::frame::{Applied, Body, Cursor, Total, Up};
use oneshelf_protocol::replica::Row;

use super::{Agent, Fresh, Note, Out, Step, Write};

/// A frame of changed rows.
pub(super) struct Changed {
    pub session: Lease,
    pub epoch: i64,
    pub after: i64,
    pub upto: i64,
    pub applied: Applied,
    pub rows: Vec<Row>,
    pub part: u32,
    pub more: bool,
}

impl Agent {
    pub(super) fn changed(&mut self, mut frame: Changed, now: Timestamp, fresh: Fresh<'_>) -> Step {
        if self.session != Some(frame.session) {
            return Step::default();
        }
        let whole = frame.after == 0;
        let fits = frame.epoch == self.cursor.epoch && frame.after <= self.cursor.version;
        if !whole && !fits {
            return self.ask_rows(frame.session);
        }
        let of = (frame.after, frame.upto, frame.part);
        if frame.part == 0 {
            // What is here is of a frame whose rest was lost: its rows may be newer.
            self.rows.clear();
        } else if self.rows_due != Some(of) {
            // A part before this one is missing: with the last one it is sure that none comes.
            let last = !frame.more;
            self.rows.clear();
            self.rows_due = None;
            return if last { self.ask_rows(frame.session) } else { Step::default() };
        }
        self.rows_due = Some((frame.after, frame.upto, frame.part.saturating_add(1)));
        self.rows.append(&mut frame.rows);
        if frame.more {
            return Step::default();
        }
        let rows = std::mem::take(&mut self.rows);
        self.rows_due = None;
        self.caught_up = true;
        let cursor = Cursor { epoch: frame.epoch, version: frame.upto };
        if fits && frame.upto <= self.cursor.version && !whole {
            return Step::default(); // an old copy
        }
        self.cursor = cursor;
        self.applied = frame.applied;
        let of_records = |row: &Row| matches!(row, Row::Record { .. } | Row::Item { .. });
        let mut notes = vec![Note::Copy];
        if whole || rows.iter().any(of_records) {
            notes.push(Note::Records);
        }
        let given_up: Vec<_> = rows.iter().filter_map(given_up).collect();
        let mut step = Step {
            writes: vec![Write::Rows { whole, rows, cursor, applied: frame.applied }],
            notes,
            ..Step::default()
        };
        // In the same transaction as the row: from then on nobody hands it over here. One that
        // was handed over has that fact before this one, and the hub goes by their order.
        for (reservation, lines) in given_up {
            let body = Body::Released { reservation, lines };
            step.then(self.log(CommandId(fresh()), body, now));
        }
        step
    }

    /// Asks for everything behind the copy.
    fn ask_rows(&mut self, session: Lease) -> Step {
        self.rows.clear();
        self.rows_due = None;
        let ask = Up::Cursor { session, cursor: self.cursor };
        Step { send: vec![Out::Frame(ask)], ..Step::default() }
    }
}

/// A reservation that waits for this store's word, and the units that it still holds here.
fn given_up(row: &Row) -> Option<(ReservationId, Vec<Total>)> {
    let Row::Reservation { id, state, lines, .. } = row else { return None };
    if ReservationState::from_name(state) != Some(ReservationState::Releasing) {
        return None;
    }
    let held = lines.iter().filter(|(_, quantity, short)| quantity > short);
    let held: Vec<Total> = held.map(|(sku, units, short)| (sku.clone(), units - short)).collect();
    (!held.is_empty()).then_some((*id, held))
}
