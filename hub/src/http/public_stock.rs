//! What a shop's page reads of stock: figures for pollers, with an ETag, and JSON-LD.
//!
//! Invariant: figures pass through the key's display policy; what is not shown changes no ETag.

use axum::Json;
use axum::extract::State;
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use oneshelf_domain::Refusal;
use oneshelf_domain::record::Scope;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::extract::{Path, Query};
use super::problem::{Answer, Error};
use super::public::Public;
use super::schema::ShownItemSchema;
use super::stock::skus;
use super::{items, json_ld};
use crate::app::App;
use crate::shown::ShownItem;

/// Who reads figures with a key of a page.
const SCOPES: [Scope; 2] = [Scope::StockRead, Scope::Live];
/// Times of the same silence differ by rounding; those of another one by far more.
const TIME_MICROS: i64 = 10_000_000;

pub(super) fn router() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(stock)).routes(routes!(linked))
}

#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct Asked {
    /// Which items, 1 to 100; the parameter repeats.
    #[serde(default)]
    #[param(min_items = 1, max_items = 100, style = Form, explode)]
    sku: Vec<String>,
}

/// Public figures of one moment.
#[derive(Serialize, ToSchema)]
#[schema(as = PublicStock)]
struct PublicStock {
    /// The hub's version that these figures are true at.
    version: i64,
    /// Items that are not there are left out.
    #[schema(value_type = Vec<ShownItemSchema>)]
    items: Vec<ShownItem>,
}

/// Live figures, as the channel's display policy shows them.
///
/// Whoever asks again and again sends the answer's `ETag` back as `If-None-Match`, and gets 304
/// while a person would see the same; then it is true now, whatever time stands in the old answer.
/// The tag is a weak one, since `version` and `as_of` move on without it.
#[utoipa::path(get, path = "/v1/public/stock", tag = "public",
    operation_id = "list_public_stock", security(("publishable" = [])), params(Asked),
    responses((status = 200, body = PublicStock), (status = 304)))]
async fn stock(
    State(app): State<App>,
    public: Public,
    Query(asked): Query<Asked>,
    headers: HeaderMap,
) -> Answer<Response> {
    public.need(&SCOPES)?;
    let found = app.items.of(&app.store, &skus(&asked.sku)?).await?;
    let numbers: Vec<_> = found.into_iter().flatten().collect();
    let (version, items) = app.board.source().items(&public.audience(), &numbers).await?;
    let tag = tag(&items);
    let same = knows(&headers, &tag);
    let tag = HeaderValue::try_from(tag).map_err(|_| Error::internal("an ETag is ASCII"))?;
    let body = Json(PublicStock { version, items });
    Ok(polled(tag, (!same).then_some(body)))
}

/// One item with its availability, as JSON-LD for a product's page.
///
/// schema.org's `Product` with an `Offer`: price, `InStock`, `LimitedAvailability` (the last three,
/// or what the display policy calls low) or `OutOfStock`, and the stores that have it. The text may
/// stand in `<script type="application/ld+json">` as it is, whatever the item's name says.
#[utoipa::path(get, path = "/v1/public/items/{sku}/json-ld", tag = "public",
    operation_id = "get_public_item_json_ld", security(("publishable" = [])),
    params(("sku" = String, Path, pattern = "^[!-~]([ -~]{0,62}[!-~])?$")),
    responses((status = 200, content_type = "application/ld+json", body = serde_json::Value),
        (status = 304)))]
async fn linked(
    State(app): State<App>,
    public: Public,
    Path(sku): Path<String>,
    headers: HeaderMap,
) -> Answer<Response> {
    public.need(&SCOPES)?;
    let item = items::one(&app, &sku).await?;
    let unknown = || Error::from(Refusal::ItemUnknown { sku: item.sku.to_string() });
    let price = items::price_now(&app, &item).filter(|_| items::is_sold(&app, &item));
    let price = price.ok_or_else(unknown)?;
    let (_, shown) = app.board.source().items(&public.audience(), &[item.no]).await?;
    let text = json_ld::text(&item, price, shown.first().ok_or_else(unknown)?);
    let tag = format!("\"{}\"", hex::encode(&Sha256::digest(&text)[..16]));
    let same = knows(&headers, &tag);
    let tag = HeaderValue::try_from(tag).map_err(|_| Error::internal("an ETag is ASCII"))?;
    let body = ([(header::CONTENT_TYPE, "application/ld+json")], text);
    Ok(polled(tag, (!same).then_some(body)))
}

/// An answer to keep and to ask about each time; no body: what the reader has is still so.
fn polled(tag: HeaderValue, body: Option<impl IntoResponse>) -> Response {
    let mut response = match body {
        Some(body) => body.into_response(),
        None => StatusCode::NOT_MODIFIED.into_response(),
    };
    let headers = response.headers_mut();
    headers.insert(header::ETAG, tag);
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("private, no-cache"));
    // Each key is shown what its policy says.
    let key = HeaderValue::from(HeaderName::from_static("x-oneshelf-key"));
    headers.append(header::VARY, key);
    response
}

/// Of what a person sees: times only where a store is silent.
fn tag(items: &[ShownItem]) -> String {
    let mut hash = Sha256::new();
    for item in items {
        // Plain data: serde cannot fail on it.
        hash.update(serde_json::to_vec(&(&item.sku, item.total)).unwrap_or_default());
        for at in &item.locations {
            let seconds = (at.as_of.0 + TIME_MICROS / 2) / TIME_MICROS;
            let time = (at.state != "fresh").then_some(seconds);
            let seen = (&at.location, &at.name, at.kind, at.shown, at.state, time);
            hash.update(serde_json::to_vec(&seen).unwrap_or_default());
        }
    }
    format!("W/\"{}\"", hex::encode(&hash.finalize()[..16]))
}

/// Whether the reader has what this tag names; weak and strong tags compare alike here (RFC 9110).
fn knows(headers: &HeaderMap, tag: &str) -> bool {
    let bare = |tag: &str| tag.trim().trim_start_matches("W/").to_owned();
    let lists = headers.get_all(header::IF_NONE_MATCH).into_iter().filter_map(|v| v.to_str().ok());
    lists.flat_map(|list| list.split(',')).any(|one| one.trim() == "*" || bare(one) == bare(tag))
}
