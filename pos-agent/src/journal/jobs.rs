//! Print jobs, and the pause of the printer.
//!
//! A job has one row for its whole life: a second sending keeps its id and is marked as a copy.

use oneshelf_domain::{PrintJobId, RegisterCode, StaffCode, Timestamp};
use oneshelf_hardware::printer::Receipt;
use sqlx::SqliteConnection;

use super::read::{rows_at_most, sql};
use super::text::{from_json, parsed};
use super::{Fault, Reads, Writer};

/// What a job prints.
#[derive(Debug, Clone)]
pub(crate) enum JobKind {
    /// Of a sale, as it was made with the sale.
    Receipt { number: String, receipt: Box<Receipt> },
    /// What the printer can do.
    TestPage,
}

/// Something to print.
#[derive(Debug)]
pub(crate) struct NewJob {
    pub id: PrintJobId,
    pub register: RegisterCode,
    /// Of a sale that is kept, or is in the same transaction. None: the test page.
    pub receipt_number: Option<String>,
    /// Marked, as it was printed before.
    pub copy: bool,
    pub at: Timestamp,
}

/// A job went on.
#[derive(Debug)]
pub(crate) struct JobChange {
    pub id: PrintJobId,
    pub state: &'static str,
    /// Why, as a stable code.
    pub error: Option<String>,
    /// "It did not come out": from now on it is marked.
    pub copy: bool,
    pub at: Timestamp,
}

/// A print job as kept.
#[derive(Debug, Clone)]
pub(crate) struct JobRow {
    pub id: PrintJobId,
    pub kind: JobKind,
    pub register: RegisterCode,
    pub state: String,
    pub copy: bool,
    pub error: Option<String>,
    pub made_at: Timestamp,
    /// When it came into its state.
    pub changed_at: Timestamp,
}

/// Which print jobs are wanted.
#[derive(Debug)]
pub(crate) enum Asked<'a> {
    /// The oldest that waits for the printer.
    Next,
    /// One.
    Id(PrintJobId),
    /// Those of a register that somebody must answer for.
    Unanswered(&'a RegisterCode),
    /// The newest of a register.
    Newest(&'a RegisterCode, usize),
    /// The newest of the store.
    All(usize),
}

/// How the printer's queue is.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Spool {
    /// Jobs that wait or are being sent.
    pub waiting: i64,
    /// The oldest of them was made then.
    pub oldest: Option<Timestamp>,
    /// Jobs that nobody knows the fate of.
    pub asked: i64,
    /// Who paused it, and when.
    pub paused: Option<(String, Timestamp)>,
    /// When a job was confirmed last.
    pub confirmed: Option<Timestamp>,
}

type Columns =
    (String, Option<String>, String, String, i64, Option<String>, Option<String>, i64, i64);

/// Columns of a print job with the receipt of its sale.
const JOB: &str = "select j.id, j.receipt_number, j.register, j.state, j.copy, s.receipt, j.error,
     j.made_at, j.changed_at
     from print_job j left join sale s on s.receipt_number = j.receipt_number";

fn job(row: Columns) -> Result<JobRow, Fault> {
    let (id, number, register, state, copy, receipt, error, made_at, changed_at) = row;
    let copy = copy != 0;
    let kind = match (number, receipt) {
        (Some(number), Some(receipt)) => {
            let mut receipt: Receipt = from_json(&receipt)?;
            receipt.copy = copy;
            JobKind::Receipt { number, receipt: Box::new(receipt) }
        }
        _ => JobKind::TestPage,
    };
    let (id, register) = (parsed(&id)?, parsed(&register)?);
    let (made_at, changed_at) = (Timestamp(made_at), Timestamp(changed_at));
    Ok(JobRow { id, kind, register, state, copy, error, made_at, changed_at })
}

impl Reads {
    /// Print jobs.
    pub(crate) async fn jobs(&self, asked: Asked<'_>) -> Result<Vec<JobRow>, Fault> {
        let rows: Vec<Columns> = match asked {
            Asked::Next => {
                sqlx::query_as(sql(&[JOB, "where j.state = 'queued' order by j.n limit 1"]))
                    .fetch_all(&self.pool)
                    .await?
            }
            Asked::Id(id) => {
                sqlx::query_as(sql(&[JOB, "where j.id = ?"]))
                    .bind(id.to_string())
                    .fetch_all(&self.pool)
                    .await?
            }
            Asked::Unanswered(register) => {
                let own =
                    "where j.state = 'unknown' and j.register = ? order by j.n desc limit 100";
                sqlx::query_as(sql(&[JOB, own]))
                    .bind(register.as_str())
                    .fetch_all(&self.pool)
                    .await?
            }
            Asked::Newest(register, limit) => {
                sqlx::query_as(sql(&[JOB, "where j.register = ? order by j.n desc limit ?"]))
                    .bind(register.as_str())
                    .bind(rows_at_most(limit))
                    .fetch_all(&self.pool)
                    .await?
            }
            Asked::All(limit) => {
                sqlx::query_as(sql(&[JOB, "order by j.n desc limit ?"]))
                    .bind(rows_at_most(limit))
                    .fetch_all(&self.pool)
                    .await?
            }
        };
        rows.into_iter().map(job).collect()
    }

    /// How the queue is.
    pub(crate) async fn spool(&self) -> Result<Spool, Fault> {
        let (waiting, oldest, asked, confirmed): (i64, Option<i64>, i64, Option<i64>) =
            sqlx::query_as(
                "select (select count(*) from print_job where state in ('queued', 'sending')),
                 (select min(made_at) from print_job where state in ('queued', 'sending')),
                 (select count(*) from print_job where state = 'unknown'),
                 (select changed_at from print_job where state = 'confirmed'
                  order by n desc limit 1)",
            )
            .fetch_one(&self.pool)
            .await?;
        let paused: Option<(String, i64)> =
            sqlx::query_as("select staff, at from printer_pause where one = 1")
                .fetch_optional(&self.pool)
                .await?;
        Ok(Spool {
            waiting,
            oldest: oldest.map(Timestamp),
            asked,
            paused: paused.map(|(staff, at)| (staff, Timestamp(at))),
            confirmed: confirmed.map(Timestamp),
        })
    }
}

impl Writer {
    /// Jobs that were being sent when the program ended: nobody knows whether they came out.
    pub(crate) async fn doubt_jobs(&mut self, now: Timestamp) -> Result<(), Fault> {
        sqlx::query(
            "update print_job set state = 'unknown', error = 'restarted', changed_at = ?
             where state = 'sending'",
        )
        .bind(now.0)
        .execute(&mut self.db)
        .await?;
        Ok(())
    }
}

pub(super) async fn add(db: &mut SqliteConnection, new: &NewJob) -> Result<(), Fault> {
    sqlx::query(
        "insert into print_job
         (id, kind, receipt_number, register, state, copy, made_at, changed_at)
         values (?, ?, ?, ?, 'queued', ?, ?, ?)",
    )
    .bind(new.id.to_string())
    .bind(if new.receipt_number.is_some() { "receipt" } else { "test_page" })
    .bind(&new.receipt_number)
    .bind(new.register.as_str())
    .bind(i64::from(new.copy))
    .bind(new.at.0)
    .bind(new.at.0)
    .execute(db)
    .await?;
    Ok(())
}

pub(super) async fn change(db: &mut SqliteConnection, new: &JobChange) -> Result<(), Fault> {
    sqlx::query(
        "update print_job set state = ?, error = ?, copy = max(copy, ?), changed_at = ?
         where id = ?",
    )
    .bind(new.state)
    .bind(&new.error)
    .bind(i64::from(new.copy))
    .bind(new.at.0)
    .bind(new.id.to_string())
    .execute(db)
    .await?;
    Ok(())
}

pub(super) async fn pause(
    db: &mut SqliteConnection,
    by: Option<&StaffCode>,
    at: Timestamp,
) -> Result<(), Fault> {
    let Some(by) = by else {
        sqlx::query("delete from printer_pause").execute(db).await?;
        return Ok(());
    };
    sqlx::query(
        "insert into printer_pause (one, at, staff) values (1, ?, ?) on conflict do nothing",
    )
    .bind(at.0)
    .bind(by.as_str())
    .execute(db)
    .await?;
    Ok(())
}
