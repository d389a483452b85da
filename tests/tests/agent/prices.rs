//! Prices that begin at a moment: the store changes them by itself, with the line down.

use oneshelf_domain::Timestamp;
use serde_json::{Value, json};
use sqlx::{Connection, SqliteConnection};

use super::hub::nothing_applied;
use super::store::{Store, TEA, eur, item, settings, stock};

/// Tea with prices of its own, as a frame brings it.
fn tea(version: i64, prices: Value) -> Value {
    let mut row = item(1, "TEA", "Tea", TEA, 450);
    row["item"]["version"] = json!(version);
    row["item"]["prices"] = prices;
    row
}

fn now() -> Timestamp {
    Timestamp(chrono::Utc::now().timestamp_micros())
}

#[tokio::test]
async fn a_price_begins_at_its_moment_with_the_line_down() {
    let store = Store::open().await;
    let line = store.first_line().await;
    let mut page = store.ana_with_float().await;
    page.scanned(TEA).await;
    let soon = now().plus_ms(1_500);
    let prices =
        json!([{"from": soon, "price": eur(990)}, {"from": "2999-01-01", "price": eur(1)}]);
    let mut row = tea(11, prices);
    row["item"]["name"] = json!("Tea, loose");
    line.rows(10, 11, nothing_applied(), &[row]);
    page.until("api/items/TEA/here", |i| i["name"] == "Tea, loose").await;
    store.hub.down();
    // Nobody tells the store: its own clock does.
    page.until("api/items/TEA/here", |i| i["price"] == eur(990)).await;
    assert!(now() >= soon);
    let ticket = page.scanned(TEA).await;
    // The line that was shown keeps its price; the new one is beside it.
    let lines: Vec<&Value> =
        ticket["lines"].as_array().unwrap().iter().map(|l| &l["unit_price"]).collect();
    assert_eq!(lines, [&eur(450), &eur(990)]);
}

#[tokio::test]
async fn a_day_begins_in_the_zone_of_the_store() {
    let store = Store::open().await;
    let line = store.first_line().await;
    let mut page = store.ana_with_float().await;
    let own = chrono_tz::Asia::Kathmandu;
    let today = now().utc().unwrap().with_timezone(&own).date_naive();
    let after = today.checked_add_days(chrono::Days::new(2)).unwrap();
    let prices = json!([{"from": today, "price": eur(800)}, {"from": after, "price": eur(900)}]);
    line.rows(10, 11, nothing_applied(), &[tea(11, prices)]);
    page.until("api/items/TEA/here", |i| i["price"] == eur(800)).await;
    assert_eq!(page.scanned(TEA).await["total"], eur(800));
}

#[tokio::test]
async fn a_store_that_was_upgraded_asks_for_all_prices_once_and_sells_meanwhile() {
    let mut store = Store::open().await;
    drop(store.first_line().await);
    store.stop().await;
    // As the build before it left its tables: an item of the copy has lost its dated prices.
    let url = format!("sqlite:{}", store.data().join("agent.sqlite").display());
    let mut db = SqliteConnection::connect(&url).await.unwrap();
    let newest = "delete from _sqlx_migrations where version = 4";
    assert_eq!(sqlx::query(newest).execute(&mut db).await.unwrap().rows_affected(), 1);
    db.close().await.unwrap();
    store.start().await;
    let mut page = store.ana_with_float().await;
    assert_eq!(page.scanned(TEA).await["total"], eur(450), "before the line is up");
    let mut line = store.hub.line().await;
    line.welcome(2, json!([])).await;
    assert_eq!(line.cursor, json!({"epoch": 0, "version": 0}));
    assert_eq!(page.scanned(TEA).await["total"], eur(900), "before the copy is there");
    let mut rows = settings();
    rows.push(tea(9, json!([{"from": "2020-01-01", "price": eur(990)}])));
    rows.push(stock("TEA", 5, 0));
    line.rows(0, 12, nothing_applied(), &rows);
    page.until("api/items/TEA/here", |i| i["price"] == eur(990)).await;
    store.stop().await;
    store.start().await;
    let mut line = store.hub.line().await;
    line.welcome(3, json!([])).await;
    assert_eq!(line.cursor, json!({"epoch": 1, "version": 12}), "once is enough");
}
