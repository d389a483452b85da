//! `cargo xtask test` and `check`: chooses legs, gets what they need, runs them, adds up.
//! It must not know what a leg does; legs.rs says that. The last line is `N passed, N failed`,
//! and a leg that could not run is never silent: it is skipped by name, or a failure.

mod count;
mod demo;
mod legs;
mod needs;
mod runner;

pub(crate) use legs::Finding;

use std::process::ExitCode;

use anyhow::{Result, bail};

use crate::tree::{Tree, in_ci};
use count::Counts;
use legs::{LEGS, Leg, When};
use needs::Needs;

/// The legs' names and budgets, for the tidy rule that compares them with docs/testing.md.
pub(crate) fn budgets() -> impl Iterator<Item = (&'static str, u64)> {
    LEGS.iter().map(|leg| (leg.name, leg.budget_s))
}

pub(crate) fn run(tree: &Tree, arguments: &[String]) -> Result<ExitCode> {
    let mut full = false;
    let mut only: Vec<&str> = Vec::new();
    let mut words = arguments.iter();
    while let Some(word) = words.next() {
        match word.as_str() {
            "--full" => full = true,
            "--only" => match words.next() {
                Some(names) => only.extend(names.split(',')),
                None => bail!("--only needs the name of a leg"),
            },
            unknown => bail!("unknown option `{unknown}` of test"),
        }
    }
    let chosen = if only.is_empty() { whole(full) } else { with_what_they_follow(&only)? };
    legs_in_order(tree, &chosen, true)
}

pub(crate) fn check(tree: &Tree, arguments: &[String]) -> Result<ExitCode> {
    if let Some(unknown) = arguments.first() {
        bail!("unknown option `{unknown}` of check");
    }
    let quick = |leg: &&Leg| matches!(leg.when, When::Always | When::CheckOnly);
    let chosen: Vec<&Leg> = LEGS.iter().filter(quick).collect();
    legs_in_order(tree, &chosen, tree.has_pages())
}

fn whole(full: bool) -> Vec<&'static Leg> {
    let belongs = |leg: &&Leg| match leg.when {
        When::Always | When::TestOnly => true,
        When::FullOnly => full,
        When::CheckOnly => false,
    };
    LEGS.iter().filter(belongs).collect()
}

/// The named legs and, before them, those whose results they use.
fn with_what_they_follow(names: &[&str]) -> Result<Vec<&'static Leg>> {
    let mut wanted: Vec<&str> = names.to_vec();
    let mut at = 0;
    while let Some(name) = wanted.get(at).copied() {
        let Some(leg) = LEGS.iter().find(|leg| leg.name == name) else {
            let known: Vec<&str> = LEGS.iter().map(|leg| leg.name).collect();
            bail!("no leg `{name}`; there are {}", known.join(", "));
        };
        for before in leg.after {
            if !wanted.contains(before) {
                wanted.push(before);
            }
        }
        at += 1;
    }
    Ok(LEGS.iter().filter(|leg| wanted.contains(&leg.name)).collect())
}

fn legs_in_order(tree: &Tree, chosen: &[&Leg], with_pages: bool) -> Result<ExitCode> {
    match &tree.shared {
        Some(folder) => println!("== shared data: {}", folder.display()),
        None => println!("== no shared data beside the checkout: legs that need it are left out"),
    }
    let needs = Needs::get(tree, chosen)?;
    let runner = runner::Runner::new(tree, &needs, with_pages)?;
    let mut total = Counts::default();
    let (mut broken, mut left_out): (Vec<&str>, Vec<&str>) = (Vec::new(), Vec::new());
    for leg in chosen {
        crate::stop::fail_if_asked()?;
        let counts = match verdict_before(leg, &needs, &broken, in_ci()) {
            Before::Run => runner.run(leg)?,
            Before::LeaveOut(why) => {
                println!("== leg {} ... skipped: {why}", leg.name);
                left_out.push(leg.name);
                Counts { skipped: 1, ..Counts::default() }
            }
            Before::Fail(why) => {
                println!("== leg {} ... FAILED, not run: {why}", leg.name);
                Counts { failed: 1, ..Counts::default() }
            }
        };
        if counts.failed > 0 {
            broken.push(leg.name);
        }
        total.add(counts);
    }
    drop(runner);
    drop(needs);
    if !broken.is_empty() {
        println!("== failed legs: {}", broken.join(", "));
    }
    if !left_out.is_empty() {
        println!("== left out: {}", left_out.join(", "));
    }
    if total.skipped > 0 {
        println!("{} skipped", total.skipped);
    }
    println!("{total}");
    let good = total.failed == 0 && total.ran_something();
    Ok(if good { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

enum Before {
    Run,
    LeaveOut(String),
    Fail(String),
}

fn verdict_before(leg: &Leg, needs: &Needs, broken: &[&str], in_ci: bool) -> Before {
    if let Some(before) = leg.after.iter().find(|before| broken.contains(before)) {
        return Before::Fail(format!("the leg {before} failed"));
    }
    for need in leg.needs {
        if let Some(why) = needs.missing(*need) {
            let may_be_left_out = matches!(need, legs::Need::Shared) && !in_ci;
            return if may_be_left_out {
                Before::LeaveOut(why.to_owned())
            } else {
                Before::Fail(why.to_owned())
            };
        }
    }
    Before::Run
}

#[cfg(test)]
mod tests {
    use super::legs::Need;
    use super::*;

    #[test]
    fn names_are_unique_and_legs_follow_earlier_ones() {
        for (at, leg) in LEGS.iter().enumerate() {
            let earlier: Vec<&str> = LEGS[..at].iter().map(|leg| leg.name).collect();
            assert!(!earlier.contains(&leg.name), "{} stands twice", leg.name);
            for before in leg.after {
                assert!(earlier.contains(before), "{} follows {before}, a later leg", leg.name);
            }
        }
    }

    #[test]
    fn the_whole_command_stays_within_its_aim() {
        let budget_s: u64 = whole(false).iter().map(|leg| leg.budget_s).sum();
        assert!(budget_s <= 30 * 60, "the legs' budgets add up to {budget_s} s");
    }

    #[test]
    fn one_leg_brings_what_it_follows() {
        let names: Vec<&str> =
            with_what_they_follow(&["unit"]).unwrap().iter().map(|leg| leg.name).collect();
        assert_eq!(names, ["web", "build", "unit"]);
        assert!(with_what_they_follow(&["no-such-leg"]).is_err());
    }

    #[test]
    fn a_leg_after_a_broken_one_fails_without_running() {
        let leg = LEGS.iter().find(|leg| leg.name == "unit").unwrap();
        let verdict = verdict_before(leg, &Needs::none(), &["build"], false);
        assert!(matches!(verdict, Before::Fail(why) if why.contains("build")));
    }

    #[test]
    fn only_shared_data_may_be_missing_and_not_in_ci() {
        let verdict = |name: &str, need: Need, in_ci| {
            let leg = LEGS.iter().find(|leg| leg.name == name).unwrap();
            verdict_before(leg, &Needs::without(need), &[], in_ci)
        };
        let shared = Need::Shared;
        assert!(matches!(verdict("advisories", shared, false), Before::LeaveOut(_)));
        assert!(matches!(verdict("advisories", shared, true), Before::Fail(_)));
        assert!(matches!(verdict("web", Need::Npm("web"), false), Before::Fail(_)));
        assert!(matches!(verdict("fmt", shared, true), Before::Run));
    }
}
