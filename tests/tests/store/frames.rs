//! Frames for agents and changes for live readers: everything that concerns them, once.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use oneshelf_domain::item::Item;
use oneshelf_domain::record::{LocationKind, Record, RecordState, Records, Role, Safety, Staff};
use oneshelf_domain::stock::{Command, ItemNo, LocationNo, Place, Version};
use oneshelf_domain::{
    AgentId, CommandId, Currency, DatedPrice, IncarnationId, LocationCode, Money, Sku, StaffCode,
    limits,
};
use oneshelf_hub::store::read::changes::{Changes, items_changed};
use oneshelf_hub::store::read::frames::{Asked, Frame, changed as changed_rows};
use oneshelf_hub::store::{RejectedFrame, keep_rejected};
use oneshelf_protocol::frame::{Applied, Down};
use oneshelf_protocol::replica::Row;

use crate::day::{Agent, Day, hold, reserved};
use crate::shop::{Hub, fresh, put_item, put_location, reserve, submission};
use crate::tables::{run, texts};

/// All rows of a frame, with the largest part's size and where the frame ends.
struct Copy {
    rows: Vec<Row>,
    parts: usize,
    bytes_max: usize,
    upto: Version,
    applied: Applied,
}

async fn copy(hub: &Hub, location: LocationNo, after: Version) -> Copy {
    copy_of(hub, location, None, after).await
}

/// The copy of an agent that lives this life.
async fn copy_of(
    hub: &Hub,
    location: LocationNo,
    life: Option<IncarnationId>,
    after: Version,
) -> Copy {
    let mut tx = hub.store.read().await.unwrap();
    let (records, records_at) = (Arc::new(Records::default()), Version(0));
    let asked = Asked { location, life, after, records, records_at };
    let mut frame = Frame::open(&mut tx, asked).await.unwrap();
    let (upto, applied) = (frame.upto, frame.applied);
    let mut copy = Copy { rows: vec![], parts: 0, bytes_max: 0, upto, applied };
    loop {
        let part = frame.part(&mut tx).await.unwrap();
        let down = Down::Changes {
            session: oneshelf_domain::stock::Lease { epoch: 1, number: i64::MAX },
            epoch: frame.epoch,
            after: after.0,
            upto: upto.0,
            applied,
            rows: part.rows.clone(),
            part: u32::try_from(copy.parts).unwrap(),
            more: part.more,
        };
        copy.bytes_max = copy.bytes_max.max(serde_json::to_vec(&down).unwrap().len());
        copy.parts += 1;
        copy.rows.extend(part.rows);
        if !part.more {
            tx.rollback().await.unwrap();
            return copy;
        }
    }
}

impl Copy {
    fn skus(&self) -> Vec<&str> {
        let rows = self.rows.iter();
        rows.filter_map(|row| match row {
            Row::Item { item } => Some(item.sku.as_str()),
            _ => None,
        })
        .collect()
    }

    fn records(&self) -> BTreeMap<&str, Option<&Record>> {
        let rows = self.rows.iter();
        rows.filter_map(|row| match row {
            Row::Record { key, record } => Some((key.as_str(), record.as_deref())),
            _ => None,
        })
        .collect()
    }

    /// (SKU, available, short).
    fn stock(&self) -> Vec<(&str, i64, i64)> {
        let rows = self.rows.iter();
        rows.filter_map(|row| match row {
            Row::Stock { sku, balances, short } => {
                Some((sku.as_str(), balances[Place::Available.index()], *short))
            }
            _ => None,
        })
        .collect()
    }

    /// (state, units, short) of the first line.
    fn reservations(&self) -> Vec<(&str, i64, i64)> {
        let rows = self.rows.iter();
        rows.filter_map(|row| match row {
            Row::Reservation { state, lines, .. } => Some((state.as_str(), lines[0].1, lines[0].2)),
            _ => None,
        })
        .collect()
    }

    fn elsewhere(&self) -> BTreeMap<&str, Vec<(&str, i64)>> {
        let mut all = BTreeMap::new();
        for row in &self.rows {
            if let Row::Elsewhere { sku, figures } = row {
                let figures = figures.iter().map(|(code, n)| (code.as_str(), *n)).collect();
                assert!(all.insert(sku.as_str(), figures).is_none(), "{sku} came twice");
            }
        }
        all
    }
}

#[tokio::test]
async fn a_snapshot_has_all_that_the_store_needs_and_nothing_that_ended() {
    let (_database, hub) = fresh().await;
    let day = Day::pass(&hub).await;
    let ended = reserved(&hub, hold(day.tea, day.warehouse, 1, 60_000)).await;
    let command = Command::Release { id: ended, shopper: None };
    hub.send(submission(command)).await.unwrap();
    let copy = copy_of(&hub, day.store, Some(day.agent.incarnation), Version(0)).await;
    assert_eq!(copy.parts, 1);
    assert_eq!(copy.skus(), ["TEA", "MUG"]);
    assert_eq!(copy.stock(), [("TEA", 0, 1)]);
    assert_eq!(copy.reservations(), [("committed", 4, 1)]);
    // The warehouse is no store.
    assert_eq!(copy.elsewhere(), BTreeMap::from([("TEA", vec![]), ("MUG", vec![])]));
    let keys: Vec<&str> = copy.records().into_keys().collect();
    assert_eq!(keys, ["location/S01", "location/W01", "share/2/*"]);
    let applied = Applied { incarnation: Some(day.agent.incarnation), seq: 1 };
    assert_eq!((copy.applied, day.agent.seq), (applied, 1));
    hub.stop().await;
}

#[tokio::test]
async fn a_later_frame_has_only_what_changed() {
    let (_database, hub) = fresh().await;
    let day = Day::pass(&hub).await;
    let at = copy(&hub, day.store, Version(0)).await.upto;
    let none = copy(&hub, day.store, at).await;
    assert_eq!((none.rows.len(), none.parts, none.upto), (0, 1, at));
    hub.send(submission(put_item("MUG", &[]))).await.unwrap();
    reserved(&hub, reserve(day.tea, day.warehouse, 1)).await;
    let next = copy(&hub, day.store, at).await;
    assert_eq!(next.skus(), ["MUG"]);
    assert_eq!((next.stock(), next.reservations()), (vec![], vec![]));
    assert_eq!(next.elsewhere().into_keys().collect::<Vec<_>>(), ["TEA"]);
    hub.stop().await;
}

#[tokio::test]
async fn a_reservation_that_ended_is_told_once() {
    let (_database, hub) = fresh().await;
    let mut day = Day::pass(&hub).await;
    day.agent.take_in(&hub, day.store, day.mug, 4).await;
    let back = oneshelf_domain::stock::FactBody::Back { item: day.mug, quantity: 4 };
    day.agent.fact(&hub, day.store, back).await;
    let id = reserved(&hub, reserve(day.mug, day.store, 2)).await;
    let held = copy_of(&hub, day.store, Some(day.agent.incarnation), Version(0)).await;
    assert_eq!(held.applied.seq, 3);
    assert!(held.reservations().contains(&("committed", 2, 0)), "{:?}", held.reservations());
    hub.send(submission(Command::Release { id, shopper: None })).await.unwrap();
    let next = copy(&hub, day.store, held.upto).await;
    assert_eq!(next.reservations(), [("releasing", 2, 0)], "the store's word is asked for");
    assert_eq!(next.stock(), []);
    let lines = vec![(day.mug, 2)];
    let released = oneshelf_domain::stock::FactBody::Released { reservation: id, lines };
    day.agent.fact(&hub, day.store, released).await;
    let next = copy(&hub, day.store, next.upto).await;
    assert_eq!(next.reservations(), [("released", 2, 0)]);
    assert_eq!(next.stock(), [("MUG", 4, 0)]);
    assert_eq!(copy(&hub, day.store, next.upto).await.rows, []);
    hub.stop().await;
}

async fn put(hub: &Hub, record: Record) {
    let record = Box::new(record);
    hub.send(submission(Command::PutRecord { record })).await.unwrap();
}

fn staff(code: &str, locations: &[&str]) -> Record {
    Record::Staff(Staff {
        code: StaffCode::new(code).unwrap(),
        name: code.to_owned(),
        role: Role::Cashier,
        locations: locations.iter().map(|l| LocationCode::new(l).unwrap()).collect(),
        pin_hash: Some("pin".to_owned()),
        password_hash: Some("password".to_owned()),
        state: RecordState::Active,
    })
}

#[tokio::test]
async fn records_of_others_stay_out_and_staff_who_leave_are_taken_away() {
    let (_database, hub) = fresh().await;
    let day = Day::pass(&hub).await;
    put(&hub, staff("ana", &["S01"])).await;
    put(&hub, staff("bea", &["W01"])).await;
    put(&hub, staff("eve", &[])).await;
    let first = copy(&hub, day.store, Version(0)).await;
    let records = first.records();
    assert!(records.contains_key("staff/ana") && records.contains_key("staff/eve"));
    assert!(!records.contains_key("staff/bea"));
    let text = serde_json::to_string(&first.rows).unwrap();
    assert!(text.contains("\"pin\"") && !text.contains("\"password\""));
    put(&hub, staff("ana", &["W01"])).await;
    let next = copy(&hub, day.store, first.upto).await;
    assert_eq!(next.records(), BTreeMap::from([("staff/ana", None)]));
    hub.stop().await;
}

#[tokio::test]
async fn figures_of_other_stores_follow_their_stock_and_their_policies() {
    let (_database, hub) = fresh().await;
    let day = Day::pass(&hub).await;
    let made = hub.send(submission(put_location("S02", LocationKind::Store))).await.unwrap();
    let other = LocationNo(made.version.unwrap().0);
    hub.receive(day.mug, other, 7).await;
    let first = copy(&hub, day.store, Version(0)).await;
    assert_eq!(first.elsewhere()["MUG"], [("S02", 7)]);
    assert_eq!(first.elsewhere()["TEA"], []);
    assert_eq!(copy(&hub, other, Version(0)).await.elsewhere()["MUG"], []);
    let safety = Safety { item: day.mug, location: other, units: 2 };
    put(&hub, Record::Safety(safety)).await;
    let second = copy(&hub, day.store, first.upto).await;
    assert_eq!(second.elsewhere(), BTreeMap::from([("MUG", vec![("S02", 5)])]));
    assert!(second.records().is_empty(), "another store's policy");
    let command = Command::RemoveRecord { key: format!("safety/{}/{}", day.mug.0, other.0) };
    hub.send(submission(command)).await.unwrap();
    let third = copy(&hub, day.store, second.upto).await;
    assert_eq!(third.elsewhere(), BTreeMap::from([("MUG", vec![("S02", 7)])]));
    let command = Command::RemoveRecord { key: "location/S02".to_owned() };
    hub.send(submission(command)).await.unwrap();
    let closed = copy(&hub, day.store, third.upto).await;
    assert_eq!(closed.elsewhere(), BTreeMap::from([("MUG", vec![])]));
    hub.stop().await;
}

/// Items 1001 and up, each with a row of stock at two stores, all by one statement a table.
fn many(items: i64, (own, other): (LocationNo, LocationNo)) -> String {
    let numbers = format!(
        "with recursive n(i) as (select 1001 union all select i + 1 from n where i < {})",
        1_000 + items
    );
    let stock = |location: LocationNo| {
        format!(
            "insert into stock {numbers} select i, {}, 3, 0, 0, 0, 0, 0, 0, -3, 0, 0, 0, 0, 0, \
             i from n; ",
            location.0
        )
    };
    format!(
        "insert into item {numbers} select i, 'SKU-' || cast(i as text), 'x', 'active', \
         '{{\"name\":\"A thing for the kitchen, blue, with a handle\"}}', i, '[]' from n; {}{}\
         update head set version = {}",
        stock(own),
        stock(other),
        1_000 + items
    )
}

#[tokio::test]
async fn fifty_thousand_items_come_in_parts_of_bounded_size() {
    let (database, hub) = fresh().await;
    let own = hub.send(submission(put_location("S01", LocationKind::Store))).await.unwrap();
    let other = hub.send(submission(put_location("S02", LocationKind::Store))).await.unwrap();
    let no = |accepted: oneshelf_hub::commands::Accepted| LocationNo(accepted.version.unwrap().0);
    let (own, other) = (no(own), no(other));
    run(database.url(), &many(50_000, (own, other))).await;
    let copy = copy(&hub, own, Version(0)).await;
    assert_eq!(copy.skus().len(), 50_000);
    assert_eq!(copy.stock().len(), 50_000);
    let elsewhere = copy.elsewhere();
    assert_eq!(elsewhere.len(), 50_000);
    assert!(elsewhere.values().all(|f| *f == [("S02", 3)]));
    assert!(copy.bytes_max <= limits::FRAME_BYTES_MAX, "{}", copy.bytes_max);
    assert!(copy.bytes_max > limits::FRAME_BYTES_MAX / 2, "parts are well filled");
    assert_eq!(copy.upto, Version(51_000));
    hub.stop().await;
}

async fn changed(hub: &Hub, after: Version) -> (Version, Vec<(ItemNo, LocationNo, i64)>) {
    let mut tx = hub.store.read().await.unwrap();
    let mut changes = Changes::open(&mut tx, after).await.unwrap();
    let mut all = vec![];
    loop {
        let page = changes.page(&mut tx).await.unwrap();
        if page.is_empty() {
            tx.rollback().await.unwrap();
            return (changes.upto, all);
        }
        all.extend(page.iter().map(|(key, s)| (key.item, key.location, s.available())));
    }
}

#[tokio::test]
async fn live_readers_get_the_newest_value_of_each_row_that_changed() {
    let (database, hub) = fresh().await;
    let (item, location) = hub.stocked(5).await;
    let (upto, rows) = changed(&hub, Version(0)).await;
    assert_eq!((upto, rows), (Version(3), vec![(item, location, 5)]));
    for _ in 0..3 {
        reserved(&hub, reserve(item, location, 1)).await;
    }
    assert_eq!(changed(&hub, upto).await, (Version(6), vec![(item, location, 2)]));
    assert_eq!(changed(&hub, Version(6)).await, (Version(6), vec![]));
    run(database.url(), &many(5_000, (LocationNo(8), LocationNo(9)))).await;
    let (upto, rows) = changed(&hub, Version(6)).await;
    assert_eq!((upto, rows.len()), (Version(6_000), 10_000));
    hub.stop().await;
}

#[tokio::test]
async fn a_frame_read_whole_equals_its_parts() {
    let (_database, hub) = fresh().await;
    let day = Day::pass(&hub).await;
    let parts = copy(&hub, day.store, Version(0)).await;
    let records = Arc::new(Records::default());
    let whole = changed_rows(&hub.store, day.store, None, 0, &records).await.unwrap();
    assert_eq!((whole.rows, whole.upto), (parts.rows, parts.upto.0));
    let numbers: Vec<_> = whole.numbers.iter().map(|(sku, no)| (sku.as_str(), *no)).collect();
    assert_eq!(numbers, [("TEA", day.tea)]);
    let items = items_changed(&hub.store, 0, whole.upto, 10).await.unwrap();
    assert_eq!(items, BTreeSet::from([day.tea, day.mug]));
    assert_eq!(items_changed(&hub.store, 0, whole.upto, 1).await.unwrap().len(), 1);
    assert_eq!(items_changed(&hub.store, whole.upto, whole.upto, 10).await.unwrap().len(), 0);
    hub.stop().await;
}

#[tokio::test]
async fn a_rejected_frame_is_kept_as_it_came_first() {
    let (database, hub) = fresh().await;
    let id = CommandId(uuid::Uuid::from_u128(1));
    let agent = AgentId(uuid::Uuid::from_u128(2));
    for frame in ["{\"a\":\"\0\"}", "another"] {
        let location = LocationNo(1);
        let row = RejectedFrame { id, agent, location, code: "unreadable", frame };
        keep_rejected(&hub.store, &row, oneshelf_domain::Timestamp(5)).await.unwrap();
    }
    let kept = texts(database.url(), "select frame from rejected_frame").await;
    assert_eq!(kept, ["{\"a\":\"\u{fffd}\"}"]);
    hub.stop().await;
}

#[tokio::test]
async fn before_a_new_life_says_anything_the_facts_of_the_one_before_are_included() {
    let (_database, hub) = fresh().await;
    let mut day = Day::pass(&hub).await;
    let (old, last) = (day.agent.incarnation, day.agent.seq);
    let next = Agent::hello(&hub, day.store, Some(&day.agent)).await;
    let silent = Agent::hello(&hub, day.store, Some(&next)).await;
    let applied = async |life| copy_of(&hub, day.store, life, Version(0)).await.applied;
    let included = Applied { incarnation: Some(old), seq: last };
    assert!(last > 0);
    assert_eq!(applied(Some(next.incarnation)).await, included);
    assert_eq!(applied(Some(silent.incarnation)).await, included, "two lives on");
    day.agent = silent;
    day.agent.take_in(&hub, day.store, day.tea, 1).await;
    let mine = Applied { incarnation: Some(day.agent.incarnation), seq: 1 };
    assert_eq!(copy_of(&hub, day.store, mine.incarnation, Version(0)).await.applied, mine);
    assert_eq!(copy(&hub, day.store, Version(0)).await.applied, Applied::default());
    hub.stop().await;
}

#[tokio::test]
async fn prices_that_begin_at_a_moment_come_with_their_item() {
    let (_database, hub) = fresh().await;
    let day = Day::pass(&hub).await;
    let (store, before) = (day.store, copy(&hub, day.store, Version(0)).await);
    let price = |minor| Money { minor, currency: Currency::new("EUR").unwrap() };
    let from = "2026-12-01".parse().unwrap();
    let (sku, prices) = (Sku::new("TEA").unwrap(), vec![DatedPrice { from, price: price(5) }]);
    let command = Command::PutPrices { sku: sku.clone(), prices: prices.clone() };
    hub.send(submission(command)).await.unwrap();
    let changed = copy(&hub, store, before.upto).await;
    let Some(Row::Item { item }) = changed.rows.first() else { panic!("{:?}", changed.rows) };
    assert_eq!((&item.sku, &item.prices, changed.rows.len()), (&sku, &prices, 1));
    // What an older hub wrote has none, and what a newer one adds is not looked at.
    let mut json = serde_json::to_value(item).unwrap();
    json["colour"] = "red".into();
    assert_eq!(serde_json::from_value::<Item>(json.clone()).unwrap(), **item);
    json.as_object_mut().unwrap().remove("prices");
    assert_eq!(serde_json::from_value::<Item>(json).unwrap().prices, []);
    hub.stop().await;
}
