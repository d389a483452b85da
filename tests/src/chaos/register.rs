//! A cashier at a register, over the agent's HTTP API.
//!
//! Owns one register's ticket as the cashier saw it. A cashier whose agent died signs in again,
//! looks at the ticket, and pays with the same key. Invariant: a sale is recorded when the agent
//! has acknowledged it, with the lines that stood on the ticket before.

use std::collections::BTreeMap;

use anyhow::{Context, Result, bail};
use serde_json::{Value, json};

use super::client::{Answer, Ask, Caller};

/// A sale that the agent acknowledged.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sold {
    /// As on the receipt.
    pub receipt: String,
    /// Minor units.
    pub total: i64,
    /// Units by SKU.
    pub units: BTreeMap<String, i64>,
}

/// See the module.
pub struct Register {
    caller: Caller,
    code: String,
    staff: (&'static str, &'static str),
    /// Times that the cashier signed in.
    pub sign_ins: u64,
    /// Payments whose first answer was lost.
    pub paid_again: u64,
}

impl Register {
    /// A cashier who has not signed in yet.
    pub fn new(caller: Caller, code: &str, staff: (&'static str, &'static str)) -> Self {
        Self { caller, code: code.to_owned(), staff, sign_ins: 0, paid_again: 0 }
    }

    /// Whoever asks as this cashier.
    pub fn caller(&self) -> &Caller {
        &self.caller
    }

    /// Asks until there is an answer, signing in when the agent does not know the cashier.
    ///
    /// # Errors
    /// When there is no definite answer.
    pub async fn settled(&mut self, ask: &Ask<'_>) -> Result<Answer> {
        let mut again = false;
        loop {
            let answer = self.caller.settled(ask).await?;
            again |= answer.again;
            if answer.status != 401 {
                return Ok(Answer { again, ..answer });
            }
            self.sign_in().await?;
        }
    }

    async fn sign_in(&mut self) -> Result<()> {
        let (staff, pin) = self.staff;
        let body = json!({"register": self.code, "staff": staff, "pin": pin});
        let answer = self.caller.settled(&Ask::say("/api/sign-in", &body)).await?;
        let cookie = answer.cookie.clone();
        answer.good("sign-in")?;
        self.sign_ins += 1;
        self.caller.set_header("cookie", cookie.context("sign-in sets a cookie")?);
        Ok(())
    }

    /// Opens the cash session, when none is open.
    ///
    /// # Errors
    /// When the agent refuses.
    pub async fn open(&mut self) -> Result<()> {
        let body = json!({"opening_float": {"minor": 20_000, "currency": "EUR"}});
        let answer = self.settled(&Ask::say("/api/cash-sessions", &body)).await?;
        if answer.code() == "cash_session_open" {
            return Ok(());
        }
        answer.good("the float").map(drop)
    }

    /// The ticket as it is now.
    ///
    /// # Errors
    /// When the agent refuses.
    pub async fn ticket(&mut self) -> Result<Value> {
        self.settled(&Ask::get("/api/ticket")).await?.good("the ticket")
    }

    /// Scans once. A scan has no key: when its answer was lost, the ticket says what happened.
    ///
    /// # Errors
    /// When the agent refuses.
    pub async fn scan(&mut self, code: &str) -> Result<Value> {
        let body = json!({"code": code});
        let path = "/api/ticket/scan";
        match self.caller.once(&Ask::say(path, &body)).await {
            Ok(answer) if answer.status == 401 => {
                self.sign_in().await?;
                self.ticket().await
            }
            Ok(answer) if matches!(answer.status, 503 | 507) => self.ticket().await,
            Ok(answer) => Ok(answer.good("a scan")?["ticket"].take()),
            Err(_) => self.ticket().await,
        }
    }

    /// Takes everything off the ticket.
    ///
    /// # Errors
    /// When the agent refuses.
    pub async fn void(&mut self) -> Result<()> {
        self.settled(&Ask::delete("/api/ticket")).await?.good("voiding a ticket").map(drop)
    }

    /// Pays the ticket exactly, with a key. `approve`: the cashier is a manager and takes it on.
    ///
    /// # Errors
    /// When there is no definite answer, or the sale is not what was on the ticket.
    pub async fn pay(
        &mut self,
        ticket: &Value,
        key: &str,
        approve: bool,
    ) -> Result<std::result::Result<Sold, Answer>> {
        let shown = json!({"ticket": ticket["id"], "total": ticket["total"],
            "fingerprint": ticket["fingerprint"]});
        let tenders = json!([{"kind": "cash", "given": ticket["total"]}]);
        let mut body = json!({"shown": shown, "tenders": tenders});
        if approve {
            body["approve"] = json!({"reason": "the goods are in my hand"});
        }
        let answer = self.settled(&Ask::post("/api/ticket/pay", key, &body)).await?;
        if answer.status >= 400 {
            return Ok(Err(answer));
        }
        self.paid_again += u64::from(answer.again);
        let sale = &answer.body["sale"];
        let text = |value: &Value| value.as_str().map(str::to_owned);
        let sold = Sold {
            receipt: text(&sale["receipt_number"]).context("a sale has a receipt number")?,
            total: sale["total"]["minor"].as_i64().context("a sale has a total")?,
            units: units(ticket),
        };
        if Some(sold.total) != ticket["total"]["minor"].as_i64() {
            bail!("ticket {ticket} was paid as {sale}");
        }
        Ok(Ok(sold))
    }

    /// The figures of an item in this store.
    ///
    /// # Errors
    /// When the agent refuses.
    pub async fn here(&mut self, sku: &str) -> Result<Value> {
        let path = format!("/api/items/{sku}/here");
        Ok(self.settled(&Ask::get(&path)).await?.good("an item")?["here"].take())
    }
}

/// Units by SKU of a ticket or a sale.
pub fn units(ticket: &Value) -> BTreeMap<String, i64> {
    let mut units = BTreeMap::new();
    for line in ticket["lines"].as_array().into_iter().flatten() {
        let sku = line["sku"].as_str().unwrap_or_default().to_owned();
        *units.entry(sku).or_default() += line["quantity"].as_i64().unwrap_or_default();
    }
    units
}
