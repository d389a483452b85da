//! Records: settings and rights, few and small, kept whole in memory by every part.
//!
//! Each has a key (`kind/name`) and the version of its last change. This module knows nothing of
//! how they are stored. Invariant: a key names one record, and a record's key follows from it.

mod agent_copy;
mod channel;
mod checked;
mod kinds;
mod kit;
mod policy;
mod recovering;
mod walk_in;

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

pub use agent_copy::{AgentCopy, CopyState};
pub use channel::{Channel, ChannelSecret, Stopped};
pub use kinds::{
    Agent, ApiKey, DecimalMark, Display, Enrolment, ImportMapping, KeyKind, Location, LocationKind,
    RecordState, Register, Role, Scope, Shop, Staff, TaxRate,
};
pub use kit::{Kit, Part, count as kits_in};
pub use policy::{Buffer, Safety, SharePolicy, ShareRule};
pub use recovering::Recovering;
pub use walk_in::{Sold, WalkIn};

use crate::code::LocationCode;
use crate::id::AgentId;
use crate::stock::{ItemNo, LocationNo, Stock, StockKey, Version};

/// Any record.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "record", rename_all = "snake_case")]
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
    /// A sales channel.
    Channel(Channel),
    /// A policy.
    Safety(Safety),
    /// A policy.
    Buffer(Buffer),
    /// A policy.
    Share(SharePolicy),
    /// Where the columns of a file go.
    Mapping(ImportMapping),
    /// A location that is promised again later.
    Recovering(Recovering),
    /// What registers sell.
    WalkIn(WalkIn),
    /// What a kit is made of.
    Kit(Kit),
    /// A life that speaks as an agent beside another one.
    AgentCopy(AgentCopy),
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
            Record::Channel(c) => channel_key(c.code.as_str()),
            Record::Safety(s) => safety_key(s.item, s.location),
            Record::Buffer(b) => buffer_key(b.item, &b.channel),
            Record::Share(s) => share_key(s.location, s.item),
            Record::Mapping(m) => ImportMapping::key(&m.kind, &m.name),
            Record::Recovering(r) => Recovering::key(r.location),
            Record::WalkIn(w) => WalkIn::key(w.location),
            Record::Kit(k) => Kit::key(k.item),
            Record::AgentCopy(c) => AgentCopy::key(c.life),
        }
    }
}

fn location_key(code: &LocationCode) -> String {
    format!("location/{code}")
}

fn channel_key(code: &str) -> String {
    format!("channel/{code}")
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

/// Units that a store keeps; none: all that it has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeptShares {
    /// Of items that are not named.
    pub others: Option<i64>,
    /// Of the others.
    pub items: BTreeMap<ItemNo, Option<i64>>,
}

/// All records, by key, each with the version of its last change.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Records {
    by_key: BTreeMap<String, (Version, Record)>,
    location_by_no: BTreeMap<LocationNo, LocationCode>,
    /// Asked for at every figure, and empty nearly always.
    recovering: BTreeSet<LocationNo>,
    /// Asked for at every figure too.
    kits: BTreeMap<ItemNo, Kit>,
    /// Kits by their parts, as (part, kit).
    kits_of: BTreeSet<(ItemNo, ItemNo)>,
}

impl Records {
    /// Puts a record in.
    pub fn put(&mut self, version: Version, record: Record) {
        match &record {
            Record::Location(l) => _ = self.location_by_no.insert(l.no, l.code.clone()),
            Record::Recovering(r) => _ = self.recovering.insert(r.location),
            Record::Kit(kit) => {
                self.forget_kit(kit.item);
                self.kits_of.extend(kit.parts.iter().map(|part| (part.item, kit.item)));
                self.kits.insert(kit.item, kit.clone());
            }
            _ => {}
        }
        self.by_key.insert(record.key(), (version, record));
    }

    /// Takes a record out.
    pub fn remove(&mut self, key: &str) {
        match self.by_key.remove(key) {
            Some((_, Record::Recovering(r))) => _ = self.recovering.remove(&r.location),
            Some((_, Record::Kit(kit))) => self.forget_kit(kit.item),
            _ => {}
        }
    }

    fn forget_kit(&mut self, item: ItemNo) {
        for part in self.kits.remove(&item).into_iter().flat_map(|kit| kit.parts) {
            self.kits_of.remove(&(part.item, item));
        }
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

    /// The zone of a location, else the office's; UTC before set-up.
    pub fn zone_of(&self, location: Option<&LocationCode>) -> chrono_tz::Tz {
        let own = location.and_then(|code| self.location(code)).map(|l| l.zone.as_str());
        let zone = own.or_else(|| self.shop().map(|s| s.zone.as_str()));
        zone.and_then(|zone| zone.parse().ok()).unwrap_or(chrono_tz::UTC)
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

    /// A channel by its code.
    pub fn channel(&self, code: &str) -> Option<&Channel> {
        match self.get(&channel_key(code)) {
            Some(Record::Channel(c)) => Some(c),
            _ => None,
        }
    }

    /// All channels, in order of their codes.
    pub fn channels(&self) -> impl Iterator<Item = &Channel> {
        self.of_kind("channel").filter_map(|(_, r)| match r {
            Record::Channel(c) => Some(c),
            _ => None,
        })
    }

    /// What a location waits for since the hub was put back; none: nothing.
    pub fn recovering(&self, location: LocationNo) -> Option<&Recovering> {
        match self.get(&Recovering::key(location)) {
            Some(Record::Recovering(mark)) => Some(mark),
            _ => None,
        }
    }

    /// True when the hub was put back and does not know yet what this location did since.
    pub fn is_recovering(&self, location: LocationNo) -> bool {
        self.recovering.contains(&location)
    }

    /// What an item is made of; none: it is no kit.
    pub fn kit(&self, item: ItemNo) -> Option<&Kit> {
        self.kits.get(&item)
    }

    /// The kits that an item is a part of.
    pub fn kits_of(&self, part: ItemNo) -> impl Iterator<Item = ItemNo> {
        self.kits_of.range((part, ItemNo(i64::MIN))..=(part, ItemNo(i64::MAX))).map(|(_, kit)| *kit)
    }

    /// How many kits there are.
    pub fn kits(&self) -> usize {
        self.kits.len()
    }

    /// Where the units of an item lie: of a kit in its parts, of any other in itself.
    pub fn parts(&self, item: ItemNo) -> Vec<Part> {
        match self.kit(item) {
            Some(kit) => kit.parts.clone(),
            None => vec![Part { item, quantity: 1 }],
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

    /// The rule for a store's share of an item: its own, else the store's, else `auto`.
    pub fn share_rule(&self, location: LocationNo, item: ItemNo) -> ShareRule {
        let one = self.get(&share_key(location, Some(item)));
        match one.or_else(|| self.get(&share_key(location, None))) {
            Some(Record::Share(s)) => s.rule,
            _ => ShareRule::Auto,
        }
    }

    /// What registers sell there, as far as it is known.
    pub fn walk_in(&self, location: LocationNo) -> Option<&WalkIn> {
        match self.get(&WalkIn::key(location)) {
            Some(Record::WalkIn(w)) => Some(w),
            _ => None,
        }
    }

    /// The share of an item that the walk-in demand there asks for.
    fn walk_in_share(&self, location: LocationNo, item: ItemNo) -> i64 {
        self.walk_in(location).map_or(0, |walk_in| walk_in.share(item))
    }

    /// Units of share that a store should own of an item.
    pub fn share_target(&self, key: StockKey, stock: &Stock) -> i64 {
        let StockKey { item, location } = key;
        self.share_rule(location, item).target(stock, self.walk_in_share(location, item))
    }

    /// What a store keeps of its share of its own accord, by the records that it has a copy of.
    pub fn kept_shares(&self) -> KeptShares {
        let mut kept = KeptShares { others: Some(0), items: BTreeMap::new() };
        let mut keep = |location, item| {
            let rule = self.share_rule(location, item);
            kept.items.insert(item, rule.kept(self.walk_in_share(location, item)));
        };
        for (_, record) in self.of_kind("walk_in").chain(self.of_kind("share")) {
            match record {
                Record::WalkIn(w) => w.sold.iter().for_each(|sold| keep(w.location, sold.item)),
                Record::Share(SharePolicy { location, item: Some(item), .. }) => {
                    keep(*location, *item);
                }
                _ => {}
            }
        }
        for (_, record) in self.of_kind("share") {
            if let Record::Share(SharePolicy { item: None, rule, .. }) = record {
                kept.others = rule.kept(0);
            }
        }
        kept
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::code::StaffCode;

    #[test]
    fn kinds_do_not_run_into_each_other() {
        let mut records = Records::default();
        let policy = |location, item| {
            let rule = ShareRule::Fixed { units: 2 };
            Record::Share(SharePolicy { location: LocationNo(location), item, rule })
        };
        records.put(Version(1), policy(1, None));
        records.put(Version(2), policy(1, Some(ItemNo(5))));
        let safety = Safety { item: ItemNo(5), location: LocationNo(1), units: 3 };
        records.put(Version(3), Record::Safety(safety));
        assert_eq!(records.of_kind("share").count(), 2);
        let rule = |location| records.share_rule(LocationNo(location), ItemNo(9));
        assert_eq!(rule(1), ShareRule::Fixed { units: 2 });
        assert_eq!(rule(2), ShareRule::Auto);
        assert_eq!(records.safety(ItemNo(5), LocationNo(1)), 3);
    }

    #[test]
    fn a_location_recovers_until_its_record_is_gone() {
        let mut records = Records::default();
        let (here, there) = (LocationNo(1), LocationNo(2));
        let mark = serde_json::from_str::<Recovering>(r#"{"location": 1, "epoch": 2}"#).unwrap();
        records.put(Version(1), Record::Recovering(mark.clone()));
        assert!(records.is_recovering(here) && !records.is_recovering(there));
        assert_eq!((records.recovering(here), records.recovering(there)), (Some(&mark), None));
        records.remove(&Recovering::key(there));
        assert!(records.is_recovering(here));
        records.remove(&Recovering::key(here));
        assert_eq!(records, Records::default());
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
