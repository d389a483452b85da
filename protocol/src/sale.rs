//! What facts say of goods that were sold or arrived.
//!
//! It knows no frame and no log. Stored bytes have this form for longer than any program lives.

use oneshelf_domain::{LineId, Money, Quantity, SaleId, Sku};
use serde::{Deserialize, Serialize};

use crate::frame::Total;

/// Units of an item that arrived.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ArrivedUnits {
    /// Which item.
    pub sku: Sku,
    /// Fit to be sold.
    pub good: i64,
    /// Not for sale.
    #[serde(default)]
    pub damaged: i64,
}

/// A line's split, decided by the agent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SaleSplit {
    /// Which item.
    pub sku: Sku,
    /// Units from the share.
    pub share: i64,
    /// Units beyond it.
    pub beyond: i64,
}

/// The commercial part of a sale.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sale {
    /// Its id.
    pub id: SaleId,
    /// `S07-R2-000123`.
    pub receipt_number: String,
    /// `S07-R2`.
    pub register: String,
    /// Counts up without a gap per register.
    pub number: i64,
    /// Who sold: name and code.
    pub cashier: String,
    /// Tax included.
    pub total: Money,
    /// Given back.
    pub change: Money,
    /// What was given.
    pub tenders: Vec<Tender>,
    /// What was sold.
    pub lines: Vec<SoldLine>,
    /// Goods were sold that may be promised to somebody else, and who said so.
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

/// A means of payment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tender {
    /// `cash`.
    pub kind: String,
    /// How much was given.
    pub given: Money,
}

/// A line of a sale.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SoldLine {
    /// Its id on the ticket.
    pub id: LineId,
    /// Which item.
    pub sku: Sku,
    /// As on the receipt.
    pub name: String,
    /// How many.
    pub quantity: Quantity,
    /// Of a piece, a kilogram or a litre.
    pub unit_price: Money,
    /// Of the line.
    pub total: Money,
    /// Tax class.
    pub tax: String,
    /// What one of it was made of, where it was a kit: (SKU, base units) per part.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub components: Vec<Total>,
}
