//! Agents: a code, a key pair, one redemption, revocation.

use serde_json::{Value, json};

use crate::support::{Hub, Said};

/// A point that can sign: the public key of RFC 8032's first test.
pub(crate) const PUBLIC_KEY: &str =
    "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a";
const OTHER_KEY: &str = "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c";

pub(crate) async fn redeem(hub: &Hub, code: &str, key: &str) -> Said {
    let body = json!({"code": code, "public_key": key, "agent_name": "quay-1"});
    hub.ask("POST", "/v1/enrolments/redeem").json(&body).send().await
}

pub(crate) async fn code(hub: &Hub) -> String {
    let made = hub.post("/v1/enrolments", json!({"location": "S07"})).await.ok(201);
    assert_eq!(made["hub_url"], hub.base);
    made["code"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn an_agent_joins_with_a_code_once() {
    let hub = Hub::open().await;
    let code = code(&hub).await;
    let joined = redeem(&hub, &code.to_lowercase().replace('-', " "), PUBLIC_KEY).await.ok(200);
    assert_eq!((joined["location"].as_str(), joined["hub_epoch"].as_i64()), (Some("S07"), Some(1)));
    assert_eq!(joined["pin_pepper"].as_str().map(str::len), Some(64));
    // The answer was lost: the same device may ask again, no other one.
    assert_eq!(redeem(&hub, &code, PUBLIC_KEY).await.ok(200), joined);
    redeem(&hub, &code, OTHER_KEY).await.refused(410, "enrolment_invalid");
    let agents = hub.get("/v1/agents").await.ok(200);
    let agent = &agents["agents"][0];
    assert_eq!(
        (agent["name"].as_str(), agent["location"].as_str(), agent["state"].as_str()),
        (Some("quay-1"), Some("S07"), Some("active"))
    );
    let codes = hub.get("/v1/enrolments").await;
    assert!(!codes.text.contains(&code));
    assert_eq!(codes.ok(200)["enrolments"][0]["used_by"], joined["agent_id"]);
    let path = format!("/v1/agents/{}", joined["agent_id"].as_str().unwrap());
    hub.delete(&path).await.ok(204);
    assert_eq!(hub.get("/v1/agents").await.ok(200)["agents"], json!([]));
    redeem(&hub, &code, PUBLIC_KEY).await.refused(410, "enrolment_invalid");
    hub.close().await;
}

#[tokio::test]
async fn a_code_ends_and_is_taken_back() {
    let hub = Hub::open().await;
    let first = code(&hub).await;
    let list = hub.get("/v1/enrolments").await.ok(200);
    let path = format!("/v1/enrolments/{}", list["enrolments"][0]["id"].as_str().unwrap());
    hub.delete(&path).await.ok(204);
    hub.delete(&path).await.refused(404, "record_unknown");
    redeem(&hub, &first, PUBLIC_KEY).await.refused(410, "enrolment_invalid");
    let second = code(&hub).await;
    hub.later(15 * 60 * 1_000 + 1);
    redeem(&hub, &second, PUBLIC_KEY).await.refused(410, "enrolment_invalid");
    hub.close().await;
}

#[tokio::test]
async fn a_key_that_cannot_sign_is_refused() {
    let hub = Hub::open().await;
    let code = code(&hub).await;
    let weak = "0100000000000000000000000000000000000000000000000000000000000000";
    for key in ["", "zz", &PUBLIC_KEY[1..], weak] {
        let problem = redeem(&hub, &code, key).await.refused(422, "invalid");
        assert_eq!(problem["field"], "/public_key");
    }
    redeem(&hub, "AAAA-AAAA-AAAA-AAAA", PUBLIC_KEY).await.refused(410, "enrolment_invalid");
    hub.post("/v1/enrolments", json!({"location": "XX"})).await.refused(404, "location_unknown");
    redeem(&hub, &code, PUBLIC_KEY).await.ok(200);
    hub.close().await;
}

#[tokio::test]
async fn a_request_sent_again_is_answered_the_same_code() {
    let hub = Hub::open().await;
    let send = || {
        let ask = hub.ask("POST", "/v1/enrolments").admin().key("once");
        ask.json(&json!({"location": "S07"})).send()
    };
    let (first, second) = (send().await.ok(201), send().await.ok(201));
    assert_eq!(first, second);
    let text = |v: &Value| v["code"].as_str().unwrap().to_owned();
    assert_eq!(text(&first).len(), 19);
    hub.close().await;
}
