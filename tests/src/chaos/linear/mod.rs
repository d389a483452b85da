//! Histories of many at one item, each compared with an item that does one thing after the other:
//! there must be an order of their acts that explains every answer (linearizability), and it must
//! be the one that the hub's versions say.
//!
//! A history is an item of its own with eight people, 200 acts and final looks; several histories
//! run at once and share the hubs and the store's agent. With two hubs everybody asks either.
//! Invariant: a history without an order, or one that could not be decided, fails the run and is
//! shown as small as it gets.

mod agent;
pub mod history;
mod people;
pub mod search;
pub mod shrink;
pub mod spec;
#[cfg(test)]
mod tests;

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use serde_json::json;
use tokio::task::JoinSet;

use super::client::{Ask, Caller, until};
use super::dice::Dice;
use super::world::{Engine, STORE, World, stop_all};
use history::{Call, at_once};
use people::{PEOPLE, Scene};
use search::{Verdict, order};
use spec::{Act, Answer, Shelf};

/// Units that each item begins with.
const OPENING: i64 = 6;
/// Histories that run at the same moment.
const AT_ONCE: usize = 8;
/// Steps of the search for one order: a history that needs more has failed, undecided.
const STEPS_MAX: usize = 5_000_000;
/// From so many histories on everything that may happen must have happened.
const MANY: usize = 10;

/// What all histories of an engine came to.
#[derive(Debug, Default)]
struct Tally {
    calls: usize,
    at_once: usize,
    refused: usize,
    short: usize,
    maybe: usize,
    checking: Duration,
}

/// Plays the histories on one engine and looks for their orders; says what happened.
///
/// # Errors
/// The first history that has no order, or what the audit found.
pub async fn run(
    world: &mut World,
    engine: Engine,
    histories: usize,
    dice: &mut Dice,
) -> Result<String> {
    let mut processes = vec![];
    let mut hubs = vec![];
    for number in 0..world.hubs.len() {
        processes.push(world.hub(number)?.start_sound().await?);
        hubs.push(world.admin(number)?);
    }
    world.open_store(&["R1"]).await?;
    let items = world.items(histories, &[(STORE, OPENING)]).await?;
    let (store, agent) = agent::join(&hubs, dice.fork()).await?;
    everybody_knows(&hubs).await?;
    let again = Arc::<AtomicU64>::default();
    let mut waiting = VecDeque::new();
    for item in items {
        let scene = Scene::new(hubs.clone(), store.clone(), item.sku, Arc::clone(&again));
        waiting.push_back((dice.bits(), scene));
    }
    drop(store);
    let begun = Instant::now();
    let tally = play(waiting).await?;
    let seconds = begun.elapsed().as_secs_f64();
    let torn = agent.await??;
    stop_all(processes).await?;
    world.audit().await?;
    let again = again.load(Ordering::Relaxed);
    if histories >= MANY {
        let happened = [tally.refused, tally.short, tally.maybe, usize::try_from(again + torn)?];
        ensure!(!happened.contains(&0), "something never happened: {tally:?}");
        ensure!(tally.at_once > 1, "nobody acted at the same moment");
    }
    Ok(format!(
        "{histories} histories on {} at {} hub(s): {} calls of {PEOPLE} people each, {} at once at \
         one item, {} refused, {} claims seen short, {} that nobody waited for, {again} asked \
         again, {torn} lines torn; played and checked in {seconds:.1} s, {:.1} s of it checking; \
         each has an order; audit clean",
        engine.name(),
        hubs.len(),
        tally.calls,
        tally.at_once,
        tally.refused,
        tally.short,
        tally.maybe,
        tally.checking.as_secs_f64(),
    ))
}

/// A hub hears of a store, its items and its agent a moment after the one that was told.
async fn everybody_knows(hubs: &[Caller]) -> Result<()> {
    for hub in hubs {
        until(Duration::from_secs(30), async || {
            let agents = hub.need(&Ask::get("/v1/agents")).await?;
            let stores = hub.need(&Ask::get("/v1/locations")).await?.to_string();
            let known = agents["agents"] != json!([]) && stores.contains(STORE);
            Ok(if known { Ok(()) } else { Err(agents.to_string()) })
        })
        .await?;
    }
    Ok(())
}

async fn play(mut waiting: VecDeque<(u64, Scene)>) -> Result<Tally> {
    let mut tally = Tally::default();
    let mut running = JoinSet::new();
    loop {
        while running.len() < AT_ONCE
            && let Some((seed, scene)) = waiting.pop_front()
        {
            running.spawn(async move {
                let sku = scene.sku.clone();
                let calls = scene.play(seed).await.with_context(|| sku.clone())?;
                let judged = move || judge(&sku, seed, &calls).map(|spent| (calls, spent));
                tokio::task::spawn_blocking(judged).await?
            });
        }
        let Some(ended) = running.join_next().await else { return Ok(tally) };
        let (calls, spent) = ended??;
        tally.add(&calls, spent);
    }
}

/// Looks for an order; gives how long that took.
fn judge(sku: &str, seed: u64, calls: &[Call]) -> Result<Duration> {
    let begun = Instant::now();
    let shelf = Shelf::with(OPENING);
    match order(&shelf, calls, &mut { STEPS_MAX }) {
        Verdict::Ordered(_) => Ok(begun.elapsed()),
        Verdict::Broken(_) => {
            let least = shrink::smallest(&shelf, calls, &mut { STEPS_MAX });
            let why = shrink::explained(&shelf, &least);
            bail!("{sku}, seed {seed}: {} of {} calls have {why}", least.len(), calls.len())
        }
        Verdict::Undecided => bail!("{sku}, seed {seed}: not decided within {STEPS_MAX} steps"),
    }
}

impl Tally {
    fn add(&mut self, calls: &[Call], spent: Duration) {
        self.calls += calls.len();
        self.at_once = self.at_once.max(at_once(calls));
        self.checking += spent;
        for call in calls {
            match call.answered {
                None => self.maybe += usize::from(call.act.changes()),
                Some((_, answer)) => {
                    self.refused += usize::from(answer.is_refusal());
                    let seen = matches!(call.act, Act::Look { .. } | Act::Release { .. });
                    let short = matches!(answer,
                        Answer::Claim { short, .. } | Answer::Released { short } if short > 0);
                    self.short += usize::from(seen && short);
                }
            }
        }
    }
}
