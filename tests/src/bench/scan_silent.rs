//! Somebody at the hub's address who is no hub: opens sessions and takes every fact in, but answers
//! nothing, or a few facts a second and every question for share.
//!
//! So an agent replays its outbox for as long as wanted: an unanswered window is sent again after
//! two heartbeats, and whole when a connection broke. Heartbeats come faster than a hub's and a
//! connection is dropped now and then, to make more of it. It keeps nothing but counts.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use anyhow::{Context, Result};
use axum::extract::State;
use axum::extract::ws::{Message, WebSocket, WebSocketUpgrade};
use axum::response::Response;
use axum::routing::get;
use axum::{Json, Router};
use oneshelf_domain::stock::Lease;
use oneshelf_domain::{CommandId, Timestamp};
use oneshelf_protocol::frame::{Answer, Down, Up};
use oneshelf_protocol::join::HubTime;
use tokio::task::JoinHandle;
use tokio::time::{Instant, interval};

/// A hub's is 5 s.
const HEARTBEAT: Duration = Duration::from_millis(100);
/// How long a connection lasts.
const LASTS: Duration = Duration::from_secs(4);
/// How often it is looked whether something may be answered.
const TURN: Duration = Duration::from_millis(10);

struct Shared {
    hub_id: String,
    /// Above every lease that the agent has seen.
    lease: AtomicI64,
    taken: AtomicU64,
    connections: AtomicU64,
    answers_per_s: AtomicU64,
}

/// A running one.
pub struct Silent {
    shared: Arc<Shared>,
    server: JoinHandle<()>,
}

impl Silent {
    /// Listens where the hub was.
    ///
    /// # Errors
    /// When the address is taken.
    pub async fn open(at: SocketAddr, hub_id: String) -> Result<Self> {
        let shared = Arc::new(Shared {
            hub_id,
            lease: AtomicI64::new(1_000_000),
            taken: AtomicU64::new(0),
            connections: AtomicU64::new(0),
            answers_per_s: AtomicU64::new(0),
        });
        let routes = Router::new()
            .route("/v1/time", get(time))
            .route("/v1/agent/link", get(link))
            .with_state(Arc::clone(&shared));
        let listener = tokio::net::TcpListener::bind(at).await;
        let listener = listener.with_context(|| format!("{at} is taken"))?;
        let server = tokio::spawn(async move {
            if let Err(error) = axum::serve(listener, routes).await {
                tracing::error!(%error, "nobody is at the hub's address any more");
            }
        });
        Ok(Self { shared, server })
    }

    /// Answers so many facts a second from now on; 0: nothing at all.
    pub fn answer(&self, per_s: u64) {
        self.shared.answers_per_s.store(per_s, Ordering::Relaxed);
    }

    /// Facts that came, each as often as it came.
    pub fn taken(&self) -> u64 {
        self.shared.taken.load(Ordering::Relaxed)
    }

    /// Sessions that were opened.
    pub fn connections(&self) -> u64 {
        self.shared.connections.load(Ordering::Relaxed)
    }

    /// Goes away.
    pub fn close(self) {
        self.server.abort();
    }
}

async fn time(State(shared): State<Arc<Shared>>) -> Json<HubTime> {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let now = Timestamp(i64::try_from(since.as_micros()).unwrap_or(i64::MAX));
    Json(HubTime { now, hub_id: shared.hub_id.clone(), hub_epoch: 1 })
}

async fn link(State(shared): State<Arc<Shared>>, upgrade: WebSocketUpgrade) -> Response {
    upgrade.on_upgrade(move |socket| async move {
        // However it ends, the agent connects again.
        let _ = carry(&shared, socket).await;
    })
}

async fn carry(shared: &Shared, mut socket: WebSocket) -> Result<()> {
    let end = Instant::now() + LASTS;
    let (mut beat, mut turn) = (interval(HEARTBEAT), interval(TURN));
    let mut session: Option<Lease> = None;
    let mut heard: VecDeque<CommandId> = VecDeque::new();
    let (mut number, mut owed) = (0, 0.0);
    while Instant::now() < end {
        tokio::select! {
            message = socket.recv() => {
                let Some(message) = message else { return Ok(()) };
                let Message::Text(text) = message? else { continue };
                match serde_json::from_str::<Up>(text.as_str())? {
                    Up::Hello { incarnation, nonce, last, more: false, .. } => {
                        let lease = shared.lease.fetch_add(1, Ordering::Relaxed);
                        let lease = Lease { epoch: 1, number: lease };
                        session = Some(lease);
                        shared.connections.fetch_add(1, Ordering::Relaxed);
                        let granted = vec![];
                        let (anew, more) = (false, false);
                        say(&mut socket, &Down::Welcome {
                            incarnation, nonce, lease, granted, last, anew, more,
                        }).await?;
                    }
                    Up::Fact { fact, .. } => {
                        shared.taken.fetch_add(1, Ordering::Relaxed);
                        if !heard.contains(&fact.command_id) {
                            heard.push_back(fact.command_id);
                        }
                    }
                    // Who answers facts grants too: a ticket is paid without a manager.
                    Up::Ask { session, incarnation, sku, want: total }
                        if shared.answers_per_s.load(Ordering::Relaxed) > 0 =>
                    {
                        let want = Some(total);
                        let grant = Down::Grant { session, incarnation, sku, total, want };
                        say(&mut socket, &grant).await?;
                    }
                    _ => {}
                }
            }
            _ = beat.tick() => if let Some(session) = session {
                number += 1;
                say(&mut socket, &Down::Ping { session, number, last: 0, granted: vec![] }).await?;
            },
            _ = turn.tick() => if let Some(session) = session {
                let per_s = u32::try_from(shared.answers_per_s.load(Ordering::Relaxed))?;
                owed = (owed + f64::from(per_s) * TURN.as_secs_f64()).min(64.0);
                while owed >= 1.0 && let Some(id) = heard.pop_front() {
                    owed -= 1.0;
                    say(&mut socket, &Down::Ack { session, id, answer: Answer::Accepted }).await?;
                }
            },
        }
    }
    Ok(())
}

async fn say(socket: &mut WebSocket, down: &Down) -> Result<()> {
    Ok(socket.send(Message::text(serde_json::to_string(down)?)).await?)
}
