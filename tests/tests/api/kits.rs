//! Kits: made of items, figured and claimed by their parts, told of when a part changes.

use std::collections::BTreeSet;
use std::time::Duration;

use oneshelf_domain::promise::Shown;
use oneshelf_domain::record::Display;
use oneshelf_domain::{Sku, limits};
use oneshelf_hub::shown::Audience;
use serde_json::{Value, json};

use crate::channels::{channel, open};
use crate::receiver::Receiver;
use crate::support::Hub;

/// SET: two flasks and a lantern.
async fn set(hub: &Hub) -> Value {
    let components = json!([{"sku": "FLASK", "quantity": 2}, {"sku": "LAMP", "quantity": 1}]);
    let body = json!({"name": "Camping set", "price": {"minor": 9900, "currency": "EUR"},
        "components": components});
    hub.put("/v1/items/SET", body).await.ok(200)
}

async fn receive(hub: &Hub, flasks: i64, lamps: i64) {
    let lines = json!([{"sku": "FLASK", "quantity": flasks}, {"sku": "LAMP", "quantity": lamps}]);
    hub.post("/v1/stock/receive", json!({"location": "W01", "lines": lines})).await.ok(200);
}

fn claim(quantity: i64) -> Value {
    json!({"lines": [{"sku": "SET", "location": "W01", "quantity": quantity}]})
}

#[tokio::test]
async fn a_kit_reads_back_and_is_part_of_no_kit() {
    let hub = Hub::open().await;
    let made = set(&hub).await;
    assert_eq!(made["components"][0], json!({"sku": "FLASK", "quantity": 2}));
    assert_eq!(hub.get("/v1/items/SET").await.ok(200), made);
    assert_eq!(hub.get("/v1/items/FLASK").await.ok(200)["components"], json!([]));
    assert_eq!(hub.put("/v1/items/SET", made.clone()).await.ok(200), made, "sent back as it is");
    let of = |sku: &str| json!({"name": "X", "components": [{"sku": sku, "quantity": 1}]});
    hub.put("/v1/items/BOX", of("SET")).await.refused(409, "kit_nested");
    hub.put("/v1/items/FLASK", of("LAMP")).await.refused(409, "kit_nested");
    hub.put("/v1/items/BOX", of("BOX")).await.refused(422, "invalid");
    hub.put("/v1/items/BOX", of("NONE")).await.refused(404, "item_unknown");
    let grams = json!({"name": "X", "unit": "gram", "components": of("LAMP")["components"]});
    hub.put("/v1/items/BOX", grams).await.refused(422, "invalid");
    // What has stock becomes no kit, and a kit takes none.
    hub.put("/v1/items/PAN", json!({"name": "Pan"})).await.ok(200);
    let goods = |sku: &str| json!({"location": "W01", "lines": [{"sku": sku, "quantity": 1}]});
    hub.post("/v1/stock/receive", goods("PAN")).await.ok(200);
    let refused = hub.put("/v1/items/PAN", of("LAMP")).await.refused(409, "item_has_stock");
    assert_eq!(refused["location"], "W01");
    hub.post("/v1/stock/receive", goods("SET")).await.refused(409, "kit_has_no_stock");
    let kept = hub.put("/v1/policies/safety/SET/W01", json!({"quantity": 1})).await;
    kept.refused(409, "kit_has_no_stock");
    hub.close().await;
}

#[tokio::test]
async fn its_figure_is_what_its_scarcest_part_allows() {
    let hub = Hub::open().await;
    set(&hub).await;
    receive(&hub, 7, 9).await;
    let stock = hub.get("/v1/stock/SET").await.ok(200);
    let here = &stock["locations"][0];
    assert_eq!((&here["location"], &here["promise"]), (&json!("W01"), &json!(3)), "{stock}");
    assert_eq!(here["on_hand"], 0, "what lies there are its parts");
    let both = hub.get("/v1/stock?sku=LAMP&sku=SET").await.ok(200);
    let promise = |at: usize| both["items"][at]["locations"][0]["promise"].clone();
    assert_eq!((promise(0), promise(1)), (json!(9), json!(3)));
    hub.put("/v1/policies/safety/FLASK/W01", json!({"quantity": 2})).await.ok(200);
    let why = hub.get("/v1/stock/SET/explain?location=W01").await.ok(200);
    assert_eq!(why["figures"]["promise"], 2);
    assert_eq!(why["parts"][0], json!({"sku": "FLASK", "quantity": 2, "promise": 5}));
    let why = hub.get("/v1/stock/FLASK/explain?location=W01").await.ok(200);
    assert_eq!(why["parts"], json!([]));
    hub.close().await;
}

#[tokio::test]
async fn a_claim_has_a_line_for_each_part_and_takes_all_or_none() {
    let hub = Hub::open().await;
    set(&hub).await;
    receive(&hub, 5, 9).await;
    let refused = hub.post("/v1/reservations", claim(3)).await;
    let refused = refused.refused(409, "not_enough_available");
    assert_eq!((&refused["sku"], &refused["available"]), (&json!("SET"), &json!(2)));
    let made = hub.post("/v1/reservations", claim(2)).await.ok(201);
    let kit = json!({"sku": "SET", "quantity": 2});
    let line = |sku: &str, quantity: i64| {
        json!({"sku": sku, "location": "W01", "quantity": quantity, "short": 0,
            "kit": kit})
    };
    assert_eq!(made["lines"], json!([line("FLASK", 4), line("LAMP", 2)]));
    let path = format!("/v1/reservations/{}", made["id"].as_str().unwrap());
    assert_eq!(hub.get(&path).await.ok(200), made);
    assert_eq!(hub.flask_at("W01").await["reserved"], 4);
    // What is claimed stays as it was when the kit is made otherwise.
    let other = json!({"name": "Set", "components": [{"sku": "LAMP", "quantity": 5}]});
    hub.put("/v1/items/SET", other).await.ok(200);
    assert_eq!(hub.get("/v1/stock/SET").await.ok(200)["locations"][0]["promise"], 1);
    hub.post(&format!("{path}/hand-over"), json!({})).await.ok(200);
    assert_eq!(hub.flask_at("W01").await["on_hand"], 1);
    hub.close().await;
}

#[tokio::test]
async fn who_follows_a_kit_is_told_when_a_part_changes() {
    let hub = Hub::open().await;
    set(&hub).await;
    receive(&hub, 1, 1).await;
    let skus = [Sku::new("SET").unwrap()];
    let numbers = hub.app().items.of(&hub.app().store, &skus).await.unwrap();
    let items: BTreeSet<_> = numbers.into_iter().flatten().collect();
    let exact = Display::Exact { cap: limits::QUANTITY_MAX };
    let mut follower = hub.app().board.follower(Audience { channel: None, display: exact });
    let first = follower.follow(items).await.unwrap();
    let total = |count| Shown::Exact { count, more: false };
    assert_eq!(first.figures[0].shown().total, total(0));
    let mut until = async |count| {
        let told = async {
            while follower.next().await.figures.last().map(|f| f.shown().total)
                != Some(total(count))
            {}
        };
        tokio::time::timeout(Duration::from_secs(60), told).await.expect("nothing came");
    };
    receive(&hub, 5, 1).await;
    until(2).await;
    hub.put("/v1/policies/safety/FLASK/W01", json!({"quantity": 3})).await.ok(200);
    until(1).await;
    let other = json!({"name": "Set", "components": [{"sku": "FLASK", "quantity": 1}]});
    hub.put("/v1/items/SET", other).await.ok(200);
    until(3).await;
    hub.close().await;
}

#[tokio::test]
async fn a_channel_is_told_of_kits() {
    let hub = open().await;
    set(&hub).await;
    receive(&hub, 6, 9).await;
    let receiver = Receiver::start().await;
    channel(&hub, &receiver.url()).await;
    receiver.knows("SET", 3).await;
    hub.put("/v1/policies/buffer/SET/own", json!({"quantity": 1})).await.ok(200);
    receiver.knows("SET", 2).await;
    hub.post("/v1/reservations", claim(2)).await.ok(201);
    receiver.knows("SET", 0).await;
    receiver.knows("FLASK", 2).await;
    // A retired part is none.
    receive(&hub, 6, 1).await;
    receiver.knows("SET", 3).await;
    hub.post("/v1/items/LAMP/retire", json!({})).await.ok(200);
    receiver.knows("SET", 0).await;
    hub.close().await;
}
