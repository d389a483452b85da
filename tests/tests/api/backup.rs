//! `hub backup` and `hub restore` as programs: copies of a hub at work, and what they refuse.

use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};

use futures_util::future::join_all;
use oneshelf_hub::audit::audit;
use oneshelf_hub::store::Store;
use serde_json::json;
use sqlx::{AssertSqlSafe, Connection, SqliteConnection};

use crate::cli::hub_says;
use crate::support::Hub;

/// A folder for files; gone when dropped.
pub(crate) struct Shelf(PathBuf);

impl Drop for Shelf {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

impl Shelf {
    pub(crate) fn new() -> Self {
        let folder = std::env::temp_dir().join(format!("oneshelf-shelf-{}", uuid::Uuid::now_v7()));
        std::fs::create_dir(&folder).unwrap();
        Self(folder)
    }

    pub(crate) fn at(&self, name: &str) -> String {
        self.0.join(name).display().to_string()
    }

    pub(crate) fn names(&self) -> Vec<String> {
        let entries = std::fs::read_dir(&self.0).unwrap();
        let mut names: Vec<String> =
            entries.map(|e| e.unwrap().file_name().to_string_lossy().into_owned()).collect();
        names.sort();
        names
    }
}

/// Makes a backup of a hub; gives what was said.
pub(crate) async fn backed_up(hub: &Hub, file: &str) -> String {
    let (good, said) = hub_says(hub, &["backup", file, "--database", hub.database_url()]).await;
    assert!(good, "{said}");
    said
}

/// What a line of an answer says.
fn told<'a>(said: &'a str, what: &str) -> &'a str {
    let line = said.lines().find_map(|line| line.strip_prefix(what));
    line.unwrap_or_else(|| panic!("no {what} in {said}")).trim()
}

pub(crate) async fn nothing_is_broken(url: &str) {
    let store = Store::open(url).await.unwrap();
    let report = audit(&store).await.unwrap();
    store.close().await;
    assert!(report.is_clean(), "{report}");
}

async fn run(file: &str, sql: &str) {
    let mut db = SqliteConnection::connect(&format!("sqlite:{file}")).await.unwrap();
    sqlx::query(AssertSqlSafe(sql.to_owned())).execute(&mut db).await.unwrap();
    db.close().await.unwrap();
}

#[tokio::test]
async fn a_backup_of_a_hub_at_work_is_whole_and_can_be_restored() {
    let hub = Hub::open().await;
    if !hub.is_file() {
        return hub.close().await;
    }
    let shelf = Shelf::new();
    let (file, other) = (shelf.at("monday.sqlite"), shelf.at("other.sqlite"));
    hub.receive("W01", 1).await;
    let (before, done) = (hub.version().await, AtomicBool::new(false));
    let writes = async || {
        let mut written = 0;
        while !done.load(Ordering::Relaxed) {
            hub.receive("W01", 1).await;
            written += 1;
        }
        written
    };
    let copies = async {
        let mut said = vec![];
        for _ in 0..3 {
            let words = ["backup", &file, "--overwrite", "--database", hub.database_url()];
            said.push(hub_says(&hub, &words).await);
        }
        done.store(true, Ordering::Relaxed);
        said
    };
    let (said, written) = tokio::join!(copies, join_all((0..4).map(|_| writes())));
    let written: i64 = written.into_iter().sum();
    let after = hub.version().await;
    assert_eq!(after, before + written);
    let mut reached = before;
    for (good, said) in said {
        assert!(good, "{said}");
        assert!(told(&said, "audit:").starts_with("nothing broken"), "{said}");
        let version: i64 = told(&said, "version:").split(' ').next().unwrap().parse().unwrap();
        assert!((reached..=after).contains(&version), "{reached} {version} {after}");
        reached = version;
        assert!(said.contains("secrets.json"), "it says what else to keep: {said}");
    }
    assert!(written > 0 && reached > before, "nobody wrote meanwhile");
    assert_eq!(std::fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
    assert_eq!(shelf.names(), ["monday.sqlite"], "nothing lies beside it");
    let bytes = std::fs::read(&file).unwrap();
    let database = format!("sqlite:{other}");
    let (good, said) = hub_says(&hub, &["restore", &file, "--database", &database]).await;
    assert!(good && said.contains("nothing broken"), "{said}");
    assert!(told(&said, "restored:").contains(&format!("version {reached} ")), "{said}");
    assert_eq!(std::fs::read(&file).unwrap(), bytes, "a backup is not changed by its use");
    assert_eq!(std::fs::metadata(&other).unwrap().permissions().mode() & 0o777, 0o600);
    nothing_is_broken(&database).await;
    let mut db = SqliteConnection::connect(&database).await.unwrap();
    let (version, epoch): (i64, i64) =
        sqlx::query_as("select version, epoch from head").fetch_one(&mut db).await.unwrap();
    assert_eq!(version, reached, "no store has an agent that could be waited for");
    assert!(epoch > 1_700_000_000, "{epoch}");
    hub.close().await;
}

#[tokio::test]
async fn a_backup_of_a_broken_hub_says_so_and_takes_no_good_ones_place() {
    let hub = Hub::open().await;
    if !hub.is_file() {
        return hub.close().await;
    }
    let shelf = Shelf::new();
    let file = shelf.at("hub.sqlite");
    hub.receive("W01", 3).await;
    backed_up(&hub, &file).await;
    let good_one = std::fs::read(&file).unwrap();
    let path = hub.database_url().strip_prefix("sqlite:").unwrap().to_owned();
    run(&path, "update stock set available = available + 1 where available = 3").await;
    let words = ["backup", &file, "--overwrite", "--database", hub.database_url()];
    let (good, said) = hub_says(&hub, &words).await;
    assert!(!good && said.contains("BROKEN") && said.contains("buckets_match_movements"), "{said}");
    assert_eq!(std::fs::read(&file).unwrap(), good_one);
    assert_eq!(shelf.names(), ["hub.sqlite", "hub.sqlite.broken"]);
    let broken = shelf.at("hub.sqlite.broken");
    let database = format!("sqlite:{}", shelf.at("new.sqlite"));
    let (good, said) = hub_says(&hub, &["restore", &broken, "--database", &database]).await;
    assert!(!good && said.contains("--accept-findings"), "{said}");
    assert!(!Path::new(&shelf.at("new.sqlite")).exists());
    let words = ["restore", &broken, "--database", &database, "--accept-findings"];
    let (good, said) = hub_says(&hub, &words).await;
    assert!(good && said.contains("buckets_match_movements"), "{said}");
    hub.close().await;
}

#[tokio::test]
async fn what_is_in_the_way_is_not_overwritten() {
    let mut hub = Hub::open().await;
    let shelf = Shelf::new();
    let file = shelf.at("hub.sqlite");
    let url = hub.database_url().to_owned();
    if !hub.is_file() {
        for words in [["backup", &file], ["restore", &file]] {
            let (good, said) = hub_says(&hub, &[&words[..], &["--database", &url]].concat()).await;
            assert!(!good && said.contains("pg_restore"), "{said}");
        }
        return hub.close().await;
    }
    let says = async |words: &[&str]| {
        let words = [words, &["--database", &url]].concat();
        let (good, said) = hub_says(&hub, &words).await;
        assert!(!good, "{words:?}: {said}");
        said
    };
    backed_up(&hub, &file).await;
    let whole = std::fs::read(&file).unwrap();
    assert!(says(&["backup", &file]).await.contains("--overwrite"));
    assert!(says(&["backup", &shelf.at("")]).await.contains("is a folder"));
    let itself = url.strip_prefix("sqlite:").unwrap().to_owned();
    assert!(says(&["backup", &itself, "--overwrite"]).await.contains("the database itself"));
    // While it serves nothing is put in its place, whatever is said.
    assert!(says(&["restore", &file, "--replace"]).await.contains("stop the hub"));
    assert!(says(&["restore", "--in-place"]).await.contains("stop the hub"));
    assert!(says(&["restore", &file]).await.contains("stop the hub"));
    assert_eq!(std::fs::read(&file).unwrap(), whole);
    assert_eq!(shelf.names(), ["hub.sqlite"]);
    hub.receive("W01", 7).await;
    hub.halt().await;
    let says =
        async |words: &[&str]| hub_says(&hub, &[words, &["--database", &url]].concat()).await;
    let (good, said) = says(&["restore", &file]).await;
    assert!(!good && said.contains("--replace"), "{said}");
    let (good, said) = says(&["restore", &file, "--replace"]).await;
    assert!(good, "{said}");
    let aside = told(&said, "before:").strip_prefix("kept as ").unwrap().to_owned();
    hub.start().await;
    assert_eq!(hub.flask_at("W01").await["available"].as_i64().unwrap_or(0), 0);
    // What was there before is a database like any other: back again, in one more epoch.
    let first = hub.get("/v1/time").await.ok(200)["hub_epoch"].as_i64().unwrap();
    hub.halt().await;
    let (good, said) = hub_says(&hub, &["restore", &aside, "--replace", "--database", &url]).await;
    assert!(good, "{said}");
    hub.start().await;
    assert_eq!(hub.flask_at("W01").await["available"], 7);
    let second = hub.get("/v1/time").await.ok(200)["hub_epoch"].as_i64().unwrap();
    assert!(first > 1 && second > first, "{first} {second}");
    nothing_is_broken(&url).await;
    hub.close().await;
}

#[tokio::test]
async fn a_file_that_is_no_whole_backup_is_refused_by_its_name() {
    let hub = Hub::open().await;
    if !hub.is_file() {
        return hub.close().await;
    }
    let shelf = Shelf::new();
    let whole = shelf.at("whole");
    backed_up(&hub, &whole).await;
    let bytes = std::fs::read(&whole).unwrap();
    let copy = |name: &str| {
        let path = shelf.at(name);
        std::fs::copy(&whole, &path).unwrap();
        path
    };
    std::fs::write(shelf.at("garbage"), [0x5a; 70_000]).unwrap();
    std::fs::write(shelf.at("empty"), []).unwrap();
    std::fs::write(shelf.at("half"), &bytes[..bytes.len() / 2]).unwrap();
    std::fs::write(shelf.at("nearly"), &bytes[..bytes.len() - 1]).unwrap();
    let mut rotten = bytes.clone();
    // The first page says what the others are: one of those.
    rotten[4_096..8_192].fill(0x5a);
    std::fs::write(shelf.at("rotten"), rotten).unwrap();
    run(
        &copy("newer"),
        "insert into _sqlx_migrations (version, description, installed_on, \
        success, checksum, execution_time) values (99, 'x', current_timestamp, true, x'00', 0)",
    )
    .await;
    run(&copy("other-build"), "update _sqlx_migrations set checksum = x'00' where version = 2")
        .await;
    run(&copy("no-hub"), "drop table _sqlx_migrations").await;
    std::fs::write(format!("{}-wal", copy("in-use")), [1; 32]).unwrap();
    for (name, why) in [
        ("garbage", "no SQLite database"),
        ("empty", "no SQLite database"),
        ("half", "cut short"),
        ("nearly", "cut short"),
        ("rotten", "rotten"),
        ("newer", "newer hub (schema 99"),
        ("other-build", "schema 2"),
        ("no-hub", "no hub in it"),
        ("in-use", "not a finished backup"),
        ("missing", "No such file"),
    ] {
        let database = format!("sqlite:{}", shelf.at("target"));
        let words = ["restore", &shelf.at(name), "--database", &database];
        let (good, said) = hub_says(&hub, &words).await;
        assert!(!good && said.contains(why) && said.contains(name), "{name}: {said}");
        let left: Vec<String> =
            shelf.names().into_iter().filter(|n| n.starts_with("target")).collect();
        assert_eq!(left, ["target.lock"], "{name}");
    }
    // Of a database with older tables only the hub that runs on it can make a backup.
    let older = copy("older");
    let newest = "(select max(version) from _sqlx_migrations)";
    run(&older, &format!("delete from _sqlx_migrations where version = {newest}")).await;
    let database = format!("sqlite:{older}");
    let words = ["backup", &shelf.at("of-older"), "--database", &database];
    let (good, said) = hub_says(&hub, &words).await;
    assert!(!good && said.contains("an older build"), "{said}");
    assert!(!shelf.names().iter().any(|name| name.starts_with("of-older")), "{:?}", shelf.names());
    hub.close().await;
}

#[tokio::test]
async fn a_database_that_was_put_back_by_other_means_begins_a_new_epoch() {
    let mut hub = Hub::open().await;
    hub.receive("W01", 2).await;
    let cookie = hub.sign_in("zoe", "admin", &[]).await;
    let url = hub.database_url().to_owned();
    let words = ["restore", "--in-place", "--database", &url];
    let (good, said) = hub_says(&hub, &words).await;
    assert!(!good && said.contains("stop the hub"), "{said}");
    hub.halt().await;
    let (good, said) = hub_says(&hub, &words).await;
    assert!(good && said.contains("nothing broken"), "{said}");
    hub.start().await;
    let epoch = hub.get("/v1/time").await.ok(200)["hub_epoch"].as_i64().unwrap();
    assert!(epoch > 1, "{epoch}");
    assert_eq!(hub.flask_at("W01").await["available"], 2);
    let lines = json!({"lines": [{"sku": "FLASK", "location": "W01", "quantity": 1}]});
    hub.post("/v1/reservations", lines).await.ok(201);
    let session = hub.ask("GET", "/v1/session").header("cookie", &cookie).send().await;
    assert_eq!(session.status, 401, "who was signed in then is not now: {}", session.text);
    nothing_is_broken(&url).await;
    hub.close().await;
}
