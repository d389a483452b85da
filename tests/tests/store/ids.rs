//! A command id has one effect, however often and by whomever it is sent.

use oneshelf_domain::refusal::Refusal;
use oneshelf_domain::stock::Command;
use oneshelf_hub::commands::{Failure, Lane};
use uuid::Uuid;

use crate::shop::{Hub, fresh, keyed, reserve, submission};
use crate::tables::{assert_gapless, number, run};

#[tokio::test]
async fn the_same_command_again_answers_the_same_and_does_nothing() {
    let (database, hub) = fresh().await;
    let (item, location) = hub.stocked(10).await;
    let command = submission(reserve(item, location, 1));
    let first = hub.send(command.clone()).await.unwrap();
    let again = hub.send(command.clone()).await.unwrap();
    assert!(!first.replayed && again.replayed);
    assert_eq!((first.outcome, first.version), (again.outcome, again.version));
    let mut other = command.clone();
    other.command = reserve(item, location, 2);
    let reused = Err(Failure::Refused(Refusal::CommandReused));
    assert_eq!(hub.send(other).await, reused);
    let mut stranger = command;
    stranger.principal = "key:somebody".to_owned();
    assert_eq!(hub.send(stranger).await, reused);
    assert_eq!(number(database.url(), "select sum(reserved) from stock").await, 1);
    hub.stop().await;
}

#[tokio::test]
async fn two_commands_with_one_id_in_a_batch_share_one_outcome() {
    let (database, hub) = fresh().await;
    let (item, location) = hub.stocked(10).await;
    let one = submission(reserve(item, location, 1));
    let mut other = one.clone();
    other.command = reserve(item, location, 3);
    let answers = hub.send_all(vec![one.clone(), one.clone(), other]).await;
    let (first, second) = (answers[0].clone().unwrap(), answers[1].clone().unwrap());
    assert_eq!((first.outcome, first.version), (second.outcome, second.version));
    assert!(second.replayed);
    assert_eq!(answers[2], Err(Failure::Refused(Refusal::CommandReused)));
    assert_eq!(number(database.url(), "select count(*) from reservation").await, 1);
    hub.stop().await;
}

#[tokio::test]
async fn commands_sent_again_while_they_are_being_stored_have_one_effect() {
    const CALLERS: usize = 40;
    const EACH: i64 = 25;
    let (database, hub) = fresh().await;
    let (item, location) = hub.stocked(10_000).await;
    // Batches overlap: whatever is being stored comes again, and new ones come between.
    let mut callers = tokio::task::JoinSet::new();
    for _ in 0..CALLERS {
        let commands = hub.commands.clone();
        callers.spawn(async move {
            for _ in 0..EACH {
                let one = submission(reserve(item, location, 1));
                let send = || commands.submit(Lane::Interactive, one.clone());
                let (a, b, c) = tokio::join!(
                    send(),
                    async {
                        tokio::task::yield_now().await;
                        send().await
                    },
                    send()
                );
                let answers = [a, b, c].map(Result::unwrap);
                let first = answers.iter().filter(|a| !a.replayed).count();
                assert_eq!(first, 1, "{answers:?}");
                assert!(answers.iter().all(|a| a.version == answers[0].version));
                assert!(send().await.unwrap().replayed);
            }
        });
    }
    while let Some(ended) = callers.join_next().await {
        ended.unwrap();
    }
    let made = EACH * i64::try_from(CALLERS).unwrap();
    assert_eq!(number(database.url(), "select sum(reserved) from stock").await, made);
    assert_gapless(database.url()).await;
    hub.stop().await;
}

#[tokio::test]
async fn an_id_whose_answer_was_kept_its_time_makes_nothing_twice() {
    let (database, hub) = fresh().await;
    let (item, location) = hub.stocked(10).await;
    let one = submission(reserve(item, location, 1));
    hub.send(one.clone()).await.unwrap();
    run(database.url(), &format!("delete from command where id = '{}'", one.id)).await;
    let reused = Err(Failure::Refused(Refusal::CommandReused));
    assert_eq!(hub.send(one).await, reused);
    assert!(hub.send(submission(reserve(item, location, 1))).await.is_ok());
    assert_eq!(number(database.url(), "select sum(reserved) from stock").await, 2);
    hub.stop().await;
}

#[tokio::test]
async fn a_refusal_is_remembered_when_the_sender_may_ask_again() {
    let (_database, hub) = fresh().await;
    let (item, location) = hub.stocked(1).await;
    let remembered = submission(reserve(item, location, 2));
    let mut forgotten = submission(reserve(item, location, 2));
    forgotten.keyed = false;
    let refused = hub.send(remembered.clone()).await;
    assert!(matches!(&refused, Err(Failure::Refused(Refusal::NotEnoughAvailable { .. }))));
    assert_eq!(hub.send(forgotten.clone()).await, refused);
    hub.receive(item, location, 5).await;
    assert_eq!(hub.send(remembered).await, refused);
    assert!(hub.send(forgotten).await.is_ok());
    hub.stop().await;
}

#[tokio::test]
async fn a_restarted_hub_knows_what_it_answered_and_goes_on() {
    let (database, hub) = fresh().await;
    let (item, location) = hub.stocked(10).await;
    let before = submission(reserve(item, location, 1));
    let first = hub.send(before.clone()).await.unwrap();
    let (_, hub_id) = hub.store.head().await.unwrap();
    hub.stop().await;
    let hub = Hub::start(database.url()).await;
    assert_eq!(hub.store.head().await.unwrap().1, hub_id);
    assert_eq!(hub.send(before).await.unwrap().version, first.version);
    let next = hub.send(submission(reserve(item, location, 1))).await.unwrap();
    assert_eq!(next.version.unwrap().0, first.version.unwrap().0 + 1);
    assert_gapless(database.url()).await;
    hub.stop().await;
}

#[tokio::test]
async fn what_changes_nothing_is_not_written() {
    let (database, hub) = fresh().await;
    let (item, location) = hub.stocked(10).await;
    let held = hub.send(submission(reserve(item, location, 1))).await.unwrap();
    let batches = number(database.url(), "select batch from head").await;
    let mut unknown =
        submission(Command::Pick { id: oneshelf_domain::ReservationId(Uuid::from_u128(9)) });
    unknown.keyed = false;
    let refused = hub.send(unknown).await;
    assert_eq!(refused, Err(Failure::Refused(Refusal::ReservationUnknown)));
    assert!(held.version.is_some());
    assert_eq!(number(database.url(), "select batch from head").await, batches);
    let refused = keyed(Uuid::from_u128(7), reserve(item, location, 99));
    assert!(hub.send(refused).await.is_err());
    assert_eq!(number(database.url(), "select batch from head").await, batches + 1);
    hub.stop().await;
}
