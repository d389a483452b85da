//! The baseline of `bench live`: an axum server that sends one text after another to everybody
//! who is connected, through tokio's broadcast, and does nothing else.
//!
//! The next text is made when almost all of the last ones were sent, so it is as fast as it can be
//! without running away from its readers. A program of its own, as the hub is.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use anyhow::Result;
use axum::Router;
use axum::extract::State;
use axum::extract::ws::{Message, Utf8Bytes, WebSocketUpgrade};
use axum::response::Response;
use axum::routing::get;
use axum::serve::ListenerExt;
use tokio::net::TcpListener;
use tokio::sync::broadcast::error::RecvError;
use tokio::sync::{Notify, broadcast};

/// Texts on their way at once.
const AHEAD: usize = 2;
const LAG_MAX: usize = 16;

/// What the command line says.
#[derive(Debug, clap::Args)]
pub struct Options {
    /// Begins when so many are connected.
    #[arg(long)]
    pub subscribers: usize,
    /// Bytes of a text.
    #[arg(long)]
    pub bytes: usize,
}

struct Bare {
    texts: broadcast::Sender<Utf8Bytes>,
    there: AtomicUsize,
    sent: AtomicUsize,
    moved: Notify,
    subscribers: usize,
}

/// Serves until it is killed; its first line says where.
///
/// # Errors
/// When no port is to be had.
pub async fn run(options: &Options, out: &mut impl std::io::Write) -> Result<()> {
    let (texts, _) = broadcast::channel(LAG_MAX);
    let bare = Arc::new(Bare {
        texts,
        there: AtomicUsize::new(0),
        sent: AtomicUsize::new(0),
        moved: Notify::new(),
        subscribers: options.subscribers,
    });
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    writeln!(out, "{}", listener.local_addr()?)?;
    out.flush()?;
    let bytes = options.bytes;
    let all = Arc::clone(&bare);
    tokio::spawn(async move { publish(&all, bytes).await });
    let listener = listener.tap_io(|stream| {
        // As the hub does; a system that cannot is slower, not wrong.
        let _ = stream.set_nodelay(true);
    });
    let routes = Router::new().route("/live", get(live)).with_state(bare);
    Ok(axum::serve(listener, routes).await?)
}

async fn live(State(bare): State<Arc<Bare>>, asked: WebSocketUpgrade) -> Response {
    asked.on_upgrade(move |mut socket| async move {
        let mut texts = bare.texts.subscribe();
        bare.there.fetch_add(1, Ordering::Relaxed);
        bare.moved.notify_one();
        loop {
            let dealt_with = match texts.recv().await {
                Ok(text) => match socket.send(Message::Text(text)).await {
                    Ok(()) => 1,
                    Err(_) => return,
                },
                // A slow one among fast ones: those texts are nobody's deliveries.
                Err(RecvError::Lagged(missed)) => usize::try_from(missed).unwrap_or(usize::MAX),
                Err(RecvError::Closed) => return,
            };
            let before = bare.sent.fetch_add(dealt_with, Ordering::Relaxed);
            if before / bare.subscribers != (before + dealt_with) / bare.subscribers {
                bare.moved.notify_one();
            }
        }
    })
}

async fn publish(bare: &Bare, bytes: usize) {
    while bare.there.load(Ordering::Relaxed) < bare.subscribers {
        bare.moved.notified().await;
    }
    for number in 1.. {
        // All have gone; the end is near.
        if bare.texts.send(text(number, bytes).into()).is_err() {
            return;
        }
        let owed = number.saturating_sub(AHEAD) * bare.subscribers;
        while bare.sent.load(Ordering::Relaxed) < owed {
            bare.moved.notified().await;
        }
    }
}

/// A text as long as the hub's, which says its number as the hub's says a total.
fn text(number: usize, bytes: usize) -> String {
    let head = format!("{{\"kind\":\"changes\",\"total\":{{\"count\":{number}}},\"pad\":\"");
    let pad = bytes.saturating_sub(head.len() + 2);
    format!("{head}{}\"}}", "x".repeat(pad))
}

#[cfg(test)]
mod tests {
    #[test]
    fn a_text_is_as_long_as_it_is_asked_for() {
        for bytes in [200, 700] {
            let text = super::text(123, bytes);
            assert_eq!(text.len(), bytes);
            assert!(serde_json::from_str::<serde_json::Value>(&text).is_ok());
        }
    }
}
