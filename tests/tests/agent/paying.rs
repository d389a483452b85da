//! Paying what was shown, once: scans that join, answers that are lost, keys that come again.

use serde_json::{Value, json};

use super::page::{Page, shown};
use super::store::{LAMP, Store, TEA, cash, eur};

async fn offline(store: &Store) -> Page {
    drop(store.first_line().await);
    let page = store.ana_with_float().await;
    store.hub.down();
    page.until("api/state", |s| s["link"]["state"] == "offline").await;
    page
}

fn paying(ticket: &Value, minor: i64) -> Value {
    let mut body = cash(minor);
    body["shown"] = shown(ticket);
    body
}

#[tokio::test]
async fn only_what_was_shown_is_paid() {
    let store = Store::open().await;
    let mut page = offline(&store).await;
    let told = page.scanned(TEA).await;
    let now = page.scanned(LAMP).await;
    // Enough was given for both: the shopper was told the price of one.
    let (status, refused) = page.pay_as("k-1", paying(&told, 10_000)).await;
    assert_eq!((status, &refused["code"]), (409, &json!("ticket_changed")));
    assert_eq!(refused["ticket"]["total"], eur(6_850));
    assert_eq!(refused["ticket"]["fingerprint"], now["fingerprint"]);
    for (field, wrong) in [
        ("ticket", json!("tkt_00000000000000000000000000000001")),
        ("total", eur(6_849)),
        ("fingerprint", told["fingerprint"].clone()),
    ] {
        let mut body = paying(&now, 10_000);
        body["shown"][field] = wrong;
        assert_eq!(page.pay_as("k-1", body).await.1["code"], "ticket_changed", "{field}");
    }
    assert_eq!(page.post("api/ticket/pay", cash(10_000)).await.0, 422, "nothing was named");
    // An amount of a frame may say more; one of a request says no more than is known.
    for amount in ["/tenders/0/given", "/shown/total"] {
        let mut body = paying(&now, 10_000);
        body.pointer_mut(amount).unwrap()["tip"] = json!(5);
        let (status, refused) = page.pay_as("k-1", body).await;
        assert_eq!((status, &refused["code"]), (422, &json!("invalid")), "{refused}");
    }
    assert_eq!(page.get("api/sales").await["sales"], json!([]));
    let (status, paid) = page.pay_as("k-1", paying(&now, 10_000)).await;
    assert_eq!((status, &paid["sale"]["total"]), (200, &eur(6_850)), "{paid}");
}

#[tokio::test]
async fn the_same_lines_in_other_numbers_are_another_ticket() {
    let store = Store::open().await;
    let mut page = offline(&store).await;
    let told = page.scanned(TEA).await;
    let path = format!("api/ticket/lines/{}", told["lines"][0]["id"].as_str().unwrap());
    page.patch(&path, json!({"quantity": 2})).await;
    assert_eq!(page.pay_as("k-1", paying(&told, 900)).await.1["code"], "ticket_changed");
    page.patch(&path, json!({"quantity": 1})).await;
    assert_eq!(page.pay_as("k-1", paying(&told, 900)).await.0, 200, "as it was told after all");
}

#[tokio::test]
async fn a_key_asks_again_after_a_restart_and_sells_once() {
    let mut store = Store::open().await;
    let mut page = offline(&store).await;
    let told = page.scanned(TEA).await;
    let (status, first) = page.pay_as("k-1", paying(&told, 500)).await;
    assert_eq!(status, 200, "{first}");
    store.stop().await;
    store.start().await;
    let mut page = store.ana().await;
    // The answer had been lost, and the page was loaded again: all that it has is the key.
    let (status, again) = page.pay_as("k-1", paying(&told, 500)).await;
    assert_eq!((status, &again["sale"]["id"]), (200, &first["sale"]["id"]));
    assert_eq!(again["sale"]["receipt_number"], "S07-R1-000001");
    for body in [paying(&told, 600), paying(&page.get("api/ticket").await, 500)] {
        let (status, other) = page.pay_as("k-1", body).await;
        assert_eq!((status, &other["code"]), (409, &json!("command_reused")));
    }
    let (status, other) = page.pay_as("k-2", paying(&told, 500)).await;
    assert_eq!((status, &other["code"]), (409, &json!("ticket_changed")), "paid by another key");
    assert_eq!(page.get("api/sales").await["sales"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn a_key_that_was_refused_may_be_used_again() {
    let store = Store::open().await;
    let mut page = offline(&store).await;
    let told = page.scanned(TEA).await;
    let (status, small) = page.pay_as("k-1", paying(&told, 449)).await;
    assert_eq!((status, &small["code"]), (422, &json!("tender_too_small")));
    let (status, paid) = page.pay_as("k-1", paying(&told, 450)).await;
    assert_eq!((status, &paid["sale"]["receipt_number"]), (200, &json!("S07-R1-000001")));
}

#[tokio::test]
async fn a_manager_who_approved_need_not_be_asked_what_became_of_it() {
    let store = Store::open().await;
    let mut line = store.first_line().await;
    let mut page = store.ana_with_float().await;
    let told = page.scanned(TEA).await;
    let ask = line.frame("ask").await;
    line.answer(&ask, 0);
    page.until("api/ticket", |t| t["lines"][0]["warning"] == "promised").await;
    let mut body = paying(&told, 450);
    body["approve"] = json!({"reason": "in his hands", "pin": "123456"});
    let (status, first) = page.pay_as("k-1", body).await;
    assert_eq!(status, 200, "{first}");
    let (status, again) = page.pay_as("k-1", paying(&told, 450)).await;
    assert_eq!((status, &again["sale"]["id"]), (200, &first["sale"]["id"]));
}

#[tokio::test]
async fn asking_what_became_of_a_payment_books_nothing() {
    let store = Store::open().await;
    let mut page = offline(&store).await;
    let told = page.scanned(TEA).await;
    let of = |key: &str| json!({"key": key});
    let (status, none) = page.post("api/ticket/paid", of("k-1")).await;
    assert_eq!((status, &none["code"]), (404, &json!("not_paid")), "{none}");
    assert_eq!(page.get("api/sales").await["sales"], json!([]));
    assert_eq!(page.get("api/ticket").await["fingerprint"], told["fingerprint"]);
    // The request was on its way: whoever asked has gone on without it.
    let (status, late) = page.pay_as("k-1", paying(&told, 500)).await;
    assert_eq!((status, &late["code"]), (409, &json!("payment_given_up")));
    assert_eq!(page.get("api/sales").await["sales"], json!([]));
    assert_eq!(store.printer().pulses().len(), 0, "the drawer stayed shut");
    let (status, paid) = page.pay_as("k-2", paying(&told, 500)).await;
    assert_eq!((status, &paid["sale"]["receipt_number"]), (200, &json!("S07-R1-000001")));
    let (status, asked) = page.post("api/ticket/paid", of("k-2")).await;
    assert_eq!((status, &asked["sale"]["id"]), (200, &paid["sale"]["id"]));
    assert_eq!(asked["sale"]["change"], eur(50));
    assert_eq!(page.post("api/ticket/paid", of("k-1")).await.0, 404, "and still not");
    for key in [String::new(), "k".repeat(256)] {
        assert_eq!(page.post("api/ticket/paid", of(&key)).await.0, 422);
    }
}

#[tokio::test]
async fn another_registers_key_says_nothing() {
    let store = Store::open().await;
    let mut page = offline(&store).await;
    let told = page.scanned(TEA).await;
    let mut other = store.page();
    let asked = json!({"register": "R2", "staff": "sile", "pin": "123456"});
    assert_eq!(other.post("api/sign-in", asked).await.0, 200);
    assert_eq!(other.post("api/ticket/paid", json!({"key": "k-1"})).await.0, 404);
    assert_eq!(page.pay_as("k-1", paying(&told, 500)).await.0, 200, "not the other's to give up");
    assert_eq!(other.post("api/ticket/paid", json!({"key": "k-1"})).await.0, 404);
}

/// Pays and asks about it at once. Whichever is first, both answers say the same.
async fn pays_and_asks(store: &Store, page: &mut Page, key: &str) {
    let told = page.scanned(TEA).await;
    let before = page.get("api/sales").await["sales"].as_array().unwrap().len();
    let mut beside = store.page();
    beside.cookie = page.cookie.clone();
    let (paid, asked) = tokio::join!(
        page.pay_as(key, paying(&told, 500)),
        beside.post("api/ticket/paid", json!({"key": key})),
    );
    let sales = page.get("api/sales").await["sales"].as_array().unwrap().len() - before;
    match asked.0 {
        200 => assert_eq!((sales, &paid.1["sale"]["id"]), (1, &asked.1["sale"]["id"])),
        404 => assert_eq!((sales, &paid.1["code"]), (0, &json!("payment_given_up"))),
        _ => panic!("{asked:?}"),
    }
    assert_eq!(page.delete("api/ticket").await.0, 200);
}

#[tokio::test]
async fn a_payment_and_the_question_about_it_never_disagree() {
    let store = Store::open().await;
    let mut page = offline(&store).await;
    // As many as there are: the next one would need a manager.
    for round in 0..5 {
        pays_and_asks(&store, &mut page, &format!("k-{round}")).await;
    }
}

#[tokio::test]
async fn a_payment_that_waits_for_a_grant_can_be_given_up() {
    let store = Store::open().await;
    let _line = store.first_line().await;
    let mut page = store.ana_with_float().await;
    for round in 0..4 {
        pays_and_asks(&store, &mut page, &format!("k-{round}")).await;
    }
}
