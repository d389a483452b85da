//! Freshness of a store: a hint for the figure that is shown, never what safety rests on.
//!
//! Source of the limits: reference/shares.md section 7.

use oneshelf_domain::limits;

/// How a store's line looks from the hub.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Freshness {
    /// Answered lately.
    Fresh,
    /// Not lately.
    Stale,
    /// Nobody in the store can have seen what was asked for.
    Dark,
}

impl Freshness {
    /// From the age of the last answered ping, milliseconds.
    pub const fn of(age_ms: i64) -> Self {
        if age_ms <= limits::FRESH_MS {
            Freshness::Fresh
        } else if age_ms <= limits::DARK_MS {
            Freshness::Stale
        } else {
            Freshness::Dark
        }
    }
}
