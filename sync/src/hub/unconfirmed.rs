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
    /// The totals of this session that this link has told.
    told: BTreeMap<Sku, i64>,
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
            self.told.clear();
        }
        let said = std::mem::take(&mut self.said);
        for (sku, total) in totals {
            if said.get(sku).is_none_or(|known| known < total) {
                self.granted(sku.clone(), *total);
            } else {
                self.told.insert(sku.clone(), *total);
            }
        }
    }

    /// The tables have this total: of one that another link has granted in the same session, which
    /// a Hello that came again there has as well, this one's agent was told nothing.
    pub fn stored(&mut self, sku: &Sku, total: i64) {
        if self.told.get(sku).copied().unwrap_or(0) < total {
            self.granted(sku.clone(), total);
        }
    }

    /// A grant goes out.
    pub fn granted(&mut self, sku: Sku, total: i64) {
        let told = self.told.entry(sku.clone()).or_default();
        *told = total.max(*told);
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

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    #[test]
    fn a_total_that_another_link_granted_is_carried_until_the_agent_has_it() {
        let mut known = Unconfirmed::default();
        let [tea, mug] = ["TEA", "MUG"].map(|sku| Sku::new(sku).unwrap());
        known.said(&[(tea.clone(), 2)]);
        let session = (Lease { epoch: 1, number: 7 }, IncarnationId(Uuid::from_u128(1)));
        known.welcome(session, &[(tea.clone(), 2)]);
        known.stored(&tea, 2);
        assert_eq!(known.carry(1), vec![], "the agent has said so");
        known.stored(&tea, 5);
        known.stored(&mug, 1);
        assert_eq!(known.carry(2), vec![(mug.clone(), 1), (tea.clone(), 5)]);
        known.confirmed(2);
        known.stored(&tea, 5);
        assert_eq!(known.carry(3), vec![], "told once is told");
        // The same session once more keeps what it knows; another one begins anew.
        known.welcome(session, &[(tea.clone(), 5)]);
        let other = (Lease { epoch: 1, number: 8 }, session.1);
        known.confirmed(9);
        known.said(&[(tea.clone(), 5)]);
        known.welcome(other, &[(tea.clone(), 5)]);
        known.stored(&mug, 1);
        assert_eq!(known.carry(10), vec![(mug, 1)]);
    }
}
