//! Reading for the audit: pages of tables, in an order that never revisits a row.
//!
//! Every function reads one page inside the caller's short transaction. It judges nothing: what
//! the rows must satisfy is `crate::audit`'s matter. Invariant: nothing here writes.

mod history;
mod rest;
mod stock;

pub use history::{
    Beyond, CommandLine, EventLine, LedgerLine, MovementLine, beyond, commands, ending_events,
    ledger, movements, oldest_event, oldest_request,
};
pub use rest::{
    BarcodeLine, ItemLine, ReservationLine, SaleLine, SoldLine, TimerLine, barcodes, copied_stores,
    items, owners_of, receipts, reservations, sales, sold, sold_later, timers,
};
pub use stock::{
    LiveLine, OpenLine, ShareLine, StockLine, late_movements, movements_by_item, open_lines,
    shares, stock, stores_with_two_lives,
};

/// Rows of a page.
pub const PAGE_ROWS: i64 = 5_000;
