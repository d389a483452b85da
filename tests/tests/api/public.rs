//! The public shop: figures through a display policy, holds, origins.

use serde_json::{Value, json};

use crate::support::{Hub, Said};

const SHOPPER: &str = "0123456789abcdef0123456789abcdef";

async fn own_key(hub: &Hub) -> String {
    let config = hub.ask("GET", "/v1/public/config").send().await.ok(200);
    assert_eq!(
        (config["shop"].as_str(), config["currency"].as_str(), config["locale"].as_str()),
        (Some("Harbour Goods"), Some("EUR"), Some("en-IE"))
    );
    config["key"].as_str().unwrap().to_owned()
}

async fn hold(hub: &Hub, key: &str, shopper: &str, location: &str, quantity: i64) -> Said {
    let body = json!({"sku": "FLASK", "location": location, "quantity": quantity,
        "shopper": shopper});
    let ask = hub.ask("POST", "/v1/public/holds").header("x-oneshelf-key", key);
    ask.header("origin", &hub.base).json(&body).send().await
}

#[tokio::test]
async fn shoppers_see_figures_through_the_policy_of_the_key() {
    let hub = Hub::open().await;
    hub.receive("S07", 2).await;
    hub.receive("W01", 30).await;
    let shown = async |display: Value| {
        let body = json!({"name": "Web", "kind": "publishable", "scopes": ["stock:read"],
            "display": display});
        let (_, key) = hub.make_key(body).await;
        let ask = hub.ask("GET", "/v1/public/stock?sku=FLASK&sku=NOPE");
        let body = ask.header("x-oneshelf-key", &key).send().await.ok(200);
        assert_eq!(body["items"].as_array().unwrap().len(), 1);
        let item = &body["items"][0];
        let s07 = item["locations"].as_array().unwrap().iter().find(|l| l["location"] == "S07");
        (item["total"].clone(), s07.unwrap()["shown"].clone())
    };
    assert_eq!(
        shown(Value::Null).await,
        (
            json!({"kind": "exact", "count": 10, "more": true}),
            json!({"kind": "exact", "count": 2, "more": false})
        )
    );
    assert_eq!(
        shown(json!({"kind": "level"})).await,
        (json!({"kind": "level", "level": "in_stock"}), json!({"kind": "level", "level": "low"}))
    );
    assert_eq!(
        shown(json!({"kind": "yes_no"})).await.1,
        json!({"kind": "yes_no", "available": true})
    );
    hub.close().await;
}

#[tokio::test]
async fn a_shopper_holds_replaces_and_lets_go() {
    let hub = Hub::open().await;
    hub.receive("S07", 2).await;
    hub.receive("S02", 1).await;
    let key = own_key(&hub).await;
    let first = hold(&hub, &key, SHOPPER, "S07", 2).await.ok(201);
    assert_eq!((first["state"].as_str(), first["sku"].as_str()), (Some("held"), Some("FLASK")));
    hold(&hub, &key, "another browser's token", "S07", 1)
        .await
        .refused(409, "not_enough_available");
    // A second hold on the item replaces the first.
    let second = hold(&hub, &key, SHOPPER, "S02", 1).await.ok(201);
    assert_eq!(hub.flask_at("S07").await["available"], 2);
    let path = format!("/v1/public/holds/{}", second["id"].as_str().unwrap());
    let end = |shopper: &str| {
        hub.ask("DELETE", &format!("{path}?shopper={shopper}"))
            .header("x-oneshelf-key", &key)
            .send()
    };
    end("somebody-else-entirely").await.refused(404, "reservation_unknown");
    end(SHOPPER).await.ok(204);
    end(SHOPPER).await.refused(409, "reservation_ended");
    assert_eq!(hub.flask_at("S02").await["available"], 1);
    hub.close().await;
}

#[tokio::test]
async fn a_hold_is_bounded() {
    let hub = Hub::open().await;
    hub.receive("S07", 20).await;
    let key = own_key(&hub).await;
    hold(&hub, &key, SHOPPER, "S07", 6).await.refused(422, "invalid");
    hold(&hub, &key, SHOPPER, "S07", 0).await.refused(422, "invalid");
    hold(&hub, &key, "short", "S07", 1).await.refused(422, "invalid");
    hold(&hub, &key, SHOPPER, "XX", 1).await.refused(404, "location_unknown");
    hub.put("/v1/policies/buffer/FLASK/web", json!({"quantity": 19})).await.ok(200);
    hold(&hub, &key, SHOPPER, "S07", 2).await.refused(409, "not_enough_available");
    hold(&hub, &key, SHOPPER, "S07", 1).await.ok(201);
    hub.close().await;
}

#[tokio::test]
async fn whoever_draws_new_tokens_holds_no_more_of_an_item() {
    let hub = Hub::open().await;
    hub.receive("S07", 50).await;
    hub.receive("S02", 50).await;
    let key = own_key(&hub).await;
    let shopper = |n: i64| format!("the token of the browser no. {n}");
    for n in 0..4 {
        hold(&hub, &key, &shopper(n), "S07", 5).await.ok(201);
    }
    let refused = hold(&hub, &key, &shopper(4), "S02", 1).await.refused(409, "too_many_held");
    assert_eq!((&refused["sku"], &refused["most"]), (&json!("FLASK"), &json!(20)));
    // One's own hold is replaced, not added.
    hold(&hub, &key, &shopper(0), "S02", 4).await.ok(201);
    hold(&hub, &key, &shopper(4), "S07", 1).await.ok(201);
    let body = json!({"sku": "LAMP", "location": "S07", "quantity": 1, "shopper": shopper(5)});
    let ask = hub.ask("POST", "/v1/public/holds").header("x-oneshelf-key", &key);
    let other = ask.header("origin", &hub.base).json(&body).send().await;
    other.refused(409, "not_enough_available");
    assert_eq!(hub.flask_at("S07").await["reserved"], 16);
    hub.close().await;
}

#[tokio::test]
async fn shoppers_and_addresses_are_kept_as_hashes() {
    let hub = Hub::open().await;
    hub.receive("S07", 2).await;
    let key = own_key(&hub).await;
    let made = hold(&hub, &key, SHOPPER, "S07", 1).await.ok(201);
    let id = made["id"].as_str().unwrap().parse().unwrap();
    let mut tx = hub.app().store.read().await.unwrap();
    let found = oneshelf_hub::store::read::reservations::by_id(&mut tx, id).await.unwrap().unwrap();
    tx.rollback().await.unwrap();
    let (shopper, address) = (found.shopper.unwrap(), found.address.unwrap());
    let is_hash = |t: &str| t.len() == 32 && t.bytes().all(|b| b.is_ascii_hexdigit());
    assert!(is_hash(&shopper) && is_hash(&address), "{shopper} {address}");
    hub.close().await;
}

#[tokio::test]
async fn only_listed_pages_use_a_publishable_key() {
    let hub = Hub::open().await;
    let body = json!({"name": "Web", "kind": "publishable", "scopes": ["stock:read"],
        "origins": ["https://shop.example"]});
    let (_, key) = hub.make_key(body).await;
    let from = |origin: &str| {
        let ask = hub.ask("GET", "/v1/public/items").header("x-oneshelf-key", &key);
        ask.header("origin", origin).send()
    };
    let listed = from("https://shop.example").await;
    assert_eq!(listed.headers["access-control-allow-origin"], "https://shop.example");
    listed.ok(200);
    from(&hub.base).await.ok(200);
    let foreign = from("https://evil.example").await;
    assert!(!foreign.headers.contains_key("access-control-allow-origin"));
    foreign.refused(403, "foreign_origin");
    // The key of the hub's own page lists nobody else.
    let own = own_key(&hub).await;
    let ask = hub.ask("GET", "/v1/public/items").header("x-oneshelf-key", &own);
    let crossed = ask.header("origin", "https://shop.example").send().await;
    crossed.refused(403, "foreign_origin");
    let preflight = |origin: &str| {
        let ask = hub.ask("OPTIONS", "/v1/public/holds").header("origin", origin);
        ask.header("access-control-request-method", "POST")
            .header("access-control-request-headers", "content-type,x-oneshelf-key")
            .send()
    };
    let asked = preflight("https://shop.example").await;
    assert_eq!(asked.headers["access-control-allow-origin"], "https://shop.example");
    assert!(
        !preflight("https://evil.example")
            .await
            .headers
            .contains_key("access-control-allow-origin")
    );
    // The office is for nobody's pages but ours.
    let office = hub.ask("OPTIONS", "/v1/shop").header("origin", "https://shop.example");
    let office = office.header("access-control-request-method", "PUT").send().await;
    assert!(!office.headers.contains_key("access-control-allow-origin"));
    hub.close().await;
}

#[tokio::test]
async fn keys_of_other_kinds_do_not_open_the_shop_nor_the_office() {
    let hub = Hub::open().await;
    let key = own_key(&hub).await;
    let secret = hub.secret_key(&["stock:read"]).await;
    let with = |key: &str| hub.ask("GET", "/v1/public/items").header("x-oneshelf-key", key).send();
    with(&secret).await.refused(401, "wrong_secret");
    with("osp_nothing").await.refused(401, "wrong_secret");
    hub.ask("GET", "/v1/public/items").send().await.refused(401, "not_signed_in");
    hub.ask("GET", "/v1/stock/FLASK").bearer(&key).send().await.refused(403, "not_allowed");
    let body = json!({"name": "Web", "kind": "publishable", "scopes": ["live"]});
    let (_, reader) = hub.make_key(body).await;
    hold(&hub, &reader, SHOPPER, "S07", 1).await.refused(403, "not_allowed");
    hub.close().await;
}

#[tokio::test]
async fn shoppers_see_what_is_sold() {
    let hub = Hub::open().await;
    let key = own_key(&hub).await;
    let get = |path: &'static str| hub.ask("GET", path).header("x-oneshelf-key", &key).send();
    hub.post("/v1/items/LAMP/retire", json!({})).await.ok(200);
    // Nobody has said what it costs.
    hub.put("/v1/items/UNPRICED", json!({"name": "\"price\":5"})).await.ok(200);
    get("/v1/public/items/UNPRICED").await.refused(404, "item_unknown");
    let items = get("/v1/public/items").await.ok(200);
    assert_eq!(items["items"].as_array().unwrap().len(), 1);
    assert!(items["items"][0].get("barcodes").is_none());
    assert_eq!(get("/v1/public/items/FLASK").await.ok(200)["price"]["minor"], 3490);
    get("/v1/public/items/LAMP").await.refused(404, "item_unknown");
    hub.close().await;
}

#[tokio::test]
async fn the_shop_page_gets_a_key_that_can_hold_or_a_reason() {
    let hub = Hub::open().await;
    let first = own_key(&hub).await;
    let keys = hub.get("/v1/keys").await.ok(200);
    let page = keys["keys"].as_array().unwrap().iter().find(|k| k["name"] == "Shop page").unwrap();
    // Older than the next one, but it could show nothing live.
    let body = json!({"name": "Reader", "kind": "publishable", "scopes": ["stock:read", "hold"]});
    hub.make_key(body).await;
    hub.delete(&format!("/v1/keys/{}", page["id"].as_str().unwrap())).await.ok(204);
    let config = || hub.ask("GET", "/v1/public/config").send();
    config().await.refused(409, "shop_key_missing");
    let body = json!({"name": "Next", "kind": "publishable", "scopes": ["live", "hold"]});
    let (_, next) = hub.make_key(body).await;
    assert_eq!(config().await.ok(200)["key"], next);
    assert_ne!(first, next);
    hub.close().await;
}

#[tokio::test]
async fn a_hold_that_is_refused_says_no_more_than_the_key_shows() {
    let hub = Hub::open().await;
    hub.receive("S07", 3).await;
    for (display, told) in [
        (json!({"kind": "exact", "cap": 10}), json!(3)),
        (json!({"kind": "exact", "cap": 2}), Value::Null),
        (json!({"kind": "level"}), Value::Null),
        (json!({"kind": "yes_no"}), Value::Null),
    ] {
        let body = json!({"name": "Web", "kind": "publishable", "scopes": ["hold"],
            "display": display, "origins": [hub.base]});
        let (_, key) = hub.make_key(body).await;
        let said = hold(&hub, &key, SHOPPER, "S07", 4).await;
        assert_eq!((said.status, &said.body["available"]), (409, &told), "{display}");
        assert_eq!(said.body["code"], "not_enough_available");
        let detail = said.body["detail"].as_str().unwrap();
        assert_eq!(detail.contains('3'), told == json!(3), "{detail}");
    }
    hub.close().await;
}

#[tokio::test]
async fn a_poller_is_told_when_nothing_changed() {
    let hub = Hub::open().await;
    hub.receive("W01", 30).await;
    let key = own_key(&hub).await;
    let ask = |known: &str| {
        let ask = hub.ask("GET", "/v1/public/stock?sku=FLASK&sku=LAMP");
        ask.header("x-oneshelf-key", &key).header("if-none-match", known).send()
    };
    let first = ask("\"of yesterday\"").await;
    let tag = first.headers["etag"].to_str().unwrap().to_owned();
    assert_eq!((first.status, &first.headers["cache-control"] == "private, no-cache"), (200, true));
    assert!(tag.starts_with("W/\""), "{tag}");
    // More of what is shown as "10+" is nothing new, and neither is time.
    hub.receive("W01", 5).await;
    hub.later(60_000);
    for known in [tag.clone(), format!("\"a\", {tag}"), tag.replace("W/", ""), "*".to_owned()] {
        let again = ask(&known).await;
        assert_eq!((again.status, again.text.as_str()), (304, ""), "{known}");
        assert_eq!(again.headers["etag"].to_str().unwrap(), tag);
    }
    hub.receive("S07", 1).await;
    let news = ask(&tag).await;
    assert_ne!(news.headers["etag"].to_str().unwrap(), tag);
    news.ok(200);
    // What another key shows is another answer.
    let body = json!({"name": "Web", "kind": "publishable", "scopes": ["live"],
        "display": {"kind": "yes_no"}});
    let (_, other) = hub.make_key(body).await;
    let ask = hub.ask("GET", "/v1/public/stock?sku=FLASK&sku=LAMP");
    let coarse = ask.header("x-oneshelf-key", &other).send().await;
    assert!(coarse.headers.get_all("vary").iter().any(|v| v == "x-oneshelf-key"));
    let tag = coarse.headers["etag"].to_str().unwrap().to_owned();
    hub.receive("S07", 1).await;
    let ask = hub.ask("GET", "/v1/public/stock?sku=FLASK&sku=LAMP").header("if-none-match", &tag);
    assert_eq!(ask.header("x-oneshelf-key", &other).send().await.status, 304);
    hub.close().await;
}

#[tokio::test]
async fn a_product_is_linked_as_search_engines_read_it() {
    let hub = Hub::open().await;
    let hostile = "</script><script>alert(1)</script> <!-- Flask & co";
    let body = json!({"name": hostile, "price": {"minor": 3490, "currency": "EUR"},
        "brand": "Harbour", "image": "https://shop.example/flask.jpg"});
    hub.put("/v1/items/FLASK", body).await.ok(200);
    hub.put("/v1/items/UNPRICED", json!({"name": "Nobody's"})).await.ok(200);
    let body = json!({"name": "Web", "kind": "publishable", "scopes": ["live"],
        "display": {"kind": "level"}});
    let (_, key) = hub.make_key(body).await;
    let linked = |sku: &str| {
        let ask = hub.ask("GET", &format!("/v1/public/items/{sku}/json-ld"));
        ask.header("x-oneshelf-key", &key).send()
    };
    let out = linked("FLASK").await.ok(200);
    assert_eq!(out["offers"]["availability"], "https://schema.org/OutOfStock");
    assert!(out["offers"].get("availableAtOrFrom").is_none());
    hub.receive("S07", 2).await;
    let said = linked("FLASK").await;
    assert_eq!(said.headers["content-type"], "application/ld+json");
    assert!(!said.text.contains(['<', '>', '&']), "{}", said.text);
    assert!(!said.text.contains("\"2\"") && !said.text.contains(":2"), "a level is no number");
    let body = said.ok(200);
    assert_eq!((&body["@type"], &body["name"]), (&json!("Product"), &json!(hostile)));
    let offer = &body["offers"];
    assert_eq!((&offer["price"], &offer["priceCurrency"]), (&json!("34.90"), &json!("EUR")));
    assert_eq!(offer["availability"], "https://schema.org/LimitedAvailability");
    let store = json!([{"@type": "Store", "branchCode": "S07", "name": "Quay Street"}]);
    assert_eq!(offer["availableAtOrFrom"], store);
    linked("UNPRICED").await.refused(404, "item_unknown");
    linked("NOPE").await.refused(404, "item_unknown");
    let (_, holder) =
        hub.make_key(json!({"name": "H", "kind": "publishable", "scopes": ["hold"]})).await;
    let ask = hub.ask("GET", "/v1/public/items/FLASK/json-ld").header("x-oneshelf-key", &holder);
    ask.send().await.refused(403, "not_allowed");
    hub.close().await;
}
