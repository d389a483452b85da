//! What commands say beside numbers: why stock is corrected, where goods come from.
//!
//! Their spelling in JSON is a contract, as that of commands is. Nothing here decides anything.

use serde::{Deserialize, Serialize};

/// Why stock is corrected by hand.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Adjustment {
    /// available -> damaged.
    Damaged,
    /// available -> adjustment.
    Lost,
    /// available -> adjustment.
    Stolen,
    /// adjustment -> available.
    Found,
    /// available -> adjustment.
    Sample,
    /// available -> scrap.
    Expired,
    /// available -> adjustment.
    CorrectionDown,
    /// adjustment -> available.
    CorrectionUp,
    /// damaged -> scrap.
    Scrapped,
}

/// Where goods that come into a store come from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum InSource {
    /// A shopper brought them back.
    Customer,
    /// A delivery.
    Supplier,
}
