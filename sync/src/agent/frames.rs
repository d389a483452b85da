//! Frames from the hub, one by one.
//!
//! A frame of another session changes nothing.

use oneshelf_domain::stock::Lease;
use oneshelf_domain::{Sku, Timestamp};
use oneshelf_protocol::frame::{Down, Up};
use sha2::{Digest, Sha256};

use super::copy::Changed;
use super::recall::Recall;
use super::session::Welcome;
use super::{Agent, Fresh, Note, Out, Step};

impl Agent {
    /// A frame arrived.
    pub fn frame(&mut self, down: Down, now: Timestamp, fresh: Fresh<'_>) -> Step {
        self.heard = Some(now);
        match down {
            Down::Welcome { incarnation, nonce, lease, granted, last, anew, more } => {
                if incarnation != self.life.incarnation || self.life.nonce != Some(nonce) {
                    return Step::default();
                }
                self.welcome(Welcome { lease, granted, last, anew, more }, now, fresh)
            }
            Down::Stale { nonce } => self.stale(nonce, fresh),
            Down::Retired { incarnation } => self.retired(incarnation, now, fresh),
            Down::Forked { incarnation } if incarnation == self.life.incarnation => {
                Step { notes: vec![Note::Forked(incarnation)], ..Step::default() }
            }
            Down::Waits { incarnation, nonce } => self.held_back(incarnation, nonce),
            Down::Numbers { session, last } if self.session == Some(session) => {
                Step { notes: vec![Note::Numbers(last)], ..Step::default() }
            }
            Down::Grant { session, incarnation, sku, total, want } => {
                if self.session != Some(session) || incarnation != self.life.incarnation {
                    return Step::default();
                }
                let mut step = self.granted(&sku, total);
                // A grant that nobody waits for any more goes back.
                step.then(self.give_back(&sku, now, fresh));
                // One by policy answers nobody, and one may answer a question that was put anew
                // since: only the answer to the latest says that the hub gives no more.
                if want.is_some() && self.asked.get(&sku).copied() == want {
                    self.asked.remove(&sku);
                    step.notes.push(Note::Answered(sku));
                }
                step
            }
            Down::Recall { session, incarnation, sku, target } => {
                self.recalled(Recall { session, incarnation, sku, target }, now, fresh)
            }
            Down::Ack { session, id, answer } => {
                if self.session != Some(session) {
                    return Step::default();
                }
                self.answered(id, answer)
            }
            Down::Ping { session, number, last, granted } => {
                self.ping(session, number, last, granted, now, fresh)
            }
            Down::Changes { session, epoch, after, upto, applied, rows, part, more } => {
                let frame = Changed { session, epoch, after, upto, applied, rows, part, more };
                self.changed(frame, now, fresh)
            }
            Down::Forked { .. } | Down::Numbers { .. } | Down::Unsupported { .. } => {
                Step::default()
            }
        }
    }

    fn ping(
        &mut self,
        session: Lease,
        number: i64,
        last: i64,
        granted: Vec<(Sku, i64)>,
        now: Timestamp,
        fresh: Fresh<'_>,
    ) -> Step {
        if self.session != Some(session) {
            // The hub speaks in a session that this side does not know: the Welcome was lost, or
            // a copy of this agent got it. An older ping is late and says nothing.
            let newer = self.session.is_none_or(|mine| session > mine);
            return if newer { self.connected(fresh) } else { Step::default() };
        }
        if last > self.life.seq {
            // The hub has facts of this life that this disk has not: it was restored.
            return self.connected(fresh);
        }
        let mut step = Step::default();
        for (sku, total) in granted {
            step.then(self.raised(&sku, total, now, fresh));
        }
        let digest = self.digest();
        let (last, waiting) = (self.life.seq, Some(self.unanswered.len()));
        let next = Some(self.next_for_hub());
        step.send.push(Out::Frame(Up::Pong { session, number, digest, last, waiting, next }));
        step.then(self.nudge());
        step
    }

    /// SHA-256 over all totals, hex: the hub may compare views.
    fn digest(&self) -> String {
        let mut hasher = Sha256::new();
        for (sku, t) in self.totals.iter().filter(|(_, t)| **t != super::Totals::default()) {
            hasher.update(sku.as_str().as_bytes());
            for n in [t.granted, t.brought, t.sold, t.returned] {
                hasher.update(n.to_be_bytes());
            }
        }
        hex::encode(hasher.finalize())
    }
}
