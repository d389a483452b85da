//! Jobs and the follower: timers, leases, retention, what was committed.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use oneshelf_domain::record::{LocationKind, Records};
use oneshelf_domain::stock::{Command, LocationNo, Outcome, SaleLine, Version};
use oneshelf_domain::{Timestamp, limits};
use oneshelf_hub::audit::audit;
use oneshelf_hub::commands::Clock;
use oneshelf_hub::follow::Follow;
use oneshelf_hub::jobs::{Kept, LEASE, Retention, Round, Timers, WalkIns};
use oneshelf_hub::store::read::walk_in;
use oneshelf_hub::store::records;
use tokio_util::sync::CancellationToken;

use crate::day::{Agent, Day, hold, reserved};
use crate::shop::{Hub, fresh, put_item, put_location, reserve, submission};
use crate::tables::{number, run};

const MINUTE: i64 = 60_000_000;
const DAY: i64 = 24 * 60 * MINUTE;

fn clock(time: &Arc<AtomicI64>) -> Clock {
    let time = time.clone();
    Arc::new(move || Timestamp(time.load(Ordering::Relaxed)))
}

fn timers(hub: &Hub) -> Timers {
    Timers::new(hub.store.clone(), hub.commands.clone(), clock(&hub.clock), LEASE)
}

/// What a round did, without when the next is.
fn did(round: Round) -> (usize, usize, usize) {
    (round.done, round.stale, round.again)
}

#[tokio::test]
async fn a_hold_that_ran_out_gives_its_units_back() {
    let (database, hub) = fresh().await;
    let (item, location) = hub.stocked(5).await;
    for units in [1, 2] {
        reserved(&hub, hold(item, location, units, 60_000)).await;
    }
    let mut job = timers(&hub);
    let early = job.round().await.unwrap();
    assert_eq!(did(early), (0, 0, 0));
    assert!(early.next.is_some());
    hub.clock.fetch_add(2 * MINUTE, Ordering::Relaxed);
    assert_eq!(did(job.round().await.unwrap()), (2, 0, 0));
    assert_eq!(job.round().await.unwrap(), Round::default());
    assert_eq!(number(database.url(), "select available from stock").await, 5);
    assert_eq!(number(database.url(), "select count(*) from timer").await, 0);
    assert_eq!(audit(&hub.store).await.unwrap().broken, []);
    hub.stop().await;
}

#[tokio::test]
async fn a_timer_whose_subject_moved_on_is_removed() {
    let (database, hub) = fresh().await;
    let (item, location) = hub.stocked(5).await;
    let id = reserved(&hub, reserve(item, location, 1)).await;
    let rows = format!(
        "insert into timer (kind, subject, due_at) values ('expire_reservation', '{id}', 5); \
         insert into timer (kind, subject, due_at) values \
         ('expire_reservation', 'rsv_00000000000000000000000000000001', 5)"
    );
    run(database.url(), &rows).await;
    assert_eq!(did(timers(&hub).round().await.unwrap()), (0, 2, 0));
    assert_eq!(number(database.url(), "select count(*) from timer").await, 0);
    assert_eq!(number(database.url(), "select reserved from stock").await, 1);
    hub.stop().await;
}

#[tokio::test]
async fn a_clock_that_runs_ahead_of_the_writers_takes_no_timer_from_a_hold() {
    let (database, hub) = fresh().await;
    let (item, location) = hub.stocked(5).await;
    reserved(&hub, hold(item, location, 1, 60_000)).await;
    let ahead = Arc::new(AtomicI64::new(hub.clock.load(Ordering::Relaxed) + 2 * MINUTE));
    let mut job = Timers::new(hub.store.clone(), hub.commands.clone(), clock(&ahead), LEASE);
    assert_eq!(did(job.round().await.unwrap()), (0, 1, 0));
    assert_eq!(number(database.url(), "select count(*) from timer").await, 1);
    hub.clock.fetch_add(2 * MINUTE, Ordering::Relaxed);
    assert_eq!(did(job.round().await.unwrap()), (1, 0, 0));
    hub.stop().await;
}

#[tokio::test]
async fn one_hub_has_the_job_until_its_lease_runs_out() {
    let (database, hub) = fresh().await;
    let (item, location) = hub.stocked(5).await;
    let fence = "select fence from lease where name = 'timers'";
    let (mut first, mut second) = (timers(&hub), timers(&hub));
    first.round().await.unwrap();
    assert_eq!(number(database.url(), fence).await, 1);
    reserved(&hub, hold(item, location, 1, 1_000)).await;
    hub.clock.fetch_add(2_000_000, Ordering::Relaxed);
    assert_eq!(second.round().await.unwrap(), Round::default(), "the other hub has the job");
    hub.clock.fetch_add(MINUTE, Ordering::Relaxed);
    assert_eq!(did(second.round().await.unwrap()), (1, 0, 0));
    assert_eq!(number(database.url(), fence).await, 2);
    assert_eq!(first.round().await.unwrap(), Round::default(), "the fence passed it");
    hub.stop().await;
}

#[tokio::test]
async fn a_job_that_stops_gives_its_lease_up() {
    let (database, hub) = fresh().await;
    let stop = CancellationToken::new();
    stop.cancel();
    // One round, then the end.
    timers(&hub).run(stop).await;
    assert_eq!(number(database.url(), "select until from lease").await, 0);
    hub.stop().await;
}

#[tokio::test]
async fn what_is_kept_for_a_while_goes_and_the_rest_stays() {
    let (database, hub) = fresh().await;
    Day::pass(&hub).await;
    let url = database.url();
    let count = async |table: &str| number(url, &format!("select count(*) from {table}")).await;
    let (versions, movements) = (count("ledger").await, count("movement").await);
    let facts = count("command where fact = 1").await;
    hub.clock.fetch_add(40 * DAY, Ordering::Relaxed);
    let now = hub.clock.load(Ordering::Relaxed);
    let rows = format!(
        "insert into used_nonce values ('old', {0}), ('new', {1}); \
         insert into session values ('old', 'admin', {0}), ('new', 'admin', {1}); \
         insert into import (id, kind, state, actor, rows_total, rows_done, rows_failed, \
         detail, created_at) values ('a', 'items', 'done', 'admin', 1, 1, 0, null, 0), \
         ('b', 'items', 'running', 'admin', 1, 0, 0, null, 0), \
         ('c', 'items', 'failed', 'admin', 1, 1, 1, null, {0}); \
         insert into import_row values ('a', 1, 'x'), ('b', 1, 'x'); \
         insert into import_error (import, line, code, detail) values \
         ('a', 2, 'x', 'x'), ('b', 2, 'x', 'x'), ('c', 2, 'x', 'x')",
        now - 1,
        now + 1
    );
    run(url, &rows).await;
    let job = Retention::new(hub.store.clone(), clock(&hub.clock), LEASE);
    let events = count("event").await;
    assert_eq!(job.batch(Kept::Events).await.unwrap(), events as u64);
    assert_eq!(job.batch(Kept::Outcomes).await.unwrap(), 0, "they are kept longer");
    for kept in [Kept::Nonces, Kept::Sessions, Kept::Staging] {
        assert_eq!(job.batch(kept).await.unwrap(), 1, "{kept:?}");
        assert_eq!(job.batch(kept).await.unwrap(), 0, "{kept:?}");
    }
    assert_eq!(count("used_nonce where nonce = 'new'").await, 1);
    assert_eq!(count("session where id_hash = 'new'").await, 1);
    assert_eq!(count("import_row where import = 'b'").await, 1);
    assert_eq!(job.batch(Kept::Imports).await.unwrap(), 0, "younger than 90 days");
    hub.clock.fetch_add(60 * DAY, Ordering::Relaxed);
    // First its error, then the import.
    for gone in [1, 1, 0] {
        assert_eq!(job.batch(Kept::Imports).await.unwrap(), gone);
    }
    assert_eq!((count("import").await, count("import_error").await), (2, 2));
    assert!(job.batch(Kept::Outcomes).await.unwrap() > 0);
    hub.clock.fetch_add(31 * DAY, Ordering::Relaxed);
    for gone in [1, 1, 0] {
        assert_eq!(job.batch(Kept::Imports).await.unwrap(), gone);
    }
    assert_eq!(count("import where id = 'b'").await, 1, "an import that runs stays");
    assert_eq!(count("command").await, facts, "outcomes of facts stay");
    assert_eq!((count("ledger").await, count("movement").await), (versions, movements));
    assert_eq!(audit(&hub.store).await.unwrap().broken, []);
    hub.stop().await;
}

#[tokio::test]
async fn the_oldest_outcomes_and_events_go_first() {
    let (database, hub) = fresh().await;
    let (item, location) = hub.stocked(5).await;
    hub.clock.fetch_add(limits::KEEP_OUTCOMES_MS * 1_000 - DAY, Ordering::Relaxed);
    hub.receive(item, location, 1).await;
    let id = reserved(&hub, reserve(item, location, 1)).await;
    hub.send(submission(Command::Release { id, shopper: None })).await.unwrap();
    hub.clock.fetch_add(2 * DAY, Ordering::Relaxed);
    let job = Retention::new(hub.store.clone(), clock(&hub.clock), LEASE);
    assert_eq!(job.batch(Kept::Outcomes).await.unwrap(), 3);
    assert_eq!(job.batch(Kept::Events).await.unwrap(), 2);
    assert_eq!(audit(&hub.store).await.unwrap().broken, []);
    // A younger one that is missing is no work of the job.
    run(database.url(), "delete from command where version = 6").await;
    assert_eq!(audit(&hub.store).await.unwrap().broken.len(), 1);
    hub.stop().await;
}

#[tokio::test]
async fn goods_that_came_back_were_no_walk_in_demand() {
    let (database, hub) = fresh().await;
    let made = hub.send(submission(put_location("S01", LocationKind::Store))).await.unwrap();
    let location = LocationNo(made.version.unwrap().0);
    let Outcome::Item { no: item } =
        hub.send(submission(put_item("TEA", &[]))).await.unwrap().outcome
    else {
        panic!("an item was put");
    };
    hub.receive(item, location, 90).await;
    let mut agent = Agent::hello(&hub, location, None).await;
    for _ in 0..20 {
        agent.sell(&hub, location, SaleLine { item, share: 0, beyond: 2 }).await;
    }
    let job = WalkIns::new(hub.store.clone(), hub.commands.clone(), clock(&hub.clock), LEASE);
    let known = async || {
        let demand = walk_in::since(&hub.store, Version(0)).await.unwrap();
        let sold = demand[&location].sold[0];
        (sold.sales, sold.units)
    };
    let share = async || {
        let mut tx = hub.store.read().await.unwrap();
        let mut records = Records::default();
        records::catch_up(&mut tx, &mut records, Version(0)).await.unwrap();
        tx.rollback().await.unwrap();
        records.walk_in(location).map_or(0, |walk_in| walk_in.share(item))
    };
    assert_eq!(known().await, (20, 40));
    job.round().await.unwrap();
    // Of 40 opening hours at least. In four of them two sales, in nine cases of ten four at most.
    assert_eq!(share().await, 8);
    agent.take_in(&hub, location, item, 30).await;
    assert_eq!(known().await, (5, 10));
    job.round().await.unwrap();
    assert_eq!(share().await, 2, "half a sale, in nine cases of ten one at most");
    // Goods that were bought elsewhere come back too.
    agent.take_in(&hub, location, item, 30).await;
    assert_eq!(known().await, (0, 0));
    job.round().await.unwrap();
    assert_eq!(share().await, 0);
    hub.stop().await;
    drop(database);
}

#[tokio::test]
async fn a_reader_waits_for_its_own_write() {
    let (database, hub) = fresh().await;
    let stop = CancellationToken::new();
    let (follow, task) =
        Follow::start(hub.store.clone(), hub.committed.clone(), stop.clone()).await.unwrap();
    let mut newer = follow.subscribe();
    assert_eq!(follow.seen().version, Version(0));
    let put = hub.send(submission(put_location("S01", LocationKind::Store))).await.unwrap();
    let seen = follow.reached(put.version.unwrap()).await;
    assert_eq!(seen.records.locations().count(), 1);
    newer.changed().await.unwrap();
    assert_eq!(newer.borrow().version, Version(1));
    // A version without records keeps the ones that were there.
    let policy = "share/1/*";
    let before = follow.seen().records.clone();
    let command = Command::RemoveRecord { key: policy.to_owned() };
    assert!(hub.send(submission(command)).await.is_err());
    hub.stocked(1).await;
    let seen = follow.reached(Version(4)).await;
    assert_eq!((seen.version, seen.records.locations().count()), (Version(4), 2));
    assert_eq!(before.locations().count(), 1, "what was published never changes");
    // A restored hub: everything is read again.
    run(database.url(), "delete from record where version > 1").await;
    run(database.url(), "update head set epoch = 2, version = 1").await;
    newer.wait_for(|seen| seen.epoch == 2 && seen.records.locations().count() == 1).await.unwrap();
    assert_eq!(follow.seen().version, Version(1));
    stop.cancel();
    task.await.unwrap();
    hub.stop().await;
}
