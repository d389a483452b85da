//! The two WebSockets: live stock for pages and apps, the link for agents.
//!
//! Owns the upgrade, who may have it, and the turning of messages into texts. It knows nothing of
//! what they say. Invariant: nobody gets a socket who was not proven first, and a page's origin is
//! on its key's list.

use std::collections::BTreeSet;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use axum::extract::FromRequestParts;
use axum::extract::State;
use axum::extract::ws::rejection::WebSocketUpgradeRejection;
use axum::extract::ws::{CloseFrame, Message, Utf8Bytes, WebSocket, WebSocketUpgrade, close_code};
use axum::http::request::Parts;
use axum::http::{HeaderMap, header};
use axum::response::Response;
use futures_util::{Sink, SinkExt, Stream, StreamExt, future};
use oneshelf_domain::limits;
use oneshelf_domain::record::{KeyKind, Scope};
use serde::Deserialize;
use utoipa::IntoParams;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::extract::Query;
use super::guard::{self, ClientAddress, Signed};
use super::origins;
use super::problem::{Answer, Error};
use crate::app::App;
use crate::auth::rates::Door;
use crate::auth::{self, Action, agents, tokens};
use crate::live;

/// When a caller with too many sockets may try again.
const FULL_WAIT: Duration = Duration::from_secs(10);
/// What a socket reads or gathers at once.
const BUFFER_BYTES: usize = 4 << 10;
/// How long the close frame may take.
const LAST_WORD: Duration = Duration::from_secs(1);

pub(super) fn router() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(live_stock)).routes(routes!(agent_link))
}

type Asked = Result<WebSocketUpgrade, WebSocketUpgradeRejection>;

/// A request that is no upgrade is refused as all others are.
fn upgrade(asked: Asked) -> Answer<WebSocketUpgrade> {
    let plain = "this address speaks WebSocket alone: ask for an upgrade";
    asked.map_err(|_| Error::malformed(plain))
}

#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct LiveQuery {
    /// A publishable key (`osp_...`) with the scope `live`, from a page of one of its origins.
    /// Without it the caller is known as everywhere else.
    #[serde(default)]
    key: Option<String>,
}

/// Live figures, over a WebSocket.
///
/// Messages are JSON texts. Say `{"subscribe": {"items": [...], "locations": [...]}}`: at most 500
/// SKUs; without `locations` all are told; each further one takes the place of the one before.
/// You are told `{"kind": "snapshot", "upto", "items"}` at once, then
/// `{"kind": "changes", "after", "upto", "items"}` with every item that changed, whole, each as in
/// `/v1/public/stock`. `after` is the `upto` of the message before; who misses one subscribes
/// again. `{"kind": "ping"}` comes every five seconds. What is not understood is told as
/// `{"kind": "problem", ...}`, and the connection ends.
#[utoipa::path(get, path = "/v1/live", tag = "live", operation_id = "open_live",
    params(LiveQuery), responses((status = 101, description = "The WebSocket is open")))]
async fn live_stock(
    State(app): State<App>,
    Query(query): Query<LiveQuery>,
    address: ClientAddress,
    asked: Asked,
    mut parts: Parts,
) -> Answer<Response> {
    let asked = upgrade(asked)?;
    let listener = listener(&app, &mut parts, address, query.key.as_deref()).await?;
    let place = place(&app, &listener, address)?;
    let upgrade = bounded(asked, live::MESSAGE_BYTES_MAX);
    Ok(upgrade.on_upgrade(move |socket| async move {
        serve_live(&app, listener, socket).await;
        drop(place);
    }))
}

async fn serve_live(app: &App, listener: live::Listener, socket: WebSocket) {
    let bounds = live::Bounds::default();
    let (mut texts, ended) = live::run(app, listener, bounds, Texts(socket)).await;
    let Err(why) = ended else { return };
    tracing::debug!(%why, "a subscriber of live stock left");
    let reason: String = why.to_string().chars().filter(char::is_ascii).take(100).collect();
    let frame = CloseFrame { code: close_code_of(&why), reason: reason.into() };
    // The other side may be gone already, or take nothing.
    let _ = tokio::time::timeout(LAST_WORD, texts.0.send(Message::Close(Some(frame)))).await;
}

/// Pages give up at 4401 and come back after any other.
fn close_code_of(why: &live::Ended) -> u16 {
    match why {
        live::Ended::Gone => close_code::NORMAL,
        live::Ended::Stopping => close_code::AWAY,
        live::Ended::Store(_) => close_code::ERROR,
        live::Ended::Refused(_) => 4400,
        live::Ended::NotAllowed => 4401,
        live::Ended::Stalled => 4408,
        live::Ended::TooFast => 4429,
    }
}

/// Who wants to listen: a page with its key, or anybody who may read stock.
pub(super) async fn listener(
    app: &App,
    parts: &mut Parts,
    address: ClientAddress,
    key: Option<&str>,
) -> Answer<live::Listener> {
    match key {
        Some(secret) => of_page(app, parts, address, secret),
        None => of_caller(app, parts).await,
    }
}

/// A place for a live reader.
pub(super) fn place(
    app: &App,
    listener: &live::Listener,
    address: ClientAddress,
) -> Answer<live::Place> {
    app.sockets.enter(&listener.name(), &address.name()).map_err(|full| match full {
        live::Full::Hub => Error::busy("too many live sockets are open; try again later"),
        live::Full::Yours => Error::too_many_requests(FULL_WAIT),
    })
}

/// Anybody who may read stock.
async fn of_caller(app: &App, parts: &mut Parts) -> Answer<live::Listener> {
    let signed = Signed::from_request_parts(parts, app).await?;
    // A page from elsewhere may open a socket with this browser's cookie.
    if parts.headers.contains_key(header::COOKIE) && !origins::same_origin(app, &parts.headers) {
        return Err(Error::foreign_origin());
    }
    signed.need(Action::Live)?;
    // As in the guard: a secret goes before a cookie.
    let session = guard::cookie(&parts.headers);
    let session = session.filter(|_| !parts.headers.contains_key(header::AUTHORIZATION));
    Ok(match session {
        Some(session) => live::Listener::Session(tokens::hash(session)),
        None => live::Listener::Caller(signed.0.session_principal()),
    })
}

/// A page with a publishable key that it is on the list of.
fn of_page(
    app: &App,
    parts: &Parts,
    address: ClientAddress,
    secret: &str,
) -> Answer<live::Listener> {
    app.gate.pass(Door::Address, &address.name()).map_err(Error::too_many_requests)?;
    let seen = app.seen();
    let key = auth::key_with(&seen.records, secret)
        .filter(|k| k.kind == KeyKind::Publishable && auth::is_alive(k, app.now()))
        .ok_or_else(Error::wrong_secret)?;
    if !origins::may_use(app, &parts.headers, key) {
        return Err(Error::foreign_origin());
    }
    if !key.scopes.contains(&Scope::Live) {
        return Err(Error::not_allowed());
    }
    Ok(live::Listener::Page(key.id))
}

/// The link of a store's agent, over a WebSocket.
///
/// For agents alone: `Authorization: Agent ...` is signed with the key that was enrolled. Messages
/// are JSON texts with a `kind`. Up go `hello` (opens a session), `fact` (what happened in the
/// store, in the order of its log), `ask` (a grant at scan) and `pong`. Down come `welcome`,
/// `stale` or `retired` to a hello, `grant`, `ack` to each fact, `ping`, and `changes`: rows that
/// concern the store. A kind that is not known is answered `unsupported`.
#[utoipa::path(get, path = "/v1/agent/link", tag = "live", operation_id = "open_agent_link",
    security(("agent" = [])),
    responses((status = 101, description = "The WebSocket is open")))]
async fn agent_link(State(app): State<App>, headers: HeaderMap, asked: Asked) -> Answer<Response> {
    let asked = upgrade(asked)?;
    let credential = headers
        .get(header::AUTHORIZATION)
        .and_then(|v| v.to_str().ok())
        .and_then(|v| v.strip_prefix("Agent "))
        .ok_or_else(Error::not_signed_in)?;
    let seen = app.seen();
    let proven = agents::prove(
        &app.store,
        &seen.records,
        &app.hub_id,
        agents::WEBSOCKET,
        credential,
        app.now(),
    );
    let agent = match proven.await {
        Ok(agent) => agent,
        Err(agents::NotProven::Refused) => return Err(Error::wrong_secret()),
        Err(agents::NotProven::Store(error)) => return Err(error.into()),
    };
    let location = seen.records.location(&agent.location).ok_or_else(Error::not_found)?.no;
    let upgrade = bounded(asked, limits::FRAME_BYTES_MAX);
    Ok(upgrade.on_upgrade(move |socket| async move {
        tracing::info!(agent = %agent.id, location = %agent.location, "an agent is connected");
        let why = serve_agent(&app, agent.id, location, socket).await;
        tracing::info!(agent = %agent.id, %why, "an agent's connection ended");
    }))
}

async fn serve_agent(
    app: &App,
    agent: oneshelf_domain::AgentId,
    location: oneshelf_domain::stock::LocationNo,
    socket: WebSocket,
) -> String {
    let (mut sink, stream) = socket.split();
    let incoming = Box::pin(whole(stream).filter_map(text));
    let out = Box::pin((&mut sink).with(as_text));
    let ended = crate::link::run(app, agent, location, incoming, out).await;
    let why = ended.err().map_or_else(String::new, |e| e.to_string());
    let reason: String = why.chars().filter(char::is_ascii).take(100).collect();
    let frame = CloseFrame { code: close_code::NORMAL, reason: reason.into() };
    // The other side may be gone already, or take nothing.
    let _ = tokio::time::timeout(LAST_WORD, sink.send(Message::Close(Some(frame)))).await;
    why
}

/// A frame alone is bounded as the message is: else it is buffered up to 16 MiB before it counts.
/// The buffers are small: of the size that they have by themselves, one is cleared at each look for
/// a message, and thousands of sockets keep hundreds of megabytes.
fn bounded(asked: WebSocketUpgrade, bytes: usize) -> WebSocketUpgrade {
    let asked = asked.read_buffer_size(BUFFER_BYTES).write_buffer_size(BUFFER_BYTES);
    asked.max_message_size(bytes).max_frame_size(bytes)
}

/// Messages until the line breaks or says what it may not.
fn whole<S>(stream: S) -> impl Stream<Item = Result<Message, axum::Error>>
where
    S: Stream<Item = Result<Message, axum::Error>>,
{
    stream.take_while(|message| future::ready(message.is_ok()))
}

/// A subscriber's line: texts both ways, until it breaks or says what it may not. It is not split:
/// a lock between its halves would be taken for every figure that is told.
struct Texts(WebSocket);

impl Stream for Texts {
    type Item = String;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<String>> {
        loop {
            return Poll::Ready(match ready!(self.0.poll_next_unpin(cx)) {
                Some(Ok(Message::Text(text))) => Some(text.to_string()),
                // What is no text counts as one that nobody understands.
                Some(Ok(Message::Binary(_))) => Some(String::new()),
                Some(Ok(_)) => continue,
                Some(Err(_)) | None => None,
            });
        }
    }
}

impl Sink<live::Text> for Texts {
    type Error = axum::Error;

    fn poll_ready(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<(), axum::Error>> {
        self.0.poll_ready_unpin(cx)
    }

    fn start_send(mut self: Pin<&mut Self>, text: live::Text) -> Result<(), axum::Error> {
        let text = Utf8Bytes::try_from(text.into_bytes()).map_err(axum::Error::new)?;
        self.0.start_send_unpin(Message::Text(text))
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<(), axum::Error>> {
        self.0.poll_flush_unpin(cx)
    }

    fn poll_close(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<(), axum::Error>> {
        self.0.poll_close_unpin(cx)
    }
}

/// Texts alone; a broken line ends the stream by itself.
fn text(message: Result<Message, axum::Error>) -> future::Ready<Option<String>> {
    future::ready(match message {
        Ok(Message::Text(text)) => Some(text.to_string()),
        _ => None,
    })
}

fn as_text(text: String) -> future::Ready<Result<Message, axum::Error>> {
    future::ready(Ok(Message::Text(text.into())))
}

/// Stores with an agent that may connect: a silent one is dark, any other has none.
pub fn expected(app: &App) -> BTreeSet<oneshelf_domain::stock::LocationNo> {
    use oneshelf_domain::record::{Record, RecordState};
    let seen = app.seen();
    let agents = seen.records.of_kind("agent").filter_map(|(_, record)| match record {
        Record::Agent(a) if a.state == RecordState::Active => Some(a.location.clone()),
        _ => None,
    });
    agents.filter_map(|code| seen.records.location(&code).map(|l| l.no)).collect()
}
