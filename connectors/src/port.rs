//! The port: what a sales channel's connector is asked, and what it answers.
//!
//! First shape. A connector is told everything that it needs, time included, and gives back bytes
//! or meaning. It must not know where either goes. Invariant: the same arguments give the same
//! answer, so a repeated write has the same key and the same bytes.

use oneshelf_domain::{LocationCode, Quantity, Sku, Timestamp};
use serde::{Deserialize, Serialize};

use crate::Secret;

/// Where a channel is reached, and by which secrets both sides know each other.
#[derive(Debug, Clone, Copy)]
pub struct Account<'a> {
    /// Its address.
    pub endpoint: &'a str,
    /// Those in use, the newest first; two while one replaces the other.
    pub secrets: &'a [Secret],
}

/// Units that a channel may offer for one location.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Location {
    /// Which.
    pub location: LocationCode,
    /// Units.
    pub quantity: i64,
}

/// What a channel is to be told. Kept as JSON until it is confirmed, so its spelling is a contract.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "message", rename_all = "snake_case")]
pub enum Message {
    /// What it may offer of an item now: an absolute value, never a difference.
    Stock {
        /// Which item.
        sku: Sku,
        /// Over all of its locations.
        quantity: i64,
        /// One by one.
        locations: Vec<Location>,
        /// The value that it confirmed last.
        expected: Option<i64>,
        /// The hub's epoch and version at which this is true.
        at: (i64, i64),
    },
    /// An order has its units.
    OrderAccepted {
        /// The channel's id of it.
        channel_order_id: String,
        /// The claim on its units.
        reservation: String,
        /// What is served from where.
        lines: Vec<OrderLine>,
    },
    /// An order cannot be served.
    OrderRefused {
        /// The channel's id of it.
        channel_order_id: String,
        /// A stable code.
        code: String,
        /// In words.
        detail: String,
    },
    /// An order is cancelled, its units are free.
    OrderCancelled {
        /// The channel's id of it.
        channel_order_id: String,
    },
    /// It is too late to cancel an order.
    CancelRefused {
        /// The channel's id of it.
        channel_order_id: String,
        /// A stable code.
        code: String,
    },
    /// Nothing: somebody tries whether the line works.
    Ping,
}

/// A message on its way.
#[derive(Debug, Clone, Copy)]
pub struct Outgoing<'a> {
    /// Its id: the idempotency key, the same at every attempt.
    pub id: &'a str,
    /// When it was made.
    pub made_at: Timestamp,
    /// What it says.
    pub message: &'a Message,
}

/// A request to be sent as it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request {
    /// Of HTTP.
    pub method: &'static str,
    /// Where.
    pub url: String,
    /// Names in lower case.
    pub headers: Vec<(&'static str, String)>,
    /// The bytes.
    pub body: Vec<u8>,
}

/// What a channel answered.
#[derive(Debug, Clone, Copy)]
pub struct Reply<'a> {
    /// Of HTTP.
    pub status: u16,
    /// Names in lower case.
    pub headers: &'a [(&'a str, &'a str)],
    /// The body, perhaps cut.
    pub body: &'a [u8],
    /// Our time.
    pub now: Timestamp,
}

impl<'a> Reply<'a> {
    /// A header's text, the first of several.
    pub fn header(&self, name: &str) -> Option<&'a str> {
        self.headers.iter().find(|(known, _)| *known == name).map(|(_, value)| *value)
    }
}

/// What a channel takes before it asks for a pause.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Allowance {
    /// Requests that it still takes.
    pub left: u32,
    /// In so many seconds it takes more.
    pub reset_s: u32,
}

/// What an answer means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// The channel has it.
    Done,
    /// It has it not; again, at the earliest after so many seconds.
    Again {
        /// None: as the schedule says.
        after_s: Option<u32>,
    },
    /// It has it not, as it was asked too often: again, at the earliest after so many seconds. No
    /// sign of trouble.
    Limited {
        /// None: in a while.
        after_s: Option<u32>,
    },
    /// It may have it: again with the same key, never with another.
    Unknown,
    /// It will never take this.
    Refused,
    /// Nobody is there any more: the channel is to be switched off.
    Gone,
}

/// Something that came in, not trusted yet.
#[derive(Debug, Clone, Copy)]
pub struct Incoming<'a> {
    /// Names in lower case.
    pub headers: &'a [(&'a str, &'a [u8])],
    /// The raw bytes.
    pub body: &'a [u8],
    /// Our time.
    pub now: Timestamp,
}

impl<'a> Incoming<'a> {
    /// A header's text; none when it is missing, sent twice or no ASCII.
    pub fn header(&self, name: &str) -> Option<&'a str> {
        let mut all = self.headers.iter().filter(|(known, _)| *known == name);
        let (Some((_, value)), None) = (all.next(), all.next()) else { return None };
        std::str::from_utf8(value).ok().filter(|text| text.is_ascii())
    }
}

/// A line of an order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OrderLine {
    /// Which item.
    pub sku: Sku,
    /// Units, one at least.
    pub quantity: Quantity,
    /// From where; none: the hub chooses.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub location: Option<LocationCode>,
}

/// An order of a channel. Nothing in it says who bought.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Order {
    /// The channel's id of it.
    pub channel_order_id: String,
    /// 1 to 200.
    pub lines: Vec<OrderLine>,
}

/// What a delivery means.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "intake", rename_all = "snake_case")]
pub enum Intake {
    /// Somebody ordered.
    Placed(Order),
    /// An order is not wanted any more.
    Cancelled {
        /// The channel's id of it.
        channel_order_id: String,
    },
    /// A message of our own came back.
    Echo {
        /// Its kind.
        kind: String,
    },
    /// Signed, but nothing that we know.
    Other {
        /// Its kind, made harmless.
        kind: String,
    },
}

/// A delivery that its channel has signed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Received {
    /// The channel's id of it: the same one has one effect.
    pub id: String,
    /// When it was sent, as the channel says.
    pub sent_at: Timestamp,
    /// What it means.
    pub intake: Intake,
}

/// Why a delivery was not taken.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NotTaken {
    /// A header is missing, or nobody whom we know has signed.
    #[error("no signature of this channel")]
    Unsigned,
    /// Signed, but long ago or in time to come: it may be sent again by a stranger.
    #[error("its time is more than 5 minutes from ours")]
    Stale,
    /// More bytes than a delivery may have.
    #[error("more than 256 KiB")]
    TooLarge,
    /// Signed, but it cannot be read.
    #[error("{0}")]
    Malformed(String),
    /// Signed, but a field breaks a rule.
    #[error("{field}: {rule}")]
    Invalid {
        /// As a JSON pointer.
        field: String,
        /// The rule.
        rule: String,
    },
}

/// A sales channel's translator. One file, one value without fields.
pub trait Connector: Sync {
    /// Its name in records.
    fn name(&self) -> &'static str;

    /// The request that tells a message. The same message gives the same body at every attempt.
    fn request(&self, account: &Account<'_>, out: &Outgoing<'_>, now: Timestamp) -> Request;

    /// What an answer to it means.
    fn verdict(&self, reply: &Reply<'_>) -> Verdict;

    /// How much more it takes now, as an answer says; none when it does not say.
    fn allowance(&self, reply: &Reply<'_>) -> Option<Allowance>;

    /// Proves and reads what a channel sends, in this order.
    ///
    /// # Errors
    /// Says why it was not taken.
    fn receive(&self, account: &Account<'_>, incoming: &Incoming<'_>)
    -> Result<Received, NotTaken>;
}
