//! Policies: numbers that lower or share what may be promised.
//!
//! Plain values of small integers, in base units. How they are applied is `promise`'s and
//! `stock`'s matter; this alone knows what share a policy asks for.

use serde::{Deserialize, Serialize};

use crate::limits;
use crate::stock::{ItemNo, LocationNo, Place, Stock};

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

/// How many units a store's registers should own without asking. Where nothing is said it is
/// [`ShareRule::Auto`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "rule", rename_all = "snake_case")]
pub enum ShareRule {
    /// So many.
    Fixed {
        /// Units.
        units: i64,
    },
    /// A part of what is free or share there: none of one unit, rounded up from two on (at small
    /// stock the rounding is the policy: shares.md section 7).
    Percent {
        /// 0 to 100.
        percent: i64,
    },
    /// The smallest share that covers the walk-in demand of [`limits::SURVIVE_HOURS`] opening
    /// hours in 90 % of cases.
    Auto,
}

impl ShareRule {
    /// Units of share, for a row of stock and the share that the walk-in demand asks for.
    pub fn target(self, stock: &Stock, walk_in: i64) -> i64 {
        match self {
            ShareRule::Fixed { units } => units,
            ShareRule::Percent { percent } => {
                let units = stock.available() + stock.at(Place::StoreShare);
                if units < 2 { 0 } else { (units * percent + 99) / 100 }
            }
            ShareRule::Auto => walk_in,
        }
    }

    /// Units that the store keeps of its own accord: what lies above goes back unasked. None:
    /// what it keeps follows from the hub's stock, and the hub asks for the rest.
    pub fn kept(self, walk_in: i64) -> Option<i64> {
        match self {
            ShareRule::Percent { .. } => None,
            ShareRule::Fixed { .. } | ShareRule::Auto => {
                Some(self.target(&Stock::default(), walk_in))
            }
        }
    }

    /// True when every number is in its range.
    pub fn is_valid(self) -> bool {
        match self {
            ShareRule::Fixed { units } => (0..=limits::QUANTITY_MAX).contains(&units),
            ShareRule::Percent { percent } => (0..=100).contains(&percent),
            ShareRule::Auto => true,
        }
    }
}

/// What share a store should own.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "StoredPolicy")]
pub struct SharePolicy {
    /// Where.
    pub location: LocationNo,
    /// One item, or all of them.
    #[serde(default)]
    pub item: Option<ItemNo>,
    /// How many.
    #[serde(flatten)]
    pub rule: ShareRule,
}

/// A policy as it is kept. The first ones had units and no rule.
#[derive(Deserialize)]
struct StoredPolicy {
    location: LocationNo,
    #[serde(default)]
    item: Option<ItemNo>,
    #[serde(default)]
    rule: Option<String>,
    #[serde(default)]
    units: i64,
    #[serde(default)]
    percent: i64,
}

impl TryFrom<StoredPolicy> for SharePolicy {
    type Error = String;

    fn try_from(stored: StoredPolicy) -> Result<Self, Self::Error> {
        let StoredPolicy { location, item, rule, units, percent } = stored;
        let rule = match rule.as_deref() {
            None | Some("fixed") => ShareRule::Fixed { units },
            Some("percent") => ShareRule::Percent { percent },
            Some("auto") => ShareRule::Auto,
            Some(other) => return Err(format!("{other} is no rule of a share")),
        };
        Ok(Self { location, item, rule })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stock(available: i64, share: i64) -> Stock {
        let mut stock = Stock::default();
        stock.balances[Place::Available.index()] = available;
        stock.balances[Place::StoreShare.index()] = share;
        stock
    }

    #[test]
    fn a_percentage_is_of_what_is_free_and_rounded_up_from_two_on() {
        let rule = ShareRule::Percent { percent: 20 };
        let cases = [(0, 0, 0), (1, 0, 0), (0, 1, 0), (1, 1, 1), (5, 0, 1), (4, 2, 2), (20, 0, 4)];
        for (available, share, target) in cases {
            assert_eq!(rule.target(&stock(available, share), 9), target, "{available} {share}");
        }
        assert_eq!(rule.kept(9), None);
    }

    #[test]
    fn a_policy_of_before_there_were_rules_is_a_number() {
        let of = |text: &str| serde_json::from_str::<SharePolicy>(text).map(|policy| policy.rule);
        assert_eq!(of(r#"{"location":1,"units":3}"#).unwrap(), ShareRule::Fixed { units: 3 });
        assert!(of(r#"{"location":1,"rule":"half"}"#).is_err());
        for rule in [ShareRule::Auto, ShareRule::Percent { percent: 7 }] {
            let policy = SharePolicy { location: LocationNo(1), item: None, rule };
            let text = serde_json::to_string(&policy).unwrap();
            assert_eq!(of(&text).unwrap(), rule);
        }
    }

    #[test]
    fn without_a_history_auto_owns_nothing() {
        assert_eq!(ShareRule::Auto.target(&stock(20, 0), 0), 0);
        assert_eq!(ShareRule::Fixed { units: 3 }.target(&stock(1, 0), 0), 3);
    }
}
