//! The line to the hub: gone, back, silent; who owns the last unit meanwhile.

use serde_json::{Value, json};

use super::hub::nothing_applied;
use super::store::{LAMP, Store, TEA, cash, stock};

#[tokio::test]
async fn with_the_line_down_figures_follow_own_sales() {
    let mut store = Store::open().await;
    drop(store.first_line().await);
    store.hub.down();
    store.stop().await;
    store.start().await;
    let mut page = store.ana_with_float().await;
    assert_eq!(page.get("api/state").await["link"]["state"], "offline");
    for left in [4, 3] {
        page.scanned(TEA).await;
        let ticket = page.get("api/ticket").await;
        assert_eq!(ticket["lines"][0]["warning"], "free_when_offline");
        let (status, paid) = page.pay(cash(450)).await;
        assert_eq!(status, 200, "{paid}");
        let here = page.get("api/items/TEA/here").await["here"].clone();
        assert_eq!((&here["on_hand"], &here["to_sell"]), (&json!(left), &json!(left)));
    }
    assert_eq!(page.get("api/state").await["link"]["waiting"], 2);
    store.hub.up();
    let mut line = store.hub.line().await;
    line.welcome(2, json!([])).await;
    for seq in [1, 2] {
        let fact = line.fact("sale").await;
        assert_eq!(fact["seq"], seq);
        assert_eq!(fact["body"]["lines"], json!([{"sku": "TEA", "share": 0, "beyond": 1}]));
        line.accept(&fact);
    }
    // The hub's rows include both sales: they are not taken off twice.
    let applied = json!({"incarnation": line.incarnation, "seq": 2});
    line.rows(10, 12, applied, &[stock("TEA", 3, 0)]);
    page.until("api/state", |s| s["link"]["state"] == "live").await;
    assert_eq!(page.get("api/items/TEA/here").await["here"]["on_hand"], 3);
}

#[tokio::test]
async fn a_promised_unit_needs_a_manager_and_a_reason() {
    let store = Store::open().await;
    let mut line = store.first_line().await;
    let mut page = store.ana_with_float().await;
    let mut events = page.events().await;
    let ticket = page.scanned(TEA).await;
    assert_eq!(ticket["lines"][0]["warning"], Value::Null, "the answer may still come");
    let ask = line.frame("ask").await;
    // The hub has none to give, and says so.
    line.answer(&ask, 0);
    let marked = events.next("ticket", |e| e["ticket"]["lines"][0]["beyond"] == 1).await;
    assert_eq!(marked["ticket"]["lines"][0]["warning"], "promised");
    let (status, refused) = page.pay(cash(450)).await;
    assert_eq!((status, &refused["code"]), (409, &json!("approval_needed")));
    assert_eq!(refused["lines"], json!([ticket["lines"][0]["id"]]));
    let with = |approve: Value| {
        let mut body = cash(450);
        body["approve"] = approve;
        body
    };
    let (status, refused) = page.pay(with(json!({"reason": "in his hands"}))).await;
    assert_eq!((status, &refused["code"]), (403, &json!("approval_denied")));
    let wrong = with(json!({"reason": "in his hands", "pin": "1234"}));
    assert_eq!(page.pay(wrong).await.1["code"], "wrong_pin");
    let without = with(json!({"reason": "", "pin": "123456"}));
    assert_eq!(page.pay(without).await.0, 422);
    let good = with(json!({"reason": "in his hands", "pin": "123456"}));
    let (status, paid) = page.pay(good).await;
    assert_eq!(status, 200, "{paid}");
    let body = line.fact("sale").await["body"].clone();
    assert_eq!(body["lines"], json!([{"sku": "TEA", "share": 0, "beyond": 1}]));
    // Who let it go, and why, goes with the sale.
    let approval = json!({"by": "sile", "reason": "in his hands"});
    assert_eq!(body["sale"]["approval"], approval);
}

#[tokio::test]
async fn promised_is_the_hubs_word_and_never_its_silence() {
    let store = Store::open().await;
    let mut line = store.first_line().await;
    let mut page = store.ana_with_float().await;
    page.scanned(TEA).await;
    let ask = line.frame("ask").await;
    assert_eq!(ask["want"], 1);
    // Nobody answers, and the line is not known to be down yet.
    let marked = |warning: &'static str| {
        move |t: &Value| t["lines"][0]["warning"] == warning && t["lines"][0]["beyond"] == 1
    };
    page.until("api/ticket", marked("free_when_offline")).await;
    assert_ne!(page.get("api/state").await["link"]["state"], "offline");
    // The answer was only late: it counts.
    line.answer(&ask, 0);
    page.until("api/ticket", marked("promised")).await;
    page.delete("api/ticket").await;
    // Units that somebody had claimed as far as the copy knows are promised by its word.
    line.rows(10, 11, nothing_applied(), &[stock("TEA", 0, 0)]);
    page.until("api/items/TEA/here", |i| i["here"]["on_hand"] == 0).await;
    page.scanned(TEA).await;
    page.until("api/ticket", marked("promised")).await;
    assert_eq!(page.pay(cash(450)).await.1["code"], "approval_needed");
}

#[tokio::test]
async fn goods_that_no_book_knows_need_no_manager() {
    let store = Store::open().await;
    let mut line = store.first_line().await;
    let mut page = store.ana_with_float().await;
    line.rows(10, 11, nothing_applied(), &[stock("TEA", 0, 0)]);
    page.until("api/items/TEA/here", |i| i["here"]["on_hand"] == 0).await;
    page.scanned(TEA).await;
    let ask = line.frame("ask").await;
    line.answer(&ask, 0);
    let marked = |warning: &'static str| {
        move |t: &Value| t["lines"][0]["warning"] == warning && t["lines"][0]["beyond"] == 1
    };
    page.until("api/ticket", marked("uncounted")).await;
    // Some came in, and one was promised before the ticket was paid.
    let mut row = stock("TEA", 0, 0);
    row["balances"] = json!([0, 0, 1, 0, 0, 0, 0, -1, 0, 0, 0, 0]);
    line.rows(11, 12, nothing_applied(), &[row]);
    page.until("api/ticket", marked("promised")).await;
    assert_eq!(page.pay(cash(450)).await.1["code"], "approval_needed");
    // So is one that a short reservation waits for.
    let mut short = stock("TEA", 0, 0);
    short["short"] = json!(1);
    line.rows(12, 13, nothing_applied(), &[stock("TEA", 0, 0)]);
    page.until("api/ticket", marked("uncounted")).await;
    line.rows(13, 14, nothing_applied(), &[short]);
    page.until("api/ticket", marked("promised")).await;
    line.rows(14, 15, nothing_applied(), &[stock("TEA", 0, 0)]);
    page.until("api/ticket", marked("uncounted")).await;
    let (status, paid) = page.pay(cash(450)).await;
    assert_eq!(status, 200, "{paid}");
    let body = line.fact("sale").await["body"].clone();
    assert_eq!(body["lines"], json!([{"sku": "TEA", "share": 0, "beyond": 1}]));
    assert_eq!(body["sale"]["approval"], Value::Null);
}

#[tokio::test]
async fn a_grant_by_policy_answers_no_question() {
    let store = Store::open().await;
    let mut line = store.first_line().await;
    let mut page = store.ana_with_float().await;
    page.scanned(TEA).await;
    let path = {
        let ticket = page.get("api/ticket").await;
        format!("api/ticket/lines/{}", ticket["lines"][0]["id"].as_str().unwrap())
    };
    page.patch(&path, json!({"quantity": 3})).await;
    let ask = loop {
        let ask = line.frame("ask").await;
        if ask["want"] == 3 {
            break ask;
        }
    };
    // The hub tops the share up meanwhile, and the top-up behind it finds nothing left.
    line.grant("TEA", 1);
    line.grant("TEA", 1);
    let marked = |beyond: i64, warning: &'static str| {
        move |t: &Value| {
            let line = &t["lines"][0];
            line["beyond"] == beyond && line["warning"] == warning
        }
    };
    // Then nobody says anything: what nobody denied is not promised.
    let told = |t: &Value| t["lines"][0]["beyond"] == 2 && !t["lines"][0]["warning"].is_null();
    let ticket = page.until("api/ticket", told).await;
    assert!(marked(2, "free_when_offline")(&ticket), "{ticket}");
    line.answer(&ask, 1);
    page.until("api/ticket", marked(2, "promised")).await;
}

#[tokio::test]
async fn share_above_the_policy_goes_back_when_the_policy_falls() {
    let store = Store::open().await;
    let mut line = store.first_line().await;
    let page = store.ana_with_float().await;
    let policy = |units: i64| {
        json!({"row": "record", "key": "share/S07", "record": {
            "record": "share", "location": 1, "item": null, "units": units}})
    };
    line.rows(10, 11, nothing_applied(), &[policy(3)]);
    line.grant("TEA", 3);
    line.grant("LAMP", 2);
    page.until("api/items/LAMP/here", |i| i["here"]["share"] == 2).await;
    line.rows(11, 12, nothing_applied(), &[policy(1)]);
    for (sku, quantity) in [("LAMP", 1), ("TEA", 2)] {
        let back = line.fact("back").await["body"].clone();
        assert_eq!(back, json!({"body": "back", "sku": sku, "quantity": quantity}));
    }
    page.until("api/items/TEA/here", |i| i["here"]["share"] == 1).await;
    // A total that only a Ping tells: nobody needs it either.
    line.say(json!({"kind": "ping", "session": line.session, "number": 4, "last": 2,
        "granted": [["TEA", 5]]}));
    assert_eq!(line.fact("back").await["body"]["quantity"], 2);
}

#[tokio::test]
async fn paying_waits_for_a_grant_that_may_come() {
    let store = Store::open().await;
    let mut line = store.first_line().await;
    let mut page = store.ana_with_float().await;
    page.scanned(TEA).await;
    let granting = async {
        line.frame("ask").await;
        line.grant("TEA", 1);
        line.fact("sale").await
    };
    let (paid, fact) = tokio::join!(page.pay(cash(450)), granting);
    assert_eq!(paid.0, 200, "{}", paid.1);
    assert_eq!(fact["body"]["lines"], json!([{"sku": "TEA", "share": 1, "beyond": 0}]));
}

#[tokio::test]
async fn with_the_line_down_the_last_free_unit_is_free_once() {
    let store = Store::open().await;
    let line = store.first_line().await;
    line.rows(10, 11, nothing_applied(), &[stock("LAMP", 1, 0)]);
    let mut one = store.ana_with_float().await;
    one.until("api/items/LAMP/here", |i| i["here"]["on_hand"] == 1).await;
    store.hub.down();
    one.until("api/state", |s| s["link"]["state"] == "offline").await;
    let mut two = store.page();
    let asked = json!({"register": "R2", "staff": "sile", "pin": "123456"});
    assert_eq!(two.post("api/sign-in", asked).await.0, 200);
    let float = json!({"opening_float": {"minor": 0, "currency": "EUR"}});
    two.post("api/cash-sessions", float).await;
    let warning = |t: Value| t["lines"][0]["warning"].clone();
    assert_eq!(warning(one.scanned(LAMP).await), "free_when_offline");
    assert_eq!(warning(two.scanned(LAMP).await), "promised");
    // A manager at the register approves with a reason alone.
    let mut body = cash(6_400);
    body["approve"] = json!({"reason": "it is here"});
    assert_eq!(two.pay(body).await.0, 200);
    assert_eq!(two.get("api/sales").await["sales"][0]["receipt_number"], "S07-R2-000001");
}

#[tokio::test]
async fn a_line_that_breaks_is_there_again_and_loses_nothing() {
    let store = Store::open().await;
    let mut line = store.first_line().await;
    let mut page = store.ana_with_float().await;
    let mut expected = 0;
    for round in 2..8 {
        page.scanned(TEA).await;
        line.frame("ask").await;
        line.grant("TEA", expected + 1);
        page.until("api/items/TEA/here", |i| i["here"]["share"] == 1).await;
        assert_eq!(page.pay(cash(450)).await.0, 200);
        expected += 1;
        assert_eq!(line.fact("sale").await["seq"], expected);
        // The answer is lost with the line.
        store.hub.cut();
        line = store.hub.line().await;
        line.welcome(round, json!([["TEA", expected]])).await;
        let fact = line.fact("sale").await;
        assert_eq!(fact["seq"], expected, "sent again");
        line.ack(&fact, json!({"answer": "duplicate"}));
        page.until("api/state", |s| s["link"]["waiting"] == 0).await;
    }
}

#[tokio::test]
async fn a_retired_life_is_closed_and_the_next_one_sells() {
    let store = Store::open().await;
    let mut line = store.first_line().await;
    let page = store.ana_with_float().await;
    let first = line.incarnation.clone();
    line.say(json!({"kind": "retired", "incarnation": first}));
    let hello = line.frame("hello").await;
    assert_eq!((&hello["follows"], &hello["last"]), (&first, &json!(0)));
    assert_ne!(hello["incarnation"], first);
    let incarnation = hello["incarnation"].clone();
    line.session = json!({"epoch": 1, "number": 9});
    line.say(json!({"kind": "welcome", "incarnation": incarnation, "nonce": hello["nonce"],
        "lease": line.session, "granted": [], "last": 0}));
    let close = line.fact("close").await;
    assert_eq!(close["incarnation"], first);
    line.accept(&close);
    page.until("api/state", |s| s["link"]["waiting"] == 0).await;
}

#[tokio::test]
async fn unknown_frames_and_nonsense_are_passed_over() {
    let store = Store::open().await;
    let mut line = store.first_line().await;
    let mut page = store.ana_with_float().await;
    line.say(json!({"kind": "telepathy", "session": line.session}));
    line.say(json!(["what"]));
    line.say(json!({"kind": "grant", "session": {"epoch": 1, "number": 77},
        "incarnation": line.incarnation, "sku": "TEA", "total": 50}));
    line.say(json!({"kind": "ping", "session": line.session, "number": 4, "last": 0,
        "granted": []}));
    assert_eq!(line.frame("pong").await["number"], 4);
    assert_eq!(page.scanned(TEA).await["pieces"], 1);
    assert_eq!(page.get("api/items/TEA/here").await["here"]["share"], 0);
}
