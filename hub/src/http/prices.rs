//! `/v1/items/{sku}/prices`: prices of an item that begin at a moment.

use axum::Json;
use axum::extract::State;
use axum::http::header;
use axum::response::{IntoResponse, Response};
use oneshelf_domain::item::Item;
use oneshelf_domain::stock::Command;
use oneshelf_domain::{DatedPrice, Money, PriceFrom, Sku};
use oneshelf_protocol::amount;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::extract::{IdempotencyKey, Path, Payload};
use super::guard::Signed;
use super::items::one;
use super::problem::{Answer, Error};
use super::schema::MoneySchema;
use super::sending::{Preconditions, Sending, etag};
use crate::app::App;
use crate::auth::Action;

pub(super) fn router() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(get, put))
}

/// A price and when it begins. It is in force until the next one begins.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = DatedPrice)]
struct DatedPriceBody {
    /// A day (`2026-12-01`: from 00:00 of each location's own zone) or an instant
    /// (`2026-12-01T06:00:00Z`).
    #[schema(value_type = String,
        pattern = "^[0-9]{4}-[0-9]{2}-[0-9]{2}(T[0-9:.]+(Z|[+-][0-9]{2}:[0-9]{2}))?$")]
    from: PriceFrom,
    /// Of a piece, a kilogram or a litre, tax included, in the shop's currency.
    #[serde(deserialize_with = "amount::asked")]
    #[schema(value_type = MoneySchema)]
    price: Money,
}

/// An item's prices.
#[derive(Serialize, ToSchema)]
#[schema(as = Prices)]
struct PricesBody {
    /// Which item.
    #[schema(value_type = String)]
    sku: Sku,
    /// The item's own price, in force while no dated one has begun.
    #[schema(value_type = Option<MoneySchema>)]
    price: Option<Money>,
    /// Prices that take its place, in the order of their moments.
    prices: Vec<DatedPriceBody>,
    /// Of the item's last change; also the ETag.
    version: i64,
}

impl From<Item> for PricesBody {
    fn from(item: Item) -> Self {
        let dated = |p: DatedPrice| DatedPriceBody { from: p.from, price: p.price };
        Self {
            sku: item.sku,
            price: item.details.price,
            prices: item.prices.into_iter().map(dated).collect(),
            version: item.version.0,
        }
    }
}

/// The prices that an item gets.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = NewPrices)]
struct NewPricesBody {
    /// All of them: what is left out does not come.
    #[schema(max_items = 100)]
    prices: Vec<DatedPriceBody>,
}

/// Prices of an item that begin at a moment, and its own.
#[utoipa::path(get, path = "/v1/items/{sku}/prices", tag = "items", operation_id = "get_prices",
    params(("sku" = String, Path, pattern = "^[!-~]([ -~]{0,62}[!-~])?$")),
    responses((status = 200, body = PricesBody, headers(("ETag" = String))), (status = 304)))]
async fn get(
    State(app): State<App>,
    signed: Signed,
    Path(sku): Path<String>,
    known: Preconditions,
) -> Answer<Response> {
    signed.need(Action::ReadItems)?;
    let item = one(&app, &sku).await?;
    Ok(known.answer(item.version, PricesBody::from(item)))
}

/// Puts a list in the place of an item's dated prices. Registers change price at the moment by
/// themselves, also with the line down.
#[utoipa::path(put, path = "/v1/items/{sku}/prices", tag = "items", operation_id = "put_prices",
    params(("sku" = String, Path, pattern = "^[!-~]([ -~]{0,62}[!-~])?$")),
    request_body = NewPricesBody,
    responses((status = 200, body = PricesBody, headers(("ETag" = String)))))]
async fn put(
    State(app): State<App>,
    signed: Signed,
    Path(sku): Path<String>,
    known: Preconditions,
    key: Option<IdempotencyKey>,
    body: Payload<NewPricesBody>,
) -> Answer<Response> {
    signed.need(Action::ChangeItems)?;
    let sku = Sku::new(&sku).map_err(|e| Error::invalid("/sku", &e.to_string()))?;
    let dated = |p: DatedPriceBody| DatedPrice { from: p.from, price: p.price };
    let prices = body.read()?.prices.into_iter().map(dated).collect();
    let command = known.on(Command::PutPrices { sku: sku.clone(), prices });
    Sending::new(&app, &signed.0, key.as_ref()).send(command).await?;
    let item = one(&app, sku.as_str()).await?;
    let tag = [(header::ETAG, etag(item.version))];
    Ok((tag, Json(PricesBody::from(item))).into_response())
}
