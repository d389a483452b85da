//! The shapes that pages see. Plain values; made from what is kept.

use oneshelf_domain::item::{Item, Unit};
use oneshelf_domain::money::{Money, MoneyError};
use oneshelf_domain::record::Records;
use oneshelf_domain::ticket::{TaxLine, Ticket, TicketLine, Warning};
use oneshelf_domain::{
    Barcode, LineId, PrintJobId, RegisterCode, SaleId, Sku, TicketId, Timestamp,
};
use serde::Serialize;
use sha2::{Digest, Sha256};

use super::sale::{PaidLine, PaidSale};
use super::scan::Says;
use crate::journal::{JobKind, JobRow, SaleRow};

/// A line of a ticket.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct LineView {
    id: LineId,
    sku: Sku,
    name: String,
    options: Option<String>,
    image: Option<String>,
    unit: Unit,
    quantity: i64,
    unit_price: Money,
    total: Money,
    tax: String,
    beyond: i64,
    warning: Option<Warning>,
}

impl LineView {
    fn of(line: &TicketLine) -> Result<Self, MoneyError> {
        Ok(Self {
            id: line.id,
            sku: line.sku.clone(),
            name: line.name.clone(),
            options: line.options.clone(),
            image: None,
            unit: line.unit,
            quantity: line.quantity,
            unit_price: line.unit_price,
            total: line.total()?,
            tax: line.tax.clone(),
            beyond: line.beyond,
            warning: line.warning,
        })
    }
}

/// A ticket.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct TicketView {
    id: TicketId,
    lines: Vec<LineView>,
    pieces: i64,
    total: Money,
    taxes: Vec<TaxLine>,
    /// What a payment names, so that nothing is paid but what was shown.
    fingerprint: String,
    state: &'static str,
}

impl TicketView {
    pub(crate) fn of(ticket: &Ticket, records: &Records) -> Result<Self, MoneyError> {
        let rates = records.shop().map_or(&[][..], |s| &s.taxes);
        Ok(Self {
            id: ticket.id,
            lines: ticket.lines.iter().map(LineView::of).collect::<Result<_, _>>()?,
            pieces: ticket.pieces(),
            total: ticket.total()?,
            taxes: ticket.taxes(rates)?,
            fingerprint: fingerprint(ticket),
            state: "open",
        })
    }
}

/// SHA-256 over what is sold and for how much, hex. Marks are left out: whether a unit is promised
/// changes while the shopper looks for the purse, what is to be paid does not.
pub(super) fn fingerprint(ticket: &Ticket) -> String {
    let mut hasher = Sha256::new();
    hasher.update(ticket.id.to_string());
    for line in &ticket.lines {
        let Money { minor, currency } = line.unit_price;
        let (id, sku, quantity, tax) = (line.id, &line.sku, line.quantity, &line.tax);
        let label = line.label_total.map(|m| m.minor);
        hasher.update(format!("\n{id} {sku:?} {quantity} {minor} {label:?} {currency} {tax:?}"));
        for part in &line.parts {
            hasher.update(format!(" {:?} {}", part.component.sku, part.component.quantity));
        }
    }
    hex::encode(hasher.finalize())
}

/// Figures of an item in this store.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct HereView {
    pub on_hand: i64,
    /// Without touching what is promised or picked.
    pub to_sell: i64,
    pub reserved: i64,
    pub picked: i64,
    /// Units that this store's registers own.
    pub share: i64,
}

/// A figure of another store.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct ElsewhereView {
    pub location: String,
    pub name: String,
    pub shown: i64,
    pub as_of: Timestamp,
    pub live: bool,
}

/// An item as the register shows it.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct ItemHere {
    pub sku: Sku,
    pub name: String,
    pub options: Option<String>,
    pub image: Option<String>,
    pub unit: Unit,
    pub price: Option<Money>,
    pub barcode: Option<Barcode>,
    pub here: HereView,
    pub elsewhere: Vec<ElsewhereView>,
}

impl ItemHere {
    pub(crate) fn of(
        item: &Item,
        price: Option<Money>,
        here: HereView,
        elsewhere: Vec<ElsewhereView>,
    ) -> Self {
        let d = &item.details;
        Self {
            sku: item.sku.clone(),
            name: d.name.clone(),
            options: d.options.clone(),
            image: d.image.clone(),
            unit: d.unit,
            price,
            barcode: d.barcodes.first().cloned(),
            here,
            elsewhere,
        }
    }
}

/// A line that was added.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Added {
    pub ticket: TicketView,
    pub added: LineId,
    pub item: ItemHere,
    /// What the scanned code says beside the item.
    pub says: Option<Says>,
}

/// A paid ticket.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct SaleView {
    id: SaleId,
    receipt_number: String,
    total: Money,
    given: Money,
    change: Money,
    paid_at: Timestamp,
    cashier: String,
    print: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    lines: Option<Vec<PaidLine>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    taxes: Option<Vec<TaxLine>>,
}

impl SaleView {
    pub(crate) fn of(sale: &PaidSale, print: Option<&str>) -> Self {
        Self {
            id: sale.id,
            receipt_number: sale.receipt_number.clone(),
            total: sale.total,
            given: sale.given,
            change: sale.change,
            paid_at: sale.paid_at,
            cashier: sale.cashier.clone(),
            print: print.unwrap_or("none").to_owned(),
            lines: None,
            taxes: None,
        }
    }

    pub(crate) fn of_row(row: &SaleRow) -> Self {
        Self::of(&row.sale, row.print.as_deref())
    }

    pub(crate) fn whole(row: &SaleRow) -> Self {
        Self {
            lines: Some(row.sale.lines.clone()),
            taxes: Some(row.sale.taxes.clone()),
            ..Self::of_row(row)
        }
    }
}

/// A print job.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct JobView {
    id: PrintJobId,
    kind: &'static str,
    pub receipt_number: Option<String>,
    register: RegisterCode,
    state: String,
    copy: bool,
    error: Option<String>,
    made_at: Timestamp,
    /// When it came into its state.
    changed_at: Timestamp,
}

impl From<&JobRow> for JobView {
    fn from(row: &JobRow) -> Self {
        let (kind, receipt_number) = match &row.kind {
            JobKind::Receipt { number, .. } => ("receipt", Some(number.clone())),
            JobKind::TestPage => ("test_page", None),
        };
        Self {
            id: row.id,
            kind,
            receipt_number,
            register: row.register.clone(),
            state: row.state.clone(),
            copy: row.copy,
            error: row.error.clone(),
            made_at: row.made_at,
            changed_at: row.changed_at,
        }
    }
}
