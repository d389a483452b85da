//! The hub's end of one agent's link: what a frame asks for, what an answer sends.
//!
//! It decides nothing about stock: frames become commands for the write path, and their replies,
//! after the commit, become frames. Volatile: losing it costs the agent a Hello.
//! Invariant: a frame that answers a command is built from that command's reply alone.

mod balance;
mod freshness;
mod over;
mod parts;
mod told;
mod translate;
mod unconfirmed;

use std::collections::{BTreeMap, VecDeque};

use oneshelf_domain::stock::{HelloAnswer, ItemNo, Lease, LocationNo, Outcome, SESSION_OVER};
use oneshelf_domain::{AgentId, CommandId, IncarnationId, Sku, limits};
use oneshelf_protocol::frame::{Answer, Applied, Cursor, Down, LogPlace, Total, Up};
use oneshelf_protocol::replica::Row;
use uuid::Uuid;

use crate::plan::Reply;

pub use balance::{Balance, balance};
pub use freshness::Freshness;
pub use translate::{Unreadable, command, late, rejected, skus};
use unconfirmed::Unconfirmed;

/// Totals of one Welcome: keeps a frame under its limit.
const TOTALS_PER_FRAME: usize = 1_500;
/// Parts of one Hello, so that a hostile one is bounded.
const HELLO_TOTALS_MAX: usize = 500_000;

/// A frame that must become a command.
#[derive(Debug, Clone)]
pub struct Request {
    /// The frame, whole.
    pub up: Up,
    /// What its reply is about.
    pub about: About,
}

/// What a reply is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum About {
    /// A Hello.
    Hello {
        /// Its nonce.
        nonce: Uuid,
        /// Who speaks.
        incarnation: IncarnationId,
        /// Where its copy is.
        cursor: Cursor,
    },
    /// A fact.
    Fact {
        /// Of this session.
        session: Lease,
        /// Which.
        id: CommandId,
        /// Whose log.
        incarnation: IncarnationId,
        /// Place there.
        seq: i64,
    },
    /// A question at scan, or a grant by policy.
    Grant {
        /// Of the session that was open.
        session: Lease,
        /// Which item.
        sku: Sku,
        /// What the question wants; none of a grant by policy.
        want: Option<i64>,
    },
}

/// What the shell must do, in order.
#[derive(Debug, Clone)]
pub enum Todo {
    /// Hand it to the write path; then [`HubLink::reply`].
    Submit(Box<Request>),
    /// Send it.
    Send(Down),
    /// Send every row that changed after this version of the cursor's epoch (0: all).
    Rows(i64),
    /// End the connection.
    Close(&'static str),
}

#[derive(Debug)]
struct PartialHello {
    nonce: Uuid,
    granted: Vec<Total>,
}

/// The machine. Times are milliseconds of the hub's monotonic clock.
#[derive(Debug)]
pub struct HubLink {
    /// Who proved to be it.
    pub agent: AgentId,
    /// Its store.
    pub location: LocationNo,
    epoch: i64,
    hello: Option<PartialHello>,
    session: Option<(Lease, IncarnationId)>,
    /// Last seq heard of the session's incarnation.
    last: i64,
    number: i64,
    next_ping: i64,
    pings: VecDeque<(i64, i64)>,
    answered: Option<i64>,
    /// Facts that wait in the agent's log, by its last word.
    waiting: Option<i64>,
    /// Where that log goes on, by the same word.
    next: Option<LogPlace>,
    unconfirmed: Unconfirmed,
}

impl HubLink {
    /// A connection of an agent whose credential was proved.
    pub fn new(agent: AgentId, location: LocationNo, epoch: i64) -> Self {
        Self {
            agent,
            location,
            epoch,
            hello: None,
            session: None,
            last: 0,
            number: 0,
            next_ping: 0,
            pings: VecDeque::new(),
            answered: None,
            waiting: None,
            next: None,
            unconfirmed: Unconfirmed::default(),
        }
    }

    /// The open session.
    pub fn session(&self) -> Option<Lease> {
        self.session.map(|(lease, _)| lease)
    }

    /// The life that speaks in the open session: `applied` of its rows is about it, or about the
    /// nearest life before it that the hub has booked a fact of.
    pub fn incarnation(&self) -> Option<IncarnationId> {
        self.session.map(|(_, incarnation)| incarnation)
    }

    /// The tables have this total of the life that speaks: pings repeat one that is new to this
    /// link until the agent has it.
    pub fn stored_total(&mut self, incarnation: IncarnationId, sku: &Sku, total: i64) {
        if self.incarnation() == Some(incarnation) {
            self.unconfirmed.stored(sku, total);
        }
    }

    /// When the last ping that was answered was sent.
    pub fn answered(&self) -> Option<i64> {
        self.answered
    }

    /// A frame arrived.
    pub fn frame(&mut self, up: Up) -> Vec<Todo> {
        match up {
            Up::Hello { .. } => self.on_hello(up),
            Up::Fact { session, ref fact } => {
                if self.session() != Some(session) {
                    return vec![];
                }
                let about = About::Fact {
                    session,
                    id: fact.command_id,
                    incarnation: fact.incarnation,
                    seq: fact.seq,
                };
                vec![Todo::Submit(Box::new(Request { up, about }))]
            }
            Up::Ask { session, ref sku, want, .. } => {
                if self.session() != Some(session) {
                    return vec![];
                }
                let about = About::Grant { session, sku: sku.clone(), want: Some(want) };
                vec![Todo::Submit(Box::new(Request { up, about }))]
            }
            Up::Pong { session, number, waiting, next, .. } => {
                if self.session() == Some(session) {
                    self.next = next;
                    self.waiting = waiting.and_then(|n| i64::try_from(n).ok());
                    self.pong(number);
                }
                vec![]
            }
            Up::Cursor { session, cursor } => {
                if self.session() != Some(session) {
                    return vec![];
                }
                vec![Todo::Rows(self.rows_from(cursor))]
            }
        }
    }

    fn on_hello(&mut self, mut up: Up) -> Vec<Todo> {
        let Up::Hello { protocol, incarnation, nonce, granted, cursor, more, .. } = &mut up else {
            return vec![];
        };
        if protocol.min > oneshelf_protocol::PROTOCOL_MAX
            || protocol.max < oneshelf_protocol::PROTOCOL_MIN
        {
            return vec![
                Todo::Send(Down::Unsupported { what: "protocol".to_owned() }),
                Todo::Close("no protocol version in common"),
            ];
        }
        let mut whole = match self.hello.take().filter(|h| h.nonce == *nonce) {
            Some(begun) => begun.granted,
            None => vec![],
        };
        whole.append(granted);
        if whole.len() > HELLO_TOTALS_MAX {
            return vec![Todo::Close("a Hello with too many totals")];
        }
        if *more {
            self.hello = Some(PartialHello { nonce: *nonce, granted: whole });
            return vec![];
        }
        (self.session, self.waiting, self.next) = (None, None, None);
        self.unconfirmed.said(&whole);
        let about = About::Hello { nonce: *nonce, incarnation: *incarnation, cursor: *cursor };
        *granted = whole;
        vec![Todo::Submit(Box::new(Request { up, about }))]
    }

    /// The write path answered. `names` has the SKU of every item of the outcome.
    pub fn reply(
        &mut self,
        about: &About,
        reply: &Reply,
        names: &BTreeMap<ItemNo, Sku>,
    ) -> Vec<Todo> {
        match (about, reply) {
            (
                About::Hello { nonce, incarnation, cursor },
                Reply::Accepted { outcome: Outcome::Hello(answer), .. },
            ) => self.on_hello_answer(*nonce, *incarnation, *cursor, answer, names),
            (About::Hello { .. }, _) => vec![Todo::Close("this Hello cannot be answered")],
            (About::Fact { session, id, incarnation, seq }, reply) => {
                self.fact_answer(*session, *id, *incarnation, *seq, reply)
            }
            (About::Grant { sku, want, .. }, Reply::Accepted { outcome, .. }) => {
                self.on_grant(sku, *want, outcome)
            }
            (About::Grant { session, .. }, Reply::NotNow(why)) => self.not_now(*session, why),
            (About::Grant { .. }, _) => vec![],
        }
    }

    fn on_hello_answer(
        &mut self,
        nonce: Uuid,
        incarnation: IncarnationId,
        cursor: Cursor,
        answer: &HelloAnswer,
        names: &BTreeMap<ItemNo, Sku>,
    ) -> Vec<Todo> {
        match answer {
            HelloAnswer::Stale => vec![Todo::Send(Down::Stale { nonce })],
            HelloAnswer::Retired => vec![Todo::Send(Down::Retired { incarnation })],
            HelloAnswer::Welcome { lease, granted, last, anew } => {
                self.session = Some((*lease, incarnation));
                self.last = *last;
                self.pings.clear();
                self.next_ping = 0;
                let totals: Vec<Total> = granted
                    .iter()
                    .filter_map(|(item, total)| Some((names.get(item)?.clone(), *total)))
                    .collect();
                self.unconfirmed.welcome((*lease, incarnation), &totals);
                let parts = totals.len().div_ceil(TOTALS_PER_FRAME).max(1);
                let mut todo: Vec<Todo> = (0..parts)
                    .map(|part| {
                        let chunk =
                            totals.iter().skip(part * TOTALS_PER_FRAME).take(TOTALS_PER_FRAME);
                        Todo::Send(Down::Welcome {
                            incarnation,
                            nonce,
                            lease: *lease,
                            granted: chunk.cloned().collect(),
                            last: *last,
                            anew: *anew,
                            more: part + 1 < parts,
                        })
                    })
                    .collect();
                todo.push(Todo::Rows(if *anew { 0 } else { self.rows_from(cursor) }));
                todo
            }
        }
    }

    fn fact_answer(
        &mut self,
        session: Lease,
        id: CommandId,
        incarnation: IncarnationId,
        seq: i64,
        reply: &Reply,
    ) -> Vec<Todo> {
        let answer = match reply {
            Reply::NotNow(why) => return self.not_now(session, why),
            Reply::Refused(refusal) => Answer::Rejected { code: refusal.code().to_owned() },
            // Also when it comes again: it is not booked.
            Reply::Accepted { outcome: Outcome::NotBooked { code }, .. } => {
                Answer::Rejected { code: code.clone() }
            }
            Reply::Accepted { replayed: true, .. } => Answer::Duplicate,
            Reply::Accepted { .. } => Answer::Accepted,
        };
        if self.session.is_some_and(|(_, current)| current == incarnation) {
            self.last = self.last.max(seq);
        }
        vec![Todo::Send(Down::Ack { session, id, answer })]
    }

    /// A fact with a gap before it is sent again. When the session itself is over (the life was
    /// retired, or another link took over), only a new Hello helps.
    fn not_now(&self, session: Lease, why: &str) -> Vec<Todo> {
        if why == SESSION_OVER && self.session() == Some(session) {
            return vec![Todo::Close("another session of this store took over")];
        }
        vec![]
    }

    fn on_grant(&mut self, sku: &Sku, want: Option<i64>, outcome: &Outcome) -> Vec<Todo> {
        let Outcome::Grant { incarnation, session, total, .. } = outcome else { return vec![] };
        if self.session != Some((*session, *incarnation)) {
            return vec![];
        }
        self.unconfirmed.granted(sku.clone(), *total);
        vec![Todo::Send(Down::Grant {
            session: *session,
            incarnation: *incarnation,
            sku: sku.clone(),
            total: *total,
            want,
        })]
    }

    fn pong(&mut self, number: i64) {
        let Some(at) = self.pings.iter().position(|(n, _)| *n == number) else { return };
        self.answered = self.pings.get(at).map(|(_, sent)| *sent);
        self.pings.drain(..=at);
        self.unconfirmed.confirmed(number);
    }

    /// Time passes: a ping when it is due. Call at least every second.
    pub fn tick(&mut self, now_ms: i64) -> Vec<Todo> {
        let Some((session, _)) = self.session else { return vec![] };
        if now_ms < self.next_ping {
            return vec![];
        }
        self.next_ping = now_ms + limits::HEARTBEAT_MS;
        self.number += 1;
        self.pings.push_back((self.number, now_ms));
        if self.pings.len() > 16 {
            self.pings.pop_front();
        }
        let granted = self.unconfirmed.carry(self.number);
        vec![Todo::Send(Down::Ping { session, number: self.number, last: self.last, granted })]
    }

    /// Frames for rows: everything that changed in (after, upto], split so that each stays under
    /// [`limits::FRAME_BYTES_MAX`]. An empty one moves the agent's cursor.
    pub fn rows(&self, after: i64, upto: i64, applied: Applied, rows: Vec<Row>) -> Vec<Down> {
        let Some(session) = self.session() else { return vec![] };
        let parts = parts::split(rows);
        let last = parts.len().saturating_sub(1);
        let frame = |(at, rows)| Down::Changes {
            session,
            epoch: self.epoch,
            after,
            upto,
            applied,
            rows,
            part: u32::try_from(at).unwrap_or(u32::MAX),
            more: at < last,
        };
        parts.into_iter().enumerate().map(frame).collect()
    }

    fn rows_from(&self, cursor: Cursor) -> i64 {
        if cursor.epoch == self.epoch { cursor.version } else { 0 }
    }
}
