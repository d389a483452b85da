//! Printers on serial ports and behind device files: the same promises as over TCP, and an honest
//! "sent, not confirmed" where nothing can come back.

use std::fs;
use std::time::Duration;

use oneshelf_hardware::printer::{Drawer, JobOutcome, Paper, Printer, PrinterState, Reason};
use oneshelf_hardware::sim::{PaperLevel, TerminalPrinterSim};

use super::cutting::link;
use super::printing::{client_at, impatient, job, patient, receipt, soon};

fn plugged(name: &str) -> (TerminalPrinterSim, String) {
    let sim = TerminalPrinterSim::plug_in(&link(name)).unwrap();
    let path = sim.path().display().to_string();
    (sim, path)
}

fn client(address: &str) -> Printer {
    client_at(address.parse().unwrap(), patient())
}

#[tokio::test]
async fn a_serial_printer_confirms_receipts_and_tells_its_state() {
    let (sim, path) = plugged("serial");
    let printer = client(&format!("serial:{path}?baud=115200"));
    for number in 0..3 {
        let number = format!("S07-R2-{number:06}");
        let outcome = printer.print(&job(&receipt(&number, "Tea"), Drawer::Open)).await;
        assert_eq!(outcome, JobOutcome::Confirmed);
        assert!(sim.sheets().pop().unwrap().text().contains(&number));
    }
    assert_eq!((sim.sheets().len(), sim.pulses().len()), (3, 3));
    sim.set_paper(PaperLevel::Out);
    assert_eq!(printer.status().await.unwrap().unwrap().paper, Paper::Out);
    assert_eq!(printer.state(), PrinterState::NoPaper);
    assert_eq!(printer.open_drawer(soon()).await, JobOutcome::NotSent(Reason::NoPaper));
    assert_eq!(sim.pulses().len(), 3);
}

#[tokio::test]
async fn a_pulled_cable_is_noticed_and_the_next_job_finds_the_new_one() {
    let (sim, path) = plugged("pulled");
    let printer = client(&format!("serial:{path}"));
    assert!(printer.status().await.is_ok());
    // The port that was kept open is dead now; the next question opens the link again.
    sim.cut_after_bytes(0);
    loop {
        match printer.print(&job(&receipt("S07-R2-000123", "Tea"), Drawer::Leave)).await {
            JobOutcome::Confirmed => break,
            // The cable is being put back.
            JobOutcome::NotSent(_) => {}
            JobOutcome::Unknown(reason) => panic!("no byte of the job was taken: {reason}"),
        }
    }
    assert_eq!(sim.sheets().len(), 1);
}

#[tokio::test]
async fn a_device_file_that_answers_is_as_good_as_a_port() {
    let (sim, path) = plugged("device");
    let printer = client(&format!("file:{path}"));
    let outcome = printer.print(&job(&receipt("S07-R2-000123", "Tea"), Drawer::Leave)).await;
    assert_eq!(outcome, JobOutcome::Confirmed);
    assert_eq!(sim.sheets().len(), 1);
}

#[tokio::test]
async fn what_cannot_answer_is_sent_and_not_confirmed() {
    let file = link("file");
    fs::write(&file, "").unwrap();
    let written = job(&receipt("S07-R2-000123", "Tea"), Drawer::Leave);
    let printer = client(&format!("file:{}", file.display()));
    assert_eq!(printer.status().await, Ok(None));
    assert_eq!(printer.print(&written).await, JobOutcome::Unknown(Reason::NoReadBack));
    assert_eq!(printer.state(), PrinterState::SentNotConfirmed);
    let body = written.bytes.strip_suffix(&[0x1d, b'r', 1]).unwrap();
    assert_eq!(fs::read(&file).unwrap(), body, "nobody is asked who cannot answer");
    fs::remove_file(&file).unwrap();
    // So it is for one of which its owner knows that it never answers.
    let (sim, path) = plugged("mute");
    let printer = client(&format!("serial:{path}?answers=no"));
    assert_eq!(printer.print(&written).await, JobOutcome::Unknown(Reason::NoReadBack));
    sim.wait_until(|device| device.printed().sheets_total == 1).await;
    let printer = client("file:/dev/null");
    assert_eq!(printer.print(&written).await, JobOutcome::Unknown(Reason::NoReadBack));
}

#[tokio::test]
async fn a_port_that_is_not_there_or_takes_nothing_gets_no_byte() {
    let address = format!("serial:{}", link("nowhere").display());
    let written = job(&receipt("S07-R2-000123", "Tea"), Drawer::Leave);
    for address in [address.as_str(), "file:/dev/no-such-printer", "file:/dev"] {
        let outcome = client(address).print(&written).await;
        assert_eq!(outcome, JobOutcome::NotSent(Reason::Unreachable), "{address}");
    }
    let (sim, path) = plugged("deaf");
    sim.set(|knobs| knobs.never_read = true);
    let printer = client_at(format!("serial:{path}").parse().unwrap(), impatient());
    assert_eq!(printer.print(&written).await, JobOutcome::NotSent(Reason::NotAnswering));
    // A job that a port stops taking in the middle is unknown, and what the port still holds of it
    // is thrown away.
    let long = receipt("S07-R2-000123", &"Tea ".repeat(4000));
    let mut times = impatient();
    times.per_kilobyte = Duration::from_millis(50);
    let printer = client_at(format!("serial:{path}?answers=no").parse().unwrap(), times);
    let mut big = job(&long, Drawer::Leave);
    big.bytes = big.bytes.repeat(200);
    assert_eq!(printer.print(&big).await, JobOutcome::Unknown(Reason::TooSlow));
}
