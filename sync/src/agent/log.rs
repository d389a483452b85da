//! The log of facts: numbering, sending in order, answers.
//!
//! Facts of an earlier life go first, to the last one; at most
//! [`limits::FACTS_IN_FLIGHT_MAX`] are sent before an answer.

use oneshelf_domain::{CommandId, Sku, Timestamp, limits};
use oneshelf_protocol::frame::{Answer, Body, Fact, LogPlace, Up};

use super::{Agent, Entry, Note, Out, Step, Write};

impl Agent {
    /// Appends a fact and sends it when its turn is now.
    pub(super) fn log(&mut self, id: CommandId, body: Body, now: Timestamp) -> Step {
        let granted = named(&body).into_iter().map(|sku| {
            let total = self.totals(&sku).granted;
            (sku, total)
        });
        let fact = Fact {
            command_id: id,
            incarnation: self.life.incarnation,
            seq: self.life.seq + 1,
            prev_id: self.life.head,
            granted: granted.collect(),
            occurred_at: now,
            body,
        };
        self.life.seq = fact.seq;
        self.life.head = Some(id);
        self.unanswered.push_back(Entry { incarnation: fact.incarnation, seq: fact.seq, id });
        let mut step = Step::default();
        step.writes.push(Write::Life(self.life.clone()));
        step.writes.push(Write::Log(Box::new(fact.clone())));
        if let Some(session) = self.session.filter(|_| self.may_send(self.unanswered.len() - 1)) {
            self.sent += 1;
            step.send.push(Out::Frame(Up::Fact { session, fact: Box::new(fact) }));
        }
        step
    }

    /// True when the entry at this place is the next to go and may go now.
    fn may_send(&self, at: usize) -> bool {
        let Some(front) = self.unanswered.front() else { return false };
        at == self.sent
            && self.sent < limits::FACTS_IN_FLIGHT_MAX
            && self.unanswered.get(at).is_some_and(|e| e.incarnation == front.incarnation)
    }

    /// Sends what may go now.
    pub(super) fn pump(&mut self) -> Step {
        let mut step = Step::default();
        let Some(session) = self.session else { return step };
        while self.may_send(self.sent) {
            if let Some(entry) = self.unanswered.get(self.sent) {
                step.send.push(Out::Stored(session, *entry));
            }
            self.sent += 1;
        }
        step
    }

    /// Where the log goes on for the hub. Facts before it were answered, and may be dropped.
    pub(super) fn next_for_hub(&self) -> LogPlace {
        let of = |e: &Entry| LogPlace { incarnation: e.incarnation, seq: e.seq };
        let (incarnation, seq) = (self.life.incarnation, self.life.seq + 1);
        self.unanswered.front().map_or(LogPlace { incarnation, seq }, of)
    }

    /// Seq of the last fact of this life that the hub has answered.
    pub(super) fn answered_upto(&self) -> i64 {
        let first = self.unanswered.iter().find(|e| e.incarnation == self.life.incarnation);
        first.map_or(self.life.seq, |e| e.seq - 1)
    }

    /// After [`Note::ReloadLog`]: the unanswered facts of all lives, oldest first.
    pub fn reload_log(&mut self, unanswered: Vec<Entry>) -> Step {
        self.unanswered = unanswered.into();
        self.sent = 0;
        self.pump()
    }

    pub(super) fn answered(&mut self, id: CommandId, answer: Answer) -> Step {
        let mut step = Step::default();
        let Some(at) = self.unanswered.iter().position(|e| e.id == id) else { return step };
        self.unanswered.remove(at);
        if at < self.sent {
            self.sent -= 1;
        }
        if let Answer::Rejected { code } = &answer {
            step.notes.push(Note::Rejected(id, code.clone()));
        }
        step.writes.push(Write::Answered(id, answer));
        step.then(self.pump());
        step
    }

    /// A fact that was sent before the last ping and is not answered yet was lost: again.
    pub(super) fn nudge(&mut self) -> Step {
        let front = self.unanswered.front().map(|e| e.id).filter(|_| self.sent > 0);
        let lost = front.is_some() && front == self.stuck;
        self.stuck = front;
        if lost {
            self.sent = 0;
        }
        self.pump()
    }
}

/// The items that a body names.
pub(super) fn named(body: &Body) -> Vec<Sku> {
    let mut skus: Vec<Sku> = match body {
        Body::Sale { lines, .. } => lines.iter().map(|l| l.sku.clone()).collect(),
        Body::In { sku, .. } | Body::Back { sku, .. } | Body::Count { sku, .. } => {
            vec![sku.clone()]
        }
        Body::Handover { lines, .. } | Body::Released { lines, .. } => {
            lines.iter().map(|(sku, _)| sku.clone()).collect()
        }
        Body::Sent { lines, .. } => lines.iter().map(|(sku, _)| sku.clone()).collect(),
        Body::Arrived { lines, .. } => lines.iter().map(|l| l.sku.clone()).collect(),
        // Its totals are in the Hello of the life that ends.
        Body::Close { .. } => vec![],
    };
    skus.sort();
    skus.dedup();
    skus
}
