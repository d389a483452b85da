//! Policies: numbers that lower or share what may be promised.
//!
//! Plain values of small integers, in base units. How they are applied is `promise`'s and
//! `stock`'s matter.

use serde::{Deserialize, Serialize};

use crate::stock::{ItemNo, LocationNo};

/// Units of an item that a location keeps back from every channel.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Safety {
    /// Which item.
    pub item: ItemNo,
    /// Where.
    pub location: LocationNo,
    /// Units.
    pub units: i64,
}

/// Units of an item that one channel may not offer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Buffer {
    /// Which item.
    pub item: ItemNo,
    /// Which channel.
    pub channel: String,
    /// Units.
    pub units: i64,
}

/// Units that a store's registers own without asking.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SharePolicy {
    /// Where.
    pub location: LocationNo,
    /// One item, or all of them.
    #[serde(default)]
    pub item: Option<ItemNo>,
    /// Units.
    pub units: i64,
}
