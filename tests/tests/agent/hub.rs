//! A hub of hand-written frames: what the agent says is read as text, what it hears is written
//! here. Shares no code with the hub or the machines of sync.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use axum::Router;
use axum::extract::State;
use axum::extract::ws::{Message, WebSocket, WebSocketUpgrade};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, body::Bytes};
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::sync::{Mutex, broadcast, mpsc};

use super::store::within;

pub const PEPPER: &str = "00112233445566778899aabbccddeeff";
pub const HUB_ID: &str = "hub-1";

#[derive(Clone)]
struct Shared {
    up: Arc<AtomicBool>,
    /// Cuts all lines.
    cut: broadcast::Sender<()>,
    lines: mpsc::UnboundedSender<Line>,
    redeemed: mpsc::UnboundedSender<Value>,
}

/// The hub.
pub struct Hub {
    pub address: SocketAddr,
    shared: Shared,
    lines: Mutex<mpsc::UnboundedReceiver<Line>>,
    redeemed: Mutex<mpsc::UnboundedReceiver<Value>>,
    task: tokio::task::JoinHandle<()>,
}

impl Drop for Hub {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// An agent's connection.
pub struct Line {
    pub credential: String,
    heard: mpsc::UnboundedReceiver<String>,
    say: mpsc::UnboundedSender<String>,
    pub session: Value,
    pub incarnation: Value,
    /// Where the agent's copy was at its Hello.
    pub cursor: Value,
}

impl Hub {
    pub async fn start() -> Self {
        let (lines_tx, lines) = mpsc::unbounded_channel();
        let (redeemed_tx, redeemed) = mpsc::unbounded_channel();
        let shared = Shared {
            up: Arc::new(AtomicBool::new(true)),
            cut: broadcast::Sender::new(8),
            lines: lines_tx,
            redeemed: redeemed_tx,
        };
        let app = Router::new()
            .route("/v1/time", get(time))
            .route("/v1/enrolments/redeem", post(redeem))
            .route("/v1/agent/link", get(link))
            .with_state(shared.clone());
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let task = tokio::spawn(async move {
            axum::serve(listener, app).await.unwrap();
        });
        let (lines, redeemed) = (Mutex::new(lines), Mutex::new(redeemed));
        Self { address, shared, lines, redeemed, task }
    }

    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// The next connection of an agent.
    pub async fn line(&self) -> Line {
        within(async { self.lines.lock().await.recv().await.unwrap() }).await
    }

    /// The next enrolment that was asked for.
    pub async fn redeemed(&self) -> Value {
        within(async { self.redeemed.lock().await.recv().await.unwrap() }).await
    }

    /// Cuts every line and answers nobody.
    pub fn down(&self) {
        self.shared.up.store(false, Ordering::SeqCst);
        let _ = self.shared.cut.send(());
    }

    pub fn up(&self) {
        self.shared.up.store(true, Ordering::SeqCst);
    }

    /// Cuts every line; the agent may come back at once.
    pub fn cut(&self) {
        let _ = self.shared.cut.send(());
    }
}

async fn time(State(shared): State<Shared>) -> Response {
    if !shared.up.load(Ordering::SeqCst) {
        return StatusCode::SERVICE_UNAVAILABLE.into_response();
    }
    let now = oneshelf_domain::Timestamp(1_750_000_000_000_000);
    Json(json!({"now": now, "hub_id": HUB_ID, "hub_epoch": 1})).into_response()
}

async fn redeem(State(shared): State<Shared>, body: Bytes) -> Json<Value> {
    shared.redeemed.send(serde_json::from_slice(&body).unwrap()).unwrap();
    Json(json!({
        "agent_id": "agt_00000000000000000000000000000001", "hub_id": HUB_ID,
        "location": "S07", "pin_pepper": PEPPER,
    }))
}

async fn link(
    State(shared): State<Shared>,
    headers: HeaderMap,
    upgrade: WebSocketUpgrade,
) -> Response {
    if !shared.up.load(Ordering::SeqCst) {
        return StatusCode::SERVICE_UNAVAILABLE.into_response();
    }
    let credential = headers["authorization"].to_str().unwrap().to_owned();
    upgrade.on_upgrade(move |socket| carry(shared, credential, socket))
}

async fn carry(shared: Shared, credential: String, mut socket: WebSocket) {
    let (heard_tx, heard) = mpsc::unbounded_channel();
    let (say, mut said) = mpsc::unbounded_channel::<String>();
    let mut cut = shared.cut.subscribe();
    let (session, incarnation, cursor) = Default::default();
    let line = Line { credential, heard, say, session, incarnation, cursor };
    if shared.lines.send(line).is_err() {
        return;
    }
    loop {
        tokio::select! {
            _ = cut.recv() => return,
            text = said.recv() => match text {
                Some(text) => {
                    if socket.send(Message::text(text)).await.is_err() {
                        return;
                    }
                }
                None => return,
            },
            message = socket.recv() => match message {
                Some(Ok(Message::Text(text))) => {
                    let _ = heard_tx.send(text.to_string());
                }
                Some(Ok(_)) => {}
                _ => return,
            },
        }
    }
}

impl Line {
    /// The next frame, as its text.
    pub async fn text(&mut self) -> String {
        within(async { self.heard.recv().await.expect("the line is open") }).await
    }

    /// The next frame of a kind, as its text; others are passed over.
    pub async fn text_of(&mut self, kind: &str) -> String {
        loop {
            let text = self.text().await;
            let value: Value = serde_json::from_str(&text).unwrap();
            if value["kind"] == kind {
                return text;
            }
        }
    }

    pub async fn frame(&mut self, kind: &str) -> Value {
        serde_json::from_str(&self.text_of(kind).await).unwrap()
    }

    /// The next fact of a body.
    pub async fn fact(&mut self, body: &str) -> Value {
        loop {
            let frame = self.frame("fact").await;
            if frame["fact"]["body"]["body"] == body {
                return frame["fact"].clone();
            }
        }
    }

    pub fn say(&self, frame: Value) {
        // A line that was cut hears nothing.
        let _ = self.say.send(frame.to_string());
    }

    /// Answers the Hello that waits, with lease number `n`.
    pub async fn welcome(&mut self, n: i64, granted: Value) {
        let hello = self.frame("hello").await;
        self.incarnation = hello["incarnation"].clone();
        self.cursor = hello["cursor"].clone();
        self.session = json!({"epoch": 1, "number": n});
        self.say(json!({
            "kind": "welcome", "incarnation": self.incarnation, "nonce": hello["nonce"],
            "lease": self.session, "granted": granted, "last": hello["last"],
        }));
    }

    /// Rows of the copy, in one frame.
    pub fn rows(&self, after: i64, upto: i64, applied: Value, rows: &[Value]) {
        self.say(json!({
            "kind": "changes", "session": self.session, "epoch": 1, "after": after, "upto": upto,
            "applied": applied, "rows": rows, "part": 0,
        }));
    }

    /// Answers an Ask.
    pub fn answer(&self, ask: &Value, total: i64) {
        self.say(json!({
            "kind": "grant", "session": self.session, "incarnation": self.incarnation,
            "sku": ask["sku"], "total": total, "want": ask["want"],
        }));
    }

    /// A granted total that names no question, as one by policy.
    pub fn grant(&self, sku: &str, total: i64) {
        self.say(json!({
            "kind": "grant", "session": self.session, "incarnation": self.incarnation,
            "sku": sku, "total": total,
        }));
    }

    pub fn ack(&self, fact: &Value, answer: Value) {
        self.say(json!({
            "kind": "ack", "session": self.session, "id": fact["command_id"], "answer": answer,
        }));
    }

    pub fn accept(&self, fact: &Value) {
        self.ack(fact, json!({"answer": "accepted"}));
    }
}

/// No facts of this agent are in the rows.
pub fn nothing_applied() -> Value {
    json!({"incarnation": null, "seq": 0})
}
