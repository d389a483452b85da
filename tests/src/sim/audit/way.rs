//! Facts that are stored at an agent and not at the hub, and what they will take out of the books.
//!
//! Invariant: the sums are those over the facts, kept as each comes and goes.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::hash::{Hash, Hasher};

use super::{Act, Id};

/// All of them.
#[derive(Debug, Clone, Default)]
pub(super) struct Way {
    acts: BTreeMap<Id, Act>,
    /// Units that leave the books, by place and item.
    removed: BTreeMap<(usize, usize), i64>,
    /// Units that come and are not for sale.
    damaged: BTreeMap<(usize, usize), i64>,
    /// Units that leave an agent's share, by life and item.
    share: BTreeMap<(Id, usize), i64>,
    /// Those that came since they were last taken.
    fresh: Vec<Id>,
}

impl Way {
    /// A fact was stored. False when one with this id was there.
    pub fn insert(&mut self, id: Id, act: Act) -> bool {
        let Entry::Vacant(free) = self.acts.entry(id) else { return false };
        let act = free.insert(act).clone();
        self.fresh.push(id);
        self.count(&act, 1);
        true
    }

    /// The hub has booked one.
    pub fn remove(&mut self, id: Id) -> Option<Act> {
        let act = self.acts.remove(&id)?;
        self.count(&act, -1);
        Some(act)
    }

    fn count(&mut self, act: &Act, by: i64) {
        for line in &act.lines {
            *self.removed.entry((act.place, line.item)).or_default() += by * line.removed;
            if line.damaged != 0 {
                *self.damaged.entry((act.place, line.item)).or_default() += by * line.damaged;
            }
            *self.share.entry((act.life, line.item)).or_default() += by * line.share;
        }
    }

    pub fn contains(&self, id: Id) -> bool {
        self.acts.contains_key(&id)
    }

    pub fn get(&self, id: Id) -> Option<&Act> {
        self.acts.get(&id)
    }

    pub fn len(&self) -> usize {
        self.acts.len()
    }

    pub fn iter(&self) -> impl Iterator<Item = (&Id, &Act)> {
        self.acts.iter()
    }

    /// Those that came since the last time.
    pub fn take_fresh(&mut self) -> Vec<Id> {
        std::mem::take(&mut self.fresh)
    }

    /// Units that will leave the books there.
    pub fn removed(&self, place: usize, item: usize) -> i64 {
        self.removed.get(&(place, item)).copied().unwrap_or(0)
    }

    /// Units that will come there and are not for sale.
    pub fn damaged(&self, place: usize, item: usize) -> i64 {
        self.damaged.get(&(place, item)).copied().unwrap_or(0)
    }

    /// Units that will leave a share at the hub.
    pub fn share(&self, life: Id, item: usize) -> i64 {
        self.share.get(&(life, item)).copied().unwrap_or(0)
    }
}

impl Hash for Way {
    fn hash<H: Hasher>(&self, hasher: &mut H) {
        self.acts.hash(hasher);
    }
}
