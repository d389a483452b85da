//! What people do and what customers are told, written down as it happens.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

use super::restored::LOST;
use super::{Auditor, Id, Promise};

/// One item of a fact.
#[derive(Debug, Clone, Copy, Hash)]
pub struct Line {
    /// Which item.
    pub item: usize,
    /// Units that left the books with it (came: below zero).
    pub removed: i64,
    /// Units that left the agent's share.
    pub share: i64,
    /// Units sold beyond it.
    pub beyond: i64,
    /// Of those that came, units that are not for sale.
    pub damaged: i64,
}

/// A fact of an agent's log.
#[derive(Debug, Clone, Hash)]
pub struct Act {
    /// Which store.
    pub place: usize,
    /// Whose log.
    pub life: Id,
    /// The fact before it there.
    pub prev: Option<Id>,
    /// What it was.
    pub kind: &'static str,
    /// The reservation or transfer that it names.
    pub of: Option<Id>,
    /// Nothing more of that will come.
    pub closes: bool,
    /// Per item.
    pub lines: Vec<Line>,
}

impl Auditor {
    /// Units came to a shelf or left it, by hand.
    pub fn moved(&mut self, place: usize, item: usize, by: i64) {
        self.shelf[place][item] += by;
        if self.shelf[place][item] < 0 && !self.restored.untold(place) {
            self.complain(format!("the simulation took a unit that was not there: {place} {item}"));
        }
    }

    /// Units came or went that nobody writes down.
    pub fn unnoticed(&mut self, place: usize, item: usize, by: i64) {
        self.moved(place, item, by);
        self.unseen[place][item] += by;
        // What is missing may have been promised: like a sale beyond the share.
        self.beyond[place][item] += (-by).max(0);
    }

    /// A fact was stored.
    pub fn act(&mut self, id: Id, mut act: Act) {
        let place = act.place;
        for line in &mut act.lines {
            if act.kind == "count" {
                // The count tells what nobody wrote down.
                line.removed = -std::mem::take(&mut self.unseen[place][line.item]);
                self.counted_tainted[place] |= self.tainted[place];
                self.settled[place] |= self.retired[place];
            }
            if !self.unprotected {
                self.beyond[place][line.item] += line.beyond;
            }
            if self.settled[place] && self.ended.contains(&act.life) {
                // A count has freed what this silent life still sells (section 6).
                self.beyond[place][line.item] += line.share.max(0);
            }
        }
        if !self.open.insert(id, act) || self.booked_ids.contains(&id) {
            self.complain(format!("S6 a fact's id was used twice: {id:x}"));
        }
    }

    /// A customer was given the goods of a reservation.
    pub fn handed(&mut self, id: Id) {
        let Some(promise) = self.promises.get_mut(&id) else { return };
        promise.handed = true;
        if let Some(how) = promise.ended {
            let lines = promise.lines.clone();
            self.given_twice(id, &lines, how);
        }
    }

    /// Units were freed at the hub and handed over in the store: of a store where one life took
    /// another's place a beyond sale, else nobody may free them before the store's own word.
    fn given_twice(&mut self, id: Id, lines: &[(usize, usize, i64)], how: &str) {
        for (place, item, units) in lines {
            // A sale beyond the share may have taken them from the one who gave them up.
            let sold = self.unprotected || self.beyond[*place][*item] > 0;
            let forgotten = how == LOST || self.restored.misremembers(id);
            self.beyond[*place][*item] += units;
            if !sold && !self.tainted[*place] && !self.retired[*place] && !forgotten {
                self.complain(format!("S4 {id:x} was handed over, and at the hub it is {how}"));
            }
        }
    }

    /// The hub stored a fact's effect.
    pub fn booked(&mut self, id: Id, version: i64) {
        if !self.booked_ids.insert(id) {
            self.complain(format!("S3 a fact was booked twice: {id:x}"));
        }
        match self.open.remove(id) {
            Some(act) => {
                self.counted |= act.kind == "count";
                // Told again to a hub that was put back, it covers a sale that went with its disk.
                self.counted_tainted[act.place] |= act.kind == "count" && self.tainted[act.place];
                // What a count freed may still be sold by the one that was silent (section 6).
                let freed = self.freed.contains(&act.life);
                for line in &act.lines {
                    let units = if act.kind == "count" { i64::MAX / 2 } else { line.removed };
                    let left = self.left.entry((act.place, line.item)).or_default();
                    *left = left.saturating_add(units.max(0));
                    let excused = match act.kind {
                        "count" => i64::MAX / 2,
                        "handover" => line.removed,
                        _ => line.beyond + if freed { line.share.max(0) } else { 0 },
                    };
                    let known = self.excused.entry((act.place, line.item)).or_default();
                    *known = known.saturating_add(excused);
                }
                self.order(id, &act);
                self.road.booked(id, &act);
                self.booked.insert(version, (id, act));
                self.restored.told(id);
            }
            None => self.complain(format!("a fact was booked that nobody stored: {id:x}")),
        }
    }

    /// An agent stored the hub's answer to a fact.
    pub fn answered(&mut self, place: usize, id: Id, rejected: Option<&str>, epoch: i64) {
        let excused = self.tainted[place] || self.restored.excuses(id, epoch);
        if self.open.contains(id) && !excused {
            self.complain(format!("S6 a fact was answered that the hub has not: {id:x}"));
        }
        if let Some(code) = rejected.filter(|_| !self.tainted[place]) {
            self.complain(format!("S1 a fact was rejected: {id:x} {code}"));
        }
    }

    /// A request is under way; when the hub stores it, this happens on the shelf.
    pub fn expect(&mut self, id: Id, moves: Vec<(usize, usize, i64, i64)>) {
        self.expected.insert(id, moves);
    }

    /// The hub stored a version.
    pub fn version(&mut self, version: i64, command: Id) {
        if version != self.version + 1 {
            self.complain(format!("version {version} follows {}", self.version));
        }
        self.version = version;
        for (place, item, shelf, aside) in self.expected.remove(&command).unwrap_or_default() {
            self.moved(place, item, shelf);
            self.aside[place][item] += aside;
        }
        self.done(command);
    }

    /// The hub stored a reservation in this state.
    pub fn claim(&mut self, id: Id, lines: &[(usize, usize, i64)], ended: Option<&'static str>) {
        let known = self.promises.contains_key(&id);
        let promise = match self.promises.entry(id) {
            Entry::Vacant(new) => new.insert(Promise {
                lines: lines.to_vec(),
                told: false,
                ended: None,
                handed: false,
            }),
            Entry::Occupied(known) => known.into_mut(),
        };
        let forgotten = promise.ended == Some(LOST);
        if forgotten {
            promise.ended = None; // asked for again, of a hub that had forgotten it
        }
        let again = promise.ended.is_some();
        let given = ["consumed", "transferred"];
        let late = promise.handed && ended.is_some_and(|how| !given.contains(&how));
        promise.ended = promise.ended.or(ended);
        if ended.is_some() {
            self.standing.remove(&id);
        }
        if late && !again {
            let lines = promise.lines.clone();
            self.given_twice(id, &lines, ended.unwrap_or_default());
        }
        if forgotten || !known {
            self.claimed(id);
            self.all_or_none(id, lines);
        }
        if again {
            self.complain(format!("a reservation changed after its end: {id:x}"));
        }
    }

    /// A customer asks for units at a place: (item, units), of a kit its parts. `fetched`: he comes
    /// for them.
    pub fn wants(&mut self, id: Id, place: usize, lines: &[(usize, i64)], fetched: bool) {
        if fetched {
            self.fetched.insert(id);
        }
        let wanted = self.wanted.entry(id).or_default();
        lines.iter().for_each(|(item, n)| *wanted.entry((place, *item)).or_default() += n);
    }

    fn all_or_none(&mut self, id: Id, lines: &[(usize, usize, i64)]) {
        let mut claimed: BTreeMap<(usize, usize), i64> = BTreeMap::new();
        lines.iter().for_each(|(at, item, n)| *claimed.entry((*at, *item)).or_default() += n);
        if let Some(wanted) = self.wanted.get(&id).filter(|wanted| **wanted != claimed) {
            self.complain(format!("{id:x} was to claim {wanted:?}, and has {claimed:?}"));
        }
    }

    /// A customer was told that these units are his.
    pub fn told(&mut self, id: Id) {
        match self.promises.get_mut(&id) {
            Some(promise) => {
                promise.told = true;
                if promise.ended.is_none() {
                    self.standing.insert(id);
                }
            }
            None => self.complain(format!("a customer was promised what is not stored: {id:x}")),
        }
    }

    /// The office keeps units of an item back: at a place from all channels, or from the channel.
    pub fn kept_back(&mut self, place: Option<usize>, item: usize, units: i64) {
        match place {
            Some(place) => self.safety.insert((place, item), units),
            None => self.buffers.insert(item, units),
        };
    }

    /// A channel claimed units, and nothing else happened: what is left at the place, with all that
    /// a store could give back, is not less than what was to be kept back there; and what is to be
    /// kept from the channel is left there when somebody comes for them, else in all places
    /// together. For a kit only the first counts: a buffer is that of the item that is offered.
    pub fn channel_claims(
        &mut self,
        id: Id,
        (place, item): (usize, usize),
        left: &[i64],
        kits: bool,
    ) {
        let fetched = self.fetched.contains(&id);
        let safety = |place| self.safety.get(&(place, item)).copied().unwrap_or(0);
        let buffer = self.buffers.get(&item).copied().filter(|_| !kits).unwrap_or(0);
        let free = left.iter().enumerate().filter(|(at, _)| !fetched || *at == place);
        let free = free.map(|(at, left)| (left - safety(at)).max(0));
        if left[place] < safety(place) || free.sum::<i64>() < buffer {
            self.complain(format!(
                "a channel claimed item {item} at {place}: {left:?} are left, safety stock {}, \
                 buffer {buffer}",
                safety(place)
            ));
        }
    }

    /// A receipt was given.
    pub fn receipt(&mut self, place: usize, register: &str, number: i64, total: i64) {
        let numbers = self.given.entry(register.to_owned()).or_default();
        let last = numbers.last_key_value().map_or(0, |(n, _)| *n);
        numbers.insert(number, total);
        if number != last + 1 && !self.tainted[place] {
            self.complain(format!("receipt {register}-{number} follows {last}"));
        }
    }

    /// The hub stored a sale.
    pub fn sale(&mut self, place: usize, register: &str, number: i64, total: i64) {
        let numbers = self.heard.entry(register.to_owned()).or_default();
        if numbers.insert(number, total).is_some() && !self.tainted[place] {
            self.complain(format!("the sale {register}-{number} is booked twice"));
        }
    }

    /// Someone should see this; a sound store gives no reason for it.
    pub fn notice(&mut self, kind: &str, subject: &str) {
        let of_copies = ["notice.share_mismatch", "notice.agent_forked", "notice.hub_behind"];
        if kind == "notice.sale_units_differ" {
            self.complain(format!("{subject} names other units than its goods"));
        }
        let forgot = kind == "notice.hub_behind" && self.restored.ever();
        if of_copies.contains(&kind) && !forgot && !self.tainted.iter().any(|t| *t) {
            self.complain(format!("S8 false alarm: {kind} {subject}"));
        }
    }

    /// A store was asked to let the units that it ever gave back reach a target.
    pub fn recalled(&mut self, place: usize, target: i64, before: i64, after: i64) {
        if after > target.max(before) {
            self.complain(format!("S7 a recall of {target} at {place} took up to {after}"));
        }
    }

    /// A ticket was paid: units of the share that it held, and those that left it.
    pub fn paid(&mut self, place: usize, held: i64, share: i64) {
        if share < held {
            self.complain(format!("S9 a ticket at {place} held {held} units and got {share}"));
        }
    }

    /// A disk of the store was rolled back or copied. `seen`: the hub knows what the disk forgot.
    pub fn taint(&mut self, place: usize, life: Id, seen: bool) {
        self.tainted[place] = true;
        if seen {
            self.must_fork.insert(life);
        }
    }

    /// A disk was copied; from now on no session may be both copies'. When a Hello waited for its
    /// answer, that answer is good for both, and their first facts must show it.
    pub fn copied(&mut self, life: Id, waiting: bool) {
        if !waiting {
            self.copied.insert(life);
        }
    }

    /// A life was ended from outside.
    pub fn retire(&mut self, place: usize) {
        self.retired[place] = true;
    }
}
