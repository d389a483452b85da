//! Channels: what they are told through every kind of trouble, and what they order.

use oneshelf_domain::record::{Channel, Record};
use oneshelf_domain::stock::Command;
use oneshelf_domain::{CommandId, Timestamp, limits};
use oneshelf_hub::auth::rates::Rates;
use oneshelf_hub::channels::Settings;
use oneshelf_hub::commands::Lane;
use oneshelf_sync::plan::Submission;
use serde_json::{Value, json};

use crate::link::{Line, joined, life};
use crate::receiver::{Does, Receiver};
use crate::support::Hub;

fn on_loopback() -> Settings {
    Settings {
        allowed: vec!["127.0.0.0/8".parse().unwrap()],
        longest: std::time::Duration::from_secs(3),
        ..Settings::default()
    }
}

pub(crate) async fn open() -> Hub {
    let generous = Rates { door: Rates::default().caller, ..Rates::default() };
    Hub::open_as(generous, on_loopback()).await
}

/// A channel that is told at a receiver; gives its secret.
pub(crate) async fn channel(hub: &Hub, endpoint: &str) -> String {
    let body = json!({"code": "own", "name": "Own shop", "endpoint": endpoint});
    let made = hub.post("/v1/channels", body).await.ok(201);
    made["secret"].as_str().unwrap().to_owned()
}

async fn deliveries(hub: &Hub) -> Vec<Value> {
    let page = hub.get("/v1/channels/own/deliveries").await.ok(200);
    page["deliveries"].as_array().unwrap().clone()
}

/// The attempts of a ping that is sent while the endpoint does something, until so many were made.
async fn pinged(hub: &Hub, receiver: &Receiver, does: Does, attempts: usize) -> Value {
    receiver.does(does);
    let made = hub.post("/v1/channels/own/ping", json!({})).await.ok(202);
    let mine = async || {
        let all = deliveries(hub).await;
        all.into_iter().find(|d| d["id"] == made["delivery"]).unwrap()
    };
    let tried = async || {
        // One that keeps failing is asked rarely.
        hub.later(30_000);
        mine().await["attempts"].as_array().unwrap().len() >= attempts
    };
    receiver.until(tried).await;
    mine().await
}

async fn health(hub: &Hub) -> Value {
    hub.get("/v1/channels/own").await.ok(200)["health"].clone()
}

#[tokio::test]
async fn a_channel_is_told_what_it_may_offer() {
    let hub = open().await;
    hub.receive("W01", 3).await;
    let receiver = Receiver::start().await;
    let secret = channel(&hub, &receiver.url()).await;
    receiver.knows("FLASK", 3).await;
    receiver.knows("LAMP", 0).await;
    let first = receiver.taken().remove(0);
    assert_eq!(first.data()["sku"], "LAMP", "zeros first");
    for delivery in receiver.taken() {
        assert!(delivery.is_signed_with(&secret), "{delivery:?}");
        assert!(!delivery.is_signed_with("whsec_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"));
    }
    hub.put("/v1/policies/buffer/FLASK/own", json!({"quantity": 2})).await.ok(200);
    receiver.knows("FLASK", 1).await;
    hub.put("/v1/policies/safety/FLASK/W01", json!({"quantity": 1})).await.ok(200);
    receiver.knows("FLASK", 0).await;
    hub.delete("/v1/policies/safety/FLASK/W01").await.ok(204);
    receiver.knows("FLASK", 1).await;
    hub.post("/v1/items/FLASK/retire", json!({})).await.ok(200);
    receiver.knows("FLASK", 0).await;
    let told = hub.get("/v1/stock/FLASK/explain?location=W01").await.ok(200)["told"].clone();
    assert!(told.as_array().unwrap().iter().any(|t| t["channel"] == "own"), "{told}");
    hub.close().await;
}

#[tokio::test]
async fn a_channel_is_told_share_while_the_store_answers() {
    let hub = open().await;
    let agent = joined(&hub).await;
    hub.receive("S07", 6).await;
    hub.put("/v1/policies/share/S07/*", json!({"quantity": 4})).await.ok(200);
    let mut line = Line::open(&hub, agent).await;
    line.hello(life(), json!({"epoch": 0, "version": 0})).await;
    assert_eq!(line.frame("grant").await["total"], 4);
    // Until a hub knows its lines nobody is told of them.
    hub.app().links.skip_ms(limits::FRESH_MS);
    line.is_fresh(&hub).await;
    let receiver = Receiver::start().await;
    channel(&hub, &receiver.url()).await;
    receiver.knows("FLASK", 6).await;
    hub.put("/v1/policies/safety/FLASK/S07", json!({"quantity": 1})).await.ok(200);
    receiver.knows("FLASK", 5).await;
    // No version tells that a line has fallen.
    let version = hub.version().await;
    hub.app().links.skip_ms(limits::FRESH_MS + 1);
    receiver.knows("FLASK", 1).await;
    line.is_fresh(&hub).await;
    receiver.knows_after("FLASK", 5, || hub.later(2_000)).await;
    assert_eq!(hub.version().await, version);
    let told = receiver.taken().into_iter().filter(|d| d.data()["sku"] == "FLASK");
    let told: Vec<(Value, Value)> =
        told.map(|d| (d.data()["version"].clone(), d.timestamp().clone())).collect();
    let [.., fell, rose] = &told[..] else { panic!("{told:?}") };
    assert!(fell.0 == rose.0 && fell.1.as_str() < rose.1.as_str(), "which is newer: {told:?}");
    hub.close().await;
}

#[tokio::test]
async fn what_another_hub_told_of_lines_is_told_anew_by_the_one_that_follows() {
    let hub = open().await;
    let agent = joined(&hub).await;
    hub.receive("S07", 6).await;
    hub.put("/v1/policies/share/S07/*", json!({"quantity": 4})).await.ok(200);
    let mut line = Line::open(&hub, agent).await;
    line.hello(life(), json!({"epoch": 0, "version": 0})).await;
    assert_eq!(line.frame("grant").await["total"], 4);
    hub.app().links.skip_ms(limits::FRESH_MS);
    line.is_fresh(&hub).await;
    let receiver = Receiver::start().await;
    channel(&hub, &receiver.url()).await;
    receiver.knows("FLASK", 6).await;
    // A hub that did not hear the store has the job for a moment, and says so. Then it is gone,
    // and to this one nothing has changed.
    let told = "update channel_shadow set told = '[2,[]]' where told like '[6,%' returning told";
    assert_eq!(hub.texts(told).await.len(), 1);
    let taken = "update lease set holder = 'another', fence = fence + 1, until = 0
        where name = 'channel-feed' returning name";
    assert_eq!(hub.texts(taken).await.len(), 1);
    let said = || receiver.taken().iter().filter(|d| d.data()["sku"] == "FLASK").count();
    let before = said();
    receiver
        .until(async || {
            hub.later(2_000);
            said() > before
        })
        .await;
    assert_eq!(receiver.figure("FLASK"), Some(6));
    hub.close().await;
}

#[tokio::test]
async fn trouble_is_tried_again_and_only_the_newest_figure_is_said() {
    let hub = open().await;
    let receiver = Receiver::start().await;
    receiver.does(Does::Answer(503));
    channel(&hub, &receiver.url()).await;
    for quantity in [5, 7] {
        hub.receive("W01", quantity).await;
    }
    receiver.asked(2).await;
    let lost = json!({"location": "W01", "sku": "FLASK", "reason": "lost", "quantity": 9});
    hub.post("/v1/stock/adjust", lost).await.ok(200);
    let waits = async || {
        let all = deliveries(&hub).await;
        all.iter().any(|d| d["state"] == "waiting" && d["quantity"] == 3)
    };
    receiver.until(waits).await;
    assert!(receiver.taken().is_empty());
    receiver.does(Does::Answer(204));
    receiver.knows_after("FLASK", 3, || hub.later(60_000)).await;
    let figures = receiver.taken().into_iter().filter(|d| d.data()["sku"] == "FLASK");
    let figures: Vec<Value> = figures.map(|d| d.data()["quantity"].clone()).collect();
    assert_eq!(figures, [3], "no stale figure");
    receiver.until(async || health(&hub).await["backlog"] == 0).await;
    assert_eq!(health(&hub).await["failing_since"], Value::Null);
    let replaced = deliveries(&hub).await.into_iter().filter(|d| d["state"] == "replaced");
    for old in replaced {
        assert!(!old["attempts"].as_array().unwrap().is_empty(), "what was never sent is gone");
    }
    hub.close().await;
}

#[tokio::test]
async fn an_endpoint_that_fails_hangs_redirects_or_never_ends_is_left_in_time() {
    let hub = open().await;
    let receiver = Receiver::start().await;
    let secret = channel(&hub, &receiver.url()).await;
    receiver.knows("FLASK", 0).await;
    let said = async || {
        hub.later(30_000);
        health(&hub).await["backlog"] == 0
    };
    for (does, result, status) in [
        (Does::Answer(500), "answered", json!(500)),
        (Does::Answer(404), "answered", json!(404)),
        (Does::AskToWait(429, 30), "answered", json!(429)),
        (Does::Redirect, "answered", json!(302)),
        (Does::Hang, "timed_out", Value::Null),
    ] {
        hub.later(600_000);
        let ping = pinged(&hub, &receiver, does, 1).await;
        let first = &ping["attempts"][0];
        assert_eq!((&first["result"], &first["status"]), (&json!(result), &status), "{does:?}");
        assert_eq!(ping["state"], "waiting", "{does:?}");
        let made: Vec<String> = receiver.came().iter().map(|d| d.header("webhook-id")).collect();
        assert!(made.contains(&ping["id"].as_str().unwrap().to_owned()));
        // While it fails only the oldest is tried: the next one would wait for this one.
        receiver.does(Does::Answer(204));
        receiver.until(said).await;
    }
    assert_eq!(receiver.elsewhere(), 0, "no redirect is followed");
    hub.later(86_400_000);
    let ping = pinged(&hub, &receiver, Does::GoOnForEver, 1).await;
    assert_eq!(ping["attempts"][0]["status"], 200, "its beginning is enough");
    receiver.does(Does::Answer(204));
    receiver.until(said).await;
    // The same id at every attempt, each signed at its own time.
    let mut times = std::collections::BTreeMap::<String, Vec<Value>>::new();
    for delivery in receiver.came() {
        assert!(delivery.is_signed_with(&secret));
        times.entry(delivery.header("webhook-id")).or_default().push(delivery.body.clone());
    }
    assert!(times.values().any(|bodies| bodies.len() > 1));
    assert!(times.values().all(|bodies| bodies.iter().all(|body| *body == bodies[0])));
    hub.close().await;
}

#[tokio::test]
async fn an_endpoint_that_is_asked_too_often_does_not_fail() {
    let hub = open().await;
    let receiver = Receiver::start().await;
    channel(&hub, &receiver.url()).await;
    receiver.knows("LAMP", 0).await;
    // More often than a delivery is tried.
    let ping = pinged(&hub, &receiver, Does::AskToWait(429, 20), 12).await;
    assert_eq!(ping["state"], "waiting");
    let now = health(&hub).await;
    assert_eq!((&now["failures"], &now["last_result"]), (&json!(0), &json!("429")));
    let attempts = ping["attempts"].as_array().unwrap();
    let times: Vec<&str> = attempts.iter().map(|a| a["at"].as_str().unwrap()).collect();
    assert!(times.windows(2).all(|pair| seconds(pair[1]) - seconds(pair[0]) >= 20), "{times:?}");
    receiver.does(Does::Answer(204));
    let said = async || {
        hub.later(30_000);
        health(&hub).await["backlog"] == 0
    };
    receiver.until(said).await;
    hub.close().await;
}

fn seconds(time: &str) -> i64 {
    let time: Timestamp = serde_json::from_value(json!(time)).unwrap();
    time.0 / 1_000_000
}

#[tokio::test]
async fn an_endpoint_is_asked_as_often_as_it_says() {
    let hub = open().await;
    let receiver = Receiver::start().await;
    channel(&hub, &receiver.url()).await;
    receiver.knows("LAMP", 0).await;
    receiver.knows("FLASK", 0).await;
    let first = pinged(&hub, &receiver, Does::Allow(0, 300), 1).await;
    assert_eq!(first["state"], "sent");
    let second = pinged(&hub, &receiver, Does::Answer(204), 1).await;
    let at = |ping: &Value| seconds(ping["attempts"][0]["at"].as_str().unwrap());
    assert!(at(&second) - at(&first) >= 300, "{first} {second}");
    assert_eq!(second["attempts"].as_array().unwrap().len(), 1);
    hub.close().await;
}

#[tokio::test]
async fn an_endpoint_that_is_gone_is_not_asked_again() {
    let hub = open().await;
    let receiver = Receiver::start().await;
    receiver.does(Does::Answer(410));
    hub.receive("W01", 2).await;
    channel(&hub, &receiver.url()).await;
    let stopped = async || hub.get("/v1/channels/own").await.ok(200)["stopped"] == "gone";
    receiver.until(stopped).await;
    let notices = hub.get("/v1/notices").await.ok(200);
    let codes: Vec<&Value> = notices["notices"].as_array().unwrap().iter().collect();
    assert!(codes.iter().any(|n| n["code"] == "channel_stopped" && n["subject"] == "own"));
    // Somebody brought it back: it is told what it may offer now.
    receiver.does(Does::Answer(204));
    hub.receive("W01", 2).await;
    hub.post("/v1/channels/own/enable", json!({})).await.ok(200);
    receiver.knows("FLASK", 4).await;
    assert_eq!(receiver.figure("LAMP"), Some(0));
    hub.close().await;
}

#[tokio::test]
async fn an_endpoint_that_fails_for_days_is_switched_off() {
    let hub = open().await;
    let receiver = Receiver::start().await;
    receiver.does(Does::Answer(502));
    channel(&hub, &receiver.url()).await;
    receiver.asked(1).await;
    let stopped = async || {
        hub.later(7_200_000);
        hub.get("/v1/channels/own").await.ok(200)["stopped"] == "failing"
    };
    receiver.until(stopped).await;
    let asked = receiver.came().len();
    assert!(asked < 200, "{asked} attempts in 5 days: it is asked rarely");
    hub.close().await;
}

#[tokio::test]
async fn another_endpoint_is_told_everything_whoever_changes_it_and_dies() {
    let hub = open().await;
    hub.receive("W01", 3).await;
    let [first, second, third] =
        [Receiver::start().await, Receiver::start().await, Receiver::start().await];
    channel(&hub, &first.url()).await;
    first.knows("FLASK", 3).await;
    first.knows("LAMP", 0).await;
    first.until(async || health(&hub).await["backlog"] == 0).await;
    // The change and nothing else, as of a hub that dies right after it.
    let before = hub.app().seen().records.channel("own").cloned().unwrap();
    let channel = Channel { endpoint: Some(second.url()), ..before };
    let submission = Submission {
        id: CommandId(uuid::Uuid::now_v7()),
        principal: "admin".to_owned(),
        actor: "admin".to_owned(),
        on_behalf_of: None,
        keyed: false,
        command: Command::PutRecord { record: Box::new(Record::Channel(channel)) },
    };
    hub.app().commands.submit(Lane::Interactive, submission).await.unwrap();
    second.knows("FLASK", 3).await;
    second.knows("LAMP", 0).await;
    let body = json!({"name": "Own shop", "endpoint": third.url()});
    hub.put("/v1/channels/own", body).await.ok(200);
    third.knows("FLASK", 3).await;
    third.knows("LAMP", 0).await;
    for told in second.taken().iter().chain(&third.taken()) {
        assert_eq!(told.data()["expected"], Value::Null, "it has confirmed nothing yet");
    }
    hub.close().await;
}

#[tokio::test]
async fn no_name_leads_to_a_private_address() {
    let addresses = |name: &str| match name {
        "inside.test" => vec!["10.0.0.1"],
        "mapped.test" => vec!["::ffff:192.168.0.1"],
        "both.test" => vec!["127.0.0.1", "10.0.0.1"],
        "nat64.test" => vec!["64:ff9b::a00:1"],
        "metadata.test" => vec!["169.254.169.254"],
        _ => vec!["127.0.0.1"],
    };
    let lookup = move |name: String| {
        let found: Vec<std::net::IpAddr> =
            addresses(&name).iter().map(|ip| ip.parse().unwrap()).collect();
        Box::pin(async { Ok(found) }) as oneshelf_hub::channels::outgoing::LookedUp
    };
    let settings = Settings { lookup: std::sync::Arc::new(lookup), ..on_loopback() };
    let hub = Hub::open_as(Rates::default(), settings).await;
    let receiver = Receiver::start().await;
    let port = receiver.address.port();
    let endpoint = |scheme: &str, name: &str| {
        json!({"name": "Own shop",
        "endpoint": format!("{scheme}://{name}:{port}/hook")})
    };
    channel(&hub, &receiver.url()).await;
    receiver.knows("FLASK", 0).await;
    for name in ["inside.test", "mapped.test", "both.test", "nat64.test", "metadata.test"] {
        for scheme in ["http", "https"] {
            hub.later(86_400_000);
            hub.put("/v1/channels/own", endpoint(scheme, name)).await.ok(200);
            let came = receiver.came().len();
            let ping = pinged(&hub, &receiver, Does::Answer(204), 1).await;
            assert_eq!(ping["attempts"][0]["result"], "not_allowed", "{scheme} {name}");
            assert_eq!(receiver.came().len(), came, "{scheme} {name}");
        }
    }
    // In numbers it is refused at once.
    for address in ["http://10.0.0.1/", "https://[::ffff:10.0.0.1]/", "https://0x0a000001/"] {
        let body = json!({"name": "Own shop", "endpoint": address});
        hub.put("/v1/channels/own", body).await.refused(422, "invalid");
    }
    hub.later(86_400_000);
    hub.put("/v1/channels/own", endpoint("http", "shop.test")).await.ok(200);
    let ping = pinged(&hub, &receiver, Does::Answer(204), 1).await;
    assert_eq!(ping["state"], "sent", "{ping}");
    hub.close().await;
}

#[tokio::test]
async fn what_was_said_is_said_again_when_somebody_asks() {
    let hub = open().await;
    let receiver = Receiver::start().await;
    channel(&hub, &receiver.url()).await;
    receiver.knows("LAMP", 0).await;
    hub.receive("W01", 3).await;
    receiver.knows("FLASK", 3).await;
    receiver.until(async || health(&hub).await["backlog"] == 0).await;
    let all = deliveries(&hub).await;
    let of = |quantity: i64| {
        let found = all.iter().find(|d| d["subject"] == "FLASK" && d["quantity"] == quantity);
        found.unwrap()["id"].as_str().unwrap().to_owned()
    };
    let again = async |body: Value| hub.post("/v1/channels/own/redeliver", body).await;
    assert_eq!(again(json!({"delivery": of(0)})).await.ok(200)["again"], 0, "an old figure");
    assert_eq!(again(json!({"delivery": of(3)})).await.ok(200)["again"], 1);
    let times =
        |id: String| receiver.came().iter().filter(|d| d.header("webhook-id") == id).count();
    receiver.until(async || times(of(3)) == 2).await;
    receiver.until(async || health(&hub).await["backlog"] == 0).await;
    let since = hub.app().now().plus_ms(-60_000).to_string();
    assert_eq!(again(json!({"since": since})).await.ok(200)["again"], 2, "the newest of each");
    receiver.until(async || times(of(3)) == 3).await;
    again(json!({"delivery": "evt_nope"})).await.refused(404, "not_found");
    again(json!({})).await.refused(422, "invalid");
    hub.close().await;
}

#[tokio::test]
async fn a_restart_loses_nothing_and_says_nothing_twice_that_was_confirmed() {
    let mut hub = open().await;
    let receiver = Receiver::start().await;
    receiver.does(Does::Answer(500));
    channel(&hub, &receiver.url()).await;
    hub.receive("W01", 3).await;
    receiver.asked(1).await;
    hub.restart().await;
    hub.receive("W01", 1).await;
    receiver.does(Does::Answer(204));
    receiver.knows_after("FLASK", 4, || hub.later(60_000)).await;
    receiver.until(async || health(&hub).await["backlog"] == 0).await;
    let came = receiver.came().len();
    hub.restart().await;
    hub.receive("S07", 2).await;
    receiver.knows("FLASK", 6).await;
    assert_eq!(receiver.came().len(), came + 1);
    hub.close().await;
}

#[tokio::test]
async fn secrets_are_shown_once_sealed_and_replaced_without_a_gap() {
    let hub = open().await;
    let receiver = Receiver::start().await;
    let body = json!({"code": "own", "name": "Own shop", "endpoint": receiver.url()});
    let make =
        async |key: &str| hub.ask("POST", "/v1/channels").admin().key(key).json(&body).send().await;
    let made = make("1").await.ok(201);
    assert_eq!(make("1").await.ok(201), made, "the same request is answered the same");
    make("2").await.refused(409, "channel_in_use");
    let first = made["secret"].as_str().unwrap();
    receiver.knows("FLASK", 0).await;
    let rotate =
        async |key: &str| hub.ask("POST", "/v1/channels/own/rotate").admin().key(key).send().await;
    let made = rotate("r").await.ok(201);
    assert_eq!(rotate("r").await.ok(201), made);
    let second = made["secret"].as_str().unwrap();
    assert_ne!(first, second);
    let last = async || {
        hub.receive("W01", 1).await;
        let count = receiver.came().len();
        receiver.asked(count + 1).await;
        receiver.came().pop().unwrap()
    };
    let delivery = last().await;
    assert!(delivery.is_signed_with(first) && delivery.is_signed_with(second));
    hub.later(24 * 60 * 60 * 1_000);
    let delivery = last().await;
    assert!(!delivery.is_signed_with(first) && delivery.is_signed_with(second));
    for rows in ["select value from record where value is not null", "select outcome from command"]
    {
        for text in hub.texts(rows).await {
            assert!(!text.contains(&first[6..]) && !text.contains("whsec_"), "{text}");
        }
    }
    for path in ["/v1/channels", "/v1/channels/own", "/v1/channels/own/deliveries"] {
        assert!(!hub.get(path).await.text.contains("whsec_"), "{path}");
    }
    hub.delete("/v1/channels/own").await.ok(204);
    hub.get("/v1/channels/own").await.refused(404, "record_unknown");
    // Another shop under its code would meet its orders.
    make("3").await.refused(409, "channel_ended");
    make("1").await.refused(409, "channel_ended");
    hub.close().await;
}
