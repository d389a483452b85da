//! The load under which programs are killed: orders at a warehouse, holds and sales at a store.
//!
//! Owns the books: what was acknowledged, kept by the clients themselves. A client whose outcome
//! is unknown asks again with the same key until it knows, so at the end nothing is open.
//! It must not know who dies.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use anyhow::{Context, Result, bail};
use serde_json::{Value, json};
use tokio::sync::watch;

use super::client::{Ask, Caller};
use super::dice::Dice;
use super::register::{Register, Sold};
use super::world::{Item, STORE, WAREHOUSE};

/// A claim that the hub acknowledged.
#[derive(Debug, Clone)]
pub struct Claim {
    /// The caller's number; a hold has none.
    pub reference: Option<String>,
    /// Where.
    pub location: &'static str,
    /// Units by SKU.
    pub units: BTreeMap<String, i64>,
    /// As last acknowledged; `expired` for one that runs out by itself.
    pub state: &'static str,
}

/// What was acknowledged.
#[derive(Debug, Default)]
pub struct Books {
    /// By id.
    pub claims: BTreeMap<String, Claim>,
    /// Steps of claims.
    pub steps: u64,
    /// Claims refused because there was not enough.
    pub refused: u64,
    /// Requests that were acknowledged a second time, alike.
    pub asked_twice: u64,
    /// Sales.
    pub sales: Vec<Sold>,
    /// Units that came in since the opening, by location and SKU.
    pub came: BTreeMap<(&'static str, String), i64>,
    /// Payments whose first answer was lost.
    pub paid_again: u64,
    /// Tickets thrown away.
    pub voided: u64,
}

impl Books {
    /// Units that came to a location since the opening.
    pub fn came(&self, location: &'static str, sku: &str) -> i64 {
        self.came.get(&(location, sku.to_owned())).copied().unwrap_or_default()
    }
}

/// Books that several clients keep.
#[derive(Debug, Clone, Default)]
pub struct Shared(Arc<Mutex<Books>>);

impl Shared {
    /// The books, for a moment.
    pub fn books(&self) -> MutexGuard<'_, Books> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn set_state(&self, id: &str, state: &'static str) {
        let mut books = self.books();
        books.steps += 1;
        if let Some(claim) = books.claims.get_mut(id) {
            claim.state = state;
        }
    }
}

/// What every client has.
pub struct Client {
    /// Prefix of its keys.
    pub name: String,
    /// The catalogue.
    pub items: Arc<Vec<Item>>,
    /// Its choices.
    pub dice: Dice,
    /// Common books.
    pub shared: Shared,
    /// True when it is to end.
    pub stop: watch::Receiver<bool>,
}

impl Client {
    fn goes_on(&self) -> bool {
        !*self.stop.borrow()
    }

    /// Orders at the warehouse, and their steps, until told to stop.
    ///
    /// # Errors
    /// When an answer is not what it must be.
    pub async fn orders(mut self, hub: Caller) -> Result<()> {
        let mut number = 0;
        while self.goes_on() {
            number += 1;
            let key = format!("{}-{number}", self.name);
            self.order(&hub, &key).await.with_context(|| format!("order {key}"))?;
        }
        Ok(())
    }

    async fn order(&mut self, hub: &Caller, key: &str) -> Result<()> {
        let mut units = BTreeMap::new();
        for _ in 0..self.dice.between(1, 2) {
            let quantity = i64::try_from(self.dice.between(1, 3))?;
            units.insert(self.dice.pick(&self.items).sku.clone(), quantity);
        }
        let mut lines: Vec<Value> = vec![];
        for (sku, quantity) in &units {
            lines.push(json!({"sku": sku, "location": WAREHOUSE, "quantity": quantity}));
        }
        let mut body = json!({"lines": lines, "reference": key});
        let state = match self.dice.between(1, 100) {
            1..=10 => ("expired", Some(1)),
            11..=50 => ("held", Some(900)),
            _ => ("committed", None),
        };
        if let Some(seconds) = state.1 {
            body["expires_in_s"] = json!(seconds);
        }
        let ask = Ask::post("/v1/reservations", key, &body);
        let answer = hub.settled(&ask).await?;
        if matches!(answer.code(), "not_enough_available" | "not_promised_now" | "too_many_held") {
            self.shared.books().refused += 1;
            return Ok(());
        }
        let made = answer.good("a claim")?;
        let id = made["id"].as_str().context("a claim has an id")?.to_owned();
        if self.dice.chance(10) {
            let second = hub.need(&ask).await?;
            if second["id"] != made["id"] {
                bail!("one key made two claims: {made} and {second}");
            }
            self.shared.books().asked_twice += 1;
        }
        let claim =
            Claim { reference: Some(key.to_owned()), location: WAREHOUSE, units, state: state.0 };
        self.shared.books().claims.insert(id.clone(), claim);
        self.steps(hub, &id, key, state.0).await
    }

    async fn steps(&mut self, hub: &Caller, id: &str, key: &str, state: &str) -> Result<()> {
        // What runs out by itself is left alone.
        if state == "expired" || self.dice.chance(15) {
            return Ok(());
        }
        let mut steps = vec![];
        if self.dice.chance(25) {
            steps.push(("release", "released"));
        } else {
            if state == "held" {
                steps.push(("commit", "committed"));
            }
            if self.dice.chance(40) {
                steps.push(("pick", "picked"));
            }
            if self.dice.chance(80) {
                steps.push(("hand-over", "consumed"));
            }
        }
        for (step, after) in steps {
            let path = format!("/v1/reservations/{id}/{step}");
            let ask_key = format!("{key}-{step}");
            hub.need(&Ask::post(&path, &ask_key, &json!({}))).await?;
            self.shared.set_state(id, after);
        }
        Ok(())
    }

    /// Holds at the store, as shoppers place them, until told to stop.
    ///
    /// # Errors
    /// When an answer is not what it must be.
    pub async fn holds(mut self, shop: Caller) -> Result<()> {
        let mut number = 0;
        // One address may place ten a second.
        let mut pace = tokio::time::interval(Duration::from_millis(150));
        while self.goes_on() {
            pace.tick().await;
            number += 1;
            let key = format!("{}-{number}", self.name);
            self.hold(&shop, &key).await.with_context(|| format!("hold {key}"))?;
        }
        Ok(())
    }

    async fn hold(&mut self, shop: &Caller, key: &str) -> Result<()> {
        let sku = self.dice.pick(&self.items).sku.clone();
        let shopper = format!("shopper-of-hold-{key}");
        let body = json!({"sku": sku, "location": STORE, "quantity": 1, "shopper": shopper});
        let answer = shop.settled(&Ask::post("/v1/public/holds", key, &body)).await?;
        let none = ["not_enough_available", "not_promised_now", "too_many_held", "too_many_holds"];
        if none.contains(&answer.code()) {
            self.shared.books().refused += 1;
            return Ok(());
        }
        let made = answer.good("a hold")?;
        let id = made["id"].as_str().context("a hold has an id")?.to_owned();
        let units = BTreeMap::from([(sku, 1)]);
        let claim = Claim { reference: None, location: STORE, units, state: "held" };
        self.shared.books().claims.insert(id.clone(), claim);
        // An address may have a hundred holds.
        if self.dice.chance(85) {
            let path = format!("/v1/public/holds/{id}?shopper={shopper}");
            let answer = shop.settled(&Ask::delete(&path)).await?;
            // Without a key, the second of two same wishes finds the hold gone.
            if !(answer.again && answer.code() == "reservation_ended") {
                answer.good("ending a hold")?;
            }
            self.shared.set_state(&id, "released");
        }
        Ok(())
    }

    /// Sales at a register, until told to stop.
    ///
    /// # Errors
    /// When an answer is not what it must be.
    pub async fn sales(mut self, mut register: Register) -> Result<()> {
        register.open().await?;
        let mut number = 0;
        while self.goes_on() {
            number += 1;
            let key = format!("{}-{number}", self.name);
            self.sale(&mut register, &key).await.with_context(|| format!("sale {key}"))?;
        }
        self.shared.books().paid_again += register.paid_again;
        Ok(())
    }

    async fn sale(&mut self, register: &mut Register, key: &str) -> Result<()> {
        let wanted = i64::try_from(self.dice.between(1, 4))?;
        let mut ticket = register.ticket().await?;
        while ticket["pieces"].as_i64().context("a ticket has pieces")? < wanted {
            let code = self.dice.pick(&self.items).code.clone();
            ticket = register.scan(&code).await?;
        }
        if self.dice.chance(8) {
            register.void().await?;
            self.shared.books().voided += 1;
            return Ok(());
        }
        let sold = register.pay(&ticket, key, true).await?;
        let sold = sold.map_err(|no| anyhow::anyhow!("pay: {} {}", no.status, no.body))?;
        if self.dice.chance(10) {
            let again = register.pay(&ticket, key, true).await?;
            if again.as_ref().ok() != Some(&sold) {
                bail!("one key paid twice: {sold:?} and {again:?}");
            }
            self.shared.books().asked_twice += 1;
        }
        self.shared.books().sales.push(sold);
        Ok(())
    }
}
