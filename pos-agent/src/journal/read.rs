//! What the pages and the rules read: items, figures, tickets, sales.
//!
//! Only committed rows, from connections that cannot write.

use std::collections::BTreeMap;

use oneshelf_domain::item::Item;
use oneshelf_domain::record::Record;
use oneshelf_domain::ticket::Ticket;
use oneshelf_domain::{Money, RegisterCode, ReservationId, Sku, StaffCode, Timestamp};
use oneshelf_protocol::replica::Row;

use super::text::{from_json, parsed, to_json};
use super::{Fault, Reads};
use crate::register::CashSession;
use crate::register::sale::PaidSale;

/// A sale as kept.
#[derive(Debug)]
pub(crate) struct SaleRow {
    pub sale: PaidSale,
    pub fingerprint: String,
    /// State of its last print job; none without one.
    pub print: Option<String>,
}

type SaleColumns = (String, String, Option<String>);

fn sale(row: SaleColumns) -> Result<SaleRow, Fault> {
    let (sale, fingerprint, print) = row;
    Ok(SaleRow { sale: from_json(&sale)?, fingerprint, print })
}

/// Columns of a sale with the state of its last print job.
const SALE: &str = "select s.sale, s.fingerprint,
     (select j.state from print_job j where j.receipt_number = s.receipt_number
      order by j.n desc limit 1) from sale s";

pub(super) fn sql(parts: &[&str]) -> sqlx::AssertSqlSafe<String> {
    // Constants of the journal's files alone.
    sqlx::AssertSqlSafe(parts.join(" "))
}

pub(super) fn rows_at_most(limit: usize) -> i64 {
    i64::try_from(limit).unwrap_or(i64::MAX)
}

impl Reads {
    /// Settings and rights of the copy.
    pub(crate) async fn records(&self) -> Result<Vec<Record>, Fault> {
        let rows: Vec<String> =
            sqlx::query_scalar("select record from record").fetch_all(&self.pool).await?;
        rows.iter().map(|row| from_json(row)).collect()
    }

    /// When the copy was made.
    pub(crate) async fn copied_at(&self) -> Result<Option<Timestamp>, Fault> {
        let at: Option<i64> = sqlx::query_scalar("select copied_at from copy where one = 1")
            .fetch_optional(&self.pool)
            .await?;
        Ok(at.map(Timestamp))
    }

    /// SKUs by the hub's numbers.
    pub(crate) async fn skus_of(&self, numbers: &[i64]) -> Result<BTreeMap<i64, Sku>, Fault> {
        let sql = "select no, sku from item where no in (select value from json_each(?))";
        let rows: Vec<(i64, String)> =
            sqlx::query_as(sql).bind(to_json(&numbers)?).fetch_all(&self.pool).await?;
        rows.into_iter().map(|(no, sku)| Ok((no, parsed(&sku)?))).collect()
    }

    /// One item.
    pub(crate) async fn item(&self, sku: &str) -> Result<Option<Item>, Fault> {
        let row: Option<String> = sqlx::query_scalar("select item from item where sku = ?")
            .bind(sku)
            .fetch_optional(&self.pool)
            .await?;
        row.map(|row| from_json(&row)).transpose()
    }

    /// The item with this code: exactly, else as the same number padded otherwise.
    pub(crate) async fn item_by_code(
        &self,
        code: &str,
        gtin: Option<&str>,
    ) -> Result<Option<Item>, Fault> {
        let exact = "select item.item from barcode join item on item.no = barcode.no
             where barcode.code = ?";
        let same = "select item.item from barcode join item on item.no = barcode.no
             where barcode.gtin = ? order by barcode.code limit 1";
        let mut row: Option<String> =
            sqlx::query_scalar(exact).bind(code).fetch_optional(&self.pool).await?;
        if let (None, Some(gtin)) = (&row, gtin) {
            row = sqlx::query_scalar(same).bind(gtin).fetch_optional(&self.pool).await?;
        }
        row.map(|row| from_json(&row)).transpose()
    }

    /// What other stores may promise of an item.
    pub(crate) async fn elsewhere(&self, sku: &Sku) -> Result<Vec<(String, i64)>, Fault> {
        let row: Option<String> = sqlx::query_scalar("select figures from elsewhere where sku = ?")
            .bind(sku.as_str())
            .fetch_optional(&self.pool)
            .await?;
        row.map_or(Ok(vec![]), |row| from_json(&row))
    }

    /// A reservation as the copy has it.
    pub(crate) async fn reservation(&self, id: ReservationId) -> Result<Option<Row>, Fault> {
        let row: Option<String> =
            sqlx::query_scalar("select reservation from reservation where id = ?")
                .bind(id.to_string())
                .fetch_optional(&self.pool)
                .await?;
        row.map(|row| from_json(&row)).transpose()
    }

    /// Open tickets.
    pub(crate) async fn tickets(&self) -> Result<BTreeMap<RegisterCode, Ticket>, Fault> {
        let rows: Vec<(String, String)> =
            sqlx::query_as("select register, ticket from ticket").fetch_all(&self.pool).await?;
        rows.iter().map(|(register, t)| Ok((parsed(register)?, from_json(t)?))).collect()
    }

    /// Open cash sessions.
    pub(crate) async fn cash_sessions(&self) -> Result<BTreeMap<RegisterCode, CashSession>, Fault> {
        let rows: Vec<(String, String, i64, String, i64, String)> = sqlx::query_as(
            "select id, register, opened_at, opened_by, float_minor, currency
             from cash_session where closed_at is null",
        )
        .fetch_all(&self.pool)
        .await?;
        let mut sessions = BTreeMap::new();
        for (id, register, opened_at, opened_by, minor, currency) in rows {
            let register: RegisterCode = parsed(&register)?;
            let currency =
                oneshelf_domain::Currency::new(&currency).map_err(|e| Fault::Row(e.to_string()))?;
            let session = CashSession {
                id: parsed(&id)?,
                register: register.clone(),
                opened_at: Timestamp(opened_at),
                opened_by: parsed::<StaffCode>(&opened_by)?,
                opening_float: Money { minor, currency },
            };
            sessions.insert(register, session);
        }
        Ok(sessions)
    }

    /// The sale that a pay key made.
    pub(crate) async fn sale_by_key(&self, key: &str) -> Result<Option<SaleRow>, Fault> {
        let row: Option<SaleColumns> = sqlx::query_as(sql(&[SALE, "where s.pay_key = ?"]))
            .bind(key)
            .fetch_optional(&self.pool)
            .await?;
        row.map(sale).transpose()
    }

    /// The sale with a receipt number.
    pub(crate) async fn sale(&self, receipt_number: &str) -> Result<Option<SaleRow>, Fault> {
        let row: Option<SaleColumns> = sqlx::query_as(sql(&[SALE, "where s.receipt_number = ?"]))
            .bind(receipt_number)
            .fetch_optional(&self.pool)
            .await?;
        row.map(sale).transpose()
    }

    /// The newest sales of the store.
    pub(crate) async fn sales(&self, limit: usize) -> Result<Vec<SaleRow>, Fault> {
        let rows: Vec<SaleColumns> =
            sqlx::query_as(sql(&[SALE, "order by s.paid_at desc, s.receipt_number desc limit ?"]))
                .bind(rows_at_most(limit))
                .fetch_all(&self.pool)
                .await?;
        rows.into_iter().map(sale).collect()
    }

    /// Failed tries of a PIN, and until when it is locked.
    pub(crate) async fn tries(&self, who: &str) -> Result<(i64, Timestamp), Fault> {
        let row: Option<(i64, i64)> =
            sqlx::query_as("select failures, locked_until from sign_in where who = ?")
                .bind(who)
                .fetch_optional(&self.pool)
                .await?;
        let (failures, until) = row.unwrap_or((0, 0));
        Ok((failures, Timestamp(until)))
    }

    /// The stored text of facts that the hub has not answered, after a place in the log.
    pub(crate) async fn unsent(&self, after: i64) -> Result<Vec<(i64, String)>, Fault> {
        let rows = sqlx::query_as(
            "select n, fact from log where answered_at is null and n > ? order by n limit 500",
        )
        .bind(after)
        .fetch_all(&self.pool)
        .await?;
        Ok(rows)
    }
}
