//! Which browsers may show a register's ticket to its customer.
//!
//! Only the hash of a display's token is kept: a copy of the database opens no display.

use oneshelf_domain::{RegisterCode, StaffCode, Timestamp};
use sqlx::SqliteConnection;

use super::text::parsed;
use super::{Fault, Reads};

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
