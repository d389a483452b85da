//! The program `hub` beside a running hub: each command does what its endpoint does.
//!
//! It is the built program: in `ONESHELF_BIN`, else where cargo puts it.

use std::path::PathBuf;
use std::process::Stdio;

use serde_json::{Value, json};

use crate::support::Hub;

pub(crate) fn program(name: &str) -> PathBuf {
    let file = match std::env::var_os("ONESHELF_BIN") {
        Some(folder) => PathBuf::from(folder).join(name),
        // This one lies in `deps`, below it.
        None => std::env::current_exe().unwrap().parent().unwrap().with_file_name(name),
    };
    assert!(file.exists(), "{} is not there: cargo build", file.display());
    file
}

/// Runs it as the admin; what it printed, and whether it ended well.
pub(crate) async fn hub_says(hub: &Hub, words: &[&str]) -> (bool, String) {
    let answer = tokio::process::Command::new(program("hub"))
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

/// Runs a program; whether it ended well, and what it answered.
pub(crate) async fn ends(name: &str, words: &[String]) -> (bool, String) {
    let mut command = tokio::process::Command::new(program(name));
    let answer = command.args(words).stdin(Stdio::null()).output().await.unwrap();
    (answer.status.success(), String::from_utf8(answer.stdout).unwrap())
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

/// Says it, and gives what was printed; it must end well.
async fn says(hub: &Hub, words: &str) -> String {
    let words: Vec<&str> = words.split(' ').collect();
    let (good, said) = hub_says(hub, &words).await;
    assert!(good, "{words:?}: {said}");
    said
}

#[tokio::test]
async fn each_noun_is_added_listed_and_removed() {
    let hub = Hub::open().await;
    for (noun, add, listed, remove) in [
        ("location", "add S09 --name Pier", "S09", "remove S09"),
        ("register", "add S07 R9 --name Nine", "R9", "remove S07 R9"),
        ("staff", "add zoe --name Zoe --role clerk --location S07", "zoe", "remove zoe"),
        ("policy", "add safety FLASK S07 4", "safety", "remove safety FLASK S07"),
    ] {
        assert!(!says(&hub, &format!("{noun} list")).await.contains(listed), "{noun}");
        says(&hub, &format!("{noun} {add}")).await;
        assert!(says(&hub, &format!("{noun} list")).await.contains(listed), "{noun}");
        says(&hub, &format!("{noun} {remove}")).await;
        let left = says(&hub, &format!("{noun} list")).await;
        let line = left.lines().find(|line| line.contains(listed)).map(str::to_owned);
        // What history names stays, as retired.
        assert!(line.is_none_or(|line| line.contains("retired")), "{noun}: {left}");
    }
    let key = says(&hub, "key add Till --scope stock:read").await;
    assert!(key.contains("osk_"), "{key}");
    let id = key_named(&hub, "Till").await["id"].as_str().unwrap().to_owned();
    says(&hub, &format!("key remove {id}")).await;
    assert!(!says(&hub, "key list").await.contains(&id));
    let code = says(&hub, "enrol add S07").await;
    assert!(code.contains("pos-agent enrol"), "{code}");
    let waiting = hub.get("/v1/enrolments").await.ok(200);
    let id = waiting["enrolments"][0]["id"].as_str().unwrap().to_owned();
    assert!(says(&hub, "enrol list").await.contains(&id));
    says(&hub, &format!("enrol remove {id}")).await;
    assert!(!says(&hub, "enrol list").await.contains(&id));
    let secret = says(&hub, "channel add own --name Own --location W01").await;
    assert!(secret.starts_with("whsec_"), "{secret}");
    assert!(says(&hub, "channel list").await.contains("FAILING_SINCE"));
    says(&hub, "channel set own --name Ours --location S07").await;
    says(&hub, "channel disable own").await;
    assert!(says(&hub, "channel list").await.contains("operator"));
    says(&hub, "channel enable own").await;
    assert_ne!(says(&hub, "channel rotate own").await, secret);
    assert!(says(&hub, "channel deliveries own").await.contains("MADE_AT"));
    assert!(says(&hub, "channel orders own").await.contains("PLACED_AT"));
    let again = says(&hub, "channel redeliver own --since 2099-01-31T18:00:00Z").await;
    assert!(again.contains("0 said again"), "{again}");
    assert_eq!(says(&hub, "channel retry-orders own").await.trim(), "0 tried again");
    says(&hub, "channel remove own").await;
    assert!(!says(&hub, "channel list").await.contains("own"));
    assert!(says(&hub, "notice list").await.contains("CODE"));
    assert!(says(&hub, "rejected list --location S07").await.contains("LOCATION"));
    assert!(says(&hub, "rejected list --all").await.contains("SETTLED"));
    for what in ["book", "settle"] {
        let words = ["rejected", what, "cmd_1", "--note", "looked at"];
        let (good, said) = hub_says(&hub, &words).await;
        assert!(!good && said.contains("record_unknown"), "{said}");
    }
    let (good, said) = hub_says(&hub, &["location", "remove", "S99"]).await;
    assert!(!good && said.contains("location_unknown"), "{said}");
    hub.close().await;
}

#[tokio::test]
async fn a_file_comes_in_and_a_broken_table_is_told() {
    let hub = Hub::open().await;
    let folder = std::env::temp_dir().join(format!("oneshelf-cli-{}", uuid::Uuid::now_v7()));
    std::fs::create_dir(&folder).unwrap();
    let file = folder.join("items.csv");
    std::fs::write(&file, "sku,name,price\nTEA,Tea,3.00\nBAD,,1.00\n").unwrap();
    let (good, said) = hub_says(&hub, &["import", "items", file.to_str().unwrap()]).await;
    assert!(!good && said.contains("row 3"), "a row was left out: {said}");
    std::fs::remove_dir_all(&folder).unwrap();
    assert_eq!(hub.get("/v1/items/TEA").await.ok(200)["name"], "Tea");
    hub.receive("S07", 3).await;
    let url = hub.database_url().to_owned();
    let (good, said) = hub_says(&hub, &["audit", "--database", &url]).await;
    assert!(good, "{said}");
    let broken = "update stock set available = available + 1 where available = 3 returning item";
    assert_eq!(hub.texts(&broken.replace("returning item", "returning 'x'")).await.len(), 1);
    let (good, said) = hub_says(&hub, &["audit", "--database", &url]).await;
    assert!(!good && said.contains("buckets_match_movements"), "{said}");
    hub.close().await;
}

#[tokio::test]
async fn files_go_in_and_out_and_what_was_left_out_is_a_file_too() {
    let hub = Hub::open().await;
    let folder = std::env::temp_dir().join(format!("oneshelf-{}", uuid::Uuid::now_v7()));
    std::fs::create_dir(&folder).unwrap();
    let file = |name: &str| folder.join(name).to_str().unwrap().to_owned();
    std::fs::write(file("prices.csv"), "sku;price;from\nFLASK;9,90;\nLAMP;much;\n").unwrap();
    let (prices, left) = (file("prices.csv"), file("left.csv"));
    let (good, said) = hub_says(&hub, &["import", "prices", &prices, "--errors", &left]).await;
    assert!(!good && said.contains("2 rows, 1 left out"), "{said}");
    let report = std::fs::read_to_string(&left).unwrap();
    assert!(report.contains("LAMP;much;;3;price_malformed;"), "{report}");
    std::fs::write(&left, report.replace("much", "70,00")).unwrap();
    let (good, said) = hub_says(&hub, &["import", "prices", &left, "--decimal", "comma"]).await;
    assert!(good && said.contains("1 rows, 0 left out"), "{said}");
    let (good, said) = hub_says(&hub, &["export", "prices", "--decimal", "comma"]).await;
    assert!(good && said.contains("FLASK;9,90;EUR;") && said.contains("LAMP;70,00;EUR;"), "{said}");
    hub.receive("S07", 3).await;
    let moved = file("moved.csv");
    let (good, said) = hub_says(&hub, &["export", "movements", "--output", &moved]).await;
    let cursor = said.trim().strip_prefix("next: --after ").unwrap();
    assert!(good && std::fs::read_to_string(&moved).unwrap().lines().count() == 2);
    let (good, said) = hub_says(&hub, &["export", "movements", "--after", cursor]).await;
    assert!(good && said.starts_with("version,line,"), "{said}");
    let (good, said) = hub_says(&hub, &["export", "stock", "--location", "NOPE"]).await;
    assert!(!good && said.contains("location_unknown"), "{said}");
    std::fs::remove_dir_all(&folder).unwrap();
    hub.close().await;
}
