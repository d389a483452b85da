//! How stores stand for the operator, and an agent that is given up: what it meant is said before,
//! what remains after.

use oneshelf_domain::{CommandId, limits};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::cli::hub_says;
use crate::link::{Line, hello, joined, life};
use crate::recalls::sold;
use crate::support::Hub;

fn codes(store: &Value) -> Vec<&str> {
    store["risks"].as_array().unwrap().iter().map(|r| r["code"].as_str().unwrap()).collect()
}

async fn store(hub: &Hub) -> Value {
    hub.get("/v1/stores/S07").await.ok(200)
}

#[tokio::test]
async fn an_operator_sees_how_each_store_stands() {
    let hub = Hub::open().await;
    let agent = joined(&hub).await;
    hub.receive("S07", 10).await;
    hub.put("/v1/policies/share/S07/*", json!({"quantity": 4})).await.ok(200);
    let before = store(&hub).await;
    assert_eq!((&before["incarnation"], &before["link"]), (&Value::Null, &json!("stale")));
    let mut line = Line::open(&hub, agent).await;
    let life = life();
    line.hello(life, json!({"epoch": 0, "version": 0})).await;
    assert_eq!(line.frame("grant").await["total"], 4);
    let lines = json!({"lines": [{"sku": "FLASK", "location": "S07", "quantity": 2}]});
    hub.ask("POST", "/v1/reservations").admin().key("k").json(&lines).send().await.ok(201);
    // It has not answered a ping yet.
    let silent = store(&hub).await;
    assert_eq!(codes(&silent), ["share_silent", "promised_before"]);
    line.answer_ping(0, 3).await;
    let now = store(&hub).await;
    assert_eq!(now["link"], "fresh");
    assert_eq!(codes(&now), Vec::<&str>::new());
    assert_eq!(now["share"], json!({"units": 4, "items": 1}));
    assert_eq!(now["promised"], json!({"units": 2, "items": 1}));
    assert_eq!((&now["reservations"], &now["waiting_facts"]), (&json!(1), &json!(3)));
    assert_eq!(now["incarnation"], json!(life));
    assert!(now["last_answer_at"].is_string(), "{now}");
    let list = hub.get("/v1/stores").await.ok(200);
    let stores = list["stores"].as_array().unwrap();
    let names: Vec<&str> = stores.iter().map(|s| s["location"].as_str().unwrap()).collect();
    assert_eq!(names, ["S02", "S07"], "stores alone");
    assert_eq!(stores[1]["share"], now["share"]);
    // Five were sold beyond the share, of four that are free: one of the order's is gone.
    let sold = line.fact((Uuid::now_v7(), life), json!([1, null]), sold(0, 5, 1)).await;
    assert_eq!(sold["answer"], "accepted");
    let now = store(&hub).await;
    assert_eq!(now["short"], json!({"units": 1, "items": 1}));
    assert_eq!(codes(&now), ["short"]);
    let of = |of: &str| format!("/v1/stores/S07/items?of={of}");
    let row = |units: i64| json!({"sku": "FLASK", "name": "Flask", "units": units});
    for (figure, units) in [("share", 4), ("promised", 1), ("short", 1)] {
        let items = hub.get(&of(figure)).await.ok(200);
        assert_eq!(items["items"], json!([row(units)]), "{figure}");
    }
    assert_eq!(hub.get(&of("in_doubt")).await.ok(200)["items"], json!([]));
    hub.get(&of("gold")).await.refused(400, "malformed");
    let elsewhere = hub.sign_in("max", "manager", &["S02"]).await;
    let his = hub.ask("GET", "/v1/stores/S07").header("cookie", &elsewhere).send().await;
    his.refused(404, "location_unknown");
    hub.close().await;
}

#[tokio::test]
async fn an_agent_that_is_silent_is_given_up_and_comes_back_as_another() {
    let mut hub = Hub::open().await;
    let agent = joined(&hub).await;
    hub.receive("S07", 6).await;
    hub.put("/v1/policies/share/S07/*", json!({"quantity": 4})).await.ok(200);
    let (first, new) = (life(), json!({"epoch": 0, "version": 0}));
    let mut line = Line::open(&hub, agent).await;
    line.hello(first, new.clone()).await;
    assert_eq!(line.frame("grant").await["total"], 4);
    line.answer_ping(0, 0).await;
    give_up(&hub, first).await.refused(409, "agent_answers");
    // It connects again, and answers nothing.
    hub.restart().await;
    let mut silent = Line::open(&hub, agent).await;
    silent.hello_with(first, &line.session, new.clone()).await;
    give_up(&hub, life()).await.refused(404, "record_unknown");
    // A hub that has just started knows no line: this one may answer in a moment.
    let early = give_up(&hub, first).await.refused(409, "agent_not_heard_yet");
    assert!(early["detail"].as_str().unwrap().contains("try again in 16 s"), "{early}");
    hub.app().links.skip_ms(limits::FRESH_MS + 1);
    let after = give_up(&hub, first).await.ok(200);
    assert_eq!(after["in_doubt"], json!({"units": 4, "items": 1}));
    assert_eq!((&after["share"]["units"], &after["incarnation"]), (&json!(0), &Value::Null));
    assert_eq!(codes(&after), ["pickup_stopped", "in_doubt"]);
    assert_eq!(give_up(&hub, first).await.ok(200)["in_doubt"]["units"], 4, "no second time");
    let notice = hub.get("/v1/notices").await.ok(200)["notices"][0].take();
    assert_eq!((&notice["code"], &notice["actor"]), (&json!("agent_retired"), &json!("admin")));
    // Its line is cut, so that it hears of it at its next Hello.
    silent.ended().await;
    let mut back = Line::open(&hub, agent).await;
    back.say(&hello(first, silent.session.clone(), new.clone()));
    assert_eq!(back.frame("retired").await["incarnation"], json!(first));
    let second = life();
    back.hello(second, new).await;
    // What it sold meanwhile is booked, what it still had is free again.
    let id = Uuid::now_v7();
    let said = back.fact((id, first), json!([1, null]), sold(1, 0, 1)).await;
    assert_eq!(said["answer"], "accepted");
    let left = json!({"body": "close", "left": [["FLASK", 3]]});
    let said = back.fact((Uuid::now_v7(), first), json!([2, CommandId(id)]), left).await;
    assert_eq!(said["answer"], "accepted");
    let now = store(&hub).await;
    assert_eq!((&now["in_doubt"]["units"], &now["incarnation"]), (&json!(0), &json!(second)));
    hub.close().await;
}

#[tokio::test]
async fn a_count_ends_what_waited_for_the_word_of_an_agent_that_is_gone() {
    let mut hub = Hub::open().await;
    let agent = joined(&hub).await;
    hub.receive("S07", 4).await;
    let first = life();
    let mut line = Line::open(&hub, agent).await;
    line.hello(first, json!({"epoch": 0, "version": 0})).await;
    let lines = json!({"lines": [{"sku": "FLASK", "location": "S07", "quantity": 2}]});
    let made = hub.ask("POST", "/v1/reservations").admin().key("k").json(&lines).send().await;
    let path = format!("/v1/reservations/{}", made.ok(201)["id"].as_str().unwrap());
    let said = hub.post(&format!("{path}/release"), json!({})).await.ok(200);
    assert_eq!(said["state"], "releasing");
    // Its machine is gone, with or without the goods.
    hub.restart().await;
    hub.app().links.skip_ms(limits::FRESH_MS + 1);
    let risks = store(&hub).await["risks"].take();
    let risk = risks.as_array().unwrap().iter().find(|r| r["code"] == "releasing").unwrap();
    assert!(risk["text"].as_str().unwrap().contains("2 units of 1 item, reservations: 1"));
    let retire = ["store", "retire-agent", "S07", "--confirm", "S07"];
    let (good, said) = hub_says(&hub, &retire).await;
    assert!(good && said.contains("given up and wait for its word"), "{said}");
    assert_eq!(hub.get(&path).await.ok(200)["state"], "releasing", "nobody knows yet");
    // One of the two was handed over.
    let found = json!({"location": "S07", "sku": "FLASK", "found": 3});
    hub.post("/v1/stock/count", found).await.ok(200);
    assert_eq!(hub.get(&path).await.ok(200)["state"], "released");
    let now = hub.flask_at("S07").await;
    assert_eq!((&now["available"], &now["reserved"]), (&json!(3), &json!(0)));
    hub.close().await;
}

async fn give_up(hub: &Hub, life: oneshelf_domain::IncarnationId) -> crate::support::Said {
    hub.post("/v1/stores/S07/retire-agent", json!({"incarnation": life})).await
}

#[tokio::test]
async fn a_store_with_share_of_many_items_is_given_up_in_one_command() {
    let mut hub = Hub::open().await;
    let agent = joined(&hub).await;
    let skus: Vec<String> = (0..30).map(|n| format!("THING-{n:02}")).collect();
    let mut lines = vec![];
    for sku in &skus {
        hub.put(&format!("/v1/items/{sku}"), json!({"name": sku})).await.ok(200);
        lines.push(json!({"sku": sku, "quantity": 2}));
    }
    let goods = json!({"location": "S07", "lines": lines});
    hub.post("/v1/stock/receive", goods).await.ok(200);
    hub.put("/v1/policies/share/S07/*", json!({"quantity": 1})).await.ok(200);
    let life = life();
    let mut line = Line::open(&hub, agent).await;
    line.hello(life, json!({"epoch": 0, "version": 0})).await;
    for _ in &skus {
        line.frame("grant").await;
    }
    // What the writer had at hand is gone with the hub.
    hub.restart().await;
    hub.app().links.skip_ms(limits::FRESH_MS + 1);
    let retire = ["store", "retire-agent", "S07", "--confirm"];
    for other in ["S02", ""] {
        let (good, said) = hub_says(&hub, &[&retire[..], &[other]].concat()).await;
        assert!(!good && said.contains("nothing was changed"), "{said}");
        assert!(said.contains("30 units of 30 items go in doubt"), "{said}");
    }
    // Nobody types it.
    let (good, said) = hub_says(&hub, &retire[..3]).await;
    assert!(!good && said.contains("Type S07 to go on"), "{said}");
    let (good, said) = hub_says(&hub, &[&retire[..], &["S07"]].concat()).await;
    assert!(good && said.contains("in_doubt: 30 units of 30 items"), "{said}");
    let (good, said) = hub_says(&hub, &["store", "list"]).await;
    assert!(good && said.contains("S07") && said.contains("in_doubt"), "{said}");
    let (good, said) = hub_says(&hub, &["store", "items", "S07", "--of", "in-doubt"]).await;
    assert!(good && said.contains("THING-29"), "{said}");
    assert_eq!(store(&hub).await["in_doubt"], json!({"units": 30, "items": 30}));
    let page = hub.get("/v1/stores/S07/items?of=in_doubt&limit=20").await.ok(200);
    let path = format!(
        "/v1/stores/S07/items?of=in_doubt&limit=20&cursor={}",
        page["next_cursor"].as_str().unwrap()
    );
    let rest = hub.get(&path).await.ok(200);
    let of = |page: &Value| page["items"].as_array().unwrap().len();
    assert_eq!((of(&page), of(&rest)), (20, 10));
    hub.close().await;
}
