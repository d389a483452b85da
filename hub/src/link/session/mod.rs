//! One connection of an agent: frames in order to the write path, answers and rows back.
//!
//! Invariant: frames of one agent are handed over in the order they came, and nothing is sent that
//! was not committed.

mod answers;
mod copies;
mod recalls;
mod recovery;
mod rows;

use std::collections::BTreeMap;
use std::pin::Pin;

use futures_util::stream::{FuturesOrdered, FuturesUnordered};
use futures_util::{Sink, SinkExt, Stream, StreamExt};
use oneshelf_domain::record::RecordState;
use oneshelf_domain::stock::{Command, ItemNo, LocationNo};
use oneshelf_domain::{AgentId, CommandId, IncarnationId, Sku, Timestamp, limits};
use oneshelf_protocol::frame::{Down, Up};
use oneshelf_sync::hub::{About, HubLink, Request, Todo, Unreadable, command, rejected, skus};
use oneshelf_sync::plan::{Reply, Submission};
use std::time::Duration;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::lines::Word;
use super::numbers;
use super::recall::Recall;
use super::rejects::{NO_DISK, NOT_STORED, Sent, keep};
use super::said::{Said, Settled};
use super::top_up::TopUps;
use crate::app::App;
use crate::commands::{Accepted, Failure, Lane};

/// Why a connection ended, for the log and the close frame.
#[derive(Debug, thiserror::Error)]
pub enum Ended {
    /// The other side is gone.
    #[error("the connection is gone")]
    Gone,
    /// The protocol says so.
    #[error("{0}")]
    Closed(&'static str),
    /// The hub cannot serve it now.
    #[error("the hub cannot serve this agent now: {0}")]
    Failed(String),
}

impl From<crate::store::StoreError> for Ended {
    fn from(error: crate::store::StoreError) -> Self {
        Ended::Failed(error.to_string())
    }
}

/// Why a connection is ended from outside.
const OTHER: &str = "a newer connection took over, or this life of the agent was retired";
/// How long one frame may wait for the other side to take it.
const SEND_MAX: Duration = Duration::from_secs(30);
/// Grants by policy that are under way at once.
const TOP_UPS_AT_ONCE: usize = 256;

type Answered = Pin<Box<dyn Future<Output = (About, Reply)> + Send>>;
type FactAnswered = Pin<Box<dyn Future<Output = (About, Carried, Reply)> + Send>>;

/// What goes with a frame to the write path and back.
struct Carried {
    sent: Option<Sent>,
    settled: Settled,
}

struct Session<'a, O> {
    app: &'a App,
    link: HubLink,
    /// The hub's, when this connection began.
    epoch: i64,
    location: LocationNo,
    answers: FuturesOrdered<FactAnswered>,
    out: O,
    /// The version up to which rows were sent; none before a session is open.
    sent: Option<i64>,
    top_ups: TopUps,
    /// Items whose share changed since the last look at its totals.
    shared: BTreeMap<ItemNo, Sku>,
    /// Grants by policy on their way: apart, so that no answer of a sale waits for one.
    granting: FuturesUnordered<Answered>,
    /// Of the frame that is looked at now.
    settled: Settled,
    /// The store says what it did long ago: people do not wait behind it.
    replaying: bool,
    /// Ends this connection.
    end: CancellationToken,
    /// What the agent is to be asked for; nothing before its Hello was let in.
    recalls: mpsc::Receiver<Recall>,
    /// It is the store's connection; one before it was ended.
    entered: bool,
    /// A life that is held back until a manager says yes.
    held: Option<IncarnationId>,
}

/// Serves a connection of an agent that has proved who it is, until one side ends it.
///
/// # Errors
/// Says why it ended; that is no fault of the caller.
pub async fn run<I, O>(
    app: &App,
    agent: AgentId,
    location: LocationNo,
    incoming: I,
    out: O,
) -> Result<(), Ended>
where
    I: Stream<Item: Into<Said>> + Unpin,
    O: Sink<String> + Unpin,
{
    let end = CancellationToken::new();
    let epoch = app.follow.seen().epoch;
    let mut session = Session {
        app,
        link: HubLink::new(agent, location, epoch),
        epoch,
        location,
        answers: FuturesOrdered::new(),
        out,
        sent: None,
        top_ups: TopUps::default(),
        shared: BTreeMap::new(),
        granting: FuturesUnordered::new(),
        settled: Settled::default(),
        replaying: false,
        end: end.clone(),
        recalls: mpsc::channel(1).1,
        entered: false,
        held: None,
    };
    let ended = session.serve(incoming, &end).await;
    if session.entered {
        app.links.leave(location, &end);
    }
    ended
}

impl<O: Sink<String> + Unpin> Session<'_, O> {
    async fn serve<I>(&mut self, mut incoming: I, end: &CancellationToken) -> Result<(), Ended>
    where
        I: Stream<Item: Into<Said>> + Unpin,
    {
        let mut seen = self.app.follow.subscribe();
        let mut tick = tokio::time::interval(Duration::from_millis(500));
        tick.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            self.top_up()?;
            tokio::select! {
                () = end.cancelled() => return Err(Ended::Closed(OTHER)),
                () = self.app.stop.cancelled() => return Err(Ended::Closed("the hub stops")),
                said = incoming.next(), if self.answers.len() < limits::QUEUE_COMMANDS_MAX / 8 => {
                    let Some(said) = said else { return Err(Ended::Gone) };
                    self.said(said.into()).await?;
                }
                Some((about, carried, reply)) = self.answers.next() => {
                    self.answered(about, carried, reply).await?;
                }
                Some((about, reply)) = self.granting.next() => self.granted(&about, &reply).await?,
                Some(recall) = self.recalls.recv() => self.recall(recall).await?,
                () = std::future::ready(()), if self.may_look() => self.look().await?,
                changed = seen.changed() => {
                    changed.map_err(|_| Ended::Closed("the hub stops"))?;
                    self.may_speak()?;
                    self.may_go_on()?;
                    self.rows_due().await?;
                }
                _ = tick.tick() => {
                    self.may_speak()?;
                    let todo = self.link.tick(self.app.links.now_ms());
                    let pinged = !todo.is_empty();
                    self.act(todo).await?;
                    if pinged {
                        self.try_missed().await?;
                        self.recall_again().await?;
                        self.totals_again().await?;
                        // The heartbeat carries a frame, empty when nothing changed.
                        self.rows(self.sent).await?;
                    }
                }
            }
        }
    }

    /// Revocation cuts a live session, and so does a restore, of which a hub that was cut off from
    /// its database learns late.
    fn may_speak(&self) -> Result<(), Ended> {
        let seen = self.app.follow.seen();
        match seen.records.agent(self.link.agent) {
            Some(_) if seen.epoch != self.epoch => Err(Ended::Closed("another epoch has begun")),
            Some(agent) if agent.state == RecordState::Active => Ok(()),
            _ => Err(Ended::Closed("this agent was revoked")),
        }
    }

    /// A frame is settled here unless it went to the write path, which settles it then.
    async fn said(&mut self, said: Said) -> Result<(), Ended> {
        self.settled = said.settled;
        self.text(&said.text).await?;
        std::mem::take(&mut self.settled).now();
        Ok(())
    }

    async fn text(&mut self, text: &str) -> Result<(), Ended> {
        if text.len() > limits::FRAME_BYTES_MAX {
            return Err(Ended::Closed("a frame is larger than 256 KiB"));
        }
        match serde_json::from_str::<Up>(text) {
            Ok(up) => {
                let pong = matches!(up, Up::Pong { .. });
                if matches!(up, Up::Hello { .. }) {
                    self.granted_before().await?;
                }
                let todo = self.link.frame(up);
                if let Some(at) = self.link.answered().filter(|_| pong) {
                    let word = Word { at, waiting: self.link.waiting() };
                    self.app.links.answered(self.location, word);
                }
                self.act(todo).await?;
                if !pong {
                    return Ok(());
                }
                self.look_for_a_gap().await?;
                self.recovered().await
            }
            Err(error) => self.unreadable(text, &error.to_string()).await,
        }
    }

    /// A fact whose head can be read takes its place in the log; anything else is answered.
    async fn unreadable(&mut self, text: &str, error: &str) -> Result<(), Ended> {
        tracing::warn!(agent = %self.link.agent, error, "a frame cannot be read");
        match serde_json::from_str::<Unreadable>(text) {
            Ok(head) if self.link.session() == Some(head.session) => {
                let id = head.fact.command_id;
                let whose = (self.link.agent, self.location);
                keep(self.app, whose, id, "unreadable", text).await?;
                let about = About::Fact {
                    session: head.session,
                    id,
                    incarnation: head.fact.incarnation,
                    seq: head.fact.seq,
                };
                let command = rejected(&head, self.location, "unreadable");
                self.enqueue(about, id, command, Some(Sent::kept(head)))
            }
            _ => {
                let kind = serde_json::from_str::<serde_json::Value>(text)
                    .ok()
                    .and_then(|v| v.get("kind")?.as_str().map(str::to_owned))
                    .unwrap_or_default();
                self.send(&Down::Unsupported { what: kind.chars().take(64).collect() }).await
            }
        }
    }

    async fn act(&mut self, todo: Vec<Todo>) -> Result<(), Ended> {
        for one in todo {
            match one {
                Todo::Send(down) => self.send(&down).await?,
                Todo::Submit(request) => self.submit(*request).await?,
                Todo::Rows(after) => {
                    self.sent = Some(after);
                    self.rows(self.sent).await?;
                }
                Todo::Close(why) => return Err(Ended::Closed(why)),
            }
        }
        Ok(())
    }

    async fn submit(&mut self, request: Request) -> Result<(), Ended> {
        if matches!(request.up, Up::Hello { .. }) && !self.let_in(&request.up).await? {
            return Ok(());
        }
        let named = skus(&request.up);
        let numbers = match request.up {
            Up::Ask { .. } => numbers::known(self.app, &named).await?,
            _ => numbers::all(self.app, &named).await?,
        };
        let Some(command) = command(&request.up, self.link.agent, self.location, &numbers) else {
            return Ok(()); // a question about an item that nobody knows
        };
        let id = match &request.up {
            Up::Fact { fact, .. } => {
                self.look_at_age(fact.occurred_at);
                fact.command_id
            }
            _ => CommandId(Uuid::now_v7()),
        };
        self.enqueue(request.about, id, command, Sent::of(request.up))
    }

    /// A log keeps its order, so it changes the queue only when nothing of it waits.
    fn look_at_age(&mut self, occurred_at: Timestamp) {
        if self.answers.is_empty() {
            self.replaying = self.app.now().ms_since(occurred_at) > limits::REPLAYED_MS;
        }
    }

    fn enqueue(
        &mut self,
        about: About,
        id: CommandId,
        command: Command,
        sent: Option<Sent>,
    ) -> Result<(), Ended> {
        let settled = std::mem::take(&mut self.settled);
        // A question of a register comes from somebody who waits.
        let fact = matches!(about, About::Fact { .. });
        let lane = if self.replaying && fact { Lane::Bulk } else { Lane::Agents };
        match self.hand_over(about, id, command, lane)? {
            Some(answered) => self.answers.push_back(Box::pin(async move {
                let (about, reply) = answered.await;
                (about, Carried { sent, settled }, reply)
            })),
            // Neither answered nor settled: the agent sends it again.
            None => tracing::warn!(agent = %self.link.agent, "the agents' queue is full"),
        }
        Ok(())
    }

    /// A command of this store, sent by its agent.
    fn submission(&self, id: CommandId, command: Command) -> Submission {
        Submission {
            id,
            // The store, not the agent: a store's log outlives the agent that wrote it.
            principal: format!("store:{}", self.location.0),
            actor: format!("agent:{}", self.link.agent),
            on_behalf_of: None,
            keyed: false,
            command,
        }
    }

    /// Hands a command to the write path; none when its queue is full.
    fn hand_over(
        &self,
        about: About,
        id: CommandId,
        command: Command,
        lane: Lane,
    ) -> Result<Option<Answered>, Ended> {
        let receiver = match self.app.commands.enqueue(lane, self.submission(id, command)) {
            Ok(receiver) => receiver,
            Err(Failure::Busy) => return Ok(None),
            Err(failure) => return Err(Ended::Failed(format!("{failure:?}"))),
        };
        Ok(Some(Box::pin(async move {
            let reply = match receiver.await {
                Ok(Ok(Accepted { outcome, version, replayed })) => {
                    Reply::Accepted { outcome, version, replayed }
                }
                Ok(Err(Failure::Refused(refusal))) => Reply::Refused(refusal),
                Ok(Err(Failure::NotNow(why))) => Reply::NotNow(why),
                // The disk's fault, however often: a fact that is not counted is never rejected.
                Ok(Err(Failure::StorageFull | Failure::StorageFailed)) => Reply::NotNow(NO_DISK),
                Ok(Err(_)) | Err(_) => Reply::NotNow(NOT_STORED),
            };
            (about, reply)
        })))
    }

    async fn send(&mut self, down: &Down) -> Result<(), Ended> {
        let text = serde_json::to_string(down).map_err(|e| Ended::Failed(e.to_string()))?;
        match tokio::time::timeout(SEND_MAX, self.out.send(text)).await {
            Ok(sent) => sent.map_err(|_| Ended::Gone),
            Err(_) => Err(Ended::Closed("the agent takes nothing")),
        }
    }
}
