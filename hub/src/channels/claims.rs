//! The commands of channels' orders: claiming units, and giving them back.
//!
//! It knows no inbox and no message. Invariant: of an order and of a cancellation there is one
//! command, whose id follows from the channel's: sent again it has one effect.

use oneshelf_connectors::OrderLine;
use oneshelf_domain::promise::Fulfilment;
use oneshelf_domain::stock::{Command, Outcome};
use oneshelf_domain::{CommandId, Refusal, ReservationId};
use oneshelf_sync::plan::Submission;
use uuid::Uuid;

use super::places::Planned;
use crate::app::App;
use crate::commands::{Failure, Lane};
use crate::link::recall;
use crate::store::StoreError;

/// Namespace of the ids that follow from orders.
pub(super) const NAMESPACE: Uuid = Uuid::from_u128(0x6f6e_6573_6865_6c66_8000_6f72_6465_7273);

/// What keeps a delivery from being worked off now.
pub(super) enum NotNow {
    /// The database does not answer, or not for its rows.
    Store(StoreError),
    /// The writer takes nothing in now, from nobody.
    Busy,
    /// Its command could not be written, or nobody knows whether it was.
    NotWritten,
    /// The order that it cancels is about to be placed, or a store that may have it is about to
    /// tell what it has.
    Early,
    /// Another hub works these off now.
    Elsewhere,
}

impl std::fmt::Display for NotNow {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            NotNow::Store(error) => error.fmt(f),
            NotNow::Busy => f.write_str("the writer is busy"),
            NotNow::NotWritten => f.write_str("its command could not be written"),
            NotNow::Elsewhere => f.write_str("another hub works it off"),
            NotNow::Early => f.write_str("its time has not come yet"),
        }
    }
}

impl From<StoreError> for NotNow {
    fn from(error: StoreError) -> Self {
        NotNow::Store(error)
    }
}

/// Claims the units of an order's lines. One that `waits` comes again while a store does not
/// answer.
pub(super) async fn reserve(
    app: &App,
    channel: &str,
    order: &str,
    planned: &[Planned],
    waits: bool,
) -> Result<Result<(ReservationId, Vec<OrderLine>), Refusal>, NotNow> {
    let command = Command::Reserve {
        lines: planned.iter().map(|l| (l.item, l.no, l.quantity)).collect(),
        expires_in_ms: None,
        channel: Some(channel.to_owned()),
        fulfilment: Fulfilment::Shipping,
        shopper: None,
        address: None,
        reference: Some(order.to_owned()),
    };
    let answer = submit(app, channel, "place", order, command).await?;
    // The store may answer in a moment; an order is not refused for a lost ping.
    if waits && answer.as_ref().is_err_and(Refusal::is_passing) {
        return Err(NotNow::Early);
    }
    Ok(answer.map(|outcome| {
        let reservation = match outcome {
            Outcome::Reservation { id, .. } => id,
            _ => reservation_of(channel, order),
        };
        let lines = planned.iter().map(|l| OrderLine {
            sku: l.sku.clone(),
            quantity: oneshelf_domain::Quantity::new(l.quantity).unwrap_or_default(),
            location: Some(l.location.clone()),
        });
        (reservation, lines.collect())
    }))
}

/// Hands a command in that follows from what a channel sent.
pub(super) async fn submit(
    app: &App,
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
    match recall::submit(app, Lane::Interactive, submission).await {
        Ok(accepted) => Ok(Ok(accepted.outcome)),
        Err(Failure::Refused(refusal)) => Ok(Err(refusal)),
        // No fault of the order: it is not counted as one.
        Err(Failure::Busy | Failure::Stopping | Failure::StorageFull | Failure::StorageFailed) => {
            Err(NotNow::Busy)
        }
        Err(Failure::NotNow(_) | Failure::Internal) => Err(NotNow::NotWritten),
    }
}

fn command_id(channel: &str, what: &str, id: &str) -> CommandId {
    let of_channel = Uuid::new_v5(&NAMESPACE, format!("{what}/{channel}").as_bytes());
    CommandId(Uuid::new_v5(&of_channel, id.as_bytes()))
}

/// The claim of an order: that of the command which places it.
pub(super) fn reservation_of(channel: &str, order: &str) -> ReservationId {
    ReservationId(command_id(channel, "place", order).0)
}
