//! `/v1/notices` and `/v1/rejected-facts`: what needs a look by a person.
//!
//! It tells and changes nothing. A fact that was not booked is shown as it came, to be booked by
//! hand: nothing of it is in the stock.

use axum::Json;
use axum::extract::State;
use oneshelf_domain::stock::LocationNo;
use oneshelf_domain::{Timestamp, limits};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::extract::Query;
use super::guard::Signed;
use super::page::{self, Page};
use super::problem::{Answer, Error};
use crate::app::App;
use crate::auth::Action;
use crate::store::read::notices::{self, NoticeRow, RejectedRow};

/// Facts of one page: a frame has up to 256 KiB.
const FACTS_MAX: i64 = 50;

pub(super) fn router() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(list)).routes(routes!(rejected))
}

/// Something that a rule wants a person to look at.
#[derive(Serialize, ToSchema)]
#[schema(as = Notice)]
struct NoticeBody {
    /// Of the command that made it.
    version: i64,
    /// A stable code: `reservation_short`, `hub_behind`, `sale_totals_differ` ...
    code: String,
    /// Id or key of what it is about.
    subject: String,
    /// In words.
    text: String,
    /// The kind of command.
    command: String,
    /// Who sent it.
    actor: String,
    /// The hub's time.
    #[schema(value_type = String, format = DateTime)]
    recorded_at: Timestamp,
}

impl From<NoticeRow> for NoticeBody {
    fn from(row: NoticeRow) -> Self {
        Self {
            version: row.version,
            code: row.kind.strip_prefix("notice.").unwrap_or(&row.kind).to_owned(),
            subject: row.subject,
            text: serde_json::from_str(&row.body).unwrap_or_default(),
            command: row.command,
            actor: row.actor,
            recorded_at: Timestamp(row.recorded_at),
        }
    }
}

/// A page of notices.
#[derive(Serialize, ToSchema)]
#[schema(as = Notices)]
struct NoticesBody {
    /// The newest first.
    notices: Vec<NoticeBody>,
    /// None at the end.
    next_cursor: Option<String>,
}

/// What needs a look, the newest first.
///
/// Kept for 30 days. A notice names no location, so only callers who work everywhere see them.
#[utoipa::path(get, path = "/v1/notices", tag = "notices", operation_id = "list_notices",
    params(Page), responses((status = 200, body = NoticesBody)))]
async fn list(
    State(app): State<App>,
    signed: Signed,
    Query(asked): Query<Page>,
) -> Answer<Json<NoticesBody>> {
    signed.need(Action::ReadNotices)?;
    if !signed.0.sees_all() {
        return Err(Error::not_allowed());
    }
    let limit = page::limit(asked.limit)?;
    let before = page::after(asked.cursor.as_deref())?.unwrap_or((i64::MAX, 0));
    let mut tx = app.store.read().await?;
    let rows = notices::before(&mut tx, before, limit).await?;
    tx.rollback().await?;
    let next_cursor = page::next(rows.len(), limit, rows.last().map(|r| (r.version, r.line)));
    Ok(Json(NoticesBody { notices: rows.into_iter().map(Into::into).collect(), next_cursor }))
}

#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct Wanted {
    /// Of one location; needed by callers who do not work everywhere.
    location: Option<String>,
    /// Rows of the page.
    #[serde(default, deserialize_with = "page::given")]
    #[param(minimum = 1, maximum = 500, default = 50)]
    limit: Option<i64>,
    /// `next_cursor` of the page before.
    cursor: Option<String>,
}

/// A store's fact that the hub did not book.
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

/// Facts of stores that could not be booked, the newest first.
///
/// At most 50 come at once. The store's later facts went on; of these nothing is in the stock
/// until somebody books it.
#[utoipa::path(get, path = "/v1/rejected-facts", tag = "notices",
    operation_id = "list_rejected_facts",
    params(Wanted), responses((status = 200, body = RejectedFactsBody)))]
async fn rejected(
    State(app): State<App>,
    signed: Signed,
    Query(wanted): Query<Wanted>,
) -> Answer<Json<RejectedFactsBody>> {
    signed.need(Action::ReadNotices)?;
    let seen = app.seen();
    let limit = page::limit(wanted.limit)?.min(FACTS_MAX);
    let before: Option<(i64, String)> = page::after(wanted.cursor.as_deref())?;
    let (at, id) = before.unwrap_or((i64::MAX, String::new()));
    let location = match &wanted.location {
        Some(code) => Some(signed.location(&seen.records, code)?.no),
        None if signed.0.sees_all() => None,
        None => return Err(Error::invalid("location", "say of which of your locations")),
    };
    let mut tx = app.store.read().await?;
    let rows = notices::rejected(&mut tx, location, (at, &id), limit).await?;
    tx.rollback().await?;
    let last = rows.last().map(|r| (r.recorded_at, r.id.clone()));
    let next_cursor = page::next(rows.len(), limit, last);
    let body = |row: RejectedRow| RejectedBody {
        location: seen
            .records
            .location_by_no(LocationNo(row.location))
            .map_or_else(String::new, |l| l.code.to_string()),
        frame: shown(&row.frame),
        id: row.id,
        agent: row.agent,
        code: row.code,
        recorded_at: Timestamp(row.recorded_at),
    };
    Ok(Json(RejectedFactsBody { facts: rows.into_iter().map(body).collect(), next_cursor }))
}

fn shown(frame: &str) -> Value {
    let as_text =
        || Value::String(oneshelf_domain::code::plain_text(frame, limits::FRAME_BYTES_MAX));
    serde_json::from_str(frame).unwrap_or_else(|_| as_text())
}
