//! How a transfer reads: when it was made, where it is in its life, what left, what arrived.
//!
//! It must not know who may see which. Nothing here decides anything.

use std::collections::BTreeSet;

use oneshelf_domain::stock::{ItemNo, Reservation, ReservationState, Version};
use oneshelf_domain::{Sku, Timestamp};
use serde::Serialize;
use utoipa::ToSchema;

use super::problem::{Answer, Error};
use super::schema::ReservationStateSchema;
use crate::app::App;
use crate::store::read;

/// A line of a transfer.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = TransferLine)]
pub(super) struct LineBody {
    /// Which item.
    #[schema(value_type = String)]
    sku: Sku,
    /// Its name.
    name: String,
    /// Units that are to be sent; once the goods have left, units that were.
    quantity: i64,
    /// Units that a register took before they left.
    short: i64,
    /// Units that arrived of those that were sent.
    arrived: i64,
}

/// Goods that go from one location to another.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Transfer)]
pub(super) struct TransferBody {
    /// Its id, as that of a reservation.
    id: String,
    /// Where it is in its life.
    #[schema(value_type = ReservationStateSchema)]
    state: &'static str,
    /// Who sends.
    from: String,
    /// Who gets it.
    to: String,
    /// Where it stands on the way.
    via: String,
    /// What goes.
    lines: Vec<LineBody>,
    /// The caller's number.
    reference: Option<String>,
    /// When it was asked for, by the hub's clock.
    #[schema(value_type = String, format = DateTime)]
    created_at: Timestamp,
    /// Of the last change.
    version: i64,
}

pub(super) async fn one(app: &App, transfer: Reservation) -> Answer<TransferBody> {
    let gone = || Error::internal("a transfer without its ends");
    bodies(app, vec![transfer]).await?.pop().ok_or_else(gone)
}

pub(super) async fn bodies(app: &App, all: Vec<Reservation>) -> Answer<Vec<TransferBody>> {
    let seen = app.seen();
    let lines = all.iter().flat_map(|r| &r.lines);
    let items: BTreeSet<ItemNo> = lines.map(|line| line.item).collect();
    let items: Vec<ItemNo> = items.into_iter().collect();
    let made: Vec<Version> = all.iter().map(|r| r.created).collect();
    let mut tx = app.store.read().await?;
    let named = read::items::named(&mut tx, &items).await?;
    let made = read::transfers::recorded(&mut tx, &made).await?;
    tx.rollback().await?;
    let code =
        |no| seen.records.location_by_no(no).map_or_else(String::new, |l| l.code.to_string());
    let body = |r: Reservation| {
        let road = r.transfer?;
        // A line at the sender has not left: all of it that has not is at most short.
        let left = matches!(r.state, ReservationState::InTransit | ReservationState::Transferred);
        let lines = r.lines.iter().filter_map(|line| {
            let (sku, name) = named.get(&line.item)?.clone();
            let (quantity, short, arrived) = match (left, line.location == road.via) {
                (false, _) => (line.quantity, line.short, 0),
                (true, true) => (line.quantity, 0, line.short),
                (true, false) => (0, line.short, 0),
            };
            Some(LineBody { sku, name, quantity, short, arrived })
        });
        Some(TransferBody {
            id: r.id.to_string(),
            state: r.shown_state(),
            from: code(road.from),
            to: code(road.to),
            via: code(road.via),
            lines: lines.collect(),
            reference: r.reference.clone(),
            created_at: made.get(&r.created).copied()?,
            version: r.version.0,
        })
    };
    Ok(all.into_iter().filter_map(body).collect())
}
