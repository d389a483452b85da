//! How a fact is booked that was rejected when it came: what must hold first, the look at the
//! shelf, and the command.
//!
//! It must not know who may ask, nor what is noted of it. Invariant: it is booked once, however
//! often and wherever that is asked for: only when its own place in the log was taken without
//! booking it, under an id that follows from its own, on a shelf that no count has changed since.

use oneshelf_domain::stock::{Command, ItemNo, LocationNo, Outcome, Version};
use oneshelf_domain::{CommandId, Refusal, ReservationId, Sku, limits};
use oneshelf_protocol::frame::{Body, Fact, Up};
use oneshelf_sync::hub::{late, skus};
use oneshelf_sync::plan::{Stored, Submission};
use uuid::Uuid;

use super::problem::{Answer, Error};
use crate::app::App;
use crate::commands::{Failure, Lane};
use crate::store::read::frames::lives_of;
use crate::store::read::rejected::{self, RejectedRow};
use crate::store::read::reservations;
use crate::store::{self, Tx};

/// Names of the commands that book facts late: one of each fact, whoever asks.
const NAMESPACE: Uuid = Uuid::from_u128(0x0192_6f3a_51c7_7b1e_9d4f_7a60_11ce_0007);
/// The code of a fact whose id was used before.
const REUSED: &str = "command_reused";
/// The shelf is busy: others sell from it between the look and the booking.
const TRIES: usize = 20;

/// The command that books it.
fn late_id(fact: CommandId) -> CommandId {
    CommandId(Uuid::new_v5(&NAMESPACE, fact.0.as_bytes()))
}

/// A fact that was rejected and can be read.
pub(super) struct LateFact<'a> {
    id: CommandId,
    row: &'a RejectedRow,
    fact: Fact,
    names: Vec<Sku>,
}

impl<'a> LateFact<'a> {
    /// Of what was kept.
    ///
    /// # Errors
    /// When it cannot be read, or says how things stood then.
    pub(super) fn of(row: &'a RejectedRow, id: CommandId) -> Answer<Self> {
        let no = || Error::from(Refusal::FactNotBookable);
        let up: Up = serde_json::from_str(&row.frame).map_err(|_| no())?;
        let names = skus(&up);
        let Up::Fact { fact, .. } = up else { return Err(no()) };
        let of_then = matches!(fact.body, Body::Count { .. } | Body::Close { .. });
        // A ticket names an item in its split and on its lines, and parts of kits.
        if of_then || fact.command_id != id || names.len() > 4 * limits::LINES_MAX {
            return Err(no());
        }
        Ok(Self { id, row, fact: *fact, names })
    }

    /// Books it; one that is booked already stays as it is.
    ///
    /// # Errors
    /// When it may not be booked, or not now.
    pub(super) async fn book(&self, app: &App, by: &str) -> Answer<()> {
        let mut tries = 0;
        loop {
            tries += 1;
            // Before the rows are looked at: who has a connection waits for no second one.
            let named = app.items.of(&app.store, &self.names).await?;
            let records = &app.seen().records;
            let parts = named.iter().flatten().flat_map(|item| records.parts(*item));
            let items: Vec<ItemNo> = parts.map(|part| part.item).collect();
            let mut tx = app.store.read().await?;
            let looked = self.look(&mut tx, items).await;
            tx.rollback().await?;
            let Some(as_of) = looked? else { return Ok(()) };
            let command = self.command(app, as_of).await?;
            let submission = Submission {
                id: late_id(self.id),
                // Of nobody: whoever asks first, it is booked once.
                principal: format!("rejected:{}", self.id),
                actor: by.to_owned(),
                on_behalf_of: Some(self.row.agent.clone()),
                keyed: false,
                command,
            };
            match app.commands.submit(Lane::Interactive, submission).await {
                Ok(_) => return Ok(()),
                Err(Failure::NotNow(_)) if tries < TRIES => {}
                Err(failure) => return Err(failure.into()),
            }
        }
    }

    /// Whether it may be booked, by the rows of one moment; that moment. None: it is booked.
    async fn look(&self, tx: &mut Tx, named: Vec<ItemNo>) -> Answer<Option<Version>> {
        // First: what is seen below is as of then, or later.
        let as_of = store::head(tx).await?.head.version;
        let since = match place(tx, self.row, self.id, Some(&self.fact)).await? {
            Place::Booked => return Ok(None),
            Place::Waits => return Err(on_its_way()),
            Place::Never => return Err(Refusal::FactNotBookable.into()),
            Place::Rejected(version) => version,
        };
        let location = LocationNo(self.row.location);
        for item in self.shelves(tx, named).await? {
            if rejected::corrected_since(tx, (item, location), since).await? {
                return Err(overtaken());
            }
        }
        if let Some(id) = self.about() {
            // The store has done it again, or what it is about has ended otherwise.
            let found = reservations::by_id(tx, id).await?;
            if found.is_some_and(|r| r.version > since) {
                return Err(overtaken());
            }
        }
        Ok(Some(as_of))
    }

    /// The claim or transfer that it is about.
    fn about(&self) -> Option<ReservationId> {
        match self.fact.body {
            Body::Handover { reservation, .. } | Body::Released { reservation, .. } => {
                Some(reservation)
            }
            Body::Arrived { transfer, .. } => Some(transfer),
            _ => None,
        }
    }

    /// Items whose shelf it changes; a count tells nothing of others.
    async fn shelves(&self, tx: &mut Tx, named: Vec<ItemNo>) -> Answer<Vec<ItemNo>> {
        if matches!(self.fact.body, Body::Back { .. } | Body::Released { .. }) {
            return Ok(vec![]);
        }
        let mut items = named;
        if let Body::Handover { reservation, .. } = self.fact.body {
            let claim = reservations::by_id(tx, reservation).await?;
            items.extend(claim.into_iter().flat_map(|c| c.lines).map(|line| line.item));
        }
        items.sort_unstable();
        items.dedup();
        Ok(items)
    }

    /// The command, with a placeholder for goods that nobody has told of.
    async fn command(&self, app: &App, as_of: Version) -> Answer<Command> {
        let found = app.items.of(&app.store, &self.names).await?;
        for (sku, _) in self.names.iter().zip(&found).filter(|(_, no)| no.is_none()) {
            let command = Command::NameItem { sku: sku.clone() };
            let named = Submission::by_hub(CommandId(Uuid::now_v7()), command);
            let named = app.commands.submit(Lane::Interactive, named).await?;
            if let Outcome::Item { no } = named.outcome {
                app.items.learn(sku, no);
            }
        }
        let found = app.items.of(&app.store, &self.names).await?;
        let all = self.names.iter().cloned().zip(found);
        let numbers = all.filter_map(|(sku, no)| Some((sku, no?))).collect();
        let command = late(&self.fact, LocationNo(self.row.location), as_of, &numbers);
        Ok(command.ok_or(Refusal::FactNotBookable)?)
    }
}

/// What became of the place of a kept fact in its log.
enum Place {
    /// It is in the stock: booked late, or by itself when it came again.
    Booked,
    /// It may still be booked by itself.
    Waits,
    /// It was taken at this version, and nothing was booked.
    Rejected(Version),
    /// No log of this store has it.
    Never,
}

async fn place(
    tx: &mut Tx,
    row: &RejectedRow,
    id: CommandId,
    fact: Option<&Fact>,
) -> Answer<Place> {
    let late = late_id(id);
    let ids = store::known(tx, &[id, late]).await?;
    if ids.contains_key(&late) {
        return Ok(Place::Booked);
    }
    let own = ids.get(&id);
    let outcome = own.and_then(|own| match serde_json::from_str(&own.outcome) {
        Ok(Stored::Accepted { outcome }) => Some(outcome),
        _ => None,
    });
    let version = own.and_then(|own| own.version);
    let booked = matches!(outcome, Some(Outcome::Booked { .. }));
    if row.code == REUSED {
        // The id is another fact's, unless an older hub booked this one without some of its words.
        let (Some(version), Some(fact)) = (version.filter(|_| booked), fact) else {
            return in_its_log(tx, row, id, fact).await;
        };
        if rejected::happened(tx, version).await? == Some(fact.occurred_at) {
            return Ok(Place::Booked);
        }
        return in_its_log(tx, row, id, Some(fact)).await;
    }
    Ok(match (outcome, version) {
        (Some(Outcome::Booked { .. }), _) => Place::Booked,
        (Some(Outcome::NotBooked { .. }), Some(version)) => Place::Rejected(version),
        _ => return in_its_log(tx, row, id, fact).await,
    })
}

/// Of one whose own id says nothing: by how far its log has come.
async fn in_its_log(
    tx: &mut Tx,
    row: &RejectedRow,
    id: CommandId,
    fact: Option<&Fact>,
) -> Answer<Place> {
    let Some(fact) = fact else { return Ok(Place::Never) };
    let lives = lives_of(tx, LocationNo(row.location)).await?;
    let Some(life) = lives.into_iter().find(|life| life.id == fact.incarnation) else {
        return Ok(Place::Never);
    };
    if fact.seq > life.last {
        return Ok(Place::Waits);
    }
    let stood_in = rejected::stood_in(tx, id).await?;
    Ok(stood_in.map_or(Place::Never, Place::Rejected))
}

/// Whether a kept fact is in the stock.
///
/// # Errors
/// When the database does not answer.
pub(super) async fn is_booked(app: &App, row: &RejectedRow, id: CommandId) -> Answer<bool> {
    let late = LateFact::of(row, id).ok();
    let mut tx = app.store.read().await?;
    let place = place(&mut tx, row, id, late.as_ref().map(|late| &late.fact)).await;
    tx.rollback().await?;
    Ok(matches!(place?, Place::Booked))
}

fn overtaken() -> Error {
    let detail = "the store was counted or corrected since this fact came, or what it is about \
                  went on; look at the stock and settle the fact by hand";
    Error::new(409, "fact_overtaken", detail)
}

fn on_its_way() -> Error {
    let detail = "the store's log has not come to this fact yet: it may still be booked by itself; \
                  wait until the store has told everything";
    Error::new(409, "fact_on_its_way", detail)
}
