//! Goods from one location to another: asked for, sent by a store or a warehouse, taken in there.

use oneshelf_domain::stock::LocationNo;
use oneshelf_domain::{AgentId, IncarnationId, Timestamp, limits};
use oneshelf_hub::audit::audit;
use oneshelf_hub::store::read::transfers::{Wanted, listing};
use serde_json::{Value, json};
use sqlx::{AssertSqlSafe, Connection};
use uuid::Uuid;

use crate::cli::hub_says;
use crate::link::{Line, goods_in, joined, life};
use crate::support::Hub;

/// A store whose agent does what the test says.
struct Store {
    line: Line,
    life: IncarnationId,
    head: (i64, Option<Uuid>),
}

impl Store {
    async fn open(hub: &Hub, agent: AgentId) -> Self {
        let mut store = Self { line: Line::open(hub, agent).await, life: life(), head: (0, None) };
        store.line.hello(store.life, json!({"epoch": 0, "version": 0})).await;
        store
    }

    async fn tells(&mut self, body: Value) -> Uuid {
        let (seq, before) = (self.head.0 + 1, self.head.1.map(oneshelf_domain::CommandId));
        let id = Uuid::now_v7();
        let said = self.line.fact((id, self.life), json!([seq, before]), body).await;
        assert_eq!(said, json!({"answer": "accepted"}));
        self.head = (seq, Some(id));
        id
    }

    /// Waits for the row of a transfer or reservation in this state.
    async fn row(&mut self, kind: &str, id: &Value, state: &str) -> Value {
        self.row_after(1, kind, id, state).await
    }

    /// The same in the rows behind a version; 0: in the whole copy.
    async fn row_after(&mut self, version: i64, kind: &str, id: &Value, state: &str) -> Value {
        let session = self.line.session.clone();
        self.line.say(&json!({"kind": "cursor", "session": session,
            "cursor": {"epoch": 1, "version": version}}));
        loop {
            let frame = self.line.frame("changes").await;
            let rows = frame["rows"].as_array().unwrap();
            let mine = |r: &&Value| r["row"] == kind && r["id"] == *id && r["state"] == state;
            if let Some(row) = rows.iter().find(mine) {
                return row.clone();
            }
        }
    }
}

async fn road(hub: &Hub) {
    hub.put("/v1/locations/W01", json!({"name": "Depot", "kind": "warehouse"})).await.ok(200);
    let body = json!({"from": "W01", "to": "S07", "lines": [{"sku": "FLASK", "quantity": 1}]});
    hub.receive("W01", 10).await;
    hub.post("/v1/transfers", body).await.refused(409, "no_transit_location");
    hub.put("/v1/locations/T01", json!({"name": "Road", "kind": "transit"})).await.ok(200);
}

fn asked(from: &str, to: &str, quantity: i64) -> Value {
    json!({"from": from, "to": to, "reference": "TO-7",
        "lines": [{"sku": "FLASK", "quantity": quantity}]})
}

async fn audited(hub: &Hub) {
    assert_eq!(audit(&hub.app().store).await.unwrap().broken, []);
}

#[tokio::test]
async fn a_warehouse_sends_to_a_store_that_has_an_agent() {
    let hub = Hub::open().await;
    road(&hub).await;
    let agent = joined(&hub).await;
    let mut store = Store::open(&hub, agent).await;
    let too_many = hub.post("/v1/transfers", asked("W01", "S07", 11)).await;
    too_many.refused(409, "not_enough_available");
    let ask = || hub.ask("POST", "/v1/transfers").admin().key("t1").json(&asked("W01", "S07", 4));
    let made = ask().send().await.ok(201);
    assert_eq!(ask().send().await.ok(201)["id"], made["id"], "one key, one transfer");
    assert_eq!((&made["state"], &made["via"]), (&json!("committed"), &json!("T01")));
    assert_eq!(made["lines"][0]["name"], "Flask");
    let at: Timestamp = serde_json::from_value(made["created_at"].clone()).unwrap();
    assert!(hub.app().now().ms_since(at) < 60_000, "{at:?}");
    let path = format!("/v1/transfers/{}", made["id"].as_str().unwrap());
    let step = async |name: &str, body: Value| hub.post(&format!("{path}/{name}"), body).await;
    let at = async |place: &str| {
        let now = hub.flask_at(place).await;
        json!([now["on_hand"], now["available"], now["promise"], now["incoming"]])
    };
    assert_eq!(at("S07").await, json!([0, 0, 0, 4]));
    assert_eq!(at("W01").await, json!([10, 6, 6, 0]));
    let row = store.row("transfer", &made["id"], "committed").await;
    assert_eq!((&row["from"], &row["lines"]), (&json!("W01"), &json!([["FLASK", 4]])));
    let good = |n: i64| json!({"lines": [{"sku": "FLASK", "good": n}]});
    step("receive", good(1)).await.refused(409, "reservation_state");
    assert_eq!(step("ship", json!({})).await.ok(200)["state"], "in_transit");
    step("cancel", json!({})).await.refused(409, "reservation_state");
    step("receive", good(1)).await.refused(409, "store_has_agent");
    assert_eq!(at("W01").await, json!([6, 6, 6, 0]));
    assert_eq!(at("T01").await, json!([4, 0, 0, 0]));
    let row = store.row_after(0, "transfer", &made["id"], "in_transit").await;
    assert_eq!(row["lines"], json!([["FLASK", 4]]));
    let arrived = |good: i64, damaged: i64, close: bool| {
        json!({"body": "arrived", "transfer": made["id"], "close": close,
            "lines": [{"sku": "FLASK", "good": good, "damaged": damaged}]})
    };
    store.tells(arrived(2, 0, false)).await;
    let now = hub.get(&path).await.ok(200);
    assert_eq!((&now["state"], &now["lines"][0]["arrived"]), (&json!("in_transit"), &json!(2)));
    assert_eq!(at("S07").await, json!([2, 2, 2, 2]));
    store.tells(arrived(0, 1, true)).await;
    assert_eq!(hub.get(&path).await.ok(200)["state"], "transferred");
    assert_eq!(at("S07").await, json!([3, 2, 2, 0]));
    assert_eq!(at("T01").await, json!([0, 0, 0, 0]));
    let notices = hub.get("/v1/notices").await.ok(200).to_string();
    assert!(notices.contains("transfer_short"), "{notices}");
    audited(&hub).await;
    hub.close().await;
}

#[tokio::test]
async fn a_store_hands_goods_to_the_driver_and_sends_of_its_share() {
    let hub = Hub::open().await;
    road(&hub).await;
    let agent = joined(&hub).await;
    let mut store = Store::open(&hub, agent).await;
    hub.put("/v1/policies/share/S07/*", json!({"quantity": 3})).await.ok(200);
    store.tells(goods_in(8)).await;
    assert_eq!(store.line.frame("grant").await["total"], 3);
    let made = hub.post("/v1/transfers", asked("S07", "W01", 4)).await.ok(201);
    let path = format!("/v1/transfers/{}", made["id"].as_str().unwrap());
    hub.post(&format!("{path}/ship"), json!({})).await.refused(409, "store_has_agent");
    assert_eq!(store.row("reservation", &made["id"], "committed").await["to"], "W01");
    let units = |n: i64| json!([["FLASK", n]]);
    store.tells(json!({"body": "handover", "reservation": made["id"], "lines": units(4)})).await;
    let left = store.row("reservation", &made["id"], "in_transit").await;
    assert_eq!(left["lines"], json!([]), "nothing of it is here any more");
    let took = json!({"lines": [{"sku": "FLASK", "good": 5}]});
    let done = hub.post(&format!("{path}/receive"), took.clone()).await.ok(200);
    assert_eq!((&done["state"], &done["lines"][0]["arrived"]), (&json!("transferred"), &json!(4)));
    hub.post(&format!("{path}/receive"), took).await.refused(409, "reservation_ended");
    // By itself, as with the line down: its share alone.
    let id = store.tells(json!({"body": "sent", "to": "W01", "lines": units(2)})).await;
    let path = format!("/v1/transfers/rsv_{}", id.as_simple());
    assert_eq!(hub.get(&path).await.ok(200)["state"], "in_transit");
    let now = hub.flask_at("S07").await;
    // The one that lies there may have been granted to it by now: it keeps three.
    let units = |place: &str| now[place].as_i64().unwrap();
    assert_eq!(units("store_share") + units("available"), 2, "{now}");
    assert_eq!(hub.flask_at("W01").await["incoming"], 2);
    let close = json!({"lines": [], "close": true});
    assert_eq!(hub.post(&format!("{path}/receive"), close).await.ok(200)["state"], "transferred");
    let listed = async |query: &str| {
        let page = hub.get(&format!("/v1/transfers?{query}")).await.ok(200);
        page["transfers"].as_array().unwrap().len()
    };
    assert_eq!(listed("from=S07").await, 2);
    assert_eq!(listed("to=S07").await, 0);
    assert_eq!(listed("state=transferred&limit=1").await, 1);
    let first = hub.get("/v1/transfers?limit=1").await.ok(200);
    let next = format!("limit=1&cursor={}", first["next_cursor"].as_str().unwrap());
    assert_eq!(listed(&next).await, 1);
    hub.get("/v1/transfers?state=lost").await.refused(422, "invalid");
    audited(&hub).await;
    hub.close().await;
}

#[tokio::test]
async fn a_transfer_is_no_reservation_to_who_may_only_claim() {
    let hub = Hub::open().await;
    road(&hub).await;
    let made = hub.post("/v1/transfers", asked("W01", "S07", 4)).await.ok(201);
    let claims = hub.secret_key(&["reserve"]).await;
    let path = format!("/v1/reservations/{}", made["id"].as_str().unwrap());
    let ask = |who: &str, method: &str, step: &str| {
        hub.ask(method, &format!("{path}{step}")).bearer(who).send()
    };
    for step in ["/commit", "/pick", "/hand-over", "/release"] {
        ask(&claims, "POST", step).await.refused(404, "reservation_unknown");
        hub.post(&format!("{path}{step}"), json!({})).await.refused(404, "reservation_unknown");
    }
    ask(&claims, "GET", "").await.refused(404, "reservation_unknown");
    let path = path.replace("reservations", "transfers");
    assert_eq!(hub.get(&path).await.ok(200)["state"], "committed");
    let ship = hub.ask("POST", &format!("{path}/ship")).bearer(&claims).send().await;
    ship.refused(403, "not_allowed");
    hub.post(&format!("{path}/ship"), json!({})).await.ok(200);
    audited(&hub).await;
    hub.close().await;
}

#[tokio::test]
async fn a_full_transfer_is_sent_and_taken_in_on_a_cold_cache() {
    let mut hub = Hub::open().await;
    road(&hub).await;
    let lines = |units: &[(&str, i64)]| {
        let line = |n: usize| {
            let mut line = json!({"sku": format!("I{n}")});
            units.iter().for_each(|(name, units)| line[*name] = json!(units));
            line
        };
        Value::from((0..limits::LINES_MAX).map(line).collect::<Vec<_>>())
    };
    for n in 0..limits::LINES_MAX {
        hub.put(&format!("/v1/items/I{n}"), json!({"name": "Thing"})).await.ok(200);
    }
    let goods = json!({"location": "W01", "lines": lines(&[("quantity", 3)])});
    hub.post("/v1/stock/receive", goods).await.ok(200);
    let body = json!({"from": "W01", "to": "S07", "lines": lines(&[("quantity", 2)])});
    let made = hub.post("/v1/transfers", body).await.ok(201);
    let path = format!("/v1/transfers/{}", made["id"].as_str().unwrap());
    hub.restart().await;
    let sent = hub.post(&format!("{path}/ship"), json!({})).await.ok(200);
    assert_eq!(sent["state"], "in_transit");
    hub.restart().await;
    let came = json!({"lines": lines(&[("good", 1), ("damaged", 1)])});
    let done = hub.post(&format!("{path}/receive"), came).await.ok(200);
    assert_eq!(done["state"], "transferred");
    audited(&hub).await;
    hub.close().await;
}

#[tokio::test]
async fn each_end_sees_its_transfers_and_does_its_part() {
    let hub = Hub::open().await;
    road(&hub).await;
    hub.receive("S02", 3).await;
    let made = hub.post("/v1/transfers", asked("S02", "W01", 1)).await.ok(201);
    let path = format!("/v1/transfers/{}", made["id"].as_str().unwrap());
    let quay = hub.sign_in("cleo", "clerk", &["S07"]).await;
    let depot = hub.sign_in("dan", "clerk", &["W01"]).await;
    let ask = |who: &str, method: &str, path: &str| {
        hub.ask(method, path).header("cookie", who).header("origin", &hub.base)
    };
    ask(&quay, "GET", &path).send().await.refused(404, "transfer_unknown");
    ask(&quay, "GET", "/v1/transfers").send().await.refused(422, "invalid");
    ask(&quay, "GET", "/v1/transfers?from=S02").send().await.refused(422, "invalid");
    let body = asked("S02", "S07", 1);
    let said = ask(&quay, "POST", "/v1/transfers").json(&body).send().await;
    said.refused(404, "location_unknown");
    ask(&depot, "GET", &path).send().await.ok(200);
    let ship = format!("{path}/ship");
    ask(&depot, "POST", &ship).send().await.refused(403, "not_allowed");
    hub.post(&ship, json!({})).await.ok(200);
    let took = json!({"lines": [{"sku": "FLASK", "good": 1}]});
    let said = ask(&depot, "POST", &format!("{path}/receive")).json(&took).send().await;
    assert_eq!(said.ok(200)["state"], "transferred");
    let made = hub.post("/v1/transfers", asked("S02", "W01", 2)).await.ok(201);
    let path = format!("/v1/transfers/{}", made["id"].as_str().unwrap());
    let done = hub.post(&format!("{path}/cancel"), json!({})).await.ok(200);
    assert_eq!(done["state"], "released");
    hub.get("/v1/transfers/rsv_00000000000000000000000000000001")
        .await
        .refused(404, "transfer_unknown");
    audited(&hub).await;
    hub.close().await;
}

#[tokio::test]
async fn a_transfer_goes_its_whole_way_on_the_command_line() {
    let hub = Hub::open().await;
    road(&hub).await;
    let says = async |words: &str| {
        let words: Vec<&str> = words.split(' ').collect();
        let (good, said) = hub_says(&hub, &words).await;
        assert!(good, "{words:?}: {said}");
        said
    };
    let refused = async |words: &str, code: &str| {
        let words: Vec<&str> = words.split(' ').collect();
        let (good, said) = hub_says(&hub, &words).await;
        assert!(!good && said.contains(code), "{words:?}: {said}");
    };
    let new = "transfer new --from W01 --to S02 --line FLASK=4 --reference TO-9 --json";
    let made: Value = serde_json::from_str(&says(new).await).unwrap();
    let id = made["id"].as_str().unwrap();
    refused("transfer new --from W01 --to S02 --line FLASK=7", "not_enough_available").await;
    refused(&format!("transfer receive {id} --all"), "reservation_state").await;
    assert!(says(&format!("transfer ship {id}")).await.contains("in_transit"));
    refused(&format!("transfer cancel {id}"), "reservation_state").await;
    refused(&format!("transfer receive {id}"), "what came?").await;
    let some = format!("transfer receive {id} --line FLASK=1 --damaged FLASK=1");
    assert!(says(&some).await.contains("in_transit"));
    let listed = says("transfer list --state in_transit --from W01 --to S02").await;
    let row = listed.lines().find(|line| line.contains(id)).unwrap();
    let columns: Vec<&str> = row.split_whitespace().collect();
    assert_eq!(columns[2..7], ["W01", "S02", "4", "2", "1"], "{listed}");
    assert!(says(&format!("transfer receive {id} --all")).await.contains("transferred"));
    let shown = says(&format!("transfer show {id}")).await;
    assert!(shown.contains("TO-9") && shown.contains("Flask"), "{shown}");
    let at = hub.flask_at("S02").await;
    assert_eq!(json!([at["available"], at["damaged"]]), json!([3, 1]));
    let made: Value = serde_json::from_str(&says(new).await).unwrap();
    let id = made["id"].as_str().unwrap();
    assert!(says(&format!("transfer cancel {id}")).await.contains("released"));
    assert!(!says("transfer list --state committed").await.contains(id));
    audited(&hub).await;
    hub.close().await;
}

/// How the engine finds what the list asks for.
async fn plan(hub: &Hub, wanted: Wanted) -> String {
    let no = |asked: Option<LocationNo>| if asked.is_some() { "3" } else { "0" };
    let places = [("$2", no(wanted.from)), ("$3", no(wanted.to))];
    let rest = [("$1", "''"), ("$4", "9"), ("$5", "'x'"), ("$6", "50")];
    let values = places.into_iter().chain(rest);
    let sql = values.fold(listing(wanted), |sql, (name, value)| sql.replace(name, value));
    if hub.is_file() {
        let mut db = sqlx::SqliteConnection::connect(hub.database_url()).await.unwrap();
        let sql = AssertSqlSafe(format!("explain query plan {sql}"));
        let steps: Vec<(i64, i64, i64, String)> =
            sqlx::query_as(sql).fetch_all(&mut db).await.unwrap();
        return steps.into_iter().map(|(.., step)| step).collect::<Vec<_>>().join("\n");
    }
    let mut db = sqlx::PgConnection::connect(hub.database_url()).await.unwrap();
    // An empty table is read whole, whatever there is.
    for way in ["seqscan", "bitmapscan", "sort"] {
        let set = AssertSqlSafe(format!("set enable_{way} = off"));
        sqlx::query(set).execute(&mut db).await.unwrap();
    }
    let sql = AssertSqlSafe(format!("explain {sql}"));
    let steps: Vec<String> = sqlx::query_scalar(sql).fetch_all(&mut db).await.unwrap();
    steps.join("\n")
}

#[tokio::test]
async fn a_page_of_one_location_s_transfers_is_one_walk_over_an_index() {
    let hub = Hub::open().await;
    let here = Some(LocationNo(3));
    for (from, to, index) in [
        (here, None, "reservation_transfer_from"),
        (None, here, "reservation_transfer_to"),
        (None, None, "reservation_transfer"),
    ] {
        let plan = plan(&hub, Wanted { state: None, from, to, limit: 50 }).await;
        let walked = match hub.is_file() {
            true => plan.contains(&format!("USING INDEX {index} (")),
            false => plan.contains(&format!(" using {index} on ")),
        };
        let from_the_cursor = match hub.is_file() {
            true => plan.contains("(created,id)<(?,?)"),
            false => plan.lines().any(|l| l.contains("Index Cond") && l.contains("ROW(created")),
        };
        assert!(walked && from_the_cursor, "{index}: {plan}");
        assert!(!plan.to_lowercase().contains("sort") && !plan.contains("TEMP B-TREE"), "{plan}");
    }
    hub.close().await;
}
