//! What the agent tells open pages, and to which of them.
//!
//! A page that falls behind loses events and is told to look again by being cut off; nothing is
//! kept for it.

use oneshelf_domain::RegisterCode;
use oneshelf_protocol::problem::Problem;
use serde_json::{Value, json};
use tokio::sync::broadcast;

use crate::register::{Added, JobView, TicketView};

/// Events that a slow page may be behind.
const BEHIND_MAX: usize = 256;

/// Something to tell.
#[derive(Debug, Clone)]
pub(crate) enum Event {
    /// The strip of the page: for everybody.
    State(Value),
    /// For pages of one register.
    At(RegisterCode, Value),
    /// For every page that somebody is signed in on.
    SignedIn(Value),
    /// For the display of one register's customers.
    Display(RegisterCode, Value),
    /// A register has another display, or none: the one before sees nothing any more.
    DisplayEnded(RegisterCode),
}

impl Event {
    /// A serial scan added a line.
    pub(crate) fn line(register: RegisterCode, added: &Added) -> Self {
        Self::at(register, "line", json!(added))
    }

    /// A serial scan found nothing.
    pub(crate) fn not_found(register: RegisterCode, code: &str, check_digit_ok: bool) -> Self {
        let body = json!({"code": code, "check_digit_ok": check_digit_ok});
        Self::at(register, "not_found", body)
    }

    /// A serial scan was not taken: a payment is under way, or a rule says no.
    pub(crate) fn scan_refused(register: RegisterCode, code: &str, why: &Problem) -> Self {
        let body = json!({"code": code, "problem": why.code, "detail": why.detail,
            "fields": why.fields});
        Self::at(register, "scan_refused", body)
    }

    /// The marks of a ticket's lines changed.
    pub(crate) fn ticket(register: RegisterCode, ticket: &TicketView) -> Self {
        Self::at(register, "ticket", json!({"ticket": ticket}))
    }

    /// A print job went on.
    pub(crate) fn printed(register: RegisterCode, job: &JobView) -> Self {
        Self::at(register, "printed", json!({"job": job}))
    }

    /// The drawer did not open after a sale: it needs its key.
    pub(crate) fn drawer_not_opened(register: RegisterCode) -> Self {
        Self::at(register, "drawer_not_opened", json!({}))
    }

    /// Something about the devices changed; pages that show them ask again.
    pub(crate) fn devices() -> Self {
        Self::SignedIn(json!({"kind": "devices"}))
    }

    /// What comes to the store, or is to go, changed; pages that show it ask again.
    pub(crate) fn on_the_way() -> Self {
        Self::SignedIn(json!({"kind": "on_the_way"}))
    }

    fn at(register: RegisterCode, kind: &str, mut body: Value) -> Self {
        body["kind"] = json!(kind);
        Self::At(register, body)
    }
}

/// The way to all pages.
#[derive(Debug)]
pub(crate) struct Events(broadcast::Sender<Event>);

impl Events {
    pub(crate) fn new() -> Self {
        Self(broadcast::Sender::new(BEHIND_MAX))
    }

    pub(crate) fn push(&self, event: Event) {
        // Nobody listens: nobody has to know.
        let _ = self.0.send(event);
    }

    pub(crate) fn listen(&self) -> broadcast::Receiver<Event> {
        self.0.subscribe()
    }
}
