//! An agent's log of facts with the hub's word on each, looked up by id.
//!
//! Facts are shared, not copied, when a disk is: a log of days is long.
//! Invariant: the index and the list of those that wait follow from the facts.

use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

use oneshelf_domain::CommandId;
use oneshelf_protocol::frame::{Answer, Fact};

use crate::sim::audit::Id;

/// One fact, and the hub's word when it has come.
pub(crate) type Logged = (Rc<Fact>, Option<Answer>);

/// All facts, oldest first.
#[derive(Debug, Clone, Default)]
pub(crate) struct Log {
    all: Vec<Logged>,
    at: BTreeMap<CommandId, usize>,
    waiting: Rc<BTreeSet<Id>>,
    known: Rc<BTreeSet<Id>>,
}

impl Log {
    /// A fact was stored.
    pub fn push(&mut self, fact: Fact) {
        let id = fact.command_id;
        self.at.insert(id, self.all.len());
        Rc::make_mut(&mut self.waiting).insert(id.0.as_u128());
        Rc::make_mut(&mut self.known).insert(id.0.as_u128());
        self.all.push((Rc::new(fact), None));
    }

    /// The hub said something of one.
    pub fn answer(&mut self, id: CommandId, answer: Answer) {
        if let Some((_, word)) = self.at.get(&id).and_then(|at| self.all.get_mut(*at)) {
            *word = Some(answer);
            Rc::make_mut(&mut self.waiting).remove(&id.0.as_u128());
        }
    }

    /// What the hub said is no longer worth anything.
    pub fn all_unanswered(&mut self) {
        self.all.iter_mut().for_each(|(_, answer)| *answer = None);
        self.waiting = Rc::new(self.all.iter().map(|(f, _)| f.command_id.0.as_u128()).collect());
    }

    /// Deletes what is not to be kept.
    pub fn retain(&mut self, kept: impl FnMut(&Logged) -> bool) {
        let before = self.all.len();
        self.all.retain(kept);
        if self.all.len() < before {
            let ids = self.all.iter().map(|(f, _)| f.command_id);
            self.at = ids.enumerate().map(|(at, id)| (id, at)).collect();
            self.known = Rc::new(self.all.iter().map(|(f, _)| f.command_id.0.as_u128()).collect());
            let open = self.all.iter().filter(|(_, answer)| answer.is_none());
            self.waiting = Rc::new(open.map(|(f, _)| f.command_id.0.as_u128()).collect());
        }
    }

    /// The bytes that were stored.
    pub fn get(&self, id: CommandId) -> Option<&Fact> {
        self.at.get(&id).and_then(|at| self.all.get(*at)).map(|(fact, _)| &**fact)
    }

    /// Oldest first.
    pub fn all(&self) -> &[Logged] {
        &self.all
    }

    /// Ids of all.
    pub fn known(&self) -> &Rc<BTreeSet<Id>> {
        &self.known
    }

    /// Ids of those without an answer.
    pub fn waiting(&self) -> &Rc<BTreeSet<Id>> {
        &self.waiting
    }
}
