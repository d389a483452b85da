//! `/v1/transfers`: goods that go from one location to another.
//!
//! It decides nothing. Invariant: a transfer is there only for callers of one of its two ends; who
//! works at the sender sends and cancels, who works at the other end takes in.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use oneshelf_domain::stock::{
    ArrivedLine, Command, ItemNo, LocationNo, Outcome, Reservation, ReservationState, Transfer,
    shape,
};
use oneshelf_domain::{LocationCode, Quantity, Refusal, ReservationId, Sku};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::extract::{IdempotencyKey, Path, Payload, Query};
use super::guard::Signed;
use super::locations::note;
use super::page;
use super::problem::{Answer, Error};
use super::sending::Sending;
use super::stock::numbers;
use super::transfer_body::{TransferBody, bodies, one};
use crate::app::App;
use crate::auth::Action;
use crate::store::read::{reservations, transfers};

pub(super) fn router() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(send))
        .routes(routes!(list))
        .routes(routes!(get))
        .routes(routes!(ship))
        .routes(routes!(receive))
        .routes(routes!(cancel))
}

/// Units of an item.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = UnitsToSend)]
struct UnitsBody {
    /// Which item.
    #[schema(value_type = String, pattern = "^[!-~]([ -~]{0,62}[!-~])?$")]
    sku: Sku,
    /// Base units.
    #[schema(value_type = i64, minimum = 1, maximum = 1_000_000_000)]
    quantity: Quantity,
}

/// Goods to be sent: all lines or none.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = NewTransfer)]
struct SendBody {
    /// Who sends; of what the hub may promise there, never of a store's share.
    #[schema(value_type = String, pattern = "^[A-Z0-9]{1,12}$")]
    from: LocationCode,
    /// Who gets it.
    #[schema(value_type = String, pattern = "^[A-Z0-9]{1,12}$")]
    to: LocationCode,
    /// A location of kind transit, where the goods stand on the way; the first one when absent.
    #[serde(default)]
    #[schema(value_type = Option<String>, pattern = "^[A-Z0-9]{1,12}$")]
    via: Option<LocationCode>,
    /// What goes.
    #[schema(min_items = 1, max_items = 200)]
    lines: Vec<UnitsBody>,
    /// The caller's number.
    #[serde(default)]
    #[schema(max_length = 500)]
    reference: Option<String>,
}

/// Units of an item that arrived.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = ArrivedUnits)]
struct CameBody {
    /// Which item; one that was not sent may be among them.
    #[schema(value_type = String, pattern = "^[!-~]([ -~]{0,62}[!-~])?$")]
    sku: Sku,
    /// Units fit to be sold.
    #[schema(value_type = i64, minimum = 0, maximum = 1_000_000_000)]
    good: Quantity,
    /// Units that are not for sale.
    #[serde(default)]
    #[schema(value_type = Option<i64>, minimum = 0, maximum = 1_000_000_000)]
    damaged: Quantity,
}

/// What arrived of a transfer.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = Arrival)]
struct ReceiveBody {
    /// What came; may be empty when it is closed.
    #[schema(max_items = 200)]
    lines: Vec<CameBody>,
    /// Nothing more of it will come: what is missing is booked as lost.
    #[serde(default)]
    close: bool,
}

/// A page of transfers.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Transfers)]
struct TransfersBody {
    /// The newest first.
    transfers: Vec<TransferBody>,
    /// None at the end.
    next_cursor: Option<String>,
}

/// Sends goods to another location. They are reserved at once and leave with `ship`, or with the
/// hand-over of a store that has an agent.
#[utoipa::path(post, path = "/v1/transfers", tag = "transfers", operation_id = "send_transfer",
    request_body = SendBody, responses((status = 201, body = TransferBody)))]
async fn send(
    State(app): State<App>,
    signed: Signed,
    key: Option<IdempotencyKey>,
    body: Payload<SendBody>,
) -> Answer<(StatusCode, Json<TransferBody>)> {
    signed.need(Action::Transfer)?;
    let body = body.read()?;
    let reference = note("/reference", body.reference)?;
    let units: Vec<i64> = body.lines.iter().map(|line| line.quantity.units()).collect();
    let command = |from, to, via, items: Vec<ItemNo>| Command::Transfer {
        from,
        to,
        via,
        lines: items.into_iter().zip(units.iter().copied()).collect(),
        reference: reference.clone(),
    };
    let nowhere = LocationNo(0);
    shape(&command(nowhere, nowhere, None, vec![ItemNo(0); units.len()]))?;
    let seen = app.seen();
    let from = signed.location(&seen.records, body.from.as_str())?.no;
    let known = |code: &LocationCode| {
        let unknown = || Refusal::LocationUnknown { location: code.to_string() };
        seen.records.location(code).map(|l| l.no).ok_or_else(unknown)
    };
    let (to, via) = (known(&body.to)?, body.via.as_ref().map(known).transpose()?);
    let skus: Vec<Sku> = body.lines.iter().map(|line| line.sku.clone()).collect();
    let command = command(from, to, via, numbers(&app, &skus).await?);
    let accepted = Sending::new(&app, &signed.0, key.as_ref()).send(command).await?;
    let Outcome::Reservation { id, .. } = accepted.outcome else {
        return Err(Error::internal("a transfer answered something else"));
    };
    let (made, _) = found(&app, &signed, &id.to_string()).await?;
    Ok((StatusCode::CREATED, Json(one(&app, made).await?)))
}

#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct Wanted {
    /// In this state.
    state: Option<String>,
    /// Sent by this location; who does not work everywhere names one of the two ends.
    from: Option<String>,
    /// Sent to this location.
    to: Option<String>,
    /// Rows of the page.
    #[serde(default, deserialize_with = "page::given")]
    #[param(minimum = 1, maximum = 500, default = 50)]
    limit: Option<i64>,
    /// `next_cursor` of the page before.
    cursor: Option<String>,
}

/// Transfers, the newest first.
#[utoipa::path(get, path = "/v1/transfers", tag = "transfers", operation_id = "list_transfers",
    params(Wanted), responses((status = 200, body = TransfersBody)))]
async fn list(
    State(app): State<App>,
    signed: Signed,
    Query(asked): Query<Wanted>,
) -> Answer<Json<TransfersBody>> {
    signed.need(Action::Transfer)?;
    let seen = app.seen();
    let state = asked.state.as_deref().map(|name| {
        let unknown = || Error::invalid("state", "committed, in_transit, transferred ...");
        ReservationState::from_name(name).ok_or_else(unknown)
    });
    let mut own = signed.0.sees_all();
    let mut end = |code: Option<&str>| -> Answer<Option<LocationNo>> {
        let Some(code) = code else { return Ok(None) };
        let unknown = || Refusal::LocationUnknown { location: code.chars().take(40).collect() };
        let code = LocationCode::new(code).map_err(|_| unknown())?;
        own |= signed.0.sees(&code);
        Ok(Some(seen.records.location(&code).ok_or_else(unknown)?.no))
    };
    let (from, to) = (end(asked.from.as_deref())?, end(asked.to.as_deref())?);
    if !own {
        return Err(Error::invalid("from", "name a location that you work at, or as `to`"));
    }
    let limit = page::limit(asked.limit)?;
    let wanted = transfers::Wanted { state: state.transpose()?, from, to, limit };
    let before: Option<(i64, String)> = page::after(asked.cursor.as_deref())?;
    let (created, id) = before.unwrap_or((i64::MAX, String::new()));
    let mut tx = app.store.read().await?;
    let rows = transfers::before(&mut tx, wanted, (created, &id)).await?;
    tx.rollback().await?;
    let last = rows.last().map(|r| (r.created.0, r.id.to_string()));
    let next_cursor = page::next(rows.len(), limit, last);
    Ok(Json(TransfersBody { transfers: bodies(&app, rows).await?, next_cursor }))
}

/// One transfer.
#[utoipa::path(get, path = "/v1/transfers/{id}", tag = "transfers", operation_id = "get_transfer",
    params(("id" = String, Path, pattern = "^rsv_[0-9a-f]{32}$")),
    responses((status = 200, body = TransferBody)))]
async fn get(
    State(app): State<App>,
    signed: Signed,
    Path(id): Path<String>,
) -> Answer<Json<TransferBody>> {
    signed.need(Action::Transfer)?;
    let (found, _) = found(&app, &signed, &id).await?;
    Ok(Json(one(&app, found).await?))
}

/// The goods leave. At a store with an agent its staff say so there.
#[utoipa::path(post, path = "/v1/transfers/{id}/ship", tag = "transfers",
    operation_id = "ship_transfer",
    params(("id" = String, Path, pattern = "^rsv_[0-9a-f]{32}$")),
    responses((status = 200, body = TransferBody)))]
async fn ship(
    State(app): State<App>,
    signed: Signed,
    Path(id): Path<String>,
    key: Option<IdempotencyKey>,
) -> Answer<Json<TransferBody>> {
    signed.need(Action::Transfer)?;
    step(&app, &signed, &id, key.as_ref(), |id| Command::HandOver { id }).await
}

/// Gives a transfer up that has not left. At a store with an agent it is `releasing` until the
/// store has said that the goods are still there.
#[utoipa::path(post, path = "/v1/transfers/{id}/cancel", tag = "transfers",
    operation_id = "cancel_transfer",
    params(("id" = String, Path, pattern = "^rsv_[0-9a-f]{32}$")),
    responses((status = 200, body = TransferBody)))]
async fn cancel(
    State(app): State<App>,
    signed: Signed,
    Path(id): Path<String>,
    key: Option<IdempotencyKey>,
) -> Answer<Json<TransferBody>> {
    signed.need(Action::Transfer)?;
    step(&app, &signed, &id, key.as_ref(), |id| Command::Release { id, shopper: None }).await
}

/// Goods arrived. It ends when nothing is on its way any more, or when it is closed. At a store
/// with an agent its staff say so there.
#[utoipa::path(post, path = "/v1/transfers/{id}/receive", tag = "transfers",
    operation_id = "receive_transfer", request_body = ReceiveBody,
    params(("id" = String, Path, pattern = "^rsv_[0-9a-f]{32}$")),
    responses((status = 200, body = TransferBody)))]
async fn receive(
    State(app): State<App>,
    signed: Signed,
    Path(id): Path<String>,
    key: Option<IdempotencyKey>,
    body: Payload<ReceiveBody>,
) -> Answer<Json<TransferBody>> {
    signed.need(Action::Transfer)?;
    let body = body.read()?;
    let command = |id, items: Vec<ItemNo>| {
        let line = |(item, l): (ItemNo, &CameBody)| ArrivedLine {
            item,
            good: l.good.units(),
            damaged: l.damaged.units(),
        };
        let lines = items.into_iter().zip(&body.lines).map(line).collect();
        Command::ReceiveTransfer { id, lines, close: body.close }
    };
    let (transfer, road) = found(&app, &signed, &id).await?;
    shape(&command(transfer.id, vec![ItemNo(0); body.lines.len()]))?;
    works_at(&app, &signed, road.to)?;
    let skus: Vec<Sku> = body.lines.iter().map(|line| line.sku.clone()).collect();
    let command = command(transfer.id, numbers(&app, &skus).await?);
    Sending::new(&app, &signed.0, key.as_ref()).send(command).await?;
    let (transfer, _) = found(&app, &signed, &id).await?;
    Ok(Json(one(&app, transfer).await?))
}

/// A step of the sender.
async fn step(
    app: &App,
    signed: &Signed,
    id: &str,
    key: Option<&IdempotencyKey>,
    command: impl FnOnce(ReservationId) -> Command,
) -> Answer<Json<TransferBody>> {
    let (transfer, road) = found(app, signed, id).await?;
    works_at(app, signed, road.from)?;
    Sending::new(app, &signed.0, key).send(command(transfer.id)).await?;
    let (transfer, _) = found(app, signed, id).await?;
    Ok(Json(one(app, transfer).await?))
}

fn works_at(app: &App, signed: &Signed, location: LocationNo) -> Answer<()> {
    let seen = app.seen();
    let location = seen.records.location_by_no(location);
    match signed.0.sees_all() || location.is_some_and(|l| signed.0.sees(&l.code)) {
        true => Ok(()),
        false => Err(Error::not_allowed()),
    }
}

/// A transfer that the caller may see.
async fn found(app: &App, signed: &Signed, id: &str) -> Answer<(Reservation, Transfer)> {
    let id: ReservationId = id.parse().map_err(|_| Refusal::TransferUnknown)?;
    let mut tx = app.store.read().await?;
    let found = reservations::by_id(&mut tx, id).await?.ok_or(Refusal::TransferUnknown)?;
    tx.rollback().await?;
    let road = found.transfer.ok_or(Refusal::TransferUnknown)?;
    let mine = |location| works_at(app, signed, location).is_ok();
    match mine(road.from) || mine(road.to) {
        true => Ok((found, road)),
        false => Err(Refusal::TransferUnknown.into()),
    }
}
