//! One item's figures as one audience sees them, made and encoded once for all who follow it.
//!
//! Invariant: the text is what serde writes of the figures; each location's part stands in it.

use std::collections::BTreeSet;
use std::ops::Range;
use std::sync::OnceLock;

use oneshelf_domain::LocationCode;
use oneshelf_domain::stock::ItemNo;
use serde::Serialize;

use super::Text;
use crate::shown::{ShownItem, ShownLocation, same_locations};

/// See the module. Shared by all who are told it.
#[derive(Debug)]
pub struct Figure {
    no: ItemNo,
    shown: ShownItem,
    text: Box<str>,
    /// Where each location's part stands in the text.
    parts: Box<[Range<usize>]>,
    /// The first message about it alone, and which that is.
    message: OnceLock<(Message, Text)>,
}

/// A message about one item: what its reader knew, and what it knows then.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Message {
    pub(super) after: i64,
    pub(super) upto: i64,
}

impl Figure {
    /// Encodes the figures of an item.
    pub fn new(no: ItemNo, shown: ShownItem) -> Self {
        let mut text = format!(
            "{{\"sku\":{},\"total\":{},\"locations\":[",
            json(&shown.sku),
            json(&shown.total)
        );
        let mut parts = Vec::with_capacity(shown.locations.len());
        for (at, location) in shown.locations.iter().enumerate() {
            if at > 0 {
                text.push(',');
            }
            let from = text.len();
            text.push_str(&json(location));
            parts.push(from..text.len());
        }
        text.push_str("]}");
        let (text, parts) = (text.into(), parts.into());
        Self { no, shown, text, parts, message: OnceLock::new() }
    }

    /// Which item.
    pub fn no(&self) -> ItemNo {
        self.no
    }

    /// The figures themselves.
    pub fn shown(&self) -> &ShownItem {
        &self.shown
    }

    /// The item as JSON, all locations in it.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The text of a message about this item alone: made once for all who are told the same.
    pub(super) fn message(&self, which: Message, make: impl Fn() -> String) -> Text {
        let (made, text) = self.message.get_or_init(|| (which, make().into()));
        if *made == which { text.clone() } else { make().into() }
    }

    /// Each location with its figure as JSON.
    pub fn locations(&self) -> impl Iterator<Item = (&ShownLocation, &str)> {
        let text = |part: &Range<usize>| self.text.get(part.clone()).unwrap_or_default();
        self.shown.locations.iter().zip(self.parts.iter().map(text))
    }

    /// The locations where a person sees something else than before: all of them, when there was
    /// no before.
    pub fn changed<'a>(
        &'a self,
        before: Option<&'a Figure>,
    ) -> impl Iterator<Item = (&'a ShownLocation, &'a str)> {
        self.locations().filter(move |(now, _)| {
            let was = before.and_then(|b| b.location(&now.location));
            was.is_none_or(|was| !was.same(now))
        })
    }

    fn location(&self, code: &LocationCode) -> Option<&ShownLocation> {
        self.shown.locations.iter().find(|l| l.location == *code)
    }

    /// True when who sees only these locations would see the same.
    pub(super) fn same(&self, other: &Figure, only: Option<&BTreeSet<LocationCode>>) -> bool {
        let Some(only) = only else { return self.shown.same(&other.shown) };
        let mine = self.shown.locations.iter().filter(|l| only.contains(&l.location));
        let others = other.shown.locations.iter().filter(|l| only.contains(&l.location));
        self.shown.total == other.shown.total && same_locations(mine, others)
    }

    /// Writes the item with these locations alone.
    pub(super) fn write(&self, out: &mut String, only: Option<&BTreeSet<LocationCode>>) {
        let Some(only) = only else { return out.push_str(&self.text) };
        let head = self.parts.first().map_or(self.text.len() - 2, |part| part.start);
        out.push_str(self.text.get(..head).unwrap_or_default());
        let mut first = true;
        for (_, text) in self.locations().filter(|(l, _)| only.contains(&l.location)) {
            if !first {
                out.push(',');
            }
            first = false;
            out.push_str(text);
        }
        out.push_str("]}");
    }
}

fn json<T: Serialize>(value: &T) -> String {
    // Plain data: serde cannot fail on it.
    serde_json::to_string(value).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use oneshelf_domain::promise::{Level, Shown};
    use oneshelf_domain::record::LocationKind;
    use oneshelf_domain::{Sku, Timestamp};

    use super::*;

    fn location(code: &str, count: i64) -> ShownLocation {
        ShownLocation {
            location: LocationCode::new(code).unwrap(),
            name: format!("\"{code}\", </script> \u{2028}"),
            kind: LocationKind::Store,
            shown: Shown::Exact { count, more: false },
            state: "fresh",
            as_of: Timestamp(1_700_000_000_000_000),
        }
    }

    fn figure(locations: Vec<ShownLocation>) -> Figure {
        let total = Shown::Level { level: Level::Low };
        let sku = Sku::new("MUG \"1\"").unwrap();
        Figure::new(ItemNo(7), ShownItem { sku, total, locations })
    }

    fn only(codes: &[&str]) -> BTreeSet<LocationCode> {
        codes.iter().map(|c| LocationCode::new(c).unwrap()).collect()
    }

    #[test]
    fn the_text_is_what_serde_writes_also_of_some_locations() {
        let all = || vec![location("S02", 1), location("S07", 2), location("W01", 3)];
        for (codes, kept) in [(vec!["S07", "W01"], 2), (vec!["S02"], 1), (vec!["X"], 0)] {
            let whole = figure(all());
            assert_eq!(whole.text(), serde_json::to_string(whole.shown()).unwrap());
            let codes = only(&codes);
            let mut some = whole.shown().clone();
            some.locations.retain(|l| codes.contains(&l.location));
            assert_eq!(some.locations.len(), kept);
            let mut written = String::new();
            whole.write(&mut written, Some(&codes));
            assert_eq!(written, serde_json::to_string(&some).unwrap());
        }
        let mut written = String::new();
        figure(vec![]).write(&mut written, Some(&only(&["S07"])));
        assert!(written.ends_with("\"locations\":[]}"), "{written}");
    }

    #[test]
    fn what_changed_is_told_by_location() {
        let before = figure(vec![location("S02", 1), location("S07", 2)]);
        let after = figure(vec![location("S02", 1), location("S07", 9), location("W01", 3)]);
        let changed: Vec<_> =
            after.changed(Some(&before)).map(|(l, _)| l.location.to_string()).collect();
        assert_eq!(changed, ["S07", "W01"]);
        assert_eq!(after.changed(None).count(), 3);
        assert!(before.same(&after, Some(&only(&["S02"]))));
        assert!(!before.same(&after, Some(&only(&["S02", "W01"]))));
        assert!(!before.same(&after, None) && before.same(&before, None));
    }
}
