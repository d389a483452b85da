//! The hub's shell: the product's plan and links over maps.
//!
//! Writes become rows at the commit alone; replies and frames leave after it. A restart between
//! loses both, and the cache of rows. Planted bugs break these rules on purpose.
//! There may be several processes: one has its turn, the others are parked.

mod attempt;
mod bell;
mod books;
mod bugs;
mod database;
mod flow_bugs;
mod lines;
mod links;
mod processes;
mod restore;
mod waits;
mod witness;

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use oneshelf_domain::stock::{Command, State, TimerKind, Version};
use oneshelf_domain::{AgentId, CommandId, IncarnationId, ReservationId, Sku};
use oneshelf_sync::hub::About;
use oneshelf_sync::plan::{Reply, Submission, Writes, fingerprint};
use uuid::Uuid;

use attempt::Base;
pub(super) use bell::Ring;
pub(super) use books::plain;
pub(super) use database::Database;
use links::HubConnection;
use processes::Process;
use witness::Witness;

use super::bug::Bug;
use super::names::Numbers;
use super::scene::{Event, Scene};

/// Commands of one batch.
const BATCH: usize = 64;
/// Names of timers' commands.
const TIMERS: Uuid = Uuid::from_u128(0x7469_6d65_7273);

/// Who waits for a reply.
#[derive(Debug, Clone)]
pub(super) enum Origin {
    /// An agent's link.
    Link { connection: u64, about: About },
    /// A customer or clerk.
    Request(u64),
    /// A claim that may wait for a store.
    Waits(u64),
    /// A store's agent has told everything.
    Recovered { connection: u64 },
    /// A timer or nobody.
    Nobody,
}

/// What the world must pass on.
#[derive(Debug)]
pub(super) enum Said {
    Reply { request: u64, reply: Reply },
    Closed { connection: u64 },
}

#[derive(Debug, Clone)]
struct Storing {
    writes: Writes,
    origins: Vec<Origin>,
    /// What was decided, and on what.
    batch: Vec<Submission>,
    base: Base,
}

/// The hub.
#[derive(Debug, Clone)]
pub(super) struct Hub {
    pub database: Database,
    pub numbers: Numbers,
    pub up: bool,
    pub connections: BTreeMap<u64, HubConnection>,
    state: Option<State>,
    /// What the tables were when `state` was theirs.
    kept: Base,
    waiting: VecDeque<(Submission, Origin)>,
    storing: Option<Storing>,
    batch_due: bool,
    /// When timers are looked at next; none when none is known.
    look_due: Option<i64>,
    heard: lines::Heard,
    /// Nothing happens in this process before that.
    paused_until: i64,
    /// It will look what others have committed.
    follows: bool,
    /// The other processes, each at its number; the one at turn is not there.
    parked: Vec<Process>,
    /// The number of the process at turn.
    no: usize,
    /// How far the database had come, written down outside of it.
    witness: Witness,
    /// Agents whose machines were thrown away, as somebody has said.
    revoked: BTreeSet<AgentId>,
    waits: waits::Waits,
    noted: flow_bugs::Noted,
    /// For planted bugs: totals last sent, ids given in place of others, timers lost.
    sent_totals: BTreeMap<(IncarnationId, Sku), i64>,
    aliases: BTreeMap<CommandId, CommandId>,
    /// Shelves, by the books, when counts arrived.
    arrived: BTreeMap<CommandId, i64>,
    /// Facts by their agent and their place in its log.
    numbered: BTreeMap<(String, i64), CommandId>,
}

impl Hub {
    pub fn new(database: Database, numbers: Numbers) -> Self {
        Self {
            database,
            numbers,
            up: true,
            connections: BTreeMap::new(),
            state: None,
            kept: Base::default(),
            waiting: VecDeque::new(),
            storing: None,
            batch_due: false,
            look_due: None,
            heard: lines::Heard::default(),
            paused_until: 0,
            follows: false,
            parked: vec![],
            no: 0,
            witness: Witness::default(),
            revoked: BTreeSet::new(),
            waits: waits::Waits::default(),
            noted: flow_bugs::Noted::default(),
            sent_totals: BTreeMap::new(),
            aliases: BTreeMap::new(),
            arrived: BTreeMap::new(),
            numbered: BTreeMap::new(),
        }
    }

    /// Puts a command into the queue.
    pub fn submit(&mut self, scene: &mut Scene, submission: Submission, origin: Origin) {
        let origin = match origin {
            Origin::Request(request) => self.claim_comes(scene, &submission, request),
            other => other,
        };
        self.waiting.push_back((submission, origin));
        self.batch_soon(scene);
    }

    fn batch_soon(&mut self, scene: &mut Scene) {
        if !self.batch_due && self.storing.is_none() && !self.waiting.is_empty() {
            self.batch_due = true;
            let delay = scene.rng.between(0, 5);
            scene.after(delay, Event::HubPlans(self.no));
        }
    }

    /// Decides what waits.
    pub fn plan(&mut self, scene: &mut Scene) -> Vec<Said> {
        self.batch_due = false;
        if !self.up || self.storing.is_some() {
            return vec![];
        }
        if scene.rng.chance(20) {
            self.state = None; // as if another hub had written, or the cache was full
        }
        let most = if scene.bug == Some(Bug::ResidueDrawn) { 1 } else { BATCH };
        let taken = self.waiting.len().min(most);
        let (mut batch, origins): (Vec<_>, Vec<_>) = self.waiting.drain(..taken).unzip();
        if let Some(bug) = scene.bug {
            self.spoil(bug, &mut batch);
            self.note(bug, &batch);
        }
        let known = batch.iter().filter_map(|s| {
            let mut known = self.database.commands.get(&s.id)?.clone();
            if scene.bug.is_some() {
                // What a bug changed on its way must not show by its fingerprint.
                known.fingerprint = fingerprint(&s.command);
            }
            Some((s.id, known))
        });
        let mut known: BTreeMap<_, _> = known.collect();
        if let Some(bug) = scene.bug {
            self.spoil_known(bug, &batch, &mut known);
        }
        let (writes, base) = self.decide(scene, &batch, &known);
        let kinds: Vec<&'static str> =
            batch.iter().map(|s| oneshelf_sync::plan::kind(&s.command)).collect();
        kinds.iter().for_each(|kind| *scene.counts.commands.entry(kind).or_default() += 1);
        let version = writes.head.version.0;
        scene.traced(format_args!("hub {} plans {kinds:?} up to {version}", self.no));
        let said = match scene.bug {
            Some(Bug::AckBeforeCommit | Bug::GrantBeforeCommit) => {
                self.answer_early(scene, &writes, &origins)
            }
            _ => vec![],
        };
        self.storing = Some(Storing { writes, origins, batch, base });
        let delay = scene.rng.between(1, 12);
        scene.after(delay, Event::HubCommits(self.no));
        said
    }

    /// The transaction is stored; replies leave.
    pub fn commit(&mut self, scene: &mut Scene) -> Vec<Said> {
        let Some(storing) = self.storing.take() else { return vec![] };
        if self.overtaken(scene, &storing) {
            self.decide_again(scene, storing);
            return vec![];
        }
        let Storing { mut writes, origins, batch, .. } = storing;
        if let Some(bug) = scene.bug
            && self.spoil_writes(bug, &mut writes)
        {
            self.state = None;
        }
        self.store(scene, &writes);
        // A claim that waits is decided when it is answered.
        let replies = writes.replies.iter().zip(&origins);
        let decided = replies.filter(|(r, o)| is_decided(r) && !matches!(o, Origin::Waits(_)));
        let decided = decided.count();
        if scene.now > 0 {
            scene.counts.decided += decided as u64; // set-up is none of the run
        }
        let mut said = vec![];
        for (reply, origin) in writes.replies.iter().zip(&origins) {
            if let Reply::Refused(refusal) = reply {
                *scene.counts.refusals.entry(refusal.code()).or_default() += 1;
            }
            said.extend(self.answer(scene, reply, origin));
        }
        self.try_again(scene, &writes);
        said.extend(self.cut_given_up(scene, &batch, &writes.replies));
        said.extend(self.rows_due(scene));
        if scene.outbox.is_some() {
            self.state = None; // a search forks the hub often: the cache is not worth its copies
        }
        self.look_at_timers(scene);
        self.batch_soon(scene);
        said
    }

    /// The rows are in the tables from this moment on.
    fn store(&mut self, scene: &mut Scene, writes: &Writes) {
        if writes.is_empty() {
            return;
        }
        self.database.store(writes);
        self.witness.saw(scene.now, &self.database.head);
        scene.dirty = true;
        self.tell_auditor(scene, writes);
        self.others_follow(scene);
    }

    fn answer(&mut self, scene: &mut Scene, reply: &Reply, origin: &Origin) -> Vec<Said> {
        match origin {
            Origin::Nobody => vec![],
            Origin::Waits(waiter) => self.claim_decided(scene, *waiter, reply),
            Origin::Recovered { connection } => self.rows(scene, *connection, true),
            Origin::Request(request) => {
                vec![Said::Reply { request: *request, reply: reply.clone() }]
            }
            Origin::Link { connection, about } => {
                let names = self.database.names();
                let Some(c) = self.connections.get_mut(connection) else { return vec![] };
                let (about, reply) = (about.clone(), reply.clone());
                let todo =
                    c.link.act(&mut scene.ids, move |link, _| link.reply(&about, &reply, &names));
                self.act(scene, *connection, todo)
            }
        }
    }

    fn tell_auditor(&mut self, scene: &mut Scene, writes: &Writes) {
        for row in &writes.ledger {
            scene.audit.version(row.version.0, row.command.0.as_u128());
            if row.kind == "fact" {
                let id = self.aliases.get(&row.command).copied().unwrap_or(row.command);
                scene.audit.booked(id.0.as_u128(), row.version.0);
            }
        }
        scene.counts.versions += writes.ledger.len() as u64;
        self.tell_of_channels(scene, writes);
        self.tell_of_claims(scene, writes);
        for sale in &writes.sales {
            let d = &sale.document;
            let place = self.numbers.place(sale.location);
            scene.audit.sale(place, &d.register, d.number, d.total_minor);
        }
        self.tell_of_lives(scene, writes);
        for event in &writes.events {
            scene.audit.notice(&event.kind, &event.subject);
        }
        scene.audit.all_told();
    }

    fn look_at_timers(&mut self, scene: &mut Scene) {
        let Some(first) = self.database.timers.values().min() else { return };
        let due = Scene::moment(*first);
        if self.look_due.is_none_or(|known| known > due || known < scene.now) {
            self.look_due = Some(due);
            scene.after((due - scene.now).max(1), Event::HubTimers(self.no));
        }
    }

    /// Turns timers that are due into commands.
    pub fn timers(&mut self, scene: &mut Scene) {
        self.look_due = None;
        if !self.up {
            return;
        }
        let now = scene.stamp();
        let due: Vec<_> =
            self.database.timers.iter().filter(|(_, at)| **at <= now).map(|(k, _)| k).collect();
        let mut submissions = vec![];
        for (kind, subject) in due {
            let TimerKind::ExpireReservation = kind;
            let Ok(id) = subject.parse::<ReservationId>() else { continue };
            submissions.push(Submission {
                id: CommandId(Uuid::new_v5(&TIMERS, subject.as_bytes())),
                principal: "timer".to_owned(),
                actor: "timer".to_owned(),
                on_behalf_of: None,
                keyed: false,
                command: Command::Expire { id },
            });
        }
        let none_due = submissions.is_empty();
        for submission in submissions {
            self.submit(scene, submission, Origin::Nobody);
        }
        // What this round does not end is tried again.
        if none_due {
            self.look_at_timers(scene);
        } else {
            self.look_due = Some(scene.now + 2_000);
            scene.after(2_000, Event::HubTimers(self.no));
        }
    }

    /// Power is gone. `stored`: the transaction under way had reached the disk.
    pub fn stop(&mut self, scene: &mut Scene, stored: bool) -> Vec<u64> {
        if let Some(storing) = self.storing.take() {
            let stored = stored && !self.overtaken(scene, &storing);
            scene.trace(&format!("power cut at the hub, stored: {stored}"));
            scene.counts.mishap(match stored {
                true => "power cut after the hub's commit, before its answers",
                false => "power cut before the hub's commit",
            });
            if stored {
                self.store(scene, &storing.writes);
            } else {
                scene.counts.undone += 1;
            }
        }
        if scene.bug == Some(Bug::TimerInMemory) {
            self.database.timers.clear();
        }
        self.nobody_waits(scene);
        self.up = false;
        self.state = None;
        self.waiting.clear();
        (self.batch_due, self.follows, self.paused_until) = (false, false, 0);
        std::mem::take(&mut self.connections).into_keys().collect()
    }

    /// Power is back.
    pub fn start(&mut self, scene: &mut Scene) {
        self.up = true;
        self.heard = lines::Heard::since(scene.now);
        self.look_due = None;
        self.look_at_timers(scene);
    }

    /// True while a transaction is on its way to the disk.
    pub fn storing(&self) -> bool {
        self.storing.is_some()
    }

    /// True when nothing waits to be decided or stored.
    pub fn idle(&self) -> bool {
        self.waiting.is_empty() && self.storing.is_none()
    }

    /// The last version.
    pub fn version(&self) -> Version {
        self.database.head.version
    }
}

/// The hub decided now, and not before.
fn is_decided(reply: &Reply) -> bool {
    matches!(reply, Reply::Accepted { replayed: false, .. } | Reply::Refused(_))
}
