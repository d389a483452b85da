//! A long day without the hub, and a catalogue of a real shop's size.

use serde_json::{Value, json};

use super::hub::nothing_applied;
use super::store::{LAMP, Store, TEA, cash, item, settings, stock};

/// Of the sales of the day; the bench and the chaos legs run more.
const SALES: i64 = 300;
const ITEMS: i64 = 20;

fn sku(n: i64) -> String {
    format!("SKU-{n}")
}

#[tokio::test]
async fn a_day_of_sales_without_the_hub_arrives_exactly_once() {
    let store = Store::open_with(None, None).await;
    let line = store.first_line().await;
    let mut rows = vec![];
    for n in 0..ITEMS {
        rows.push(item(100 + n, &sku(n), &format!("Thing {n}"), &format!("INT{n:04}"), 100 + n));
        rows.push(stock(&sku(n), 1_000, 0));
    }
    line.rows(10, 11, nothing_applied(), &rows);
    let mut page = store.ana_with_float().await;
    page.until("api/items/SKU-19/here", |i| i["here"]["on_hand"] == 1_000).await;
    store.hub.down();
    page.until("api/state", |s| s["link"]["state"] == "offline").await;
    for n in 0..SALES {
        page.scanned(&format!("INT{:04}", n % ITEMS)).await;
        let (status, paid) = page.pay(cash(10_000)).await;
        assert_eq!(status, 200, "{paid}");
        assert_eq!(paid["sale"]["receipt_number"], format!("S07-R1-{:06}", n + 1));
    }
    let here = page.get("api/items/SKU-0/here").await["here"].clone();
    assert_eq!(here["on_hand"], 1_000 - SALES / ITEMS);

    store.hub.up();
    let mut next = 1;
    let mut session = 2;
    let mut line = store.hub.line().await;
    line.welcome(session, json!([])).await;
    while next <= SALES {
        let fact = line.fact("sale").await;
        let seq = fact["seq"].as_i64().unwrap();
        assert!(seq <= next, "no fact is left out: {seq}, expected {next}");
        let known = seq < next;
        next = next.max(seq + 1);
        // Every fifth answer is lost, with its line.
        if !known && seq % 5 == 0 && seq % 50 == 0 {
            store.hub.cut();
            session += 1;
            line = store.hub.line().await;
            line.welcome(session, json!([])).await;
        } else if !known && seq % 5 == 0 {
            // Lost alone: it is sent again after the second ping that finds it unanswered.
            let ping = json!({"kind": "ping", "session": line.session, "number": seq,
                "last": seq, "granted": []});
            line.say(ping.clone());
            line.say(ping);
        } else {
            let answer = if known { "duplicate" } else { "accepted" };
            line.ack(&fact, json!({"answer": answer}));
        }
    }
    while page.get("api/state").await["link"]["waiting"] != json!(0) {
        let ping = json!({"kind": "ping", "session": line.session, "number": 9, "last": SALES,
            "granted": []});
        line.say(ping.clone());
        line.say(ping);
        let fact = line.fact("sale").await;
        line.ack(&fact, json!({"answer": "duplicate"}));
    }
    let applied = json!({"incarnation": line.incarnation, "seq": SALES});
    let rows: Vec<Value> = (0..ITEMS).map(|n| stock(&sku(n), 1_000 - SALES / ITEMS, 0)).collect();
    line.rows(11, 12, applied, &rows);
    page.until("api/state", |s| s["link"]["state"] == "live").await;
    let here = page.get("api/items/SKU-0/here").await["here"].clone();
    assert_eq!(here["on_hand"], 1_000 - SALES / ITEMS, "the hub's rows include the sales");
}

#[tokio::test]
async fn a_scan_is_served_while_a_whole_catalogue_is_copied() {
    const COUNT: i64 = 50_000;
    let store = Store::open_with(None, None).await;
    let mut line = store.first_line().await;
    let mut page = store.ana_with_float().await;
    line.rows(10, 11, nothing_applied(), &[stock("LAMP", 7, 0)]);
    page.until("api/items/LAMP/here", |i| i["here"]["on_hand"] == 7).await;
    // The whole shop again, under a name of its own, without lamps; the items come first.
    let mut rows: Vec<Value> = (0..COUNT)
        .map(|n| item(100 + n, &sku(n), &format!("Thing {n}"), &format!("INT{n:05}"), 100))
        .collect();
    rows.push(item(1, "TEA", "Tea", TEA, 450));
    rows.extend((0..COUNT).map(|n| stock(&sku(n), 10, 0)));
    rows.extend([settings(), vec![stock("TEA", 4, 0)]].concat());
    for row in &mut rows {
        if row["key"] == "shop/shop" {
            row["record"]["name"] = json!("Harbour Goods, all of it");
        }
    }
    let last = rows.len().div_ceil(500) - 1;
    for (at, part) in rows.chunks(500).enumerate() {
        line.say(json!({
            "kind": "changes", "session": line.session, "epoch": 1, "after": 0, "upto": 12,
            "applied": nothing_applied(), "rows": part, "part": at, "more": at < last,
        }));
    }
    // The copy has begun.
    page.until("api/items/SKU-0/here", |i| i["sku"] == "SKU-0").await;
    let ticket = page.scanned(TEA).await;
    assert_eq!(ticket["pieces"], 1);
    assert_eq!(line.frame("ask").await["sku"], "TEA");
    // It has not ended: figures, settings and what is gone are as they were.
    let here = page.get("api/items/TEA/here").await["here"].clone();
    assert_eq!(here["on_hand"], 5, "figures come in one piece");
    assert_eq!(page.get("api/items/LAMP/here").await["here"]["on_hand"], 7);
    assert_eq!(page.get("api/state").await["shop"], "Harbour Goods");
    let (status, paid) = page.pay(cash(450)).await;
    assert_eq!(status, 200, "{paid}");

    page.until("api/state", |s| s["shop"] == "Harbour Goods, all of it").await;
    let here = page.get("api/items/TEA/here").await["here"].clone();
    assert_eq!(here["on_hand"], 3, "the hub's four, less the sale that they do not include");
    assert_eq!(
        page.get(&format!("api/items/{}/here", sku(COUNT - 1))).await["here"]["on_hand"],
        10
    );
    assert_eq!(page.get("api/items/LAMP/here").await["code"], "item_unknown");
    assert_eq!(page.scan(LAMP).await.0, 404, "its barcode is gone too");
    assert_eq!(line.fact("sale").await["body"]["lines"][0]["beyond"], 1);
}
