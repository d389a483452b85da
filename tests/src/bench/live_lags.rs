//! How late many messages were: counts by a tenth of a millisecond, in bounded memory.
//!
//! Invariant: what is later than the last count counts as the longest there was.

use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// Counts; the last one is of everything later.
const COUNTS: usize = 10_001;
const STEP_MICROS: u128 = 100;

/// See the module.
#[derive(Debug)]
pub struct Lags {
    counts: Vec<AtomicU64>,
    longest_micros: AtomicU64,
}

impl Default for Lags {
    fn default() -> Self {
        let counts = (0..COUNTS).map(|_| AtomicU64::new(0)).collect();
        Self { counts, longest_micros: AtomicU64::new(0) }
    }
}

impl Lags {
    /// Takes one in.
    pub fn put(&self, lag: Duration) {
        let micros = lag.as_micros();
        let at = usize::try_from(micros.div_ceil(STEP_MICROS)).unwrap_or(COUNTS);
        self.counts[at.min(COUNTS - 1)].fetch_add(1, Ordering::Relaxed);
        let micros = u64::try_from(micros).unwrap_or(u64::MAX);
        self.longest_micros.fetch_max(micros, Ordering::Relaxed);
    }

    /// How many there are.
    pub fn count(&self) -> u64 {
        self.counts.iter().map(|count| count.load(Ordering::Relaxed)).sum()
    }

    /// Milliseconds that so many of a thousand do not exceed; 0 when there are none.
    pub fn at(&self, thousandths: u64) -> f64 {
        let rank = (self.count() * thousandths).div_ceil(1_000);
        let mut before = 0;
        for (at, count) in self.counts.iter().enumerate().take(COUNTS - 1) {
            before += count.load(Ordering::Relaxed);
            if before >= rank {
                #[expect(clippy::cast_precision_loss, reason = "far below 2^52")]
                return at as f64 / 10.0;
            }
        }
        #[expect(clippy::cast_precision_loss, reason = "far below 2^52")]
        return self.longest_micros.load(Ordering::Relaxed) as f64 / 1_000.0;
    }
}

impl fmt::Display for Lags {
    /// As [`super::spread::Spread`] writes its own.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:>8}", self.count())?;
        for thousandths in [500, 950, 990, 1_000] {
            write!(f, "{:>8.2}", self.at(thousandths))?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranks_are_the_nearest() {
        let lags = Lags::default();
        assert!(lags.at(990).abs() < 1e-9);
        (1..=1_000).for_each(|ms| lags.put(Duration::from_millis(ms)));
        lags.put(Duration::from_secs(7));
        assert!((lags.at(500) - 501.0).abs() < 1e-9, "{}", lags.at(500));
        assert!((lags.at(1_000) - 7_000.0).abs() < 1e-9);
        assert_eq!(lags.count(), 1_001);
    }
}
