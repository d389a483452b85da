//! What a register sold, as its agent says: how the units left, and the commercial part.
//!
//! Amounts come from afar and are not checked here. Invariant: the split is the agent's alone; the
//! commercial part may be rejected, the stock effect never.

use serde::{Deserialize, Serialize};

use super::{ItemNo, SoldKit};
use crate::id::SaleId;

/// A line of a sale as its agent split it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SaleLine {
    /// Which item.
    pub item: ItemNo,
    /// Units from the agent's share.
    pub share: i64,
    /// Units beyond it.
    pub beyond: i64,
}

/// A means of payment of a sale.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SaleTender {
    /// `cash`.
    pub kind: String,
    /// Minor units given.
    pub given_minor: i64,
}

/// The commercial part of a sale: it may be rejected, its stock effect never.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SaleDocument {
    /// Its id.
    pub id: SaleId,
    /// `S07-R2-000123`.
    pub receipt_number: String,
    /// The part before the last hyphen.
    pub register: String,
    /// Counts up without a gap per register.
    pub number: i64,
    /// Who sold.
    pub cashier: String,
    /// ISO 4217.
    pub currency: String,
    /// Minor units.
    pub total_minor: i64,
    /// Minor units given back.
    pub change_minor: i64,
    /// What was given.
    pub tenders: Vec<SaleTender>,
    /// (item, quantity, unit price minor, total minor) per line.
    pub lines: Vec<(ItemNo, i64, i64, i64)>,
    /// The lines that sold kits.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub kits: Vec<SoldKit>,
    /// Units that might have been promised were sold, and who said so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub approval: Option<SaleApproval>,
}

/// A manager let goods go that may be promised to somebody else.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SaleApproval {
    /// Their code.
    pub by: String,
    /// Why.
    pub reason: String,
}
