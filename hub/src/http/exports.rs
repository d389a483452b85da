//! `/v1/exports`: files of the catalogue, its prices, stock and movements, streamed as CSV.
//!
//! Invariant: a file is never whole in memory, and a reader that takes nothing is let go.

use std::collections::VecDeque;
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::http::{HeaderName, HeaderValue, header};
use axum::response::{IntoResponse, Response};
use oneshelf_domain::limits;
use oneshelf_domain::record::DecimalMark;
use oneshelf_domain::stock::{ItemNo, Version};
use serde::Deserialize;
use tokio::sync::mpsc;
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::extract::Query;
use super::guard::Signed;
use super::page;
use super::problem::{Answer, Error};
use crate::app::App;
use crate::auth::Action;
use crate::csv::Style;
use crate::exports::{Export, Sending};
use crate::store;

/// Behind the last version of a file of movements.
pub(super) const NEXT_CURSOR: HeaderName = HeaderName::from_static("oneshelf-next-cursor");
/// Pages that wait for the reader.
const PAGES: usize = 2;
/// Spreadsheets take a file for UTF-8 by it.
const BYTE_ORDER_MARK: &str = "\u{feff}";

pub(super) fn router() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(items))
        .routes(routes!(prices))
        .routes(routes!(stock))
        .routes(routes!(movements))
}

/// What stands in amounts before their fraction.
#[derive(Debug, Clone, Copy, Deserialize, serde::Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = DecimalMark)]
pub(super) enum DecimalBody {
    /// `12.50`.
    Point,
    /// `12,50`.
    Comma,
}

impl From<DecimalBody> for DecimalMark {
    fn from(body: DecimalBody) -> Self {
        match body {
            DecimalBody::Point => DecimalMark::Point,
            DecimalBody::Comma => DecimalMark::Comma,
        }
    }
}

impl From<DecimalMark> for DecimalBody {
    fn from(mark: DecimalMark) -> Self {
        match mark {
            DecimalMark::Point => DecimalBody::Point,
            DecimalMark::Comma => DecimalBody::Comma,
        }
    }
}

#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct Written {
    /// With `comma` cells are parted by semicolons.
    #[serde(default, deserialize_with = "page::given")]
    #[param(inline)]
    decimal: Option<DecimalBody>,
    /// Whether the file begins with a byte order mark, which spreadsheets look for.
    #[serde(default)]
    #[param(default = false)]
    bom: bool,
}

#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct WrittenStock {
    /// With `comma` cells are parted by semicolons.
    #[serde(default, deserialize_with = "page::given")]
    #[param(inline)]
    decimal: Option<DecimalBody>,
    /// Whether the file begins with a byte order mark, which spreadsheets look for.
    #[serde(default)]
    #[param(default = false)]
    bom: bool,
    /// Of one location; needed by callers who do not work everywhere.
    location: Option<String>,
}

#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct WrittenMovements {
    /// With `comma` cells are parted by semicolons.
    #[serde(default, deserialize_with = "page::given")]
    #[param(inline)]
    decimal: Option<DecimalBody>,
    /// Whether the file begins with a byte order mark, which spreadsheets look for.
    #[serde(default)]
    #[param(default = false)]
    bom: bool,
    /// Of one location, on either side; needed by callers who do not work everywhere.
    location: Option<String>,
    /// Movements behind this version: the `Oneshelf-Next-Cursor` of the file before.
    #[serde(default, deserialize_with = "page::given")]
    #[param(minimum = 0)]
    after: Option<i64>,
    /// Up to this version; the newest when absent. A range that is asked for again gives the same
    /// bytes.
    #[serde(default, deserialize_with = "page::given")]
    #[param(minimum = 0)]
    upto: Option<i64>,
}

/// The catalogue, in the order of SKUs.
#[utoipa::path(get, path = "/v1/exports/items", tag = "exports", operation_id = "export_items",
    params(Written), responses((status = 200, body = String, content_type = "text/csv")))]
async fn items(
    State(app): State<App>,
    signed: Signed,
    Query(wanted): Query<Written>,
) -> Answer<Response> {
    signed.need(Action::ExportItems)?;
    let style = Style::of(wanted.decimal.map_or(DecimalMark::Point, Into::into));
    stream(&app, &signed, Export::Items(String::new()), style, wanted.bom, "items")
}

/// Prices: each item's own while it is in force, and those that begin at a moment.
#[utoipa::path(get, path = "/v1/exports/prices", tag = "exports", operation_id = "export_prices",
    params(Written), responses((status = 200, body = String, content_type = "text/csv")))]
async fn prices(
    State(app): State<App>,
    signed: Signed,
    Query(wanted): Query<Written>,
) -> Answer<Response> {
    signed.need(Action::ExportItems)?;
    let style = Style::of(wanted.decimal.map_or(DecimalMark::Point, Into::into));
    stream(&app, &signed, Export::Prices(String::new()), style, wanted.bom, "prices")
}

/// Stock per item and location, with its buckets.
#[utoipa::path(get, path = "/v1/exports/stock", tag = "exports", operation_id = "export_stock",
    params(WrittenStock), responses((status = 200, body = String, content_type = "text/csv")))]
async fn stock(
    State(app): State<App>,
    signed: Signed,
    Query(wanted): Query<WrittenStock>,
) -> Answer<Response> {
    signed.need(Action::ExportStock)?;
    let seen = app.seen();
    let records = &seen.records;
    let locations: VecDeque<_> = match &wanted.location {
        Some(code) => [signed.location(records, code)?].into(),
        None if signed.0.sees_all() => records.locations().collect(),
        None => return Err(Error::invalid("location", "say of which of your locations")),
    };
    let locations = locations.into_iter().map(|l| (l.no, l.code.clone())).collect();
    let style = Style::of(wanted.decimal.map_or(DecimalMark::Point, Into::into));
    stream(&app, &signed, Export::Stock(locations, ItemNo::default()), style, wanted.bom, "stock")
}

/// What moved, the oldest first. `Oneshelf-Next-Cursor` says where the next file begins.
#[utoipa::path(get, path = "/v1/exports/movements", tag = "exports",
    operation_id = "export_movements", params(WrittenMovements),
    responses((status = 200, body = String, content_type = "text/csv",
        headers(("Oneshelf-Next-Cursor" = String)))))]
async fn movements(
    State(app): State<App>,
    signed: Signed,
    Query(wanted): Query<WrittenMovements>,
) -> Answer<Response> {
    signed.need(Action::ExportMovements)?;
    let location = match &wanted.location {
        Some(code) => Some(signed.location(&app.seen().records, code)?.no),
        None if signed.0.sees_all() => None,
        None => return Err(Error::invalid("location", "say of which of your locations")),
    };
    let mut tx = app.store.read().await?;
    let head = store::head(&mut tx).await?.head.version;
    tx.rollback().await?;
    let after = wanted.after.unwrap_or(0);
    let upto = wanted.upto.unwrap_or(head.0);
    if !(0..=head.0).contains(&after) {
        return Err(Error::invalid("after", "a version that there is, or 0"));
    }
    if !(after..=head.0).contains(&upto) {
        return Err(Error::invalid("upto", "a version that there is, not before `after`"));
    }
    let upto = Version(upto);
    // Lines of a version begin at 0: behind its last one.
    let export = Export::Movements { location, after: (after, i64::MAX), upto };
    let style = Style::of(wanted.decimal.map_or(DecimalMark::Point, Into::into));
    let mut response = stream(&app, &signed, export, style, wanted.bom, "movements")?;
    response.headers_mut().insert(NEXT_CURSOR, HeaderValue::from(upto.0));
    Ok(response)
}

/// Room for one more file that is sent.
///
/// # Errors
/// 503 while there is none.
pub(super) fn room(app: &App, signed: &Signed) -> Answer<Sending> {
    let room = app.exports.room(&signed.0.principal());
    room.ok_or_else(|| Error::busy("several files are being sent; try again in a moment"))
}

/// Begins to send a file, when there is room for one more.
fn stream(
    app: &App,
    signed: &Signed,
    export: Export,
    style: Style,
    bom: bool,
    name: &str,
) -> Answer<Response> {
    let room = room(app, signed)?;
    let first = if bom { BYTE_ORDER_MARK } else { "" }.to_owned() + &export.header(style);
    Ok(csv(name, send(app.clone(), export, style, first, room)))
}

/// Pages on their way, then none. A sender that goes without having said none cuts the file off:
/// nobody is to take a part for the whole.
pub(super) type Pages = mpsc::Receiver<Option<String>>;

fn send(app: App, mut export: Export, style: Style, first: String, room: Sending) -> Pages {
    let (pages, reader) = mpsc::channel(PAGES);
    tokio::spawn(async move {
        let _room = room;
        let mut page = Some(first);
        while give(&app, &pages, &page).await && page.is_some() {
            match export.page(&app, style).await {
                Ok(next) => page = next,
                Err(error) => {
                    tracing::warn!(%error, "a file was cut off");
                    return;
                }
            }
        }
    });
    reader
}

/// Waits until the reader takes a page; false when it is let go.
pub(super) async fn give(
    app: &App,
    pages: &mpsc::Sender<Option<String>>,
    page: &Option<String>,
) -> bool {
    let patience = Duration::from_millis(limits::EXPORT_SEND_MS);
    tokio::select! {
        () = app.stop.cancelled() => false,
        taken = tokio::time::timeout(patience, pages.send(page.clone())) => {
            matches!(taken, Ok(Ok(())))
        }
    }
}

/// A CSV file of pages.
pub(super) fn csv(name: &str, pages: Pages) -> Response {
    let stream = futures_util::stream::unfold(Some(pages), async |pages| {
        let mut pages = pages?;
        match pages.recv().await {
            Some(Some(page)) => Some((Ok(Bytes::from(page)), Some(pages))),
            Some(None) => None,
            None => Some((Err(std::io::Error::other("the file was cut off")), None)),
        }
    });
    let headers = [
        (header::CONTENT_TYPE, "text/csv; charset=utf-8".to_owned()),
        (header::CONTENT_DISPOSITION, format!("attachment; filename=\"{name}.csv\"")),
    ];
    (headers, Body::from_stream(stream)).into_response()
}
