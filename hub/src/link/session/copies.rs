//! The door for copies of agents: a machine that speaks as an agent which has lived on since is let
//! in when a manager has said so, and what a life is told of being one.
//!
//! Whether it is one is `domain`'s rule; safety never rests on this door, since the write path
//! takes a copy's word as a fork's. Invariant: a connection that was not let in ends no other.

use futures_util::Sink;
use oneshelf_domain::record::{AgentCopy, CopyState, Record};
use oneshelf_domain::stock::Command;
use oneshelf_domain::{CommandId, IncarnationId, LocationCode};
use oneshelf_protocol::frame::{Down, Up};
use oneshelf_sync::hub::Todo;
use uuid::Uuid;

use super::{Ended, Session};
use crate::commands::{Failure, Lane};
use crate::store::read::{frames, receipts};

impl<O: Sink<String> + Unpin> Session<'_, O> {
    /// False: a manager has not said yes; the life heard so, and its Hello goes no further.
    pub(super) async fn let_in(&mut self, hello: &Up) -> Result<bool, Ended> {
        let Up::Hello { incarnation, follows, nonce, .. } = hello else { return Ok(true) };
        let (life, nonce) = (*incarnation, *nonce);
        let mut tx = self.app.store.read().await?;
        let lives = frames::lives_of(&mut tx, self.location).await?;
        tx.rollback().await?;
        let past = AgentCopy::past(&lives, self.link.agent, life, *follows);
        let Some(past) = past else {
            self.enter();
            return Ok(true);
        };
        match self.said_of(life) {
            Some(CopyState::Allowed) => {
                self.enter();
                return Ok(true);
            }
            Some(CopyState::Waiting | CopyState::Refused) => {}
            None => self.ask_for_a_yes(life, past).await,
        }
        self.held = Some(life);
        self.send(&Down::Waits { incarnation: life, nonce }).await?;
        Ok(false)
    }

    /// From now on this is the store's connection; one before it ends.
    fn enter(&mut self) {
        self.held = None;
        // Another Hello on one connection finds it entered.
        if !std::mem::replace(&mut self.entered, true) {
            let (location, agent) = (self.location, self.link.agent);
            self.recalls = self.app.links.enter(location, agent, self.end.clone());
        }
    }

    /// What a manager said of a life; none when nobody was asked.
    fn said_of(&self, life: IncarnationId) -> Option<CopyState> {
        match self.app.follow.seen().records.get(&AgentCopy::key(life)) {
            Some(Record::AgentCopy(copy)) => Some(copy.state),
            _ => None,
        }
    }

    async fn ask_for_a_yes(&mut self, life: IncarnationId, follows: IncarnationId) {
        let (location, agent) = (self.location, self.link.agent);
        tracing::warn!(%agent, %life, %follows, "this agent has lived on since: one life waits");
        let (since, state) = (self.app.now(), CopyState::Waiting);
        let copy = AgentCopy { location, agent, life, follows, since, state };
        let record = Box::new(Record::AgentCopy(copy));
        self.change(Command::PutRecord { record }).await;
    }

    /// The record of a life that has begun, or the wish of one, is written by the hub itself. When
    /// that fails the next Hello tries it again.
    async fn change(&mut self, command: Command) {
        let submission = self.submission(CommandId(Uuid::now_v7()), command);
        match self.app.commands.submit(Lane::Agents, submission).await {
            Ok(_) | Err(Failure::Refused(_)) => {}
            Err(failure) => tracing::warn!(?failure, "a copy of an agent could not be noted"),
        }
    }

    /// A manager said yes: the life that waits on this connection says Hello again on another.
    pub(super) fn may_go_on(&self) -> Result<(), Ended> {
        match self.held.and_then(|life| self.said_of(life)) {
            Some(CopyState::Allowed) => Err(Ended::Closed("a manager said yes; say Hello again")),
            _ => Ok(()),
        }
    }

    /// Adds to the answer of a Hello what a life should know of itself: that it was copied, or how
    /// far the receipt numbers of its registers are.
    pub(super) async fn tell_of_lives(
        &mut self,
        life: IncarnationId,
        todo: &mut Vec<Todo>,
    ) -> Result<(), Ended> {
        let ends = |t: &Todo| matches!(t, Todo::Send(Down::Retired { .. }));
        let opens = |t: &Todo| matches!(t, Todo::Send(Down::Welcome { .. }));
        if let Some(at) = todo.iter().position(ends) {
            let mut tx = self.app.store.read().await?;
            let lives = frames::lives_of(&mut tx, self.location).await?;
            tx.rollback().await?;
            if lives.iter().any(|i| i.id == life && i.forked) {
                todo.insert(at, Todo::Send(Down::Forked { incarnation: life }));
            }
        }
        if let Some(at) = todo.iter().rposition(opens) {
            if let Some(session) = self.link.session() {
                let last = self.last_numbers().await?;
                todo.insert(at + 1, Todo::Send(Down::Numbers { session, last }));
            }
            if self.said_of(life).is_some() {
                self.change(Command::RemoveRecord { key: AgentCopy::key(life) }).await;
            }
        }
        Ok(())
    }

    /// The last receipt number that was booked of each register of the store.
    async fn last_numbers(&mut self) -> Result<Vec<(String, i64)>, Ended> {
        let records = self.app.follow.seen().records.clone();
        let store: Option<LocationCode> =
            records.location_by_no(self.location).map(|l| l.code.clone());
        let registers: Vec<String> = records
            .of_kind("register")
            .filter_map(|(_, record)| match record {
                // Also one that was closed: it may open again.
                Record::Register(r) if Some(&r.location) == store.as_ref() => {
                    Some(format!("{}-{}", r.location, r.code))
                }
                _ => None,
            })
            .collect();
        let mut tx = self.app.store.read().await?;
        let mut last = vec![];
        for register in registers {
            if let Some(number) = receipts::last(&mut tx, &register).await? {
                last.push((register, number));
            }
        }
        tx.rollback().await?;
        Ok(last)
    }
}
