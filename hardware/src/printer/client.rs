//! A printer on the network (raw TCP, usually port 9100).
//!
//! Owns one job at a time: connect, ask, send, wait for the proof. Must not know receipts or where
//! jobs are kept. Invariants: `NotSent` is only said when no byte of the job has left;
//! `Confirmed` only after the printer answered behind the job's last byte; a job is never sent
//! twice here, whatever happens.

use std::collections::VecDeque;
use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use tokio::sync::{Mutex, watch};
use tokio::time::{Instant, timeout_at};

use super::encode::{Job, READ_BACK, drawer_pulse};
use super::profile::DrawerProfile;
use super::state::{PrinterState, Reason};
use super::status::{Reply, Status};
use super::wire::{Lost, Wire};

const DEFAULT_PORT: u16 = 9100;
/// Ends whatever command an earlier, broken job left half sent: a printer ignores NUL between
/// commands, and the longest command of our jobs is shorter.
const FLUSH: [u8; 1024] = [0; 1024];

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
pub struct TcpTimes {
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

impl Default for TcpTimes {
    fn default() -> Self {
        TcpTimes {
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

/// Host and port of a printer: `10.0.0.9:9100`, `printer-1`, `tcp://printer-1:9100`, `[::1]:9100`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Address(String);

#[derive(Debug, Clone, thiserror::Error)]
#[error("not the address of a printer: {0:?} (expected tcp://HOST:PORT)")]
pub struct AddressError(String);

impl FromStr for Address {
    type Err = AddressError;

    fn from_str(text: &str) -> Result<Address, AddressError> {
        let wrong = || AddressError(text.to_owned());
        let rest = text.strip_prefix("tcp://").unwrap_or(text).trim_end_matches('/');
        let (host, port) = match rest.rsplit_once(':') {
            Some((host, port)) if !host.contains(':') || host.ends_with(']') => {
                (host, port.parse::<u16>().map_err(|_| wrong())?)
            }
            _ => (rest, DEFAULT_PORT),
        };
        let named = host.starts_with('[') && host.ends_with(']')
            || host.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-' | b'_'));
        if host.is_empty() || !named || port == 0 {
            return Err(wrong());
        }
        Ok(Address(format!("{host}:{port}")))
    }
}

impl fmt::Display for Address {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.0)
    }
}

/// Any printer. Serial and file transports become further variants.
#[derive(Debug)]
pub enum Printer {
    Tcp(TcpPrinter),
}

impl Printer {
    pub async fn print(&self, job: &Job) -> JobOutcome {
        match self {
            Printer::Tcp(printer) => printer.print(job).await,
        }
    }

    pub async fn status(&self) -> Result<Status, Reason> {
        match self {
            Printer::Tcp(printer) => printer.status().await,
        }
    }

    pub async fn open_drawer(&self, until: Instant) -> JobOutcome {
        match self {
            Printer::Tcp(printer) => printer.open_drawer(until).await,
        }
    }

    /// The present state and every later one.
    pub fn watch(&self) -> watch::Receiver<PrinterState> {
        match self {
            Printer::Tcp(printer) => printer.watch(),
        }
    }
}

#[derive(Debug)]
pub struct TcpPrinter {
    address: Address,
    drawer: DrawerProfile,
    times: TcpTimes,
    /// Printers serve one client; jobs and questions of ours wait for each other here.
    turn: Mutex<()>,
    state: watch::Sender<PrinterState>,
}

impl TcpPrinter {
    pub fn new(address: Address, drawer: DrawerProfile, times: TcpTimes) -> TcpPrinter {
        let (state, _) = watch::channel(PrinterState::Unreachable);
        TcpPrinter { address, drawer, times, turn: Mutex::new(()), state }
    }

    pub fn address(&self) -> &Address {
        &self.address
    }

    pub fn watch(&self) -> watch::Receiver<PrinterState> {
        self.state.subscribe()
    }

    pub fn state(&self) -> PrinterState {
        *self.state.borrow()
    }

    /// Sends a job once and says what became of it. If the future is dropped midway the job's fate
    /// is unknown, as after a crash.
    pub async fn print(&self, job: &Job) -> JobOutcome {
        let _turn = self.turn.lock().await;
        let outcome = self.run(&job.bytes, None).await;
        tracing::info!(job = %job.id, printer = %self.address, ?outcome, "print job ended");
        outcome
    }

    /// Pulses the drawer, without printing. Refused like a job when the printer is not ready: a
    /// pulse that waits in its buffer would open the drawer later, unattended. For the same reason
    /// it is not sent after `until`, whatever it waited for.
    pub async fn open_drawer(&self, until: Instant) -> JobOutcome {
        let _turn = self.turn.lock().await;
        if Instant::now() >= until {
            // This printer may be well: another job was in the way.
            return JobOutcome::NotSent(Reason::TooSlow);
        }
        let outcome = self.run(&drawer_pulse(&self.drawer), Some(until)).await;
        tracing::info!(printer = %self.address, ?outcome, "drawer pulse ended");
        outcome
    }

    /// Asks the printer for its state.
    pub async fn status(&self) -> Result<Status, Reason> {
        let _turn = self.turn.lock().await;
        let asked = match Wire::connect(&self.address.0, self.times.connect).await {
            None => Err(Reason::Unreachable),
            Some(mut wire) => {
                let asked = self.ask(&mut wire).await;
                wire.close(self.times.answer).await;
                asked
            }
        };
        self.state.send_replace(match &asked {
            Ok(status) => PrinterState::of(status),
            Err(reason) => reason.state(),
        });
        asked
    }

    /// `until`: no byte leaves after it.
    async fn run(&self, bytes: &[u8], until: Option<Instant>) -> JobOutcome {
        let ready = match until {
            None => self.ready().await,
            Some(until) => timeout_at(until, self.ready()).await.unwrap_or(Err(Reason::TooSlow)),
        };
        let (mut wire, status) = match ready {
            Ok(ready) => ready,
            Err(reason) => return self.refused(reason),
        };
        self.state.send_replace(PrinterState::Printing);
        let outcome = self.transmit(&mut wire, bytes).await;
        wire.close(self.times.answer).await;
        self.state.send_replace(match outcome {
            JobOutcome::Confirmed => PrinterState::of(&status),
            JobOutcome::NotSent(reason) => reason.state(),
            JobOutcome::Unknown(_) => PrinterState::SentNotConfirmed,
        });
        outcome
    }

    fn refused(&self, reason: Reason) -> JobOutcome {
        self.state.send_replace(reason.state());
        JobOutcome::NotSent(reason)
    }

    async fn ready(&self) -> Result<(Wire, Status), Reason> {
        let wire = Wire::connect(&self.address.0, self.times.connect).await;
        let mut wire = wire.ok_or(Reason::Unreachable)?;
        match self.prepare(&mut wire).await {
            Ok(status) => Ok((wire, status)),
            Err(reason) => {
                wire.close(self.times.answer).await;
                Err(reason)
            }
        }
    }

    /// Makes sure that the printer is well, idle and listening before a byte of the job leaves.
    async fn prepare(&self, wire: &mut Wire) -> Result<Status, Reason> {
        let status = self.ask(wire).await?;
        if let Some(reason) = Reason::against(&status) {
            return Err(reason);
        }
        let mut quiet = self.times.settle;
        // The answer to this comes when everything that earlier jobs left is done with.
        if !self.barrier(wire, &READ_BACK).await? {
            // Perhaps a job that broke off left half a command, which swallowed the question.
            let flush = [&FLUSH[..], &[0x1b, b'@'], &READ_BACK].concat();
            if !self.barrier(wire, &flush).await? {
                return Err(Reason::NotAnswering);
            }
            // Two questions were asked; the answer to the other may still be on its way.
            quiet *= 10;
        }
        // An answer owed to an earlier job must not pass for ours.
        wire.drain(quiet).await.map_err(|Lost| Reason::ConnectionLost)?;
        Ok(status)
    }

    async fn barrier(&self, wire: &mut Wire, bytes: &[u8]) -> Result<bool, Reason> {
        self.tell(wire, bytes).await?;
        let deadline = Instant::now() + self.times.barrier;
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            match wire.reply(left).await {
                Ok(Some(Reply::ReadBack(_))) => return Ok(true),
                Ok(Some(_)) => {}
                Ok(None) => return Ok(false),
                Err(Lost) => return Err(Reason::ConnectionLost),
            }
        }
    }

    /// `DLE EOT` 1 to 4, one after the other. Silence is no status.
    async fn ask(&self, wire: &mut Wire) -> Result<Status, Reason> {
        let mut answers = [0u8; 4];
        for (n, answer) in (1u8..).zip(&mut answers) {
            self.tell(wire, &[0x10, 0x04, n]).await?;
            let deadline = Instant::now() + self.times.answer;
            *answer = loop {
                let left = deadline.saturating_duration_since(Instant::now());
                match wire.reply(left).await {
                    Ok(Some(Reply::Status(byte))) => break byte,
                    Ok(Some(_)) => {}
                    Ok(None) => return Err(Reason::NotAnswering),
                    Err(Lost) => return Err(Reason::ConnectionLost),
                }
            };
        }
        Status::from_answers(answers, self.drawer.open_is_high).ok_or(Reason::NotAnswering)
    }

    async fn tell(&self, wire: &mut Wire, bytes: &[u8]) -> Result<(), Reason> {
        wire.send(bytes, self.times.answer).await.map_err(|failure| {
            if failure.slow { Reason::NotAnswering } else { Reason::ConnectionLost }
        })
    }

    /// From here on bytes of the job leave.
    async fn transmit(&self, wire: &mut Wire, bytes: &[u8]) -> JobOutcome {
        let body = bytes.strip_suffix(&READ_BACK).unwrap_or(bytes);
        if let Err(failure) = wire.send(body, self.times.per_kilobyte).await {
            let reason = if failure.slow { Reason::TooSlow } else { Reason::ConnectionLost };
            return if failure.began {
                JobOutcome::Unknown(reason)
            } else {
                JobOutcome::NotSent(reason)
            };
        }
        // Whatever arrives before the question is asked cannot be its answer.
        if wire.drain(Duration::ZERO).await.is_err() {
            return JobOutcome::Unknown(Reason::ConnectionLost);
        }
        match wire.send(&READ_BACK, self.times.per_kilobyte).await {
            Ok(()) => self.confirmation(wire).await,
            Err(failure) if failure.slow => JobOutcome::Unknown(Reason::TooSlow),
            Err(_) => JobOutcome::Unknown(Reason::ConnectionLost),
        }
    }

    /// Waits for the proof, and asks meanwhile what keeps it, so that pages can say it.
    async fn confirmation(&self, wire: &mut Wire) -> JobOutcome {
        let mut watch = Watch::default();
        let deadline = Instant::now() + self.times.confirm;
        let mut next_poll = Instant::now() + self.times.poll;
        loop {
            let now = Instant::now();
            if now >= deadline {
                return JobOutcome::Unknown(watch.reason.unwrap_or(Reason::NoReadBack));
            }
            let wait = next_poll.min(deadline).saturating_duration_since(now);
            match wire.reply(wait).await {
                Ok(Some(Reply::ReadBack(_))) => return JobOutcome::Confirmed,
                Ok(Some(Reply::Status(byte))) => {
                    if let Some(status) = watch.answered(byte, self.drawer.open_is_high) {
                        watch.reason = Reason::against(&status);
                        let state = watch.reason.map_or(PrinterState::Printing, Reason::state);
                        self.state.send_replace(state);
                    }
                }
                Ok(Some(Reply::Automatic(_))) => {}
                Ok(None) if Instant::now() < next_poll => {}
                Ok(None) => {
                    next_poll = Instant::now() + self.times.poll;
                    if watch.idle() {
                        let questions: Vec<u8> = (1..=4).flat_map(|n| [0x10, 0x04, n]).collect();
                        watch.asked();
                        if wire.send(&questions, self.times.poll).await.is_err() {
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_of_every_usual_form() {
        for (given, address) in [
            ("tcp://10.0.0.9:9100", Some("10.0.0.9:9100")),
            ("10.0.0.9", Some("10.0.0.9:9100")),
            ("printer-1.shop.lan:9101", Some("printer-1.shop.lan:9101")),
            ("tcp://[::1]:9100/", Some("[::1]:9100")),
            ("[::1]", Some("[::1]:9100")),
            ("::1", None),
            ("", None),
            ("tcp://", None),
            ("printer:port", None),
            ("printer:0", None),
            ("pri nter:9100", None),
        ] {
            assert_eq!(
                given.parse::<Address>().ok().map(|a| a.to_string()).as_deref(),
                address,
                "{given}"
            );
        }
    }
}
