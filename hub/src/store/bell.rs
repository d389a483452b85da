//! NOTIFY and LISTEN: how hubs of one PostgreSQL reach each other at once. Not for SQLite, which
//! one hub has alone. It knows no meaning of what is said.

use sqlx::postgres::PgListener;

use super::open::Pools;
use super::{Store, StoreError};

const CHANNEL: &str = "oneshelf_hubs";

/// Whether there can be other hubs to hear it.
pub fn rings(store: &Store) -> bool {
    matches!(&*store.0, Pools::Postgres { .. })
}

/// Tells all hubs that listen now, this one among them; at most 8,000 bytes.
///
/// # Errors
/// When the database does not answer.
pub async fn ring(store: &Store, text: &str) -> Result<(), StoreError> {
    if let Pools::Postgres { bell, .. } = &*store.0 {
        sqlx::query("select pg_notify($1, $2)").bind(CHANNEL).bind(text).execute(bell).await?;
    }
    Ok(())
}

/// A connection that hears what is told.
pub struct Listener(PgListener);

impl Listener {
    /// Listens from now on.
    ///
    /// # Errors
    /// When no connection can be had, and always on SQLite.
    pub async fn open(store: &Store) -> Result<Self, StoreError> {
        let Pools::Postgres { bell, .. } = &*store.0 else {
            return Err(StoreError::Unfit("SQLite has one hub".to_owned()));
        };
        let mut listener = PgListener::connect_with(bell).await?;
        listener.listen(CHANNEL).await?;
        Ok(Self(listener))
    }

    /// The next text; what was said while the connection was lost is lost.
    ///
    /// # Errors
    /// When the connection is lost.
    pub async fn next(&mut self) -> Result<String, StoreError> {
        Ok(self.0.recv().await?.payload().to_owned())
    }
}
