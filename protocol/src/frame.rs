//! Frames of the link, as JSON text: reference/shares.md section 2.
//!
//! `Fact` bodies name items by SKU: an agent keeps its log longer than the hub its numbers.

use oneshelf_domain::stock::{InSource, Lease};
use oneshelf_domain::{CommandId, IncarnationId, LocationCode, ReservationId, Sku, Timestamp};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::replica::Row;
pub use crate::sale::{ArrivedUnits, Sale, SaleApproval, SaleSplit, SoldLine, Tender};

/// (SKU, total).
pub type Total = (Sku, i64);

/// Agent to hub.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Up {
    /// Opens a session; may come in parts (`more`), all with one nonce.
    Hello {
        /// Versions that the agent speaks.
        protocol: Protocol,
        /// Which life of its database.
        incarnation: IncarnationId,
        /// The life before.
        follows: Option<IncarnationId>,
        /// The lease it holds.
        lease: Lease,
        /// Durable until answered.
        nonce: Uuid,
        /// Its last seq.
        last: i64,
        /// All totals above zero.
        granted: Vec<Total>,
        /// The hub epoch and version that its replica is at.
        cursor: Cursor,
        /// Another part follows.
        #[serde(default)]
        more: bool,
    },
    /// Something happened.
    Fact {
        /// Of this session.
        session: Lease,
        /// The stored bytes.
        fact: Box<Fact>,
    },
    /// Grant at scan.
    Ask {
        /// Of this session.
        session: Lease,
        /// Which incarnation.
        incarnation: IncarnationId,
        /// Which item.
        sku: Sku,
        /// "Let my granted total reach this."
        want: i64,
    },
    /// Answers a Ping.
    Pong {
        /// Of this session.
        session: Lease,
        /// Which ping.
        number: i64,
        /// Digest of the totals at `last`.
        digest: String,
        /// Seq that the digest is about.
        last: i64,
        /// Facts that wait for the hub's word; none of an agent that does not say it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        waiting: Option<usize>,
        /// Where the log goes on for the hub: the first fact without its word, or the next that
        /// will be written. None of an agent that does not say it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        next: Option<LogPlace>,
    },
    /// The replica is at this point; send what came after.
    Cursor {
        /// Of this session.
        session: Lease,
        /// Where.
        cursor: Cursor,
    },
}

/// A place in the log of an agent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct LogPlace {
    /// Of which life.
    pub incarnation: IncarnationId,
    /// From 1.
    pub seq: i64,
}

/// Versions that a program speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Protocol {
    /// From.
    pub min: u32,
    /// To.
    pub max: u32,
}

/// A point in the hub's history.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default, Serialize, Deserialize)]
pub struct Cursor {
    /// The hub's epoch.
    pub epoch: i64,
    /// The hub's version.
    pub version: i64,
}

/// A fact, as stored in the agent's log before anything else knows of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fact {
    /// Its id, chosen at the register.
    pub command_id: CommandId,
    /// Which life of the database.
    pub incarnation: IncarnationId,
    /// Place in that life's log, from 1.
    pub seq: i64,
    /// The fact before it.
    pub prev_id: Option<CommandId>,
    /// Totals of the items that it names, as granted at that moment.
    pub granted: Vec<Total>,
    /// The agent's clock.
    pub occurred_at: Timestamp,
    /// What happened.
    pub body: Body,
}

/// What happened.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "body", rename_all = "snake_case")]
pub enum Body {
    /// A register sold.
    Sale {
        /// How the units left.
        lines: Vec<SaleSplit>,
        /// The commercial part.
        sale: Box<Sale>,
    },
    /// Goods came in.
    In {
        /// Which item.
        sku: Sku,
        /// How many.
        quantity: i64,
        /// Whether the agent's share owns them.
        to_share: bool,
        /// From where.
        source: InSource,
    },
    /// Share handed back.
    Back {
        /// Which item.
        sku: Sku,
        /// How many.
        quantity: i64,
    },
    /// The shelf was counted.
    Count {
        /// Which item.
        sku: Sku,
        /// Units found.
        found: i64,
        /// Units that the agent cut from its own share.
        from_share: i64,
    },
    /// Given to the shopper.
    Handover {
        /// Which reservation.
        reservation: ReservationId,
        /// (SKU, units) per line.
        lines: Vec<Total>,
    },
    /// A reservation that was given up was not handed over, and will not be.
    Released {
        /// Which reservation.
        reservation: ReservationId,
        /// (SKU, units) per line.
        lines: Vec<Total>,
    },
    /// Units of the share went to another location, by the store's own decision.
    Sent {
        /// Where they go.
        to: LocationCode,
        /// Where they stand on the way; none: the hub says so.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        via: Option<LocationCode>,
        /// (SKU, units) per line.
        lines: Vec<Total>,
    },
    /// Goods of a transfer were unpacked.
    Arrived {
        /// Which transfer.
        transfer: ReservationId,
        /// What came.
        lines: Vec<ArrivedUnits>,
        /// Nothing more of it will come.
        close: bool,
    },
    /// The last fact of an incarnation.
    Close {
        /// What its share still held.
        left: Vec<Total>,
    },
}

/// The hub's word on a fact.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "answer", rename_all = "snake_case")]
pub enum Answer {
    /// Booked now.
    Accepted,
    /// Booked before.
    Duplicate,
    /// Not booked; seq moves on, somebody looks at it.
    Rejected {
        /// A stable code.
        code: String,
    },
}

/// Hub to agent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Down {
    /// A session is open.
    Welcome {
        /// Which incarnation is meant.
        incarnation: IncarnationId,
        /// Which Hello is answered.
        nonce: Uuid,
        /// The session.
        lease: Lease,
        /// All totals above zero; may come in parts (`more`).
        granted: Vec<Total>,
        /// Seq of the last fact that the hub has of this life.
        last: i64,
        /// This hub was put back to an earlier state: the agent says all its facts again, and all
        /// rows follow.
        #[serde(default)]
        anew: bool,
        /// Another part follows.
        #[serde(default)]
        more: bool,
    },
    /// That Hello was answered long ago.
    Stale {
        /// Which one.
        nonce: Uuid,
    },
    /// Close this incarnation and begin another.
    Retired {
        /// Which.
        incarnation: IncarnationId,
    },
    /// This life was lived twice: its database was restored, or copied. Goes before Retired.
    Forked {
        /// Which.
        incarnation: IncarnationId,
    },
    /// Another machine speaks as this agent: no session before a manager says yes.
    Waits {
        /// Which incarnation is meant.
        incarnation: IncarnationId,
        /// Which Hello is answered.
        nonce: Uuid,
    },
    /// The last receipt numbers that the hub has heard of, behind each Welcome.
    Numbers {
        /// Of this session.
        session: Lease,
        /// `S07-R2`, number.
        last: Vec<(String, i64)>,
    },
    /// Granted total.
    Grant {
        /// Of this session.
        session: Lease,
        /// Which incarnation.
        incarnation: IncarnationId,
        /// Which item.
        sku: Sku,
        /// `granted = max(granted, total)`.
        total: i64,
        /// What the Ask wanted that this answers; none when it comes unasked, by policy.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        want: Option<i64>,
    },
    /// Gives share back: the answer is a fact, or none.
    Recall {
        /// Of this session.
        session: Lease,
        /// Which incarnation.
        incarnation: IncarnationId,
        /// Which item.
        sku: Sku,
        /// "Let your returned total reach this."
        target: i64,
    },
    /// Answers a fact.
    Ack {
        /// Of this session.
        session: Lease,
        /// Which fact.
        id: CommandId,
        /// The word.
        answer: Answer,
    },
    /// The heartbeat.
    Ping {
        /// Of this session.
        session: Lease,
        /// Counts up.
        number: i64,
        /// Last seq that the hub has.
        last: i64,
        /// Totals that no frame has confirmed.
        granted: Vec<Total>,
    },
    /// Rows that changed. Parts of one frame (`part`, `more`) are applied together, and only when
    /// none is missing.
    Changes {
        /// Of this session.
        session: Lease,
        /// The hub's epoch.
        epoch: i64,
        /// Every change after this version ...
        after: i64,
        /// ... up to this one is in the frame.
        upto: i64,
        /// The last of this agent's facts that the rows include.
        applied: Applied,
        /// The rows as they are at `upto`.
        rows: Vec<Row>,
        /// Which part this is, from 0.
        #[serde(default)]
        part: u32,
        /// Another part follows.
        #[serde(default)]
        more: bool,
    },
    /// The frame's kind is not known here.
    Unsupported {
        /// What it was.
        what: String,
    },
}

/// How far an agent's log is included.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Applied {
    /// Which incarnation; none before its first fact.
    pub incarnation: Option<IncarnationId>,
    /// Its seq.
    pub seq: i64,
}
