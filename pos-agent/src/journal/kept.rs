//! The registers' rows, and the one transaction of a step: the machine's writes and these.

use oneshelf_domain::money::Money;
use oneshelf_domain::ticket::Ticket;
use oneshelf_domain::{CashSessionId, IncarnationId, RegisterCode, StaffCode, Timestamp};
use oneshelf_hardware::printer::Receipt;
use oneshelf_sync::agent::Write;
use sqlx::{Connection, SqliteConnection};

use super::jobs::{self, JobChange, NewJob};
use super::past::{self, PastKind};
use super::text::to_json;
use super::{Fault, Writer, machine, set_up};
use crate::register::sale::PaidSale;
use crate::register::{Affixes, CashSession};

/// A sale to keep; its receipt number is the register's next.
#[derive(Debug)]
pub(crate) struct NewSale {
    pub sale: PaidSale,
    pub pay_key: Option<String>,
    pub fingerprint: String,
    /// As it is printed, now and whenever it is asked for again.
    pub receipt: Receipt,
}

/// What somebody did.
#[derive(Debug)]
pub(crate) struct NewDeed {
    pub register: RegisterCode,
    pub staff: StaffCode,
    pub kind: &'static str,
    pub detail: String,
}

/// A row of a register to keep. All of one act are stored in one transaction.
#[derive(Debug)]
pub(crate) enum Keep {
    /// A ticket with lines.
    Ticket(RegisterCode, Ticket),
    /// Paid or voided.
    TicketGone(RegisterCode),
    /// A float was counted.
    CashSession(CashSession),
    /// A ticket was paid.
    Sale(Box<NewSale>),
    /// A receipt or a test page waits for the printer.
    PrintJob(NewJob),
    /// A print job went on.
    Job(JobChange),
    /// The printer is paused, or goes on.
    PrinterPaused { by: Option<StaffCode>, at: Timestamp },
    /// A register's only display, with the hash of its token.
    Display { register: RegisterCode, token_hash: String, by: StaffCode, at: Timestamp },
    /// No display of this register any more.
    DisplayGone(RegisterCode),
    /// What a scanner puts around codes.
    ScannerAffixes { affixes: Affixes, by: StaffCode, at: Timestamp },
    /// For the books.
    Deed(NewDeed, Timestamp),
    /// This database was lived twice: what the other one did since is not known here.
    Forked(IncarnationId, Timestamp),
    /// The same was done elsewhere, or since the backup that it was put back to: this life waits.
    HeldBack(IncarnationId, Timestamp),
    /// Tries of a PIN.
    Tries { who: String, failures: i64, locked_until: Timestamp },
}

impl Keep {
    /// Whether it changes the printer's queue.
    pub(crate) fn is_of_the_printer(&self) -> bool {
        matches!(self, Keep::PrintJob(_) | Keep::Job(_) | Keep::PrinterPaused { .. })
    }
}

impl Writer {
    /// Stores all of it, or nothing.
    pub(crate) async fn store(
        &mut self,
        writes: &[Write],
        keeps: &[Keep],
        now: Timestamp,
    ) -> Result<(), Fault> {
        if writes.is_empty() && keeps.is_empty() {
            return Ok(());
        }
        let mut tx = self.db.begin().await?;
        for write in writes {
            machine::store(&mut tx, write, now).await?;
        }
        for keep in keeps {
            keep_one(&mut tx, keep).await?;
        }
        tx.commit().await?;
        Ok(())
    }

    /// The number of a register's last receipt.
    pub(crate) async fn last_number(&mut self, register: &RegisterCode) -> Result<i64, Fault> {
        let last: Option<i64> = sqlx::query_scalar("select last from counter where register = ?")
            .bind(register.as_str())
            .fetch_optional(&mut self.db)
            .await?;
        Ok(last.unwrap_or(0))
    }
}

async fn keep_one(db: &mut SqliteConnection, keep: &Keep) -> Result<(), Fault> {
    match keep {
        Keep::Ticket(register, ticket) => {
            sqlx::query(
                "insert into ticket (register, ticket) values (?, ?)
                 on conflict (register) do update set ticket = excluded.ticket",
            )
            .bind(register.as_str())
            .bind(to_json(ticket)?)
            .execute(db)
            .await?;
        }
        Keep::TicketGone(register) => {
            sqlx::query("delete from ticket where register = ?")
                .bind(register.as_str())
                .execute(db)
                .await?;
        }
        Keep::CashSession(session) => {
            cash_session(db, session).await?;
        }
        Keep::Sale(new) => sale(db, new).await?,
        Keep::PrintJob(new) => jobs::add(db, new).await?,
        Keep::Job(change) => jobs::change(db, change).await?,
        Keep::PrinterPaused { by, at } => jobs::pause(db, by.as_ref(), *at).await?,
        Keep::Display { register, token_hash, by, at } => {
            set_up::keep(db, register, token_hash, by, *at).await?;
        }
        Keep::ScannerAffixes { affixes, by, at } => {
            set_up::keep_affixes(db, affixes, by, *at).await?;
        }
        Keep::DisplayGone(register) => set_up::forget(db, register).await?,
        Keep::Deed(new, at) => {
            sqlx::query(
                "insert into deed (at, register, staff, kind, detail) values (?, ?, ?, ?, ?)",
            )
            .bind(at.0)
            .bind(new.register.as_str())
            .bind(new.staff.as_str())
            .bind(new.kind)
            .bind(&new.detail)
            .execute(db)
            .await?;
        }
        Keep::Forked(life, at) => {
            past::note(db, PastKind::Copied, *life, *at).await?;
            past::doubt_numbers(db, *at).await?;
        }
        Keep::HeldBack(life, at) => {
            past::note_if_not_restored(db, *life, *at).await?;
            past::doubt_numbers(db, *at).await?;
        }
        Keep::Tries { who, failures, locked_until } => {
            sqlx::query(
                "insert into sign_in (who, failures, locked_until) values (?, ?, ?)
                 on conflict (who) do update set failures = excluded.failures,
                 locked_until = excluded.locked_until",
            )
            .bind(who)
            .bind(failures)
            .bind(locked_until.0)
            .execute(db)
            .await?;
        }
    }
    Ok(())
}

async fn cash_session(db: &mut SqliteConnection, session: &CashSession) -> Result<(), Fault> {
    let CashSession { id, register, opened_at, opened_by, opening_float } = session;
    let Money { minor, currency } = opening_float;
    sqlx::query(
        "insert into cash_session (id, register, opened_at, opened_by, float_minor, currency)
         values (?, ?, ?, ?, ?, ?)",
    )
    .bind(CashSessionId::to_string(id))
    .bind(register.as_str())
    .bind(opened_at.0)
    .bind(opened_by.as_str())
    .bind(minor)
    .bind(currency.code())
    .execute(db)
    .await?;
    Ok(())
}

async fn sale(db: &mut SqliteConnection, new: &NewSale) -> Result<(), Fault> {
    let sale = &new.sale;
    sqlx::query(
        "insert into counter (register, last) values (?, ?)
         on conflict (register) do update set last = excluded.last",
    )
    .bind(sale.register.as_str())
    .bind(sale.number)
    .execute(&mut *db)
    .await?;
    sqlx::query(
        "insert into sale (receipt_number, register, number, ticket_id, pay_key, fingerprint,
         sale, paid_at, receipt) values (?, ?, ?, ?, ?, ?, ?, ?, ?)",
    )
    .bind(&sale.receipt_number)
    .bind(sale.register.as_str())
    .bind(sale.number)
    .bind(sale.ticket.to_string())
    .bind(&new.pay_key)
    .bind(&new.fingerprint)
    .bind(to_json(sale)?)
    .bind(sale.paid_at.0)
    .bind(to_json(&new.receipt)?)
    .execute(db)
    .await?;
    Ok(())
}
