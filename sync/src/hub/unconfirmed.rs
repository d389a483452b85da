//! Granted totals that the agent may not have: pings repeat them until a pong says it has.
//!
//! Invariant: a total is dropped only when a ping that carried it was answered.

use std::collections::BTreeMap;

use oneshelf_domain::stock::Lease;
use oneshelf_domain::{IncarnationId, Sku};
use oneshelf_protocol::frame::Total;

use super::TOTALS_PER_FRAME;

/// The totals of one link.
#[derive(Debug, Default)]
pub(super) struct Unconfirmed {
    /// Each with the number of the first ping that carried it.
    totals: BTreeMap<Sku, (i64, Option<i64>)>,
    /// Whose they are.
    session: Option<(Lease, IncarnationId)>,
    /// What the last Hello said that the agent has.
    said: BTreeMap<Sku, i64>,
}

impl Unconfirmed {
    /// A Hello came.
    pub fn said(&mut self, granted: &[Total]) {
        self.said = granted.iter().cloned().collect();
    }

    /// A Welcome goes out. It may be lost, or ignored when it is the second answer to one nonce:
    /// what the Hello did not know is not confirmed by it.
    pub fn welcome(&mut self, session: (Lease, IncarnationId), totals: &[Total]) {
        if self.session.replace(session) != Some(session) {
            self.totals.clear();
        }
        let said = std::mem::take(&mut self.said);
        for (sku, total) in totals {
            if said.get(sku).is_none_or(|known| known < total) {
                self.granted(sku.clone(), *total);
            }
        }
    }

    /// A grant goes out.
    pub fn granted(&mut self, sku: Sku, total: i64) {
        let known = self.totals.entry(sku).or_insert((total, None));
        if known.0 <= total {
            *known = (total, None);
        }
    }

    /// What a ping carries.
    pub fn carry(&mut self, number: i64) -> Vec<Total> {
        let first = self.totals.iter_mut().take(TOTALS_PER_FRAME);
        first
            .map(|(sku, (total, carried))| {
                carried.get_or_insert(number);
                (sku.clone(), *total)
            })
            .collect()
    }

    /// A ping was answered: what it and those before it carried has arrived.
    pub fn confirmed(&mut self, number: i64) {
        self.totals.retain(|_, (_, carried)| carried.is_none_or(|first| first > number));
    }
}
