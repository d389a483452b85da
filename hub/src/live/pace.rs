//! How fast a subscriber may speak: some messages at once, then one more each while.
//!
//! It reads no clock.

use std::time::Duration;

use tokio::time::Instant;

/// The messages that are left.
#[derive(Debug)]
pub(super) struct Pace {
    burst: u32,
    every: Duration,
    left: u32,
    /// When the last one came back.
    since: Instant,
}

impl Pace {
    pub(super) fn new(burst: u32, every: Duration, now: Instant) -> Self {
        Self { burst, every, left: burst, since: now }
    }

    /// Takes one; false: there is none.
    pub(super) fn pass(&mut self, now: Instant) -> bool {
        while self.left < self.burst && now.duration_since(self.since) >= self.every {
            self.since += self.every;
            self.left += 1;
        }
        if self.left == self.burst {
            self.since = now;
        }
        let passes = self.left > 0;
        self.left = self.left.saturating_sub(1);
        passes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_spent_comes_back_with_time_and_no_more() {
        let start = Instant::now();
        let at = |ms| start + Duration::from_millis(ms);
        let mut pace = Pace::new(2, Duration::from_millis(500), start);
        assert!(pace.pass(at(0)) && pace.pass(at(10)) && !pace.pass(at(499)));
        assert!(pace.pass(at(500)) && !pace.pass(at(999)));
        assert!(pace.pass(at(9_000)) && pace.pass(at(9_001)) && !pace.pass(at(9_002)));
    }
}
