//! `/v1/rejected-facts`: facts of stores that were not booked when they came, and a person's word
//! on each: it is booked now, or it was seen to by hand.
//!
//! It shows a fact as it came; how one is booked late is `late_facts`. Invariant: the note on a
//! fact says booked when it is in the stock, whoever says otherwise.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use oneshelf_domain::stock::LocationNo;
use oneshelf_domain::{CommandId, Refusal, Timestamp, limits};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::extract::{Path, Payload, Query};
use super::guard::Signed;
use super::late_facts::{LateFact, is_booked};
use super::locations::note;
use super::page;
use super::problem::{Answer, Error};
use crate::app::App;
use crate::auth::Action;
use crate::store::read::rejected::{self, RejectedRow};
use crate::store::{Settled, settle_rejected};

/// Facts of one page: a frame has up to 256 KiB.
const FACTS_MAX: i64 = 50;

pub(super) fn router() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(list)).routes(routes!(book)).routes(routes!(settle))
}

/// Which of them, and the page.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct Wanted {
    /// Of this location alone; needed by callers who do not work everywhere.
    location: Option<String>,
    /// Only those that nobody has settled yet.
    #[serde(default)]
    #[param(default = false)]
    open: bool,
    /// Rows of the page.
    #[serde(default, deserialize_with = "page::given")]
    #[param(minimum = 1, maximum = 500, default = 50)]
    limit: Option<i64>,
    /// `next_cursor` of the page before.
    cursor: Option<String>,
}

/// A store's fact that the hub did not book when it came.
#[derive(Serialize, ToSchema)]
#[schema(as = RejectedFact)]
struct RejectedBody {
    /// Its command id.
    id: String,
    /// Its store.
    location: String,
    /// Who sent it.
    agent: String,
    /// Why it was not booked.
    code: String,
    /// The frame as it came; a text when it is no JSON.
    #[schema(value_type = Object)]
    frame: Value,
    /// When.
    #[schema(value_type = String, format = DateTime)]
    recorded_at: Timestamp,
    /// What became of it; none: somebody is to look.
    settled: Option<SettledBody>,
}

/// What became of a fact that was not booked.
#[derive(Serialize, ToSchema)]
#[schema(as = SettledFact)]
struct SettledBody {
    /// `booked`: it is in the stock now. `by_hand`: somebody counted or adjusted, or it is nothing.
    #[schema(pattern = "^(booked|by_hand)$")]
    how: String,
    /// Who said so.
    by: String,
    /// Why, in their words.
    note: String,
    /// When.
    #[schema(value_type = String, format = DateTime)]
    at: Timestamp,
}

/// A page of facts that were not booked.
#[derive(Serialize, ToSchema)]
#[schema(as = RejectedFacts)]
struct RejectedFactsBody {
    /// The newest first.
    facts: Vec<RejectedBody>,
    /// None at the end.
    next_cursor: Option<String>,
}

/// A person's word on a fact.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = FactDecision)]
struct Decision {
    /// Why, for those who look later.
    #[schema(min_length = 1, max_length = 500)]
    note: String,
}

fn shown(app: &App, row: RejectedRow) -> RejectedBody {
    let seen = app.seen();
    let location = seen.records.location_by_no(LocationNo(row.location));
    let settled = row.settled_at.map(|at| SettledBody {
        how: row.settled_how.unwrap_or_default(),
        by: row.settled_by.unwrap_or_default(),
        note: row.settled_note.unwrap_or_default(),
        at: Timestamp(at),
    });
    RejectedBody {
        location: location.map_or_else(String::new, |l| l.code.to_string()),
        frame: as_it_came(&row.frame),
        id: row.id,
        agent: row.agent,
        code: row.code,
        recorded_at: Timestamp(row.recorded_at),
        settled,
    }
}

fn as_it_came(frame: &str) -> Value {
    let as_text =
        || Value::String(oneshelf_domain::code::plain_text(frame, limits::FRAME_BYTES_MAX));
    serde_json::from_str(frame).unwrap_or_else(|_| as_text())
}

/// Facts of stores that could not be booked when they came, the newest first.
///
/// At most 50 come at once. The store's later facts went on; of these nothing is in the stock
/// until somebody books them.
#[utoipa::path(get, path = "/v1/rejected-facts", tag = "notices",
    operation_id = "list_rejected_facts",
    params(Wanted), responses((status = 200, body = RejectedFactsBody)))]
async fn list(
    State(app): State<App>,
    signed: Signed,
    Query(wanted): Query<Wanted>,
) -> Answer<Json<RejectedFactsBody>> {
    signed.need(Action::ReadNotices)?;
    let limit = page::limit(wanted.limit)?.min(FACTS_MAX);
    let before: Option<(i64, String)> = page::after(wanted.cursor.as_deref())?;
    let (at, id) = before.unwrap_or((i64::MAX, String::new()));
    let location = match &wanted.location {
        Some(code) => Some(signed.location(&app.seen().records, code)?.no),
        None if signed.0.sees_all() => None,
        None => return Err(Error::invalid("location", "say of which of your locations")),
    };
    let wanted = rejected::Wanted { location, open: wanted.open };
    let mut tx = app.store.read().await?;
    let rows = rejected::before(&mut tx, wanted, (at, &id), limit).await?;
    tx.rollback().await?;
    let last = rows.last().map(|r| (r.recorded_at, r.id.clone()));
    let next_cursor = page::next(rows.len(), limit, last);
    let facts = rows.into_iter().map(|row| shown(&app, row)).collect();
    Ok(Json(RejectedFactsBody { facts, next_cursor }))
}

/// Books now what a fact says that was not booked when it came.
///
/// For one that this hub can read and store by now: after an update, or when a fault of the
/// database was mended. Its goods leave the share and the stock as they would have; a sale stands
/// among the sales with its receipt number. A count, and the end of a device's life, are not booked
/// late: they say how things stood then. Where the shelf was counted or corrected since, or the
/// claim or transfer that it is about went on, its goods may be booked already: look at it and
/// settle the fact by hand. Asked for again it answers the same.
#[utoipa::path(post, path = "/v1/rejected-facts/{id}/book", tag = "notices",
    operation_id = "book_rejected_fact",
    params(("id" = String, Path, pattern = "^cmd_[0-9a-f]{32}$")),
    request_body = Decision, responses((status = 200, body = RejectedBody)))]
async fn book(
    State(app): State<App>,
    signed: Signed,
    Path(id): Path<String>,
    body: Payload<Decision>,
) -> Answer<Json<RejectedBody>> {
    signed.need(Action::Approve)?;
    let why = reason(body.read()?)?;
    let (id, row) = found(&app, &signed, &id).await?;
    match row.settled_how.as_deref() {
        Some("booked") => return Ok(Json(shown(&app, row))),
        // One that was booked all the same is noted as that.
        Some(_) if !is_booked(&app, &row, id).await? => return Err(settled_before()),
        _ => {}
    }
    let by = signed.0.principal();
    let late = LateFact::of(&row, id)?;
    late.book(&app, &by).await?;
    tracing::info!(%id, %by, note = why, "a fact is booked that was rejected when it came");
    let settled = Settled { booked: true, by: &by, note: &why };
    settle_rejected(&app.store, id, &settled, app.now()).await?;
    let (_, row) = found(&app, &signed, &id.to_string()).await?;
    Ok(Json(shown(&app, row)))
}

/// Says that somebody has seen to a fact: by a count, by an adjustment, or since it is nothing.
///
/// It changes no stock; the fact is not listed as open any more.
#[utoipa::path(post, path = "/v1/rejected-facts/{id}/settle", tag = "notices",
    operation_id = "settle_rejected_fact",
    params(("id" = String, Path, pattern = "^cmd_[0-9a-f]{32}$")),
    request_body = Decision, responses((status = 204)))]
async fn settle(
    State(app): State<App>,
    signed: Signed,
    Path(id): Path<String>,
    body: Payload<Decision>,
) -> Answer<StatusCode> {
    signed.need(Action::Approve)?;
    let why = reason(body.read()?)?;
    let (id, row) = found(&app, &signed, &id).await?;
    let by = signed.0.principal();
    let booked = is_booked(&app, &row, id).await?;
    let settled = Settled { booked, by: &by, note: &why };
    settle_rejected(&app.store, id, &settled, app.now()).await?;
    if booked || row.settled_how.as_deref() == Some("booked") {
        return Err(settled_before());
    }
    Ok(StatusCode::NO_CONTENT)
}

fn reason(decision: Decision) -> Answer<String> {
    note("/note", Some(decision.note))?.ok_or_else(|| Error::invalid("/note", "say why"))
}

fn settled_before() -> Error {
    Error::new(409, "fact_settled", "somebody has settled this fact before; read what they said")
}

/// A fact of a location that the caller works at.
async fn found(app: &App, signed: &Signed, id: &str) -> Answer<(CommandId, RejectedRow)> {
    let unknown = || Refusal::RecordUnknown { what: "rejected fact".to_owned() };
    let id: CommandId = id.parse().map_err(|_| unknown())?;
    let mut tx = app.store.read().await?;
    let row = rejected::by_id(&mut tx, id).await?;
    tx.rollback().await?;
    let row = row.ok_or_else(unknown)?;
    let seen = app.seen();
    let location = seen.records.location_by_no(LocationNo(row.location));
    if !location.map_or_else(|| signed.0.sees_all(), |l| signed.0.sees(&l.code)) {
        return Err(unknown().into());
    }
    Ok((id, row))
}
