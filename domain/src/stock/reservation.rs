//! Reservations: claims on reserved units, one location per line.
//!
//! Invariant: an open reservation's lines hold `quantity - short` units in `reserved` (held,
//! committed, releasing; in transit at another location) or `picked`; an ended one holds none.

use serde::{Deserialize, Serialize};

use super::{ItemNo, LocationNo, StockKey, Transfer, Version};
use crate::id::ReservationId;
use crate::time::Timestamp;

/// Where a reservation is in its life.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ReservationState {
    /// Claimed for a while.
    Held,
    /// Claimed for good.
    Committed,
    /// Taken from the shelf.
    Picked,
    /// Given up, and its store has not yet said that the goods were not handed over: until then
    /// its units are nobody's.
    Releasing,
    /// On its way to another location; its lines stand at a location of kind transit.
    InTransit,
    /// Handed over or shipped: ended.
    Consumed,
    /// Given up: ended.
    Released,
    /// Ran out: ended.
    Expired,
    /// Arrived at another location: ended.
    Transferred,
}

impl ReservationState {
    /// The name in tables, API and logs.
    pub const fn name(self) -> &'static str {
        match self {
            ReservationState::Held => "held",
            ReservationState::Committed => "committed",
            ReservationState::Picked => "picked",
            ReservationState::Releasing => "releasing",
            ReservationState::InTransit => "in_transit",
            ReservationState::Consumed => "consumed",
            ReservationState::Released => "released",
            ReservationState::Expired => "expired",
            ReservationState::Transferred => "transferred",
        }
    }

    /// The state with this name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|s| s.name() == name)
    }

    /// All of them, in the order of a life.
    pub const ALL: [Self; 9] = [
        Self::Held,
        Self::Committed,
        Self::Picked,
        Self::Releasing,
        Self::InTransit,
        Self::Consumed,
        Self::Released,
        Self::Expired,
        Self::Transferred,
    ];

    /// True while it holds units.
    pub const fn is_open(self) -> bool {
        self.is_reserved() || matches!(self, ReservationState::Picked | ReservationState::InTransit)
    }

    /// True while its units stand in `reserved` of the location that is to give them.
    pub const fn is_reserved(self) -> bool {
        use ReservationState::{Committed, Held, Releasing};
        matches!(self, Held | Committed | Releasing)
    }

    /// True while somebody waits for its units: what they lack, units that arrive fill.
    pub const fn is_awaited(self) -> bool {
        self.is_open() && !matches!(self, ReservationState::Releasing | ReservationState::InTransit)
    }
}

/// One line of a reservation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReservationLine {
    /// Which item.
    pub item: ItemNo,
    /// Where.
    pub location: LocationNo,
    /// Units claimed.
    pub quantity: i64,
    /// Units that a register took meanwhile; of one that is being released also those that are
    /// free again; of a transfer that left, those that arrived.
    pub short: i64,
    /// Which kit it is a part of.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kit: Option<OfKit>,
}

/// Kits that were claimed; each has a line for every part.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct OfKit {
    /// Which item is the kit.
    pub item: ItemNo,
    /// How many kits.
    pub quantity: i64,
}

impl OfKit {
    /// As its two columns say.
    pub fn stored(item: Option<i64>, quantity: Option<i64>) -> Option<Self> {
        Some(Self { item: ItemNo(item?), quantity: quantity? })
    }
}

impl ReservationLine {
    /// The stock row it draws on.
    pub const fn key(&self) -> StockKey {
        StockKey { item: self.item, location: self.location }
    }

    /// The item that was asked for: the kit, where it is a part of one.
    pub fn asked(&self) -> ItemNo {
        self.kit.map_or(self.item, |kit| kit.item)
    }

    /// Units that it holds.
    pub const fn held(&self) -> i64 {
        self.quantity - self.short
    }
}

/// A claim on units.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reservation {
    /// Its id.
    pub id: ReservationId,
    /// Where it is in its life.
    pub state: ReservationState,
    /// What it claims.
    pub lines: Vec<ReservationLine>,
    /// A hold is dead from here on.
    pub expires_at: Option<Timestamp>,
    /// Which channel asked.
    pub channel: Option<String>,
    /// Which shopper asked (a token's hash).
    pub shopper: Option<String>,
    /// From which address (a hash).
    pub address: Option<String>,
    /// The caller's own number.
    pub reference: Option<String>,
    /// Its goods go to another location, not to a shopper.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub transfer: Option<Transfer>,
    /// When it was made; orders reservations.
    pub created: Version,
    /// Of the last change.
    pub version: Version,
}

impl Reservation {
    /// True when a reservation that somebody waits for lacks units.
    pub fn is_short(&self) -> bool {
        self.state.is_awaited() && self.lines.iter().any(|l| l.short > 0)
    }

    /// The word that people see: `short` wins over the state it is in.
    pub fn shown_state(&self) -> &'static str {
        if self.is_short() { "short" } else { self.state.name() }
    }

    /// Units that its lines of one stock row lack while somebody waits for it.
    pub fn short_at(&self, key: StockKey) -> i64 {
        if !self.state.is_awaited() {
            return 0;
        }
        self.lines.iter().filter(|l| l.key() == key).map(|l| l.short).sum()
    }
}
