//! A witness outside the database of how far it had come, as hub/src/witness.rs keeps it: written
//! at most once a second, after commits, so that it may be that much behind.
//!
//! Invariant: what stands in it had been stored.

use std::collections::VecDeque;

use oneshelf_sync::plan::Head;

use super::{Database, Hub};

/// Between two writes, ms.
const EVERY: i64 = 1_000;

/// Epoch and version, the newest that was surely written first, then those that may not be yet,
/// each with its time.
#[derive(Debug, Clone, Default)]
pub(super) struct Witness(VecDeque<(i64, i64, i64)>);

impl Witness {
    /// Something was committed. It never goes back.
    pub fn saw(&mut self, now: i64, head: &Head) {
        let newest = self.0.back().map(|(_, epoch, version)| (*epoch, *version));
        if newest.is_some_and(|newest| newest >= (head.epoch, head.version.0)) {
            return;
        }
        self.0.push_back((now, head.epoch, head.version.0));
        while self.0.get(1).is_some_and(|(at, ..)| *at <= now - EVERY) {
            self.0.pop_front();
        }
    }

    /// What stands in it now.
    fn written(&self, now: i64) -> (i64, i64) {
        let old = self.0.iter().rev().find(|(at, ..)| *at <= now - EVERY);
        old.map_or((0, 0), |(_, epoch, version)| (*epoch, *version))
    }
}

impl Hub {
    /// This database is behind what was seen of it: nobody serves from it.
    pub fn is_behind(&self, database: &Database, now: i64) -> bool {
        self.witness.written(now) > (database.head.epoch, database.head.version.0)
    }
}
