//! Opening a session: Hello, Welcome, Stale, Retired.
//!
//! The nonce is stored before the Hello leaves and kept until the Welcome that answers it, so that
//! a copy of this database is noticed by the first nonce that uses a lease.

use oneshelf_domain::stock::Lease;
use oneshelf_domain::{CommandId, IncarnationId, Sku, Timestamp};
use oneshelf_protocol::frame::{Body, Cursor, Protocol, Up};
use oneshelf_protocol::{PROTOCOL_MAX, PROTOCOL_MIN};
use uuid::Uuid;

use super::{Agent, Fresh, Note, Out, Step, Write};

/// Totals of one Hello or Close: keeps a frame under its limit.
pub(crate) const TOTALS_PER_FRAME: usize = 1_500;

/// The answer to a Hello, or a part of it.
pub(super) struct Welcome {
    pub lease: Lease,
    pub granted: Vec<(Sku, i64)>,
    pub last: i64,
    pub anew: bool,
    pub more: bool,
}

impl Agent {
    /// A connection is there: says Hello.
    pub fn connected(&mut self, fresh: Fresh<'_>) -> Step {
        self.disconnected();
        let nonce = *self.life.nonce.get_or_insert_with(fresh);
        let mut step = Step { writes: vec![Write::Life(self.life.clone())], ..Step::default() };
        let granted: Vec<(Sku, i64)> = self
            .totals
            .iter()
            .filter(|(_, t)| t.granted > 0)
            .map(|(sku, t)| (sku.clone(), t.granted))
            .collect();
        let parts = granted.len().div_ceil(TOTALS_PER_FRAME).max(1);
        for part in 0..parts {
            let chunk = granted.iter().skip(part * TOTALS_PER_FRAME).take(TOTALS_PER_FRAME);
            step.send.push(Out::Frame(Up::Hello {
                protocol: Protocol { min: PROTOCOL_MIN, max: PROTOCOL_MAX },
                incarnation: self.life.incarnation,
                follows: self.life.follows,
                lease: self.life.lease,
                nonce,
                last: self.life.seq,
                granted: chunk.cloned().collect(),
                cursor: self.cursor,
                more: part + 1 < parts,
            }));
        }
        step
    }

    /// The connection is gone. Nothing durable changes.
    pub fn disconnected(&mut self) {
        self.session = None;
        self.asked.clear();
        self.welcome.clear();
        self.rows.clear();
        self.rows_due = None;
        self.sent = 0;
        self.stuck = None;
        self.caught_up = false;
    }

    /// The Hello that waits is answered.
    pub(super) fn welcome(&mut self, mut frame: Welcome, now: Timestamp, fresh: Fresh<'_>) -> Step {
        self.welcome.append(&mut frame.granted);
        if frame.more {
            return Step::default();
        }
        let lease = frame.lease;
        let mut step = Step::default();
        let moved = lease.epoch != self.life.lease.epoch && self.life.lease != Lease::default();
        // A hub that was put back without a new epoch: it gave or answered more than it has.
        let behind = frame.anew || frame.last < self.answered_upto();
        let again = moved || behind;
        if behind {
            // Its versions are others now. Kept until the rows are here: no later Hello may speak
            // of the old copy.
            self.cursor = Cursor::default();
            let (cursor, applied) = (self.cursor, self.applied);
            step.writes.push(Write::Rows { whole: false, rows: vec![], cursor, applied });
        }
        self.life.nonce = None;
        self.life.lease = lease;
        step.writes.push(Write::Life(self.life.clone()));
        // Before the session is open: what goes back joins the log behind the facts that wait, and
        // leaves with them, in their order.
        for (sku, total) in std::mem::take(&mut self.welcome) {
            step.then(self.raised(&sku, total, now, fresh));
        }
        self.session = Some(lease);
        self.waits = false;
        step.notes.push(Note::SessionOpen);
        if again {
            // This hub may have lost what it once answered: say all again.
            step.writes.push(Write::AllUnanswered);
            step.notes.push(Note::ReloadLog);
        } else {
            step.then(self.pump());
        }
        step.then(self.ask_all());
        step
    }

    /// A granted total: known ones and late ones change nothing.
    pub(super) fn granted(&mut self, sku: &Sku, total: i64) -> Step {
        let mut totals = self.totals(sku);
        if total <= totals.granted {
            return Step::default();
        }
        totals.granted = total;
        let step = self.set_totals(sku, totals);
        self.fill_holds(sku);
        step
    }

    /// The same, and nothing of it is kept that nobody needs: the ticket that asked may be gone.
    pub(super) fn raised(
        &mut self,
        sku: &Sku,
        total: i64,
        now: Timestamp,
        fresh: Fresh<'_>,
    ) -> Step {
        let mut step = self.granted(sku, total);
        if !step.writes.is_empty() {
            step.then(self.give_back(sku, now, fresh));
        }
        step
    }

    /// The Hello that waits is not answered before a manager's yes; it is said again meanwhile.
    pub(super) fn held_back(&mut self, incarnation: IncarnationId, nonce: Uuid) -> Step {
        if incarnation != self.life.incarnation || self.life.nonce != Some(nonce) {
            return Step::default();
        }
        self.waits = true;
        Step { notes: vec![Note::Waits(incarnation)], ..Step::default() }
    }

    pub(super) fn stale(&mut self, nonce: Uuid, fresh: Fresh<'_>) -> Step {
        if self.life.nonce != Some(nonce) {
            return Step::default();
        }
        self.life.nonce = None;
        self.connected(fresh)
    }

    /// The hub has ended this life: says what was left, begins a new one with nothing.
    pub(super) fn retired(
        &mut self,
        incarnation: IncarnationId,
        now: Timestamp,
        fresh: Fresh<'_>,
    ) -> Step {
        if incarnation != self.life.incarnation {
            return Step::default();
        }
        self.disconnected();
        let left: Vec<(Sku, i64)> = self
            .totals
            .iter()
            .filter(|(_, t)| t.share() > 0)
            .map(|(sku, t)| (sku.clone(), t.share()))
            .collect();
        let mut step = Step::default();
        let parts = left.len().div_ceil(TOTALS_PER_FRAME).max(1);
        for part in 0..parts {
            let chunk = left.iter().skip(part * TOTALS_PER_FRAME).take(TOTALS_PER_FRAME);
            let body = Body::Close { left: chunk.cloned().collect() };
            step.then(self.log(CommandId(fresh()), body, now));
        }
        self.life = self.life.next(IncarnationId(fresh()));
        self.totals.clear();
        self.drop_holds();
        step.writes.push(Write::TotalsCleared);
        step.notes.push(Note::NewLife);
        step.then(self.connected(fresh));
        step
    }
}
