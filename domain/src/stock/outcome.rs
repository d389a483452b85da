//! What deciding a command yields: the answer, the units that move, the rows that change.
//!
//! Outcomes are kept and answered again, so their spelling in JSON is a contract. Nothing here
//! decides anything.

use serde::{Deserialize, Serialize};

use super::{
    Incarnation, ItemNo, Lease, LocationNo, Movement, Reservation, ReservationState, SaleDocument,
    Share, StockKey,
};
use crate::code::Barcode;
use crate::id::{AgentId, IncarnationId, ReservationId};
use crate::item::Item;
use crate::record::Record;
use crate::time::Timestamp;

/// The answer to a Hello.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "hello", rename_all = "snake_case")]
pub enum HelloAnswer {
    /// A session is open.
    Welcome {
        /// The session.
        lease: Lease,
        /// (item, total) for all above zero.
        granted: Vec<(ItemNo, i64)>,
        /// Seq of the last fact that the hub has of this life; goes into every Ping.
        #[serde(default)]
        last: i64,
        /// Whether this hub was put back to an earlier state: the agent says all its facts again,
        /// and gets all rows.
        #[serde(default)]
        anew: bool,
    },
    /// Draw a new nonce and say Hello again.
    Stale,
    /// Close this incarnation and begin a new one.
    Retired,
}

/// What an accepted command answers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "outcome", rename_all = "snake_case")]
pub enum Outcome {
    /// Done; `version` says when.
    Done,
    /// Nothing had to change.
    Unchanged,
    /// An item was written.
    Item {
        /// Its number.
        no: ItemNo,
    },
    /// A reservation was made or stepped.
    Reservation {
        /// Which.
        id: ReservationId,
        /// Its state afterwards.
        state: ReservationState,
        /// When the hold runs out.
        expires_at: Option<Timestamp>,
    },
    /// An agent joined.
    Joined {
        /// Its id.
        agent: AgentId,
        /// Its store's code.
        location: String,
    },
    /// A Hello was answered.
    Hello(HelloAnswer),
    /// A grant, as a total.
    Grant {
        /// Which incarnation.
        incarnation: IncarnationId,
        /// Its session.
        session: Lease,
        /// Which item.
        item: ItemNo,
        /// The total.
        total: i64,
    },
    /// A fact was booked; its commercial part may need a look.
    Booked {
        /// A code when somebody must look.
        attention: Option<String>,
    },
    /// A fact was rejected whole: its place in the log is taken, nothing was booked, and the two
    /// views may differ until somebody takes it in.
    NotBooked {
        /// A stable code.
        code: String,
    },
}

/// A timer's kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TimerKind {
    /// A hold runs out.
    ExpireReservation,
}

impl TimerKind {
    /// The name in tables.
    pub const fn name(self) -> &'static str {
        match self {
            TimerKind::ExpireReservation => "expire_reservation",
        }
    }
}

/// A timer set or cleared.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TimerChange {
    /// Due then.
    Set {
        /// What is to happen.
        kind: TimerKind,
        /// To what.
        subject: String,
        /// When.
        due_at: Timestamp,
    },
    /// Not needed any more.
    Clear {
        /// What was to happen.
        kind: TimerKind,
        /// To what.
        subject: String,
    },
}

/// Something a person should see.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Notice {
    /// A stable code.
    pub code: String,
    /// What it is about.
    pub subject: String,
    /// In words.
    pub text: String,
}

/// The new state of a row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Change {
    /// An item, with the barcodes that it had before.
    Item {
        /// The new row.
        item: Box<Item>,
        /// Barcodes that it no longer has.
        dropped: Vec<Barcode>,
    },
    /// A record.
    Record(Box<Record>),
    /// A record's end.
    RecordGone(String),
    /// A reservation.
    Reservation(Box<Reservation>),
    /// An incarnation.
    Incarnation(Box<Incarnation>),
    /// What an incarnation owns of an item.
    Share(StockKey, IncarnationId, Share),
    /// A sale's commercial part.
    Sale {
        /// Where.
        location: LocationNo,
        /// When, as the agent claims.
        occurred_at: Timestamp,
        /// The document.
        document: Box<SaleDocument>,
        /// A code when somebody must look.
        attention: Option<String>,
    },
}

/// What deciding a command yields. Applying it cannot fail.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Decision {
    /// The answer.
    pub outcome: Outcome,
    /// Units that move, in order.
    pub movements: Vec<Movement>,
    /// Rows that change, in order; a row appears once.
    pub changes: Vec<Change>,
    /// Timers.
    pub timers: Vec<TimerChange>,
    /// For people.
    pub notices: Vec<Notice>,
    /// True when it gets a version of its own.
    pub versioned: bool,
}
