//! Leases of jobs: of several hubs one does a job, and what the one before it still writes is
//! turned away.
//!
//! Leases are no commands, and it knows no job. Invariant: a lease has one holder at a time by the
//! clocks of the hubs and each new holder a higher fence; a transaction that [`Fence::write`]
//! opened ends before anybody else takes the lease.

use oneshelf_domain::Timestamp;

use super::{Store, StoreError, Tx, dialect, on};

/// What a holder writes with: the number of its lease, which no later holder has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Fence {
    /// Which lease.
    pub name: &'static str,
    /// Raised with every new holder.
    pub number: i64,
    /// By the holder's clock.
    pub until: Timestamp,
}

impl Fence {
    /// Whether the lease is still in the hands that have this fence, also when its time is over
    /// and nobody has taken it. So it stays until the end of the transaction.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn stands(&self, tx: &mut Tx) -> Result<bool, StoreError> {
        Ok(dialect::lock_lease(tx, self.name).await? == Some(self.number))
    }

    /// A writing transaction of the lease's holder; none when another one has it.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn write(&self, store: &Store) -> Result<Option<Tx>, StoreError> {
        let mut tx = store.begin_write().await?;
        if self.stands(&mut tx).await? {
            return Ok(Some(tx));
        }
        tx.rollback().await?;
        Ok(None)
    }
}

/// Takes or keeps a lease until a time. Gives the number of its fence; none while another holds
/// it.
///
/// # Errors
/// When the database does not answer.
pub async fn take(
    tx: &mut Tx,
    name: &str,
    holder: &str,
    now: Timestamp,
    until: Timestamp,
) -> Result<Option<i64>, StoreError> {
    let sql = "insert into lease (name, holder, fence, until) values ($1, $2, 1, $3)
        on conflict (name) do update set
            fence = lease.fence + case when lease.holder = excluded.holder then 0 else 1 end,
            holder = excluded.holder,
            until = excluded.until
        where lease.holder = excluded.holder or lease.until <= $4
        returning fence";
    let fence = on!(tx, conn => sqlx::query_scalar(sql)
        .bind(name).bind(holder).bind(until.0).bind(now.0).fetch_optional(conn).await)?;
    Ok(fence)
}

/// Gives a lease up, so that another need not wait for its end.
///
/// # Errors
/// When the database does not answer.
pub async fn give(tx: &mut Tx, name: &str, holder: &str) -> Result<(), StoreError> {
    let sql = "update lease set until = 0 where name = $1 and holder = $2";
    on!(tx, conn => sqlx::query(sql).bind(name).bind(holder).execute(conn).await.map(|_| ()))?;
    Ok(())
}
