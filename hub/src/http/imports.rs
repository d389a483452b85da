//! `/v1/imports`: files of items, prices and opening stock, their progress and their errors.

use axum::Json;
use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::Response;
use futures_util::StreamExt;
use oneshelf_domain::{ImportId, Timestamp};
use serde::{Deserialize, Serialize};
use tokio::sync::mpsc;
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::exports::{self, DecimalBody};
use super::extract::{IdempotencyKey, Path, Query};
use super::guard::Signed;
use super::import_mappings::{KindBody, mapping};
use super::page::{self, Page};
use super::problem::{Answer, Error};
use super::sending::command_id;
use crate::app::App;
use crate::auth::Action;
use crate::csv::{Cell, Style};
use crate::imports::{self, Asked, Layout, NotReceived, REPORT};
use crate::store::StoreError;
use crate::store::imports::{self as rows, ErrorRow, ImportRow};

/// Rows of a report that are read at once.
const REPORT_ROWS: i64 = 1_000;

pub(super) fn router() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(make))
        .routes(routes!(get))
        .routes(routes!(cancel))
        .routes(routes!(errors))
        .routes(routes!(errors_csv))
}

#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct Wanted {
    /// What the file holds.
    #[param(inline)]
    kind: KindBody,
    /// A mapping that is kept under this name: where the file's own columns go. Without one the
    /// columns have our names.
    mapping: Option<String>,
    /// What stands in amounts before their fraction; when absent the mapping or the first rows
    /// say it.
    #[serde(default, deserialize_with = "page::given")]
    #[param(inline)]
    decimal: Option<DecimalBody>,
}

impl Wanted {
    fn asked(&self, app: &App) -> Answer<Asked> {
        let mut asked = Asked::new(self.kind.into());
        asked.decimal = self.decimal.map(Into::into);
        if let Some(name) = &self.mapping {
            let known = mapping(app, asked.kind, name)?;
            asked.decimal = asked.decimal.or(known.decimal);
            asked.mapping = Some(known.columns);
        }
        Ok(asked)
    }
}

/// An import that was begun.
#[derive(Serialize, ToSchema)]
#[schema(as = MadeImport)]
struct MadeBody {
    /// Its id.
    id: String,
}

/// Whether the body is said to be CSV.
pub(super) fn is_csv(headers: &HeaderMap) -> Answer<()> {
    let sent = headers.get(header::CONTENT_TYPE).and_then(|v| v.to_str().ok()).unwrap_or_default();
    let essence = sent.split(';').next().unwrap_or_default().trim();
    if essence.eq_ignore_ascii_case("text/csv") {
        return Ok(());
    }
    let detail = "send the file with `Content-Type: text/csv`";
    Err(Error::new(415, "unsupported_media_type", detail))
}

impl From<NotReceived> for Error {
    fn from(why: NotReceived) -> Self {
        match why {
            NotReceived::Unreadable(why) => Error::invalid("", &why.to_string()),
            NotReceived::TooLarge => Error::new(413, "too_large", "a file has at most 256 MiB"),
            NotReceived::Cut => Error::malformed("the file ended early"),
            NotReceived::Store(error) => error.into(),
        }
    }
}

/// Takes a CSV file in, at most 256 MiB: UTF-8, cells parted by commas or semicolons. Its first
/// row names the columns. Columns of items: `sku,name,barcode,price,tax,category,options,image,
/// brand,unit,state`; of prices: `sku,price,currency,from`; of stock: `sku,location,quantity`.
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
    signed.need(wanted.kind.action())?;
    is_csv(&headers)?;
    let asked = wanted.asked(&app)?;
    let actor = signed.0.principal();
    let id = ImportId(command_id(&actor, key.as_ref()).0);
    let made = (StatusCode::ACCEPTED, Json(MadeBody { id: id.to_string() }));
    let Some(comes) = app.imports.receiving(id) else { return Ok(made) };
    if !rows::begin(&app.store, id, asked.kind.name(), &actor, app.now()).await? {
        return Ok(made); // Sent again: the first one goes on.
    }
    // A task of its own: a sender that leaves must not leave half a file.
    let receiving = app.clone();
    let received = tokio::spawn(async move {
        let _until_it_is_here = comes;
        let pieces = body.into_data_stream().map(|piece| piece.map(|bytes| bytes.to_vec()));
        imports::receive(&receiving.store, id, asked, Box::pin(pieces)).await
    });
    received.await.map_err(Error::internal)??;
    app.imports.wake();
    Ok(made)
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
    /// Somebody stopped it; rows that were taken in stay.
    Cancelled,
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
    /// Rows decided a second, from the first to now or to the last.
    rows_per_second: Option<i64>,
    /// What stands in the file's amounts before their fraction.
    decimal: Option<DecimalBody>,
    /// Why it failed.
    detail: Option<String>,
    /// When its first rows were taken in.
    #[schema(value_type = Option<String>, format = DateTime)]
    began_at: Option<Timestamp>,
    /// When it ended.
    #[schema(value_type = Option<String>, format = DateTime)]
    ended_at: Option<Timestamp>,
}

impl ImportBody {
    fn of(row: ImportRow, now: Timestamp) -> Self {
        let ended_at = row.ended_at.map(Timestamp);
        let began_at = row.began_at.map(Timestamp);
        let took_ms = began_at.map(|began| ended_at.unwrap_or(now).ms_since(began).max(1));
        Self {
            state: match row.state.as_str() {
                "done" => StateBody::Done,
                "failed" => StateBody::Failed,
                "cancelling" | "cancelled" => StateBody::Cancelled,
                _ => StateBody::Running,
            },
            rows_per_second: took_ms.map(|ms| row.rows_done.saturating_mul(1_000) / ms),
            decimal: layout(&row).map(|layout| layout.decimal.into()),
            id: row.id,
            kind: row.kind,
            rows_total: row.rows_total,
            rows_done: row.rows_done,
            rows_failed: row.rows_failed,
            detail: row.detail,
            began_at,
            ended_at,
        }
    }
}

fn layout(row: &ImportRow) -> Option<Layout> {
    row.layout.as_deref().and_then(|text| serde_json::from_str(text).ok())
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
    Ok(Json(ImportBody::of(row, app.now())))
}

/// Stops an import: rows that were taken in stay, the rest is not done. One that has ended stays
/// as it is.
#[utoipa::path(post, path = "/v1/imports/{id}/cancel", tag = "imports",
    operation_id = "cancel_import",
    params(("id" = String, Path, pattern = "^imp_[0-9a-f]{32}$")),
    responses((status = 200, body = ImportBody)))]
async fn cancel(
    State(app): State<App>,
    signed: Signed,
    Path(id): Path<String>,
) -> Answer<Json<ImportBody>> {
    let (id, _) = found(&app, &signed, &id).await?;
    rows::cancel(&app.store, id).await?;
    app.imports.wake();
    let (_, row) = found(&app, &signed, &id.to_string()).await?;
    Ok(Json(ImportBody::of(row, app.now())))
}

/// A row that was left out.
#[derive(Serialize, ToSchema)]
#[schema(as = ImportError)]
pub(super) struct ErrorBody {
    /// As in the file; the header is row 1.
    row: i64,
    /// A stable code.
    code: String,
    /// What is wrong.
    detail: String,
}

impl From<ErrorRow> for ErrorBody {
    fn from(row: ErrorRow) -> Self {
        Self { row: row.line, code: row.code, detail: row.detail }
    }
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
    Ok(Json(ErrorsBody { errors: rows.into_iter().map(ErrorBody::from).collect(), next_cursor }))
}

/// Rows that were left out, as they came, each with its place in the file, a code and why. Put
/// right and taken in again, the file changes what these rows are about and nothing else.
#[utoipa::path(get, path = "/v1/imports/{id}/errors.csv", tag = "imports",
    operation_id = "export_import_errors",
    params(("id" = String, Path, pattern = "^imp_[0-9a-f]{32}$")),
    responses((status = 200, body = String, content_type = "text/csv")))]
async fn errors_csv(
    State(app): State<App>,
    signed: Signed,
    Path(id): Path<String>,
) -> Answer<Response> {
    let (id, row) = found(&app, &signed, &id).await?;
    let room = exports::room(&app, &signed)?;
    let layout = layout(&row);
    let header = layout.as_ref().map(|l| l.header.clone()).unwrap_or_default();
    let mut style = Style::of(layout.as_ref().map(|l| l.decimal).unwrap_or_default());
    style.delimiter = layout.map_or(style.delimiter, |l| l.delimiter);
    let mut first = String::new();
    style.row(
        &mut first,
        header.iter().map(|c| Cell::from(c.as_str())).chain(REPORT.map(Cell::from)),
    );
    let (pages, reader) = mpsc::channel(1);
    tokio::spawn(async move {
        let _room = room;
        let (mut page, mut after) = (Some(first), 0);
        while exports::give(&app, &pages, &page).await && page.is_some() {
            match report(&app, id, &mut after, header.len(), style).await {
                Ok(next) => page = next,
                Err(error) => {
                    tracing::warn!(%error, "a report was cut off");
                    return;
                }
            }
        }
    });
    Ok(exports::csv("errors", reader))
}

/// The next rows of a report behind a row; none at the end.
async fn report(
    app: &App,
    id: ImportId,
    after: &mut i64,
    columns: usize,
    style: Style,
) -> Result<Option<String>, StoreError> {
    let mut tx = app.store.read().await?;
    let rows = rows::errors(&mut tx, id, *after, REPORT_ROWS).await?;
    tx.rollback().await?;
    let Some(last) = rows.last() else { return Ok(None) };
    *after = last.line;
    let mut out = String::new();
    for row in rows {
        let cells = row.cells.as_deref().and_then(|text| serde_json::from_str(text).ok());
        let cells = fitted(cells.unwrap_or_default(), columns, style.delimiter);
        let why = [Cell::from(row.line), Cell::from(row.code), Cell::from(row.detail)];
        style.row(&mut out, cells.into_iter().map(Cell::from).chain(why));
    }
    Ok(Some(out))
}

/// The cells of a row in as many columns as the file has: what is too much stays in the last one.
fn fitted(mut cells: Vec<String>, columns: usize, delimiter: char) -> Vec<String> {
    if cells.len() > columns && columns > 0 {
        let rest = cells.split_off(columns - 1);
        cells.push(rest.join(&delimiter.to_string()));
    }
    cells.resize(columns, String::new());
    cells
}
