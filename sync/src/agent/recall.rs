//! Giving share back because the hub asks for it.
//!
//! A recall names a total of units ever returned, so that lost, doubled and late ones need no
//! memory: what was given for one is not given again. Units that a ticket holds stay.

use oneshelf_domain::stock::Lease;
use oneshelf_domain::{CommandId, IncarnationId, Sku, Timestamp};
use oneshelf_protocol::frame::Body;

use super::{Agent, Fresh, Step};

/// The hub's question.
pub(super) struct Recall {
    pub session: Lease,
    pub incarnation: IncarnationId,
    pub sku: Sku,
    /// Let the total of returned units reach this.
    pub target: i64,
}

impl Agent {
    /// Gives what there is to give; nothing is no answer, and the hub's deadline passes.
    pub(super) fn recalled(&mut self, recall: Recall, now: Timestamp, fresh: Fresh<'_>) -> Step {
        let Recall { session, incarnation, sku, target } = recall;
        if self.session != Some(session) || incarnation != self.life.incarnation {
            return Step::default();
        }
        let mut totals = self.totals(&sku);
        let held: i64 = self.needs.get(&sku).into_iter().flatten().map(|n| n.held).sum();
        let quantity = (target - totals.returned).min(totals.share() - held);
        if quantity <= 0 {
            return Step::default();
        }
        totals.returned += quantity;
        let mut step = self.set_totals(&sku, totals);
        step.then(self.log(CommandId(fresh()), Body::Back { sku, quantity }, now));
        step
    }
}
