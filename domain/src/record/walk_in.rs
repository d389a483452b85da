//! The walk-in demand at a store, and the shares that cover it.
//!
//! Source of the rule: reference/shares.md section 7, `auto`. Integers only, so that hub and agent
//! always find the same. Invariant: the share never falls when the demand grows.

use serde::{Deserialize, Serialize};

use crate::limits;
use crate::stock::{ItemNo, LocationNo};

/// One, in the fixed point that chances are computed in.
const ONE: i128 = 1_000_000_000_000_000_000;
/// e^-1 in it.
const E_MINUS_1: i128 = 367_879_441_171_442_322;
/// Demand above which the normal approximation is as good.
const LARGE: i128 = 30;

/// What a store's registers sold in a while, of all items that have a share by it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct WalkIn {
    /// Where.
    pub location: LocationNo,
    /// Opening hours that the sales are of.
    pub hours: i64,
    /// By item, in the order of their numbers; at most [`limits::WALK_IN_ITEMS_MAX`].
    pub sold: Vec<Sold>,
}

/// Sales of one item.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sold {
    /// Which.
    pub item: ItemNo,
    /// How often it was sold.
    pub sales: i64,
    /// Units.
    pub units: i64,
}

impl WalkIn {
    /// The record's key.
    pub fn key(location: LocationNo) -> String {
        format!("walk_in/{}", location.0)
    }

    /// The share of an item.
    pub fn share(&self, item: ItemNo) -> i64 {
        let found = self.sold.binary_search_by_key(&item, |sold| sold.item);
        found.ok().and_then(|at| self.sold.get(at)).map_or(0, |sold| sold.share(self.hours))
    }

    /// All of it in range and in order.
    pub fn is_valid(&self) -> bool {
        let units = |n: i64| (0..=limits::QUANTITY_MAX).contains(&n);
        self.sold.len() <= limits::WALK_IN_ITEMS_MAX
            && units(self.hours)
            && self.sold.iter().all(|sold| units(sold.sales) && units(sold.units))
            && self.sold.is_sorted_by(|one, next| one.item < next.item)
    }
}

impl Sold {
    /// The smallest share that covers the demand of [`limits::SURVIVE_HOURS`] opening hours in 90 %
    /// of cases: sales come as a Poisson process, each of the mean number of units.
    pub fn share(&self, hours: i64) -> i64 {
        if self.sales <= 0 || self.units <= 0 || hours <= 0 {
            return 0;
        }
        let expected =
            i128::from(self.sales) * i128::from(limits::SURVIVE_HOURS) * ONE / i128::from(hours);
        let each = (self.units + self.sales - 1) / self.sales;
        quantile(expected).saturating_mul(each).min(limits::QUANTITY_MAX)
    }
}

/// The smallest k with P(N <= k) >= 90 % for a Poisson number N with this mean, in fixed point.
fn quantile(mean: i128) -> i64 {
    let wanted = ONE / 10 * 9;
    if mean > LARGE * ONE {
        // Mean + 1.2816 deviations, one half for the steps.
        let whole = mean / ONE;
        let deviation = (whole * 1_000_000).isqrt();
        let k = whole + (deviation * 12_816 / 10_000_000) + 1;
        return i64::try_from(k).unwrap_or(limits::QUANTITY_MAX);
    }
    let mut chance = exp_minus(mean);
    let (mut sum, mut k) = (chance, 0);
    // Ends: the chances add up to one but for rounding, and far below 200 here.
    while sum < wanted && k < 200 {
        k += 1;
        chance = chance * mean / ONE / i128::from(k);
        sum += chance;
    }
    k
}

/// e^-x in fixed point, for 0 <= x <= [`LARGE`].
fn exp_minus(x: i128) -> i128 {
    let (whole, part) = (x / ONE, x % ONE);
    // 1 - p + p^2/2! - ...: below 1e-18 after twenty terms.
    let (mut sum, mut term) = (ONE, ONE);
    for n in 1..=20 {
        term = -term * part / ONE / n;
        sum += term;
    }
    (0..whole).fold(sum, |e, _| e * E_MINUS_1 / ONE)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn share(sales: i64, units: i64, hours: i64) -> i64 {
        let sold = vec![Sold { item: ItemNo(1), sales, units }];
        WalkIn { location: LocationNo(1), hours, sold }.share(ItemNo(1))
    }

    #[test]
    fn the_share_covers_nine_cases_of_ten() {
        // Means of 4 hours, and the quantile by the tables of the distribution.
        let cases = [
            (1, 40, 0),      // 0.1: P(0) = 0.905
            (11, 400, 1),    // 0.11: P(0) = 0.896
            (20, 400, 1),    // 0.2
            (53, 400, 1),    // 0.53: P(<=1) = 0.901
            (54, 400, 2),    // 0.54: P(<=1) = 0.897
            (80, 400, 2),    // 0.8
            (100, 400, 2),   // 1
            (300, 400, 5),   // 3
            (1000, 400, 14), // 10
            (2500, 400, 32), // 25: P(<=31) = 0.8998
        ];
        for (sales, hours, expected) in cases {
            assert_eq!(share(sales, sales, hours), expected, "{sales} sales in {hours} hours");
        }
        assert_eq!(share(10_000, 10_000, 400), 113, "100: P(<=113) = 0.909 by the approximation");
    }

    #[test]
    fn it_counts_in_the_size_of_a_sale_and_never_falls() {
        assert_eq!(share(20, 30_000, 400), 1_500, "grams");
        assert_eq!(share(0, 0, 400), 0);
        let mut before = 0;
        for sales in (0..6_000).step_by(7) {
            let now = share(sales, sales, 400);
            assert!(now >= before, "{sales}: {now} after {before}");
            before = now;
        }
    }
}
