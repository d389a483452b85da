//! Databases that were put back without a word, or by the wrong backup: what a hub and
//! `hub restore` refuse, and how it goes on.

use std::path::PathBuf;
use std::time::Duration;

use oneshelf_domain::stock::Version;
use oneshelf_hub::doctor::{Asked, examine};
use oneshelf_hub::serve::{start, wall_clock};
use oneshelf_hub::store::Store;
use oneshelf_hub::store::alone::Lock;
use oneshelf_protocol::report::Verdict;
use serde_json::{Value, json};

use crate::backup::{Shelf, backed_up, nothing_is_broken};
use crate::cli::hub_says;
use crate::support::Hub;

pub(crate) fn keys(hub: &Hub) -> PathBuf {
    hub.options().data.unwrap()
}

/// The witness of a hub that does not run.
fn witness(hub: &Hub) -> (PathBuf, Value) {
    let files = std::fs::read_dir(keys(hub)).unwrap().map(|entry| entry.unwrap().path());
    let mut found =
        files.filter(|path| path.file_name().unwrap().to_string_lossy().starts_with("witness-"));
    let file = found.next().unwrap();
    assert!(found.next().is_none(), "one database, one witness");
    let witness = serde_json::from_slice(&std::fs::read(&file).unwrap()).unwrap();
    (file, witness)
}

async fn claim(hub: &Hub, location: &str) -> crate::support::Said {
    let lines = json!({"lines": [{"sku": "FLASK", "location": location, "quantity": 1}]});
    hub.post("/v1/reservations", lines).await
}

#[tokio::test]
async fn a_hub_does_not_start_on_a_database_that_is_behind_what_it_has_seen() {
    let mut hub = Hub::open().await;
    hub.receive("W01", 3).await;
    hub.receive("S07", 3).await;
    let version: i64 =
        hub.texts("select cast(version as text) from head").await[0].parse().unwrap();
    hub.app().follow.reached(Version(version)).await;
    hub.halt().await;
    let (file, mut seen) = witness(&hub);
    let hash = hub.texts("select hash from head").await[0].clone();
    let word = json!({"epoch": 1, "version": version, "hash": hash, "agents": [], "joined": {}});
    assert_eq!(seen, word, "its last word");
    hub.start().await;
    hub.halt().await;
    // Something put it back, and another hub has written there since.
    std::fs::write(
        &file,
        json!({"epoch": 1, "version": version - 1, "hash": "another's",
        "agents": []})
        .to_string(),
    )
    .unwrap();
    let refused = start(hub.options(), wall_clock()).await.err().unwrap().to_string();
    let at = format!("version {} of epoch 1 is not the one that was there", version - 1);
    assert!(refused.contains("BEHIND") && refused.contains(&at), "{refused}");
    // The last commit is lost, and so is the agent that joined the store.
    (seen["version"], seen["agents"]) = (json!(version + 1), json!(["S07"]));
    std::fs::write(&file, seen.to_string()).unwrap();
    let refused = start(hub.options(), wall_clock()).await.err().unwrap().to_string();
    for part in ["BEHIND", &format!("version {version} of"), "hub restore --in-place"] {
        assert!(refused.contains(part), "{part}: {refused}");
    }
    assert_eq!(witness(&hub).1, seen, "nothing is decided by starting");
    let keys = keys(&hub).display().to_string();
    let words = ["restore", "--in-place", "--database", hub.database_url(), "--data", &keys];
    let (good, said) = hub_says(&hub, &words).await;
    assert!(good && said.contains("stores:   S07 are promised again when"), "{said}");
    hub.start().await;
    let now = hub.app().seen();
    assert!(now.epoch > 1);
    claim(&hub, "S07").await.refused(409, "not_enough_available");
    claim(&hub, "W01").await.ok(201);
    hub.restart().await;
    let url = hub.database_url().to_owned();
    hub.halt().await;
    assert_eq!(witness(&hub).1["epoch"], now.epoch);
    nothing_is_broken(&url).await;
    hub.close().await;
}

/// Waits until a hub finds that its database is of no use; gives its last words.
async fn failed(hub: &Hub) -> String {
    let words = tokio::time::timeout(Duration::from_secs(20), hub.running().failed()).await;
    let ready = reqwest::get(format!("{}/readyz", hub.operator)).await.unwrap();
    assert_eq!(ready.status(), 503);
    let ready: Value = serde_json::from_str(&ready.text().await.unwrap()).unwrap();
    assert_eq!(ready["database_behind"], true, "{ready}");
    claim(hub, "W01").await.refused(503, "busy");
    hub.get("/v1/stock/FLASK").await.refused(503, "busy");
    let metrics = reqwest::get(format!("{}/metrics", hub.operator)).await.unwrap();
    assert!(metrics.text().await.unwrap().contains("\noneshelf_database_behind 1"));
    words.expect("it never noticed")
}

#[tokio::test]
async fn a_hub_at_work_ends_when_its_database_falls_behind() {
    let mut hub = Hub::open().await;
    hub.receive("W01", 3).await;
    let version: i64 =
        hub.texts("select cast(version as text) from head").await[0].parse().unwrap();
    hub.app().follow.reached(Version(version)).await;
    // As a standby does that takes over without the last commit.
    hub.texts("update head set version = version - 1 returning hub_id").await;
    let words = failed(&hub).await;
    for part in ["BEHIND", &format!("was at version {version} of"), "hub restore --in-place"] {
        assert!(words.contains(part), "{part}: {words}");
    }
    hub.halt().await;
    let report = examine(&hub.options(), &Asked::default()).await;
    let found = report.checks.iter().find(|check| check.name == "witness").unwrap();
    assert!(found.verdict == Verdict::Bad && found.found.contains("BEHIND"), "{found:?}");
    assert_eq!(witness(&hub).1["version"], version, "what it has seen stays seen");
    assert!(start(hub.options(), wall_clock()).await.is_err());
    hub.close().await;
}

#[tokio::test]
async fn a_hub_at_work_ends_when_its_database_went_back_and_was_written_on() {
    let mut hub = Hub::open().await;
    hub.receive("W01", 3).await;
    let version: i64 =
        hub.texts("select cast(version as text) from head").await[0].parse().unwrap();
    hub.app().follow.reached(Version(version)).await;
    // As far as it was, and not what it was.
    hub.texts(
        "update ledger set hash = 'x' where version = (select version from head)
        returning command",
    )
    .await;
    hub.texts("update head set hash = 'x' returning hub_id").await;
    let words = failed(&hub).await;
    let at = format!("version {version} of epoch 1 is not the one that was there");
    assert!(words.contains("BEHIND") && words.contains(&at), "{words}");
    hub.halt().await;
    let report = examine(&hub.options(), &Asked::default()).await;
    let found = report.checks.iter().find(|check| check.name == "witness").unwrap();
    assert!(found.verdict == Verdict::Bad && found.found.contains("written on"), "{found:?}");
    assert!(start(hub.options(), wall_clock()).await.is_err());
    hub.close().await;
}

#[tokio::test]
async fn a_hub_at_work_ends_when_another_file_is_put_in_the_place_of_its_database() {
    let mut hub = Hub::open().await;
    if !hub.is_file() {
        return hub.close().await;
    }
    hub.receive("W01", 3).await;
    let shelf = Shelf::new();
    let file = shelf.at("hub.sqlite");
    backed_up(&hub, &file).await;
    let place = hub.database_url().strip_prefix("sqlite:").unwrap().to_owned();
    let coming = format!("{place}.coming");
    std::fs::copy(&file, &coming).unwrap();
    std::fs::rename(&coming, &place).unwrap();
    let words = failed(&hub).await;
    assert!(words.contains("REPLACED") && words.contains("hub restore --in-place"), "{words}");
    hub.halt().await;
    hub.close().await;
}

#[tokio::test]
async fn a_server_s_database_that_is_being_restored_is_nobody_else_s() {
    let mut hub = Hub::open().await;
    if hub.is_file() {
        return hub.close().await;
    }
    let url = hub.database_url().to_owned();
    let refused = Lock::take(&url).await.err().unwrap().to_string();
    assert!(refused.contains("in use: stop the hubs"), "{refused}");
    hub.halt().await;
    // The server takes a moment to see that connections are gone.
    let mut tries = tokio::time::interval(std::time::Duration::from_millis(20));
    let lock = loop {
        tries.tick().await;
        if let Ok(lock) = Lock::take(&url).await {
            break lock;
        }
    };
    assert!(Lock::take(&url).await.is_err(), "one at a time");
    let refused = Store::open(&url).await.err().unwrap().to_string();
    assert!(refused.contains("is being restored"), "{refused}");
    Store::open_locked(&url).await.unwrap().close().await;
    lock.end().await;
    hub.start().await;
    hub.close().await;
}

#[tokio::test]
async fn a_backup_of_another_hub_is_refused() {
    let mut hub = Hub::open().await;
    if !hub.is_file() {
        return hub.close().await;
    }
    let stranger = Hub::open().await;
    let shelf = Shelf::new();
    let file = shelf.at("hub.sqlite");
    backed_up(&stranger, &file).await;
    stranger.close().await;
    let id = hub.app().hub_id.clone();
    hub.halt().await;
    let url = hub.database_url().to_owned();
    let words = ["restore", &file, "--replace", "--database", &url];
    let (good, said) = hub_says(&hub, &words).await;
    assert!(!good && said.contains("a backup of another hub"), "{said}");
    hub.start().await;
    assert_eq!(hub.app().hub_id, id);
    hub.halt().await;
    let (good, said) = hub_says(&hub, &[&words[..], &["--another-hub"]].concat()).await;
    assert!(good, "{said}");
    hub.start().await;
    assert_ne!(hub.app().hub_id, id);
    hub.close().await;
}

#[tokio::test]
async fn a_restore_that_fails_at_its_end_leaves_nothing_behind() {
    let mut hub = Hub::open().await;
    if !hub.is_file() {
        return hub.close().await;
    }
    let shelf = Shelf::new();
    let (backup, database) = (shelf.at("hub.sqlite"), shelf.at("mine.sqlite"));
    backed_up(&hub, &backup).await;
    hub.halt().await;
    std::fs::copy(&backup, &database).unwrap();
    // Its log cannot be kept aside.
    std::fs::create_dir(format!("{database}-wal")).unwrap();
    let url = format!("sqlite:{database}");
    let (good, said) = hub_says(&hub, &["restore", &backup, "--replace", "--database", &url]).await;
    assert!(!good && said.contains("cannot be kept"), "{said}");
    let left = shelf.names();
    let of_restore = |name: &&String| name.contains(".restoring") || name.contains(".before-");
    assert_eq!(left.iter().find(of_restore), None, "{left:?}");
    hub.close().await;
}
