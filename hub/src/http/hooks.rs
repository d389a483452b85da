//! `/v1/hooks/{channel}`: what channels send. Proven over the raw bytes, kept, answered at once.
//!
//! It works nothing off: the job of `channels` does. Invariant: what no secret of the channel has
//! signed leaves no trace but a counter.

use axum::Json;
use axum::body::Bytes;
use axum::extract::State;
use axum::extract::rejection::BytesRejection;
use axum::http::{HeaderMap, StatusCode};
use oneshelf_connectors::{Account, Incoming, Intake, NotTaken, Received, channel as connector};
use oneshelf_domain::record::{Channel, RecordState, Stopped};
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::extract::Path;
use super::guard::ClientAddress;
use super::problem::{Answer, Error};
use crate::app::App;
use crate::auth::rates::Door;
use crate::channels::live_secrets;
use crate::store::channels::orders::{self, InboxRow};

pub(super) fn router() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(take))
}

/// What was taken.
#[derive(Serialize, ToSchema)]
#[schema(as = HookTaken)]
struct TakenBody {
    /// The channel's id of it.
    id: String,
    /// It came before; it has one effect.
    duplicate: bool,
}

/// Takes in what a channel sends: orders and their cancellations, signed by Standard Webhooks.
///
/// `webhook-id`, `webhook-timestamp` and `webhook-signature` are headers; the time may be 5 minutes
/// from the hub's. `order.placed` has `channel_order_id` and `lines` of `sku`, `quantity` and
/// perhaps `location`; `order.cancel` has `channel_order_id`. What became of an order is told to
/// the channel's endpoint.
#[utoipa::path(post, path = "/v1/hooks/{channel}", tag = "channels", operation_id = "send_hook",
    security(()),
    params(("channel" = String, Path, pattern = "^[a-z0-9-]{1,32}$")),
    request_body(content = Value, content_type = "application/json",
        example = json!({"type": "order.placed", "data": {"channel_order_id": "W-20418",
            "lines": [{"sku": "FLASK", "quantity": 2}]}})),
    responses((status = 202, body = TakenBody)))]
async fn take(
    State(app): State<App>,
    address: ClientAddress,
    Path(code): Path<String>,
    headers: HeaderMap,
    body: Result<Bytes, BytesRejection>,
) -> Answer<(StatusCode, Json<TakenBody>)> {
    app.gate.pass(Door::Address, &address.name()).map_err(Error::too_many_requests)?;
    let body = body.map_err(|_| too_large())?;
    let seen = app.seen();
    let channel = seen.records.channel(&code).filter(|c| c.state == RecordState::Active);
    let received = channel.ok_or(NotTaken::Unsigned).and_then(|c| prove(&app, c, &headers, &body));
    let received = received.map_err(|why| {
        metrics::counter!("oneshelf_hooks_not_taken_total").increment(1);
        not_taken(why)
    })?;
    if channel.is_some_and(|c| c.stopped == Some(Stopped::Operator)) {
        let detail = "this channel is switched off; ask whoever runs the hub";
        return Err(Error::new(409, "channel_stopped", detail));
    }
    let id = received.id.clone();
    let new = orders::take_in(&app.store, &row(&code, received, app.now().0)).await?;
    if new {
        app.channels.listen();
    }
    Ok((StatusCode::ACCEPTED, Json(TakenBody { id, duplicate: !new })))
}

fn prove(
    app: &App,
    channel: &Channel,
    headers: &HeaderMap,
    body: &[u8],
) -> Result<Received, NotTaken> {
    let translator = connector(&channel.connector).ok_or(NotTaken::Unsigned)?;
    let now = app.now();
    let secrets = live_secrets(&app.secrets, channel, now);
    let headers: Vec<(&str, &[u8])> =
        headers.iter().map(|(name, value)| (name.as_str(), value.as_bytes())).collect();
    let endpoint = channel.endpoint.as_deref().unwrap_or_default();
    let account = Account { endpoint, secrets: &secrets };
    translator.receive(&account, &Incoming { headers: &headers, body, now })
}

/// What is kept of it: its meaning, in which there is no shopper.
fn row(code: &str, received: Received, now: i64) -> InboxRow {
    let body = serde_json::to_string(&received.intake).unwrap_or_default();
    let (kind, subject, state) = match received.intake {
        Intake::Placed(order) => ("placed".to_owned(), order.channel_order_id, "received"),
        Intake::Cancelled { channel_order_id } => {
            ("cancelled".to_owned(), channel_order_id, "received")
        }
        Intake::Echo { kind } | Intake::Other { kind } => (kind, String::new(), "ignored"),
    };
    InboxRow {
        channel: code.to_owned(),
        event: received.id,
        kind,
        subject,
        body: (state == "received").then_some(body),
        state: state.to_owned(),
        received_at: now,
        tries: 0,
    }
}

fn too_large() -> Error {
    Error::new(413, "too_large", "a delivery has at most 256 KiB")
}

fn not_taken(why: NotTaken) -> Error {
    match why {
        NotTaken::Unsigned => {
            let detail = "no secret of this channel has signed this; see webhook-signature";
            Error::new(401, "signature_invalid", detail)
        }
        NotTaken::Stale => {
            let detail = "it is signed, but its webhook-timestamp is not of the last 5 minutes";
            Error::new(401, "signature_invalid", detail)
        }
        NotTaken::TooLarge => too_large(),
        NotTaken::Malformed(detail) => Error::malformed(&detail),
        NotTaken::Invalid { field, rule } => Error::invalid(&field, &rule),
    }
}
