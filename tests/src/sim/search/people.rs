//! What people do in the small world, and what power cuts leave.

use std::rc::Rc;

use oneshelf_domain::promise::Fulfilment;
use oneshelf_domain::stock::{Command, Outcome, StockKey};
use oneshelf_domain::{CommandId, IncarnationId, ReservationId};
use oneshelf_sync::agent::Life;
use oneshelf_sync::plan::{Reply, Submission};

use super::config::Kind;
use super::state::State;
use crate::sim::hub::{Origin, Said};
use crate::sim::store::Device;

/// Milliseconds between two pings.
const BETWEEN_PINGS: i64 = 6_000;

impl State {
    /// Somebody does this at a device.
    pub fn people(&mut self, kind: Kind, at: usize) {
        self.seed_device(at, kind as u64);
        let numbers = self.hub.numbers.clone();
        let register = self.register(at);
        let scene = &mut self.scene;
        match kind {
            Kind::Scan => Rc::make_mut(&mut self.devices[at]).scan(scene, &numbers, register, 0),
            Kind::Pay => {
                let beyond = self.config.beyond;
                let habits = crate::sim::store::Habits { beyond, counts: true };
                Rc::make_mut(&mut self.devices[at]).pay(scene, &numbers, register, habits);
            }
            Kind::Void => Rc::make_mut(&mut self.devices[at]).void(scene, register),
            Kind::Bring | Kind::Receive => {
                let to_share = kind == Kind::Bring;
                Rc::make_mut(&mut self.devices[at]).bring(scene, &numbers, 0, 1, to_share);
            }
            Kind::Count => Rc::make_mut(&mut self.devices[at]).count(scene, &numbers, 0),
            Kind::Theft => scene.audit.unnoticed(0, 0, -1),
            Kind::Give => {
                if let Some((id, lines)) = self.to_fetch(at) {
                    let device = Rc::make_mut(&mut self.devices[at]);
                    device.give(&mut self.scene, &numbers, id, lines);
                }
            }
            Kind::Connect => self.connect(at),
            Kind::Ping => self.ping(at),
            Kind::Backup => self.backup = Some(Rc::new(self.devices[at].disk.clone())),
            Kind::Restore => self.restore(at),
            Kind::Copied => self.copy(at),
            Kind::Spare => self.spare(),
            Kind::HubBackup => {
                let backup = (self.hub.database.clone(), self.scene.audit.mark());
                self.hub_backup = Some(Rc::new(backup));
            }
            Kind::HubRestored => self.hub_restored(),
            Kind::Reserve | Kind::Lose | Kind::Double | Kind::HubCrash | Kind::Crash => {}
        }
        self.collect(false);
    }

    /// The register at a device: two agents of a store number their receipts apart.
    pub fn register(&self, at: usize) -> usize {
        usize::from(self.devices[at].spare)
    }

    /// A reservation whose shopper comes to this store.
    pub fn to_fetch(&self, at: usize) -> Option<(ReservationId, Vec<(oneshelf_domain::Sku, i64)>)> {
        let db = &self.hub.database;
        let given = |id: &ReservationId| self.devices.iter().any(|d| d.disk.handed.contains(id));
        let open = db.reservations.values().filter(|r| r.state.is_awaited() && !given(&r.id));
        let first = open.min_by_key(|r| r.created).filter(|_| at == 0)?;
        Some((first.id, first.lines.iter().map(|l| (db.sku(l.item), l.quantity)).collect()))
    }

    fn connect(&mut self, at: usize) {
        self.connections += 1;
        let connection = self.connections;
        let hub = Rc::make_mut(&mut self.hub);
        if let Some(old) = hub.connection_of(at) {
            hub.connections.remove(&old);
        }
        let device = Rc::make_mut(&mut self.devices[at]);
        device.disconnected(&mut self.scene);
        let (agent, store) = (device.agent_id, device.store);
        // The other connection of the store ends; its agent learns that by silence.
        drop(hub.connect(&mut self.scene, connection, at, agent, store));
        device.connected(&mut self.scene, connection);
    }

    /// A ping leaves; each of a link is later than the one before.
    pub fn ping(&mut self, at: usize) {
        let Some(connection) = self.hub.connection_of(at) else { return };
        let before = self.scene.now;
        self.scene.now += BETWEEN_PINGS * (1 + i64::from(u8::MAX - self.left[Kind::Ping as usize]));
        let hub = Rc::make_mut(&mut self.hub);
        drop(hub.tick(&mut self.scene, connection));
        self.scene.now = before;
        self.hub_works();
    }

    /// A customer buys a unit.
    pub fn reserve(&mut self) {
        self.seed_customer();
        let id = CommandId(self.scene.id());
        self.seed_hub();
        let (item, place) = (self.hub.numbers.items[0], self.hub.numbers.places[0]);
        let command = Command::Reserve {
            lines: vec![(item, place, 1)],
            expires_in_ms: None,
            channel: None,
            fulfilment: Fulfilment::Pickup,
            shopper: None,
            address: None,
            reference: None,
        };
        let submission = Submission {
            id,
            principal: "key:web".to_owned(),
            actor: "key:web".to_owned(),
            on_behalf_of: None,
            keyed: true,
            command,
        };
        Rc::make_mut(&mut self.hub).submit(&mut self.scene, submission, Origin::Request(0));
        self.hub_works();
        self.collect(false);
    }

    /// The hub decides and stores until nothing waits.
    pub fn hub_works(&mut self) {
        let hub = Rc::make_mut(&mut self.hub);
        while !hub.idle() {
            let mut said = hub.plan(&mut self.scene);
            said.extend(hub.commit(&mut self.scene));
            for one in said {
                let Said::Reply { reply, .. } = one else { continue };
                match reply {
                    Reply::Accepted { outcome: Outcome::Reservation { id, .. }, .. } => {
                        self.scene.audit.told(id.0.as_u128());
                    }
                    // The shell asks the store; a later customer gets what comes back.
                    Reply::Refused(refusal) if refusal.is_passing() => {
                        let (item, location) = (hub.numbers.items[0], hub.numbers.places[0]);
                        hub.recall(&mut self.scene, StockKey { item, location }, 1);
                    }
                    _ => {}
                }
            }
        }
    }

    /// The hub decides, and its power fails: what it would have said after that is never said.
    pub fn hub_dies(&mut self, stored: bool) {
        let hub = Rc::make_mut(&mut self.hub);
        drop(hub.plan(&mut self.scene));
        // What left before the commit is the hub's own fault.
        self.collect(false);
        let hub = Rc::make_mut(&mut self.hub);
        hub.stop(&mut self.scene, stored);
        hub.start(&mut self.scene);
        self.cuts += 1;
        self.collect(true);
    }

    /// The hub's database is put back by the book. Agents learn by silence that their lines ended.
    fn hub_restored(&mut self) {
        let Some(backup) = self.hub_backup.take() else { return };
        let (database, mark) = (*backup).clone();
        let epoch = self.hub.database.head.epoch.max(database.head.epoch) + 1;
        let logs = self.devices.iter().filter(|d| !d.gone);
        let logs: Vec<u128> = logs.flat_map(|d| d.disk.log.known().iter().copied()).collect();
        self.scene.audit.hub_restored(mark, Some(epoch), |id| logs.contains(&id), 1);
        self.seed_hub();
        let hub = Rc::make_mut(&mut self.hub);
        hub.stop(&mut self.scene, true);
        let agents: Vec<_> = self.devices.iter().map(|d| (0, d.agent_id)).collect();
        hub.restore(&mut self.scene, database, &agents);
        hub.start(&mut self.scene);
        self.cuts += 1;
    }

    /// An agent's power failed. Frames behind a commit that was stored never leave.
    pub fn device_dies(&mut self, at: usize, stored: bool) {
        self.scene.power_cut = false;
        self.collect(stored);
        let device = Rc::make_mut(&mut self.devices[at]);
        device.stop(&mut self.scene);
        self.lives[at] += 1;
        self.start(at);
    }

    fn start(&mut self, at: usize) {
        self.seed_device(at, 98);
        Rc::make_mut(&mut self.devices[at]).start(&mut self.scene);
        self.collect(false);
    }

    fn restore(&mut self, at: usize) {
        let Some(backup) = self.backup.take() else { return };
        let life = backup.life.incarnation;
        let at_hub = self.hub.database.incarnations.get(&life);
        let seen = at_hub.is_some_and(|i| {
            !i.retired && (i.last > backup.life.seq || i.answer > backup.life.lease)
        });
        let device = Rc::make_mut(&mut self.devices[at]);
        device.stop(&mut self.scene);
        device.disk = (*backup).clone();
        self.scene.audit.taint(0, life.0.as_u128(), seen);
        self.lives[at] += 1;
        self.start(at);
    }

    fn copy(&mut self, at: usize) {
        let no = self.devices.len();
        let mut copy = Device::new(&mut self.scene, no, 0);
        copy.disk = self.devices[at].disk.clone();
        copy.disk.tickets.clear();
        copy.agent_id = self.devices[at].agent_id;
        let life = copy.disk.life.incarnation.0.as_u128();
        self.scene.audit.taint(0, life, false);
        self.scene.audit.copied(life, copy.disk.life.nonce.is_some());
        self.join(copy);
    }

    /// Another agent is enrolled for the store; it knows the shop, and nothing of the other's log.
    fn spare(&mut self) {
        let no = self.devices.len();
        let mut spare = Device::new(&mut self.scene, no, 0);
        spare.disk.records = self.devices[0].disk.records.clone();
        spare.disk.items = self.devices[0].disk.items.clone();
        spare.disk.life = Life::begin(IncarnationId(self.scene.id()), None);
        spare.spare = true;
        self.scene.audit.retire(0);
        self.join(spare);
    }

    fn join(&mut self, device: Device) {
        let at = self.devices.len();
        self.devices.push(Rc::new(device));
        self.lives.push(0);
        self.start(at);
    }
}
