//! Looks into a database's tables, and tampers with them, with SQL of its own.

use std::collections::BTreeMap;

use oneshelf_tests::database::on_postgres;
use sqlx::{AssertSqlSafe, ConnectOptions, Connection, PgConnection, SqliteConnection};

/// The rows of each table as text, sorted.
pub(crate) type Tables = BTreeMap<&'static str, Vec<String>>;

/// Tables of the write path and the columns that are compared.
pub(crate) const TABLES: &[(&str, &str)] = &[
    ("head", "version epoch recorded_at hash"),
    ("command", "id principal fingerprint outcome version recorded_at fact"),
    (
        "ledger",
        "version command kind actor on_behalf_of reference occurred_at recorded_at fingerprint \
         movements hash",
    ),
    (
        "movement",
        "version line item from_location from_place to_location to_place quantity from_after \
         to_after reason reservation",
    ),
    (
        "stock",
        "item location available store_share reserved picked quality_control damaged in_doubt \
         supplier customer adjustment scrap discrepancy short version",
    ),
    (
        "reservation",
        "id state expires_at channel shopper address reference transfer_from transfer_to \
         transfer_via created version",
    ),
    ("reservation_line", "reservation line item location quantity short open kit kit_quantity"),
    ("item", "no sku state details prices version"),
    ("barcode", "code item"),
    ("record", "key value version"),
    ("incarnation", "id location retired created value"),
    ("share", "incarnation item location granted brought sold returned doubt written_off version"),
    (
        "sale",
        "version id location register number receipt_number occurred_at total attention document",
    ),
    ("timer", "kind subject due_at"),
    ("event", "version line kind subject body"),
];

enum Conn {
    Sqlite(SqliteConnection),
    Postgres(PgConnection),
}

async fn connect(url: &str) -> Conn {
    if on_postgres() {
        return Conn::Postgres(PgConnection::connect(url).await.unwrap());
    }
    let path = url.strip_prefix("sqlite:").unwrap();
    let options = sqlx::sqlite::SqliteConnectOptions::new().filename(path);
    Conn::Sqlite(options.connect().await.unwrap())
}

/// The first column of a query, as text.
pub(crate) async fn texts(url: &str, sql: &str) -> Vec<String> {
    let sql = AssertSqlSafe(sql.to_owned());
    match connect(url).await {
        Conn::Sqlite(mut conn) => sqlx::query_scalar(sql).fetch_all(&mut conn).await.unwrap(),
        Conn::Postgres(mut conn) => sqlx::query_scalar(sql).fetch_all(&mut conn).await.unwrap(),
    }
}

pub(crate) async fn number(url: &str, sql: &str) -> i64 {
    let sql = format!("select cast(({sql}) as text)");
    texts(url, &sql).await[0].parse().unwrap()
}

/// Runs statements.
pub(crate) async fn run(url: &str, sql: &str) {
    let sql = AssertSqlSafe(sql.to_owned());
    match connect(url).await {
        Conn::Sqlite(mut conn) => drop(sqlx::raw_sql(sql).execute(&mut conn).await.unwrap()),
        Conn::Postgres(mut conn) => drop(sqlx::raw_sql(sql).execute(&mut conn).await.unwrap()),
    }
}

/// Everything that the write path stored.
pub(crate) async fn dump(url: &str) -> Tables {
    let mut all = Tables::new();
    for (table, columns) in TABLES {
        let cell = |c: &str| format!("coalesce(cast({c} as text), '~')");
        let cells: Vec<String> = columns.split_whitespace().map(cell).collect();
        let mut rows = texts(url, &format!("select {} from {table}", cells.join("||'|'||"))).await;
        rows.sort();
        all.insert(table, rows);
    }
    all
}

/// Versions have no gap, and no two rows one version.
pub(crate) async fn assert_gapless(url: &str) {
    let versions = number(url, "select count(*) from ledger").await;
    let last = number(url, "select coalesce(max(version), 0) from ledger").await;
    assert_eq!(versions, last, "as many ledger rows as versions");
    assert_eq!(last, number(url, "select version from head").await);
}

/// A trigger that makes the answer of one command impossible to store.
pub(crate) async fn poison(url: &str, id: &str) {
    poison_by(url, id, "abort").await;
}

/// The same, where SQLite rolls the transaction back by itself, as it does on a full disk.
pub(crate) async fn poison_hard(url: &str, id: &str) {
    poison_by(url, id, "rollback").await;
}

async fn poison_by(url: &str, id: &str, how: &str) {
    if on_postgres() {
        let sql = format!(
            "create function poisoned() returns trigger language plpgsql as \
             $$ begin raise exception 'poisoned'; end $$; \
             create trigger poison before insert on command for each row \
             when (new.id = '{id}') execute function poisoned();"
        );
        run(url, &sql).await;
    } else {
        let sql = format!(
            "create trigger poison before insert on command when new.id = '{id}' \
             begin select raise({how}, 'poisoned'); end"
        );
        run(url, &sql).await;
    }
}

pub(crate) async fn cure(url: &str) {
    let sql = if on_postgres() { "drop trigger poison on command" } else { "drop trigger poison" };
    run(url, sql).await;
}
