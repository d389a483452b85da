//! `/v1/movements` and `/v1/stock/{sku}/explain`: what moved, and why a figure is what it is.

use axum::Json;
use axum::extract::State;
use oneshelf_domain::promise::{Fulfilment, channel_figure, promise, promise_of};
use oneshelf_domain::record::{KeyKind, Part, Record, Records};
use oneshelf_domain::stock::{ItemNo, LocationNo, Stock, StockKey, Version};
use oneshelf_domain::{Sku, Timestamp};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::extract::{Path, Query};
use super::guard::Signed;
use super::page;
use super::problem::{Answer, Error};
use super::stock::{StockAt, numbers, skus};
use crate::app::App;
use crate::auth::Action;
use crate::store::read::movements::{self, MovementRow};
use crate::store::read::stock;
use crate::store::{self, moment};

/// Movements and reservations that an explanation shows.
const EXPLAINED_MAX: i64 = 100;

pub(super) fn router() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(list)).routes(routes!(explain))
}

/// A place of a location, or an outside place.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Spot)]
struct SpotBody {
    /// Where.
    location: String,
    /// `available`, `customer` ...
    place: String,
}

/// Units of an item that went from one place to another. It never changes.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Movement)]
struct MovementBody {
    /// Of its command.
    version: i64,
    /// Its place in the command.
    line: i64,
    /// Which item.
    sku: String,
    /// From here.
    from: SpotBody,
    /// To here.
    to: SpotBody,
    /// How many.
    quantity: i64,
    /// Balance of `from` afterwards.
    from_after: i64,
    /// Balance of `to` afterwards.
    to_after: i64,
    /// Why.
    reason: String,
    /// For which reservation.
    reservation: Option<String>,
    /// The kind of command.
    command: String,
    /// Who.
    actor: String,
    /// The caller's number, or a note.
    reference: Option<String>,
    /// The sender's claim, for facts.
    #[schema(value_type = Option<String>, format = DateTime)]
    occurred_at: Option<Timestamp>,
    /// The hub's time.
    #[schema(value_type = String, format = DateTime)]
    recorded_at: Timestamp,
}

fn body(records: &Records, row: MovementRow) -> MovementBody {
    let spot = |location: i64, place: String| SpotBody {
        location: records
            .location_by_no(LocationNo(location))
            .map_or_else(String::new, |l| l.code.to_string()),
        place,
    };
    MovementBody {
        version: row.version,
        line: row.line,
        sku: row.sku,
        from: spot(row.from_location, row.from_place),
        to: spot(row.to_location, row.to_place),
        quantity: row.quantity,
        from_after: row.from_after,
        to_after: row.to_after,
        reason: row.reason,
        reservation: row.reservation,
        command: row.kind,
        actor: row.actor,
        reference: row.reference,
        occurred_at: row.occurred_at.map(Timestamp),
        recorded_at: Timestamp(row.recorded_at),
    }
}

#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct Wanted {
    /// Of one item.
    sku: Option<String>,
    /// Of one location; needed by callers who do not work everywhere.
    location: Option<String>,
    /// Rows of the page.
    #[serde(default, deserialize_with = "page::given")]
    #[param(minimum = 1, maximum = 500, default = 50)]
    limit: Option<i64>,
    /// `next_cursor` of the page before.
    cursor: Option<String>,
}

/// A page of movements.
#[derive(Serialize, ToSchema)]
#[schema(as = Movements)]
struct MovementsBody {
    /// The oldest first.
    movements: Vec<MovementBody>,
    /// None at the end.
    next_cursor: Option<String>,
}

/// What moved, the oldest first.
#[utoipa::path(get, path = "/v1/movements", tag = "stock", operation_id = "list_movements",
    params(Wanted), responses((status = 200, body = MovementsBody)))]
async fn list(
    State(app): State<App>,
    signed: Signed,
    Query(wanted): Query<Wanted>,
) -> Answer<Json<MovementsBody>> {
    signed.need(Action::ReadMovements)?;
    let seen = app.seen();
    let limit = page::limit(wanted.limit)?;
    let after: (i64, i64) = page::after(wanted.cursor.as_deref())?.unwrap_or((0, 0));
    let location = match &wanted.location {
        Some(code) => Some(signed.location(&seen.records, code)?.no),
        None if signed.0.sees_all() => None,
        None => return Err(Error::invalid("location", "say of which of your locations")),
    };
    let item = match wanted.sku {
        Some(sku) => numbers(&app, &skus(&[sku])?).await?.into_iter().next(),
        None => None,
    };
    let asked = movements::Wanted { item, location, upto: Version(i64::MAX), limit };
    let mut tx = app.store.read().await?;
    let rows = movements::after(&mut tx, asked, after).await?;
    tx.rollback().await?;
    let next_cursor = page::next(rows.len(), limit, rows.last().map(|r| (r.version, r.line)));
    let movements = rows.into_iter().map(|row| body(&seen.records, row)).collect();
    Ok(Json(MovementsBody { movements, next_cursor }))
}

#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct Moment {
    /// Where.
    #[param(pattern = "^[A-Z0-9]{1,12}$")]
    location: String,
    /// When; now when absent.
    #[serde(default, deserialize_with = "page::given")]
    #[param(value_type = Option<String>, format = DateTime)]
    at: Option<Timestamp>,
}

/// Units that a reservation held.
#[derive(Serialize, ToSchema)]
#[schema(as = HeldUnits)]
struct HeldBody {
    /// Which.
    reservation: String,
    /// How many.
    quantity: i64,
}

/// A figure told to a channel.
#[derive(Serialize, ToSchema)]
#[schema(as = ToldFigure)]
struct ToldBody {
    /// Which channel.
    channel: String,
    /// What it may offer from this location alone, before its display policy: a channel by
    /// shipping, the page of a shop for pickup.
    quantity: i64,
}

/// Policies that bear on the figure, as they are now.
#[derive(Serialize, ToSchema)]
#[schema(as = FigurePolicies)]
struct PoliciesBody {
    /// Units that the location keeps back.
    safety: i64,
    /// Units that its registers should own.
    share: i64,
}

/// A part of a kit at the location.
#[derive(Serialize, ToSchema)]
#[schema(as = PartFigure)]
struct PartBody {
    /// Which item; its own explanation says why its figure is what it is.
    #[schema(value_type = String)]
    sku: Sku,
    /// Base units in one kit, as it is made now.
    quantity: i64,
    /// What may be offered of it, before a channel's buffer.
    promise: i64,
}

/// Why a figure is what it is.
#[derive(Serialize, ToSchema)]
#[schema(as = Explanation)]
struct ExplanationBody {
    /// Which item.
    #[schema(value_type = String)]
    sku: Sku,
    /// The last version recorded by then.
    version: i64,
    /// The figures of that moment.
    figures: StockAt,
    /// The newest movements up to then, the newest first.
    movements: Vec<MovementBody>,
    /// Of a kit: its parts, the scarcest of which decides.
    parts: Vec<PartBody>,
    /// Reservations that held units then.
    reservations: Vec<HeldBody>,
    /// Policies, as they are now.
    policies: PoliciesBody,
    /// What each channel may be told of these figures, by the policies of now.
    told: Vec<ToldBody>,
}

/// Answers "why is it 3?" for any instant.
#[utoipa::path(get, path = "/v1/stock/{sku}/explain", tag = "stock",
    operation_id = "explain_stock",
    params(("sku" = String, Path, pattern = "^[!-~]([ -~]{0,62}[!-~])?$"), Moment),
    responses((status = 200, body = ExplanationBody)))]
async fn explain(
    State(app): State<App>,
    signed: Signed,
    Path(sku): Path<String>,
    Query(moment): Query<Moment>,
) -> Answer<Json<ExplanationBody>> {
    signed.need(Action::ReadMovements)?;
    let seen = app.seen();
    let records = &seen.records;
    let location = signed.location(records, &moment.location)?;
    let sku = skus(&[sku])?.remove(0);
    let item = numbers(&app, std::slice::from_ref(&sku)).await?[0];
    let key = StockKey { item, location: location.no };
    let mut tx = app.store.read().await?;
    let version = match moment.at {
        Some(at) => moment::version_at(&mut tx, at).await?,
        None => store::head(&mut tx).await?.head.version,
    };
    let parts = records.parts(item);
    let mut then: BTreeMap<StockKey, Stock> = BTreeMap::new();
    for of in parts.iter().map(|part| part.item).chain([item]) {
        let key = StockKey { item: of, location: location.no };
        let balances = stock::balances_at(&mut tx, key, version).await?;
        then.insert(key, Stock { balances, ..Stock::default() });
    }
    let held = stock::held_at(&mut tx, key, version, EXPLAINED_MAX).await?;
    let rows = movements::newest(&mut tx, item, location.no, version, EXPLAINED_MAX).await?;
    tx.rollback().await?;
    let changed = Version(rows.first().map_or(0, |r| r.version));
    then.entry(key).or_default().version = changed;
    let row = |key: StockKey| then.get(&key).copied().unwrap_or_default();
    let lines = match moment.at {
        Some(_) => Arc::default(),
        None => app.links.lines(),
    };
    let told = channels(records).into_iter().map(|channel| ToldBody {
        quantity: {
            // A channel is told what can be shipped, a shop's page what can be kept for a shopper.
            let sent = records.channel(&channel).is_some();
            let how = if sent { Fulfilment::Shipping } else { Fulfilment::Pickup };
            channel_figure(records, &lines, key, row, (Some(channel.as_str()), how))
        },
        channel,
    });
    let promised = |part: &Part| {
        let key = StockKey { item: part.item, ..key };
        promise(records, &lines, key, &row(key))
    };
    let parts = parts.into_iter().filter(|part| part.item != item);
    let parts = named(&app, parts.map(|part| (part, promised(&part))).collect()).await?;
    Ok(Json(ExplanationBody {
        version: version.0,
        figures: {
            let promise = promise_of(records, &lines, key, row);
            StockAt::promised(promise, location.code.clone(), &row(key))
        },
        parts,
        reservations: held
            .into_iter()
            .map(|(reservation, quantity)| HeldBody { reservation, quantity })
            .collect(),
        policies: PoliciesBody {
            safety: records.safety(item, location.no),
            share: records.share_target(key, &row(key)),
        },
        told: told.collect(),
        movements: rows.into_iter().map(|row| body(records, row)).collect(),
        sku,
    }))
}

async fn named(app: &App, parts: Vec<(Part, i64)>) -> Answer<Vec<PartBody>> {
    let numbers: Vec<ItemNo> = parts.iter().map(|(part, _)| part.item).collect();
    let names = app.items.skus(&app.store, &numbers).await?;
    let body = |(part, promise): (Part, i64)| {
        Some(PartBody { sku: names.get(&part.item)?.clone(), quantity: part.quantity, promise })
    };
    Ok(parts.into_iter().filter_map(body).collect())
}

fn channels(records: &Records) -> BTreeSet<String> {
    let of_keys = records.of_kind("key").filter_map(|(_, record)| match record {
        Record::Key(key) if key.kind == KeyKind::Publishable => key.channel.clone(),
        _ => None,
    });
    let of_buffers = records.of_kind("buffer").filter_map(|(_, record)| match record {
        Record::Buffer(buffer) => Some(buffer.channel.clone()),
        _ => None,
    });
    let told = records.channels().map(|channel| channel.code.to_string());
    of_keys.chain(of_buffers).chain(told).collect()
}
