//! Reservations: claimed, committed, picked, handed over, released, run out.

use serde_json::{Value, json};

use crate::support::Hub;

fn two_flasks() -> Value {
    json!({"lines": [{"sku": "FLASK", "location": "W01", "quantity": 2}], "expires_in_s": 900,
        "reference": "W-20418"})
}

#[tokio::test]
async fn a_reservation_lives_its_life() {
    let hub = Hub::open().await;
    hub.receive("W01", 3).await;
    let made = hub.post("/v1/reservations", two_flasks()).await.ok(201);
    assert_eq!(
        (made["state"].as_str(), made["reference"].as_str()),
        (Some("held"), Some("W-20418"))
    );
    let path = format!("/v1/reservations/{}", made["id"].as_str().unwrap());
    assert_eq!(hub.get(&path).await.ok(200), made);
    let step = async |name: &str| hub.post(&format!("{path}/{name}"), json!({})).await;
    step("pick").await.refused(409, "reservation_state");
    assert_eq!(step("commit").await.ok(200)["state"], "committed");
    assert_eq!(step("pick").await.ok(200)["state"], "picked");
    let row = hub.flask_at("W01").await;
    assert_eq!((row["available"].as_i64(), row["picked"].as_i64()), (Some(1), Some(2)));
    assert_eq!(step("hand-over").await.ok(200)["state"], "consumed");
    let problem = step("release").await.refused(409, "reservation_ended");
    assert_eq!(problem["state"], "consumed");
    assert_eq!(hub.flask_at("W01").await["on_hand"], 1);
    hub.close().await;
}

#[tokio::test]
async fn nobody_is_promised_what_is_not_there() {
    let hub = Hub::open().await;
    hub.receive("W01", 3).await;
    hub.post("/v1/reservations", two_flasks()).await.ok(201);
    let problem = hub.post("/v1/reservations", two_flasks()).await;
    let problem = problem.refused(409, "not_enough_available");
    assert_eq!((problem["available"].as_i64(), problem["wanted"].as_i64()), (Some(1), Some(2)));
    // All lines or none.
    let both = json!({"lines": [{"sku": "FLASK", "location": "W01", "quantity": 1},
        {"sku": "LAMP", "location": "W01", "quantity": 1}]});
    hub.post("/v1/reservations", both).await.refused(409, "not_enough_available");
    assert_eq!(hub.flask_at("W01").await["available"], 1);
    let released = hub.get("/v1/stock/FLASK/explain?location=W01").await.ok(200);
    assert_eq!(released["reservations"].as_array().unwrap().len(), 1);
    hub.close().await;
}

#[tokio::test]
async fn a_hold_runs_out_and_its_units_come_back() {
    let hub = Hub::open().await;
    hub.receive("W01", 2).await;
    let made = hub.post("/v1/reservations", two_flasks()).await.ok(201);
    let path = format!("/v1/reservations/{}", made["id"].as_str().unwrap());
    hub.later(901_000);
    hub.post(&format!("{path}/commit"), json!({})).await;
    let mut seen = hub.app().follow.subscribe();
    while hub.get(&path).await.ok(200)["state"] != "expired" {
        seen.changed().await.unwrap();
    }
    assert_eq!(hub.flask_at("W01").await["available"], 2);
    hub.post(&format!("{path}/commit"), json!({})).await.refused(409, "reservation_ended");
    hub.close().await;
}

#[tokio::test]
async fn a_request_that_makes_no_sense_is_refused() {
    let hub = Hub::open().await;
    fn line(sku: &str, location: &str, quantity: i64) -> Value {
        json!({"lines": [{"sku": sku, "location": location, "quantity": quantity}]})
    }
    hub.post("/v1/reservations", line("NOPE", "W01", 1)).await.refused(404, "item_unknown");
    hub.post("/v1/reservations", line("FLASK", "XX", 1)).await.refused(404, "location_unknown");
    hub.post("/v1/reservations", line("FLASK", "W01", 0)).await.refused(422, "invalid");
    let problem = hub.post("/v1/reservations", line("FLASK", "W01", i64::MAX)).await;
    assert_eq!(problem.refused(422, "invalid")["field"], "/lines/0/quantity");
    let mut short = line("FLASK", "W01", 1);
    for never in [0, 2_592_001, i64::MAX] {
        short["expires_in_s"] = json!(never);
        let problem = hub.post("/v1/reservations", short.clone()).await;
        assert_eq!(problem.refused(422, "invalid")["field"], "/expires_in_s");
    }
    hub.post("/v1/items/FLASK/retire", json!({})).await.ok(200);
    hub.post("/v1/reservations", line("FLASK", "W01", 1)).await.refused(409, "item_retired");
    for id in ["nope", "rsv_00000000000000000000000000000007"] {
        let path = format!("/v1/reservations/{id}");
        hub.get(&path).await.refused(404, "reservation_unknown");
        hub.post(&format!("{path}/release"), json!({})).await.refused(404, "reservation_unknown");
    }
    hub.close().await;
}

#[tokio::test]
async fn a_channel_reserves_up_to_its_figure_and_sees_its_own() {
    let hub = Hub::open().await;
    hub.receive("W01", 5).await;
    hub.put("/v1/policies/buffer/FLASK/amazon", json!({"quantity": 4})).await.ok(200);
    let key = async |channel: &str| {
        let body = json!({"name": channel, "kind": "secret", "scopes": ["reserve"],
            "channel": channel});
        hub.make_key(body).await.1
    };
    let (amazon, ebay) = (key("amazon").await, key("ebay").await);
    let post =
        |key: &str| hub.ask("POST", "/v1/reservations").bearer(key).json(&two_flasks()).send();
    post(&amazon).await.refused(409, "not_enough_available");
    let made = post(&ebay).await.ok(201);
    let path = format!("/v1/reservations/{}", made["id"].as_str().unwrap());
    hub.ask("GET", &path).bearer(&ebay).send().await.ok(200);
    hub.ask("GET", &path).bearer(&amazon).send().await.refused(404, "reservation_unknown");
    hub.close().await;
}
