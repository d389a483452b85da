//! Everybody who uses the hubs meanwhile: claims that are released, kept or left to run out, and a
//! channel that orders and cancels, each at whichever hub answers.
//!
//! Owns the books of what was answered. Invariant: what is in the books the hubs said, and nothing
//! is asked for twice but under the same key.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use anyhow::{Context, Result, bail, ensure};
use oneshelf_connectors::{Secret, signature};
use serde_json::{Value, json};
use tokio::sync::watch;

use crate::chaos::client::{Ask, Caller};
use crate::chaos::clock::{Clock, Reading};
use crate::chaos::dice::Dice;
use crate::chaos::world::WAREHOUSE;

/// Between two of one person's wishes.
const PACE: Duration = Duration::from_millis(40);
/// One try of a delivery to the hub; the other hub is tried then.
const TRY: Duration = Duration::from_millis(1_500);
/// How long a delivery is tried.
const TRIES: Duration = Duration::from_secs(60);

/// What was answered.
#[derive(Debug, Default)]
pub struct Books {
    /// Claims by id: how each ends.
    pub claims: BTreeMap<String, &'static str>,
    /// The keys that they were asked for under.
    pub keys: BTreeMap<String, String>,
    /// Orders: whether they were cancelled.
    pub orders: BTreeMap<String, bool>,
    /// Commands that were sent to both hubs under one key.
    pub twice: usize,
}

/// What all share.
#[derive(Clone)]
pub struct Shop {
    books: Arc<Mutex<Books>>,
    callers: Arc<Vec<Caller>>,
    hooks: reqwest::Client,
    secret: Arc<Secret>,
    skus: Arc<Vec<String>>,
    clock: Option<Arc<Clock>>,
}

impl Shop {
    /// Of hubs, with the channel's secret.
    ///
    /// # Errors
    /// When the secret is none.
    pub fn new(callers: Vec<Caller>, secret: &str, skus: Vec<String>) -> Result<Self> {
        let secret = Secret::parse(secret).map_err(|_| anyhow::anyhow!("no secret"))?;
        Ok(Self {
            books: Arc::default(),
            callers: Arc::new(callers),
            hooks: reqwest::Client::builder().no_proxy().timeout(TRY).build()?,
            secret: Arc::new(secret),
            skus: Arc::new(skus),
            clock: None,
        })
    }

    /// Its own clock goes as that of the hubs does.
    #[must_use]
    pub fn by_the(self, clock: Arc<Clock>) -> Self {
        Self { clock: Some(clock), ..self }
    }

    /// The books.
    pub fn books(&self) -> MutexGuard<'_, Books> {
        self.books.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Claims, until told to stop.
    ///
    /// # Errors
    /// When an answer is not what it must be.
    pub async fn claims(
        self,
        name: &'static str,
        mut dice: Dice,
        stop: watch::Receiver<bool>,
    ) -> Result<()> {
        let mut pace = tokio::time::interval(PACE);
        for number in 0.. {
            pace.tick().await;
            if *stop.borrow() {
                break;
            }
            let key = format!("{name}-{number}");
            self.claim(&key, &mut dice).await.with_context(|| format!("claim {key}"))?;
        }
        Ok(())
    }

    async fn claim(&self, key: &str, dice: &mut Dice) -> Result<()> {
        let first = usize::try_from(dice.between(0, self.callers.len() as u64 - 1))?;
        let (here, there) = (&self.callers[first], &self.callers[self.callers.len() - 1 - first]);
        let end = *dice.pick(&["expired", "expired", "released", "committed"]);
        let mut body = json!({"lines": [{"sku": dice.pick(&self.skus), "location": WAREHOUSE,
            "quantity": 1}], "reference": key});
        if end == "expired" {
            body["expires_in_s"] = json!(1);
        }
        let ask = Ask::post("/v1/reservations", key, &body);
        let made = here.need(&ask).await?;
        let id = made["id"].as_str().context("a claim has an id")?.to_owned();
        if dice.chance(25) {
            let again = there.need(&ask).await?;
            ensure!(again["id"] == made["id"], "one key made two claims: {made} and {again}");
            self.books().twice += 1;
        }
        let before = self.books().keys.insert(key.to_owned(), id.clone());
        ensure!(before.is_none(), "{key} was used before");
        self.books().claims.insert(id.clone(), if end == "released" { "committed" } else { end });
        if end == "released" {
            let path = format!("/v1/reservations/{id}/release");
            there.need(&Ask::post(&path, &format!("{key}-release"), &json!({}))).await?;
            self.books().claims.insert(id, "released");
        }
        Ok(())
    }

    /// Orders of the channel, until told to stop; some are cancelled.
    ///
    /// # Errors
    /// When the hubs do not take them in.
    pub async fn orders(
        self,
        name: String,
        mut dice: Dice,
        stop: watch::Receiver<bool>,
    ) -> Result<()> {
        let mut pace = tokio::time::interval(PACE * 3);
        for number in 0.. {
            pace.tick().await;
            if *stop.borrow() {
                break;
            }
            let order = format!("{name}-{number}");
            let first = usize::try_from(dice.between(0, self.callers.len() as u64 - 1))?;
            self.order(&order, first).await?;
            if dice.chance(40) {
                self.cancel(&order, first).await?;
            }
        }
        Ok(())
    }

    /// Places an order, at this hub first.
    ///
    /// # Errors
    /// When no hub takes it in.
    pub async fn order(&self, order: &str, first: usize) -> Result<()> {
        self.books().orders.insert(order.to_owned(), false);
        self.place(order, first).await
    }

    async fn place(&self, order: &str, first: usize) -> Result<()> {
        let line = json!({"sku": self.skus[0], "quantity": 1});
        let data = json!({"channel_order_id": order, "lines": [line]});
        self.tell(&format!("{order}-placed"), "order.placed", &data, first).await
    }

    /// Cancels one.
    ///
    /// # Errors
    /// When no hub takes it in.
    pub async fn cancel(&self, order: &str, first: usize) -> Result<()> {
        self.books().orders.insert(order.to_owned(), true);
        self.call_off(order, first).await
    }

    /// Sends what it has sent of all orders but these once more. Gives of how many.
    ///
    /// # Errors
    /// When no hub takes it in.
    pub async fn again(&self, but: &BTreeSet<String>) -> Result<usize> {
        let mut orders = self.books().orders.clone();
        orders.retain(|order, _| !but.contains(order));
        for (order, cancelled) in &orders {
            self.place(order, 0).await?;
            if *cancelled {
                self.call_off(order, 0).await?;
            }
        }
        Ok(orders.len())
    }

    async fn call_off(&self, order: &str, first: usize) -> Result<()> {
        let data = json!({"channel_order_id": order});
        self.tell(&format!("{order}-cancelled"), "order.cancel", &data, first).await
    }

    /// Until one of the hubs has taken it in.
    async fn tell(&self, id: &str, kind: &str, data: &Value, first: usize) -> Result<()> {
        let body = json!({"type": kind, "data": data}).to_string();
        let begun = Instant::now();
        let mut pace = tokio::time::interval(PACE);
        for number in first.. {
            pace.tick().await;
            // Kept until it is answered: what was signed an hour ago is refused.
            let clock = match &self.clock {
                Some(clock) => Some(clock.read().await),
                None => None,
            };
            let now = clock.as_ref().map_or_else(SystemTime::now, Reading::time);
            let seconds = now.duration_since(UNIX_EPOCH)?.as_secs();
            let signed =
                signature::sign(&self.secret, id, i64::try_from(seconds)?, body.as_bytes());
            let hub = self.callers[number % self.callers.len()].base();
            let ask = self.hooks.post(format!("{hub}/v1/hooks/own"));
            let ask = ask.header("webhook-id", id).header("webhook-timestamp", seconds);
            let ask =
                ask.header("webhook-signature", signed).header("content-type", "application/json");
            match ask.body(body.clone()).send().await {
                Ok(answer) if answer.status().as_u16() == 202 => return Ok(()),
                Ok(answer) if answer.status().is_client_error() => {
                    bail!("{id}: {} {}", answer.status(), answer.text().await?)
                }
                _ if begun.elapsed() > TRIES => bail!("{id}: no hub takes it in"),
                _ => {}
            }
        }
        Ok(())
    }
}
