//! A journal that was put back, copied or damaged: refused by name, or led back with nothing lost.

use std::path::Path;
use std::process::Stdio;

use clap::Parser;
use oneshelf_pos_agent::cli::{Cli, run};
use oneshelf_pos_agent::serve::start;
use serde_json::{Value, json};
use sqlx::Connection as _;

use super::store::{Store, TEA, at, cash, folder, program};

/// Runs a command of the program on a store's folder.
async fn command(data: &Path, words: &[&str]) -> Result<bool, String> {
    let data = data.display().to_string();
    let folder = ["--data", data.as_str()];
    let all = ["pos-agent"].iter().chain(words).chain(&folder);
    let cli = Cli::try_parse_from(all.copied()).unwrap();
    run(cli).await.map_err(|error| format!("{error:#}"))
}

/// What the program itself prints.
async fn printed(data: &Path, words: &[&str]) -> String {
    let mut command = tokio::process::Command::new(program());
    let done = command.args(words).arg("--data").arg(data).stdin(Stdio::null()).output().await;
    let done = done.unwrap();
    let said = String::from_utf8(done.stdout).unwrap();
    assert!(done.status.success(), "{said}{}", String::from_utf8_lossy(&done.stderr));
    said
}

async fn refused(data: &Path, words: &[&str], why: &str) {
    let said = command(data, words).await.unwrap_err();
    assert!(said.contains(why), "{words:?}: {said}");
}

/// Sells one tea.
async fn sold(store: &Store) -> Result<String, (u16, Value)> {
    let mut page = store.ana().await;
    let _ = page
        .post(
            "api/cash-sessions",
            json!({"opening_float":
        {"minor": 10_000, "currency": "EUR"}}),
        )
        .await;
    page.scanned(TEA).await;
    let (status, paid) = page.pay(cash(450)).await;
    match paid["sale"]["receipt_number"].as_str() {
        Some(number) => Ok(number.to_owned()),
        None => {
            page.delete("api/ticket").await;
            Err((status, paid))
        }
    }
}

/// A store whose agent has stopped: three sales since its backup wait for the hub.
async fn sold_since_its_backup() -> (Store, String) {
    let mut store = Store::open_with(None, None).await;
    let line = store.first_line().await;
    let backup = file(&store, "backup.sqlite");
    assert!(command(store.data(), &["backup", &backup]).await.unwrap());
    store.hub.down();
    drop(line);
    for _ in 0..3 {
        sold(&store).await.unwrap();
    }
    store.stop().await;
    (store, backup)
}

fn remove(data: &Path) {
    for suffix in ["", "-wal", "-shm"] {
        let _ = std::fs::remove_file(data.join(format!("agent.sqlite{suffix}")));
    }
}

fn file(store: &Store, name: &str) -> String {
    store.data().join(name).display().to_string()
}

#[tokio::test]
async fn a_restored_agent_has_no_share_tells_its_log_again_and_doubles_no_number() {
    let mut store = Store::open_with(None, None).await;
    let mut line = store.first_line().await;
    assert_eq!(sold(&store).await.unwrap(), "S07-R1-000001");
    let first = line.fact("sale").await;
    line.accept(&first);
    let backup = file(&store, "backup.sqlite");
    assert!(command(store.data(), &["backup", &backup]).await.unwrap());
    refused(store.data(), &["backup", &backup], "--overwrite").await;
    assert_eq!(sold(&store).await.unwrap(), "S07-R1-000002");
    let old = line.incarnation.clone();
    refused(store.data(), &["restore", &backup, "--replace"], "stop it first").await;
    store.stop().await;
    refused(store.data(), &["restore", &backup], "--replace").await;
    assert!(command(store.data(), &["restore", &backup, "--replace"]).await.unwrap());
    store.hub.down();
    store.start().await;
    let state = store.page().get("api/state").await;
    assert_eq!(
        (&state["life"]["state"], &state["life"]["may_pay"]),
        (&json!("restored"), &json!(true))
    );
    // The journal before could be read: its numbers are known, and its sale comes along.
    assert_eq!(sold(&store).await.unwrap(), "S07-R1-000003");
    store.hub.up();
    let mut line = store.hub.line().await;
    let hello = line.frame("hello").await;
    assert_eq!(hello["follows"], old);
    assert_ne!(hello["incarnation"], old);
    assert_eq!(hello["granted"], json!([]), "no share");
    store.hub.cut();
    let mut line = store.hub.line().await;
    line.welcome(2, json!([])).await;
    for number in 1..=3 {
        let fact = line.fact("sale").await;
        assert_eq!(fact["body"]["sale"]["number"], number, "{fact}");
        assert_eq!(fact["incarnation"] == old, number < 3);
        line.accept(&fact);
    }
}

#[tokio::test]
async fn without_the_journal_before_no_number_is_given_until_the_hub_has_said_its_last() {
    let mut store = Store::open_with(None, None).await;
    let line = store.first_line().await;
    assert_eq!(sold(&store).await.unwrap(), "S07-R1-000001");
    let backup = file(&store, "backup.sqlite");
    assert!(command(store.data(), &["backup", &backup]).await.unwrap());
    store.hub.down();
    drop(line);
    store.stop().await;
    remove(store.data());
    assert!(command(store.data(), &["restore", &backup]).await.unwrap());
    store.hub.down();
    store.start().await;
    let (status, why) = sold(&store).await.unwrap_err();
    assert_eq!((status, &why["code"]), (409, &json!("receipt_numbers_unknown")), "{why}");
    store.hub.up();
    let mut line = store.hub.line().await;
    line.welcome(5, json!([])).await;
    line.say(json!({"kind": "numbers", "session": line.session, "last": [["S07-R1", 41],
        ["S08-R1", 99], ["S07-R2", 7]]}));
    let page = store.page();
    page.until("api/state", |s| s["life"]["may_pay"] == true).await;
    assert_eq!(sold(&store).await.unwrap(), "S07-R1-000042");
}

#[tokio::test]
async fn a_life_that_was_lived_twice_is_told_and_waits_where_a_manager_must_say_yes() {
    let store = Store::open_with(None, None).await;
    let mut line = store.first_line().await;
    let old = line.incarnation.clone();
    line.say(json!({"kind": "forked", "incarnation": old}));
    line.say(json!({"kind": "retired", "incarnation": old}));
    let hello = line.frame("hello").await;
    assert_eq!(hello["follows"], old);
    let page = store.page();
    let state = page.until("api/state", |s| s["life"]["state"] == "copied").await;
    assert_eq!((&state["life"]["life"], &state["life"]["may_pay"]), (&old, &json!(false)));
    assert_eq!(state["life"]["put_back"], false);
    line.say(
        json!({"kind": "waits", "incarnation": hello["incarnation"], "nonce": hello["nonce"]}),
    );
    page.until("api/state", |s| s["life"]["state"] == "waits").await;
    let (status, why) = sold(&store).await.unwrap_err();
    assert_eq!((status, &why["code"]), (409, &json!("receipt_numbers_unknown")), "{why}");
    assert!(why["detail"].as_str().unwrap().contains("copy"), "{why}");
    line.session = json!({"epoch": 1, "number": 9});
    line.say(json!({"kind": "welcome", "incarnation": hello["incarnation"],
        "nonce": hello["nonce"], "lease": line.session, "granted": [], "last": 0}));
    line.say(json!({"kind": "numbers", "session": line.session, "last": [["S07-R1", 6]]}));
    page.until("api/state", |s| s["life"]["state"] == "copied" && s["life"]["may_pay"] == true)
        .await;
    assert_eq!(sold(&store).await.unwrap(), "S07-R1-000007");
}

#[tokio::test]
async fn a_register_put_back_to_before_its_newest_life_says_so_while_it_waits() {
    let mut store = Store::open_with(None, None).await;
    let line = store.first_line().await;
    let old = line.incarnation.clone();
    let backup = file(&store, "backup.sqlite");
    assert!(command(store.data(), &["backup", &backup]).await.unwrap());
    store.hub.down();
    drop(line);
    store.stop().await;
    // The journal before says from which life on: its newest.
    let said = printed(store.data(), &["restore", &backup, "--replace"]).await;
    assert!(!said.contains("may wait"), "{said}");
    remove(store.data());
    let said = printed(store.data(), &["restore", &backup]).await;
    store.hub.up();
    store.start().await;
    let mut line = store.hub.line().await;
    let hello = line.frame("hello").await;
    assert_eq!(hello["follows"], old, "the backup's, which another life has followed");
    let life = hello["incarnation"].as_str().unwrap();
    assert!(said.contains("until a manager lets it go on"), "{said}");
    assert!(said.contains(&format!("hub enrol allow {life}")), "{said}");
    line.say(
        json!({"kind": "waits", "incarnation": hello["incarnation"], "nonce": hello["nonce"]}),
    );
    let waits = |s: &Value| s["life"]["state"] == "waits";
    let state = store.page().until("api/state", waits).await;
    assert_eq!(
        (&state["life"]["put_back"], &state["life"]["may_pay"]),
        (&json!(true), &json!(false))
    );
    let (status, why) = sold(&store).await.unwrap_err();
    assert_eq!((status, &why["code"]), (409, &json!("receipt_numbers_unknown")), "{why}");
    assert!(why["detail"].as_str().unwrap().contains("put back to a backup"), "{why}");
    // A manager says yes: it goes on as one that was put back.
    store.hub.cut();
    let mut line = store.hub.line().await;
    line.welcome(9, json!([])).await;
    line.say(json!({"kind": "numbers", "session": line.session, "last": [["S07-R1", 6]]}));
    let goes_on = |s: &Value| s["life"]["state"] == "restored" && s["life"]["may_pay"] == true;
    store.page().until("api/state", goes_on).await;
    assert_eq!(sold(&store).await.unwrap(), "S07-R1-000007");
}

#[tokio::test]
async fn what_is_no_backup_of_this_agent_is_refused_and_nothing_is_touched() {
    let mut store = Store::open_with(None, None).await;
    let line = store.first_line().await;
    store.hub.down();
    drop(line);
    sold(&store).await.unwrap();
    let (good, bad) = (file(&store, "good.sqlite"), file(&store, "bad.sqlite"));
    assert!(command(store.data(), &["backup", &good]).await.unwrap());
    store.stop().await;
    let before = std::fs::read(store.data().join("agent.sqlite")).unwrap();
    let whole = std::fs::read(&good).unwrap();
    let sql = |sql: &'static str| {
        let bad = bad.clone();
        async move {
            let mut db = sqlx::SqliteConnection::connect(&format!("sqlite:{bad}")).await.unwrap();
            sqlx::raw_sql(sql).execute(&mut db).await.unwrap();
            db.close().await.unwrap();
        }
    };
    let restore = ["restore", bad.as_str(), "--replace"];
    std::fs::write(&bad, &whole[..whole.len() / 2]).unwrap();
    refused(store.data(), &restore, "cut short").await;
    std::fs::write(&bad, b"not a database").unwrap();
    refused(store.data(), &restore, "no SQLite database").await;
    let mut garbled = whole.clone();
    garbled[8_192..16_384].fill(0x5a);
    std::fs::write(&bad, &garbled).unwrap();
    refused(store.data(), &restore, "bad.sqlite").await;
    std::fs::write(&bad, &whole).unwrap();
    sql("update _sqlx_migrations set version = 99 where version = 1").await;
    refused(store.data(), &restore, "newer build").await;
    std::fs::write(&bad, &whole).unwrap();
    sql("update agent set location = 'S08'").await;
    refused(store.data(), &restore, "another store").await;
    std::fs::write(&bad, &whole).unwrap();
    sql("update agent set agent_id = 'agt_00000000000000000000000000000009'").await;
    refused(store.data(), &restore, "--as-this-agent").await;
    assert_eq!(std::fs::read(store.data().join("agent.sqlite")).unwrap(), before);
    let taken = [&restore[..], &["--as-this-agent"]].concat();
    assert!(command(store.data(), &taken).await.unwrap());
    store.hub.up();
    store.start().await;
    let line = store.hub.line().await;
    let us = "agt_00000000000000000000000000000001.";
    assert!(line.credential.contains(us), "as this agent: {}", line.credential);
}

/// The agent does not start, says where and what to do, and leaves the file as it is.
async fn not_sold_from(store: &Store, why: &str) {
    let journal = store.data().join("agent.sqlite");
    let before = std::fs::read(&journal).ok();
    let Err(error) = start(store.options()).await else { panic!("it starts: {why}") };
    let said = format!("{error:#}");
    for part in [why, "agent.sqlite", "pos-agent restore", "pos-agent export-unsent"] {
        assert!(said.contains(part), "{part}: {said}");
    }
    assert_eq!(std::fs::read(&journal).ok(), before, "{why}");
}

#[tokio::test]
async fn a_damaged_journal_is_not_sold_from_and_its_facts_come_out() {
    let (mut store, backup) = sold_since_its_backup().await;
    let journal = store.data().join("agent.sqlite");
    let whole = std::fs::read(&journal).unwrap();
    std::fs::write(&journal, b"").unwrap();
    not_sold_from(&store, "empty").await;
    std::fs::remove_file(&journal).unwrap();
    not_sold_from(&store, "not there").await;
    std::fs::write(&journal, &whole).unwrap();
    std::fs::write(store.data().join("serve.open"), b"").unwrap();
    not_sold_from(&store, "-wal").await;
    assert!(command(store.data(), &["restore", "--in-place"]).await.unwrap());
    std::fs::write(&journal, &whole).unwrap();
    // An index that names other rows than its table: pages are whole, and it is damaged.
    let mut db =
        sqlx::SqliteConnection::connect(&format!("sqlite:{}", journal.display())).await.unwrap();
    let page: i64 =
        sqlx::query_scalar("select rootpage from sqlite_master where name = 'item_words_data'")
            .fetch_one(&mut db)
            .await
            .unwrap();
    db.close().await.unwrap();
    let mut garbled = whole.clone();
    let from = usize::try_from(page - 1).unwrap() * 4_096;
    garbled[from..from + 4_096].fill(0x5a);
    std::fs::write(&journal, &garbled).unwrap();
    not_sold_from(&store, "damaged").await;
    let unsent = file(&store, "unsent.jsonl");
    command(store.data(), &["export-unsent", &unsent]).await.unwrap();
    let lines = std::fs::read_to_string(&unsent).unwrap();
    let sales = lines.lines().filter(|line| line.contains("\"body\":\"sale\"")).count();
    assert_eq!(sales, 3, "{lines}");
    // Into an older journal, they are told once; a second time changes nothing.
    assert!(command(store.data(), &["restore", &backup, "--replace"]).await.unwrap());
    assert!(command(store.data(), &["import-unsent", &unsent]).await.unwrap());
    store.hub.up();
    store.start().await;
    let mut line = store.hub.line().await;
    line.welcome(7, json!([])).await;
    for number in 1..=3 {
        let fact = line.fact("sale").await;
        assert_eq!(fact["body"]["sale"]["number"], number);
        line.accept(&fact);
    }
    store.page().until("api/state", |s| s["link"]["waiting"] == 0).await;
}

#[tokio::test]
async fn a_fact_that_the_disk_changed_is_told_to_nobody() {
    let (mut store, backup) = sold_since_its_backup().await;
    let journal = store.data().join("agent.sqlite");
    let mut db =
        sqlx::SqliteConnection::connect(&format!("sqlite:{}", journal.display())).await.unwrap();
    // A sound row, a number that could be true.
    let sql = "update log set fact = replace(fact, '450', '150') where n =
               (select n from log where fact like '%\"body\":\"sale\"%'
                order by n limit 1 offset 1)";
    assert_eq!(sqlx::query(sql).execute(&mut db).await.unwrap().rows_affected(), 1);
    db.close().await.unwrap();
    not_sold_from(&store, "not what was stored").await;
    assert!(!command(store.data(), &["doctor"]).await.unwrap());
    let unsent = file(&store, "unsent.jsonl");
    assert!(!command(store.data(), &["export-unsent", &unsent]).await.unwrap(), "one is lost");
    let lines = std::fs::read_to_string(&unsent).unwrap();
    assert_eq!(lines.lines().filter(|line| line.contains("\"body\":\"sale\"")).count(), 2);
    assert!(command(store.data(), &["restore", &backup, "--replace"]).await.unwrap());
    store.hub.up();
    store.start().await;
    let mut line = store.hub.line().await;
    line.welcome(7, json!([])).await;
    for (kind, number) in [("sale", json!(1)), ("lost", Value::Null), ("sale", json!(3))] {
        let fact = line.fact(kind).await;
        assert_eq!(fact["body"]["sale"]["number"], number);
        line.accept(&fact);
    }
}

#[tokio::test]
async fn a_fact_that_the_disk_changes_meanwhile_ends_the_agent() {
    let mut store = Store::open_with(None, None).await;
    let line = store.first_line().await;
    store.hub.down();
    drop(line);
    sold(&store).await.unwrap();
    let journal = store.data().join("agent.sqlite");
    let mut db =
        sqlx::SqliteConnection::connect(&format!("sqlite:{}", journal.display())).await.unwrap();
    let sql = "update log set fact = replace(fact, '450', '150')";
    assert!(sqlx::query(sql).execute(&mut db).await.unwrap().rows_affected() > 0);
    db.close().await.unwrap();
    store.hub.up();
    let mut line = store.hub.line().await;
    line.welcome(7, json!([])).await;
    super::store::within(store.agent().disk_failed()).await;
    store.stop().await;
    not_sold_from(&store, "not what was stored").await;
}

#[tokio::test]
async fn of_a_hole_in_the_log_the_hub_is_told_and_facts_of_another_store_stay_out() {
    let mut store = Store::open_with(None, None).await;
    let line = store.first_line().await;
    store.hub.down();
    drop(line);
    for _ in 0..3 {
        sold(&store).await.unwrap();
    }
    store.stop().await;
    let unsent = file(&store, "unsent.jsonl");
    assert!(command(store.data(), &["export-unsent", &unsent]).await.unwrap());
    let text = std::fs::read_to_string(&unsent).unwrap();
    let lines: Vec<&str> = text.lines().collect();
    let heading = lines[0].replace("S07", "S08");
    let sales: Vec<&str> = lines[1..].iter().copied().filter(|l| l.contains("\"sale\"")).collect();
    // A new agent of the store, whose disk has nothing of the old one's.
    let other = folder();
    enrolled(&store, &other).await;
    let holey = [lines[0], sales[0], sales[2]].join("\n");
    std::fs::write(&unsent, [heading.as_str(), sales[0]].join("\n")).unwrap();
    refused(&other, &["import-unsent", &unsent], "S08").await;
    std::fs::write(&unsent, holey).unwrap();
    assert!(command(&other, &["import-unsent", &unsent]).await.unwrap());
    assert!(command(&other, &["import-unsent", &unsent]).await.unwrap(), "again");
    let mut options = store.options();
    options.data = other.clone();
    store.hub.up();
    let agent = start(options).await.unwrap();
    let mut line = store.hub.line().await;
    line.welcome(1, json!([])).await;
    let lost: Value = serde_json::from_str(sales[1]).unwrap();
    let mut before = Value::Null;
    for (body, number) in [("sale", Some(1)), ("lost", None), ("sale", Some(3))] {
        let fact = line.fact(body).await;
        assert_eq!(fact["body"]["sale"]["number"].as_i64(), number);
        assert_eq!((&fact["prev_id"], &fact["incarnation"]), (&before, &lost["incarnation"]));
        before = fact["command_id"].clone();
        if body == "lost" {
            assert_eq!((&before, &fact["seq"]), (&lost["command_id"], &lost["seq"]));
        }
        line.accept(&fact);
    }
    agent.stop().await;
    std::fs::remove_dir_all(other).unwrap();
}

async fn enrolled(store: &Store, data: &Path) {
    let url = store.hub.url();
    oneshelf_pos_agent::enrol::enrol(data, at(&url), "ABCD-EFGH", "Other").await.unwrap();
}
