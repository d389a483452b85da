//! Stock: goods in, back, counted, corrected; figures, movements, explanations.

use serde_json::{Value, json};

use crate::cli::hub_says;
use crate::support::Hub;

#[tokio::test]
async fn goods_come_in_are_counted_corrected_and_explained() {
    let hub = Hub::open().await;
    hub.receive("S07", 9).await;
    let before = hub.get("/v1/time").await.ok(200)["now"].as_str().unwrap().to_owned();
    fn at(reason: &str, quantity: i64) -> Value {
        json!({"location": "S07", "sku": "FLASK", "reason": reason, "quantity": quantity})
    }
    hub.post("/v1/stock/adjust", at("damaged", 2)).await.ok(200);
    hub.post("/v1/stock/adjust", at("correction", -1)).await.ok(200);
    hub.post("/v1/stock/adjust", at("found", 3)).await.ok(200);
    let body = json!({"location": "S07", "sku": "FLASK", "quantity": 1, "to": "quality_control"});
    hub.post("/v1/stock/return", body).await.ok(200);
    let count = json!({"location": "S07", "sku": "FLASK", "found": 8});
    assert!(hub.post("/v1/stock/count", count.clone()).await.ok(200)["version"].is_i64());
    assert!(hub.post("/v1/stock/count", count).await.ok(200)["version"].is_null());
    let row = hub.flask_at("S07").await;
    let figures = ["on_hand", "available", "damaged", "quality_control", "promise"];
    let figures: Vec<i64> = figures.iter().map(|f| row[*f].as_i64().unwrap()).collect();
    assert_eq!(figures, [11, 8, 2, 1, 8]);
    let path = format!("/v1/stock/FLASK/explain?location=S07&at={before}");
    let then = hub.get(&path).await.ok(200);
    assert_eq!(then["figures"]["available"], 9);
    assert_eq!(then["movements"].as_array().unwrap().len(), 1);
    let now = hub.get("/v1/stock/FLASK/explain?location=S07").await.ok(200);
    assert_eq!(now["figures"]["available"], 8);
    assert_eq!(now["movements"][0]["reason"], "count");
    hub.close().await;
}

#[tokio::test]
async fn movements_are_read_page_by_page() {
    let hub = Hub::open().await;
    for n in 1..=5 {
        hub.receive(if n % 2 == 0 { "S02" } else { "S07" }, n).await;
    }
    let mut quantities = vec![];
    let mut path = "/v1/movements?limit=2".to_owned();
    loop {
        let page = hub.get(&path).await.ok(200);
        let rows = page["movements"].as_array().unwrap();
        quantities.extend(rows.iter().map(|m| m["quantity"].as_i64().unwrap()));
        match page["next_cursor"].as_str() {
            Some(cursor) => path = format!("/v1/movements?limit=2&cursor={cursor}"),
            None => break,
        }
    }
    assert_eq!(quantities, [1, 2, 3, 4, 5]);
    let here = hub.get("/v1/movements?location=S02&sku=FLASK").await.ok(200);
    assert_eq!(here["movements"].as_array().unwrap().len(), 2);
    assert_eq!(here["movements"][0]["from"], json!({"location": "S02", "place": "supplier"}));
    assert_eq!(hub.get("/v1/movements?sku=LAMP").await.ok(200)["movements"], json!([]));
    hub.get("/v1/movements?location=XX").await.refused(404, "location_unknown");
    hub.get("/v1/movements?sku=XX").await.refused(404, "item_unknown");
    hub.close().await;
}

#[tokio::test]
async fn figures_are_read_one_by_one_many_and_by_location() {
    let hub = Hub::open().await;
    hub.receive("S07", 4).await;
    hub.receive("W01", 6).await;
    let many = hub.get("/v1/stock?sku=FLASK&sku=LAMP").await.ok(200);
    assert_eq!(many["items"][0]["locations"].as_array().unwrap().len(), 2);
    assert_eq!(
        (many["items"][1]["sku"].as_str(), &many["items"][1]["locations"]),
        (Some("LAMP"), &json!([]))
    );
    let here = hub.get("/v1/locations/W01/stock").await.ok(200);
    assert_eq!(
        (here["items"][0]["sku"].as_str(), here["items"][0]["on_hand"].as_i64()),
        (Some("FLASK"), Some(6))
    );
    hub.put("/v1/policies/safety/FLASK/S07", json!({"quantity": 3})).await.ok(200);
    assert_eq!(hub.flask_at("S07").await["promise"], 1);
    hub.get("/v1/stock").await.refused(422, "invalid");
    hub.get("/v1/stock?sku=NOPE").await.refused(404, "item_unknown");
    hub.get("/v1/stock/NOPE").await.refused(404, "item_unknown");
    hub.get("/v1/locations/XX/stock").await.refused(404, "location_unknown");
    hub.close().await;
}

#[tokio::test]
async fn what_cannot_be_is_refused() {
    let hub = Hub::open().await;
    hub.receive("S07", 2).await;
    fn adjust(quantity: i64) -> Value {
        json!({"location": "S07", "sku": "FLASK", "reason": "lost", "quantity": quantity})
    }
    let problem = hub.post("/v1/stock/adjust", adjust(3)).await;
    let problem = problem.refused(409, "not_enough_available");
    assert_eq!((problem["available"].as_i64(), problem["sku"].as_str()), (Some(2), Some("FLASK")));
    hub.post("/v1/stock/adjust", adjust(0)).await.refused(422, "invalid");
    hub.post("/v1/stock/adjust", adjust(-4)).await.refused(422, "invalid");
    hub.delete("/v1/locations/S02").await.ok(204);
    let line = json!([{"sku": "FLASK", "quantity": 1}]);
    let body = json!({"location": "S02", "lines": line});
    hub.post("/v1/stock/receive", body).await.refused(409, "location_retired");
    let body = json!({"location": "XX", "lines": line});
    hub.post("/v1/stock/receive", body).await.refused(404, "location_unknown");
    let body = json!({"location": "S07", "lines": []});
    hub.post("/v1/stock/receive", body).await.refused(422, "invalid");
    let body = json!({"location": "S07", "lines": [{"sku": "NOPE", "quantity": 1}]});
    hub.post("/v1/stock/receive", body).await.refused(404, "item_unknown");
    hub.close().await;
}

#[tokio::test]
async fn refusals_come_in_the_order_of_the_rules() {
    let hub = Hub::open().await;
    let of = |location: &str, sku: &str, quantity: i64| {
        let one = json!({"location": location, "sku": sku});
        let with = |more: Value| {
            let mut body = one.clone();
            body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
            body
        };
        let line = json!([{"sku": sku, "quantity": quantity}]);
        [
            ("stock/receive", json!({"location": location, "lines": line})),
            ("stock/adjust", with(json!({"reason": "lost", "quantity": quantity}))),
            ("stock/count", with(json!({"found": if quantity > 0 { 1 } else { 1_000_000_001 }}))),
            ("stock/return", with(json!({"quantity": quantity}))),
            ("reservations", json!({"lines": [with(json!({"quantity": quantity}))]})),
        ]
    };
    for (location, sku, quantity, status, code) in [
        ("XX", "NOPE", 0, 422, "invalid"),
        ("XX", "NOPE", 1, 404, "location_unknown"),
        ("S07", "NOPE", 1, 404, "item_unknown"),
    ] {
        for (path, body) in of(location, sku, quantity) {
            let said = hub.post(&format!("/v1/{path}"), body).await;
            assert_eq!((said.status, said.body["code"].as_str()), (status, Some(code)), "{path}");
        }
    }
    hub.close().await;
}

#[tokio::test]
async fn beyond_a_clerks_limit_a_manager_must_do_it() {
    let hub = Hub::open().await;
    hub.receive("S07", 100).await;
    let key = hub.secret_key(&["stock:write"]).await;
    let clerk = hub.sign_in("cleo", "clerk", &["S07"]).await;
    let manager = hub.sign_in("max", "manager", &["S07"]).await;
    let body = json!({"location": "S07", "sku": "FLASK", "reason": "lost", "quantity": 51});
    let ask = |cookie: &str| {
        let ask = hub.ask("POST", "/v1/stock/adjust").header("cookie", cookie);
        ask.header("origin", &hub.base).json(&body)
    };
    ask(&clerk).send().await.refused(403, "approval_needed");
    let by_key = hub.ask("POST", "/v1/stock/adjust").bearer(&key).json(&body);
    by_key.send().await.refused(403, "approval_needed");
    ask(&manager).send().await.ok(200);
    hub.close().await;
}

#[tokio::test]
async fn the_same_request_sent_again_has_one_effect() {
    let hub = Hub::open().await;
    let body = json!({"location": "S07", "lines": [{"sku": "FLASK", "quantity": 5}]});
    let send = |body: Value| {
        hub.ask("POST", "/v1/stock/receive").admin().key("delivery 7").json(&body).send()
    };
    let (first, second) = tokio::join!(send(body.clone()), send(body.clone()));
    let (first, second) = (first.ok(200), second.ok(200));
    assert_eq!((&first, send(body).await.ok(200)), (&second, first.clone()));
    assert_eq!(hub.flask_at("S07").await["available"], 5);
    let other = json!({"location": "S07", "lines": [{"sku": "FLASK", "quantity": 6}]});
    send(other.clone()).await.refused(409, "command_reused");
    // Another caller's key is another key.
    let key = hub.secret_key(&["stock:write"]).await;
    let ask = hub.ask("POST", "/v1/stock/receive").bearer(&key).key("delivery 7").json(&other);
    ask.send().await.ok(200);
    assert_eq!(hub.flask_at("S07").await["available"], 11);
    let long = hub.ask("POST", "/v1/stock/receive").admin().key(&"k".repeat(256)).json(&other);
    long.send().await.refused(400, "malformed");
    hub.close().await;
}

#[tokio::test]
async fn a_shelf_without_an_agent_is_filled_and_counted_on_the_command_line() {
    let hub = Hub::open().await;
    let says = async |words: &[&str]| hub_says(&hub, words).await;
    let lines = ["--line", "FLASK=5", "--line", "LAMP=2", "--reference", "DN-7"];
    let words = [&["stock", "receive", "W01"][..], &lines].concat();
    let (good, said) = says(&words).await;
    assert!(good && said.contains("taken in at W01"), "{said}");
    let (good, said) = says(&["stock", "count", "W01", "FLASK", "4"]).await;
    assert!(good && said.contains("4 on the shelf"), "{said}");
    let words = ["stock", "adjust", "W01", "FLASK", "-1", "--reason", "correction"];
    let (good, said) = says(&words).await;
    assert!(good, "{said}");
    let (good, said) = says(&["stock", "show", "FLASK"]).await;
    let row: Vec<&str> = said.lines().last().unwrap().split_whitespace().collect();
    assert!(good && row[..3] == ["W01", "3", "3"], "{said}");
    let (good, said) = says(&["stock", "adjust", "W01", "FLASK", "-9", "--reason", "lost"]).await;
    assert!(!good && said.contains("/quantity"), "{said}");
    hub.close().await;
}
