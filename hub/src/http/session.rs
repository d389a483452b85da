//! `/v1/session`: signing in on the hub's pages, with a key or as a person.
//!
//! Invariant: the cookie's text is kept nowhere, only its hash, and a wrong sign-in takes as long
//! as a right one.

use axum::Json;
use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use oneshelf_domain::StaffCode;
use oneshelf_domain::record::Record;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::extract::Payload;
use super::guard::{COOKIE, ClientAddress, Signed, cookie, of_secret};
use super::origins;
use super::problem::{Answer, Error};
use super::schema::ScopeSchema;
use crate::app::App;
use crate::auth::rates::Door;
use crate::auth::{Caller, tokens};
use crate::secrets::random;
use crate::store::sessions;

/// How long a session lives, milliseconds (8 hours).
const SESSION_MS: i64 = 8 * 60 * 60 * 1_000;

pub(super) fn router() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(get, open, close))
}

/// Either a secret, or a staff code with its password.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = SignIn)]
struct SignIn {
    /// `osa_...` or `osk_...`.
    #[serde(default)]
    #[schema(max_length = 200, format = Password)]
    secret: Option<String>,
    /// A member of staff.
    #[serde(default)]
    #[schema(max_length = 32)]
    staff: Option<String>,
    /// Theirs.
    #[serde(default)]
    #[schema(max_length = 200, format = Password)]
    password: Option<String>,
}

/// Who is signed in.
#[derive(Serialize, ToSchema)]
#[schema(as = Session)]
struct SessionBody {
    /// For people.
    name: String,
    /// `admin`, `manager`, `clerk`, `cashier`, or `app` for a key.
    role: &'static str,
    /// Of a key.
    #[schema(value_type = Vec<ScopeSchema>)]
    scopes: Vec<oneshelf_domain::record::Scope>,
    /// Where; none means everywhere.
    #[schema(value_type = Option<Vec<String>>)]
    locations: Option<Vec<oneshelf_domain::LocationCode>>,
}

fn role(caller: &Caller) -> &'static str {
    use oneshelf_domain::record::Role;
    match caller.role {
        Some(Role::Admin) => "admin",
        Some(Role::Manager) => "manager",
        Some(Role::Clerk) => "clerk",
        Some(Role::Cashier) => "cashier",
        Some(Role::Agent) => "agent",
        None => "app",
    }
}

/// Who is signed in.
#[utoipa::path(get, path = "/v1/session", tag = "session", operation_id = "get_session",
    responses((status = 200, body = SessionBody)))]
async fn get(signed: Signed) -> Json<SessionBody> {
    let caller = signed.0;
    Json(SessionBody {
        role: role(&caller),
        name: caller.name,
        scopes: caller.scopes,
        locations: caller.locations,
    })
}

/// Signs in: answers with a session cookie. Few tries an address.
#[utoipa::path(post, path = "/v1/session", tag = "session", operation_id = "open_session",
    security(()), request_body = SignIn,
    responses((status = 204, headers(("Set-Cookie" = String)))))]
async fn open(
    State(app): State<App>,
    address: ClientAddress,
    headers: HeaderMap,
    body: Payload<SignIn>,
) -> Answer<Response> {
    // A page from elsewhere may not sign this browser in as somebody else.
    if headers.contains_key(header::ORIGIN) && !origins::same_origin(&app, &headers) {
        return Err(Error::foreign_origin());
    }
    app.gate.pass(Door::Door, &address.name()).map_err(Error::too_many_requests)?;
    let caller = match body.read()? {
        SignIn { secret: Some(secret), staff: None, password: None } => {
            of_secret(&app, &secret).await?
        }
        SignIn { secret: None, staff: Some(staff), password: Some(password) } => {
            app.gate
                .pass(Door::Door, &format!("staff:{staff}"))
                .map_err(Error::too_many_requests)?;
            of_password(&app, &staff, password).await?
        }
        _ => return Err(Error::invalid("", "a secret, or staff and password")),
    };
    let session = tokens::text(tokens::SESSION, &random()?);
    let now = app.now();
    let until = now.plus_ms(SESSION_MS);
    let principal = caller.session_principal();
    sessions::open(&app.store, &tokens::hash(&session), &principal, until, now).await?;
    let seconds = SESSION_MS / 1_000;
    Ok(with_cookie(&format!("{COOKIE}={session}; Max-Age={seconds}")))
}

async fn of_password(app: &App, code: &str, password: String) -> Answer<Caller> {
    let seen = app.seen();
    let staff = match StaffCode::new(code).ok().map(|code| format!("staff/{code}")) {
        Some(key) => match seen.records.get(&key) {
            Some(Record::Staff(staff)) => Some(staff),
            _ => None,
        },
        None => None,
    };
    let hash = staff.and_then(|s| s.password_hash.clone());
    let right = app.hasher.verify(app.secrets.password_pepper(), hash, password).await?;
    let caller = staff.filter(|_| right).and_then(Caller::of_staff);
    caller.ok_or_else(Error::wrong_secret)
}

fn with_cookie(pair: &str) -> Response {
    let text = format!("{pair}; Path=/; Secure; HttpOnly; SameSite=Strict");
    let value = HeaderValue::from_str(&text).unwrap_or_else(|_| HeaderValue::from_static(""));
    (StatusCode::NO_CONTENT, [(header::SET_COOKIE, value)]).into_response()
}

/// Signs out.
#[utoipa::path(delete, path = "/v1/session", tag = "session", operation_id = "close_session",
    responses((status = 204)))]
async fn close(State(app): State<App>, _signed: Signed, headers: HeaderMap) -> Answer<Response> {
    if let Some(session) = cookie(&headers) {
        sessions::close(&app.store, &tokens::hash(session)).await?;
    }
    Ok(with_cookie(&format!("{COOKIE}=; Max-Age=0")))
}
