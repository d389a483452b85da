//! No card number stays anywhere: a Luhn scan over the agent's tables and its log.
//!
//! Owns what counts as a card number in text, and the scenario that it is looked for after.

use std::collections::BTreeSet;
use std::io::Write;
use std::sync::{Arc, Mutex};

use oneshelf_hardware::sim::{PrinterSim, ScannerSim};
use serde_json::json;
use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{ConnectOptions, Connection, SqliteConnection};

use super::store::{LAMP, Store, TEA, cash};

/// From 2020 to 2039 in microseconds: no scheme's cards of 16 digits begin so.
const TIMES: std::ops::Range<u64> = 1_577_836_800_000_000..2_208_988_800_000_000;
/// A hex word this long is an id, a key or a digest.
const HEX_WORD: usize = 32;

/// The digit by which the ten-sum is right.
fn luhn(digits: &str) -> bool {
    let double = |d: u32| if d > 4 { d * 2 - 9 } else { d * 2 };
    let values = digits.chars().rev().filter_map(|c| c.to_digit(10));
    let sum: u32 = values.enumerate().map(|(i, d)| if i % 2 == 1 { double(d) } else { d }).sum();
    sum.is_multiple_of(10)
}

/// What could be a card's number in a text, beside codes of goods and times.
fn card_numbers(text: &str, goods: &BTreeSet<String>) -> Vec<String> {
    let words = text.split(|c: char| !c.is_ascii_alphanumeric());
    let plain = |w: &&str| w.len() < HEX_WORD || !w.bytes().all(|b| b.is_ascii_hexdigit());
    let runs = words.filter(plain).flat_map(|w| w.split(|c: char| !c.is_ascii_digit()));
    let time = |run: &str| run.len() == 16 && run.parse().is_ok_and(|n| TIMES.contains(&n));
    runs.filter(|run| (13..=19).contains(&run.len()) && luhn(run))
        .filter(|run| !goods.contains(*run) && !time(run))
        .map(str::to_owned)
        .collect()
}

/// Every value of every table, with the table's name; but the sums of facts: eight bytes of a
/// digest, of which each tenth is right by the ten-sum.
async fn tables(db: &mut SqliteConnection) -> Vec<(String, String)> {
    let names: Vec<String> =
        sqlx::query_scalar("select name from sqlite_schema where type = 'table'")
            .fetch_all(&mut *db)
            .await
            .unwrap();
    let mut all = vec![];
    for name in names {
        let columns: Vec<String> =
            sqlx::query_scalar("select name from pragma_table_info(?) where name <> 'sum'")
                .bind(&name)
                .fetch_all(&mut *db)
                .await
                .unwrap();
        for column in columns {
            // Blobs too: a number in one is text all the same.
            let sql = format!("select cast(\"{column}\" as blob) from \"{name}\"");
            let values: Vec<Option<Vec<u8>>> =
                sqlx::query_scalar(sqlx::AssertSqlSafe(sql)).fetch_all(&mut *db).await.unwrap();
            let text = |v: Vec<u8>| (name.clone(), String::from_utf8_lossy(&v).into_owned());
            all.extend(values.into_iter().flatten().map(text));
        }
    }
    all
}

/// Codes of the catalogue, as they are and padded.
async fn goods(db: &mut SqliteConnection) -> BTreeSet<String> {
    let codes: Vec<String> =
        sqlx::query_scalar("select code from barcode union select gtin from barcode")
            .fetch_all(db)
            .await
            .unwrap();
    codes.into_iter().collect()
}

/// Where a card's number stands in the store's database or in what was logged.
async fn found(store: &Store, log: &str) -> Vec<(String, String)> {
    let options = SqliteConnectOptions::new().filename(store.data().join("agent.sqlite"));
    let mut db = options.connect().await.unwrap();
    let goods = goods(&mut db).await;
    let mut places = tables(&mut db).await;
    db.close().await.unwrap();
    places.push(("the log".to_owned(), log.to_owned()));
    let numbers = |(place, text): (String, String)| {
        card_numbers(&text, &goods).into_iter().map(move |n| (place.clone(), n)).collect::<Vec<_>>()
    };
    places.into_iter().flat_map(numbers).collect()
}

/// What all agents of this process log.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl Log {
    /// Of our own crates everything; of others what a store would see.
    fn begin() -> Self {
        let log = Self::default();
        let of = log.clone();
        let ours = ["pos_agent", "hardware", "sync", "domain"];
        let filter = ours.iter().fold("info".to_owned(), |f, c| format!("{f},oneshelf_{c}=trace"));
        tracing_subscriber::fmt()
            .with_env_filter(filter)
            .with_ansi(false)
            .with_writer(move || of.clone())
            .try_init()
            .unwrap();
        log
    }

    fn text(&self) -> String {
        String::from_utf8_lossy(&self.0.lock().unwrap()).into_owned()
    }
}

#[tokio::test]
async fn a_card_that_was_swiped_stays_nowhere() {
    let log = Log::begin();
    let link =
        std::env::temp_dir().join(format!("oneshelf-scanner-{}", uuid::Uuid::new_v4().as_simple()));
    let mut scanner = ScannerSim::plug_in(Some(&link)).unwrap();
    let printer = PrinterSim::bind("127.0.0.1:0").await.unwrap();
    let store = Store::open_with(Some(printer), Some(link.display().to_string())).await;
    let line = store.first_line().await;
    let mut page = store.ana_with_float().await;
    store.hub.down();
    drop(line);
    page.until("api/state", |s| s["scanner"]["state"] == "ready").await;
    let mut events = page.events().await;
    for track in [";4111111111111111=25121010000?", "%B5500005555555559^MURPHY/ANA^2512101?"] {
        scanner.scan(track).unwrap();
        events.next("scan_refused", |e| e["problem"] == "card_refused").await;
        assert_eq!(page.scan(track).await.1["code"], "card_refused");
    }
    // Typed, or read by a camera: a number without a track's marks is a code that nobody knows.
    assert_eq!(page.scan("4111111111111111").await.1["code"], "item_unknown");
    assert_eq!(page.get("api/items?search=4111111111111111").await["items"], json!([]));
    page.scanned(TEA).await;
    page.scanned(LAMP).await;
    page.until("api/ticket", |t| t["lines"][1]["warning"] == "free_when_offline").await;
    let (status, paid) = page.pay_as("k-1", cash(10_000)).await;
    assert_eq!(status, 200, "{paid}");
    store.printer().wait_until(|d| d.printed().sheets_total == 1).await;
    page.post("api/no-sale", json!({"reason": "change"})).await;
    let text = log.text();
    assert!(text.contains("signed in") && text.contains("CardTrack"), "it is the agent's: {text}");
    assert_eq!(found(&store, &text).await, []);

    // And it would be found: in a column of JSON, in the index of words, in the log.
    let options = SqliteConnectOptions::new().filename(store.data().join("agent.sqlite"));
    let mut disk = options.connect().await.unwrap();
    let leak = "update deed set detail = '{\"why\":\";4111111111111111=2512\"}'";
    sqlx::query(leak).execute(&mut disk).await.unwrap();
    let leak = "insert into item_words (rowid, words) values (99, '5500005555555559 tea')";
    sqlx::query(leak).execute(&mut disk).await.unwrap();
    disk.close().await.unwrap();
    let places = found(&store, &format!("{text}code=%B378282246310005^\n")).await;
    for (place, number) in [
        ("deed", "4111111111111111"),
        ("item_words_content", "5500005555555559"),
        ("the log", "378282246310005"),
    ] {
        assert!(places.contains(&(place.to_owned(), number.to_owned())), "{place}: {places:?}");
    }
}

#[test]
fn a_card_number_is_told_from_goods_times_and_ids() {
    // A code of goods whose check digit is right by both sums.
    let both = "4006381333924";
    let goods = BTreeSet::from([both.to_owned()]);
    for (text, is_one) in [
        ("4111111111111111", true),
        ("4111111111111112", false),
        ("%B378282246310005^NAME", true),
        ("{\"code\":\"6011000990139424\"}", true),
        ("\u{1}4222222222222\u{2}", true),
        ("2223000048400011", true),
        ("a4111111111111111f", true),
        // A time, and what would be one of a year that is far off.
        ("1750000000000000", false),
        ("2300000000000003", true),
        ("4111111111111111110", true),
        // Too short, too long.
        ("411111111117", false),
        ("41111111111111111115", false),
        // An id, and one with a number in the middle.
        ("agt_00000000000000000000000000000001", false),
        ("cmd_019ac4111111111111111ac000000000", false),
    ] {
        assert_eq!(!card_numbers(text, &goods).is_empty(), is_one, "{text}");
    }
    assert_eq!(card_numbers(both, &goods), Vec::<String>::new());
    assert_eq!(card_numbers(both, &BTreeSet::new()), [both], "nobody sells it");
}
