//! `/v1/shop`: the retailer's name, currency, zone and taxes. `/v1/time`: the hub's clock.

use axum::Json;
use axum::extract::State;
use oneshelf_domain::record::{Record, Shop, TaxRate};
use oneshelf_domain::stock::Command;
use oneshelf_domain::{Currency, code, limits};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::extract::{IdempotencyKey, Payload};
use super::guard::Signed;
use super::problem::{Answer, Error};
use super::sending::Sending;
use crate::app::App;
use crate::auth::Action;
use crate::store::read::items;

const TAXES_MAX: usize = 20;

pub(super) fn router() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(get_shop, put_shop)).routes(routes!(time))
}

/// The retailer.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = Shop)]
struct ShopBody {
    /// As on pages and receipts.
    #[schema(min_length = 1, max_length = 200)]
    name: String,
    /// ISO 4217; of every price.
    #[schema(pattern = "^[A-Z]{3}$")]
    currency: String,
    /// IANA zone of the office.
    #[schema(example = "Europe/Dublin")]
    zone: String,
    /// The tax class of items that name none.
    default_tax: String,
    /// Tax classes. Prices include tax.
    #[schema(min_items = 1, max_items = 20)]
    taxes: Vec<TaxBody>,
}

/// A tax rate.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = Tax)]
struct TaxBody {
    /// The class that items name.
    #[schema(min_length = 1, max_length = 32)]
    class: String,
    /// 2300 means 23 %.
    #[schema(minimum = 0, maximum = 10_000)]
    rate_basis_points: i64,
    /// As on the receipt.
    #[schema(min_length = 1, max_length = 200)]
    name: String,
}

impl From<&Shop> for ShopBody {
    fn from(shop: &Shop) -> Self {
        let tax = |t: &TaxRate| TaxBody {
            class: t.class.clone(),
            rate_basis_points: t.rate_basis_points,
            name: t.name.clone(),
        };
        Self {
            name: shop.name.clone(),
            currency: shop.currency.code().to_owned(),
            zone: shop.zone.clone(),
            default_tax: shop.taxes.first().map(|t| t.class.clone()).unwrap_or_default(),
            taxes: shop.taxes.iter().map(tax).collect(),
        }
    }
}

/// A zone of the IANA list.
pub(super) fn zone(pointer: &str, text: &str) -> Answer<String> {
    match text.parse::<chrono_tz::Tz>() {
        Ok(_) => Ok(text.to_owned()),
        Err(_) => Err(Error::invalid(pointer, "an IANA time zone, as in Europe/Dublin")),
    }
}

/// A text for people: control characters and marks that reorder it are taken out.
pub(super) fn words(pointer: &str, text: &str) -> Answer<String> {
    let plain = code::plain_text(text, limits::NAME_CHARS_MAX);
    if plain.is_empty() || text.chars().count() > limits::NAME_CHARS_MAX {
        return Err(Error::invalid(pointer, "1 to 200 characters of text"));
    }
    Ok(plain)
}

impl ShopBody {
    fn checked(self) -> Answer<Shop> {
        if self.taxes.is_empty() || self.taxes.len() > TAXES_MAX {
            return Err(Error::invalid("/taxes", "1 to 20 tax classes"));
        }
        let mut taxes = vec![];
        for (at, tax) in self.taxes.iter().enumerate() {
            let class = code::plain_text(&tax.class, 33);
            if class.is_empty() || class.chars().count() > 32 {
                return Err(Error::invalid(&format!("/taxes/{at}/class"), "1 to 32 characters"));
            }
            if taxes.iter().any(|t: &TaxRate| t.class == class) {
                return Err(Error::invalid(&format!("/taxes/{at}/class"), "each class once"));
            }
            if !(0..=10_000).contains(&tax.rate_basis_points) {
                let pointer = format!("/taxes/{at}/rate_basis_points");
                return Err(Error::invalid(&pointer, "0 to 10,000"));
            }
            let name = words(&format!("/taxes/{at}/name"), &tax.name)?;
            taxes.push(TaxRate { class, rate_basis_points: tax.rate_basis_points, name });
        }
        let Some(default) = taxes.iter().position(|t| t.class == self.default_tax) else {
            return Err(Error::invalid("/default_tax", "one of the classes"));
        };
        // The first class is the default.
        taxes[..=default].rotate_right(1);
        let currency = Currency::new(&self.currency)
            .map_err(|e| Error::invalid("/currency", &e.to_string()))?;
        Ok(Shop {
            name: words("/name", &self.name)?,
            currency,
            zone: zone("/zone", &self.zone)?,
            taxes,
        })
    }
}

/// The shop.
#[utoipa::path(get, path = "/v1/shop", tag = "shop", operation_id = "get_shop",
    responses((status = 200, body = ShopBody)))]
async fn get_shop(State(app): State<App>, signed: Signed) -> Answer<Json<ShopBody>> {
    signed.need(Action::ReadShop)?;
    let seen = app.seen();
    let shop = seen.records.shop().ok_or_else(Error::not_found)?;
    Ok(Json(shop.into()))
}

/// Changes the shop. The currency stays as long as there are prices in it.
#[utoipa::path(put, path = "/v1/shop", tag = "shop", operation_id = "put_shop",
    request_body = ShopBody, responses((status = 200, body = ShopBody)))]
async fn put_shop(
    State(app): State<App>,
    signed: Signed,
    key: Option<IdempotencyKey>,
    body: Payload<ShopBody>,
) -> Answer<Json<ShopBody>> {
    signed.need(Action::ChangeShop)?;
    let shop = body.read()?.checked()?;
    let seen = app.seen();
    if let Some(before) = seen.records.shop() {
        if before.currency != shop.currency {
            return Err(Error::invalid("/currency", "stays as it was set up: prices are in it"));
        }
        let gone = |t: &&TaxRate| shop.taxes.iter().all(|new| new.class != t.class);
        for gone in before.taxes.iter().filter(gone) {
            let mut tx = app.store.read().await?;
            let taxed = items::taxed(&mut tx, &gone.class).await?;
            tx.rollback().await?;
            if let Some(sku) = taxed {
                let rule = format!("{} is still the tax class of {sku}", gone.class);
                return Err(Error::invalid("/taxes", &rule));
            }
        }
    }
    let answer = ShopBody::from(&shop);
    let record = Box::new(Record::Shop(shop));
    Sending::new(&app, &signed.0, key.as_ref()).settle(Command::PutRecord { record }).await?;
    Ok(Json(answer))
}

/// The hub's clock and name.
#[derive(Serialize, ToSchema)]
#[schema(as = HubTime)]
struct TimeBody {
    /// Now.
    #[schema(format = DateTime)]
    now: String,
    /// The hub's id.
    hub_id: String,
    /// Raised by a restore.
    hub_epoch: i64,
}

/// The hub's clock: agents read it before they connect.
#[utoipa::path(get, path = "/v1/time", tag = "shop", operation_id = "get_time", security(()),
    responses((status = 200, body = TimeBody)))]
async fn time(State(app): State<App>) -> Json<TimeBody> {
    let hub_epoch = app.seen().epoch;
    Json(TimeBody { now: app.now().to_string(), hub_id: app.hub_id.clone(), hub_epoch })
}
