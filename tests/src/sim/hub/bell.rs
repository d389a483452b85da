//! Between the processes: which store answered, what is wanted back from it, whose life ended.
//!
//! A doorbell that may be lost, as in the product (hub/src/link/bell.rs); nothing rests on it.

use oneshelf_domain::IncarnationId;
use oneshelf_domain::stock::{Command, LocationNo, StockKey};
use oneshelf_sync::plan::{Reply, Submission};

use super::{Hub, Said};
use crate::sim::scene::{Event, Scene};

/// What an agent is asked for.
#[derive(Debug, Clone, Copy)]
pub(in crate::sim) struct Recall {
    key: StockKey,
    life: IncarnationId,
    /// Units ever given back that the total should reach.
    target: i64,
    /// Those that were back when it was asked.
    returned: i64,
}

/// What one process tells the others.
#[derive(Debug, Clone, Copy)]
pub(in crate::sim) enum Ring {
    /// A store answered a ping that left then, ms; a life whose log goes on behind a gap.
    Answered(LocationNo, i64, Option<IncarnationId>),
    /// Whoever holds the agent asks it for share.
    Recall(Recall),
    /// Whoever holds the agent ends its connection.
    Cut(LocationNo),
}

impl Hub {
    /// Tells the others; some of it is lost, each by itself.
    pub(super) fn ring(&mut self, scene: &mut Scene, ring: Ring) {
        for hub in self.others() {
            if scene.unlucky(40) {
                scene.counts.mishap("ring between hubs lost");
                continue;
            }
            let delay = scene.rng.wait(15);
            scene.after(delay, Event::Rings { hub, ring });
        }
    }

    /// Another process rang.
    pub fn hears_ring(&mut self, scene: &mut Scene, ring: Ring) -> Vec<Said> {
        if !self.up {
            return vec![];
        }
        match ring {
            Ring::Answered(location, at, gap) => {
                self.answered_elsewhere(location, at);
                self.put_gap(location, gap);
            }
            Ring::Recall(recall) => {
                if self.recall_here(scene, recall) {
                    scene.counts.met("recall asked at one hub, told by another");
                }
            }
            Ring::Cut(location) => return self.cut_here(location),
        }
        vec![]
    }

    /// A claim lacks units: the store is asked by whoever holds its agent. A connection that is
    /// here may be one that the agent has left, and a total may come twice.
    pub fn recall_for_claim(&mut self, scene: &mut Scene, key: StockKey, units: i64) {
        if !self.lines(scene.now).counts(key) {
            return; // its figure counts no share
        }
        let lives = self.database.incarnations.values();
        let Some(life) = lives.filter(|i| i.location == key.location).find(|i| !i.retired) else {
            return;
        };
        let life = life.id;
        let share = self.database.shares.get(&(life, key)).copied().unwrap_or_default();
        let wanted = units.min(share.owned());
        if wanted < 1 {
            return;
        }
        let returned = share.returned;
        let recall = Recall { key, life, target: returned + wanted, returned };
        self.recall_here(scene, recall);
        self.ring(scene, Ring::Recall(recall));
    }

    fn recall_here(&mut self, scene: &mut Scene, recall: Recall) -> bool {
        let Recall { key, life, target, returned } = recall;
        // A claim elsewhere waits for it: when nothing comes the figure here is too high too.
        self.asks_for(key, scene.now, returned);
        let sku = self.database.items.get(&key.item).map(|i| i.sku.clone());
        let held = self.connections.iter().find(|(_, c)| c.location == key.location);
        let (Some((connection, c)), Some(sku)) = (held, sku) else { return false };
        let Some(down) = c.link.recall(life, sku, target) else { return false };
        *scene.counts.commands.entry("recall").or_default() += 1;
        let connection = *connection;
        self.send(scene, connection, down);
        true
    }

    /// Agents that an operator gave up are to hear of it, whichever process holds them.
    pub(super) fn cut_given_up(
        &mut self,
        scene: &mut Scene,
        batch: &[Submission],
        replies: &[Reply],
    ) -> Vec<Said> {
        let mut said = vec![];
        for (submission, reply) in batch.iter().zip(replies) {
            let Command::RetireAgent { location, .. } = submission.command else { continue };
            if matches!(reply, Reply::Accepted { .. }) {
                said.extend(self.cut_here(location));
                self.ring(scene, Ring::Cut(location));
            }
        }
        said
    }

    fn cut_here(&mut self, location: LocationNo) -> Vec<Said> {
        let here = self.connections.iter().filter(|(_, c)| c.location == location);
        let here: Vec<u64> = here.map(|(connection, _)| *connection).collect();
        here.iter().for_each(|connection| self.ends(*connection));
        here.into_iter().map(|connection| Said::Closed { connection }).collect()
    }
}
