//! The audit: re-derives every invariant of stock and sales from the tables (DESIGN.md section 4).
//!
//! It shares no rule with the code that writes: it knows places, ledger rows and plain structs,
//! never `decide` or `plan`. It walks in pages, each in a short transaction, so it may run beside
//! a hub at work: history is read up to the version that was newest at its start, and what only
//! has a present is compared with what belongs to it in one snapshot. Invariant: it writes nothing.

mod history;
mod items;
mod reservations;
mod sales;
mod stock;

use std::collections::BTreeMap;
use std::fmt;

use crate::store::{Store, StoreError, head};

/// Findings of one invariant that are told one by one; the rest is counted.
const FINDINGS_TOLD_MAX: u64 = 100;

/// The same of what has an explanation.
const EXPLAINED_TOLD_MAX: usize = 100;

/// What must always be true.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Invariant {
    /// The sum over all places of an item is zero.
    UnitsConserved,
    /// Each balance equals the sum of its movements.
    BucketsMatchMovements,
    /// Open reservations equal the reserved and picked buckets.
    ReservationsMatchBuckets,
    /// No bucket is below zero.
    NoNegativeBucket,
    /// A command id has one version and one outcome.
    OneEffectPerCommand,
    /// A reservation ends once, and gives up what it held.
    ReservationsEndOnce,
    /// Versions have no gap.
    VersionsGapless,
    /// Each version carries the hash of the one before.
    LedgerHashChain,
    /// The balances on movements follow from the movements before.
    BalancesAfter,
    /// `store_share` and `in_doubt` equal what the agents' incarnations own.
    ShareMatchesIncarnations,
    /// The units that a stock row's reservations lack equal those of their lines.
    ShortMatchesLines,
    /// A sale's total equals its lines, and its tenders less change.
    SalesMatchTenders,
    /// Receipt numbers of a register have no gap and none comes twice.
    ReceiptNumbersGapless,
    /// A sale's lines equal the units that left.
    SaleUnitsMatchMovements,
    /// Barcodes and the items that name them agree.
    BarcodesMatchItems,
    /// Every hold has its timer and every timer its hold.
    TimersMatchHolds,
}

impl Invariant {
    /// All of them.
    pub const ALL: [Invariant; 16] = [
        Invariant::UnitsConserved,
        Invariant::BucketsMatchMovements,
        Invariant::ReservationsMatchBuckets,
        Invariant::NoNegativeBucket,
        Invariant::OneEffectPerCommand,
        Invariant::ReservationsEndOnce,
        Invariant::VersionsGapless,
        Invariant::LedgerHashChain,
        Invariant::BalancesAfter,
        Invariant::ShareMatchesIncarnations,
        Invariant::ShortMatchesLines,
        Invariant::SalesMatchTenders,
        Invariant::ReceiptNumbersGapless,
        Invariant::SaleUnitsMatchMovements,
        Invariant::BarcodesMatchItems,
        Invariant::TimersMatchHolds,
    ];

    /// The stable name.
    pub const fn name(self) -> &'static str {
        match self {
            Invariant::UnitsConserved => "units_conserved",
            Invariant::BucketsMatchMovements => "buckets_match_movements",
            Invariant::ReservationsMatchBuckets => "reservations_match_buckets",
            Invariant::NoNegativeBucket => "no_negative_bucket",
            Invariant::OneEffectPerCommand => "one_effect_per_command",
            Invariant::ReservationsEndOnce => "reservations_end_once",
            Invariant::VersionsGapless => "versions_gapless",
            Invariant::LedgerHashChain => "ledger_hash_chain",
            Invariant::BalancesAfter => "balances_after",
            Invariant::ShareMatchesIncarnations => "share_matches_incarnations",
            Invariant::ShortMatchesLines => "short_matches_lines",
            Invariant::SalesMatchTenders => "sales_match_tenders",
            Invariant::ReceiptNumbersGapless => "receipt_numbers_gapless",
            Invariant::SaleUnitsMatchMovements => "sale_units_match_movements",
            Invariant::BarcodesMatchItems => "barcodes_match_items",
            Invariant::TimersMatchHolds => "timers_match_holds",
        }
    }
}

/// Something that is not as it must be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// Which invariant is broken.
    pub invariant: Invariant,
    /// What it is about: an id, an item at a location, a version.
    pub subject: String,
    /// What was found.
    pub detail: String,
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}: {}", self.invariant.name(), self.subject, self.detail)
    }
}

/// What an audit found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Report {
    /// Name of each invariant and the rows it was checked on.
    pub checked: Vec<(&'static str, u64)>,
    /// Everything that is not as it must be.
    pub broken: Vec<Finding>,
    /// What would be broken, had no agent of its store been restored or copied: people should know
    /// of it, and nothing here can mend it.
    pub explained: Vec<Finding>,
}

impl Report {
    /// True when everything is as it must be.
    pub fn is_clean(&self) -> bool {
        self.broken.is_empty()
    }
}

impl fmt::Display for Report {
    /// One line an invariant, then one a finding.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (name, rows) in &self.checked {
            let broken = self.broken.iter().any(|finding| finding.invariant.name() == *name);
            let word = if broken { "broken" } else { "holds" };
            writeln!(f, "{name:<28} {word:<6} {rows:>12} rows")?;
        }
        self.broken.iter().try_for_each(|finding| writeln!(f, "{finding}"))?;
        self.explained.iter().try_for_each(|finding| writeln!(f, "explained {finding}"))
    }
}

/// How far an audit is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Progress {
    /// What is walked: ledger, movements ...
    pub part: &'static str,
    /// Rows of it so far.
    pub rows: u64,
    /// Rows that there are, where that is known without counting them.
    pub of: Option<u64>,
}

impl fmt::Display for Progress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.of {
            Some(all) => write!(f, "{}: checked {} of {all}", self.part, self.rows),
            None => write!(f, "{}: checked {}", self.part, self.rows),
        }
    }
}

/// Checks everything.
///
/// # Errors
/// When the database does not answer.
pub async fn audit(store: &Store) -> Result<Report, StoreError> {
    audit_with(store, &mut |_| {}).await
}

/// Checks everything and tells how far it is, after every page.
///
/// # Errors
/// When the database does not answer.
pub async fn audit_with(
    store: &Store,
    progress: &mut (dyn FnMut(Progress) + Send),
) -> Result<Report, StoreError> {
    let mut tx = store.read().await?;
    let start = head(&mut tx).await?.head;
    tx.rollback().await?;
    let mut walk = Walk {
        store,
        upto: start.version.0,
        progress,
        rows: BTreeMap::new(),
        findings: BTreeMap::new(),
        broken: vec![],
        explained: vec![],
    };
    history::check(&mut walk, &start.hash).await?;
    stock::check(&mut walk).await?;
    reservations::check(&mut walk).await?;
    sales::check(&mut walk).await?;
    items::check(&mut walk).await?;
    Ok(walk.report())
}

/// An audit under way.
struct Walk<'a> {
    store: &'a Store,
    /// The newest version at the start.
    upto: i64,
    progress: &'a mut (dyn FnMut(Progress) + Send),
    rows: BTreeMap<Invariant, u64>,
    findings: BTreeMap<Invariant, u64>,
    broken: Vec<Finding>,
    explained: Vec<Finding>,
}

impl Walk<'_> {
    /// Counts rows that an invariant was checked on.
    fn checked(&mut self, invariant: Invariant, rows: usize) {
        *self.rows.entry(invariant).or_default() += u64::try_from(rows).unwrap_or(u64::MAX);
    }

    fn broken(&mut self, invariant: Invariant, subject: impl Into<String>, detail: String) {
        let count = self.findings.entry(invariant).or_default();
        *count += 1;
        if *count <= FINDINGS_TOLD_MAX {
            self.broken.push(Finding { invariant, subject: subject.into(), detail });
        }
    }

    fn explained(&mut self, invariant: Invariant, subject: impl Into<String>, detail: String) {
        if self.explained.len() < EXPLAINED_TOLD_MAX {
            self.explained.push(Finding { invariant, subject: subject.into(), detail });
        }
    }

    fn told(&mut self, part: &'static str, rows: u64) {
        (self.progress)(Progress { part, rows, of: None });
    }

    fn told_of(&mut self, part: &'static str, rows: u64, all: u64) {
        (self.progress)(Progress { part, rows, of: Some(all) });
    }

    fn report(mut self) -> Report {
        let more = |(invariant, count): (&Invariant, &u64)| {
            let rest = count.checked_sub(FINDINGS_TOLD_MAX).filter(|rest| *rest > 0)?;
            let detail = format!("and {rest} more findings");
            Some(Finding { invariant: *invariant, subject: "more".to_owned(), detail })
        };
        let more: Vec<Finding> = self.findings.iter().filter_map(more).collect();
        self.broken.extend(more);
        self.broken.sort_by_key(|f| f.invariant);
        let rows = |i: Invariant| (i.name(), self.rows.get(&i).copied().unwrap_or_default());
        let checked = Invariant::ALL.into_iter().map(rows).collect();
        Report { checked, broken: self.broken, explained: self.explained }
    }
}
