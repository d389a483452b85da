//! Breadth-first search over small worlds: every order of a few acts, frames and faults.
//!
//! The shells are those of the random runs, with their planted bugs; here nothing happens by
//! chance or by time, each step is chosen. States are told apart by a hash of all that what comes
//! next depends on. Every state is looked at by the auditor, and brought to rest in a copy.
//! Invariant: the first trace that is found is a shortest one.

mod config;
mod people;
mod rest;
mod setup;
mod state;
mod step;

use std::collections::HashMap;
use std::panic::{AssertUnwindSafe, catch_unwind};

pub use config::{CONFIGS, Config};

use super::bug::Bug;
use state::State;
use step::{Act, Told};

/// Frames on their way in one direction; steps that send more are not taken.
const FLYING_MAX: usize = 3;

/// How far a search goes.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// Steps of a trace.
    pub depth: usize,
    /// Different states.
    pub states: usize,
}

/// What a search came to.
#[derive(Debug, Clone)]
pub struct Found {
    /// Different states, all looked at and brought to rest.
    pub states: usize,
    /// Steps taken.
    pub steps: u64,
    /// Steps not taken as too much would have been on its way.
    pub pruned: u64,
    /// Steps of the longest trace.
    pub depth: usize,
    /// No state is left to go on from.
    pub exhausted: bool,
    /// What broke, when something did.
    pub broken: Option<(String, Vec<String>)>,
}

/// States seen, each with the one before it and the step between.
struct Seen {
    known: HashMap<u64, usize>,
    from: Vec<(usize, Option<Act>)>,
}

impl Seen {
    /// The steps to a state.
    fn path(&self, mut at: usize) -> Vec<Act> {
        let mut path = vec![];
        while let (before, Some(act)) = self.from[at] {
            path.push(act);
            at = before;
        }
        path.reverse();
        path
    }
}

/// Searches one world.
pub fn search(config: &'static Config, bug: Option<Bug>, limits: Limits) -> Found {
    let begin = State::begin(config, bug);
    let mut seen = Seen { known: HashMap::from([(begin.key(), 0)]), from: vec![(0, None)] };
    let mut found = Found {
        states: 1,
        steps: 0,
        pruned: 0,
        depth: 0,
        exhausted: false,
        broken: begin.clone().drain().err().map(|what| (what, vec![])),
    };
    let mut level = vec![(0, begin)];
    while found.broken.is_none() && !level.is_empty() && found.depth < limits.depth {
        found.depth += 1;
        let mut next = vec![];
        for (at, state) in level {
            for act in state.acts() {
                found.steps += 1;
                let mut after = state.clone();
                let looked = caught(|| {
                    after.take(act);
                    after.look()
                });
                if after.up.len() > FLYING_MAX || after.down.len() > FLYING_MAX {
                    found.pruned += 1;
                    continue;
                }
                let new = seen.from.len();
                if looked.is_ok() && *seen.known.entry(after.key()).or_insert(new) != new {
                    continue;
                }
                seen.from.push((at, Some(act)));
                found.states += 1;
                let rested = looked.and_then(|()| caught(|| after.clone().drain()));
                if let Err(what) = rested {
                    found.broken = Some((what, retrace(config, bug, &seen.path(new))));
                    return found;
                }
                if found.states >= limits.states {
                    return found;
                }
                next.push((new, after));
            }
        }
        level = next;
    }
    found.exhausted = level.is_empty() && found.broken.is_none();
    found
}

/// A panic is one way to break.
fn caught(what: impl FnOnce() -> Result<(), String>) -> Result<(), String> {
    catch_unwind(AssertUnwindSafe(what))
        .unwrap_or_else(|panic| Err(super::PANIC.to_owned() + &super::message(&*panic)))
}

/// A trace in words.
fn retrace(config: &'static Config, bug: Option<Bug>, path: &[Act]) -> Vec<String> {
    let mut state = State::begin(config, bug);
    let mut lines = vec![];
    for act in path {
        lines.push(Told(&state, *act).to_string());
        // The last one may be what panics.
        let _ = caught(|| {
            state.take(*act);
            Ok(())
        });
    }
    lines
}
