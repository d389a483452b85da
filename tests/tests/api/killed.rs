//! A hub that is killed while it tells a channel and takes its orders: the real program, `kill -9`.
//! Everything arrives at least once, nothing is lost, and an order is one order.

use std::collections::BTreeSet;
use std::process::Stdio;
use std::time::Duration;

use oneshelf_connectors::{Secret, signature};
use oneshelf_domain::record::LocationKind;
use oneshelf_hub::serve::wall_clock;
use oneshelf_hub::setup::{NewShop, set_up};
use oneshelf_tests::database::Database;
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, Command};

use crate::cli::program;
use crate::receiver::{Does, Receiver};

const KILLS: usize = 5;
const ORDERS_A_ROUND: usize = 6;

struct Program {
    child: Child,
    base: String,
}

impl Program {
    async fn start(database: &Database, keys: &str) -> Self {
        let mut child = Command::new(program("hub"))
            .args(["serve", "--database", database.url(), "--data", keys])
            .args(["--listen", "127.0.0.1:0", "--admin-listen", "127.0.0.1:0"])
            .args(["--allow-private-endpoints", "127.0.0.0/8", "--log", "error"])
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let ready = lines.next_line().await.unwrap().expect("it says where it listens");
        let base = ready.split(' ').find(|word| word.starts_with("http")).unwrap().to_owned();
        // Whatever else it says must not fill the pipe.
        tokio::spawn(async move { while let Ok(Some(_)) = lines.next_line().await {} });
        Self { child, base }
    }
}

struct Shop {
    http: reqwest::Client,
    admin: String,
}

impl Shop {
    async fn ask(&self, method: &str, url: String, body: &Value) -> Option<(u16, Value)> {
        let method = method.parse().unwrap();
        let request = self.http.request(method, url).bearer_auth(&self.admin).json(body);
        let answer = request.send().await.ok()?;
        let status = answer.status().as_u16();
        Some((status, answer.json().await.unwrap_or_default()))
    }

    async fn get(&self, hub: &Program, path: &str) -> Value {
        let url = format!("{}{path}", hub.base);
        self.ask("GET", url, &Value::Null).await.unwrap().1
    }

    /// Sends an order as a shop does: under one id until it is taken.
    async fn order(&self, base: &str, secret: &Secret, id: &str) -> bool {
        let body = json!({"type": "order.placed", "data": {"channel_order_id": id,
            "lines": [{"sku": "FLASK", "quantity": 1}]}})
        .to_string();
        let seconds = wall_clock()().0 / 1_000_000;
        let event = format!("event-{id}");
        let signed = signature::sign(secret, &event, seconds, body.as_bytes());
        let sent = self
            .http
            .post(format!("{base}/v1/hooks/own"))
            .header("webhook-id", event)
            .header("webhook-timestamp", seconds.to_string())
            .header("webhook-signature", signed)
            .body(body)
            .send()
            .await;
        sent.is_ok_and(|answer| answer.status() == 202)
    }
}

async fn set_up_shop(database: &Database) -> String {
    let shop = NewShop {
        name: "Harbour Goods".into(),
        currency: "EUR".into(),
        zone: "Europe/Dublin".into(),
        location: "W01".into(),
        location_name: "Naas".into(),
        location_kind: LocationKind::Warehouse,
        tax_basis_points: 2300,
        tax_name: "VAT 23%".into(),
        public_url: None,
    };
    set_up(database.url(), &shop).await.unwrap()
}

#[tokio::test]
async fn a_hub_that_is_killed_loses_no_word_and_no_order() {
    oneshelf_hub::tls::use_ring();
    let database = Database::fresh().await;
    let keys = std::env::temp_dir().join(format!("oneshelf-killed-{}", uuid::Uuid::now_v7()));
    let keys = keys.display().to_string();
    let shop = Shop { http: reqwest::Client::new(), admin: set_up_shop(&database).await };
    let mut hub = Program::start(&database, &keys).await;
    let receiver = Receiver::start().await;
    let url = |hub: &Program, path: &str| format!("{}{path}", hub.base);
    for sku in ["FLASK", "LAMP"] {
        let path = url(&hub, &format!("/v1/items/{sku}"));
        shop.ask("PUT", path, &json!({"name": sku})).await.unwrap();
    }
    let body = json!({"code": "own", "name": "Own", "endpoint": receiver.url()});
    let made = shop.ask("POST", url(&hub, "/v1/channels"), &body).await.unwrap().1;
    let secret = Secret::parse(made["secret"].as_str().unwrap()).unwrap();
    let goods = json!({"location": "W01", "lines": [{"sku": "FLASK", "quantity": 20},
        {"sku": "LAMP", "quantity": 3}]});
    shop.ask("POST", url(&hub, "/v1/stock/receive"), &goods).await.unwrap();
    let mut open = BTreeSet::new();
    for round in 0..KILLS {
        for n in 0..ORDERS_A_ROUND {
            open.insert(format!("W-{round}-{n}"));
        }
        let before = receiver.came().len();
        for id in open.clone() {
            if shop.order(&hub.base, &secret, &id).await {
                open.remove(&id);
            }
        }
        if round == 0 {
            // In the middle of telling what came of them. Later hubs die while the lease of the
            // first still runs: with nothing but what they took in.
            receiver.asked(before + 1).await;
            receiver.does(Does::Answer(503));
        }
        hub.child.kill().await.unwrap();
        receiver.does(Does::Answer(204));
        hub = Program::start(&database, &keys).await;
    }
    for id in open.clone() {
        assert!(shop.order(&hub.base, &secret, &id).await, "{id}");
    }
    // 30 orders of one flask each and 20 flasks.
    let settled = async || {
        let page = shop.get(&hub, "/v1/channels/own/orders?limit=500").await;
        let orders = page["orders"].as_array().unwrap().clone();
        let of = |state: &str| orders.iter().filter(|o| o["state"] == state).count();
        (of("accepted"), of("refused"))
    };
    receiver.until(async || settled().await == (20, KILLS * ORDERS_A_ROUND - 20)).await;
    let stock = shop.get(&hub, "/v1/stock/FLASK").await;
    assert_eq!(stock["locations"][0]["available"], 0, "{stock}");
    assert_eq!(stock["locations"][0]["on_hand"], 20);
    let told = |id: &str| {
        let mine = receiver.taken().into_iter().filter(|d| d.data()["channel_order_id"] == id);
        mine.map(|d| d.header("webhook-id")).collect::<BTreeSet<String>>()
    };
    let all_told = async || {
        let mut ids = (0..KILLS).flat_map(|r| (0..ORDERS_A_ROUND).map(move |n| (r, n)));
        ids.all(|(r, n)| told(&format!("W-{r}-{n}")).len() == 1)
    };
    receiver.until(all_told).await;
    receiver.knows("FLASK", 0).await;
    receiver.knows("LAMP", 3).await;
    hub.child.kill().await.unwrap();
    tokio::time::timeout(Duration::from_secs(5), hub.child.wait()).await.unwrap().unwrap();
    std::fs::remove_dir_all(keys).unwrap();
}
