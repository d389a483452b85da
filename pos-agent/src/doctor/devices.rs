//! What the doctor says of printer and scanner: the running agent's word, or a look of its own.

use nix::unistd::{AccessFlags, access};
use oneshelf_hardware::printer::{DrawerProfile, Printer, PrinterState, Times};
use oneshelf_hardware::scanner::ScannerAddress;
use oneshelf_protocol::report::Report;
use serde_json::Value;

use super::Asked;

const PRINTER: &str = "is it on, is its cable in, is the address right, does it say why itself?";
const SCANNER: &str = "plug it in; a scanner must be set to serial mode (USB CDC, \"COM port\")";

/// What the agent says on its pages.
pub(super) fn of_running(report: &mut Report, state: &Value) {
    let word = |name: &str| state[name]["state"].as_str().unwrap_or("unknown").to_owned();
    match &*word("link") {
        "live" => report.ok("link", "live"),
        other => report.warn("link", other, "the line's checks above say where it ends"),
    }
    match &*word("printer") {
        "none" => report.not_checked("printer", "the agent was started without one"),
        ready @ ("ready" | "printing") => report.ok("printer", ready),
        "paper_low" => report.warn("printer", "paper is low", "put a new roll in soon"),
        "sent_unconfirmed" => report.warn(
            "printer",
            "a receipt was sent, and nothing proved that it came out",
            "the register asks about it: answer there",
        ),
        other => report.bad("printer", other, PRINTER),
    }
    match &*word("scanner") {
        "none" => report.not_checked("scanner", "the agent was started without one"),
        "ready" => report.ok("scanner", "ready"),
        other => report.bad("scanner", other, SCANNER),
    }
}

/// A look at the devices themselves, while no agent holds them.
pub(super) async fn by_hand(report: &mut Report, asked: &Asked) {
    match &asked.printer {
        None => report.not_checked("printer", "say --printer, as the agent is started with"),
        Some(address) => printer(report, address).await,
    }
    match &asked.scanner {
        None => report.not_checked("scanner", "say --scanner, as the agent is started with"),
        Some(path) => scanner(report, path),
    }
}

async fn printer(report: &mut Report, address: &str) {
    let parsed = match address.parse() {
        Ok(parsed) => parsed,
        Err(error) => {
            report.bad("printer", format!("{address}: {error}"), "as in tcp://192.0.2.9:9100");
            return;
        }
    };
    let printer = Printer::new(parsed, DrawerProfile::default(), Times::default());
    match printer.status().await {
        Ok(None) => report.not_checked(
            "printer",
            format!("{address} cannot be asked: each receipt is asked about at the register"),
        ),
        Ok(Some(status)) => {
            let state = PrinterState::of(&status);
            match state {
                PrinterState::Ready => report.ok("printer", format!("{address} is ready")),
                PrinterState::PaperLow => report.warn(
                    "printer",
                    format!("{address}: paper is low"),
                    "put a new roll in soon",
                ),
                _ => report.bad("printer", format!("{address}: {state:?}"), PRINTER),
            }
        }
        Err(reason) => report.bad("printer", format!("{address}: {reason}"), PRINTER),
    }
}

fn scanner(report: &mut Report, address: &str) {
    let port = match address.parse::<ScannerAddress>() {
        Ok(address) => address.path().to_path_buf(),
        Err(error) => return report.bad("scanner", error.to_string(), SCANNER),
    };
    let path = port.display();
    if let Err(error) = std::fs::metadata(&port) {
        report.bad("scanner", format!("{path}: {error}"), SCANNER);
        return;
    }
    // Looked at, not opened: opening a port resets some scanners.
    match access(&port, AccessFlags::R_OK | AccessFlags::W_OK) {
        Ok(()) => report.ok("scanner", format!("{path} may be read and written")),
        Err(error) => report.bad(
            "scanner",
            format!("{path}: {error}"),
            "put the agent's user into the port's group: usermod -aG dialout USER",
        ),
    }
}
