//! Which items are kits, and of what: by number, so that a figure needs no look at the catalogue.
//!
//! It follows from the item's own components and changes with them alone. Invariant: a kit has a
//! part, no part twice, and none of its parts is a kit.

use serde::{Deserialize, Serialize};

use crate::stock::ItemNo;

/// What one kit is made of.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Kit {
    /// The item that is a kit.
    pub item: ItemNo,
    /// In the order of its components.
    pub parts: Vec<Part>,
}

/// A part of one kit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Part {
    /// Which item.
    pub item: ItemNo,
    /// Base units in one kit.
    pub quantity: i64,
}

impl Kit {
    /// The record's key.
    pub fn key(item: ItemNo) -> String {
        format!("kit/{}", item.0)
    }

    /// How many kits can be made: the scarcest part decides.
    pub fn count(&self, units: impl Fn(ItemNo) -> i64) -> i64 {
        count(self.parts.iter().map(|part| (units(part.item), part.quantity)))
    }
}

/// How many kits there are in parts, of each the units at hand and those of one kit.
pub fn count(parts: impl IntoIterator<Item = (i64, i64)>) -> i64 {
    parts.into_iter().map(|(units, each)| units / each.max(1)).min().unwrap_or(0)
}
