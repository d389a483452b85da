//! Quantity: a non-negative count of an item's base unit (each, gram or millilitre).
//!
//! Never a float, never negative, at most [`limits::QUANTITY_MAX`]: sums of a batch cannot
//! overflow.

use serde::{Deserialize, Serialize};

use crate::limits;

/// A count of base units, 0 to [`limits::QUANTITY_MAX`].
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize,
)]
#[serde(try_from = "i64", into = "i64")]
pub struct Quantity(i64);

/// Why a number is no quantity.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("a quantity is a whole number from 0 to {max}", max = limits::QUANTITY_MAX)]
pub struct NotAQuantity;

impl Quantity {
    /// No units.
    pub const ZERO: Quantity = Quantity(0);
    /// One unit.
    pub const ONE: Quantity = Quantity(1);

    /// Checks the range.
    pub fn new(units: i64) -> Result<Self, NotAQuantity> {
        if (0..=limits::QUANTITY_MAX).contains(&units) {
            Ok(Self(units))
        } else {
            Err(NotAQuantity)
        }
    }

    /// The count as a number.
    pub const fn units(self) -> i64 {
        self.0
    }

    /// True for no units.
    pub const fn is_zero(self) -> bool {
        self.0 == 0
    }
}

impl TryFrom<i64> for Quantity {
    type Error = NotAQuantity;

    fn try_from(units: i64) -> Result<Self, NotAQuantity> {
        Self::new(units)
    }
}

impl From<Quantity> for i64 {
    fn from(quantity: Quantity) -> i64 {
        quantity.0
    }
}

impl std::fmt::Display for Quantity {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_whole_numbers_in_range_are_quantities() {
        assert!(Quantity::new(-1).is_err());
        assert!(Quantity::new(limits::QUANTITY_MAX + 1).is_err());
        assert_eq!(Quantity::new(3).unwrap().units(), 3);
    }
}
