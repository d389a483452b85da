//! What a code says beside its number: GS1 element strings and links, labels with weights and
//! prices, goods past their date, goods that are weighed.

use serde_json::{Value, json};

use super::hub::nothing_applied;
use super::page::Page;
use super::store::{Store, TEA, eur, item, settings, stock};

const GS: char = '\u{1d}';
/// Tea's barcode as a GTIN of 14 digits.
const TEA_GTIN: &str = "05391520940866";

/// Cheese at 19.99 a kilogram, ham with a label of its own, and a whole number that looks like one.
async fn store(patterns: &[&str]) -> (Store, Page) {
    let mut store = Store::open_with(None, None).await;
    store.stop().await;
    store.patterns = patterns.iter().map(|p| (*p).to_owned()).collect();
    store.start().await;
    let mut line = store.hub.line().await;
    line.welcome(1, json!([])).await;
    let mut rows = settings();
    let weighed = |no, sku: &str, name: &str, barcode: &str| {
        let mut row = item(no, sku, name, barcode, 1_999);
        row["item"]["unit"] = json!("gram");
        row
    };
    rows.push(item(1, "TEA", "Tea", TEA, 450));
    rows.push(weighed(2, "CHEESE", "Cheese", "2012345000001"));
    rows.push(weighed(3, "54321", "Ham", "4006381333931"));
    rows.push(item(4, "POSTER", "Poster", "2198765012340", 900));
    rows.extend(["TEA", "CHEESE", "54321", "POSTER"].map(|sku| stock(sku, 50_000, 0)));
    line.rows(0, 10, nothing_applied(), &rows);
    store.page().until("api/state", |s| s["shop"] == "Harbour Goods").await;
    let page = store.ana_with_float().await;
    store.hub.down();
    page.until("api/state", |s| s["link"]["state"] == "offline").await;
    (store, page)
}

fn line_of<'a>(added: &'a Value, sku: &str) -> &'a Value {
    let lines = added["ticket"]["lines"].as_array().unwrap();
    lines.iter().find(|l| l["sku"] == sku).unwrap_or_else(|| panic!("{added}"))
}

#[tokio::test]
async fn a_gs1_code_finds_its_item_and_carries_lot_serial_and_dates() {
    let (_store, mut page) = store(&[]).await;
    let code = format!("]d201{TEA_GTIN}1770123110AB-1{GS}21S77{GS}3003");
    let (status, added) = page.scan(&code).await;
    assert_eq!(status, 200, "{added}");
    assert_eq!(line_of(&added, "TEA")["quantity"], 3);
    let says = &added["says"];
    assert_eq!((&says["lot"], &says["serial"]), (&json!("AB-1"), &json!("S77")));
    assert_eq!(says["expires"], "2070-12-31");
    let link = format!("https://id.gs1.org/01/{TEA_GTIN}/10/L9?15=991231");
    let (status, added) = page.scan(&link).await;
    assert_eq!((status, &added["says"]["lot"]), (200, &json!("L9")), "{added}");
    assert_eq!(line_of(&added, "TEA")["quantity"], 4);
    let (_, plain) = page.scan(TEA).await;
    assert_eq!(plain["says"], Value::Null);
    let (status, why) = page.scan("]d20105391520940867").await;
    assert_eq!((status, &why["code"]), (422, &json!("scan_unreadable")));
}

#[tokio::test]
async fn what_is_past_its_date_is_sold_only_when_somebody_says_so() {
    let (_store, mut page) = store(&[]).await;
    let code = format!("]C101{TEA_GTIN}1724013110OLD");
    let (status, why) = page.scan(&code).await;
    assert_eq!((status, &why["code"]), (409, &json!("lot_expired")), "{why}");
    assert_eq!((&why["until"], &why["lot"]), (&json!("2024-01-31"), &json!("OLD")));
    assert_eq!(page.get("api/ticket").await["lines"], json!([]));
    let asked = json!({"code": why["code_scanned"], "accept_expired": true});
    assert_eq!(why["code_scanned"], code.as_str(), "the same scan can be asked about again");
    let (status, added) = page.post("api/ticket/scan", asked).await;
    assert_eq!((status, &added["says"]["lot"]), (200, &json!("OLD")), "{added}");
    // Best before is a promise of quality, not an end.
    let (status, _) = page.scan(&format!("]C101{TEA_GTIN}15240131")).await;
    assert_eq!(status, 200);
}

#[tokio::test]
async fn a_label_says_how_much_and_the_catalogue_has_the_first_word() {
    let (_store, mut page) = store(&["20PPPPPWWWWWC", "21PPPPPMMMMMC"]).await;
    // 862 g of cheese, whose item carries the label's number without a weight.
    let (status, added) = page.scan("2012345008625").await;
    assert_eq!(status, 200, "{added}");
    let line = line_of(&added, "CHEESE");
    assert_eq!((&line["quantity"], &line["unit"]), (&json!(862), &json!("gram")));
    assert_eq!((&line["total"], &added["ticket"]["pieces"]), (&eur(1_723), &json!(1)));
    // Ham for 7.01 at 19.99 a kilogram, by its number as a SKU: 350.675 g, and the label's price.
    let (status, added) = page.scan("2154321007014").await;
    assert_eq!(status, 200, "{added}");
    let line = line_of(&added, "54321");
    assert_eq!((&line["quantity"], &line["total"]), (&json!(351), &eur(701)));
    let other = json!({"quantity": 400});
    let path = format!("api/ticket/lines/{}", line["id"].as_str().unwrap());
    let (status, why) = page.patch(&path, other).await;
    assert_eq!((status, &why["code"]), (409, &json!("priced_by_label")), "{why}");
    // A second label is a line of its own.
    let (_, added) = page.scan("2154321007014").await;
    let lines = added["ticket"]["lines"].as_array().unwrap();
    assert_eq!(lines.iter().filter(|l| l["sku"] == "54321").count(), 2, "{added}");
    // The poster's whole number fits the second pattern too.
    let (_, added) = page.scan("2198765012340").await;
    let line = line_of(&added, "POSTER");
    assert_eq!((&line["quantity"], &line["total"]), (&json!(1), &eur(900)));
    // Without an item it is unknown, and not misread.
    let (status, why) = page.scan("2011111008623").await;
    assert_eq!((status, &why["code"]), (404, &json!("item_unknown")), "{why}");
}

#[tokio::test]
async fn a_weighed_item_is_no_line_without_its_weight() {
    let (_store, mut page) = store(&[]).await;
    let (status, why) = page.scan("4006381333931").await;
    assert_eq!((status, &why["code"]), (409, &json!("weight_needed")), "{why}");
    assert_eq!((&why["sku"], &why["unit"]), (&json!("54321"), &json!("gram")));
    let (status, added) =
        page.post("api/ticket/lines", json!({"sku": "54321", "quantity": 250})).await;
    assert_eq!((status, &line_of(&added, "54321")["total"]), (200, &eur(500)), "{added}");
    // A GS1 code brings it along.
    let (status, added) = page.scan("]e001040063813339313103000125").await;
    assert_eq!((status, &line_of(&added, "54321")["quantity"]), (200, &json!(375)), "{added}");
}

#[tokio::test]
async fn a_register_that_counts_looks_at_scans_and_sells_none() {
    let (store, mut page) = store(&[]).await;
    assert_eq!(page.post("api/scanner/look", json!({})).await.0, 204);
    let (status, why) = page.scan(TEA).await;
    assert_eq!((status, &why["code"], &why["sku"]), (409, &json!("scan_looked_at"), &json!("TEA")));
    assert_eq!(page.scan("4006381333924").await.0, 404, "an unknown code is one here too");
    assert_eq!(page.get("api/ticket").await["lines"], json!([]));
    assert_eq!(page.delete("api/scanner/look").await.0, 204);
    assert_eq!(page.scan(TEA).await.0, 200);
    drop(store);
}

#[tokio::test]
async fn a_scanner_is_taught_what_it_puts_around_codes() {
    let (mut store, mut page) = store(&[]).await;
    // A lesson that somebody ends takes no scan.
    assert_eq!(page.post("api/scanner/teach", json!({})).await.0, 204);
    assert_eq!(page.delete("api/scanner/teach").await.0, 204);
    assert_eq!(page.get("api/devices").await["scanner"]["lesson"], Value::Null);
    let (status, _) = page.scan(&format!("*{TEA}#")).await;
    assert_eq!(status, 404, "not yet");
    assert_eq!(page.post("api/scanner/teach", json!({})).await.0, 204);
    for (code, told, scans) in [
        (format!("*{TEA}#"), "scanner_learning", json!(1)),
        (format!("*{TEA}#"), "scanner_learning", json!(1)),
        ("*2198765012340#".to_owned(), "scanner_learning", json!(2)),
        ("*CHEESE#".to_owned(), "scanner_taught", Value::Null),
    ] {
        let (status, why) = page.scan(&code).await;
        assert_eq!((status, &why["code"], &why["scans"]), (409, &json!(told), &scans), "{code}");
    }
    assert_eq!(page.get("api/ticket").await["lines"], json!([]), "a lesson sells nothing");
    store.stop().await;
    store.start().await;
    let mut page = store.ana().await;
    let around = page.get("api/devices").await["scanner"]["around"].clone();
    assert_eq!(around, json!({"prefix": "*", "suffix": "#"}));
    let (status, added) = page.scan(&format!("*]C101{TEA_GTIN}10AB#")).await;
    assert_eq!((status, &added["says"]["lot"]), (200, &json!("AB")), "{added}");
    assert_eq!(page.scan(TEA).await.0, 200, "another scanner puts nothing around");
    // Three that have nothing in common change nothing.
    page.post("api/scanner/teach", json!({})).await;
    page.scan(TEA).await;
    let (_, why) = page.scan("+2198765012340").await;
    assert_eq!(why["code"], "scanner_not_taught");
    let kept = page.get("api/devices").await["scanner"]["around"].clone();
    assert_eq!(kept, around);
}

#[tokio::test]
async fn a_lesson_takes_the_scans_of_its_own_register_alone() {
    let (store, mut page) = store(&[]).await;
    let mut other = store.page();
    let asked = json!({"register": "R2", "staff": "sile", "pin": "123456"});
    assert_eq!(other.post("api/sign-in", asked).await.0, 200);
    let float = json!({"opening_float": eur(10_000)});
    assert_eq!(other.post("api/cash-sessions", float).await.0, 201);
    page.post("api/scanner/teach", json!({})).await;
    page.scan(&format!("*{TEA}")).await;
    let (status, added) = other.scan(TEA).await;
    assert_eq!((status, &line_of(&added, "TEA")["quantity"]), (200, &json!(1)), "{added}");
    let lesson = async |page: &Page| page.get("api/devices").await["scanner"]["lesson"].clone();
    assert_eq!((lesson(&page).await, lesson(&other).await), (json!(1), Value::Null));
    for code in ["*2198765012340", "*CHEESE"] {
        page.scan(code).await;
    }
    let around = page.get("api/devices").await["scanner"]["around"].clone();
    assert_eq!(around, json!({"prefix": "*", "suffix": ""}));
}

#[tokio::test]
async fn what_was_learned_is_not_cut_off_a_code_that_is_known() {
    let (_store, mut page) = store(&[]).await;
    let taught = async |page: &mut Page, prefix: &str| {
        page.post("api/scanner/teach", json!({})).await;
        let mut why = Value::Null;
        for code in [TEA, "2198765012340", "CHEESE"] {
            why = page.scan(&format!("{prefix}{code}")).await.1;
        }
        assert_eq!((&why["code"], &why["prefix"]), (&json!("scanner_taught"), &json!(prefix)));
    };
    // Tea's own code, and the ham's number, begin with what this scanner puts before all.
    taught(&mut page, "5").await;
    let mut pieces = 0;
    let mut sold = async |page: &mut Page, code: &str| {
        let (status, added) = page.scan(code).await;
        pieces += 1;
        assert_eq!(status, 200, "{code}: {added}");
        assert_eq!(line_of(&added, "TEA")["quantity"], pieces, "{code}");
    };
    sold(&mut page, &format!("5{TEA}")).await;
    sold(&mut page, TEA).await;
    let (status, why) = page.scan("54321").await;
    assert_eq!((status, &why["sku"]), (409, &json!("54321")), "{why}");
    // Another one's marks are off by now, and its codes begin with their first field.
    taught(&mut page, "0").await;
    sold(&mut page, &format!("]C101{TEA_GTIN}10AB")).await;
    sold(&mut page, &format!("0]C101{TEA_GTIN}10AB")).await;
}

#[tokio::test]
async fn the_last_scans_are_shown_with_their_bytes_and_no_card_among_them() {
    let (_store, mut page) = store(&[]).await;
    page.scan(&format!("]d201{TEA_GTIN}10AB{GS}21X")).await;
    for card in [";4111111111111111=25121010000000000000?", "4111111111111111"] {
        page.scan(card).await;
    }
    let devices = page.get("api/devices").await;
    let scans = devices["scans"].as_array().unwrap();
    assert_eq!(scans.len(), 1, "{scans:?}");
    let scan = &scans[0];
    assert_eq!(scan["text"], format!("01{TEA_GTIN}10AB<GS>21X"));
    assert!(scan["bytes"].as_str().unwrap().contains("1d"));
    assert_eq!((&scan["symbology"], &scan["item"]), (&json!("gs1_data_matrix"), &json!("Tea")));
    assert_eq!(scan["meaning"]["kind"], "elements");
    for n in 0..7 {
        page.scan(&format!("NOTHING{n}")).await;
    }
    let devices = page.get("api/devices").await;
    let scans = devices["scans"].as_array().unwrap();
    assert_eq!((scans.len(), &scans[0]["text"]), (5, &json!("NOTHING6")));
    assert_eq!(scans[0]["refused"], "item_unknown");
}
