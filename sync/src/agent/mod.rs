//! The agent's end of the link: its share, its log and its copy of the hub's rows.
//!
//! Every method changes the state at once and returns a [`Step`]: the shell stores its writes in
//! one transaction, together with its own rows, and sends only after the commit. When storing
//! fails it loads the state again. Rules: reference/shares.md sections 1 to 3. It knows nothing
//! of registers, tickets' prices or sockets.
//! Invariant: `share = granted + brought - sold - returned` never goes below zero, and a fact is
//! stored before it is sent and kept until this session's hub has answered it.

mod acts;
mod copy;
pub mod forecast;
mod frames;
mod log;
mod need;
mod recall;
mod session;

use std::collections::{BTreeMap, VecDeque};

use oneshelf_domain::stock::Lease;
use oneshelf_domain::{CommandId, IncarnationId, Sku, TicketId, Timestamp};
use oneshelf_protocol::frame::{Answer, Applied, Cursor, Fact, Up};
use oneshelf_protocol::replica::Row;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

pub use acts::Sold;
pub use need::Need;

/// Share to keep where the hub asks for what is too much.
pub const KEEP_ALL: i64 = i64::MAX;

/// Makes fresh ids (UUIDv7 in the program, counted ones in the simulator).
pub type Fresh<'a> = &'a mut dyn FnMut() -> Uuid;

/// What this incarnation ever got and gave of an item. Totals only grow.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Totals {
    /// Units that the hub gave.
    pub granted: i64,
    /// Units brought in by returns and receipts.
    pub brought: i64,
    /// Units that left it.
    pub sold: i64,
    /// Units given back to the hub.
    pub returned: i64,
}

impl Totals {
    /// Units that the store may sell without asking.
    pub const fn share(&self) -> i64 {
        self.granted + self.brought - self.sold - self.returned
    }
}

/// The durable row of one life of the database.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Life {
    /// Which one.
    pub incarnation: IncarnationId,
    /// The one before.
    pub follows: Option<IncarnationId>,
    /// The lease it holds.
    pub lease: Lease,
    /// Of the Hello that waits for its answer.
    pub nonce: Option<Uuid>,
    /// Of its last fact.
    pub seq: i64,
    /// Its last fact.
    pub head: Option<CommandId>,
}

impl Life {
    /// A new one, with nothing in it.
    pub fn begin(incarnation: IncarnationId, follows: Option<IncarnationId>) -> Self {
        Self { incarnation, follows, lease: Lease::default(), nonce: None, seq: 0, head: None }
    }

    /// One that follows this one. It knows of which epoch the hub's word on earlier facts is: a hub
    /// that was put back meanwhile has them said again.
    pub fn next(&self, incarnation: IncarnationId) -> Self {
        let lease = Lease { epoch: self.lease.epoch, number: 0 };
        Self { lease, ..Self::begin(incarnation, Some(self.incarnation)) }
    }
}

/// A fact in the log that the hub has not answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    /// Whose log.
    pub incarnation: IncarnationId,
    /// Place there.
    pub seq: i64,
    /// The fact.
    pub id: CommandId,
}

/// What the shell loads at start.
#[derive(Debug, Clone)]
pub struct Saved {
    /// The current life.
    pub life: Life,
    /// Its totals.
    pub totals: BTreeMap<Sku, Totals>,
    /// Unanswered facts of all lives, oldest first.
    pub unanswered: Vec<Entry>,
    /// Where the copy of the hub's rows is.
    pub cursor: Cursor,
    /// Which own facts that copy includes.
    pub applied: Applied,
    /// Share to keep of an item without a policy of its own, units; [`KEEP_ALL`]: what lies above
    /// is the hub's to ask for.
    pub policy_default: i64,
    /// Share to keep, units.
    pub policy: BTreeMap<Sku, i64>,
}

/// A durable change. All of one step are stored in one transaction, in order.
#[derive(Debug, Clone, PartialEq)]
pub enum Write {
    /// The life's row.
    Life(Life),
    /// Totals of the current life.
    Totals(Sku, Totals),
    /// A new life begins: its totals are all zero.
    TotalsCleared,
    /// A fact joins the log; its JSON is stored and never encoded again.
    Log(Box<Fact>),
    /// The hub's word on a fact, which stays in the log for
    /// [`oneshelf_domain::limits::KEEP_FACTS_MS`].
    Answered(CommandId, Answer),
    /// Another hub epoch: every fact of the retained log is unanswered again.
    AllUnanswered,
    /// Rows of the copy. `whole`: they replace everything that was there.
    Rows {
        /// Everything before is gone.
        whole: bool,
        /// The rows.
        rows: Vec<Row>,
        /// Where the copy is afterwards.
        cursor: Cursor,
        /// Which own facts it includes.
        applied: Applied,
    },
}

/// What goes to the hub.
#[derive(Debug, Clone, PartialEq)]
pub enum Out {
    /// A frame.
    Frame(Up),
    /// A fact of the log: the shell puts the session around its stored bytes.
    Stored(Lease, Entry),
}

/// What the shell may want to tell people.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Note {
    /// A session is open.
    SessionOpen,
    /// The share of an item changed: tickets that wait for it may go on.
    Share(Sku),
    /// The hub answered the latest question for this item, whether it gave anything or not.
    Answered(Sku),
    /// The copy changed.
    Copy,
    /// Settings or items of the copy changed: what follows from them is to be read again.
    Records,
    /// The hub rejected a fact; somebody must look.
    Rejected(CommandId, String),
    /// This life ended, another began.
    NewLife,
    /// This life was lived twice: the database was restored or copied.
    Forked(IncarnationId),
    /// Another machine speaks as this agent: this life begins after a manager's yes.
    Waits(IncarnationId),
    /// The last receipt numbers that the hub has heard of, by register.
    Numbers(Vec<(String, i64)>),
    /// The log must be listed again: [`Agent::reload_log`] after the commit.
    ReloadLog,
}

/// What one input yields.
#[derive(Debug, Default, PartialEq)]
pub struct Step {
    /// To store.
    pub writes: Vec<Write>,
    /// To send after the commit, in order.
    pub send: Vec<Out>,
    /// To tell.
    pub notes: Vec<Note>,
}

impl Step {
    /// Both, one after the other.
    pub fn then(&mut self, mut next: Step) {
        self.writes.append(&mut next.writes);
        self.send.append(&mut next.send);
        self.notes.append(&mut next.notes);
    }
}

/// How the line is. "Connected" means the age of the last frame, never a socket.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Line {
    /// Nothing is heard.
    Offline,
    /// Facts or rows are still on their way.
    CatchingUp,
    /// All answered.
    Live,
}

/// The machine.
#[derive(Debug)]
pub struct Agent {
    life: Life,
    totals: BTreeMap<Sku, Totals>,
    unanswered: VecDeque<Entry>,
    cursor: Cursor,
    applied: Applied,
    policy_default: i64,
    policy: BTreeMap<Sku, i64>,
    needs: BTreeMap<Sku, Vec<Need>>,
    // What a restart loses.
    session: Option<Lease>,
    /// What the latest question for an item wants, until it is answered.
    asked: BTreeMap<Sku, i64>,
    welcome: Vec<(Sku, i64)>,
    rows: Vec<Row>,
    /// The part that belongs behind them: after, up to, number.
    rows_due: Option<(i64, i64, u32)>,
    /// Facts at the front of the log that were sent in this session.
    sent: usize,
    /// The front of the log at the last ping: still there at the next one, it is sent again.
    stuck: Option<CommandId>,
    heard: Option<Timestamp>,
    caught_up: bool,
    /// The hub holds this life back: another machine speaks as this agent.
    waits: bool,
}

impl Agent {
    /// The machine as it was stored. Tickets' needs are told again by [`Agent::need_again`].
    pub fn load(saved: Saved) -> Self {
        Self {
            life: saved.life,
            totals: saved.totals,
            unanswered: saved.unanswered.into(),
            cursor: saved.cursor,
            applied: saved.applied,
            policy_default: saved.policy_default,
            policy: saved.policy,
            needs: BTreeMap::new(),
            session: None,
            asked: BTreeMap::new(),
            welcome: vec![],
            rows: vec![],
            rows_due: None,
            sent: 0,
            stuck: None,
            heard: None,
            caught_up: false,
            waits: false,
        }
    }

    /// The current life.
    pub fn life(&self) -> &Life {
        &self.life
    }

    /// The totals of an item.
    pub fn totals(&self, sku: &Sku) -> Totals {
        self.totals.get(sku).copied().unwrap_or_default()
    }

    /// All totals that are not zero.
    pub fn all_totals(&self) -> impl Iterator<Item = (&Sku, &Totals)> {
        self.totals.iter()
    }

    /// The open session.
    pub fn session(&self) -> Option<Lease> {
        self.session
    }

    /// Where the copy is.
    pub fn cursor(&self) -> Cursor {
        self.cursor
    }

    /// Which own facts the copy includes.
    pub fn applied(&self) -> Applied {
        self.applied
    }

    /// Facts that wait for the hub's word.
    pub fn waiting(&self) -> usize {
        self.unanswered.len()
    }

    /// Sets the share policy, as the copy of the hub's rows says. True when it is another one:
    /// what lies above it goes back, by [`Agent::give_some_back`].
    pub fn set_policy(&mut self, default: i64, per_item: BTreeMap<Sku, i64>) -> bool {
        let other = (self.policy_default, &self.policy) != (default, &per_item);
        self.policy_default = default;
        self.policy = per_item;
        other
    }

    /// True while the hub waits for a manager's yes before it opens a session.
    pub fn waits(&self) -> bool {
        self.waits
    }

    /// When the hub was last heard.
    pub fn heard(&self) -> Option<Timestamp> {
        self.heard
    }

    /// How the line is now.
    pub fn line(&self, now: Timestamp) -> Line {
        // Two pings missing: the line counts as down (shares.md section 7).
        let silent = 2 * oneshelf_domain::limits::HEARTBEAT_MS + 1_000;
        let heard = self.heard.is_some_and(|h| now.ms_since(h) <= silent);
        match (self.session.is_some() && heard, self.caught_up && self.unanswered.is_empty()) {
            (false, _) => Line::Offline,
            (true, false) => Line::CatchingUp,
            (true, true) => Line::Live,
        }
    }

    /// Units of an item that one ticket could use: the share without what other tickets hold.
    pub fn free_for(&self, sku: &Sku, ticket: TicketId) -> i64 {
        let others: i64 = self
            .needs
            .get(sku)
            .into_iter()
            .flatten()
            .filter(|n| n.ticket != ticket)
            .map(|n| n.held)
            .sum();
        (self.totals(sku).share() - others).max(0)
    }
}
