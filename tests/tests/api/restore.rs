//! A hub that is put back to a backup: its stores tell it everything again before anything of
//! theirs is promised, and its channels are told everything anew.

use oneshelf_domain::{IncarnationId, LocationCode};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::backup::{Shelf, backed_up, nothing_is_broken};
use crate::cli::hub_says;
use crate::link::{Line, goods_in, hello, joined, life};
use crate::receiver::Receiver;
use crate::support::{Hub, Said};

/// Stops the hub, puts it back, starts it again; gives what was said.
async fn put_back(hub: &mut Hub, file: &str) -> String {
    hub.halt().await;
    let words = ["restore", file, "--replace", "--database", hub.database_url()];
    let (good, said) = hub_says(hub, &words).await;
    assert!(good, "{said}");
    hub.start().await;
    said
}

async fn claim(hub: &Hub, location: &str) -> Said {
    let lines = json!({"lines": [{"sku": "FLASK", "location": location, "quantity": 1}]});
    hub.post("/v1/reservations", lines).await
}

/// The sale of one flask from the store's share.
fn sale() -> Value {
    let price = json!({"minor": 3490, "currency": "EUR"});
    json!({"body": "sale", "lines": [{"sku": "FLASK", "share": 1, "beyond": 0}], "sale": {
        "id": format!("sal_{}", Uuid::now_v7().as_simple()), "receipt_number": "S07-R1-000001",
        "register": "S07-R1", "number": 1, "cashier": "Ana", "total": price,
        "change": {"minor": 0, "currency": "EUR"},
        "tenders": [{"kind": "cash", "given": price}],
        "lines": [{"id": format!("lin_{}", Uuid::now_v7().as_simple()), "sku": "FLASK",
            "name": "Flask", "quantity": 1, "unit_price": price, "total": price,
            "tax": "standard"}],
    }})
}

/// The store's word on its log; the next frame that answers shows that the hub has heard it.
async fn waiting(line: &mut Line, facts: i64, cursor: &Value) {
    line.say(&json!({"kind": "pong", "session": line.session, "number": 1, "digest": "",
        "last": 2, "waiting": facts}));
    line.say(&json!({"kind": "cursor", "session": line.session, "cursor": cursor}));
    line.whole_copy().await;
}

/// The cursor of an agent that has no rows yet.
fn nothing() -> Value {
    json!({"epoch": 0, "version": 0})
}

/// An agent with a new life, which has told everything.
async fn speaks(hub: &Hub, agent: oneshelf_domain::AgentId) -> Line {
    let mut line = Line::open(hub, agent).await;
    line.hello(life(), nothing()).await;
    waiting(&mut line, 0, &nothing()).await;
    line
}

#[tokio::test]
async fn a_store_is_promised_again_when_its_agent_has_told_everything() {
    let mut hub = Hub::open().await;
    if !hub.is_file() {
        return hub.close().await;
    }
    let shelf = Shelf::new();
    let file = shelf.at("hub.sqlite");
    let agent = joined(&hub).await;
    hub.receive("S07", 10).await;
    hub.receive("W01", 10).await;
    backed_up(&hub, &file).await;
    // What the backup does not know: a share, goods that came in, a sale.
    hub.put("/v1/policies/share/S07/*", json!({"quantity": 2})).await.ok(200);
    let mut line = Line::open(&hub, agent).await;
    let life = life();
    line.hello(life, json!({"epoch": 0, "version": 0})).await;
    assert_eq!(line.frame("grant").await["total"], 2);
    let facts = [(Uuid::now_v7(), goods_in(3)), (Uuid::now_v7(), sale())];
    let tells = async |line: &mut Line, life: IncarnationId| {
        for (n, (id, body)) in facts.iter().enumerate() {
            let before = n.checked_sub(1).map(|n| oneshelf_domain::CommandId(facts[n].0));
            let said = line.fact((*id, life), json!([n + 1, before]), body.clone()).await;
            assert_eq!(said, json!({"answer": "accepted"}));
        }
    };
    tells(&mut line, life).await;
    let shelf_before = hub.flask_at("S07").await;
    let at = json!({"epoch": 1, "version": hub.version().await});
    let lease = line.session.clone();

    let said = put_back(&mut hub, &file).await;
    assert!(said.contains("stores:   S07 are promised again when"), "{said}");
    let notices = hub.get("/v1/notices").await.ok(200);
    assert_eq!(notices["notices"][0]["code"], "store_recovering", "{notices}");
    // Ten flasks lie there by the backup. One of them is sold, and two are the store's.
    claim(&hub, "S07").await.refused(409, "not_enough_available");
    claim(&hub, "W01").await.ok(201);
    let mut again = hello(life, lease, at.clone());
    (again["last"], again["granted"]) = (json!(2), json!([["FLASK", 2]]));
    let mut line = Line::open(&hub, agent).await;
    let copy = line.say_hello(&again).await;
    assert_eq!((&copy["after"], &line.welcome["last"]), (&json!(0), &json!(0)), "the whole copy");
    let epoch = line.session["epoch"].as_i64().unwrap();
    assert!(epoch > 1 && copy["epoch"] == epoch, "{copy}");
    waiting(&mut line, 2, &at).await;
    claim(&hub, "S07").await.refused(409, "not_enough_available");
    tells(&mut line, life).await;
    waiting(&mut line, 0, &at).await;
    claim(&hub, "S07").await.ok(201);
    let now = hub.flask_at("S07").await;
    for (name, less) in [("on_hand", 0), ("store_share", 0), ("available", 1)] {
        let figures = [&shelf_before[name], &now[name]].map(|n| n.as_i64().unwrap());
        assert_eq!(figures[0], figures[1] + less, "{name}: {shelf_before} {now}");
    }
    assert_eq!(hub.texts("select receipt_number from sale").await, ["S07-R1-000001"]);
    // Also the share is given again from now on.
    hub.put("/v1/policies/share/S07/*", json!({"quantity": 4})).await.ok(200);
    assert_eq!(line.frame("grant").await["total"], 5);
    let url = hub.database_url().to_owned();
    hub.halt().await;
    nothing_is_broken(&url).await;
    hub.close().await;
}

#[tokio::test]
async fn a_log_that_begins_behind_an_old_backup_goes_on_and_its_store_is_to_be_counted() {
    let mut hub = Hub::open().await;
    if !hub.is_file() {
        return hub.close().await;
    }
    let shelf = Shelf::new();
    let file = shelf.at("hub.sqlite");
    let agent = joined(&hub).await;
    hub.receive("S07", 10).await;
    let (first, new) = (life(), json!({"epoch": 0, "version": 0}));
    let mut line = Line::open(&hub, agent).await;
    line.hello(first, new.clone()).await;
    let ids: Vec<Uuid> = (0..3).map(|_| Uuid::now_v7()).collect();
    let tells = async |line: &mut Line, n: usize| {
        let before = n.checked_sub(1).map(|n| oneshelf_domain::CommandId(ids[n]));
        let said = line.fact((ids[n], first), json!([n + 1, before]), goods_in(1)).await;
        assert_eq!(said, json!({"answer": "accepted"}));
    };
    tells(&mut line, 0).await;
    backed_up(&hub, &file).await;
    tells(&mut line, 1).await;
    tells(&mut line, 2).await;
    let (lease, at) = (line.session.clone(), new.clone());
    put_back(&mut hub, &file).await;
    let mut again = hello(first, lease, at.clone());
    again["last"] = json!(3);
    let mut line = Line::open(&hub, agent).await;
    line.say_hello(&again).await;
    assert_eq!(line.welcome["last"], 1);
    // It has nothing to tell: all of it was answered long ago, and is dropped.
    let goes_on = |facts: i64, life: IncarnationId, seq: i64| {
        json!({"kind": "pong", "session": null, "number": 1, "digest": "", "last": 3,
            "waiting": facts, "next": {"incarnation": life, "seq": seq}})
    };
    let pong = async |line: &mut Line, mut pong: Value| {
        pong["session"] = line.session.clone();
        line.say(&pong);
        let session = line.session.clone();
        line.say(&json!({"kind": "cursor", "session": session, "cursor": at}));
        line.whole_copy().await;
    };
    pong(&mut line, goes_on(0, first, 4)).await;
    claim(&hub, "S07").await.refused(409, "not_enough_available");
    let store = hub.get("/v1/stores/S07").await.ok(200);
    assert!(store["risks"].as_array().unwrap().iter().any(|r| r["code"] == "log_gap"), "{store}");
    // Or it has the last one still: that is booked, and the life ends.
    pong(&mut line, goes_on(1, first, 3)).await;
    let at = json!([3, oneshelf_domain::CommandId(ids[1])]);
    line.say_fact((ids[2], first), at, goods_in(1));
    // With it the session ends, before or after the hub's word on the fact.
    line.ended().await;
    let notices = hub.get("/v1/notices").await.ok(200).to_string();
    assert!(notices.contains("log_begins_late") && notices.contains("agent_forked"), "{notices}");
    let mut line = Line::open(&hub, agent).await;
    line.say(&hello(first, again["lease"].clone(), new.clone()));
    line.frame("retired").await;
    let second = life();
    line.hello(second, new).await;
    pong(&mut line, goes_on(0, second, 1)).await;
    claim(&hub, "S07").await.ok(201);
    assert_eq!(hub.flask_at("S07").await["on_hand"], 12, "of thirteen: a count finds the other");
    let store = hub.get("/v1/stores/S07").await.ok(200);
    assert!(!store["risks"].to_string().contains("log_gap"), "{store}");
    hub.close().await;
}

#[tokio::test]
async fn a_store_whose_agent_is_gone_is_promised_again_when_the_office_says_so() {
    let mut hub = Hub::open().await;
    if !hub.is_file() {
        return hub.close().await;
    }
    let shelf = Shelf::new();
    let file = shelf.at("hub.sqlite");
    joined(&hub).await;
    hub.receive("S07", 10).await;
    backed_up(&hub, &file).await;
    put_back(&mut hub, &file).await;
    claim(&hub, "S07").await.refused(409, "not_enough_available");
    hub.delete("/v1/locations/S07/recovery").await.ok(204);
    claim(&hub, "S07").await.ok(201);
    // Once more changes nothing.
    hub.delete("/v1/locations/S07/recovery").await.ok(204);
    hub.close().await;
}

#[tokio::test]
async fn a_store_waits_for_all_of_its_agents_also_for_one_that_was_replaced() {
    let mut hub = Hub::open().await;
    if !hub.is_file() {
        return hub.close().await;
    }
    let shelf = Shelf::new();
    let file = shelf.at("hub.sqlite");
    let replaced = joined(&hub).await;
    let now = joined(&hub).await;
    hub.receive("S07", 10).await;
    backed_up(&hub, &file).await;
    let untold = async |hub: &Hub| hub.get("/v1/stores/S07").await.ok(200)["untold_agents"].clone();

    put_back(&mut hub, &file).await;
    let line = speaks(&hub, now).await;
    claim(&hub, "S07").await.refused(409, "not_enough_available");
    let left = untold(&hub).await;
    assert!(left.to_string().contains(&replaced.to_string()), "{left}");
    assert_eq!(left.as_array().unwrap().len(), 1, "{left}");
    let of_it = |n: &&Value| n["code"] == "store_recovering";
    let notices = hub.get("/v1/notices").await.ok(200);
    assert_eq!(notices["notices"].as_array().unwrap().iter().filter(of_it).count(), 1);
    drop(line);
    let _line = speaks(&hub, replaced).await;
    claim(&hub, "S07").await.ok(201);
    assert_eq!(untold(&hub).await, json!([]));

    // Or its machine is lost: then nobody waits for it.
    put_back(&mut hub, &file).await;
    let mut line = speaks(&hub, now).await;
    claim(&hub, "S07").await.refused(409, "not_enough_available");
    hub.delete(&format!("/v1/agents/{replaced}")).await.ok(204);
    assert_eq!(untold(&hub).await, json!([]));
    waiting(&mut line, 0, &nothing()).await;
    claim(&hub, "S07").await.ok(201);
    hub.close().await;
}

#[tokio::test]
async fn a_store_waits_for_an_agent_that_joined_since_the_backup_under_its_new_name() {
    let mut hub = Hub::open().await;
    if !hub.is_file() {
        return hub.close().await;
    }
    let shelf = Shelf::new();
    let file = shelf.at("hub.sqlite");
    let first = joined(&hub).await;
    hub.receive("S07", 10).await;
    backed_up(&hub, &file).await;
    let since = joined(&hub).await;
    hub.app().follow.reached(oneshelf_domain::stock::Version(hub.version().await)).await;
    hub.halt().await;
    let keys = crate::rollback::keys(&hub).display().to_string();
    let words = ["restore", &file, "--replace", "--database", hub.database_url(), "--data", &keys];
    let (good, said) = hub_says(&hub, &words).await;
    assert!(good, "{said}");
    hub.start().await;
    let line = speaks(&hub, first).await;
    let store = hub.get("/v1/stores/S07").await.ok(200);
    assert_eq!(store["untold_agents"], json!([]));
    assert_eq!(store["unknown_agents"], json!([since.to_string()]));
    drop(line);
    // Put back once more before it is there: it is not forgotten.
    hub.restart().await;
    hub.halt().await;
    let again = ["restore", "--in-place", "--database", hub.database_url(), "--data", &keys];
    let (good, said) = hub_says(&hub, &again).await;
    assert!(good, "{said}");
    hub.start().await;
    let line = speaks(&hub, first).await;
    let store = hub.get("/v1/stores/S07").await.ok(200);
    assert_eq!(store["unknown_agents"], json!([since.to_string()]), "{store}");
    drop(line);
    // It is unknown now, and joins anew.
    let again = joined(&hub).await;
    let line = speaks(&hub, first).await;
    claim(&hub, "S07").await.refused(409, "not_enough_available");
    drop(line);
    let _line = speaks(&hub, again).await;
    claim(&hub, "S07").await.ok(201);
    hub.close().await;
}

#[tokio::test]
async fn channels_are_told_everything_anew() {
    let mut hub = crate::channels::open().await;
    if !hub.is_file() {
        return hub.close().await;
    }
    let shelf = Shelf::new();
    let file = shelf.at("hub.sqlite");
    let receiver = Receiver::start().await;
    hub.receive("W01", 3).await;
    crate::channels::channel(&hub, &receiver.url()).await;
    receiver.knows("FLASK", 3).await;
    let confirmed = "select 'yes' from channel_shadow s join item i on i.no = s.item
        where i.sku = 'FLASK' and s.confirmed_total = 3";
    receiver.until(async || hub.texts(confirmed).await == ["yes"]).await;
    backed_up(&hub, &file).await;
    hub.receive("W01", 5).await;
    receiver.knows_after("FLASK", 8, || hub.later(2_000)).await;
    let said = put_back(&mut hub, &file).await;
    assert!(said.contains("channels: own: let each send its orders"), "{said}");
    // Its orders since the backup are forgotten: nothing is promised before they came again.
    receiver.knows_after("FLASK", 0, || hub.later(2_000)).await;
    receiver.knows_after("LAMP", 0, || hub.later(2_000)).await;
    claim(&hub, "W01").await.refused(409, "not_enough_available");
    let epoch = hub.app().seen().epoch;
    let anew: Vec<Value> = receiver.taken().iter().map(|d| d.data().clone()).collect();
    let anew: Vec<&Value> = anew.iter().filter(|d| d["epoch"] == epoch).collect();
    assert_eq!(anew.len(), 2, "{anew:?}");
    assert!(anew.iter().all(|d| d["expected"].is_null()), "what was confirmed is past: {anew:?}");
    hub.post("/v1/channels/other/caught-up", json!({})).await.refused(404, "record_unknown");
    hub.post("/v1/channels/own/caught-up", json!({})).await.ok(204);
    receiver.knows_after("FLASK", 3, || hub.later(2_000)).await;
    claim(&hub, "W01").await.ok(201);
    hub.post("/v1/channels/own/caught-up", json!({})).await.ok(204);
    // A channel that is ended sends nothing any more.
    put_back(&mut hub, &file).await;
    claim(&hub, "W01").await.refused(409, "not_enough_available");
    hub.delete("/v1/channels/own").await.ok(204);
    claim(&hub, "W01").await.ok(201);
    hub.close().await;
}

#[tokio::test]
async fn an_order_that_was_half_worked_off_waits_too() {
    let mut hub = crate::channels::open().await;
    if !hub.is_file() {
        return hub.close().await;
    }
    let shelf = Shelf::new();
    let file = shelf.at("hub.sqlite");
    let receiver = Receiver::start().await;
    hub.receive("W01", 3).await;
    crate::channels::channel(&hub, &receiver.url()).await;
    receiver.knows("FLASK", 3).await;
    let seen = hub.app().seen();
    let place = seen.records.location(&LocationCode::new("W01").unwrap()).unwrap().no.0;
    let long_ago = hub.app().now().plus_ms(-3_600_000).0;
    let item = hub.texts("select cast(no as text) from item where sku = 'FLASK'").await.remove(0);
    hub.halt().await;
    // A backup of the moment between its plan and its claim, which is put back long after.
    let lines =
        format!(r#"[{{"item":{item},"sku":"FLASK","no":{place},"location":"W01","quantity":1}}]"#);
    let body = r#"{"intake":"placed","channel_order_id":"W-1",
        "lines":[{"sku":"FLASK","quantity":1}]}"#;
    // Behind it something that is worked off when it was looked at.
    let behind = r#"{"intake":"cancelled","channel_order_id":"W-0"}"#;
    let order = format!("'W-1', 'placed', '{lines}', '', '', '', {long_ago}, {long_ago}");
    let came = format!("'evt-1', 'placed', 'W-1', '{body}', 'received', {long_ago}, 0, 0");
    let next = format!("'evt-2', 'cancelled', 'W-0', '{behind}', 'received', {long_ago} + 1, 0, 0");
    for (table, row) in [("order", order), ("inbox", came), ("inbox", next)] {
        let sql = format!("insert into channel_{table} values ('own', {row}) returning 'yes'");
        assert_eq!(hub.texts(&sql).await, ["yes"]);
    }
    backed_up(&hub, &file).await;
    put_back(&mut hub, &file).await;
    let worked = "select state from channel_inbox order by event";
    receiver.until(async || hub.texts(worked).await == ["received", "worked"]).await;
    hub.post("/v1/channels/own/caught-up", json!({})).await.ok(204);
    let accepted = "select state from channel_order where id = 'W-1'";
    receiver.until(async || hub.texts(accepted).await == ["accepted"]).await;
    hub.close().await;
}
