//! Goods on a scale: the line takes its weight, and what keeps it from giving one is said.

use oneshelf_hardware::sim::ScaleSim;
use serde_json::{Value, json};

use super::hub::nothing_applied;
use super::page::Page;
use super::store::{Store, item, settings, stock};

const HAM: &str = "4006381333931";

async fn store(scale: &ScaleSim) -> (Store, Page) {
    let mut store = Store::open_with(None, None).await;
    store.stop().await;
    store.scale = Some(format!("serial:{}", scale.path().display()));
    store.start().await;
    let mut line = store.hub.line().await;
    line.welcome(1, json!([])).await;
    let mut rows = settings();
    let mut ham = item(1, "HAM", "Ham", HAM, 2);
    ham["item"]["unit"] = json!("gram");
    rows.extend([ham, stock("HAM", 50_000, 0)]);
    line.rows(0, 10, nothing_applied(), &rows);
    store.page().until("api/state", |s| s["shop"] == "Harbour Goods").await;
    let page = store.ana_with_float().await;
    (store, page)
}

fn why(answer: &(u16, Value)) -> (u16, &Value, &Value) {
    (answer.0, &answer.1["code"], &answer.1["scale"])
}

#[tokio::test]
async fn a_weighed_item_takes_what_the_scale_says_or_says_why_not() {
    let name = format!("oneshelf-scale-{}", uuid::Uuid::new_v4().as_simple());
    let scale = ScaleSim::plug_in(&std::env::temp_dir().join(name)).unwrap();
    let (_store, mut page) = store(&scale).await;
    page.until("api/devices", |d| d["scale"]["state"] == "ready").await;
    let needed = json!("weight_needed");
    let empty = page.scan(HAM).await;
    assert_eq!(why(&empty), (409, &needed, &json!("empty")));
    scale.put(862);
    scale.set(|k| k.moving = 2);
    let (status, added) = page.scan(HAM).await;
    assert_eq!((status, &added["ticket"]["lines"][0]["quantity"]), (200, &json!(862)), "{added}");
    scale.set(|k| k.moving = 1_000);
    let moving = page.scan(HAM).await;
    assert_eq!(why(&moving), (409, &needed, &json!("moving")));
    scale.set(|k| k.moving = 0);
    scale.put(20_000);
    let over = page.post("api/ticket/weigh", json!({"sku": "HAM"})).await;
    assert_eq!(why(&over), (409, &needed, &json!("overload")));
    scale.put(138);
    let (status, added) = page.post("api/ticket/weigh", json!({"sku": "HAM"})).await;
    assert_eq!((status, &added["ticket"]["lines"][0]["quantity"]), (200, &json!(1_000)));
    scale.set(|k| k.silent = true);
    let silent = page.scan(HAM).await;
    assert_eq!(why(&silent), (409, &needed, &json!("not_answering")));
    page.until("api/devices", |d| d["scale"]["state"] == "not_answering").await;
    // Somebody types it meanwhile.
    let typed = json!({"sku": "HAM", "quantity": 5});
    assert_eq!(page.post("api/ticket/lines", typed).await.0, 200);
    scale.unplug().unwrap();
    let gone = page.scan(HAM).await;
    assert_eq!(gone.1["code"], "weight_needed");
    page.until("api/devices", |d| d["scale"]["state"] == "unreachable").await;
}
