//! `/v1/items`: the catalogue.

use axum::Json;
use axum::extract::State;
use axum::http::header;
use axum::response::{IntoResponse, Response};
use oneshelf_domain::item::{Component, Item, ItemDetails, ItemState, Unit};
use oneshelf_domain::record::Records;
use oneshelf_domain::stock::Command;
use oneshelf_domain::{Barcode, Money, Refusal, Sku};
use oneshelf_protocol::amount;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::extract::{IdempotencyKey, Path, Payload, Query};
use super::guard::Signed;
use super::page;
use super::problem::{Answer, Error};
use super::schema::{InUseSchema, MoneySchema, UnitSchema};
use super::sending::{Preconditions, Sending, etag};
use crate::app::App;
use crate::auth::Action;
use crate::catalogue;
use crate::store::read::items;

pub(super) fn router() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(list)).routes(routes!(get, put)).routes(routes!(retire))
}

/// A part of a kit.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = Component)]
struct ComponentBody {
    /// Which item.
    #[schema(value_type = String, pattern = "^[!-~]([ -~]{0,62}[!-~])?$")]
    sku: Sku,
    /// Base units in one kit.
    #[schema(minimum = 1, maximum = 100_000)]
    quantity: i64,
}

impl From<Component> for ComponentBody {
    fn from(Component { sku, quantity }: Component) -> Self {
        Self { sku, quantity }
    }
}

impl From<ComponentBody> for Component {
    fn from(ComponentBody { sku, quantity }: ComponentBody) -> Self {
        Self { sku, quantity }
    }
}

/// An item.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Item)]
pub(super) struct ItemBody {
    /// The retailer's number.
    #[schema(value_type = String)]
    sku: Sku,
    /// As on the receipt.
    name: String,
    /// All codes that scan as this item.
    #[schema(value_type = Vec<String>)]
    barcodes: Vec<Barcode>,
    /// What a quantity counts.
    #[schema(value_type = UnitSchema)]
    unit: Unit,
    /// Of a piece, or of a kilogram or a litre where the unit is `gram` or `millilitre`; tax
    /// included. None: not sold at a register.
    #[schema(value_type = Option<MoneySchema>)]
    price: Option<Money>,
    /// The price in force at this moment, by the office's clock: the own one, or the dated one
    /// that began last.
    #[schema(value_type = Option<MoneySchema>)]
    price_now: Option<Money>,
    /// Tax class.
    tax: String,
    /// Maker.
    brand: Option<String>,
    /// Category path, `/` between levels.
    category: Option<String>,
    /// Link of a picture.
    image: Option<String>,
    /// Option values, as shown under the name.
    options: Option<String>,
    /// Sold or not.
    #[schema(value_type = InUseSchema)]
    state: ItemState,
    /// What one of it is made of; empty: it is no kit.
    components: Vec<ComponentBody>,
    /// Of the last change; also the ETag.
    version: i64,
}

impl ItemBody {
    fn of(app: &App, item: Item) -> Self {
        let price_now = price_now(app, &item);
        let details = item.details;
        Self {
            price_now,
            sku: item.sku,
            name: details.name,
            barcodes: details.barcodes,
            unit: details.unit,
            price: details.price,
            tax: details.tax,
            brand: details.brand,
            category: details.category,
            image: details.image,
            options: details.options,
            state: details.state,
            components: details.components.into_iter().map(ComponentBody::from).collect(),
            version: item.version.0,
        }
    }
}

/// What a unit costs at this moment, by the office's clock.
pub(super) fn price_now(app: &App, item: &Item) -> Option<Money> {
    item.price_at(app.now(), app.seen().records.zone_of(None))
}

/// What one says of an item when making or changing it.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = ItemDetails)]
struct DetailsBody {
    /// As in the path, when it is said at all.
    #[serde(default)]
    sku: Option<String>,
    /// 1 to 200 characters; control characters and marks that reorder text are taken out.
    #[schema(min_length = 1, max_length = 200)]
    name: String,
    /// All codes that scan as this item.
    #[serde(default)]
    #[schema(value_type = Vec<String>, max_items = 20)]
    barcodes: Vec<Barcode>,
    /// What a quantity counts.
    #[serde(default)]
    #[schema(value_type = UnitSchema)]
    unit: Unit,
    /// Of a piece, or of a kilogram or a litre where the unit is `gram` or `millilitre`; tax
    /// included, in the shop's currency.
    #[serde(default, deserialize_with = "amount::asked_if_any")]
    #[schema(value_type = Option<MoneySchema>)]
    price: Option<Money>,
    /// One of the shop's tax classes; its default when absent.
    #[serde(default)]
    tax: Option<String>,
    /// Maker.
    #[serde(default)]
    brand: Option<String>,
    /// Category path, `/` between levels.
    #[serde(default)]
    category: Option<String>,
    /// An https link of a picture.
    #[serde(default)]
    #[schema(pattern = "^https://", max_length = 2000)]
    image: Option<String>,
    /// Option values, as shown under the name.
    #[serde(default)]
    options: Option<String>,
    /// Sold or not.
    #[serde(default)]
    #[schema(value_type = InUseSchema)]
    state: ItemState,
    /// Makes it a kit: one of it is made of these, and it has no stock of its own. Items that are
    /// no kits themselves; a new item, or one without stock.
    #[serde(default)]
    #[schema(max_items = 20)]
    components: Vec<ComponentBody>,
    /// Read back with the item; it is not looked at.
    #[serde(default)]
    #[expect(dead_code, reason = "an item that was read may be sent back as it is")]
    version: Option<i64>,
    /// Read back with the item; it is not looked at.
    #[serde(default)]
    #[expect(dead_code, reason = "an item that was read may be sent back as it is")]
    price_now: Option<serde_json::Value>,
}

impl DetailsBody {
    fn checked(self, sku: &Sku, records: &Records) -> Answer<ItemDetails> {
        if self.sku.is_some_and(|said| said != sku.as_str()) {
            return Err(Error::invalid("/sku", "the SKU of the path"));
        }
        super::shop::words("/name", &self.name)?;
        let details = ItemDetails {
            name: self.name,
            barcodes: self.barcodes,
            unit: self.unit,
            price: self.price,
            tax: self.tax.unwrap_or_default(),
            brand: self.brand,
            category: self.category,
            image: self.image,
            options: self.options,
            state: self.state,
            components: self.components.into_iter().map(Component::from).collect(),
        };
        catalogue::fit(details, records).map_err(Error::from)
    }
}

#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct Wanted {
    /// Every word must appear in name, SKU, options, brand, category or barcodes.
    #[param(max_length = 200)]
    pub(super) search: Option<String>,
    /// The item that this barcode scans as.
    #[param(max_length = 80)]
    pub(super) barcode: Option<String>,
    /// Rows of the page.
    #[serde(default, deserialize_with = "page::given")]
    #[param(minimum = 1, maximum = 500, default = 50)]
    pub(super) limit: Option<i64>,
    /// `next_cursor` of the page before.
    pub(super) cursor: Option<String>,
}

/// A page of items.
#[derive(Serialize, ToSchema)]
#[schema(as = Items)]
struct ItemsBody {
    /// In the order of their SKUs.
    items: Vec<ItemBody>,
    /// None at the end.
    next_cursor: Option<String>,
}

/// The catalogue, or what is found in it.
#[utoipa::path(get, path = "/v1/items", tag = "items", operation_id = "list_items",
    params(Wanted), responses((status = 200, body = ItemsBody)))]
async fn list(
    State(app): State<App>,
    signed: Signed,
    Query(wanted): Query<Wanted>,
) -> Answer<Json<ItemsBody>> {
    signed.need(Action::ReadItems)?;
    let (found, next_cursor) = find(&app, &wanted, false).await?;
    let items = found.into_iter().map(|item| ItemBody::of(&app, item)).collect();
    Ok(Json(ItemsBody { items, next_cursor }))
}

/// A page of items, for staff and for the public.
pub(super) async fn find(
    app: &App,
    wanted: &Wanted,
    for_sale: bool,
) -> Answer<(Vec<Item>, Option<String>)> {
    let limit = page::limit(wanted.limit)?;
    let after: String = page::after(wanted.cursor.as_deref())?.unwrap_or_default();
    let text = wanted.search.as_deref().unwrap_or_default();
    if text.chars().count() > 200 {
        return Err(Error::invalid("search", "at most 200 characters"));
    }
    let mut tx = app.store.read().await?;
    if let Some(code) = &wanted.barcode {
        let code = Barcode::new(code).map_err(|e| Error::invalid("barcode", &e.to_string()))?;
        let found = items::by_barcode(&mut tx, &code).await?;
        let shown = found.filter(|i| !for_sale || is_sold(app, i));
        return Ok((shown.into_iter().collect(), None));
    }
    let search = items::Search { text, for_sale, after: &after, limit };
    let mut found = items::search(&mut tx, &search).await?;
    let next = page::next(found.len(), limit, found.last().map(|i| i.sku.as_str()));
    // What has its first price still to come.
    found.retain(|i| !for_sale || is_sold(app, i));
    Ok((found, next))
}

/// What a shop may offer.
pub(super) fn is_sold(app: &App, item: &Item) -> bool {
    item.details.state == ItemState::Active && price_now(app, item).is_some()
}

/// One item as it is now.
pub(super) async fn one(app: &App, sku: &str) -> Answer<Item> {
    let unknown = || Refusal::ItemUnknown { sku: oneshelf_domain::code::plain_text(sku, 64) };
    let sku = Sku::new(sku).map_err(|_| unknown())?;
    let mut tx = app.store.read().await?;
    let found = items::by_sku(&mut tx, std::slice::from_ref(&sku)).await?;
    Ok(found.into_iter().next().ok_or_else(unknown)?)
}

/// One item.
#[utoipa::path(get, path = "/v1/items/{sku}", tag = "items", operation_id = "get_item",
    params(("sku" = String, Path, pattern = "^[!-~]([ -~]{0,62}[!-~])?$")),
    responses((status = 200, body = ItemBody, headers(("ETag" = String))), (status = 304)))]
async fn get(
    State(app): State<App>,
    signed: Signed,
    Path(sku): Path<String>,
    known: Preconditions,
) -> Answer<Response> {
    signed.need(Action::ReadItems)?;
    let item = one(&app, &sku).await?;
    if item.prices.is_empty() {
        return Ok(known.answer(item.version, ItemBody::of(&app, item)));
    }
    // Its price in force changes without a version: whoever has this version may have another.
    Ok(Preconditions::default().answer(item.version, ItemBody::of(&app, item)))
}

/// Makes or changes an item; what is left out is empty afterwards.
#[utoipa::path(put, path = "/v1/items/{sku}", tag = "items", operation_id = "put_item",
    params(("sku" = String, Path, pattern = "^[!-~]([ -~]{0,62}[!-~])?$")),
    request_body = DetailsBody,
    responses((status = 200, body = ItemBody, headers(("ETag" = String)))))]
async fn put(
    State(app): State<App>,
    signed: Signed,
    Path(sku): Path<String>,
    known: Preconditions,
    key: Option<IdempotencyKey>,
    body: Payload<DetailsBody>,
) -> Answer<Response> {
    signed.need(Action::ChangeItems)?;
    let sku = Sku::new(&sku).map_err(|e| Error::invalid("/sku", &e.to_string()))?;
    let details = body.read()?.checked(&sku, &app.seen().records)?;
    let command = Command::PutItem { sku: sku.clone(), details };
    change(&app, &signed, key.as_ref(), &known, &sku, command).await
}

/// Takes an item off sale; its history stays.
#[utoipa::path(post, path = "/v1/items/{sku}/retire", tag = "items",
    operation_id = "retire_item",
    params(("sku" = String, Path, pattern = "^[!-~]([ -~]{0,62}[!-~])?$")),
    responses((status = 200, body = ItemBody, headers(("ETag" = String)))))]
async fn retire(
    State(app): State<App>,
    signed: Signed,
    Path(sku): Path<String>,
    known: Preconditions,
    key: Option<IdempotencyKey>,
) -> Answer<Response> {
    signed.need(Action::ChangeItems)?;
    let sku = one(&app, &sku).await?.sku;
    let command = Command::RetireItem { sku: sku.clone() };
    change(&app, &signed, key.as_ref(), &known, &sku, command).await
}

async fn change(
    app: &App,
    signed: &Signed,
    key: Option<&IdempotencyKey>,
    known: &Preconditions,
    sku: &Sku,
    command: Command,
) -> Answer<Response> {
    let accepted = Sending::new(app, &signed.0, key).send(known.on(command)).await?;
    let item = one(app, sku.as_str()).await?;
    let is_kit = !item.details.components.is_empty();
    if let Some(version) = accepted.version
        && (is_kit || app.seen().records.kit(item.no).is_some())
    {
        // The next request sees the figure of what it is made of now.
        app.follow.reached(version).await;
    }
    let tag = [(header::ETAG, etag(item.version))];
    Ok((tag, Json(ItemBody::of(app, item))).into_response())
}
