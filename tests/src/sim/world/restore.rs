//! The hub's database put back to an older copy of itself: by the book, or by something that says
//! nothing of it. Then no hub serves from it, since the witness tells, until somebody leads it
//! back by the book. A witness that is lost with it, or that was not written yet, is outside of
//! what is claimed.

use super::World;
use crate::sim::audit::Mark;
use crate::sim::bug::Bug;
use crate::sim::hub::Database;
use crate::sim::names::STORES;
use crate::sim::scene::Event;

/// Longest time in which an agent that is spoken to takes a session of before for open, ms.
const NOTICED: i64 = 30_000;
/// After how long somebody looks why no hub starts, on average, ms.
const ATTENDED: i64 = 40_000;
/// Between two tries to start, ms.
const AGAIN: i64 = 8_000;

type Backup = Box<(Database, Mark, i64)>;

impl World {
    /// A backup of the hub is made while it works.
    pub(super) fn hub_backed_up(&mut self) -> bool {
        if self.rolled_back.is_some() {
            return false; // what it would hold is no more
        }
        let mark = self.scene.audit.mark();
        self.hub_backup = Some(Box::new((self.hub.database.clone(), mark, self.scene.now)));
        true
    }

    /// The latest backup, unless it is as old as what agents keep: that one is not put back, and
    /// they hear of it a moment later.
    fn usable_backup(&mut self) -> Option<Backup> {
        let backup = self.hub_backup.take()?;
        (self.scene.now - backup.2 <= self.scene.keep_facts - NOTICED).then_some(backup)
    }

    /// The latest backup is put back by the book.
    pub(super) fn hub_restored(&mut self) -> bool {
        if self.rolled_back.is_some() {
            return false; // somebody is at it
        }
        let Some(backup) = self.usable_backup() else { return false };
        self.all_hubs_stop();
        self.put_back(*backup);
        true
    }

    /// The database is put back, by a snapshot of the machine or a standby, and nobody says so.
    pub(super) fn hub_rolled_back(&mut self) -> bool {
        if self.rolled_back.is_some() {
            return false;
        }
        let Some(backup) = self.usable_backup() else { return false };
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

    fn put_back(&mut self, (database, mark, _): (Database, Mark, i64)) {
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
