//! What the devices page shows: each device's word, since when, when it was well, what was wrong;
//! the last scans; the print jobs.
//!
//! Kept in memory: a restart begins to watch anew. It watches and decides nothing. Invariant: what
//! was refused as a card's track is never kept, not even for this page.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex, PoisonError};

use oneshelf_domain::Timestamp;
use oneshelf_hardware::printer::PrinterState;
use oneshelf_hardware::scale::ScaleState;
use oneshelf_hardware::scanner::Symbology;
use serde::Serialize;
use serde_json::{Value, json};

use super::{Added, Answer, Devices, DrawerWord, Front, ScannerWord, Session};
use crate::clock;
use crate::events::Event;

/// Scans that are shown.
const SCANS_MAX: usize = 5;
/// Bytes of a scan that are shown.
const SCAN_BYTES_MAX: usize = 200;
/// Print jobs that are shown.
const JOBS_MAX: usize = 30;

/// Where the devices hang, as the agent was told at its start.
#[derive(Debug, Clone, Default)]
pub(crate) struct Links {
    pub printer: Option<String>,
    pub scanner: Option<String>,
    pub scale: Option<String>,
}

/// One device since the start.
#[derive(Debug, Clone, Serialize)]
struct Watched {
    state: String,
    since: Timestamp,
    /// None: it never was.
    last_ok: Option<Timestamp>,
    /// What it last suffered from, also after it is well again.
    last_error: Option<(String, Timestamp)>,
    #[serde(skip)]
    well: bool,
}

/// A scan as it came.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct SeenScan {
    at: Timestamp,
    /// `scanner`, or `page`: a scanner that types.
    from: &'static str,
    /// Text with its control characters named.
    text: String,
    /// Hex, without the mark.
    bytes: String,
    symbology: Option<Symbology>,
    /// What it was taken for: a code's kind and parts.
    meaning: Value,
    /// The item that it added; none when it added nothing.
    item: Option<String>,
    /// The code of what was refused.
    refused: Option<String>,
}

/// What was seen since the start.
pub(crate) struct Seen {
    links: Links,
    devices: Mutex<BTreeMap<&'static str, Watched>>,
    scans: Mutex<VecDeque<SeenScan>>,
}

impl Seen {
    pub(super) fn new(links: Links) -> Self {
        Self { links, devices: Mutex::default(), scans: Mutex::default() }
    }

    /// Where the devices hang.
    pub(super) fn links(&self) -> &Links {
        &self.links
    }

    fn note(&self, device: &'static str, state: &str, well: Option<bool>, now: Timestamp) {
        let mut devices = self.devices.lock().unwrap_or_else(PoisonError::into_inner);
        let before = devices.get(device);
        if before.is_some_and(|b| b.state == state) {
            return;
        }
        let mut last_ok = before.and_then(|b| if b.well { Some(now) } else { b.last_ok });
        let mut last_error = before.and_then(|b| b.last_error.clone());
        match well {
            Some(true) => last_ok = Some(now),
            Some(false) => last_error = Some((state.to_owned(), now)),
            None => {}
        }
        let (state, since) = (state.to_owned(), now);
        let well = well == Some(true);
        devices.insert(device, Watched { state, since, last_ok, last_error, well });
    }

    fn of(&self, device: &str) -> Value {
        let devices = self.devices.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(watched) = devices.get(device) else { return json!({}) };
        let mut watched = watched.clone();
        if watched.well {
            watched.last_ok = Some(clock::now());
        }
        let error = watched.last_error.as_ref();
        let error = error.map(|(code, at)| json!({"code": code, "at": at}));
        json!({
            "state": watched.state, "since": watched.since, "last_ok": watched.last_ok,
            "last_error": error,
        })
    }

    /// Since when a device is as it is.
    pub(super) fn since(&self, device: &str) -> Option<Timestamp> {
        let devices = self.devices.lock().unwrap_or_else(PoisonError::into_inner);
        devices.get(device).map(|watched| watched.since)
    }

    fn scans(&self) -> Vec<SeenScan> {
        let scans = self.scans.lock().unwrap_or_else(PoisonError::into_inner);
        scans.iter().rev().cloned().collect()
    }

    pub(super) fn scanned(&self, scan: SeenScan) {
        let mut scans = self.scans.lock().unwrap_or_else(PoisonError::into_inner);
        if scans.len() >= SCANS_MAX {
            scans.pop_front();
        }
        scans.push_back(scan);
    }
}

impl SeenScan {
    /// A scan and what came of it.
    pub(super) fn of(
        code: &str,
        symbology: Option<&Symbology>,
        from: &'static str,
        meaning: Value,
        came: &Answer<Added>,
    ) -> Self {
        let end = code.floor_char_boundary(SCAN_BYTES_MAX);
        Self {
            at: clock::now(),
            from,
            text: harmless(&code[..end]),
            bytes: hex::encode(&code.as_bytes()[..end]),
            symbology: symbology.cloned(),
            meaning,
            item: came.as_ref().ok().map(|added| added.item.name.clone()),
            refused: came.as_ref().err().map(|refused| refused.0.code.clone()),
        }
    }
}

/// Control characters by their names, so that they are seen and do nothing.
fn harmless(text: &str) -> String {
    text.chars()
        .map(|c| match c {
            '\u{1d}' => "<GS>".to_owned(),
            '\u{1e}' => "<RS>".to_owned(),
            '\u{4}' => "<EOT>".to_owned(),
            c if c.is_control() => format!("<{:02X}>", u32::from(c)),
            c => c.to_string(),
        })
        .collect()
}

fn printer_well(state: PrinterState) -> Option<bool> {
    match state {
        PrinterState::Ready | PrinterState::Printing | PrinterState::PaperLow => Some(true),
        PrinterState::NoPaper
        | PrinterState::CoverOpen
        | PrinterState::CutterError
        | PrinterState::NotAnswering
        | PrinterState::Unreachable
        | PrinterState::SentNotConfirmed => Some(false),
    }
}

impl Front {
    pub(super) fn note_devices(&self, devices: Devices) {
        let (seen, now) = (&self.shared.seen, clock::now());
        let Devices { printer, scanner, drawer, scale } = devices;
        match printer.state {
            None => seen.note("printer", "none", None, now),
            Some(state) => {
                let word = json!(state);
                let word = word.as_str().unwrap_or_default();
                seen.note("printer", word, printer_well(state), now);
            }
        }
        let well = match scanner {
            ScannerWord::None => None,
            ScannerWord::Gone => Some(false),
            ScannerWord::Ready => Some(true),
        };
        seen.note("scanner", scanner.word(), well, now);
        let well = (drawer != DrawerWord::Unknown).then_some(true);
        match scale {
            None => seen.note("scale", "none", None, now),
            Some(state) => {
                let word = json!(state);
                let well = state == ScaleState::Ready;
                seen.note("scale", word.as_str().unwrap_or_default(), Some(well), now);
            }
        }
        seen.note("drawer", drawer.word(), well, now);
    }

    /// Watches the devices, for as long as the program runs.
    pub(crate) async fn watch_devices(self: Arc<Self>) {
        let mut devices = self.shared.devices.subscribe();
        loop {
            let now = *devices.borrow_and_update();
            self.note_devices(now);
            self.shared.events.push(Event::devices());
            if devices.changed().await.is_err() {
                return;
            }
        }
    }

    /// As `GET /api/devices` answers.
    pub(crate) async fn devices(&self, who: &Session) -> Answer<Value> {
        self.note_devices(*self.shared.devices.borrow());
        let (seen, spool) = (&self.shared.seen, self.shared.spool.borrow().clone());
        let mut printer = seen.of("printer");
        printer["link"] = json!(seen.links.printer);
        let paused = spool.paused.map(|(by, at)| json!({"by": by, "at": at}));
        printer["queue"] = json!({
            "waiting": spool.waiting, "oldest_at": spool.oldest, "asked": spool.asked,
            "paused": paused, "confirmed_at": spool.confirmed,
        });
        let mut scanner = seen.of("scanner");
        scanner["link"] = json!(seen.links.scanner);
        let teaching = &self.shared.teaching;
        scanner["around"] = json!(teaching.learned());
        scanner["lesson"] = json!(teaching.scans(&who.register));
        let mut scale = seen.of("scale");
        scale["link"] = json!(seen.links.scale);
        let mut drawer = seen.of("drawer");
        drawer["link"] = json!(seen.links.printer);
        Ok(json!({
            "printer": printer,
            "drawer": drawer,
            "scale": scale,
            "scanner": scanner,
            "scans": seen.scans(),
            "display": self.display_state(&who.register).await?,
            "jobs": self.all_jobs(JOBS_MAX).await?,
        }))
    }
}
