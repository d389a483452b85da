//! What the databases of hub and agent hold, read beside the programs.
//!
//! It reads and never writes; the rules that a proof checks are the proof's. Statements are few
//! and plain, so that both engines take them.

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::{Context, Result, bail};
use serde_json::Value;
use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{Connection, PgConnection, SqliteConnection};

/// A sale as the hub has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HubSale {
    /// As on the receipt.
    pub receipt: String,
    /// `S01-R1`.
    pub register: String,
    /// Within the register.
    pub number: i64,
    /// Minor units.
    pub total: i64,
    /// Units by SKU.
    pub units: BTreeMap<String, i64>,
}

/// A reservation as the hub has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HubReservation {
    /// `held` ...
    pub state: String,
    /// The caller's number.
    pub reference: Option<String>,
}

const SALES: &str =
    "select receipt_number, register, number, total, document from sale order by version";
const ITEMS: &str = "select no, sku from item";
const ORDERS: &str = "select id, state, reservation from channel_order";
const RESERVATIONS: &str = "select id, state, reference from reservation";

/// Runs one statement on either engine.
macro_rules! fetch {
    ($database:expr, $sql:expr) => {
        match $database.strip_prefix("sqlite:") {
            Some(path) => {
                let mut conn = open(Path::new(path)).await?;
                let rows = sqlx::query_as($sql).fetch_all(&mut conn).await?;
                conn.close().await?;
                rows
            }
            None => {
                let mut conn = PgConnection::connect($database).await?;
                let rows = sqlx::query_as($sql).fetch_all(&mut conn).await?;
                conn.close().await?;
                rows
            }
        }
    };
}

/// All sales, in the order of their booking.
///
/// # Errors
/// When the database does not answer, or a document is not what it was.
pub async fn sales(database: &str) -> Result<Vec<HubSale>> {
    type Row = (String, String, i64, i64, String);
    let items: Vec<(i64, String)> = fetch!(database, ITEMS);
    let items: BTreeMap<i64, String> = items.into_iter().collect();
    let rows: Vec<Row> = fetch!(database, SALES);
    let sale = |(receipt, register, number, total, document): Row| {
        let document: Value = serde_json::from_str(&document)?;
        let mut units = BTreeMap::new();
        for line in document["lines"].as_array().context("a sale has lines")? {
            // [item, quantity, unit price, total]
            let item = line[0].as_i64().and_then(|no| items.get(&no));
            let item = item.with_context(|| format!("{receipt}: no item of {line}"))?;
            *units.entry(item.clone()).or_default() += line[1].as_i64().context("a quantity")?;
        }
        Ok(HubSale { receipt, register, number, total, units })
    };
    rows.into_iter().map(sale).collect()
}

/// All reservations by their ids, as the API spells these.
///
/// # Errors
/// When the database does not answer.
pub async fn reservations(database: &str) -> Result<BTreeMap<String, HubReservation>> {
    let rows: Vec<(String, String, Option<String>)> = fetch!(database, RESERVATIONS);
    let named = |(id, state, reference)| (id, HubReservation { state, reference });
    Ok(rows.into_iter().map(named).collect())
}

/// All orders of channels by the channel's ids: state, and the reservation of their units.
///
/// # Errors
/// When the database does not answer.
pub async fn orders(database: &str) -> Result<BTreeMap<String, (String, String)>> {
    let rows: Vec<(String, String, String)> = fetch!(database, ORDERS);
    Ok(rows.into_iter().map(|(id, state, claim)| (id, (state, claim))).collect())
}

/// Receipt numbers and totals (minor units) of an agent's journal.
///
/// # Errors
/// When the journal cannot be read.
pub async fn receipts(journal: &Path) -> Result<BTreeMap<String, i64>> {
    let mut conn = open(&journal.join("agent.sqlite")).await?;
    let rows: Vec<(String, String)> =
        sqlx::query_as("select receipt_number, sale from sale").fetch_all(&mut conn).await?;
    conn.close().await?;
    let mut receipts = BTreeMap::new();
    for (number, sale) in rows {
        let sale: Value = serde_json::from_str(&sale)?;
        let total = sale["total"]["minor"].as_i64().context("a sale has a total")?;
        receipts.insert(number, total);
    }
    Ok(receipts)
}

/// Every page of an agent's journal is sound.
///
/// # Errors
/// What SQLite finds.
pub async fn whole(journal: &Path) -> Result<()> {
    let mut conn = open(&journal.join("agent.sqlite")).await?;
    let found: Vec<String> =
        sqlx::query_scalar("pragma integrity_check").fetch_all(&mut conn).await?;
    conn.close().await?;
    if found != ["ok"] {
        bail!("the agent's journal is damaged: {}", found.join("; "));
    }
    Ok(())
}

/// Receipt numbers of a register run from 1 without a gap.
///
/// # Errors
/// Names the first that does not.
pub fn gapless<'a>(receipts: impl Iterator<Item = &'a String>) -> Result<()> {
    let mut numbers: BTreeMap<&str, Vec<i64>> = BTreeMap::new();
    for receipt in receipts {
        let (register, number) = receipt.rsplit_once('-').context("S01-R1-000001")?;
        numbers.entry(register).or_default().push(number.parse()?);
    }
    for (register, mut numbers) in numbers {
        numbers.sort_unstable();
        for (expected, number) in (1..).zip(&numbers) {
            if expected != *number {
                bail!("{register}: receipt {number} stands where {expected} should");
            }
        }
    }
    Ok(())
}

async fn open(file: &Path) -> Result<SqliteConnection> {
    let options = SqliteConnectOptions::new().filename(file).read_only(true);
    SqliteConnection::connect_with(&options).await.with_context(|| file.display().to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_gap_is_named() {
        let receipts = |numbers: &[u32]| -> Vec<String> {
            numbers.iter().map(|n| format!("S01-R1-{n:06}")).collect()
        };
        assert!(gapless(receipts(&[2, 1, 3]).iter()).is_ok());
        assert!(gapless(receipts(&[1, 3]).iter()).is_err());
        assert!(gapless(receipts(&[1, 1, 2]).iter()).is_err());
    }
}
