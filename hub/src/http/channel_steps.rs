//! `/v1/channels/{channel}/enable`, `/disable`, `/rotate`: switching a channel, and new secrets.
//!
//! Invariant: a rotation that is sent again makes no third secret.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use oneshelf_domain::limits;
use oneshelf_domain::record::{Channel, ChannelSecret, Stopped};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::channels::{ChannelBody, MadeSecret, begin_anew, body, doing, found, put};
use super::extract::{IdempotencyKey, Path};
use super::guard::Signed;
use super::problem::Answer;
use super::sending::Sending;
use crate::app::App;
use crate::auth::Action;
use crate::channels::new_secret;

pub(super) fn router() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(enable)).routes(routes!(disable)).routes(routes!(rotate))
}

async fn switch(
    app: &App,
    signed: &Signed,
    code: &str,
    stopped: Option<Stopped>,
) -> Answer<Json<ChannelBody>> {
    signed.need(Action::ChangeChannels)?;
    let (version, before) = found(app, code)?;
    if stopped.is_none() && before.stopped.is_some() {
        // Before it is told again, so that no old figure goes first.
        begin_anew(app, code).await?;
    }
    let channel = Channel { stopped, ..before };
    put(app, signed, None, version, channel.clone()).await?;
    Ok(Json(body(&channel, &doing(app).await?, app.now())))
}

/// Switches a channel on: it is told everything that it may offer now.
#[utoipa::path(post, path = "/v1/channels/{channel}/enable", tag = "channels",
    operation_id = "enable_channel",
    params(("channel" = String, Path, pattern = "^[a-z0-9-]{1,32}$")),
    responses((status = 200, body = ChannelBody)))]
async fn enable(
    State(app): State<App>,
    signed: Signed,
    Path(code): Path<String>,
) -> Answer<Json<ChannelBody>> {
    switch(&app, &signed, &code, None).await
}

/// Switches a channel off: nothing is sent, and its orders are refused.
#[utoipa::path(post, path = "/v1/channels/{channel}/disable", tag = "channels",
    operation_id = "disable_channel",
    params(("channel" = String, Path, pattern = "^[a-z0-9-]{1,32}$")),
    responses((status = 200, body = ChannelBody)))]
async fn disable(
    State(app): State<App>,
    signed: Signed,
    Path(code): Path<String>,
) -> Answer<Json<ChannelBody>> {
    switch(&app, &signed, &code, Some(Stopped::Operator)).await
}

/// Makes a new secret. The one before stays good for a day; one before that ends now.
#[utoipa::path(post, path = "/v1/channels/{channel}/rotate", tag = "channels",
    operation_id = "rotate_channel_secret",
    params(("channel" = String, Path, pattern = "^[a-z0-9-]{1,32}$")),
    responses((status = 201, body = MadeSecret)))]
async fn rotate(
    State(app): State<App>,
    signed: Signed,
    Path(code): Path<String>,
    key: Option<IdempotencyKey>,
) -> Answer<(StatusCode, Json<MadeSecret>)> {
    signed.need(Action::ChangeChannels)?;
    let (version, before) = found(&app, &code)?;
    let sending = Sending::new(&app, &signed.0, key.as_ref());
    let (secret, kept) = new_secret(&app.secrets, &code, sending.id.0.as_bytes())?;
    let answer = |old_secret_until| {
        let made = MadeSecret { code: code.clone(), secret: secret.text(), old_secret_until };
        Ok((StatusCode::CREATED, Json(made)))
    };
    let known = |one: &ChannelSecret| one.sealed == kept.sealed;
    if before.secrets.iter().any(known) {
        // The same request again: it was done, and is answered as it was.
        return answer(before.secrets.iter().find_map(|s| s.until));
    }
    let until = Some(app.now().plus_ms(limits::CHANNEL_SECRET_OVERLAP_MS));
    let old = before.secrets.first().cloned().map(|old| ChannelSecret { until, ..old });
    let secrets = std::iter::once(kept.clone()).chain(old).collect();
    put(&app, &signed, None, version, Channel { secrets, ..before }).await?;
    answer(until)
}
