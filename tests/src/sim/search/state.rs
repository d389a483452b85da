//! One state of the small world: the hub, the devices with their disks, what is on its way.
//!
//! It is forked for each way to go on, so its large parts are shared until they change.
//! Invariant: two states with one key go on alike; ids are made of what is known where they are
//! made, never of the order in which things happened.

use std::fmt::{self, Write as _};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::rc::Rc;

use oneshelf_protocol::frame::{Down, Up};

use super::config::{Budget, Config, Kind};
use crate::sim::audit::Mark;
use crate::sim::hub::{Database, Hub};
use crate::sim::rng::Rng;
use crate::sim::scene::{Scene, Sent};
use crate::sim::store::{Device, Disk};
use crate::sim::tape::Ids;

/// A frame on its way.
#[derive(Debug, Clone)]
pub(super) struct Flying<F> {
    pub device: usize,
    pub frame: Rc<F>,
    /// Of both.
    pub key: u64,
}

/// One state.
#[derive(Debug, Clone)]
pub(super) struct State {
    pub config: &'static Config,
    pub scene: Scene,
    pub hub: Rc<Hub>,
    pub devices: Vec<Rc<Device>>,
    /// Power cuts and restores of each device: what it makes anew must differ.
    pub lives: Vec<u64>,
    pub backup: Option<Rc<Disk>>,
    /// Of the hub's database, with what the auditor knew then.
    pub hub_backup: Option<Rc<(Database, Mark)>>,
    pub up: Vec<Flying<Up>>,
    pub down: Vec<Flying<Down>>,
    pub left: Budget,
    pub connections: u64,
    /// Power cuts of the hub.
    pub cuts: u64,
    /// Frames of changed rows travel too: only while a state is brought to rest.
    pub rows: bool,
}

/// Hashes what is written into it.
struct Through<'a>(&'a mut DefaultHasher);

impl fmt::Write for Through<'_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        self.0.write(text.as_bytes());
        Ok(())
    }
}

fn words(hasher: &mut DefaultHasher, what: &dyn fmt::Debug) {
    // Writing into a hasher cannot fail.
    let _ = write!(Through(hasher), "{what:?};");
}

fn key_of(device: usize, frame: &dyn fmt::Debug) -> u64 {
    let mut hasher = DefaultHasher::new();
    device.hash(&mut hasher);
    words(&mut hasher, frame);
    hasher.finish()
}

impl State {
    /// Chance and ids of a step at a device come from what is there.
    pub fn seed_device(&mut self, device: usize, step: u64) {
        let d = &self.devices[device];
        let mut hasher = DefaultHasher::new();
        (device, self.lives[device], step).hash(&mut hasher);
        words(&mut hasher, &d.disk.life);
        self.seed(hasher.finish());
    }

    /// And of one at the hub.
    pub fn seed_hub(&mut self) {
        let db = &self.hub.database;
        let mut hasher = DefaultHasher::new();
        ("hub", db.head.epoch, db.head.version.0, db.commands.len(), self.cuts).hash(&mut hasher);
        self.seed(hasher.finish());
    }

    /// And of what a customer asks for.
    pub fn seed_customer(&mut self) {
        let mut hasher = DefaultHasher::new();
        ("customer", self.left[Kind::Reserve as usize]).hash(&mut hasher);
        self.seed(hasher.finish());
    }

    fn seed(&mut self, seed: u64) {
        self.scene.ids = Ids::of(seed);
        self.scene.rng = Rng::new(seed);
    }

    /// What left a side is on its way now. `lost`: power failed before it left.
    pub fn collect(&mut self, lost: bool) {
        for sent in self.scene.outbox.replace(vec![]).unwrap_or_default() {
            match sent {
                _ if lost => {}
                Sent::Down(_, Down::Changes { .. }) if !self.rows => {}
                Sent::Up(device, up) => {
                    let key = key_of(device, &up);
                    self.up.push(Flying { device, frame: Rc::new(up), key });
                }
                Sent::Down(device, down) => {
                    let key = key_of(device, &down);
                    self.down.push(Flying { device, frame: Rc::new(down), key });
                }
            }
        }
    }

    /// The auditor looks.
    ///
    /// # Errors
    /// The first broken invariant.
    pub fn look(&mut self) -> Result<(), String> {
        let books = self.hub.books(self.scene.stamp());
        let views: Vec<_> = self.devices.iter().map(|d| d.view(&self.hub.numbers, false)).collect();
        self.scene.audit.check(&books, &views)
    }

    /// Everything that what comes next depends on.
    pub fn key(&self) -> u64 {
        let mut hasher = DefaultHasher::new();
        self.left.hash(&mut hasher);
        self.hub_key(&mut hasher);
        for (device, life) in self.devices.iter().zip(&self.lives) {
            (life, device.gone, device.connection.is_some()).hash(&mut hasher);
            disk_key(&mut hasher, &device.disk);
            words(&mut hasher, &device.machine);
        }
        if let Some(disk) = &self.backup {
            disk_key(&mut hasher, disk);
        }
        if let Some(backup) = &self.hub_backup {
            database_key(&mut hasher, &backup.0);
            backup.1.hash(&mut hasher);
        }
        let mut flying: Vec<u64> = self.up.iter().map(|f| f.key).collect();
        flying.extend(self.down.iter().map(|f| f.key));
        flying.sort_unstable();
        flying.hash(&mut hasher);
        self.scene.audit.digest(&mut hasher);
        hasher.finish()
    }

    fn hub_key(&self, hasher: &mut DefaultHasher) {
        database_key(hasher, &self.hub.database);
        self.hub.recovering().hash(hasher);
        for device in 0..self.devices.len() {
            self.hub.waits_for(0, self.devices[device].agent_id).hash(hasher);
            let connection = self.hub.connection_of(device);
            let link = connection.and_then(|c| self.hub.connections.get(&c)).map(|c| &c.link);
            words(hasher, &link);
        }
        self.hub.bugs_key(hasher);
    }
}

/// Rows without their versions and times; lives in the order in which they came.
fn database_key(hasher: &mut DefaultHasher, db: &Database) {
    db.head.epoch.hash(hasher);
    for (key, stock) in &db.stock {
        (key, stock.balances, stock.short).hash(hasher);
    }
    for ((life, key), s) in &db.shares {
        (life, key, s.granted, s.brought, s.sold, s.returned).hash(hasher);
        (s.doubt, s.written_off).hash(hasher);
    }
    let mut lives: Vec<_> = db.incarnations.values().collect();
    lives.sort_by_key(|i| (i.created, i.id));
    for i in lives {
        (i.id, i.follows, i.retired, i.forked, i.closed, i.last, i.head).hash(hasher);
        (i.lease, i.answer, i.behind, &i.used).hash(hasher);
    }
    for r in db.reservations.values() {
        (r.id, r.state.name()).hash(hasher);
        r.lines.iter().for_each(|l| (l.item, l.quantity, l.short).hash(hasher));
    }
}

fn disk_key(hasher: &mut DefaultHasher, disk: &Disk) {
    words(hasher, &disk.life);
    words(hasher, &disk.totals);
    for (fact, answer) in disk.log.all() {
        (fact.command_id, answer.is_some()).hash(hasher);
    }
    words(hasher, &disk.tickets);
    (&disk.numbers, &disk.handed).hash(hasher);
}
