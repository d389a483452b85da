//! A hub put back to an older copy of its database, announced as `hub restore` does it or not.
//!
//! The same steps as the product's: the marks first, then the epoch; a store is promised again when
//! its agent, in a session of this epoch, has the hub's word on its whole log.

use oneshelf_domain::CommandId;
use oneshelf_domain::record::{Record, Recovering};
use oneshelf_domain::stock::{Command, LocationNo, State};
use oneshelf_sync::plan::Submission;

use super::{Database, Hub, Origin};
use crate::sim::bug::Bug;
use crate::sim::scene::Scene;

impl Hub {
    /// Takes another database, and says to everybody that this is another time. Power is off.
    /// Returns the epoch.
    pub fn restore(&mut self, scene: &mut Scene, backup: Database, agents: usize) -> i64 {
        let before = self.database.head.epoch;
        self.roll_back(backup);
        let epoch = before.max(self.database.head.epoch) + 1;
        self.up = true;
        let places = self.numbers.places.clone();
        for location in places.into_iter().take(agents) {
            let record = Record::Recovering(Recovering { location, epoch });
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

    /// Places that nothing is promised from.
    pub fn recovering(&self) -> Vec<usize> {
        let records = &self.database.records;
        let marked = |location: &LocationNo| {
            let mark = records.get(&Recovering::key(*location));
            mark.is_some_and(|(_, record)| record.is_some())
        };
        let places = self.numbers.places.iter().enumerate();
        places.filter(|(_, location)| marked(location)).map(|(place, _)| place).collect()
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
        let location = c.location;
        if self.recovering().iter().any(|place| self.numbers.places[*place] == location) {
            let command = Command::RemoveRecord { key: Recovering::key(location) };
            let submission = own(scene, location, command);
            self.submit(scene, submission, Origin::Recovered { connection });
        }
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
