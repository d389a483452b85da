//! Orders of channels: proven, taken once, reserved, refused, cancelled; out of order is normal.

use oneshelf_connectors::{Secret, signature};
use serde_json::{Value, json};

use crate::receiver::Receiver;
use crate::support::{Ask, Hub, Said};

/// A channel that only sends.
async fn channel(hub: &Hub) -> Secret {
    let body = json!({"code": "own", "name": "Own shop", "locations": ["W01", "S07"]});
    let made = hub.post("/v1/channels", body).await.ok(201);
    Secret::parse(made["secret"].as_str().unwrap()).unwrap()
}

fn delivery<'a>(hub: &'a Hub, secret: &Secret, id: &str, age_s: i64, body: &[u8]) -> Ask<'a> {
    let seconds = hub.app().now().0 / 1_000_000 - age_s;
    hub.ask("POST", "/v1/hooks/own")
        .header("webhook-id", id)
        .header("webhook-timestamp", &seconds.to_string())
        .header("webhook-signature", &signature::sign(secret, id, seconds, body))
        .bytes("application/json", body)
}

async fn send(hub: &Hub, secret: &Secret, id: &str, body: &Value) -> Said {
    delivery(hub, secret, id, 0, body.to_string().as_bytes()).send().await
}

fn placed(order: &str, lines: Value) -> Value {
    json!({"type": "order.placed", "data": {"channel_order_id": order, "lines": lines,
        "customer": {"name": "Ada Lovelace"}}})
}

fn cancel(order: &str) -> Value {
    json!({"type": "order.cancel", "data": {"channel_order_id": order}})
}

fn flasks(quantity: i64) -> Value {
    json!([{"sku": "FLASK", "quantity": quantity}])
}

async fn orders(hub: &Hub) -> Vec<Value> {
    hub.get("/v1/channels/own/orders").await.ok(200)["orders"].as_array().unwrap().clone()
}

/// The order, once it is in a state.
async fn order(hub: &Hub, id: &str, state: &str) -> Value {
    let mut seen = hub.app().follow.subscribe();
    let found = tokio::time::timeout(std::time::Duration::from_secs(60), async {
        loop {
            let found = orders(hub).await.into_iter().find(|o| o["channel_order_id"] == id);
            if let Some(order) = found.filter(|o| o["state"] == state) {
                return order;
            }
            let wait = std::time::Duration::from_millis(50);
            let _ = tokio::time::timeout(wait, seen.changed()).await;
        }
    });
    match found.await {
        Ok(order) => order,
        Err(_) => panic!("{id} is never {state}: {:?}", orders(hub).await),
    }
}

async fn available(hub: &Hub, location: &str) -> i64 {
    hub.flask_at(location).await["available"].as_i64().unwrap()
}

#[tokio::test]
async fn an_order_is_one_order_however_often_it_comes() {
    let hub = Hub::open().await;
    let secret = channel(&hub).await;
    hub.receive("W01", 3).await;
    let body = placed("W-1", flasks(2));
    let taken = send(&hub, &secret, "e1", &body).await.ok(202);
    assert_eq!(taken, json!({"id": "e1", "duplicate": false}));
    let taken = send(&hub, &secret, "e1", &body).await.ok(202);
    assert_eq!(taken["duplicate"], true);
    let done = order(&hub, "W-1", "accepted").await;
    assert_eq!(done["lines"], json!([{"sku": "FLASK", "location": "W01", "quantity": 2}]));
    // Under another id, with other lines: it is known.
    send(&hub, &secret, "e2", &placed("W-1", flasks(1))).await.ok(202);
    send(&hub, &secret, "e3", &placed("W-2", flasks(1))).await.ok(202);
    order(&hub, "W-2", "accepted").await;
    assert_eq!(available(&hub, "W01").await, 0);
    let path = format!("/v1/reservations/{}", done["reservation"].as_str().unwrap());
    let reservation = hub.get(&path).await.ok(200);
    assert_eq!(
        (&reservation["state"], &reservation["reference"]),
        (&json!("committed"), &json!("W-1"))
    );
    for text in hub.texts("select coalesce(body, '') from channel_inbox").await {
        assert!(!text.contains("Lovelace"), "{text}");
    }
    hub.close().await;
}

#[tokio::test]
async fn a_cancellation_frees_the_units_and_may_overtake_its_order() {
    let hub = Hub::open().await;
    let secret = channel(&hub).await;
    hub.receive("W01", 3).await;
    send(&hub, &secret, "e1", &placed("W-1", flasks(2))).await.ok(202);
    order(&hub, "W-1", "accepted").await;
    for event in ["e2", "e3"] {
        send(&hub, &secret, event, &cancel("W-1")).await.ok(202);
    }
    order(&hub, "W-1", "cancelled").await;
    assert_eq!(available(&hub, "W01").await, 3);
    send(&hub, &secret, "e4", &cancel("W-2")).await.ok(202);
    order(&hub, "W-2", "cancelled").await;
    send(&hub, &secret, "e5", &placed("W-2", flasks(2))).await.ok(202);
    send(&hub, &secret, "e6", &placed("W-3", flasks(1))).await.ok(202);
    let third = order(&hub, "W-3", "accepted").await;
    order(&hub, "W-2", "cancelled").await;
    assert_eq!(available(&hub, "W01").await, 2, "the second never came to be");
    // What was handed over is not taken back by a message.
    let path = format!("/v1/reservations/{}", third["reservation"].as_str().unwrap());
    hub.post(&format!("{path}/hand-over"), json!({})).await.ok(200);
    send(&hub, &secret, "e7", &cancel("W-3")).await.ok(202);
    send(&hub, &secret, "e8", &placed("W-4", flasks(1))).await.ok(202);
    order(&hub, "W-4", "accepted").await;
    assert_eq!(order(&hub, "W-3", "accepted").await["code"], "reservation_ended");
    hub.close().await;
}

#[tokio::test]
async fn an_order_that_cannot_be_served_is_refused_and_the_shop_is_told() {
    let generous = oneshelf_hub::auth::rates::Rates::default();
    let settings = oneshelf_hub::channels::Settings {
        allowed: vec!["127.0.0.0/8".parse().unwrap()],
        ..Default::default()
    };
    let hub = Hub::open_as(generous, settings).await;
    let receiver = Receiver::start().await;
    let secret = channel(&hub).await;
    let (endpoint, locations) = (receiver.url(), ["W01", "S07"]);
    let body = json!({"name": "Own shop", "endpoint": endpoint, "locations": locations});
    hub.put("/v1/channels/own", body).await.ok(200);
    hub.receive("W01", 1).await;
    hub.receive("S07", 4).await;
    hub.receive("S02", 9).await;
    fn here(sku: &str, quantity: i64, location: &str) -> Value {
        json!([{"sku": sku, "quantity": quantity, "location": location}])
    }
    for (event, lines, state, code) in [
        ("a", flasks(5), "refused", "not_enough_available"),
        ("b", flasks(4), "accepted", ""),
        ("c", here("NOPE", 1, "W01"), "refused", "item_unknown"),
        ("d", here("FLASK", 1, "S02"), "refused", "location_unknown"),
        ("e", here("FLASK", 2, "W01"), "refused", "not_enough_available"),
        ("f", here("FLASK", 1, "W01"), "accepted", ""),
    ] {
        send(&hub, &secret, event, &placed(event, lines)).await.ok(202);
        let order = order(&hub, event, state).await;
        assert_eq!(order["code"].as_str().unwrap_or_default(), code, "{event}");
        let kind = format!("order.{state}");
        let told = async || {
            receiver
                .taken()
                .iter()
                .any(|d| d.body["type"] == kind && d.data()["channel_order_id"] == event)
        };
        receiver.until(told).await;
    }
    let accepted = receiver.taken().into_iter().find(|d| d.body["type"] == "order.accepted");
    assert_eq!(accepted.unwrap().data()["lines"][0]["location"], "S07", "where all of it is");
    receiver.knows("FLASK", 0).await;
    // Our own words come back as nothing.
    let echo = receiver.taken().pop().unwrap();
    let mut ask = hub.ask("POST", "/v1/hooks/own");
    for name in ["webhook-id", "webhook-timestamp", "webhook-signature"] {
        ask = ask.header(name, &echo.header(name));
    }
    let version = hub.version().await;
    ask.bytes("application/json", echo.raw.clone()).send().await.ok(202);
    assert_eq!(hub.version().await, version);
    assert_eq!(hub.texts("select kind from channel_inbox where state = 'ignored'").await.len(), 1);
    hub.close().await;
}

#[tokio::test]
async fn what_is_not_proven_is_not_taken() {
    let hub = Hub::open().await;
    let secret = channel(&hub).await;
    let stranger = Secret::new(&[7; 32]).unwrap();
    let body = placed("W-1", flasks(1)).to_string().into_bytes();
    let refused = async |ask: Ask<'_>, status, code| {
        ask.send().await.refused(status, code);
    };
    refused(delivery(&hub, &stranger, "e", 0, &body), 401, "signature_invalid").await;
    refused(delivery(&hub, &secret, "e", 301, &body), 401, "signature_invalid").await;
    refused(delivery(&hub, &secret, "e", -301, &body), 401, "signature_invalid").await;
    refused(delivery(&hub, &secret, "e", 0, b"{"), 400, "malformed").await;
    refused(delivery(&hub, &secret, "e", 0, &b"[".repeat(40)), 400, "malformed").await;
    let none = placed("", flasks(1)).to_string().into_bytes();
    refused(delivery(&hub, &secret, "e", 0, &none), 422, "invalid").await;
    refused(delivery(&hub, &secret, "e", 0, &vec![b' '; 300 << 10]), 413, "too_large").await;
    let bare = hub.ask("POST", "/v1/hooks/own").bytes("application/json", body.clone());
    refused(bare, 401, "signature_invalid").await;
    let other = hub.ask("POST", "/v1/hooks/nobody").bytes("application/json", body.clone());
    refused(other, 401, "signature_invalid").await;
    delivery(&hub, &secret, "later", 0, b"{\"type\":\"customer.created\"}").send().await.ok(202);
    hub.post("/v1/channels/own/disable", json!({})).await.ok(200);
    refused(delivery(&hub, &secret, "e", 0, &body), 409, "channel_stopped").await;
    hub.post("/v1/channels/own/enable", json!({})).await.ok(200);
    delivery(&hub, &secret, "e", 300, &body).send().await.ok(202);
    order(&hub, "W-1", "refused").await;
    assert_eq!(hub.texts("select event from channel_inbox order by event").await, ["e", "later"]);
    hub.close().await;
}

#[tokio::test]
async fn what_came_in_is_kept_for_a_while() {
    use oneshelf_hub::jobs::{Kept, LEASE, Retention};
    let hub = Hub::open().await;
    let secret = channel(&hub).await;
    hub.receive("W01", 3).await;
    send(&hub, &secret, "e1", &placed("W-1", flasks(1))).await.ok(202);
    order(&hub, "W-1", "accepted").await;
    let app = hub.app().clone();
    let retention = Retention::new(app.store.clone(), app.clock.clone(), LEASE);
    let day = 24 * 60 * 60 * 1_000;
    let bodies = "select coalesce(body, 'gone') from channel_inbox";
    for (days, left) in [(29, 1), (2, 1), (148, 1), (2, 0)] {
        hub.later(days * day);
        while retention.batch(Kept::InboxBodies).await.unwrap() > 0 {}
        while retention.batch(Kept::InboxIds).await.unwrap() > 0 {}
        while retention.batch(Kept::Deliveries).await.unwrap() > 0 {}
        let kept = hub.texts(bodies).await;
        assert_eq!(kept.len(), left, "after {days} days more");
        if days == 2 && left == 1 {
            assert_eq!(kept, ["gone"]);
        }
    }
    order(&hub, "W-1", "accepted").await;
    hub.close().await;
}
