//! Who may do what: PINs, tries, sessions, the drawer.

use serde_json::{Value, json};

use super::store::{Store, TEA};

#[tokio::test]
async fn five_wrong_pins_lock_the_code_and_a_restart_does_not_help() {
    let mut store = Store::open().await;
    let _line = store.first_line().await;
    let mut page = store.page();
    let with = |pin: &str| json!({"register": "R1", "staff": "ana", "pin": pin});
    for left in [4, 3, 2, 1] {
        let (status, refused) = page.post("api/sign-in", with("0000")).await;
        assert_eq!((status, &refused["tries_left"]), (401, &json!(left)));
        let tries = if left == 1 { "try" } else { "tries" };
        assert_eq!(refused["detail"], format!("Not this PIN. {left} {tries} left."));
    }
    let (status, refused) = page.post("api/sign-in", with("0000")).await;
    assert_eq!((status, &refused["code"]), (429, &json!("pin_locked")));
    assert_eq!(page.post("api/sign-in", with("1234")).await.0, 429, "also the right one");
    let other = json!({"register": "R1", "staff": "sile", "pin": "123456"});
    assert_eq!(page.post("api/sign-in", other).await.0, 200, "others may");
    store.stop().await;
    store.start().await;
    let mut page = store.page();
    let (status, refused) = page.post("api/sign-in", with("1234")).await;
    assert_eq!(status, 429);
    assert!(refused["retry_after_s"].as_i64().unwrap() <= 60);
}

#[tokio::test]
async fn nothing_of_a_register_is_open_without_a_session() {
    let store = Store::open().await;
    let line = store.first_line().await;
    let mut page = store.page();
    assert_eq!(page.get("api/state").await["enrolled"], true);
    let staff = page.get("api/staff").await;
    assert_eq!(staff["staff"][0], json!({"code": "ana", "name": "Ana Murphy", "role": "cashier"}));
    for path in ["api/me", "api/ticket", "api/sales", "api/items?search=tea", "api/print-jobs"] {
        assert_eq!(page.get(path).await["code"], "not_signed_in", "{path}");
    }
    let acts = ["ticket/scan", "no-sale", "cash-sessions", "ticket/pay", "ticket/paid"];
    for path in acts.map(|act| format!("api/{act}")) {
        let path = path.as_str();
        assert_eq!(page.post(path, json!({})).await.0, 401, "{path}");
    }
    let wrong = json!({"register": "R9", "staff": "ana", "pin": "1234"});
    assert_eq!(page.post("api/sign-in", wrong).await.0, 422);
    let wrong = json!({"register": "R1", "staff": "nobody", "pin": "1234"});
    assert_eq!(page.post("api/sign-in", wrong).await.0, 401);

    let mut ana = store.ana().await;
    assert_eq!(ana.get("api/me").await["register"]["code"], "R1");
    let cookie = ana.cookie.clone();
    assert_eq!(ana.post("api/sign-out", json!({})).await.0, 204);
    ana.cookie = cookie;
    assert_eq!(ana.get("api/me").await["code"], "not_signed_in");

    // Staff who left lose their session with the next copy.
    let ana = store.ana().await;
    let gone = json!({"row": "record", "key": "staff/ana", "record": null});
    line.rows(10, 11, super::hub::nothing_applied(), &[gone]);
    ana.until("api/me", |me| me["code"] == "not_signed_in").await;
}

#[tokio::test]
async fn the_drawer_opens_with_a_reason_and_says_when_it_cannot() {
    let store = Store::open().await;
    let _line = store.first_line().await;
    let mut page = store.ana().await;
    assert_eq!(page.post("api/no-sale", json!({"reason": " \u{1b}"})).await.0, 422);
    assert_eq!(page.post("api/no-sale", json!({"reason": "change"})).await.0, 204);
    assert_eq!(store.printer().pulses().len(), 1);
    store.printer().set_cover_open(true);
    let (status, refused) = page.post("api/no-sale", json!({"reason": "change"})).await;
    assert_eq!((status, &refused["code"]), (409, &json!("drawer_not_opened")));
    assert_eq!(store.printer().pulses().len(), 1);
    store.printer().set_cover_open(false);
    store.printer().set_drawer_open(true);
    page.until("api/state", |s| s["drawer"]["state"] == "open").await;
}

#[tokio::test]
async fn an_agent_without_a_shop_says_so() {
    let store = Store::open().await;
    let page = store.page();
    let state = page.get("api/state").await;
    assert_eq!((&state["shop"], &state["location"]["code"]), (&json!(""), &json!("S07")));
    assert_eq!(state["printer"]["state"].as_str().map(str::is_empty), Some(false));
    assert_eq!(page.get("api/staff").await["staff"], json!([]));
    let mut line = store.hub.line().await;
    line.welcome(1, Value::Array(vec![])).await;
    let mut page = page;
    let asked = json!({"register": "R1", "staff": "ana", "pin": "1234"});
    assert_eq!(page.post("api/sign-in", asked).await.0, 422);
    assert_eq!(page.scan(TEA).await.0, 401);
}
