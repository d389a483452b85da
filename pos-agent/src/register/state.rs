//! What the page's strip shows: shop, line, printer, scanner, drawer.
//!
//! Composed from watched values, never under the core's lock.

use std::sync::Arc;

use oneshelf_domain::record::{Record, RecordState, Records, Register};
use oneshelf_domain::{LocationCode, Timestamp};
use oneshelf_hardware::printer::PrinterState;
use oneshelf_hardware::scale::ScaleState;
use oneshelf_sync::agent::Line;
use serde_json::{Value, json};

use super::Front;
use crate::clock;
use crate::events::Event;

/// The line to the hub.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct LinkView {
    pub line: Line,
    /// When that began.
    pub since: Timestamp,
    pub heard: Option<Timestamp>,
    /// Facts without an answer.
    pub waiting: usize,
}

impl LinkView {
    pub(crate) fn offline(now: Timestamp) -> Self {
        Self { line: Line::Offline, since: now, heard: None, waiting: 0 }
    }
}

/// The printer's word; none without a printer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct PrinterWord {
    pub state: Option<PrinterState>,
    pub since: Timestamp,
}

/// The scanner's word.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ScannerWord {
    None,
    Gone,
    Ready,
}

impl ScannerWord {
    pub(super) fn word(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Gone => "gone",
            Self::Ready => "ready",
        }
    }
}

/// The drawer's word.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum DrawerWord {
    Unknown,
    Closed,
    Open,
}

impl DrawerWord {
    pub(super) fn word(self) -> &'static str {
        match self {
            Self::Unknown => "unknown",
            Self::Closed => "closed",
            Self::Open => "open",
        }
    }
}

/// All devices.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Devices {
    pub printer: PrinterWord,
    pub scanner: ScannerWord,
    pub drawer: DrawerWord,
    /// None without a scale.
    pub scale: Option<ScaleState>,
}

impl Front {
    /// As `GET /api/state` answers.
    pub(crate) fn state(&self) -> Value {
        let devices = *self.shared.devices.borrow();
        self.note_devices(devices);
        let records = self.shared.records();
        let identity = self.shared.identity();
        let code = identity.as_ref().and_then(|i| LocationCode::new(&i.location).ok());
        let location = code.as_ref().and_then(|c| records.location(c));
        let shop = records.shop();
        let registers: Vec<Value> = registers(&records, code.as_ref())
            .map(|r| json!({"code": r.code, "name": r.name}))
            .collect();
        let zone = location.map(|l| l.zone.as_str()).or(shop.map(|s| s.zone.as_str()));
        json!({
            "enrolled": identity.is_some(),
            "shop": shop.map_or("", |s| s.name.as_str()),
            "location": {
                "code": code.as_ref().map_or("", |c| c.as_str()),
                "name": location.map_or("", |l| l.name.as_str()),
                "zone": zone.unwrap_or("UTC"),
            },
            "currency": shop.map_or("EUR", |s| s.currency.code()),
            "registers": registers,
            "link": self.link_value(),
            "life": self.shared.life.borrow().value(clock::now()),
            "printer": self.printer_value(),
            "scanner": {"state": devices.scanner.word()},
            "drawer": {
                "state": devices.drawer.word(), "since": self.shared.seen.since("drawer"),
            },
            "scale": {"state": devices.scale.map_or(json!("none"), |state| json!(state))},
            "version": env!("CARGO_PKG_VERSION"),
        })
    }

    fn link_value(&self) -> Value {
        let link = *self.shared.link.borrow();
        let age = link.heard.map(|heard| clock::now().ms_since(heard).max(0));
        json!({
            "state": link.line, "since": link.since, "last_answer_age_ms": age,
            "waiting": link.waiting,
        })
    }

    fn printer_value(&self) -> Value {
        let printer = self.shared.devices.borrow().printer;
        let state = printer.state.map_or(json!("none"), |state| json!(state));
        let spool = self.shared.spool.borrow();
        json!({
            "state": state, "since": printer.since, "waiting": spool.waiting,
            "paused": spool.paused.is_some(),
        })
    }

    /// Tells every page.
    pub(crate) fn push_state(&self) {
        self.shared.events.push(Event::State(self.state()));
    }

    /// Tells every page whenever line or devices change, for as long as the program runs.
    pub(crate) async fn push_states(self: Arc<Self>) {
        let mut link = self.shared.link.subscribe();
        let mut devices = self.shared.devices.subscribe();
        let mut spool = self.shared.spool.subscribe();
        let mut life = self.shared.life.subscribe();
        loop {
            let changed = tokio::select! {
                changed = link.changed() => changed,
                changed = devices.changed() => changed,
                changed = spool.changed() => changed,
                changed = life.changed() => changed,
            };
            if changed.is_err() {
                return;
            }
            self.push_state();
            // Answers of a long log come by the hundred; pages need not see each.
            tokio::time::sleep(std::time::Duration::from_millis(100)).await;
        }
    }
}

/// The store's registers that are in use.
pub(super) fn registers<'a>(
    records: &'a Records,
    location: Option<&'a LocationCode>,
) -> impl Iterator<Item = &'a Register> {
    records.of_kind("register").filter_map(move |(_, record)| match record {
        Record::Register(r) if r.state == RecordState::Active && Some(&r.location) == location => {
            Some(r)
        }
        _ => None,
    })
}
