//! What is set up of the devices: which browsers may show a register's ticket to its customer, and
//! what a scanner puts around codes.
//!
//! Only the hash of a display's token is kept: a copy of the database opens no display.

use oneshelf_domain::{RegisterCode, StaffCode, Timestamp};
use sqlx::SqliteConnection;

use super::text::parsed;
use super::{Fault, Reads};
use crate::register::Affixes;

impl Reads {
    /// The register whose display has the token with this hash.
    pub(crate) async fn display(&self, token_hash: &str) -> Result<Option<RegisterCode>, Fault> {
        let register: Option<String> =
            sqlx::query_scalar("select register from display where token_hash = ?")
                .bind(token_hash)
                .fetch_optional(&self.pool)
                .await?;
        register.as_deref().map(parsed).transpose()
    }

    /// What a scanner puts around codes, as it was taught.
    pub(crate) async fn affixes(&self) -> Result<Affixes, Fault> {
        let row: Option<(String, String)> =
            sqlx::query_as("select prefix, suffix from scanner_affix where one = 1")
                .fetch_optional(&self.pool)
                .await?;
        let (prefix, suffix) = row.unwrap_or_default();
        Ok(Affixes { prefix, suffix })
    }

    /// Since when a register has its display.
    pub(crate) async fn display_of(
        &self,
        register: &RegisterCode,
    ) -> Result<Option<Timestamp>, Fault> {
        let at: Option<i64> =
            sqlx::query_scalar("select opened_at from display where register = ?")
                .bind(register.as_str())
                .fetch_optional(&self.pool)
                .await?;
        Ok(at.map(Timestamp))
    }
}

pub(super) async fn keep(
    db: &mut SqliteConnection,
    register: &RegisterCode,
    token_hash: &str,
    by: &StaffCode,
    at: Timestamp,
) -> Result<(), Fault> {
    sqlx::query(
        "insert into display (register, token_hash, staff, opened_at) values (?, ?, ?, ?)
         on conflict (register) do update set token_hash = excluded.token_hash,
         staff = excluded.staff, opened_at = excluded.opened_at",
    )
    .bind(register.as_str())
    .bind(token_hash)
    .bind(by.as_str())
    .bind(at.0)
    .execute(db)
    .await?;
    Ok(())
}

pub(super) async fn keep_affixes(
    db: &mut SqliteConnection,
    affixes: &Affixes,
    by: &StaffCode,
    at: Timestamp,
) -> Result<(), Fault> {
    sqlx::query(
        "insert into scanner_affix (one, prefix, suffix, staff, at) values (1, ?, ?, ?, ?)
         on conflict (one) do update set prefix = excluded.prefix, suffix = excluded.suffix,
         staff = excluded.staff, at = excluded.at",
    )
    .bind(&affixes.prefix)
    .bind(&affixes.suffix)
    .bind(by.as_str())
    .bind(at.0)
    .execute(db)
    .await?;
    Ok(())
}

pub(super) async fn forget(
    db: &mut SqliteConnection,
    register: &RegisterCode,
) -> Result<(), Fault> {
    sqlx::query("delete from display where register = ?")
        .bind(register.as_str())
        .execute(db)
        .await?;
    Ok(())
}
