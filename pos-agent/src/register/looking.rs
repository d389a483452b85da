//! Registers whose scans are looked at: somebody counts there, and nothing is sold by a scan.
//!
//! A page says so again and again while it wants that; one that is gone sells again soon.
//! Invariant: a register's word changes nothing for other registers.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use oneshelf_domain::RegisterCode;
use oneshelf_domain::item::Item;

use super::{Front, Refused, Session};

/// How long a page's word holds.
const LOOKS: Duration = Duration::from_secs(30);

/// Whose scans are looked at, and until when.
#[derive(Debug, Default)]
pub(crate) struct Looking(Mutex<BTreeMap<RegisterCode, Instant>>);

impl Looking {
    fn with<T>(&self, change: impl FnOnce(&mut BTreeMap<RegisterCode, Instant>) -> T) -> T {
        change(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn is_on(&self, register: &RegisterCode, now: Instant) -> bool {
        self.with(|all| {
            all.retain(|_, until| now < *until);
            all.contains_key(register)
        })
    }
}

impl Front {
    /// Scans of this register are looked at for a while.
    pub(crate) fn look_at_scans(&self, who: &Session) {
        let until = Instant::now() + LOOKS;
        self.shared.looking.with(|all| all.insert(who.register.clone(), until));
    }

    /// Scans of this register sell again.
    pub(crate) fn sell_scans(&self, who: &Session) {
        self.shared.looking.with(|all| all.remove(&who.register));
    }

    /// What a scan found while its register looks: the item, and no sale.
    pub(super) fn only_looked(&self, who: &Session, item: &Item) -> Result<(), Refused> {
        if !self.shared.looking.is_on(&who.register, Instant::now()) {
            return Ok(());
        }
        let detail = format!("{} was looked up, not sold.", item.sku);
        Err(Refused::new(409, "scan_looked_at", &detail).with("sku", item.sku.as_str()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_that_is_gone_sells_again_soon() {
        let (looking, now) = (Looking::default(), Instant::now());
        let [one, two] = ["R1", "R2"].map(|code| RegisterCode::new(code).unwrap());
        looking.with(|all| all.insert(one.clone(), now + LOOKS));
        assert!(looking.is_on(&one, now) && !looking.is_on(&two, now));
        assert!(!looking.is_on(&one, now + LOOKS));
    }
}
