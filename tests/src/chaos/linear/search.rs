//! Whether a history has an order: each act at one moment between its call and its answer, every
//! answer as the shelf gives it in that order, and what the hub numbered in the order of numbers.
//!
//! The search of Wing and Gong with Lowe's memory: a set of acts done and the state after them is
//! entered once. It knows no act's meaning. Invariant: it never says that there is an order
//! without giving it, nor that there is none before it has tried all of them.

use std::collections::HashSet;

use super::history::Call;
use super::spec::Shelf;

/// Calls of one history.
pub const CALLS_MAX: usize = 256;
const WORD: usize = u64::BITS as usize;

/// What a search came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// An order, as indices of calls; of those never answered only what must have happened.
    Ordered(Vec<usize>),
    /// There is none; the longest that could be tried.
    Broken(Vec<usize>),
    /// Not known within the steps that were allowed.
    Undecided,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
struct Done([u64; CALLS_MAX / WORD]);

impl Done {
    fn has(&self, call: usize) -> bool {
        self.0[call / WORD] >> (call % WORD) & 1 == 1
    }

    fn flip(&mut self, call: usize) {
        self.0[call / WORD] ^= 1 << (call % WORD);
    }
}

/// A state on the way, and how to go on from it.
struct Stop {
    shelf: Shelf,
    ways: std::vec::IntoIter<(usize, Shelf)>,
    /// The call that led here.
    by: Option<usize>,
}

/// The call before, when it was never answered, and the state that it was done in.
type Maybe<'a> = Option<(usize, &'a Shelf)>;

/// Looks for an order of calls, which are sorted by the moments at which they were asked for; takes
/// what it needs from the steps that it may make.
pub fn order(start: &Shelf, calls: &[Call], steps: &mut usize) -> Verdict {
    if calls.len() > CALLS_MAX {
        return Verdict::Undecided;
    }
    let mut left = calls.iter().filter(|call| call.answered.is_some()).count();
    let mut done = Done::default();
    let mut seen = HashSet::new();
    let (mut way, mut longest) = (vec![], vec![]);
    let first = ways(calls, &done, start, None);
    let mut stops = vec![Stop { shelf: start.clone(), ways: first, by: None }];
    while *steps > 0 {
        *steps -= 1;
        if left == 0 {
            return Verdict::Ordered(way);
        }
        let Some(stop) = stops.last_mut() else { return Verdict::Broken(longest) };
        let Some((next, shelf)) = stop.ways.next() else {
            if let Some(by) = stop.by {
                done.flip(by);
                way.pop();
                left += usize::from(calls[by].answered.is_some());
            }
            stops.pop();
            continue;
        };
        done.flip(next);
        let maybe = calls[next].answered.is_none().then_some((next, &stop.shelf));
        // Behind a call that was never answered not all ways are looked at: another state.
        if !seen.insert((done, shelf.clone(), maybe.map(|(at, _)| at))) {
            done.flip(next);
            continue;
        }
        let ways = ways(calls, &done, &shelf, maybe);
        way.push(next);
        left -= usize::from(calls[next].answered.is_some());
        if way.len() > longest.len() {
            longest.clone_from(&way);
        }
        stops.push(Stop { shelf, ways, by: Some(next) });
    }
    Verdict::Undecided
}

/// The calls that may be next, each with the state after it: no other one was answered before they
/// were asked for, and the shelf answers what was heard. Those that were answered first come
/// first, since they most often happened first.
///
/// Where the hub says a version, no open call has a smaller one: more is asked than some order, and
/// orders of the same claims that only time could tell apart need not all be tried.
///
/// Three cuts lose no order. What was answered so and changes nothing goes at once and alone: in
/// any order it may as well stand here. What was never answered and changes nothing may as well not
/// happen. What was never answered comes as late as it can: right before a call that makes a
/// difference to it.
fn ways(
    calls: &[Call],
    done: &Done,
    shelf: &Shelf,
    maybe: Maybe<'_>,
) -> std::vec::IntoIter<(usize, Shelf)> {
    let ends = |call: &Call| call.answered.map_or(u64::MAX, |(at, _)| at);
    let open = || calls.iter().enumerate().filter(|(at, _)| !done.has(*at));
    let bound = open().map(|(_, call)| ends(call)).min().unwrap_or(u64::MAX);
    let version = open().filter_map(|(_, call)| call.version).min();
    let mut ways: Vec<(usize, Shelf)> = vec![];
    for (at, call) in open().take_while(|(_, call)| call.called < bound) {
        if call.version.is_some() && call.version > version {
            continue;
        }
        let mut next = shelf.clone();
        let answer = next.act(&call.act);
        match call.answered {
            Some((_, heard)) if heard != answer => {}
            _ if maybe.is_some_and(|maybe| may_stand_before(calls, at, maybe, &next)) => {}
            Some(_) if next == *shelf => return vec![(at, next)].into_iter(),
            None if next == *shelf => {}
            _ => ways.push((at, next)),
        }
    }
    ways.sort_by_key(|(at, _)| ends(&calls[*at]));
    ways.into_iter()
}

/// Whether a call before the one that was never answered leads to the same: that order is tried
/// too. Of two that were never answered the one that was asked for first stands first.
fn may_stand_before(
    calls: &[Call],
    at: usize,
    (maybe, before): (usize, &Shelf),
    next: &Shelf,
) -> bool {
    let mut other = before.clone();
    let answer = other.act(&calls[at].act);
    let allowed = calls[at].answered.map_or(at < maybe, |(_, heard)| heard == answer);
    allowed && {
        other.act(&calls[maybe].act);
        other == *next
    }
}
