//! The pages' WebSocket: what happens in the store, as it happens.
//!
//! Without a session a page sees the store's state alone, and loses sight of the register when its
//! session ends. A page that fell behind is cut off; it comes back and reads everything again.

use std::time::Duration;

use axum::extract::State;
use axum::extract::ws::{Message, WebSocket, WebSocketUpgrade};
use axum::response::Response;
use serde_json::{Value, json};
use tokio::sync::broadcast::error::RecvError;

use super::App;
use super::body::Token;
use crate::events::Event;

/// A page that is gone without a word is noticed by this.
pub(super) const PING: Duration = Duration::from_secs(20);
/// Pages say nothing here.
pub(super) const HEARD_BYTES_MAX: usize = 4_096;

pub(super) async fn listen(
    State(app): State<App>,
    Token(token): Token,
    upgrade: WebSocketUpgrade,
) -> Response {
    upgrade
        .max_message_size(HEARD_BYTES_MAX)
        .on_upgrade(move |socket| async move { tell(app, token, socket).await })
}

fn state(mut value: Value) -> Value {
    value["kind"] = json!("state");
    value
}

async fn tell(app: App, token: Option<String>, mut socket: WebSocket) {
    let mut events = app.front.shared.events.listen();
    let mut message = Some(state(app.front.state()));
    loop {
        if let Some(value) = message.take()
            && socket.send(Message::text(value.to_string())).await.is_err()
        {
            return;
        }
        tokio::select! {
            () = app.stop.cancelled() => return,
            event = events.recv() => match event {
                Ok(Event::State(value)) => message = Some(state(value)),
                Ok(Event::At(register, value)) => {
                    let who = app.front.who(token.as_deref(), false);
                    message = who.is_ok_and(|w| w.register == register).then_some(value);
                }
                Ok(Event::SignedIn(value)) => {
                    message = app.front.who(token.as_deref(), false).is_ok().then_some(value);
                }
                Ok(Event::Display(..) | Event::DisplayEnded(_)) => {}
                Err(RecvError::Lagged(_) | RecvError::Closed) => return,
            },
            heard = socket.recv() => match heard {
                Some(Ok(Message::Close(_)) | Err(_)) | None => return,
                Some(Ok(_)) => {}
            },
            () = tokio::time::sleep(PING) => {
                if socket.send(Message::Ping(vec![].into())).await.is_err() {
                    return;
                }
            }
        }
    }
}
