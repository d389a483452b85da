//! Several hub processes over one database: what each has in memory, and whose turn it is.
//!
//! The hub's own fields are those of the process whose turn it is; the others' are parked here.
//! They share the database and what the bell carries, nothing else, and each loses its power or
//! is paused alone. Invariant: the memory of a process is in one place, in the hub or parked.

use std::collections::{BTreeMap, VecDeque};

use oneshelf_domain::stock::State;
use oneshelf_sync::plan::Submission;

use super::attempt::Base;
use super::flow_bugs::Noted;
use super::links::HubConnection;
use super::waits::Waits;
use super::{Hub, Origin, Said, Storing, lines};
use crate::sim::scene::{Event, Scene};

/// How often one looks whether another one has committed, ms.
const POLL: i64 = 50;

/// The memory of a process that waits for its turn.
#[derive(Debug, Clone, Default)]
pub(super) struct Process {
    up: bool,
    connections: BTreeMap<u64, HubConnection>,
    state: Option<State>,
    kept: Base,
    waiting: VecDeque<(Submission, Origin)>,
    storing: Option<Storing>,
    batch_due: bool,
    look_due: Option<i64>,
    heard: lines::Heard,
    paused_until: i64,
    follows: bool,
    waits: Waits,
    noted: Noted,
}

impl Hub {
    /// From now on there are so many processes.
    pub fn open(&mut self, processes: usize) {
        // The first one has its turn: its place is empty.
        self.parked = vec![Process::default()];
        self.parked.resize(processes, Process { up: true, ..Process::default() });
        self.no = 0;
    }

    /// How many there are.
    pub fn processes(&self) -> usize {
        self.parked.len().max(1)
    }

    /// Which one has its turn.
    pub fn at_turn(&self) -> usize {
        self.no
    }

    /// Gives a process its turn; the one before is parked.
    pub fn turn(&mut self, no: usize) {
        if no != self.no {
            let before = std::mem::replace(&mut self.no, no);
            self.exchange(before);
            self.exchange(no);
        }
    }

    fn exchange(&mut self, no: usize) {
        let Some(parked) = self.parked.get_mut(no) else { return };
        std::mem::swap(&mut self.up, &mut parked.up);
        std::mem::swap(&mut self.connections, &mut parked.connections);
        std::mem::swap(&mut self.state, &mut parked.state);
        std::mem::swap(&mut self.kept, &mut parked.kept);
        std::mem::swap(&mut self.waiting, &mut parked.waiting);
        std::mem::swap(&mut self.storing, &mut parked.storing);
        std::mem::swap(&mut self.batch_due, &mut parked.batch_due);
        std::mem::swap(&mut self.look_due, &mut parked.look_due);
        std::mem::swap(&mut self.heard, &mut parked.heard);
        std::mem::swap(&mut self.paused_until, &mut parked.paused_until);
        std::mem::swap(&mut self.follows, &mut parked.follows);
        std::mem::swap(&mut self.waits, &mut parked.waits);
        std::mem::swap(&mut self.noted, &mut parked.noted);
    }

    /// The others, of which each may have its turn next.
    pub(super) fn others(&self) -> impl Iterator<Item = usize> + use<> {
        let me = self.no;
        (0..self.processes()).filter(move |no| *no != me)
    }

    fn connections_at(&self, no: usize) -> &BTreeMap<u64, HubConnection> {
        match self.parked.get(no).filter(|_| no != self.no) {
            Some(parked) => &parked.connections,
            None => &self.connections,
        }
    }

    /// The process that holds a connection.
    pub fn process_with(&self, connection: u64) -> Option<usize> {
        (0..self.processes()).find(|no| self.connections_at(*no).contains_key(&connection))
    }

    /// Every connection of a device that a process takes for alive, with that process; the one
    /// made last comes last.
    pub fn held_for(&self, device: usize) -> Vec<(u64, usize)> {
        let mut held: Vec<(u64, usize)> = (0..self.processes())
            .flat_map(|no| self.connections_at(no).iter().map(move |(id, c)| (id, c, no)))
            .filter(|(_, c, _)| c.device == device)
            .map(|(id, _, no)| (*id, no))
            .collect();
        held.sort_unstable();
        held
    }

    /// The process at turn does nothing before this time.
    pub fn pause(&mut self, until: i64) {
        self.paused_until = until;
    }

    /// Milliseconds for which the process at turn still does nothing.
    pub fn paused_for(&self, now: i64) -> Option<i64> {
        (self.paused_until > now).then(|| self.paused_until - now)
    }

    /// True when nothing waits anywhere to be decided or stored.
    pub fn all_idle(&self) -> bool {
        let idle = |p: &Process| p.waiting.is_empty() && p.storing.is_none();
        self.idle() && self.parked.iter().all(idle)
    }

    /// True while any process works.
    pub fn any_up(&self) -> bool {
        self.up || self.parked.iter().any(|p| p.up)
    }

    /// The others will see what was committed.
    pub(super) fn others_follow(&mut self, scene: &mut Scene) {
        for no in self.others() {
            let Some(other) = self.parked.get_mut(no) else { continue };
            if other.up && !std::mem::replace(&mut other.follows, true) {
                let delay = scene.rng.between(0, POLL);
                scene.after(delay, Event::HubFollows(no));
            }
        }
    }

    /// Another process has committed: rows for the agents here, and timers.
    pub fn follow(&mut self, scene: &mut Scene) -> Vec<Said> {
        self.follows = false;
        if !self.up {
            return vec![];
        }
        self.look_at_timers(scene);
        self.try_all_again(scene);
        self.rows_due(scene)
    }

    /// The line of a connection is found to be gone.
    pub fn lose(&mut self, connection: u64) {
        self.ends(connection);
    }
}
