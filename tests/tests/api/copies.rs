//! Machines that speak as an agent beside another one: held back until a manager says which goes
//! on.

use oneshelf_domain::IncarnationId;
use serde_json::{Value, json};

use crate::link::{Line, hello, joined, life};
use crate::support::Hub;

fn nowhere() -> Value {
    json!({"epoch": 0, "version": 0})
}

fn first(life: IncarnationId, follows: Option<IncarnationId>) -> Value {
    let mut hello = hello(life, json!({"epoch": 0, "number": 0}), nowhere());
    hello["follows"] = json!(follows);
    hello
}

async fn notices(hub: &Hub, code: &str) -> usize {
    hub.texts(&format!("select kind from event where kind = 'notice.{code}'")).await.len()
}

#[tokio::test]
async fn the_second_machine_of_one_past_waits_for_a_yes_and_cuts_nobody() {
    let hub = Hub::open().await;
    let agent = joined(&hub).await;
    let (past, one, two) = (life(), life(), life());
    let mut line = Line::open(&hub, agent).await;
    line.hello(past, nowhere()).await;
    // Another nonce used the lease: a copy.
    let mut copy = Line::open(&hub, agent).await;
    copy.say(&hello(past, json!({"epoch": 0, "number": 0}), nowhere()));
    assert_eq!(copy.frame("forked").await["incarnation"], json!(past));
    assert_eq!(copy.frame("retired").await["incarnation"], json!(past));
    assert_eq!(notices(&hub, "agent_forked").await, 1);
    // Whoever comes first goes on.
    copy.say_hello(&first(two, Some(past))).await;
    let mut late = Line::open(&hub, agent).await;
    late.say(&first(one, Some(past)));
    let waits = late.frame("waits").await;
    assert_eq!(waits["incarnation"], json!(one));
    late.say(&first(one, Some(past)));
    late.frame("waits").await;
    assert_eq!(notices(&hub, "agent_copied").await, 1, "asked once");
    let listed = waiting(&hub).await;
    assert_eq!((&listed["life"], &listed["state"]), (&json!(one), &json!("waiting")), "{listed}");
    assert_eq!((&listed["location"], &listed["follows"]), (&json!("S07"), &json!(past)));
    copy.is_fresh(&hub).await;
    assert_eq!(link(&hub).await, "fresh", "the other one sells there");
    // The one that goes on has its line still.
    let granted = json!({"kind": "ask", "session": copy.session, "incarnation": two,
        "sku": "FLASK", "want": 1});
    copy.say(&granted);
    copy.frame("grant").await;
    let path = format!("/v1/agent-copies/{one}");
    hub.put(&path, json!({"allowed": false})).await.ok(204);
    late.say(&first(one, Some(past)));
    late.frame("waits").await;
    hub.put(&path, json!({"allowed": true})).await.ok(204);
    let mut late = Line::open(&hub, agent).await;
    late.say_hello(&first(one, Some(past))).await;
    // It is the store's agent now; this hub reads what it wrote a moment later.
    crate::shop::within(async {
        while hub.get("/v1/agent-copies").await.ok(200)["copies"] != json!([]) {}
    })
    .await;
    // The other one was retired, and is the copy now.
    let mut before = Line::open(&hub, agent).await;
    before.say(&hello(two, copy.session.clone(), nowhere()));
    before.frame("retired").await;
    before.say(&first(life(), Some(two)));
    before.frame("waits").await;
    assert_eq!(notices(&hub, "agent_forked").await, 1, "only the one that was lived twice");
    hub.close().await;
}

/// The machine that waits. A hub reads what it wrote a moment later.
async fn waiting(hub: &Hub) -> Value {
    crate::shop::within(async {
        loop {
            let mut said = hub.get("/v1/agent-copies").await.ok(200);
            if said["copies"] != json!([]) {
                return said["copies"][0].take();
            }
        }
    })
    .await
}

/// How the line of its store looks.
async fn link(hub: &Hub) -> Value {
    waiting(hub).await["link"].take()
}

#[tokio::test]
async fn a_machine_put_back_to_before_its_newest_life_waits_and_nobody_else_answers() {
    let hub = Hub::open().await;
    let agent = joined(&hub).await;
    let (backed_up, newest, restored) = (life(), life(), life());
    let mut line = Line::open(&hub, agent).await;
    line.hello(backed_up, nowhere()).await;
    let mut line = Line::open(&hub, agent).await;
    line.say_hello(&first(newest, Some(backed_up))).await;
    line.is_fresh(&hub).await;
    // Its disk is gone, and a backup of before was put back.
    drop(line);
    hub.app().links.skip_ms(16 * 60_000);
    let mut line = Line::open(&hub, agent).await;
    line.say(&first(restored, Some(backed_up)));
    assert_eq!(line.frame("waits").await["incarnation"], json!(restored));
    assert_eq!(link(&hub).await, "dark", "what waits is not the store's line");
    let told = hub.get("/v1/notices").await.ok(200).to_string();
    assert!(told.contains("put back to an older backup"), "{told}");
    let path = format!("/v1/agent-copies/{restored}");
    hub.put(&path, json!({"allowed": true})).await.ok(204);
    let mut line = Line::open(&hub, agent).await;
    line.say_hello(&first(restored, Some(backed_up))).await;
    assert_eq!(notices(&hub, "agent_forked").await, 0);
    hub.close().await;
}

#[tokio::test]
async fn who_joins_anew_or_follows_the_newest_life_is_held_back_by_nobody() {
    let hub = Hub::open().await;
    let agent = joined(&hub).await;
    let (one, two) = (life(), life());
    let mut line = Line::open(&hub, agent).await;
    line.hello(one, nowhere()).await;
    // `pos-agent restore`.
    let mut restored = Line::open(&hub, agent).await;
    restored.say_hello(&first(two, Some(one))).await;
    let mut anew = Line::open(&hub, agent).await;
    anew.say_hello(&first(life(), None)).await;
    assert_eq!(notices(&hub, "agent_copied").await, 0);
    hub.put(&format!("/v1/agent-copies/{two}"), json!({"allowed": true}))
        .await
        .refused(404, "record_unknown");
    hub.close().await;
}

#[tokio::test]
async fn a_life_hears_how_far_its_registers_receipts_are() {
    let hub = Hub::open().await;
    let agent = joined(&hub).await;
    let made = hub.put("/v1/registers/S07/R1", json!({"name": "Front"})).await;
    assert!(made.status < 300, "{}", made.text);
    let mut line = Line::open(&hub, agent).await;
    let one = life();
    line.say(&first(one, None));
    line.session = line.frame("welcome").await["lease"].clone();
    assert_eq!(line.frame("numbers").await["last"], json!([]));
    let sale = |number: i64| {
        let receipt = format!("S07-R1-{number:06}");
        let (sale, line) = (format!("sal_{number:032}"), format!("lin_{number:032}"));
        let eur = |minor: i64| json!({"minor": minor, "currency": "EUR"});
        json!({"body": "sale", "lines": [{"sku": "FLASK", "share": 0, "beyond": 1}],
            "sale": {"id": sale, "receipt_number": receipt, "register": "S07-R1",
                "number": number, "cashier": "ana", "total": eur(100), "change": eur(0),
                "tenders": [{"kind": "cash", "given": eur(100)}],
                "lines": [{"id": line, "sku": "FLASK", "name": "Flask", "quantity": 1,
                    "unit_price": eur(100), "total": eur(100), "tax": "standard"}]}})
    };
    let mut before = Value::Null;
    for number in 1..=2 {
        let id = uuid::Uuid::now_v7();
        let said = line.fact((id, one), json!([number, before]), sale(number)).await;
        assert_eq!(said["answer"], "accepted", "{said}");
        before = json!(oneshelf_domain::CommandId(id));
    }
    let mut again = Line::open(&hub, agent).await;
    again.say(&first(life(), Some(one)));
    let numbers = again.frame("numbers").await;
    assert_eq!(numbers["last"], json!([["S07-R1", 2]]));
    hub.close().await;
}
