//! The board of live figures: made once for all who follow, the newest for each, nothing missed.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use oneshelf_domain::promise::{Level, Shown};
use oneshelf_domain::record::Display;
use oneshelf_domain::stock::ItemNo;
use oneshelf_domain::{Sku, limits};
use oneshelf_hub::live::{Figure, Follower, News};
use oneshelf_hub::shown::Audience;
use serde_json::json;

use crate::support::Hub;

async fn within<T>(what: impl Future<Output = T>) -> T {
    tokio::time::timeout(Duration::from_secs(60), what).await.expect("nothing came")
}

fn exact() -> Audience {
    Audience { channel: None, display: Display::Exact { cap: limits::QUANTITY_MAX } }
}

fn level() -> Audience {
    Audience { channel: Some("web".to_owned()), display: Display::Level { low: 3 } }
}

async fn numbers(hub: &Hub, skus: &[&str]) -> BTreeSet<ItemNo> {
    let skus: Vec<Sku> = skus.iter().map(|sku| Sku::new(sku).unwrap()).collect();
    let found = hub.app().items.of(&hub.app().store, &skus).await.unwrap();
    found.into_iter().flatten().collect()
}

async fn follows(hub: &Hub, audience: Audience, skus: &[&str]) -> (Follower, News) {
    let mut follower = hub.app().board.follower(audience);
    let now = follower.follow(numbers(hub, skus).await).await.unwrap();
    (follower, now)
}

fn count(figure: &Figure) -> i64 {
    match figure.shown().total {
        Shown::Exact { count, .. } => count,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_figure_is_made_once_for_all_of_an_audience() {
    let hub = Hub::open().await;
    hub.receive("S07", 5).await;
    let (mut one, first) = follows(&hub, exact(), &["FLASK"]).await;
    let (mut two, second) = follows(&hub, exact(), &["FLASK", "LAMP"]).await;
    let (mut web, coarse) = follows(&hub, level(), &["FLASK"]).await;
    assert_eq!(first.figures[0].text(), second.figures[0].text());
    assert_eq!(coarse.figures[0].shown().total, Shown::Level { level: Level::InStock });
    hub.receive("S07", 2).await;
    let (first, second) = (within(one.next()).await, within(two.next()).await);
    assert!(Arc::ptr_eq(&first.figures[0], &second.figures[0]), "the same text");
    assert_eq!((count(&first.figures[0]), second.figures.len()), (7, 1));
    // Seven are as much "in stock" as five: the first that is news to this audience is the lamp.
    let body = json!({"location": "S07", "lines": [{"sku": "LAMP", "quantity": 9}]});
    let now = web.follow(numbers(&hub, &["FLASK", "LAMP"]).await).await.unwrap();
    assert_eq!(now.figures.len(), 2);
    hub.post("/v1/stock/receive", body).await.ok(200);
    let news = within(web.next()).await;
    let told: Vec<_> = news.figures.iter().map(|f| f.shown().sku.to_string()).collect();
    assert_eq!(told, ["LAMP"]);
    assert_eq!(hub.app().board.items(), 2);
    drop((one, two, web));
    assert_eq!(hub.app().board.items(), 0, "nothing is remembered for nobody");
    hub.close().await;
}

#[tokio::test]
async fn whoever_was_told_up_to_a_version_knows_all_of_it() {
    let hub = Hub::open().await;
    let (mut slow, mut newest) = follows(&hub, exact(), &["FLASK"]).await;
    let mut known = count(&newest.figures[0]);
    // What stands on the shelf at each version; it only grows.
    let mut shelf: BTreeMap<i64, i64> = BTreeMap::new();
    for units in 1..=40 {
        hub.receive("S07", 1).await;
        shelf.insert(hub.app().store.head().await.unwrap().0.version.0, units);
        // Whoever comes now sees what was committed before.
        let (_, now) = follows(&hub, exact(), &["FLASK"]).await;
        assert!(count(&now.figures[0]) >= units, "{} of {units}", count(&now.figures[0]));
        if units % 4 > 0 {
            continue;
        }
        let before = newest.upto;
        newest = within(slow.next()).await;
        assert!(newest.upto >= before && newest.figures.len() == 1, "the newest, no queue");
        known = count(&newest.figures[0]).max(known);
        let owed = shelf.range(..=newest.upto).next_back().map_or(0, |(_, units)| *units);
        assert!(known >= owed, "told up to {}: {known} of {owed}", newest.upto);
    }
    while known < 40 {
        known = count(&within(slow.next()).await.figures[0]);
    }
    hub.close().await;
}

#[tokio::test]
async fn who_follows_everything_hears_of_each_item_and_of_doubt() {
    let hub = Hub::open().await;
    let mut all = hub.app().board.everything(exact());
    let both: Vec<ItemNo> = numbers(&hub, &["FLASK", "LAMP"]).await.into_iter().collect();
    let (_, now) = hub.app().board.current(&exact(), &both).await.unwrap();
    assert_eq!(now.iter().map(|f| count(f)).collect::<Vec<_>>(), [0, 0]);
    hub.receive("S07", 3).await;
    let told = within(async {
        loop {
            let news = all.next().await;
            if let Some(figure) = news.figures.first() {
                break figure.clone();
            }
        }
    });
    let told = told.await;
    let changed: Vec<_> = told.changed(Some(&now[0])).collect();
    assert_eq!(changed.len(), 1, "one location of three");
    assert_eq!(changed[0].0.location.to_string(), "S07");
    let text: serde_json::Value = serde_json::from_str(changed[0].1).unwrap();
    assert_eq!(text["shown"], json!({"kind": "exact", "count": 3, "more": false}));
    // A buffer changes figures of no row.
    hub.put("/v1/policies/buffer/FLASK/web", json!({"quantity": 2})).await.ok(200);
    within(async { while !all.next().await.anything {} }).await;
    hub.close().await;
}

#[tokio::test]
async fn who_may_see_something_else_is_told_in_those_words() {
    let hub = Hub::open().await;
    hub.receive("S07", 2).await;
    let (mut one, now) = follows(&hub, exact(), &["FLASK"]).await;
    assert_eq!(count(&now.figures[0]), 2);
    let now = one.become_audience(level()).await.unwrap();
    assert_eq!(now.figures[0].shown().total, Shown::Level { level: Level::Low });
    hub.receive("S07", 7).await;
    let news = within(one.next()).await;
    assert_eq!(news.figures[0].shown().total, Shown::Level { level: Level::InStock });
    // Settings change what is shown of the same rows.
    hub.put("/v1/policies/buffer/FLASK/web", json!({"quantity": 9})).await.ok(200);
    let news = within(one.next()).await;
    assert_eq!(news.figures[0].shown().total, Shown::Level { level: Level::Out });
    hub.close().await;
}
