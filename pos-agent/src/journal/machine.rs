//! The machine's own rows: life, totals, the log of facts.
//!
//! Loads what [`Agent::load`](oneshelf_sync::agent::Agent::load) wants and stores its writes in
//! their order, inside the caller's transaction.

use std::collections::BTreeMap;

use oneshelf_domain::{CommandId, IncarnationId, Sku, Timestamp, limits};
use oneshelf_protocol::frame::{Answer, Applied, Body, Fact};
use oneshelf_sync::agent::{Entry, Life, Saved, Totals, Write};
use sqlx::{Connection, SqliteConnection};

use super::text::{from_json, parsed, to_json};
use super::{Fault, Writer, copy, sum};
use crate::clock;

/// The first life of this database begins when the database does.
pub(super) async fn begin_life(db: &mut SqliteConnection) -> Result<(), Fault> {
    let life = Life::begin(IncarnationId(clock::fresh()), None);
    sqlx::query("insert into life (one, life) values (1, ?) on conflict do nothing")
        .bind(to_json(&life)?)
        .execute(db)
        .await?;
    Ok(())
}

impl Writer {
    /// The machine as it was stored. Its share policy is set from the copy afterwards.
    pub(crate) async fn saved(&mut self) -> Result<Saved, Fault> {
        let life: String = sqlx::query_scalar("select life from life where one = 1")
            .fetch_one(&mut self.db)
            .await?;
        let rows: Vec<(String, i64, i64, i64, i64)> =
            sqlx::query_as("select sku, granted, brought, sold, returned from totals")
                .fetch_all(&mut self.db)
                .await?;
        let mut totals = BTreeMap::new();
        for (sku, granted, brought, sold, returned) in rows {
            totals.insert(parsed(&sku)?, Totals { granted, brought, sold, returned });
        }
        let copy = copy::place(&mut self.db).await?;
        Ok(Saved {
            life: from_json(&life)?,
            totals,
            unanswered: self.unanswered().await?,
            cursor: copy.cursor,
            applied: copy.applied,
            policy_default: 0,
            policy: BTreeMap::new(),
        })
    }

    /// Facts of all lives that the hub has not answered, oldest first.
    pub(crate) async fn unanswered(&mut self) -> Result<Vec<Entry>, Fault> {
        let rows: Vec<(String, i64, String)> = sqlx::query_as(
            "select incarnation, seq, id from log where answered_at is null order by n",
        )
        .fetch_all(&mut self.db)
        .await?;
        rows.into_iter()
            .map(|(incarnation, seq, id)| {
                Ok(Entry { incarnation: parsed(&incarnation)?, seq, id: parsed(&id)? })
            })
            .collect()
    }

    /// The stored text of a fact.
    ///
    /// # Errors
    /// [`Fault::DiskFailed`] when the disk changed it since: the next start says what to do.
    pub(crate) async fn fact_text(&mut self, id: CommandId) -> Result<Option<String>, Fault> {
        let row: Option<(String, Option<i64>)> =
            sqlx::query_as("select fact, sum from log where id = ?")
                .bind(id.to_string())
                .fetch_optional(&mut self.db)
                .await?;
        match row {
            Some((text, sum)) if !sum::fits(&text, sum) => {
                tracing::error!(%id, "a fact of the log is not what was stored");
                Err(Fault::DiskFailed)
            }
            row => Ok(row.map(|(text, _)| text)),
        }
    }

    /// Drops facts that were answered long ago and that the copy includes.
    pub(crate) async fn drop_old_facts(&mut self, now: Timestamp) -> Result<u64, Fault> {
        let mut tx = self.db.begin().await?;
        let done = sqlx::query(
            "delete from log where answered_at < ?
             and n <= coalesce((select applied_n from copy where one = 1), 0)",
        )
        .bind(now.plus_ms(-limits::KEEP_FACTS_MS).0)
        .execute(&mut *tx)
        .await?;
        tx.commit().await?;
        Ok(done.rows_affected())
    }
}

/// Stores one write of the machine.
pub(super) async fn store(
    db: &mut SqliteConnection,
    write: &Write,
    now: Timestamp,
) -> Result<(), Fault> {
    match write {
        Write::Life(life) => {
            sqlx::query("update life set life = ? where one = 1")
                .bind(to_json(life)?)
                .execute(db)
                .await?;
        }
        Write::Totals(sku, totals) => put_totals(db, sku, totals).await?,
        Write::TotalsCleared => {
            sqlx::query("delete from totals").execute(db).await?;
        }
        Write::Log(fact) => append(db, fact).await?,
        Write::Answered(id, answer) => answered(db, *id, answer, now).await?,
        Write::AllUnanswered => {
            sqlx::query("update log set answer = null, answered_at = null").execute(db).await?;
        }
        Write::Rows { whole, rows, cursor, applied } => {
            copy::store(db, *whole, rows, *cursor, *applied, now).await?;
        }
    }
    Ok(())
}

async fn put_totals(db: &mut SqliteConnection, sku: &Sku, t: &Totals) -> Result<(), Fault> {
    sqlx::query(
        "insert into totals (sku, granted, brought, sold, returned) values (?, ?, ?, ?, ?)
         on conflict (sku) do update set granted = excluded.granted, brought = excluded.brought,
         sold = excluded.sold, returned = excluded.returned",
    )
    .bind(sku.as_str())
    .bind(t.granted)
    .bind(t.brought)
    .bind(t.sold)
    .bind(t.returned)
    .execute(db)
    .await?;
    Ok(())
}

async fn append(db: &mut SqliteConnection, fact: &Fact) -> Result<(), Fault> {
    let text = to_json(fact)?;
    let sql = "insert into log (incarnation, seq, id, sum, fact) values (?, ?, ?, ?, ?)";
    let done = sqlx::query(sql)
        .bind(fact.incarnation.to_string())
        .bind(fact.seq)
        .bind(fact.command_id.to_string())
        .bind(sum::of(&text))
        .bind(text)
        .execute(&mut *db)
        .await?;
    name_items(db, done.last_insert_rowid(), &fact.body).await
}

/// Notes which items a fact names.
pub(super) async fn name_items(
    db: &mut SqliteConnection,
    n: i64,
    body: &Body,
) -> Result<(), Fault> {
    for sku in items_of(body) {
        sqlx::query("insert into log_item (sku, n) values (?, ?) on conflict do nothing")
            .bind(sku.as_str())
            .bind(n)
            .execute(&mut *db)
            .await?;
    }
    Ok(())
}

fn items_of(body: &Body) -> Vec<&Sku> {
    match body {
        Body::Sale { lines, .. } => lines.iter().map(|l| &l.sku).collect(),
        Body::In { sku, .. } | Body::Back { sku, .. } | Body::Count { sku, .. } => vec![sku],
        Body::Arrived { lines, .. } => lines.iter().map(|l| &l.sku).collect(),
        Body::Handover { lines, .. }
        | Body::Released { lines, .. }
        | Body::Sent { lines, .. }
        | Body::Close { left: lines } => lines.iter().map(|(sku, _)| sku).collect(),
    }
}

async fn answered(
    db: &mut SqliteConnection,
    id: CommandId,
    answer: &Answer,
    now: Timestamp,
) -> Result<(), Fault> {
    sqlx::query("update log set answer = ?, answered_at = ? where id = ?")
        .bind(to_json(answer)?)
        .bind(now.0)
        .bind(id.to_string())
        .execute(db)
        .await?;
    Ok(())
}

/// The last log row that `applied` covers; 0 when it covers none.
///
/// A life that this log lacks lost its facts with a disk. It came after all lives that are here
/// but the present one, so their facts are included.
pub(super) async fn covered(db: &mut SqliteConnection, applied: Applied) -> Result<i64, Fault> {
    let Some(incarnation) = applied.incarnation else { return Ok(0) };
    // Within a life both numbers grow together. This comes with every frame, and the log holds
    // weeks of sales: one look-up, never a walk over them.
    let sql = "select n from log where incarnation = ? and seq <= ? order by seq desc limit 1";
    let n: Option<i64> = sqlx::query_scalar(sql)
        .bind(incarnation.to_string())
        .bind(applied.seq)
        .fetch_optional(&mut *db)
        .await?;
    if let Some(n) = n {
        return Ok(n);
    }
    let life: String =
        sqlx::query_scalar("select life from life where one = 1").fetch_one(&mut *db).await?;
    let present = from_json::<Life>(&life)?.incarnation;
    if incarnation == present {
        return Ok(0);
    }
    let n: Option<i64> = sqlx::query_scalar("select max(n) from log where incarnation <> ?")
        .bind(present.to_string())
        .fetch_one(db)
        .await?;
    Ok(n.unwrap_or(0))
}

#[cfg(test)]
mod tests {
    use oneshelf_domain::stock::InSource;
    use uuid::Uuid;

    use super::*;

    fn life(n: u128) -> IncarnationId {
        IncarnationId(Uuid::from_u128(n))
    }

    fn fact(of: u128, seq: i64) -> Write {
        let body = Body::In {
            sku: Sku::new("MUG").unwrap(),
            quantity: 1,
            to_share: false,
            source: InSource::Customer,
        };
        Write::Log(Box::new(Fact {
            command_id: CommandId(Uuid::now_v7()),
            incarnation: life(of),
            seq,
            prev_id: None,
            granted: vec![],
            occurred_at: Timestamp(1),
            body,
        }))
    }

    #[tokio::test]
    async fn a_life_that_the_log_lacks_covers_all_before_the_present_one() {
        let data = std::env::temp_dir().join(format!("agent-covered-{}", Uuid::new_v4()));
        std::fs::create_dir_all(&data).unwrap();
        let (mut writer, reads) = super::super::open(&data).await.unwrap();
        let present = Write::Life(Life::begin(life(3), Some(life(2))));
        let log = [fact(1, 1), fact(1, 2), fact(2, 1), fact(2, 2), present, fact(3, 1)];
        writer.store(&log, &[], Timestamp(1)).await.unwrap();
        let mut covers = async |of: Option<u128>, seq| {
            let applied = Applied { incarnation: of.map(life), seq };
            covered(&mut writer.db, applied).await.unwrap()
        };
        assert_eq!(covers(None, 0).await, 0);
        assert_eq!(covers(Some(1), 1).await, 1);
        assert_eq!(covers(Some(2), 1).await, 3);
        assert_eq!(covers(Some(3), 1).await, 5);
        assert_eq!(covers(Some(3), 0).await, 0, "the present one, before its first fact");
        assert_eq!(covers(Some(9), 4).await, 4, "lost with a disk");
        reads.close().await;
        writer.close().await.unwrap();
        std::fs::remove_dir_all(&data).unwrap();
    }
}
