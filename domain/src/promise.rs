//! The promise: what a channel may offer of an item, and how the public sees the figure.
//!
//! Until share is recalled, the promise counts `available` alone: it holds for a store whose line
//! is down, since nobody but the hub can give those units away.

use serde::{Deserialize, Serialize};

use crate::record::{Display, Records};
use crate::stock::{Stock, StockKey};

/// P(store, item) = max(0, available - safety stock); 0 while the location recovers, since what
/// was sold and promised there since the backup is not known.
pub fn promise(records: &Records, key: StockKey, stock: &Stock) -> i64 {
    if records.is_recovering(key.location) {
        return 0;
    }
    (stock.available() - records.safety(key.item, key.location)).max(0)
}

/// What one channel may offer at one location: max(0, P - channel buffer).
pub fn channel_figure(
    records: &Records,
    key: StockKey,
    stock: &Stock,
    channel: Option<&str>,
) -> i64 {
    (promise(records, key, stock) - records.buffer(key.item, channel)).max(0)
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
    fn buffers_lower_the_total_once() {
        assert_eq!(channel_total([3, 4], 2), 5);
        assert_eq!(channel_total([1], 2), 0);
    }
}
