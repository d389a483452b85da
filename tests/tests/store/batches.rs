//! Batches: one that cannot be stored costs itself alone; queues are bounded and drain.

use oneshelf_domain::ReservationId;
use oneshelf_domain::limits;
use oneshelf_domain::refusal::Refusal;
use oneshelf_domain::stock::{Command, Outcome};
use oneshelf_hub::commands::{Failure, Lane};
use uuid::Uuid;

use crate::shop::{Hub, fresh, put_item, reserve, submission};
use crate::tables::{assert_gapless, cure, number, poison, poison_hard, run};

#[tokio::test]
async fn one_command_that_cannot_be_stored_fails_alone() {
    let (database, hub) = fresh().await;
    let (item, location) = hub.stocked(1_000).await;
    let batch: Vec<_> = (0..100).map(|_| submission(reserve(item, location, 1))).collect();
    let bad = batch[37].clone();
    poison(database.url(), &bad.id.to_string()).await;
    let answers = hub.send_all(batch).await;
    for (at, answer) in answers.iter().enumerate() {
        match at {
            37 => assert_eq!(*answer, Err(Failure::Internal)),
            _ => assert!(answer.is_ok(), "{at}: {answer:?}"),
        }
    }
    assert_eq!(number(database.url(), "select sum(reserved) from stock").await, 99);
    assert_gapless(database.url()).await;
    cure(database.url()).await;
    assert!(!hub.send(bad).await.unwrap().replayed, "it had no effect before");
    hub.stop().await;
}

#[tokio::test]
async fn a_database_that_rolls_back_by_itself_serves_the_next_command() {
    let (database, hub) = fresh().await;
    let (item, location) = hub.stocked(10).await;
    let bad = submission(reserve(item, location, 1));
    poison_hard(database.url(), &bad.id.to_string()).await;
    assert_eq!(hub.send(bad.clone()).await, Err(Failure::Internal));
    assert!(hub.send(submission(reserve(item, location, 1))).await.is_ok());
    cure(database.url()).await;
    assert!(!hub.send(bad).await.unwrap().replayed);
    assert_eq!(number(database.url(), "select sum(reserved) from stock").await, 2);
    assert_gapless(database.url()).await;
    hub.stop().await;
}

#[tokio::test]
async fn a_failed_assertion_costs_its_command_and_nothing_else() {
    let (database, hub) = fresh().await;
    let (item, location) = hub.stocked(10).await;
    let held = hub.send(submission(reserve(item, location, 4))).await.unwrap();
    let Outcome::Reservation { id, .. } = held.outcome else { panic!("a reservation") };
    hub.stop().await;
    // Tables that were tampered with: the hand-over would take the bucket below zero.
    run(database.url(), "update stock set reserved = 0").await;
    let hub = Hub::start(database.url()).await;
    let answers = hub
        .send_all(vec![
            submission(reserve(item, location, 1)),
            submission(Command::HandOver { id }),
            submission(put_item("OTHER", &[])),
        ])
        .await;
    assert!(answers[0].is_ok() && answers[2].is_ok(), "{answers:?}");
    assert_eq!(answers[1], Err(Failure::Internal));
    assert_gapless(database.url()).await;
    hub.stop().await;
}

#[tokio::test]
async fn a_full_queue_is_busy_until_it_was_served() {
    let (_database, hub) = fresh().await;
    let unknown = || {
        let mut s = submission(Command::Pick { id: ReservationId(Uuid::from_u128(1)) });
        s.keyed = false;
        s
    };
    let put = |lane| hub.commands.enqueue(lane, unknown());
    let waiting: Vec<_> =
        (0..limits::QUEUE_COMMANDS_MAX).map(|_| put(Lane::Bulk).unwrap()).collect();
    assert_eq!(put(Lane::Bulk).unwrap_err(), Failure::Busy);
    let other = put(Lane::Interactive).unwrap();
    let refused = Err(Failure::Refused(Refusal::ReservationUnknown));
    assert_eq!(other.await.unwrap(), refused);
    for answer in waiting {
        assert_eq!(answer.await.unwrap(), refused);
    }
    assert!(put(Lane::Bulk).is_ok());
    hub.stop().await;
}

#[tokio::test]
async fn a_hub_that_stops_answers_those_that_wait_and_takes_no_more() {
    let (database, hub) = fresh().await;
    let (item, location) = hub.stocked(100).await;
    let one = || submission(reserve(item, location, 1));
    let waiting: Vec<_> =
        (0..50).map(|_| hub.commands.enqueue(Lane::Agents, one()).unwrap()).collect();
    hub.commands.stop().await;
    assert_eq!(hub.commands.enqueue(Lane::Agents, one()).unwrap_err(), Failure::Stopping);
    for answer in waiting {
        assert!(answer.await.unwrap().is_ok());
    }
    hub.stop().await;
    assert_eq!(number(database.url(), "select sum(reserved) from stock").await, 50);
}

#[tokio::test]
async fn a_caller_that_goes_away_does_not_take_its_command_back() {
    let (database, hub) = fresh().await;
    let (item, location) = hub.stocked(100).await;
    drop(hub.commands.enqueue(Lane::Bulk, submission(reserve(item, location, 1))).unwrap());
    hub.stop().await;
    assert_eq!(number(database.url(), "select sum(reserved) from stock").await, 1);
}
