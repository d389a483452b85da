//! The channel's own end: it takes what it is told, keeps it, and lets one wait when the proof
//! wants something to be on its way.
//!
//! It owns a listener on loopback and knows no hub. Invariant: what it answered well it has kept
//! before.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use anyhow::{Context, Result};
use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use serde_json::Value;
use tokio::sync::watch;
use tokio_util::task::AbortOnDropHandle;

use super::verdict::Arrival;

/// What waits is let go by itself, below the time that a hub waits for an answer.
const WAIT_MAX: Duration = Duration::from_secs(12);

/// See the module.
pub struct Endpoint {
    /// Where it listens.
    pub address: SocketAddr,
    shared: Arc<Shared>,
    _server: AbortOnDropHandle<()>,
}

#[derive(Default)]
struct Shared {
    came: Mutex<Vec<Arrival>>,
    /// The next one is kept waiting; its id while it does.
    caught: Mutex<Caught>,
    let_go: watch::Sender<u64>,
}

#[derive(Default)]
struct Caught {
    wanted: bool,
    id: Option<String>,
}

impl Endpoint {
    /// Begins to listen.
    ///
    /// # Errors
    /// When no port is free.
    pub async fn open() -> Result<Self> {
        let shared = Arc::<Shared>::default();
        let listener = tokio::net::TcpListener::bind(("127.0.0.1", 0)).await?;
        let address = listener.local_addr()?;
        let router = Router::new().fallback(come).with_state(shared.clone());
        let server = tokio::spawn(async move {
            // It ends with the proof.
            let _ = axum::serve(listener, router).await;
        });
        Ok(Self { address, shared, _server: AbortOnDropHandle::new(server) })
    }

    /// Everything that arrived, in order.
    pub fn came(&self) -> Vec<Arrival> {
        lock(&self.shared.came).clone()
    }

    /// How often a delivery arrived.
    pub fn times(&self, id: &str) -> usize {
        lock(&self.shared.came).iter().filter(|arrival| arrival.id == id).count()
    }

    /// The next figure that arrives waits for its answer.
    pub fn catch(&self) {
        *lock(&self.shared.caught) = Caught { wanted: true, id: None };
    }

    /// Which one waits.
    pub fn caught(&self) -> Option<String> {
        lock(&self.shared.caught).id.clone()
    }

    /// What waits is answered.
    pub fn let_go(&self) {
        *lock(&self.shared.caught) = Caught::default();
        self.shared.let_go.send_modify(|count| *count += 1);
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

async fn come(State(shared): State<Arc<Shared>>, headers: HeaderMap, raw: Bytes) -> StatusCode {
    let Ok(arrival) = arrival(&headers, &raw) else { return StatusCode::BAD_REQUEST };
    let mut let_go = shared.let_go.subscribe();
    let waits = {
        let mut caught = lock(&shared.caught);
        let waits = caught.wanted && arrival.kind == "stock.changed";
        if waits {
            *caught = Caught { wanted: false, id: Some(arrival.id.clone()) };
        }
        waits
    };
    lock(&shared.came).push(arrival);
    if waits {
        let _ = tokio::time::timeout(WAIT_MAX, let_go.changed()).await;
    }
    StatusCode::NO_CONTENT
}

fn arrival(headers: &HeaderMap, raw: &[u8]) -> Result<Arrival> {
    let id = headers.get("webhook-id").context("a delivery has an id")?.to_str()?.to_owned();
    let body: Value = serde_json::from_slice(raw)?;
    let data = &body["data"];
    let text = |value: &Value| value.as_str().map(str::to_owned);
    let subject = text(&data["sku"]).or_else(|| text(&data["channel_order_id"]));
    let number = |name: &str| data[name].as_i64().unwrap_or(0);
    Ok(Arrival {
        id,
        kind: text(&body["type"]).context("a delivery has a type")?,
        subject: subject.unwrap_or_default(),
        body: String::from_utf8(raw.to_vec())?,
        at: (number("epoch"), number("version")),
    })
}
