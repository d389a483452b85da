//! What a connection tells by itself: rows that changed, and grants by policy.
//!
//! Invariant: rows of a version are sent once, in order, and only in an open session.

use futures_util::{Sink, StreamExt};
use std::collections::BTreeMap;

use oneshelf_domain::stock::{ItemNo, Place, StockKey};
use oneshelf_domain::{CommandId, Sku};
use oneshelf_protocol::replica::Row;
use oneshelf_sync::hub::About;
use oneshelf_sync::plan::Reply;
use uuid::Uuid;

use super::{Ended, OTHER, Session, TOP_UPS_AT_ONCE};
use crate::commands::Lane;
use crate::store::read::{frames, shares};

/// Items whose totals are looked at with one heartbeat.
const SHARED_MAX: usize = 1_000;

impl<O: Sink<String> + Unpin> Session<'_, O> {
    /// Rows that the agent has not got, when there are any.
    pub(super) async fn rows_due(&mut self) -> Result<(), Ended> {
        let version = self.app.follow.seen().version.0;
        match self.sent {
            Some(sent) if sent < version => self.rows(self.sent).await,
            _ => Ok(()),
        }
    }

    pub(super) async fn rows(&mut self, after: Option<i64>) -> Result<(), Ended> {
        let Some(after) = after.filter(|_| self.link.session().is_some()) else { return Ok(()) };
        let records = self.app.follow.seen().records.clone();
        let (store, life) = (&self.app.store, self.link.incarnation());
        let frame = frames::changed(store, self.location, life, after, &records).await?;
        if frame.life.as_ref().is_some_and(|life| self.link.is_over(life)) {
            return Err(Ended::Closed(OTHER));
        }
        if frame.after != after {
            let (agent, upto) = (self.link.agent, frame.upto);
            tracing::error!(%agent, after, upto, "an agent is further than this hub: all rows go");
        }
        let numbers = frame.numbers.into_iter().collect();
        self.share_moved(&frame.rows, &numbers);
        let kept = self.app.links.kept(self.location);
        // What would be granted now is asked for when the store has recovered.
        let wanted = !records.is_recovering(self.location)
            && self.top_ups.told(&records, self.location, &frame.rows, &numbers, &kept);
        let downs = self.link.rows(frame.after, frame.upto, frame.applied, frame.rows);
        for down in downs {
            self.send(&down).await?;
        }
        self.sent = Some(frame.upto);
        if wanted { self.recall_new().await } else { Ok(()) }
    }

    fn share_moved(&mut self, rows: &[Row], numbers: &BTreeMap<Sku, ItemNo>) {
        for row in rows {
            let Row::Stock { sku, balances, .. } = row else { continue };
            let some = balances[Place::StoreShare.index()] > 0 && self.shared.len() < SHARED_MAX;
            if let Some(item) = numbers.get(sku).filter(|_| some) {
                self.shared.insert(*item, sku.clone());
            }
        }
    }

    /// What another hub has granted in this very session: its connection, which it takes for
    /// alive, is of a Hello that came here again, and the agent was told there, or never.
    pub(super) async fn totals_again(&mut self) -> Result<(), Ended> {
        let shared = std::mem::take(&mut self.shared);
        if shared.is_empty() {
            return Ok(());
        }
        let at = |item: &ItemNo| StockKey { item: *item, location: self.location };
        let keys: Vec<StockKey> = shared.keys().map(at).collect();
        for (key, owned) in shares::of(&self.app.store, &keys).await? {
            if let (Some(life), Some(sku)) = (owned.incarnation, shared.get(&key.item)) {
                self.link.stored_total(life, sku, owned.granted);
            }
        }
        Ok(())
    }

    /// Hands some grants by policy over; the rest waits for the answers of these.
    pub(super) fn top_up(&mut self) -> Result<(), Ended> {
        while self.granting.len() < TOP_UPS_AT_ONCE {
            let Some((item, sku)) = self.top_ups.next() else { break };
            let Some((command, about)) = self.link.top_up(item, sku) else { continue };
            match self.hand_over(about, CommandId(Uuid::now_v7()), command, Lane::Bulk)? {
                Some(answered) => self.granting.push(answered),
                None => self.top_ups.missed(),
            }
        }
        Ok(())
    }

    /// A Hello ends the session, if only until it is answered: what was granted in it is told
    /// before, since the answer to a Hello that repeats one does not wait for it.
    pub(super) async fn granted_before(&mut self) -> Result<(), Ended> {
        while let Some((about, reply)) = self.granting.next().await {
            self.granted(&about, &reply).await?;
        }
        Ok(())
    }

    pub(super) async fn granted(&mut self, about: &About, reply: &Reply) -> Result<(), Ended> {
        if matches!(reply, Reply::NotNow(_)) {
            self.top_ups.missed();
        }
        self.answer(about, reply).await
    }

    /// The policies at hand must be as new as the rows that were sent: a newer one was in those.
    pub(super) fn may_look(&self) -> bool {
        let seen = self.app.follow.seen().version.0;
        self.top_ups.may_look()
            && !self.is_recovering()
            && self.granting.len() < TOP_UPS_AT_ONCE
            && self.sent.is_some_and(|sent| sent <= seen)
    }

    pub(super) async fn look(&mut self) -> Result<(), Ended> {
        let records = self.app.follow.seen().records.clone();
        let kept = self.app.links.kept(self.location);
        let wanted = self.top_ups.look(&self.app.store, &records, self.location, &kept).await?;
        if wanted { self.recall_new().await } else { Ok(()) }
    }

    /// A while has passed: what was not taken in, or was kept for the web, has its turn.
    pub(super) async fn try_missed(&mut self) -> Result<(), Ended> {
        let over = self.app.links.no_longer_kept(self.location);
        let over = self.app.items.skus(&self.app.store, &over).await?;
        self.top_ups.try_missed(over);
        Ok(())
    }
}
