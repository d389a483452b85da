//! Orders of channels: what came in becomes commands, and the channel is told what became of it.
//!
//! It decides nothing about stock. Invariant: an order's command has an id that follows from the
//! channel's id of it, and its lines are kept before it is sent: it is one order however often it
//! comes, and whenever the hub dies. What cannot be written holds up its own channel and no other.

use std::collections::BTreeSet;
use std::time::Duration;

use oneshelf_connectors::{Intake, Message, Order};
use oneshelf_domain::record::{Channel, Records};
use oneshelf_domain::stock::Command;
use oneshelf_domain::{Refusal, Timestamp};
use uuid::Uuid;

use super::claims::{self, NAMESPACE, NotNow};
use super::places::{Planned, assign, may_be_served_later};
use crate::app::App;
use crate::jobs::{Lease, pause};
use crate::store::channels::deliveries::{self, NewMessage};
use crate::store::channels::orders::{self, InboxRow, OrderRow};
use crate::store::{StoreError, Tx};

/// The longest wait between two looks.
const LOOK: Duration = Duration::from_millis(500);
/// Deliveries of one round.
const ROUND_ROWS: i64 = 200;
/// Such pages of a round.
const ROUND_PAGES: usize = 50;
/// How often a delivery is tried that cannot be written down, before somebody has to look at it.
const TRIES_MAX: i64 = 8;
/// The pause of its channel after the first try, which doubles, and the longest, milliseconds.
const PAUSE_MS: i64 = 1_000;
const PAUSE_MS_MAX: i64 = 60_000;
/// How long an order waits for stores that tell the hub everything again after a restore,
/// milliseconds (15 minutes).
const RECOVERY_WAIT_MS: i64 = 15 * 60 * 1_000;
/// How long an order waits for a store that does not give its share back, milliseconds.
const SHARE_WAIT_MS: i64 = 60_000;
/// What is said of it.
const NOT_WRITTEN: &str = "internal";

pub(super) struct Orders {
    app: App,
    lease: Lease,
}

impl Orders {
    pub(super) fn new(app: &App) -> Self {
        Self { lease: Lease::of(app, "channel-orders"), app: app.clone() }
    }

    pub(super) async fn run(mut self) {
        let stop = self.app.stop.clone();
        let mut failing = false;
        while !stop.is_cancelled() {
            match self.round().await {
                Ok(more) => {
                    failing = false;
                    if more {
                        continue;
                    }
                }
                // Its holder goes on with it.
                Err(NotNow::Elsewhere) => failing = false,
                Err(why) => {
                    if !failing && !stop.is_cancelled() {
                        tracing::warn!(%why, "orders of channels cannot be worked off");
                    }
                    failing = true;
                    pause(LOOK, &stop).await;
                }
            }
            let shared = self.app.channels.clone();
            tokio::select! {
                () = stop.cancelled() => break,
                () = shared.came.notified() => {}
                () = tokio::time::sleep(self.lease.look(LOOK)) => {}
            }
        }
        self.lease.give_up().await;
    }

    /// Works off what came in, in its order. True when there may be more.
    async fn round(&mut self) -> Result<bool, NotNow> {
        let now = self.app.now();
        if !self.lease.held(now).await? {
            return Ok(false);
        }
        let (mut held, mut worked, mut last) = (BTreeSet::new(), 0, None);
        // Behind what waits for its time something may be due: pages, until there is none.
        for _ in 0..ROUND_PAGES {
            let mut tx = self.app.store.read().await?;
            let rows = orders::open(&mut tx, now, last.as_ref(), ROUND_ROWS).await?;
            tx.rollback().await?;
            for row in &rows {
                if self.app.stop.is_cancelled() || !self.lease.held(self.app.now()).await? {
                    return Ok(false);
                }
                if held.contains(&row.channel) {
                    continue;
                }
                match self.work_off(row).await {
                    Ok(()) => worked += 1,
                    Err(NotNow::Early) => {}
                    Err(why @ NotNow::Elsewhere) => return Err(why),
                    Err(why) => {
                        self.hold(row, why).await?;
                        held.insert(row.channel.clone());
                    }
                }
            }
            if i64::try_from(rows.len()).is_ok_and(|n| n < ROUND_ROWS) {
                return Ok(false);
            }
            last = rows.into_iter().next_back();
        }
        // What waits for its time is no reason to look again at once.
        Ok(worked > 0)
    }

    /// What cannot be worked off now holds up its channel for a while, and at last is given up,
    /// so that what came after it has its turn. That this can be noted says that the trouble is
    /// its own: while nothing can be, all wait and no try counts.
    async fn hold(&self, row: &InboxRow, why: NotNow) -> Result<(), NotNow> {
        if matches!(why, NotNow::Busy) {
            return Err(why);
        }
        let (channel, order) = (&row.channel, &row.subject);
        if row.tries + 1 < TRIES_MAX {
            tracing::warn!(channel, order, tries = row.tries + 1, %why, "it holds up its channel");
            let pause_ms = (PAUSE_MS << row.tries.clamp(0, 16)).min(PAUSE_MS_MAX);
            let until = self.app.now().plus_ms(pause_ms);
            return Ok(orders::hold(self.write().await?, row, until).await?);
        }
        self.give_up(row).await?;
        tracing::error!(channel, order, %why, "somebody should look at this order");
        metrics::counter!("oneshelf_channel_orders_failed_total", "channel" => channel.clone())
            .increment(1);
        Ok(())
    }

    /// Keeps the order as one that somebody has to look at. Whether its units are reserved may be
    /// unknown: asked for again under the same id they are reserved once.
    async fn give_up(&self, row: &InboxRow) -> Result<(), NotNow> {
        let known = self.known(&row.channel, &row.subject).await?;
        let its_order = row.kind == "placed" || known.is_none();
        let mut order = known.unwrap_or_else(|| self.new_order(row, &row.subject, &Ok(vec![])));
        if order.lines == "[]" {
            // Given up before it was planned.
            order.lines.clear();
        }
        if its_order {
            "failed".clone_into(&mut order.state);
        }
        NOT_WRITTEN.clone_into(&mut order.code);
        let what = if its_order { "order" } else { "cancellation" };
        order.detail = format!("the {what} could not be written down");
        order.changed_at = self.app.now().0;
        let mut tx = self.write().await?;
        orders::put(&mut tx, &order).await?;
        orders::failed(&mut tx, row).await?;
        Ok(tx.commit().await?)
    }

    async fn work_off(&self, row: &InboxRow) -> Result<(), NotNow> {
        let body = row.body.as_deref().unwrap_or_default();
        let seen = self.app.seen();
        let channel = seen.records.channel(&row.channel);
        match (serde_json::from_str::<Intake>(body), channel) {
            (Ok(Intake::Placed(order)), Some(channel)) => {
                self.placed(channel, &seen.records, row, &order).await
            }
            (Ok(Intake::Cancelled { channel_order_id }), Some(_)) => {
                self.cancelled(row, &channel_order_id).await
            }
            _ => {
                let mut tx = self.write().await?;
                orders::worked(&mut tx, row).await?;
                Ok(tx.commit().await?)
            }
        }
    }

    /// What another hub has worked off meanwhile may have gone on since.
    async fn write(&self) -> Result<Tx, NotNow> {
        self.lease.write().await?.ok_or(NotNow::Elsewhere)
    }

    async fn known(&self, channel: &str, id: &str) -> Result<Option<OrderRow>, StoreError> {
        let mut tx = self.app.store.read().await?;
        let known = orders::find(&mut tx, channel, id).await?;
        tx.rollback().await?;
        Ok(known)
    }

    async fn placed(
        &self,
        channel: &Channel,
        records: &Records,
        row: &InboxRow,
        order: &Order,
    ) -> Result<(), NotNow> {
        let id = &order.channel_order_id;
        let known = self.known(&row.channel, id).await?;
        if known.as_ref().is_some_and(|o| !matches!(o.state.as_str(), "placed" | "failed")) {
            // It came before, or its cancellation did.
            return self.end(row, None, None).await;
        }
        let waited_ms = self.app.now().ms_since(Timestamp(row.received_at));
        let planned = known.filter(|o| o.state == "placed" || !o.lines.is_empty());
        let mut placed = match planned {
            Some(placed) => {
                // Planned before the backup that the hub was put back to.
                if let Ok(lines) = serde_json::from_str::<Vec<Planned>>(&placed.lines) {
                    self.may_be_decided(channel, records, row, &lines).await?;
                }
                placed
            }
            None => {
                let planned = assign(&self.app, channel, records, order).await?;
                if let Ok(lines) = &planned {
                    self.may_be_decided(channel, records, row, lines).await?;
                }
                let placed = self.new_order(row, id, &planned);
                // Another hub may have been first: what it keeps counts.
                orders::begin(self.write().await?, &placed).await?
            }
        };
        let planned: Result<Vec<Planned>, _> = serde_json::from_str(&placed.lines);
        let answer = match planned {
            Ok(planned) => {
                let waits = waited_ms < SHARE_WAIT_MS;
                claims::reserve(&self.app, &row.channel, id, &planned, waits).await?.map_err(Some)
            }
            // Refused when it was planned: the row says why.
            Err(_) => Err(None),
        };
        let channel_order_id = id.clone();
        let message = match answer {
            Ok((reservation, lines)) => {
                "accepted".clone_into(&mut placed.state);
                (placed.code, placed.detail) = (String::new(), String::new());
                placed.reservation = reservation.to_string();
                let reservation = placed.reservation.clone();
                Message::OrderAccepted { channel_order_id, reservation, lines }
            }
            Err(refusal) => {
                "refused".clone_into(&mut placed.state);
                if let Some(refusal) = refusal {
                    refused(&mut placed, &refusal);
                }
                let (code, detail) = (placed.code.clone(), placed.detail.clone());
                Message::OrderRefused { channel_order_id, code, detail }
            }
        };
        self.end(row, Some(placed), Some(message)).await
    }

    /// Not now, while a location that was put back may have the goods. One that came before the
    /// backup waits from this hub's start on.
    async fn may_be_decided(
        &self,
        channel: &Channel,
        records: &Records,
        row: &InboxRow,
        lines: &[Planned],
    ) -> Result<(), NotNow> {
        let waited_ms = self.app.now().ms_since(Timestamp(row.received_at));
        let waits = waited_ms.min(self.app.links.now_ms()) < RECOVERY_WAIT_MS;
        if waits && may_be_served_later(&self.app, channel, records, lines).await? {
            return Err(NotNow::Early);
        }
        Ok(())
    }

    fn new_order(
        &self,
        row: &InboxRow,
        id: &str,
        planned: &Result<Vec<Planned>, Refusal>,
    ) -> OrderRow {
        let mut order = OrderRow {
            channel: row.channel.clone(),
            id: id.to_owned(),
            state: "placed".to_owned(),
            lines: String::new(),
            reservation: String::new(),
            code: String::new(),
            detail: String::new(),
            placed_at: row.received_at,
            changed_at: self.app.now().0,
        };
        match planned {
            Ok(lines) => order.lines = serde_json::to_string(lines).unwrap_or_default(),
            Err(refusal) => refused(&mut order, refusal),
        }
        order
    }

    async fn cancelled(&self, row: &InboxRow, id: &str) -> Result<(), NotNow> {
        let channel_order_id = id.to_owned();
        let cancelled = Message::OrderCancelled { channel_order_id: channel_order_id.clone() };
        let Some(mut order) = self.known(&row.channel, id).await? else {
            // It overtook its order, which will find it here.
            let mut order = self.new_order(row, id, &Ok(vec![]));
            "cancelled".clone_into(&mut order.state);
            return self.end(row, Some(order), Some(cancelled)).await;
        };
        match order.state.as_str() {
            // It is behind in the inbox, as our clock was set back: it goes first.
            "placed" => return Err(NotNow::Early),
            "accepted" | "failed" => {}
            _ => return self.end(row, None, None).await,
        }
        // Of one that failed nobody knows whether its units are reserved: if so, by this id.
        let id_of = |_| claims::reservation_of(&row.channel, id);
        let reservation = order.reservation.parse().unwrap_or_else(id_of);
        let release = Command::Release { id: reservation, shopper: None };
        // Each cancellation is a request of its own: a later one may find another state.
        let answer = claims::submit(&self.app, &row.channel, "cancel", &row.event, release).await?;
        let message = match answer {
            Err(refusal) if order.state == "accepted" || !is_unknown(&refusal) => {
                // Whoever refuses to free them knows them: they are reserved.
                "accepted".clone_into(&mut order.state);
                order.reservation = reservation.to_string();
                refused(&mut order, &refusal);
                Message::CancelRefused { channel_order_id, code: refusal.code().to_owned() }
            }
            _ => {
                "cancelled".clone_into(&mut order.state);
                (order.code, order.detail) = (String::new(), String::new());
                cancelled
            }
        };
        self.end(row, Some(order), Some(message)).await
    }

    /// Keeps what became of it, what the channel is told of it, and that it is worked off: at once.
    async fn end(
        &self,
        row: &InboxRow,
        order: Option<OrderRow>,
        message: Option<Message>,
    ) -> Result<(), NotNow> {
        let mut tx = self.write().await?;
        if let Some(mut order) = order {
            order.changed_at = self.app.now().0;
            orders::put(&mut tx, &order).await?;
        }
        if let Some(message) = &message {
            self.tell(&mut tx, row, message).await?;
        }
        orders::worked(&mut tx, row).await?;
        tx.commit().await?;
        if message.is_some() {
            self.app.channels.speak();
        }
        Ok(())
    }

    async fn tell(&self, tx: &mut Tx, row: &InboxRow, message: &Message) -> Result<(), StoreError> {
        let seen = self.app.seen();
        if seen.records.channel(&row.channel).is_none_or(|channel| channel.endpoint.is_none()) {
            return Ok(());
        }
        // Of what came in: telling it again is the same delivery.
        let name = format!("told/{}/{}", row.channel, row.event);
        let id = format!("evt_{}", Uuid::new_v5(&NAMESPACE, name.as_bytes()).as_simple());
        let json = serde_json::to_string(message).unwrap_or_default();
        let new = NewMessage { id: &id, kind: "order", subject: &row.subject, message: &json };
        deliveries::put(tx, &row.channel, &new, self.app.now()).await
    }
}

fn is_unknown(refusal: &Refusal) -> bool {
    matches!(refusal, Refusal::ReservationUnknown)
}

fn refused(order: &mut OrderRow, refusal: &Refusal) {
    refusal.code().clone_into(&mut order.code);
    order.detail = refusal.to_string();
}
