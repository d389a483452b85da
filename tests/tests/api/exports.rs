//! Files of what the hub knows: read back they change nothing, and a range of movements is the
//! same file whenever it is asked for.

use serde_json::{Value, json};

use crate::imports::{end, send};
use crate::support::{Hub, Said};

async fn export(hub: &Hub, path: &str) -> Said {
    let said = hub.get(&format!("/v1/exports/{path}")).await;
    assert_eq!(said.status, 200, "{}", said.text);
    assert_eq!(said.headers["content-type"], "text/csv; charset=utf-8");
    said
}

fn rows(text: &str) -> Vec<Vec<String>> {
    let mut reader = csv::ReaderBuilder::new().has_headers(false).from_reader(text.as_bytes());
    let cells = |row: csv::StringRecord| row.iter().map(str::to_owned).collect();
    reader.records().map(|row| cells(row.unwrap())).collect()
}

/// All items as the API gives them, without their versions.
async fn items(hub: &Hub) -> Vec<Value> {
    let page = hub.get("/v1/items?limit=500").await.ok(200);
    let mut items = page["items"].as_array().unwrap().clone();
    items.iter_mut().for_each(|item| item["version"] = Value::Null);
    items
}

const HOSTILE: [&str; 8] =
    ["=1+1", "+49 30", "-10 % off", "@home", "'=quoted", "say \"hi\", twice", "two; parts", "'tis"];

#[tokio::test]
async fn items_and_prices_read_back_to_the_same_values() {
    let hub = Hub::open().await;
    for (n, name) in HOSTILE.iter().enumerate() {
        let body = json!({"name": name, "barcodes": [format!("{n}1"), format!("{n}|2\\")],
            "unit": "gram", "brand": name, "category": "A/B", "options": name,
            "price": {"minor": 5 + n, "currency": "EUR"}, "image": "https://shop.example/a,b;c"});
        hub.put(&format!("/v1/items/H{n}"), body).await.ok(200);
    }
    hub.put("/v1/items/=SKU", json!({"name": "A formula for a number"})).await.ok(200);
    hub.post("/v1/items/H1/retire", json!({})).await.ok(200);
    let price = |minor: i64| json!({"minor": minor, "currency": "EUR"});
    let prices = json!({"prices": [{"from": "2020-01-01", "price": price(1)},
        {"from": "2999-01-01T00:00:00Z", "price": price(2)}]});
    hub.put("/v1/items/H0/prices", prices).await.ok(200);
    let before = items(&hub).await;
    let versions = hub.get("/v1/exports/items").await.text;
    for query in ["", "?bom=true", "?decimal=comma", "?decimal=comma&bom=true"] {
        for kind in ["items", "prices"] {
            let file = export(&hub, &format!("{kind}{query}")).await.text;
            assert!(
                !file.contains("\n=") && !file.contains(",=") && !file.contains(";="),
                "{file}"
            );
            let made = send(&hub, kind, &file).await.ok(202);
            let done = end(&hub, &made["id"]).await;
            assert_eq!(
                (&done["state"], &done["rows_failed"]),
                (&json!("done"), &json!(0)),
                "{done}"
            );
            assert_eq!(items(&hub).await, before, "{kind}{query}");
        }
    }
    assert_eq!(hub.get("/v1/exports/items").await.text, versions, "no row changed anything");

    // Another hub gets the same catalogue from the files.
    let other = Hub::open().await;
    for kind in ["items", "prices"] {
        let file = export(&hub, kind).await.text;
        let made = send(&other, kind, &file).await.ok(202);
        assert_eq!(end(&other, &made["id"]).await["rows_failed"], 0);
    }
    assert_eq!(items(&other).await, before);
    hub.close().await;
    other.close().await;
}

#[tokio::test]
async fn stock_is_told_per_location_and_bucket_and_may_open_another_hub() {
    let hub = Hub::open().await;
    hub.receive("S07", 7).await;
    hub.receive("W01", 5).await;
    let line = json!({"lines": [{"sku": "FLASK", "location": "W01", "quantity": 2}]});
    hub.post("/v1/reservations", line).await.ok(201);
    let file = export(&hub, "stock").await.text;
    let all = rows(&file);
    assert_eq!(
        all[0][..6],
        ["sku", "location", "quantity", "available", "store_share", "reserved"]
    );
    let at = |code: &str| all.iter().find(|row| row[1] == code).unwrap()[..6].to_vec();
    assert_eq!(at("W01"), ["FLASK", "W01", "5", "3", "0", "2"]);
    assert_eq!(at("S07")[2..4], ["7", "7"]);
    assert_eq!(rows(&export(&hub, "stock?location=S07").await.text).len(), 2);
    let other = Hub::open().await;
    let made = send(&other, "stock", &file).await.ok(202);
    assert_eq!(end(&other, &made["id"]).await["rows_failed"], 0);
    assert_eq!(other.flask_at("W01").await["available"], 5);
    hub.close().await;
    other.close().await;
}

#[tokio::test]
async fn movements_go_on_from_a_cursor_and_a_range_is_the_same_file_again() {
    let hub = Hub::open().await;
    for n in 1..=3 {
        hub.receive("S07", n).await;
    }
    let cursor = |said: &Said| said.headers["oneshelf-next-cursor"].to_str().unwrap().to_owned();
    let first = export(&hub, "movements").await;
    assert_eq!(rows(&first.text).len(), 4, "{}", first.text);
    let upto = cursor(&first);
    hub.receive("W01", 9).await;
    let again = export(&hub, &format!("movements?upto={upto}")).await;
    assert_eq!((again.text == first.text, cursor(&again)), (true, upto.clone()));
    let next = export(&hub, &format!("movements?after={upto}")).await;
    let moved = rows(&next.text);
    assert_eq!(
        (moved.len(), &*moved[1][4], &*moved[1][5], &*moved[1][8]),
        (2, "FLASK", "9", "W01")
    );
    let last = cursor(&next);
    assert_eq!(rows(&export(&hub, &format!("movements?after={last}")).await.text).len(), 1);
    // All in two parts is all at once.
    let whole = export(&hub, "movements").await.text;
    let (head, rest) = next.text.split_once("\r\n").unwrap();
    assert_eq!(whole, format!("{}{rest}", first.text));
    assert!(first.text.starts_with(head));
    for wrong in ["after=999999", "after=-1", "upto=999999", &format!("after={last}&upto=1")] {
        assert_eq!(hub.get(&format!("/v1/exports/movements?{wrong}")).await.status, 422, "{wrong}");
    }
    hub.close().await;
}

#[tokio::test]
async fn whoever_does_not_work_everywhere_names_a_location() {
    let hub = Hub::open().await;
    hub.receive("S07", 1).await;
    hub.receive("S02", 1).await;
    let cookie = hub.sign_in("mona", "manager", &["S07"]).await;
    let ask = async |path: &str| {
        let ask = hub.ask("GET", &format!("/v1/exports/{path}")).header("cookie", &cookie);
        ask.send().await
    };
    ask("stock").await.refused(422, "invalid");
    ask("movements").await.refused(422, "invalid");
    ask("stock?location=S02").await.refused(404, "location_unknown");
    let mine = ask("movements?location=S07").await;
    assert_eq!((mine.status, rows(&mine.text).len()), (200, 2));
    assert_eq!(ask("items").await.status, 200);
    hub.close().await;
}

#[tokio::test]
async fn more_than_a_page_comes_whole_and_in_order() {
    let hub = Hub::open().await;
    let mut file = "sku,name,price\n".to_owned();
    file.extend((0..2_500).map(|n| format!("P{n:05},Thing {n},1.00\n")));
    let made = send(&hub, "items", &file).await.ok(202);
    end(&hub, &made["id"]).await;
    let all = rows(&export(&hub, "items").await.text);
    let mine: Vec<&str> =
        all.iter().map(|row| row[0].as_str()).filter(|s| s.starts_with('P')).collect();
    assert_eq!(mine.len(), 2_500);
    assert!(mine.is_sorted());
    hub.close().await;
}

#[tokio::test]
async fn files_are_sent_a_few_at_once_to_a_caller() {
    let hub = Hub::open().await;
    let busy: Vec<_> = (0..4).map(|_| hub.app().exports.room("key:slow").unwrap()).collect();
    assert!(hub.app().exports.room("key:slow").is_none());
    // Others are served meanwhile, up to all that may be sent.
    export(&hub, "items").await;
    let all: Vec<_> =
        (0..4).map(|n| hub.app().exports.room(&format!("key:{n}")).unwrap()).collect();
    let refused = hub.get("/v1/exports/items").await;
    assert!(refused.headers.contains_key("retry-after"));
    refused.refused(503, "busy");
    drop((busy, all));
    export(&hub, "items").await;
    assert!(hub.app().exports.room("key:slow").is_some());
    hub.close().await;
}
