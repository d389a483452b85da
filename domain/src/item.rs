//! The item: a thing sold, one per SKU.
//!
//! Invariant: a barcode belongs to one item at most (kept by `decide`, checked by the database).

use chrono_tz::Tz;
use serde::{Deserialize, Serialize};

use crate::code::{Barcode, Sku};
use crate::money::Money;
use crate::price::DatedPrice;
use crate::refusal::Refusal;
use crate::stock::{ItemNo, Version};
use crate::time::Timestamp;
use crate::{code, limits, price};

/// The base unit that quantities of an item count.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, Default)]
#[serde(rename_all = "snake_case")]
pub enum Unit {
    /// Pieces.
    #[default]
    Each,
    /// Grams.
    Gram,
    /// Millilitres.
    Millilitre,
}

impl Unit {
    /// How many of it a price is for: a piece, a kilogram, a litre. Shops price goods that are
    /// measured so, and most prices of a gram would be less than a minor unit.
    pub const fn priced_by(self) -> i64 {
        match self {
            Unit::Each => 1,
            Unit::Gram | Unit::Millilitre => 1_000,
        }
    }
}

/// Whether an item is sold.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, Default)]
#[serde(rename_all = "snake_case")]
pub enum ItemState {
    /// Sold.
    #[default]
    Active,
    /// Not sold any more; history stays.
    Retired,
}

/// A part of a kit.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Component {
    /// Which item.
    pub sku: Sku,
    /// Base units in one kit.
    pub quantity: i64,
}

/// What one says of an item when making or changing it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ItemDetails {
    /// As on the receipt; plain text, 1 to 200 characters.
    pub name: String,
    /// All codes that scan as this item.
    #[serde(default)]
    pub barcodes: Vec<Barcode>,
    /// What a quantity counts.
    #[serde(default)]
    pub unit: Unit,
    /// Price of one piece, of a kilogram or of a litre ([`Unit::priced_by`]), tax included, while
    /// no dated one has begun; none: not sold at a register.
    #[serde(default)]
    pub price: Option<Money>,
    /// Tax class; the shop's settings name its rate.
    #[serde(default = "standard")]
    pub tax: String,
    /// Maker.
    #[serde(default)]
    pub brand: Option<String>,
    /// Category path, `/` between levels.
    #[serde(default)]
    pub category: Option<String>,
    /// Link of a picture.
    #[serde(default)]
    pub image: Option<String>,
    /// Option values, as shown under the name.
    #[serde(default)]
    pub options: Option<String>,
    /// Sold or not.
    #[serde(default)]
    pub state: ItemState,
    /// What one of it is made of; none: it is no kit, and has stock of its own.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub components: Vec<Component>,
}

fn standard() -> String {
    "standard".to_owned()
}

/// An item as the hub keeps it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Item {
    /// The hub's number, used as key of hot tables.
    pub no: ItemNo,
    /// The retailer's number.
    pub sku: Sku,
    /// Everything that can change.
    #[serde(flatten)]
    pub details: ItemDetails,
    /// Prices that take the place of its own at a moment, in the order of these.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub prices: Vec<DatedPrice>,
    /// Of the last change.
    pub version: Version,
}

impl Item {
    /// Its price at a moment where it is sold; none: it is not sold at a register then.
    pub fn price_at(&self, now: Timestamp, zone: Tz) -> Option<Money> {
        price::in_force(self.details.price, &self.prices, now, zone)
    }

    /// Whether a dated price has taken the place of the item's own.
    pub fn has_dated_price(&self, now: Timestamp, zone: Tz) -> bool {
        self.prices.iter().any(|p| p.from.begins(zone) <= now)
    }
}

impl ItemDetails {
    /// Of an item that nobody has told of: its SKU is its name, and a person completes it.
    pub fn named(sku: &Sku) -> Self {
        Self {
            name: sku.to_string(),
            barcodes: vec![],
            unit: Unit::default(),
            price: None,
            tax: standard(),
            brand: None,
            category: None,
            image: None,
            options: None,
            state: ItemState::default(),
            components: vec![],
        }
    }

    /// Makes titles harmless and checks every rule.
    pub fn checked(mut self) -> Result<Self, Refusal> {
        self.name = code::plain_text(&self.name, limits::NAME_CHARS_MAX);
        if self.name.is_empty() {
            return Err(Refusal::invalid("/name", "1 to 200 characters of text"));
        }
        for text in [&mut self.brand, &mut self.category, &mut self.options] {
            *text = text
                .take()
                .map(|t| code::plain_text(&t, limits::NAME_CHARS_MAX))
                .filter(|t| !t.is_empty());
        }
        if self.image.as_ref().is_some_and(|i| i.len() > 2_000 || !i.starts_with("https://")) {
            return Err(Refusal::invalid("/image", "an https link of at most 2,000 characters"));
        }
        if self.barcodes.len() > limits::BARCODES_MAX {
            return Err(Refusal::invalid("/barcodes", "at most 20"));
        }
        self.barcodes.sort();
        self.barcodes.dedup();
        if self.price.is_some_and(|p| p.minor < 0 || p.minor > limits::MONEY_MINOR_MAX) {
            return Err(Refusal::invalid("/price", "not negative"));
        }
        if self.tax.is_empty() || self.tax.len() > 32 {
            return Err(Refusal::invalid("/tax", "a tax class of 1 to 32 characters"));
        }
        self.is_kit_in_shape()?;
        Ok(self)
    }

    /// Bounded, no part twice, counted in pieces.
    fn is_kit_in_shape(&self) -> Result<(), Refusal> {
        if self.components.len() > limits::KIT_PARTS_MAX {
            return Err(Refusal::invalid("/components", "at most 20"));
        }
        if !self.components.is_empty() && self.unit != Unit::Each {
            return Err(Refusal::invalid("/unit", "each: a kit is counted in pieces"));
        }
        for (at, component) in self.components.iter().enumerate() {
            if !(1..=limits::KIT_PART_UNITS_MAX).contains(&component.quantity) {
                let field = format!("/components/{at}/quantity");
                return Err(Refusal::invalid(&field, "1 to 100,000 base units"));
            }
            if self.components.iter().take(at).any(|before| before.sku == component.sku) {
                let field = format!("/components/{at}/sku");
                return Err(Refusal::invalid(&field, "each part once"));
            }
        }
        Ok(())
    }
}
