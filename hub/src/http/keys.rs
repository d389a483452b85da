//! `/v1/keys`: keys of servers, apps and web shops. A new one is answered once.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use oneshelf_domain::record::{ApiKey, Display, KeyKind, Record, RecordState, Records, Scope};
use oneshelf_domain::stock::Command;
use oneshelf_domain::{KeyId, Refusal, Timestamp};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::extract::{IdempotencyKey, Path, Payload, Query};
use super::guard::Signed;
use super::origins;
use super::page::{self, Page};
use super::problem::{Answer, Error};
use super::schema::{DisplaySchema, InUseSchema, KeyKindSchema, ScopeSchema};
use super::sending::Sending;
use super::shop::words;
use crate::app::App;
use crate::auth::{Action, tokens};

const ORIGINS_MAX: usize = 50;
const DISPLAY_UNITS_MAX: i64 = 1_000_000;
const PUBLIC_SCOPES: [Scope; 3] = [Scope::StockRead, Scope::Hold, Scope::Live];

pub(super) fn router() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(list, make)).routes(routes!(end))
}

/// A key, without its secret.
#[derive(Serialize, ToSchema)]
#[schema(as = Key)]
struct KeyBody {
    /// Its id.
    id: String,
    /// For people.
    name: String,
    /// Secret or publishable.
    #[schema(value_type = KeyKindSchema)]
    kind: KeyKind,
    /// What it may do.
    #[schema(value_type = Vec<ScopeSchema>)]
    scopes: Vec<Scope>,
    /// Web origins that may use it.
    origins: Vec<String>,
    /// The channel whose figure it sees.
    channel: Option<String>,
    /// How figures are shown; of publishable keys.
    #[schema(value_type = Option<DisplaySchema>)]
    display: Option<Display>,
    /// After this it is dead.
    #[schema(value_type = Option<String>, format = DateTime)]
    expires_at: Option<Timestamp>,
    /// In use or not.
    #[schema(value_type = InUseSchema)]
    state: RecordState,
}

impl From<&ApiKey> for KeyBody {
    fn from(key: &ApiKey) -> Self {
        Self {
            id: key.id.to_string(),
            name: key.name.clone(),
            kind: key.kind,
            scopes: key.scopes.clone(),
            origins: key.origins.clone(),
            channel: key.channel.clone(),
            display: (key.kind == KeyKind::Publishable).then_some(key.display),
            expires_at: key.expires_at,
            state: key.state,
        }
    }
}

/// A page of the keys in use.
#[derive(Serialize, ToSchema)]
#[schema(as = Keys)]
struct KeysBody {
    /// In the order of their ids.
    keys: Vec<KeyBody>,
    /// None at the end.
    next_cursor: Option<String>,
}

/// What a new key is to be.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = NewKey)]
struct NewKey {
    /// For people.
    #[schema(min_length = 1, max_length = 200)]
    name: String,
    /// Secret or publishable.
    #[schema(value_type = KeyKindSchema)]
    kind: KeyKind,
    /// What it may do; a publishable key at most `stock:read`, `hold` and `live`.
    #[schema(value_type = Vec<ScopeSchema>, min_items = 1, max_items = 7)]
    scopes: Vec<Scope>,
    /// Web origins that may use it (`https://shop.example`); of publishable keys.
    #[serde(default)]
    #[schema(max_items = 50)]
    origins: Vec<String>,
    /// The channel whose figure limits it. `web` for a publishable key that names none.
    #[serde(default)]
    #[schema(pattern = "^[a-z0-9_-]{1,32}$")]
    channel: Option<String>,
    /// How figures are shown.
    #[serde(default)]
    #[schema(value_type = Option<DisplaySchema>)]
    display: Option<Display>,
    /// After this it is dead.
    #[serde(default)]
    #[schema(value_type = Option<String>, format = DateTime)]
    expires_at: Option<Timestamp>,
}

/// A new key with its secret, which is shown this once.
#[derive(Serialize, ToSchema)]
#[schema(as = MadeKey)]
struct MadeKey {
    /// Its id.
    id: String,
    /// `osk_...` or `osp_...`.
    secret: String,
}

/// A channel's name.
pub(super) fn channel(pointer: &str, name: &str) -> Answer<String> {
    let allowed = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_' || b == b'-';
    if name.is_empty() || name.len() > 32 || !name.bytes().all(allowed) {
        return Err(Error::invalid(pointer, "1 to 32 lower-case letters, digits, _ and -"));
    }
    Ok(name.to_owned())
}

impl NewKey {
    fn check(&self, now: Timestamp) -> Answer<()> {
        let public = self.kind == KeyKind::Publishable;
        if self.scopes.is_empty() || self.scopes.len() > 7 {
            return Err(Error::invalid("/scopes", "1 to 7 scopes"));
        }
        for (at, scope) in self.scopes.iter().enumerate() {
            let fits = if public { PUBLIC_SCOPES.contains(scope) } else { *scope != Scope::Hold };
            if !fits {
                let rule = "not for a key of this kind";
                return Err(Error::invalid(&format!("/scopes/{at}"), rule));
            }
        }
        if self.origins.len() > ORIGINS_MAX || (!public && !self.origins.is_empty()) {
            return Err(Error::invalid("/origins", "at most 50, of publishable keys alone"));
        }
        for (at, origin) in self.origins.iter().enumerate() {
            if !origins::is_origin(origin) {
                let rule = "an origin without a path, as in https://shop.example";
                return Err(Error::invalid(&format!("/origins/{at}"), rule));
            }
        }
        let units = match self.display {
            Some(Display::Exact { cap }) => cap,
            Some(Display::Level { low }) => low,
            Some(Display::YesNo) | None => 1,
        };
        if !(1..=DISPLAY_UNITS_MAX).contains(&units) {
            return Err(Error::invalid("/display", "1 to 1,000,000 units"));
        }
        if self.expires_at.is_some_and(|end| end <= now) {
            return Err(Error::invalid("/expires_at", "a time to come"));
        }
        Ok(())
    }
}

/// Keys in use.
#[utoipa::path(get, path = "/v1/keys", tag = "keys", operation_id = "list_keys",
    params(Page), responses((status = 200, body = KeysBody)))]
async fn list(
    State(app): State<App>,
    signed: Signed,
    Query(asked): Query<Page>,
) -> Answer<Json<KeysBody>> {
    signed.need(Action::ReadKeys)?;
    let seen = app.seen();
    let active = all(&seen.records).filter(|key| key.state == RecordState::Active);
    let (keys, next_cursor) = page::cut(active, &asked, |key| key.id.to_string())?;
    Ok(Json(KeysBody { keys: keys.into_iter().map(KeyBody::from).collect(), next_cursor }))
}

fn all(records: &Records) -> impl Iterator<Item = &ApiKey> {
    records.of_kind("key").filter_map(|(_, record)| match record {
        Record::Key(key) => Some(key),
        _ => None,
    })
}

/// Makes a key.
#[utoipa::path(post, path = "/v1/keys", tag = "keys", operation_id = "make_key",
    request_body = NewKey, responses((status = 201, body = MadeKey)))]
async fn make(
    State(app): State<App>,
    signed: Signed,
    key: Option<IdempotencyKey>,
    body: Payload<NewKey>,
) -> Answer<(StatusCode, Json<MadeKey>)> {
    signed.need(Action::ChangeKeys)?;
    let body = body.read()?;
    body.check(app.now())?;
    let sending = Sending::new(&app, &signed.0, key.as_ref());
    let id = KeyId(sending.id.0);
    // Follows from the command, so that a request sent again is answered the same secret.
    let bytes = app.secrets.derive("key", sending.id.0.as_bytes());
    let public = body.kind == KeyKind::Publishable;
    let prefix = if public {
        tokens::PUBLISHABLE
    } else if body.scopes.contains(&Scope::Admin) {
        tokens::ADMIN
    } else {
        tokens::SECRET
    };
    let secret = tokens::text(prefix, &bytes);
    let channel = match &body.channel {
        Some(name) => Some(channel("/channel", name)?),
        None => public.then(|| "web".to_owned()),
    };
    let record = ApiKey {
        id,
        name: words("/name", &body.name)?,
        kind: body.kind,
        secret_hash: tokens::hash(&secret),
        public_text: public.then(|| secret.clone()),
        scopes: body.scopes,
        origins: body.origins,
        channel,
        display: body.display.unwrap_or_default(),
        expires_at: body.expires_at,
        state: RecordState::Active,
    };
    let record = Box::new(Record::Key(record));
    sending.settle(Command::PutRecord { record }).await?;
    Ok((StatusCode::CREATED, Json(MadeKey { id: id.to_string(), secret })))
}

/// Ends a key at once.
#[utoipa::path(delete, path = "/v1/keys/{id}", tag = "keys", operation_id = "end_key",
    params(("id" = String, Path, pattern = "^key_[0-9a-f]{32}$")),
    responses((status = 204)))]
async fn end(
    State(app): State<App>,
    signed: Signed,
    Path(id): Path<String>,
    key: Option<IdempotencyKey>,
) -> Answer<StatusCode> {
    signed.need(Action::ChangeKeys)?;
    let id: KeyId = id.parse().map_err(|_| Refusal::RecordUnknown { what: "key".to_owned() })?;
    let command = Command::RemoveRecord { key: format!("key/{id}") };
    Sending::new(&app, &signed.0, key.as_ref()).settle(command).await?;
    Ok(StatusCode::NO_CONTENT)
}
