//! `/v1/imports`: files of items and opening stock, their progress and their errors.

use axum::Json;
use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use futures_util::StreamExt;
use oneshelf_domain::ImportId;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::extract::{IdempotencyKey, Path, Query};
use super::guard::Signed;
use super::page::{self, Page};
use super::problem::{Answer, Error};
use super::sending::command_id;
use crate::app::App;
use crate::auth::Action;
use crate::imports::{self, Kind, NotReceived};
use crate::store::imports::{self as rows, ImportRow};

pub(super) fn router() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(make))
        .routes(routes!(get))
        .routes(routes!(errors))
        .routes(routes!(errors_csv))
}

/// What a file holds.
#[derive(Debug, Clone, Copy, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = ImportKind)]
enum KindBody {
    /// `sku,name,barcode,price,tax,category,options,image,brand`.
    Items,
    /// `sku,location,quantity`.
    Stock,
}

#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct Wanted {
    /// What the file holds.
    #[param(inline)]
    kind: KindBody,
}

/// An import that was begun.
#[derive(Serialize, ToSchema)]
#[schema(as = MadeImport)]
struct MadeBody {
    /// Its id.
    id: String,
}

/// Takes a CSV file in, at most 256 MiB. Its first row names the columns.
#[utoipa::path(post, path = "/v1/imports", tag = "imports", operation_id = "make_import",
    params(Wanted), request_body(content = String, content_type = "text/csv"),
    responses((status = 202, body = MadeBody)))]
async fn make(
    State(app): State<App>,
    signed: Signed,
    key: Option<IdempotencyKey>,
    Query(wanted): Query<Wanted>,
    headers: HeaderMap,
    body: Body,
) -> Answer<(StatusCode, Json<MadeBody>)> {
    let (kind, action) = match wanted.kind {
        KindBody::Items => (Kind::Items, Action::ImportItems),
        KindBody::Stock => (Kind::Stock, Action::ImportStock),
    };
    signed.need(action)?;
    let sent = headers.get(header::CONTENT_TYPE).and_then(|v| v.to_str().ok()).unwrap_or_default();
    let essence = sent.split(';').next().unwrap_or_default().trim();
    if !essence.eq_ignore_ascii_case("text/csv") {
        let detail = "send the file with `Content-Type: text/csv`";
        return Err(Error::new(415, "unsupported_media_type", detail));
    }
    let actor = signed.0.principal();
    let id = ImportId(command_id(&actor, key.as_ref()).0);
    let made = (StatusCode::ACCEPTED, Json(MadeBody { id: id.to_string() }));
    let Some(comes) = app.imports.receiving(id) else { return Ok(made) };
    if !rows::begin(&app.store, id, kind.name(), &actor, app.now()).await? {
        return Ok(made); // Sent again: the first one goes on.
    }
    // A task of its own: a sender that leaves must not leave half a file.
    let receiving = app.clone();
    let received = tokio::spawn(async move {
        let _until_it_is_here = comes;
        let pieces = body.into_data_stream().map(|piece| piece.map(|bytes| bytes.to_vec()));
        imports::receive(&receiving.store, id, kind, Box::pin(pieces)).await
    });
    match received.await.map_err(Error::internal)? {
        Ok(_) => {
            app.imports.wake();
            Ok(made)
        }
        Err(NotReceived::Unreadable(why)) => Err(Error::invalid("", &why.to_string())),
        Err(NotReceived::TooLarge) => {
            Err(Error::new(413, "too_large", "a file has at most 256 MiB"))
        }
        Err(NotReceived::Cut) => Err(Error::malformed("the file ended early")),
        Err(NotReceived::Store(error)) => Err(error.into()),
    }
}

/// Whether an import goes on.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = ImportState)]
enum StateBody {
    /// Rows are taken in.
    Running,
    /// Every row is decided.
    Done,
    /// The file was given up.
    Failed,
}

/// How far an import is.
#[derive(Serialize, ToSchema)]
#[schema(as = Import)]
struct ImportBody {
    /// Its id.
    id: String,
    /// What the file holds.
    #[schema(value_type = KindBody)]
    kind: String,
    /// Whether it goes on.
    state: StateBody,
    /// None while the file comes in.
    rows_total: Option<i64>,
    /// Rows decided.
    rows_done: i64,
    /// Of these, refused.
    rows_failed: i64,
    /// Why it failed.
    detail: Option<String>,
}

async fn found(app: &App, signed: &Signed, id: &str) -> Answer<(ImportId, ImportRow)> {
    let id: ImportId = id.parse().map_err(|_| Error::not_found())?;
    let may = signed.0.may(Action::ImportItems) || signed.0.may(Action::ImportStock);
    if !may {
        return Err(Error::not_allowed());
    }
    let mut tx = app.store.read().await?;
    let row = rows::find(&mut tx, id).await?;
    tx.rollback().await?;
    let admin = signed.0.role == Some(oneshelf_domain::record::Role::Admin);
    let mine = row.filter(|row| admin || row.actor == signed.0.principal());
    Ok((id, mine.ok_or_else(Error::not_found)?))
}

/// How far an import is.
#[utoipa::path(get, path = "/v1/imports/{id}", tag = "imports", operation_id = "get_import",
    params(("id" = String, Path, pattern = "^imp_[0-9a-f]{32}$")),
    responses((status = 200, body = ImportBody)))]
async fn get(
    State(app): State<App>,
    signed: Signed,
    Path(id): Path<String>,
) -> Answer<Json<ImportBody>> {
    let (_, row) = found(&app, &signed, &id).await?;
    let state = match row.state.as_str() {
        "done" => StateBody::Done,
        "failed" => StateBody::Failed,
        _ => StateBody::Running,
    };
    Ok(Json(ImportBody {
        id: row.id,
        kind: row.kind,
        state,
        rows_total: row.rows_total,
        rows_done: row.rows_done,
        rows_failed: row.rows_failed,
        detail: row.detail,
    }))
}

/// A row that was left out.
#[derive(Serialize, ToSchema)]
#[schema(as = ImportError)]
struct ErrorBody {
    /// As in the file; the header is row 1.
    row: i64,
    /// A stable code.
    code: String,
    /// What is wrong.
    detail: String,
}

/// A page of rows that were left out.
#[derive(Serialize, ToSchema)]
#[schema(as = ImportErrors)]
struct ErrorsBody {
    /// In the order of the file.
    errors: Vec<ErrorBody>,
    /// None at the end.
    next_cursor: Option<String>,
}

/// Rows that were left out, and why.
#[utoipa::path(get, path = "/v1/imports/{id}/errors", tag = "imports",
    operation_id = "list_import_errors",
    params(("id" = String, Path, pattern = "^imp_[0-9a-f]{32}$"), Page),
    responses((status = 200, body = ErrorsBody)))]
async fn errors(
    State(app): State<App>,
    signed: Signed,
    Path(id): Path<String>,
    Query(asked): Query<Page>,
) -> Answer<Json<ErrorsBody>> {
    let (id, _) = found(&app, &signed, &id).await?;
    let limit = page::limit(asked.limit)?;
    let after: i64 = page::after(asked.cursor.as_deref())?.unwrap_or(0);
    let mut tx = app.store.read().await?;
    let rows = rows::errors(&mut tx, id, after, limit).await?;
    tx.rollback().await?;
    let next_cursor = page::next(rows.len(), limit, rows.last().map(|r| r.line));
    let errors = rows
        .into_iter()
        .map(|r| ErrorBody { row: r.line, code: r.code, detail: r.detail })
        .collect();
    Ok(Json(ErrorsBody { errors, next_cursor }))
}

/// Rows of the file that a spreadsheet may be given, at most.
const EXPORT_ROWS_MAX: i64 = 100_000;

/// Rows that were left out, as a file for a spreadsheet.
#[utoipa::path(get, path = "/v1/imports/{id}/errors.csv", tag = "imports",
    operation_id = "export_import_errors",
    params(("id" = String, Path, pattern = "^imp_[0-9a-f]{32}$")),
    responses((status = 200, body = String, content_type = "text/csv")))]
async fn errors_csv(
    State(app): State<App>,
    signed: Signed,
    Path(id): Path<String>,
) -> Answer<Response> {
    let (id, _) = found(&app, &signed, &id).await?;
    let mut tx = app.store.read().await?;
    let rows = rows::errors(&mut tx, id, 0, EXPORT_ROWS_MAX).await?;
    tx.rollback().await?;
    let mut text = String::from("row,code,detail\r\n");
    for row in rows {
        let cells = [row.line.to_string(), harmless(&row.code), harmless(&row.detail)];
        text.push_str(&cells.join(","));
        text.push_str("\r\n");
    }
    let headers = [
        (header::CONTENT_TYPE, "text/csv; charset=utf-8"),
        (header::CONTENT_DISPOSITION, "attachment; filename=\"errors.csv\""),
    ];
    Ok((headers, text).into_response())
}

/// A cell that no spreadsheet takes for a formula.
fn harmless(cell: &str) -> String {
    let formula = cell.starts_with(['=', '+', '-', '@', '\t', '\r']);
    let cell = cell.replace('"', "\"\"");
    if formula { format!("\"'{cell}\"") } else { format!("\"{cell}\"") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn formulas_become_text() {
        for hostile in ["=1+1", "+1", "-1", "@sum", "\tx"] {
            assert!(harmless(hostile).starts_with("\"'"), "{hostile}");
        }
        assert_eq!(harmless("a \"b\""), "\"a \"\"b\"\"\"");
    }
}
