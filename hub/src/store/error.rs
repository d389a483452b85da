//! What can go wrong in the store, and whether trying again can help.
//!
//! It knows the engines' codes so that nobody else must.

use oneshelf_domain::record::Record;

/// Something went wrong between the hub and its database.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The database refused, failed, or could not be reached.
    #[error("the database: {0}")]
    Database(#[from] sqlx::Error),
    /// The tables could not be brought up to date.
    #[error("the tables cannot be brought up to date: {0}")]
    Migration(#[from] sqlx::migrate::MigrateError),
    /// The database is not fit for a hub; says what to do.
    #[error("{0}")]
    Unfit(String),
    /// The disk under the database failed before; nothing was tried.
    #[error("the disk under the database has failed")]
    DiskFailed,
    /// The database has fallen behind what was seen of it; nothing was tried.
    #[error("the database is behind what this hub has seen of it")]
    Behind,
    /// A row that this version cannot read.
    #[error("a row of {table} cannot be read: {why}")]
    Unreadable {
        /// Which table.
        table: &'static str,
        /// What is wrong.
        why: String,
    },
}

/// What can be wrong with a disk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Storage {
    /// Nothing more fits: what was asked for had no effect.
    Full,
    /// It does not do what it is told. Whether what was asked for is kept is not known.
    Failed,
}

impl StoreError {
    /// A row that cannot be read.
    pub fn unreadable(table: &'static str, why: impl std::fmt::Display) -> Self {
        StoreError::Unreadable { table, why: why.to_string() }
    }

    /// True when the same transaction may succeed if it is tried again: a deadlock, a
    /// serialisation failure, a lock held by another, a lost connection.
    pub fn passing(&self) -> bool {
        let StoreError::Database(error) = self else { return false };
        match error {
            sqlx::Error::Database(e) => {
                e.code().is_some_and(|code| passing_code(&code)) || self.connection_lost()
            }
            _ => self.connection_lost(),
        }
    }

    /// True when the connection is gone, or nothing goes through it any more: whether a commit
    /// reached the database is not known.
    pub fn connection_lost(&self) -> bool {
        let StoreError::Database(error) = self else { return matches!(self, StoreError::Behind) };
        match error {
            sqlx::Error::Database(e) => e.code().is_some_and(|code| lost_code(&code)),
            sqlx::Error::Io(_)
            | sqlx::Error::Tls(_)
            | sqlx::Error::Protocol(_)
            | sqlx::Error::PoolTimedOut
            | sqlx::Error::WorkerCrashed => true,
            _ => false,
        }
    }

    /// What is wrong with the disk under the database, when that is the trouble.
    pub fn storage(&self) -> Option<Storage> {
        match self {
            StoreError::DiskFailed => Some(Storage::Failed),
            StoreError::Database(sqlx::Error::Database(error)) => storage_code(&error.code()?),
            _ => None,
        }
    }

    /// True when no connection was to be had for a long while.
    pub fn timed_out(&self) -> bool {
        matches!(self, StoreError::Database(sqlx::Error::PoolTimedOut))
    }

    /// True when a key is taken.
    pub fn taken(&self) -> bool {
        matches!(self, StoreError::Database(sqlx::Error::Database(e)) if e.is_unique_violation())
    }

    /// True when a row broke a unique or check constraint.
    pub fn constraint_broken(&self) -> bool {
        match self {
            StoreError::Database(sqlx::Error::Database(e)) => {
                e.is_unique_violation() || e.is_check_violation()
            }
            _ => false,
        }
    }
}

/// 40001 and 40P01 are PostgreSQL's; 5 and 6 with their extensions SQLite's busy and locked.
fn passing_code(code: &str) -> bool {
    match code {
        "40001" | "40P01" | "55P03" => true,
        other => other.len() < 5 && other.parse::<i64>().is_ok_and(|n| matches!(n & 0xff, 5 | 6)),
    }
}

/// PostgreSQL's: connection exceptions, a server that shuts down or starts, and one that ended the
/// transaction of a hub that slept.
fn lost_code(code: &str) -> bool {
    code.len() == 5 && (code.starts_with("08") || code.starts_with("57P") || code == "25P03")
}

/// 53100 and 58030 are PostgreSQL's; 13 and 10 with its extensions SQLite's full and I/O error.
fn storage_code(code: &str) -> Option<Storage> {
    match code {
        "53100" => Some(Storage::Full),
        "58030" => Some(Storage::Failed),
        other if other.len() < 5 => match other.parse::<i64>().ok()? & 0xff {
            13 => Some(Storage::Full),
            10 => Some(Storage::Failed),
            _ => None,
        },
        _ => None,
    }
}

/// A record from its JSON.
pub(super) fn record(json: &str) -> Result<Record, StoreError> {
    serde_json::from_str(json).map_err(|e| StoreError::unreadable("record", e))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_connection_that_the_server_ended_is_lost() {
        assert!(["08006", "57P01", "25P03"].into_iter().all(lost_code));
        assert!(!["25P02", "40001", "8"].into_iter().any(lost_code));
    }

    #[test]
    fn a_disks_troubles_are_told_from_the_databases() {
        for (code, storage) in [
            ("13", Some(Storage::Full)),
            ("10", Some(Storage::Failed)),
            ("1034", Some(Storage::Failed)),
            ("53100", Some(Storage::Full)),
            ("58030", Some(Storage::Failed)),
            ("5", None),
            ("2067", None),
            ("40001", None),
            ("23505", None),
        ] {
            assert_eq!(storage_code(code), storage, "{code}");
        }
    }
}
