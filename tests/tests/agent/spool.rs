//! The printer's queue: pausing it, skipping what waits, the test page, and what the devices page
//! shows of all devices.

use oneshelf_hardware::sim::device::PaperLevel;
use serde_json::{Value, json};

use super::page::Page;
use super::store::{Store, TEA, cash};

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
    page.until("api/state", |s| s["printer"]["state"] == "ready").await;
    page
}

fn job<'a>(devices: &'a Value, number: &str) -> &'a Value {
    let jobs = devices["jobs"].as_array().unwrap();
    jobs.iter().find(|j| j["receipt_number"] == number).unwrap()
}

#[tokio::test]
async fn while_the_printer_is_paused_receipts_wait_and_the_drawer_opens() {
    let mut store = Store::open().await;
    let mut page = offline(&store).await;
    assert_eq!(page.post("api/printer/pause", json!({})).await.0, 204);
    assert_eq!(page.post("api/printer/pause", json!({})).await.0, 204, "once more is the same");
    let number = sold(&mut page).await;
    store.printer().wait_until(|d| !d.printed().pulses.is_empty()).await;
    page.until("api/state", |s| s["printer"]["waiting"] == 1).await;
    assert_eq!(page.get("api/state").await["printer"]["paused"], true);
    // A restart does not let it go on.
    store.stop().await;
    store.start().await;
    let mut page = store.ana().await;
    let devices = page.get("api/devices").await;
    let queue = &devices["printer"]["queue"];
    assert_eq!((&queue["waiting"], &queue["paused"]["by"]), (&json!(1), &json!("ana")));
    assert_eq!(job(&devices, &number)["state"], "queued");
    assert!(store.printer().sheets().is_empty());
    let mut events = page.events().await;
    assert_eq!(page.post("api/printer/resume", json!({})).await.0, 204);
    events.next("printed", |e| e["job"]["state"] == "confirmed").await;
    assert_eq!(store.printer().sheets().len(), 1);
    let devices = page.get("api/devices").await;
    assert_eq!(devices["printer"]["queue"]["waiting"], 0);
    assert!(devices["printer"]["queue"]["confirmed_at"].is_string());
}

#[tokio::test]
async fn a_receipt_that_was_skipped_never_prints_by_itself() {
    let store = Store::open().await;
    let mut page = offline(&store).await;
    let mut events = page.events().await;
    store.printer().set_paper(PaperLevel::Out);
    let skipped = sold(&mut page).await;
    events.next("printed", |e| e["job"]["error"] == "no_paper").await;
    let wanted = sold(&mut page).await;
    let devices = page.get("api/devices").await;
    assert_eq!(devices["printer"]["last_error"]["code"], "no_paper");
    let path =
        |n: &str| format!("api/print-jobs/{}/skip", job(&devices, n)["id"].as_str().unwrap());
    let (status, gone) = page.post(&path(&skipped), json!({})).await;
    assert_eq!((status, &gone["state"]), (200, &json!("skipped")));
    let (status, again) = page.post(&path(&skipped), json!({})).await;
    assert_eq!((status, &again["code"]), (409, &json!("print_job_not_waiting")));
    store.printer().set_paper(PaperLevel::Ok);
    events.next("printed", |e| e["job"]["state"] == "confirmed").await;
    let sheets = store.printer().sheets();
    assert!(sheets.len() == 1 && sheets[0].text().contains(&wanted));
    let devices = page.get("api/devices").await;
    assert_eq!(job(&devices, &skipped)["state"], "skipped");
    // Whoever wants it after all reprints it.
    let path = format!("api/sales/{skipped}/reprint");
    assert_eq!(page.post(&path, json!({})).await.0, 202);
    store.printer().wait_until(|d| d.printed().sheets_total == 2).await;
}

#[tokio::test]
async fn the_page_says_which_state_it_is_and_since_when() {
    let store = Store::open().await;
    let page = offline(&store).await;
    for (set, state) in
        [(PaperLevel::Low, "paper_low"), (PaperLevel::Out, "no_paper"), (PaperLevel::Ok, "ready")]
    {
        store.printer().set_paper(set);
        let devices = page.until("api/devices", |d| d["printer"]["state"] == state).await;
        assert!(
            devices["printer"]["since"].is_string() && devices["printer"]["last_ok"].is_string()
        );
    }
    store.printer().set_cover_open(true);
    page.until("api/devices", |d| d["printer"]["state"] == "cover_open").await;
    store.printer().set_cover_open(false);
    let devices = page.until("api/devices", |d| d["printer"]["state"] == "ready").await;
    assert_eq!(devices["printer"]["last_error"]["code"], "cover_open");
    assert!(devices["printer"]["link"].as_str().unwrap().starts_with("tcp://"));
    assert_eq!(
        (&devices["scanner"]["state"], &devices["display"]["state"]),
        (&json!("none"), &json!("none"))
    );
}

#[tokio::test]
async fn a_test_page_is_a_job_of_its_own() {
    let store = Store::open().await;
    let mut page = offline(&store).await;
    let mut events = page.events().await;
    let (status, job) = page.post("api/printer/test-page", json!({})).await;
    assert_eq!(
        (status, &job["kind"], &job["receipt_number"]),
        (202, &json!("test_page"), &Value::Null)
    );
    events.next("printed", |e| e["job"]["state"] == "confirmed").await;
    assert_eq!(store.printer().sheets().len(), 1);
    assert!(store.printer().pulses().is_empty());
}

#[tokio::test]
async fn devices_are_for_those_who_signed_in() {
    let store = Store::open().await;
    let _line = store.first_line().await;
    let mut nobody = store.page();
    assert_eq!(nobody.get("api/devices").await["code"], "not_signed_in");
    for path in ["pause", "resume", "test-page"] {
        let (status, _) = nobody.post(&format!("api/printer/{path}"), json!({})).await;
        assert_eq!(status, 401, "{path}");
    }
    assert_eq!(nobody.post("api/display-keys", json!({})).await.0, 401);
    let bare = Store::open_with(None, None).await;
    let _line = bare.first_line().await;
    let mut ana = bare.ana().await;
    for path in ["pause", "test-page"] {
        let (status, why) = ana.post(&format!("api/printer/{path}"), json!({})).await;
        assert_eq!((status, &why["code"]), (409, &json!("no_printer")), "{path}");
    }
}
