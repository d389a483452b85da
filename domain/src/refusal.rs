//! Refusals: what a rule says no to, each with a stable code that is never reused.
//!
//! Order of checks, over all lines of a command, the same for every command:
//! 1. `command_reused` (by the write path, before deciding),
//!    then `precondition_failed`, by the version of what is changed,
//! 2. `invalid`: what is wrong whatever the state,
//! 3. unknown, or not to be seen: `location_unknown`, `item_unknown`, `reservation_unknown`,
//!    `record_unknown`, `enrolment_invalid`, `transfer_unknown`,
//! 4. wrong state: `location_retired`, `no_transit_location`, `item_retired`, `kit_has_no_stock`,
//!    `kit_nested`, `item_has_stock`, `barcode_in_use`; `reservation_ended`, `reservation_expired`,
//!    `reservation_state`, `reservation_short`, `stale_timer`;
//!    then `store_has_agent`, `fact_not_bookable`, `agent_answers`, `agent_not_heard_yet`,
//!    `last_admin`,
//! 5. `too_many_holds`, `too_many_held`,
//! 6. `approval_needed`,
//! 7. `not_enough_available`, `not_promised_now`.

use serde::{Deserialize, Serialize};

use crate::limits;

/// A refusal is an expected answer, not an error. `kind` groups them for a transport
/// (HTTP status); `code` is the stable name; the text says what happened and what to do.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error, Serialize, Deserialize)]
#[serde(tag = "code", rename_all = "snake_case")]
pub enum Refusal {
    /// The id was used for another command, or by somebody else.
    #[error("this Idempotency-Key was used for another request; choose a new one")]
    CommandReused,
    /// It is at another version than the sender has read.
    #[error("it changed since you read it; read it again and decide anew")]
    PreconditionFailed,
    /// A field breaks a rule.
    #[error("{field}: {rule}")]
    Invalid {
        /// Which field, as a JSON pointer.
        field: String,
        /// The rule that it breaks.
        rule: String,
    },
    /// No such item.
    #[error("there is no item with this SKU: {sku}")]
    ItemUnknown {
        /// As asked for.
        sku: String,
    },
    /// No such location.
    #[error("there is no location with this code: {location}")]
    LocationUnknown {
        /// As asked for.
        location: String,
    },
    /// No such reservation, or one that the caller may not see.
    #[error("there is no such reservation")]
    ReservationUnknown,
    /// No such transfer, or one that the caller may not see.
    #[error("there is no such transfer")]
    TransferUnknown,
    /// Goods have no place to stand in on their way.
    #[error(
        "there is no location of kind transit; make one first: hub location add ROAD 'On the road' \
         --kind transit"
    )]
    NoTransitLocation,
    /// No such record (register, staff, key, policy, agent).
    #[error("there is no such {what}")]
    RecordUnknown {
        /// The kind of record.
        what: String,
    },
    /// The enrolment code is wrong, used or too old.
    #[error("this enrolment code is not valid any more; make a new one")]
    EnrolmentInvalid,
    /// The item is not sold any more.
    #[error("this item is retired")]
    ItemRetired,
    /// The location is closed.
    #[error("this location is retired")]
    LocationRetired,
    /// Another item has this barcode.
    #[error("the barcode {barcode} belongs to another item; remove it there first")]
    BarcodeInUse {
        /// Which barcode.
        barcode: String,
    },
    /// What lies on shelves are the parts of a kit.
    #[error("{sku} is a kit and has no stock of its own: name its parts")]
    KitHasNoStock {
        /// Which item.
        sku: String,
    },
    /// A kit would be part of another one.
    #[error("a kit is made of items that are no kits, and {sku} would be both")]
    KitNested {
        /// Which item.
        sku: String,
    },
    /// Units of the item could be neither sold nor counted, were it a kit.
    #[error("{sku} has stock at {location}: count it to zero there before it becomes a kit")]
    ItemHasStock {
        /// Which item.
        sku: String,
        /// Where.
        location: String,
    },
    /// A store with an agent books its physical acts itself.
    #[error("this store has an agent: do this in the store, so that its log has it")]
    StoreHasAgent,
    /// It says how things stood when it came, or makes no sense.
    #[error(
        "this fact cannot be booked: it is of another store or makes no sense, or it is a count or \
         the end of a life, which says nothing of how things stand now; count the shelf, then \
         settle it"
    )]
    FactNotBookable,
    /// An agent that answers is not given up.
    #[error("this store's agent answers: it needs no retiring")]
    AgentAnswers,
    /// Whether an agent answers is not known yet: this hub has just started.
    #[error(
        "the hub has just started and does not know yet whether this store's agent answers; try \
         again in {} s", limits::FRESH_MS / 1_000
    )]
    AgentNotHeardYet,
    /// The reservation ended before.
    #[error("the reservation has ended: it is {state}")]
    ReservationEnded {
        /// How it ended.
        state: String,
    },
    /// The hold is past its time.
    #[error("the hold expired; reserve again")]
    ReservationExpired,
    /// The step does not fit the state.
    #[error("a {state} reservation cannot be {step}")]
    ReservationState {
        /// The state it is in.
        state: String,
        /// What was asked for.
        step: String,
    },
    /// A register took units of it; somebody must choose.
    #[error("units of this reservation were sold; choose what to do with it first")]
    ReservationShort,
    /// The timer's subject moved on.
    #[error("this timer is out of date")]
    StaleTimer,
    /// Not enough units may be promised.
    #[error("only {available} of {sku} may be promised at this location")]
    NotEnoughAvailable {
        /// Which item.
        sku: String,
        /// What could be had now.
        available: i64,
        /// What was asked for.
        wanted: i64,
    },
    /// The units are the share of a store that did not give them back in time.
    #[error(
        "the last units of {sku} there are its registers', and could not be had in time; try again \
         in a moment, or at another location"
    )]
    NotPromisedNow {
        /// Which item.
        sku: String,
    },
    /// Too many live holds.
    #[error("too many holds are open; end one first")]
    TooManyHolds,
    /// Too many units of an item are held from one address.
    #[error("{most} of {sku} at most are held from one address; end a hold, or order them")]
    TooManyHeld {
        /// Which item.
        sku: String,
        /// Units that an address may hold of it.
        most: i64,
    },
    /// Nobody could change keys any more.
    #[error("this is the last admin key; make another one first")]
    LastAdmin,
    /// The change needs a manager.
    #[error("this needs the approval of a manager")]
    ApprovalNeeded,
}

/// How a refusal reads to a transport.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RefusalKind {
    /// Well-formed but invalid (422).
    Invalid,
    /// Nothing there, or nothing the caller may see (404).
    Unknown,
    /// Refused by state or stock (409).
    Conflict,
    /// Over (410).
    Gone,
    /// Not allowed (403).
    Denied,
    /// Other than the sender has read (412).
    Changed,
}

impl Refusal {
    /// Every code, for documentation and its test.
    pub const CODES: [&'static str; 32] = [
        "command_reused",
        "precondition_failed",
        "invalid",
        "item_unknown",
        "location_unknown",
        "reservation_unknown",
        "transfer_unknown",
        "no_transit_location",
        "record_unknown",
        "enrolment_invalid",
        "item_retired",
        "location_retired",
        "barcode_in_use",
        "kit_has_no_stock",
        "kit_nested",
        "item_has_stock",
        "store_has_agent",
        "fact_not_bookable",
        "agent_answers",
        "agent_not_heard_yet",
        "reservation_ended",
        "reservation_expired",
        "reservation_state",
        "reservation_short",
        "stale_timer",
        "not_enough_available",
        "not_promised_now",
        "too_many_holds",
        "too_many_held",
        "last_admin",
        "approval_needed",
        "internal",
    ];

    /// The stable code.
    pub fn code(&self) -> &'static str {
        match self {
            Refusal::CommandReused => "command_reused",
            Refusal::PreconditionFailed => "precondition_failed",
            Refusal::Invalid { .. } => "invalid",
            Refusal::ItemUnknown { .. } => "item_unknown",
            Refusal::LocationUnknown { .. } => "location_unknown",
            Refusal::ReservationUnknown => "reservation_unknown",
            Refusal::TransferUnknown => "transfer_unknown",
            Refusal::NoTransitLocation => "no_transit_location",
            Refusal::RecordUnknown { .. } => "record_unknown",
            Refusal::EnrolmentInvalid => "enrolment_invalid",
            Refusal::ItemRetired => "item_retired",
            Refusal::LocationRetired => "location_retired",
            Refusal::BarcodeInUse { .. } => "barcode_in_use",
            Refusal::KitHasNoStock { .. } => "kit_has_no_stock",
            Refusal::KitNested { .. } => "kit_nested",
            Refusal::ItemHasStock { .. } => "item_has_stock",
            Refusal::StoreHasAgent => "store_has_agent",
            Refusal::FactNotBookable => "fact_not_bookable",
            Refusal::AgentAnswers => "agent_answers",
            Refusal::AgentNotHeardYet => "agent_not_heard_yet",
            Refusal::ReservationEnded { .. } => "reservation_ended",
            Refusal::ReservationExpired => "reservation_expired",
            Refusal::ReservationState { .. } => "reservation_state",
            Refusal::ReservationShort => "reservation_short",
            Refusal::StaleTimer => "stale_timer",
            Refusal::NotEnoughAvailable { .. } => "not_enough_available",
            Refusal::NotPromisedNow { .. } => "not_promised_now",
            Refusal::TooManyHolds => "too_many_holds",
            Refusal::TooManyHeld { .. } => "too_many_held",
            Refusal::LastAdmin => "last_admin",
            Refusal::ApprovalNeeded => "approval_needed",
        }
    }

    /// The group of this refusal.
    pub fn kind(&self) -> RefusalKind {
        match self {
            Refusal::Invalid { .. } => RefusalKind::Invalid,
            Refusal::ItemUnknown { .. }
            | Refusal::LocationUnknown { .. }
            | Refusal::ReservationUnknown
            | Refusal::TransferUnknown
            | Refusal::RecordUnknown { .. } => RefusalKind::Unknown,
            Refusal::EnrolmentInvalid | Refusal::ReservationExpired => RefusalKind::Gone,
            Refusal::ApprovalNeeded => RefusalKind::Denied,
            Refusal::PreconditionFailed => RefusalKind::Changed,
            _ => RefusalKind::Conflict,
        }
    }

    /// True when the same command may be accepted a moment later: it is not remembered as the
    /// command's answer.
    pub const fn is_passing(&self) -> bool {
        matches!(self, Refusal::NotPromisedNow { .. } | Refusal::AgentNotHeardYet)
    }

    /// A field that breaks a rule.
    pub fn invalid(field: &str, rule: &str) -> Self {
        Refusal::Invalid { field: field.to_owned(), rule: rule.to_owned() }
    }
}
