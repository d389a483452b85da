//! A line over WebSocket.

use std::future::ready;
use std::sync::Arc;

use anyhow::Result;
use futures_util::{SinkExt, StreamExt};
use oneshelf_domain::limits;
use rustls::ClientConfig;
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::http::HeaderValue;
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;
use tokio_tungstenite::tungstenite::{Error, Message};
use tokio_tungstenite::{Connector, connect_async_tls_with_config};

use super::carry::{Broken, Link};
use super::{ANSWER, hub_time};
use crate::journal::Identity;
use crate::key::AgentKey;

const PATH: &str = "/v1/agent/link";
const TRANSPORT: &str = "websocket";

/// Connects to the hub.
pub(super) async fn dial(
    identity: &Identity,
    key: &AgentKey,
    trust: &Arc<ClientConfig>,
) -> Result<Box<dyn Link>> {
    let time = hub_time(identity, trust).await?;
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
    let link = socket
        .with(|text: String| ready(Ok::<_, Error>(Message::text(text))))
        .sink_map_err(|_| Broken)
        .take_while(|message| ready(is_open(message)))
        .filter_map(|message| ready(text(message)));
    Ok(Box::new(link))
}

fn is_open(message: &Result<Message, Error>) -> bool {
    if let Err(error) = message {
        tracing::info!(%error, "the connection to the hub broke");
    }
    matches!(message, Ok(message) if !message.is_close())
}

fn text(message: Result<Message, Error>) -> Option<String> {
    match message {
        Ok(Message::Text(text)) => Some(text.to_string()),
        _ => None,
    }
}
