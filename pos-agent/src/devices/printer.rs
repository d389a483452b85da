//! The printer's task: drawer pulses first, then the jobs that wait, one after the other.
//!
//! A job is kept as `sending` before its first byte leaves and with its outcome afterwards. One
//! that was not sent waits until the printer is well; one whose fate is unknown waits for people.

use std::sync::Arc;
use std::time::Duration;

use oneshelf_hardware::printer::{
    Drawer as Pulse, JobOutcome, Printer, Profile, Reason, receipt_job,
};
use tokio::sync::{mpsc, oneshot};
use tokio_util::sync::CancellationToken;

use crate::clock;
use crate::journal::Fault;
use crate::register::{DrawerWord, Front, PrinterWord};

/// Between two questions for an idle printer's state.
const POLL: Duration = Duration::from_secs(3);
/// The same while the drawer is open or a job waits.
const POLL_SOON: Duration = Duration::from_secs(1);
/// Pulses that wait at once; more are dropped, as they would open the drawer unattended.
const PULSES_MAX: usize = 4;

/// A pulse's outcome, for whoever waits for it.
type Reply = oneshot::Sender<Result<(), Reason>>;

/// The way to the drawer, which hangs on the printer.
#[derive(Debug, Clone)]
pub(crate) struct Drawer(mpsc::Sender<Reply>);

/// The task's end of it.
pub(crate) type Pulses = mpsc::Receiver<Reply>;

impl Drawer {
    pub(crate) fn new() -> (Self, Pulses) {
        let (tx, rx) = mpsc::channel(PULSES_MAX);
        (Self(tx), rx)
    }

    /// Opens the drawer, without waiting.
    pub(crate) fn pulse(&self) {
        let (reply, _) = oneshot::channel();
        if self.0.try_send(reply).is_err() {
            tracing::warn!("a drawer pulse was dropped: the printer is busy");
        }
    }

    /// Opens the drawer and says whether it did.
    pub(crate) async fn open(&self) -> Result<(), Reason> {
        let (reply, answer) = oneshot::channel();
        self.0.try_send(reply).map_err(|_| Reason::TooSlow)?;
        answer.await.unwrap_or(Err(Reason::ConnectionLost))
    }
}

/// Runs until it is stopped; a job under way is ended first.
pub(crate) async fn run(
    front: Arc<Front>,
    printer: Arc<Printer>,
    mut pulses: Pulses,
    stop: CancellationToken,
) {
    let mut wait = Duration::ZERO;
    loop {
        tokio::select! {
            biased;
            () = stop.cancelled() => return,
            reply = pulses.recv() => match reply {
                Some(reply) => pulse(&printer, reply).await,
                None => return,
            },
            () = front.shared.printer_wake.notified() => {}
            () = tokio::time::sleep(wait) => look(&front, &printer).await,
        }
        let waits = match print_all(&front, &printer, &mut pulses, &stop).await {
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

async fn pulse(printer: &Printer, reply: Reply) {
    let outcome = match printer.open_drawer().await {
        JobOutcome::Confirmed => Ok(()),
        JobOutcome::NotSent(reason) | JobOutcome::Unknown(reason) => Err(reason),
    };
    // After a sale nobody waits for it.
    let _ = reply.send(outcome);
}

/// Asks the printer how it and its drawer are.
async fn look(front: &Front, printer: &Printer) {
    let drawer = match printer.status().await {
        Ok(status) if status.drawer_open => DrawerWord::Open,
        Ok(_) => DrawerWord::Closed,
        Err(_) => DrawerWord::Unknown,
    };
    front
        .shared
        .devices
        .send_if_modified(|devices| std::mem::replace(&mut devices.drawer, drawer) != drawer);
}

/// Prints what waits. Answers whether something still does, as the printer is not well.
async fn print_all(
    front: &Front,
    printer: &Printer,
    pulses: &mut Pulses,
    stop: &CancellationToken,
) -> Result<bool, Fault> {
    while !stop.is_cancelled() {
        while let Ok(reply) = pulses.try_recv() {
            pulse(printer, reply).await;
        }
        let Some(row) = front.next_job().await? else { return Ok(false) };
        // The drawer is opened by its own pulse: one that waits in a job would come unattended.
        let id = row.id.to_string();
        let job = match receipt_job(&id, &row.receipt, &Profile::default(), Pulse::Leave) {
            Ok(job) => job,
            Err(error) => {
                front.job_failed(&row, error.to_string()).await?;
                continue;
            }
        };
        front.job_sending(&row).await?;
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
