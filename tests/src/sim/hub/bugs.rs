//! Planted bugs of the hub: commands and rows changed on their way, never the product's code.

use std::collections::BTreeMap;
use std::hash::{Hash, Hasher};

use oneshelf_domain::stock::{
    Command, FactBody, Incarnation, LocationNo, Place, ReservationState, State, Stock, StockKey,
    Version,
};
use oneshelf_domain::{CommandId, IncarnationId};
use oneshelf_sync::hub::About;
use oneshelf_sync::plan::{Known, Submission, Writes, fingerprint};
use uuid::Uuid;

use super::{Hub, Origin, Said};
use crate::sim::bug::Bug;
use crate::sim::scene::Scene;

impl Hub {
    /// What planted bugs remember besides the tables.
    pub fn bugs_key(&self, hasher: &mut impl Hasher) {
        (&self.sent_totals, &self.aliases, &self.arrived, &self.numbered).hash(hasher);
    }

    /// Changes what is about to be decided.
    pub(super) fn spoil(&mut self, bug: Bug, batch: &mut [Submission]) {
        for at in 0..batch.len() {
            let seen = batch[..at].iter().any(|s| s.id == batch[at].id);
            let known = seen || self.database.commands.contains_key(&batch[at].id);
            let earlier = batch[..at].iter().filter(|s| fact_of(s) == fact_of(&batch[at])).count();
            let submission = &mut batch[at];
            match &mut submission.command {
                Command::Hello { incarnation, lease, nonce, last, granted, .. } => {
                    if bug == Bug::TotalsNotLearned {
                        granted.clear();
                    }
                    let Some(i) = self.database.incarnations.get(incarnation) else { continue };
                    match bug {
                        Bug::CopyIsSame if !i.retired => {
                            *lease = i.lease;
                            *last = i.last;
                        }
                        Bug::LeaseWithoutNonce if i.answer == *lease => {
                            *nonce = i.used_by(*lease).unwrap_or(*nonce);
                        }
                        _ => {}
                    }
                }
                Command::Fact { incarnation, seq, prev, body, location, granted, .. } => {
                    if bug == Bug::TotalsNotLearned {
                        granted.clear();
                    }
                    let i = self.database.incarnations.get(incarnation);
                    let behind =
                        i.is_some_and(|i| *seq <= i.last || *seq == i.last + 1 && *prev != i.head);
                    if let Some(i) = i.filter(|i| bug == Bug::NoPredecessor && *seq == i.last + 1) {
                        *prev = i.head;
                    }
                    let retired = i.is_some_and(|i| i.retired);
                    let again = match bug {
                        Bug::AppliedAgain => known,
                        Bug::DedupedByEpoch => known && retired,
                        _ => false,
                    };
                    let moved = match bug {
                        Bug::AnyOrder => !known,
                        Bug::CopyIsSame => !known && behind,
                        _ => again,
                    };
                    if let Some(i) = i.filter(|i| moved && earlier == 0 && !i.forked) {
                        (*seq, *prev) = (i.last + 1, i.head);
                        if again {
                            let other = CommandId(Uuid::from_u128(!submission.id.0.as_u128()));
                            self.aliases.insert(other, submission.id);
                            submission.id = other;
                        }
                    }
                    let (location, of) = (*location, (*incarnation, submission.id));
                    if !known {
                        self.spoil_count(bug, of, location, body);
                    }
                    self.spoil_body(bug, of, location, body);
                }
                _ => {}
            }
        }
    }

    /// A planted bug: the answer leaves although nothing is stored yet.
    pub(super) fn answer_early(
        &mut self,
        scene: &mut Scene,
        writes: &Writes,
        origins: &[Origin],
    ) -> Vec<Said> {
        let grants = scene.bug == Some(Bug::GrantBeforeCommit);
        let mut said = vec![];
        for (reply, origin) in writes.replies.iter().zip(origins) {
            let Origin::Link { about, .. } = origin else { continue };
            if matches!(about, About::Grant { .. }) == grants {
                said.extend(self.answer(scene, reply, origin));
            }
        }
        said
    }

    /// Changes which commands are taken for known.
    pub(super) fn spoil_known(
        &mut self,
        bug: Bug,
        batch: &[Submission],
        known: &mut BTreeMap<CommandId, Known>,
    ) {
        if bug == Bug::OutcomesForgotten {
            known.clear();
        }
        if bug != Bug::DedupedBySeq {
            return;
        }
        for s in batch {
            let Command::Fact { seq, .. } = &s.command else { continue };
            let first = self.numbered.entry((s.actor.clone(), *seq)).or_insert(s.id);
            match self.database.commands.get(first) {
                Some(stored) => {
                    let fingerprint = fingerprint(&s.command);
                    known.insert(s.id, Known { fingerprint, ..stored.clone() });
                }
                None => *first = s.id,
            }
        }
    }

    /// A planted bug: what a retired agent may still hold is there for a sale beyond a share, as
    /// if that agent were a copy.
    pub(super) fn open_residue(&self, bug: Bug, batch: &[Submission], state: &mut State) {
        let [Submission { command: Command::Fact { incarnation, seq, prev, body, .. }, .. }] =
            batch
        else {
            return;
        };
        let own = self.database.incarnations.get(incarnation);
        let next = own.is_some_and(|i| *seq == i.last + 1 && *prev == i.head);
        let beyond = match body {
            FactBody::Sale { lines, .. } => lines.iter().any(|l| l.beyond > 0),
            _ => false,
        };
        if bug == Bug::ResidueDrawn && next && beyond {
            for i in self.database.incarnations.values().filter(|i| i.retired && !i.forked) {
                state.put_incarnation(i.id, Some(Incarnation { forked: true, ..i.clone() }));
            }
        }
    }

    /// And nothing else shows that it was taken for one.
    pub(super) fn close_residue(&self, bug: Option<Bug>, writes: &mut Writes) {
        if bug != Some(Bug::ResidueDrawn) {
            return;
        }
        for (id, i) in &mut writes.incarnations {
            let sound = self.database.incarnations.get(id).is_some_and(|i| i.retired && !i.forked);
            i.forked &= !sound;
        }
    }

    /// Changes the settings that are decided by.
    pub(super) fn spoil_records(&self, bug: Bug, state: &mut State) {
        if bug != Bug::KeptBackForgotten {
            return;
        }
        let kept = |key: &&String| key.starts_with("safety/") || key.starts_with("buffer/");
        let kept = self.database.records.keys().filter(kept);
        kept.for_each(|key| state.records.remove(key));
    }

    /// Changes a count that was not booked before.
    fn spoil_count(
        &mut self,
        bug: Bug,
        (incarnation, fact): (IncarnationId, CommandId),
        location: LocationNo,
        body: &mut FactBody,
    ) {
        let stock = |item| {
            let key = StockKey { item, location };
            self.database.stock.get(&key).copied().unwrap_or_default()
        };
        match (bug, body) {
            (Bug::CountAtArrival, FactBody::Count { item, found, .. }) => {
                let now = stock(*item).shelf();
                let then = *self.arrived.entry(fact).or_insert(now);
                *found = (*found + now - then).max(0);
            }
            (Bug::CountTakesShare, FactBody::Count { item, found, from_share }) => {
                let key = StockKey { item: *item, location };
                let owned = self.database.shares.get(&(incarnation, key)).map_or(0, |s| s.owned());
                let deficit = (stock(*item).shelf() - *from_share - *found).max(0);
                *from_share += deficit.min(owned - *from_share).max(0);
            }
            _ => {}
        }
    }

    fn spoil_body(
        &self,
        bug: Bug,
        (incarnation, fact): (IncarnationId, CommandId),
        location: LocationNo,
        body: &mut FactBody,
    ) {
        match (bug, &mut *body) {
            (Bug::ReceivedAsSent, body) => self.as_sent(body),
            (Bug::ReturnBothSides, FactBody::In { to_share, .. }) => *to_share = false,
            (Bug::HubSplits | Bug::SaleLosesSplit, FactBody::Sale { lines, .. }) => {
                for line in lines {
                    let key = StockKey { item: line.item, location };
                    let owned = self.database.shares.get(&(incarnation, key));
                    let owned = match bug {
                        Bug::HubSplits => owned.map_or(0, |s| s.owned().max(0)),
                        _ => 0,
                    };
                    let all = line.share + line.beyond;
                    line.share = all.min(owned);
                    line.beyond = all - line.share;
                }
            }
            (Bug::RejectedLosesStock, FactBody::Sale { document: Some(d), .. }) => {
                let paid: i64 = d.lines.iter().map(|(_, _, _, total)| total).sum();
                if paid != d.total_minor {
                    let code = "sale_totals_differ".to_owned();
                    *body = FactBody::Unreadable { code, id: fact };
                }
            }
            _ => {}
        }
    }

    /// Changes what is about to be stored; true when it did.
    pub(super) fn spoil_writes(&self, bug: Bug, writes: &mut Writes) -> bool {
        match bug {
            Bug::DrawnAgain => self.draw_again(writes),
            Bug::CancelFrees => self.free_cancelled(writes),
            _ => self.free_doubt(bug, writes) || self.spoil_flow(bug, writes),
        }
    }

    /// What a count wrote off pays for a silent agent's fact; here the books pay once more.
    fn draw_again(&self, writes: &mut Writes) -> bool {
        let mut again = vec![];
        for ((id, key), (_, after)) in &writes.shares {
            let before = self.database.shares.get(&(*id, *key)).map_or(0, |s| s.written_off);
            let spent = before.min(before - after.written_off.max(0));
            if spent > 0 {
                again.push((*key, spent));
            }
        }
        for (key, units) in &again {
            self.row(writes, *key, |row| {
                let found = row.balances[Place::Available.index()].min(*units);
                row.balances[Place::Available.index()] -= found;
                row.balances[Place::Discrepancy.index()] -= units - found;
                row.balances[Place::Adjustment.index()] += units;
            });
        }
        !again.is_empty()
    }

    /// What was given up is free before the store has said that it did not hand it over.
    fn free_cancelled(&self, writes: &mut Writes) -> bool {
        let mut freed = vec![];
        for r in writes.reservations.values_mut() {
            if r.state == ReservationState::Releasing {
                r.state = ReservationState::Released;
                freed.extend(r.lines.iter().map(|l| (l.key(), l.held())));
            }
        }
        for (key, units) in &freed {
            self.row(writes, *key, |row| {
                row.balances[Place::Reserved.index()] -= units;
                row.balances[Place::Available.index()] += units;
            });
        }
        !freed.is_empty()
    }

    pub(super) fn row(&self, writes: &mut Writes, key: StockKey, change: impl FnOnce(&mut Stock)) {
        let version: Version = writes.head.version;
        let stored = self.database.stock.get(&key).copied().unwrap_or_default();
        let row = writes.stock.entry(key).or_insert(stored);
        change(row);
        row.version = version;
    }

    fn free_doubt(&self, bug: Bug, writes: &mut Writes) -> bool {
        let frees = |i: &Incarnation| match bug {
            Bug::RetireReleases => i.retired && !i.forked && !i.closed,
            Bug::CopyCloseFrees => i.forked && writes_close(writes, i),
            _ => false,
        };
        let ended: Vec<IncarnationId> =
            writes.incarnations.values().filter(|i| frees(i)).map(|i| i.id).collect();
        let mut spoiled = false;
        for id in ended {
            let rows: Vec<StockKey> = self
                .database
                .shares
                .keys()
                .chain(writes.shares.keys())
                .filter(|(of, _)| *of == id)
                .map(|(_, key)| *key)
                .collect();
            for key in rows {
                let stored = self.database.shares.get(&(id, key)).copied().unwrap_or_default();
                let version = writes.head.version;
                let entry = writes.shares.entry((id, key)).or_insert((version, stored));
                let freed = std::mem::take(&mut entry.1.doubt);
                self.row(writes, key, |row| {
                    row.balances[Place::InDoubt.index()] -= freed;
                    row.balances[Place::Available.index()] += freed;
                });
                spoiled |= freed > 0;
            }
        }
        spoiled
    }
}

/// The log that a submission belongs to.
fn fact_of(submission: &Submission) -> Option<IncarnationId> {
    match &submission.command {
        Command::Fact { incarnation, .. } => Some(*incarnation),
        _ => None,
    }
}

/// A copy spoke of its end: its life is a fork and its last fact came now.
fn writes_close(writes: &Writes, i: &Incarnation) -> bool {
    writes.ledger.iter().any(|row| row.kind == "fact" && i.head == Some(row.command))
}
