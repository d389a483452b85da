//! Orders of channels that the hub cannot write down: who waits for them, and who does not.

use std::time::Duration;

use oneshelf_connectors::{Secret, signature};
use serde_json::{Value, json};

use crate::support::Hub;

/// A channel that only sends.
struct Shop<'a> {
    hub: &'a Hub,
    code: &'static str,
    secret: Secret,
}

impl<'a> Shop<'a> {
    async fn open(hub: &'a Hub, code: &'static str) -> Self {
        let body = json!({"code": code, "name": "A shop", "locations": ["W01"]});
        let made = hub.post("/v1/channels", body).await.ok(201);
        Self { hub, code, secret: Secret::parse(made["secret"].as_str().unwrap()).unwrap() }
    }

    async fn send(&self, id: &str, body: Value) {
        let body = body.to_string().into_bytes();
        let seconds = self.hub.app().now().0 / 1_000_000;
        let ask = self.hub.ask("POST", &format!("/v1/hooks/{}", self.code));
        let ask = ask
            .header("webhook-id", id)
            .header("webhook-timestamp", &seconds.to_string())
            .header("webhook-signature", &signature::sign(&self.secret, id, seconds, &body));
        ask.bytes("application/json", body).send().await.ok(202);
    }

    async fn orders_one(&self, id: &str, order: &str) {
        let lines = json!([{"sku": "FLASK", "quantity": 1}]);
        let data = json!({"channel_order_id": order, "lines": lines});
        self.send(id, json!({"type": "order.placed", "data": data})).await;
    }

    async fn cancels(&self, id: &str, order: &str) {
        let data = json!({"channel_order_id": order});
        self.send(id, json!({"type": "order.cancel", "data": data})).await;
    }

    async fn order(&self, id: &str) -> Option<Value> {
        let page = self.hub.get(&format!("/v1/channels/{}/orders", self.code)).await.ok(200);
        let orders = page["orders"].as_array().unwrap().clone();
        orders.into_iter().find(|order| order["channel_order_id"] == id)
    }

    async fn is(&self, id: &str, state: &str) -> bool {
        self.order(id).await.is_some_and(|order| order["state"] == state)
    }

    async fn needs_attention(&self) -> Value {
        let channel = self.hub.get(&format!("/v1/channels/{}", self.code)).await.ok(200);
        channel["health"]["needs_attention"].clone()
    }

    async fn tries(&self, event: &str) -> i64 {
        let sql = format!(
            "select cast(tries as text) from channel_inbox
            where channel = '{}' and event = '{event}'",
            self.code
        );
        self.hub.texts(&sql).await[0].parse().unwrap()
    }
}

/// Until something is so; what is to be done between two looks, is done.
async fn until(hub: &Hub, holds: impl AsyncFn() -> bool, between: impl Fn()) {
    let mut seen = hub.app().follow.subscribe();
    let so = tokio::time::timeout(Duration::from_secs(60), async {
        while !holds().await {
            between();
            let _ = tokio::time::timeout(Duration::from_millis(50), seen.changed()).await;
        }
    });
    assert!(so.await.is_ok(), "never so");
}

/// The database refuses what this channel asks for.
async fn refuse(hub: &Hub, code: &str) {
    let when = format!("when (new.principal = 'channel:{code}')");
    if hub.is_file() {
        let sql = format!(
            "create trigger trouble before insert on command {when}
            begin select raise(abort, 'trouble'); end"
        );
        hub.texts(&sql).await;
        return;
    }
    let function = "create function trouble() returns trigger language plpgsql
        as $$ begin raise exception 'trouble'; end $$";
    hub.texts(function).await;
    let trigger = format!(
        "create trigger trouble before insert on command for each row {when}
        execute function trouble()"
    );
    hub.texts(&trigger).await;
}

async fn mend(hub: &Hub) {
    let sql = if hub.is_file() { "drop trigger trouble" } else { "drop function trouble cascade" };
    hub.texts(sql).await;
}

#[tokio::test]
async fn an_order_that_cannot_be_written_holds_up_its_own_channel_only() {
    let hub = Hub::open().await;
    hub.receive("W01", 5).await;
    let (own, other) = (Shop::open(&hub, "own").await, Shop::open(&hub, "other").await);
    refuse(&hub, "own").await;
    own.orders_one("e1", "W-1").await;
    own.orders_one("e2", "W-2").await;
    other.orders_one("e1", "W-1").await;
    until(&hub, async || other.is("W-1", "accepted").await, || ()).await;
    until(&hub, async || own.tries("e1").await > 0, || ()).await;
    assert!(own.is("W-1", "placed").await);
    assert_eq!(own.order("W-2").await, None, "it waits for the one before");
    assert_eq!(own.needs_attention().await, 0);
    let later = || hub.later(60_000);
    until(&hub, async || own.is("W-1", "failed").await, later).await;
    assert_eq!(own.tries("e1").await, 8);
    assert_eq!(own.needs_attention().await, 1);
    assert_eq!(own.order("W-1").await.unwrap()["code"], "internal");
    mend(&hub).await;
    until(&hub, async || own.is("W-2", "accepted").await, later).await;
    assert!(own.is("W-1", "failed").await, "nobody has asked for it");
    let again = hub.post("/v1/channels/own/retry-orders", json!({})).await.ok(200);
    assert_eq!(again["again"], 1);
    until(&hub, async || own.is("W-1", "accepted").await, || ()).await;
    assert_eq!(own.needs_attention().await, 0);
    assert_eq!(own.order("W-1").await.unwrap()["code"], Value::Null);
    assert_eq!(hub.flask_at("W01").await["available"], 2);
    hub.close().await;
}

#[tokio::test]
async fn an_order_that_failed_may_be_cancelled_or_sent_again() {
    let hub = Hub::open().await;
    hub.receive("W01", 5).await;
    let own = Shop::open(&hub, "own").await;
    refuse(&hub, "own").await;
    own.orders_one("e1", "W-1").await;
    own.orders_one("e2", "W-2").await;
    let failed = async || own.is("W-1", "failed").await && own.is("W-2", "failed").await;
    until(&hub, failed, || hub.later(60_000)).await;
    assert_eq!(own.needs_attention().await, 2);
    mend(&hub).await;
    own.cancels("e3", "W-1").await;
    own.orders_one("e4", "W-2").await;
    until(&hub, async || own.is("W-2", "accepted").await, || ()).await;
    assert!(own.is("W-1", "cancelled").await);
    assert_eq!(own.needs_attention().await, 0);
    assert_eq!(hub.flask_at("W01").await["available"], 4);
    hub.close().await;
}

#[tokio::test]
async fn a_cancellation_that_cannot_be_written_is_seen_and_tried_again() {
    let hub = Hub::open().await;
    hub.receive("W01", 5).await;
    let own = Shop::open(&hub, "own").await;
    own.orders_one("e1", "W-1").await;
    until(&hub, async || own.is("W-1", "accepted").await, || ()).await;
    refuse(&hub, "own").await;
    own.cancels("e2", "W-1").await;
    until(&hub, async || own.needs_attention().await == 1, || hub.later(60_000)).await;
    let order = own.order("W-1").await.unwrap();
    assert_eq!((&order["state"], &order["code"]), (&json!("accepted"), &json!("internal")));
    mend(&hub).await;
    // That its order comes again is no answer to it.
    own.orders_one("e3", "W-1").await;
    own.orders_one("e4", "W-2").await;
    until(&hub, async || own.is("W-2", "accepted").await, || ()).await;
    assert_eq!(own.needs_attention().await, 1);
    hub.post("/v1/channels/own/retry-orders", json!({})).await.ok(200);
    until(&hub, async || own.is("W-1", "cancelled").await, || ()).await;
    assert_eq!(own.needs_attention().await, 0);
    assert_eq!(hub.flask_at("W01").await["available"], 4);
    hub.close().await;
}

#[tokio::test]
async fn a_cancellation_waits_for_an_order_that_is_about_to_be_placed() {
    let hub = Hub::open().await;
    hub.receive("W01", 5).await;
    let own = Shop::open(&hub, "own").await;
    refuse(&hub, "own").await;
    own.orders_one("e1", "W-1").await;
    until(&hub, async || own.is("W-1", "placed").await, || ()).await;
    // The hub's clock is set back: the cancellation stands before its order in the inbox.
    hub.later(-60_000);
    own.cancels("e2", "W-1").await;
    mend(&hub).await;
    until(&hub, async || own.is("W-1", "cancelled").await, || hub.later(60_000)).await;
    assert_eq!(hub.flask_at("W01").await["available"], 5);
    hub.close().await;
}
