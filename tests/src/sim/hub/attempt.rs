//! One attempt at a batch by a process that need not be alone: decided on the rows that it kept,
//! refused at the commit when somebody else has written, and decided again.
//!
//! The product looks at `head` under its lock: the same version, epoch and count of batches mean
//! that nobody wrote since (hub/src/commands/attempt.rs). Here that look is at the commit, and a
//! batch may be decided ahead of it on rows that are no longer the tables'. Planted bugs leave
//! the look out. Invariant: what is stored was decided on the rows that the tables had.

use std::collections::BTreeMap;

use oneshelf_domain::CommandId;
use oneshelf_domain::stock::State;
use oneshelf_sync::plan::{Head, Known, Plan, Submission, Writes, needs};

use super::database::Database;
use super::{Hub, Storing};
use crate::sim::bug::Bug;
use crate::sim::scene::Scene;

/// What a batch was decided on.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Base {
    head: Option<Head>,
    batch: i64,
}

impl Base {
    /// The tables as they are.
    pub fn of(database: &Database) -> Self {
        Self { head: Some(database.head.clone()), batch: database.batch }
    }

    /// As they are when these rows are stored too.
    fn after(&self, writes: &Writes) -> Self {
        let batch = self.batch + i64::from(!writes.is_empty());
        Self { head: Some(writes.head.clone()), batch }
    }
}

/// Answers that were given before, of a batch.
type Answers = BTreeMap<CommandId, Known>;

impl Hub {
    /// Decides a batch. Gives what to store and what that was decided on.
    pub(super) fn decide(
        &mut self,
        scene: &mut Scene,
        batch: &[Submission],
        known: &Answers,
    ) -> (Writes, Base) {
        let now = Base::of(&self.database);
        let mut kept = self.cached(scene);
        if self.kept != now && scene.bug != Some(Bug::KeptRowsBelieved) {
            let kept = kept.take().filter(|_| scene.rng.chance(500));
            // While the last batch was being stored this one was decided behind it.
            if let Some(done) = kept.and_then(|state| self.ahead(scene, batch, known, state)) {
                return done;
            }
        }
        let state = kept.unwrap_or_else(|| self.database.fresh_state());
        let Some(done) = self.attempt(scene, batch, known, (state, now), true) else {
            unreachable!("rows are always loaded");
        };
        done
    }

    /// On rows that were kept and are no longer the tables', without a look at these.
    fn ahead(
        &mut self,
        scene: &Scene,
        batch: &[Submission],
        known: &Answers,
        state: State,
    ) -> Option<(Writes, Base)> {
        let base = std::mem::take(&mut self.kept);
        self.attempt(scene, batch, known, (state, base), false)
    }

    fn attempt(
        &mut self,
        scene: &Scene,
        batch: &[Submission],
        known: &Answers,
        (mut state, base): (State, Base),
        loads: bool,
    ) -> Option<(Writes, Base)> {
        let head = base.head.clone()?;
        state.lines = self.lines(scene.now).into();
        if let Some(bug) = scene.bug {
            self.spoil_records(bug, &mut state);
            self.forget_marks(bug, batch, &mut state);
            self.open_residue(bug, batch, &mut state);
        }
        let mut plan = Plan::new(head, scene.stamp(), known.clone());
        let mut keys = needs(batch, &state);
        loop {
            if !loads && !keys.is_empty() {
                return None;
            }
            self.database.load(&mut state, &keys);
            keys = match plan.run(&mut state, batch) {
                Ok(keys) => keys,
                Err(error) => panic!("{error}: {batch:?}"),
            };
            if keys.is_empty() {
                break;
            }
        }
        let mut writes = plan.finish(&state);
        self.close_residue(scene.bug, &mut writes);
        self.kept = base.after(&writes);
        let spoilt = matches!(scene.bug, Some(Bug::PromisesEarly | Bug::ResidueDrawn));
        self.state = Some(state).filter(|_| !spoilt);
        Some((writes, base))
    }

    /// Somebody else has written since this was decided.
    pub(super) fn overtaken(&self, scene: &Scene, storing: &Storing) -> bool {
        let believes = scene.bug == Some(Bug::CommitsUnseen);
        !believes && storing.base != Base::of(&self.database)
    }

    /// A batch that was overtaken is decided again, before what came behind it.
    pub(super) fn decide_again(&mut self, scene: &mut Scene, storing: Storing) {
        scene.traced(format_args!("hub {} was overtaken", self.at_turn()));
        scene.counts.met("commit refused: another hub had written");
        self.state = None;
        for again in storing.batch.into_iter().zip(storing.origins).rev() {
            self.waiting.push_front(again);
        }
        self.batch_soon(scene);
    }
}
