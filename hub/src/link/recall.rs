//! Claims that need a store's share: it is recalled, and the claim tried again at each commit
//! until its deadline.
//!
//! It decides nothing: the write path refuses with `not_promised_now` and is asked again under
//! the same id. Volatile by design: a recall that is lost costs its shopper a second try. Returned
//! units are not kept for a waiter (shares.md section 6), so waiters cannot block each other.
//! Invariant: what comes back here is the write path's answer.

use std::collections::BTreeMap;
use std::time::Duration;

use oneshelf_domain::stock::{Command, StockKey};
use oneshelf_domain::{IncarnationId, Refusal, limits};
use oneshelf_sync::plan::Submission;
use tokio::time::{Instant, timeout_at};

use crate::app::App;
use crate::commands::{Answer, Failure, Lane};
use crate::store::StoreError;
use crate::store::read::shares::{self, Owned};

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
    for (item, location, quantity) in lines {
        *wanted.entry(StockKey { item: *item, location: *location }).or_default() += quantity;
    }
    // More waiters than this would only slow each other down.
    let Ok(_room) = app.links.room_to_wait() else { return first };
    metrics::counter!("oneshelf_recalls_total").increment(1);
    let waited = Waiting { app, wanted, asked: BTreeMap::new() }.wait(lane, &submission).await;
    waited.unwrap_or_else(|error| {
        tracing::warn!(%error, "share cannot be recalled now");
        first
    })
}

fn passing(answer: &Answer) -> bool {
    matches!(answer, Err(Failure::Refused(Refusal::NotPromisedNow { .. })))
}

struct Waiting<'a> {
    app: &'a App,
    wanted: BTreeMap<StockKey, i64>,
    /// What was asked for, and how much had come back when that began.
    asked: BTreeMap<StockKey, (Recall, i64)>,
}

impl Waiting<'_> {
    async fn wait(mut self, lane: Lane, submission: &Submission) -> Result<Answer, StoreError> {
        let wait = Duration::from_millis(limits::RECALL_WAIT_MS.unsigned_abs());
        let deadline = Instant::now() + wait;
        let mut seen = self.app.follow.subscribe();
        loop {
            seen.mark_unchanged();
            let keys: Vec<StockKey> = self.wanted.keys().copied().collect();
            let rows = shares::of(&self.app.store, &keys).await?;
            match self.ask(&rows) {
                Step::Ready => {
                    let answer = self.app.commands.submit(lane, submission.clone()).await;
                    // Another one may have taken what came back: then more is asked for.
                    if !passing(&answer) || self.asked.is_empty() || Instant::now() >= deadline {
                        return Ok(answer);
                    }
                }
                Step::Hopeless => {
                    return Ok(self.app.commands.submit(lane, submission.clone()).await);
                }
                Step::Asked => {}
            }
            if !matches!(timeout_at(deadline, seen.changed()).await, Ok(Ok(()))) {
                self.give_up(&rows);
                return Ok(self.app.commands.submit(lane, submission.clone()).await);
            }
        }
    }

    /// Asks the stores for what is missing, each for all of it at once.
    fn ask(&mut self, rows: &BTreeMap<StockKey, Owned>) -> Step {
        let lines = self.app.links.lines();
        let mut ready = true;
        for (key, wanted) in &self.wanted {
            let row = rows.get(key).copied().unwrap_or_default();
            let missing = wanted - row.available;
            if missing <= 0 {
                continue;
            }
            ready = false;
            let Some(incarnation) = row.incarnation.filter(|_| row.share >= missing) else {
                return Step::Hopeless;
            };
            if !lines.counts(*key) {
                return Step::Hopeless;
            }
            let recall = Recall { key: *key, incarnation, target: row.returned + missing };
            let before = self.asked.get(key).copied();
            if before.is_none_or(|(asked, _)| asked != recall && asked.target < recall.target) {
                let begun = before.map_or(row.returned, |(_, begun)| begun);
                self.asked.insert(*key, (recall, begun));
                self.app.links.recall(recall);
            }
        }
        if ready { Step::Ready } else { Step::Asked }
    }

    /// The deadline has passed: a store that gave nothing lowers its figure until it answers.
    fn give_up(&self, rows: &BTreeMap<StockKey, Owned>) {
        for (key, (_, begun)) in &self.asked {
            if rows.get(key).is_none_or(|row| row.returned <= *begun) {
                tracing::info!(
                    item = key.item.0,
                    location = key.location.0,
                    "a recall went unanswered"
                );
                self.app.links.missed(*key);
            }
        }
    }
}

enum Step {
    /// All that was wanted lies in available.
    Ready,
    /// On its way.
    Asked,
    /// No recall can bring it.
    Hopeless,
}
