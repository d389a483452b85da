//! The journal of a store that sold without a line: facts as its agent's machine makes them.
//!
//! It writes what the agent would have written in these days, in one transaction; the agent itself
//! must not run meanwhile. Invariant: seq, predecessor and receipt numbers go on where they were.

use std::path::Path;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use anyhow::{Context, Result};
use oneshelf_domain::{
    CommandId, Currency, LineId, Money, Quantity, SaleId, Sku, TicketId, Timestamp,
};
use oneshelf_protocol::frame::{Sale, SoldLine, Tender};
use oneshelf_sync::agent::{Agent, Life, Saved, Write};
use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{Connection, SqliteConnection};
use uuid::Uuid;

use crate::chaos::world::{Item, STORE};

/// See the module.
pub struct Journal {
    db: SqliteConnection,
    written: usize,
    began: Timestamp,
    /// Between two sales, microseconds.
    pace: i64,
}

impl Journal {
    /// Of an agent that has joined and does not run; so many sales in so many days up to now.
    ///
    /// # Errors
    /// When its database cannot be opened.
    pub async fn open(folder: &Path, sales: usize, days: u32) -> Result<Self> {
        let file = folder.join("agent.sqlite");
        let options = SqliteConnectOptions::new().filename(&file).foreign_keys(true);
        let db = SqliteConnection::connect_with(&options).await?;
        let span = Duration::from_secs(24 * 60 * 60) * days;
        let now = SystemTime::now().duration_since(UNIX_EPOCH)?;
        let began = Timestamp(i64::try_from((now - span).as_micros())?);
        let pace = i64::try_from(span.as_micros())? / i64::try_from(sales.max(1))?;
        Ok(Self { db, written: 0, began, pace })
    }

    /// The next sales, one unit each.
    ///
    /// # Errors
    /// When the database refuses.
    pub async fn write(&mut self, items: &[Item], sales: usize) -> Result<()> {
        let life: String = sqlx::query_scalar("select life from life where one = 1")
            .fetch_one(&mut self.db)
            .await?;
        let mut agent = Agent::load(Saved {
            life: serde_json::from_str(&life)?,
            totals: std::collections::BTreeMap::new(),
            unanswered: vec![],
            cursor: oneshelf_protocol::frame::Cursor::default(),
            applied: oneshelf_protocol::frame::Applied::default(),
            policy_default: 0,
            policy: std::collections::BTreeMap::new(),
        });
        let mut tx = self.db.begin().await?;
        let mut last: Option<Life> = None;
        for item in items.iter().cycle().take(sales) {
            self.written += 1;
            let number = i64::try_from(self.written)?;
            let at = Timestamp(self.began.0 + self.pace * number);
            let (sku, sale) = receipt(item, number)?;
            let id = CommandId(sale.id.0);
            let sold = agent.sell(id, TicketId(Uuid::now_v7()), &[(sku, 1)], sale, at);
            for write in sold.step.writes {
                match write {
                    Write::Life(life) => last = Some(life),
                    Write::Log(fact) => {
                        let sql =
                            "insert into log (incarnation, seq, id, fact) values (?, ?, ?, ?)";
                        let done = sqlx::query(sql)
                            .bind(fact.incarnation.to_string())
                            .bind(fact.seq)
                            .bind(fact.command_id.to_string())
                            .bind(serde_json::to_string(&fact)?)
                            .execute(&mut *tx)
                            .await?;
                        sqlx::query("insert into log_item (sku, n) values (?, ?)")
                            .bind(&item.sku)
                            .bind(done.last_insert_rowid())
                            .execute(&mut *tx)
                            .await?;
                    }
                    // Nothing of it was the store's share.
                    _ => {}
                }
            }
        }
        if let Some(life) = last {
            sqlx::query("update life set life = ? where one = 1")
                .bind(serde_json::to_string(&life)?)
                .execute(&mut *tx)
                .await?;
        }
        tx.commit().await?;
        Ok(())
    }

    /// The hub's word on all of them is lost.
    ///
    /// # Errors
    /// When the database refuses.
    pub async fn forget_answers(&mut self) -> Result<()> {
        let sql = "update log set answer = null, answered_at = null";
        sqlx::query(sql).execute(&mut self.db).await?;
        Ok(())
    }

    /// Leaves it to the agent.
    ///
    /// # Errors
    /// When the database does not close.
    pub async fn close(self) -> Result<()> {
        Ok(self.db.close().await?)
    }
}

fn receipt(item: &Item, number: i64) -> Result<(Sku, Sale)> {
    let sku: Sku = item.sku.parse().ok().context("an item has a SKU")?;
    let currency = Currency::new("EUR")?;
    let euro = |minor| Money { minor, currency };
    let sale = Sale {
        id: SaleId(Uuid::now_v7()),
        receipt_number: format!("{STORE}-R1-{number:06}"),
        register: format!("{STORE}-R1"),
        number,
        cashier: "Ana (ana)".to_owned(),
        total: euro(item.price),
        change: euro(0),
        tenders: vec![Tender { kind: "cash".to_owned(), given: euro(item.price) }],
        lines: vec![SoldLine {
            id: LineId(Uuid::now_v7()),
            sku: sku.clone(),
            name: "Item".to_owned(),
            quantity: Quantity::ONE,
            unit_price: euro(item.price),
            total: euro(item.price),
            tax: "standard".to_owned(),
            components: vec![],
        }],
        approval: None,
    };
    Ok((sku, sale))
}
