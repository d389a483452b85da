//! Why an act did not happen: a problem body with a stable code.
//!
//! Invariant: what went wrong inside is logged, never shown.

use oneshelf_domain::ticket::TicketRefusal;
use oneshelf_protocol::problem::Problem;

use crate::journal::{Fault, Storage};

/// What an act yields.
pub(crate) type Answer<T> = Result<T, Refused>;

/// A refusal or an error, ready to be shown.
#[derive(Debug)]
pub(crate) struct Refused(pub Box<Problem>);

impl Refused {
    pub(crate) fn new(status: u16, code: &str, detail: &str) -> Self {
        Self(Box::new(Problem::new(status, code, detail)))
    }

    #[must_use]
    pub(crate) fn with(self, name: &str, value: impl Into<serde_json::Value>) -> Self {
        Self(Box::new(self.0.with(name, value)))
    }

    /// 422 with a pointer to the field.
    pub(crate) fn invalid(pointer: &str, rule: &str) -> Self {
        Self::new(422, "invalid", &format!("{pointer}: {rule}")).with("pointer", pointer)
    }

    pub(crate) fn not_signed_in() -> Self {
        Self::new(401, "not_signed_in", "Sign in first.")
    }

    pub(crate) fn not_ready() -> Self {
        let detail = "The shop's settings have not arrived from the hub yet. Wait for the line.";
        Self::new(503, "not_ready", detail)
    }

    pub(crate) fn cash_session_closed() -> Self {
        let detail = "Count the float and open the cash session first.";
        Self::new(409, "cash_session_closed", detail)
    }

    pub(crate) fn item_unknown(check_digit_ok: bool) -> Self {
        let detail = if check_digit_ok {
            "No item has this code. Search for it by name."
        } else {
            "The code was misread: its check digit is wrong. Scan again."
        };
        Self::new(404, "item_unknown", detail).with("check_digit_ok", check_digit_ok)
    }

    pub(crate) fn card() -> Self {
        let detail = "This looks like a payment card. Card data must never be entered here.";
        Self::new(422, "card_refused", detail)
    }

    pub(crate) fn sale_unknown() -> Self {
        Self::new(404, "sale_unknown", "No sale of this store has this receipt number.")
    }

    /// The disk is full, or failed.
    pub(crate) fn storage(storage: Storage) -> Self {
        match storage {
            Storage::Full => {
                let detail = "The disk of this register's machine is full. Nothing was booked. Ask \
                              somebody to make room; the register goes on by itself.";
                Self::new(507, "storage_full", detail)
            }
            Storage::Failed => {
                let detail = "The disk of this register's machine failed, and the agent starts \
                              anew. The receipts say what was booked.";
                Self::new(503, "storage_failed", detail)
            }
        }
    }

    pub(crate) fn internal(error: &dyn std::fmt::Display) -> Self {
        tracing::error!(%error, "an act failed");
        let detail = "The agent could not keep this. Nothing was changed. Try again.";
        Self::new(500, "internal", detail)
    }
}

impl From<Fault> for Refused {
    fn from(fault: Fault) -> Self {
        if let Some(storage) = fault.storage() {
            tracing::error!(error = %fault, "an act met the disk");
            return Self::storage(storage);
        }
        Self::internal(&fault)
    }
}

impl From<TicketRefusal> for Refused {
    fn from(refusal: TicketRefusal) -> Self {
        let (status, code) = match &refusal {
            TicketRefusal::LineUnknown => (404, "line_unknown"),
            TicketRefusal::TooManyLines => (409, "too_many_lines"),
            TicketRefusal::Quantity => (422, "invalid"),
            TicketRefusal::Labelled => (409, "priced_by_label"),
            TicketRefusal::Empty => (409, "ticket_empty"),
            TicketRefusal::TenderTooSmall { .. } => (422, "tender_too_small"),
            TicketRefusal::TenderKind => (422, "tender_kind"),
            TicketRefusal::Money(_) => (422, "amount"),
        };
        let refused = Self::new(status, code, &refusal.to_string());
        match refusal {
            TicketRefusal::TenderTooSmall { missing } => refused.with("missing", missing),
            TicketRefusal::Quantity => refused.with("pointer", "/quantity"),
            _ => refused,
        }
    }
}

impl From<oneshelf_domain::money::MoneyError> for Refused {
    fn from(error: oneshelf_domain::money::MoneyError) -> Self {
        TicketRefusal::from(error).into()
    }
}
