//! Commands: everything that can change the hub.
//!
//! A request may be refused. A fact has happened: its stock effect is booked, whatever it says.
//! Fingerprints are taken over this form in JSON, so its spelling is a contract.

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::{
    Adjustment, ArrivedLine, InSource, ItemNo, Lease, LocationNo, Place, SaleDocument, SaleLine,
    Version, Versions,
};
use crate::code::{LocationCode, Sku};
use crate::id::{AgentId, CommandId, IncarnationId, ReservationId};
use crate::item::ItemDetails;
use crate::money::Money;
use crate::price::{DatedPrice, PriceFrom};
use crate::promise::Fulfilment;
use crate::record::{Agent, Record};
use crate::time::Timestamp;

/// What the shell says of the moment.
#[derive(Debug, Clone)]
pub struct At {
    /// The hub's time: grows with the version.
    pub now: Timestamp,
    /// The version that this command gets when it changes anything.
    pub version: Version,
    /// The command's own id.
    pub command: CommandId,
    /// The hub's epoch.
    pub epoch: i64,
}

/// What a fact says happened.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "fact", rename_all = "snake_case")]
pub enum FactBody {
    /// A register sold.
    Sale {
        /// The split.
        lines: Vec<SaleLine>,
        /// The commercial part.
        document: Option<Box<SaleDocument>>,
    },
    /// Goods came in.
    In {
        /// Which item.
        item: ItemNo,
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
        item: ItemNo,
        /// How many.
        quantity: i64,
    },
    /// The shelf was counted.
    Count {
        /// Which item.
        item: ItemNo,
        /// Units found.
        found: i64,
        /// Units that the agent cut from its own share.
        from_share: i64,
    },
    /// Given to the shopper.
    Handover {
        /// Which reservation.
        reservation: ReservationId,
        /// (item, quantity) per line.
        lines: Vec<(ItemNo, i64)>,
    },
    /// Not given to the shopper, and never will be: the store knows that the claim was given up.
    Released {
        /// Which reservation.
        reservation: ReservationId,
        /// (item, quantity) per line.
        lines: Vec<(ItemNo, i64)>,
    },
    /// The store sent units of its share to another location, by itself.
    Sent {
        /// Where they go.
        to: LocationCode,
        /// Where they stand on the way; none: the hub says so.
        via: Option<LocationCode>,
        /// (item, quantity) per line.
        lines: Vec<(ItemNo, i64)>,
    },
    /// Goods of a transfer were unpacked.
    Arrived {
        /// Which transfer.
        transfer: ReservationId,
        /// What came.
        lines: Vec<ArrivedLine>,
        /// Nothing more of it will come.
        close: bool,
    },
    /// The last fact of an incarnation.
    Close {
        /// What its share still held.
        left: Vec<(ItemNo, i64)>,
    },
    /// A fact that this hub cannot read or has refused: its place in the log is taken, nothing is
    /// booked.
    Unreadable {
        /// Why, as a code.
        code: String,
        /// The fact's own id, which the next one names: the command's is another one where that
        /// was used before.
        id: CommandId,
    },
}

/// Everything that can change the hub.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "command", rename_all = "snake_case")]
pub enum Command {
    /// Makes or changes an item.
    PutItem {
        /// Which.
        sku: Sku,
        /// All that can change.
        details: ItemDetails,
    },
    /// Makes an item that a store named and nobody has told of; one that is there stays as it is.
    NameItem {
        /// Which.
        sku: Sku,
    },
    /// Takes an item off sale.
    RetireItem {
        /// Which.
        sku: Sku,
    },
    /// Puts a list of prices that begin at a moment in the place of an item's.
    PutPrices {
        /// Which.
        sku: Sku,
        /// All of them.
        prices: Vec<DatedPrice>,
    },
    /// Sets one price of an item: its own from now on, or the one that begins then.
    SetPrice {
        /// Which.
        sku: Sku,
        /// None: from now on, until the next one begins.
        from: Option<PriceFrom>,
        /// None: it has none then; of a later moment: that one does not come.
        price: Option<Money>,
    },
    /// Makes or changes a record. A new location gets its number here.
    PutRecord {
        /// The record.
        record: Box<Record>,
    },
    /// Removes a policy, or retires any other record.
    RemoveRecord {
        /// Kind, `/`, name.
        key: String,
    },
    /// Changes an item or a record only while it is as the sender has read it.
    OnlyIf {
        /// It must be at one of these.
        at: Option<Versions>,
        /// It must not be at one of these.
        not_at: Option<Versions>,
        /// What is to happen then.
        change: Box<Command>,
    },
    /// An agent joins with a one-time code.
    Redeem {
        /// SHA-256 of the code, hex.
        code_hash: String,
        /// The agent; its location is the code's.
        agent: Box<Agent>,
    },
    /// Goods came in at a location without an agent.
    Receive {
        /// Where.
        location: LocationNo,
        /// (item, quantity) per line.
        lines: Vec<(ItemNo, i64)>,
        /// The caller's number.
        reference: Option<String>,
    },
    /// A shopper brought goods back to a location without an agent.
    ReturnGoods {
        /// Where.
        location: LocationNo,
        /// Which item.
        item: ItemNo,
        /// How many.
        quantity: i64,
        /// available or `quality_control`.
        to: Place,
    },
    /// Corrects stock by hand.
    Adjust {
        /// Where.
        location: LocationNo,
        /// Which item.
        item: ItemNo,
        /// How many.
        quantity: i64,
        /// Why.
        why: Adjustment,
        /// A manager or admin said so.
        approved: bool,
        /// In words.
        note: Option<String>,
    },
    /// The shelf was counted at a location without an agent.
    Count {
        /// Where.
        location: LocationNo,
        /// Which item.
        item: ItemNo,
        /// Units found.
        found: i64,
        /// A manager or admin said so.
        approved: bool,
    },
    /// Claims units: all lines or none. The reservation's id is the command's.
    Reserve {
        /// What and where.
        lines: Vec<(ItemNo, LocationNo, i64)>,
        /// Life of the hold, milliseconds; none: committed at once.
        expires_in_ms: Option<i64>,
        /// The channel whose figure limits it.
        channel: Option<String>,
        /// How the goods come to the shopper: the channel's figure differs.
        fulfilment: Fulfilment,
        /// The shopper whose earlier hold on the item is replaced.
        shopper: Option<String>,
        /// The address whose holds are capped.
        address: Option<String>,
        /// The caller's number.
        reference: Option<String>,
    },
    /// Makes a hold last.
    Commit {
        /// Which.
        id: ReservationId,
    },
    /// Gives a claim up.
    Release {
        /// Which.
        id: ReservationId,
        /// Only when it belongs to this shopper.
        shopper: Option<String>,
    },
    /// Ends a hold that ran out; made by its timer.
    Expire {
        /// Which.
        id: ReservationId,
    },
    /// Takes the units from the shelf.
    Pick {
        /// Which.
        id: ReservationId,
    },
    /// Gives the units to the shopper or carrier.
    HandOver {
        /// Which.
        id: ReservationId,
    },
    /// Sends goods to another location: all lines or none, out of what is available. The
    /// transfer's id is the command's.
    Transfer {
        /// Who sends.
        from: LocationNo,
        /// Who gets it.
        to: LocationNo,
        /// Where it stands on the way; none: the first location of kind transit.
        via: Option<LocationNo>,
        /// (item, quantity) per line.
        lines: Vec<(ItemNo, i64)>,
        /// The caller's number.
        reference: Option<String>,
    },
    /// Goods of a transfer arrived at a location without an agent.
    ReceiveTransfer {
        /// Which.
        id: ReservationId,
        /// What came.
        lines: Vec<ArrivedLine>,
        /// Nothing more of it will come.
        close: bool,
    },
    /// An agent opens a session.
    Hello {
        /// Who proved to be it.
        agent: AgentId,
        /// Its store.
        location: LocationNo,
        /// Which life of its database.
        incarnation: IncarnationId,
        /// The life before.
        follows: Option<IncarnationId>,
        /// The lease it holds.
        lease: Lease,
        /// Durable at the agent until answered.
        nonce: Uuid,
        /// Its last seq.
        last: i64,
        /// (item, total) for all above zero.
        granted: Vec<(ItemNo, i64)>,
        /// Epoch and version that its copy of the hub's rows is at.
        copy: (i64, Version),
    },
    /// Books what a fact says that was not booked when it came, on a person's word.
    BookRejected {
        /// Its store.
        location: LocationNo,
        /// Which life of its agent's database.
        incarnation: IncarnationId,
        /// Its place in that life's log.
        seq: i64,
        /// When it happened.
        occurred_at: Timestamp,
        /// The shelf was looked at as it was then: no count has booked the goods.
        as_of: Version,
        /// What happened.
        body: FactBody,
    },
    /// Grant at scan: "let my granted total reach `want`".
    Ask {
        /// Whose store.
        location: LocationNo,
        /// Which incarnation.
        incarnation: IncarnationId,
        /// Of this session.
        session: Lease,
        /// Which item.
        item: ItemNo,
        /// The total wanted.
        want: i64,
    },
    /// Tops a store's share up to its policy.
    GrantByPolicy {
        /// Whose store.
        location: LocationNo,
        /// Of this session: a grant decided for one that is over would reach nobody.
        session: Lease,
        /// Which item.
        item: ItemNo,
    },
    /// Ends the life of an agent that does not answer: what it owned is in doubt from now on.
    RetireAgent {
        /// Whose store.
        location: LocationNo,
        /// The life that was looked at.
        incarnation: IncarnationId,
    },
    /// Something happened in a store.
    Fact {
        /// Whose store.
        location: LocationNo,
        /// Of this session.
        session: Lease,
        /// Which incarnation's log.
        incarnation: IncarnationId,
        /// Its place there.
        seq: i64,
        /// The fact before it.
        prev: Option<CommandId>,
        /// (item, total) of the items that it names, as granted at that moment.
        granted: Vec<(ItemNo, i64)>,
        /// The agent's claim.
        occurred_at: Timestamp,
        /// What happened.
        body: FactBody,
    },
}
