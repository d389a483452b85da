//! A database that rolls back by itself, as SQLite does on a full disk: what is acknowledged
//! afterwards is on disk.

use serde_json::json;
use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{ConnectOptions, Connection, SqliteConnection};

use super::store::{Store, TEA, cash};

async fn disk(store: &Store) -> SqliteConnection {
    let file = store.data().join("agent.sqlite");
    SqliteConnectOptions::new().filename(file).connect().await.unwrap()
}

/// Payments whose keys end so are not stored: `rollback` is what a full disk does to a
/// transaction, `abort` what a broken rule does.
const POISON: &str = "
    create trigger poison_hard before insert on sale when new.pay_key like '%-rollback'
        begin select raise(rollback, 'poisoned'); end;
    create trigger poison before insert on sale when new.pay_key like '%-abort'
        begin select raise(abort, 'poisoned'); end;";

#[tokio::test]
async fn what_is_paid_after_failures_is_on_disk() {
    let store = Store::open().await;
    drop(store.first_line().await);
    let mut page = store.ana_with_float().await;
    store.hub.down();
    page.until("api/state", |s| s["link"]["state"] == "offline").await;
    let mut db = disk(&store).await;
    sqlx::raw_sql(POISON).execute(&mut db).await.unwrap();
    page.scanned(TEA).await;
    // Both kinds, one after another: an end that was not seen, then one that ends something else.
    for key in ["1-rollback", "2-abort", "3-rollback", "4-abort", "5-abort"] {
        let (status, refused) = page.pay_as(key, cash(10_000)).await;
        assert_eq!((status, &refused["code"]), (500, &json!("internal")), "{key}: {refused}");
        assert_eq!(page.get("api/ticket").await["pieces"], 1, "{key}: nothing is sold");
    }
    let (status, paid) = page.pay_as("good", cash(10_000)).await;
    assert_eq!((status, &paid["sale"]["receipt_number"]), (200, &json!("S07-R1-000001")));
    // As another program sees it, and as the next start would.
    let there: Vec<String> =
        sqlx::query_scalar("select receipt_number from sale").fetch_all(&mut db).await.unwrap();
    assert_eq!(there, ["S07-R1-000001"]);
    let facts: i64 =
        sqlx::query_scalar("select count(*) from log").fetch_one(&mut db).await.unwrap();
    assert!(facts >= 1, "the hub will hear of it");
    db.close().await.unwrap();
}
