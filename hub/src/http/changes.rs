//! `POST /v1/stock/...`: goods in, back, counted, corrected, at locations without an agent.

use axum::Json;
use axum::extract::State;
use oneshelf_domain::stock::{Adjustment, Command, ItemNo, LocationNo, Place, shape};
use oneshelf_domain::{LocationCode, Quantity, Sku};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::extract::{IdempotencyKey, Payload};
use super::guard::Signed;
use super::locations::note;
use super::problem::Answer;
use super::sending::Sending;
use super::stock::numbers;
use crate::app::App;
use crate::auth::Action;

pub(super) fn router() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(receive))
        .routes(routes!(adjust))
        .routes(routes!(count))
        .routes(routes!(take_back))
}

/// An item and how many.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = ItemUnits)]
struct LineBody {
    /// Which item.
    #[schema(value_type = String, pattern = "^[!-~]([ -~]{0,62}[!-~])?$")]
    sku: Sku,
    /// Base units.
    #[schema(value_type = i64, minimum = 1, maximum = 1_000_000_000)]
    quantity: Quantity,
}

/// What a change of stock answers.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Booked)]
struct BookedBody {
    /// The hub's version of the change; none when nothing had to change.
    version: Option<i64>,
}

/// Goods that came in.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = Receipt)]
struct ReceiveBody {
    /// Where.
    #[schema(value_type = String, pattern = "^[A-Z0-9]{1,12}$")]
    location: LocationCode,
    /// What.
    #[schema(min_items = 1, max_items = 200)]
    lines: Vec<LineBody>,
    /// The caller's number.
    #[serde(default)]
    #[schema(max_length = 500)]
    reference: Option<String>,
}

/// A correction by hand.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = Adjustment)]
struct AdjustBody {
    /// Where.
    #[schema(value_type = String, pattern = "^[A-Z0-9]{1,12}$")]
    location: LocationCode,
    /// Which item.
    #[schema(value_type = String, pattern = "^[!-~]([ -~]{0,62}[!-~])?$")]
    sku: Sku,
    /// Why.
    reason: ReasonBody,
    /// Base units. A correction may be below zero: then units go.
    #[schema(minimum = -1_000_000_000, maximum = 1_000_000_000)]
    quantity: i64,
    /// In words.
    #[serde(default)]
    #[schema(max_length = 500)]
    note: Option<String>,
}

/// Why stock is corrected.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = AdjustmentReason)]
enum ReasonBody {
    /// Not for sale any more.
    Damaged,
    /// Gone.
    Lost,
    /// Gone.
    Stolen,
    /// There after all.
    Found,
    /// Given away or used.
    Sample,
    /// Thrown away.
    Expired,
    /// The books were wrong, either way.
    Correction,
    /// Damaged goods thrown away.
    Scrapped,
}

/// The units that a count found.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = Count)]
struct CountBody {
    /// Where.
    #[schema(value_type = String, pattern = "^[A-Z0-9]{1,12}$")]
    location: LocationCode,
    /// Which item.
    #[schema(value_type = String, pattern = "^[!-~]([ -~]{0,62}[!-~])?$")]
    sku: Sku,
    /// Base units on the shelf.
    #[schema(value_type = i64, minimum = 0, maximum = 1_000_000_000)]
    found: Quantity,
}

/// Goods that a shopper brought back.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = ReturnedGoods)]
struct ReturnBody {
    /// Where.
    #[schema(value_type = String, pattern = "^[A-Z0-9]{1,12}$")]
    location: LocationCode,
    /// Which item.
    #[schema(value_type = String, pattern = "^[!-~]([ -~]{0,62}[!-~])?$")]
    sku: Sku,
    /// Base units.
    #[schema(value_type = i64, minimum = 1, maximum = 1_000_000_000)]
    quantity: Quantity,
    /// `available` or `quality_control`.
    #[serde(default)]
    to: ReturnTo,
}

/// Where returned goods go.
#[derive(Debug, Clone, Copy, Default, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = ReturnTo)]
enum ReturnTo {
    /// For sale.
    #[default]
    Available,
    /// To be looked at first.
    QualityControl,
}

/// A command with the numbers of what it names. The order of refusals is the rules' own: what is
/// wrong whatever the state, then the location, then the items.
async fn named(
    app: &App,
    signed: &Signed,
    location: &LocationCode,
    skus: &[Sku],
    command: impl Fn(LocationNo, &[ItemNo]) -> Command,
) -> Answer<Command> {
    shape(&command(LocationNo(0), &vec![ItemNo(0); skus.len()]))?;
    let location = signed.location(&app.seen().records, location.as_str())?.no;
    let items = numbers(app, skus).await?;
    Ok(command(location, &items))
}

async fn booked(
    app: &App,
    signed: &Signed,
    key: Option<&IdempotencyKey>,
    command: Command,
) -> Answer<Json<BookedBody>> {
    let accepted = Sending::new(app, &signed.0, key).send(command).await?;
    Ok(Json(BookedBody { version: accepted.version.map(|v| v.0) }))
}

/// Goods came in.
#[utoipa::path(post, path = "/v1/stock/receive", tag = "stock", operation_id = "receive_stock",
    request_body = ReceiveBody, responses((status = 200, body = BookedBody)))]
async fn receive(
    State(app): State<App>,
    signed: Signed,
    key: Option<IdempotencyKey>,
    body: Payload<ReceiveBody>,
) -> Answer<Json<BookedBody>> {
    signed.need(Action::Receive)?;
    let body = body.read()?;
    let reference = note("/reference", body.reference)?;
    let skus: Vec<Sku> = body.lines.iter().map(|line| line.sku.clone()).collect();
    let named = named(&app, &signed, &body.location, &skus, |location, items| {
        let units = body.lines.iter().map(|line| line.quantity.units());
        let lines = items.iter().copied().zip(units).collect();
        Command::Receive { location, lines, reference: reference.clone() }
    });
    booked(&app, &signed, key.as_ref(), named.await?).await
}

/// Corrects stock by hand; beyond 50 units a manager must do it.
#[utoipa::path(post, path = "/v1/stock/adjust", tag = "stock", operation_id = "adjust_stock",
    request_body = AdjustBody, responses((status = 200, body = BookedBody)))]
async fn adjust(
    State(app): State<App>,
    signed: Signed,
    key: Option<IdempotencyKey>,
    body: Payload<AdjustBody>,
) -> Answer<Json<BookedBody>> {
    signed.need(Action::Adjust)?;
    let body = body.read()?;
    let why = match body.reason {
        ReasonBody::Damaged => Adjustment::Damaged,
        ReasonBody::Lost => Adjustment::Lost,
        ReasonBody::Stolen => Adjustment::Stolen,
        ReasonBody::Found => Adjustment::Found,
        ReasonBody::Sample => Adjustment::Sample,
        ReasonBody::Expired => Adjustment::Expired,
        ReasonBody::Correction if body.quantity < 0 => Adjustment::CorrectionDown,
        ReasonBody::Correction => Adjustment::CorrectionUp,
        ReasonBody::Scrapped => Adjustment::Scrapped,
    };
    let quantity = match body.reason {
        ReasonBody::Correction => body.quantity.saturating_abs(),
        _ => body.quantity,
    };
    let approved = signed.0.may(Action::Approve);
    let note = note("/note", body.note)?;
    let named =
        named(&app, &signed, &body.location, std::slice::from_ref(&body.sku), |location, items| {
            let (item, note) = (items[0], note.clone());
            Command::Adjust { location, item, quantity, why, approved, note }
        });
    booked(&app, &signed, key.as_ref(), named.await?).await
}

/// Books a count of the shelf; a difference beyond 50 units a manager must book.
#[utoipa::path(post, path = "/v1/stock/count", tag = "stock", operation_id = "count_stock",
    request_body = CountBody, responses((status = 200, body = BookedBody)))]
async fn count(
    State(app): State<App>,
    signed: Signed,
    key: Option<IdempotencyKey>,
    body: Payload<CountBody>,
) -> Answer<Json<BookedBody>> {
    signed.need(Action::Count)?;
    let body = body.read()?;
    let (approved, found) = (signed.0.may(Action::Approve), body.found.units());
    let named =
        named(&app, &signed, &body.location, std::slice::from_ref(&body.sku), |location, items| {
            Command::Count { location, item: items[0], found, approved }
        });
    booked(&app, &signed, key.as_ref(), named.await?).await
}

/// A shopper brought goods back.
#[utoipa::path(post, path = "/v1/stock/return", tag = "stock", operation_id = "return_stock",
    request_body = ReturnBody, responses((status = 200, body = BookedBody)))]
async fn take_back(
    State(app): State<App>,
    signed: Signed,
    key: Option<IdempotencyKey>,
    body: Payload<ReturnBody>,
) -> Answer<Json<BookedBody>> {
    signed.need(Action::TakeBack)?;
    let body = body.read()?;
    let to = match body.to {
        ReturnTo::Available => Place::Available,
        ReturnTo::QualityControl => Place::QualityControl,
    };
    let quantity = body.quantity.units();
    let named =
        named(&app, &signed, &body.location, std::slice::from_ref(&body.sku), |location, items| {
            Command::ReturnGoods { location, item: items[0], quantity, to }
        });
    booked(&app, &signed, key.as_ref(), named.await?).await
}
