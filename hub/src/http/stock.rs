//! `/v1/stock` as it is: one item, many, by location.

use std::collections::{BTreeMap, BTreeSet};

use axum::Json;
use axum::extract::State;
use oneshelf_domain::promise::{Lines, promise, promise_of};
use oneshelf_domain::record::Records;
use oneshelf_domain::stock::{ItemNo, LocationNo, Place, Stock, StockKey};
use oneshelf_domain::{LocationCode, Refusal, Sku, code};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::extract::{Path, Query};
use super::guard::Signed;
use super::page::{self, Page};
use super::problem::{Answer, Error};
use crate::app::App;
use crate::auth::Action;
use crate::store;
use crate::store::read::figures::with_parts;
use crate::store::read::{stock, transfers};

/// SKUs of one question.
const SKUS_MAX: usize = 100;

pub(super) fn router() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(many)).routes(routes!(one)).routes(routes!(at_location))
}

/// All figures of one item at one location.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = StockAt)]
pub(super) struct StockAt {
    /// Where.
    #[schema(value_type = String)]
    location: LocationCode,
    /// The sum of the buckets.
    on_hand: i64,
    /// Promised by the hub without asking the store.
    available: i64,
    /// Sold by the store's registers without asking the hub.
    store_share: i64,
    /// Claimed by open reservations.
    reserved: i64,
    /// Taken from the shelf for a reservation.
    picked: i64,
    /// Waiting for inspection.
    quality_control: i64,
    /// Not for sale.
    damaged: i64,
    /// What a silent or copied agent may still hold; never promised.
    in_doubt: i64,
    /// Sold, though no bucket explains it: below zero until units arrive.
    discrepancy: i64,
    /// Expected there by transfers; not on hand. Not told of the past.
    #[serde(skip_serializing_if = "Option::is_none")]
    incoming: Option<i64>,
    /// What may be offered of it, before a channel's buffer.
    promise: i64,
    /// Of the last change.
    version: i64,
}

impl StockAt {
    pub(super) fn of(
        records: &Records,
        lines: &Lines,
        location: LocationCode,
        key: StockKey,
        row: &Stock,
    ) -> Self {
        let promise = promise(records, lines, key, row);
        Self::promised(promise, location, row)
    }

    pub(super) fn promised(promise: i64, location: LocationCode, row: &Stock) -> Self {
        Self {
            location,
            on_hand: row.on_hand(),
            available: row.at(Place::Available),
            store_share: row.at(Place::StoreShare),
            reserved: row.at(Place::Reserved),
            picked: row.at(Place::Picked),
            quality_control: row.at(Place::QualityControl),
            damaged: row.at(Place::Damaged),
            in_doubt: row.at(Place::InDoubt),
            discrepancy: row.at(Place::Discrepancy),
            incoming: None,
            promise,
            version: row.version.0,
        }
    }
}

/// What a location where the caller does not work may promise.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = StockElsewhere)]
struct Elsewhere {
    /// Where.
    #[schema(value_type = String)]
    location: LocationCode,
    /// What may be offered of it.
    promise: i64,
}

/// An item's stock.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Stock)]
struct StockBody {
    /// Which item.
    #[schema(value_type = String)]
    sku: Sku,
    /// The hub's version that these figures are true at.
    version: i64,
    /// Where the caller works.
    locations: Vec<StockAt>,
    /// Where the caller does not work.
    elsewhere: Vec<Elsewhere>,
}

/// Stock of several items, of one moment.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Stocks)]
struct StocksBody {
    /// The hub's version that these figures are true at.
    version: i64,
    /// As asked for.
    items: Vec<StockBody>,
}

#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct Skus {
    /// Which items, 1 to 100; the parameter repeats.
    #[serde(default)]
    #[param(min_items = 1, max_items = 100, style = Form, explode)]
    sku: Vec<String>,
}

/// The SKUs of a question.
pub(super) fn skus(asked: &[String]) -> Answer<Vec<Sku>> {
    if asked.is_empty() || asked.len() > SKUS_MAX {
        return Err(Error::invalid("sku", "1 to 100 SKUs"));
    }
    let sku = |text: &String| {
        let unknown = || Refusal::ItemUnknown { sku: code::plain_text(text, 64) };
        Sku::new(text).map_err(|_| Error::from(unknown()))
    };
    asked.iter().map(sku).collect()
}

/// The numbers of SKUs that must all be there.
pub(super) async fn numbers(app: &App, skus: &[Sku]) -> Answer<Vec<ItemNo>> {
    let found = app.items.of(&app.store, skus).await?;
    let known = |(sku, no): (&Sku, Option<ItemNo>)| {
        no.ok_or_else(|| Error::from(Refusal::ItemUnknown { sku: sku.to_string() }))
    };
    skus.iter().zip(found).map(known).collect()
}

async fn read(app: &App, signed: &Signed, skus: Vec<Sku>) -> Answer<StocksBody> {
    let items = numbers(app, &skus).await?;
    let mut tx = app.store.read().await?;
    let seen = app.seen();
    let wanted: Vec<ItemNo> = with_parts(&seen.records, &items).into_iter().collect();
    let mut rows: BTreeMap<StockKey, Stock> =
        stock::of_items(&mut tx, &wanted).await?.into_iter().collect();
    let incoming: BTreeMap<StockKey, i64> =
        transfers::incoming(&mut tx, &items).await?.into_iter().collect();
    let version = store::head(&mut tx).await?.head.version.0;
    tx.rollback().await?;
    // Where something is expected for the first time there is no row yet.
    incoming.keys().for_each(|key| {
        rows.entry(*key).or_default();
    });
    let lines = app.links.lines();
    let row = |key: StockKey| rows.get(&key).copied().unwrap_or_default();
    let mut all = vec![];
    for (sku, no) in skus.into_iter().zip(items) {
        let mut body = StockBody { sku, version, locations: vec![], elsewhere: vec![] };
        let parts = seen.records.parts(no);
        // A kit is where a part of it is or was.
        let of_item = rows.keys().filter(|key| parts.iter().any(|part| part.item == key.item));
        let places: BTreeSet<LocationNo> = of_item.map(|key| key.location).collect();
        for place in places {
            let Some(location) = seen.records.location_by_no(place) else { continue };
            let (code, key) = (location.code.clone(), StockKey { item: no, location: place });
            let promise = promise_of(&seen.records, &lines, key, row);
            if signed.0.sees(&code) {
                let mut at = StockAt::promised(promise, code, &row(key));
                at.incoming = Some(incoming.get(&key).copied().unwrap_or_default());
                body.locations.push(at);
            } else {
                body.elsewhere.push(Elsewhere { location: code, promise });
            }
        }
        body.locations.sort_by(|a, b| a.location.cmp(&b.location));
        body.elsewhere.sort_by(|a, b| a.location.cmp(&b.location));
        all.push(body);
    }
    Ok(StocksBody { version, items: all })
}

/// Stock of several items.
#[utoipa::path(get, path = "/v1/stock", tag = "stock", operation_id = "list_stock",
    params(Skus), responses((status = 200, body = StocksBody)))]
async fn many(
    State(app): State<App>,
    signed: Signed,
    Query(asked): Query<Skus>,
) -> Answer<Json<StocksBody>> {
    signed.need(Action::ReadStock)?;
    Ok(Json(read(&app, &signed, skus(&asked.sku)?).await?))
}

/// Stock of one item.
#[utoipa::path(get, path = "/v1/stock/{sku}", tag = "stock", operation_id = "get_stock",
    params(("sku" = String, Path, pattern = "^[!-~]([ -~]{0,62}[!-~])?$")),
    responses((status = 200, body = StockBody)))]
async fn one(
    State(app): State<App>,
    signed: Signed,
    Path(sku): Path<String>,
) -> Answer<Json<StockBody>> {
    signed.need(Action::ReadStock)?;
    let mut all = read(&app, &signed, skus(&[sku])?).await?;
    all.items.pop().map(Json).ok_or_else(Error::not_found)
}

/// An item's figures in a list of a location.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = StockOfItem)]
struct OfItem {
    /// Which item.
    #[schema(value_type = String)]
    sku: Sku,
    #[serde(flatten)]
    #[schema(inline)]
    figures: StockAt,
}

/// A page of a location's stock.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = LocationStock)]
struct AtLocation {
    /// Where.
    #[schema(value_type = String)]
    location: LocationCode,
    /// The hub's version that these figures are true at.
    version: i64,
    /// In the order of their SKUs.
    items: Vec<OfItem>,
    /// None at the end.
    next_cursor: Option<String>,
}

/// All that a location has or had.
#[utoipa::path(get, path = "/v1/locations/{code}/stock", tag = "stock",
    operation_id = "list_location_stock",
    params(("code" = String, Path, pattern = "^[A-Z0-9]{1,12}$"), Page),
    responses((status = 200, body = AtLocation)))]
async fn at_location(
    State(app): State<App>,
    signed: Signed,
    Path(code): Path<String>,
    Query(asked): Query<Page>,
) -> Answer<Json<AtLocation>> {
    signed.need(Action::ReadStock)?;
    let seen = app.seen();
    let location = signed.location(&seen.records, &code)?;
    let limit = page::limit(asked.limit)?;
    let after: String = page::after(asked.cursor.as_deref())?.unwrap_or_default();
    let mut tx = app.store.read().await?;
    let rows = stock::at_location(&mut tx, location.no, &after, limit).await?;
    let named: Vec<ItemNo> = rows.iter().map(|(item, _, _)| *item).collect();
    let incoming: BTreeMap<StockKey, i64> =
        transfers::incoming(&mut tx, &named).await?.into_iter().collect();
    let version = store::head(&mut tx).await?.head.version.0;
    tx.rollback().await?;
    let next_cursor = page::next(rows.len(), limit, rows.last().map(|(_, sku, _)| sku.as_str()));
    let lines = app.links.lines();
    let items = rows.into_iter().map(|(no, sku, row)| {
        let key = StockKey { item: no, location: location.no };
        let code = location.code.clone();
        let mut figures = StockAt::of(&seen.records, &lines, code, key, &row);
        figures.incoming = Some(incoming.get(&key).copied().unwrap_or_default());
        OfItem { sku, figures }
    });
    let items = items.collect();
    Ok(Json(AtLocation { location: location.code.clone(), version, items, next_cursor }))
}
