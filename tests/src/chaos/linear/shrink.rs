//! A history without an order, made as small as it stays without one.
//!
//! It knows no act's meaning. Invariant: each step asks less of an order than the one before, so
//! what is left proves what the whole history proves.

use super::history::{Call, shown};
use super::search::{Verdict, order};
use super::spec::Shelf;

/// Steps of one look at a smaller history: one that is not decided is not taken.
const LOOK: usize = 200_000;

/// A search with so many steps at most, of those that are left.
fn look(start: &Shelf, calls: &[Call], left: &mut usize) -> Verdict {
    let mut some = LOOK.min(*left);
    *left -= some;
    let verdict = order(start, calls, &mut some);
    *left += some;
    verdict
}

/// The history as it was known at a moment.
fn until(calls: &[Call], end: u64) -> Vec<Call> {
    let known = calls.iter().filter(|call| call.called <= end).map(|call| match call.answered {
        Some((at, _)) if at <= end => call.clone(),
        _ => Call { answered: None, version: None, ..call.clone() },
    });
    // A question that is not answered says nothing.
    known.filter(|call| call.answered.is_some() || call.act.changes()).collect()
}

/// The shortest beginning that has no order, without the refusals and looks that it does not need.
/// What changed something stays: without it others would be wrong by themselves. When the steps are
/// used up it is small enough.
pub fn smallest(start: &Shelf, calls: &[Call], steps: &mut usize) -> Vec<Call> {
    let mut ends: Vec<u64> = calls.iter().filter_map(|c| c.answered.map(|(at, _)| at)).collect();
    ends.sort_unstable();
    // What has an order has one at every earlier moment too. Short beginnings are decided soon, so
    // they are looked at first.
    let mut broken = |calls: &[Call]| matches!(look(start, calls, steps), Verdict::Broken(_));
    let mut enough = 8;
    while enough < ends.len() && !broken(&until(calls, ends[enough - 1])) {
        enough *= 2;
    }
    ends.truncate(enough);
    let first = ends.partition_point(|end| !broken(&until(calls, *end)));
    let Some(end) = ends.get(first) else { return calls.to_vec() };
    let mut least = until(calls, *end);
    for at in (0..least.len()).rev() {
        if least[at].left_all_as_it_was() {
            let mut fewer = least.clone();
            fewer.remove(at);
            if broken(&fewer) {
                least = fewer;
            }
        }
    }
    least
}

/// For people: a history without an order, and how far one comes.
pub fn explained(start: &Shelf, calls: &[Call]) -> String {
    let mut text = format!("no order; who [called..answered] what, answer:\n{}", shown(calls));
    let Verdict::Broken(longest) = order(start, calls, &mut { LOOK }) else { return text };
    let mut shelf = start.clone();
    for at in &longest {
        shelf.act(&calls[*at].act);
    }
    let way: Vec<String> = longest.iter().map(|at| calls[*at].called.to_string()).collect();
    text += &format!("the longest order tried: {}\nthen: {shelf:?}\n", way.join(" "));
    for (at, call) in calls.iter().enumerate().filter(|(at, _)| !longest.contains(at)) {
        if call.answered.is_some() {
            let answer = shelf.clone().act(&call.act);
            text += &format!("{} would be answered {answer:?} next (call {at})\n", call.called);
        }
    }
    text
}
