//! A printer: one job at a time, over whatever way leads to it.
//!
//! Owns whose turn it is, the printer's word, and the port that stays open between jobs. Must not
//! know receipts or where jobs are kept. Invariants: `NotSent` is only said when no byte of the job
//! has left; `Confirmed` only after the printer answered behind the job's last byte; a job is never
//! sent twice here, whatever happens.

use std::time::Duration;

use tokio::sync::{Mutex, watch};
use tokio::time::{Instant, timeout_at};

use super::address::Address;
use super::encode::{Job, drawer_pulse};
use super::profile::DrawerProfile;
use super::state::{PrinterState, Reason};
use super::status::Status;
use super::talk::Talk;
use super::wire::Wire;

/// What became of a job.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum JobOutcome {
    /// The printer answered after the last byte.
    Confirmed,
    /// Some of it left; whether it came out, somebody must look.
    Unknown(Reason),
    /// No byte of it left; it may be sent again.
    NotSent(Reason),
}

/// How long to wait for what.
#[derive(Debug, Clone)]
pub struct Times {
    pub connect: Duration,
    /// For the answer to a real-time question.
    pub answer: Duration,
    /// For the printer to work off what an earlier job left in its buffer.
    pub barrier: Duration,
    /// Silence after which no stale answer is expected any more.
    pub settle: Duration,
    /// For each kilobyte to be taken. Cheap printers stop taking while they print.
    pub per_kilobyte: Duration,
    /// For the job to come out after its last byte was taken.
    pub confirm: Duration,
    /// Between two questions for the state while waiting.
    pub poll: Duration,
}

impl Default for Times {
    fn default() -> Self {
        Times {
            connect: Duration::from_secs(3),
            answer: Duration::from_secs(2),
            barrier: Duration::from_secs(5),
            settle: Duration::from_millis(30),
            per_kilobyte: Duration::from_secs(10),
            confirm: Duration::from_secs(20),
            poll: Duration::from_secs(1),
        }
    }
}

/// A printer on the network, on a serial port or behind a device file.
#[derive(Debug)]
pub struct Printer {
    address: Address,
    drawer: DrawerProfile,
    times: Times,
    /// Printers serve one client; jobs and questions of ours wait for each other here. A port that
    /// stays open between them waits in it.
    turn: Mutex<Option<Wire>>,
    state: watch::Sender<PrinterState>,
}

impl Printer {
    pub fn new(address: Address, drawer: DrawerProfile, times: Times) -> Printer {
        let (state, _) = watch::channel(PrinterState::Unreachable);
        Printer { address, drawer, times, turn: Mutex::new(None), state }
    }

    pub fn address(&self) -> &Address {
        &self.address
    }

    /// The present state and every later one.
    pub fn watch(&self) -> watch::Receiver<PrinterState> {
        self.state.subscribe()
    }

    pub fn state(&self) -> PrinterState {
        *self.state.borrow()
    }

    /// Sends a job once and says what became of it. If the future is dropped midway the job's fate
    /// is unknown, as after a crash.
    pub async fn print(&self, job: &Job) -> JobOutcome {
        let mut turn = self.turn.lock().await;
        let outcome = self.run(&mut turn, &job.bytes, None).await;
        tracing::info!(job = %job.id, printer = %self.address, ?outcome, "print job ended");
        outcome
    }

    /// Pulses the drawer, without printing. Refused like a job when the printer is not ready: a
    /// pulse that waits in its buffer would open the drawer later, unattended. For the same reason
    /// it is not sent after `until`, whatever it waited for.
    pub async fn open_drawer(&self, until: Instant) -> JobOutcome {
        let mut turn = self.turn.lock().await;
        if Instant::now() >= until {
            // This printer may be well: another job was in the way.
            return JobOutcome::NotSent(Reason::TooSlow);
        }
        let outcome = self.run(&mut turn, &drawer_pulse(&self.drawer), Some(until)).await;
        tracing::info!(printer = %self.address, ?outcome, "drawer pulse ended");
        outcome
    }

    /// Asks the printer for its state. `None`: it is there, and says nothing.
    pub async fn status(&self) -> Result<Option<Status>, Reason> {
        let mut turn = self.turn.lock().await;
        let asked = match self.opened(&mut turn, Ask::Status).await {
            Ok((wire, status)) => {
                self.put_away(&mut turn, wire).await;
                Ok(status)
            }
            Err(reason) => Err(reason),
        };
        self.state.send_replace(match &asked {
            Ok(status) => word(status.as_ref()),
            Err(reason) => reason.state(),
        });
        asked
    }

    /// `until`: no byte leaves after it.
    async fn run(
        &self,
        turn: &mut Option<Wire>,
        bytes: &[u8],
        until: Option<Instant>,
    ) -> JobOutcome {
        let ready = self.opened(turn, Ask::Ready);
        let ready = match until {
            None => ready.await,
            Some(until) => timeout_at(until, ready).await.unwrap_or(Err(Reason::TooSlow)),
        };
        let (mut wire, status) = match ready {
            Ok(ready) => ready,
            Err(reason) => {
                self.state.send_replace(reason.state());
                return JobOutcome::NotSent(reason);
            }
        };
        self.state.send_replace(PrinterState::Printing);
        let outcome = self.talk(&mut wire).transmit(bytes, &self.state).await;
        match outcome {
            JobOutcome::Confirmed => self.put_away(turn, wire).await,
            // What is still to come on this wire would be taken for an answer to the next job.
            JobOutcome::NotSent(_) | JobOutcome::Unknown(_) => wire.close(self.times.answer).await,
        }
        self.state.send_replace(match outcome {
            JobOutcome::Confirmed => word(status.as_ref()),
            JobOutcome::NotSent(reason) => reason.state(),
            JobOutcome::Unknown(_) => PrinterState::SentNotConfirmed,
        });
        outcome
    }

    /// An open wire on which the printer was asked; its status unless it is mute.
    async fn opened(
        &self,
        turn: &mut Option<Wire>,
        ask: Ask,
    ) -> Result<(Wire, Option<Status>), Reason> {
        if let Some(wire) = turn.take() {
            match self.asked(wire, ask).await {
                // It may have been gone for long: the way is opened anew.
                Err(Reason::ConnectionLost) => {}
                asked => return asked,
            }
        }
        let wire = Wire::open(&self.address, self.times.connect).await;
        self.asked(wire.ok_or(Reason::Unreachable)?, ask).await
    }

    async fn asked(&self, mut wire: Wire, ask: Ask) -> Result<(Wire, Option<Status>), Reason> {
        if wire.is_mute() {
            return Ok((wire, None));
        }
        let mut talk = self.talk(&mut wire);
        let status = match ask {
            Ask::Status => talk.ask().await,
            Ask::Ready => talk.prepare().await,
        };
        match status {
            Ok(status) => Ok((wire, Some(status))),
            Err(reason) => {
                wire.close(self.times.answer).await;
                Err(reason)
            }
        }
    }

    async fn put_away(&self, turn: &mut Option<Wire>, wire: Wire) {
        if wire.may_stay_open() {
            *turn = Some(wire);
        } else {
            wire.close(self.times.answer).await;
        }
    }

    fn talk<'a>(&'a self, wire: &'a mut Wire) -> Talk<'a> {
        Talk { wire, times: &self.times, open_is_high: self.drawer.open_is_high }
    }
}

/// What an opened printer is asked.
#[derive(Clone, Copy)]
enum Ask {
    Status,
    /// Whether it can take a job now.
    Ready,
}

/// A printer that says nothing is never more than "sent".
fn word(status: Option<&Status>) -> PrinterState {
    status.map_or(PrinterState::SentNotConfirmed, PrinterState::of)
}
