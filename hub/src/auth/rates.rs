//! How often one caller, address or door may ask. Knows no request: only names and quotas.
//!
//! Invariant: the tables of names are bounded; old names are dropped when there are many.

use std::num::NonZeroU32;
use std::time::Duration;

use governor::clock::{Clock, DefaultClock};
use governor::{DefaultKeyedRateLimiter, Quota, RateLimiter};

/// Names above which old ones are dropped.
const NAMES_MAX: usize = 50_000;

/// A quota: so many at once, and one more each `every`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rate {
    /// At once.
    pub burst: u32,
    /// One more each of these.
    pub every: Duration,
}

/// All quotas of a hub.
#[derive(Debug, Clone)]
pub struct Rates {
    /// Requests of one key or person.
    pub caller: Rate,
    /// Requests of one address to the public shop.
    pub address: Rate,
    /// Holds placed from one address.
    pub holds: Rate,
    /// Sign-ins and codes tried from one address.
    pub door: Rate,
}

impl Default for Rates {
    fn default() -> Self {
        let rate = |burst, per_second: u32| Rate {
            burst,
            every: Duration::from_micros(1_000_000 / u64::from(per_second)),
        };
        Self {
            caller: rate(4_000, 2_000),
            address: rate(400, 100),
            holds: rate(60, 10),
            door: Rate { burst: 10, every: Duration::from_secs(6) },
        }
    }
}

/// Which quota is meant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Door {
    /// Requests of one key or person.
    Caller,
    /// Requests of one address to the public shop.
    Address,
    /// Holds placed from one address.
    Holds,
    /// Sign-ins and codes tried from one address.
    Door,
}

/// Counts who asked how often.
pub struct Gate {
    limiters: [DefaultKeyedRateLimiter<String>; 4],
    clock: DefaultClock,
}

impl Gate {
    /// A gate with these quotas.
    pub fn new(rates: &Rates) -> Self {
        let limiter = |rate: Rate| RateLimiter::keyed(quota(rate));
        Self {
            limiters: [rates.caller, rates.address, rates.holds, rates.door].map(limiter),
            clock: DefaultClock::default(),
        }
    }

    /// Lets one more through, or says how long to wait.
    ///
    /// # Errors
    /// The time after which to try again.
    pub fn pass(&self, door: Door, name: &str) -> Result<(), Duration> {
        let limiter = &self.limiters[door as usize];
        if limiter.len() > NAMES_MAX {
            limiter.retain_recent();
        }
        limiter.check_key(&name.to_owned()).map_err(|no| no.wait_time_from(self.clock.now()))
    }
}

fn quota(rate: Rate) -> Quota {
    let burst = NonZeroU32::new(rate.burst).unwrap_or(NonZeroU32::MIN);
    Quota::with_period(rate.every).unwrap_or(Quota::per_second(burst)).allow_burst(burst)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_has_its_own_quota() {
        let slow = Rate { burst: 2, every: Duration::from_secs(3_600) };
        let rates = Rates { door: slow, ..Rates::default() };
        let gate = Gate::new(&rates);
        assert!(gate.pass(Door::Door, "a").is_ok() && gate.pass(Door::Door, "a").is_ok());
        let wait = gate.pass(Door::Door, "a").unwrap_err();
        assert!(wait > Duration::from_secs(3_000), "{wait:?}");
        assert!(gate.pass(Door::Door, "b").is_ok());
        assert!(gate.pass(Door::Holds, "a").is_ok());
    }
}
