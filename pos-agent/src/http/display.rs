//! The customer display's API: a key becomes a cookie, the cookie sees one register's ticket.
//!
//! Nothing here changes a ticket. The cookie is not the session's: a display never acts as a
//! cashier, and a cashier's session opens no display by itself.

use axum::Json;
use axum::extract::State;
use axum::extract::ws::{CloseFrame, Message, WebSocket, WebSocketUpgrade};
use axum::http::{HeaderName, StatusCode, header};
use axum::response::Response;
use oneshelf_domain::RegisterCode;
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::sync::broadcast::error::RecvError;

use super::App;
use super::body::{Body, DisplayToken, Who};
use super::events::{HEARD_BYTES_MAX, PING};
use crate::events::Event;
use crate::register::Answer;

/// Close code for one that may not look any more; pages do not come back by themselves.
const ENDED: u16 = 4401;
/// How long a browser keeps its display: a shop does not open it anew each morning.
const COOKIE_AGE_S: u32 = 400 * 24 * 60 * 60;

pub(super) async fn key(State(app): State<App>, Who(who): Who) -> Answer<Json<Value>> {
    Ok(Json(json!({"key": app.front.display_key(&who)?})))
}

pub(super) async fn close(State(app): State<App>, Who(who): Who) -> Answer<StatusCode> {
    app.front.close_display(&who).await?;
    Ok(StatusCode::NO_CONTENT)
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Claim {
    key: String,
}

pub(super) async fn claim(
    State(app): State<App>,
    Body(asked): Body<Claim>,
) -> Answer<(StatusCode, [(HeaderName, String); 1])> {
    let token = app.front.claim_display(&asked.key).await?;
    let name = app.guard.display_cookie_name();
    let cookie = format!(
        "{name}={token}; Path=/api/display; HttpOnly; SameSite=Strict; Max-Age={COOKIE_AGE_S}"
    );
    Ok((StatusCode::NO_CONTENT, [(header::SET_COOKIE, cookie)]))
}

pub(super) async fn now(
    State(app): State<App>,
    DisplayToken(token): DisplayToken,
) -> Answer<Json<Value>> {
    let register = app.front.display(token.as_deref()).await?;
    Ok(Json(app.front.display_now(&register).await?))
}

pub(super) async fn listen(
    State(app): State<App>,
    DisplayToken(token): DisplayToken,
    upgrade: WebSocketUpgrade,
) -> Answer<Response> {
    let register = app.front.display(token.as_deref()).await?;
    Ok(upgrade
        .max_message_size(HEARD_BYTES_MAX)
        .on_upgrade(move |socket| async move { tell(app, token, register, socket).await }))
}

async fn tell(app: App, token: Option<String>, register: RegisterCode, mut socket: WebSocket) {
    let mut events = app.front.shared.events.listen();
    let _looking = app.front.look(&register);
    let mut message = app.front.display_now(&register).await.ok();
    loop {
        if let Some(value) = message.take()
            && socket.send(Message::text(value.to_string())).await.is_err()
        {
            return;
        }
        tokio::select! {
            () = app.stop.cancelled() => return,
            event = events.recv() => match event {
                Ok(Event::Display(at, value)) if at == register => message = Some(value),
                Ok(Event::DisplayEnded(at)) if at == register => {
                    // It may be the present one whose opening ended the one before.
                    if app.front.display(token.as_deref()).await.is_err() {
                        let close = CloseFrame { code: ENDED, reason: "display_ended".into() };
                        // A page that is gone cannot be told.
                        let _ = socket.send(Message::Close(Some(close))).await;
                        return;
                    }
                }
                Ok(_) => {}
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
