//! What stands on receipts: the store's language, and that a copy is the original.

use oneshelf_hardware::sim::PrinterSim;
use oneshelf_pos_agent::serve::Language;
use serde_json::{Value, json};

use super::hub::nothing_applied;
use super::page::Page;
use super::store::{Store, TEA, cash};

/// Two pieces of tea for 10.00, sold without the hub. Answers the receipt's number.
async fn sold(store: &Store, page: &mut Page) -> String {
    page.scanned(TEA).await;
    page.scanned(TEA).await;
    page.until("api/ticket", |t| t["lines"][0]["warning"] == "free_when_offline").await;
    let (status, paid) = page.pay(cash(1_000)).await;
    assert_eq!(status, 200, "{paid}");
    store.printer().wait_until(|d| d.printed().sheets_total == 1).await;
    paid["sale"]["receipt_number"].as_str().unwrap().to_owned()
}

/// A line with one blank between its words.
fn spaced(line: &str) -> String {
    line.split_whitespace().collect::<Vec<_>>().join(" ")
}

fn last_sheet(store: &Store) -> String {
    store.printer().sheets().last().unwrap().text()
}

#[tokio::test]
async fn a_german_store_prints_german() {
    let mut store = Store::open().await;
    store.stop().await;
    store.language = Language::De;
    store.start().await;
    let line = store.first_line().await;
    let mut page = store.ana_with_float().await;
    store.hub.down();
    drop(line);
    let number = sold(&store, &mut page).await;
    let text = last_sheet(&store);
    let lines: Vec<String> = text.lines().map(spaced).filter(|l| !l.is_empty()).collect();
    assert!(lines[2].starts_with(&format!("Beleg {number} ")), "{text}");
    assert_eq!(lines[3], "Bedient von Ana Murphy (ana) Kasse R1");
    assert_eq!(lines[5..7], ["2 x Tea 9,00", "je 4,50"]);
    assert_eq!(lines[8..11], ["Summe EUR 9,00", "Bar 10,00", "Rückgeld 1,00"]);
    assert_eq!(lines[12..14], ["Netto Steuer Brutto", "VAT 23% 7,32 1,68 9,00"]);
    assert_eq!(page.post(&format!("api/sales/{number}/reprint"), json!({})).await.0, 202);
    store.printer().wait_until(|d| d.printed().sheets_total == 2).await;
    let copy = last_sheet(&store);
    assert!(copy.contains("KOPIE") && !copy.contains("COPY"), "{copy}");
}

/// Header and zone as no receipt of this test has them.
fn moved() -> [Value; 2] {
    [
        json!({"row": "record", "key": "shop/shop", "record": {
            "record": "shop", "name": "Other Goods", "currency": "EUR", "zone": "Asia/Tokyo",
            "taxes": [{"class": "standard", "rate_basis_points": 700, "name": "VAT 7%"}],
        }}),
        json!({"row": "record", "key": "location/S07", "record": {
            "record": "location", "no": 1, "code": "S07", "name": "New Street", "kind": "store",
            "zone": "America/Lima", "receipt_header": ["Other Goods", "1 New Street"],
        }}),
    ]
}

#[tokio::test]
async fn a_copy_says_what_the_original_said() {
    let mut store = Store::open().await;
    let line = store.first_line().await;
    let mut page = store.ana_with_float().await;
    store.hub.down();
    drop(line);
    let number = sold(&store, &mut page).await;
    let original = last_sheet(&store);
    store.stop().await;
    // The store moved, and prints in another language now.
    store.hub.up();
    store.language = Language::De;
    store.start().await;
    let mut line = store.hub.line().await;
    line.welcome(2, json!([])).await;
    line.rows(10, 11, nothing_applied(), &moved());
    let mut page = store.ana().await;
    page.until("api/state", |s| s["location"]["zone"] == "America/Lima").await;
    assert_eq!(page.post(&format!("api/sales/{number}/reprint"), json!({})).await.0, 202);
    store.printer().wait_until(|d| d.printed().sheets_total == 2).await;
    let copy = last_sheet(&store);
    let (marks, rest): (Vec<&str>, Vec<&str>) = copy.lines().partition(|l| l.trim() == "COPY");
    assert_eq!(marks.len(), 1, "{copy}");
    assert_eq!(rest, original.lines().collect::<Vec<_>>());
    // What is sold now is the new store's.
    page.scanned(TEA).await;
    page.pay(cash(1_000)).await;
    store.printer().wait_until(|d| d.printed().sheets_total == 3).await;
    let next = last_sheet(&store);
    assert!(next.contains("1 New Street") && next.contains("Summe"), "{next}");
}

#[tokio::test]
async fn a_sale_without_a_printer_keeps_its_receipt_too() {
    let mut store = Store::open_with(None, None).await;
    let line = store.first_line().await;
    let mut page = store.ana_with_float().await;
    store.hub.down();
    drop(line);
    page.scanned(TEA).await;
    page.until("api/ticket", |t| t["lines"][0]["warning"] == "free_when_offline").await;
    let (_, paid) = page.pay(cash(450)).await;
    let number = paid["sale"]["receipt_number"].as_str().unwrap().to_owned();
    store.stop().await;
    store.hub.up();
    store.printer = Some(PrinterSim::bind("127.0.0.1:0").await.unwrap());
    store.start().await;
    let mut line = store.hub.line().await;
    line.welcome(2, json!([])).await;
    line.rows(10, 11, nothing_applied(), &moved());
    let mut page = store.ana().await;
    page.until("api/state", |s| s["location"]["zone"] == "America/Lima").await;
    assert_eq!(page.post(&format!("api/sales/{number}/reprint"), json!({})).await.0, 202);
    store.printer().wait_until(|d| d.printed().sheets_total == 1).await;
    let copy = last_sheet(&store);
    assert!(copy.contains("12 Quay Street") && copy.contains("VAT 23%"), "{copy}");
}
