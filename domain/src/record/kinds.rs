//! The kinds of records: shop, locations, registers, staff, keys, agents, enrolments.
//!
//! Plain values. They know nothing of their keys, of versions or of where they are kept. Secrets
//! are hashes here, and even those stay out of `Debug`.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::code::{LocationCode, RegisterCode, StaffCode};
use crate::id::{AgentId, KeyId};
use crate::money::Currency;
use crate::stock::LocationNo;
use crate::time::Timestamp;

/// A tax rate of the shop. Prices include it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TaxRate {
    /// The class that items name.
    pub class: String,
    /// 2300 means 23 %.
    pub rate_basis_points: i64,
    /// As on the receipt.
    pub name: String,
}

/// The retailer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Shop {
    /// As on pages and receipts.
    pub name: String,
    /// Of every price.
    pub currency: Currency,
    /// IANA zone of the office.
    pub zone: String,
    /// Tax classes; the first is the default.
    pub taxes: Vec<TaxRate>,
}

/// What a location is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LocationKind {
    /// People buy here.
    Store,
    /// Orders ship from here.
    Warehouse,
    /// A vendor ships for us.
    Dropship,
    /// Goods on the way.
    Transit,
}

/// What stands in an amount before its fraction.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, Default)]
#[serde(rename_all = "snake_case")]
pub enum DecimalMark {
    /// `12.50`.
    #[default]
    Point,
    /// `12,50`.
    Comma,
}

impl DecimalMark {
    /// The mark.
    pub const fn sign(self) -> char {
        match self {
            DecimalMark::Point => '.',
            DecimalMark::Comma => ',',
        }
    }
}

/// Where the columns of a retailer's files go, kept so that nobody says it twice.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ImportMapping {
    /// What the files hold.
    pub kind: String,
    /// Chosen by whoever made it.
    pub name: String,
    /// Columns of the files that it is offered for.
    pub headers: Vec<String>,
    /// Our columns, each with the file's that goes there.
    pub columns: BTreeMap<String, String>,
    /// In amounts; none: the rows say it.
    #[serde(default)]
    pub decimal: Option<DecimalMark>,
}

impl ImportMapping {
    /// The record's key.
    pub fn key(kind: &str, name: &str) -> String {
        format!("mapping/{kind}/{name}")
    }
}

/// Whether a record is in use.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, Default)]
#[serde(rename_all = "snake_case")]
pub enum RecordState {
    /// In use.
    #[default]
    Active,
    /// Kept for history.
    Retired,
}

/// A place with stock.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Location {
    /// The hub's number.
    pub no: LocationNo,
    /// First part of receipt numbers.
    pub code: LocationCode,
    /// As shown.
    pub name: String,
    /// Store, warehouse ...
    pub kind: LocationKind,
    /// IANA zone.
    pub zone: String,
    /// One line.
    #[serde(default)]
    pub address: Option<String>,
    /// Lines at the top of a receipt.
    #[serde(default)]
    pub receipt_header: Vec<String>,
    /// As shown to shoppers.
    #[serde(default)]
    pub opening_hours: Option<String>,
    /// In use or not.
    #[serde(default)]
    pub state: RecordState,
}

/// One point of sale.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Register {
    /// Where it stands.
    pub location: LocationCode,
    /// Second part of receipt numbers.
    pub code: RegisterCode,
    /// As shown.
    pub name: String,
    /// In use or not.
    #[serde(default)]
    pub state: RecordState,
}

/// What a person or program may do. Deny by default.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// Everything.
    Admin,
    /// A store and its staff.
    Manager,
    /// Stock and reservations.
    Clerk,
    /// Sells at a register.
    Cashier,
    /// The program in a store.
    Agent,
}

/// A member of staff. Hashes only; the pepper is kept outside the database.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Staff {
    /// Typed at sign-in.
    pub code: StaffCode,
    /// As on the receipt.
    pub name: String,
    /// What they may do.
    pub role: Role,
    /// Where; empty means everywhere.
    #[serde(default)]
    pub locations: Vec<LocationCode>,
    /// Argon2id of the peppered PIN.
    #[serde(default)]
    pub pin_hash: Option<String>,
    /// Argon2id of the password (pages of the hub).
    #[serde(default)]
    pub password_hash: Option<String>,
    /// In use or not.
    #[serde(default)]
    pub state: RecordState,
}

impl std::fmt::Debug for Staff {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Staff")
            .field("code", &self.code)
            .field("role", &self.role)
            .finish_non_exhaustive()
    }
}

/// How a channel shows a figure to the public.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum Display {
    /// The number, up to a cap ("10+").
    Exact {
        /// The largest number shown, units.
        cap: i64,
    },
    /// In stock, low or out.
    Level {
        /// Low from this number down, units.
        #[serde(default = "low_default")]
        low: i64,
    },
    /// Yes or no.
    YesNo,
}

fn low_default() -> i64 {
    3
}

impl Default for Display {
    fn default() -> Self {
        Display::Exact { cap: 10 }
    }
}

/// What a key may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Scope {
    /// Read stock and movements.
    #[serde(rename = "stock:read")]
    StockRead,
    /// Receive, adjust, count, return.
    #[serde(rename = "stock:write")]
    StockWrite,
    /// Write items; imports.
    #[serde(rename = "catalogue")]
    Catalogue,
    /// Reserve and what follows.
    #[serde(rename = "reserve")]
    Reserve,
    /// Place short holds (publishable keys).
    #[serde(rename = "hold")]
    Hold,
    /// Read public figures, live too.
    #[serde(rename = "live")]
    Live,
    /// Settings and rights.
    #[serde(rename = "admin")]
    Admin,
}

/// Whether a key may be seen by the public.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum KeyKind {
    /// For servers.
    Secret,
    /// For pages; bound to origins.
    Publishable,
}

/// An API key. Only the hash of its secret is kept; the secret of a publishable key is no secret.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ApiKey {
    /// Its id.
    pub id: KeyId,
    /// For people.
    pub name: String,
    /// Secret or publishable.
    pub kind: KeyKind,
    /// SHA-256 of the secret, hex.
    pub secret_hash: String,
    /// The key itself, kept for publishable keys only.
    #[serde(default)]
    pub public_text: Option<String>,
    /// What it may do.
    pub scopes: Vec<Scope>,
    /// Web origins that may use it.
    #[serde(default)]
    pub origins: Vec<String>,
    /// The channel whose figure it sees.
    #[serde(default)]
    pub channel: Option<String>,
    /// How figures are shown.
    #[serde(default)]
    pub display: Display,
    /// After this it is dead.
    #[serde(default)]
    pub expires_at: Option<Timestamp>,
    /// In use or not.
    #[serde(default)]
    pub state: RecordState,
}

impl std::fmt::Debug for ApiKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ApiKey")
            .field("id", &self.id)
            .field("kind", &self.kind)
            .finish_non_exhaustive()
    }
}

/// A one-time code that lets an agent join. Only its hash is kept.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Enrolment {
    /// SHA-256 of the code, hex: the record's name.
    pub code_hash: String,
    /// For this store.
    pub location: LocationCode,
    /// Dead from here on.
    pub expires_at: Timestamp,
    /// The agent that used it.
    #[serde(default)]
    pub used_by: Option<AgentId>,
}

/// An agent that joined.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Agent {
    /// Its id.
    pub id: AgentId,
    /// Its store.
    pub location: LocationCode,
    /// For people.
    pub name: String,
    /// Ed25519 public key, hex.
    pub public_key: String,
    /// Revoked agents are retired.
    #[serde(default)]
    pub state: RecordState,
}
