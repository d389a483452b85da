//! Stock: units at places, and the commands that move them.
//!
//! A change of stock is a [`Movement`] from place to place, so the sum over all places of an item
//! is always zero. Buckets never go below zero; outside places may. `decide` is total and pure:
//! what it accepts can always be applied. It knows nothing of databases: what it has not been
//! given it asks for ([`Stop::Missing`]).

mod arrival;
mod command;
mod draft;
mod draw;
mod fact;
mod holds;
mod items;
mod kits;
mod outcome;
mod rejected;
mod release;
mod request;
mod reservation;
mod reserve;
mod sale;
mod session;
mod settings;
mod shape;
mod share;
mod state;
mod transfer;
mod versions;
mod words;

use serde::{Deserialize, Serialize};

pub use arrival::ArrivedLine;
pub use command::{At, Command, FactBody};
pub use kits::SoldKit;
pub use outcome::{Change, Decision, HelloAnswer, Notice, Outcome, TimerChange, TimerKind};
pub use reservation::{OfKit, Reservation, ReservationLine, ReservationState};
pub use sale::{SaleApproval, SaleDocument, SaleLine, SaleTender};
pub use session::SESSION_OVER;
pub use shape::shape;
pub use share::{Incarnation, Lease, Share};
pub use state::{Key, State, Stop};
pub use transfer::Transfer;
pub use versions::Versions;
pub use words::{Adjustment, InSource};

use crate::id::ReservationId;

/// The hub's number of an item: key of the hot tables.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize,
)]
pub struct ItemNo(pub i64);

/// The hub's number of a location: key of the hot tables.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize,
)]
pub struct LocationNo(pub i64);

/// The hub's gapless number of an accepted command that changed anything.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize,
)]
pub struct Version(pub i64);

/// An item at a location.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct StockKey {
    /// Which item.
    pub item: ItemNo,
    /// Where.
    pub location: LocationNo,
}

/// Where units can be. The first seven are buckets (on hand, never negative); the last five are
/// outside places, whose balance is what came from or went to them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Place {
    /// Promised by the hub without asking the store.
    Available,
    /// Sold by the store's registers without asking the hub.
    StoreShare,
    /// Claimed by open reservations.
    Reserved,
    /// Taken from the shelf for a reservation.
    Picked,
    /// Waiting for inspection.
    QualityControl,
    /// Not for sale.
    Damaged,
    /// What a silent or copied agent may still hold; never promised.
    InDoubt,
    /// Goods come from here.
    Supplier,
    /// Goods go here.
    Customer,
    /// Found and lost.
    Adjustment,
    /// Thrown away.
    Scrap,
    /// Sold, though no bucket explains it; repaid by the next units that arrive.
    Discrepancy,
}

impl Place {
    /// All places, in the order of their columns.
    pub const ALL: [Place; 12] = [
        Place::Available,
        Place::StoreShare,
        Place::Reserved,
        Place::Picked,
        Place::QualityControl,
        Place::Damaged,
        Place::InDoubt,
        Place::Supplier,
        Place::Customer,
        Place::Adjustment,
        Place::Scrap,
        Place::Discrepancy,
    ];
    /// The buckets.
    pub const BUCKETS: usize = 7;

    /// Position in [`Place::ALL`].
    pub const fn index(self) -> usize {
        self as usize
    }

    /// True for places whose units are on hand.
    pub const fn is_bucket(self) -> bool {
        self.index() < Self::BUCKETS
    }

    /// The name in tables, API and logs.
    pub const fn name(self) -> &'static str {
        match self {
            Place::Available => "available",
            Place::StoreShare => "store_share",
            Place::Reserved => "reserved",
            Place::Picked => "picked",
            Place::QualityControl => "quality_control",
            Place::Damaged => "damaged",
            Place::InDoubt => "in_doubt",
            Place::Supplier => "supplier",
            Place::Customer => "customer",
            Place::Adjustment => "adjustment",
            Place::Scrap => "scrap",
            Place::Discrepancy => "discrepancy",
        }
    }

    /// The place with this name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|p| p.name() == name)
    }
}

/// All figures of one item at one location.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Stock {
    /// Balance per place, in the order of [`Place::ALL`].
    pub balances: [i64; 12],
    /// Units that open reservations lack; derived from their lines.
    pub short: i64,
    /// Of the last change.
    pub version: Version,
}

impl Stock {
    /// The balance of one place.
    pub const fn at(&self, place: Place) -> i64 {
        self.balances[place.index()]
    }

    /// What the hub may promise or grant.
    pub const fn available(&self) -> i64 {
        self.at(Place::Available)
    }

    /// The sum of the buckets.
    pub fn on_hand(&self) -> i64 {
        self.balances[..Place::BUCKETS].iter().sum()
    }

    /// What should stand on the shelf, as a count would find it: without picked goods and what
    /// waits elsewhere, less the units that were sold without a bucket to explain them.
    pub const fn shelf(&self) -> i64 {
        self.at(Place::Available)
            + self.at(Place::StoreShare)
            + self.at(Place::Reserved)
            + self.at(Place::InDoubt)
            + self.at(Place::Discrepancy)
    }
}

/// A place of a location.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Spot {
    /// Where.
    pub location: LocationNo,
    /// Which place there.
    pub place: Place,
}

/// Why units moved.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Reason {
    /// Goods came in.
    Receive,
    /// A claim was made.
    Reserve,
    /// A claim was given up.
    Release,
    /// A hold ran out.
    Expire,
    /// Taken from the shelf for a reservation.
    Pick,
    /// Given to the shopper or carrier.
    HandOver,
    /// A register sold it.
    Sale,
    /// A shopper brought it back.
    Return,
    /// Broken, found, lost ...
    Adjust,
    /// A count differed.
    Count,
    /// The hub gave units to a store.
    Grant,
    /// A store gave units back.
    GiveBack,
    /// An agent knew of a grant that this hub had lost.
    Learn,
    /// An incarnation ended; what it may hold is in doubt.
    Retire,
    /// An ended incarnation said what it held.
    Close,
    /// Units that arrived repaid a discrepancy or a short reservation.
    Heal,
    /// On the way from one location to another.
    Transfer,
}

impl Reason {
    /// The name in tables, API and logs.
    pub const fn name(self) -> &'static str {
        match self {
            Reason::Receive => "receive",
            Reason::Reserve => "reserve",
            Reason::Release => "release",
            Reason::Expire => "expire",
            Reason::Pick => "pick",
            Reason::HandOver => "hand_over",
            Reason::Sale => "sale",
            Reason::Return => "return",
            Reason::Adjust => "adjust",
            Reason::Count => "count",
            Reason::Grant => "grant",
            Reason::GiveBack => "give_back",
            Reason::Learn => "learn",
            Reason::Retire => "retire",
            Reason::Close => "close",
            Reason::Heal => "heal",
            Reason::Transfer => "transfer",
        }
    }
}

/// Units of an item that went from one place to another. Append-only.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Movement {
    /// Which item.
    pub item: ItemNo,
    /// From here.
    pub from: Spot,
    /// To here.
    pub to: Spot,
    /// How many, above zero.
    pub quantity: i64,
    /// Balance of `from` afterwards.
    pub from_after: i64,
    /// Balance of `to` afterwards.
    pub to_after: i64,
    /// Why.
    pub reason: Reason,
    /// For which reservation.
    pub reservation: Option<ReservationId>,
}

/// Decides one command against a state. Changes nothing: [`State::apply`] does, and can always.
pub fn decide(state: &State, command: &Command, at: &At) -> Result<Decision, Stop> {
    let mut draft = draft::Draft::new(state, at);
    let command = settings::allowed(state, command)?;
    shape(command)?;
    let outcome = match command {
        Command::PutItem { .. }
        | Command::NameItem { .. }
        | Command::RetireItem { .. }
        | Command::PutPrices { .. }
        | Command::SetPrice { .. } => items::item(&mut draft, command)?,
        Command::PutRecord { .. } | Command::RemoveRecord { .. } | Command::Redeem { .. } => {
            settings::record(&mut draft, command)?
        }
        Command::Reserve { .. } => reserve::reserve(&mut draft, command)?,
        Command::Commit { .. }
        | Command::Release { .. }
        | Command::Expire { .. }
        | Command::Pick { .. }
        | Command::HandOver { .. } => reserve::step(&mut draft, command)?,
        Command::Receive { .. }
        | Command::ReturnGoods { .. }
        | Command::Adjust { .. }
        | Command::Count { .. } => request::physical(&mut draft, command)?,
        Command::Transfer { .. } | Command::ReceiveTransfer { .. } => {
            transfer::transfer(&mut draft, command)?
        }
        Command::Hello { .. }
        | Command::Ask { .. }
        | Command::GrantByPolicy { .. }
        | Command::RetireAgent { .. } => session::session(&mut draft, command)?,
        Command::Fact { .. } => fact::fact(&mut draft, command)?,
        Command::BookRejected { .. } => rejected::book(&mut draft, command)?,
        Command::OnlyIf { .. } => return Err(Stop::NotNow("one condition at a time")),
    };
    Ok(draft.finish(outcome))
}
