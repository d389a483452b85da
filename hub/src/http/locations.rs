//! `/v1/locations` and `/v1/registers`: places with stock, and their points of sale.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use oneshelf_domain::record::{Location, LocationKind, Record, RecordState, Recovering, Register};
use oneshelf_domain::stock::{Command, LocationNo};
use oneshelf_domain::{LocationCode, RegisterCode, code, limits};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::extract::{IdempotencyKey, Path, Payload, Query};
use super::guard::Signed;
use super::page::{self, Page};
use super::problem::{Answer, Error};
use super::schema::{InUseSchema, LinkStateSchema, LocationKindSchema};
use super::sending::Sending;
use super::shop::{words, zone};
use crate::app::App;
use crate::auth::Action;

pub(super) fn router() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(list))
        .routes(routes!(get, put, retire))
        .routes(routes!(recovered))
        .routes(routes!(registers))
        .routes(routes!(put_register, retire_register))
}

/// A place with stock.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Location)]
struct LocationBody {
    /// First part of its receipt numbers.
    #[schema(value_type = String)]
    code: LocationCode,
    /// As shown.
    name: String,
    /// Store, warehouse ...
    #[schema(value_type = LocationKindSchema)]
    kind: LocationKind,
    /// IANA zone.
    zone: String,
    /// One line.
    address: Option<String>,
    /// Lines at the top of a receipt.
    receipt_header: Vec<String>,
    /// As shown to shoppers.
    opening_hours: Option<String>,
    /// In use or not.
    #[schema(value_type = InUseSchema)]
    state: RecordState,
    /// How its line looks.
    #[schema(value_type = LinkStateSchema)]
    link: &'static str,
}

impl LocationBody {
    fn of(app: &App, location: &Location) -> Self {
        Self {
            code: location.code.clone(),
            name: location.name.clone(),
            kind: location.kind,
            zone: location.zone.clone(),
            address: location.address.clone(),
            receipt_header: location.receipt_header.clone(),
            opening_hours: location.opening_hours.clone(),
            state: location.state,
            link: app.links.state(location.no).name(),
        }
    }
}

/// What one says of a location.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = LocationDetails)]
struct DetailsBody {
    /// As shown.
    #[schema(min_length = 1, max_length = 200)]
    name: String,
    /// Store, warehouse ...
    #[schema(value_type = LocationKindSchema)]
    kind: LocationKind,
    /// IANA zone; the shop's when absent.
    #[serde(default)]
    zone: Option<String>,
    /// One line.
    #[serde(default)]
    #[schema(max_length = 500)]
    address: Option<String>,
    /// Lines at the top of a receipt.
    #[serde(default)]
    #[schema(max_items = 8)]
    receipt_header: Vec<String>,
    /// As shown to shoppers.
    #[serde(default)]
    #[schema(max_length = 500)]
    opening_hours: Option<String>,
    /// In use or not.
    #[serde(default)]
    #[schema(value_type = InUseSchema)]
    state: RecordState,
}

/// A longer text for people, or none.
pub(super) fn note(pointer: &str, text: Option<String>) -> Answer<Option<String>> {
    let Some(text) = text else { return Ok(None) };
    if text.chars().count() > limits::NOTE_CHARS_MAX {
        return Err(Error::invalid(pointer, "at most 500 characters"));
    }
    Ok(Some(code::plain_text(&text, limits::NOTE_CHARS_MAX)).filter(|t| !t.is_empty()))
}

impl DetailsBody {
    fn checked(self, code: LocationCode, shop_zone: &str) -> Answer<Location> {
        if self.receipt_header.len() > limits::RECEIPT_HEADER_LINES_MAX {
            return Err(Error::invalid("/receipt_header", "at most 8 lines"));
        }
        let header = |line: &String| code::plain_text(line, limits::NAME_CHARS_MAX);
        Ok(Location {
            // The write path gives the number.
            no: LocationNo(0),
            code,
            name: words("/name", &self.name)?,
            kind: self.kind,
            zone: zone("/zone", self.zone.as_deref().unwrap_or(shop_zone))?,
            address: note("/address", self.address)?,
            receipt_header: self.receipt_header.iter().map(header).collect(),
            opening_hours: note("/opening_hours", self.opening_hours)?,
            state: self.state,
        })
    }
}

/// A page of locations.
#[derive(Serialize, ToSchema)]
#[schema(as = Locations)]
struct LocationsBody {
    /// In the order of their codes.
    locations: Vec<LocationBody>,
    /// None at the end.
    next_cursor: Option<String>,
}

/// Locations, with the state of their lines.
#[utoipa::path(get, path = "/v1/locations", tag = "locations", operation_id = "list_locations",
    params(Page), responses((status = 200, body = LocationsBody)))]
async fn list(
    State(app): State<App>,
    signed: Signed,
    Query(asked): Query<Page>,
) -> Answer<Json<LocationsBody>> {
    signed.need(Action::ReadLocations)?;
    let seen = app.seen();
    let all = seen.records.locations();
    let (page, next_cursor) = page::cut(all, &asked, |l| l.code.to_string())?;
    let locations = page.into_iter().map(|l| LocationBody::of(&app, l)).collect();
    Ok(Json(LocationsBody { locations, next_cursor }))
}

/// One location.
#[utoipa::path(get, path = "/v1/locations/{code}", tag = "locations",
    operation_id = "get_location",
    params(("code" = String, Path, pattern = "^[A-Z0-9]{1,12}$")),
    responses((status = 200, body = LocationBody)))]
async fn get(
    State(app): State<App>,
    signed: Signed,
    Path(code): Path<String>,
) -> Answer<Json<LocationBody>> {
    signed.need(Action::ReadLocations)?;
    let seen = app.seen();
    let code = LocationCode::new(&code).map_err(|_| Error::not_found())?;
    let location = seen.records.location(&code).ok_or_else(Error::not_found)?;
    Ok(Json(LocationBody::of(&app, location)))
}

/// Makes or changes a location. Its code is for ever: it stands in receipt numbers.
#[utoipa::path(put, path = "/v1/locations/{code}", tag = "locations",
    operation_id = "put_location",
    params(("code" = String, Path, pattern = "^[A-Z0-9]{1,12}$")),
    request_body = DetailsBody, responses((status = 200, body = LocationBody)))]
async fn put(
    State(app): State<App>,
    signed: Signed,
    Path(code): Path<String>,
    key: Option<IdempotencyKey>,
    body: Payload<DetailsBody>,
) -> Answer<Json<LocationBody>> {
    signed.need(Action::ChangeLocations)?;
    let code = LocationCode::new(&code).map_err(|e| Error::invalid("/code", &e.to_string()))?;
    let shop_zone = app.seen().records.shop().map_or("UTC".to_owned(), |s| s.zone.clone());
    let location = body.read()?.checked(code.clone(), &shop_zone)?;
    let record = Box::new(Record::Location(location));
    Sending::new(&app, &signed.0, key.as_ref()).settle(Command::PutRecord { record }).await?;
    let seen = app.seen();
    let location = seen.records.location(&code).ok_or_else(|| Error::internal("unseen"))?;
    Ok(Json(LocationBody::of(&app, location)))
}

/// Closes a location; its history stays.
#[utoipa::path(delete, path = "/v1/locations/{code}", tag = "locations",
    operation_id = "retire_location",
    params(("code" = String, Path, pattern = "^[A-Z0-9]{1,12}$")),
    responses((status = 204)))]
async fn retire(
    State(app): State<App>,
    signed: Signed,
    Path(code): Path<String>,
    key: Option<IdempotencyKey>,
) -> Answer<StatusCode> {
    signed.need(Action::ChangeLocations)?;
    let name = signed.location(&app.seen().records, &code)?.code.clone();
    let command = Command::RemoveRecord { key: format!("location/{name}") };
    Sending::new(&app, &signed.0, key.as_ref()).settle(command).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Promises a location again that waits, after the hub was put back to a backup, for its agents and
/// channels to tell what was done since.
///
/// For one whose agent is gone for good: count there first, since what is promised until then is
/// what the backup knew. Agents that have told everything end it by themselves; for channels there
/// is `/v1/channels/{channel}/caught-up`.
#[utoipa::path(delete, path = "/v1/locations/{code}/recovery", tag = "locations",
    operation_id = "end_location_recovery",
    params(("code" = String, Path, pattern = "^[A-Z0-9]{1,12}$")),
    responses((status = 204)))]
async fn recovered(
    State(app): State<App>,
    signed: Signed,
    Path(code): Path<String>,
    key: Option<IdempotencyKey>,
) -> Answer<StatusCode> {
    signed.need(Action::ChangeLocations)?;
    let seen = app.seen();
    let location = signed.location(&seen.records, &code)?.no;
    if seen.records.is_recovering(location) {
        let command = Command::RemoveRecord { key: Recovering::key(location) };
        Sending::new(&app, &signed.0, key.as_ref()).settle(command).await?;
    }
    Ok(StatusCode::NO_CONTENT)
}

/// A point of sale.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Register)]
struct RegisterBody {
    /// Where it stands.
    #[schema(value_type = String)]
    location: LocationCode,
    /// Second part of its receipt numbers.
    #[schema(value_type = String)]
    code: RegisterCode,
    /// As shown.
    name: String,
}

/// A page of the registers in use.
#[derive(Serialize, ToSchema)]
#[schema(as = Registers)]
struct RegistersBody {
    /// By location, then code.
    registers: Vec<RegisterBody>,
    /// None at the end.
    next_cursor: Option<String>,
}

/// What one says of a register.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = RegisterDetails)]
struct RegisterDetails {
    /// As shown.
    #[schema(min_length = 1, max_length = 200)]
    name: String,
}

/// Registers in use, of the stores that the caller works at.
#[utoipa::path(get, path = "/v1/registers", tag = "locations", operation_id = "list_registers",
    params(Page), responses((status = 200, body = RegistersBody)))]
async fn registers(
    State(app): State<App>,
    signed: Signed,
    Query(asked): Query<Page>,
) -> Answer<Json<RegistersBody>> {
    signed.need(Action::ReadRegisters)?;
    let seen = app.seen();
    let registers = seen.records.of_kind("register").filter_map(|(_, record)| match record {
        Record::Register(r) if r.state == RecordState::Active && signed.0.sees(&r.location) => {
            Some(RegisterBody {
                location: r.location.clone(),
                code: r.code.clone(),
                name: r.name.clone(),
            })
        }
        _ => None,
    });
    let name = |r: &RegisterBody| format!("{}/{}", r.location, r.code);
    let (registers, next_cursor) = page::cut(registers, &asked, name)?;
    Ok(Json(RegistersBody { registers, next_cursor }))
}

/// Makes or changes a register. Its code is for ever: it stands in receipt numbers.
#[utoipa::path(put, path = "/v1/registers/{location}/{code}", tag = "locations",
    operation_id = "put_register",
    params(("location" = String, Path, pattern = "^[A-Z0-9]{1,12}$"),
        ("code" = String, Path, pattern = "^[A-Z0-9]{1,8}$")),
    request_body = RegisterDetails, responses((status = 200, body = RegisterBody)))]
async fn put_register(
    State(app): State<App>,
    signed: Signed,
    Path((location, code)): Path<(String, String)>,
    key: Option<IdempotencyKey>,
    body: Payload<RegisterDetails>,
) -> Answer<Json<RegisterBody>> {
    signed.need(Action::ChangeRegisters)?;
    let location = signed.location(&app.seen().records, &location)?.code.clone();
    let code = RegisterCode::new(&code).map_err(|e| Error::invalid("/code", &e.to_string()))?;
    let name = words("/name", &body.read()?.name)?;
    let register = Register {
        location: location.clone(),
        code: code.clone(),
        name: name.clone(),
        state: RecordState::Active,
    };
    let record = Box::new(Record::Register(register));
    Sending::new(&app, &signed.0, key.as_ref()).settle(Command::PutRecord { record }).await?;
    Ok(Json(RegisterBody { location, code, name }))
}

/// Takes a register out of use; its receipts stay.
#[utoipa::path(delete, path = "/v1/registers/{location}/{code}", tag = "locations",
    operation_id = "retire_register",
    params(("location" = String, Path, pattern = "^[A-Z0-9]{1,12}$"),
        ("code" = String, Path, pattern = "^[A-Z0-9]{1,8}$")),
    responses((status = 204)))]
async fn retire_register(
    State(app): State<App>,
    signed: Signed,
    Path((location, code)): Path<(String, String)>,
    key: Option<IdempotencyKey>,
) -> Answer<StatusCode> {
    signed.need(Action::ChangeRegisters)?;
    let location = signed.location(&app.seen().records, &location)?.code.clone();
    let code = RegisterCode::new(&code).map_err(|_| Error::not_found())?;
    let command = Command::RemoveRecord { key: format!("register/{location}/{code}") };
    Sending::new(&app, &signed.0, key.as_ref()).settle(command).await?;
    Ok(StatusCode::NO_CONTENT)
}
