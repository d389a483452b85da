//! What a channel is known to know: of which generation, and of which endpoint.

use oneshelf_domain::stock::ItemNo;
use oneshelf_domain::{Sku, Timestamp};
use oneshelf_hub::store::Store;
use oneshelf_hub::store::channels::deliveries::{self, Attempt, DeliveryRow, Ended};
use oneshelf_hub::store::channels::shadows::{self, NewFigure, Shadow, StateRow};
use oneshelf_hub::store::leases::{self, Fence};

use crate::shop::fresh;
use crate::tables::number;

const NOW: Timestamp = Timestamp(1_000_000);
const ITEM: ItemNo = ItemNo(7);
const ANSWERED: Attempt = Attempt { at: 1, result: "answered", status: 204, took_ms: 1 };

async fn at(store: &Store, endpoint: &str) -> StateRow {
    let tx = store.begin_write().await.unwrap();
    shadows::look_after(tx, "web", endpoint, 1).await.unwrap().unwrap()
}

/// A hub delivers from now on.
async fn fence(store: &Store, holder: &str) -> Fence {
    let name = "channel-deliveries";
    let (mut tx, long_ago) = (store.begin_write().await.unwrap(), Timestamp(0));
    let number = leases::take(&mut tx, name, holder, NOW, long_ago).await.unwrap().unwrap();
    tx.commit().await.unwrap();
    Fence { name, number, until: long_ago }
}

/// As a look does: everything that follows from it, if it was not overtaken.
async fn tell(store: &Store, state: &StateRow, total: i64) -> bool {
    let mut tx = store.begin_write().await.unwrap();
    let mine = shadows::claim(&mut tx, state).await.unwrap();
    if mine {
        let new = NewFigure {
            id: format!("evt_{}_{total}", state.generation),
            item: ITEM,
            sku: Sku::new("TEA").unwrap(),
            message: "{}".to_owned(),
            figure: total.to_string(),
            total,
            rank: 1,
            due_at: NOW,
        };
        shadows::tell(&mut tx, "web", &[new], NOW).await.unwrap();
    }
    tx.commit().await.unwrap();
    mine
}

async fn begin_anew(store: &Store) {
    let mut tx = store.begin_write().await.unwrap();
    shadows::begin_anew(&mut tx, "web", None).await.unwrap();
    tx.commit().await.unwrap();
}

async fn waiting(store: &Store) -> Vec<DeliveryRow> {
    let mut tx = store.read().await.unwrap();
    let rows = deliveries::due(&mut tx, "web", NOW, 10).await.unwrap();
    tx.rollback().await.unwrap();
    rows
}

async fn shadow(store: &Store) -> Shadow {
    let mut tx = store.read().await.unwrap();
    let mut known = shadows::of_items(&mut tx, "web", &[ITEM]).await.unwrap();
    tx.rollback().await.unwrap();
    known.remove(&ITEM).unwrap()
}

#[tokio::test]
async fn a_comparison_of_everything_that_is_overtaken_starts_over() {
    let (_database, hub) = fresh().await;
    let first = at(&hub.store, "https://a.example/").await;
    assert!(tell(&hub.store, &first, 3).await);
    // Somebody asks for all of it once more while the comparison is under way.
    begin_anew(&hub.store).await;
    assert!(waiting(&hub.store).await.is_empty() && shadow(&hub.store).await.told.is_empty());
    assert!(!tell(&hub.store, &first, 3).await, "it goes on as if nothing had been");
    let mut tx = hub.store.read().await.unwrap();
    let second = shadows::state(&mut tx, "web").await.unwrap().unwrap();
    tx.rollback().await.unwrap();
    assert_eq!((second.cursor, second.generation), (0, first.generation + 1));
    assert!(tell(&hub.store, &second, 3).await);
    assert_eq!(waiting(&hub.store).await.len(), 1);
    hub.stop().await;
}

#[tokio::test]
async fn what_an_old_endpoint_answers_says_nothing_of_the_new_one() {
    let (_database, hub) = fresh().await;
    let first = at(&hub.store, "https://a.example/").await;
    assert!(tell(&hub.store, &first, 3).await);
    let on_its_way = waiting(&hub.store).await.remove(0);
    let fence = fence(&hub.store, "a").await;
    let note = async |row: &DeliveryRow, ended| {
        deliveries::note(&hub.store, row, (&first, fence), &ANSWERED, ended, NOW).await.unwrap()
    };
    assert!(note(&on_its_way, Ended::Sent).await);
    assert_eq!(shadow(&hub.store).await.confirmed, Some(3));
    assert!(tell(&hub.store, &first, 2).await);
    let on_its_way = waiting(&hub.store).await.remove(0);
    let second = at(&hub.store, "https://b.example/").await;
    assert_eq!(shadow(&hub.store).await.confirmed, None, "the new one confirmed nothing");
    let day = NOW.plus_ms(86_400_000);
    assert!(!note(&on_its_way, Ended::Later(day, day)).await);
    assert!(!note(&on_its_way, Ended::Sent).await);
    assert_eq!(shadow(&hub.store).await.confirmed, None);
    let mut tx = hub.store.read().await.unwrap();
    let state = shadows::state(&mut tx, "web").await.unwrap().unwrap();
    tx.rollback().await.unwrap();
    assert_eq!(state, second, "it is not closed for the other's sake");
    hub.stop().await;
}

#[tokio::test]
async fn a_hub_that_slept_through_its_lease_says_nothing_of_what_a_channel_knows() {
    let (database, hub) = fresh().await;
    let state = at(&hub.store, "https://a.example/").await;
    assert!(tell(&hub.store, &state, 3).await);
    let row = waiting(&hub.store).await.remove(0);
    let former = fence(&hub.store, "a").await;
    let holder = fence(&hub.store, "b").await;
    assert_eq!((former.number, holder.number), (1, 2));
    let note = async |fence, ended| {
        deliveries::note(&hub.store, &row, (&state, fence), &ANSWERED, ended, NOW).await.unwrap()
    };
    let day = NOW.plus_ms(86_400_000);
    for ended in [Ended::Sent, Ended::Failed, Ended::Later(day, day)] {
        assert!(!note(former, ended).await, "{ended:?}");
    }
    assert_eq!(waiting(&hub.store).await, std::slice::from_ref(&row), "it waits for the holder");
    assert_eq!(shadow(&hub.store).await.confirmed, None);
    assert!(note(holder, Ended::Sent).await);
    assert_eq!(shadow(&hub.store).await.confirmed, Some(3));
    assert!(!note(former, Ended::Later(day, day)).await);
    assert!(waiting(&hub.store).await.is_empty());
    // That it was sent is kept, whoever sent it.
    let attempts = number(database.url(), "select count(*) from delivery_attempt").await;
    assert_eq!(attempts, 5);
    assert!(former.write(&hub.store).await.unwrap().is_none());
    hub.stop().await;
}
