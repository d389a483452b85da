//! Which version the hub was at, at some time.
//!
//! The ledger's times grow with its versions, so halving finds it: an index of times would cost
//! every command what a look-up now and then needs. Invariant: reads a few dozen rows at most.

use oneshelf_domain::Timestamp;
use oneshelf_domain::stock::Version;

use super::{StoreError, Tx, head, on};

/// The last version recorded at a time or before; 0 when there is none.
///
/// # Errors
/// When the database does not answer, or the ledger has a gap.
pub async fn version_at(tx: &mut Tx, at: Timestamp) -> Result<Version, StoreError> {
    let (mut known, mut above) = (0, head(tx).await?.head.version.0);
    while known < above {
        let middle = known + (above - known + 1) / 2;
        if recorded_at(tx, middle).await? <= at.0 {
            known = middle;
        } else {
            above = middle - 1;
        }
    }
    Ok(Version(known))
}

async fn recorded_at(tx: &mut Tx, version: i64) -> Result<i64, StoreError> {
    let sql = "select recorded_at from ledger where version = $1";
    let found: Option<i64> =
        on!(tx, conn => sqlx::query_scalar(sql).bind(version).fetch_optional(conn).await)?;
    found.ok_or_else(|| StoreError::unreadable("ledger", format_args!("no version {version}")))
}
