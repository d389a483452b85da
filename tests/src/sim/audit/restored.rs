//! The hub's database was put back to an older copy: what it forgot, and what may be asked of it.
//!
//! shares.md section 8 relaxes S5; here also the sum of parcels at rest, S1 and S4 of a place that
//! has no agent, and S4 while the hub says of a place that it knows too little: then it must
//! promise and grant nothing there, until every fact that it forgot and that a disk still has is
//! booked again, whichever agent's. A rollback that nobody announced relaxes S4 until that has
//! happened too.

use std::collections::{BTreeMap, BTreeSet};

use super::{Auditor, Books, Id, Promise, View};

/// How a promise ended that the hub forgot.
pub(super) const LOST: &str = "forgotten";

/// What the record says of the hub at the moment of a backup.
#[derive(Debug, Clone, Hash)]
pub struct Mark {
    version: i64,
    booked_ids: BTreeSet<Id>,
    promises: BTreeMap<Id, Promise>,
    doubts: BTreeMap<(Id, usize), i64>,
    heard: BTreeMap<String, BTreeMap<i64, i64>>,
    heads: BTreeMap<Id, Id>,
    granted: BTreeMap<(Id, usize), i64>,
    safety: BTreeMap<(usize, usize), i64>,
    buffers: BTreeMap<usize, i64>,
    road: super::road::Told,
    holds: BTreeMap<Id, i64>,
}

/// See the module.
#[derive(Debug, Clone, Default, Hash)]
pub(super) struct Restored {
    /// The epoch that the latest announced restore began.
    epoch: Option<i64>,
    /// Nobody said that it was put back.
    silent: bool,
    /// Facts that it had booked and has not booked again.
    forgotten: BTreeMap<Id, usize>,
    /// Promises that it knew.
    known: BTreeSet<Id>,
    /// Promises made before: what became of them since may be forgotten, such as that a hold was
    /// paid for, and then its store handed over what ran out here.
    older: BTreeSet<Id>,
    /// Totals that it knew.
    granted: BTreeMap<(Id, usize), i64>,
    /// Places without an agent: nobody tells what was done there.
    lost: BTreeSet<usize>,
    /// Places that it said, or would have had to say, it knows too little of.
    recovering: BTreeSet<usize>,
}

impl Restored {
    /// It was put back at some time.
    pub fn ever(&self) -> bool {
        self.epoch.is_some() || self.silent
    }

    /// It booked this fact once, and has to be told again.
    pub fn forgot(&self, id: Id) -> bool {
        self.forgotten.contains_key(&id)
    }

    /// A fact is booked.
    pub fn told(&mut self, id: Id) {
        self.forgotten.remove(&id);
    }

    /// What it says of this promise may be older than what its store was told.
    pub fn misremembers(&self, promise: Id) -> bool {
        self.older.contains(&promise)
    }

    /// An answer of before: good in a session of before.
    pub fn excuses(&self, id: Id, epoch: i64) -> bool {
        self.forgot(id) && (self.silent || self.epoch.is_some_and(|now| epoch < now))
    }

    /// What was done at this place, by requests alone, is in no log.
    pub fn untold(&self, place: usize) -> bool {
        self.lost.contains(&place)
    }

    /// What is promised at a place cannot be right yet.
    pub fn unsure(&self, books: &Books, place: usize) -> bool {
        let silent = self.silent && self.recovering.contains(&place);
        silent || self.lost.contains(&place) || books.recovering.contains(&place)
    }
}

impl Auditor {
    /// A backup of the hub is made.
    pub fn mark(&self) -> Mark {
        Mark {
            version: self.version,
            booked_ids: self.booked_ids.clone(),
            promises: self.promises.clone(),
            doubts: self.doubts.clone(),
            heard: self.heard.clone(),
            heads: self.heads.clone(),
            granted: self.granted.clone(),
            safety: self.safety.clone(),
            buffers: self.buffers.clone(),
            road: self.road.told(),
            holds: self.deadlines.holds(),
        }
    }

    /// The backup is the hub's database now. `epoch`: the one that begins, when it was announced.
    /// `kept`: a log still holds this fact. `agents`: places that have one.
    pub fn hub_restored(
        &mut self,
        mark: Mark,
        epoch: Option<i64>,
        kept: impl Fn(Id) -> bool,
        agents: usize,
    ) {
        let later = self.booked.keys().filter(|version| **version > mark.version);
        for at in later.copied().collect::<Vec<_>>() {
            let Some((id, act)) = self.booked.remove(&at) else { continue };
            if !kept(id) {
                self.tainted[act.place] = true; // its log went with its disk
            }
            self.restored.forgotten.insert(id, act.place);
            self.open.insert(id, act);
        }
        for (id, promise) in &mut self.promises {
            promise.ended = mark.promises.get(id).map_or(Some(LOST), |known| known.ended);
            if promise.ended.is_some() {
                self.standing.remove(id);
            } else if promise.told {
                self.standing.insert(*id);
            }
        }
        for history in self.history.values_mut() {
            history.retain(|(version, _)| *version <= mark.version);
        }
        self.restored.older = self.promises.keys().copied().collect();
        self.restored.known = mark.promises.into_keys().collect();
        self.restored.granted.clone_from(&mark.granted);
        self.restored.lost = (agents..self.shelf.len()).collect();
        self.restored.recovering = (0..agents).collect();
        self.restored.silent = epoch.is_none();
        self.restored.epoch = epoch.or(self.restored.epoch);
        (self.version, self.booked_ids) = (mark.version, mark.booked_ids);
        (self.doubts, self.heard, self.granted) = (mark.doubts, mark.heard, mark.granted);
        self.heads = mark.heads;
        // What the office set is older too.
        (self.safety, self.buffers) = (mark.safety, mark.buffers);
        self.road.put_back(mark.road);
        self.deadlines.put_back(mark.holds);
        self.left.clear();
        self.must_fork.clear(); // it does not know their later past any more
        self.dropped.clear();
    }

    /// An agent drops what it told, in a session of this epoch: one that has not heard yet that the
    /// hub was put back cannot know better.
    pub fn drops(&mut self, place: usize, id: Id, life: Id, epoch: i64) {
        if self.restored.forgot(id) {
            if !self.restored.excuses(id, epoch) {
                self.complain(format!("S6 dropped, and the hub has not booked it again: {id:x}"));
            }
            self.tainted[place] = true;
            self.dropped.insert(life, place);
        }
    }

    /// What this life told was dropped by its agent, and is not in the backup.
    pub fn dropped(&mut self, place: usize, life: Id) {
        self.dropped.insert(life, place);
    }

    /// While the hub knows too little of a place, it promises and grants nothing there; and it
    /// knows enough only when it was told everything.
    pub(super) fn recovered(&mut self, books: &Books, views: &[View]) -> Result<(), String> {
        let ended = self.restored.recovering.iter().copied().filter(|p| {
            let waits = self.restored.forgotten.values().any(|place| place == p);
            !(books.recovering.contains(p) || self.restored.silent && waits)
        });
        for place in ended.collect::<Vec<_>>() {
            self.restored.recovering.remove(&place);
            let mut forgotten = self.restored.forgotten.iter().filter(|(_, at)| **at == place);
            let waits = forgotten.find(|(id, _)| told_by_speakers(views, place, **id));
            if let Some((id, _)) = waits.filter(|_| !self.tainted[place]) {
                return Err(format!("S6 place {place} has recovered, this was not told: {id:x}"));
            }
            let goes_on = |life: Id| books.lives.iter().any(|l| l.id == life && !l.retired);
            let mut gaps = self.dropped.iter().filter(|(_, at)| **at == place);
            if let Some((life, _)) = gaps.find(|(life, _)| goes_on(**life)) {
                return Err(format!("S6 place {place} has recovered with a gap: {life:x}"));
            }
        }
        for place in &books.recovering {
            let here = |c: &&super::Claim| c.lines.iter().any(|(at, _, _, _)| at == place);
            let new = |c: &&super::Claim| !self.restored.known.contains(&c.id);
            if let Some(claim) = books.claims.iter().filter(here).find(new) {
                return Err(format!("S4 promised by a hub that knows too little: {claim:?}"));
            }
            // A disk that was put back does not know what its hub heard of it (section 8).
            let sound = |o: &&super::Owned| o.place == *place && !self.tainted[*place];
            for owned in books.owned.iter().filter(sound) {
                let before = self.restored.granted.get(&(owned.life, owned.item));
                // Of a life that ended its facts tell what it was granted.
                let agent = views.iter().filter(|v| v.life == owned.life);
                let known = agent.map(|v| v.totals[owned.item].granted).max();
                let told = known.map_or(i64::MAX, |known| known.max(*before.unwrap_or(&0)));
                if owned.totals.granted > told {
                    return Err(format!("S4 granted by a hub that knows too little: {owned:?}"));
                }
            }
        }
        for owned in &books.owned {
            let granted = owned.totals.granted;
            let before = self.granted.insert((owned.life, owned.item), granted).unwrap_or(0);
            if self.restored.ever() && granted > before {
                // A grant that it learns draws what copies may hold first (section 4).
                let left = self.left.entry((owned.place, owned.item)).or_default();
                *left = left.saturating_add(granted - before);
            }
        }
        Ok(())
    }
}

/// A fact is in the log of an agent of the place, given up or not: its word the hub waits for.
fn told_by_speakers(views: &[View], place: usize, id: Id) -> bool {
    let mut here = views.iter().filter(|v| v.place == place && v.speaks);
    here.any(|v| v.kept.contains(&id))
}
