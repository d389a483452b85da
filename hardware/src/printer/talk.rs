//! The conversation about one job: asking, sending, waiting for the proof.
//!
//! Owns what is said and in which order, on a wire that is open. Must not know how it was opened
//! or what is printed. Invariants: no byte of a job leaves before the printer said that it is well
//! and idle; nothing is sent twice; an answer to an older question is never taken for a newer one.

use std::collections::VecDeque;
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::Instant;

use super::client::{JobOutcome, Times};
use super::encode::{LONGEST_COMMAND, READ_BACK};
use super::state::{PrinterState, Reason};
use super::status::{Reply, Status};
use super::wire::{Lost, Wire};

/// Ends whatever command an earlier, broken job left half sent: a printer ignores NUL between
/// commands, and takes it for white dots inside a picture.
const FLUSH: [u8; LONGEST_COMMAND] = [0; LONGEST_COMMAND];

/// One job's wire, and what its owner has to say about time and the drawer.
pub(super) struct Talk<'a> {
    pub wire: &'a mut Wire,
    pub times: &'a Times,
    pub open_is_high: bool,
}

impl Talk<'_> {
    /// Makes sure that the printer is well, idle and listening before a byte of the job leaves.
    pub async fn prepare(&mut self) -> Result<Status, Reason> {
        let status = self.ask().await?;
        if let Some(reason) = Reason::against(&status) {
            return Err(reason);
        }
        let mut quiet = self.times.settle;
        // The answer to this comes when everything that earlier jobs left is done with.
        if !self.barrier(&READ_BACK).await? {
            // Perhaps a job that broke off left half a command, which swallowed the question.
            let flush = [&FLUSH[..], &[0x1b, b'@'], &READ_BACK].concat();
            if !self.barrier(&flush).await? {
                return Err(Reason::NotAnswering);
            }
            // Two questions were asked; the answer to the other may still be on its way.
            quiet *= 10;
        }
        // An answer owed to an earlier job must not pass for ours.
        self.wire.drain(quiet).await.map_err(|Lost| Reason::ConnectionLost)?;
        Ok(status)
    }

    async fn barrier(&mut self, bytes: &[u8]) -> Result<bool, Reason> {
        self.tell(bytes).await?;
        let deadline = Instant::now() + self.times.barrier;
        let proof = |reply| matches!(reply, Reply::ReadBack(_)).then_some(());
        Ok(self.first(deadline, proof).await?.is_some())
    }

    /// `DLE EOT` 1 to 4, one after the other. Silence is no status.
    pub async fn ask(&mut self) -> Result<Status, Reason> {
        // What an earlier question left on a line that was kept open answers none of these.
        self.wire.drain(Duration::ZERO).await.map_err(|Lost| Reason::ConnectionLost)?;
        let mut answers = [0u8; 4];
        for (n, answer) in (1u8..).zip(&mut answers) {
            self.tell(&[0x10, 0x04, n]).await?;
            let deadline = Instant::now() + self.times.answer;
            let byte = |reply| match reply {
                Reply::Status(byte) => Some(byte),
                _ => None,
            };
            *answer = self.first(deadline, byte).await?.ok_or(Reason::NotAnswering)?;
        }
        Status::from_answers(answers, self.open_is_high).ok_or(Reason::NotAnswering)
    }

    /// The first reply of this kind; `None` when there was none until the deadline.
    async fn first<T>(
        &mut self,
        deadline: Instant,
        kind: impl Fn(Reply) -> Option<T>,
    ) -> Result<Option<T>, Reason> {
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            match self.wire.reply(left).await {
                Ok(Some(reply)) => {
                    if let Some(found) = kind(reply) {
                        return Ok(Some(found));
                    }
                    if left.is_zero() {
                        return Ok(None);
                    }
                }
                Ok(None) => return Ok(None),
                Err(Lost) => return Err(Reason::ConnectionLost),
            }
        }
    }

    async fn tell(&mut self, bytes: &[u8]) -> Result<(), Reason> {
        self.wire.send(bytes, self.times.answer).await.map_err(|failure| {
            if failure.slow { Reason::NotAnswering } else { Reason::ConnectionLost }
        })
    }

    /// From here on bytes of the job leave.
    pub async fn transmit(
        &mut self,
        bytes: &[u8],
        state: &watch::Sender<PrinterState>,
    ) -> JobOutcome {
        let body = bytes.strip_suffix(&READ_BACK).unwrap_or(bytes);
        if let Err(failure) = self.wire.send(body, self.times.per_kilobyte).await {
            let reason = if failure.slow { Reason::TooSlow } else { Reason::ConnectionLost };
            return if failure.began {
                JobOutcome::Unknown(reason)
            } else {
                JobOutcome::NotSent(reason)
            };
        }
        if self.wire.is_mute() {
            let left = self.wire.has_left(self.times.per_kilobyte).await;
            return JobOutcome::Unknown(if left { Reason::NoReadBack } else { Reason::TooSlow });
        }
        // Whatever arrives before the question is asked cannot be its answer.
        if self.wire.drain(Duration::ZERO).await.is_err() {
            return JobOutcome::Unknown(Reason::ConnectionLost);
        }
        match self.wire.send(&READ_BACK, self.times.per_kilobyte).await {
            Ok(()) => self.confirmation(state).await,
            Err(failure) if failure.slow => JobOutcome::Unknown(Reason::TooSlow),
            Err(_) => JobOutcome::Unknown(Reason::ConnectionLost),
        }
    }

    /// Waits for the proof, and asks meanwhile what keeps it, so that pages can say it.
    async fn confirmation(&mut self, state: &watch::Sender<PrinterState>) -> JobOutcome {
        let mut watch = Watch::default();
        let deadline = Instant::now() + self.times.confirm;
        let mut next_poll = Instant::now() + self.times.poll;
        loop {
            let now = Instant::now();
            if now >= deadline {
                return JobOutcome::Unknown(watch.reason.unwrap_or(Reason::NoReadBack));
            }
            let wait = next_poll.min(deadline).saturating_duration_since(now);
            match self.wire.reply(wait).await {
                // The read-back is the paper's status: bits 2 and 3 say that it ended meanwhile.
                Ok(Some(Reply::ReadBack(byte))) if byte & 0x0c != 0 => {
                    return JobOutcome::Unknown(Reason::NoPaper);
                }
                Ok(Some(Reply::ReadBack(_))) => return JobOutcome::Confirmed,
                Ok(Some(Reply::Status(byte))) => {
                    if let Some(status) = watch.answered(byte, self.open_is_high) {
                        watch.reason = Reason::against(&status);
                        let word = watch.reason.map_or(PrinterState::Printing, Reason::state);
                        state.send_replace(word);
                    }
                }
                Ok(Some(Reply::Automatic(_))) => {}
                Ok(None) if Instant::now() < next_poll => {}
                Ok(None) => {
                    next_poll = Instant::now() + self.times.poll;
                    if watch.idle() {
                        let questions: Vec<u8> = (1..=4).flat_map(|n| [0x10, 0x04, n]).collect();
                        watch.asked();
                        if self.wire.send(&questions, self.times.poll).await.is_err() {
                            watch.lost();
                        }
                    }
                }
                Err(Lost) => {
                    return JobOutcome::Unknown(watch.reason.unwrap_or(Reason::ConnectionLost));
                }
            }
        }
    }
}

/// Questions for the state that are under way while a job prints.
#[derive(Default)]
struct Watch {
    open: VecDeque<usize>,
    answers: [u8; 4],
    reason: Option<Reason>,
}

impl Watch {
    fn idle(&self) -> bool {
        self.open.is_empty()
    }

    fn asked(&mut self) {
        self.open.extend(0..4);
    }

    fn lost(&mut self) {
        self.open.clear();
    }

    /// The whole status, when this was the last of its answers.
    fn answered(&mut self, byte: u8, open_is_high: bool) -> Option<Status> {
        let place = self.open.pop_front()?;
        self.answers[place] = byte;
        if self.open.is_empty() { Status::from_answers(self.answers, open_is_high) } else { None }
    }
}
