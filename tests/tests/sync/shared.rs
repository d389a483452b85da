//! Small makers for the tests of this binary.

use std::collections::BTreeMap;

use oneshelf_domain::stock::{InSource, Lease};
use oneshelf_domain::{CommandId, IncarnationId, Sku, Timestamp};
use oneshelf_protocol::frame::{Answer, Applied, Cursor, Down, Fact, Up};
use oneshelf_sync::agent::{Agent, Life, Out, Saved, Step, Write};
use uuid::Uuid;

pub(crate) const NOW: Timestamp = Timestamp(1_700_000_000_000_000);

pub(crate) fn id(n: u128) -> Uuid {
    Uuid::from_u128(n)
}

pub(crate) fn sku(text: &str) -> Sku {
    Sku::new(text).unwrap()
}

pub(crate) fn lease(epoch: i64, number: i64) -> Lease {
    Lease { epoch, number }
}

/// An agent with what its shell would have stored.
pub(crate) struct Store {
    pub agent: Agent,
    pub log: Vec<(Fact, Option<Answer>)>,
    pub life: Life,
    next: u128,
}

impl Store {
    pub fn new() -> Self {
        let life = Life::begin(IncarnationId(id(7)), None);
        let saved = Saved {
            life: life.clone(),
            totals: BTreeMap::new(),
            unanswered: vec![],
            cursor: Cursor::default(),
            applied: Applied::default(),
            policy_default: 0,
            policy: BTreeMap::new(),
        };
        Self { agent: Agent::load(saved), log: vec![], life, next: 1_000 }
    }

    /// Connected, with a session.
    pub fn open() -> Self {
        let mut store = Self::new();
        store.hello();
        store.welcome(lease(1, 1), &[]);
        store
    }

    pub fn fresh(&mut self) -> Uuid {
        self.next += 1;
        id(self.next)
    }

    /// Runs something of the machine with fresh ids, and stores what it writes.
    pub fn run(&mut self, f: impl FnOnce(&mut Agent, &mut dyn FnMut() -> Uuid) -> Step) -> Step {
        let mut next = self.next;
        let step = f(&mut self.agent, &mut || {
            next += 1;
            id(next)
        });
        self.next = next;
        self.store(&step);
        step
    }

    pub fn store(&mut self, step: &Step) {
        for write in &step.writes {
            match write {
                Write::Life(life) => self.life = life.clone(),
                Write::Log(fact) => self.log.push(((**fact).clone(), None)),
                Write::Answered(id, answer) => {
                    let row = self.log.iter_mut().find(|(f, _)| f.command_id == *id).unwrap();
                    row.1 = Some(answer.clone());
                }
                Write::AllUnanswered => self.log.iter_mut().for_each(|(_, a)| *a = None),
                _ => {}
            }
        }
    }

    pub fn hello(&mut self) -> Step {
        self.run(|agent, fresh| agent.connected(fresh))
    }

    pub fn down(&mut self, down: Down) -> Step {
        self.run(|agent, fresh| agent.frame(down, NOW, fresh))
    }

    /// A Welcome of a hub that has all facts.
    pub fn welcome(&mut self, lease: Lease, granted: &[(&str, i64)]) -> Step {
        let down = Down::Welcome {
            incarnation: self.life.incarnation,
            nonce: self.life.nonce.unwrap(),
            lease,
            granted: granted.iter().map(|(s, n)| (sku(s), *n)).collect(),
            last: self.life.seq,
            anew: false,
            more: false,
        };
        self.down(down)
    }

    /// A Welcome of a hub that has the facts up to `last`.
    pub fn welcome_at(&mut self, lease: Lease, last: i64, anew: bool) -> Step {
        let (incarnation, nonce) = (self.life.incarnation, self.life.nonce.unwrap());
        let (granted, more) = (vec![], false);
        self.down(Down::Welcome { incarnation, nonce, lease, granted, last, anew, more })
    }

    pub fn ping(&mut self, session: Lease, last: i64) -> Step {
        self.down(Down::Ping { session, number: 1, last, granted: vec![] })
    }

    /// Brings goods in: the plainest fact.
    pub fn bring(&mut self) -> (CommandId, Step) {
        let id = CommandId(self.fresh());
        let step =
            self.run(|agent, _| agent.bring(id, &sku("MUG"), 1, false, InSource::Customer, NOW));
        (id, step)
    }

    pub fn ack(&mut self, session: Lease, id: CommandId, answer: Answer) -> Step {
        self.down(Down::Ack { session, id, answer })
    }
}

/// Seqs of the facts that a step sends, in order, whichever way they are sent.
pub(crate) fn facts(step: &Step) -> Vec<i64> {
    let seq = |out: &Out| match out {
        Out::Frame(Up::Fact { fact, .. }) => Some(fact.seq),
        Out::Stored(_, entry) => Some(entry.seq),
        Out::Frame(_) => None,
    };
    step.send.iter().filter_map(seq).collect()
}

pub(crate) fn ups(step: &Step) -> Vec<Up> {
    let frame = |out: &Out| match out {
        Out::Frame(up) => Some(up.clone()),
        Out::Stored(..) => None,
    };
    step.send.iter().filter_map(frame).collect()
}

/// The nonces of the Hellos of a step.
pub(crate) fn nonces(step: &Step) -> Vec<Uuid> {
    let nonce = |up: &Up| match up {
        Up::Hello { nonce, .. } => Some(*nonce),
        _ => None,
    };
    ups(step).iter().filter_map(nonce).collect()
}
