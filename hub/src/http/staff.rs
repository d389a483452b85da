//! `/v1/staff`: the people, their roles, stores, PINs and passwords.
//!
//! Invariant: nobody gives a role above their own or a store that they do not work at, and a
//! hash is never answered.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use oneshelf_domain::record::{Record, RecordState, Records, Role, Staff};
use oneshelf_domain::stock::Command;
use oneshelf_domain::{LocationCode, Refusal, StaffCode};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::extract::{IdempotencyKey, Path, Payload, Query};
use super::guard::Signed;
use super::page::{self, Page};
use super::problem::{Answer, Error};
use super::schema::StaffRoleSchema;
use super::sending::Sending;
use super::shop::words;
use crate::app::App;
use crate::auth::Action;

const PIN_DIGITS: usize = 4;
const PIN_DIGITS_MANAGER: usize = 6;
const PASSWORD_CHARS: std::ops::RangeInclusive<usize> = 10..=200;

pub(super) fn router() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(list)).routes(routes!(put, retire))
}

/// A member of staff.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Staff)]
struct StaffBody {
    /// Typed at sign-in.
    #[schema(value_type = String)]
    code: StaffCode,
    /// As on the receipt.
    name: String,
    /// What they may do.
    #[schema(value_type = StaffRoleSchema)]
    role: Role,
    /// Where; empty means everywhere.
    #[schema(value_type = Vec<String>)]
    locations: Vec<LocationCode>,
    /// Whether there is one.
    has_pin: bool,
    /// Whether there is one.
    has_password: bool,
}

impl From<&Staff> for StaffBody {
    fn from(staff: &Staff) -> Self {
        Self {
            code: staff.code.clone(),
            name: staff.name.clone(),
            role: staff.role,
            locations: staff.locations.clone(),
            has_pin: staff.pin_hash.is_some(),
            has_password: staff.password_hash.is_some(),
        }
    }
}

/// A page of staff.
#[derive(Serialize, ToSchema)]
#[schema(as = StaffList)]
struct StaffListBody {
    /// In the order of their codes.
    staff: Vec<StaffBody>,
    /// None at the end.
    next_cursor: Option<String>,
}

/// What one says of a member of staff.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = StaffDetails)]
struct DetailsBody {
    /// As on the receipt.
    #[schema(min_length = 1, max_length = 200)]
    name: String,
    /// What they may do.
    #[schema(value_type = StaffRoleSchema)]
    role: Role,
    /// Where; empty means everywhere.
    #[serde(default)]
    #[schema(value_type = Vec<String>)]
    locations: Vec<LocationCode>,
    /// Four digits, six for managers and admins; counts only on an enrolled device. The one
    /// there is stays when absent.
    #[serde(default)]
    #[schema(pattern = "^([0-9]{4}|[0-9]{6})$", format = Password)]
    pin: Option<String>,
    /// For the hub's pages, at least 10 characters. The one there is stays when absent.
    #[serde(default)]
    #[schema(min_length = 10, max_length = 200, format = Password)]
    password: Option<String>,
}

/// The staff of the stores that the caller works at.
#[utoipa::path(get, path = "/v1/staff", tag = "people", operation_id = "list_staff",
    params(Page), responses((status = 200, body = StaffListBody)))]
async fn list(
    State(app): State<App>,
    signed: Signed,
    Query(asked): Query<Page>,
) -> Answer<Json<StaffListBody>> {
    signed.need(Action::ReadStaff)?;
    let seen = app.seen();
    let staff =
        all(&seen.records).filter(|s| s.state == RecordState::Active && works_beside(&signed, s));
    let (staff, next_cursor) = page::cut(staff, &asked, |s| s.code.to_string())?;
    Ok(Json(StaffListBody { staff: staff.into_iter().map(StaffBody::from).collect(), next_cursor }))
}

fn all(records: &Records) -> impl Iterator<Item = &Staff> {
    records.of_kind("staff").filter_map(|(_, record)| match record {
        Record::Staff(staff) => Some(staff),
        _ => None,
    })
}

/// Somebody of another store is not there for the caller.
fn works_beside(signed: &Signed, staff: &Staff) -> bool {
    signed.0.sees_all() || staff.locations.iter().any(|l| signed.0.sees(l))
}

/// A manager's people: below admin, and nowhere that the manager is not.
fn may_change(signed: &Signed, role: Role, locations: &[LocationCode]) -> bool {
    let everywhere = locations.is_empty() || role == Role::Admin;
    signed.0.sees_all() && signed.0.role == Some(Role::Admin)
        || role != Role::Admin
            && (signed.0.sees_all() || !everywhere)
            && locations.iter().all(|l| signed.0.sees(l))
}

/// Makes or changes a member of staff.
#[utoipa::path(put, path = "/v1/staff/{code}", tag = "people", operation_id = "put_staff",
    params(("code" = String, Path, pattern = "^[a-z0-9.-]{1,32}$")),
    request_body = DetailsBody, responses((status = 200, body = StaffBody)))]
async fn put(
    State(app): State<App>,
    signed: Signed,
    Path(code): Path<String>,
    key: Option<IdempotencyKey>,
    body: Payload<DetailsBody>,
) -> Answer<Json<StaffBody>> {
    signed.need(Action::ChangeStaff)?;
    let code = StaffCode::new(&code).map_err(|e| Error::invalid("/code", &e.to_string()))?;
    let body = body.read()?;
    let seen = app.seen();
    let before = match seen.records.get(&format!("staff/{code}")) {
        Some(Record::Staff(staff)) => Some(staff),
        _ => None,
    };
    let allowed = may_change(&signed, body.role, &body.locations)
        && before.is_none_or(|b| may_change(&signed, b.role, &b.locations));
    if !allowed {
        return Err(Error::not_allowed());
    }
    // Who was removed begins anew: nobody signs in with what somebody once knew.
    let before = before.filter(|b| b.state == RecordState::Active);
    check(&body, before, &seen.records)?;
    let sending = Sending::new(&app, &signed.0, key.as_ref());
    let staff = Staff {
        pin_hash: match body.pin {
            Some(pin) => {
                let (pepper, salt) = (*app.secrets.pin_pepper(), salt(&app, &sending, "pin"));
                Some(app.hasher.hash_pin(pepper, salt, pin).await?)
            }
            None => before.and_then(|b| b.pin_hash.clone()),
        },
        password_hash: match body.password {
            Some(password) => {
                let salt = salt(&app, &sending, "password");
                Some(app.hasher.hash(app.secrets.password_pepper(), salt, password).await?)
            }
            None => before.and_then(|b| b.password_hash.clone()),
        },
        name: words("/name", &body.name)?,
        role: body.role,
        locations: body.locations,
        code,
        state: RecordState::Active,
    };
    let answer = StaffBody::from(&staff);
    let record = Box::new(Record::Staff(staff));
    sending.settle(Command::PutRecord { record }).await?;
    Ok(Json(answer))
}

fn check(body: &DetailsBody, before: Option<&Staff>, records: &Records) -> Answer<()> {
    for (at, location) in body.locations.iter().enumerate() {
        if records.location(location).is_none() {
            return Err(Error::invalid(&format!("/locations/{at}"), "a location that is there"));
        }
    }
    let managing = |role: Role| matches!(role, Role::Manager | Role::Admin);
    if body.role == Role::Agent {
        return Err(Error::invalid("/role", "admin, manager, clerk or cashier"));
    }
    let digits = if managing(body.role) { PIN_DIGITS_MANAGER } else { PIN_DIGITS };
    if let Some(pin) = &body.pin {
        if pin.len() != digits || !pin.bytes().all(|b| b.is_ascii_digit()) {
            return Err(Error::invalid("/pin", &format!("{digits} digits for this role")));
        }
    } else if before
        .is_some_and(|b| b.pin_hash.is_some() && managing(b.role) != managing(body.role))
    {
        return Err(Error::invalid(
            "/pin",
            &format!("this role needs a new PIN of {digits} digits"),
        ));
    }
    let chars = body.password.as_ref().map(|p| p.chars().count());
    if chars.is_some_and(|n| !PASSWORD_CHARS.contains(&n)) {
        return Err(Error::invalid("/password", "10 to 200 characters"));
    }
    Ok(())
}

/// It follows from the command, so that the same request sent again is the same command.
fn salt(app: &App, sending: &Sending<'_>, purpose: &str) -> [u8; 16] {
    let bytes = app.secrets.derive(purpose, sending.id.0.as_bytes());
    let mut salt = [0; 16];
    salt.copy_from_slice(&bytes[..16]);
    salt
}

/// Ends a member of staff: their sessions and PIN end with it.
#[utoipa::path(delete, path = "/v1/staff/{code}", tag = "people", operation_id = "retire_staff",
    params(("code" = String, Path, pattern = "^[a-z0-9.-]{1,32}$")),
    responses((status = 204)))]
async fn retire(
    State(app): State<App>,
    signed: Signed,
    Path(code): Path<String>,
    key: Option<IdempotencyKey>,
) -> Answer<StatusCode> {
    signed.need(Action::ChangeStaff)?;
    let name = format!("staff/{code}");
    let seen = app.seen();
    let unknown = || Refusal::RecordUnknown { what: "staff".to_owned() };
    let staff = match seen.records.get(&name) {
        Some(Record::Staff(staff)) if works_beside(&signed, staff) => staff,
        _ => return Err(unknown().into()),
    };
    if !may_change(&signed, staff.role, &staff.locations) {
        return Err(Error::not_allowed());
    }
    let command = Command::RemoveRecord { key: name };
    Sending::new(&app, &signed.0, key.as_ref()).settle(command).await?;
    Ok(StatusCode::NO_CONTENT)
}
