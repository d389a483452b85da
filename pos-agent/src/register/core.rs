//! The core: machine, writing connection, tickets and cash sessions behind one lock.
//!
//! [`Core::perform`] is the only way in which anything is kept or sent: store in one transaction,
//! then send, then tell. When storing fails the whole core is loaded again from disk, and the link
//! begins anew: memory never runs ahead of the disk. After a disk that failed nothing is done any
//! more: what its fsync did not write the system may have forgotten, and another would not tell.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use oneshelf_domain::record::Records;
use oneshelf_domain::stock::{ItemNo, Lease, Version};
use oneshelf_domain::ticket::{Ticket, TicketLine};
use oneshelf_domain::{RegisterCode, Sku, TicketId, limits};
use oneshelf_protocol::frame::Up;
use oneshelf_sync::agent::{Agent, KEEP_ALL, Note, Out, Step};
use tokio::sync::mpsc::UnboundedSender;
use tokio::time::Instant;

use super::given_up::GivenUp;
use super::{CashSession, LinkView, Shared, lives};
use crate::clock;
use crate::events::Event;
use crate::journal::{Fault, Keep, Storage, Writer, changes_the_way};

/// A question to the hub for an item.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Asked {
    /// An answer may come until then.
    Until(Instant),
    /// None came. Nobody said that the units are promised.
    Silent,
    /// The hub answered: what is lacking now it did not give.
    Answered,
}

/// See the module.
pub(crate) struct Core {
    pub(super) agent: Agent,
    pub(crate) writer: Writer,
    pub(super) shared: Arc<Shared>,
    pub(super) tickets: BTreeMap<RegisterCode, Ticket>,
    pub(super) cash: BTreeMap<RegisterCode, CashSession>,
    /// What became of the questions for units that tickets lack, on this connection.
    pub(super) asks: BTreeMap<Sku, Asked>,
    /// The share policy changed: share above it is to go back, item by item.
    pub(super) surplus: bool,
    /// Registers whose payment is under way: their scans wait outside.
    pub(super) paying: BTreeSet<RegisterCode>,
    /// Receipt numbers may be out there that this journal does not know: none is given before the
    /// hub has said its last ones.
    pub(super) numbers_unknown: bool,
    /// Payments that their pages gave up. Kept when the rest is loaded from disk again.
    pub(super) given_up: GivenUp,
    /// Memory is ahead of the disk: nothing is done before it was loaded again.
    stale: bool,
    /// Frames to the hub, while a connection is there.
    pub(super) link: Option<UnboundedSender<String>>,
}

impl Core {
    pub(super) async fn load(mut writer: Writer, shared: Arc<Shared>) -> Result<Self, Fault> {
        let agent = Agent::load(writer.saved().await?);
        let mut core = Self {
            agent,
            tickets: shared.reads.tickets().await?,
            cash: shared.reads.cash_sessions().await?,
            asks: BTreeMap::new(),
            surplus: false,
            paying: BTreeSet::new(),
            numbers_unknown: shared.reads.numbers_unknown().await?,
            given_up: GivenUp::default(),
            stale: false,
            link: None,
            writer,
            shared,
        };
        core.take_records().await?;
        Ok(core)
    }

    /// Tells the machine what open tickets need, and gives back what nobody needs.
    pub(super) async fn settle_at_start(&mut self) -> Result<(), Fault> {
        // All tickets speak before anything is given back: a unit that one of them holds stays.
        self.tell_needs();
        let step = self.agent.give_all_back(clock::now(), &mut clock::fresh);
        self.perform(step, vec![]).await?;
        self.mark_all().await?;
        self.show_link();
        Ok(())
    }

    /// Stores a step of the machine and rows of a register in one transaction, then sends and
    /// tells.
    pub(super) async fn perform(&mut self, step: Step, mut keeps: Vec<Keep>) -> Result<(), Fault> {
        keeps.extend(lives::to_keep(&step.notes));
        let moves = step.writes.iter().any(changes_the_way);
        // Until the commit memory is ahead; also when this future is dropped in the middle.
        self.stale = true;
        if let Err(fault) = self.writer.store(&step.writes, &keeps, clock::now()).await {
            tracing::error!(error = %fault, "a step could not be stored; loading from disk");
            self.doubt(&fault);
            return Err(fault);
        }
        self.stale = false;
        if moves {
            self.shared.events.push(Event::on_the_way());
        }
        if keeps.iter().any(Keep::is_of_the_printer) {
            self.show_spool().await;
        }
        let sent = self.after_commit(step).await;
        if let Err(fault) = sent {
            // It is kept; what was not sent or shown is caught up with by a new session.
            tracing::error!(error = %fault, "after a commit");
            if fault.storage() == Some(Storage::Failed) {
                // A new session would meet the same: the next start says what to do.
                self.doubt(&fault);
            } else {
                self.drop_link();
            }
        }
        self.show_link();
        Ok(())
    }

    async fn after_commit(&mut self, step: Step) -> Result<(), Fault> {
        self.send(step.send).await?;
        let mut shares = BTreeSet::new();
        let (mut copy, mut records, mut reload) = (false, false, false);
        for note in step.notes {
            match note {
                Note::Share(sku) => {
                    shares.insert(sku);
                }
                Note::Answered(sku) => {
                    if let Some(asked) = self.asks.get_mut(&sku) {
                        *asked = Asked::Answered;
                        shares.insert(sku);
                    }
                }
                Note::Copy => copy = true,
                Note::Records => records = true,
                Note::ReloadLog => reload = true,
                Note::Rejected(id, code) => {
                    tracing::error!(%id, code, "the hub rejected a fact; somebody must look");
                }
                Note::NewLife => tracing::warn!("the hub ended this life; a new one began"),
                Note::Forked(life) => self.forked(life).await?,
                Note::Waits(life) => self.held_back(life).await?,
                Note::Numbers(last) => self.take_numbers(&last).await?,
                Note::SessionOpen => tracing::info!("the link to the hub is open"),
            }
        }
        if reload {
            let entries = self.writer.unanswered().await?;
            let step = self.agent.reload_log(entries);
            self.send(step.send).await?;
        }
        if records {
            self.take_records().await?;
        }
        if copy {
            self.mark_all().await?;
        } else if !shares.is_empty() {
            self.mark_items(&shares).await?;
        }
        if !shares.is_empty() {
            self.shared.share_changed.notify_waiters();
        }
        Ok(())
    }

    /// Hands frames to the link, in order. A stored fact goes as its stored bytes.
    async fn send(&mut self, outs: Vec<Out>) -> Result<(), Fault> {
        for out in outs {
            if let (Out::Frame(Up::Ask { sku, .. }), Some(_)) = (&out, &self.link) {
                let until = Instant::now() + super::mark::grant_wait();
                self.asks.insert(sku.clone(), Asked::Until(until));
            }
            let text = match out {
                Out::Frame(Up::Fact { session, fact }) => {
                    around(&session, &serde_json::to_string(&fact)?)?
                }
                Out::Frame(frame) => serde_json::to_string(&frame)?,
                Out::Stored(session, entry) => match self.writer.fact_text(entry.id).await? {
                    Some(fact) => around(&session, &fact)?,
                    None => return Err(Fault::Row(format!("fact {} is missing", entry.id))),
                },
            };
            if text.len() > limits::FRAME_BYTES_MAX {
                tracing::error!(bytes = text.len(), "a frame is too large to be sent");
            }
            if let Some(link) = &self.link {
                // A closed connection is noticed by the link itself.
                let _ = link.send(text);
            }
        }
        Ok(())
    }

    fn tell_needs(&mut self) {
        for ticket in self.tickets.values() {
            for (sku, wanted) in units(ticket) {
                self.agent.need_again(&sku, ticket.id, wanted);
            }
        }
    }

    /// Reads everything again, after a step could not be stored.
    async fn load_again(&mut self) -> Result<(), Fault> {
        self.writer.renew().await?;
        self.read_again().await?;
        match self.settle_at_start().await {
            // Tickets and receipts are shown also while nothing can be kept. What nobody needs goes
            // back later.
            Err(fault) if fault.storage() == Some(Storage::Full) => {
                self.writer.renew().await?;
                self.read_again().await?;
                self.tell_needs();
                self.surplus = true;
                self.mark_all().await
            }
            settled => settled,
        }
    }

    async fn read_again(&mut self) -> Result<(), Fault> {
        self.agent = Agent::load(self.writer.saved().await?);
        self.tickets = self.shared.reads.tickets().await?;
        self.cash = self.shared.reads.cash_sessions().await?;
        self.asks.clear();
        self.numbers_unknown = self.shared.reads.numbers_unknown().await?;
        self.take_records().await?;
        self.stale = false;
        Ok(())
    }

    /// Memory equals the disk again; an error while the disk does not answer.
    pub(super) async fn ready(&mut self) -> Result<(), Fault> {
        if *self.shared.disk_failed.borrow() {
            return Err(Fault::DiskFailed);
        }
        if self.stale { self.load_again().await } else { Ok(()) }
    }

    /// A large copy is in place: what rests on it is read again.
    pub(super) async fn copied(&mut self) -> Result<(), Fault> {
        self.shared.events.push(Event::on_the_way());
        self.take_records().await?;
        self.mark_all().await?;
        self.show_link();
        Ok(())
    }

    /// Memory may be ahead of the disk: it is loaded again before anything else is done.
    pub(super) fn doubt(&mut self, fault: &Fault) {
        self.stale = true;
        self.drop_link();
        if fault.storage() == Some(Storage::Failed) {
            self.shared.disk_failed.send_replace(true);
        }
    }

    fn drop_link(&mut self) {
        self.agent.disconnected();
        self.link = None;
    }

    /// Reads settings and rights of the copy, and the share policies among them.
    async fn take_records(&mut self) -> Result<(), Fault> {
        let mut records = Records::default();
        for record in self.shared.reads.records().await? {
            records.put(Version(0), record);
        }
        let kept = records.kept_shares();
        let numbers: Vec<i64> = kept.items.keys().map(|item| item.0).collect();
        let skus = self.shared.reads.skus_of(&numbers).await?;
        let kept_of = |(item, units): (ItemNo, Option<i64>)| {
            Some((skus.get(&item.0)?.clone(), units.unwrap_or(KEEP_ALL)))
        };
        let per_item: BTreeMap<Sku, i64> = kept.items.into_iter().filter_map(kept_of).collect();
        let default = kept.others.unwrap_or(KEEP_ALL);
        self.surplus |= self.agent.set_policy(default, per_item);
        let changed = *self.shared.records() != records;
        if changed {
            self.shared.set_records(records);
            // The strip shows the shop's name and the registers.
            self.shared.link.send_modify(|_| {});
        }
        Ok(())
    }

    /// Publishes how the printer's queue is. What cannot be read now is read with the next job.
    pub(super) async fn show_spool(&self) {
        match self.shared.reads.spool().await {
            Ok(spool) => {
                self.shared
                    .spool
                    .send_if_modified(|s| std::mem::replace(s, spool.clone()) != spool);
            }
            Err(error) => tracing::error!(%error, "the queue of print jobs cannot be read"),
        }
        self.shared.events.push(Event::devices());
    }

    /// Publishes how the line is.
    pub(super) fn show_link(&self) {
        let now = clock::now();
        let line = self.agent.line(now);
        let (heard, waiting) = (self.agent.heard(), self.agent.waiting());
        self.shared.link.send_if_modified(|view| {
            let other = view.line != line;
            let changed = other || view.waiting != waiting;
            let since = if other { now } else { view.since };
            *view = LinkView { line, since, heard, waiting };
            changed
        });
        self.show_life();
    }

    /// The ticket of a register; a new, empty one when there is none.
    pub(super) fn ticket_of(
        &mut self,
        register: &RegisterCode,
        currency: oneshelf_domain::Currency,
    ) -> &mut Ticket {
        self.tickets
            .entry(register.clone())
            .or_insert_with(|| Ticket::new(TicketId(clock::fresh()), currency))
    }
}

/// The session around a fact's stored bytes.
///
/// One that no hub takes, as it is too large, would end every connection at the same place. Its
/// head goes up instead: the hub rejects it, keeps its place in the log, and the log goes on.
fn around(session: &Lease, fact: &str) -> Result<String, Fault> {
    let lease = serde_json::to_string(session)?;
    let whole = format!("{{\"kind\":\"fact\",\"session\":{lease},\"fact\":{fact}}}");
    if whole.len() <= limits::FRAME_BYTES_MAX {
        return Ok(whole);
    }
    let mut head: serde_json::Value = serde_json::from_str(fact)?;
    tracing::error!(id = %head["command_id"], bytes = whole.len(), "a fact is too large to send");
    head["granted"] = serde_json::json!([]);
    head["body"] = serde_json::json!({"body": "too_large", "bytes": fact.len()});
    Ok(serde_json::json!({"kind": "fact", "session": session, "fact": head}).to_string())
}

/// Units per item that lies on the shelf of a ticket, in the order of its lines.
pub(super) fn units(ticket: &Ticket) -> Vec<(Sku, i64)> {
    let mut units: Vec<(Sku, i64)> = vec![];
    for (sku, quantity) in ticket.lines.iter().flat_map(TicketLine::units) {
        match units.iter_mut().find(|(of, _)| of == sku) {
            Some((_, n)) => *n += quantity,
            None => units.push((sku.clone(), quantity)),
        }
    }
    units
}

#[cfg(test)]
mod tests {
    use oneshelf_sync::hub::Unreadable;

    use super::*;

    #[test]
    fn of_a_fact_that_no_hub_takes_the_head_is_sent() {
        let session = Lease { epoch: 1, number: 2 };
        let fact = |name: &str| {
            format!(
                "{{\"command_id\":\"cmd_00000000000000000000000000000001\",\"incarnation\":\
                 \"inc_00000000000000000000000000000002\",\"seq\":7,\"prev_id\":null,\
                 \"granted\":[],\"occurred_at\":5,\"body\":{{\"name\":\"{name}\"}}}}"
            )
        };
        let small = around(&session, &fact("a")).unwrap();
        assert!(small.contains(&fact("a")), "as it was stored");
        let text = around(&session, &fact(&"x".repeat(limits::FRAME_BYTES_MAX))).unwrap();
        assert!(text.len() < 1_000, "{}", text.len());
        assert!(serde_json::from_str::<Up>(&text).is_err(), "no hub books it");
        let head: Unreadable = serde_json::from_str(&text).unwrap();
        assert_eq!((head.session, head.fact.seq), (session, 7));
    }
}
