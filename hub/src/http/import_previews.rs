//! `/v1/imports/preview`: the first rows of a file and what they would do, before it is taken in.

use std::collections::BTreeMap;

use axum::Json;
use axum::body::Bytes;
use axum::extract::State;
use axum::extract::rejection::BytesRejection;
use axum::http::HeaderMap;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::exports::DecimalBody;
use super::extract::{Query, too_large_or_cut};
use super::guard::Signed;
use super::import_mappings::KindBody;
use super::imports::{ErrorBody, is_csv};
use super::page;
use super::problem::{Answer, Error};
use crate::app::App;
use crate::imports::{self, Asked, Changed, Effect, Kind, Preview, Previewed, Source};

pub(super) fn router() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(preview))
}

#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct Wanted {
    /// What the file holds.
    #[param(inline)]
    kind: KindBody,
    /// Where its columns go: a JSON object of our columns, each with the file's. Without it a
    /// mapping that is kept for these columns is taken, or what the columns are called.
    columns: Option<String>,
    /// What stands in amounts before their fraction; when absent the mapping or the rows say it.
    #[serde(default, deserialize_with = "page::given")]
    #[param(inline)]
    decimal: Option<DecimalBody>,
    /// Whether this is the beginning of a longer file, whose last row may be cut.
    #[serde(default)]
    #[param(default = false)]
    part: bool,
}

/// Where the columns' places come from.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = MappingSource)]
enum SourceBody {
    /// The request said it.
    Asked,
    /// A file with these columns was mapped before.
    Remembered,
    /// What the columns are called.
    Names,
}

/// What a row would do.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = ImportEffect)]
enum EffectBody {
    /// Makes something.
    New,
    /// Changes something.
    Change,
    /// Nothing: it is so already.
    Same,
    /// It is left out.
    LeftOut,
}

/// A column that changes.
#[derive(Serialize, ToSchema)]
#[schema(as = ImportChange)]
struct ChangeBody {
    /// Which of ours.
    column: &'static str,
    /// As it is.
    before: Option<String>,
    /// As it would be.
    after: Option<String>,
}

/// A row of a preview.
#[derive(Serialize, ToSchema)]
#[schema(as = PreviewedRow)]
struct RowBody {
    /// As in the file; the header is row 1.
    row: i64,
    /// As it came.
    cells: Vec<String>,
    /// What it would do.
    effect: EffectBody,
    /// To which columns.
    changes: Vec<ChangeBody>,
    /// Why it would be left out.
    error: Option<ErrorBody>,
}

impl From<Previewed> for RowBody {
    fn from(row: Previewed) -> Self {
        let change = |c: Changed| ChangeBody { column: c.column, before: c.before, after: c.after };
        Self {
            row: row.line,
            cells: row.cells,
            effect: match row.effect {
                Effect::New => EffectBody::New,
                Effect::Change => EffectBody::Change,
                Effect::Same => EffectBody::Same,
                Effect::LeftOut => EffectBody::LeftOut,
            },
            changes: row.changes.into_iter().map(change).collect(),
            error: row.wrong.map(ErrorBody::from),
        }
    }
}

/// The beginning of a file.
#[derive(Serialize, ToSchema)]
#[schema(as = ImportPreview)]
struct PreviewBody {
    /// The file's columns.
    header: Vec<String>,
    /// Between its cells.
    delimiter: char,
    /// What stands in its amounts before their fraction.
    decimal: DecimalBody,
    /// Our columns, in their order.
    columns: Vec<&'static str>,
    /// Those of them that every file has.
    needed: Vec<&'static str>,
    /// Our columns, each with the file's that goes there.
    mapping: BTreeMap<String, String>,
    /// Who says so.
    source: SourceBody,
    /// True when its columns have our names: it can be taken in without a mapping.
    plain: bool,
    /// The name of the mapping that is kept.
    name: Option<String>,
    /// What is missing before it can be taken in.
    missing: Option<String>,
    /// Its first rows, 20 at most; none while something is missing.
    rows: Vec<RowBody>,
}

impl PreviewBody {
    fn of(kind: Kind, preview: Preview) -> Self {
        let (source, name) = match preview.source {
            Source::Asked => (SourceBody::Asked, None),
            Source::Remembered(name) => (SourceBody::Remembered, Some(name)),
            Source::Names => (SourceBody::Names, None),
        };
        Self {
            header: preview.header,
            delimiter: preview.delimiter,
            decimal: preview.decimal.into(),
            columns: kind.columns().to_vec(),
            needed: kind.needed().to_vec(),
            mapping: preview.mapping,
            source,
            plain: preview.plain,
            name,
            missing: preview.missing,
            rows: preview.rows.into_iter().map(RowBody::from).collect(),
        }
    }
}

/// Looks at the beginning of a CSV file, at most 1 MiB: where its columns go, and what its first
/// rows would do. It changes nothing.
#[utoipa::path(post, path = "/v1/imports/preview", tag = "imports",
    operation_id = "preview_import", params(Wanted),
    request_body(content(("text/csv"))),
    responses((status = 200, body = PreviewBody)))]
async fn preview(
    State(app): State<App>,
    signed: Signed,
    Query(wanted): Query<Wanted>,
    headers: HeaderMap,
    body: Result<Bytes, BytesRejection>,
) -> Answer<Json<PreviewBody>> {
    signed.need(wanted.kind.action())?;
    is_csv(&headers)?;
    let body = body.map_err(|e| too_large_or_cut(&e))?;
    let kind = Kind::from(wanted.kind);
    let mut asked = Asked::new(kind);
    asked.decimal = wanted.decimal.map(Into::into);
    if let Some(text) = &wanted.columns {
        let read = serde_json::from_str(text);
        let rule = "a JSON object of our columns, each with the file's";
        asked.mapping = Some(read.map_err(|_| Error::invalid("columns", rule))?);
    }
    let preview = imports::preview(&app, asked, body.to_vec(), wanted.part).await?;
    Ok(Json(PreviewBody::of(kind, preview)))
}
