//! The agent's data folder: who can read it, and what a copy of its database gives away.

use std::collections::BTreeMap;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::Path;
use std::process::Stdio;

use serde_json::json;
use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{ConnectOptions, Connection};
use tokio::process::Command;

use super::hub::PEPPER;
use super::store::{Store, TEA, cash, folder, program, within};

fn mode(path: &Path) -> u32 {
    std::fs::metadata(path).unwrap().permissions().mode() & 0o777
}

#[tokio::test]
async fn a_folder_that_others_could_read_is_closed_before_anything_is_put_into_it() {
    let data = folder();
    std::fs::create_dir_all(&data).unwrap();
    std::fs::set_permissions(&data, PermissionsExt::from_mode(0o755)).unwrap();
    let mut store = Store::open_in(data, None, None).await;
    let _line = store.first_line().await;
    assert_eq!(mode(store.data()), 0o700);
    let files = ["agent.key", "agent.pepper", "agent.sqlite", "agent.sqlite-wal"];
    for name in files.iter().chain(&["agent.sqlite-shm", "enrol.lock", "serve.lock"]) {
        assert_eq!(mode(&store.data().join(name)), 0o600, "{name}");
    }
    store.stop().await;
    // Somebody opened it again, and a build before this one made its files for everybody.
    for name in ["", "agent.sqlite", "agent.pepper"] {
        let path = store.data().join(name);
        std::fs::set_permissions(path, PermissionsExt::from_mode(0o755)).unwrap();
    }
    store.start().await;
    assert_eq!(mode(store.data()), 0o700);
    for name in ["agent.sqlite", "agent.pepper"] {
        assert_eq!(mode(&store.data().join(name)), 0o600, "{name}");
    }
}

/// Starts the program on a folder, without root's right to write where nobody may; what it says
/// while it ends.
async fn refused(data: &Path) -> String {
    let mut command = if std::fs::metadata("/proc/self").unwrap().uid() == 0 {
        let mut command = Command::new("setpriv");
        command.arg("--bounding-set=-dac_override,-dac_read_search").arg(program());
        command
    } else {
        Command::new(program())
    };
    command.arg("serve").arg("--data").arg(data).args(["--listen", "127.0.0.1:0"]);
    let done = within(command.stdin(Stdio::null()).output()).await.unwrap();
    let said = String::from_utf8(done.stderr).unwrap();
    assert_eq!((done.status.code(), done.stdout.is_empty()), (Some(1), true), "{said}");
    said
}

#[tokio::test]
async fn a_folder_that_takes_no_writes_is_refused_by_name_and_nothing_is_lost() {
    let mut store = Store::open_with(None, None).await;
    let line = store.first_line().await;
    store.hub.down();
    drop(line);
    let mut ana = store.ana_with_float().await;
    ana.scanned(TEA).await;
    assert_eq!(ana.pay(cash(450)).await.0, 200, "the hub has not heard of it");
    store.stop().await;
    let data = store.data().clone();
    let content = || {
        let read = |entry: std::io::Result<std::fs::DirEntry>| {
            let path = entry.unwrap().path();
            (path.clone(), std::fs::read(path).unwrap())
        };
        std::fs::read_dir(&data).unwrap().map(read).collect::<BTreeMap<_, _>>()
    };
    let close = |name: &str, mode: u32| {
        std::fs::set_permissions(data.join(name), PermissionsExt::from_mode(mode)).unwrap();
    };
    let before = content();
    assert!(before.contains_key(&data.join("serve.lock")), "of the run before");
    let all = ["agent.sqlite", "agent.key", "agent.pepper", "serve.lock"];
    // The folder; one file that matters; all of it, as on a disk that was mounted anew.
    for read_only in [&[""][..], &["agent.sqlite"], &[&[""][..], &all[..]].concat()] {
        read_only.iter().for_each(|name| close(name, if name.is_empty() { 0o500 } else { 0o400 }));
        let said = refused(&data).await;
        let file = data.join(if read_only.len() > 2 { "serve.lock" } else { "agent.sqlite" });
        for part in [&*file.display().to_string(), "on a disk that takes writes"] {
            assert!(said.contains(part), "{read_only:?}: {part}: {said}");
        }
        close("", 0o700);
        all.iter().for_each(|name| close(name, 0o600));
        assert!(content() == before, "{read_only:?}: nothing is changed or left");
    }
    // It takes writes again: the sale is told, and the next number is behind it.
    store.hub.up();
    store.start().await;
    let mut line = store.hub.line().await;
    line.welcome(2, json!([])).await;
    let fact = line.fact("sale").await;
    assert_eq!(fact["body"]["sale"]["number"], 1, "{fact}");
    line.accept(&fact);
    let mut ana = store.ana().await;
    ana.scanned(TEA).await;
    let (_, paid) = ana.pay(cash(450)).await;
    assert_eq!(paid["sale"]["receipt_number"], "S07-R1-000002", "{paid}");
}

#[tokio::test]
async fn of_a_copy_of_the_database_no_pin_can_be_tried() {
    let mut store = Store::open_with(None, None).await;
    let _line = store.first_line().await;
    let _ana = store.ana().await;
    let copy = store.data().join("copy.sqlite");
    let options = SqliteConnectOptions::new().filename(store.data().join("agent.sqlite"));
    let mut db = options.connect().await.unwrap();
    let into = copy.display().to_string();
    sqlx::query("vacuum into ?").bind(into).execute(&mut db).await.unwrap();
    db.close().await.unwrap();
    let raw = hex::decode(PEPPER).unwrap();
    let has = |bytes: &[u8], what: &[u8]| bytes.windows(what.len()).any(|w| w == what);
    for name in ["copy.sqlite", "agent.sqlite", "agent.sqlite-wal"] {
        let bytes = std::fs::read(store.data().join(name)).unwrap();
        assert!(!has(&bytes, PEPPER.as_bytes()) && !has(&bytes, &raw), "{name}");
    }
    let hashes = std::fs::read(&copy).unwrap();
    assert!(has(&hashes, b"$argon2id$"), "the copy is one of an agent with staff");
    // The agent itself has it, also after a restart.
    store.stop().await;
    store.start().await;
    store.ana().await;
}

#[tokio::test]
async fn a_join_that_was_cut_off_is_done_anew_and_a_lost_pepper_is_said() {
    let data = folder();
    std::fs::create_dir_all(&data).unwrap();
    // As a crash between keeping the pepper and noting the join leaves it.
    std::fs::write(data.join("agent.pepper"), "ffff").unwrap();
    std::fs::write(data.join("agent.pepper.half"), "f").unwrap();
    let mut store = Store::open_in(data, None, None).await;
    let _line = store.first_line().await;
    store.ana().await;
    store.stop().await;
    let pepper = store.data().join("agent.pepper");
    for (content, said) in [(None, "put it back, or join"), (Some("no hex"), "holds no pepper")] {
        match content {
            None => std::fs::remove_file(&pepper).unwrap(),
            Some(text) => std::fs::write(&pepper, text).unwrap(),
        }
        let refused = oneshelf_pos_agent::serve::start(store.options()).await.err().unwrap();
        assert!(refused.to_string().contains(said), "{refused}");
    }
    std::fs::write(&pepper, PEPPER).unwrap();
    store.start().await;
    store.ana().await;
}
