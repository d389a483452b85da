//! Facts out of a journal, whatever state it is in: in order, as they were stored, past rows that
//! cannot be read; and into another one.
//!
//! A fact that is missing between two others would hold up all behind it for ever, since the hub
//! books them in their order. Its place is filled by one that says nothing: the hub keeps that as a
//! fact that needs a look. Invariant: a fact's text is never encoded again.

use std::collections::BTreeMap;
use std::path::Path;

use oneshelf_domain::RegisterCode;
use oneshelf_protocol::frame::{Body, Fact};
use serde::Deserialize;
use serde_json::json;
use sqlx::{ConnectOptions, SqliteConnection};

use super::{FILE, Fault, beside, machine, options, past, sum};
use crate::clock;

/// Rows that are read at once.
const PAGE: i64 = 500;
/// Rows behind one another that cannot be read: then there is nothing behind them.
const LOST_MAX: i64 = 2_000;
/// Facts that may be missing behind one another; a larger hole is a number that was garbled.
const HOLE_MAX: i64 = 10_000;

/// What of a fact is needed to keep it in its place.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub(crate) struct Head {
    pub command_id: String,
    pub incarnation: String,
    pub seq: i64,
    pub prev_id: Option<String>,
}

/// A fact of a log.
#[derive(Debug, Clone)]
pub(crate) struct Found {
    pub head: Head,
    pub text: String,
    pub answered: bool,
}

impl Found {
    /// Reads one as it was exported.
    pub(crate) fn read(text: String, answered: bool) -> Result<Self, Fault> {
        Ok(Self { head: serde_json::from_str(&text)?, text, answered })
    }
}

/// A row of the log.
#[derive(Debug, sqlx::FromRow)]
struct Stored {
    n: i64,
    fact: String,
    sum: Option<i64>,
    answered: bool,
}

/// Walks a log that may be damaged.
#[derive(Debug)]
pub(crate) struct Walk {
    db: SqliteConnection,
    /// Its facts have sums.
    sums: bool,
    after: i64,
    /// Rows that could not be read.
    pub lost: u64,
}

impl Walk {
    /// Opens a journal to read what can be read of it.
    pub(crate) async fn open(data: &Path) -> Result<Self, Fault> {
        let mut options = options(data).read_only(true);
        let log = beside(&data.join(FILE), "-wal").exists();
        if !log && nix::unistd::access(data, nix::unistd::AccessFlags::W_OK).is_err() {
            // Beside a journal on a disk that takes nothing no file can be made.
            options = options.immutable(true);
        }
        let mut db = options.connect().await?;
        let sums = match sum::are_there(&mut db).await {
            Err(error) if !is_damage(&error) => return Err(error.into()),
            there => there.unwrap_or(false),
        };
        Ok(Self { db, sums, after: 0, lost: 0 })
    }

    /// The connection, to look at other rows.
    pub(crate) fn db(&mut self) -> &mut SqliteConnection {
        &mut self.db
    }

    /// The next facts; none at the end.
    pub(crate) async fn next(&mut self) -> Result<Vec<Found>, Fault> {
        loop {
            let rows = self.rows().await?;
            let Some(last) = rows.last() else { return Ok(vec![]) };
            self.after = last.n;
            let read = rows.len();
            let found: Vec<Found> = rows
                .into_iter()
                .filter(|row| sum::fits(&row.fact, row.sum))
                .filter_map(|row| Found::read(row.fact, row.answered).ok())
                .collect();
            self.lost += (read - found.len()) as u64;
            if !found.is_empty() {
                return Ok(found);
            }
        }
    }

    async fn rows(&mut self) -> Result<Vec<Stored>, Fault> {
        let sql = match self.sums {
            true => {
                "select n, fact, sum, answered_at is not null answered from log
                 where n > ? order by n limit ?"
            }
            false => {
                "select n, fact, null sum, answered_at is not null answered from log
                 where n > ? order by n limit ?"
            }
        };
        let page: Result<Vec<Stored>, _> =
            sqlx::query_as(sql).bind(self.after).bind(PAGE).fetch_all(&mut self.db).await;
        match page {
            Ok(rows) => Ok(rows),
            Err(error) if self.lost == 0 && !is_damage(&error) => Err(error.into()),
            Err(_) => Ok(self.one_by_one().await),
        }
    }

    /// Over the pages that cannot be read: each row by its own.
    async fn one_by_one(&mut self) -> Vec<Stored> {
        let sql = match self.sums {
            true => {
                "select n, fact, sum, answered_at is not null answered
                 from log not indexed where n = ?"
            }
            false => {
                "select n, fact, null sum, answered_at is not null answered
                 from log not indexed where n = ?"
            }
        };
        let (mut rows, mut missing) = (vec![], 0);
        let mut n = self.after;
        while missing < LOST_MAX && rows.len() < 50 {
            n += 1;
            match sqlx::query_as(sql).bind(n).fetch_optional(&mut self.db).await {
                Ok(Some(row)) => {
                    rows.push(row);
                    missing = 0;
                }
                Ok(None) => missing += 1,
                Err(_) => {
                    self.lost += 1;
                    missing += 1;
                }
            }
        }
        rows
    }
}

/// The file is not what it should be; any other error is of this moment.
fn is_damage(error: &sqlx::Error) -> bool {
    let code = error.as_database_error().and_then(|e| e.code());
    let code = code.and_then(|code| code.parse::<i64>().ok()).map(|code| code & 0xff);
    // Damaged, no database, or text that is none.
    matches!(code, Some(11 | 26)) || matches!(error, sqlx::Error::ColumnDecode { .. })
}

/// What came into a log.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct TakenIn {
    /// Facts that were not there.
    pub facts: u64,
    /// Places that were filled, of facts that nobody can read any more.
    pub filled: u64,
}

/// Puts facts into a log, where they are not there yet, to be told to the hub.
#[derive(Debug, Default)]
pub(crate) struct TakeIn {
    /// The last fact of each life, as far as this log has it.
    last: BTreeMap<String, (i64, String)>,
    pub done: TakenIn,
}

impl TakeIn {
    pub(crate) async fn put(
        &mut self,
        db: &mut SqliteConnection,
        found: &Found,
    ) -> Result<(), Fault> {
        let head = &found.head;
        let last = match self.last.get(&head.incarnation) {
            Some(last) => Some(last.clone()),
            None => last_of(db, &head.incarnation).await?,
        };
        let known: i64 = sqlx::query_scalar("select exists (select 1 from log where id = ?)")
            .bind(&head.command_id)
            .fetch_one(&mut *db)
            .await?;
        if known == 0 {
            if let Some((seq, id)) = &last {
                self.fill(db, head, *seq, id).await?;
            }
            insert(db, head, &found.text).await?;
            self.done.facts += 1;
        }
        let newest = last.filter(|(seq, _)| *seq > head.seq);
        let newest = newest.unwrap_or((head.seq, head.command_id.clone()));
        self.last.insert(head.incarnation.clone(), newest);
        Ok(())
    }

    /// Fills the places between the last fact and this one.
    async fn fill(
        &mut self,
        db: &mut SqliteConnection,
        next: &Head,
        last: i64,
        id: &str,
    ) -> Result<(), Fault> {
        if next.seq - last > HOLE_MAX {
            return Err(Fault::Row(format!(
                "fact {} says that it is number {} of its log, which ends at {last}",
                next.command_id, next.seq
            )));
        }
        let mut before = id.to_owned();
        for seq in last + 1..next.seq {
            let named = next.prev_id.clone().filter(|_| seq + 1 == next.seq);
            let own =
                named.unwrap_or_else(|| oneshelf_domain::CommandId(clock::fresh()).to_string());
            let text = json!({
                "command_id": own, "incarnation": next.incarnation, "seq": seq,
                "prev_id": before, "granted": [], "occurred_at": clock::now(),
                "body": {"body": "lost"},
            });
            let head: Head = serde_json::from_value(text.clone())?;
            insert(db, &head, &text.to_string()).await?;
            self.done.filled += 1;
            before = own;
        }
        Ok(())
    }
}

async fn last_of(
    db: &mut SqliteConnection,
    incarnation: &str,
) -> Result<Option<(i64, String)>, Fault> {
    let sql = "select seq, id from log where incarnation = ? order by seq desc limit 1";
    Ok(sqlx::query_as(sql).bind(incarnation).fetch_optional(db).await?)
}

async fn insert(db: &mut SqliteConnection, head: &Head, text: &str) -> Result<(), Fault> {
    // Its place has another fact when a life was lived twice; the text keeps its own number.
    let sql = "insert into log (incarnation, seq, id, fact, sum) values (?1,
               case when exists (select 1 from log where incarnation = ?1 and seq = ?2)
               then (select min(min(seq), 0) - 1 from log where incarnation = ?1) else ?2 end,
               ?3, ?4, ?5)";
    let done = sqlx::query(sql)
        .bind(&head.incarnation)
        .bind(head.seq)
        .bind(&head.command_id)
        .bind(text)
        .bind(sum::of(text))
        .execute(&mut *db)
        .await?;
    // What this build cannot read in it, it cannot show; the hub is told the text.
    let Ok(fact) = serde_json::from_str::<Fact>(text) else { return Ok(()) };
    machine::name_items(db, done.last_insert_rowid(), &fact.body).await?;
    if let Body::Sale { sale, .. } = &fact.body
        && let Some((_, code)) = sale.register.rsplit_once('-')
        && let Ok(register) = code.parse::<RegisterCode>()
    {
        past::raise(db, &register, sale.number).await?;
    }
    Ok(())
}
