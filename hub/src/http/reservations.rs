//! `/v1/reservations`: claims on units, and the steps of their lives.
//!
//! Invariant: a reservation is there only for callers of its channel and of its locations. A
//! transfer, which is one too, is none here: who may claim may not for that send goods about.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use oneshelf_domain::promise::Fulfilment;
use oneshelf_domain::stock::{
    Command, ItemNo, LocationNo, Outcome, Reservation, ReservationLine, ReservationState, Version,
    shape,
};
use oneshelf_domain::{LocationCode, Quantity, Refusal, ReservationId, Sku, Timestamp};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::extract::{IdempotencyKey, Path, Payload};
use super::guard::Signed;
use super::locations::note;
use super::problem::{Answer, Error};
use super::schema::{FulfilmentSchema, ReservationStateSchema};
use super::sending::Sending;
use super::stock::numbers;
use crate::app::App;
use crate::auth::Action;
use crate::store::read::reservations;

pub(super) fn router() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(reserve))
        .routes(routes!(get))
        .routes(routes!(commit))
        .routes(routes!(release))
        .routes(routes!(pick))
        .routes(routes!(hand_over))
}

/// Units of an item at a location.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = WantedUnits)]
struct WantedLine {
    /// Which item.
    #[schema(value_type = String, pattern = "^[!-~]([ -~]{0,62}[!-~])?$")]
    sku: Sku,
    /// Where.
    #[schema(value_type = String, pattern = "^[A-Z0-9]{1,12}$")]
    location: LocationCode,
    /// Base units.
    #[schema(value_type = i64, minimum = 1, maximum = 1_000_000_000)]
    quantity: Quantity,
}

/// A claim: all lines or none.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = NewReservation)]
struct ReserveBody {
    /// What and where.
    #[schema(min_items = 1, max_items = 200)]
    lines: Vec<WantedLine>,
    /// Life of the hold, seconds; committed at once when absent.
    #[serde(default)]
    #[schema(minimum = 1, maximum = 2_592_000)]
    expires_in_s: Option<i64>,
    /// How the goods come to the shopper: a channel may offer nothing for pickup at a store that
    /// has been silent for long.
    #[serde(default)]
    #[schema(value_type = Option<FulfilmentSchema>)]
    fulfilment: Option<Fulfilment>,
    /// The caller's number.
    #[serde(default)]
    #[schema(max_length = 500)]
    reference: Option<String>,
}

/// A line of a reservation.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = ReservationLine)]
struct LineBody {
    /// Which item.
    #[schema(value_type = String)]
    sku: Sku,
    /// Where.
    #[schema(value_type = String)]
    location: LocationCode,
    /// Units claimed.
    quantity: i64,
    /// Units that a register took meanwhile.
    short: i64,
    /// The kit that it is a part of.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<KitBody>)]
    kit: Option<KitBody>,
}

/// Kits that were claimed; each part of them has a line.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = ReservedKit)]
struct KitBody {
    /// Which item is the kit.
    #[schema(value_type = String)]
    sku: Sku,
    /// How many kits.
    quantity: i64,
}

/// A claim on units.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Reservation)]
struct ReservationBody {
    /// Its id.
    id: String,
    /// Where it is in its life.
    #[schema(value_type = ReservationStateSchema)]
    state: &'static str,
    /// A hold is dead from here on.
    #[schema(value_type = Option<String>, format = DateTime)]
    expires_at: Option<Timestamp>,
    /// What it claims.
    lines: Vec<LineBody>,
    /// The caller's number.
    reference: Option<String>,
    /// Of the last change.
    version: i64,
}

/// Claims units: all lines or none.
#[utoipa::path(post, path = "/v1/reservations", tag = "reservations", operation_id = "reserve",
    request_body = ReserveBody, responses((status = 201, body = ReservationBody)))]
async fn reserve(
    State(app): State<App>,
    signed: Signed,
    key: Option<IdempotencyKey>,
    body: Payload<ReserveBody>,
) -> Answer<(StatusCode, Json<ReservationBody>)> {
    signed.need(Action::Reserve)?;
    let body = body.read()?;
    let seen = app.seen();
    let skus: Vec<Sku> = body.lines.iter().map(|line| line.sku.clone()).collect();
    let reference = note("/reference", body.reference)?;
    let units = |line: &WantedLine| line.quantity.units();
    let command = |lines| Command::Reserve {
        lines,
        expires_in_ms: body.expires_in_s.map(|s| s.saturating_mul(1_000)),
        channel: signed.0.channel.clone(),
        fulfilment: body.fulfilment.unwrap_or(Fulfilment::Shipping),
        shopper: None,
        address: None,
        reference: reference.clone(),
    };
    let nowhere = body.lines.iter().map(|line| (ItemNo(0), LocationNo(0), units(line)));
    shape(&command(nowhere.collect()))?;
    let mut places = vec![];
    for line in &body.lines {
        places.push(signed.location(&seen.records, line.location.as_str())?.no);
    }
    let items = numbers(&app, &skus).await?;
    let of_kits = items.iter().any(|no| seen.records.kit(*no).is_some());
    let lines = items.into_iter().zip(places).zip(&body.lines);
    let command = command(lines.map(|((item, place), l)| (item, place, units(l))).collect());
    let accepted = Sending::new(&app, &signed.0, key.as_ref()).send(command).await?;
    let Outcome::Reservation { id, state, expires_at } = accepted.outcome else {
        return Err(Error::internal("a reserve answered something else"));
    };
    let line = |(sku, wanted): (Sku, &WantedLine)| LineBody {
        sku,
        location: wanted.location.clone(),
        quantity: wanted.quantity.units(),
        short: 0,
        kit: None,
    };
    let lines = match of_kits {
        // What was claimed are their parts.
        true => lines_of(&app, &found(&app, &signed, &id.to_string()).await?).await?,
        false => skus.into_iter().zip(&body.lines).map(line).collect(),
    };
    let body = ReservationBody {
        id: id.to_string(),
        state: state.name(),
        expires_at,
        lines,
        reference,
        version: accepted.version.unwrap_or(Version(0)).0,
    };
    Ok((StatusCode::CREATED, Json(body)))
}

/// A reservation that the caller may see.
async fn found(app: &App, signed: &Signed, id: &str) -> Answer<Reservation> {
    let id: ReservationId = id.parse().map_err(|_| Refusal::ReservationUnknown)?;
    let mut tx = app.store.read().await?;
    let found = reservations::by_id(&mut tx, id).await?;
    tx.rollback().await?;
    let found = found.filter(|r| r.transfer.is_none()).ok_or(Refusal::ReservationUnknown)?;
    let seen = app.seen();
    let mine = |line: &ReservationLine| {
        let location = seen.records.location_by_no(line.location);
        location.is_some_and(|l| signed.0.sees(&l.code))
    };
    let of_channel = signed.0.channel.is_none() || signed.0.channel == found.channel;
    let visible = of_channel && (signed.0.sees_all() || found.lines.iter().any(mine));
    if visible { Ok(found) } else { Err(Refusal::ReservationUnknown.into()) }
}

async fn lines_of(app: &App, reservation: &Reservation) -> Answer<Vec<LineBody>> {
    let seen = app.seen();
    let lines = reservation.lines.iter();
    let items: Vec<_> = lines.flat_map(|line| [line.item, line.asked()]).collect();
    let skus = app.items.skus(&app.store, &items).await?;
    let lines = reservation.lines.iter().filter_map(|line| {
        Some(LineBody {
            sku: skus.get(&line.item)?.clone(),
            location: seen.records.location_by_no(line.location)?.code.clone(),
            quantity: line.quantity,
            short: line.short,
            kit: line.kit.and_then(|kit| {
                let sku = skus.get(&kit.item)?.clone();
                Some(KitBody { sku, quantity: kit.quantity })
            }),
        })
    });
    Ok(lines.collect())
}

async fn body(app: &App, reservation: Reservation) -> Answer<Json<ReservationBody>> {
    let lines = lines_of(app, &reservation).await?;
    let held = reservation.state == ReservationState::Held;
    Ok(Json(ReservationBody {
        id: reservation.id.to_string(),
        state: reservation.shown_state(),
        expires_at: reservation.expires_at.filter(|_| held),
        lines,
        version: reservation.version.0,
        reference: reservation.reference,
    }))
}

/// One reservation.
#[utoipa::path(get, path = "/v1/reservations/{id}", tag = "reservations",
    operation_id = "get_reservation",
    params(("id" = String, Path, pattern = "^rsv_[0-9a-f]{32}$")),
    responses((status = 200, body = ReservationBody)))]
async fn get(
    State(app): State<App>,
    signed: Signed,
    Path(id): Path<String>,
) -> Answer<Json<ReservationBody>> {
    signed.need(Action::ReadReservations)?;
    let reservation = found(&app, &signed, &id).await?;
    body(&app, reservation).await
}

async fn step(
    app: &App,
    signed: &Signed,
    id: &str,
    key: Option<&IdempotencyKey>,
    command: impl FnOnce(ReservationId) -> Command,
) -> Answer<Json<ReservationBody>> {
    let reservation = found(app, signed, id).await?;
    let id = reservation.id;
    let seen = app.seen();
    let elsewhere = |line: &ReservationLine| {
        let location = seen.records.location_by_no(line.location);
        !location.is_some_and(|l| signed.0.sees(&l.code))
    };
    if !signed.0.sees_all() && reservation.lines.iter().any(elsewhere) {
        return Err(Error::not_allowed());
    }
    Sending::new(app, &signed.0, key).send(command(id)).await?;
    let reservation = found(app, signed, &id.to_string()).await?;
    body(app, reservation).await
}

/// Makes a hold last.
#[utoipa::path(post, path = "/v1/reservations/{id}/commit", tag = "reservations",
    operation_id = "commit_reservation",
    params(("id" = String, Path, pattern = "^rsv_[0-9a-f]{32}$")),
    responses((status = 200, body = ReservationBody)))]
async fn commit(
    State(app): State<App>,
    signed: Signed,
    Path(id): Path<String>,
    key: Option<IdempotencyKey>,
) -> Answer<Json<ReservationBody>> {
    signed.need(Action::Reserve)?;
    step(&app, &signed, &id, key.as_ref(), |id| Command::Commit { id }).await
}

/// Gives a claim up. An order that a store with an agent was told of is `releasing` until that
/// store has said that it did not hand the goods over; a hand-over before that wins.
#[utoipa::path(post, path = "/v1/reservations/{id}/release", tag = "reservations",
    operation_id = "release_reservation",
    params(("id" = String, Path, pattern = "^rsv_[0-9a-f]{32}$")),
    responses((status = 200, body = ReservationBody)))]
async fn release(
    State(app): State<App>,
    signed: Signed,
    Path(id): Path<String>,
    key: Option<IdempotencyKey>,
) -> Answer<Json<ReservationBody>> {
    signed.need(Action::Reserve)?;
    step(&app, &signed, &id, key.as_ref(), |id| Command::Release { id, shopper: None }).await
}

/// Takes the units from the shelf.
#[utoipa::path(post, path = "/v1/reservations/{id}/pick", tag = "reservations",
    operation_id = "pick_reservation",
    params(("id" = String, Path, pattern = "^rsv_[0-9a-f]{32}$")),
    responses((status = 200, body = ReservationBody)))]
async fn pick(
    State(app): State<App>,
    signed: Signed,
    Path(id): Path<String>,
    key: Option<IdempotencyKey>,
) -> Answer<Json<ReservationBody>> {
    signed.need(Action::Fulfil)?;
    step(&app, &signed, &id, key.as_ref(), |id| Command::Pick { id }).await
}

/// Gives the units to the shopper or carrier.
#[utoipa::path(post, path = "/v1/reservations/{id}/hand-over", tag = "reservations",
    operation_id = "hand_over_reservation",
    params(("id" = String, Path, pattern = "^rsv_[0-9a-f]{32}$")),
    responses((status = 200, body = ReservationBody)))]
async fn hand_over(
    State(app): State<App>,
    signed: Signed,
    Path(id): Path<String>,
    key: Option<IdempotencyKey>,
) -> Answer<Json<ReservationBody>> {
    signed.need(Action::Fulfil)?;
    step(&app, &signed, &id, key.as_ref(), |id| Command::HandOver { id }).await
}
