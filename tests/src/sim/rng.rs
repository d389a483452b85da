//! Chance: one small generator a run, so that a seed replays exactly.
//!
//! SplitMix64. Whole numbers only: no float, whose rounding could differ between machines.

/// The source of all chance of a run.
#[derive(Debug, Clone)]
pub struct Rng(u64);

impl Rng {
    /// The source of a seed.
    pub fn new(seed: u64) -> Self {
        let mut rng = Self(seed ^ 0x6f6e_6573_6865_6c66);
        rng.next();
        rng
    }

    /// 64 random bits.
    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// 0 to `end`, without it.
    pub fn below(&mut self, end: usize) -> usize {
        let end = end.max(1) as u64;
        usize::try_from(self.next() % end).unwrap_or(0)
    }

    /// From `low` to `high`, both included.
    pub fn between(&mut self, low: i64, high: i64) -> i64 {
        let span = (high - low + 1).max(1).unsigned_abs();
        low + (self.next() % span).cast_signed()
    }

    /// True in so many of a thousand cases.
    pub fn chance(&mut self, per_mille: i64) -> bool {
        self.between(0, 999) < per_mille
    }

    /// A waiting time with this mean, close to exponential, at least 1.
    pub fn wait(&mut self, mean: i64) -> i64 {
        let bits = self.next();
        // -log2 of a number in (0, 1], in 1/1024: its leading zeros and a straight line between.
        let zeros = i64::from(bits.leading_zeros().min(40));
        let part = (bits.rotate_left(bits.leading_zeros() + 1) >> 54).cast_signed();
        let logarithm = zeros * 1024 + 1024 - part;
        // log2 to ln: 0.693.
        (mean.saturating_mul(logarithm) / 1024).saturating_mul(693) / 1000 + 1
    }
}
