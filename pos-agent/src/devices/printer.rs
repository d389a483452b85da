//! The printer's task: drawer pulses first, then the jobs that wait, one after the other.
//!
//! A job is kept as `sending` before its first byte leaves and with its outcome afterwards. One
//! that was not sent waits until the printer says that it is well; one whose fate is unknown waits
//! for people. A pulse that comes too late is dropped, and the register is told: an open drawer
//! that nobody stands at is worse than one that needs its key.

use std::sync::Arc;
use std::time::Duration;

use oneshelf_domain::RegisterCode;
use oneshelf_hardware::printer::{
    Drawer as InJob, JobOutcome, Printer, Profile, Reason, receipt_job, test_page_job,
};
use tokio::sync::{mpsc, oneshot};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::clock;
use crate::events::Event;
use crate::journal::{Fault, JobKind};
use crate::register::{DrawerWord, Front, PrinterWord};

/// Between two questions for an idle printer's state.
const POLL: Duration = Duration::from_secs(3);
/// The same while the drawer is open or a job waits.
const POLL_SOON: Duration = Duration::from_secs(1);
/// Pulses that wait at once; more are dropped, as they would open the drawer unattended.
const PULSES_MAX: usize = 4;

/// How long after the sale, or the press of the key, a drawer may still open by itself.
const PULSE_LATEST: Duration = Duration::from_secs(5);

/// A drawer to be opened.
#[derive(Debug)]
pub(crate) struct Pulse {
    until: Instant,
    to: To,
}

/// Who is told what became of a pulse.
#[derive(Debug)]
enum To {
    /// The pages of the register that sold, when it failed.
    Register(RegisterCode),
    /// Whoever waits for it.
    Asker(oneshot::Sender<Result<(), Reason>>),
}

/// The way to the drawer, which hangs on the printer.
#[derive(Debug, Clone)]
pub(crate) struct Drawer(mpsc::Sender<Pulse>);

/// The task's end of it.
pub(crate) type Pulses = mpsc::Receiver<Pulse>;

impl Drawer {
    pub(crate) fn new() -> (Self, Pulses) {
        let (tx, rx) = mpsc::channel(PULSES_MAX);
        (Self(tx), rx)
    }

    fn send(&self, to: To) -> bool {
        self.0.try_send(Pulse { until: Instant::now() + PULSE_LATEST, to }).is_ok()
    }

    /// Opens the drawer after a sale, without waiting. False: it will not open.
    pub(crate) fn pulse(&self, register: &RegisterCode) -> bool {
        self.send(To::Register(register.clone()))
    }

    /// Opens the drawer and says whether it did.
    pub(crate) async fn open(&self) -> Result<(), Reason> {
        let (reply, answer) = oneshot::channel();
        if !self.send(To::Asker(reply)) {
            return Err(Reason::TooSlow);
        }
        answer.await.unwrap_or(Err(Reason::ConnectionLost))
    }
}

/// Runs until it is stopped; a job under way is ended first.
pub(crate) async fn run(
    front: Arc<Front>,
    (printer, profile): (Arc<Printer>, Profile),
    mut pulses: Pulses,
    stop: CancellationToken,
) {
    let (mut wait, mut waits) = (Duration::ZERO, false);
    loop {
        tokio::select! {
            biased;
            () = stop.cancelled() => return,
            reply = pulses.recv() => match reply {
                Some(one) => pulse(&front, &printer, one).await,
                None => return,
            },
            () = front.shared.printer_wake.notified() => {}
            () = tokio::time::sleep(wait) => {
                // Where a job waits, the printer is asked before it is tried again.
                if !waits {
                    let _ = look(&front, &printer).await;
                }
            }
        }
        waits = match print_all(&front, (&printer, &profile), &mut pulses, waits, &stop).await {
            Ok(waits) => waits,
            Err(error) => {
                tracing::error!(%error, "print jobs cannot be read or kept");
                true
            }
        };
        let open = front.shared.devices.borrow().drawer == DrawerWord::Open;
        wait = if waits || open { POLL_SOON } else { POLL };
    }
}

async fn pulse(front: &Front, printer: &Printer, pulse: Pulse) {
    let outcome = match printer.open_drawer(pulse.until).await {
        JobOutcome::Confirmed => Ok(()),
        JobOutcome::NotSent(reason) | JobOutcome::Unknown(reason) => Err(reason),
    };
    match (pulse.to, outcome) {
        (To::Register(register), Err(reason)) => {
            tracing::warn!(%register, %reason, "the drawer did not open after a sale");
            front.shared.events.push(Event::drawer_not_opened(register));
        }
        (To::Register(_), Ok(())) => {}
        // Whoever asked may have gone.
        (To::Asker(reply), outcome) => drop(reply.send(outcome)),
    }
}

/// Asks the printer how it and its drawer are. An error: why it would not print.
async fn look(front: &Front, printer: &Printer) -> Result<(), Reason> {
    let status = printer.status().await;
    let drawer = match &status {
        Ok(Some(status)) if status.drawer_open => DrawerWord::Open,
        Ok(Some(_)) => DrawerWord::Closed,
        Ok(None) | Err(_) => DrawerWord::Unknown,
    };
    front
        .shared
        .devices
        .send_if_modified(|devices| std::mem::replace(&mut devices.drawer, drawer) != drawer);
    // One that says nothing gets its jobs, and somebody is asked about each.
    status?.as_ref().and_then(Reason::against).map_or(Ok(()), Err)
}

/// Prints what waits; `unwell`: only when the printer says that it can by now. Answers whether
/// something still waits, as the printer is not well.
async fn print_all(
    front: &Front,
    (printer, profile): (&Printer, &Profile),
    pulses: &mut Pulses,
    mut unwell: bool,
    stop: &CancellationToken,
) -> Result<bool, Fault> {
    while !stop.is_cancelled() {
        while let Ok(one) = pulses.try_recv() {
            pulse(front, printer, one).await;
        }
        let Some(row) = front.next_job().await? else { return Ok(false) };
        if unwell && let Err(reason) = look(front, printer).await {
            front.job_ended(&row, JobOutcome::NotSent(reason)).await?;
            return Ok(true);
        }
        unwell = false;
        // The drawer is opened by its own pulse: one that waits in a job would come unattended.
        let id = row.id.to_string();
        let job = match &row.kind {
            JobKind::Receipt { receipt, .. } => receipt_job(&id, receipt, profile, InJob::Leave),
            JobKind::TestPage => test_page_job(&id, &front.test_page_words(), profile),
        };
        let job = match job {
            Ok(job) => job,
            Err(error) => {
                front.job_failed(&row, error.to_string()).await?;
                continue;
            }
        };
        // Somebody may have skipped it, or paused the printer, while it was looked at.
        let Some(row) = front.job_sending(row).await? else { continue };
        let outcome = printer.print(&job).await;
        front.job_ended(&row, outcome).await?;
        if matches!(outcome, JobOutcome::NotSent(_)) {
            return Ok(true);
        }
    }
    Ok(true)
}

/// Shows the printer's state on the pages.
pub(crate) async fn show(front: Arc<Front>, printer: Arc<Printer>) {
    let mut states = printer.watch();
    loop {
        let state = Some(*states.borrow_and_update());
        front.shared.devices.send_if_modified(|devices| {
            let changed = devices.printer.state != state;
            if changed {
                devices.printer = PrinterWord { state, since: clock::now() };
            }
            changed
        });
        if states.changed().await.is_err() {
            return;
        }
    }
}
