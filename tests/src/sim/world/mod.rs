//! One run: the parts, the order of events, what the auditor sees and when.

mod customers;
mod faults;
mod hubs;
mod policies;
mod rest;
mod restore;
mod setup;
mod transfers;

use oneshelf_protocol::frame::Down;

use super::audit::Mark;
use super::hub::{Database, Hub, Said};
use super::names::{REGISTERS, STORES};
use super::scene::{Event, Fault, Scene};
use super::store::{Device, Disk, Habits};
use super::{Broken, Report};
use customers::Customers;
pub(super) use policies::share_policy;

/// Things that people do in a run, besides those during long cuts.
const ACTS: u64 = 260;
/// People wait so many times as long between two things during a long cut, so that a run of days
/// is no longer than it must be.
const LULL: i64 = 2;
/// Longest pause between two things that happen, ms: a run that waits longer has died.
const SILENCE: i64 = 10 * 24 * 3_600_000;

/// What kind of run a seed makes.
#[derive(Debug, Clone)]
pub(super) struct Setting {
    /// How people behave.
    pub habits: Habits,
    /// Share of each item that stores keep.
    pub share: i64,
    /// Units of each item at each place at the start.
    pub units: i64,
    /// Faults, each with its mean time between two, ms.
    pub faults: Vec<(Fault, i64)>,
    /// Hub processes on the one database.
    pub hubs: usize,
}

/// A run.
#[derive(Debug)]
pub(super) struct World {
    seed: u64,
    pub scene: Scene,
    pub hub: Hub,
    pub devices: Vec<Device>,
    pub customers: Customers,
    pub setting: Setting,
    pub backups: Vec<Option<Disk>>,
    /// Of the hub's database, with what the auditor knew then.
    pub hub_backup: Option<Box<(Database, Mark)>>,
    /// Its database, which was put back and which no hub serves from.
    rolled_back: Option<Box<(Database, Mark)>>,
    acts: u64,
    /// Looks since the auditor last saw what the stores show.
    unseen: usize,
}

impl World {
    /// Runs to its end.
    ///
    /// # Errors
    /// The first broken invariant.
    pub fn run(&mut self) -> Result<(), String> {
        self.begin();
        while self.acts < ACTS {
            self.step()?;
        }
        self.come_to_rest()
    }

    /// What came of it.
    pub fn report(self, broken: Option<String>) -> Report {
        let mut counts = self.scene.counts.clone();
        counts.store_seconds = self.scene.now.unsigned_abs() / 1_000 * STORES as u64;
        let (told, gone) = self.scene.audit.promises_kept();
        counts.told = told as u64;
        *if self.scene.audit.may_break() {
            &mut counts.broken_with_cause
        } else {
            &mut counts.broken
        } = gone as u64;
        let tail = self.scene.tail();
        let broken = broken.map(|what| Broken { what, tail });
        Report { seed: self.seed, counts, hash: self.scene.hash(), broken }
    }

    fn begin(&mut self) {
        for device in 0..self.devices.len() {
            self.scene.after(0, Event::DeviceStarts { device });
            for register in 0..REGISTERS.len() {
                self.scene.after(5_000, Event::Register { device, register });
            }
        }
        self.scene.after(1_000, Event::Shopper);
        for (fault, mean) in self.setting.faults.clone() {
            let wait = self.scene.rng.wait(mean);
            self.scene.after(wait, Event::Fault(fault));
        }
    }

    /// One event, and a look at what it left behind.
    fn step(&mut self) -> Result<(), String> {
        let before = self.scene.now;
        let Some(event) = self.scene.next() else { return Err("nothing happens any more".into()) };
        if self.scene.now - before > SILENCE {
            return Err(format!("nothing happened for {} ms", self.scene.now - before));
        }
        self.scene.counts.steps += 1;
        self.happen(event);
        if std::mem::take(&mut self.scene.dirty) {
            self.scene.counts.looks += 1;
            // What a store shows is decided again from all that the hub has not told it of.
            let waiting: usize = self.devices.iter().map(|d| d.disk.log.waiting().len()).sum();
            self.unseen += 1;
            let shown = self.unseen >= 4 + waiting / 8;
            if shown {
                self.unseen = 0;
            }
            return self.look(shown);
        }
        Ok(())
    }

    fn look(&mut self, shown: bool) -> Result<(), String> {
        let books = self.hub.books(self.scene.stamp());
        let views: Vec<_> = self.devices.iter().map(|d| d.view(&self.hub.numbers, shown)).collect();
        self.scene.audit.check(&books, &views)
    }

    fn happen(&mut self, event: Event) {
        let Some(event) = self.at_its_hub(event) else { return };
        match event {
            Event::Up { device, connection, text } => self.up(device, connection, &text),
            Event::Down { device, connection, text } => self.down(device, connection, &text),
            Event::HubPlans(_)
            | Event::HubCommits(_)
            | Event::HubTimers(_)
            | Event::HubTicks { .. }
            | Event::HubStarts(_)
            | Event::HubFollows(_)
            | Event::Rings { .. }
            | Event::HubLoses { .. }
            | Event::WaitEnds { .. }
            | Event::LedBack => self.at_hub(event),
            Event::Connects { device } => self.connects(device),
            Event::Watches { device, connection } => {
                self.devices[device].watch(&mut self.scene, connection);
            }
            Event::Dropped { device, connection } => {
                if self.devices[device].connection == Some(connection) {
                    self.devices[device].disconnected(&mut self.scene);
                }
            }
            Event::DeviceStarts { device } => self.devices[device].start(&mut self.scene),
            Event::Register { device, register } => self.at_register(device, register),
            Event::Asks { request } => self.asks(request),
            Event::Shopper => self.shopper(),
            Event::Order { order } => self.order(order),
            Event::Heals { store } => self.scene.trace(&format!("the line of {store} heals")),
            Event::Fault(fault) => self.fault(fault),
        }
    }

    fn at_register(&mut self, device: usize, register: usize) {
        if self.scene.calm || self.devices[device].gone {
            return;
        }
        self.acted();
        let habits = self.setting.habits;
        let numbers = self.hub.numbers.clone();
        self.devices[device].act(&mut self.scene, &numbers, register, habits);
        let wait = self.scene.rng.wait(12_000) * self.pace();
        self.scene.after(wait, Event::Register { device, register });
    }

    /// In how many times as long the same happens now.
    pub(super) fn pace(&self) -> i64 {
        if self.scene.long_cut() { LULL } else { 1 }
    }

    /// Somebody did something: a run ends after so much, and not within a long cut.
    pub(super) fn acted(&mut self) {
        self.acts += u64::from(!self.scene.long_cut());
    }

    fn down(&mut self, device: usize, connection: u64, text: &str) {
        let store = self.scene.stores[device];
        let at = self.devices[device].connection;
        let there = match self.scene.orderly {
            true => at == Some(connection) && !self.scene.is_broken(connection),
            false => at.is_some(),
        };
        if !there || self.scene.cut_for(store).is_some() {
            self.scene.counts.lost += 1;
            return;
        }
        self.scene.traced(format_args!("down {device} {text}"));
        let down: Down = match serde_json::from_str(text) {
            Ok(down) => down,
            Err(error) => panic!("{error}: {text}"),
        };
        self.devices[device].frame(&mut self.scene, down);
    }

    pub(super) fn pass_on(&mut self, said: Vec<Said>) {
        for one in said {
            match one {
                Said::Reply { request, reply } => self.replied(request, &reply),
                Said::Closed { connection } => self.closed(connection),
            }
        }
    }

    /// The hub's side of a connection is gone; the agent may learn it at once or by silence.
    pub(super) fn closed(&mut self, connection: u64) {
        self.scene.break_connection(connection);
        let at = self.devices.iter().position(|d| d.connection == Some(connection));
        let Some(device) = at else { return };
        if self.scene.calm || self.scene.rng.chance(700) {
            self.scene.after(20, Event::Dropped { device, connection });
        }
    }
}
