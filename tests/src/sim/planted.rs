//! Planted bugs, and what shows each: the seed of a random run, a short trace of a small world, or
//! both.
//!
//! Invariant: a bug counts as found only by the auditor's own word. Where an assertion of the
//! product ends a run before it, the next seed is tried; a trace that ends so shows the bug, and
//! does not count.

use super::bug::Bug;
use super::search::{CONFIGS, Config, Found, Limits, search};
use super::{Broken, run};

/// States within which a search must find one.
const STATES: usize = 3_000;

/// A planted bug, the world that shows it, and the steps of the shortest trace.
const TRACES: &[(Bug, &str, usize)] = &[
    (Bug::GrantDelta, "duplicate", 3),
    (Bug::GrantAnySession, "successor", 10),
    (Bug::RecallBeforeDurable, "recall", 2),
    (Bug::RecallAnsweredAgain, "recall", 2),
    (Bug::RecallTakesHeld, "recall", 7),
    (Bug::RecallDelta, "recall", 2),
    (Bug::AckBeforeCommit, "crash", 2),
    (Bug::AppliedAgain, "loss", 6),
    (Bug::ReturnBothSides, "beyond", 1),
    (Bug::HubSplits, "beyond", 2),
    (Bug::RetireReleases, "retire", 1),
    (Bug::CopyIsSame, "restore", 3),
    (Bug::LeaseWithoutNonce, "copy", 1),
    (Bug::CountTakesShare, "retire", 6),
    (Bug::CopyCloseFrees, "copy", 5),
    (Bug::AnyOrder, "count", 3),
    (Bug::GrantBeforeCommit, "crash", 2),
    (Bug::CountAtArrival, "count", 3),
    (Bug::DrawnAgain, "retire", 6),
    (Bug::ResidueDrawn, "beside", 7),
    (Bug::DedupedBySeq, "successor", 1),
    (Bug::DedupedByEpoch, "retire", 5),
    (Bug::TotalsNotLearned, "hub-restore", 4),
    (Bug::PromisesEarly, "hub-restore", 3),
    (Bug::GrantOldSession, "hub-late", 8),
    (Bug::AckOldSession, "hub-again", 8),
    (Bug::AgentSendsEarly, "crash", 4),
    (Bug::SaleLosesSplit, "loss", 4),
    (Bug::AppliedForgotten, "loss", 4),
    (Bug::OutcomesForgotten, "duplicate", 5),
];

/// What shows a planted bug.
#[derive(Debug, Clone)]
pub struct Shown {
    /// Which.
    pub bug: Bug,
    /// The first seed at which the auditor says what is wrong, and its word.
    pub seed: Option<(u64, String)>,
    /// The world that is searched for it, the steps there, and what broke.
    pub trace: Option<(&'static str, Vec<String>, String)>,
    /// Steps of the longest trace that will do; none where no world is searched.
    pub steps: Option<usize>,
}

impl Shown {
    /// Looks for a bug in at most so many runs and in its world.
    pub fn of(bug: Bug, seeds: u64) -> Self {
        let by = |seed| run(seed, Some(bug), 0).broken.filter(Broken::is_the_auditors);
        let seed = bug
            .seeds(if bug.by_chance() { seeds } else { 0 })
            .find_map(|seed| Some((seed, by(seed)?.what)));
        let listed = TRACES.iter().find(|(of, _, _)| *of == bug);
        let world = listed.and_then(|(_, name, _)| CONFIGS.iter().find(|c| c.name == *name));
        let trace = world.and_then(|config| in_world(config, bug));
        Self { bug, seed, trace, steps: listed.map(|(_, _, steps)| *steps) }
    }

    /// What is missing.
    ///
    /// # Errors
    /// Says so.
    pub fn judge(&self) -> Result<(), &'static str> {
        let (steps, least) = (self.trace.as_ref().map(|(_, t, _)| t.len()), self.steps);
        if least.is_some_and(|least| steps.is_none_or(|steps| steps > least)) {
            return Err("not found in so few steps");
        }
        let auditors = |(_, _, what): &(_, _, String)| !is_assertion(what);
        match (self.bug.by_chance(), &self.seed) {
            (true, None) => Err("not found by random runs"),
            (false, _) if !self.trace.as_ref().is_some_and(auditors) => {
                Err("not found by the auditor")
            }
            _ => Ok(()),
        }
    }
}

fn in_world(config: &'static Config, bug: Bug) -> Option<(&'static str, Vec<String>, String)> {
    let limits = Limits { depth: 20, states: STATES };
    let Found { broken, .. } = search(config, Some(bug), limits);
    broken.map(|(what, trace)| (config.name, trace, what))
}

/// A run was ended by an assertion of what is under test.
fn is_assertion(what: &str) -> bool {
    what.starts_with(super::PANIC)
}

impl Broken {
    /// The auditor said so.
    fn is_the_auditors(&self) -> bool {
        !is_assertion(&self.what)
    }
}
