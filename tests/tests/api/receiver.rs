//! A shop's end of webhooks: a real endpoint on loopback that keeps what it was told, and that
//! fails, hangs, redirects or goes on for ever when a test says so.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use oneshelf_connectors::{Account, Connector, Incoming, Secret, Webhook};
use oneshelf_domain::Timestamp;
use serde_json::Value;
use tokio::sync::watch;

/// How the endpoint behaves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Does {
    Answer(u16),
    AskToWait(u16, u32),
    /// Takes it, and then so many more within so many seconds.
    Allow(u32, u32),
    Hang,
    Redirect,
    GoOnForEver,
}

/// Something that came.
#[derive(Clone)]
pub(crate) struct Delivery {
    pub(crate) headers: Vec<(String, Vec<u8>)>,
    pub(crate) raw: Vec<u8>,
    pub(crate) body: Value,
    pub(crate) taken: bool,
}

impl std::fmt::Debug for Delivery {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} taken {} {}", self.header("webhook-id"), self.taken, self.body)
    }
}

impl Delivery {
    pub(crate) fn header(&self, name: &str) -> String {
        let found = self.headers.iter().find(|(known, _)| known == name);
        String::from_utf8(found.unwrap().1.clone()).unwrap()
    }

    pub(crate) fn data(&self) -> &Value {
        &self.body["data"]
    }

    /// When its figure was made.
    pub(crate) fn timestamp(&self) -> &Value {
        &self.body["timestamp"]
    }

    pub(crate) fn is_signed_with(&self, secret: &str) -> bool {
        let secrets = [Secret::parse(secret).unwrap()];
        let account = Account { endpoint: "", secrets: &secrets };
        let headers: Vec<(&str, &[u8])> =
            self.headers.iter().map(|(n, v)| (n.as_str(), v.as_slice())).collect();
        let seconds: i64 = self.header("webhook-timestamp").parse().unwrap();
        let now = Timestamp(seconds * 1_000_000);
        let incoming = Incoming { headers: &headers, body: &self.raw, now };
        Webhook.receive(&account, &incoming).is_ok()
    }
}

struct Shared {
    does: Mutex<Does>,
    came: Mutex<Vec<Delivery>>,
    count: watch::Sender<usize>,
    elsewhere: Mutex<usize>,
}

/// The endpoint.
pub(crate) struct Receiver {
    shared: Arc<Shared>,
    pub(crate) address: SocketAddr,
}

impl Receiver {
    pub(crate) async fn start() -> Self {
        let shared = Arc::new(Shared {
            does: Mutex::new(Does::Answer(204)),
            came: Mutex::default(),
            count: watch::Sender::new(0),
            elsewhere: Mutex::default(),
        });
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let router = Router::new()
            .route("/hook", axum::routing::post(come))
            .fallback(async |State(shared): State<Arc<Shared>>| {
                *shared.elsewhere.lock().unwrap() += 1;
            })
            .with_state(shared.clone());
        tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        Self { shared, address }
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}/hook", self.address)
    }

    pub(crate) fn does(&self, what: Does) {
        *self.shared.does.lock().unwrap() = what;
    }

    /// Everything that came, taken or not.
    pub(crate) fn came(&self) -> Vec<Delivery> {
        self.shared.came.lock().unwrap().clone()
    }

    /// What it answered 2xx to.
    pub(crate) fn taken(&self) -> Vec<Delivery> {
        self.came().into_iter().filter(|delivery| delivery.taken).collect()
    }

    /// How often it was asked at another address.
    pub(crate) fn elsewhere(&self) -> usize {
        *self.shared.elsewhere.lock().unwrap()
    }

    /// Until so many deliveries came.
    pub(crate) async fn asked(&self, count: usize) {
        self.until(async || self.came().len() >= count).await;
    }

    /// The figure that the shop has of an item.
    pub(crate) fn figure(&self, sku: &str) -> Option<i64> {
        let newest = |a: &Delivery, b: &Delivery| {
            let at = |d: &Delivery| (d.data()["epoch"].as_i64(), d.data()["version"].as_i64());
            at(a).cmp(&at(b))
        };
        let mine = self.taken().into_iter().filter(|d| d.data()["sku"] == sku);
        mine.max_by(newest).and_then(|d| d.data()["quantity"].as_i64())
    }

    pub(crate) async fn knows(&self, sku: &str, quantity: i64) {
        self.knows_after(sku, quantity, || ()).await;
    }

    /// Until it knows a figure; what is to be done between two looks, is done.
    pub(crate) async fn knows_after(&self, sku: &str, quantity: i64, between: impl Fn()) {
        self.until(async || {
            between();
            self.figure(sku) == Some(quantity)
        })
        .await;
    }

    /// Until something is so; looks whenever something comes, and now and then.
    pub(crate) async fn until(&self, holds: impl AsyncFn() -> bool) {
        let mut count = self.shared.count.subscribe();
        let found = tokio::time::timeout(Duration::from_secs(60), async {
            while !holds().await {
                let _ = tokio::time::timeout(Duration::from_millis(50), count.changed()).await;
            }
        });
        assert!(found.await.is_ok(), "never so; came: {:#?}", self.came());
    }
}

async fn come(State(shared): State<Arc<Shared>>, headers: HeaderMap, raw: Bytes) -> Response {
    let does = *shared.does.lock().unwrap();
    let taken = matches!(does, Does::Answer(200..=299) | Does::Allow(..) | Does::GoOnForEver);
    let headers = headers.iter().map(|(n, v)| (n.as_str().to_owned(), v.as_bytes().to_vec()));
    let body = serde_json::from_slice(&raw).unwrap_or_default();
    let delivery = Delivery { headers: headers.collect(), raw: raw.to_vec(), body, taken };
    shared.came.lock().unwrap().push(delivery);
    shared.count.send_modify(|count| *count += 1);
    match does {
        Does::Answer(status) => StatusCode::from_u16(status).unwrap().into_response(),
        Does::AskToWait(status, seconds) => {
            let status = StatusCode::from_u16(status).unwrap();
            (status, [("retry-after", seconds.to_string())]).into_response()
        }
        Does::Allow(left, seconds) => {
            let limit = format!("\"default\";r={left};t={seconds}");
            (StatusCode::NO_CONTENT, [("ratelimit", limit)]).into_response()
        }
        Does::Hang => std::future::pending().await,
        Does::Redirect => (StatusCode::FOUND, [("location", "/elsewhere")]).into_response(),
        Does::GoOnForEver => {
            let chunk = || Ok::<_, std::io::Error>(Bytes::from_static(&[b'x'; 4_096]));
            Body::from_stream(futures_util::stream::repeat_with(chunk)).into_response()
        }
    }
}
