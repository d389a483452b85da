//! An agent's shell: the product's machine over a disk of maps, and the people at its registers.
//!
//! A step's writes and the register's own rows are one transaction; frames leave after it. A power
//! cut before the commit loses all of it, and what the customer was about to get with it.

mod disk;
mod kits;
mod log;
mod parcels;
mod people;
mod recall;

use std::collections::BTreeMap;

use oneshelf_domain::stock::Lease;
use oneshelf_domain::{AgentId, CommandId, IncarnationId, Sku};
use oneshelf_protocol::frame::{ArrivedUnits, Body, Down, Fact, Up};
use oneshelf_sync::agent::{Agent, Life, Note, Out, Step, Write};

pub(super) use disk::Disk;
pub(super) use parcels::unpacking;
pub(super) use people::Habits;

use super::audit::{Act, Line, Row, Totals, View};
use super::bug::Bug;
use super::hub::plain;
use super::names::Numbers;
use super::scene::{Event, Scene};
use super::tape::Taped;

/// What a register stores together with a step.
type Own = Box<dyn FnOnce(&mut Disk)>;

/// One agent: its disk, and the machine while it has power.
#[derive(Debug, Clone)]
pub(super) struct Device {
    pub no: usize,
    pub store: usize,
    pub agent_id: AgentId,
    pub disk: Disk,
    pub machine: Option<Taped<Agent>>,
    pub connection: Option<u64>,
    /// When it connected, ms.
    since: i64,
    /// When it last heard the hub, by a clock that does not jump, ms.
    heard: i64,
    /// Thrown away: it never speaks again.
    pub gone: bool,
    /// In the place of another, whose agent is silent: it sells, and no more.
    pub spare: bool,
    /// It reaches nobody until then, and does not know why, ms.
    pub dark_until: i64,
    /// For a planted bug: receipt numbers in memory.
    memory: BTreeMap<usize, i64>,
    /// For a planted bug: what recalls asked for when they came first.
    asked: BTreeMap<(Sku, i64), i64>,
    /// For a planted bug: the step that is stored now answers a recall.
    answering: bool,
}

impl Device {
    pub fn new(scene: &mut Scene, no: usize, store: usize) -> Self {
        let life = Life::begin(IncarnationId(scene.id()), None);
        let agent_id = AgentId(scene.id());
        scene.stores.push(store);
        Self {
            no,
            store,
            agent_id,
            disk: Disk::new(life),
            machine: None,
            connection: None,
            since: 0,
            heard: 0,
            gone: false,
            spare: false,
            dark_until: 0,
            memory: BTreeMap::new(),
            asked: BTreeMap::new(),
            answering: false,
        }
    }

    /// Power is on: the machine as it was stored, then the needs of open tickets.
    pub fn start(&mut self, scene: &mut Scene) {
        if self.gone || self.machine.is_some() {
            return;
        }
        let (saved, tickets) = (self.disk.saved(), self.disk.tickets.clone());
        let tickets = if scene.shares { tickets } else { BTreeMap::new() };
        self.machine = Some(Taped::new(scene.outbox.is_some(), move || {
            let mut agent = Agent::load(saved.clone());
            for (ticket, open) in tickets.values() {
                for (sku, units) in &open.lines {
                    agent.need_again(sku, *ticket, *units);
                }
            }
            agent
        }));
        self.memory.clear();
        self.disk.looked_at_anew();
        self.give_all_back(scene);
        scene.after(10, Event::Connects { device: self.no });
    }

    /// Only while a session is open: a hub that was put back since the last one wants the log.
    fn drop_old_facts(&mut self, scene: &mut Scene) {
        let Some(session) = self.machine.as_ref().and_then(|agent| agent.session()) else { return };
        let dropped = self.disk.forget_old(scene.stamp(), scene.keep_facts);
        scene.counts.dropped += dropped.len() as u64;
        dropped
            .into_iter()
            .for_each(|(id, life)| scene.audit.drops(self.store, id, life, session.epoch));
    }

    fn give_all_back(&mut self, scene: &mut Scene) {
        let now = scene.clock(self.store);
        let Some(agent) = &mut self.machine else { return };
        let step = agent.act(&mut scene.ids, move |agent, fresh| agent.give_all_back(now, fresh));
        self.commit(scene, step, None);
    }

    /// Power is gone.
    pub fn stop(&mut self, scene: &mut Scene) {
        if self.machine.take().is_some() {
            scene.counts.agent_restarts += 1;
            scene.trace(&format!("power cut at device {}", self.no));
            self.connection = None;
            let back = scene.rng.wait(20_000);
            scene.after(back, Event::DeviceStarts { device: self.no });
        }
    }

    /// A connection is there.
    pub fn connected(&mut self, scene: &mut Scene, connection: u64) {
        self.connection = Some(connection);
        self.since = scene.now;
        scene.counts.connections += 1;
        scene.after(5_000, Event::Watches { device: self.no, connection });
        if let Some(agent) = &mut self.machine {
            let step = agent.act(&mut scene.ids, Agent::connected);
            self.commit(scene, step, None);
        }
    }

    /// The connection is gone; try again soon.
    pub fn disconnected(&mut self, scene: &mut Scene) {
        if self.connection.take().is_some() {
            if let Some(agent) = &mut self.machine {
                agent.act(&mut scene.ids, |agent, _| agent.disconnected());
            }
            let wait = scene.rng.wait(2_000);
            scene.after(wait, Event::Connects { device: self.no });
        }
    }

    /// Has anything been heard lately? Else the line is taken for dead.
    pub fn watch(&mut self, scene: &mut Scene, connection: u64) {
        if self.machine.is_none() || self.connection != Some(connection) {
            return;
        }
        if scene.now - self.since.max(self.heard) > 11_000 {
            scene.trace(&format!("device {} hears nothing", self.no));
            self.disconnected(scene);
        } else {
            self.drop_old_facts(scene);
            scene.after(5_000, Event::Watches { device: self.no, connection });
        }
    }

    /// A frame came.
    pub fn frame(&mut self, scene: &mut Scene, mut down: Down) {
        let now = scene.clock(self.store);
        let came = self.recall_comes(scene, &mut down);
        let Some(agent) = &mut self.machine else { return };
        let heard = agent.heard();
        match (scene.bug, &mut down) {
            (Some(Bug::GrantDelta), Down::Grant { sku, total, .. }) => {
                *total += agent.totals(sku).granted;
            }
            (Some(Bug::GrantOldSession), Down::Grant { session, .. })
            | (Some(Bug::AckOldSession), Down::Ack { session, .. }) => {
                *session = agent.session().unwrap_or(*session);
            }
            (Some(Bug::GrantAnySession), Down::Grant { session, incarnation, .. }) => {
                *session = agent.session().unwrap_or(*session);
                *incarnation = agent.life().incarnation;
            }
            _ => {}
        }
        let mut step =
            agent.act(&mut scene.ids, move |agent, fresh| agent.frame(down.clone(), now, fresh));
        if agent.heard() != heard {
            self.heard = scene.now;
        }
        let Some(came) = came else {
            self.commit(scene, step, None);
            return;
        };
        let spoilt = self.spoil_answer(scene, &came, &mut step.writes);
        self.answering = true;
        self.commit(scene, step, None);
        self.answering = false;
        self.recall_done(scene, &came);
        if spoilt {
            self.stop(scene); // its memory had what its disk has not
        }
    }

    /// Stores a step with the register's rows, then sends. False when power failed before it.
    pub fn commit(&mut self, scene: &mut Scene, step: Step, own: Option<Own>) -> bool {
        let Step { writes, send, notes } = step;
        let stores = !writes.is_empty() || own.is_some();
        if stores && scene.power_fails() {
            scene.counts.undone += 1;
            let recall = scene.bug == Some(Bug::RecallBeforeDurable) && self.answering;
            if scene.bug == Some(Bug::AgentSendsEarly) || recall {
                self.send(scene, send, &writes);
            }
            self.stop(scene);
            return false;
        }
        scene.dirty |= stores;
        self.tell_auditor(scene, &writes);
        self.disk.store(writes, scene.stamp(), scene.bug);
        if let Some(own) = own {
            own(&mut self.disk);
        }
        self.send(scene, send, &[]);
        for note in notes {
            self.note(scene, &note);
        }
        true
    }

    fn note(&mut self, scene: &mut Scene, note: &Note) {
        let Some(agent) = &mut self.machine else { return };
        match note {
            Note::Copy => {
                let (all, one) = self.disk.policy();
                let ids = &mut scene.ids;
                if agent.act(ids, move |agent, _| agent.set_policy(all, one.clone())) {
                    self.give_all_back(scene);
                }
            }
            Note::ReloadLog => {
                let log = self.disk.unanswered();
                let step = agent.act(&mut scene.ids, move |agent, _| agent.reload_log(log.clone()));
                self.commit(scene, step, None);
            }
            Note::NewLife => scene.trace(&format!("device {} begins a new life", self.no)),
            Note::Rejected(id, code) => scene.trace(&format!("{id} rejected: {code}")),
            // What the hub's shell says, of which there is none here.
            Note::Forked(_) | Note::Waits(_) | Note::Numbers(_) => {}
            Note::SessionOpen | Note::Share(_) | Note::Answered(_) | Note::Records => {}
        }
    }

    fn send(&mut self, scene: &mut Scene, send: Vec<Out>, unstored: &[Write]) {
        let Some(connection) = self.connection else { return };
        for out in send {
            let up = match out {
                Out::Frame(up) => up,
                Out::Stored(session, entry) => {
                    let Some(fact) = self.disk.fact(entry.id).or(find(unstored, entry.id)) else {
                        panic!("{} is to be sent and not in the log", entry.id);
                    };
                    Up::Fact { session, fact: Box::new(fact.clone()) }
                }
            };
            scene.send_up(self.no, connection, &up);
        }
    }

    fn tell_auditor(&self, scene: &mut Scene, writes: &[Write]) {
        for write in writes {
            match write {
                Write::Log(fact) => {
                    let id = fact.command_id.0.as_u128();
                    let act = plain_act(self.store, fact);
                    scene.trace(&format!("device {} logs {} {id:x}", self.no, act.kind));
                    *scene.counts.facts.entry(act.kind).or_default() += 1;
                    scene.audit.act(id, act);
                }
                Write::Answered(id, answer) => {
                    let code = match answer {
                        oneshelf_protocol::frame::Answer::Rejected { code } => Some(code.as_str()),
                        _ => None,
                    };
                    let epoch = self.machine.as_ref().and_then(|a| a.session());
                    let epoch = epoch.map_or(0, |lease| lease.epoch);
                    scene.audit.answered(self.store, id.0.as_u128(), code, epoch);
                }
                _ => {}
            }
        }
    }

    /// What the disk says, in plain figures. `look`: also what the pages would show.
    pub fn view(&self, numbers: &Numbers, look: bool) -> View {
        let of = |t: &oneshelf_sync::agent::Totals| Totals {
            granted: t.granted,
            brought: t.brought,
            sold: t.sold,
            returned: t.returned,
        };
        let totals = |sku| self.disk.totals.get(sku).map(of).unwrap_or_default();
        let shown = |(item, sku): (usize, _)| -> Option<Row> {
            self.disk.stock.get(sku)?;
            let stock = self.disk.shown(sku);
            Some(plain(self.store, item, &stock.balances, stock.short))
        };
        let session = self.machine.as_ref().and_then(|agent| agent.session());
        let skus = numbers.skus.iter().enumerate();
        View {
            name: format!("device {}", self.no),
            place: self.store,
            life: self.disk.life.incarnation.0.as_u128(),
            totals: numbers.skus.iter().map(totals).collect(),
            unanswered: self.disk.log.waiting().clone(),
            kept: self.disk.log.known().clone(),
            cursor: self.disk.cursor.version,
            epoch: self.disk.cursor.epoch,
            shown: if look { skus.filter_map(shown).collect() } else { vec![] },
            session: session.map(|Lease { epoch, number }| (epoch, number)),
            speaks: !self.gone,
        }
    }

    /// All said and heard.
    pub fn is_quiet(&self, version: i64) -> bool {
        self.gone
            || self.machine.as_ref().is_some_and(|agent| {
                agent.session().is_some()
                    && agent.waiting() == 0
                    && self.disk.cursor.version == version
            })
    }
}

fn find(writes: &[Write], id: CommandId) -> Option<&Fact> {
    writes.iter().find_map(|w| match w {
        Write::Log(fact) if fact.command_id == id => Some(&**fact),
        _ => None,
    })
}

/// A fact in plain figures.
fn plain_act(place: usize, fact: &Fact) -> Act {
    let numbers = super::names::skus();
    let item = |sku: &Sku| numbers.iter().position(|s| s == sku).unwrap_or(usize::MAX);
    let line = |sku: &Sku, removed, share, beyond| {
        let damaged = 0;
        Line { item: item(sku), removed, share, beyond, damaged }
    };
    let (kind, lines) = match &fact.body {
        Body::Sale { lines, .. } => (
            "sale",
            lines.iter().map(|l| line(&l.sku, l.share + l.beyond, l.share, l.beyond)).collect(),
        ),
        Body::In { sku, quantity, to_share, .. } => {
            let share = if *to_share { -quantity } else { 0 };
            ("in", vec![line(sku, -quantity, share, 0)])
        }
        Body::Back { sku, quantity } => ("back", vec![line(sku, 0, *quantity, 0)]),
        Body::Count { sku, from_share, .. } => ("count", vec![line(sku, 0, *from_share, 0)]),
        Body::Handover { lines, .. } => {
            ("handover", lines.iter().map(|(sku, n)| line(sku, *n, 0, 0)).collect())
        }
        // The shelf keeps them: what changes is whose they are.
        Body::Released { lines, .. } => {
            ("released", lines.iter().map(|(sku, _)| line(sku, 0, 0, 0)).collect())
        }
        Body::Sent { lines, .. } => {
            ("sent", lines.iter().map(|(sku, n)| line(sku, *n, *n, 0)).collect())
        }
        Body::Arrived { lines, .. } => {
            let came = |l: &ArrivedUnits| Line {
                damaged: l.damaged,
                ..line(&l.sku, -(l.good + l.damaged), 0, 0)
            };
            ("arrived", lines.iter().map(came).collect())
        }
        Body::Close { left } => {
            ("close", left.iter().map(|(sku, n)| line(sku, 0, *n, 0)).collect())
        }
    };
    let prev = fact.prev_id.map(|id| id.0.as_u128());
    let (of, closes) = match &fact.body {
        Body::Handover { reservation, .. } => (Some(reservation.0.as_u128()), false),
        Body::Arrived { transfer, close, .. } => (Some(transfer.0.as_u128()), *close),
        _ => (None, false),
    };
    Act { place, life: fact.incarnation.0.as_u128(), prev, kind, of, closes, lines }
}
