//! Looks at the order in which the hub books facts: each behind the one before it in its log.

use super::{Act, Auditor, Books, Id};

impl Auditor {
    /// A fact is being booked: does it follow the one before it in its log?
    pub(super) fn order(&mut self, id: Id, act: &Act) {
        if act.prev != self.heads.insert(act.life, id) {
            self.mixed.insert(act.life);
        }
    }

    /// A life whose facts did not follow each other has two logs: its first such fact shows it.
    pub(super) fn one_log_each(&mut self, books: &Books) -> Result<(), String> {
        let forked = |id: &Id| books.lives.iter().any(|l| l.id == *id && l.forked);
        match std::mem::take(&mut self.mixed).into_iter().find(|id| !forked(id)) {
            Some(life) => Err(format!("S8 two logs of one life, and nobody noticed: {life:x}")),
            None => Ok(()),
        }
    }
}
