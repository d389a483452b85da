//! The scanner's task: its scans go to the register that was used last.
//!
//! A page never asks for these, so what came of each is told by an event. While a ticket is being
//! paid a scan is refused, never queued: it would land on the next customer's ticket.

use std::sync::Arc;

use oneshelf_hardware::scanner::{Refusal, Scanner, ScannerAddress, ScannerEvent, Symbology};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use crate::events::Event;
use crate::register::{Front, Refused, ScannerWord};

/// Scans that wait while one is worked on.
const SCANS_MAX: usize = 64;

/// Runs until it is stopped.
pub(crate) async fn run(front: Arc<Front>, address: ScannerAddress, stop: CancellationToken) {
    let (tx, mut scans) = mpsc::channel(SCANS_MAX);
    let scanner = match Scanner::spawn(address, tx) {
        Ok(scanner) => scanner,
        Err(error) => {
            tracing::error!(%error, "the scanner's thread cannot be started");
            return;
        }
    };
    loop {
        let event = tokio::select! {
            () = stop.cancelled() => break,
            event = scans.recv() => event,
        };
        match event {
            Some(ScannerEvent::Scan { code, symbology, .. }) => {
                take(&front, &code, symbology.as_ref()).await;
            }
            Some(ScannerEvent::Refused { refusal }) => refused(&front, refusal),
            Some(ScannerEvent::Ready) => show(&front, ScannerWord::Ready),
            Some(ScannerEvent::Gone) => show(&front, ScannerWord::Gone),
            None => break,
        }
    }
    drop(scanner);
}

fn show(front: &Front, word: ScannerWord) {
    front.shared.devices.send_if_modified(|d| std::mem::replace(&mut d.scanner, word) != word);
}

async fn take(front: &Arc<Front>, code: &str, symbology: Option<&Symbology>) {
    let Some(who) = front.scanner_owner() else {
        tracing::info!("a scan came while nobody was signed in");
        return;
    };
    let event = match front.scan_code(&who, code, symbology).await {
        Ok(added) => Event::line(who.register, &added),
        Err(refused) if refused.0.code == "item_unknown" => {
            let fits = refused.0.fields.get("check_digit_ok") != Some(&false.into());
            Event::not_found(who.register, code, fits)
        }
        Err(refused) => Event::scan_refused(who.register, code, &refused.0),
    };
    front.shared.events.push(event);
}

/// Nothing of the content is shown or logged.
fn refused(front: &Front, refusal: Refusal) {
    tracing::warn!(?refusal, "a scan was thrown away");
    if let Some(who) = front.scanner_owner() {
        let why = match refusal {
            Refusal::CardTrack => Refused::card(),
            Refusal::TooLong | Refusal::ForeignByte => {
                Refused::new(422, "scan_unreadable", "The scan could not be read. Scan again.")
            }
        };
        front.shared.events.push(Event::scan_refused(who.register, "", &why.0));
    }
}
