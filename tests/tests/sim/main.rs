//! The simulator as a test: many seeds hold, a seed replays; small worlds are searched.

mod policies;
mod small_worlds;

use oneshelf_sim as sim;
use sim::{Counts, in_order, run, run_without_shares, threads};

/// Seeds of this suite; the test command runs 2,000 store-hours beside it.
const SEEDS: u64 = 80;
/// Kinds of fault that may not have happened in them.
const RARE: &[&str] = &["power cut after the hub's commit, before its answers"];
/// What several hubs on one database must have met in them.
const HUBS: &[&str] = &[
    "a log went on behind what the hub has",
    "agent at another hub, held by the one before",
    "commit refused: another hub had written",
    "frame to a hub that its agent has left",
    "no start behind the witness",
    "one lost its power, another one worked",
    "paused between deciding and commit",
    "recall asked at one hub, told by another",
    "session over by another hub's word",
];
/// Seeds of the comparison with a world without shares.
const SEEDS_WITHOUT_SHARES: u64 = 60;
/// Reasons for which the hub must have refused something in the first of them.
const REFUSALS: &[&str] = &[
    "agent_answers",
    "not_enough_available",
    "not_promised_now",
    "reservation_ended",
    "reservation_expired",
    "reservation_short",
    "stale_timer",
];
/// Kinds of command that the hub must have decided in them.
const COMMANDS: &[&str] = &[
    "hello",
    "ask",
    "recall",
    "recall_answered",
    "grant_by_policy",
    "fact",
    "reserve",
    "commit",
    "release",
    "expire",
    "pick",
    "hand_over",
    "receive",
    "put_record",
    "remove_record",
    "retire_agent",
    "transfer",
    "receive_transfer",
];
/// What must have become of transfers, kits and deadlines in them.
const FLOWS: &[&str] = &[
    "a store sent share",
    "a store sent share with its line down",
    "asked for goods of a store whose line is down",
    "a store shipped less than was asked for",
    "a store shipped what was asked for",
    "a store shipped more than was asked for",
    "a store unpacked",
    "all came",
    "all came, and nobody said so",
    "a part came first",
    "less came than was in the parcel",
    "more came than was in the parcel",
    "something came broken",
    "a kit was asked for",
    "a register scanned a kit",
    "a register sold kits",
    "a claim waited for share",
    "a claim was decided while it waited",
    "a claim's deadline passed",
];
/// Kinds of fact that agents must have stored in them.
const FACTS: &[&str] =
    &["sale", "in", "back", "count", "handover", "released", "sent", "arrived", "close"];

#[test]
fn the_invariants_hold() {
    let counts = all(SEEDS, |seed| run(seed, None, 40));
    // What never happened was not tested.
    let sim::Counts { steps, lost, doubled, cuts, hub_restarts, agent_restarts, .. } = counts;
    for often in [steps, lost, doubled, cuts, hub_restarts, agent_restarts] {
        assert!(often > SEEDS / 4, "{counts:?}");
    }
    let sim::Counts { undone, restores, copies, retired, beyond, counted, handed, .. } = counts;
    for often in [undone, restores, copies, retired, beyond, counted, handed] {
        assert!(often > SEEDS / 20, "{counts:?}");
    }
    let sim::Counts { hub_restores, dropped, .. } = counts;
    for often in [hub_restores, dropped] {
        assert!(often > SEEDS / 20, "{counts:?}");
    }
    let kinds = [(&counts.commands, COMMANDS), (&counts.facts, FACTS), (&counts.flow, FLOWS)];
    for (counted, kind) in kinds.iter().flat_map(|(c, kinds)| kinds.iter().map(move |k| (c, k))) {
        assert!(counted.get(kind).is_some_and(|n| *n > SEEDS / 20), "{kind}: {counts:?}");
    }
    let rare = |kind: &String| RARE.contains(&kind.as_str());
    let never: Vec<_> = counts.every_kind().into_iter().filter(|(_, n)| *n == 0).collect();
    assert!(never.iter().all(|(kind, _)| rare(kind)), "{never:?}");
    for kind in HUBS {
        assert!(counts.hubs.contains_key(kind), "{kind}: {counts:?}");
    }
    for code in REFUSALS {
        assert!(counts.refusals.contains_key(code), "{code}: {counts:?}");
    }
}

/// Runs so many seeds, none of which may break anything.
fn all(seeds: u64, run: impl Fn(u64) -> sim::Report + Sync) -> Counts {
    let mut counts = Counts::default();
    in_order(1, threads(), run, |report| {
        if let Some(broken) = &report.broken {
            panic!("seed {}: {}\n{}", report.seed, broken.what, broken.tail.join("\n"));
        }
        counts.add(&report.counts);
        report.seed < seeds
    });
    counts
}

/// What shares are for: the same people, faults and goods, once with them and once without.
#[test]
fn without_shares_promises_break() {
    let with = all(SEEDS_WITHOUT_SHARES, |seed| run(seed, None, 40));
    let without = all(SEEDS_WITHOUT_SHARES, |seed| run_without_shares(seed, 40));
    // A cashier, a thief or a copied disk can break one with shares too; nothing else can.
    assert_eq!(with.broken, 0, "{with:?}");
    assert!(with.told > 1_000 && without.told > 1_000);
    assert!(without.broken > without.told / 200, "{} of {}", without.broken, without.told);
    let all = without.broken + without.broken_with_cause;
    assert!(all > 2 * with.broken_with_cause, "{all}, {}", with.broken_with_cause);
}

#[test]
fn a_thin_run_does_not_count_as_a_long_one() {
    let mut counts = Counts { store_seconds: 2_000 * 3_600, ..Counts::default() };
    assert_eq!(counts.too_thin().len(), 2);
    counts.decided = 200 * 2_000;
    counts.mishap("frame lost");
    *counts.mishaps.entry("frame lost").or_default() += 20 * 2_000;
    assert!(counts.too_thin().is_empty(), "{:?}", counts.too_thin());
    counts.store_seconds *= 50;
    counts.decided *= 50;
    *counts.mishaps.entry("frame lost").or_default() *= 50;
    // Every other kind of fault is missing.
    assert_eq!(counts.too_thin().len(), counts.every_kind().len() - 1);
    assert!(Counts { store_seconds: 1_000, ..Counts::default() }.too_thin().is_empty());
}

/// What the program says of some seeds, in a process of its own.
fn hashes(threads: &str) -> String {
    let mut sim = std::process::Command::new(env!("CARGO_BIN_EXE_sim"));
    sim.args(["--from", "3", "--seeds", "6", "--hashes", "--threads", threads]);
    let output = sim.output().unwrap_or_else(|error| panic!("{error}"));
    assert!(output.status.success(), "{output:?}");
    String::from_utf8_lossy(&output.stdout).into_owned()
}

#[test]
fn a_seed_replays_exactly_in_a_fresh_process_beside_others() {
    let (alone, beside) = (hashes("1"), hashes("3"));
    assert_eq!(alone, beside);
    for seed in 3..9 {
        let here = format!("seed {seed}: {:016x}\n", run(seed, None, 10).hash);
        assert!(alone.contains(&here), "{here} {alone}");
    }
}

#[test]
fn a_seed_replays_exactly() {
    for seed in [3, 4, 5, 6, 14] {
        let (first, second) = (run(seed, None, 10), run(seed, None, 10));
        assert_eq!(first, second, "seed {seed}");
        assert_ne!(first.hash, run(seed + 8, None, 10).hash, "seeds differ");
    }
}
