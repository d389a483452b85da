//! What all parts of a run share: time, chance, fresh ids, the network, the auditor, the trace.

mod network;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use oneshelf_domain::{Timestamp, limits};
use oneshelf_protocol::frame::{Down, Up};
use uuid::Uuid;

use super::audit::Auditor;
use super::bug::Bug;
use super::hub::Ring;
use super::names::{ITEMS, Kit, PLACES, STORES};
use super::rng::Rng;
use super::tape::Ids;
use super::trace::{Counts, Trace};

/// A cut that lasts longer still is a long one, ms.
const LONG: i64 = 1_800_000;
/// When every run begins, as the programs see it.
const BEGIN: i64 = 1_700_000_000_000_000;

/// Something that will happen.
#[derive(Debug, Clone)]
pub(super) enum Event {
    /// A frame reaches the hub.
    Up {
        device: usize,
        connection: u64,
        text: String,
    },
    /// A frame reaches an agent.
    Down {
        device: usize,
        connection: u64,
        text: String,
    },
    /// A hub process, by its number, decides what waits.
    HubPlans(usize),
    HubCommits(usize),
    HubTimers(usize),
    HubTicks {
        connection: u64,
    },
    HubStarts(usize),
    /// It sees what another one has committed.
    HubFollows(usize),
    /// It hears another one.
    Rings {
        hub: usize,
        ring: Ring,
    },
    /// A hub process learns that a connection of it is gone.
    HubLoses {
        connection: u64,
    },
    /// Somebody leads a hub back whose database was put back.
    LedBack,
    /// An agent tries to connect.
    Connects {
        device: usize,
    },
    /// An agent looks how long nothing was heard.
    Watches {
        device: usize,
        connection: u64,
    },
    /// An agent learns that its connection is gone.
    Dropped {
        device: usize,
        connection: u64,
    },
    DeviceStarts {
        device: usize,
    },
    /// Somebody does something at a register.
    Register {
        device: usize,
        register: usize,
    },
    /// A customer or clerk sends a request (again).
    Asks {
        request: u64,
    },
    /// A customer begins something.
    Shopper,
    /// The next step of an order.
    Order {
        order: u64,
    },
    /// A line is whole again.
    Heals {
        store: usize,
    },
    /// The time of a claim is over.
    WaitEnds {
        hub: usize,
        waiter: u64,
    },
    /// One of the faults of the run.
    Fault(Fault),
}

/// A planned fault.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fault {
    HubRestarts,
    HubBackup,
    /// The hub's database is put back by the book.
    HubRestored,
    /// It is put back, and nobody says so.
    HubRolledBack,
    /// A hub process does nothing for a while, and does not know it.
    HubPaused,
    DeviceRestarts,
    LineCut,
    LongCut,
    Backup,
    Restore,
    /// A restore by the book: a new life with no share.
    RestoreProperly,
    Copy,
    OriginalLeaves,
    Spare,
    SpareLeaves,
    /// An operator gives up a store's agent that does not answer.
    AgentGivenUp,
    Theft,
    Policy,
    ClockJumps,
}

impl Fault {
    /// All of them.
    pub const ALL: &'static [Fault] = &[
        Fault::HubRestarts,
        Fault::HubBackup,
        Fault::HubRestored,
        Fault::HubRolledBack,
        Fault::HubPaused,
        Fault::DeviceRestarts,
        Fault::LineCut,
        Fault::LongCut,
        Fault::Backup,
        Fault::Restore,
        Fault::RestoreProperly,
        Fault::Copy,
        Fault::OriginalLeaves,
        Fault::Spare,
        Fault::SpareLeaves,
        Fault::AgentGivenUp,
        Fault::Theft,
        Fault::Policy,
        Fault::ClockJumps,
    ];
}

/// The line between a store and the hub.
#[derive(Debug, Clone, Default)]
struct Line {
    cut_until: i64,
    last_up: i64,
    last_down: i64,
}

/// A frame that left a side, in a search: it decides what becomes of it.
#[derive(Debug, Clone)]
pub(super) enum Sent {
    Up(usize, Up),
    Down(usize, Down),
}

/// What all share.
#[derive(Debug, Clone)]
pub(super) struct Scene {
    pub now: i64,
    pub rng: Rng,
    pub bug: Option<Bug>,
    pub audit: Auditor,
    pub counts: Counts,
    trace: Trace,
    pub ids: Ids,
    order: u64,
    queue: BTreeMap<(i64, u64), Event>,
    lines: Vec<Line>,
    /// Frames keep their order and none is lost while a connection lives (WebSocket); else they
    /// come doubled, late, in any order, or not (a broker between).
    pub orderly: bool,
    /// Stores have shares: else registers ask nobody and sell whatever lies on the shelf.
    pub shares: bool,
    /// How long agents keep facts that were answered, ms.
    pub keep_facts: i64,
    /// No fault happens any more.
    pub calm: bool,
    /// Something was stored since the last look.
    pub dirty: bool,
    broken: BTreeSet<u64>,
    /// In a search: frames that left since the last look. Nothing happens by itself then.
    pub outbox: Option<Vec<Sent>>,
    /// In a search: the next transaction of an agent meets a power cut.
    pub power_cut: bool,
    /// By how much the clocks of the stores are wrong, ms.
    pub skew: Vec<i64>,
    /// Which store a device stands in.
    pub stores: Vec<usize>,
    /// What is sold as a set.
    pub kit: Option<Kit>,
}

impl Scene {
    pub fn new(seed: u64, bug: Option<Bug>, keep: usize) -> Self {
        let mut rng = Rng::new(seed);
        let orderly = rng.chance(400);
        Self {
            now: 0,
            rng,
            bug,
            audit: Auditor::new(PLACES.len(), ITEMS.len()),
            counts: Counts::default(),
            trace: Trace::new(keep),
            ids: Ids::default(),
            order: 0,
            queue: BTreeMap::new(),
            lines: (0..STORES).map(|_| Line::default()).collect(),
            orderly,
            shares: true,
            keep_facts: limits::KEEP_FACTS_MS,
            calm: false,
            dirty: false,
            broken: BTreeSet::new(),
            outbox: None,
            power_cut: false,
            skew: vec![0; STORES],
            stores: vec![],
            kit: None,
        }
    }

    /// A fresh id.
    pub fn id(&mut self) -> Uuid {
        self.ids.next()
    }

    /// Now, as the programs see it.
    pub fn stamp(&self) -> Timestamp {
        Timestamp(BEGIN + self.now * 1_000)
    }

    /// Now, as the clock of a store says.
    pub fn clock(&self, store: usize) -> Timestamp {
        Timestamp(BEGIN + (self.now + self.skew[store]) * 1_000)
    }

    /// The simulation's millisecond of a time, rounded up.
    pub fn moment(time: Timestamp) -> i64 {
        (time.0 - BEGIN).div_euclid(1_000) + 1
    }

    /// Plans an event.
    pub fn after(&mut self, delay: i64, event: Event) {
        if self.outbox.is_some() {
            return;
        }
        self.order += 1;
        self.queue.insert((self.now + delay.max(0), self.order), event);
    }

    /// The next event; time goes on to it.
    pub fn next(&mut self) -> Option<Event> {
        let ((at, _), event) = self.queue.pop_first()?;
        self.now = self.now.max(at);
        Some(event)
    }

    /// Writes a line of the trace.
    pub fn trace(&mut self, text: &str) {
        self.traced(format_args!("{text}"));
    }

    /// The same of what need not be put together before.
    pub fn traced(&mut self, text: fmt::Arguments<'_>) {
        if self.outbox.is_some() {
            return;
        }
        self.trace.line(self.now, text);
    }

    /// Of all lines.
    pub fn hash(&self) -> u64 {
        self.trace.hash()
    }

    /// The last lines.
    pub fn tail(&self) -> Vec<String> {
        self.trace.tail()
    }

    /// True when a fault with this weight happens now.
    pub fn unlucky(&mut self, per_mille: i64) -> bool {
        !self.calm && self.rng.chance(per_mille)
    }

    /// True when power fails before a transaction of an agent is stored.
    pub fn power_fails(&mut self) -> bool {
        if std::mem::take(&mut self.power_cut) {
            return true;
        }
        let fails = self.unlucky(2);
        if fails {
            self.counts.mishap("power cut before an agent's commit");
        }
        fails
    }

    /// Cuts a line.
    pub fn cut(&mut self, store: usize, ms: i64) {
        self.counts.cuts += 1;
        let until = self.now + ms;
        let line = &mut self.lines[store];
        line.cut_until = line.cut_until.max(until);
        self.after(ms, Event::Heals { store });
    }

    /// True while a line is cut for hours or days.
    pub fn long_cut(&self) -> bool {
        self.lines.iter().any(|l| l.cut_until - self.now > LONG)
    }

    /// Milliseconds until a line is whole; none when it is.
    pub fn cut_for(&self, store: usize) -> Option<i64> {
        let left = self.lines[store].cut_until - self.now;
        (left > 0).then_some(left)
    }

    /// Ends every cut.
    pub fn heal(&mut self) {
        let now = self.now;
        self.lines.iter_mut().for_each(|l| l.cut_until = l.cut_until.min(now));
    }

    /// Frames of this connection are lost from now on.
    pub fn break_connection(&mut self, connection: u64) {
        self.broken.insert(connection);
    }

    pub fn is_broken(&self, connection: u64) -> bool {
        self.broken.contains(&connection)
    }
}
