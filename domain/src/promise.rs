//! The promise: what a channel may offer of an item, and how the public sees the figure.
//!
//! While a store answers, its share counts too: a claim recalls it first. What is claimed comes out
//! of `available` alone, so the promise holds for a store whose line is down, since nobody but the
//! hub can give those units away. Freshness is a hint for the figure, never what safety rests on.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use crate::id::IncarnationId;
use crate::record::{Display, Location, LocationKind, RecordState, Records};
use crate::stock::{LocationNo, Place, Stock, StockKey};

/// How the lines to the stores look at a moment: whose share figures count.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Lines {
    /// Stores whose last ping was answered in time.
    pub fresh: BTreeSet<LocationNo>,
    /// Stores in which nobody can have seen an order that is to be picked up today.
    pub dark: BTreeSet<LocationNo>,
    /// A recall of the item went unanswered since the last ping that was answered.
    pub late: BTreeSet<StockKey>,
    /// Stores of which nothing is known yet: this hub has just started.
    pub unheard: BTreeSet<LocationNo>,
    /// Lives whose agent has dropped facts that this hub, put back, does not have.
    pub gaps: BTreeSet<IncarnationId>,
}

impl Lines {
    /// Whether a figure counts the share there.
    pub fn counts(&self, key: StockKey) -> bool {
        self.fresh.contains(&key.location) && !self.late.contains(&key)
    }
}

/// How goods come to the shopper.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Fulfilment {
    /// The shopper comes to the store, maybe today.
    Pickup,
    /// A carrier brings them.
    Shipping,
}

/// P(store, item) = max(0, S - safety stock), S = available, and the store's share where it
/// counts; 0 while the location recovers, since what was sold and promised there since the backup
/// is not known.
pub fn promise(records: &Records, lines: &Lines, key: StockKey, stock: &Stock) -> i64 {
    if records.is_recovering(key.location) {
        return 0;
    }
    let share = if lines.counts(key) { stock.at(Place::StoreShare) } else { 0 };
    (stock.available() + share - records.safety(key.item, key.location)).max(0)
}

/// The same of any item, with a row for each item that its units lie in: of a kit as many as its
/// scarcest part allows, by the parts' own rules.
pub fn promise_of(
    records: &Records,
    lines: &Lines,
    key: StockKey,
    row: impl Fn(StockKey) -> Stock,
) -> i64 {
    let one = |item| {
        let key = StockKey { item, ..key };
        promise(records, lines, key, &row(key))
    };
    records.kit(key.item).map_or_else(|| one(key.item), |kit| kit.count(one))
}

/// What one channel may offer at one location (DESIGN.md section 5).
///
/// For pickup max(0, P - channel buffer), and nothing at a dark store; for shipping P, but no more
/// than the channel may offer over all its locations, which its buffer lowers once.
pub fn channel_figure(
    records: &Records,
    lines: &Lines,
    key: StockKey,
    row: impl Fn(StockKey) -> Stock,
    (channel, fulfilment): (Option<&str>, Fulfilment),
) -> i64 {
    let here = promise_of(records, lines, key, &row);
    let buffer = records.buffer(key.item, channel);
    match (fulfilment, channel) {
        (Fulfilment::Pickup, _) if lines.dark.contains(&key.location) => 0,
        (Fulfilment::Shipping, Some(channel)) if buffer > 0 => {
            let others = serving(records, channel).filter(|at| at.no != key.location);
            let others = others
                .map(|at| promise_of(records, lines, StockKey { location: at.no, ..key }, &row));
            here.min(channel_total(others.chain([here]), buffer))
        }
        _ => (here - buffer).max(0),
    }
}

/// Whose rows a channel's figure at a location follows from: that one's, and where a buffer lowers
/// what is shipped those of all locations that serve the channel.
pub fn places_of_figure(
    records: &Records,
    key: StockKey,
    (channel, fulfilment): (Option<&str>, Fulfilment),
) -> BTreeSet<LocationNo> {
    let all = channel.filter(|_| fulfilment == Fulfilment::Shipping);
    let all = all.filter(|channel| records.buffer(key.item, Some(*channel)) > 0);
    let all = all.into_iter().flat_map(|channel| serving(records, channel));
    all.map(|at| at.no).chain([key.location]).collect()
}

/// Locations that serve a channel, in its order; all that sell where it names none, or is known by
/// its keys alone.
pub fn serving<'a>(
    records: &'a Records,
    channel: &str,
) -> impl Iterator<Item = &'a Location> + use<'a> {
    let named = records.channel(channel).map_or(&[][..], |channel| &channel.locations);
    let all = records.locations().filter(move |_| named.is_empty());
    let named = named.iter().filter_map(|code| records.location(code));
    named.chain(all).filter(|location| sells(location))
}

/// Whether goods are sold from a location.
pub fn sells(location: &Location) -> bool {
    location.state == RecordState::Active && location.kind != LocationKind::Transit
}

/// What one channel may offer over several locations: max(0, sum of P - channel buffer).
pub fn channel_total(promises: impl IntoIterator<Item = i64>, buffer: i64) -> i64 {
    (promises.into_iter().sum::<i64>() - buffer).max(0)
}

/// A figure as the public sees it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Shown {
    /// The number; `more` means "this many or more".
    Exact {
        /// Units, up to the cap.
        count: i64,
        /// True above the cap.
        more: bool,
    },
    /// A word.
    Level {
        /// Which.
        level: Level,
    },
    /// Whether there is any.
    YesNo {
        /// Any at all.
        available: bool,
    },
}

/// Words for a figure.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Level {
    /// Enough.
    InStock,
    /// The last few.
    Low,
    /// None.
    Out,
}

/// Applies a display policy to a figure.
pub fn shown(display: Display, figure: i64) -> Shown {
    match display {
        Display::Exact { cap } => Shown::Exact { count: figure.min(cap), more: figure > cap },
        Display::Level { low } => Shown::Level {
            level: match figure {
                ..=0 => Level::Out,
                n if n <= low => Level::Low,
                _ => Level::InStock,
            },
        },
        Display::YesNo => Shown::YesNo { available: figure > 0 },
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::{Record, Safety};
    use crate::stock::{ItemNo, Version};

    #[test]
    fn the_public_sees_no_more_than_the_policy_allows() {
        let exact = Display::Exact { cap: 10 };
        assert_eq!(shown(exact, 4), Shown::Exact { count: 4, more: false });
        assert_eq!(shown(exact, 148), Shown::Exact { count: 10, more: true });
        let level = Display::Level { low: 3 };
        assert_eq!(shown(level, 3), Shown::Level { level: Level::Low });
        assert_eq!(shown(level, 0), Shown::Level { level: Level::Out });
        assert_eq!(shown(Display::YesNo, 1), Shown::YesNo { available: true });
    }

    #[test]
    fn share_counts_while_the_store_answers() {
        let key = StockKey { item: ItemNo(1), location: LocationNo(2) };
        let mut stock = Stock::default();
        stock.balances[Place::Available.index()] = 3;
        stock.balances[Place::StoreShare.index()] = 2;
        let mut records = Records::default();
        let safety = Safety { item: key.item, location: key.location, units: 1 };
        records.put(Version(1), Record::Safety(safety));
        let figures = |lines: &Lines| {
            let of = |f| channel_figure(&records, lines, key, |_| stock, (None, f));
            (
                promise(&records, lines, key, &stock),
                of(Fulfilment::Pickup),
                of(Fulfilment::Shipping),
            )
        };
        let mut lines = Lines::default();
        assert_eq!(figures(&lines), (2, 2, 2), "stale");
        lines.fresh.insert(key.location);
        assert_eq!(figures(&lines), (4, 4, 4), "fresh");
        lines.late.insert(key);
        assert_eq!(figures(&lines), (2, 2, 2), "a recall went unanswered");
        lines = Lines { dark: [key.location].into(), ..Lines::default() };
        assert_eq!(figures(&lines), (2, 0, 2), "dark: nothing to pick up today");
    }

    #[test]
    fn buffers_lower_the_total_once() {
        assert_eq!(channel_total([3, 4], 2), 5);
        assert_eq!(channel_total([1], 2), 0);
    }
}
