//! Facts that were not booked when they came: booked late, once; or settled by hand.

use oneshelf_domain::{CommandId, IncarnationId};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::link::{Line, goods_in, joined, life, mend, poison};
use crate::support::Hub;

/// A sale of seven, beyond the share.
fn sale() -> Value {
    let money = |minor: i64| json!({"minor": minor, "currency": "EUR"});
    json!({"body": "sale", "lines": [{"sku": "FLASK", "share": 0, "beyond": 7}], "sale": {
        "id": format!("sal_{}", Uuid::now_v7().as_simple()), "receipt_number": "S07-R1-000001",
        "register": "R1", "number": 1, "cashier": "ana", "total": money(7_000),
        "change": money(0), "tenders": [{"kind": "cash", "given": money(7_000)}],
        "lines": [{"id": format!("lin_{}", Uuid::now_v7().as_simple()), "sku": "FLASK",
            "name": "Flask", "quantity": 7, "unit_price": money(1_000), "total": money(7_000),
            "tax": "standard"}]}})
}

/// A store whose first fact the hub could not store; the fault is mended.
struct Shop {
    hub: Hub,
    line: Line,
    life: IncarnationId,
    bad: CommandId,
}

impl Shop {
    async fn open(fact: Value) -> Self {
        let hub = Hub::open().await;
        let agent = joined(&hub).await;
        hub.receive("S07", 10).await;
        poison(&hub).await;
        let mut line = Line::open(&hub, agent).await;
        let (life, bad) = (life(), Uuid::now_v7());
        line.hello(life, json!({"epoch": 0, "version": 0})).await;
        for _ in 0..4 {
            line.say_fact((bad, life), json!([1, null]), fact.clone());
        }
        let said = line.fact((bad, life), json!([1, null]), fact).await;
        assert_eq!(said, json!({"answer": "rejected", "code": "internal"}));
        Self { hub, line, life, bad: CommandId(bad) }
    }

    async fn word(&self, what: &str, note: &str) -> crate::support::Said {
        let path = format!("/v1/rejected-facts/{}/{what}", self.bad);
        self.hub.post(&path, json!({"note": note})).await
    }

    async fn listed(&self, open: bool) -> Vec<Value> {
        let path = format!("/v1/rejected-facts?open={open}");
        self.hub.get(&path).await.ok(200)["facts"].as_array().unwrap().clone()
    }
}

#[tokio::test]
async fn a_sale_that_could_not_be_stored_is_booked_late_and_once() {
    let shop = Shop::open(sale()).await;
    assert_eq!(shop.word("book", "still broken").await.status, 500);
    assert_eq!(shop.listed(true).await.len(), 1, "it waits");
    mend(&shop.hub).await;
    shop.word("book", " ").await.refused(422, "invalid");
    let booked = shop.word("book", "the disk was full").await.ok(200);
    assert_eq!(booked["settled"]["how"], "booked");
    assert_eq!(booked["settled"]["note"], "the disk was full");
    let again = shop.word("book", "twice").await.ok(200);
    assert_eq!(again, booked, "the first word stands");
    assert_eq!(shop.hub.flask_at("S07").await["on_hand"], 3);
    assert_eq!(shop.hub.texts("select receipt_number from sale").await, ["S07-R1-000001"]);
    assert!(shop.listed(true).await.is_empty());
    assert_eq!(shop.listed(false).await[0]["settled"]["by"], booked["settled"]["by"]);
    shop.word("settle", "by hand").await.refused(409, "fact_settled");
    let Shop { hub, mut line, life, bad } = shop;
    // The store's log goes on, and an agent that tells all again changes nothing.
    let said = line.fact((bad.0, life), json!([1, null]), sale()).await;
    assert_eq!(said["answer"], "rejected");
    let said = line.fact((Uuid::now_v7(), life), json!([2, bad]), goods_in(2)).await;
    assert_eq!(said, json!({"answer": "accepted"}));
    assert_eq!(hub.flask_at("S07").await["on_hand"], 5);
    hub.close().await;
}

#[tokio::test]
async fn many_who_ask_at_once_book_it_once() {
    let shop = Shop::open(sale()).await;
    mend(&shop.hub).await;
    let all = futures_util::future::join_all((0..20).map(|_| shop.word("book", "now"))).await;
    for said in all {
        assert_eq!(said.ok(200)["settled"]["how"], "booked");
    }
    assert_eq!(shop.hub.flask_at("S07").await["on_hand"], 3);
    assert_eq!(shop.hub.texts("select receipt_number from sale").await.len(), 1);
    shop.hub.close().await;
}

#[tokio::test]
async fn what_a_count_has_booked_is_settled_by_hand() {
    let mut shop = Shop::open(sale()).await;
    mend(&shop.hub).await;
    let count = json!({"body": "count", "sku": "FLASK", "found": 3, "from_share": 0});
    let (life, bad) = (shop.life, shop.bad);
    let said = shop.line.fact((Uuid::now_v7(), life), json!([2, bad]), count).await;
    assert_eq!(said, json!({"answer": "accepted"}));
    shop.word("book", "again").await.refused(409, "fact_overtaken");
    assert_eq!(shop.hub.flask_at("S07").await["on_hand"], 3);
    shop.word("settle", "counted").await.ok(204);
    shop.word("settle", "counted twice").await.ok(204);
    assert!(shop.listed(true).await.is_empty());
    assert_eq!(shop.listed(false).await[0]["settled"]["note"], "counted");
    shop.word("book", "after all").await.refused(409, "fact_settled");
    shop.hub.close().await;
}

#[tokio::test]
async fn a_count_is_not_booked_late_and_strangers_book_nothing() {
    // Three of ten: seven are missing.
    let count = json!({"body": "count", "sku": "FLASK", "found": 3, "from_share": 0});
    let shop = Shop::open(count).await;
    mend(&shop.hub).await;
    shop.word("book", "now").await.refused(409, "fact_not_bookable");
    let path = format!("/v1/rejected-facts/{}/book", shop.bad);
    shop.hub.put("/v1/locations/S02", json!({"name": "P", "kind": "store"})).await.ok(200);
    let elsewhere = shop.hub.sign_in("max", "manager", &["S02"]).await;
    let ask =
        shop.hub.ask("POST", &path).header("cookie", &elsewhere).header("origin", &shop.hub.base);
    ask.json(&json!({"note": "mine"})).send().await.refused(404, "record_unknown");
    let nobody = format!("/v1/rejected-facts/{}/book", CommandId(Uuid::now_v7()));
    shop.hub.post(&nobody, json!({"note": "x"})).await.refused(404, "record_unknown");
    shop.hub
        .post("/v1/rejected-facts/x/book", json!({"note": "x"}))
        .await
        .refused(404, "record_unknown");
    assert_eq!(shop.hub.flask_at("S07").await["on_hand"], 10);
    shop.hub.close().await;
}

async fn word(hub: &Hub, id: Uuid, what: &str) -> crate::support::Said {
    let path = format!("/v1/rejected-facts/{}/{what}", CommandId(id));
    hub.post(&path, json!({"note": "n"})).await
}

/// As after an update: the frame that could not be read is one that can.
async fn readable(hub: &Hub, id: Uuid, body: Value) {
    let kept = "select frame from rejected_frame";
    let mut frame: Value = serde_json::from_str(&hub.texts(kept).await[0]).unwrap();
    frame["fact"]["body"] = body;
    let sql = format!(
        "update rejected_frame set frame = '{frame}' where id = '{}' returning id",
        CommandId(id)
    );
    assert_eq!(hub.texts(&sql).await.len(), 1);
}

fn counted(found: i64) -> Value {
    json!({"body": "count", "sku": "FLASK", "found": found, "from_share": 0})
}

#[tokio::test]
async fn a_fact_that_may_still_be_booked_by_itself_waits_for_that() {
    let hub = Hub::open().await;
    let agent = joined(&hub).await;
    let mut line = Line::open(&hub, agent).await;
    let life = life();
    line.hello(life, json!({"epoch": 0, "version": 0})).await;
    let (first, second) = (Uuid::now_v7(), Uuid::now_v7());
    // It is kept at once; its place in the log is not taken, since one before it is missing.
    let odd = json!({"body": "juggled", "sku": "FLASK"});
    line.say_fact((second, life), json!([2, CommandId(first)]), odd);
    while hub.texts("select id from rejected_frame").await.is_empty() {
        tokio::task::yield_now().await;
    }
    readable(&hub, second, goods_in(2)).await;
    word(&hub, second, "book").await.refused(409, "fact_on_its_way");
    // By an updated hub both are booked.
    let accepted = json!({"answer": "accepted"});
    assert_eq!(line.fact((first, life), json!([1, null]), goods_in(1)).await, accepted);
    let said = line.fact((second, life), json!([2, CommandId(first)]), goods_in(2)).await;
    assert_eq!(said, accepted);
    assert_eq!(word(&hub, second, "book").await.ok(200)["settled"]["how"], "booked");
    assert_eq!(hub.flask_at("S07").await["on_hand"], 3, "once");
    hub.close().await;
}

#[tokio::test]
async fn share_that_was_given_back_is_booked_whatever_was_counted() {
    let hub = Hub::open().await;
    let agent = joined(&hub).await;
    hub.receive("S07", 10).await;
    hub.put("/v1/policies/share/S07/*", json!({"quantity": 4})).await.ok(200);
    let mut line = Line::open(&hub, agent).await;
    let (life, back, count) = (life(), Uuid::now_v7(), Uuid::now_v7());
    line.hello(life, json!({"epoch": 0, "version": 0})).await;
    assert_eq!(line.frame("grant").await["total"], 4);
    hub.put("/v1/policies/share/S07/*", json!({"quantity": 2})).await.ok(200);
    let odd = json!({"body": "juggled", "sku": "FLASK"});
    let said = line.fact((back, life), json!([1, null]), odd).await;
    assert_eq!(said["code"], "unreadable");
    word(&hub, back, "book").await.refused(409, "fact_not_bookable");
    let said = line.fact((count, life), json!([2, CommandId(back)]), counted(9)).await;
    assert_eq!(said, json!({"answer": "accepted"}));
    readable(&hub, back, json!({"body": "back", "sku": "FLASK", "quantity": 2})).await;
    word(&hub, back, "book").await.ok(200);
    let flask = hub.flask_at("S07").await;
    assert_eq!((&flask["store_share"], &flask["on_hand"]), (&json!(2), &json!(9)));
    hub.close().await;
}

#[tokio::test]
async fn a_note_that_was_lost_is_mended_and_never_says_by_hand() {
    let mut shop = Shop::open(sale()).await;
    mend(&shop.hub).await;
    shop.word("book", "now").await.ok(200);
    let lost = "update rejected_frame set settled_at = null, settled_how = null returning id";
    let (life, bad) = (shop.life, shop.bad);
    let said = shop.line.fact((Uuid::now_v7(), life), json!([2, bad]), counted(2)).await;
    assert_eq!(said, json!({"answer": "accepted"}));
    for _ in 0..2 {
        assert_eq!(shop.hub.texts(lost).await.len(), 1);
        assert_eq!(shop.word("book", "again").await.ok(200)["settled"]["how"], "booked");
        assert_eq!(shop.hub.texts(lost).await.len(), 1);
        shop.word("settle", "by hand").await.refused(409, "fact_settled");
        assert_eq!(shop.listed(false).await[0]["settled"]["how"], "booked");
    }
    assert_eq!(shop.hub.flask_at("S07").await["on_hand"], 2, "as it was counted");
    shop.hub.close().await;
}

#[tokio::test]
async fn of_one_id_the_fact_that_was_not_booked_is_booked() {
    let hub = Hub::open().await;
    let agent = joined(&hub).await;
    let mut line = Line::open(&hub, agent).await;
    let (life, id) = (life(), Uuid::now_v7());
    line.hello(life, json!({"epoch": 0, "version": 0})).await;
    let said = line.fact((id, life), json!([1, null]), goods_in(1)).await;
    assert_eq!(said, json!({"answer": "accepted"}));
    line.say(&json!({"kind": "fact", "session": line.session, "fact": {
        "command_id": CommandId(id), "incarnation": life, "seq": 2, "prev_id": CommandId(id),
        "granted": [], "occurred_at": "2026-03-02T09:31:00Z", "body": goods_in(6)}}));
    assert_eq!(line.frame("ack").await["answer"]["code"], "command_reused");
    for _ in 0..2 {
        assert_eq!(word(&hub, id, "book").await.ok(200)["code"], "command_reused");
    }
    assert_eq!(hub.flask_at("S07").await["on_hand"], 7);
    hub.close().await;
}

#[tokio::test]
async fn what_the_store_did_again_is_not_booked_twice() {
    let hub = Hub::open().await;
    let agent = joined(&hub).await;
    hub.receive("S07", 5).await;
    let mut line = Line::open(&hub, agent).await;
    let (life, first, again) = (life(), Uuid::now_v7(), Uuid::now_v7());
    line.hello(life, json!({"epoch": 0, "version": 0})).await;
    line.is_fresh(&hub).await;
    let lines = json!({"lines": [{"sku": "FLASK", "location": "S07", "quantity": 2}]});
    let claim = hub.post("/v1/reservations", lines).await.ok(201)["id"].clone();
    let odd = json!({"body": "juggled", "sku": "FLASK"});
    assert_eq!(line.fact((first, life), json!([1, null]), odd).await["code"], "unreadable");
    // The register shows it as waiting, and a clerk hands it over.
    let body = json!({"body": "handover", "reservation": claim, "lines": []});
    let said = line.fact((again, life), json!([2, CommandId(first)]), body.clone()).await;
    assert_eq!(said, json!({"answer": "accepted"}));
    readable(&hub, first, body).await;
    word(&hub, first, "book").await.refused(409, "fact_overtaken");
    assert_eq!(hub.flask_at("S07").await["on_hand"], 3);
    hub.close().await;
}

#[tokio::test]
async fn a_fact_of_another_stores_life_waits_for_nothing() {
    let hub = Hub::open().await;
    let agent = joined(&hub).await;
    let mut line = Line::open(&hub, agent).await;
    let life = life();
    line.hello(life, json!({"epoch": 0, "version": 0})).await;
    let id = Uuid::now_v7();
    let odd = json!({"body": "juggled", "sku": "FLASK"});
    assert_eq!(line.fact((id, life), json!([1, null]), odd).await["code"], "unreadable");
    readable(&hub, id, goods_in(2)).await;
    hub.put("/v1/locations/S02", json!({"name": "P", "kind": "store"})).await.ok(200);
    let elsewhere = "update rejected_frame set id = replace(id, '0', '1'), location = (
        select max(location) from rejected_frame) + 100 returning id";
    let moved = hub.texts(elsewhere).await.remove(0);
    let path = format!("/v1/rejected-facts/{moved}/book");
    hub.post(&path, json!({"note": "n"})).await.refused(409, "fact_not_bookable");
    hub.close().await;
}
