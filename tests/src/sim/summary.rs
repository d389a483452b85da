//! What a long run came to, for people, and what it lacks to count as one.

use std::fmt;

use super::scene::Fault;
use super::trace::{Counts, MISHAPS};

/// Store-hours from which on a run must be dense.
const LONG: u64 = 2_000;
/// Store-hours from which on every kind of fault must have happened often.
const WHOLE: u64 = 100_000;
/// Commands of a store-hour.
const COMMANDS: u64 = 200;
/// Faults of a store-hour.
const FAULTS: u64 = 20;
/// What befell hubs, most of it several on one database: kinds of fault too, of which each counts
/// under the one that brought it about.
const OF_HUBS: &[&str] = &[
    "a log went on behind what the hub has",
    "agent at another hub, held by the one before",
    "commit refused: another hub had written",
    "frame to a hub that its agent has left",
    "no start behind the witness",
    "paused between deciding and commit",
];
/// Faults of each kind.
const EACH: u64 = 1_000;

impl Counts {
    /// Virtual hours times stores.
    pub fn store_hours(&self) -> u64 {
        self.store_seconds / 3_600
    }

    /// Every kind of fault that there is, with how often it happened.
    pub fn every_kind(&self) -> Vec<(String, u64)> {
        let counted = self.kinds();
        let planned = Fault::ALL.iter().map(|fault| format!("{fault:?}"));
        let named = MISHAPS.iter().chain(OF_HUBS).map(|kind| (*kind).to_owned());
        let times = |kind: &str| counted.get(kind).or_else(|| self.hubs.get(kind)).copied();
        planned
            .chain(named)
            .map(|kind| (times(&kind).unwrap_or(0), kind))
            .map(|(n, kind)| (kind, n))
            .collect()
    }

    fn an_hour(&self, n: u64) -> u64 {
        n * 3_600 / self.store_seconds.max(1)
    }

    /// Why this was no dense run, when it was long enough to be one.
    pub fn too_thin(&self) -> Vec<String> {
        let mut why = vec![];
        let (commands, faults) = (self.an_hour(self.decided), self.an_hour(self.injected()));
        if self.store_hours() >= LONG {
            if commands < COMMANDS {
                why.push(format!("{commands} commands a store-hour, {COMMANDS} are wanted"));
            }
            if faults < FAULTS {
                why.push(format!("{faults} faults a store-hour, {FAULTS} are wanted"));
            }
        }
        if self.store_hours() >= WHOLE {
            let few = self.every_kind().into_iter().filter(|(_, n)| *n < EACH);
            why.extend(few.map(|(kind, n)| format!("{kind}: {n} times, {EACH} are wanted")));
        }
        why
    }
}

/// The summary of a run.
pub struct Summary<'a>(pub &'a Counts);

impl fmt::Display for Summary<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Summary(c) = self;
        let (decided, injected) = (c.decided, c.injected());
        writeln!(f, "{} store-hours of virtual time", c.store_hours())?;
        writeln!(f, "{decided:>10} commands, {} a store-hour", c.an_hour(decided))?;
        writeln!(f, "{injected:>10} faults, {} a store-hour", c.an_hour(injected))?;
        writeln!(f, "{:>10} promises told to customers", c.told)?;
        let why = "with a sale beyond a share, a theft, a copied disk or a hub put back in the run";
        writeln!(f, "{:>10} of them broken {why}", c.broken_with_cause)?;
        writeln!(f, "{:>10} of them broken without", c.broken)?;
        let rows = [
            ("events", c.steps),
            ("looks of the auditor", c.looks),
            ("frames sent", c.frames),
            ("frames lost, also in a cut", c.lost),
            ("connections", c.connections),
            ("versions", c.versions),
            ("sales", c.sales),
            ("units sold beyond a share", c.beyond),
            ("tickets given up", c.voids),
            ("goods handed over", c.handed),
            ("reservations", c.reservations),
        ];
        rows.iter().try_for_each(|(name, n)| writeln!(f, "{n:>10} {name}"))?;
        writeln!(f, "faults by kind:")?;
        c.every_kind().iter().try_for_each(|(kind, n)| writeln!(f, "{n:>10} {kind}"))?;
        writeln!(f, "what several hubs on one database met:")?;
        c.hubs.iter().try_for_each(|(kind, n)| writeln!(f, "{n:>10} {kind}"))?;
        writeln!(f, "what the hub was asked, by kind (again counts again):")?;
        c.commands.iter().try_for_each(|(kind, n)| writeln!(f, "{n:>10} {kind}"))?;
        writeln!(f, "what it refused, by code:")?;
        c.refusals.iter().try_for_each(|(code, n)| writeln!(f, "{n:>10} {code}"))?;
        writeln!(f, "facts that agents stored:")?;
        c.facts.iter().try_for_each(|(kind, n)| writeln!(f, "{n:>10} {kind}"))?;
        writeln!(f, "transfers, kits and deadlines:")?;
        c.flow.iter().try_for_each(|(kind, n)| writeln!(f, "{n:>10} {kind}"))
    }
}
