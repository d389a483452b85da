//! Rows of the hub that a store's agent keeps a copy of: the newest state of each, by its key.
//!
//! State, not history: a frame carries every row whose last change lies in its range, so that a
//! long absence costs one row a key and retention cannot cut an agent off.

use oneshelf_domain::item::Item;
use oneshelf_domain::record::Record;
use oneshelf_domain::{ReservationId, Sku, Timestamp};
use serde::{Deserialize, Serialize};

/// A row of the copy.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "row", rename_all = "snake_case")]
pub enum Row {
    /// An item with its price.
    Item {
        /// The whole item.
        item: Box<Item>,
    },
    /// A setting or right that concerns the store.
    Record {
        /// Its key.
        key: String,
        /// None: it is gone.
        record: Option<Box<Record>>,
    },
    /// The store's stock of an item.
    Stock {
        /// Which item.
        sku: Sku,
        /// All places, in the order of `Place::ALL`.
        balances: [i64; 12],
        /// Units that reservations lack.
        short: i64,
    },
    /// A reservation at the store.
    Reservation {
        /// Its id.
        id: ReservationId,
        /// held, committed ...
        state: String,
        /// (SKU, units, short) per line at this store.
        lines: Vec<(Sku, i64, i64)>,
        /// When a hold runs out.
        expires_at: Option<Timestamp>,
        /// Code of the location that its goods go to; none: to a shopper.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        to: Option<String>,
    },
    /// Goods that another location sends to the store.
    Transfer {
        /// Its id.
        id: ReservationId,
        /// Code of the sender.
        from: String,
        /// committed, picked: they have not left yet; `in_transit`; or how it ended.
        state: String,
        /// (SKU, units) that are still to come.
        lines: Vec<(Sku, i64)>,
    },
    /// What other stores may promise of an item.
    Elsewhere {
        /// Which item.
        sku: Sku,
        /// (location code, units).
        figures: Vec<(String, i64)>,
    },
}
