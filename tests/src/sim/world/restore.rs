//! The hub's database put back to an older copy of itself.

use super::World;
use crate::sim::names::STORES;
use crate::sim::scene::Event;

/// Longest time in which an agent that is spoken to takes a session of before for open, ms.
const NOTICED: i64 = 30_000;

impl World {
    /// A backup of the hub is made while it works.
    pub(super) fn hub_backed_up(&mut self) {
        let mark = self.scene.audit.mark();
        self.hub_backup = Some(Box::new((self.hub.database.clone(), mark, self.scene.now)));
    }

    /// The latest backup is put back by the book.
    pub(super) fn hub_restored(&mut self) -> bool {
        let Some(backup) = self.hub_backup.take() else { return false };
        // One that is as old as what agents keep is not put back: they hear of it a moment later.
        if self.scene.now - backup.2 > self.scene.keep_facts - NOTICED {
            return false;
        }
        self.scene.counts.hub_restores += 1;
        for connection in self.hub.stop(&mut self.scene, true) {
            self.closed(connection);
        }
        let (database, mark, _) = *backup;
        let (scene, devices) = (&mut self.scene, &self.devices);
        let epoch = self.hub.database.head.epoch.max(database.head.epoch) + 1;
        let logs: std::collections::BTreeSet<u128> = devices
            .iter()
            .filter(|d| !d.gone)
            .flat_map(|d| d.disk.log.known().iter().copied())
            .collect();
        scene.audit.hub_restored(mark, Some(epoch), |id| logs.contains(&id), STORES);
        self.hub.restore(scene, database, STORES);
        let back = self.scene.rng.wait(4_000);
        self.scene.after(back, Event::HubStarts);
        true
    }
}
