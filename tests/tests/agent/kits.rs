//! Kits at a register: one line at the kit's price, its parts leave the shelf and come back to it.

use reqwest::Method;
use serde_json::{Value, json};

use super::hub::{Line, nothing_applied};
use super::page::Page;
use super::store::{Store, cash, eur, item, within};

const SET: &str = "4006381333931";

/// SET: two teas and a lamp, at 70.00.
fn set(line: &Line) {
    let mut row = item(3, "SET", "Camping set", SET, 7_000);
    let parts = json!([{"sku": "TEA", "quantity": 2}, {"sku": "LAMP", "quantity": 1}]);
    row["item"]["components"] = parts;
    let elsewhere = |sku: &str, units: i64| {
        let figures = json!([["S02", units]]);
        json!({"row": "elsewhere", "sku": sku, "figures": figures})
    };
    let rows = [row, elsewhere("TEA", 9), elsewhere("LAMP", 3)];
    line.rows(10, 11, nothing_applied(), &rows);
}

async fn known(page: &Page) {
    // Whatever the copy had before: until it knows the kit.
    within(async { while page.get("api/items/SET/here").await["here"]["to_sell"] != 2 {} }).await;
}

async fn act(page: &Page, key: &str, body: Value) -> (u16, Value) {
    let request = page.request(Method::POST, "api/stock/acts").header("origin", &page.base);
    let answer = within(request.header("idempotency-key", key).json(&body).send()).await.unwrap();
    (answer.status().as_u16(), answer.json().await.unwrap())
}

#[tokio::test]
async fn a_kit_is_one_line_and_its_fact_takes_the_parts() {
    let store = Store::open().await;
    let mut line = store.first_line().await;
    set(&line);
    let mut page = store.ana_with_float().await;
    known(&page).await;
    let here = page.get("api/items/SET/here").await;
    assert_eq!(here["elsewhere"][0]["shown"], 3, "{here}");
    let ticket = page.scanned(SET).await;
    assert_eq!((&ticket["pieces"], &ticket["total"]), (&json!(1), &eur(7_000)));
    // Each part is asked for.
    for _ in 0..2 {
        let ask = line.frame("ask").await;
        let want = if ask["sku"] == "TEA" { 2 } else { 1 };
        assert_eq!(ask["want"], want, "{ask}");
        line.answer(&ask, 1);
    }
    // One of the teas is somebody else's: so is the kit.
    page.until("api/ticket", |t| t["lines"][0]["warning"] == "promised").await;
    let lines = page.get("api/ticket").await["lines"].clone();
    assert_eq!((lines.as_array().unwrap().len(), &lines[0]["beyond"]), (1, &json!(1)));
    line.grant("TEA", 2);
    page.until("api/ticket", |t| t["lines"][0]["warning"].is_null()).await;
    page.until("api/items/SET/here", |i| i["here"]["share"] == 1).await;
    let (status, paid) = page.pay(cash(7_000)).await;
    assert_eq!(status, 200, "{paid}");
    let fact = line.fact("sale").await;
    let split = |sku: &str, share: i64| json!({"sku": sku, "share": share, "beyond": 0});
    assert_eq!(fact["body"]["lines"], json!([split("TEA", 2), split("LAMP", 1)]));
    let sold = &fact["body"]["sale"]["lines"];
    assert_eq!((sold.as_array().unwrap().len(), &sold[0]["sku"]), (1, &json!("SET")));
    assert_eq!(sold[0]["components"], json!([["TEA", 2], ["LAMP", 1]]));
    assert_eq!(fact["granted"], json!([["LAMP", 1], ["TEA", 2]]));
    store.printer().wait_until(|d| d.printed().sheets_total == 1).await;
    let text = store.printer().sheets()[0].text();
    assert!(text.contains("Camping set") && text.contains("70.00"), "{text}");
    page.until("api/items/SET/here", |i| i["here"]["to_sell"] == 1).await;
}

#[tokio::test]
async fn what_comes_back_of_a_kit_are_its_parts() {
    let store = Store::open_with(None, None).await;
    let mut line = store.first_line().await;
    set(&line);
    let mut page = store.page();
    let asked = json!({"register": "R2", "staff": "sile", "pin": "123456"});
    assert_eq!(page.post("api/sign-in", asked).await.0, 200);
    known(&page).await;
    for body in [
        json!({"act": "receive", "sku": "SET", "quantity": 1}),
        json!({"act": "count", "sku": "SET", "found": 1}),
    ] {
        let (status, refused) = act(&page, "k-1", body).await;
        assert_eq!((status, &refused["code"]), (409, &json!("kit_has_no_stock")));
    }
    let back = json!({"act": "return", "sku": "SET", "quantity": 2});
    assert_eq!(act(&page, "k-2", back.clone()).await.1["again"], false);
    assert_eq!(act(&page, "k-2", back).await.1["again"], true);
    let one = json!({"act": "return", "sku": "SET", "quantity": 1});
    assert_eq!(act(&page, "k-2", one).await.1["code"], "command_reused");
    for (sku, units) in [("TEA", 4), ("LAMP", 2)] {
        let fact = line.fact("in").await;
        assert_eq!((&fact["body"]["sku"], &fact["body"]["quantity"]), (&json!(sku), &json!(units)));
        assert_eq!(fact["body"]["to_share"], false);
    }
    assert_eq!(page.get("api/state").await["link"]["waiting"], 2);
}
