//! Claims that need a store's share: it is recalled, and the claim tried again at each commit
//! until its deadline.
//!
//! It decides nothing: the write path refuses with `not_promised_now` and is asked again under
//! the same id. Volatile by design: a recall that is lost costs its shopper a second try. Returned
//! units are not kept for a waiter (shares.md section 6), so waiters cannot block each other; what
//! all of them want is recalled at once. Invariant: what comes back here is the write path's
//! answer.

use std::collections::BTreeMap;
use std::sync::atomic::Ordering;
use std::time::Duration;

use oneshelf_domain::stock::{Command, StockKey};
use oneshelf_domain::{IncarnationId, Refusal};
use oneshelf_sync::plan::Submission;
use tokio::time::{Instant, sleep_until, timeout_at};

use super::Links;
use crate::app::App;
use crate::commands::{Answer, Failure, Lane};
use crate::store::StoreError;
use crate::store::read::shares::{self, Owned};

/// Between two looks at the rows, however often something is committed.
const LOOK: Duration = Duration::from_millis(5);

/// How often a claim is tried again where the rows say that nothing is lacking and stay the same.
const IN_VAIN_MAX: usize = 3;

/// What an agent is asked for: a total of returned units, of one life.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Recall {
    /// Which item, where.
    pub key: StockKey,
    /// Whose.
    pub incarnation: IncarnationId,
    /// Units ever returned that the total should reach.
    pub target: i64,
}

/// Hands a command in; a claim that lacks only share waits for it.
///
/// # Errors
/// [`Failure`] says why it had no effect.
pub async fn submit(app: &App, lane: Lane, submission: Submission) -> Answer {
    let first = app.commands.submit(lane, submission.clone()).await;
    let Command::Reserve { lines, .. } = &submission.command else { return first };
    if !passing(&first) {
        return first;
    }
    let mut wanted: BTreeMap<StockKey, i64> = BTreeMap::new();
    let records = &app.seen().records;
    for (item, location, quantity) in lines {
        // Of a kit all parts at once.
        for part in records.parts(*item) {
            let key = StockKey { item: part.item, location: *location };
            *wanted.entry(key).or_default() += quantity * part.quantity;
        }
    }
    // More waiters than this would only slow each other down.
    let Ok(_room) = app.links.room_to_wait() else { return first };
    metrics::counter!("oneshelf_recalls_total").increment(1);
    let demand = Demand::begin(&app.links, wanted);
    let waiting = Waiting { app, demand, asked: BTreeMap::new() };
    waiting.wait(lane, &submission).await.unwrap_or_else(|error| {
        tracing::warn!(%error, "share cannot be recalled now");
        first
    })
}

fn passing(answer: &Answer) -> bool {
    matches!(answer, Err(Failure::Refused(Refusal::NotPromisedNow { .. })))
}

/// What a claim wants, counted among all that wait as long as it waits.
struct Demand<'a> {
    links: &'a Links,
    wanted: BTreeMap<StockKey, i64>,
}

impl<'a> Demand<'a> {
    fn begin(links: &'a Links, wanted: BTreeMap<StockKey, i64>) -> Self {
        wanted.iter().for_each(|(key, units)| links.want(*key, *units));
        Self { links, wanted }
    }
}

impl Drop for Demand<'_> {
    fn drop(&mut self) {
        self.wanted.iter().for_each(|(key, units)| self.links.want(*key, -units));
    }
}

/// A question that was asked of a store.
#[derive(Clone, Copy)]
struct Asked {
    recall: Recall,
    /// Units that had come back when it was asked first, and when that was.
    returned: i64,
    at: Instant,
}

struct Waiting<'a> {
    app: &'a App,
    demand: Demand<'a>,
    asked: BTreeMap<StockKey, Asked>,
}

impl Waiting<'_> {
    async fn wait(mut self, lane: Lane, submission: &Submission) -> Result<Answer, StoreError> {
        let wait = Duration::from_millis(self.app.links.wait_ms.load(Ordering::Relaxed));
        let deadline = Instant::now() + wait;
        let mut seen = self.app.follow.subscribe();
        let (mut before, mut in_vain) = (None, 0);
        loop {
            seen.mark_unchanged();
            let looked = Instant::now();
            let keys: Vec<StockKey> = self.demand.wanted.keys().copied().collect();
            let rows = shares::of(&self.app.store, &keys).await?;
            // Tried when all is there, and when anything came: a claim that takes the place of its
            // shopper's earlier one needs less than it says.
            let tries = match self.ask(&rows) {
                Step::Ready => true,
                Step::Hopeless => return Ok(self.again(lane, submission).await),
                Step::Asked => before.as_ref().is_some_and(|before| came(before, &rows)),
            };
            if tries {
                let answer = self.again(lane, submission).await;
                // Another one may have taken what was there: then the rows are others next time.
                // Where they are the same it is a policy that says no.
                in_vain += usize::from(before.as_ref() == Some(&rows));
                if !passing(&answer) || in_vain > IN_VAIN_MAX || Instant::now() >= deadline {
                    return Ok(answer);
                }
            }
            before = Some(rows);
            sleep_until((looked + LOOK).min(deadline)).await;
            if !matches!(timeout_at(deadline, seen.changed()).await, Ok(Ok(()))) {
                let rows = shares::of(&self.app.store, &keys).await?;
                self.give_up(wait, &rows);
                return Ok(self.again(lane, submission).await);
            }
        }
    }

    async fn again(&self, lane: Lane, submission: &Submission) -> Answer {
        self.app.commands.submit(lane, submission.clone()).await
    }

    /// Asks the stores for what all that wait are missing.
    fn ask(&mut self, rows: &BTreeMap<StockKey, Owned>) -> Step {
        let links = &self.app.links;
        let lines = links.lines();
        let mut ready = true;
        for (key, wanted) in &self.demand.wanted {
            let row = rows.get(key).copied().unwrap_or_default();
            if *wanted <= row.available {
                continue;
            }
            ready = false;
            let missing = (links.wanted(*key).max(*wanted) - row.available).min(row.share);
            let Some(incarnation) = row.incarnation.filter(|_| missing > 0 && lines.counts(*key))
            else {
                return Step::Hopeless;
            };
            let recall = Recall { key: *key, incarnation, target: row.returned + missing };
            let first = Asked { recall, returned: row.returned, at: Instant::now() };
            let asked = self.asked.entry(*key).or_insert(first);
            if asked.at == first.at || asked.recall.target < recall.target {
                asked.recall = recall;
                links.recall(recall);
            }
        }
        if ready { Step::Ready } else { Step::Asked }
    }

    /// The deadline has passed: a store that had all of the time and gave nothing lowers its
    /// figure until it answers.
    fn give_up(&self, wait: Duration, rows: &BTreeMap<StockKey, Owned>) {
        for (key, asked) in &self.asked {
            let silent = rows.get(key).is_none_or(|row| row.returned <= asked.returned);
            if silent && asked.at.elapsed() >= wait * 4 / 5 {
                let (item, location) = (key.item.0, key.location.0);
                tracing::info!(item, location, "a recall went unanswered");
                self.app.links.missed(*key);
            }
        }
    }
}

/// Whether more lies in available than before.
fn came(before: &BTreeMap<StockKey, Owned>, now: &BTreeMap<StockKey, Owned>) -> bool {
    let available = |rows: &BTreeMap<StockKey, Owned>, key| {
        rows.get(key).map_or(0, |row: &Owned| row.available)
    };
    now.keys().any(|key| available(now, key) > available(before, key))
}

enum Step {
    /// All that was wanted lies in available.
    Ready,
    /// On its way.
    Asked,
    /// No recall can bring it.
    Hopeless,
}
