//! `/v1/notices`: what the rules want a person to look at. It tells and changes nothing.

use axum::Json;
use axum::extract::State;
use oneshelf_domain::Timestamp;
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::extract::Query;
use super::guard::Signed;
use super::page::{self, Page};
use super::problem::{Answer, Error};
use crate::app::App;
use crate::auth::Action;
use crate::store::read::notices::{self, NoticeRow};

pub(super) fn router() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(list))
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
