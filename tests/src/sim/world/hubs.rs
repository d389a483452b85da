//! The hub's processes in a run: which one an event is for, who speaks to which, and what befalls
//! one of them alone.
//!
//! An agent connects to any, and to another one while the connection before is still held; one
//! that is paused does later what was meant for it, not knowing how late it is.

use oneshelf_domain::stock::Command;
use oneshelf_protocol::frame::Up;

use super::World;
use crate::sim::names::STORES;
use crate::sim::scene::{Event, Fault};

/// Longest time after which a hub learns that a line of it is gone, on average, ms.
const LINGERS: i64 = 30_000;
/// How long a process is paused, on average, ms.
const PAUSE: i64 = 12_000;

impl World {
    /// Gives the process that an event is for its turn. None: it is paused, and the event waits;
    /// or there is nobody any more whom it is for.
    pub(super) fn at_its_hub(&mut self, event: Event) -> Option<Event> {
        let hub = match &event {
            Event::HubPlans(hub)
            | Event::HubCommits(hub)
            | Event::HubTimers(hub)
            | Event::HubStarts(hub)
            | Event::HubFollows(hub)
            | Event::WaitEnds { hub, .. }
            | Event::Rings { hub, .. } => *hub,
            Event::HubTicks { connection } | Event::HubLoses { connection } => {
                self.hub.process_with(*connection)?
            }
            _ => return Some(event),
        };
        self.hub.turn(hub);
        self.awake(event)
    }

    /// The process at turn is not paused; else the event waits until it goes on.
    fn awake(&mut self, event: Event) -> Option<Event> {
        let Some(ms) = self.hub.paused_for(self.scene.now) else { return Some(event) };
        self.scene.after(ms, event);
        None
    }

    /// Something happens at the process at turn.
    pub(super) fn at_hub(&mut self, event: Event) {
        let said = match event {
            Event::HubPlans(_) => {
                let said = self.hub.plan(&mut self.scene);
                self.pass_on(said);
                self.power_at_commit();
                self.pause_at_commit();
                return;
            }
            Event::HubCommits(_) => self.hub.commit(&mut self.scene),
            Event::HubTimers(_) => {
                self.hub.timers(&mut self.scene);
                return;
            }
            Event::WaitEnds { waiter, .. } => {
                self.hub.wait_ends(&mut self.scene, waiter);
                return;
            }
            Event::HubTicks { connection } => self.hub.tick(&mut self.scene, connection),
            Event::HubFollows(_) => self.hub.follow(&mut self.scene),
            Event::Rings { ring, .. } => self.hub.hears_ring(&mut self.scene, ring),
            Event::HubLoses { connection } => {
                self.hub.lose(connection);
                return;
            }
            Event::HubStarts(hub) => {
                self.hub_starts(hub);
                return;
            }
            Event::LedBack => {
                self.led_back();
                return;
            }
            _ => return,
        };
        self.pass_on(said);
    }

    /// Any process, as a customer or an agent finds it.
    pub(super) fn some_hub(&mut self) {
        let all = self.hub.processes();
        if all > 1 {
            let hub = self.scene.rng.below(all);
            self.hub.turn(hub);
        }
    }

    pub(super) fn up(&mut self, device: usize, connection: u64, text: &str) {
        let store = self.scene.stores[device];
        let to = self.way_up(device, connection);
        let Some((to, hub)) = to.filter(|_| self.scene.cut_for(store).is_none()) else {
            self.scene.counts.lost += 1;
            return;
        };
        self.hub.turn(hub);
        if let Some(ms) = self.hub.paused_for(self.scene.now) {
            // It lies in the process's buffers.
            let text = text.to_owned();
            self.scene.after(ms, Event::Up { device, connection, text });
            return;
        }
        self.scene.traced(format_args!("up {device} {text}"));
        let up: Up = match serde_json::from_str(text) {
            Ok(up) => up,
            Err(error) => panic!("{error}: {text}"),
        };
        let said = self.hub.frame(&mut self.scene, to, up);
        self.pass_on(said);
    }

    /// The connection that a frame comes to, and its process. A broker knows no connections: what
    /// comes late meets the one that is there now, or one of a hub that had the lease before.
    fn way_up(&mut self, device: usize, connection: u64) -> Option<(u64, usize)> {
        if self.scene.orderly {
            let hub = self.hub.process_with(connection)?;
            return (!self.scene.is_broken(connection)).then_some((connection, hub));
        }
        let held = self.hub.held_for(device);
        let newest = *held.last()?;
        if held.len() > 1 && self.scene.unlucky(100) {
            self.scene.counts.met("frame to a hub that its agent has left");
            return held.first().copied();
        }
        Some(newest)
    }

    pub(super) fn connects(&mut self, device: usize) {
        let d = &self.devices[device];
        if d.gone || d.connection.is_some() || d.machine.is_none() {
            return;
        }
        let (agent, store) = (d.agent_id, d.store);
        let dark = d.dark_until - self.scene.now;
        if let Some(ms) = self.scene.cut_for(store).or((dark > 0).then_some(dark)) {
            let wait = ms + self.scene.rng.wait(1_000);
            self.scene.after(wait, Event::Connects { device });
            return;
        }
        self.some_hub();
        if !self.hub.up || self.hub.paused_for(self.scene.now).is_some() {
            let wait = self.scene.rng.wait(4_000);
            self.scene.after(wait, Event::Connects { device });
            return;
        }
        self.customers.connections += 1;
        let connection = self.customers.connections;
        for (older, hub) in self.hub.held_for(device) {
            if hub != self.hub.at_turn() {
                self.scene.counts.met("agent at another hub, held by the one before");
                let learns = self.scene.rng.wait(LINGERS);
                self.scene.after(learns, Event::HubLoses { connection: older });
            }
        }
        let said = self.hub.connect(&mut self.scene, connection, device, agent, store);
        self.pass_on(said);
        self.devices[device].connected(&mut self.scene, connection);
    }

    /// One process loses its power.
    pub(super) fn hub_restarts(&mut self) -> bool {
        self.some_hub();
        self.hub_loses_power()
    }

    fn hub_loses_power(&mut self) -> bool {
        if !self.hub.up {
            return false;
        }
        self.scene.counts.hub_restarts += 1;
        let stored = self.scene.rng.chance(300);
        self.hub_stops(stored);
        if self.hub.any_up() {
            self.scene.counts.met("one lost its power, another one worked");
        }
        let (hub, back) = (self.hub.at_turn(), self.scene.rng.wait(4_000));
        self.scene.after(back, Event::HubStarts(hub));
        true
    }

    /// The process at turn stops.
    pub(super) fn hub_stops(&mut self, stored: bool) {
        for connection in self.hub.stop(&mut self.scene, stored) {
            self.closed(connection);
        }
    }

    /// In runs in which power fails, it does so in the middle of a commit too.
    pub(super) fn power_at_commit(&mut self) {
        let fails = self.setting.faults.iter().any(|(fault, _)| *fault == Fault::HubRestarts);
        if fails && self.hub.storing() && self.scene.unlucky(2) {
            self.scene.dirty = true;
            self.hub_loses_power();
        }
    }

    /// In runs in which processes stand still, they do so in the middle of a commit too: batches
    /// are short, and a pause at any time seldom meets one.
    fn pause_at_commit(&mut self) {
        let stands = self.setting.faults.iter().any(|(fault, _)| *fault == Fault::HubPaused);
        if stands && self.hub.storing() && self.scene.unlucky(1) {
            self.pauses();
        }
    }

    /// One process stands still, with what it had in its hands.
    pub(super) fn hub_paused(&mut self) -> bool {
        self.some_hub();
        if !self.hub.up || self.hub.paused_for(self.scene.now).is_some() {
            return false;
        }
        self.pauses();
        true
    }

    fn pauses(&mut self) {
        if self.hub.storing() {
            self.scene.counts.met("paused between deciding and commit");
        }
        let ms = 1_000 + self.scene.rng.wait(PAUSE);
        self.hub.pause(self.scene.now + ms);
    }

    /// An operator gives a store's agent up: mostly of one that has not answered for a while.
    pub(super) fn agent_given_up(&mut self, store: usize) -> bool {
        self.some_hub();
        let now = self.scene.now;
        let places = &self.hub.numbers.places[..STORES];
        let silent = places.iter().find(|place| !self.hub.is_fresh(**place, now)).copied();
        if silent.is_none() && !self.scene.rng.chance(50) {
            return false;
        }
        let location = silent.unwrap_or(self.hub.numbers.places[store]);
        let lives = self.hub.database.incarnations.values();
        let Some(life) = lives.filter(|i| i.location == location).find(|i| !i.retired) else {
            return false;
        };
        let incarnation = life.id;
        self.set(Command::RetireAgent { location, incarnation });
        silent.is_some()
    }
}
