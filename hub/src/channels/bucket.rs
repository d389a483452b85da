//! How much may be on its way to an endpoint: a token bucket that its own answers fill.
//!
//! It must not know what is said, and sends nothing. Invariant: no more is on its way than the
//! endpoint said it takes; one that says nothing is asked so many at once, and one by one after
//! it turned something away, until it takes things again.

use oneshelf_connectors::{Allowance, Verdict};
use oneshelf_domain::Timestamp;

/// Requests on their way at once, at most.
pub(super) const WIDTH_MAX: usize = 8;

/// Of one endpoint.
#[derive(Debug, Clone)]
pub(super) struct Bucket {
    /// Requests on their way at once.
    width: usize,
    /// What the endpoint still takes until a time, when it said so.
    left: Option<(usize, Timestamp)>,
}

impl Default for Bucket {
    fn default() -> Self {
        Self { width: WIDTH_MAX, left: None }
    }
}

impl Bucket {
    /// How many more may go now, when so many are on their way.
    pub(super) fn room(&self, flying: usize, now: Timestamp) -> usize {
        let left = self.left.filter(|(_, until)| now < *until);
        let left = left.map_or(usize::MAX, |(left, _)| left);
        self.width.saturating_sub(flying).min(left)
    }

    /// One goes.
    pub(super) fn take(&mut self) {
        if let Some((left, _)) = &mut self.left {
            *left = left.saturating_sub(1);
        }
    }

    /// One was answered, while so many others are on their way.
    pub(super) fn answered(
        &mut self,
        verdict: Verdict,
        allowed: Option<Allowance>,
        flying: usize,
        now: Timestamp,
    ) {
        match verdict {
            Verdict::Limited { .. } => self.width = 1,
            Verdict::Done => self.width = (self.width + 1).min(WIDTH_MAX),
            _ => {}
        }
        let known = self.left.take().filter(|(_, until)| now < *until);
        let said = allowed.map(|allowed| {
            // Those on their way may not be counted yet.
            let left = usize::try_from(allowed.left).unwrap_or(usize::MAX).saturating_sub(flying);
            (left, now.plus_ms(i64::from(allowed.reset_s) * 1_000))
        });
        // Answers overtake each other: until its time is up the smallest number is true.
        self.left = match (known, said) {
            (Some(known), Some(said)) => Some(if said.0 < known.0 { said } else { known }),
            (known, said) => said.or(known),
        };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp(0);

    fn says(left: u32, reset_s: u32) -> Option<Allowance> {
        Some(Allowance { left, reset_s })
    }

    #[test]
    fn one_that_was_turned_away_is_followed_one_by_one() {
        let mut bucket = Bucket::default();
        assert_eq!((bucket.room(0, NOW), bucket.room(6, NOW)), (8, 2));
        bucket.answered(Verdict::Limited { after_s: None }, None, 7, NOW);
        assert_eq!((bucket.room(7, NOW), bucket.room(0, NOW)), (0, 1));
        bucket.answered(Verdict::Unknown, None, 0, NOW);
        assert_eq!(bucket.room(0, NOW), 1, "an answer that says nothing");
        for width in [2, 3, 4, 5, 6, 7, 8, 8] {
            bucket.answered(Verdict::Done, None, 0, NOW);
            assert_eq!(bucket.room(0, NOW), width);
        }
    }

    #[test]
    fn no_more_goes_than_the_endpoint_takes() {
        let mut bucket = Bucket::default();
        bucket.answered(Verdict::Done, says(5, 30), 2, NOW);
        assert_eq!(bucket.room(2, NOW), 3);
        bucket.take();
        bucket.take();
        assert_eq!(bucket.room(4, NOW), 1);
        bucket.answered(Verdict::Done, says(6, 30), 1, NOW);
        assert_eq!(bucket.room(0, NOW), 1, "an answer from before");
        bucket.take();
        assert_eq!(bucket.room(0, NOW.plus_ms(29_999)), 0);
        assert_eq!(bucket.room(0, NOW.plus_ms(30_000)), 8);
        bucket.answered(Verdict::Done, says(0, 60), 0, NOW.plus_ms(30_000));
        bucket.answered(Verdict::Done, None, 0, NOW.plus_ms(40_000));
        assert_eq!(bucket.room(0, NOW.plus_ms(89_999)), 0);
        assert_eq!(bucket.room(0, NOW.plus_ms(90_000)), 8);
    }
}
