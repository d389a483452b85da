//! What time does to claims: holds that run out, and claims that wait for a store's share.
//!
//! shares.md section 7 and DESIGN.md section 4. Invariant: what the hub refused when a claim's time
//! was over it does not promise afterwards, unless somebody asks again; a hold is paid for before
//! its end or not at all, and runs out at its end, not before.

use std::collections::BTreeMap;

use super::{Auditor, Id};

/// See the module.
#[derive(Debug, Clone, Default, Hash)]
pub(super) struct Deadlines {
    /// How often a claim is asked for at this moment, of those that ever were.
    asked: BTreeMap<Id, usize>,
    /// When open holds end, by the hub's clock.
    holds: BTreeMap<Id, i64>,
}

impl Deadlines {
    pub fn holds(&self) -> BTreeMap<Id, i64> {
        self.holds.clone()
    }

    pub fn put_back(&mut self, holds: BTreeMap<Id, i64>) {
        self.holds = holds;
    }
}

impl Auditor {
    /// A claim reached the hub.
    pub fn asked(&mut self, id: Id) {
        *self.deadlines.asked.entry(id).or_default() += 1;
    }

    /// The hub has answered one that asked for it, or forgot with its power that somebody did.
    pub fn answered_claim(&mut self, id: Id) {
        if let Some(asked) = self.deadlines.asked.get_mut(&id) {
            *asked = asked.saturating_sub(1);
        }
    }

    /// The hub stored a claim that it had not.
    pub(super) fn claimed(&mut self, id: Id) {
        if self.deadlines.asked.get(&id) == Some(&0) {
            self.complain(format!("claimed after it was refused, and nobody asked: {id:x}"));
        }
    }

    /// The hub stored a claim in this state at a moment of its own clock; `until`: it is a hold.
    pub fn held(&mut self, id: Id, state: &str, until: Option<i64>, at: i64) {
        let before = match until {
            Some(until) => self.deadlines.holds.insert(id, until).filter(|old| *old != until),
            None => self.deadlines.holds.remove(&id),
        };
        let Some(end) = before else { return };
        let wrong = match state {
            "held" => true, // its end was moved
            "expired" => at < end,
            "committed" | "picked" => at >= end,
            _ => false,
        };
        if wrong {
            self.complain(format!("a hold until {end} is {state} at {at}: {id:x}"));
        }
    }
}
