//! One WebSocket connection to the hub.
//!
//! A connection on which nothing was heard for two heartbeats is dropped: "connected" means the
//! age of the last answer.

use std::sync::Arc;
use std::time::Duration;

use futures_util::stream::SplitSink;
use futures_util::{FutureExt, SinkExt, StreamExt};
use oneshelf_domain::limits;
use oneshelf_protocol::frame::{Down, HubTime};
use rustls::ClientConfig;
use tokio::net::TcpStream;
use tokio::sync::mpsc::{self, UnboundedReceiver};
use tokio::time::{Instant, sleep_until, timeout};
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::http::HeaderValue;
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;
use tokio_tungstenite::tungstenite::{Error, Message};
use tokio_tungstenite::{
    Connector, MaybeTlsStream, WebSocketStream, connect_async_tls_with_config,
};
use tokio_util::sync::CancellationToken;

use super::Ended;
use crate::journal::{Fault, Identity};
use crate::key::AgentKey;
use crate::register::Front;
use crate::tls;

const PATH: &str = "/v1/agent/link";
const TRANSPORT: &str = "websocket";
/// For the hub's time, and for the handshake.
const ANSWER: Duration = Duration::from_secs(5);
/// Frames that are worked on in one transaction.
const FRAMES_AT_ONCE: usize = 64;

type Socket = WebSocketStream<MaybeTlsStream<TcpStream>>;

fn silence() -> Duration {
    let ms = 2 * limits::HEARTBEAT_MS + 1_000;
    Duration::from_millis(u64::try_from(ms).unwrap_or(11_000))
}

/// Connects, and carries frames until the line or the program ends.
pub(super) async fn connection(
    front: &Front,
    identity: &Identity,
    key: &AgentKey,
    trust: &Arc<ClientConfig>,
    stop: &CancellationToken,
) -> Ended {
    let dialled = tokio::select! {
        () = stop.cancelled() => Err(anyhow::anyhow!("stopped")),
        dialled = dial(identity, key, trust) => dialled,
    };
    let socket = match dialled {
        Ok(socket) => socket,
        Err(error) => return Ended { heard: false, why: format!("{error:#}") },
    };
    let mut heard = false;
    let why = match carry(front, socket, &mut heard, stop).await {
        Ok(why) => why.to_owned(),
        Err(fault) => fault.to_string(),
    };
    if let Err(error) = front.disconnected().await {
        tracing::error!(%error, "the end of a connection could not be noted");
    }
    Ended { heard, why }
}

async fn dial(
    identity: &Identity,
    key: &AgentKey,
    trust: &Arc<ClientConfig>,
) -> anyhow::Result<Socket> {
    let http = tls::http_client(trust, ANSWER)?;
    let time = http.get(format!("{}/v1/time", identity.hub_url)).send().await?;
    let time: HubTime = time.error_for_status()?.json().await?;
    if time.hub_id != identity.hub_id {
        anyhow::bail!("another hub answers at {}", identity.hub_url);
    }
    let credential = key.credential(identity.agent, &time.hub_id, TRANSPORT, time.now);
    // http becomes ws, https becomes wss.
    let url = format!("ws{}{PATH}", identity.hub_url.strip_prefix("http").unwrap_or_default());
    let mut request = url.into_client_request()?;
    let value = HeaderValue::from_str(&format!("Agent {credential}"))?;
    request.headers_mut().insert("authorization", value);
    let config = WebSocketConfig::default()
        .max_message_size(Some(limits::FRAME_BYTES_MAX))
        .max_frame_size(Some(limits::FRAME_BYTES_MAX));
    let connector = Some(Connector::Rustls(Arc::clone(trust)));
    let connecting = connect_async_tls_with_config(request, Some(config), true, connector);
    let (socket, _) = timeout(ANSWER, connecting).await??;
    Ok(socket)
}

async fn carry(
    front: &Front,
    socket: Socket,
    heard: &mut bool,
    stop: &CancellationToken,
) -> Result<&'static str, Fault> {
    let (mut sink, mut stream) = socket.split();
    let (tx, mut frames) = mpsc::unbounded_channel::<String>();
    front.connected(tx).await?;
    let mut deadline = Instant::now() + silence();
    loop {
        tokio::select! {
            () = stop.cancelled() => {
                // The hub notices either way.
                let _ = timeout(Duration::from_millis(500), sink.close()).await;
                return Ok("stopped");
            }
            () = sleep_until(deadline) => return Ok("nothing was heard for two heartbeats"),
            frame = frames.recv() => {
                if let Some(why) = send(frame, &mut frames, &mut sink).await {
                    return Ok(why);
                }
            }
            message = stream.next() => {
                let mut found = vec![];
                if !take(message, &mut found) {
                    return Ok("the connection ended");
                }
                let mut open = true;
                while open && found.len() < FRAMES_AT_ONCE {
                    let Some(message) = stream.next().now_or_never() else { break };
                    open = take(message, &mut found);
                }
                *heard = true;
                if !found.is_empty()
                    && let Some(why) = work(front, found, &mut frames, &mut sink).await?
                {
                    return Ok(why);
                }
                // Afterwards: while a large copy is put in place nobody listens.
                deadline = Instant::now() + silence();
                if !open {
                    return Ok("the connection ended");
                }
            }
        }
    }
}

/// Sends a frame and all that wait behind it. Answers why the connection is over.
async fn send(
    frame: Option<String>,
    frames: &mut UnboundedReceiver<String>,
    sink: &mut SplitSink<Socket, Message>,
) -> Option<&'static str> {
    // It was loaded again: this connection's session is not the machine's any more.
    let Some(frame) = frame else { return Some("the machine let go of the line") };
    let sending = async {
        sink.feed(Message::text(frame)).await?;
        while let Ok(frame) = frames.try_recv() {
            sink.feed(Message::text(frame)).await?;
        }
        sink.flush().await
    };
    match timeout(silence(), sending).await {
        Ok(Ok(())) => None,
        Ok(Err(_)) => Some("the connection broke"),
        Err(_) => Some("the hub takes nothing"),
    }
}

/// Hands frames in. A large copy takes its time; a scan in the middle of it asks the hub at once.
async fn work(
    front: &Front,
    found: Vec<Down>,
    frames: &mut UnboundedReceiver<String>,
    sink: &mut SplitSink<Socket, Message>,
) -> Result<Option<&'static str>, Fault> {
    let worked = CancellationToken::new();
    // Side by side: a hub that takes nothing must not keep the work, and with it the register.
    let working = async {
        let done = front.frames(found).await;
        worked.cancel();
        done
    };
    let sending = async {
        loop {
            tokio::select! {
                () = worked.cancelled() => return None,
                frame = frames.recv() => {
                    let over = send(frame, frames, sink).await;
                    if over.is_some() {
                        return over;
                    }
                }
            }
        }
    };
    let (done, over) = tokio::join!(working, sending);
    done.map(|()| over)
}

/// Reads a message; false: the connection is over. Frames of a kind that is not known here are
/// left out: a newer hub says more.
fn take(message: Option<Result<Message, Error>>, found: &mut Vec<Down>) -> bool {
    let text = match message {
        Some(Ok(Message::Text(text))) => text,
        Some(Ok(Message::Ping(_) | Message::Pong(_) | Message::Binary(_) | Message::Frame(_))) => {
            return true;
        }
        Some(Ok(Message::Close(_))) | None => return false,
        Some(Err(error)) => {
            tracing::info!(%error, "the connection to the hub broke");
            return false;
        }
    };
    match serde_json::from_str::<Down>(text.as_str()) {
        Ok(Down::Unsupported { what }) => tracing::warn!(what, "the hub does not know this"),
        Ok(frame) => found.push(frame),
        Err(error) => tracing::debug!(%error, "a frame of the hub is not known here"),
    }
    true
}
