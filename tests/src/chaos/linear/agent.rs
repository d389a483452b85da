//! The agent of the store, speaking by hand: facts of its registers over its link to a hub.
//!
//! Owns the log: each fact has its place and its id before it leaves, and is said again until the
//! hub has answered it, over this line or the next one. It knows no stock. Invariant: whoever
//! waits for a fact hears of it after the hub's word, and only then.

use std::collections::VecDeque;

use anyhow::{Context, Result, bail, ensure};
use ed25519_dalek::{Signer, SigningKey};
use futures_util::{SinkExt, StreamExt};
use oneshelf_domain::{AgentId, CommandId, IncarnationId, Timestamp};
use oneshelf_protocol::credential::{Credential, signed_text};
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinHandle;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async};
use uuid::Uuid;

use super::super::client::{Ask, Caller};
use super::super::dice::Dice;
use super::super::world::STORE;

/// Facts between two lines.
const TORN_AFTER: (u64, u64) = (40, 160);
const REGISTER: &str = "R1";
const PRICE: i64 = 500;

type Socket = WebSocketStream<MaybeTlsStream<TcpStream>>;

/// What happened in the store.
#[derive(Debug, Clone)]
pub enum What {
    /// A register sold units without asking.
    Sold(i64),
    /// Units came in.
    In(i64),
    /// Nothing was handed over of a reservation that was given up, nor will be.
    LetGo(String),
}

struct Order {
    what: What,
    sku: String,
    booked: oneshot::Sender<()>,
}

/// Where the store's people say what happened.
#[derive(Debug, Clone)]
pub struct Store(mpsc::UnboundedSender<Order>);

impl Store {
    /// Something happened; the answer comes when the hub has booked it.
    ///
    /// # Errors
    /// When the agent is gone.
    pub fn say(&self, what: What, sku: &str) -> Result<oneshot::Receiver<()>> {
        let (booked, answer) = oneshot::channel();
        let order = Order { what, sku: sku.to_owned(), booked };
        self.0.send(order).ok().context("the agent is gone")?;
        Ok(answer)
    }
}

struct Fact {
    seq: i64,
    id: CommandId,
    body: Value,
    booked: oneshot::Sender<()>,
}

struct Agent {
    hubs: Vec<String>,
    /// The hub that it speaks with.
    at: usize,
    id: AgentId,
    key: SigningKey,
    life: IncarnationId,
    lease: Value,
    cursor: Value,
    /// The last fact that was written down.
    seq: i64,
    head: Option<CommandId>,
    /// Of the last receipt.
    number: i64,
    unanswered: VecDeque<Fact>,
    /// `seq` at the last ping.
    pinged: i64,
    dice: Dice,
    torn: u64,
}

/// Joins the store and begins to speak; gives how often its line was torn at its end, which comes
/// when nobody can say anything any more and all is answered.
///
/// # Errors
/// When the hub refuses.
pub async fn join(hubs: &[Caller], mut dice: Dice) -> Result<(Store, JoinHandle<Result<u64>>)> {
    let body = json!({"location": STORE});
    let made = hubs[0].need(&Ask::post("/v1/enrolments", "linear", &body)).await?;
    let mut seed = [0; 32];
    seed.chunks_mut(8).for_each(|part| part.copy_from_slice(&dice.bits().to_le_bytes()));
    let key = SigningKey::from_bytes(&seed);
    let public_key = hex::encode(key.verifying_key().to_bytes());
    let body = json!({"code": made["code"], "public_key": public_key, "agent_name": "linear"});
    let joined = hubs[0].need(&Ask::say("/v1/enrolments/redeem", &body)).await?;
    let id: AgentId = joined["agent_id"].as_str().context("an agent has an id")?.parse()?;
    let mut agent = Agent {
        hubs: hubs.iter().map(|hub| hub.base().to_owned()).collect(),
        at: 0,
        id,
        key,
        life: IncarnationId(Uuid::now_v7()),
        lease: json!({"epoch": 0, "number": 0}),
        cursor: json!({"epoch": 0, "version": 0}),
        seq: 0,
        head: None,
        number: 0,
        unanswered: VecDeque::new(),
        pinged: 0,
        dice,
        torn: 0,
    };
    // From now on an agent speaks for the store: until then a claim there is freed at once.
    let socket = agent.connect().await?;
    let (say, orders) = mpsc::unbounded_channel();
    Ok((Store(say), tokio::spawn(agent.speak(socket, orders))))
}

impl Agent {
    async fn speak(
        mut self,
        mut socket: Socket,
        mut orders: mpsc::UnboundedReceiver<Order>,
    ) -> Result<u64> {
        let mut open = true;
        loop {
            let mut left = self.dice.between(TORN_AFTER.0, TORN_AFTER.1);
            // Torn with facts on their way: whether they arrived is not known.
            while left > 0 {
                if !open && self.unanswered.is_empty() {
                    return Ok(self.torn);
                }
                tokio::select! {
                    order = orders.recv(), if open => match order {
                        Some(order) => {
                            left -= 1;
                            let fact = self.written(order);
                            say(&mut socket, &fact).await?;
                        }
                        None => open = false,
                    },
                    heard = socket.next() => {
                        let frame = read(heard)?;
                        self.heard(&frame, &mut socket).await?;
                    }
                }
            }
            self.torn += 1;
            self.at = (self.at + 1) % self.hubs.len();
            socket = self.connect().await?;
        }
    }

    /// Opens a session, and says again what is not answered.
    async fn connect(&mut self) -> Result<Socket> {
        let base = &self.hubs[self.at];
        let time = Caller::new(base, None)?.need(&Ask::get("/v1/time")).await?;
        let hub = time["hub_id"].as_str().context("a hub has an id")?;
        let now: Timestamp = serde_json::from_value(time["now"].clone())?;
        let nonce = Uuid::new_v4();
        let text = signed_text(hub, "websocket", now, nonce);
        let signature = hex::encode(self.key.sign(text.as_bytes()).to_bytes());
        let credential = Credential { agent: self.id, issued_at: now, nonce, signature };
        let address = format!("ws{}/v1/agent/link", base.strip_prefix("http").unwrap_or(base));
        let mut request = address.into_client_request()?;
        let value = format!("Agent {credential}").parse()?;
        request.headers_mut().insert("authorization", value);
        let (mut socket, _) = connect_async(request).await?;
        let hello = json!({
            "kind": "hello", "protocol": {"min": 1, "max": 1}, "incarnation": self.life,
            "follows": null, "lease": self.lease, "nonce": Uuid::now_v7(), "last": self.seq,
            "granted": [], "cursor": self.cursor,
        });
        say(&mut socket, &hello).await?;
        loop {
            let frame = read(socket.next().await)?;
            match frame["kind"].as_str() {
                Some("welcome") => {
                    self.lease = frame["lease"].clone();
                    break;
                }
                Some("retired" | "stale") => bail!("the hub takes it for a copy: {frame}"),
                _ => {}
            }
        }
        self.say_again(i64::MAX, &mut socket).await?;
        Ok(socket)
    }

    async fn say_again(&self, upto: i64, socket: &mut Socket) -> Result<()> {
        for fact in self.unanswered.iter().filter(|fact| fact.seq <= upto) {
            say(socket, &self.frame(&fact.body)).await?;
        }
        Ok(())
    }

    fn frame(&self, fact: &Value) -> Value {
        json!({"kind": "fact", "session": self.lease, "fact": fact})
    }

    /// Writes down what happened; gives the frame that says it.
    fn written(&mut self, order: Order) -> Value {
        let id = CommandId(Uuid::now_v7());
        self.seq += 1;
        let prev = self.head.replace(id);
        let body = match order.what {
            What::Sold(units) => self.sale(&order.sku, units),
            What::In(units) => json!({"body": "in", "sku": order.sku, "quantity": units,
                "to_share": false, "source": "supplier"}),
            What::LetGo(id) => json!({"body": "released", "reservation": id, "lines": []}),
        };
        let body = json!({
            "command_id": id, "incarnation": self.life, "seq": self.seq, "prev_id": prev,
            "granted": [], "occurred_at": "2026-03-02T09:30:00Z", "body": body,
        });
        let frame = self.frame(&body);
        self.unanswered.push_back(Fact { seq: self.seq, id, body, booked: order.booked });
        frame
    }

    fn sale(&mut self, sku: &str, units: i64) -> Value {
        self.number += 1;
        let id = |prefix: &str| format!("{prefix}_{}", Uuid::now_v7().as_simple());
        let money = |minor: i64| json!({"minor": minor, "currency": "EUR"});
        let total = money(units * PRICE);
        json!({"body": "sale", "lines": [{"sku": sku, "share": 0, "beyond": units}], "sale": {
            "id": id("sal"), "receipt_number": format!("{STORE}-{REGISTER}-{:06}", self.number),
            "register": format!("{STORE}-{REGISTER}"), "number": self.number, "cashier": "ana",
            "total": total, "change": money(0), "tenders": [{"kind": "cash", "given": total}],
            "lines": [{"id": id("lin"), "sku": sku, "name": sku, "quantity": units,
                "unit_price": money(PRICE), "total": total, "tax": "standard"}],
        }})
    }

    async fn heard(&mut self, frame: &Value, socket: &mut Socket) -> Result<()> {
        match frame["kind"].as_str() {
            Some("ack") => self.answered(frame),
            Some("ping") => {
                let pong = json!({"kind": "pong", "session": self.lease,
                    "number": frame["number"], "digest": "", "last": self.seq,
                    "waiting": self.unanswered.len()});
                say(socket, &pong).await?;
                // The hub's word on older ones is lost, or they were.
                self.say_again(self.pinged, socket).await?;
                self.pinged = self.seq;
                Ok(())
            }
            Some("changes") => {
                self.cursor = json!({"epoch": frame["epoch"], "version": frame["upto"]});
                Ok(())
            }
            Some("retired" | "stale" | "unsupported") => bail!("the hub says {frame}"),
            _ => Ok(()),
        }
    }

    fn answered(&mut self, ack: &Value) -> Result<()> {
        let word = ack["answer"]["answer"].as_str().unwrap_or_default();
        ensure!(matches!(word, "accepted" | "duplicate"), "a fact was answered {ack}");
        let id = &ack["id"];
        let at = self.unanswered.iter().position(|fact| *id == json!(fact.id));
        if let Some(fact) = at.and_then(|at| self.unanswered.remove(at)) {
            // Nobody may be waiting any longer.
            let _ = fact.booked.send(());
        }
        Ok(())
    }
}

async fn say(socket: &mut Socket, frame: &Value) -> Result<()> {
    Ok(socket.send(Message::text(frame.to_string())).await?)
}

/// A frame; null for what is none.
fn read(
    heard: Option<std::result::Result<Message, tokio_tungstenite::tungstenite::Error>>,
) -> Result<Value> {
    match heard.context("the hub hung up")?? {
        Message::Text(text) => Ok(serde_json::from_str(&text)?),
        Message::Close(why) => bail!("the hub hung up: {why:?}"),
        _ => Ok(Value::Null),
    }
}
