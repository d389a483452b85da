//! `/v1/import-mappings`: where the columns of a file go, remembered by name.

use std::collections::BTreeMap;

use axum::Json;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use oneshelf_domain::Refusal;
use oneshelf_domain::record::{ImportMapping, Record};
use oneshelf_domain::stock::{Command, Version};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::exports::DecimalBody;
use super::extract::{IdempotencyKey, Path, Payload, Query};
use super::guard::Signed;
use super::page::{self, Page};
use super::problem::{Answer, Error};
use super::sending::{Preconditions, Sending, etag};
use crate::app::App;
use crate::auth::Action;
use crate::imports::Kind;

pub(super) fn router() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(list)).routes(routes!(put, remove))
}

/// What a file holds.
#[derive(Debug, Clone, Copy, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = ImportKind)]
pub(super) enum KindBody {
    /// The catalogue.
    Items,
    /// Prices, from now on or from a moment on.
    Prices,
    /// Opening stock.
    Stock,
}

impl KindBody {
    /// Who may take such a file in.
    pub(super) const fn action(self) -> Action {
        match self {
            KindBody::Items | KindBody::Prices => Action::ImportItems,
            KindBody::Stock => Action::ImportStock,
        }
    }
}

impl From<KindBody> for Kind {
    fn from(body: KindBody) -> Self {
        match body {
            KindBody::Items => Kind::Items,
            KindBody::Prices => Kind::Prices,
            KindBody::Stock => Kind::Stock,
        }
    }
}

/// A mapping that is kept.
#[derive(Serialize, ToSchema)]
#[schema(as = ImportMapping)]
struct MappingBody {
    /// What its files hold.
    #[schema(value_type = KindBody)]
    kind: String,
    /// Its name.
    name: String,
    /// Columns of the files that it is offered for.
    headers: Vec<String>,
    /// Our columns, each with the file's that goes there.
    columns: BTreeMap<String, String>,
    /// What stands in amounts before their fraction; none: the first rows say it.
    decimal: Option<DecimalBody>,
    /// Of the last change; also the ETag.
    version: i64,
}

impl MappingBody {
    fn of(version: Version, mapping: &ImportMapping) -> Self {
        Self {
            kind: mapping.kind.clone(),
            name: mapping.name.clone(),
            headers: mapping.headers.clone(),
            columns: mapping.columns.clone(),
            decimal: mapping.decimal.map(Into::into),
            version: version.0,
        }
    }
}

/// A page of mappings.
#[derive(Serialize, ToSchema)]
#[schema(as = ImportMappings)]
struct MappingsBody {
    /// By kind and name.
    mappings: Vec<MappingBody>,
    /// None at the end.
    next_cursor: Option<String>,
}

/// Where columns go.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = NewImportMapping)]
struct NewMappingBody {
    /// Columns of the files that it is offered for.
    #[schema(max_items = 200)]
    headers: Vec<String>,
    /// Our columns, each with the file's that goes there.
    columns: BTreeMap<String, String>,
    /// What stands in amounts before their fraction; when absent the first rows say it.
    #[serde(default)]
    decimal: Option<DecimalBody>,
}

fn may(signed: &Signed, kind: &str) -> bool {
    let items = kind != Kind::Stock.name() && signed.0.may(Action::ImportItems);
    items || kind == Kind::Stock.name() && signed.0.may(Action::ImportStock)
}

fn of(record: &Record) -> Option<&ImportMapping> {
    match record {
        Record::Mapping(mapping) => Some(mapping),
        _ => None,
    }
}

/// A mapping that is kept.
///
/// # Errors
/// 404.
pub(super) fn mapping(app: &App, kind: Kind, name: &str) -> Answer<ImportMapping> {
    let unknown = || Refusal::RecordUnknown { what: "mapping".to_owned() };
    let key = ImportMapping::key(kind.name(), name);
    let seen = app.seen();
    let known = seen.records.get(&key).and_then(of).cloned();
    Ok(known.ok_or_else(unknown)?)
}

/// Mappings of the kinds that the caller may take in.
#[utoipa::path(get, path = "/v1/import-mappings", tag = "imports",
    operation_id = "list_import_mappings", params(Page),
    responses((status = 200, body = MappingsBody)))]
async fn list(
    State(app): State<App>,
    signed: Signed,
    Query(asked): Query<Page>,
) -> Answer<Json<MappingsBody>> {
    if !Kind::ALL.iter().any(|kind| may(&signed, kind.name())) {
        return Err(Error::not_allowed());
    }
    let seen = app.seen();
    let all = seen.records.of_kind("mapping").filter_map(|(v, record)| Some((v, of(record)?)));
    let mine = all.filter(|(_, mapping)| may(&signed, &mapping.kind));
    let (page, next_cursor) =
        page::cut(mine, &asked, |(_, m)| ImportMapping::key(&m.kind, &m.name))?;
    let mappings = page.into_iter().map(|(version, m)| MappingBody::of(version, m)).collect();
    Ok(Json(MappingsBody { mappings, next_cursor }))
}

/// Keeps where the columns of a file go, under a name.
#[utoipa::path(put, path = "/v1/import-mappings/{kind}/{name}", tag = "imports",
    operation_id = "put_import_mapping",
    params(("kind" = KindBody, Path), ("name" = String, Path, max_length = 60)),
    request_body = NewMappingBody,
    responses((status = 200, body = MappingBody, headers(("ETag" = String)))))]
async fn put(
    State(app): State<App>,
    signed: Signed,
    Path((kind, name)): Path<(KindBody, String)>,
    known: Preconditions,
    key: Option<IdempotencyKey>,
    body: Payload<NewMappingBody>,
) -> Answer<Response> {
    signed.need(kind.action())?;
    let kind = Kind::from(kind);
    let body = body.read()?;
    for column in body.columns.keys() {
        if !kind.columns().contains(&column.as_str()) {
            let rule = format!("one of {}", kind.columns().join(", "));
            return Err(Error::invalid("/columns", &rule));
        }
    }
    for needed in kind.needed() {
        if !body.columns.contains_key(*needed) {
            return Err(Error::invalid("/columns", &format!("names {needed}")));
        }
    }
    let wanted = ImportMapping {
        kind: kind.name().to_owned(),
        name,
        headers: body.headers,
        columns: body.columns,
        decimal: body.decimal.map(Into::into),
    };
    let record = Record::Mapping(wanted).checked()?;
    let key_of_record = record.key();
    let command = known.on(Command::PutRecord { record: Box::new(record) });
    Sending::new(&app, &signed.0, key.as_ref()).settle(command).await?;
    let seen = app.seen();
    let now = seen.records.get_versioned(&key_of_record);
    let now = now.and_then(|(version, record)| Some(MappingBody::of(version, of(record)?)));
    let body = now.ok_or_else(Error::not_found)?;
    Ok(([(header::ETAG, etag(Version(body.version)))], Json(body)).into_response())
}

/// Forgets a mapping.
#[utoipa::path(delete, path = "/v1/import-mappings/{kind}/{name}", tag = "imports",
    operation_id = "remove_import_mapping",
    params(("kind" = KindBody, Path), ("name" = String, Path, max_length = 60)),
    responses((status = 204)))]
async fn remove(
    State(app): State<App>,
    signed: Signed,
    Path((kind, name)): Path<(KindBody, String)>,
    known: Preconditions,
    key: Option<IdempotencyKey>,
) -> Answer<StatusCode> {
    signed.need(kind.action())?;
    let record = ImportMapping::key(Kind::from(kind).name(), &name);
    let command = known.on(Command::RemoveRecord { key: record });
    Sending::new(&app, &signed.0, key.as_ref()).settle(command).await?;
    Ok(StatusCode::NO_CONTENT)
}
