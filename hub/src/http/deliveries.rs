//! `/v1/channels/{channel}/deliveries` and `/orders`: what a channel was told and how that went,
//! what it ordered and what became of it.
//!
//! It decides nothing: whatever is said again is said by the job.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use oneshelf_connectors::Message;
use oneshelf_domain::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use uuid::Uuid;

use super::channels::{found, may_read};
use super::extract::{Path, Payload, Query};
use super::guard::Signed;
use super::page::{self, Page};
use super::problem::{Answer, Error};
use crate::app::App;
use crate::auth::Action;
use crate::store::channels::deliveries::{self, AttemptRow, DeliveryRow, NewMessage};
use crate::store::channels::orders::{self, OrderRow};

pub(super) fn router() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(list))
        .routes(routes!(redeliver))
        .routes(routes!(retry))
        .routes(routes!(ping))
        .routes(routes!(ordered))
}

/// An attempt of a delivery.
#[derive(Serialize, ToSchema)]
#[schema(as = DeliveryAttempt)]
struct AttemptBody {
    /// When.
    #[schema(value_type = String, format = DateTime)]
    at: Timestamp,
    /// `answered`, `timed_out`, `not_connected`, `not_allowed`, `cut` or `unknown`.
    result: String,
    /// Of HTTP, when somebody answered.
    status: Option<i64>,
    /// Milliseconds.
    took_ms: i64,
}

/// Something that a channel is told.
#[derive(Serialize, ToSchema)]
#[schema(as = Delivery)]
struct DeliveryBody {
    /// The channel sees it as `webhook-id`.
    id: String,
    /// `stock`, `order` or `ping`.
    kind: String,
    /// SKU or order.
    subject: String,
    /// Units, of a figure.
    quantity: Option<i64>,
    /// `waiting`, `sent`, `replaced` by a newer figure, or `failed`.
    state: String,
    /// When.
    #[schema(value_type = String, format = DateTime)]
    made_at: Timestamp,
    /// The next attempt, while it waits.
    #[schema(value_type = Option<String>, format = DateTime)]
    due_at: Option<Timestamp>,
    /// So far, in order.
    attempts: Vec<AttemptBody>,
}

/// A page of deliveries.
#[derive(Serialize, ToSchema)]
#[schema(as = Deliveries)]
struct DeliveriesBody {
    /// The newest first.
    deliveries: Vec<DeliveryBody>,
    /// None at the end.
    next_cursor: Option<String>,
}

fn delivery(row: DeliveryRow, attempts: &[AttemptRow]) -> DeliveryBody {
    let mine = attempts.iter().filter(|attempt| attempt.delivery == row.id);
    let attempt = |a: &AttemptRow| AttemptBody {
        at: Timestamp(a.at),
        result: a.result.clone(),
        status: (a.status > 0).then_some(a.status),
        took_ms: a.took_ms,
    };
    DeliveryBody {
        attempts: mine.map(attempt).collect(),
        quantity: (row.item > 0).then_some(row.total),
        made_at: Timestamp(row.made_at),
        due_at: (row.state == "waiting").then_some(Timestamp(row.due_at)),
        id: row.id,
        kind: row.kind,
        subject: row.subject,
        state: row.state,
    }
}

/// What a channel was told lately, with each attempt. Kept for 30 days.
#[utoipa::path(get, path = "/v1/channels/{channel}/deliveries", tag = "channels",
    operation_id = "list_deliveries",
    params(("channel" = String, Path, pattern = "^[a-z0-9-]{1,32}$"), Page),
    responses((status = 200, body = DeliveriesBody)))]
async fn list(
    State(app): State<App>,
    signed: Signed,
    Path(code): Path<String>,
    Query(asked): Query<Page>,
) -> Answer<Json<DeliveriesBody>> {
    may_read(&signed)?;
    found(&app, &code)?;
    let limit = page::limit(asked.limit)?;
    let before: Option<(i64, String)> = page::after(asked.cursor.as_deref())?;
    let (at, id) = before.unwrap_or((i64::MAX, String::new()));
    let mut tx = app.store.read().await?;
    let rows = deliveries::before(&mut tx, &code, (at, &id), limit).await?;
    let attempts = deliveries::attempts(&mut tx, &rows).await?;
    tx.rollback().await?;
    let last = rows.last().map(|row| (row.made_at, row.id.clone()));
    let next_cursor = page::next(rows.len(), limit, last);
    let deliveries = rows.into_iter().map(|row| delivery(row, &attempts)).collect();
    Ok(Json(DeliveriesBody { deliveries, next_cursor }))
}

/// What is to be said again: one delivery, or all since a time.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = Redelivery)]
struct Redelivery {
    /// Its id.
    #[serde(default)]
    #[schema(max_length = 64)]
    delivery: Option<String>,
    /// All that were made from then on.
    #[serde(default)]
    #[schema(value_type = Option<String>, format = DateTime)]
    since: Option<Timestamp>,
}

/// How much is said again.
#[derive(Serialize, ToSchema)]
#[schema(as = Redelivered)]
struct RedeliveredBody {
    /// Deliveries that wait now. A figure that a newer one replaced is not among them.
    again: u64,
}

/// Says deliveries again, under their ids. The channel tells by the id what it has already.
#[utoipa::path(post, path = "/v1/channels/{channel}/redeliver", tag = "channels",
    operation_id = "redeliver",
    params(("channel" = String, Path, pattern = "^[a-z0-9-]{1,32}$")),
    request_body = Redelivery, responses((status = 200, body = RedeliveredBody)))]
async fn redeliver(
    State(app): State<App>,
    signed: Signed,
    Path(code): Path<String>,
    body: Payload<Redelivery>,
) -> Answer<Json<RedeliveredBody>> {
    signed.need(Action::ChangeChannels)?;
    let wanted = body.read()?;
    found(&app, &code)?;
    let (id, since) = match (wanted.delivery, wanted.since) {
        (Some(id), None) if id.contains('\0') => return Err(Error::not_found()),
        (Some(id), None) if !id.is_empty() => (id, Timestamp(0)),
        (None, Some(since)) => (String::new(), since),
        _ => return Err(Error::invalid("", "either a delivery or since when")),
    };
    let mut tx = app.store.begin_write().await?;
    if !id.is_empty() && deliveries::find(&mut tx, &code, &id).await?.is_none() {
        return Err(Error::not_found());
    }
    let again = deliveries::again(&mut tx, &code, &id, since, app.now()).await?;
    tx.commit().await?;
    app.channels.speak();
    Ok(Json(RedeliveredBody { again }))
}

/// A ping that waits to be sent.
#[derive(Serialize, ToSchema)]
#[schema(as = Pinged)]
struct PingedBody {
    /// Its delivery.
    delivery: String,
}

/// Sends a channel a message that says nothing, to see whether the line works.
#[utoipa::path(post, path = "/v1/channels/{channel}/ping", tag = "channels",
    operation_id = "ping_channel",
    params(("channel" = String, Path, pattern = "^[a-z0-9-]{1,32}$")),
    responses((status = 202, body = PingedBody)))]
async fn ping(
    State(app): State<App>,
    signed: Signed,
    Path(code): Path<String>,
) -> Answer<(StatusCode, Json<PingedBody>)> {
    signed.need(Action::ChangeChannels)?;
    let (_, channel) = found(&app, &code)?;
    if channel.endpoint.is_none() {
        return Err(Error::invalid("/endpoint", "this channel has none"));
    }
    let id = format!("evt_{}", Uuid::now_v7().as_simple());
    let json = serde_json::to_string(&Message::Ping).unwrap_or_default();
    let new = NewMessage { id: &id, kind: "ping", subject: "", message: &json };
    let mut tx = app.store.begin_write().await?;
    deliveries::put(&mut tx, &code, &new, app.now()).await?;
    tx.commit().await?;
    app.channels.speak();
    Ok((StatusCode::ACCEPTED, Json(PingedBody { delivery: id })))
}

/// An order of a channel.
#[derive(Serialize, ToSchema)]
#[schema(as = ChannelOrder)]
struct OrderBody {
    /// The channel's id of it.
    channel_order_id: String,
    /// `placed`, `accepted`, `refused`, `cancelled`, or `failed`: it could not be written down.
    state: String,
    /// The claim on its units.
    reservation: Option<String>,
    /// What is served from where.
    lines: Vec<OrderLineBody>,
    /// Why it was refused or failed, or why it could not be cancelled.
    code: Option<String>,
    /// In words.
    detail: Option<String>,
    /// When the channel sent it.
    #[schema(value_type = String, format = DateTime)]
    placed_at: Timestamp,
    /// When its state changed.
    #[schema(value_type = String, format = DateTime)]
    changed_at: Timestamp,
}

/// A line of an order of a channel.
#[derive(Serialize, ToSchema)]
#[schema(as = ChannelOrderLine)]
struct OrderLineBody {
    /// Which item.
    sku: String,
    /// From where.
    location: String,
    /// Units.
    quantity: i64,
}

/// A page of orders of a channel.
#[derive(Serialize, ToSchema)]
#[schema(as = ChannelOrders)]
struct OrdersBody {
    /// Those that changed last first.
    orders: Vec<OrderBody>,
    /// None at the end.
    next_cursor: Option<String>,
}

fn order(row: OrderRow) -> OrderBody {
    let lines: Vec<Value> = serde_json::from_str(&row.lines).unwrap_or_default();
    let text = |line: &Value, name: &str| line[name].as_str().unwrap_or_default().to_owned();
    let line = |line: Value| OrderLineBody {
        sku: text(&line, "sku"),
        location: text(&line, "location"),
        quantity: line["quantity"].as_i64().unwrap_or_default(),
    };
    let some = |text: String| (!text.is_empty()).then_some(text);
    OrderBody {
        channel_order_id: row.id,
        state: row.state,
        reservation: some(row.reservation),
        lines: lines.into_iter().map(line).collect(),
        code: some(row.code),
        detail: some(row.detail),
        placed_at: Timestamp(row.placed_at),
        changed_at: Timestamp(row.changed_at),
    }
}

/// What a channel ordered, and what became of it.
#[utoipa::path(get, path = "/v1/channels/{channel}/orders", tag = "channels",
    operation_id = "list_channel_orders",
    params(("channel" = String, Path, pattern = "^[a-z0-9-]{1,32}$"), Page),
    responses((status = 200, body = OrdersBody)))]
async fn ordered(
    State(app): State<App>,
    signed: Signed,
    Path(code): Path<String>,
    Query(asked): Query<Page>,
) -> Answer<Json<OrdersBody>> {
    may_read(&signed)?;
    found(&app, &code)?;
    let limit = page::limit(asked.limit)?;
    let before: Option<(i64, String)> = page::after(asked.cursor.as_deref())?;
    let (at, id) = before.unwrap_or((i64::MAX, String::new()));
    let mut tx = app.store.read().await?;
    let rows = orders::before(&mut tx, &code, (at, &id), limit).await?;
    tx.rollback().await?;
    let last = rows.last().map(|row| (row.changed_at, row.id.clone()));
    let next_cursor = page::next(rows.len(), limit, last);
    Ok(Json(OrdersBody { orders: rows.into_iter().map(order).collect(), next_cursor }))
}

/// How much is tried again.
#[derive(Serialize, ToSchema)]
#[schema(as = RetriedOrders)]
struct RetriedBody {
    /// Orders and cancellations.
    again: u64,
}

/// Tries orders and cancellations again that could not be written down.
#[utoipa::path(post, path = "/v1/channels/{channel}/retry-orders", tag = "channels",
    operation_id = "retry_channel_orders",
    params(("channel" = String, Path, pattern = "^[a-z0-9-]{1,32}$")),
    responses((status = 200, body = RetriedBody)))]
async fn retry(
    State(app): State<App>,
    signed: Signed,
    Path(code): Path<String>,
) -> Answer<Json<RetriedBody>> {
    signed.need(Action::ChangeChannels)?;
    found(&app, &code)?;
    let mut tx = app.store.begin_write().await?;
    let again = orders::again(&mut tx, &code).await?;
    tx.commit().await?;
    app.channels.listen();
    Ok(Json(RetriedBody { again }))
}
