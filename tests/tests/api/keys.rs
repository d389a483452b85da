//! Keys: made once, scoped, ended, expired, never shown again.

use oneshelf_domain::CommandId;
use oneshelf_domain::stock::Command;
use oneshelf_hub::commands::Lane;
use oneshelf_sync::plan::Submission;
use serde_json::json;

use crate::support::Hub;

#[tokio::test]
async fn a_key_does_what_its_scopes_say_until_it_ends() {
    let hub = Hub::open().await;
    let body = json!({"name": "Reader", "kind": "secret", "scopes": ["stock:read"]});
    let (id, secret) = hub.make_key(body).await;
    assert!(secret.starts_with("osk_"));
    let get = |path: &'static str| hub.ask("GET", path).bearer(&secret).send();
    get("/v1/items").await.ok(200);
    get("/v1/keys").await.refused(403, "not_allowed");
    let write = hub.ask("POST", "/v1/stock/receive").bearer(&secret);
    let body = json!({"location": "S07", "lines": [{"sku": "FLASK", "quantity": 1}]});
    write.json(&body).send().await.refused(403, "not_allowed");
    let list = hub.get("/v1/keys").await;
    assert!(!list.text.contains(&secret) && !list.text.contains("hash"), "{}", list.text);
    hub.delete(&format!("/v1/keys/{id}")).await.ok(204);
    get("/v1/items").await.refused(401, "wrong_secret");
    hub.close().await;
}

#[tokio::test]
async fn a_key_dies_at_its_time() {
    let hub = Hub::open().await;
    let end = hub.app().now().plus_ms(60_000).to_string();
    let body = json!({"name": "R", "kind": "secret", "scopes": ["stock:read"], "expires_at": end});
    let (_, secret) = hub.make_key(body).await;
    hub.ask("GET", "/v1/items").bearer(&secret).send().await.ok(200);
    hub.later(60_001);
    hub.ask("GET", "/v1/items").bearer(&secret).send().await.refused(401, "wrong_secret");
    hub.close().await;
}

#[tokio::test]
async fn a_key_that_makes_no_sense_is_not_made() {
    let hub = Hub::open().await;
    let field = async |body: serde_json::Value| {
        hub.post("/v1/keys", body).await.refused(422, "invalid")["field"].clone()
    };
    let of = |kind: &str, scopes: serde_json::Value, more: serde_json::Value| {
        let mut body = json!({"name": "K", "kind": kind, "scopes": scopes});
        for (name, value) in more.as_object().unwrap() {
            body[name] = value.clone();
        }
        body
    };
    assert_eq!(field(of("publishable", json!(["admin"]), json!({}))).await, "/scopes/0");
    assert_eq!(field(of("secret", json!(["hold"]), json!({}))).await, "/scopes/0");
    assert_eq!(field(of("secret", json!([]), json!({}))).await, "/scopes");
    assert_eq!(field(of("secret", json!(["everything"]), json!({}))).await, "/scopes/0");
    let origins = json!({"origins": ["https://a.example/path"]});
    assert_eq!(field(of("publishable", json!(["hold"]), origins)).await, "/origins/0");
    let origins = json!({"origins": ["https://a.example"]});
    assert_eq!(field(of("secret", json!(["live"]), origins)).await, "/origins");
    let display = json!({"display": {"kind": "exact", "cap": 0}});
    assert_eq!(field(of("publishable", json!(["hold"]), display)).await, "/display");
    let past = json!({"expires_at": "2020-01-01T00:00:00Z"});
    assert_eq!(field(of("secret", json!(["live"]), past)).await, "/expires_at");
    hub.close().await;
}

#[tokio::test]
async fn a_request_sent_again_is_answered_the_same_secret() {
    let hub = Hub::open().await;
    let body = json!({"name": "K", "kind": "secret", "scopes": ["live"]});
    let send = || hub.ask("POST", "/v1/keys").admin().key("once").json(&body).send();
    assert_eq!(send().await.ok(201), send().await.ok(201));
    let keys = hub.get("/v1/keys").await.ok(200);
    assert_eq!(keys["keys"].as_array().unwrap().len(), 3);
    hub.close().await;
}

#[tokio::test]
async fn the_last_admin_key_stays() {
    let hub = Hub::open().await;
    let keys = hub.get("/v1/keys").await.ok(200);
    let admin = keys["keys"].as_array().unwrap().iter().find(|k| k["name"] == "admin").unwrap();
    let path = format!("/v1/keys/{}", admin["id"].as_str().unwrap());
    hub.delete(&path).await.refused(409, "last_admin");
    let body = json!({"name": "second", "kind": "secret", "scopes": ["admin"]});
    let (_, second) = hub.make_key(body).await;
    assert!(second.starts_with("osa_"));
    hub.delete(&path).await.ok(204);
    hub.get("/v1/shop").await.refused(401, "wrong_secret");
    hub.ask("GET", "/v1/shop").bearer(&second).send().await.ok(200);
    hub.close().await;
}

#[tokio::test]
async fn of_the_last_two_admin_keys_ended_at_once_one_stays() {
    let hub = Hub::open().await;
    hub.make_key(json!({"name": "second", "kind": "secret", "scopes": ["admin"]})).await;
    let keys = hub.get("/v1/keys").await.ok(200);
    let admins = keys["keys"].as_array().unwrap().iter().filter(|k| k["scopes"][0] == "admin");
    // Both are on their way before either is decided, as two requests at once may be.
    let waiting: Vec<_> = admins
        .map(|key| {
            let submission = Submission {
                id: CommandId(uuid::Uuid::now_v7()),
                principal: "admin".to_owned(),
                actor: "admin".to_owned(),
                on_behalf_of: None,
                keyed: false,
                command: Command::RemoveRecord {
                    key: format!("key/{}", key["id"].as_str().unwrap()),
                },
            };
            hub.app().commands.enqueue(Lane::Interactive, submission).unwrap()
        })
        .collect();
    assert_eq!(waiting.len(), 2);
    let mut refused = vec![];
    for answer in waiting {
        if let Err(failure) = answer.await.unwrap() {
            refused.push(format!("{failure:?}"));
        }
    }
    assert_eq!(refused, ["Refused(LastAdmin)"]);
    hub.close().await;
}

#[tokio::test]
async fn nobody_gets_in_without_a_key() {
    let hub = Hub::open().await;
    let anonymous = hub.ask("GET", "/v1/shop").send().await;
    assert!(anonymous.headers.contains_key("www-authenticate"));
    anonymous.refused(401, "not_signed_in");
    let basic = hub.ask("GET", "/v1/shop").header("authorization", "Basic YTpi");
    basic.send().await.refused(401, "not_signed_in");
    for wrong in ["osa_wrong", "osk_", "agt_x.1.2.3"] {
        hub.ask("GET", "/v1/shop").bearer(wrong).send().await.refused(401, "wrong_secret");
    }
    hub.close().await;
}
