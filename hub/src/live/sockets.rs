//! Places for live sockets: in all, for one caller, and from one address.
//!
//! Invariant: a place that was given is free again when its holder is dropped.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use oneshelf_domain::limits;

/// Descriptors for all that is no live socket: other requests, agents, the database, files.
const OTHER_DESCRIPTORS: usize = 2_000;
/// Places that there are in any case.
const PLACES_MIN: usize = 100;

/// The places of this process; clones share them.
#[derive(Debug, Clone)]
pub struct Sockets {
    taken: Arc<Mutex<Taken>>,
    most: usize,
}

#[derive(Debug, Default)]
struct Taken {
    all: usize,
    names: HashMap<String, usize>,
}

impl Taken {
    #[expect(clippy::cast_precision_loss, reason = "far below 2^52")]
    fn count(&self) {
        metrics::gauge!("oneshelf_live_sockets").set(self.all as f64);
    }
}

/// Why there is no place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Full {
    /// For nobody.
    Hub,
    /// For this caller, or from this address.
    Yours,
}

/// A place, held.
#[derive(Debug)]
pub struct Place {
    taken: Arc<Mutex<Taken>>,
    names: [String; 2],
}

impl Default for Sockets {
    fn default() -> Self {
        Self { taken: Arc::default(), most: limits::LIVE_SOCKETS_MAX }
    }
}

impl Sockets {
    /// Asks the system for as many descriptors as all places need; gives no more places than it
    /// has, so that requests, agents and the database always get one.
    pub fn of_this_process() -> Self {
        let most = limits::LIVE_SOCKETS_MAX;
        let wanted = u64::try_from(most + OTHER_DESCRIPTORS).unwrap_or(u64::MAX);
        let had = rlimit::increase_nofile_limit(wanted).unwrap_or(0);
        let places = usize::try_from(had).unwrap_or(most).saturating_sub(OTHER_DESCRIPTORS);
        if places >= most {
            return Self::default();
        }
        // A system that does not say how many it has gives at least a few hundred.
        let most = places.max(PLACES_MIN);
        tracing::warn!(descriptors = had, places = most, "few live sockets: raise `ulimit -n`");
        Self { most, ..Self::default() }
    }

    /// A place for a caller at an address.
    ///
    /// # Errors
    /// When there is none left.
    pub fn enter(&self, caller: &str, address: &str) -> Result<Place, Full> {
        let mut taken = self.taken.lock().unwrap_or_else(PoisonError::into_inner);
        if taken.all >= self.most {
            return Err(Full::Hub);
        }
        let names = [format!("caller {caller}"), format!("address {address}")];
        let most = [limits::LIVE_SOCKETS_PER_CALLER_MAX, limits::LIVE_SOCKETS_PER_ADDRESS_MAX];
        let full = |(name, most): (&String, usize)| {
            taken.names.get(name).is_some_and(|count| *count >= most)
        };
        if names.iter().zip(most).any(full) {
            return Err(Full::Yours);
        }
        taken.all += 1;
        taken.count();
        for name in &names {
            *taken.names.entry(name.clone()).or_default() += 1;
        }
        Ok(Place { taken: Arc::clone(&self.taken), names })
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut taken = self.taken.lock().unwrap_or_else(PoisonError::into_inner);
        taken.all = taken.all.saturating_sub(1);
        taken.count();
        for name in &self.names {
            let Some(count) = taken.names.get_mut(name) else { continue };
            *count -= 1;
            if *count == 0 {
                taken.names.remove(name);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_has_so_many_places_and_gets_them_back() {
        let sockets = Sockets::default();
        let enter = |n: usize| sockets.enter(&format!("caller {n}"), "10.0.0.1");
        let mut held: Vec<Place> =
            (0..limits::LIVE_SOCKETS_PER_ADDRESS_MAX).map(|n| enter(n).unwrap()).collect();
        assert_eq!(enter(0).unwrap_err(), Full::Yours);
        let other = sockets.enter("caller 0", "10.0.0.2").unwrap();
        held.pop();
        held.push(enter(0).unwrap());
        drop((held, other));
        assert!(sockets.taken.lock().unwrap().names.is_empty(), "nothing is left behind");
    }

    #[test]
    fn callers_and_the_hub_have_their_bounds() {
        let sockets = Sockets::default();
        let mut held = vec![];
        for n in 0..limits::LIVE_SOCKETS_PER_CALLER_MAX {
            held.push(sockets.enter("one", &n.to_string()).unwrap());
        }
        assert_eq!(sockets.enter("one", "elsewhere").unwrap_err(), Full::Yours);
        for n in held.len()..limits::LIVE_SOCKETS_MAX {
            held.push(sockets.enter(&n.to_string(), &n.to_string()).unwrap());
        }
        assert_eq!(sockets.enter("another", "elsewhere").unwrap_err(), Full::Hub);
    }
}
