//! The hub's MQTT endpoint with a standard client: who gets in, what it hears, and an agent's link.

use std::collections::VecDeque;
use std::time::Duration;

use ed25519_dalek::{Signer, SigningKey};
use oneshelf_domain::{AgentId, CommandId};
use oneshelf_protocol::credential::{Credential, signed_text};
use oneshelf_protocol::topic;
use rumqttc::Outgoing;
use rumqttc::v5::mqttbytes::QoS;
use rumqttc::v5::mqttbytes::v5::{
    ConnectReturnCode, DisconnectReasonCode, Packet, Publish, SubscribeReasonCode,
};
use rumqttc::v5::{AsyncClient, ConnectionError, Event, EventLoop, MqttOptions, StateError};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::enrolment::{PUBLIC_KEY, code, redeem};
use crate::shop::{self, Shop, within};
use crate::support::Hub;

/// The private half of [`PUBLIC_KEY`] (RFC 8032, section 7.1, test 1).
const SECRET_KEY: &str = "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60";

struct Client {
    client: AsyncClient,
    events: EventLoop,
    /// What came while something else was waited for.
    came: VecDeque<Packet>,
}

impl Client {
    fn new(hub: &Hub, id: &str, user: &str, password: &str) -> Self {
        let address = hub.mqtt();
        let mut options = MqttOptions::new(id, address.ip().to_string(), address.port());
        options.set_credentials(user, password).set_keep_alive(Duration::from_secs(30));
        let (client, events) = AsyncClient::new(options, 64);
        Self { client, events, came: VecDeque::new() }
    }

    async fn next(&mut self) -> Result<Packet, ConnectionError> {
        if let Some(packet) = self.came.pop_front() {
            return Ok(packet);
        }
        loop {
            if let Event::Incoming(packet) = within(self.events.poll()).await? {
                return Ok(packet);
            }
        }
    }

    /// Says something at least once; gives its packet id.
    async fn say(&mut self, topic: String, text: String) -> u16 {
        self.client.publish(topic, QoS::AtLeastOnce, false, text).await.unwrap();
        loop {
            match within(self.events.poll()).await.unwrap() {
                Event::Outgoing(Outgoing::Publish(pkid)) => return pkid,
                Event::Incoming(packet) => self.came.push_back(packet),
                Event::Outgoing(_) => {}
            }
        }
    }

    /// Connects; gives the hub's word.
    async fn connect(&mut self) -> ConnectReturnCode {
        match self.next().await {
            Ok(Packet::ConnAck(ack)) => {
                assert!(!ack.session_present);
                ack.code
            }
            Err(ConnectionError::ConnectionRefused(code)) => code,
            other => panic!("{other:?}"),
        }
    }

    async fn subscribe(&mut self, filter: &str) -> SubscribeReasonCode {
        self.client.subscribe(filter, QoS::AtLeastOnce).await.unwrap();
        loop {
            if let Packet::SubAck(ack) = self.next().await.unwrap() {
                return ack.return_codes[0];
            }
        }
    }

    async fn message(&mut self) -> Publish {
        loop {
            if let Packet::Publish(publish) = self.next().await.unwrap() {
                return publish;
            }
        }
    }

    /// The next frame of a kind that an agent is told.
    async fn frame(&mut self, kind: &str) -> Value {
        loop {
            let frame: Value = serde_json::from_slice(&self.message().await.payload).unwrap();
            if frame["kind"] == kind {
                return frame;
            }
        }
    }

    /// Waits for the end of the connection.
    async fn end(&mut self) -> ConnectionError {
        loop {
            if let Err(error) = self.next().await {
                return error;
            }
        }
    }
}

fn figure(publish: &Publish) -> (bool, String, Value) {
    let told: Value = serde_json::from_slice(&publish.payload).unwrap();
    let topic = String::from_utf8(publish.topic.to_vec()).unwrap();
    (publish.retain, topic, told)
}

fn credential(hub: &Hub, agent: AgentId) -> String {
    let seed: [u8; 32] = hex::decode(SECRET_KEY).unwrap().try_into().unwrap();
    let (now, nonce) = (hub.app().now(), Uuid::new_v4());
    let text = signed_text(&hub.app().hub_id, "mqtt", now, nonce);
    let signature = hex::encode(SigningKey::from_bytes(&seed).sign(text.as_bytes()).to_bytes());
    Credential { agent, issued_at: now, nonce, signature }.to_string()
}

async fn joined(hub: &Hub) -> AgentId {
    let joined = redeem(hub, &code(hub).await, PUBLIC_KEY).await.ok(200);
    joined["agent_id"].as_str().unwrap().parse().unwrap()
}

#[tokio::test]
async fn who_may_not_read_is_told_which_it_is() {
    let hub = Hub::open().await;
    let live = hub.secret_key(&["live"]).await;
    let stock = hub.secret_key(&["stock:read"]).await;
    let page = json!({"name": "Page", "kind": "publishable", "scopes": ["live"],
        "origins": ["https://shop.example"]});
    let page = hub.make_key(page).await.1;
    for (user, password, code) in [
        ("reader", live.as_str(), ConnectReturnCode::Success),
        ("reader", "osk_nobody", ConnectReturnCode::BadUserNamePassword),
        ("reader", stock.as_str(), ConnectReturnCode::NotAuthorized),
        ("reader", page.as_str(), ConnectReturnCode::NotAuthorized),
        ("", "", ConnectReturnCode::NotAuthorized),
        (&AgentId(Uuid::from_u128(9)).to_string(), "x", ConnectReturnCode::BadUserNamePassword),
    ] {
        assert_eq!(Client::new(&hub, "c", user, password).connect().await, code, "{user}");
    }
    hub.close().await;
}

#[tokio::test]
async fn a_reader_hears_the_figure_of_now_and_each_one_after() {
    let hub = Hub::open().await;
    hub.receive("S07", 3).await;
    let key = hub.secret_key(&["live"]).await;
    let mut reader = Client::new(&hub, "kitchen", "reader", &key);
    assert_eq!(reader.connect().await, ConnectReturnCode::Success);
    let granted = reader.subscribe("oneshelf/1/stock/S07/FLASK").await;
    assert_eq!(granted, SubscribeReasonCode::Success(QoS::AtLeastOnce));
    let (retain, topic, told) = figure(&reader.message().await);
    assert_eq!((retain, topic.as_str()), (true, "oneshelf/1/stock/S07/FLASK"));
    assert_eq!(told["sku"], "FLASK");
    assert_eq!(told["shown"]["count"], 3, "{told}");
    hub.receive("W01", 9).await;
    hub.receive("S07", 1).await;
    let (retain, _, told) = figure(&reader.message().await);
    assert_eq!((retain, &told["shown"]["count"]), (false, &json!(4)));
    for filter in ["#", "oneshelf/#", "oneshelf/1/agent/+/up", "$SYS/#"] {
        assert_eq!(reader.subscribe(filter).await, SubscribeReasonCode::NotAuthorized, "{filter}");
    }
    // By wildcard: what is there now, of all that the filter takes.
    reader.subscribe("oneshelf/1/stock/S07/+").await;
    let mut skus = vec![];
    while skus.len() < 2 {
        let (retain, _, told) = figure(&reader.message().await);
        assert!(retain);
        skus.push(told["sku"].as_str().unwrap().to_owned());
    }
    assert_eq!(skus, ["FLASK", "LAMP"]);
    hub.receive("S07", 1).await;
    assert_eq!(figure(&reader.message().await).2["shown"]["count"], 5);
    hub.close().await;
}

#[tokio::test]
async fn a_second_connection_of_a_client_takes_over_and_a_key_that_ended_is_cut() {
    let hub = Hub::open().await;
    let made = json!({"name": "App", "kind": "secret", "scopes": ["live"]});
    let (id, key) = hub.make_key(made).await;
    let mut first = Client::new(&hub, "kitchen", "reader", &key);
    first.connect().await;
    let mut second = Client::new(&hub, "kitchen", "reader", &key);
    second.connect().await;
    let ended = first.end().await;
    let taken = DisconnectReasonCode::SessionTakenOver;
    let is = |error: &ConnectionError, wanted| {
        matches!(error, ConnectionError::MqttState(StateError::ServerDisconnect {
            reason_code, ..
        }) if *reason_code == wanted)
    };
    assert!(is(&ended, taken), "{ended:?}");
    hub.delete(&format!("/v1/keys/{id}")).await.ok(204);
    let ended = second.end().await;
    assert!(is(&ended, DisconnectReasonCode::AdministrativeAction), "{ended:?}");
    hub.close().await;
}

#[tokio::test]
async fn an_agent_is_acknowledged_after_the_commit_and_hears_its_own_topics_alone() {
    let hub = Hub::open().await;
    let agent = joined(&hub).await;
    let user = agent.to_string();
    let mut line = Client::new(&hub, &user, &user, &credential(&hub, agent));
    assert_eq!(line.connect().await, ConnectReturnCode::Success);
    let other = AgentId(Uuid::from_u128(9));
    for filter in [&topic::down(other), "oneshelf/1/agent/+/down", "oneshelf/1/stock/S08/#"] {
        assert_eq!(line.subscribe(filter).await, SubscribeReasonCode::NotAuthorized, "{filter}");
    }
    line.subscribe(&topic::down(agent)).await;
    let life = crate::link::life();
    let (lease, cursor) = (json!({"epoch": 0, "number": 0}), json!({"epoch": 0, "version": 0}));
    let hello = crate::link::hello(life, lease, cursor).to_string();
    line.say(topic::up(agent), hello).await;
    let welcome = line.frame("welcome").await;
    let fact = json!({"kind": "fact", "session": welcome["lease"], "fact": {
        "command_id": CommandId(Uuid::now_v7()), "incarnation": life, "seq": 1, "prev_id": null,
        "granted": [], "occurred_at": "2026-03-02T09:30:00Z",
        "body": crate::link::goods_in(2),
    }});
    let said = line.say(topic::up(agent), fact.to_string()).await;
    // Once it is acknowledged its units are there.
    while !matches!(line.next().await.unwrap(), Packet::PubAck(ack) if ack.pkid == said) {}
    assert_eq!(hub.flask_at("S07").await["on_hand"], 2);
    // A used credential is good for nothing, and an agent that ended is cut.
    hub.delete(&format!("/v1/agents/{agent}")).await.ok(204);
    line.end().await;
    let mut again = Client::new(&hub, &user, &user, &credential(&hub, agent));
    assert_eq!(again.connect().await, ConnectReturnCode::NotAuthorized);
    hub.close().await;
}

#[tokio::test]
async fn a_store_sells_over_the_endpoint() {
    let hub = Hub::open().await;
    hub.receive("S07", 5).await;
    let data = std::path::PathBuf::from(env!("CARGO_TARGET_TMPDIR"))
        .join(format!("mqtt-{}", Uuid::new_v4().as_simple()));
    let mut shop = Shop::join(&hub, data.clone(), None).await;
    let address = format!("mqtt://{}", hub.mqtt()).parse().unwrap();
    shop.start(oneshelf_pos_agent::serve::Transport::Endpoint(address)).await;
    let mut register = shop.cashier().await;
    for at in 0..2 {
        Shop::sell(&mut register, &format!("pay-{at}")).await;
    }
    shop::on_hand(&hub, 3).await;
    assert_ne!(shop::line(&hub).await, "dark");
    shop.stop().await;
    hub.close().await;
    std::fs::remove_dir_all(data).unwrap();
}
