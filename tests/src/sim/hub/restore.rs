//! A hub put back to an older copy of its database, announced as `hub restore` does it or not.
//!
//! The same steps as the product's: the marks first, then the epoch; a store is promised again when
//! each of its agents, in a session of this epoch, has the hub's word on its whole log. Which they
//! are the backup and the witness say together; one whose machine was thrown away is revoked.

use std::collections::{BTreeMap, BTreeSet};

use oneshelf_domain::record::{Record, Recovering};
use oneshelf_domain::stock::{Command, LocationNo, State};
use oneshelf_domain::{AgentId, CommandId};
use oneshelf_sync::plan::Submission;

use super::{Database, Hub, Origin};
use crate::sim::bug::Bug;
use crate::sim::scene::Scene;

impl Hub {
    /// Takes another database, and says to everybody that this is another time. Power is off.
    /// Returns the epoch.
    pub fn restore(
        &mut self,
        scene: &mut Scene,
        backup: Database,
        agents: &[(usize, AgentId)],
    ) -> i64 {
        let before = self.database.head.epoch;
        self.roll_back(backup);
        let epoch = before.max(self.database.head.epoch) + 1;
        self.up = true;
        let mut waits = BTreeMap::<usize, BTreeSet<AgentId>>::new();
        for (place, agent) in agents {
            waits.entry(*place).or_default().insert(*agent);
        }
        for (place, agents) in waits {
            let location = self.numbers.places[place];
            let waits = agents.into_iter().collect();
            let (untold, channels) = (true, vec![]);
            let mark = Recovering { location, epoch, untold, waits, channels };
            let record = Record::Recovering(mark);
            let command = Command::PutRecord { record: Box::new(record) };
            let submission = own(scene, location, command);
            self.submit(scene, submission, Origin::Nobody);
            self.plan(scene);
            self.commit(scene);
        }
        self.up = false;
        self.state = None;
        self.database.head.epoch = epoch;
        epoch
    }

    /// Takes another database, and nobody says so. Power is off.
    pub fn roll_back(&mut self, backup: Database) {
        self.database = backup;
        self.state = None;
        self.sent_totals.clear();
        self.arrived.clear();
        self.numbered.clear();
    }

    /// An agent whose machine was thrown away is not let in any more.
    pub fn revoke(&mut self, agent: AgentId) {
        self.revoked.insert(agent);
    }

    /// Places that nothing is promised from.
    pub fn recovering(&self) -> Vec<usize> {
        let places = self.numbers.places.iter().enumerate();
        places.filter(|(_, location)| self.mark(**location).is_some()).map(|(at, _)| at).collect()
    }

    /// Whether a place waits for the word of this agent.
    pub fn waits_for(&self, place: usize, agent: AgentId) -> bool {
        self.mark(self.numbers.places[place]).is_some_and(|mark| mark.waits.contains(&agent))
    }

    fn mark(&self, location: LocationNo) -> Option<&Recovering> {
        match self.database.records.get(&Recovering::key(location)) {
            Some((_, Some(Record::Recovering(mark)))) => Some(mark),
            _ => None,
        }
    }

    /// A planted bug: whoever asks is answered as if the hub knew everything.
    pub(super) fn forget_marks(&self, bug: Bug, batch: &[Submission], state: &mut State) {
        let asks = |s: &Submission| matches!(s.command, Command::Reserve { .. });
        if bug == Bug::PromisesEarly && batch.iter().all(asks) {
            for location in &self.numbers.places {
                state.records.remove(&Recovering::key(*location));
            }
        }
    }

    /// An agent spoke of its log: does anything wait in it?
    pub(super) fn recovered(&mut self, scene: &mut Scene, connection: u64) {
        let Some(c) = self.connections.get(&connection).filter(|c| c.link.told_all()) else {
            return;
        };
        let (location, agent) = (c.location, c.link.agent);
        if self.gap(location).is_some() {
            return;
        }
        let Some(mark) = self.mark(location) else { return };
        let next = mark.after(agent, |one| self.revoked.contains(&one));
        if next.as_ref() == Some(mark) {
            return;
        }
        let command = match next {
            None => Command::RemoveRecord { key: Recovering::key(location) },
            Some(next) => {
                scene.counts.met("a restored store waits for another agent");
                Command::PutRecord { record: Box::new(Record::Recovering(next)) }
            }
        };
        let submission = own(scene, location, command);
        self.submit(scene, submission, Origin::Recovered { connection });
    }
}

fn own(scene: &mut Scene, location: LocationNo, command: Command) -> Submission {
    Submission {
        id: CommandId(scene.id()),
        principal: format!("store:{}", location.0),
        actor: "hub".to_owned(),
        on_behalf_of: None,
        keyed: false,
        command,
    }
}
