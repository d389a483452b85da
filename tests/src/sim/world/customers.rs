//! Shoppers and the people of the warehouse: holds, orders, deliveries, asked for over a line
//! that loses requests and answers, so that they ask again with the same id.

use std::collections::BTreeMap;

use oneshelf_domain::promise::Fulfilment;
use oneshelf_domain::stock::{Command, Outcome, ReservationState};
use oneshelf_domain::{CommandId, ReservationId};
use oneshelf_sync::plan::{Reply, Submission};

use super::World;
use super::policies::CHANNEL;
use crate::sim::hub::Origin;
use crate::sim::names::{ITEMS, PLACES, WAREHOUSE};
use crate::sim::scene::{Event, Scene};

/// What a request is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum What {
    Reserve,
    /// Goods for another place.
    Transfer,
    /// And their arrival at the warehouse.
    Unpack,
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
pub(super) enum Phase {
    Asked,
    Held,
    Committed,
    Picked,
    Over,
}

#[derive(Debug, Clone)]
pub(super) struct Order {
    pub id: ReservationId,
    pub place: usize,
    pub lines: Vec<(usize, i64)>,
    pub hold: bool,
    /// A transfer: where its goods go.
    pub to: Option<usize>,
    pub phase: Phase,
}

/// All of them.
#[derive(Debug, Default)]
pub(crate) struct Customers {
    /// Those that wait for an answer.
    requests: BTreeMap<u64, Request>,
    orders: BTreeMap<u64, Order>,
    /// Parcels that are taken in at the warehouse, by the request that says so.
    pub(super) unpacking: BTreeMap<CommandId, u128>,
    next: u64,
    /// Connections ever made, for their numbers.
    pub connections: u64,
}

impl Customers {
    /// Nobody waits for an answer.
    pub fn idle(&self) -> bool {
        self.requests.is_empty()
    }

    /// Somebody wants something; the number of that.
    pub(super) fn new_order(&mut self, order: Order) -> u64 {
        self.next += 1;
        self.orders.insert(self.next, order);
        self.next
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
        match self.scene.rng.below(100) {
            0..15 => self.delivery(),
            15..24 => self.sends_goods(),
            24..30 => self.takes_in(),
            _ => self.reserve(),
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
        let at = numbers.places[place];
        let asked = lines.iter().map(|(item, units)| (numbers.items[*item], at, *units));
        let mut asked: Vec<_> = asked.collect();
        let kit = self.scene.kit.clone().filter(|_| self.scene.rng.chance(150));
        if let Some(kit) = kit {
            asked[0] = (kit.no, at, 1);
            drop(lines.splice(0..1, kit.parts));
            self.scene.counts.flow("a kit was asked for");
        }
        let fetched = fulfilment == Fulfilment::Pickup;
        self.scene.audit.wants(id.0.as_u128(), place, &lines, fetched);
        let command = Command::Reserve {
            lines: asked,
            expires_in_ms,
            channel,
            fulfilment,
            address: shopper.clone(),
            shopper,
            reference: None,
        };
        let (id_of, phase) = (ReservationId(id.0), Phase::Asked);
        let order = Order { id: id_of, place, lines, hold, to: None, phase };
        let order = self.customers.new_order(order);
        self.request(id, command, What::Reserve, order);
    }

    pub(super) fn request(&mut self, id: CommandId, command: Command, what: What, order: u64) {
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
            asked.tries += 1; // a moment later, under the same id
            return;
        }
        let (what, number, id) = (asked.what, asked.order, asked.submission.id);
        self.customers.requests.remove(&request);
        self.customers.unpacking.remove(&id);
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
            (What::Commit | What::Transfer, Some(_)) => Phase::Committed,
            (What::Pick, Some(_)) => Phase::Picked,
            (What::Pick, None) | (What::Other | What::Unpack, _) => order.phase, // later perhaps
            _ => Phase::Over,
        };
        let wait = match ends.map(|ends| Scene::moment(ends) - self.scene.now) {
            // Some make up their minds in the moment in which their hold ends.
            Some(left) if self.scene.rng.chance(150) => left + self.scene.rng.between(-20, 20),
            _ => self.scene.rng.wait(25_000),
        };
        self.scene.after(wait, Event::Order { order: number });
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
        if what == What::HandOver {
            self.sets_off(step, order);
        }
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
