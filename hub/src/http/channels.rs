//! `/v1/channels`: sales channels, how each is doing, and their secrets. A new secret is answered
//! once.
//!
//! Invariant: no answer but those that make a secret has one.

use std::collections::BTreeMap;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use oneshelf_domain::code::ChannelCode;
use oneshelf_domain::record::{Channel, Record, RecordState, Stopped};
use oneshelf_domain::stock::{Command, Version, Versions};
use oneshelf_domain::{LocationCode, Refusal, Timestamp, limits};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::extract::{IdempotencyKey, Path, Payload, Query};
use super::guard::Signed;
use super::page::{self, Page};
use super::problem::{Answer, Error};
use super::schema::StoppedSchema;
use super::sending::Sending;
use super::shop::words;
use crate::app::App;
use crate::auth::Action;
use crate::channels::new_secret;
use crate::store::channels::shadows::{self, StateRow};
use crate::store::channels::{deliveries, orders};

pub(super) fn router() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(list, make)).routes(routes!(get, change, end))
}

/// How a channel is doing.
#[derive(Serialize, ToSchema)]
#[schema(as = ChannelHealth)]
struct HealthBody {
    /// Deliveries that wait.
    backlog: i64,
    /// Since when the oldest of them does.
    #[schema(value_type = Option<String>, format = DateTime)]
    waiting_since: Option<Timestamp>,
    /// When it confirmed something last.
    #[schema(value_type = Option<String>, format = DateTime)]
    last_ok_at: Option<Timestamp>,
    /// Of the last attempt: a status of HTTP, `timed_out`, `not_connected`, `not_allowed` or `cut`.
    last_result: Option<String>,
    /// Attempts that failed since the last that did not.
    failures: i64,
    /// Since when.
    #[schema(value_type = Option<String>, format = DateTime)]
    failing_since: Option<Timestamp>,
    /// Orders and cancellations that could not be written down: somebody has to look at them.
    needs_attention: i64,
}

/// A sales channel.
#[derive(Serialize, ToSchema)]
#[schema(as = Channel)]
pub(super) struct ChannelBody {
    /// Names its buffers, keys and figures too.
    code: String,
    /// For people.
    name: String,
    /// Which connector speaks its language.
    connector: String,
    /// Where it is told.
    endpoint: Option<String>,
    /// Which locations serve it, the first first; empty means all.
    #[schema(value_type = Vec<String>)]
    locations: Vec<LocationCode>,
    /// Why it is told nothing now.
    #[schema(value_type = Option<StoppedSchema>)]
    stopped: Option<Stopped>,
    /// A replaced secret is good until then.
    #[schema(value_type = Option<String>, format = DateTime)]
    old_secret_until: Option<Timestamp>,
    /// Where it sends its orders.
    hook: String,
    /// How it is doing.
    health: HealthBody,
}

/// A page of the channels in use.
#[derive(Serialize, ToSchema)]
#[schema(as = Channels)]
struct ChannelsBody {
    /// In the order of their codes.
    channels: Vec<ChannelBody>,
    /// None at the end.
    next_cursor: Option<String>,
}

/// What a new channel is to be.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = NewChannel)]
struct NewChannel {
    /// For ever: buffers, keys and orders name it.
    #[schema(pattern = "^[a-z0-9-]{1,32}$")]
    code: String,
    /// For people.
    #[schema(min_length = 1, max_length = 200)]
    name: String,
    /// `webhook`.
    #[serde(default)]
    #[schema(max_length = 32)]
    connector: Option<String>,
    /// Where it is told; none when it only sends orders.
    #[serde(default)]
    #[schema(max_length = 2000)]
    endpoint: Option<String>,
    /// Which locations serve it, the first first; all when none is named.
    #[serde(default)]
    #[schema(value_type = Vec<String>, max_items = 200)]
    locations: Vec<LocationCode>,
}

/// What a channel is to be from now on.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = ChangedChannel)]
struct ChangedChannel {
    /// For people.
    #[schema(min_length = 1, max_length = 200)]
    name: String,
    /// Where it is told; none when it only sends orders.
    #[serde(default)]
    #[schema(max_length = 2000)]
    endpoint: Option<String>,
    /// Which locations serve it, the first first; all when none is named.
    #[serde(default)]
    #[schema(value_type = Vec<String>, max_items = 200)]
    locations: Vec<LocationCode>,
}

/// A secret of a channel, which is shown this once.
#[derive(Serialize, ToSchema)]
#[schema(as = MadeChannelSecret)]
pub(super) struct MadeSecret {
    /// Whose.
    pub(super) code: String,
    /// `whsec_...`: both sides sign with it.
    pub(super) secret: String,
    /// The one before is good until then.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub(super) old_secret_until: Option<Timestamp>,
}

/// How all channels are doing.
pub(super) struct Doing {
    states: BTreeMap<String, StateRow>,
    backlogs: BTreeMap<String, (i64, i64)>,
    failed: BTreeMap<String, i64>,
}

pub(super) async fn doing(app: &App) -> Answer<Doing> {
    let mut tx = app.store.read().await?;
    let states = shadows::states(&mut tx).await?;
    let backlogs = deliveries::backlogs(&mut tx).await?;
    let failed = orders::failures(&mut tx).await?;
    tx.rollback().await?;
    let backlogs = backlogs.into_iter().map(|(code, count, since)| (code, (count, since)));
    Ok(Doing { states, backlogs: backlogs.collect(), failed })
}

pub(super) fn body(channel: &Channel, doing: &Doing, now: Timestamp) -> ChannelBody {
    let code = channel.code.to_string();
    let at = |micros: i64| (micros > 0).then_some(Timestamp(micros));
    let state = doing.states.get(&code);
    let (backlog, since) = doing.backlogs.get(&code).copied().unwrap_or_default();
    ChannelBody {
        name: channel.name.clone(),
        connector: channel.connector.clone(),
        endpoint: channel.endpoint.clone(),
        locations: channel.locations.clone(),
        stopped: channel.stopped,
        old_secret_until: channel.secrets.iter().find_map(|s| s.until).filter(|end| now < *end),
        hook: format!("/v1/hooks/{code}"),
        health: HealthBody {
            backlog,
            waiting_since: at(since),
            last_ok_at: state.and_then(|s| at(s.last_ok_at)),
            last_result: state.map(|s| s.last_result.clone()).filter(|text| !text.is_empty()),
            failures: state.map_or(0, |s| s.failures),
            failing_since: state.and_then(|s| at(s.failing_since)),
            needs_attention: doing.failed.get(&code).copied().unwrap_or_default(),
        },
        code,
    }
}

/// A channel's orders are of all its locations: only who works everywhere sees them.
pub(super) fn may_read(signed: &Signed) -> Answer<()> {
    signed.need(Action::ReadChannels)?;
    if signed.0.sees_all() { Ok(()) } else { Err(Error::not_allowed()) }
}

/// A channel in use, with its version.
pub(super) fn found(app: &App, code: &str) -> Answer<(Version, Channel)> {
    let seen = app.seen();
    let record = seen.records.get_versioned(&format!("channel/{code}"));
    match record {
        Some((version, Record::Channel(channel))) if channel.state == RecordState::Active => {
            Ok((version, channel.clone()))
        }
        _ => Err(Refusal::RecordUnknown { what: "channel".to_owned() }.into()),
    }
}

/// Channels in use, and how each is doing.
#[utoipa::path(get, path = "/v1/channels", tag = "channels", operation_id = "list_channels",
    params(Page), responses((status = 200, body = ChannelsBody)))]
async fn list(
    State(app): State<App>,
    signed: Signed,
    Query(asked): Query<Page>,
) -> Answer<Json<ChannelsBody>> {
    may_read(&signed)?;
    let seen = app.seen();
    let active = seen.records.channels().filter(|channel| channel.state == RecordState::Active);
    let (rows, next_cursor) = page::cut(active, &asked, |channel| channel.code.to_string())?;
    let (doing, now) = (doing(&app).await?, app.now());
    let channels = rows.into_iter().map(|channel| body(channel, &doing, now)).collect();
    Ok(Json(ChannelsBody { channels, next_cursor }))
}

/// One channel.
#[utoipa::path(get, path = "/v1/channels/{channel}", tag = "channels",
    operation_id = "get_channel",
    params(("channel" = String, Path, pattern = "^[a-z0-9-]{1,32}$")),
    responses((status = 200, body = ChannelBody)))]
async fn get(
    State(app): State<App>,
    signed: Signed,
    Path(code): Path<String>,
) -> Answer<Json<ChannelBody>> {
    may_read(&signed)?;
    let (_, channel) = found(&app, &code)?;
    Ok(Json(body(&channel, &doing(&app).await?, app.now())))
}

fn endpoint(app: &App, text: Option<String>) -> Answer<Option<String>> {
    let Some(text) = text.filter(|text| !text.is_empty()) else { return Ok(None) };
    match app.channels.outgoing.guard().endpoint(&text) {
        // As it will be asked for, so that what is shown is what is meant.
        Ok(url) => Ok(Some(url.to_string())),
        Err(rule) => Err(Error::invalid("/endpoint", rule)),
    }
}

/// Why a code is not free. One that was ended keeps its orders, and their ids may come again from
/// another shop: they would be taken for orders of the old one.
fn taken(app: &App, code: &str) -> Error {
    let seen = app.seen();
    let known = seen.records.channel(code);
    if known.is_some_and(|channel| channel.state == RecordState::Retired) {
        let detail = "a channel with this code was ended; choose another code";
        return Error::new(409, "channel_ended", detail);
    }
    Error::new(409, "channel_in_use", "there is a channel with this code already")
}

/// Makes a channel. Its secret is answered this once; its code is never used again.
#[utoipa::path(post, path = "/v1/channels", tag = "channels", operation_id = "make_channel",
    request_body = NewChannel, responses((status = 201, body = MadeSecret)))]
async fn make(
    State(app): State<App>,
    signed: Signed,
    key: Option<IdempotencyKey>,
    body: Payload<NewChannel>,
) -> Answer<(StatusCode, Json<MadeSecret>)> {
    signed.need(Action::ChangeChannels)?;
    let body = body.read()?;
    let code = ChannelCode::new(&body.code)
        .map_err(|wrong| Error::invalid("/code", &wrong.to_string()))?;
    let connector = body.connector.unwrap_or_else(|| "webhook".to_owned());
    if oneshelf_connectors::channel(&connector).is_none() {
        return Err(Error::invalid("/connector", "webhook"));
    }
    let seen = app.seen();
    if seen.records.channel(code.as_str()).is_some_and(|c| c.state == RecordState::Retired) {
        return Err(taken(&app, code.as_str()));
    }
    let active = seen.records.channels().filter(|channel| channel.state == RecordState::Active);
    if active.count() >= limits::CHANNELS_MAX {
        return Err(Error::invalid("/code", "a hub has at most 100 channels"));
    }
    let sending = Sending::new(&app, &signed.0, key.as_ref());
    let (secret, kept) = new_secret(&app.secrets, code.as_str(), sending.id.0.as_bytes())?;
    let channel = Channel {
        name: words("/name", &body.name)?,
        connector,
        endpoint: endpoint(&app, body.endpoint)?,
        locations: body.locations,
        secrets: vec![kept],
        stopped: None,
        state: RecordState::Active,
        code,
    };
    let code = channel.code.to_string();
    let change = Box::new(Command::PutRecord { record: Box::new(Record::Channel(channel)) });
    // Also one that was ended is not overwritten.
    let command = Command::OnlyIf { at: None, not_at: Some(Versions::Any), change };
    sending.settle(command).await.map_err(|error| match error.status() {
        412 => taken(&app, &code),
        _ => error,
    })?;
    let made = MadeSecret { code, secret: secret.text(), old_secret_until: None };
    Ok((StatusCode::CREATED, Json(made)))
}

/// Hands a changed channel in, unless somebody else changed it since it was read.
pub(super) async fn put(
    app: &App,
    signed: &Signed,
    key: Option<&IdempotencyKey>,
    version: Version,
    channel: Channel,
) -> Answer<()> {
    let change = Box::new(Command::PutRecord { record: Box::new(Record::Channel(channel)) });
    let at = Some(Versions::These(vec![version]));
    let command = Command::OnlyIf { at, not_at: None, change };
    Sending::new(app, &signed.0, key).settle(command).await.map(drop)
}

/// It knows nothing that we know of: everything is compared and told anew.
pub(super) async fn begin_anew(app: &App, code: &str) -> Answer<()> {
    let mut tx = app.store.begin_write().await?;
    shadows::begin_anew(&mut tx, code, None).await?;
    tx.commit().await?;
    Ok(())
}

/// Changes a channel. At another endpoint it is told everything.
#[utoipa::path(put, path = "/v1/channels/{channel}", tag = "channels",
    operation_id = "change_channel",
    params(("channel" = String, Path, pattern = "^[a-z0-9-]{1,32}$")),
    request_body = ChangedChannel, responses((status = 200, body = ChannelBody)))]
async fn change(
    State(app): State<App>,
    signed: Signed,
    Path(code): Path<String>,
    body: Payload<ChangedChannel>,
) -> Answer<Json<ChannelBody>> {
    signed.need(Action::ChangeChannels)?;
    let wanted = body.read()?;
    let (version, before) = found(&app, &code)?;
    let endpoint = endpoint(&app, wanted.endpoint)?;
    let name = words("/name", &wanted.name)?;
    let channel = Channel { name, endpoint, locations: wanted.locations, ..before };
    // That another endpoint is told everything, whoever tells it sees for itself.
    put(&app, &signed, None, version, channel.clone()).await?;
    Ok(Json(self::body(&channel, &doing(&app).await?, app.now())))
}

/// Ends a channel: nothing is sent, nothing is taken, its secrets are gone.
#[utoipa::path(delete, path = "/v1/channels/{channel}", tag = "channels",
    operation_id = "end_channel",
    params(("channel" = String, Path, pattern = "^[a-z0-9-]{1,32}$")),
    responses((status = 204)))]
async fn end(
    State(app): State<App>,
    signed: Signed,
    Path(code): Path<String>,
    key: Option<IdempotencyKey>,
) -> Answer<StatusCode> {
    signed.need(Action::ChangeChannels)?;
    let command = Command::RemoveRecord { key: format!("channel/{code}") };
    Sending::new(&app, &signed.0, key.as_ref()).settle(command).await?;
    if let Ok(code) = ChannelCode::new(&code) {
        // Its orders come no more.
        super::caught_up::forget(&app, &signed, &code).await?;
    }
    Ok(StatusCode::NO_CONTENT)
}
