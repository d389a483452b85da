//! `/v1/public`: what a shop's page may read and hold, with a publishable key.
//!
//! Invariant: figures pass through the key's display policy; a shopper and an address are kept as
//! hashes alone.

use axum::Json;
use axum::extract::{FromRequestParts, State};
use axum::http::StatusCode;
use axum::http::request::Parts;
use oneshelf_domain::item::{Item, Unit};
use oneshelf_domain::promise::Fulfilment;
use oneshelf_domain::record::{ApiKey, Display, KeyKind, LocationKind, Record, RecordState, Scope};
use oneshelf_domain::stock::{Command, Outcome};
use oneshelf_domain::{
    LocationCode, Money, Quantity, Refusal, ReservationId, Sku, Timestamp, limits,
};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::extract::{IdempotencyKey, Path, Payload, Query};
use super::guard::ClientAddress;
use super::items::{self, Wanted};
use super::origins;
use super::problem::{Answer, Error};
use super::schema::{MoneySchema, ProblemSchema, ReservationStateSchema, UnitSchema};
use super::sending::Sending;
use super::stock::numbers;
use crate::app::App;
use crate::auth::rates::Door;
use crate::auth::{is_alive, key_with};
use crate::shown::Audience;

/// What the hub's own shop page does with its key.
const PAGE_SCOPES: [Scope; 2] = [Scope::Hold, Scope::Live];
const KEY_MISSING: &str = "no publishable key of the channel web has the scopes hold and live; \
    make one for the shop page";
const SHOPPER_CHARS: std::ops::RangeInclusive<usize> = 16..=64;

pub(super) fn router() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(config))
        .routes(routes!(list))
        .routes(routes!(one))
        .routes(routes!(hold))
        .routes(routes!(let_go))
}

/// A publishable key that may be used by the page that asks.
pub(super) struct Public {
    key: ApiKey,
    address: ClientAddress,
}

impl FromRequestParts<App> for Public {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Answer<Self> {
        let Ok(address) = ClientAddress::from_request_parts(parts, app).await;
        app.gate.pass(Door::Address, &address.name()).map_err(Error::too_many_requests)?;
        let text = parts.headers.get("x-oneshelf-key").and_then(|v| v.to_str().ok());
        let text = text.ok_or_else(|| {
            Error::new(401, "not_signed_in", "send a publishable key as `X-Oneshelf-Key: osp_...`")
        })?;
        let seen = app.seen();
        let key = key_with(&seen.records, text)
            .filter(|key| key.kind == KeyKind::Publishable && is_alive(key, app.now()))
            .ok_or_else(Error::wrong_secret)?;
        if !origins::may_use(app, &parts.headers, key) {
            return Err(Error::foreign_origin());
        }
        Ok(Self { key: key.clone(), address })
    }
}

impl Public {
    pub(super) fn need(&self, scopes: &[Scope]) -> Answer<()> {
        let has = scopes.iter().any(|scope| self.key.scopes.contains(scope));
        if has { Ok(()) } else { Err(Error::not_allowed()) }
    }

    pub(super) fn audience(&self) -> Audience {
        Audience { channel: self.key.channel.clone(), display: self.key.display }
    }
}

/// What the hub's own shop page starts with.
#[derive(Serialize, ToSchema)]
#[schema(as = ShopConfig)]
struct ConfigBody {
    /// As shown.
    shop: String,
    /// ISO 4217.
    currency: String,
    /// A publishable key.
    key: String,
    /// How numbers are written.
    locale: String,
}

/// What the hub's own shop page starts with.
#[utoipa::path(get, path = "/v1/public/config", tag = "public", operation_id = "get_shop_config",
    security(()), responses((status = 200, body = ConfigBody),
        (status = 409, body = ProblemSchema, content_type = "application/problem+json")))]
async fn config(State(app): State<App>, address: ClientAddress) -> Answer<Json<ConfigBody>> {
    app.gate.pass(Door::Address, &address.name()).map_err(Error::too_many_requests)?;
    let seen = app.seen();
    let shop = seen.records.shop().ok_or_else(Error::not_found)?;
    let keys = seen.records.of_kind("key").filter_map(|(_, record)| match record {
        Record::Key(key) if is_alive(key, app.now()) => Some(key),
        _ => None,
    });
    // Ids grow with time: the one that set-up made comes first.
    let of_web = |key: &&ApiKey| key.channel.as_deref() == Some("web");
    let can = |key: &&ApiKey| PAGE_SCOPES.iter().all(|scope| key.scopes.contains(scope));
    let text = keys.filter(of_web).filter(can).find_map(|key| key.public_text.clone());
    Ok(Json(ConfigBody {
        shop: shop.name.clone(),
        currency: shop.currency.code().to_owned(),
        key: text.ok_or_else(|| Error::new(409, "shop_key_missing", KEY_MISSING))?,
        locale: locale(&shop.zone).to_owned(),
    }))
}

/// How numbers are written where the office is.
fn locale(zone: &str) -> &'static str {
    match zone {
        "Europe/Dublin" => "en-IE",
        "Europe/London" => "en-GB",
        "Europe/Berlin" => "de-DE",
        "Europe/Vienna" => "de-AT",
        "Europe/Zurich" => "de-CH",
        zone if zone.starts_with("America/") => "en-US",
        zone if zone.starts_with("Australia/") => "en-AU",
        _ => "en-IE",
    }
}

/// An item as shoppers see it.
#[derive(Serialize, ToSchema)]
#[schema(as = PublicItem)]
struct PublicItem {
    /// The retailer's number.
    #[schema(value_type = String)]
    sku: Sku,
    /// As shown.
    name: String,
    /// Option values, as shown under the name.
    options: Option<String>,
    /// What a quantity counts.
    #[schema(value_type = UnitSchema)]
    unit: Unit,
    /// Of a piece, a kilogram or a litre, tax included.
    #[schema(value_type = Option<MoneySchema>)]
    price: Option<Money>,
    /// Link of a picture.
    image: Option<String>,
    /// Category path, `/` between levels.
    category: Option<String>,
    /// Maker.
    brand: Option<String>,
}

impl PublicItem {
    fn of(app: &App, item: Item) -> Self {
        let price = items::price_now(app, &item);
        let details = item.details;
        Self {
            sku: item.sku,
            name: details.name,
            options: details.options,
            unit: details.unit,
            price,
            image: details.image,
            category: details.category,
            brand: details.brand,
        }
    }
}

/// A page of items.
#[derive(Serialize, ToSchema)]
#[schema(as = PublicItems)]
struct PublicItems {
    /// In the order of their SKUs.
    items: Vec<PublicItem>,
    /// None at the end.
    next_cursor: Option<String>,
}

/// What is sold, or what is found in it.
#[utoipa::path(get, path = "/v1/public/items", tag = "public",
    operation_id = "list_public_items", security(("publishable" = [])), params(Wanted),
    responses((status = 200, body = PublicItems)))]
async fn list(
    State(app): State<App>,
    _public: Public,
    Query(wanted): Query<Wanted>,
) -> Answer<Json<PublicItems>> {
    let (found, next_cursor) = items::find(&app, &wanted, true).await?;
    let items = found.into_iter().map(|item| PublicItem::of(&app, item)).collect();
    Ok(Json(PublicItems { items, next_cursor }))
}

/// One item that is sold.
#[utoipa::path(get, path = "/v1/public/items/{sku}", tag = "public",
    operation_id = "get_public_item", security(("publishable" = [])),
    params(("sku" = String, Path, pattern = "^[!-~]([ -~]{0,62}[!-~])?$")),
    responses((status = 200, body = PublicItem)))]
async fn one(
    State(app): State<App>,
    _public: Public,
    Path(sku): Path<String>,
) -> Answer<Json<PublicItem>> {
    let item = items::one(&app, &sku).await?;
    if !items::is_sold(&app, &item) {
        return Err(Refusal::ItemUnknown { sku: item.sku.to_string() }.into());
    }
    Ok(Json(PublicItem::of(&app, item)))
}

/// A shopper's wish to have a unit kept.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = NewHold)]
struct NewHold {
    /// Which item.
    #[schema(value_type = String, pattern = "^[!-~]([ -~]{0,62}[!-~])?$")]
    sku: Sku,
    /// At which store.
    #[schema(value_type = String, pattern = "^[A-Z0-9]{1,12}$")]
    location: LocationCode,
    /// Units.
    #[serde(default = "one_unit")]
    #[schema(value_type = i64, minimum = 1, maximum = 5, required = false, default = 1)]
    quantity: Quantity,
    /// A random token of this browser.
    #[schema(min_length = 16, max_length = 64)]
    shopper: String,
}

fn one_unit() -> Quantity {
    Quantity::ONE
}

/// A hold.
#[derive(Serialize, ToSchema)]
#[schema(as = Hold)]
struct HoldBody {
    /// Its id.
    id: String,
    /// Where it is in its life.
    #[schema(value_type = ReservationStateSchema)]
    state: &'static str,
    /// Dead from here on.
    #[schema(value_type = String, format = DateTime)]
    expires_at: Timestamp,
    /// Which item.
    #[schema(value_type = String)]
    sku: Sku,
    /// At which store.
    #[schema(value_type = String)]
    location: LocationCode,
}

fn shopper(app: &App, token: &str) -> Answer<String> {
    if !SHOPPER_CHARS.contains(&token.chars().count()) {
        return Err(Error::invalid("/shopper", "a random token of 16 to 64 characters"));
    }
    Ok(app.secrets.blind("shopper", token))
}

/// Holds units for 15 minutes; a shopper's second hold on an item replaces the first.
#[utoipa::path(post, path = "/v1/public/holds", tag = "public", operation_id = "hold",
    security(("publishable" = [])), request_body = NewHold,
    responses((status = 201, body = HoldBody)))]
async fn hold(
    State(app): State<App>,
    public: Public,
    key: Option<IdempotencyKey>,
    body: Payload<NewHold>,
) -> Answer<(StatusCode, Json<HoldBody>)> {
    public.need(&[Scope::Hold])?;
    app.gate.pass(Door::Holds, &public.address.name()).map_err(Error::too_many_requests)?;
    let body = body.read()?;
    let shopper = shopper(&app, &body.shopper)?;
    let quantity = body.quantity.units();
    if !(1..=limits::HOLD_UNITS_MAX).contains(&quantity) {
        return Err(Error::invalid("/quantity", "1 to 5 units"));
    }
    let seen = app.seen();
    let sells = |kind| kind != LocationKind::Transit;
    let location = seen
        .records
        .location(&body.location)
        .filter(|l| l.state == RecordState::Active && sells(l.kind))
        .ok_or_else(|| Refusal::LocationUnknown { location: body.location.to_string() })?;
    let item = numbers(&app, std::slice::from_ref(&body.sku)).await?[0];
    let command = Command::Reserve {
        lines: vec![(item, location.no, quantity)],
        expires_in_ms: Some(limits::HOLD_MS),
        channel: public.key.channel.clone(),
        fulfilment: Fulfilment::Pickup,
        address: Some(app.secrets.blind("address", &public.address.name())),
        shopper: Some(shopper.clone()),
        reference: None,
    };
    // All shoppers share the key, so each has ids of their own.
    let principal = format!("key:{}", public.key.id);
    let key = key.map(|k| IdempotencyKey(format!("{shopper}/{}", k.0)));
    let sent = Sending::of(&app, principal, key.as_ref()).send(command).await;
    let accepted = sent.map_err(|error| match public.key.display {
        // What there is, is less than what was asked for.
        Display::Exact { cap } if cap >= limits::HOLD_UNITS_MAX => error,
        _ => error.without_figures("not enough is available; take fewer, or another store"),
    })?;
    let Outcome::Reservation { id, state, expires_at: Some(expires_at) } = accepted.outcome else {
        return Err(Error::internal("a hold answered something else"));
    };
    let (sku, location) = (body.sku, body.location);
    let body = HoldBody { id: id.to_string(), state: state.name(), expires_at, sku, location };
    Ok((StatusCode::CREATED, Json(body)))
}

#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct Whose {
    /// The token that the hold was placed with.
    #[param(min_length = 16, max_length = 64)]
    shopper: String,
}

/// Lets a hold go.
#[utoipa::path(delete, path = "/v1/public/holds/{id}", tag = "public", operation_id = "end_hold",
    security(("publishable" = [])),
    params(("id" = String, Path, pattern = "^rsv_[0-9a-f]{32}$"), Whose),
    responses((status = 204)))]
async fn let_go(
    State(app): State<App>,
    public: Public,
    Path(id): Path<String>,
    Query(whose): Query<Whose>,
) -> Answer<StatusCode> {
    public.need(&[Scope::Hold])?;
    let id: ReservationId = id.parse().map_err(|_| Refusal::ReservationUnknown)?;
    let shopper = Some(shopper(&app, &whose.shopper)?);
    let sending = Sending::of(&app, format!("key:{}", public.key.id), None);
    sending.send(Command::Release { id, shopper }).await?;
    Ok(StatusCode::NO_CONTENT)
}
