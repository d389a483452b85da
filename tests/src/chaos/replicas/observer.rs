//! Looks over the hubs' shoulders in the database itself: who writes for which job, and whose that
//! job is at this moment.
//!
//! Each hub signs in under a role of its own, and triggers note every row that only a job writes,
//! beside the lease as it stands then. It shares nothing with the hubs but the names of tables and
//! leases. Invariant: what it notes is of the same transaction as the write.

use anyhow::{Context, Result};
use sqlx::{AssertSqlSafe, Connection, PgConnection};

use super::verdict::Write;
use crate::chaos::world::World;

/// How long a hub may sleep inside a transaction before the server ends it, milliseconds: shorter
/// than hubs ask for by themselves, so that a round is.
const IDLE_MS: u32 = 500;

/// Jobs whose writes are noted.
pub const JOBS: [&str; 4] = ["channel-deliveries", "channel-orders", "channel-feed", "timers"];

/// What is noted: table, when, and for which job.
const WATCHED: &[(&str, &str, &str)] = &[
    ("channel_order", "insert or update", "channel-orders"),
    ("channel_inbox", "update", "channel-orders"),
    ("channel_shadow", "update of confirmed", "channel-deliveries"),
    ("delivery", "update of attempts", "channel-deliveries"),
    ("channel_state", "update of last_result", "channel-deliveries"),
    ("channel_state", "update of generation, swept_at", "channel-feed"),
    ("channel_shadow", "insert or update of told", "channel-feed"),
];

/// A connection that sees everything.
pub struct Observer {
    conn: PgConnection,
    /// As `hub serve --database` takes them, one for each hub.
    pub addresses: Vec<String>,
    roles: Vec<String>,
}

impl Observer {
    /// Begins to look; no hub may run yet.
    ///
    /// # Errors
    /// When the database refuses.
    pub async fn begin(world: &World) -> Result<Self> {
        let mut conn = PgConnection::connect(&world.database).await?;
        let (mut addresses, mut roles) = (vec![], vec![]);
        for number in 0..world.hubs.len() {
            let role = format!("oneshelf_chaos_{}_{number}", std::process::id());
            say(&mut conn, &format!("create role {role} superuser login password 'chaos'")).await?;
            let (_, server) = world.database.rsplit_once('@').context("user@server")?;
            addresses.push(format!(
                "postgres://{role}:chaos@{server}\
                 ?options[idle_in_transaction_session_timeout]={IDLE_MS}"
            ));
            roles.push(role);
        }
        for sql in [
            "create table seen_lease (no bigserial primary key, job text, fence bigint, who text)",
            "create table seen_write (no bigserial primary key, job text, who text, holder text,
                fence bigint, what text)",
            "create function see_lease() returns trigger language plpgsql as $$ begin
                insert into seen_lease (job, fence, who)
                    values (new.name, new.fence, session_user);
                return null; end $$",
            "create function see_write() returns trigger language plpgsql as $$ begin
                insert into seen_write (job, who, holder, fence, what)
                    select tg_argv[0], session_user, coalesce(s.who, 'nobody'),
                        coalesce(l.fence, 0), tg_table_name || ' ' || tg_op
                    from (select 1) one left join lease l on l.name = tg_argv[0]
                    left join seen_lease s on s.job = l.name and s.fence = l.fence;
                return null; end $$",
            "create trigger see_taken after insert on lease for each row
                execute function see_lease()",
            "create trigger see_passed after update on lease for each row
                when (new.fence <> old.fence) execute function see_lease()",
        ] {
            say(&mut conn, sql).await?;
        }
        for (number, (table, when, job)) in WATCHED.iter().enumerate() {
            let sql = format!(
                "create trigger see_{number} after {when} on {table} for each row
                    execute function see_write('{job}')"
            );
            say(&mut conn, &sql).await?;
        }
        Ok(Self { conn, addresses, roles })
    }

    /// Which hub has a job now; none while nobody has.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn holder(&mut self, job: &str) -> Result<Option<usize>> {
        let sql = "select s.who from lease l join seen_lease s on s.job = l.name
                and s.fence = l.fence
            where l.name = $1
                and l.until > cast(extract(epoch from clock_timestamp()) * 1000000 as bigint)";
        let who: Option<String> =
            sqlx::query_scalar(sql).bind(job).fetch_optional(&mut self.conn).await?;
        Ok(who.and_then(|who| self.roles.iter().position(|role| *role == who)))
    }

    /// How an order of the channel stands; empty while the hub does not know it.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn order(&mut self, id: &str) -> Result<String> {
        let sql = "select state from channel_order where id = $1";
        let state: Option<String> =
            sqlx::query_scalar(sql).bind(id).fetch_optional(&mut self.conn).await?;
        Ok(state.unwrap_or_default())
    }

    /// Everything that jobs wrote.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn writes(&mut self) -> Result<Vec<Write>> {
        let sql = "select job, who, holder, fence, what from seen_write order by no";
        let rows: Vec<(String, String, String, i64, String)> =
            sqlx::query_as(sql).fetch_all(&mut self.conn).await?;
        let write =
            |(job, who, holder, fence, what)| Write { job, who, holder: (holder, fence), what };
        Ok(rows.into_iter().map(write).collect())
    }

    /// Every lease that was taken, with its fence, in order.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn taken(&mut self) -> Result<Vec<(String, i64)>> {
        let sql = "select job, fence from seen_lease order by no";
        Ok(sqlx::query_as(sql).fetch_all(&mut self.conn).await?)
    }

    /// Movements as (version, line), in order.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn movements(&mut self) -> Result<Vec<(i64, i64)>> {
        let sql = "select version, line from movement order by version, line";
        Ok(sqlx::query_as(sql).fetch_all(&mut self.conn).await?)
    }

    /// Reservations that ended, as (kind of event, id).
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn ends(&mut self) -> Result<Vec<(String, String)>> {
        let sql = "select kind, subject from event where kind in ('reservation.expired',
            'reservation.released', 'reservation.consumed') order by version, line";
        Ok(sqlx::query_as(sql).fetch_all(&mut self.conn).await?)
    }

    /// What is still to be said or worked off.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn waiting(&mut self) -> Result<i64> {
        let sql = "select (select count(*) from delivery where state = 'waiting')
            + (select count(*) from channel_inbox where state = 'received')
            + (select count(*) from timer where due_at
                < cast(extract(epoch from clock_timestamp()) * 1000000 as bigint))
            + (select count(*) from channel_state s, head h where s.cursor < h.version)";
        Ok(sqlx::query_scalar(sql).fetch_one(&mut self.conn).await?)
    }

    /// How often a channel was told everything anew.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn generation(&mut self) -> Result<i64> {
        let sql = "select coalesce(max(generation), 0) from channel_state";
        Ok(sqlx::query_scalar(sql).fetch_one(&mut self.conn).await?)
    }

    /// Takes away what does not go with the database.
    ///
    /// # Errors
    /// When a hub is still there.
    pub async fn end(mut self) -> Result<()> {
        for role in &self.roles {
            say(&mut self.conn, &format!("drop role {role}")).await?;
        }
        Ok(self.conn.close().await?)
    }
}

async fn say(conn: &mut PgConnection, sql: &str) -> Result<()> {
    sqlx::raw_sql(AssertSqlSafe(sql.to_owned())).execute(conn).await?;
    Ok(())
}
