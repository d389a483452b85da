//! Orders of channels: what came in becomes commands, and the channel is told what became of it.
//!
//! It decides nothing about stock. Invariant: an order's command has an id that follows from the
//! channel's id of it, and its lines are kept before it is sent: it is one order however often it
//! comes, and whenever the hub dies.

use std::time::Duration;

use oneshelf_connectors::{Intake, Message, Order, OrderLine};
use oneshelf_domain::record::{Channel, Records};
use oneshelf_domain::stock::{Command, Outcome};
use oneshelf_domain::{CommandId, Refusal, ReservationId};
use oneshelf_sync::plan::Submission;
use uuid::Uuid;

use super::places::{Planned, assign};
use crate::app::App;
use crate::commands::{Failure, Lane};
use crate::jobs::{Lease, pause};
use crate::store::channels::deliveries::{self, NewMessage};
use crate::store::channels::orders::{self, InboxRow, OrderRow};
use crate::store::{StoreError, Tx};

/// The longest wait between two looks.
const LOOK: Duration = Duration::from_millis(500);
/// Deliveries of one round.
const ROUND_ROWS: i64 = 200;
/// Namespace of the ids that follow from orders.
const NAMESPACE: Uuid = Uuid::from_u128(0x6f6e_6573_6865_6c66_8000_6f72_6465_7273);

pub(super) struct Orders {
    app: App,
    lease: Lease,
}

/// What keeps a delivery from being worked off now.
enum NotNow {
    Store(StoreError),
    Writer,
}

impl From<StoreError> for NotNow {
    fn from(error: StoreError) -> Self {
        NotNow::Store(error)
    }
}

impl Orders {
    pub(super) fn new(app: &App) -> Self {
        Self { lease: Lease::new(app.store.clone(), "channel-orders"), app: app.clone() }
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
                Err(why) => {
                    if let (NotNow::Store(error), false) = (&why, failing) {
                        tracing::warn!(%error, "orders of channels cannot be worked off");
                    }
                    failing = true;
                    pause(LOOK, &stop).await;
                }
            }
            let shared = self.app.channels.clone();
            tokio::select! {
                () = stop.cancelled() => break,
                () = shared.came.notified() => {}
                () = tokio::time::sleep(LOOK) => {}
            }
        }
        self.lease.give_up().await;
    }

    /// Works off what came in, in its order. True when there may be more.
    async fn round(&mut self) -> Result<bool, NotNow> {
        if !self.lease.held(self.app.now()).await? {
            return Ok(false);
        }
        let mut tx = self.app.store.read().await?;
        let rows = orders::open(&mut tx, ROUND_ROWS).await?;
        tx.rollback().await?;
        for row in &rows {
            if self.app.stop.is_cancelled() || !self.lease.held(self.app.now()).await? {
                return Ok(false);
            }
            self.work_off(row).await?;
        }
        Ok(i64::try_from(rows.len()).is_ok_and(|n| n >= ROUND_ROWS))
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
                let mut tx = self.app.store.begin_write().await?;
                orders::worked(&mut tx, row).await?;
                Ok(tx.commit().await?)
            }
        }
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
        if known.as_ref().is_some_and(|order| order.state != "placed") {
            // It came before, or its cancellation did.
            return Ok(self.end(row, None, None).await?);
        }
        let mut placed = match known {
            Some(placed) => placed,
            None => {
                let planned = assign(&self.app, channel, records, order).await?;
                let placed = self.new_order(row, id, &planned);
                // Another hub may have been first: what it keeps counts.
                orders::begin(&self.app.store, &placed).await?
            }
        };
        let planned: Result<Vec<Planned>, _> = serde_json::from_str(&placed.lines);
        let answer = match planned {
            Ok(planned) => self.reserve(&row.channel, id, &planned).await?.map_err(Some),
            // Refused when it was planned: the row says why.
            Err(_) => Err(None),
        };
        let channel_order_id = id.clone();
        let message = match answer {
            Ok((reservation, lines)) => {
                "accepted".clone_into(&mut placed.state);
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
        Ok(self.end(row, Some(placed), Some(message)).await?)
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

    async fn reserve(
        &self,
        channel: &str,
        id: &str,
        planned: &[Planned],
    ) -> Result<Result<(ReservationId, Vec<OrderLine>), Refusal>, NotNow> {
        let command = Command::Reserve {
            lines: planned.iter().map(|l| (l.item, l.no, l.quantity)).collect(),
            expires_in_ms: None,
            channel: Some(channel.to_owned()),
            shopper: None,
            address: None,
            reference: Some(id.to_owned()),
        };
        let answer = self.submit(channel, "place", id, command).await?;
        Ok(answer.map(|outcome| {
            let reservation = match outcome {
                Outcome::Reservation { id, .. } => id,
                _ => ReservationId(command_id(channel, "place", id).0),
            };
            let lines = planned.iter().map(|l| OrderLine {
                sku: l.sku.clone(),
                quantity: oneshelf_domain::Quantity::new(l.quantity).unwrap_or_default(),
                location: Some(l.location.clone()),
            });
            (reservation, lines.collect())
        }))
    }

    async fn cancelled(&self, row: &InboxRow, id: &str) -> Result<(), NotNow> {
        let channel_order_id = id.to_owned();
        let cancelled = Message::OrderCancelled { channel_order_id: channel_order_id.clone() };
        let Some(mut order) = self.known(&row.channel, id).await? else {
            // It overtook its order, which will find it here.
            let mut order = self.new_order(row, id, &Ok(vec![]));
            "cancelled".clone_into(&mut order.state);
            return Ok(self.end(row, Some(order), Some(cancelled)).await?);
        };
        let Ok(reservation) = order.reservation.parse() else {
            // Refused or cancelled before. One that waits for its units is ahead in the inbox.
            return Ok(self.end(row, None, None).await?);
        };
        if order.state == "cancelled" {
            return Ok(self.end(row, None, None).await?);
        }
        let release = Command::Release { id: reservation, shopper: None };
        // Each cancellation is a request of its own: a later one may find another state.
        let message = match self.submit(&row.channel, "cancel", &row.event, release).await? {
            Ok(_) => {
                "cancelled".clone_into(&mut order.state);
                cancelled
            }
            Err(refusal) => {
                refused(&mut order, &refusal);
                Message::CancelRefused { channel_order_id, code: refusal.code().to_owned() }
            }
        };
        Ok(self.end(row, Some(order), Some(message)).await?)
    }

    async fn submit(
        &self,
        channel: &str,
        what: &str,
        id: &str,
        command: Command,
    ) -> Result<Result<Outcome, Refusal>, NotNow> {
        let principal = format!("channel:{channel}");
        let submission = Submission {
            id: command_id(channel, what, id),
            actor: principal.clone(),
            principal,
            on_behalf_of: None,
            keyed: true,
            command,
        };
        match self.app.commands.submit(Lane::Interactive, submission).await {
            Ok(accepted) => Ok(Ok(accepted.outcome)),
            Err(Failure::Refused(refusal)) => Ok(Err(refusal)),
            Err(_) => Err(NotNow::Writer),
        }
    }

    /// Keeps what became of it, what the channel is told of it, and that it is worked off: at once.
    async fn end(
        &self,
        row: &InboxRow,
        order: Option<OrderRow>,
        message: Option<Message>,
    ) -> Result<(), StoreError> {
        let mut tx = self.app.store.begin_write().await?;
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

fn command_id(channel: &str, what: &str, id: &str) -> CommandId {
    let of_channel = Uuid::new_v5(&NAMESPACE, format!("{what}/{channel}").as_bytes());
    CommandId(Uuid::new_v5(&of_channel, id.as_bytes()))
}

fn refused(order: &mut OrderRow, refusal: &Refusal) {
    refusal.code().clone_into(&mut order.code);
    order.detail = refusal.to_string();
}
