//! The ticket and the items that go onto it.

use axum::Json;
use axum::extract::{Path, State};
use axum::http::HeaderMap;
use oneshelf_domain::{LineId, Sku};
use serde::Deserialize;
use serde_json::{Value, json};

use super::App;
use super::body::{Body, Listed, Person, Who};
use crate::register::{Added, Answer, ItemHere, PayRequest, Refused, ScanRequest, TicketView};

pub(super) async fn ticket(State(app): State<App>, Who(who): Who) -> Answer<Json<TicketView>> {
    Ok(Json(app.front.ticket(&who).await?))
}

pub(super) async fn scan(
    State(app): State<App>,
    Who(who): Who,
    Body(asked): Body<ScanRequest>,
) -> Answer<Json<Added>> {
    Ok(Json(app.front.scan(&who, &asked).await?))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Add {
    sku: Sku,
    quantity: i64,
}

pub(super) async fn add(
    State(app): State<App>,
    Who(who): Who,
    Body(asked): Body<Add>,
) -> Answer<Json<Added>> {
    Ok(Json(app.front.add_item(&who, &asked.sku, asked.quantity).await?))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Weigh {
    sku: Sku,
}

pub(super) async fn weigh(
    State(app): State<App>,
    Who(who): Who,
    Body(asked): Body<Weigh>,
) -> Answer<Json<Added>> {
    Ok(Json(app.front.weigh_item(&who, &asked.sku).await?))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct SetQuantity {
    quantity: i64,
}

fn line_id(text: &str) -> Answer<LineId> {
    let unknown = || Refused::new(404, "line_unknown", "This line is not on the ticket any more.");
    text.parse().map_err(|_| unknown())
}

pub(super) async fn set_quantity(
    State(app): State<App>,
    Who(who): Who,
    Path(line): Path<String>,
    Body(asked): Body<SetQuantity>,
) -> Answer<Json<Value>> {
    let ticket = app.front.set_quantity(&who, line_id(&line)?, asked.quantity).await?;
    Ok(Json(json!({"ticket": ticket})))
}

pub(super) async fn void_line(
    State(app): State<App>,
    Who(who): Who,
    Path(line): Path<String>,
) -> Answer<Json<Value>> {
    let ticket = app.front.void_line(&who, line_id(&line)?).await?;
    Ok(Json(json!({"ticket": ticket})))
}

pub(super) async fn void(State(app): State<App>, Who(who): Who) -> Answer<Json<Value>> {
    Ok(Json(json!({"ticket": app.front.void_ticket(&who).await?})))
}

pub(super) async fn pay(
    State(app): State<App>,
    Who(who): Who,
    headers: HeaderMap,
    Body(asked): Body<PayRequest>,
) -> Answer<Json<Value>> {
    let unreadable = |_| Refused::invalid("/Idempotency-Key", "1 to 255 characters of ASCII");
    let key = headers.get("idempotency-key").map(|v| v.to_str().map(str::to_owned));
    let key = key.transpose().map_err(unreadable)?;
    Ok(Json(json!({"sale": app.front.pay(&who, key, asked).await?})))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Paid {
    key: String,
}

/// Asks what became of a payment. No GET: a key that made no sale is refused afterwards.
pub(super) async fn paid(
    State(app): State<App>,
    Who(who): Who,
    Body(asked): Body<Paid>,
) -> Answer<Json<Value>> {
    Ok(Json(json!({"sale": app.front.paid(&who, &asked.key).await?})))
}

pub(super) async fn search(
    State(app): State<App>,
    _: Person,
    asked: Listed,
) -> Answer<Json<Value>> {
    Ok(Json(json!({"items": app.front.search(&asked.search, asked.limit).await?})))
}

pub(super) async fn item(
    State(app): State<App>,
    Who(_): Who,
    Path(sku): Path<String>,
) -> Answer<Json<ItemHere>> {
    let sku = Sku::new(&sku).map_err(|_| Refused::item_unknown(true))?;
    Ok(Json(app.front.item_here(&sku).await?))
}
