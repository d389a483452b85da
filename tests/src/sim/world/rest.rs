//! The end of a run: the network is healed, nobody does anything more, both sides talk until
//! nothing is on its way. That must end, and they must agree.

use super::World;
use crate::sim::names::{REGISTERS, STORES};
use crate::sim::scene::Event;

/// Longest time to come to rest, ms.
const LONGEST: i64 = 20 * 60_000;
/// How often somebody looks at what the hub says of the stores, ms.
const ATTENDED: i64 = 40_000;
/// Shortest: holds run out, two pings go by.
const SHORTEST: i64 = 170_000;

impl World {
    pub(super) fn come_to_rest(&mut self) -> Result<(), String> {
        self.scene.trace("everything heals");
        self.scene.calm = true;
        self.scene.heal();
        self.one_device_a_store();
        if self.rolled_back.is_some() {
            self.scene.after(0, Event::LedBack);
        }
        for hub in 0..self.hub.processes() {
            self.scene.after(0, Event::HubStarts(hub));
        }
        for device in 0..self.devices.len() {
            self.devices[device].dark_until = 0;
            self.scene.after(1, Event::DeviceStarts { device });
            self.scene.after(2, Event::Connects { device });
        }
        let begun = self.scene.now;
        let mut voided = false;
        let (mut quiet_since, mut looked) = (None, begun);
        while self.scene.now - begun < LONGEST {
            self.step()?;
            if !voided && self.scene.now - begun > 1_000 {
                voided = true;
                self.void_tickets();
            }
            if self.scene.now - looked > ATTENDED {
                looked = self.scene.now;
                self.end_of_gaps();
            }
            if !(voided && self.is_quiet()) {
                quiet_since = None;
                continue;
            }
            let since = *quiet_since.get_or_insert(self.scene.now);
            let long = self.scene.now - begun > SHORTEST && self.scene.now - since > 11_000;
            if long {
                return self.compare();
            }
        }
        let lives: Vec<_> = self.hub.database.incarnations.values().collect();
        let views: Vec<_> = self.devices.iter().map(|d| d.view(&self.hub.numbers, false)).collect();
        Err(format!("S7 it never comes to rest: {views:?} {lives:?}"))
    }

    fn one_device_a_store(&mut self) {
        for store in 0..STORES {
            let here = |d: &&super::Device| d.store == store && !d.gone;
            while self.devices.iter().filter(here).count() > 1 {
                let spare = self.devices.iter().filter(here).find(|d| d.spare).map(|d| d.no);
                match spare {
                    Some(device) => self.leave(device),
                    None => _ = self.one_leaves(store),
                }
            }
        }
    }

    fn void_tickets(&mut self) {
        for device in &mut self.devices {
            for register in 0..REGISTERS.len() {
                device.void(&mut self.scene, register);
            }
        }
    }

    fn is_quiet(&self) -> bool {
        let version = self.hub.version().0;
        self.hub.all_idle()
            && self.customers.idle()
            && self.devices.iter().all(|d| d.is_quiet(version))
    }

    fn compare(&mut self) -> Result<(), String> {
        self.look(true)?;
        let books = self.hub.books(self.scene.stamp());
        let views: Vec<_> = self.devices.iter().map(|d| d.view(&self.hub.numbers, true)).collect();
        let holds = self.holds();
        self.scene.trace(&format!("at rest, {holds} holds in all"));
        self.scene.audit.at_rest(&books, &views)
    }
}
