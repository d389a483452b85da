//! The link to a store's agent at the hub: frames in, frames out, over the hub's own parts.

use std::time::Duration;

use futures_util::{sink, stream};
use oneshelf_domain::stock::LocationNo;
use oneshelf_domain::{AgentId, CommandId, IncarnationId, LocationCode};
use oneshelf_hub::link::run;
use serde_json::{Value, json};
use tokio::sync::mpsc;
use uuid::Uuid;

use crate::enrolment::{PUBLIC_KEY, code, redeem};
use crate::imports::{end, send};
use crate::support::Hub;

/// A store's agent that speaks by hand.
pub(crate) struct Line {
    say: mpsc::UnboundedSender<String>,
    heard: mpsc::UnboundedReceiver<String>,
    pub session: Value,
    /// The last one that it was told.
    pub welcome: Value,
}

/// An agent of S07 that has joined.
pub(crate) async fn joined(hub: &Hub) -> AgentId {
    let joined = redeem(hub, &code(hub).await, PUBLIC_KEY).await.ok(200);
    joined["agent_id"].as_str().unwrap().parse().unwrap()
}

/// A test that hangs says so; nothing is measured.
async fn within<T>(what: impl Future<Output = T>) -> T {
    tokio::time::timeout(Duration::from_secs(20), what).await.expect("nothing came")
}

impl Line {
    pub async fn open(hub: &Hub, agent: AgentId) -> Self {
        let (say, incoming) = mpsc::unbounded_channel::<String>();
        let (out, heard) = mpsc::unbounded_channel::<String>();
        let (app, code) = (hub.app().clone(), LocationCode::new("S07").unwrap());
        let location: LocationNo = app.seen().records.location(&code).unwrap().no;
        tokio::spawn(async move {
            let incoming = stream::unfold(incoming, |mut incoming| async {
                incoming.recv().await.map(|text| (text, incoming))
            });
            let out = sink::unfold(out, |out, text: String| async { out.send(text).map(|()| out) });
            // However it ends: the test is over, or hears no more.
            let _ = run(&app, agent, location, Box::pin(incoming), Box::pin(out)).await;
        });
        Self { say, heard, session: Value::Null, welcome: Value::Null }
    }

    pub fn say(&self, frame: &Value) {
        self.say.send(frame.to_string()).unwrap();
    }

    /// The next frame of a kind; others are passed over.
    pub async fn frame(&mut self, kind: &str) -> Value {
        loop {
            let frame = self.next().await;
            if frame["kind"] == kind {
                return frame;
            }
        }
    }

    /// The next frame.
    async fn next(&mut self) -> Value {
        let text = within(self.heard.recv()).await.expect("the line is open");
        serde_json::from_str(&text).unwrap()
    }

    /// Answers the next ping; the hub has taken that in when this returns.
    pub async fn answer_ping(&mut self, last: i64, waiting: i64) {
        let number = self.frame("ping").await["number"].clone();
        let session = self.session.clone();
        self.say(&json!({"kind": "pong", "session": session, "number": number,
            "digest": "", "last": last, "waiting": waiting}));
        self.say(&json!({"kind": "cursor", "session": session,
            "cursor": {"epoch": 0, "version": 0}}));
        self.whole_copy().await;
    }

    /// The answer to a cursor of another epoch: what a heartbeat carries goes on where the frame
    /// before it ended.
    pub async fn whole_copy(&mut self) {
        while self.frame("changes").await["after"] != 0 {}
    }

    /// Answers pings until the hub finds the line of S07 fresh.
    pub async fn is_fresh(&mut self, hub: &Hub) {
        let s07 = LocationCode::new("S07").unwrap();
        let s07 = hub.app().seen().records.location(&s07).unwrap().no;
        while hub.app().links.state(s07) != oneshelf_hub::link::LinkState::Fresh {
            self.answer_ping(0, 0).await;
        }
    }

    /// Waits until the hub has ended the connection.
    pub async fn ended(&mut self) {
        while within(self.heard.recv()).await.is_some() {}
    }

    /// Opens the first session of a life; gives the frame of rows that follows.
    pub async fn hello(&mut self, life: IncarnationId, cursor: Value) -> Value {
        self.open_session(life, json!({"epoch": 0, "number": 0}), cursor).await
    }

    /// Opens a session with the lease of an earlier one.
    pub async fn hello_with(&mut self, life: IncarnationId, lease: &Value, cursor: Value) -> Value {
        self.open_session(life, lease.clone(), cursor).await
    }

    async fn open_session(&mut self, life: IncarnationId, lease: Value, cursor: Value) -> Value {
        self.say_hello(&hello(life, lease, cursor)).await
    }

    /// Opens a session with any Hello.
    pub async fn say_hello(&mut self, hello: &Value) -> Value {
        self.say(hello);
        self.welcome = self.frame("welcome").await;
        self.session = self.welcome["lease"].clone();
        self.frame("changes").await
    }

    /// Sends a fact of a life.
    pub fn say_fact(&self, (id, life): (Uuid, IncarnationId), at: Value, body: Value) {
        self.say(&json!({"kind": "fact", "session": self.session, "fact": {
            "command_id": CommandId(id), "incarnation": life, "seq": at[0], "prev_id": at[1],
            "granted": [], "occurred_at": "2026-03-02T09:30:00Z", "body": body,
        }}));
    }

    /// Sends a fact of a life; gives the hub's word on it.
    pub async fn fact(
        &mut self,
        (id, life): (Uuid, IncarnationId),
        at: Value,
        body: Value,
    ) -> Value {
        self.say_fact((id, life), at, body);
        let id = CommandId(id);
        let ack = self.frame("ack").await;
        assert_eq!(ack["id"], json!(id));
        ack["answer"].clone()
    }
}

/// A Hello with a nonce of its own.
pub(crate) fn hello(life: IncarnationId, lease: Value, cursor: Value) -> Value {
    json!({
        "kind": "hello", "protocol": {"min": 1, "max": 1}, "incarnation": life,
        "follows": null, "lease": lease, "nonce": Uuid::now_v7(), "last": 0, "granted": [],
        "cursor": cursor,
    })
}

/// A new life of an agent's database.
pub(crate) fn life() -> IncarnationId {
    IncarnationId(Uuid::now_v7())
}

#[tokio::test]
async fn a_share_policy_grants_by_itself() {
    let hub = Hub::open().await;
    let agent = joined(&hub).await;
    hub.receive("S07", 5).await;
    let mut line = Line::open(&hub, agent).await;
    line.hello(life(), json!({"epoch": 0, "version": 0})).await;
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
    let cursor = json!({"epoch": 1, "version": hub.version().await});
    let mut line = Line::open(&hub, agent).await;
    let changes = line.hello(life(), cursor).await;
    assert_eq!(changes["rows"].as_array().map(Vec::len), Some(0));
    assert_eq!(line.frame("grant").await["total"], 2);
    hub.close().await;
}

pub(crate) fn goods_in(quantity: i64) -> Value {
    json!({"body": "in", "sku": "FLASK", "quantity": quantity, "to_share": false,
        "source": "supplier"})
}

#[tokio::test]
async fn a_fact_that_is_rejected_is_kept_and_the_log_goes_on() {
    let hub = Hub::open().await;
    let agent = joined(&hub).await;
    let mut line = Line::open(&hub, agent).await;
    let life = life();
    line.hello(life, json!({"epoch": 0, "version": 0})).await;
    let ids: Vec<Uuid> = (0..4).map(|_| Uuid::now_v7()).collect();
    let id = |n: usize| CommandId(ids[n]);
    let accepted = json!({"answer": "accepted"});
    let rejected = |code| json!({"answer": "rejected", "code": code});
    let said = line.fact((ids[0], life), json!([1, null]), goods_in(1)).await;
    assert_eq!(said, accepted);
    let said = line.fact((ids[1], life), json!([2, id(0)]), goods_in(0)).await;
    assert_eq!(said, rejected("invalid"));
    // Another fact under an id that was used.
    for _ in 0..2 {
        let said = line.fact((ids[0], life), json!([3, id(1)]), goods_in(7)).await;
        assert_eq!(said, rejected("command_reused"));
    }
    // Of another hub's version.
    let odd = json!({"body": "juggled", "sku": "FLASK"});
    let said = line.fact((ids[2], life), json!([4, id(0)]), odd.clone()).await;
    assert_eq!(said, rejected("unreadable"));
    let said = line.fact((ids[2], life), json!([4, id(0)]), odd).await;
    assert_eq!(
        said,
        rejected("unreadable"),
        "the answer was lost: it is not booked by coming again"
    );
    let said = line.fact((ids[3], life), json!([5, id(2)]), goods_in(2)).await;
    assert_eq!(said, accepted);
    assert_eq!(hub.flask_at("S07").await["available"], 3);
    let kept = hub.texts("select code || ' ' || id from rejected_frame order by 1").await;
    let expected = [(0, "command_reused"), (1, "invalid"), (2, "unreadable")];
    assert_eq!(kept, expected.map(|(n, code)| format!("{code} {}", id(n))));
    let frames = hub.texts("select frame from rejected_frame where code = 'command_reused'").await;
    let frame: Value = serde_json::from_str(&frames[0]).unwrap();
    assert_eq!(frame["fact"]["body"]["quantity"], 7);
    hub.close().await;
}

#[tokio::test]
async fn a_nul_in_a_receipt_stops_no_log() {
    let hub = Hub::open().await;
    let agent = joined(&hub).await;
    let mut line = Line::open(&hub, agent).await;
    let life = life();
    line.hello(life, json!({"epoch": 0, "version": 0})).await;
    let price = json!({"minor": 3490, "currency": "EUR"});
    let split = json!([{"sku": "FLASK", "share": 0, "beyond": 1}]);
    let sale = json!({"body": "sale", "lines": split, "sale": {
        "id": format!("sal_{}", Uuid::now_v7().as_simple()), "receipt_number": "S07-R1-\x00001",
        "register": "S07\0R1", "number": 1, "cashier": "A\0na", "total": price,
        "change": {"minor": 0, "currency": "EUR"},
        "tenders": [{"kind": "ca\0sh", "given": price}],
        "lines": [{"id": format!("lin_{}", Uuid::now_v7().as_simple()), "sku": "FLASK",
            "name": "Fl\0ask", "quantity": 1, "unit_price": price, "total": price,
            "tax": "stan\0dard"}],
    }});
    let said = line.fact((Uuid::now_v7(), life), json!([1, null]), sale).await;
    assert_eq!(said, json!({"answer": "accepted"}));
    let numbers = hub.texts("select receipt_number from sale").await;
    assert_eq!(numbers, ["S07-R1- 001"]);
    hub.close().await;
}

/// A trigger that makes movements of seven units impossible to store.
pub(crate) async fn poison(hub: &Hub) {
    let sql = if hub.is_file() {
        vec![
            "create trigger poison before insert on movement when new.quantity = 7 \
             begin select raise(abort, 'poisoned'); end",
        ]
    } else {
        vec![
            "create function poisoned() returns trigger language plpgsql as \
             $$ begin raise exception 'poisoned'; end $$",
            "create trigger poison before insert on movement for each row \
             when (new.quantity = 7) execute function poisoned()",
        ]
    };
    for one in sql {
        assert!(hub.texts(one).await.is_empty());
    }
}

/// They can be stored again.
pub(crate) async fn mend(hub: &Hub) {
    let drop =
        if hub.is_file() { "drop trigger poison" } else { "drop trigger poison on movement" };
    assert!(hub.texts(drop).await.is_empty());
}

#[tokio::test]
async fn a_fact_that_cannot_be_stored_does_not_stop_the_log() {
    let hub = Hub::open().await;
    let agent = joined(&hub).await;
    let life = life();
    let (bad, good) = (Uuid::now_v7(), Uuid::now_v7());
    poison(&hub).await;
    let mut line = Line::open(&hub, agent).await;
    line.hello(life, json!({"epoch": 0, "version": 0})).await;
    for _ in 0..4 {
        line.say_fact((bad, life), json!([1, null]), goods_in(7));
    }
    let internal = json!({"answer": "rejected", "code": "internal"});
    let said = line.fact((bad, life), json!([1, null]), goods_in(7)).await;
    assert_eq!(said, internal, "with the fifth try");
    let said = line.fact((good, life), json!([2, CommandId(bad)]), goods_in(2)).await;
    assert_eq!(said, json!({"answer": "accepted"}));
    // The fault was mended, and the whole log is said again: it is not booked by that.
    mend(&hub).await;
    let said = line.fact((bad, life), json!([1, null]), goods_in(7)).await;
    assert_eq!(said["answer"], "rejected", "its id is that of what stood in for it");
    let said = line.fact((good, life), json!([2, CommandId(bad)]), goods_in(2)).await;
    assert_eq!(said, json!({"answer": "duplicate"}));
    assert_eq!(hub.flask_at("S07").await["available"], 2);
    let kept = hub.texts("select code || ' ' || id from rejected_frame").await;
    assert_eq!(kept, [format!("internal {}", CommandId(bad))]);
    let forks = hub.texts("select kind from event where kind = 'notice.agent_forked'").await;
    assert!(forks.is_empty(), "the store's agent is sound");
    hub.close().await;
}

#[tokio::test]
async fn revoking_an_agent_cuts_its_line() {
    let hub = Hub::open().await;
    let agent = joined(&hub).await;
    let mut line = Line::open(&hub, agent).await;
    line.hello(life(), json!({"epoch": 0, "version": 0})).await;
    hub.delete(&format!("/v1/agents/{agent}")).await.ok(204);
    // However much it heard before: then nothing comes any more.
    within(async { while line.heard.recv().await.is_some() {} }).await;
    hub.close().await;
}

#[tokio::test]
async fn a_repeated_hello_loses_no_grant_of_a_policy() {
    let hub = Hub::open().await;
    let agent = joined(&hub).await;
    let file: String = (0..300).map(|n| format!("GRANT-{n},Thing {n},100\n")).collect();
    let file = format!("sku,name,price\n{file}");
    let stock: String = (0..300).map(|n| format!("GRANT-{n},S07,5\n")).collect();
    for (kind, file) in [("items", file), ("stock", format!("sku,location,quantity\n{stock}"))] {
        let made = send(&hub, kind, &file).await.ok(202);
        let done = end(&hub, &made["id"]).await;
        assert_eq!((&done["state"], &done["rows_failed"]), (&json!("done"), &json!(0)), "{done}");
    }
    hub.put("/v1/policies/share/S07/*", json!({"quantity": 2})).await.ok(200);
    let mut line = Line::open(&hub, agent).await;
    let cursor = json!({"epoch": 1, "version": hub.version().await});
    // Its Welcome was lost, so it says the same again while the hub grants.
    let hello = hello(life(), json!({"epoch": 0, "number": 0}), cursor);
    let mut told = std::collections::HashSet::new();
    let mut welcomes = 0;
    line.say(&hello);
    while welcomes < 5 || told.len() < 300 {
        let frame = line.next().await;
        match frame["kind"].as_str() {
            Some("welcome") => {
                welcomes += 1;
                // Only now: what a connection before it told is not with this agent.
                told = frame["granted"].as_array().unwrap().iter().map(|t| t[0].clone()).collect();
                if welcomes < 5 {
                    line.say(&hello);
                }
            }
            Some("grant") => _ = told.insert(frame["sku"].clone()),
            _ => {}
        }
    }
    hub.close().await;
}

#[tokio::test]
async fn an_agent_that_is_further_than_the_hub_gets_the_whole_copy() {
    let hub = Hub::open().await;
    let agent = joined(&hub).await;
    let mut line = Line::open(&hub, agent).await;
    let alarms = "select kind from event where kind = 'notice.hub_behind'";
    let life = life();
    let at = json!({"epoch": 1, "version": hub.version().await});
    line.hello(life, at).await;
    assert!(hub.texts(alarms).await.is_empty());
    // As after a backup was put back without a word.
    let lease = line.session.clone();
    let mut line = Line::open(&hub, agent).await;
    let far = json!({"epoch": 1, "version": hub.version().await + 100});
    let changes = line.hello_with(life, &lease, far).await;
    assert_eq!(line.welcome["anew"], true, "it must forget where it was");
    assert_eq!((&changes["after"], &changes["upto"]), (&json!(0), &json!(hub.version().await)));
    let rows = changes["rows"].as_array().unwrap();
    assert_eq!(rows.iter().filter(|r| r["row"] == "item").count(), 2, "{rows:?}");
    assert_eq!(hub.texts(alarms).await, ["notice.hub_behind"]);
    hub.close().await;
}
