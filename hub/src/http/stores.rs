//! `/v1/stores`: how each store stands for whoever runs the shop: its line, what its registers own,
//! what is in doubt or owed, and what may go wrong if it stays so.
//!
//! It tells; the one thing that it does is to give up an agent that does not answer, by a command.
//! Invariant: a figure and the risk that names it are of one reading.

use axum::Json;
use axum::extract::State;
use oneshelf_domain::record::{Location, LocationKind, RecordState, Records};
use oneshelf_domain::stock::{Command, LocationNo};
use oneshelf_domain::{IncarnationId, LocationCode, Sku, Timestamp};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::extract::{IdempotencyKey, Path, Payload, Query};
use super::guard::Signed;
use super::page::{self, Page};
use super::problem::Answer;
use super::schema::LinkStateSchema;
use super::sending::Sending;
use crate::app::App;
use crate::auth::Action;
use crate::risk::{self, Risk, Seen};
use crate::store::read::standing::{self, Kind, Standing, Units};

pub(super) fn router() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(list))
        .routes(routes!(get))
        .routes(routes!(items))
        .routes(routes!(retire_agent))
}

/// Units, and of how many items.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = StoreUnits)]
struct UnitsBody {
    /// Base units.
    units: i64,
    /// Items with any.
    items: i64,
}

impl From<Units> for UnitsBody {
    fn from(Units { units, items }: Units) -> Self {
        Self { units, items }
    }
}

/// Something that may go wrong, or has.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = StoreRisk)]
struct RiskBody {
    /// A stable code: `share_silent`, `in_doubt` ...
    code: &'static str,
    /// In words.
    text: String,
}

impl From<Risk> for RiskBody {
    fn from(Risk { code, text }: Risk) -> Self {
        Self { code, text }
    }
}

/// How a store stands.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Store)]
struct StoreBody {
    /// Which.
    #[schema(value_type = String)]
    location: LocationCode,
    /// As shown.
    name: String,
    /// How its line looks.
    #[schema(value_type = LinkStateSchema)]
    link: &'static str,
    /// When the last ping left that its agent answered; none since this hub started.
    #[schema(value_type = Option<String>, format = DateTime)]
    last_answer_at: Option<Timestamp>,
    /// Facts that waited in its agent's log then; none when it did not say.
    waiting_facts: Option<i64>,
    /// The hub was put back to a backup, and its agents and channels have not told everything yet.
    recovering: bool,
    /// Agents that have not, by name.
    untold_agents: Vec<String>,
    /// Agents that joined after the backup and have to join anew.
    unknown_agents: Vec<String>,
    /// Channels that have not sent their orders again.
    untold_channels: Vec<String>,
    /// Its registers' to sell without asking.
    share: UnitsBody,
    /// Reserved or picked there.
    promised: UnitsBody,
    /// Open reservations with a line there.
    reservations: i64,
    /// What a silent, retired or copied agent may still hold: promised to nobody.
    in_doubt: UnitsBody,
    /// What open reservations lack.
    short: UnitsBody,
    /// Sold, though no bucket explains it.
    discrepancy: UnitsBody,
    /// What may go wrong if it stays so, the worst first.
    risks: Vec<RiskBody>,
}

impl StoreBody {
    fn of(app: &App, records: &Records, location: &Location, standing: &Standing) -> Self {
        let line = Seen::of(app, records, location);
        let risks = risk::of(&line, standing).into_iter().map(Into::into).collect();
        Self {
            location: location.code.clone(),
            name: location.name.clone(),
            link: line.link.name(),
            last_answer_at: line.last_answer_at,
            waiting_facts: line.waiting,
            recovering: line.recovering,
            untold_agents: line.untold.agents,
            unknown_agents: line.untold.unknown,
            untold_channels: line.untold.channels,
            share: standing.share.into(),
            promised: standing.promised.into(),
            reservations: standing.reservations,
            in_doubt: standing.in_doubt.into(),
            short: standing.short.into(),
            discrepancy: standing.discrepancy.into(),
            risks,
        }
    }
}

/// A page of stores.
#[derive(Serialize, ToSchema)]
#[schema(as = Stores)]
struct StoresBody {
    /// In the order of their codes.
    stores: Vec<StoreBody>,
    /// None at the end.
    next_cursor: Option<String>,
}

/// Stores, how their lines look and what is at risk.
#[utoipa::path(get, path = "/v1/stores", tag = "stores", operation_id = "list_stores",
    params(Page), responses((status = 200, body = StoresBody)))]
async fn list(
    State(app): State<App>,
    signed: Signed,
    Query(asked): Query<Page>,
) -> Answer<Json<StoresBody>> {
    signed.need(Action::ReadAgents)?;
    let seen = app.seen();
    let is_store = |l: &&Location| {
        l.kind == LocationKind::Store && l.state == RecordState::Active && signed.0.sees(&l.code)
    };
    let all = seen.records.locations().filter(is_store);
    let (page, next_cursor) = page::cut(all, &asked, |l| l.code.to_string())?;
    let numbers: Vec<LocationNo> = page.iter().map(|l| l.no).collect();
    let standings = standing::of(&app.store, &numbers).await?;
    let body = |l: &Location| {
        let standing = standings.get(&l.no).copied().unwrap_or_default();
        StoreBody::of(&app, &seen.records, l, &standing)
    };
    Ok(Json(StoresBody { stores: page.into_iter().map(body).collect(), next_cursor }))
}

/// How a store stands, and whose word speaks for it.
#[derive(Serialize, ToSchema)]
#[schema(as = StoreDetail)]
struct DetailBody {
    #[serde(flatten)]
    #[schema(inline)]
    store: StoreBody,
    /// The life of its agent that speaks for it; none: nobody does, and nothing is to be retired.
    incarnation: Option<String>,
}

async fn detail(app: &App, location: &Location) -> Answer<Json<DetailBody>> {
    let standings = standing::of(&app.store, &[location.no]).await?;
    let life = standing::life(&app.store, location.no).await?;
    let standing = standings.get(&location.no).copied().unwrap_or_default();
    let store = StoreBody::of(app, &app.seen().records, location, &standing);
    Ok(Json(DetailBody { store, incarnation: life.map(|id| id.to_string()) }))
}

/// How one store stands.
#[utoipa::path(get, path = "/v1/stores/{code}", tag = "stores", operation_id = "get_store",
    params(("code" = String, Path, pattern = "^[A-Z0-9]{1,12}$")),
    responses((status = 200, body = DetailBody)))]
async fn get(
    State(app): State<App>,
    signed: Signed,
    Path(code): Path<String>,
) -> Answer<Json<DetailBody>> {
    signed.need(Action::ReadAgents)?;
    let seen = app.seen();
    detail(&app, signed.location(&seen.records, &code)?).await
}

/// Which of a store's units.
#[derive(Debug, Clone, Copy, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = StoreUnitsOf)]
enum Of {
    /// Its registers' to sell.
    Share,
    /// Reserved or picked.
    Promised,
    /// In doubt.
    InDoubt,
    /// Lacked by reservations.
    Short,
    /// Not explained.
    Discrepancy,
}

impl From<Of> for Kind {
    fn from(of: Of) -> Self {
        match of {
            Of::Share => Kind::Share,
            Of::Promised => Kind::Promised,
            Of::InDoubt => Kind::InDoubt,
            Of::Short => Kind::Short,
            Of::Discrepancy => Kind::Discrepancy,
        }
    }
}

#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct Wanted {
    /// Which units.
    #[param(inline)]
    of: Of,
    /// Rows of the page.
    #[serde(default, deserialize_with = "page::given")]
    #[param(minimum = 1, maximum = 500, default = 50)]
    limit: Option<i64>,
    /// `next_cursor` of the page before.
    cursor: Option<String>,
}

/// An item of a store.
#[derive(Serialize, ToSchema)]
#[schema(as = StoreItem)]
struct ItemBody {
    /// Which.
    #[schema(value_type = String)]
    sku: Sku,
    /// Its name.
    name: String,
    /// Its units, in its base unit.
    units: i64,
}

/// A page of a store's items.
#[derive(Serialize, ToSchema)]
#[schema(as = StoreItems)]
struct ItemsBody {
    /// The largest first.
    items: Vec<ItemBody>,
    /// None at the end.
    next_cursor: Option<String>,
}

/// The items behind one of a store's figures, the largest first.
#[utoipa::path(get, path = "/v1/stores/{code}/items", tag = "stores",
    operation_id = "list_store_items",
    params(("code" = String, Path, pattern = "^[A-Z0-9]{1,12}$"), Wanted),
    responses((status = 200, body = ItemsBody)))]
async fn items(
    State(app): State<App>,
    signed: Signed,
    Path(code): Path<String>,
    Query(wanted): Query<Wanted>,
) -> Answer<Json<ItemsBody>> {
    signed.need(Action::ReadAgents)?;
    let seen = app.seen();
    let location = signed.location(&seen.records, &code)?.no;
    let limit = page::limit(wanted.limit)?;
    let after = page::after(wanted.cursor.as_deref())?.unwrap_or((i64::MAX, 0));
    let rows = standing::items(&app.store, location, wanted.of.into(), after, limit).await?;
    let next_cursor = page::next(rows.len(), limit, rows.last().map(|r| (r.units, r.no)));
    let body = |r: standing::Item| ItemBody { sku: r.sku, name: r.name, units: r.units };
    Ok(Json(ItemsBody { items: rows.into_iter().map(body).collect(), next_cursor }))
}

/// Which life of an agent is given up.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = RetireAgent)]
struct RetireBody {
    /// The one that `GET /v1/stores/{code}` named: one that came in its place meanwhile stays.
    #[schema(value_type = String)]
    incarnation: IncarnationId,
}

/// Gives up a store's agent that does not answer.
///
/// Its share is in doubt from now on and promised to nobody, until a count frees it or the agent
/// comes back: then what it sold meanwhile is booked, the rest is free again, and it goes on as a
/// new life with no share. A count also ends reservations that were given up and wait for its word.
/// Sales that exist only on a lost device are found by a count alone. Right after the hub's start
/// nothing is known of an agent yet (`agent_not_heard_yet`).
#[utoipa::path(post, path = "/v1/stores/{code}/retire-agent", tag = "stores",
    operation_id = "retire_agent",
    params(("code" = String, Path, pattern = "^[A-Z0-9]{1,12}$")),
    request_body = RetireBody, responses((status = 200, body = DetailBody)))]
async fn retire_agent(
    State(app): State<App>,
    signed: Signed,
    Path(code): Path<String>,
    key: Option<IdempotencyKey>,
    body: Payload<RetireBody>,
) -> Answer<Json<DetailBody>> {
    signed.need(Action::ChangeAgents)?;
    let seen = app.seen();
    let location = signed.location(&seen.records, &code)?;
    let incarnation = body.read()?.incarnation;
    let command = Command::RetireAgent { location: location.no, incarnation };
    Sending::new(&app, &signed.0, key.as_ref()).send(command).await?;
    // One that is there though it says nothing is to hear of it.
    app.links.cut(location.no);
    detail(&app, location).await
}
