//! The agent's data folder: who can read it, and what a copy of its database gives away.

use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{ConnectOptions, Connection};

use super::hub::PEPPER;
use super::store::{Store, folder};

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
