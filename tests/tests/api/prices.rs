//! Prices that begin at a moment: kept, shown when they begin, and guarded as items are.

use serde_json::{Value, json};

use crate::support::Hub;

fn eur(minor: i64) -> Value {
    json!({"minor": minor, "currency": "EUR"})
}

/// A key of a page.
async fn page_key(hub: &Hub) -> String {
    let body = json!({"name": "Web", "kind": "publishable", "scopes": ["stock:read"]});
    hub.make_key(body).await.1
}

const DAY_MS: i64 = 24 * 60 * 60 * 1_000;

#[tokio::test]
async fn a_price_begins_by_itself_and_the_own_one_stays_what_it_was() {
    let hub = Hub::open().await;
    let flask = hub.get("/v1/items/FLASK").await.ok(200);
    let own = flask["price"].clone();
    assert_eq!(flask["price_now"], own);
    let tomorrow = hub.app().now().plus_ms(DAY_MS).to_string();
    let list = json!([{"from": tomorrow, "price": eur(777)},
        {"from": "2999-01-01", "price": eur(900)}]);
    let put = hub.put("/v1/items/FLASK/prices", json!({"prices": list})).await;
    let tag = put.headers["etag"].to_str().unwrap().to_owned();
    let put = put.ok(200);
    assert_eq!((&put["prices"], &put["price"]), (&list, &own));
    assert_eq!(hub.get("/v1/items/FLASK/prices").await.ok(200), put);
    // A list that is the same changes nothing.
    let again = hub.put("/v1/items/FLASK/prices", json!({"prices": list})).await.ok(200);
    assert_eq!(again["version"], put["version"]);

    let shown = async || hub.get("/v1/items/FLASK").await.ok(200)["price_now"].clone();
    assert_eq!(shown().await, own);
    let known = || hub.ask("GET", "/v1/items/FLASK").admin().header("if-none-match", &tag).send();
    hub.later(DAY_MS + 1_000);
    assert_eq!(shown().await, eur(777));
    assert_eq!(known().await.ok(200)["price_now"], eur(777), "an old copy has another price");
    let key = page_key(&hub).await;
    let public = hub.ask("GET", "/v1/public/items/FLASK").header("x-oneshelf-key", &key);
    assert_eq!(public.send().await.ok(200)["price"], eur(777));

    // What was read may be sent back, and leaves the prices alone; another own price counts now.
    let mut item = hub.get("/v1/items/FLASK").await.ok(200);
    item["brand"] = json!("Moss");
    assert_eq!(hub.put("/v1/items/FLASK", item.clone()).await.ok(200)["price_now"], eur(777));
    item["price"] = eur(650);
    assert_eq!(hub.put("/v1/items/FLASK", item).await.ok(200)["price_now"], eur(650));
    let left = hub.get("/v1/items/FLASK/prices").await.ok(200)["prices"].clone();
    assert_eq!(left, json!([{"from": "2999-01-01", "price": eur(900)}]));
    hub.close().await;
}

#[tokio::test]
async fn an_item_whose_first_price_is_to_come_is_not_sold_yet() {
    let hub = Hub::open().await;
    hub.put("/v1/items/NEW", json!({"name": "Advent calendar"})).await.ok(200);
    let tomorrow = hub.app().now().plus_ms(DAY_MS).to_string();
    let prices = json!({"prices": [{"from": tomorrow, "price": eur(1_290)}]});
    hub.put("/v1/items/NEW/prices", prices).await.ok(200);
    let key = page_key(&hub).await;
    let ask = async |path: &str| hub.ask("GET", path).header("x-oneshelf-key", &key).send().await;
    ask("/v1/public/items/NEW").await.refused(404, "item_unknown");
    let found = async || {
        let page = ask("/v1/public/items?search=advent").await.ok(200);
        page["items"].as_array().unwrap().len()
    };
    assert_eq!(found().await, 0);
    hub.later(DAY_MS + 1_000);
    assert_eq!(found().await, 1);
    assert_eq!(ask("/v1/public/items/NEW").await.ok(200)["price"], eur(1_290));
    hub.close().await;
}

#[tokio::test]
async fn a_list_that_breaks_a_rule_is_refused_and_so_is_an_old_version() {
    let hub = Hub::open().await;
    let put = async |list: Value| hub.put("/v1/items/FLASK/prices", json!({"prices": list})).await;
    let one = |from: &str| json!({"from": from, "price": eur(1)});
    for from in ["1.12.2026", "2026-02-30", "2026-12-01T06:00", "", "tomorrow"] {
        assert_eq!(put(json!([one(from)])).await.status, 422, "{from}");
    }
    put(json!([one("2026-12-01"), one("2026-12-01")])).await.refused(422, "invalid");
    put(json!([{"from": "2026-12-01", "price": eur(-1)}])).await.refused(422, "invalid");
    let more = json!({"minor": 1, "currency": "EUR", "tax": 1});
    put(json!([{"from": "2026-12-01", "price": more}])).await.refused(422, "invalid");
    let dollars = json!({"minor": 1, "currency": "USD"});
    put(json!([{"from": "2026-12-01", "price": dollars}])).await.refused(422, "invalid");
    hub.put("/v1/items/NOPE/prices", json!({"prices": []})).await.refused(404, "item_unknown");
    hub.get("/v1/items/NOPE/prices").await.refused(404, "item_unknown");

    let first = hub.get("/v1/items/FLASK/prices").await;
    let tag = first.headers["etag"].to_str().unwrap().to_owned();
    let same = hub.ask("GET", "/v1/items/FLASK/prices").admin().header("if-none-match", &tag);
    assert_eq!(same.send().await.status, 304);
    let body = json!({"prices": [one("2026-12-01")]});
    let ask = |body: &Value| {
        let ask = hub.ask("PUT", "/v1/items/FLASK/prices").admin().header("if-match", &tag);
        ask.json(body).send()
    };
    ask(&body).await.ok(200);
    ask(&json!({"prices": []})).await.refused(412, "precondition_failed");
    hub.close().await;
}
