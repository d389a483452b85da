//! Recalls at a device: what the auditor is told of one, and the planted bugs in the shell's place.

use oneshelf_domain::Sku;
use oneshelf_protocol::frame::Down;
use oneshelf_sync::agent::Write;

use super::Device;
use crate::sim::bug::Bug;
use crate::sim::scene::Scene;

/// A recall as it came.
#[derive(Debug, Clone)]
pub(super) struct Came {
    sku: Sku,
    /// Asked for by the hub, whatever a bug makes of it.
    target: i64,
    /// The device's total before.
    before: i64,
    /// It was answered before.
    again: bool,
}

impl Device {
    /// Looks at a frame before the machine does.
    pub(super) fn recall_comes(&mut self, scene: &mut Scene, down: &mut Down) -> Option<Came> {
        let Down::Recall { sku, target, .. } = down else { return None };
        let before = self.machine.as_ref()?.totals(sku).returned;
        let came = Came { sku: sku.clone(), target: *target, before, again: *target <= before };
        match scene.bug {
            Some(Bug::RecallAnsweredAgain) if came.again => *target = before + 1,
            Some(Bug::RecallDelta) => {
                let asked = *target - before;
                let first = *self.asked.entry((sku.clone(), *target)).or_insert(asked);
                *target = before + first;
            }
            Some(Bug::RecallTakesHeld) => {
                let tickets: Vec<_> = self.disk.tickets.values().map(|(id, _)| *id).collect();
                let (of, now) = (sku.clone(), scene.clock(self.store));
                for ticket in tickets {
                    let of = of.clone();
                    let agent = self.machine.as_mut()?;
                    let step = agent.act(&mut scene.ids, move |agent, fresh| {
                        agent.need(&of, ticket, 0, now, fresh)
                    });
                    self.commit(scene, step, None);
                }
            }
            _ => {}
        }
        Some(came)
    }

    /// What a bug leaves out of the transaction that answers.
    pub(super) fn spoil_answer(&self, scene: &Scene, came: &Came, writes: &mut Vec<Write>) -> bool {
        let bug = scene.bug == Some(Bug::RecallAnsweredAgain) && came.again;
        if bug {
            writes.retain(|write| !matches!(write, Write::Totals(..)));
        }
        bug
    }

    /// The auditor hears what was asked for and what was given.
    pub(super) fn recall_done(&self, scene: &mut Scene, came: &Came) {
        let Some(agent) = &self.machine else { return };
        let after = agent.totals(&came.sku).returned;
        if after > came.before {
            *scene.counts.commands.entry("recall_answered").or_default() += 1;
        }
        scene.audit.recalled(self.store, came.target, came.before, after);
    }
}
