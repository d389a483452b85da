//! The same random commands to the maps and to the database: same answers, same tables.

use std::collections::BTreeMap;
use std::sync::atomic::Ordering;

use oneshelf_domain::Timestamp;
use oneshelf_hub::commands::{Accepted, Answer, Failure};
use oneshelf_sync::plan::Reply;
use oneshelf_tests::database::Database;

use crate::model::Model;
use crate::shop::Hub;
use crate::tables::{assert_gapless, dump};
use crate::world::World;

const BATCHES: usize = 60;
const SEEDS: u64 = 8;

fn answer(reply: &Reply) -> Answer {
    match reply.clone() {
        Reply::Accepted { outcome, version, replayed } => {
            Ok(Accepted { outcome, version, replayed })
        }
        Reply::Refused(refusal) => Err(Failure::Refused(refusal)),
        Reply::NotNow(why) => Err(Failure::NotNow(why)),
    }
}

#[tokio::test]
async fn the_database_equals_the_maps_after_every_random_run() {
    let mut kinds = BTreeMap::new();
    for seed in 1..=SEEDS {
        one(seed, &mut kinds).await;
    }
    // A generator that never gets anything accepted would prove nothing.
    for kind in [
        "put_item",
        "retire_item",
        "put_record",
        "remove_record",
        "redeem",
        "receive",
        "return_goods",
        "adjust",
        "count",
        "reserve",
        "commit",
        "release",
        "expire",
        "pick",
        "hand_over",
        "hello",
        "ask",
        "grant_by_policy",
        "retire_agent",
        "fact",
    ] {
        assert!(kinds.get(kind).is_some_and(|n| *n > 0), "no {kind} had an effect: {kinds:?}");
    }
}

async fn one(seed: u64, kinds: &mut BTreeMap<String, u32>) {
    let database = Database::fresh().await;
    let mut hub = Hub::start(database.url()).await;
    let (mut world, mut model) = (World::new(seed), Model::new());
    let mut now = 1_000_000;
    for step in 0..BATCHES {
        now += world.random.within(-500_000, 2_000_000);
        hub.clock.store(now, Ordering::Relaxed);
        let batch = if step < 3 { world.opening(step) } else { world.batch() };
        let replies = model.batch(Timestamp(now), &batch);
        let answers = hub.send_all(batch.clone()).await;
        for ((submission, reply), got) in batch.iter().zip(&replies).zip(&answers) {
            assert_eq!(&answer(reply), got, "seed {seed} step {step}: {submission:?}");
            if matches!(got, Ok(Accepted { replayed: false, .. })) {
                let kind = oneshelf_sync::plan::kind(&submission.command);
                *kinds.entry(kind.to_owned()).or_default() += 1;
            }
        }
        world.learn(&batch, &replies);
        if step == BATCHES / 2 {
            // A restart forgets what the writer kept in memory.
            hub.stop().await;
            hub = Hub::start(database.url()).await;
        }
    }
    let last = *hub.committed.borrow();
    assert_eq!(last, model.head.version, "seed {seed}: the last version was announced");
    hub.stop().await;
    let (stored, expected) = (dump(database.url()).await, model.dump());
    for (table, rows) in &expected {
        assert_eq!(&stored[table], rows, "seed {seed}: table {table}");
    }
    assert_gapless(database.url()).await;
}
