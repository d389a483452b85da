//! Records: settings and rights, few and small, kept whole in memory by every part.
//!
//! Shop, locations, registers, staff, keys, agents, enrolments and policies. Each has a key
//! (`kind/name`) and the version of its last change. It knows nothing of how they are stored.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::code::{LocationCode, RegisterCode, StaffCode};
use crate::id::{AgentId, KeyId};
use crate::money::Currency;
use crate::stock::{ItemNo, LocationNo, Version};
use crate::time::Timestamp;

/// A tax rate of the shop. Prices include it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
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
#[serde(deny_unknown_fields)]
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

/// Units of an item that a location keeps back from every channel.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Safety {
    /// Which item.
    pub item: ItemNo,
    /// Where.
    pub location: LocationNo,
    /// Units.
    pub units: i64,
}

/// Units of an item that one channel may not offer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Buffer {
    /// Which item.
    pub item: ItemNo,
    /// Which channel.
    pub channel: String,
    /// Units.
    pub units: i64,
}

/// Units that a store's registers own without asking.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SharePolicy {
    /// Where.
    pub location: LocationNo,
    /// One item, or all of them.
    #[serde(default)]
    pub item: Option<ItemNo>,
    /// Units.
    pub units: i64,
}

/// Any record.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Record {
    /// The retailer.
    Shop(Shop),
    /// A place with stock.
    Location(Location),
    /// A point of sale.
    Register(Register),
    /// A person.
    Staff(Staff),
    /// A key.
    Key(ApiKey),
    /// A one-time code.
    Enrolment(Enrolment),
    /// An agent.
    Agent(Agent),
    /// A policy.
    Safety(Safety),
    /// A policy.
    Buffer(Buffer),
    /// A policy.
    Share(SharePolicy),
}

impl Record {
    /// The key: kind, `/`, name.
    pub fn key(&self) -> String {
        match self {
            Record::Shop(_) => "shop/shop".to_owned(),
            Record::Location(l) => location_key(&l.code),
            Record::Register(r) => format!("register/{}/{}", r.location, r.code),
            Record::Staff(s) => format!("staff/{}", s.code),
            Record::Key(k) => format!("key/{}", k.id),
            Record::Enrolment(e) => format!("enrolment/{}", e.code_hash),
            Record::Agent(a) => format!("agent/{}", a.id),
            Record::Safety(s) => safety_key(s.item, s.location),
            Record::Buffer(b) => buffer_key(b.item, &b.channel),
            Record::Share(s) => share_key(s.location, s.item),
        }
    }
}

fn location_key(code: &LocationCode) -> String {
    format!("location/{code}")
}

fn safety_key(item: ItemNo, location: LocationNo) -> String {
    format!("safety/{}/{}", item.0, location.0)
}

fn buffer_key(item: ItemNo, channel: &str) -> String {
    format!("buffer/{}/{channel}", item.0)
}

fn share_key(location: LocationNo, item: Option<ItemNo>) -> String {
    item.map_or_else(
        || format!("share/{}/*", location.0),
        |i| format!("share/{}/{}", location.0, i.0),
    )
}

/// All records, by key, each with the version of its last change.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Records {
    by_key: BTreeMap<String, (Version, Record)>,
    location_by_no: BTreeMap<LocationNo, LocationCode>,
}

impl Records {
    /// Puts a record in.
    pub fn put(&mut self, version: Version, record: Record) {
        if let Record::Location(l) = &record {
            self.location_by_no.insert(l.no, l.code.clone());
        }
        self.by_key.insert(record.key(), (version, record));
    }

    /// Takes a record out.
    pub fn remove(&mut self, key: &str) {
        self.by_key.remove(key);
    }

    /// One record.
    pub fn get(&self, key: &str) -> Option<&Record> {
        self.by_key.get(key).map(|(_, r)| r)
    }

    /// One record and its version.
    pub fn get_versioned(&self, key: &str) -> Option<(Version, &Record)> {
        self.by_key.get(key).map(|(v, r)| (*v, r))
    }

    /// All records of a kind, in order of their names.
    pub fn of_kind<'a>(&'a self, kind: &'a str) -> impl Iterator<Item = (Version, &'a Record)> {
        let from = format!("{kind}/");
        let until = format!("{kind}0");
        self.by_key.range(from..until).map(|(_, (v, r))| (*v, r))
    }

    /// All of them.
    pub fn all(&self) -> impl Iterator<Item = (&str, Version, &Record)> {
        self.by_key.iter().map(|(k, (v, r))| (k.as_str(), *v, r))
    }

    /// The shop; none before set-up.
    pub fn shop(&self) -> Option<&Shop> {
        match self.get("shop/shop") {
            Some(Record::Shop(s)) => Some(s),
            _ => None,
        }
    }

    /// A location by its code.
    pub fn location(&self, code: &LocationCode) -> Option<&Location> {
        match self.get(&location_key(code)) {
            Some(Record::Location(l)) => Some(l),
            _ => None,
        }
    }

    /// A location by its number.
    pub fn location_by_no(&self, no: LocationNo) -> Option<&Location> {
        self.location_by_no.get(&no).and_then(|code| self.location(code))
    }

    /// All locations.
    pub fn locations(&self) -> impl Iterator<Item = &Location> {
        self.of_kind("location").filter_map(|(_, r)| match r {
            Record::Location(l) => Some(l),
            _ => None,
        })
    }

    /// An agent by its id.
    pub fn agent(&self, id: AgentId) -> Option<&Agent> {
        match self.get(&format!("agent/{id}")) {
            Some(Record::Agent(a)) => Some(a),
            _ => None,
        }
    }

    /// Units kept back there; 0 without a policy.
    pub fn safety(&self, item: ItemNo, location: LocationNo) -> i64 {
        match self.get(&safety_key(item, location)) {
            Some(Record::Safety(s)) => s.units,
            _ => 0,
        }
    }

    /// Units kept from a channel; 0 without a policy.
    pub fn buffer(&self, item: ItemNo, channel: Option<&str>) -> i64 {
        match channel.and_then(|c| self.get(&buffer_key(item, c))) {
            Some(Record::Buffer(b)) => b.units,
            _ => 0,
        }
    }

    /// Units of share that a store should own; 0 without a policy.
    pub fn share_units(&self, location: LocationNo, item: ItemNo) -> i64 {
        let one = self.get(&share_key(location, Some(item)));
        match one.or_else(|| self.get(&share_key(location, None))) {
            Some(Record::Share(s)) => s.units,
            _ => 0,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kinds_do_not_run_into_each_other() {
        let mut records = Records::default();
        let policy = |location, item| {
            Record::Share(SharePolicy { location: LocationNo(location), item, units: 2 })
        };
        records.put(Version(1), policy(1, None));
        records.put(Version(2), policy(1, Some(ItemNo(5))));
        let safety = Safety { item: ItemNo(5), location: LocationNo(1), units: 3 };
        records.put(Version(3), Record::Safety(safety));
        assert_eq!(records.of_kind("share").count(), 2);
        assert_eq!(records.share_units(LocationNo(1), ItemNo(9)), 2);
        assert_eq!(records.share_units(LocationNo(2), ItemNo(9)), 0);
        assert_eq!(records.safety(ItemNo(5), LocationNo(1)), 3);
    }

    #[test]
    fn secrets_do_not_show_in_debug() {
        let staff = Staff {
            code: StaffCode::new("ana").unwrap(),
            name: "Ana".into(),
            role: Role::Cashier,
            locations: vec![],
            pin_hash: Some("secret-hash".into()),
            password_hash: None,
            state: RecordState::Active,
        };
        assert!(!format!("{staff:?}").contains("secret-hash"));
    }
}
