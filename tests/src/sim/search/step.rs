//! The steps of the search: which are possible in a state, and what each does.
//!
//! A frame comes, is lost, or comes twice; a side loses its power before or after its commit;
//! people act. What is possible is looked up in the state alone.

use std::fmt;
use std::rc::Rc;

use oneshelf_domain::stock::{Place, Stock};
use oneshelf_protocol::frame::{Down, Up};

use super::config::Kind;
use super::state::{Flying, State};

/// A step. Devices and frames by their place in the state.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Act {
    /// Somebody does this at a device.
    Do(Kind, usize),
    /// A customer buys, at the hub.
    Reserve,
    /// A frame reaches the hub. `again`: it stays on its way too.
    Up { at: usize, again: bool },
    /// A frame reaches an agent.
    Down { at: usize, again: bool },
    /// A frame to the hub is lost.
    LoseUp(usize),
    /// A frame to an agent is lost.
    LoseDown(usize),
    /// A frame reaches the hub, and power fails before or after the commit.
    UpCut { at: usize, stored: bool },
    /// A frame reaches an agent, and power fails before or after the commit.
    DownCut { at: usize, stored: bool },
    /// Somebody pays, and power fails before the commit.
    PayCut(usize),
}

impl Act {
    /// What it takes of the budget.
    pub fn cost(self) -> Option<Kind> {
        match self {
            Act::Do(kind, _) => Some(kind),
            Act::Reserve => Some(Kind::Reserve),
            Act::Up { again, .. } | Act::Down { again, .. } => again.then_some(Kind::Double),
            Act::LoseUp(_) | Act::LoseDown(_) => Some(Kind::Lose),
            Act::UpCut { .. } => Some(Kind::HubCrash),
            Act::DownCut { .. } | Act::PayCut(_) => Some(Kind::Crash),
        }
    }
}

/// A step in words, with the frame that it is about.
pub(super) struct Told<'a>(pub &'a State, pub Act);

impl fmt::Display for Told<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Told(state, act) = self;
        let json = |text: serde_json::Result<String>| text.unwrap_or_default();
        let up = |at: usize| {
            let flying = &state.up[at];
            format!("{} to hub: {}", flying.device, json(serde_json::to_string(&*flying.frame)))
        };
        let down = |at: usize| {
            let flying = &state.down[at];
            format!("hub to {}: {}", flying.device, json(serde_json::to_string(&*flying.frame)))
        };
        let twice = |again: bool| if again { " (and once more later)" } else { "" };
        let cut = |stored: bool| if stored { "after" } else { "before" };
        match *act {
            Act::Do(kind, device) => write!(f, "{kind:?} at device {device}"),
            Act::Reserve => write!(f, "a customer buys a unit"),
            Act::Up { at, again } => write!(f, "comes{}: {}", twice(again), up(at)),
            Act::Down { at, again } => write!(f, "comes{}: {}", twice(again), down(at)),
            Act::LoseUp(at) => write!(f, "lost: {}", up(at)),
            Act::LoseDown(at) => write!(f, "lost: {}", down(at)),
            Act::UpCut { at, stored } => {
                write!(f, "power fails at the hub {} the commit: {}", cut(stored), up(at))
            }
            Act::DownCut { at, stored } => {
                write!(f, "power fails at the agent {} the commit: {}", cut(stored), down(at))
            }
            Act::PayCut(device) => {
                write!(f, "power fails at device {device} before a sale's commit")
            }
        }
    }
}

impl State {
    /// Every step that is possible now. Of equal frames one is enough.
    pub fn acts(&self) -> Vec<Act> {
        let mut acts = vec![];
        for device in 0..self.devices.len() {
            self.acts_at(device, &mut acts);
        }
        self.acts_of_frames(&mut acts);
        // One that is refused changes nothing.
        let mut rows = self.hub.database.stock.values();
        let shared = |stock: &Stock| self.config.recalls && stock.at(Place::StoreShare) > 0;
        if rows.any(|stock| stock.available() > 0 || shared(stock)) {
            acts.push(Act::Reserve);
        }
        acts.retain(|act| act.cost().is_none_or(|kind| self.left[kind as usize] > 0));
        acts
    }

    fn acts_at(&self, at: usize, acts: &mut Vec<Act>) {
        use Kind::{
            Backup, Bring, Connect, Copied, Count, Give, HubBackup, HubRestored, Pay, Ping,
            Receive, Restore, Scan, Spare, Theft, Void,
        };
        let device = &self.devices[at];
        let item = 0;
        let shelf = self.scene.audit.on_shelf(0, item);
        let sku = &self.hub.numbers.skus[item];
        let in_hands: i64 = self.devices.iter().map(|d| d.in_hands(sku)).sum();
        // Goods move by an agent whose life the hub has heard of: with two logs in one store a
        // count allows for what it knows may still be told.
        let known = self.hub.database.incarnations.contains_key(&device.disk.life.incarnation);
        let elsewhere =
            [Connect, Ping, Backup, Restore, Copied, Spare, Theft, Void, HubBackup, HubRestored];
        let mut may = |kind, possible: bool| {
            if possible && (known || elsewhere.contains(&kind)) {
                acts.push(Act::Do(kind, at));
            }
        };
        may(Scan, shelf > in_hands);
        let register = self.register(at);
        let ticket = device.disk.tickets.contains_key(&register);
        let lacks = device.lacks(register);
        may(Pay, ticket && (self.config.beyond || lacks == 0));
        may(Void, ticket);
        may(Bring, true);
        may(Receive, true);
        may(Count, true);
        may(Theft, at == 0 && shelf > in_hands);
        may(Give, shelf > in_hands && self.to_fetch(at).is_some());
        may(Connect, true);
        may(Ping, self.hub.connection_of(at).is_some());
        may(Backup, at == 0 && self.backup.is_none());
        may(Restore, at == 0 && self.backup.is_some());
        may(Copied, at == 0);
        may(Spare, at == 0);
        may(HubBackup, at == 0 && self.hub_backup.is_none());
        may(HubRestored, at == 0 && self.hub_backup.is_some());
        if ticket && known && (self.config.beyond || lacks == 0) {
            acts.push(Act::PayCut(at));
        }
    }

    fn acts_of_frames(&self, acts: &mut Vec<Act>) {
        for (at, flying) in self.up.iter().enumerate() {
            if self.up[..at].iter().any(|f| f.key == flying.key) {
                continue;
            }
            acts.push(Act::LoseUp(at));
            if self.hub.connection_of(flying.device).is_some() {
                acts.extend([Act::Up { at, again: false }, Act::Up { at, again: true }]);
                acts.extend([false, true].map(|stored| Act::UpCut { at, stored }));
            }
        }
        for (at, flying) in self.down.iter().enumerate() {
            if self.down[..at].iter().any(|f| f.key == flying.key) {
                continue;
            }
            acts.push(Act::LoseDown(at));
            if self.devices[flying.device].connection.is_some() {
                acts.extend([Act::Down { at, again: false }, Act::Down { at, again: true }]);
                acts.extend([false, true].map(|stored| Act::DownCut { at, stored }));
            }
        }
    }

    /// Takes a step.
    pub fn take(&mut self, act: Act) {
        if let Some(kind) = act.cost() {
            self.left[kind as usize] -= 1;
        }
        match act {
            Act::Do(kind, device) => self.people(kind, device),
            Act::Reserve => self.reserve(),
            Act::Up { at, again } => {
                let flying = self.up[at].clone();
                if !again {
                    self.up.remove(at);
                }
                self.arrives_up(&flying);
            }
            Act::Down { at, again } => {
                let flying = self.down[at].clone();
                if !again {
                    self.down.remove(at);
                }
                self.arrives_down(&flying);
            }
            Act::LoseUp(at) => drop(self.up.remove(at)),
            Act::LoseDown(at) => drop(self.down.remove(at)),
            Act::UpCut { at, stored } => {
                let flying = self.up.remove(at);
                self.seed_hub();
                self.at_hub(&flying);
                self.hub_dies(stored);
            }
            Act::DownCut { at, stored } => {
                let flying = self.down.remove(at);
                self.scene.power_cut = !stored;
                self.at_device(&flying);
                self.device_dies(flying.device, stored);
            }
            Act::PayCut(device) => {
                self.scene.power_cut = true;
                self.people(Kind::Pay, device);
                self.device_dies(device, false);
            }
        }
    }

    /// A frame reaches the hub, which answers.
    pub fn arrives_up(&mut self, flying: &Flying<Up>) {
        self.seed_hub();
        self.at_hub(flying);
        self.hub_works();
        self.collect(false);
    }

    /// A frame reaches an agent, which answers.
    pub fn arrives_down(&mut self, flying: &Flying<Down>) {
        self.at_device(flying);
        self.collect(false);
    }

    fn at_device(&mut self, flying: &Flying<Down>) {
        self.seed_device(flying.device, 99);
        let device = Rc::make_mut(&mut self.devices[flying.device]);
        device.frame(&mut self.scene, (*flying.frame).clone());
    }

    fn at_hub(&mut self, flying: &Flying<Up>) {
        let Some(connection) = self.hub.connection_of(flying.device) else { return };
        let hub = Rc::make_mut(&mut self.hub);
        // A link that ends is gone from the hub; the agent learns it by silence.
        drop(hub.frame(&mut self.scene, connection, (*flying.frame).clone()));
    }
}
