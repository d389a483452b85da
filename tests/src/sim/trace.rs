//! The trace: every event as a line; a hash over all of them, the last ones for people.

use std::collections::{BTreeMap, VecDeque};
use std::fmt::{self, Write as _};

/// Faults that befall a frame, a request or a transaction.
pub(super) const MISHAPS: &[&str] = &[
    "frame lost",
    "frame doubled",
    "frame late",
    "frame overtakes another",
    "copy of a frame long after it",
    "request lost",
    "answer lost",
    "power cut before an agent's commit",
    "power cut before the hub's commit",
    "power cut after the hub's commit, before its answers",
    "ring between hubs lost",
];

/// What happened how often.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Counts {
    /// Events.
    pub steps: u64,
    /// Frames sent.
    pub frames: u64,
    /// Frames lost.
    pub lost: u64,
    /// Frames doubled.
    pub doubled: u64,
    /// Lines cut.
    pub cuts: u64,
    /// Connections made.
    pub connections: u64,
    /// Restarts of the hub.
    pub hub_restarts: u64,
    /// Facts that agents dropped from their logs.
    pub dropped: u64,
    /// Databases of the hub put back.
    pub hub_restores: u64,
    /// Restarts of agents, power cuts before a commit among them.
    pub agent_restarts: u64,
    /// Commits that a power cut undid.
    pub undone: u64,
    /// Disks rolled back.
    pub restores: u64,
    /// Disks copied.
    pub copies: u64,
    /// Lives ended from outside.
    pub retired: u64,
    /// Tickets paid.
    pub sales: u64,
    /// Units sold beyond a share.
    pub beyond: u64,
    /// Tickets given up.
    pub voids: u64,
    /// Shelves counted.
    pub counted: u64,
    /// Goods handed over.
    pub handed: u64,
    /// Reservations made.
    pub reservations: u64,
    /// Versions of the hub.
    pub versions: u64,
    /// Looks of the auditor.
    pub looks: u64,
    /// Virtual time, seconds, times stores.
    pub store_seconds: u64,
    /// Planned faults that happened, by kind.
    pub faults: BTreeMap<String, u64>,
    /// Faults that befell a frame, a request or a transaction, by kind.
    pub mishaps: BTreeMap<&'static str, u64>,
    /// What several hubs on one database met, by kind.
    pub hubs: BTreeMap<&'static str, u64>,
    /// Commands that the hub accepted or refused for the first time.
    pub decided: u64,
    /// Customers who were told that units are theirs.
    pub told: u64,
    /// Those of them whose units were gone before they came, in runs in which a register sold
    /// beyond its share, a disk was put back or copied, the hub's too, or somebody stole.
    pub broken_with_cause: u64,
    /// And those in runs without any of it.
    pub broken: u64,
    /// Commands that the hub decided, by kind; one that came again counts again.
    pub commands: BTreeMap<&'static str, u64>,
    /// Why the hub refused, by code; one that came again counts again.
    pub refusals: BTreeMap<&'static str, u64>,
    /// Facts that agents stored, by kind.
    pub facts: BTreeMap<&'static str, u64>,
    /// What became of transfers, kits and deadlines, by kind.
    pub flow: BTreeMap<&'static str, u64>,
}

impl Counts {
    /// Something befell a frame, a request or a transaction.
    pub fn mishap(&mut self, kind: &'static str) {
        *self.mishaps.entry(kind).or_default() += 1;
    }

    /// Several hubs met this.
    pub fn met(&mut self, kind: &'static str) {
        *self.hubs.entry(kind).or_default() += 1;
    }

    /// Something became of a transfer, a kit or a deadline.
    pub fn flow(&mut self, kind: &'static str) {
        *self.flow.entry(kind).or_default() += 1;
    }

    /// Every kind of fault, with how often it happened.
    pub fn kinds(&self) -> BTreeMap<&str, u64> {
        let planned = self.faults.iter().map(|(kind, n)| (kind.as_str(), *n));
        planned.chain(self.mishaps.iter().map(|(kind, n)| (*kind, *n))).collect()
    }

    /// All of them, but for what only prepares one: a backup breaks nothing.
    pub fn injected(&self) -> u64 {
        let breaks = |kind: &str| !matches!(kind, "Backup" | "HubBackup");
        self.kinds().iter().filter(|(kind, _)| breaks(kind)).map(|(_, n)| n).sum()
    }

    /// Both.
    pub fn add(&mut self, other: &Counts) {
        let Counts { steps, frames, lost, doubled, cuts, connections, .. } = other;
        self.steps += steps;
        self.frames += frames;
        self.lost += lost;
        self.doubled += doubled;
        self.cuts += cuts;
        self.connections += connections;
        self.hub_restarts += other.hub_restarts;
        self.dropped += other.dropped;
        self.hub_restores += other.hub_restores;
        self.agent_restarts += other.agent_restarts;
        self.undone += other.undone;
        self.restores += other.restores;
        self.copies += other.copies;
        self.retired += other.retired;
        self.sales += other.sales;
        self.beyond += other.beyond;
        self.voids += other.voids;
        self.counted += other.counted;
        self.handed += other.handed;
        self.reservations += other.reservations;
        self.versions += other.versions;
        self.looks += other.looks;
        self.store_seconds += other.store_seconds;
        self.decided += other.decided;
        self.told += other.told;
        self.broken_with_cause += other.broken_with_cause;
        self.broken += other.broken;
        other.mishaps.iter().for_each(|(k, n)| *self.mishaps.entry(k).or_default() += n);
        other.faults.iter().for_each(|(k, n)| *self.faults.entry(k.clone()).or_default() += n);
        other.hubs.iter().for_each(|(k, n)| *self.hubs.entry(k).or_default() += n);
        other.commands.iter().for_each(|(k, n)| *self.commands.entry(k).or_default() += n);
        other.refusals.iter().for_each(|(k, n)| *self.refusals.entry(k).or_default() += n);
        other.flow.iter().for_each(|(k, n)| *self.flow.entry(k).or_default() += n);
        other.facts.iter().for_each(|(k, n)| *self.facts.entry(k).or_default() += n);
    }
}

/// The trace of a run.
#[derive(Debug, Clone)]
pub(super) struct Trace {
    hash: u64,
    /// Lines kept.
    keep: usize,
    tail: VecDeque<String>,
}

impl Trace {
    pub fn new(keep: usize) -> Self {
        Self { keep, hash: 0xcbf2_9ce4_8422_2325, tail: VecDeque::new() }
    }

    /// Adds a line.
    pub fn line(&mut self, now: i64, text: fmt::Arguments<'_>) {
        // The line that falls out makes room for this one.
        let full = self.tail.len() >= self.keep.max(1);
        let mut line = if full { self.tail.pop_front() } else { None }.unwrap_or_default();
        line.clear();
        // Writing into a string cannot fail.
        let _ = write!(line, "{:>10}.{:03} {text}", now / 1_000, now % 1_000);
        for byte in line.bytes() {
            self.hash = (self.hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
        }
        self.tail.push_back(line);
    }

    /// Over every line.
    pub fn hash(&self) -> u64 {
        self.hash
    }

    /// The last lines.
    pub fn tail(&self) -> Vec<String> {
        self.tail.iter().cloned().collect()
    }
}
