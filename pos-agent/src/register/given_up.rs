//! What became of a payment whose answer was lost. Asking books nothing.
//!
//! Invariant: a page that hears "nothing was paid" may rely on it. The request that it asks about
//! may still be on its way, or may wait here for a grant: its key is refused from then on.
//! That is kept in memory alone. A request comes with the session of its cashier, and sessions end
//! with the program: one that is older than a restart is refused as not signed in.

use std::collections::VecDeque;

use super::pay::key_at;
use super::{Answer, Front, Refused, SaleView, Session};

/// Keys that are kept, of all registers: far more than payments can be on their way at once.
const KEYS_MAX: usize = 256;

/// Keys of payments that were asked about and had made no sale; the oldest ones are forgotten.
#[derive(Debug, Default)]
pub(super) struct GivenUp(VecDeque<String>);

impl GivenUp {
    fn put(&mut self, key: String) {
        if self.has(&key) {
            return;
        }
        if self.0.len() >= KEYS_MAX {
            self.0.pop_front();
        }
        self.0.push_back(key);
    }

    pub(super) fn has(&self, key: &str) -> bool {
        self.0.iter().any(|k| k == key)
    }
}

impl Front {
    /// The sale that this key made at the register. When it made none it never will.
    pub(crate) async fn paid(&self, who: &Session, key: &str) -> Answer<SaleView> {
        let key = key_at(&who.register, key, "/key")?;
        // Whoever pays books under this lock: a payment is before this answer, or finds its key.
        let mut core = self.core().await?;
        if let Some(row) = self.shared.reads.sale_by_key(&key).await? {
            return Ok(SaleView::of_row(&row));
        }
        core.given_up.put(key);
        let detail = "This payment did not arrive. Nothing was booked: take payment again.";
        Err(Refused::new(404, "not_paid", detail))
    }
}

/// A payment arrived after its page had been told that it did not.
pub(super) fn refusal() -> Refused {
    let detail = "This payment came too late: its page has gone on without it. Nothing was booked.";
    Refused::new(409, "payment_given_up", detail)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_newest_keys_are_kept() {
        let mut keys = GivenUp::default();
        for n in 0..=KEYS_MAX {
            keys.put(format!("k-{n}"));
            keys.put("k-1".to_owned());
        }
        assert_eq!(keys.0.len(), KEYS_MAX);
        assert!(!keys.has("k-0") && keys.has("k-1") && keys.has(&format!("k-{KEYS_MAX}")));
    }
}
