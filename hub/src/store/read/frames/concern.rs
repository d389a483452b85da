//! Which records a store's copy has, and how much of them. Pure.
//!
//! A store sees the shop, its own part, and of other locations what the public sees. Invariant:
//! no password hash, key, enrolment, agent, nor another store's staff or registers is ever in it.

use oneshelf_domain::LocationCode;
use oneshelf_domain::record::{Location, LocationKind, Record, Staff};
use oneshelf_domain::stock::{ItemNo, LocationNo};
use oneshelf_protocol::replica::Row;

use crate::store::records::Changed;

/// Whose copy.
#[derive(Debug, Clone)]
pub(super) struct Concern {
    pub code: LocationCode,
    pub no: LocationNo,
}

/// What a changed record changes of the figures elsewhere.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Elsewhere {
    Item(ItemNo),
    Store(LocationNo),
}

/// Figures of other stores that follow from this record.
pub(super) fn elsewhere(change: &Changed) -> Option<Elsewhere> {
    match &change.record {
        Some(Record::Location(l)) if l.kind == LocationKind::Store => Some(Elsewhere::Store(l.no)),
        _ => match parts(&change.key)? {
            ("safety", item, _) => item.parse().ok().map(|no| Elsewhere::Item(ItemNo(no))),
            ("recovering", no, _) => no.parse().ok().map(|no| Elsewhere::Store(LocationNo(no))),
            _ => None,
        },
    }
}

/// Kind, and the two parts of the name where it has two.
fn parts(key: &str) -> Option<(&str, &str, &str)> {
    let (kind, name) = key.split_once('/')?;
    let (first, second) = name.split_once('/').unwrap_or((name, ""));
    Some((kind, first, second))
}

impl Concern {
    /// The record as this store may have it; none: it is no business of the store. In a snapshot
    /// nothing needs to be taken away.
    pub(super) fn row(&self, change: Changed, snapshot: bool) -> Option<Row> {
        let (kind, first, second) = parts(&change.key)?;
        let mine = match kind {
            "shop" | "location" | "staff" => true,
            "register" => first == self.code.as_str(),
            "safety" => second == self.no.0.to_string(),
            "share" | "walk_in" => first == self.no.0.to_string(),
            _ => false,
        };
        if !mine {
            return None;
        }
        let record = match change.record {
            Some(Record::Staff(staff)) => self.staff(staff),
            Some(Record::Location(location)) => Some(self.location(location)),
            other => other,
        };
        if record.is_none() && snapshot {
            return None;
        }
        Some(Row::Record { key: change.key, record: record.map(Box::new) })
    }

    /// Who may work here. Whoever may not any more is taken away, by the code alone.
    fn staff(&self, mut staff: Staff) -> Option<Record> {
        let here = staff.locations.is_empty() || staff.locations.contains(&self.code);
        staff.password_hash = None;
        here.then_some(Record::Staff(staff))
    }

    fn location(&self, mut location: Location) -> Record {
        if location.no != self.no {
            location.receipt_header.clear();
        }
        Record::Location(location)
    }
}

#[cfg(test)]
mod tests {
    use oneshelf_domain::StaffCode;
    use oneshelf_domain::record::{RecordState, Role, Safety, SharePolicy, ShareRule};
    use oneshelf_domain::stock::Version;

    use super::*;

    fn own() -> Concern {
        Concern { code: LocationCode::new("S07").unwrap(), no: LocationNo(7) }
    }

    fn changed(record: Record) -> Changed {
        Changed { key: record.key(), version: Version(3), record: Some(record) }
    }

    fn staff(locations: &[&str]) -> Record {
        Record::Staff(Staff {
            code: StaffCode::new("ana").unwrap(),
            name: "Ana".into(),
            role: Role::Cashier,
            locations: locations.iter().map(|l| LocationCode::new(l).unwrap()).collect(),
            pin_hash: Some("pin".into()),
            password_hash: Some("password".into()),
            state: RecordState::Active,
        })
    }

    #[test]
    fn staff_of_the_store_come_with_their_pin_and_without_their_password() {
        for locations in [&["S07", "S08"][..], &[]] {
            let row = own().row(changed(staff(locations)), true);
            let Some(Row::Record { record: Some(record), .. }) = row else { panic!("{row:?}") };
            let Record::Staff(staff) = *record else { panic!() };
            assert_eq!((staff.pin_hash.as_deref(), staff.password_hash), (Some("pin"), None));
        }
    }

    #[test]
    fn staff_who_left_the_store_are_taken_away_by_their_code() {
        assert_eq!(own().row(changed(staff(&["S08"])), true), None);
        let row = own().row(changed(staff(&["S08"])), false);
        assert_eq!(row, Some(Row::Record { key: "staff/ana".into(), record: None }));
    }

    #[test]
    fn policies_come_for_the_own_location_alone() {
        let safety = |location| {
            let location = LocationNo(location);
            changed(Record::Safety(Safety { item: ItemNo(7), location, units: 1 }))
        };
        let share = |location| {
            let location = LocationNo(location);
            changed(Record::Share(SharePolicy { location, item: None, rule: ShareRule::Auto }))
        };
        assert!(own().row(safety(7), true).is_some() && own().row(share(7), true).is_some());
        assert!(own().row(safety(8), true).is_none() && own().row(share(8), true).is_none());
        assert_eq!(elsewhere(&safety(8)), Some(Elsewhere::Item(ItemNo(7))));
        assert_eq!(elsewhere(&share(8)), None);
    }
}
