//! The hub's database put back to an older copy of itself: by the book, or by something that says
//! nothing of it. Then no hub serves from it, since the witness tells, until somebody leads it
//! back by the book. A witness that is lost with it, or that was not written yet, is outside of
//! what is claimed. A backup may be older than what agents keep: then a log goes on behind a gap.

use oneshelf_domain::stock::Command;

use super::World;
use crate::sim::audit::Mark;
use crate::sim::bug::Bug;
use crate::sim::hub::Database;
use crate::sim::names::STORES;
use crate::sim::scene::Event;

/// After how long somebody looks why no hub starts, on average, ms.
const ATTENDED: i64 = 40_000;
/// Between two tries to start, ms.
const AGAIN: i64 = 8_000;

impl World {
    /// A backup of the hub is made while it works.
    pub(super) fn hub_backed_up(&mut self) -> bool {
        if self.rolled_back.is_some() {
            return false; // what it would hold is no more
        }
        let mark = self.scene.audit.mark();
        self.hub_backup = Some(Box::new((self.hub.database.clone(), mark)));
        true
    }

    /// The latest backup is put back by the book.
    pub(super) fn hub_restored(&mut self) -> bool {
        if self.rolled_back.is_some() {
            return false; // somebody is at it
        }
        let Some(backup) = self.hub_backup.take() else { return false };
        self.all_hubs_stop();
        self.put_back(*backup);
        true
    }

    /// The database is put back, by a snapshot of the machine or a standby, and nobody says so.
    pub(super) fn hub_rolled_back(&mut self) -> bool {
        if self.rolled_back.is_some() {
            return false;
        }
        let Some(backup) = self.hub_backup.take() else { return false };
        if !self.hub.is_behind(&backup.0, self.scene.now) {
            return false;
        }
        self.all_hubs_stop();
        self.rolled_back = Some(backup);
        let comes = self.scene.rng.wait(ATTENDED);
        self.scene.after(comes, Event::LedBack);
        self.all_hubs_start();
        true
    }

    /// A process has power: it serves, unless its database is behind the witness.
    pub(super) fn hub_starts(&mut self, hub: usize) {
        if self.hub.up {
            return;
        }
        if let Some(backup) =
            self.rolled_back.take_if(|_| self.scene.bug == Some(Bug::WitnessIgnored))
        {
            self.forget(&backup.0, backup.1.clone());
            self.hub.roll_back(backup.0);
        }
        if self.rolled_back.is_some() {
            self.scene.counts.met("no start behind the witness");
            self.scene.after(AGAIN, Event::HubStarts(hub));
            return;
        }
        self.hub.start(&mut self.scene);
    }

    /// Somebody reads what the hubs say, stops them, and begins a new epoch on what there is.
    pub(super) fn led_back(&mut self) {
        if let Some(backup) = self.rolled_back.take() {
            self.scene.trace("the hub is led back");
            self.put_back(*backup);
        }
    }

    fn put_back(&mut self, (database, mark): (Database, Mark)) {
        self.scene.counts.hub_restores += 1;
        self.forget(&database, mark);
        let here = self.devices.iter().filter(|d| !d.gone);
        let agents: Vec<_> = here.map(|d| (d.store, d.agent_id)).collect();
        self.hub.restore(&mut self.scene, database, &agents);
        self.all_hubs_start();
    }

    /// The auditor hears what the hub forgets.
    fn forget(&mut self, database: &Database, mark: Mark) {
        let epoch = self.hub.database.head.epoch.max(database.head.epoch) + 1;
        let logs: std::collections::BTreeSet<u128> = self
            .devices
            .iter()
            .filter(|d| !d.gone)
            .flat_map(|d| d.disk.log.known().iter().copied())
            .collect();
        self.scene.audit.hub_restored(mark, Some(epoch), |id| logs.contains(&id), STORES);
        for (store, life) in self.behind_a_gap(database) {
            self.scene.audit.dropped(store, life);
        }
    }

    /// Lives whose agents have dropped what this database does not have.
    fn behind_a_gap(&self, database: &Database) -> Vec<(usize, u128)> {
        let here = self.devices.iter().filter(|d| !d.gone);
        let gap = here.filter(|d| {
            let life = d.disk.life.incarnation;
            let last = database.incarnations.get(&life).map_or(0, |i| i.last);
            let kept = d.disk.log.all().iter().map(|(fact, _)| fact);
            let next = kept.filter(|f| f.incarnation == life && f.seq > last).map(|f| f.seq).min();
            next.unwrap_or(d.disk.life.seq + 1) > last + 1
        });
        gap.map(|d| (d.store, d.disk.life.incarnation.0.as_u128())).collect()
    }

    /// Somebody reads that a log goes on behind what the hub has: its agent may have nothing more
    /// to tell, and is given up.
    pub(super) fn end_of_gaps(&mut self) {
        self.some_hub();
        let lives = &self.hub.database.incarnations;
        let places = self.hub.numbers.places.iter().take(STORES);
        let gaps = places.filter_map(|at| Some((*at, self.hub.gap(*at)?)));
        let open = gaps.filter(|(_, life)| lives.get(life).is_some_and(|i| !i.retired));
        for (location, incarnation) in open.collect::<Vec<_>>() {
            self.scene.trace("a log goes on behind a gap: its life is ended");
            self.set(Command::RetireAgent { location, incarnation });
        }
    }

    fn all_hubs_stop(&mut self) {
        for hub in 0..self.hub.processes() {
            self.hub.turn(hub);
            self.hub_stops(true);
        }
    }

    fn all_hubs_start(&mut self) {
        for hub in 0..self.hub.processes() {
            let back = self.scene.rng.wait(4_000);
            self.scene.after(back, Event::HubStarts(hub));
        }
    }
}
