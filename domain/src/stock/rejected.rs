//! Facts that were not booked when they came, booked late on a person's word (DESIGN.md section 7).
//!
//! The place of such a fact in its log was taken when it came, so it is booked as a stray is: the
//! share that it names goes down where that still stands. It must not know why it was rejected; who
//! asks knows that it was, and that no count has booked its goods. Invariant: what says how things
//! stood then (a count, the end of a life) is not booked late, since it says nothing of how they
//! stand now; and nothing is booked on a shelf that has changed since it was looked at.

use super::draft::Draft;
use super::fact::{apply, unbookable};
use super::{Command, FactBody, Outcome, Stop};
use crate::refusal::Refusal;

pub(super) fn book(draft: &mut Draft, command: &Command) -> Result<Outcome, Stop> {
    let Command::BookRejected { location, incarnation, seq, occurred_at, as_of, body } = command
    else {
        return Err(Stop::NotNow("not a rejected fact"));
    };
    let of_then = matches!(body, FactBody::Count { .. } | FactBody::Close { .. });
    if of_then || unbookable(body).is_some() {
        return Err(Refusal::FactNotBookable.into());
    }
    let known = draft.incarnation(*incarnation)?.filter(|i| i.location == *location);
    let i = known.ok_or(Refusal::FactNotBookable)?;
    if *seq > i.last {
        return Err(Stop::NotNow("its log has not come to this fact: it may still be booked"));
    }
    let outcome = apply(draft, &i, body, *occurred_at)?;
    if draft.changed_after(*as_of)? {
        return Err(Stop::NotNow("the shelf has changed since it was looked at"));
    }
    Ok(outcome)
}
