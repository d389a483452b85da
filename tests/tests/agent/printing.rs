//! Receipts and scans through the simulated devices, with their nuisances.

use oneshelf_hardware::sim::device::PaperLevel;
use oneshelf_hardware::sim::{PrinterSim, ScannerSim};
use serde_json::{Value, json};

use super::page::Page;
use super::store::{LAMP, Store, TEA, cash, within};

async fn sold(page: &mut Page) -> String {
    page.scanned(TEA).await;
    page.until("api/ticket", |t| t["lines"][0]["warning"] == "free_when_offline").await;
    let (status, paid) = page.pay(cash(450)).await;
    assert_eq!(status, 200, "{paid}");
    paid["sale"]["receipt_number"].as_str().unwrap().to_owned()
}

async fn offline(store: &Store) -> Page {
    let line = store.first_line().await;
    let page = store.ana_with_float().await;
    store.hub.down();
    page.until("api/state", |s| s["link"]["state"] == "offline").await;
    drop(line);
    page
}

#[tokio::test]
async fn without_paper_the_receipt_waits_and_then_comes_once() {
    let store = Store::open().await;
    let mut page = offline(&store).await;
    let mut events = page.events().await;
    store.printer().set_paper(PaperLevel::Out);
    let number = sold(&mut page).await;
    events.next("drawer_not_opened", |_| true).await;
    let job = events.next("printed", |e| e["job"]["error"].is_string()).await["job"].clone();
    assert_eq!((&job["state"], &job["receipt_number"]), (&json!("queued"), &json!(number)));
    page.until("api/state", |s| s["printer"]["state"] == "no_paper").await;
    store.printer().set_paper(PaperLevel::Ok);
    events.next("printed", |e| e["job"]["state"] == "confirmed").await;
    assert_eq!(store.printer().sheets().len(), 1);
    assert!(store.printer().pulses().is_empty(), "no drawer opens late and unattended");
}

#[tokio::test]
async fn a_receipt_that_waits_is_said_once_and_not_tried_until_the_printer_is_well() {
    let store = Store::open().await;
    let mut page = offline(&store).await;
    let mut events = page.events().await;
    store.printer().set_paper(PaperLevel::Out);
    sold(&mut page).await;
    let waits = |job: &Value| job["state"] == "queued" && job["error"].is_string();
    let no_paper = events.next("printed", |e| waits(&e["job"])).await["job"].clone();
    // The printer is asked again and again; all that pages hear is what changed.
    let mut before = no_paper["error"].clone();
    for open in [true, false] {
        let asked = store.printer().connections();
        within(async {
            let mut pause = tokio::time::interval(std::time::Duration::from_millis(10));
            while store.printer().connections() < asked + 2 {
                pause.tick().await;
            }
        })
        .await;
        store.printer().set_cover_open(open);
        let job = events.next("printed", |_| true).await["job"].clone();
        assert!(waits(&job) && job["error"] != before, "{job}");
        before = job["error"].clone();
    }
    store.printer().set_paper(PaperLevel::Ok);
    let job = events.next("printed", |_| true).await["job"].clone();
    assert_eq!((&job["state"], &job["error"]), (&json!("sending"), &Value::Null));
    let job = events.next("printed", |_| true).await["job"].clone();
    assert_eq!(job["state"], "confirmed");
}

#[tokio::test]
async fn a_receipt_of_unknown_fate_is_asked_about_and_comes_again_as_a_copy() {
    let store = Store::open().await;
    let mut page = offline(&store).await;
    let mut events = page.events().await;
    page.until("api/state", |s| s["printer"]["state"] == "ready").await;
    let first = sold(&mut page).await;
    events.next("printed", |e| e["job"]["state"] == "confirmed").await;
    // The pulse goes through, the line breaks within the receipt.
    store.printer().cut_after_bytes(120);
    let second = sold(&mut page).await;
    assert_ne!(first, second);
    let asked = events.next("printed", |e| e["job"]["state"] == "unknown").await["job"].clone();
    assert_eq!(asked["receipt_number"], second.as_str());
    let path = format!("api/print-jobs/{}/answer", asked["id"].as_str().unwrap());
    let (status, again) = page.post(&path, json!({"came_out": false})).await;
    assert_eq!((status, &again["id"], &again["copy"]), (200, &asked["id"], &json!(true)));
    events.next("printed", |e| e["job"]["state"] == "confirmed").await;
    let last = store.printer().sheets().last().unwrap().text();
    assert!(last.contains("COPY") && last.contains(&second), "{last}");
    assert_eq!(page.post(&path, json!({"came_out": true})).await.0, 409);
    let jobs = page.get("api/print-jobs?limit=20").await;
    assert_eq!(jobs["jobs"].as_array().unwrap().len(), 2, "a retry is no new job");
}

#[tokio::test]
async fn a_reprint_is_a_copy_and_opens_no_drawer() {
    let store = Store::open().await;
    let mut page = offline(&store).await;
    let number = sold(&mut page).await;
    store.printer().wait_until(|d| d.printed().sheets_total == 1).await;
    let path = format!("api/sales/{number}/reprint");
    assert_eq!(page.post(&path, json!({})).await.0, 202);
    store.printer().wait_until(|d| d.printed().sheets_total == 2).await;
    let sheets = store.printer().sheets();
    assert!(!sheets[0].text().contains("COPY") && sheets[1].text().contains("COPY"));
    assert_eq!(store.printer().pulses().len(), 1);
    assert_eq!(page.post("api/sales/S07-R1-009999/reprint", json!({})).await.0, 404);
}

#[tokio::test]
async fn a_job_that_was_being_sent_at_a_crash_is_asked_about() {
    let mut store = Store::open().await;
    let mut page = offline(&store).await;
    page.until("api/state", |s| s["printer"]["state"] == "ready").await;
    // It takes the receipt's first lines and then the paper ends.
    store.printer().set(|k| k.paper_lasts_lines = Some(2));
    sold(&mut page).await;
    page.until("api/print-jobs", |j| j["jobs"][0]["state"] == "sending").await;
    store.stop().await;
    store.start().await;
    let page = store.ana().await;
    let job = page.get("api/print-jobs").await["jobs"][0].clone();
    assert_eq!(job["state"], "unknown", "{job}");
}

#[tokio::test]
async fn without_a_printer_a_sale_is_a_sale() {
    let store = Store::open_with(None, None).await;
    let mut page = offline(&store).await;
    let number = sold(&mut page).await;
    assert_eq!(page.get("api/state").await["printer"]["state"], "none");
    assert_eq!(page.get("api/sales").await["sales"][0]["print"], "none");
    let path = format!("api/sales/{number}/reprint");
    assert_eq!(page.post(&path, json!({})).await.1["code"], "no_printer");
    assert_eq!(page.post("api/no-sale", json!({"reason": "x"})).await.1["code"], "no_printer");
}

#[tokio::test]
async fn serial_scans_reach_the_page_also_after_an_unplug() {
    let link =
        std::env::temp_dir().join(format!("oneshelf-scanner-{}", uuid::Uuid::new_v4().as_simple()));
    let mut scanner = ScannerSim::plug_in(Some(&link)).unwrap();
    let printer = PrinterSim::bind("127.0.0.1:0").await.unwrap();
    let store = Store::open_with(Some(printer), Some(link.display().to_string())).await;
    let page = offline(&store).await;
    page.until("api/state", |s| s["scanner"]["state"] == "ready").await;
    let mut events = page.events().await;
    scanner.scan(TEA).unwrap();
    let line = events.next("line", |_| true).await;
    assert_eq!((&line["item"]["sku"], &line["ticket"]["pieces"]), (&json!("TEA"), &json!(1)));
    scanner.scan("4006381333931").unwrap();
    let unknown = events.next("not_found", |_| true).await;
    assert_eq!(
        (&unknown["code"], &unknown["check_digit_ok"]),
        (&json!("4006381333931"), &json!(true))
    );
    scanner.scan(";4111111111111111=2512").unwrap();
    let refused = events.next("scan_refused", |e| e["code"] == "").await;
    assert_eq!(refused["problem"], "card_refused");
    for _ in 0..3 {
        scanner.write(b"53915").unwrap();
        scanner.unplug().unwrap();
        page.until("api/state", |s| s["scanner"]["state"] == "gone").await;
        scanner.replug().unwrap();
        page.until("api/state", |s| s["scanner"]["state"] == "ready").await;
    }
    scanner.scan(TEA).unwrap();
    let line = events.next("line", |_| true).await;
    assert_eq!(line["ticket"]["pieces"], 2, "half codes are dropped");
}

#[tokio::test]
async fn a_serial_scan_goes_to_who_did_something_last_not_to_who_looks() {
    let link =
        std::env::temp_dir().join(format!("oneshelf-scanner-{}", uuid::Uuid::new_v4().as_simple()));
    let mut scanner = ScannerSim::plug_in(Some(&link)).unwrap();
    let store = Store::open_with(None, Some(link.display().to_string())).await;
    let mut ana = offline(&store).await;
    ana.until("api/state", |s| s["scanner"]["state"] == "ready").await;
    let mut sile = store.page();
    let asked = json!({"register": "R2", "staff": "sile", "pin": "123456"});
    assert_eq!(sile.post("api/sign-in", asked).await.0, 200);
    let float = json!({"opening_float": {"minor": 0, "currency": "EUR"}});
    assert_eq!(sile.post("api/cash-sessions", float).await.0, 201);
    let (mut at_one, mut at_two) = (ana.events().await, sile.events().await);
    // What Sile did is the last thing that anybody did.
    scanner.scan(TEA).unwrap();
    at_two.next("line", |e| e["item"]["sku"] == "TEA").await;
    ana.scanned(TEA).await;
    // Her page looks again and again by itself; that is no use of the register.
    for path in ["api/items/TEA/here", "api/state", "api/ticket", "api/print-jobs", "api/me"] {
        sile.get(path).await;
    }
    // Another code: the same one at once would be taken for a double trigger.
    scanner.scan(LAMP).unwrap();
    let line = at_one.next("line", |_| true).await;
    assert_eq!(line["ticket"]["pieces"], 2);
    // A search is typed.
    sile.get("api/items?search=tea").await;
    scanner.scan(TEA).unwrap();
    let line = at_two.next("line", |_| true).await;
    assert_eq!(line["ticket"]["pieces"], 2);
}
