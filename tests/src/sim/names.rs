//! Names of the simulated shop: places and items, by their index.

use oneshelf_domain::Sku;
use oneshelf_domain::code::LocationCode;
use oneshelf_domain::stock::{ItemNo, LocationNo};

/// Two stores with agents, then a warehouse without.
pub(super) const PLACES: [&str; 3] = ["S01", "S02", "W01"];
/// Stores with agents.
pub(super) const STORES: usize = 2;
/// The warehouse.
pub(super) const WAREHOUSE: usize = 2;
/// What is sold.
pub(super) const ITEMS: [&str; 3] = ["MUG", "CUP", "TEA"];
/// Registers of each store.
pub(super) const REGISTERS: [&str; 2] = ["R1", "R2"];

/// What some of them are sold as together.
pub(super) const KIT: &str = "SET";

/// A kit.
#[derive(Debug, Clone)]
pub(super) struct Kit {
    pub no: ItemNo,
    pub sku: Sku,
    /// Item and units of it in one.
    pub parts: Vec<(usize, i64)>,
}

/// The hub's numbers of all of them, from set-up.
#[derive(Debug, Clone)]
pub(super) struct Numbers {
    pub places: Vec<LocationNo>,
    pub items: Vec<ItemNo>,
    pub skus: Vec<Sku>,
}

impl Numbers {
    pub fn place(&self, no: LocationNo) -> usize {
        self.places.iter().position(|p| *p == no).unwrap_or(usize::MAX)
    }

    pub fn item(&self, no: ItemNo) -> usize {
        self.items.iter().position(|i| *i == no).unwrap_or(usize::MAX)
    }

    pub fn sku(&self, sku: &Sku) -> usize {
        self.skus.iter().position(|s| s == sku).unwrap_or(usize::MAX)
    }
}

pub(super) fn skus() -> Vec<Sku> {
    ITEMS.iter().filter_map(|s| Sku::new(s).ok()).collect()
}

pub(super) fn codes() -> Vec<LocationCode> {
    PLACES.iter().filter_map(|s| LocationCode::new(s).ok()).collect()
}
