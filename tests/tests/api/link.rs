//! The link to a store's agent at the hub: frames in, frames out, over the hub's own parts.

use std::time::Duration;

use futures_util::{sink, stream};
use oneshelf_domain::stock::LocationNo;
use oneshelf_domain::{AgentId, IncarnationId, LocationCode};
use oneshelf_hub::link::{Ended, run};
use serde_json::{Value, json};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use uuid::Uuid;

use crate::enrolment::{PUBLIC_KEY, code, redeem};
use crate::support::Hub;

/// A store's agent that speaks by hand.
pub(crate) struct Line {
    say: mpsc::UnboundedSender<String>,
    heard: mpsc::UnboundedReceiver<String>,
    ended: JoinHandle<Result<(), Ended>>,
    pub session: Value,
}

/// An agent of S07 that has joined.
pub(crate) async fn joined(hub: &Hub) -> AgentId {
    let joined = redeem(hub, &code(hub).await, PUBLIC_KEY).await.ok(200);
    joined["agent_id"].as_str().unwrap().parse().unwrap()
}

/// A test that hangs says so; nothing is measured.
async fn within<T>(what: impl Future<Output = T>) -> T {
    tokio::time::timeout(Duration::from_secs(60), what).await.expect("nothing came")
}

impl Line {
    pub async fn open(hub: &Hub, agent: AgentId) -> Self {
        let (say, incoming) = mpsc::unbounded_channel::<String>();
        let (out, heard) = mpsc::unbounded_channel::<String>();
        let (app, code) = (hub.app().clone(), LocationCode::new("S07").unwrap());
        let location: LocationNo = app.seen().records.location(&code).unwrap().no;
        let ended = tokio::spawn(async move {
            let incoming = stream::unfold(incoming, |mut incoming| async {
                incoming.recv().await.map(|text| (text, incoming))
            });
            let out = sink::unfold(out, |out, text: String| async { out.send(text).map(|()| out) });
            run(&app, agent, location, Box::pin(incoming), Box::pin(out)).await
        });
        Self { say, heard, ended, session: Value::Null }
    }

    pub fn say(&self, frame: &Value) {
        self.say.send(frame.to_string()).unwrap();
    }

    /// The next frame of a kind; others are passed over.
    pub async fn frame(&mut self, kind: &str) -> Value {
        loop {
            let text = within(self.heard.recv()).await.expect("the line is open");
            let frame: Value = serde_json::from_str(&text).unwrap();
            if frame["kind"] == kind {
                return frame;
            }
        }
    }

    /// Opens a session of a life; gives the frame of rows that follows.
    pub async fn hello(
        &mut self,
        life: IncarnationId,
        follows: Option<IncarnationId>,
        cursor: Value,
    ) -> Value {
        self.say(&json!({
            "kind": "hello", "protocol": {"min": 1, "max": 1}, "incarnation": life,
            "follows": follows, "lease": {"epoch": 0, "number": 0}, "nonce": Uuid::now_v7(),
            "last": 0, "granted": [], "cursor": cursor,
        }));
        self.session = self.frame("welcome").await["lease"].clone();
        self.frame("changes").await
    }

    /// How the hub ended it.
    pub async fn ended(self) -> String {
        drop(self.say);
        within(self.ended).await.unwrap().unwrap_err().to_string()
    }
}

/// A new life of an agent's database.
fn life() -> IncarnationId {
    IncarnationId(Uuid::now_v7())
}

/// The version that the hub is at.
fn version(hub: &Hub) -> i64 {
    hub.app().seen().version.0
}

#[tokio::test]
async fn a_share_policy_grants_by_itself() {
    let hub = Hub::open().await;
    let agent = joined(&hub).await;
    hub.receive("S07", 5).await;
    let mut line = Line::open(&hub, agent).await;
    line.hello(life(), None, json!({"epoch": 0, "version": 0})).await;
    hub.put("/v1/policies/share/S07/*", json!({"quantity": 2})).await.ok(200);
    let grant = line.frame("grant").await;
    assert_eq!((grant["sku"].as_str(), grant["total"].as_i64()), (Some("FLASK"), Some(2)));
    hub.put("/v1/policies/share/S07/FLASK", json!({"quantity": 4})).await.ok(200);
    assert_eq!(line.frame("grant").await["total"], 4, "raised");
    assert_eq!(hub.flask_at("S07").await["store_share"], 4);
    hub.close().await;
}

#[tokio::test]
async fn a_session_begins_with_the_share_that_the_policy_says() {
    let hub = Hub::open().await;
    let agent = joined(&hub).await;
    hub.receive("S07", 5).await;
    hub.put("/v1/policies/share/S07/*", json!({"quantity": 2})).await.ok(200);
    // Its copy has all of this: no row of a frame tells that share is missing.
    let cursor = json!({"epoch": 1, "version": version(&hub)});
    let mut line = Line::open(&hub, agent).await;
    let changes = line.hello(life(), None, cursor).await;
    assert_eq!(changes["rows"].as_array().map(Vec::len), Some(0));
    assert_eq!(line.frame("grant").await["total"], 2);
    hub.close().await;
}
