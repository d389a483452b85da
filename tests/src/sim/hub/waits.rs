//! Claims that wait for a store's share: it is recalled, and the claim tried again at each commit
//! until its deadline. The shell's part of the promise, as the product's `hub/src/link/recall.rs`
//! has it; in memory alone, and gone with the power.
//!
//! Invariant: what comes out of here is the write path's answer, once for each that asked.

use std::collections::BTreeMap;

use oneshelf_domain::limits;
use oneshelf_domain::stock::{Command, StockKey};
use oneshelf_sync::plan::{Reply, Submission, Writes};

use super::{Hub, Origin, Said, is_decided};
use crate::sim::bug::Bug;
use crate::sim::scene::{Event, Scene};

/// A claim that was asked for.
#[derive(Debug, Clone)]
struct Waiter {
    request: u64,
    submission: Submission,
    /// It is being decided.
    tried: bool,
    /// It was refused, and a store was asked.
    waits: bool,
    /// Its time is over: the next answer is the last.
    over: bool,
    /// A planted bug: it was answered, and is tried still.
    answered: bool,
}

/// All of them, by their number.
#[derive(Debug, Clone, Default)]
pub(super) struct Waits {
    all: BTreeMap<u64, Waiter>,
    next: u64,
}

impl Hub {
    /// A claim comes from outside; who waits for its answer.
    pub(super) fn claim_comes(
        &mut self,
        scene: &mut Scene,
        submission: &Submission,
        request: u64,
    ) -> Origin {
        // A search has the answer of the write path: its people ask again by themselves.
        if scene.outbox.is_some() || !matches!(submission.command, Command::Reserve { .. }) {
            return Origin::Request(request);
        }
        scene.audit.asked(submission.id.0.as_u128());
        self.waits.next += 1;
        let submission = submission.clone();
        let (tried, waits, over, answered) = (true, false, false, false);
        let made = Waiter { request, submission, tried, waits, over, answered };
        self.waits.all.insert(self.waits.next, made);
        Origin::Waits(self.waits.next)
    }

    /// The write path has answered a claim.
    pub(super) fn claim_decided(
        &mut self,
        scene: &mut Scene,
        waiter: u64,
        reply: &Reply,
    ) -> Vec<Said> {
        let Some(w) = self.waits.all.get_mut(&waiter) else { return vec![] };
        w.tried = false;
        let passing = matches!(reply, Reply::Refused(refusal) if refusal.is_passing());
        if passing && w.answered {
            return vec![];
        }
        if passing && !w.over {
            if !std::mem::replace(&mut w.waits, true) {
                scene.counts.flow("a claim waited for share");
                scene.after(limits::RECALL_WAIT_MS, Event::WaitEnds { hub: self.no, waiter });
                let command = w.submission.command.clone();
                self.recall_for(scene, &command);
            }
            return vec![];
        }
        let (id, request, waited) = (w.submission.id, w.request, w.waits);
        if waited && !w.answered {
            scene.counts.flow(match passing {
                true => "a claim's deadline passed",
                false => "a claim was decided while it waited",
            });
        }
        if passing && scene.bug == Some(Bug::ClaimAfterDeadline) {
            w.answered = true;
        } else {
            self.waits.all.remove(&waiter);
        }
        scene.audit.answered_claim(id.0.as_u128());
        scene.counts.decided += u64::from(is_decided(reply));
        vec![Said::Reply { request, reply: reply.clone() }]
    }

    /// Asks the stores for what a claim lacks: of a kit all parts at once.
    fn recall_for(&mut self, scene: &mut Scene, command: &Command) {
        let Command::Reserve { lines, .. } = command else { return };
        for (item, location, units) in lines {
            for part in self.database.records().parts(*item) {
                let key = StockKey { item: part.item, location: *location };
                let row = self.database.stock.get(&key).copied().unwrap_or_default();
                let missing = units * part.quantity - row.available();
                if missing > 0 {
                    self.recall_for_claim(scene, key, missing);
                }
            }
        }
    }

    /// Something was stored: claims that want these items are tried again.
    pub(super) fn try_again(&mut self, scene: &mut Scene, writes: &Writes) {
        if writes.stock.is_empty() || self.waits.all.is_empty() {
            return;
        }
        let records = self.database.records();
        let concerns = |w: &Waiter| {
            let Command::Reserve { lines, .. } = &w.submission.command else { return false };
            let wants = |item, location| {
                let parts = records.parts(item);
                let mut keys = parts.iter().map(|p| StockKey { item: p.item, location });
                keys.any(|key| writes.stock.contains_key(&key))
            };
            lines.iter().any(|(item, location, _)| wants(*item, *location))
        };
        let ready = self.waits.all.iter().filter(|(_, w)| w.waits && !w.tried && concerns(w));
        for waiter in ready.map(|(no, _)| *no).collect::<Vec<_>>() {
            self.tries(scene, waiter);
        }
    }

    /// Another process has stored something: which items, nobody looks.
    pub(super) fn try_all_again(&mut self, scene: &mut Scene) {
        let ready = self.waits.all.iter().filter(|(_, w)| w.waits && !w.tried);
        for waiter in ready.map(|(no, _)| *no).collect::<Vec<_>>() {
            self.tries(scene, waiter);
        }
    }

    fn tries(&mut self, scene: &mut Scene, waiter: u64) {
        let Some(w) = self.waits.all.get_mut(&waiter) else { return };
        w.tried = true;
        self.waiting.push_back((w.submission.clone(), Origin::Waits(waiter)));
        self.batch_soon(scene);
    }

    /// The time of a claim is over: it is tried once more, and that answer is the last.
    pub fn wait_ends(&mut self, scene: &mut Scene, waiter: u64) {
        let Some(w) = self.waits.all.get_mut(&waiter) else { return };
        w.over = true;
        if !w.tried {
            self.tries(scene, waiter);
        }
    }

    /// Power is gone, and with it whoever waited.
    pub(super) fn nobody_waits(&mut self, scene: &mut Scene) {
        let gone = std::mem::take(&mut self.waits.all);
        for waiter in gone.values().filter(|w| !w.answered) {
            scene.audit.answered_claim(waiter.submission.id.0.as_u128());
        }
    }
}
