//! How far the receipt numbers of registers are, by what was booked.

use crate::store::{StoreError, Tx, on};

/// The last number of a register, `S07-R2`; none before its first sale.
///
/// # Errors
/// When the database does not answer.
pub async fn last(tx: &mut Tx, register: &str) -> Result<Option<i64>, StoreError> {
    let sql = "select max(number) from sale where register = $1";
    Ok(on!(tx, conn => sqlx::query_scalar(sql).bind(register).fetch_one(conn).await)?)
}
