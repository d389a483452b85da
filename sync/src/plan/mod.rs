//! Planning a batch: from commands and rows to outcomes and rows, purely.
//!
//! The shell loads the keys that [`Plan::run`] asks for into the [`State`] (rows that are there
//! already are newer and stay), runs it again, and stores the [`Writes`] in one transaction.
//! Invariant: a command's effect is all in the writes or not at all, and a refused one has none.

mod fingerprint;
mod ledger;
mod needs;
mod writes;

use std::collections::BTreeMap;

use oneshelf_domain::refusal::Refusal;
use oneshelf_domain::stock::{At, Command, Decision, Key, Outcome, State, Stop, Version, decide};
use oneshelf_domain::{CommandId, Timestamp, limits};
use serde::{Deserialize, Serialize};

pub use fingerprint::fingerprint;
pub use ledger::{FIRST_HASH, LedgerRow, kind};
pub use needs::needs;
pub use writes::{CommandRow, EventRow, SaleRow, TimerRow, Writes};

/// A command with its sender.
#[derive(Debug, Clone)]
pub struct Submission {
    /// Chosen by the sender; the same id has one effect.
    pub id: CommandId,
    /// Who may use the id again: `key:<id>`, `staff:<code>`, `agent:<id>`, `timer`, `admin`.
    pub principal: String,
    /// Who acts, for the ledger.
    pub actor: String,
    /// For whom, when that is somebody else.
    pub on_behalf_of: Option<String>,
    /// True when the sender may send it again: then a refusal is remembered too.
    pub keyed: bool,
    /// What is to happen.
    pub command: Command,
}

impl Submission {
    /// What the hub does by itself, under an id that the shell has drawn: nobody sends it again.
    pub fn by_hub(id: CommandId, command: Command) -> Self {
        let hub = || "hub".to_owned();
        Self { id, principal: hub(), actor: hub(), on_behalf_of: None, keyed: false, command }
    }
}

/// The hub's counter row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Head {
    /// The last version given.
    pub version: Version,
    /// Raised by a restore.
    pub epoch: i64,
    /// `now` of the last batch that changed anything.
    pub recorded_at: Timestamp,
    /// Hash of the last ledger row, hex.
    pub hash: String,
}

impl Head {
    /// Of a hub that has done nothing yet.
    pub fn first(epoch: i64) -> Self {
        let (version, recorded_at) = (Version(0), Timestamp(0));
        Self { version, epoch, recorded_at, hash: FIRST_HASH.to_owned() }
    }
}

/// What a command answered, as stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Known {
    /// Who sent it.
    pub principal: String,
    /// Of what was sent.
    pub fingerprint: String,
    /// JSON of [`Stored`].
    pub outcome: String,
    /// The version it got.
    pub version: Option<Version>,
}

/// The answer in a command row.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "answer", rename_all = "snake_case")]
pub enum Stored {
    /// It was accepted.
    Accepted {
        /// The answer.
        outcome: Outcome,
    },
    /// It was refused.
    Refused {
        /// Why.
        refusal: Refusal,
    },
}

/// What one command of a batch is answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reply {
    /// Accepted: now, or before.
    Accepted {
        /// The answer.
        outcome: Outcome,
        /// The version it got; none when nothing changed.
        version: Option<Version>,
        /// It was accepted before.
        replayed: bool,
    },
    /// A rule says no.
    Refused(Refusal),
    /// Not now; the sender tries again.
    NotNow(&'static str),
}

/// A batch being planned. Make one, [`Plan::run`] until it wants nothing, then [`Plan::finish`].
#[derive(Debug)]
pub struct Plan {
    head: Head,
    now: Timestamp,
    next: usize,
    rounds: usize,
    done: BTreeMap<CommandId, Known>,
    writes: Writes,
}

/// More rows were asked for than a command may.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("a command asked for rows more than {} times", limits::LOAD_ROUNDS_MAX)]
pub struct TooManyRounds;

impl Plan {
    /// A batch at a time; `known` are the stored rows of its command ids.
    pub fn new(head: Head, wall: Timestamp, known: BTreeMap<CommandId, Known>) -> Self {
        // Grows with the version, whatever the wall clock does.
        let now = wall.max(Timestamp(head.recorded_at.0 + 1));
        Self { writes: Writes::new(head.clone()), head, now, next: 0, rounds: 0, done: known }
    }

    /// The time by now, for the commands that are still to be decided; it never goes back.
    pub fn later(&mut self, wall: Timestamp) {
        self.now = self.now.max(wall);
    }

    /// True when a command that is decided changes a record.
    pub fn changes_records(&self) -> bool {
        !self.writes.records.is_empty()
    }

    /// Takes in stored answers; only of commands that are not decided yet.
    pub fn know(&mut self, known: BTreeMap<CommandId, Known>) {
        self.done.extend(known);
    }

    /// How many commands are decided.
    pub const fn decided(&self) -> usize {
        self.next
    }

    /// Decides commands in turn, later ones seeing earlier ones. Gives the keys that must be
    /// loaded before it can go on; none when all are decided. The batch may have grown since the
    /// last time.
    ///
    /// # Errors
    /// [`TooManyRounds`] when loading does not come to an end.
    ///
    /// # Panics
    /// When an invariant of stock would break: nothing of the batch may be stored then.
    pub fn run(
        &mut self,
        state: &mut State,
        batch: &[Submission],
    ) -> Result<Vec<Key>, TooManyRounds> {
        while let Some(submission) = batch.get(self.next) {
            match self.one(state, submission) {
                Ok(reply) => self.writes.replies.push(reply),
                Err(mut missing) => {
                    self.rounds += 1;
                    // Each command may discover rows late, so a batch may need as many rounds as
                    // its slowest command, for each of them.
                    if self.rounds > limits::LOAD_ROUNDS_MAX * batch.len() {
                        return Err(TooManyRounds);
                    }
                    self.ahead(state, &batch[self.next + 1..], &mut missing);
                    return Ok(missing);
                }
            }
            self.next += 1;
        }
        Ok(vec![])
    }

    /// The rows to store and the replies, in the order of the batch.
    pub fn finish(mut self, state: &State) -> Writes {
        self.writes.head = self.head;
        self.writes.settle(state);
        self.writes
    }

    fn at(&self, id: CommandId) -> At {
        let version = Version(self.head.version.0 + 1);
        At { now: self.now, version, command: id, epoch: self.head.epoch }
    }

    /// What the commands behind the one that stopped will want too, as far as can be told now.
    fn ahead(&self, state: &State, rest: &[Submission], missing: &mut Vec<Key>) {
        for submission in rest {
            if self.done.contains_key(&submission.id) {
                continue;
            }
            let decided = decide(state, &submission.command, &self.at(submission.id));
            if let Err(Stop::Missing(keys)) = decided {
                missing.extend(keys);
            }
        }
        missing.sort();
        missing.dedup();
    }

    fn one(&mut self, state: &mut State, submission: &Submission) -> Result<Reply, Vec<Key>> {
        let print = fingerprint(&submission.command);
        if let Some(known) = self.done.get(&submission.id) {
            return Ok(replay(known, &submission.principal, &print));
        }
        let answer = match decide(state, &submission.command, &self.at(submission.id)) {
            Err(Stop::Missing(keys)) => return Err(keys),
            Err(Stop::NotNow(why)) => return Ok(Reply::NotNow(why)),
            Err(Stop::Refused(refusal)) => {
                self.refused(submission, &print, &refusal);
                return Ok(Reply::Refused(refusal));
            }
            Ok(decision) => decision,
        };
        let version = self.accept(state, submission, &print, &answer);
        Ok(Reply::Accepted { outcome: answer.outcome, version, replayed: false })
    }

    fn accept(
        &mut self,
        state: &mut State,
        submission: &Submission,
        print: &str,
        decision: &Decision,
    ) -> Option<Version> {
        let next = Version(self.head.version.0 + 1);
        state.apply(decision, next);
        let version = decision.versioned.then_some(next);
        if version.is_some() {
            let row = LedgerRow::of(submission, print, decision, next, self.now, &self.head.hash);
            self.head.version = next;
            self.head.recorded_at = self.now;
            self.head.hash.clone_from(&row.hash);
            self.writes.ledger.push(row);
        }
        self.writes.record(decision, next);
        // A Hello or an Ask that changes nothing can be asked again.
        let session = matches!(submission.command, Command::Hello { .. } | Command::Ask { .. });
        if version.is_some() || (submission.keyed && !session) {
            let stored = Stored::Accepted { outcome: decision.outcome.clone() };
            self.remember(submission, print, &stored, version);
        }
        version
    }

    fn refused(&mut self, submission: &Submission, print: &str, refusal: &Refusal) {
        // One that passes is no answer for good: the sender may ask again under the same id.
        if submission.keyed && !refusal.is_passing() {
            let stored = Stored::Refused { refusal: refusal.clone() };
            self.remember(submission, print, &stored, None);
        }
    }

    fn remember(
        &mut self,
        submission: &Submission,
        print: &str,
        stored: &Stored,
        version: Option<Version>,
    ) {
        // Plain data: serde cannot fail on it.
        let outcome = serde_json::to_string(stored).unwrap_or_default();
        let known = Known {
            principal: submission.principal.clone(),
            fingerprint: print.to_owned(),
            outcome,
            version,
        };
        self.writes.commands.push(CommandRow {
            id: submission.id,
            known: known.clone(),
            recorded_at: self.now,
            fact: of_a_fact(&submission.command),
        });
        self.done.insert(submission.id, known);
    }
}

/// Its outcome is kept as long as its movements: the same fact may come again at any time.
fn of_a_fact(command: &Command) -> bool {
    matches!(command, Command::Fact { .. } | Command::BookRejected { .. })
}

fn replay(known: &Known, principal: &str, print: &str) -> Reply {
    if known.principal != principal || known.fingerprint != print {
        return Reply::Refused(Refusal::CommandReused);
    }
    match serde_json::from_str(&known.outcome) {
        Ok(Stored::Accepted { outcome }) => {
            Reply::Accepted { outcome, version: known.version, replayed: true }
        }
        Ok(Stored::Refused { refusal }) => Reply::Refused(refusal),
        Err(_) => Reply::NotNow("the stored answer cannot be read by this version"),
    }
}
