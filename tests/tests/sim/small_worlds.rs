//! Small worlds searched breadth first: nothing breaks. (`sim --bugs` finds planted bugs there.)
//!
//! The test command looks at the whole of the smaller ones and at the beginning of the others;
//! `cargo xtask sim --search all` goes on from there, to the end of the seven of shares.md.

use crate::sim::{Bug, CONFIGS, Config, Limits, search};

/// States of a world that is too large to be searched whole here.
const STATES: usize = 1_200;
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
