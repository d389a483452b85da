//! Records by the version of their last change: loading all, and catching up.
//!
//! It knows rows and JSON; which record concerns whom is for its readers. Invariant: a removed
//! record keeps its row, so catching up never misses an end.

use oneshelf_domain::record::{Record, Records};
use oneshelf_domain::stock::Version;

use super::{StoreError, Tx, error, on};

/// Rows of a page.
const PAGE_ROWS: i64 = 5_000;

/// A record that changed: its key and what it is now.
#[derive(Debug, Clone)]
pub struct Changed {
    /// Kind, `/`, name.
    pub key: String,
    /// Of the change.
    pub version: Version,
    /// None: it is gone.
    pub record: Option<Record>,
}

/// Where a walk through the changes stands.
#[derive(Debug, Clone)]
pub struct Place(Version, String);

impl Place {
    /// Behind everything of a version.
    pub fn after(version: Version) -> Self {
        // The next version with an empty key comes right behind it; no key is empty.
        Self(Version(version.0 + 1), String::new())
    }
}

/// The next changes, in order of their versions; an empty page is the end.
///
/// # Errors
/// When the database does not answer, or holds a record that this version cannot read.
pub async fn page(tx: &mut Tx, place: &mut Place) -> Result<Vec<Changed>, StoreError> {
    let sql = "select key, value, version from record where (version, key) > ($1, $2)
        order by version, key limit $3";
    let rows: Vec<(String, Option<String>, i64)> = on!(tx, conn => sqlx::query_as(sql)
        .bind(place.0.0).bind(&place.1).bind(PAGE_ROWS).fetch_all(conn).await)?;
    let mut changed = Vec::with_capacity(rows.len());
    for (key, value, version) in rows {
        let record = value.as_deref().map(error::record).transpose()?;
        changed.push(Changed { key, version: Version(version), record });
    }
    if let Some(last) = changed.last() {
        *place = Place(last.version, last.key.clone());
    }
    Ok(changed)
}

/// Puts everything that changed after a version into records. Gives how many did.
///
/// # Errors
/// As [`page`].
pub async fn catch_up(
    tx: &mut Tx,
    records: &mut Records,
    after: Version,
) -> Result<usize, StoreError> {
    let mut place = Place::after(after);
    let mut count = 0;
    loop {
        let changed = page(tx, &mut place).await?;
        if changed.is_empty() {
            return Ok(count);
        }
        count += changed.len();
        for change in changed {
            match change.record {
                Some(record) => records.put(change.version, record),
                None => records.remove(&change.key),
            }
        }
    }
}

/// True when a record changed after a version.
///
/// # Errors
/// When the database does not answer.
pub async fn changed_since(tx: &mut Tx, after: Version) -> Result<bool, StoreError> {
    let sql = "select count(*) from record where version > $1";
    let count: i64 = on!(tx, conn => sqlx::query_scalar(sql).bind(after.0).fetch_one(conn).await)?;
    Ok(count > 0)
}
