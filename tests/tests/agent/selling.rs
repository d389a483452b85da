//! Selling: scan, ticket, pay, receipt number, fact; what a restart keeps.

use oneshelf_domain::Timestamp;
use serde_json::{Value, json};
use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{ConnectOptions, Connection};

use super::hub::nothing_applied;
use super::page::shown;
use super::store::{LAMP, Store, TEA, cash, eur, item, settings, stock};

#[tokio::test]
async fn a_sale_goes_from_scan_to_paper_drawer_and_hub() {
    let store = Store::open().await;
    let joined = store.hub.redeemed().await;
    assert_eq!(joined["public_key"].as_str().unwrap().len(), 64);
    let mut line = store.first_line().await;
    assert!(line.credential.starts_with("Agent agt_00000000000000000000000000000001."));
    let mut page = store.ana_with_float().await;
    let mut events = page.events().await;
    let ticket = page.scanned(TEA).await;
    assert_eq!((&ticket["pieces"], &ticket["total"]), (&json!(1), &eur(450)));
    let ask = line.frame("ask").await;
    assert_eq!((&ask["sku"], &ask["want"]), (&json!("TEA"), &json!(1)));
    line.grant("TEA", 1);
    page.until("api/items/TEA/here", |i| i["here"]["share"] == 1).await;
    let (status, paid) = page.pay(cash(2_000)).await;
    assert_eq!(status, 200, "{paid}");
    let sale = &paid["sale"];
    assert_eq!(sale["receipt_number"], "S07-R1-000001");
    assert_eq!((&sale["change"], &sale["given"]), (&eur(1_550), &eur(2_000)));

    let fact = line.fact("sale").await;
    let body = &fact["body"];
    assert_eq!(body["lines"], json!([{"sku": "TEA", "share": 1, "beyond": 0}]));
    assert_eq!(body["sale"]["receipt_number"], "S07-R1-000001");
    assert_eq!(body["sale"]["cashier"], "Ana Murphy (ana)");
    assert_eq!((&fact["seq"], &fact["granted"]), (&json!(1), &json!([["TEA", 1]])));
    assert_eq!(page.get("api/state").await["link"]["waiting"], 1);
    line.accept(&fact);
    page.until("api/state", |s| s["link"]["waiting"] == 0).await;

    events.next("printed", |e| e["job"]["state"] == "confirmed").await;
    let sheets = store.printer().sheets();
    let text = sheets[0].text();
    for part in ["Harbour Goods", "12 Quay Street", "Tea", "4.50", "VAT 23%", "15.50", "Ana Murphy"]
    {
        assert!(text.contains(part), "{part} is not on\n{text}");
    }
    assert!(!text.contains("COPY"));
    assert_eq!((sheets.len(), store.printer().pulses().len()), (1, 1));
    assert_eq!(page.get("api/ticket").await["pieces"], 0);
    assert_eq!(page.get("api/sales").await["sales"][0]["print"], "confirmed");
    let whole = page.get("api/sales/S07-R1-000001").await;
    assert_eq!(whole["lines"][0]["sku"], "TEA");
}

#[tokio::test]
async fn a_receipt_tells_the_time_of_the_store() {
    let store = Store::open().await;
    let _line = store.first_line().await;
    let mut page = store.ana_with_float().await;
    store.hub.down();
    page.scanned(TEA).await;
    page.until("api/ticket", |t| t["lines"][0]["warning"] == "free_when_offline").await;
    let (_, paid) = page.pay(cash(450)).await;
    let utc: Timestamp = serde_json::from_value(paid["sale"]["paid_at"].clone()).unwrap();
    store.printer().wait_until(|d| d.printed().sheets_total == 1).await;
    let text = store.printer().sheets()[0].text();
    // Nepal is 5 hours 45 minutes ahead, all year: neither UTC nor the shop's Dublin.
    let there = utc.plus_ms((5 * 60 + 45) * 60_000).to_string();
    let time = there[..16].replace('T', " ");
    assert_eq!(text.matches(&time).count(), 1, "{time} is not on\n{text}");
}

#[tokio::test]
async fn the_float_comes_first() {
    let store = Store::open().await;
    let _line = store.first_line().await;
    let mut page = store.ana().await;
    let (status, refused) = page.scan(TEA).await;
    assert_eq!((status, &refused["code"]), (409, &json!("cash_session_closed")));
    let (status, refused) = page.pay(cash(450)).await;
    assert_eq!((status, &refused["code"]), (409, &json!("cash_session_closed")));
    let usd = json!({"opening_float": {"minor": 1, "currency": "USD"}});
    assert_eq!(page.post("api/cash-sessions", usd).await.0, 422);
    let float = json!({"opening_float": eur(0)});
    assert_eq!(page.post("api/cash-sessions", float.clone()).await.0, 201);
    assert_eq!(page.post("api/cash-sessions", float).await.1["code"], "cash_session_open");
    assert_eq!(page.scan(TEA).await.0, 200);
}

#[tokio::test]
async fn codes_are_found_however_they_are_padded() {
    let store = Store::open().await;
    let _line = store.first_line().await;
    let mut page = store.ana_with_float().await;
    for code in [LAMP, "0036000291452", "00036000291452", "]E00036000291452", "LAMP"] {
        let (status, added) = page.scan(code).await;
        assert_eq!((status, &added["item"]["sku"]), (200, &json!("LAMP")), "{code}");
    }
    assert_eq!(page.get("api/ticket").await["lines"][0]["quantity"], 5);
    let (status, unknown) = page.scan("4006381333930").await;
    assert_eq!((status, &unknown["check_digit_ok"]), (404, &json!(false)));
    let (_, unknown) = page.scan("4006381333931").await;
    assert_eq!(
        (&unknown["code"], &unknown["check_digit_ok"]),
        (&json!("item_unknown"), &json!(true))
    );
    let (status, card) = page.scan("%B4111111111111111^A/B^2512").await;
    assert_eq!((status, &card["code"]), (422, &json!("card_refused")));
    let found = page.get("api/items?search=cam&limit=5").await;
    assert_eq!(found["items"][0]["name"], "Camp lamp");
}

#[tokio::test]
async fn paying_twice_with_one_key_is_one_sale() {
    let store = Store::open().await;
    let _line = store.first_line().await;
    let mut page = store.ana_with_float().await;
    store.hub.down();
    page.scanned(TEA).await;
    page.until("api/ticket", |t| t["lines"][0]["warning"] == "free_when_offline").await;
    let told = shown(&page.get("api/ticket").await);
    let with = |minor| {
        let mut body = cash(minor);
        body["shown"] = told.clone();
        body
    };
    let (status, first) = page.pay_as("k-1", with(500)).await;
    assert_eq!(status, 200, "{first}");
    let (status, again) = page.pay_as("k-1", with(500)).await;
    assert_eq!((status, &again["sale"]["id"]), (200, &first["sale"]["id"]));
    let (status, other) = page.pay_as("k-1", with(600)).await;
    assert_eq!((status, &other["code"]), (409, &json!("command_reused")));
    assert_eq!(page.get("api/sales").await["sales"].as_array().unwrap().len(), 1);
    let (status, empty) = page.pay(cash(500)).await;
    assert_eq!((status, &empty["code"]), (409, &json!("ticket_empty")));
    page.scanned(TEA).await;
    let (status, small) = page.pay_as("k-2", cash(449)).await;
    assert_eq!(
        (status, &small["code"], &small["missing"]),
        (422, &json!("tender_too_small"), &json!(1))
    );
    let (_, next) = page.pay_as("k-2", cash(450)).await;
    assert_eq!(next["sale"]["receipt_number"], "S07-R1-000002");
}

#[tokio::test]
async fn voiding_gives_the_share_back() {
    let store = Store::open().await;
    let mut line = store.first_line().await;
    let mut page = store.ana_with_float().await;
    let ticket = page.scanned(TEA).await;
    line.frame("ask").await;
    line.grant("TEA", 1);
    page.until("api/items/TEA/here", |i| i["here"]["share"] == 1).await;
    let path = format!("api/ticket/lines/{}", ticket["lines"][0]["id"].as_str().unwrap());
    let (status, raised) = page.patch(&path, json!({"quantity": 3})).await;
    assert_eq!((status, &raised["ticket"]["pieces"]), (200, &json!(3)));
    assert_eq!(line.frame("ask").await["want"], 3);
    line.grant("TEA", 3);
    page.until("api/items/TEA/here", |i| i["here"]["share"] == 3).await;
    page.patch(&path, json!({"quantity": 2})).await;
    assert_eq!(
        line.fact("back").await["body"],
        json!({"body": "back", "sku": "TEA", "quantity": 1})
    );
    let (status, voided) = page.delete(&path).await;
    assert_eq!((status, &voided["ticket"]["lines"]), (200, &json!([])));
    assert_eq!(line.fact("back").await["body"]["quantity"], 2);
    assert_eq!(page.delete(&path).await.0, 404);
    page.scanned(LAMP).await;
    let (status, empty) = page.delete("api/ticket").await;
    assert_eq!((status, &empty["ticket"]["pieces"]), (200, &json!(0)));
    // A grant that nobody waits for any more goes back.
    line.grant("LAMP", 1);
    assert_eq!(line.fact("back").await["body"]["sku"], "LAMP");
}

#[tokio::test]
async fn a_restart_keeps_ticket_numbers_and_log() {
    let mut store = Store::open().await;
    let mut line = store.first_line().await;
    let mut page = store.ana_with_float().await;
    page.scanned(TEA).await;
    line.frame("ask").await;
    line.grant("TEA", 1);
    page.until("api/items/TEA/here", |i| i["here"]["share"] == 1).await;
    page.pay(cash(450)).await;
    let sent = line.text_of("fact").await;
    page.scanned(LAMP).await;
    line.grant("LAMP", 1);
    page.until("api/items/LAMP/here", |i| i["here"]["share"] == 1).await;
    store.stop().await;

    store.hub.down();
    store.start().await;
    let mut page = store.ana().await;
    assert!(page.get("api/me").await["cash_session"]["id"].is_string());
    let ticket = page.get("api/ticket").await;
    assert_eq!(ticket["lines"][0]["sku"], "LAMP");
    assert_eq!(
        (&ticket["lines"][0]["beyond"], &ticket["lines"][0]["warning"]),
        (&json!(0), &Value::Null)
    );
    let (_, paid) = page.pay(cash(6_400)).await;
    assert_eq!(paid["sale"]["receipt_number"], "S07-R1-000002");

    store.hub.up();
    let mut line = store.hub.line().await;
    line.welcome(2, json!([])).await;
    let again = line.text_of("fact").await;
    let bytes = |text: &str| text[text.find("\"fact\":{").unwrap()..].to_owned();
    assert_eq!(bytes(&again), bytes(&sent), "a fact is sent as it was stored");
    let second = line.frame("fact").await;
    assert_eq!((&second["fact"]["seq"], &second["session"]), (&json!(2), &line.session));
    assert_eq!(second["fact"]["body"]["lines"], json!([{"sku": "LAMP", "share": 1, "beyond": 0}]));
}

#[tokio::test]
async fn a_hostile_title_is_text_on_page_and_paper() {
    let store = Store::open().await;
    let line = store.first_line().await;
    let name = "Tea\u{1b}p\u{0}\u{19}\u{fa} <b>=1+1</b>\u{1d}V\u{41}\u{0}\u{202e}x\u{10}\u{4}\u{1}";
    line.rows(
        10,
        11,
        nothing_applied(),
        &[item(3, "EVIL", name, "96385074", 100), stock("EVIL", 2, 0)],
    );
    let mut page = store.ana_with_float().await;
    page.until("api/items/EVIL/here", |i| i["sku"] == "EVIL").await;
    store.hub.down();
    page.scanned("96385074").await;
    page.until("api/ticket", |t| t["lines"][0]["warning"] == "free_when_offline").await;
    page.pay(cash(100)).await;
    store.printer().wait_until(|d| d.printed().sheets_total == 1).await;
    let text = store.printer().sheets()[0].text();
    assert!(text.contains("<b>=1+1</b>"), "{text}");
    assert_eq!(store.printer().pulses().len(), 1, "only the sale's own pulse");
}

#[tokio::test]
async fn what_is_not_sold_is_said() {
    let store = Store::open().await;
    let line = store.first_line().await;
    let mut retired = item(4, "OLD", "Old", "96385074", 100);
    retired["item"]["state"] = json!("retired");
    let mut free = item(5, "FREE", "Unpriced", "4006381333931", 100);
    free["item"]["price"] = Value::Null;
    let mut rows = settings();
    rows.extend([retired, free]);
    line.rows(10, 11, nothing_applied(), &rows);
    let mut page = store.ana_with_float().await;
    page.until("api/items/FREE/here", |i| i["sku"] == "FREE").await;
    assert_eq!(page.scan("96385074").await.1["code"], "item_retired");
    assert_eq!(page.scan("4006381333931").await.1["code"], "item_without_price");
}

#[tokio::test]
async fn what_cannot_be_stored_did_not_happen() {
    let store = Store::open().await;
    let mut line = store.first_line().await;
    let mut page = store.ana_with_float().await;
    page.scanned(TEA).await;
    line.frame("ask").await;
    line.grant("TEA", 1);
    page.until("api/items/TEA/here", |i| i["here"]["share"] == 1).await;
    let options = SqliteConnectOptions::new().filename(store.data().join("agent.sqlite"));
    let mut disk = options.connect().await.unwrap();
    let full = "create trigger full before insert on sale begin select raise(abort, 'full'); end";
    sqlx::query(full).execute(&mut disk).await.unwrap();
    let (status, refused) = page.pay_as("k-1", cash(450)).await;
    assert_eq!((status, &refused["code"]), (500, &json!("internal")));
    // Neither the share nor the ticket nor a number is lost, and the hub heard of nothing.
    assert_eq!(page.get("api/ticket").await["pieces"], 1);
    assert_eq!(page.get("api/items/TEA/here").await["here"]["share"], 1);
    let mut line = store.hub.line().await;
    line.welcome(2, json!([["TEA", 1]])).await;
    sqlx::query("drop trigger full").execute(&mut disk).await.unwrap();
    let (status, paid) = page.pay_as("k-1", cash(450)).await;
    assert_eq!(status, 200, "{paid}");
    assert_eq!(paid["sale"]["receipt_number"], "S07-R1-000001");
    let fact = line.fact("sale").await;
    assert_eq!((&fact["seq"], &fact["body"]["lines"][0]["share"]), (&json!(1), &json!(1)));
    disk.close().await.unwrap();
}
