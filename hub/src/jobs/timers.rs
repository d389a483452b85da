//! Turns timers that are due into commands.
//!
//! The command's id follows from the timer, so two hubs that run the same timer have one effect.
//! Invariant: a timer goes with the decision that it led to; the job itself removes only those
//! that their subjects have left behind.

use std::time::Duration;

use oneshelf_domain::refusal::Refusal;
use oneshelf_domain::stock::{Command, TimerKind};
use oneshelf_domain::{CommandId, ReservationId, Timestamp};
use oneshelf_sync::plan::Submission;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::{Lease, pause};
use crate::commands::{Clock, Commands, Failure, Lane};
use crate::store::timers::{self, Timer};
use crate::store::{Store, StoreError};

/// The longest wait between two looks.
const LOOK: Duration = Duration::from_millis(200);
/// The wait after a failure.
const AFTER_FAILURE: Duration = Duration::from_secs(1);
/// Timers of one round.
const ROUND_TIMERS: i64 = 500;
/// Namespace of the ids of timers' commands.
const NAMESPACE: Uuid = Uuid::from_u128(0x6f6e_6573_6865_6c66_8000_7469_6d65_7273);

/// What one round did.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Round {
    /// Timers whose command was accepted.
    pub done: usize,
    /// Timers that were left behind and are gone now.
    pub stale: usize,
    /// Timers that are tried again.
    pub again: usize,
    /// When the next one is due.
    pub next: Option<Timestamp>,
}

/// The job.
pub struct Timers {
    store: Store,
    commands: Commands,
    clock: Clock,
    lease: Lease,
}

impl Timers {
    /// The job, not running yet.
    pub fn new(store: Store, commands: Commands, clock: Clock, lasts: Duration) -> Self {
        let lease = Lease::new(store.clone(), "timers", lasts);
        Self { store, commands, clock, lease }
    }

    /// Runs until it is stopped.
    pub async fn run(mut self, stop: CancellationToken) {
        let mut failing = false;
        loop {
            let wait = match self.round().await {
                Ok(round) => {
                    failing = false;
                    self.wait_after(&round)
                }
                Err(error) => {
                    if !failing {
                        tracing::warn!(%error, "timers cannot be read");
                    }
                    failing = true;
                    AFTER_FAILURE
                }
            };
            if !pause(wait, &stop).await {
                self.lease.give_up().await;
                return;
            }
        }
    }

    /// Works off what is due now, when this hub has the job.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn round(&mut self) -> Result<Round, StoreError> {
        let now = (self.clock)();
        if !self.lease.held(now).await? {
            return Ok(Round::default());
        }
        let mut tx = self.store.read().await?;
        let due = timers::due(&mut tx, now, ROUND_TIMERS).await?;
        let mut round = Round { next: timers::next_due(&mut tx).await?, ..Round::default() };
        tx.rollback().await?;
        // All at once, so that they share a commit.
        let mut waiting = Vec::with_capacity(due.len());
        for timer in due {
            let Some(submission) = submission(&timer) else {
                tracing::error!(kind = timer.kind, subject = timer.subject, "unknown timer");
                round.again += 1;
                continue;
            };
            match self.commands.enqueue(Lane::Bulk, submission) {
                Ok(answer) => waiting.push((timer, answer)),
                Err(_) => round.again += 1,
            }
        }
        for (timer, answer) in waiting {
            match answer.await {
                Ok(Ok(_)) => round.done += 1,
                Ok(Err(Failure::Refused(why))) if is_over(&why) => {
                    self.remove(&timer).await?;
                    round.stale += 1;
                }
                // Not now, stopping, or a failure that the writer has told of.
                _ => round.again += 1,
            }
        }
        Ok(round)
    }

    async fn remove(&self, timer: &Timer) -> Result<(), StoreError> {
        let Some(mut tx) = self.lease.write().await? else { return Ok(()) };
        timers::remove_stale(&mut tx, timer).await?;
        tx.commit().await
    }

    fn wait_after(&self, round: &Round) -> Duration {
        let left = round.next.map_or(i64::MAX, |next| next.ms_since((self.clock)()));
        match u64::try_from(left) {
            // A timer that failed is still due: it waits like all others.
            Ok(ms) if round.again == 0 => LOOK.min(Duration::from_millis(ms + 1)),
            Err(_) if round.again == 0 && round.done + round.stale > 0 => Duration::ZERO,
            _ => LOOK,
        }
    }
}

/// The command of a timer; none for a kind that this version does not know.
fn submission(timer: &Timer) -> Option<Submission> {
    if timer.kind != TimerKind::ExpireReservation.name() {
        return None;
    }
    let id: ReservationId = timer.subject.parse().ok()?;
    let name = format!("{}/{}/{}", timer.kind, timer.subject, timer.due_at);
    Some(Submission {
        id: CommandId(Uuid::new_v5(&NAMESPACE, name.as_bytes())),
        principal: "timer".to_owned(),
        actor: "timer".to_owned(),
        on_behalf_of: None,
        keyed: false,
        command: Command::Expire { id },
    })
}

fn is_over(refusal: &Refusal) -> bool {
    matches!(refusal, Refusal::StaleTimer | Refusal::ReservationUnknown)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_timer_always_makes_the_same_command() {
        let subject = ReservationId(Uuid::from_u128(7)).to_string();
        let timer = |due_at| Timer {
            kind: TimerKind::ExpireReservation.name().to_owned(),
            subject: subject.clone(),
            due_at,
        };
        let id = |t: &Timer| submission(t).map(|s| s.id);
        assert_eq!(id(&timer(5)), id(&timer(5)));
        assert_ne!(id(&timer(5)), id(&timer(6)));
        let other = Timer { kind: "other".to_owned(), ..timer(5) };
        assert!(submission(&other).is_none());
    }
}
