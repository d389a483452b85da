//! The line to a printer breaks at every byte of what the client sends, the question before the
//! job included. Whatever the client says must be true, and a copy printed afterwards must come out
//! whole: one receipt or a question, never two.

use std::ops::RangeInclusive;
use std::path::PathBuf;
use std::time::Duration;

use oneshelf_hardware::printer::{Address, Drawer, JobOutcome, Printer, Reason, Times};
use oneshelf_hardware::sim::{Panel, PrinterSim, TerminalPrinterSim};
use tokio::task::JoinSet;

use super::printing::{client_at, job, patient, receipt};

/// The question before a job: `GS r 1`.
const BEFORE_JOB: usize = 3;
/// Cuts that are tried at the same time; each waits more than it works.
const AT_ONCE: usize = 64;

/// A printer of its own for each cut.
enum Plugged {
    Tcp(PrinterSim),
    Terminal(TerminalPrinterSim),
}

impl Plugged {
    fn panel(&self) -> &Panel {
        match self {
            Plugged::Tcp(sim) => sim,
            Plugged::Terminal(sim) => sim,
        }
    }

    fn address(&self) -> Address {
        match self {
            Plugged::Tcp(sim) => sim.address().to_string(),
            Plugged::Terminal(sim) => format!("serial:{}?baud=115200", sim.path().display()),
        }
        .parse()
        .unwrap()
    }
}

async fn tcp(_: usize) -> Plugged {
    Plugged::Tcp(PrinterSim::bind("127.0.0.1:0").await.unwrap())
}

async fn terminal(cut: usize) -> Plugged {
    Plugged::Terminal(TerminalPrinterSim::plug_in(&link(&format!("cut-{cut}"))).unwrap())
}

pub(super) fn link(name: &str) -> PathBuf {
    std::env::temp_dir().join(format!("oneshelf-printer-{}-{name}", std::process::id()))
}

/// Prints until the printer is there: a cable that was pulled is put back in a moment.
async fn print(printer: &Printer, job: &oneshelf_hardware::printer::Job) -> JobOutcome {
    loop {
        match printer.print(job).await {
            JobOutcome::NotSent(Reason::Unreachable) => tokio::task::yield_now().await,
            outcome => return outcome,
        }
    }
}

/// What was said of the job whose line was cut.
async fn cut_at(cut: usize, plugged: Plugged, total: usize) -> JobOutcome {
    let original = receipt("S07-R2-000123", "Tea");
    let mut copy = original.clone();
    copy.copy = true;
    let sim = plugged.panel();
    sim.cut_after_bytes(cut);
    let printer = client_at(plugged.address(), patient());
    let outcome = printer.print(&job(&original, Drawer::Open)).await;
    let printed = sim.sheets().len();
    match outcome {
        JobOutcome::Confirmed => assert_eq!(printed, 1, "cut after {cut}"),
        JobOutcome::Unknown(_) => {
            assert!(printed <= 1 && sim.pulses().len() <= 1, "cut after {cut}");
        }
        JobOutcome::NotSent(_) => {
            assert_eq!((printed, sim.pulses().len()), (0, 0), "cut after {cut}");
        }
    }
    if cut < BEFORE_JOB {
        assert!(matches!(outcome, JobOutcome::NotSent(_)), "cut after {cut}: {outcome:?}");
    }
    if cut <= total {
        assert_ne!(outcome, JobOutcome::Confirmed, "cut after {cut}");
    }
    // What the cashier does then: print it again, marked COPY, on a printer that may still hold
    // half a command. Few bytes of the job break into one, so only those wait for it.
    sim.reset();
    drop(printer);
    let times =
        Times { barrier: Duration::from_secs(2), settle: Duration::from_millis(20), ..patient() };
    let again = client_at(plugged.address(), times);
    let outcome_of_copy = print(&again, &job(&copy, Drawer::Open)).await;
    assert_eq!(outcome_of_copy, JobOutcome::Confirmed, "copy after a cut at {cut}");
    let last = sim.sheets().pop().unwrap().text();
    assert!(last.contains(" COPY ") && last.contains("[bars S07-R2-000123]"), "{cut}: {last}");
    assert!(sim.pulses().len() <= 1, "a copy never opens the drawer");
    outcome
}

async fn all_cuts<F>(plug_in: impl Fn(usize) -> F)
where
    F: Future<Output = Plugged>,
{
    let total = BEFORE_JOB + job(&receipt("S07-R2-000123", "Tea"), Drawer::Open).bytes.len();
    let mut cuts: RangeInclusive<usize> = 0..=total + 1;
    let (mut not_sent, mut unknown, mut confirmed) = (0, 0, 0);
    let mut running = JoinSet::new();
    loop {
        while running.len() < AT_ONCE
            && let Some(cut) = cuts.next()
        {
            running.spawn(cut_at(cut, plug_in(cut).await, total));
        }
        match running.join_next().await {
            Some(outcome) => match outcome.unwrap() {
                JobOutcome::Confirmed => confirmed += 1,
                JobOutcome::Unknown(_) => unknown += 1,
                JobOutcome::NotSent(_) => not_sent += 1,
            },
            None => break,
        }
    }
    assert!(not_sent >= BEFORE_JOB && unknown > 100 && confirmed == 1);
}

#[tokio::test]
async fn the_line_cut_at_each_byte_never_makes_a_second_receipt() {
    all_cuts(tcp).await;
}

#[tokio::test]
async fn the_serial_cable_pulled_at_each_byte_never_makes_a_second_receipt() {
    all_cuts(terminal).await;
}
