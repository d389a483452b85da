//! What goes wrong besides the network: power, lines, disks, people.

use oneshelf_domain::IncarnationId;

use super::World;
use crate::sim::names::{ITEMS, REGISTERS, STORES};
use crate::sim::scene::{Event, Fault};
use crate::sim::store::Device;

const MINUTE: i64 = 60_000;

impl World {
    /// One fault happens, and the next of its kind is planned.
    pub(super) fn fault(&mut self, fault: Fault) {
        if self.scene.calm {
            return;
        }
        let mean = self.setting.faults.iter().find(|(f, _)| *f == fault).map(|(_, mean)| *mean);
        if let Some(mean) = mean {
            let wait = self.scene.rng.wait(mean) * self.pace();
            self.scene.after(wait, Event::Fault(fault));
        }
        let store = self.scene.rng.below(STORES);
        self.scene.trace(&format!("fault {fault:?} {store}"));
        if self.happens(fault, store) {
            *self.scene.counts.faults.entry(format!("{fault:?}")).or_default() += 1;
        }
        self.scene.dirty = true;
    }

    /// False when there was nothing to go wrong: the line was cut, the power was off.
    fn happens(&mut self, fault: Fault, store: usize) -> bool {
        match fault {
            Fault::HubRestarts => return self.hub_restarts(),
            Fault::HubBackup => return self.hub_backed_up(),
            Fault::HubRestored => return self.hub_restored(),
            Fault::HubRolledBack => return self.hub_rolled_back(),
            Fault::HubPaused => return self.hub_paused(),
            Fault::DeviceRestarts => {
                let device = self.device_of(store).filter(|d| self.devices[*d].machine.is_some());
                let Some(device) = device else { return false };
                self.devices[device].stop(&mut self.scene);
            }
            Fault::LineCut => {
                if self.scene.cut_for(store).is_some() {
                    return false;
                }
                let mean = if self.scene.rng.chance(150) { 5 * MINUTE } else { 20_000 };
                let ms = self.scene.rng.wait(mean);
                self.line_cut(store, ms);
            }
            Fault::LongCut => return self.long_cut(store),
            Fault::Backup => {
                let Some(device) = self.device_of(store) else { return false };
                self.backups[store] = Some(self.devices[device].disk.clone());
            }
            Fault::Restore => return self.restore(store),
            Fault::RestoreProperly => return self.restore_properly(store),
            Fault::Copy => return self.copy(store),
            Fault::OriginalLeaves => return self.one_leaves(store),
            Fault::Spare => return self.spare(store),
            Fault::SpareLeaves => return self.spares_leave(),
            Fault::AgentGivenUp => return self.agent_given_up(store),
            Fault::Theft => return self.theft(store),
            Fault::ClockJumps => self.clock_jumps(store),
            Fault::Policy => return self.another_policy(),
        }
        true
    }

    /// A store's clock is set wrong, or right again.
    fn clock_jumps(&mut self, store: usize) {
        let rng = &mut self.scene.rng;
        let most = [0, 10 * MINUTE, 24 * 60 * MINUTE, 10 * 365 * 24 * 60 * MINUTE][rng.below(4)];
        self.scene.skew[store] = rng.between(-most, most);
    }

    /// For an hour to some days one store is dark, or all are.
    fn long_cut(&mut self, store: usize) -> bool {
        if self.scene.long_cut() {
            return false;
        }
        let hours = 1 << self.scene.rng.between(0, 5);
        let ms = hours * self.scene.rng.between(60, 119) * MINUTE;
        let all = self.scene.rng.chance(700);
        let dark = (0..STORES).filter(|s| all || *s == store);
        dark.for_each(|store| self.line_cut(store, ms));
        true
    }

    /// A device of a store that people work with.
    fn device_of(&mut self, store: usize) -> Option<usize> {
        let here: Vec<usize> = self
            .devices
            .iter()
            .filter(|d| d.store == store && !d.gone && !d.spare)
            .map(|d| d.no)
            .collect();
        (!here.is_empty()).then(|| here[self.scene.rng.below(here.len())])
    }

    fn line_cut(&mut self, store: usize, ms: i64) {
        self.scene.cut(store, ms);
        for at in 0..self.devices.len() {
            let device = &self.devices[at];
            let Some(connection) = device.connection.filter(|_| device.store == store) else {
                continue;
            };
            self.scene.break_connection(connection);
            if self.scene.rng.chance(500) {
                self.scene.after(10, Event::Dropped { device: at, connection });
            }
        }
    }

    /// A disk is put back to an older state, and nobody says so.
    fn restore(&mut self, store: usize) -> bool {
        let Some(backup) = self.backups[store].take() else { return false };
        let Some(device) = self.device_of(store) else { return false };
        let life = backup.life.incarnation;
        let at_hub = self.hub.database.incarnations.get(&life);
        let seen = at_hub.is_some_and(|i| {
            !i.retired && (i.last > backup.life.seq || i.answer > backup.life.lease)
        });
        self.scene.counts.restores += 1;
        self.devices[device].stop(&mut self.scene);
        self.devices[device].disk = backup;
        self.scene.audit.taint(store, life.0.as_u128(), seen);
        true
    }

    /// A disk is put back, or its database repaired, by the book: a new life with no share.
    fn restore_properly(&mut self, store: usize) -> bool {
        let Some(device) = self.device_of(store) else { return false };
        self.devices[device].stop(&mut self.scene);
        let backup = self.backups[store].take();
        let life = IncarnationId(self.scene.id());
        let disk = &mut self.devices[device].disk;
        if let Some(backup) = backup.filter(|_| self.scene.rng.chance(500)) {
            let old = backup.life.incarnation;
            *disk = backup;
            self.scene.audit.taint(store, old.0.as_u128(), false);
        }
        disk.life = disk.life.next(life);
        disk.totals.clear();
        self.scene.counts.restores += 1;
        self.scene.audit.retire(store);
        true
    }

    /// A disk is copied, and both go on.
    fn copy(&mut self, store: usize) -> bool {
        if self.devices.len() > 6 {
            return false;
        }
        let Some(device) = self.device_of(store) else { return false };
        let no = self.devices.len();
        let mut copy = Device::new(&mut self.scene, no, store);
        copy.disk = self.devices[device].disk.clone();
        copy.disk.tickets.clear();
        copy.agent_id = self.devices[device].agent_id;
        let life = copy.disk.life.incarnation.0.as_u128();
        self.scene.audit.taint(store, life, false);
        self.scene.audit.copied(life, copy.disk.life.nonce.is_some());
        self.scene.counts.copies += 1;
        self.devices.push(copy);
        self.scene.after(1_000, Event::DeviceStarts { device: no });
        for register in 0..2 {
            self.scene.after(3_000, Event::Register { device: no, register });
        }
        true
    }

    /// Of two copies one is thrown away.
    pub(super) fn one_leaves(&mut self, store: usize) -> bool {
        let here: Vec<usize> = self
            .devices
            .iter()
            .filter(|d| d.store == store && !d.gone && !d.spare)
            .map(|d| d.no)
            .collect();
        if here.len() > 1 {
            let device = here[self.scene.rng.below(here.len())];
            self.leave(device);
        }
        here.len() > 1
    }

    pub(super) fn leave(&mut self, device: usize) {
        self.scene.trace(&format!("device {device} is thrown away"));
        let d = &mut self.devices[device];
        if !d.disk.unanswered().is_empty() {
            // What its log alone knows is lost.
            self.scene.audit.taint(d.store, d.disk.life.incarnation.0.as_u128(), false);
        }
        d.machine = None;
        d.connection = None;
        d.gone = true;
        let agent = d.agent_id;
        // A copy of it goes on under its name.
        if self.devices.iter().all(|d| d.gone || d.agent_id != agent) {
            self.hub.revoke(agent);
        }
    }

    /// The store's agent is dark; somebody enrols another one in its place.
    fn spare(&mut self, store: usize) -> bool {
        if self.devices.iter().any(|d| d.spare && !d.gone) || self.devices.len() > 8 {
            return false;
        }
        let Some(device) = self.device_of(store) else { return false };
        if self.scene.rng.chance(500) {
            // People go on at its registers.
            let dark = self.scene.rng.wait(MINUTE);
            self.devices[device].dark_until = self.scene.now + dark;
            self.devices[device].disconnected(&mut self.scene);
        } else {
            self.devices[device].stop(&mut self.scene);
        }
        let no = self.devices.len();
        let mut spare = Device::new(&mut self.scene, no, store);
        spare.spare = true;
        self.devices.push(spare);
        self.scene.counts.retired += 1;
        self.scene.audit.retire(store);
        self.scene.after(100, Event::DeviceStarts { device: no });
        self.scene.after(1_000, Event::Register { device: no, register: REGISTERS.len() + no });
        self.scene.after(15_000, Event::Fault(Fault::SpareLeaves));
        true
    }

    fn spares_leave(&mut self) -> bool {
        let mut left = false;
        for device in 0..self.devices.len() {
            let d = &self.devices[device];
            if !d.spare || d.gone {
                continue;
            }
            // A hub that was put back since has not heard all of what it answered: nobody throws
            // away the only disk that knows it.
            let waited_for = d.disk.log.known().iter().any(|id| self.scene.audit.waits_for(*id));
            if d.disk.unanswered().is_empty() && !waited_for {
                self.leave(device);
                left = true;
            } else {
                self.scene.after(5_000, Event::Fault(Fault::SpareLeaves));
            }
        }
        left
    }

    /// A unit goes, or one turns up, and nobody sees it.
    fn theft(&mut self, store: usize) -> bool {
        let item = self.scene.rng.below(ITEMS.len());
        let sku = &self.hub.numbers.skus[item];
        let here = self.devices.iter().filter(|d| d.store == store && !d.gone);
        let in_hands: i64 = here.map(|d| d.in_hands(sku)).sum();
        if self.scene.rng.chance(300) {
            self.scene.audit.unnoticed(store, item, 1);
        } else if self.scene.audit.on_shelf(store, item) > in_hands {
            self.scene.audit.unnoticed(store, item, -1);
        } else {
            return false;
        }
        true
    }
}
