//! The copy of the hub's rows: applied whole frames only, in order, of one epoch.
//!
//! A frame is applied when `after` is not beyond the cursor; else the agent asks again from where
//! it is (DESIGN.md section 7).

use oneshelf_domain::stock::Lease;
use oneshelf_protocol::frame::{Applied, Cursor, Up};
use oneshelf_protocol::replica::Row;

use super::{Agent, Note, Out, Step, Write};

/// A frame of changed rows.
pub(super) struct Changed {
    pub session: Lease,
    pub epoch: i64,
    pub after: i64,
    pub upto: i64,
    pub applied: Applied,
    pub rows: Vec<Row>,
    pub more: bool,
}

impl Agent {
    pub(super) fn changed(&mut self, mut frame: Changed) -> Step {
        if self.session != Some(frame.session) {
            return Step::default();
        }
        let whole = frame.after == 0;
        let fits = frame.epoch == self.cursor.epoch && frame.after <= self.cursor.version;
        if !whole && !fits {
            self.rows.clear();
            let ask = Up::Cursor { session: frame.session, cursor: self.cursor };
            return Step { send: vec![Out::Frame(ask)], ..Step::default() };
        }
        let of = (frame.after, frame.upto);
        if self.rows_of != Some(of) {
            // Parts of another frame, whose rest was lost: its rows may be newer than this one's.
            self.rows.clear();
        }
        self.rows_of = Some(of);
        self.rows.append(&mut frame.rows);
        if frame.more {
            return Step::default();
        }
        let rows = std::mem::take(&mut self.rows);
        self.rows_of = None;
        self.caught_up = true;
        let cursor = Cursor { epoch: frame.epoch, version: frame.upto };
        if fits && frame.upto <= self.cursor.version && !whole {
            return Step::default(); // an old copy
        }
        self.cursor = cursor;
        self.applied = frame.applied;
        Step {
            writes: vec![Write::Rows { whole, rows, cursor, applied: frame.applied }],
            notes: vec![Note::Copy],
            ..Step::default()
        }
    }
}
