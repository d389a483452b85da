//! Small worlds searched breadth first: nothing breaks, and planted bugs are found.
//!
//! The test command looks at the whole of the smaller ones and at the beginning of the others;
//! `cargo xtask sim --search all` goes on from there, to the end of the seven of shares.md.

use crate::sim::{Bug, CONFIGS, Config, Limits, search};

/// States of a world that is too large to be searched whole here.
const STATES: usize = 1_200;
/// States within which a planted bug must be found.
const STATES_OF_A_BUG: usize = 3_000;
/// Worlds that are searched whole.
const WHOLE: [(&str, usize); 7] = [
    ("small-duplicate", 900),
    ("small-hub-restore", 2_800),
    ("loss", 500),
    ("duplicate", 1_500),
    ("crash", 4_000),
    ("successor", 1_300),
    ("hub-restore", 900),
];
/// Worlds whose states are slow to be brought to rest, and how many are looked at.
const SLOW: [(&str, usize); 4] =
    [("hub-retire", 800), ("beside", 400), ("hub-again", 600), ("hub-late", 600)];

fn world(name: &str) -> &'static Config {
    CONFIGS.iter().find(|c| c.name == name).unwrap_or_else(|| panic!("no world is named {name}"))
}

#[test]
fn nothing_breaks_in_a_small_world() {
    for config in CONFIGS {
        let whole = WHOLE.iter().find(|(name, _)| *name == config.name);
        let slow = SLOW.iter().find(|(name, _)| *name == config.name);
        let part = slow.map_or(STATES, |(_, states)| *states);
        let states = if whole.is_some() { usize::MAX } else { part };
        let found = search(config, None, Limits { depth: usize::MAX, states });
        if let Some((what, trace)) = found.broken {
            let Config { name, about, .. } = config;
            panic!("{name} ({about}): {what}\n{}", trace.join("\n"));
        }
        // A world that lost most of its states was not searched.
        let least = whole.map_or(part, |(_, states)| *states);
        assert!(found.states >= least, "{}: {} states", config.name, found.states);
        assert_eq!(found.exhausted, whole.is_some(), "{}", config.name);
    }
}

#[test]
fn a_search_repeats_exactly() {
    let of = |bug| search(world("loss"), Some(bug), Limits { depth: 20, states: 2_000 });
    let (first, second) = (of(Bug::AppliedAgain), of(Bug::AppliedAgain));
    assert_eq!((first.states, first.steps), (second.states, second.steps));
    assert_eq!(first.broken, second.broken);
    assert!(first.broken.is_some());
}

/// A planted bug, the world that shows it, and the steps of the shortest trace.
const BUGS: &[(Bug, &str, usize)] = &[
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

#[test]
fn planted_bugs_are_found_by_a_short_trace() {
    std::panic::set_hook(Box::new(|_| ())); // a panic is one way to be found
    let limits = Limits { depth: 20, states: STATES_OF_A_BUG };
    let mut missed = vec![];
    for (bug, name, steps) in BUGS {
        match search(world(name), Some(*bug), limits).broken {
            Some((_, trace)) if trace.len() <= *steps => {}
            other => missed.push((bug.name(), other)),
        }
    }
    let _ = std::panic::take_hook();
    assert!(missed.is_empty(), "not found in so few steps: {missed:?}");
    let found = |bug: &&Bug| BUGS.iter().any(|(of, _, _)| of == *bug);
    let nowhere: Vec<_> = Bug::ALL.iter().filter(|b| !b.by_chance() && !found(b)).collect();
    assert!(nowhere.is_empty(), "neither runs nor a search find {nowhere:?}");
}
