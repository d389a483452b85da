//! Sound agents against the hub: a shelf that can be looked at, agents that follow
//! reference/shares.md, and an auditor that keeps its own record of both.
//!
//! Frames get lost, agents go silent and are replaced, come back late and close. Forked agents and
//! restored hubs are the tables' matter (`forks`, `sessions`). S1 to S7 are the page's invariants.

use oneshelf_domain::promise::Fulfilment;
use oneshelf_domain::stock::{
    Command, FactBody, HelloAnswer, InSource, Lease, Outcome, Place, ReservationState, SaleLine,
    Share, Stock, StockKey, Stop, Version,
};
use oneshelf_domain::{AgentId, CommandId, IncarnationId, ReservationId, Timestamp};
use proptest::prelude::*;

use super::world::{World, id, open, outcome};

struct Entry {
    id: String,
    seq: i64,
    prev: Option<CommandId>,
    granted: i64,
    body: FactBody,
    /// Units that this changes on the shelf.
    shelf: i64,
    /// Units that this takes from the agent's share (or brings, below zero).
    share: i64,
    heard: bool,
}

/// The agent's own record: section 1 of the page.
struct Agent {
    name: String,
    lease: Lease,
    nonce: Option<String>,
    session: Option<Lease>,
    total: Share,
    log: Vec<Entry>,
}

impl Agent {
    fn new(name: String) -> Self {
        let (lease, total) = (Lease::default(), Share::default());
        Self { name, lease, nonce: None, session: None, total, log: vec![] }
    }

    fn share(&self) -> i64 {
        self.total.granted + self.total.brought - self.total.sold - self.total.returned
    }

    fn unheard(&self) -> impl Iterator<Item = &Entry> {
        self.log.iter().filter(|e| !e.heard)
    }

    fn write(&mut self, body: FactBody, shelf: i64, share: i64) {
        let seq = i64::try_from(self.log.len()).unwrap() + 1;
        let prev = self.log.last().map(|e| CommandId(id(&e.id)));
        let id = format!("{}.{seq}", self.name);
        let granted = self.total.granted;
        self.log.push(Entry { id, seq, prev, granted, body, shelf, share, heard: false });
    }
}

struct Store {
    hub: World,
    key: StockKey,
    /// Speaks for the store.
    live: Agent,
    /// Was replaced while it could not be reached, and sells on.
    dark: Option<Agent>,
    shelf: i64,
    /// Units ever sold that no share covered.
    beyond: i64,
    /// What S1 leaves over; only a count may change it.
    rest: i64,
    /// A count was taken while an agent was silent: its doubt was freed, but it may sell on.
    blurred: bool,
    /// Such a count also booked what its facts will book again: sales beyond a share, a cut.
    doubled: bool,
    reserved: Vec<ReservationId>,
    step: usize,
}

impl Store {
    fn new() -> Self {
        let hub = World::new();
        let key = hub.key("MUG", "S07");
        let live = Agent::new("a0".to_owned());
        let mut store = Self {
            hub,
            key,
            live,
            dark: None,
            shelf: 0,
            beyond: 0,
            rest: 0,
            blurred: false,
            doubled: false,
            reserved: vec![],
            step: 0,
        };
        store.connect(true);
        store
    }

    fn row(&self) -> Stock {
        self.hub.stock(self.key)
    }

    fn send(&mut self, name: &str, command: &Command) -> Result<Outcome, Stop> {
        let result = self.hub.step(name, command);
        outcome(&result).cloned().ok_or_else(|| result.unwrap_err())
    }

    fn hub_share(&self, agent: &Agent) -> Share {
        let at = (self.key, IncarnationId(id(&agent.name)));
        self.hub.shares.get(&at).copied().unwrap_or_default()
    }

    fn hello(agent: &mut Agent, key: StockKey, fresh: usize) -> Command {
        let nonce = agent.nonce.get_or_insert_with(|| format!("nonce {fresh}")).clone();
        Command::Hello {
            agent: AgentId(id("agent")),
            location: key.location,
            incarnation: IncarnationId(id(&agent.name)),
            follows: None,
            lease: agent.lease,
            nonce: id(&nonce),
            last: i64::try_from(agent.log.len()).unwrap(),
            granted: vec![(key.item, agent.total.granted)],
            copy: (0, Version(0)),
        }
    }

    /// The live agent opens a session; the answer may get lost.
    fn connect(&mut self, heard: bool) {
        self.live.session = None;
        let command = Self::hello(&mut self.live, self.key, self.step);
        let answer = self.send(&format!("hello {}", self.step), &command).unwrap();
        let Outcome::Hello(HelloAnswer::Welcome { lease, granted, .. }) = answer else {
            panic!("a sound agent is welcome (S8): {answer:?}");
        };
        if heard {
            let total = granted.iter().map(|(_, n)| *n).sum::<i64>();
            self.live.total.granted = self.live.total.granted.max(total);
            (self.live.lease, self.live.session, self.live.nonce) = (lease, Some(lease), None);
        }
    }

    /// A grant travels, or is lost.
    fn granted(&mut self, answer: &Outcome, heard: bool) {
        let Outcome::Grant { session, total, .. } = answer else { return };
        if heard && self.live.session == Some(*session) {
            self.live.total.granted = self.live.total.granted.max(*total);
        }
    }

    fn sell(&mut self, silent: bool, wanted: i64) {
        let units = wanted.min(self.shelf);
        let item = self.key.item;
        let Some(agent) = (if silent { self.dark.as_mut() } else { Some(&mut self.live) }) else {
            return;
        };
        let share = units.min(agent.share());
        if units > 0 {
            let lines = vec![SaleLine { item, share, beyond: units - share }];
            agent.total.sold += share;
            agent.write(FactBody::Sale { lines, document: None }, -units, share);
            self.beyond += units - share;
            self.shelf -= units;
        }
    }

    fn bring(&mut self, silent: bool, quantity: i64, to_share: bool) {
        let item = self.key.item;
        let Some(agent) = (if silent { self.dark.as_mut() } else { Some(&mut self.live) }) else {
            return;
        };
        agent.total.brought += if to_share { quantity } else { 0 };
        let source = InSource::Customer;
        let share = if to_share { -quantity } else { 0 };
        agent.write(FactBody::In { item, quantity, to_share, source }, quantity, share);
        self.shelf += quantity;
    }

    fn give_back(&mut self, wanted: i64) {
        let quantity = wanted.min(self.live.share());
        if quantity > 0 {
            self.live.total.returned += quantity;
            let item = self.key.item;
            self.live.write(FactBody::Back { item, quantity }, 0, quantity);
        }
    }

    /// Sends facts that the hub has not heard, in order, in the live agent's session.
    fn deliver(&mut self, silent: bool, most: usize) {
        let Some(session) = self.live.session else { return };
        let (hub, key) = (&mut self.hub, self.key);
        let Some(agent) = (if silent { self.dark.as_mut() } else { Some(&mut self.live) }) else {
            return;
        };
        let fact = |e: &Entry, name: &str| Command::Fact {
            location: key.location,
            session,
            incarnation: IncarnationId(id(name)),
            seq: e.seq,
            prev: e.prev,
            granted: vec![(key.item, e.granted)],
            occurred_at: Timestamp(0),
            body: e.body.clone(),
        };
        let mut unheard = agent.log.iter_mut().filter(|e| !e.heard);
        for _ in 0..most {
            let Some(entry) = unheard.next() else { break };
            let answer = hub.step(&entry.id, &fact(entry, &agent.name)).unwrap();
            assert_eq!(answer.outcome, Outcome::Booked { attention: None });
            assert!(answer.notices.iter().all(|n| n.code != "share_mismatch"), "{answer:?}");
            entry.heard = true;
        }
        // What overtakes another waits.
        if let Some(early) = unheard.nth(1) {
            let early = hub.step("early", &fact(early, &agent.name));
            assert!(matches!(early, Err(Stop::NotNow(_))), "{early:?}");
        }
    }

    /// A second device takes the store over; the first one is not told.
    fn replace(&mut self) {
        if self.dark.is_none() {
            let next = Agent::new(format!("a{}", self.step));
            self.dark = Some(std::mem::replace(&mut self.live, next));
            self.connect(true);
        }
    }

    /// The silent agent comes back, hears that it is retired, closes, and delivers all.
    fn come_back(&mut self) {
        let connected = self.live.session.is_some();
        let Some(dark) = self.dark.as_mut().filter(|_| connected) else { return };
        let command = Self::hello(dark, self.key, self.step);
        let left = vec![(self.key.item, dark.share())];
        dark.write(FactBody::Close { left }, 0, dark.share());
        let answer = self.send(&format!("back {}", self.step), &command).unwrap();
        assert_eq!(answer, Outcome::Hello(HelloAnswer::Retired));
        self.deliver(true, usize::MAX);
        self.dark = None;
    }

    fn count(&mut self) {
        self.deliver(false, usize::MAX);
        if self.live.session.is_none() {
            return;
        }
        let from_share = (self.live.share() - self.shelf).max(0);
        self.live.total.sold += from_share;
        let (item, found) = (self.key.item, self.shelf);
        self.live.write(FactBody::Count { item, found, from_share }, 0, from_share);
        self.deliver(false, 1);
        match &self.dark {
            Some(dark) => {
                let beyond = |e: &Entry| e.shelf + e.share.max(0) < 0;
                self.doubled |= from_share > 0 || dark.unheard().any(beyond);
                self.blurred = true;
            }
            None => self.doubled = false,
        }
        assert_eq!(self.row().shelf(), self.shelf, "a count is what stands on the shelf");
        assert_eq!(self.row().at(Place::InDoubt), 0, "a count leaves no doubt");
        self.rest = self.left_over();
    }

    fn reserve(&mut self, quantity: i64, held: bool) {
        let name = format!("r{}", self.step);
        let command = Command::Reserve {
            lines: vec![(self.key.item, self.key.location, quantity)],
            expires_in_ms: held.then_some(60_000),
            channel: None,
            fulfilment: Fulfilment::Shipping,
            shopper: None,
            address: None,
            reference: None,
        };
        if self.send(&name, &command).is_ok() {
            self.reserved.push(ReservationId(id(&name)));
        }
    }

    fn handed(&self, id: ReservationId) -> bool {
        let same = |e: &Entry| match &e.body {
            FactBody::Handover { reservation, .. } => *reservation == id,
            _ => false,
        };
        self.live.log.iter().chain(self.dark.iter().flat_map(|d| &d.log)).any(same)
    }

    /// An open reservation that no store is handing over.
    fn reservation(&self, n: u8) -> Option<ReservationId> {
        let free =
            |id: &&ReservationId| open(self.hub.reservations[*id].state) && !self.handed(**id);
        let free: Vec<_> = self.reserved.iter().filter(free).collect();
        (!free.is_empty()).then(|| *free[usize::from(n) % free.len()])
    }

    fn end(&mut self, n: u8, handover: bool) {
        let Some(reservation) = self.reservation(n) else { return };
        let claimed = self.hub.reservations[&reservation].lines[0].quantity;
        let lines = vec![(self.key.item, claimed)];
        let paid = self.hub.reservations[&reservation].state == ReservationState::Committed;
        if handover && paid && claimed <= self.shelf {
            self.live.write(FactBody::Handover { reservation, lines }, -claimed, 0);
            self.shelf -= claimed;
        } else if !handover {
            let command = Command::Release { id: reservation, shopper: None };
            self.send(&format!("release {}", self.step), &command).unwrap();
            if self.hub.reservations[&reservation].state == ReservationState::Releasing {
                self.live.write(FactBody::Released { reservation, lines }, 0, 0);
            }
        }
    }

    fn play(&mut self, (kind, n, units): (u8, u8, i64)) {
        self.step += 1;
        let (key, heard) = (self.key, !n.is_multiple_of(4));
        match kind % 18 {
            0 => self.bring(false, units, false),
            1 => self.bring(false, units, true),
            2..5 => self.sell(false, units),
            5 => self.sell(true, units),
            6 => self.bring(true, units, n.is_multiple_of(2)),
            7 => self.give_back(units),
            8 | 9 => self.reserve(units, n.is_multiple_of(2)),
            10 => self.end(n, false),
            11 => self.end(n, true),
            12 => self.deliver(false, usize::from(n % 5)),
            13 => self.connect(heard),
            14 => self.replace(),
            15 => self.come_back(),
            16 if n.is_multiple_of(3) => self.count(),
            _ => {
                let (location, item) = (key.location, key.item);
                let Some(session) = self.live.session else { return };
                let incarnation = IncarnationId(id(&self.live.name));
                let want = self.live.total.granted + units;
                let ask = Command::Ask { location, incarnation, session, item, want };
                let answer = self.send(&format!("ask {}", self.step), &ask).unwrap();
                self.granted(&answer, heard);
            }
        }
    }

    /// S1: shelf - (the hub's view + facts on their way + what counts booked for silent agents).
    fn left_over(&self) -> i64 {
        let agents = || self.dark.iter().chain([&self.live]);
        let on_the_way: i64 = agents().flat_map(Agent::unheard).map(|e| e.shelf).sum();
        let written_off: i64 = self.hub.shares.values().map(|s| s.written_off).sum();
        self.shelf - (self.row().shelf() + on_the_way + written_off)
    }

    fn audit(&self) {
        let row = self.row();
        assert_eq!(self.left_over(), self.rest, "S1: {row:?}");
        let view = |agent: &Agent| {
            let lost = self.hub_share(agent).granted - agent.total.granted;
            assert!(lost >= 0, "the hub knows every grant");
            lost + agent.share() + agent.unheard().map(|e| e.share).sum::<i64>()
        };
        assert_eq!(row.at(Place::StoreShare), view(&self.live), "S2: one owner each");
        if self.blurred {
            return;
        }
        if let Some(dark) = &self.dark {
            assert_eq!(self.hub_share(dark).doubt, view(dark), "S2 of a silent agent");
        }
        if self.beyond == 0 {
            let handed: i64 = self
                .live
                .unheard()
                .chain(self.dark.iter().flat_map(Agent::unheard))
                .filter(|e| matches!(e.body, FactBody::Handover { .. }))
                .map(|e| -e.shelf)
                .sum();
            let silent = self.dark.as_ref().map_or(0, Agent::share);
            let owned = self.live.share() + silent + row.available();
            let promised = row.at(Place::Reserved) - handed;
            assert!(promised + owned <= self.shelf, "S4: {row:?}, shelf {}", self.shelf);
        }
        let broken = row.short - row.at(Place::Discrepancy);
        assert!(broken <= self.beyond, "S5: {broken} of {}", self.beyond);
    }

    /// The network heals and both sides talk.
    fn drain(&mut self) {
        self.step += 1;
        self.connect(true);
        self.come_back();
        self.deliver(false, usize::MAX);
        self.audit();
        let row = self.row();
        assert_eq!(row.at(Place::StoreShare), self.live.share(), "S7: both views are equal");
        if !self.doubled {
            assert_eq!(row.shelf(), self.shelf, "S7: the hub knows the shelf");
        }
        self.count();
    }
}

proptest! {
    #![proptest_config(ProptestConfig {
        // More when the environment says so.
        cases: ProptestConfig::default().cases.max(3_000),
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    #[test]
    fn no_unit_of_a_sound_store_has_two_owners(
        ops in prop::collection::vec((any::<u8>(), any::<u8>(), 1..5_i64), 1..100)
    ) {
        let mut store = Store::new();
        store.bring(false, 6, false);
        for op in ops {
            store.play(op);
            store.audit();
        }
        store.drain();
    }
}
