//! The core commands, in a fixed order: what a program does between two starts of a proof.
//!
//! Owns the books of its one client, who asks again until there is an answer. It must not know what
//! happens to the programs meanwhile.

use std::collections::BTreeMap;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use serde_json::{Value, json};

use super::client::{Ask, Caller, until};
use super::load::{Books, Claim};
use super::register::Register;
use super::world::{Item, STORE, WAREHOUSE};

/// How long a store may take to hear of what comes, programs being killed meanwhile.
const TOLD: Duration = Duration::from_secs(90);
/// Scans that may be lost before somebody looks for what is wrong.
const SCANS_MAX: u64 = 200;

/// See the module.
pub struct Script {
    /// What was acknowledged.
    pub books: Books,
    /// Whoever sells.
    pub register: Register,
    hub: Caller,
    items: Vec<Item>,
    at_store: i64,
    round: usize,
}

impl Script {
    /// A client with empty books. `at_store`: units of each item that the store began with.
    pub fn new(hub: Caller, register: Register, items: Vec<Item>, at_store: i64) -> Self {
        Self { books: Books::default(), register, hub, items, at_store, round: 0 }
    }

    /// Both parts: the hub's commands, and a store's, whose facts go to the hub.
    ///
    /// # Errors
    /// When an answer is not what it must be.
    pub async fn whole(&mut self) -> Result<()> {
        self.store().await?;
        self.centre().await
    }

    fn item(&self, further: usize) -> Item {
        self.items[(self.round + further) % self.items.len()].clone()
    }

    /// Receive, adjust; reserve, pick, hand over; hold, commit; hold, release.
    ///
    /// # Errors
    /// When an answer is not what it must be.
    pub async fn centre(&mut self) -> Result<()> {
        self.round += 1;
        let key = format!("round-{}", self.round);
        let item = self.item(0);
        let body = json!({"location": WAREHOUSE, "lines": [{"sku": item.sku, "quantity": 3}],
            "reference": key});
        self.hub.need(&Ask::post("/v1/stock/receive", &format!("{key}-in"), &body)).await?;
        *self.books.came.entry((WAREHOUSE, item.sku.clone())).or_default() += 3;
        let lost = json!({"location": WAREHOUSE, "sku": item.sku, "reason": "lost", "quantity": 1});
        self.hub.need(&Ask::post("/v1/stock/adjust", &format!("{key}-lost"), &lost)).await?;
        *self.books.came.entry((WAREHOUSE, item.sku)).or_default() -= 1;
        let shipped: &[_] = &[("pick", "picked"), ("hand-over", "consumed")];
        self.claim(&format!("{key}-ship"), None, shipped).await?;
        self.claim(&format!("{key}-keep"), Some(900), &[("commit", "committed")]).await?;
        self.claim(&format!("{key}-free"), Some(900), &[("release", "released")]).await
    }

    async fn claim(
        &mut self,
        key: &str,
        seconds: Option<u64>,
        steps: &[(&str, &'static str)],
    ) -> Result<()> {
        let units = BTreeMap::from([(self.item(0).sku, 1), (self.item(1).sku, 2)]);
        let line = |(sku, units): (&String, &i64)| -> Value {
            json!({"sku": sku, "location": WAREHOUSE, "quantity": units})
        };
        let lines: Vec<Value> = units.iter().map(line).collect();
        let mut body = json!({"lines": lines, "reference": key});
        if let Some(seconds) = seconds {
            body["expires_in_s"] = json!(seconds);
        }
        let made = self.hub.need(&Ask::post("/v1/reservations", key, &body)).await?;
        let id = made["id"].as_str().context("a claim has an id")?.to_owned();
        let state = if seconds.is_some() { "held" } else { "committed" };
        let reference = Some(key.to_owned());
        let claim = Claim { reference, location: WAREHOUSE, units, state };
        self.books.claims.insert(id.clone(), claim);
        for (step, after) in steps {
            let path = format!("/v1/reservations/{id}/{step}");
            self.hub.need(&Ask::post(&path, &format!("{key}-{step}"), &json!({}))).await?;
            self.books.steps += 1;
            if let Some(claim) = self.books.claims.get_mut(&id) {
                claim.state = after;
            }
        }
        Ok(())
    }

    /// A ticket that is thrown away, one that is paid, goods that come back, a count, and what the
    /// warehouse sends.
    ///
    /// # Errors
    /// When an answer is not what it must be.
    pub async fn store(&mut self) -> Result<()> {
        self.round += 1;
        let key = format!("round-{}", self.round);
        self.register.open().await?;
        let (one, two) = (self.item(0), self.item(1));
        self.scanned(&[&one.code]).await?;
        self.register.void().await?;
        self.books.voided += 1;
        let ticket = self.scanned(&[&one.code, &two.code, &two.code]).await?;
        let sold = self.register.pay(&ticket, &format!("{key}-pay"), true).await?;
        let sold = sold.map_err(|no| anyhow::anyhow!("pay: {} {}", no.status, no.body))?;
        self.books.sales.push(sold);
        let sku = two.sku;
        let back = json!({"act": "return", "sku": sku, "quantity": 1});
        self.act(&format!("{key}-back"), &back).await?;
        *self.books.came.entry((STORE, sku.clone())).or_default() += 1;
        let sold: i64 = self.books.sales.iter().filter_map(|s| s.units.get(&sku)).sum();
        let found = self.at_store + self.books.came(STORE, &sku) - sold;
        let count = json!({"act": "count", "sku": sku, "found": found});
        self.act(&format!("{key}-count"), &count).await?;
        self.transfer(&format!("{key}-send")).await
    }

    /// Goods leave the warehouse, and are unpacked in the store.
    async fn transfer(&mut self, key: &str) -> Result<()> {
        let (sku, units) = (self.item(0).sku, 2);
        let lines = json!([{"sku": sku, "quantity": units}]);
        let body = json!({"from": WAREHOUSE, "to": STORE, "lines": lines, "reference": key});
        let made = self.hub.need(&Ask::post("/v1/transfers", key, &body)).await?;
        let id = made["id"].as_str().context("a transfer has an id")?.to_owned();
        let reference = Some(key.to_owned());
        let sent = BTreeMap::from([(sku.clone(), units)]);
        let claim = Claim { reference, location: WAREHOUSE, units: sent, state: "in_transit" };
        let path = format!("/v1/transfers/{id}/ship");
        self.hub.need(&Ask::post(&path, &format!("{key}-ship"), &json!({}))).await?;
        self.books.claims.insert(id.clone(), claim);
        let register = &mut self.register;
        until(TOLD, async || {
            let listed =
                register.settled(&Ask::get("/api/stock/transfers")).await?.good("a list")?;
            let mut all = listed["transfers"].as_array().into_iter().flatten();
            let told = all.any(|t| t["id"] == json!(id) && t["state"] == json!("in_transit"));
            Ok(if told { Ok(()) } else { Err(format!("{listed}")) })
        })
        .await
        .context("the store hears of what comes")?;
        let lines = json!([{"sku": sku, "good": units}]);
        let came = json!({"act": "arrive", "transfer": id, "lines": lines});
        self.act(&format!("{key}-came"), &came).await?;
        *self.books.came.entry((STORE, sku)).or_default() += units;
        self.books.steps += 2;
        let claim = self.books.claims.get_mut(&id).context("it is in the books")?;
        claim.state = "transferred";
        Ok(())
    }

    async fn act(&mut self, key: &str, body: &Value) -> Result<()> {
        let answer = self.register.settled(&Ask::post("/api/stock/acts", key, body)).await?;
        answer.good("an act").map(drop)
    }

    async fn scanned(&mut self, codes: &[&String]) -> Result<Value> {
        let mut ticket = self.register.ticket().await?;
        for _ in 0..SCANS_MAX {
            let there = ticket["pieces"].as_u64().context("a ticket has pieces")?;
            let Some(code) = codes.get(usize::try_from(there)?) else { return Ok(ticket) };
            ticket = self.register.scan(code).await?;
        }
        bail!("{SCANS_MAX} scans made no ticket of {}: {ticket}", codes.len())
    }
}
