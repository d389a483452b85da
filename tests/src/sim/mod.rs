//! The simulator: hub, agents, registers, shoppers and a bad network in virtual time.
//!
//! The machines under test are those of the product ([`oneshelf_sync`], [`oneshelf_domain`]);
//! the shells around them are maps that survive a restart. One seed makes one run, and makes it
//! again exactly. An auditor with its own record watches every step.
//! It must not know the product's shells: it compiles without hub and agent.

mod audit;
mod bug;
mod hub;
mod many;
mod names;
mod planted;
mod policies;
mod rng;
mod scene;
mod search;
mod store;
mod summary;
mod tape;
mod trace;
mod world;

pub use bug::Bug;
pub use many::{each_in_order, in_order, threads};
pub use planted::Shown;
pub use policies::{Cell, LINES, POLICIES, STOCKS, Tally, WEEKS, measure, plot, table};
pub use search::{CONFIGS, Config, Found, Limits, search};
pub use summary::Summary;
pub use trace::Counts;

/// What a run came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Report {
    /// Of this seed.
    pub seed: u64,
    /// What happened how often.
    pub counts: Counts,
    /// Hash over every line of the trace.
    pub hash: u64,
    /// What broke, when something did, with the last lines of the trace.
    pub broken: Option<Broken>,
}

/// A violation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Broken {
    /// Which invariant, and how.
    pub what: String,
    /// The last lines of the trace.
    pub tail: Vec<String>,
}

/// How the word on a run begins that an assertion ended.
const PANIC: &str = "panic: ";

/// Runs one seed and keeps so many lines of its trace.
pub fn run(seed: u64, bug: Option<Bug>, keep: usize) -> Report {
    finish(world::World::new(seed, bug, keep, true))
}

/// The same world without the protection of shares: no store owns units that the hub does not
/// promise, registers ask nobody and sell whatever lies on the shelf, and the hub promises all
/// of it. What shares guarantee is counted there, not asserted; all else holds.
pub fn run_without_shares(seed: u64, keep: usize) -> Report {
    finish(world::World::new(seed, None, keep, false))
}

fn finish(mut world: world::World) -> Report {
    let caught = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| world.run()));
    let result = caught.unwrap_or_else(|panic| Err(PANIC.to_owned() + &message(&*panic)));
    world.report(result.err())
}

fn message(panic: &(dyn std::any::Any + Send)) -> String {
    let text = panic.downcast_ref::<String>().cloned();
    text.or_else(|| panic.downcast_ref::<&str>().map(|t| (*t).to_owned())).unwrap_or_default()
}
