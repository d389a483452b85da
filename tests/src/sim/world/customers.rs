//! Shoppers and the people of the warehouse: holds, orders, deliveries, asked for over a line
//! that loses requests and answers, so that they ask again with the same id.

use std::collections::BTreeMap;

use oneshelf_domain::promise::Fulfilment;
use oneshelf_domain::stock::{Command, Outcome, ReservationState, StockKey};
use oneshelf_domain::{CommandId, ReservationId};
use oneshelf_sync::plan::{Reply, Submission};

use super::World;
use super::policies::CHANNEL;
use crate::sim::hub::Origin;
use crate::sim::names::{ITEMS, PLACES, WAREHOUSE};
use crate::sim::scene::{Event, Scene};

/// What a request is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum What {
    Reserve,
    Commit,
    Release,
    Pick,
    HandOver,
    /// A delivery or a setting: nobody waits for the answer.
    Other,
}

/// How often a customer comes back for units that are a store's share.
const TRIES: u8 = 3;

#[derive(Debug, Clone)]
struct Request {
    submission: Submission,
    what: What,
    order: u64,
    /// How often it was told to come back in a moment.
    tries: u8,
}

/// Where an order is, as its customer and the warehouse know.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    Asked,
    Held,
    Committed,
    Picked,
    Over,
}

#[derive(Debug, Clone)]
struct Order {
    id: ReservationId,
    place: usize,
    lines: Vec<(usize, i64)>,
    hold: bool,
    phase: Phase,
}

/// All of them.
#[derive(Debug, Default)]
pub(crate) struct Customers {
    /// Those that wait for an answer.
    requests: BTreeMap<u64, Request>,
    orders: BTreeMap<u64, Order>,
    next: u64,
    /// Connections ever made, for their numbers.
    pub connections: u64,
}

impl Customers {
    /// Nobody waits for an answer.
    pub fn idle(&self) -> bool {
        self.requests.is_empty()
    }
}

impl World {
    /// A customer begins something, or a delivery comes.
    pub(super) fn shopper(&mut self) {
        if self.scene.calm {
            return;
        }
        self.acted();
        let wait = self.scene.rng.wait(8_000) * self.pace();
        self.scene.after(wait, Event::Shopper);
        if self.scene.rng.chance(180) {
            self.delivery();
        } else {
            self.reserve();
        }
    }

    fn delivery(&mut self) {
        let item = self.scene.rng.below(ITEMS.len());
        let units = self.scene.rng.between(1, 3);
        let id = CommandId(self.scene.id());
        let lines = vec![(self.hub.numbers.items[item], units)];
        let location = self.hub.numbers.places[WAREHOUSE];
        self.scene.audit.expect(id.0.as_u128(), vec![(WAREHOUSE, item, units, 0)]);
        self.request(id, Command::Receive { location, lines, reference: None }, What::Other, 0);
    }

    fn reserve(&mut self) {
        let rng = &mut self.scene.rng;
        let place = rng.below(PLACES.len());
        let mut lines = vec![(rng.below(ITEMS.len()), 1)];
        if rng.chance(200) {
            let item = rng.below(ITEMS.len());
            lines.push((item, rng.between(1, 2)));
        }
        let hold = rng.chance(600);
        let shopper = (hold && rng.chance(700)).then(|| format!("shopper {}", rng.below(6)));
        let channel = rng.chance(400).then(|| CHANNEL.to_owned());
        let fulfilment = if rng.chance(500) { Fulfilment::Pickup } else { Fulfilment::Shipping };
        let expires_in_ms = hold.then(|| rng.between(5, 120) * 1_000);
        let id = CommandId(self.scene.id());
        let numbers = &self.hub.numbers;
        let command = Command::Reserve {
            lines: lines
                .iter()
                .map(|(item, units)| (numbers.items[*item], numbers.places[place], *units))
                .collect(),
            expires_in_ms,
            channel,
            fulfilment,
            address: shopper.clone(),
            shopper,
            reference: None,
        };
        self.customers.next += 1;
        let order = self.customers.next;
        let id_of = ReservationId(id.0);
        let made = Order { id: id_of, place, lines, hold, phase: Phase::Asked };
        self.customers.orders.insert(order, made);
        self.request(id, command, What::Reserve, order);
    }

    fn request(&mut self, id: CommandId, command: Command, what: What, order: u64) {
        let submission = Submission {
            id,
            principal: "key:web".to_owned(),
            actor: "key:web".to_owned(),
            on_behalf_of: None,
            keyed: true,
            command,
        };
        self.customers.next += 1;
        let request = self.customers.next;
        let made = Request { submission, what, order, tries: 0 };
        self.customers.requests.insert(request, made);
        self.asks(request);
    }

    /// A setting is changed by a manager.
    pub(super) fn set(&mut self, command: Command) {
        let id = CommandId(self.scene.id());
        self.request(id, command, What::Other, 0);
    }

    /// Sends a request, and again until it is answered.
    pub(super) fn asks(&mut self, request: u64) {
        let Some(asked) = self.customers.requests.get(&request) else { return };
        let submission = asked.submission.clone();
        // Whichever hub it comes to; sent again it may be another one.
        self.some_hub();
        if self.hub.up {
            if self.scene.unlucky(50) {
                self.scene.counts.mishap("request lost");
            } else {
                self.hub.submit(&mut self.scene, submission, Origin::Request(request));
            }
        }
        let again = self.scene.rng.between(300, 6_000);
        self.scene.after(again, Event::Asks { request });
    }

    /// The hub answered, if the answer arrives.
    pub(super) fn replied(&mut self, request: u64, reply: &Reply) {
        if matches!(reply, Reply::NotNow(_)) {
            return;
        }
        if self.scene.unlucky(50) {
            self.scene.counts.mishap("answer lost");
            return;
        }
        let Some(asked) = self.customers.requests.get_mut(&request) else { return };
        let passing = matches!(reply, Reply::Refused(refusal) if refusal.is_passing());
        if passing && asked.tries < TRIES {
            // The shell asks the store and tries again; here that is the customer's next try.
            asked.tries += 1;
            let command = asked.submission.command.clone();
            self.recall(&command);
            return;
        }
        let (what, number, id) = (asked.what, asked.order, asked.submission.id);
        self.customers.requests.remove(&request);
        let Some(order) = self.customers.orders.get_mut(&number) else { return };
        let (state, ends) = match reply {
            Reply::Accepted { outcome: Outcome::Reservation { state, expires_at, .. }, .. } => {
                (Some(*state), *expires_at)
            }
            _ => (None, None),
        };
        self.scene.trace(&format!("{what:?} of order {number}: {reply:?}"));
        order.phase = match (what, state) {
            (What::Reserve, Some(state)) => {
                self.scene.counts.reservations += 1;
                self.scene.audit.told(id.0.as_u128());
                match state {
                    ReservationState::Held => Phase::Held,
                    _ => Phase::Committed,
                }
            }
            (What::Commit, Some(_)) => Phase::Committed,
            (What::Pick, Some(_)) => Phase::Picked,
            (What::Reserve | What::Release | What::HandOver | What::Commit, _) => Phase::Over,
            // Not ready: later perhaps.
            (What::Pick, None) | (What::Other, _) => order.phase,
        };
        let wait = match ends.map(|ends| Scene::moment(ends) - self.scene.now) {
            // Some make up their minds in the moment in which their hold ends.
            Some(left) if self.scene.rng.chance(150) => left + self.scene.rng.between(-20, 20),
            _ => self.scene.rng.wait(25_000),
        };
        self.scene.after(wait, Event::Order { order: number });
    }

    /// Asks the store for what a claim lacks.
    fn recall(&mut self, command: &Command) {
        let Command::Reserve { lines, .. } = command else { return };
        for (item, location, units) in lines {
            let key = StockKey { item: *item, location: *location };
            let row = self.hub.database.stock.get(&key).copied().unwrap_or_default();
            let missing = units - row.available();
            if missing > 0 {
                self.hub.recall_for_claim(&mut self.scene, key, missing);
            }
        }
    }

    /// The next step of an order.
    pub(super) fn order(&mut self, number: u64) {
        let Some(order) = self.customers.orders.get(&number).cloned() else { return };
        if self.scene.calm {
            return;
        }
        let id = order.id;
        let choice = self.scene.rng.below(100);
        let shopper = None;
        let (command, what) = match order.phase {
            Phase::Held => match choice {
                0..40 => (Command::Commit { id }, What::Commit),
                40..60 => (Command::Release { id, shopper }, What::Release),
                _ => return, // let it run out
            },
            Phase::Committed if order.place == WAREHOUSE => match choice {
                0..60 => (Command::Pick { id }, What::Pick),
                60..85 => (Command::HandOver { id }, What::HandOver),
                _ => (Command::Release { id, shopper }, What::Release),
            },
            Phase::Picked => match choice {
                0..85 => (Command::HandOver { id }, What::HandOver),
                _ => (Command::Release { id, shopper }, What::Release),
            },
            // At a store its agent hands over; a few are called off.
            Phase::Committed if choice < 20 => (Command::Release { id, shopper }, What::Release),
            Phase::Asked | Phase::Committed | Phase::Over => return,
        };
        let step = CommandId(self.scene.id());
        self.expect(step, &order, what);
        self.request(step, command, what, number);
    }

    /// What a step does to the warehouse's shelf when the hub stores it.
    fn expect(&mut self, step: CommandId, order: &Order, what: What) {
        if order.place != WAREHOUSE {
            return;
        }
        let picked = order.phase == Phase::Picked;
        let by = |n: i64| match (what, picked) {
            (What::Pick, _) => (-n, n),
            (What::HandOver, true) => (0, -n),
            (What::HandOver, false) => (-n, 0),
            (What::Release, true) => (n, -n),
            _ => (0, 0),
        };
        let moves = order.lines.iter().map(|(item, units)| {
            let (shelf, aside) = by(*units);
            (WAREHOUSE, *item, shelf, aside)
        });
        self.scene.audit.expect(step.0.as_u128(), moves.collect());
    }

    /// Holds of the run that never were more than a hold, for the report.
    pub(super) fn holds(&self) -> usize {
        self.customers.orders.values().filter(|o| o.hold).count()
    }
}
