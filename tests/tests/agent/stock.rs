//! Goods beside selling: received, counted, handed over, each once and in the one log.

use reqwest::Method;
use serde_json::{Value, json};

use super::hub::{Line, nothing_applied};
use super::page::Page;
use super::store::{Store, TEA, stock, within};

const RESERVATION: &str = "rsv_00000000000000000000000000000007";

/// Sile, a manager, at the other register.
async fn sile(store: &Store) -> Page {
    let mut page = store.page();
    let asked = json!({"register": "R2", "staff": "sile", "pin": "123456"});
    assert_eq!(page.post("api/sign-in", asked).await.0, 200);
    page
}

async fn act(page: &Page, key: &str, body: Value) -> (u16, Value) {
    let request = page.request(Method::POST, "api/stock/acts").header("origin", &page.base);
    let answer = within(request.header("idempotency-key", key).json(&body).send()).await.unwrap();
    (answer.status().as_u16(), answer.json().await.unwrap())
}

fn reserved(line: &Line) {
    let reservation = json!({"row": "reservation", "id": RESERVATION, "state": "committed",
        "lines": [["TEA", 2, 0]], "expires_at": null});
    line.rows(10, 11, nothing_applied(), &[reservation, stock("TEA", 5, 0)]);
}

#[tokio::test]
async fn each_act_is_one_fact_however_often_its_key_comes() {
    let store = Store::open_with(None, None).await;
    let mut line = store.first_line().await;
    let page = sile(&store).await;
    reserved(&line);
    let acts = [
        ("receive", json!({"act": "receive", "sku": "TEA", "quantity": 3})),
        ("return", json!({"act": "return", "sku": "TEA", "quantity": 1})),
        ("count", json!({"act": "count", "sku": "TEA", "found": 9})),
        ("hand_over", json!({"act": "hand_over", "reservation": RESERVATION})),
    ];
    page.until("api/items/TEA/here", |i| i["here"]["on_hand"] == 5).await;
    let (first, again) =
        (json!({"logged": true, "again": false}), json!({"logged": true, "again": true}));
    for (key, body) in &acts {
        // The row of the reservation may come a moment after the item's.
        within(async {
            while act(&page, key, body.clone()).await.1["code"] == "reservation_unknown" {}
        })
        .await;
        assert_eq!(act(&page, key, body.clone()).await, (200, again.clone()), "{key}");
    }
    let expected = [
        json!({"body": "in", "sku": "TEA", "quantity": 3, "to_share": false, "source": "supplier"}),
        json!({"body": "in", "sku": "TEA", "quantity": 1, "to_share": false, "source": "customer"}),
        json!({"body": "count", "sku": "TEA", "found": 9, "from_share": 0}),
        json!({"body": "handover", "reservation": RESERVATION, "lines": [["TEA", 2]]}),
    ];
    for (seq, body) in (1..).zip(expected) {
        let fact = line.frame("fact").await["fact"].clone();
        assert_eq!((&fact["seq"], &fact["body"]), (&json!(seq), &body));
    }
    assert_eq!(page.get("api/state").await["link"]["waiting"], 4);
    // Another act, or the same one about something else, under a key that was used.
    for (key, _) in &acts {
        for other in [
            json!({"act": "receive", "sku": "TEA", "quantity": 4}),
            json!({"act": "receive", "sku": "LAMP", "quantity": 3}),
            json!({"act": "return", "sku": "TEA", "quantity": 3}),
            json!({"act": "count", "sku": "TEA", "found": 3}),
            json!({"act": "hand_over", "reservation": RESERVATION.replace('7', "8")}),
        ] {
            let (status, refused) = act(&page, key, other).await;
            assert_eq!((status, &refused["code"]), (409, &json!("command_reused")), "{key}");
        }
    }
    assert_eq!(page.get("api/state").await["link"]["waiting"], 4);
    let (_, another) = act(&page, "next", acts[0].1.clone()).await;
    assert_eq!(another, first, "another key is another delivery");
}

#[tokio::test]
async fn a_reservation_is_handed_over_once() {
    let mut store = Store::open_with(None, None).await;
    let mut line = store.first_line().await;
    reserved(&line);
    let page = sile(&store).await;
    let hand_over = json!({"act": "hand_over", "reservation": RESERVATION});
    let mut answer = (404, Value::Null);
    within(async {
        while answer.0 == 404 {
            answer = act(&page, "k-1", hand_over.clone()).await;
        }
    })
    .await;
    assert_eq!(answer.0, 200, "{}", answer.1);
    // The hub has not said a word: the store's own log knows.
    let (status, refused) = act(&page, "k-2", hand_over.clone()).await;
    assert_eq!((status, &refused["code"]), (409, &json!("reservation_ended")));
    store.stop().await;
    store.start().await;
    let page = sile(&store).await;
    assert_eq!(act(&page, "k-3", hand_over.clone()).await.1["code"], "reservation_ended");
    drop(line);
    line = store.hub.line().await;
    line.welcome(2, json!([])).await;
    let fact = line.fact("handover").await;
    assert_eq!(fact["body"]["lines"], json!([["TEA", 2]]));
    line.accept(&fact);
    // The hub's rows come back: it is gone here too, and the key still answers.
    let gone = json!({"row": "reservation", "id": RESERVATION, "state": "consumed",
        "lines": [], "expires_at": null});
    let applied = json!({"incarnation": line.incarnation, "seq": fact["seq"]});
    line.rows(11, 12, applied, &[gone, stock("TEA", 3, 0)]);
    page.until("api/items/TEA/here", |i| i["here"]["to_sell"] == 3).await;
    assert_eq!(act(&page, "k-4", hand_over.clone()).await.1["code"], "reservation_unknown");
    assert_eq!(act(&page, "k-1", hand_over).await.1["again"], true);
}

/// What a store says of a claim that was given up is in its log with the row that told of it.
#[tokio::test]
async fn an_order_that_was_given_up_is_not_handed_over_and_the_hub_hears_so() {
    let store = Store::open_with(None, None).await;
    let mut line = store.first_line().await;
    let row = |state: &str| {
        json!({"row": "reservation", "id": RESERVATION, "state": state,
            "lines": [["TEA", 2, 0]], "expires_at": null})
    };
    let page = sile(&store).await;
    let hand_over = json!({"act": "hand_over", "reservation": RESERVATION});
    line.rows(10, 11, nothing_applied(), &[row("held"), stock("TEA", 5, 0)]);
    page.until("api/items/TEA/here", |i| i["here"]["on_hand"] == 5).await;
    let refused = act(&page, "k-1", hand_over.clone()).await;
    assert_eq!((refused.0, &refused.1["code"]), (409, &json!("reservation_held")));
    line.rows(11, 12, nothing_applied(), &[row("releasing")]);
    let fact = line.fact("released").await;
    let body = json!({"body": "released", "reservation": RESERVATION, "lines": [["TEA", 2]]});
    assert_eq!(fact["body"], body);
    let refused = act(&page, "k-2", hand_over).await;
    assert_eq!((refused.0, &refused.1["code"]), (409, &json!("reservation_ended")));
}

/// A store sends of its share what no ticket holds, and takes in what it was told of.
#[tokio::test]
async fn goods_go_to_another_location_and_come_from_one() {
    let store = Store::open_with(None, None).await;
    let mut line = store.first_line().await;
    let other = json!({"row": "record", "key": "location/W01", "record": {"record": "location",
        "no": 2, "code": "W01", "name": "Depot", "kind": "warehouse", "zone": "UTC"}});
    let row = |state: &str, units: i64| {
        json!({"row": "transfer", "id": RESERVATION, "from": "W01", "state": state,
            "lines": [["LAMP", units]]})
    };
    let keep = json!({"row": "record", "key": "share/S07", "record": {"record": "share",
        "location": 1, "item": null, "units": 3}});
    line.rows(10, 11, nothing_applied(), &[other, keep, row("committed", 3), stock("TEA", 2, 3)]);
    line.grant("TEA", 3);
    let mut ana = store.ana_with_float().await;
    ana.until("api/items/TEA/here", |i| i["here"]["share"] == 3).await;
    ana.scanned(TEA).await;
    let page = sile(&store).await;
    let send = |to: &str, units: i64| {
        let lines = json!([{"sku": "TEA", "quantity": units}]);
        json!({"act": "send", "to": to, "lines": lines})
    };
    for (body, status, code) in [
        (send("W01", 3), 409, "not_enough_share"),
        (send("S07", 1), 422, "invalid"),
        (send("N99", 1), 404, "location_unknown"),
        (send("W01", 0), 422, "invalid"),
        (json!({"act": "send", "to": "W01", "lines": []}), 422, "invalid"),
    ] {
        let (got, refused) = act(&page, "k-0", body.clone()).await;
        assert_eq!((got, refused["code"].as_str().unwrap()), (status, code), "{body}");
    }
    assert_eq!(act(&ana, "k-1", send("W01", 2)).await.0, 403, "a cashier sends nothing");
    assert_eq!(act(&page, "k-1", send("W01", 2)).await.0, 200);
    assert_eq!(act(&page, "k-1", send("W01", 2)).await.1["again"], true);
    assert_eq!(act(&page, "k-1", send("W01", 1)).await.1["code"], "command_reused");
    let body = json!({"body": "sent", "to": "W01", "lines": [["TEA", 2]]});
    assert_eq!(line.fact("sent").await["body"], body);
    let here = page.get("api/items/TEA/here").await["here"].clone();
    assert_eq!((&here["on_hand"], &here["share"]), (&json!(3), &json!(1)), "{here}");
    // What is on its way here, and what of it came.
    let arrive = |good: i64, close: bool| {
        json!({"act": "arrive", "transfer": RESERVATION, "close": close,
            "lines": [{"sku": "LAMP", "good": good, "damaged": 1}]})
    };
    let on_its_way = page.get("api/stock/transfers").await;
    assert_eq!(on_its_way["transfers"][0]["lines"], json!([["LAMP", 3]]), "{on_its_way}");
    let lamp = json!({"name": "Camp lamp", "options": null, "unit": "each", "image": null});
    assert_eq!(on_its_way["items"]["LAMP"], lamp);
    let depot = json!([{"code": "W01", "name": "Depot", "kind": "warehouse"}]);
    assert_eq!((&on_its_way["locations"], &on_its_way["outgoing"]), (&depot, &json!([])));
    let refused = act(&page, "k-2", arrive(1, false)).await;
    assert_eq!(refused.0, 200, "goods that are here are here: {}", refused.1);
    let left = page.get("api/stock/transfers").await;
    assert_eq!(left["transfers"][0]["lines"], json!([["LAMP", 1]]), "told or not: {left}");
    let unknown = json!({"act": "arrive", "transfer": RESERVATION.replace('7', "8"), "lines": [],
        "close": true});
    assert_eq!(act(&page, "k-3", unknown).await.1["code"], "transfer_unknown");
    let nothing = json!({"act": "arrive", "transfer": RESERVATION, "lines": []});
    assert_eq!(act(&page, "k-3", nothing).await.1["code"], "invalid");
    assert_eq!(act(&page, "k-4", arrive(0, true)).await.0, 200);
    assert_eq!(page.get("api/stock/transfers").await["transfers"], json!([]));
    assert_eq!(act(&page, "k-5", arrive(1, false)).await.1["code"], "transfer_ended");
    let body = json!({"body": "arrived", "transfer": RESERVATION, "close": false,
        "lines": [{"sku": "LAMP", "good": 1, "damaged": 1}]});
    assert_eq!(line.fact("arrived").await["body"], body);
    let here = page.get("api/items/LAMP/here").await["here"].clone();
    assert_eq!((&here["on_hand"], &here["to_sell"]), (&json!(8), &json!(6)), "{here}");
    line.rows(11, 12, nothing_applied(), &[row("transferred", 0)]);
    within(async { while page.get("api/stock/transfers").await["transfers"] != json!([]) {} })
        .await;
    assert_eq!(act(&page, "k-6", arrive(1, false)).await.1["code"], "transfer_unknown");
}

#[tokio::test]
async fn acts_that_make_no_sense_are_refused_and_log_nothing() {
    let store = Store::open_with(None, None).await;
    let _line = store.first_line().await;
    let page = sile(&store).await;
    for (body, status, code) in [
        (json!({"act": "receive", "sku": "TEA", "quantity": 0}), 422, "invalid"),
        (json!({"act": "return", "sku": "TEA", "quantity": 0}), 422, "invalid"),
        (json!({"act": "receive", "sku": "TEA", "quantity": -1}), 422, "invalid"),
        (json!({"act": "receive", "sku": "TEA", "quantity": 1.5}), 422, "invalid"),
        (json!({"act": "receive", "sku": "TEA", "quantity": i64::MAX}), 422, "invalid"),
        (json!({"act": "count", "sku": "TEA", "found": -1}), 422, "invalid"),
        (json!({"act": "count", "sku": "TEA", "found": i64::MAX}), 422, "invalid"),
        (json!({"act": "count", "sku": "TEA"}), 422, "invalid"),
        (json!({"act": "count", "sku": "TEA", "found": 1, "more": 1}), 422, "invalid"),
        (json!({"act": "dance"}), 422, "invalid"),
        (json!({"act": "hand_over", "reservation": "7"}), 422, "invalid"),
        (json!({"act": "receive", "sku": "NONE", "quantity": 1}), 404, "item_unknown"),
        (json!({"act": "hand_over", "reservation": RESERVATION}), 404, "reservation_unknown"),
    ] {
        let (got, refused) = act(&page, "k-1", body.clone()).await;
        assert_eq!((got, refused["code"].as_str().unwrap()), (status, code), "{body}");
    }
    let receive = json!({"act": "receive", "sku": "TEA", "quantity": 1});
    for key in ["", &"k".repeat(256)] {
        assert_eq!(act(&page, key, receive.clone()).await.0, 422, "a key of {}", key.len());
    }
    // A cashier hands over and changes no stock.
    let ana = store.ana().await;
    let (status, refused) = act(&ana, "k-1", receive.clone()).await;
    assert_eq!((status, &refused["code"]), (403, &json!("not_allowed")));
    let count = json!({"act": "count", "sku": "TEA", "found": 1});
    assert_eq!(act(&ana, "k-1", count).await.0, 403);
    assert_eq!(page.get("api/state").await["link"]["waiting"], 0);
    assert_eq!(act(&page, "k-1", receive).await.0, 200, "a refused key is free");
}

#[tokio::test]
async fn a_count_cuts_what_a_ticket_holds_and_asks_for_it() {
    let store = Store::open_with(None, None).await;
    let mut line = store.first_line().await;
    let mut ana = store.ana_with_float().await;
    ana.scanned(TEA).await;
    line.frame("ask").await;
    line.grant("TEA", 1);
    ana.until("api/items/TEA/here", |i| i["here"]["share"] == 1).await;
    let page = sile(&store).await;
    let (status, done) = act(&page, "k-1", json!({"act": "count", "sku": "TEA", "found": 0})).await;
    assert_eq!(status, 200, "{done}");
    assert_eq!(line.fact("count").await["body"]["from_share"], 1);
    // The ticket lost its unit: the hub is asked, as at a scan.
    assert_eq!(line.frame("ask").await["want"], 2);
    line.grant("TEA", 2);
    ana.until("api/items/TEA/here", |i| i["here"]["share"] == 1).await;
    ana.until("api/ticket", |t| t["lines"][0]["beyond"] == 0).await;
}
