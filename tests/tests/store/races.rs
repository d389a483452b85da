//! Many at once: the last units go to as many as there are, also with two writers.

use oneshelf_domain::refusal::Refusal;
use oneshelf_domain::stock::Version;
use oneshelf_hub::commands::{Commands, Failure, Lane};
use oneshelf_tests::database::on_postgres;

use crate::shop::{Hub, fresh, reserve, submission};
use crate::tables::{assert_gapless, number, run};

/// Everybody wants one; gives how many got one.
async fn scramble(ways: &[Commands], wanted: &[oneshelf_sync::plan::Submission]) -> usize {
    let tries = wanted.iter().enumerate().map(|(at, submission)| {
        let (way, submission) = (ways[at % ways.len()].clone(), submission.clone());
        tokio::spawn(async move { way.submit(Lane::Interactive, submission).await })
    });
    let mut got = 0;
    for answer in tries.collect::<Vec<_>>() {
        match answer.await.unwrap() {
            Ok(_) => got += 1,
            Err(Failure::Refused(Refusal::NotEnoughAvailable { .. })) => {}
            Err(other) => panic!("{other:?}"),
        }
    }
    got
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_thousand_reserves_on_ten_units_get_ten() {
    let (database, hub) = fresh().await;
    let (item, location) = hub.stocked(10).await;
    let wanted: Vec<_> = (0..1_000).map(|_| submission(reserve(item, location, 1))).collect();
    assert_eq!(scramble(std::slice::from_ref(&hub.commands), &wanted).await, 10);
    assert_eq!(number(database.url(), "select available from stock").await, 0);
    assert_eq!(number(database.url(), "select count(*) from reservation").await, 10);
    assert_gapless(database.url()).await;
    hub.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn two_writers_of_one_database_get_ten_together() {
    let (database, hub) = fresh().await;
    let (item, location) = hub.stocked(10).await;
    let other = Hub::start(database.url()).await;
    let wanted: Vec<_> = (0..1_000).map(|_| submission(reserve(item, location, 1))).collect();
    assert_eq!(scramble(&[hub.commands.clone(), other.commands.clone()], &wanted).await, 10);
    assert_eq!(number(database.url(), "select reserved from stock").await, 10);
    // Each writer believes the other's rows, not those that it kept.
    hub.receive(item, location, 5).await;
    let more: Vec<_> = (0..20).map(|_| submission(reserve(item, location, 1))).collect();
    assert_eq!(scramble(&[other.commands.clone(), hub.commands.clone()], &more).await, 5);
    assert_gapless(database.url()).await;
    hub.stop().await;
    other.stop().await;
}

/// Connections are cut at any moment, also between a commit and its answer.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_lost_connection_doubles_and_loses_nothing() {
    if !on_postgres() {
        return; // A file has no connection to lose.
    }
    let (database, hub) = fresh().await;
    let (item, location) = hub.stocked(1_000).await;
    let cut = "select pg_terminate_backend(pid) from pg_stat_activity \
               where datname = current_database() and pid <> pg_backend_pid()";
    let shoppers: Vec<_> = (0..8)
        .map(|_| {
            let commands = hub.commands.clone();
            tokio::spawn(async move {
                for _ in 0..40 {
                    let wanted = submission(reserve(item, location, 1));
                    // As a sender does: the same id until it is answered.
                    while let Err(failure) =
                        commands.submit(Lane::Interactive, wanted.clone()).await
                    {
                        assert!(matches!(failure, Failure::NotNow(_)), "{failure:?}");
                    }
                }
            })
        })
        .collect();
    let mut cuts = 0;
    while shoppers.iter().any(|s| !s.is_finished()) && cuts < 30 {
        run(database.url(), cut).await;
        cuts += 1;
    }
    for shopper in shoppers {
        shopper.await.unwrap();
    }
    assert_eq!(number(database.url(), "select reserved from stock").await, 320);
    assert_eq!(number(database.url(), "select count(*) from reservation").await, 320);
    assert_gapless(database.url()).await;
    let (head, _) = hub.store.head().await.unwrap();
    assert_eq!(*hub.committed.borrow(), Version(head.version.0));
    hub.stop().await;
}
