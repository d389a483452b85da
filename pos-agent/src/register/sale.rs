//! A paid ticket as the journal keeps it.

use oneshelf_domain::item::Unit;
use oneshelf_domain::ticket::TaxLine;
use oneshelf_domain::{LineId, Money, RegisterCode, SaleId, Sku, TicketId, Timestamp};
use oneshelf_protocol::frame::{Tender, Total};
use serde::{Deserialize, Serialize};

/// A line that was sold.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct PaidLine {
    pub id: LineId,
    pub sku: Sku,
    pub name: String,
    pub options: Option<String>,
    #[serde(default)]
    pub unit: Unit,
    pub quantity: i64,
    pub unit_price: Money,
    pub total: Money,
    pub tax: String,
    /// What one of it was made of, where it is a kit: (SKU, base units) per part.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub components: Vec<Total>,
}

/// A sale, whole: enough to print its receipt again.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct PaidSale {
    pub id: SaleId,
    pub ticket: TicketId,
    pub receipt_number: String,
    pub register: RegisterCode,
    pub number: i64,
    pub cashier: String,
    pub total: Money,
    pub given: Money,
    pub change: Money,
    pub paid_at: Timestamp,
    pub tenders: Vec<Tender>,
    pub lines: Vec<PaidLine>,
    pub taxes: Vec<TaxLine>,
}
