//! The program `hub` beside a running hub: each command does what its endpoint does.
//!
//! It is the built program: in `ONESHELF_BIN`, else where cargo puts it.

use std::path::PathBuf;
use std::process::Stdio;

use serde_json::{Value, json};

use crate::support::Hub;

fn program() -> PathBuf {
    let file = match std::env::var_os("ONESHELF_BIN") {
        Some(folder) => PathBuf::from(folder).join("hub"),
        // This one lies in `deps`, below it.
        None => std::env::current_exe().unwrap().parent().unwrap().with_file_name("hub"),
    };
    assert!(file.exists(), "{} is not there: cargo build", file.display());
    file
}

/// Runs it as the admin; what it printed, and whether it ended well.
async fn hub_says(hub: &Hub, words: &[&str]) -> (bool, String) {
    let answer = tokio::process::Command::new(program())
        .args(words)
        .env("HUB_URL", &hub.base)
        .env("HUB_SECRET", &hub.admin)
        .stdin(Stdio::null())
        .output()
        .await
        .unwrap();
    let text = [answer.stdout, answer.stderr].map(|b| String::from_utf8_lossy(&b).into_owned());
    (answer.status.success(), text.concat())
}

async fn key_named(hub: &Hub, name: &str) -> Value {
    let keys = hub.get("/v1/keys").await.ok(200);
    keys["keys"].as_array().unwrap().iter().find(|k| k["name"] == name).unwrap().clone()
}

#[tokio::test]
async fn a_key_can_be_told_all_that_the_endpoint_can() {
    let hub = Hub::open().await;
    let words = [
        "key",
        "add",
        "Web",
        "--kind",
        "publishable",
        "--scope",
        "hold",
        "--scope",
        "live",
        "--origin",
        "https://shop.example",
        "--channel",
        "outlet",
        "--display",
        "level",
        "--low",
        "5",
        "--expires-at",
        "2099-01-31T18:00:00Z",
    ];
    let (good, said) = hub_says(&hub, &words).await;
    assert!(good && said.contains("osp_"), "{said}");
    let key = key_named(&hub, "Web").await;
    assert_eq!(key["display"], json!({"kind": "level", "low": 5}));
    assert_eq!(key["expires_at"], "2099-01-31T18:00:00.000000Z");
    assert_eq!((&key["channel"], &key["scopes"]), (&json!("outlet"), &json!(["hold", "live"])));
    let words = ["key", "add", "Short", "--scope", "stock:read", "--expires-in", "2h"];
    let before = hub.app().now();
    let (good, said) = hub_says(&hub, &words).await;
    assert!(good && said.contains("osk_"), "{said}");
    let end = key_named(&hub, "Short").await["expires_at"].clone();
    let end: oneshelf_domain::Timestamp = serde_json::from_value(end).unwrap();
    let two_hours = 2 * 3_600_000;
    assert!(end.ms_since(before) >= two_hours && end.ms_since(hub.app().now()) <= two_hours);
    let both = ["--expires-in", "2h", "--expires-at", "2099-01-31T18:00:00Z"];
    let (good, _) = hub_says(&hub, &[&words[..5], &both].concat()).await;
    assert!(!good, "a key has one end");
    hub.close().await;
}

#[tokio::test]
async fn a_list_is_printed_whole() {
    let hub = Hub::open().await;
    // More than a page of the hub has.
    for n in 0..501 {
        let body = json!({"quantity": 1});
        hub.put(&format!("/v1/policies/buffer/FLASK/web{n:03}"), body).await.ok(200);
    }
    let (good, said) = hub_says(&hub, &["policy", "list"]).await;
    assert!(good && said.lines().count() == 502, "{} lines", said.lines().count());
    let (good, said) = hub_says(&hub, &["policy", "list", "--json"]).await;
    let all: Value = serde_json::from_str(&said).unwrap();
    assert!(good && all["policies"].as_array().unwrap().len() == 501);
    hub.close().await;
}

#[tokio::test]
async fn a_location_can_be_told_its_hours() {
    let hub = Hub::open().await;
    let words = ["location", "add", "S09", "--name", "Pier", "--opening-hours", "9 to 6"];
    let (good, said) = hub_says(&hub, &words).await;
    assert!(good, "{said}");
    let location = hub.get("/v1/locations/S09").await.ok(200);
    assert_eq!(location["opening_hours"], "9 to 6");
    hub.close().await;
}
