//! Times of one thing done many times, and how they are told.

use std::fmt;

/// See the module.
#[derive(Debug, Clone, Default)]
pub struct Spread(Vec<f64>);

impl Spread {
    /// What stands above the columns of [`Spread`]'s text.
    pub const HEAD: &'static str = "   count     p50     p95     p99     max";

    /// Takes one in.
    pub fn put(&mut self, ms: f64) {
        self.0.push(ms);
    }

    /// Takes those of another in.
    pub fn add(&mut self, other: &Self) {
        self.0.extend(&other.0);
    }

    /// The smallest that so many of a hundred do not exceed (nearest rank); 0 when there are none.
    pub fn at(&self, percent: f64) -> f64 {
        let mut sorted = self.0.clone();
        sorted.sort_by(f64::total_cmp);
        #[expect(clippy::cast_precision_loss, reason = "far below 2^52")]
        let rank = (percent / 100.0 * sorted.len() as f64).ceil();
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "between 0 and the count"
        )]
        let rank = rank as usize;
        sorted.get(rank.saturating_sub(1)).copied().unwrap_or_default()
    }
}

impl fmt::Display for Spread {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:>8}", self.0.len())?;
        for percent in [50.0, 95.0, 99.0, 100.0] {
            write!(f, "{:>8.2}", self.at(percent))?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranks_are_the_nearest() {
        let mut spread = Spread::default();
        (1..=200).for_each(|n| spread.put(f64::from(n)));
        let ranks = [50.0, 95.0, 99.0, 100.0].map(|p| spread.at(p));
        assert!(ranks.iter().zip([100.0, 190.0, 198.0, 200.0]).all(|(a, b)| (a - b).abs() < 1e-9));
        assert!(Spread::default().at(99.0).abs() < 1e-9);
    }
}
