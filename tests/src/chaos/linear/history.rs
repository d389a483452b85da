//! What several people did at the same time: who was called and answered when.
//!
//! Owns the record and how it is shown. It knows neither what an answer should be nor the hub.
//! Invariant: the clock is one counter that is read before a request leaves and after its answer
//! came, so an act that was answered before another was called has the smaller numbers.

use std::fmt::Write;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

use super::spec::{Act, Answer};

/// An act of somebody, from its call to its answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Call {
    /// Who.
    pub who: usize,
    /// Did what.
    pub act: Act,
    /// When it was asked for.
    pub called: u64,
    /// When and what was answered; none when nobody waited any longer: it may have happened, may
    /// still happen, or never.
    pub answered: Option<(u64, Answer)>,
    /// The version that the hub gave to the change, or that the figures are of; where it says one.
    pub version: Option<i64>,
}

impl Call {
    /// True when it was answered, and nothing happened.
    pub fn left_all_as_it_was(&self) -> bool {
        self.answered.is_some_and(|(_, answer)| answer.is_refusal() || !self.act.changes())
    }
}

/// Writes calls down while they happen.
#[derive(Debug, Default)]
pub struct Record {
    clock: AtomicU64,
    calls: Mutex<Vec<Call>>,
}

impl Record {
    /// The next moment.
    pub fn now(&self) -> u64 {
        self.clock.fetch_add(1, Ordering::SeqCst)
    }

    /// Keeps a call. A question that nobody heard the answer of says nothing.
    pub fn keep(&self, call: Call) {
        if call.answered.is_some() || call.act.changes() {
            self.calls.lock().unwrap_or_else(PoisonError::into_inner).push(call);
        }
    }

    /// All calls in the order in which they were asked for.
    pub fn calls(&self) -> Vec<Call> {
        let mut calls = self.calls.lock().unwrap_or_else(PoisonError::into_inner).clone();
        calls.sort_by_key(|call| call.called);
        calls
    }
}

/// The most calls that waited for their answers at one moment.
pub fn at_once(calls: &[Call]) -> usize {
    let mut steps: Vec<(u64, bool)> = vec![];
    for call in calls {
        if let Some((at, _)) = call.answered {
            steps.extend([(call.called, true), (at, false)]);
        }
    }
    steps.sort_unstable();
    let (mut now, mut most) = (0_usize, 0);
    for (_, begins) in steps {
        now = if begins { now + 1 } else { now - 1 };
        most = most.max(now);
    }
    most
}

/// One line a call, for people.
pub fn shown(calls: &[Call]) -> String {
    let mut text = String::new();
    for call in calls {
        let (until, answer) = match call.answered {
            Some((at, answer)) => (at.to_string(), format!("{answer:?}")),
            None => (String::new(), "any answer, or never".to_owned()),
        };
        let act = format!("{:?}", call.act);
        let version = call.version.map(|version| format!(", version {version}"));
        let answer = answer + &version.unwrap_or_default();
        let line = format!("  {:>2} [{:>4}..{until:>4}] {act:<50} {answer}", call.who, call.called);
        // Writing to a string does not fail.
        let _ = writeln!(text, "{line}");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn calls_are_kept_in_their_order_and_unheard_questions_are_not() {
        let record = Record::default();
        let call = |called, act, answered| Call { who: 0, act, called, answered, version: None };
        record.keep(call(4, Act::Sell { units: 1 }, None));
        record.keep(call(1, Act::Stock, None));
        record.keep(call(2, Act::Bring { units: 1 }, Some((6, Answer::Booked))));
        record.keep(call(3, Act::Bring { units: 1 }, Some((5, Answer::Booked))));
        let calls = record.calls();
        let order: Vec<u64> = calls.iter().map(|call| call.called).collect();
        assert_eq!(order, [2, 3, 4]);
        assert_eq!(at_once(&calls), 2);
        assert_eq!(shown(&calls).lines().count(), 3);
    }
}
