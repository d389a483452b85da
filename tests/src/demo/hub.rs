//! The hub as an app sees it: HTTP with a key.
//!
//! Bounded in time; a refusal is an answer, not an error.

use std::time::Duration;

use anyhow::{Context, Result, bail};
use serde_json::{Value, json};

/// A hub's address and a key.
#[derive(Debug, Clone)]
pub struct Hub {
    client: reqwest::Client,
    base: String,
    secret: String,
}

/// What a request got: status and body.
pub type Answer = (u16, Value);

impl Hub {
    /// A client for a hub.
    ///
    /// # Errors
    /// When no client can be made.
    pub fn new(base: &str, secret: &str) -> Result<Self> {
        oneshelf_hub::tls::use_ring();
        let client = reqwest::Client::builder().timeout(Duration::from_secs(30)).build()?;
        let base = base.trim_end_matches('/').to_owned();
        Ok(Self { client, base, secret: secret.to_owned() })
    }

    /// Its address.
    pub fn base(&self) -> &str {
        &self.base
    }

    /// A GET.
    ///
    /// # Errors
    /// When there is no answer.
    pub async fn get(&self, path: &str) -> Result<Answer> {
        let request = self.client.get(format!("{}{path}", self.base));
        self.send(request).await.with_context(|| format!("GET {path}"))
    }

    /// A POST with a body; the same key has one effect.
    ///
    /// # Errors
    /// When there is no answer.
    pub async fn post(&self, path: &str, key: &str, body: &Value) -> Result<Answer> {
        let request = self.client.post(format!("{}{path}", self.base));
        let request = request.header("idempotency-key", key).json(body);
        self.send(request).await.with_context(|| format!("POST {path}"))
    }

    async fn send(&self, request: reqwest::RequestBuilder) -> Result<Answer> {
        let answer = request.bearer_auth(&self.secret).send().await?;
        let status = answer.status().as_u16();
        let text = answer.text().await?;
        Ok((status, serde_json::from_str(&text).unwrap_or(Value::String(text))))
    }

    /// Imports a CSV file and waits until it is done; says how it went. Rows that fail are no
    /// error. One kind is taken in once, however often a start was cut off in the middle of it.
    ///
    /// # Errors
    /// When the hub refuses the file or does not finish within ten minutes.
    pub async fn import(&self, kind: &str, csv: Vec<u8>) -> Result<Value> {
        let request = self.client.post(format!("{}/v1/imports?kind={kind}", self.base));
        let request = request.header("idempotency-key", format!("demo-{kind}"));
        let request = request.header("content-type", "text/csv").body(csv);
        let (status, begun) = self.send(request).await?;
        if status != 202 {
            bail!("the hub refused the {kind}: {status} {begun}");
        }
        let id = begun["id"].as_str().context("an import has an id")?.to_owned();
        let mut pause = tokio::time::interval(Duration::from_millis(200));
        for _ in 0..3_000 {
            pause.tick().await;
            let (_, now) = self.get(&format!("/v1/imports/{id}")).await?;
            match now["state"].as_str() {
                Some("done") => return Ok(now),
                Some("failed") => bail!("the import of {kind} failed: {now}"),
                _ => {}
            }
        }
        bail!("the import of {kind} did not end within ten minutes")
    }

    /// Whether the hub has any items.
    ///
    /// # Errors
    /// When there is no answer.
    pub async fn has_items(&self) -> Result<bool> {
        let (_, page) = self.get("/v1/items?limit=1").await?;
        Ok(page["items"].as_array().is_some_and(|items| !items.is_empty()))
    }

    /// Whether a location has any stock.
    ///
    /// # Errors
    /// When there is no answer.
    pub async fn has_stock(&self, location: &str) -> Result<bool> {
        let (_, page) = self.get(&format!("/v1/locations/{location}/stock?limit=1")).await?;
        Ok(page["items"].as_array().is_some_and(|rows| !rows.is_empty()))
    }

    /// Claims lines at a location. None: refused.
    ///
    /// # Errors
    /// When there is no answer.
    pub async fn reserve(
        &self,
        key: &str,
        location: &str,
        lines: &[(String, i64)],
        expires_in_s: Option<i64>,
    ) -> Result<Option<String>> {
        let lines: Vec<Value> = lines
            .iter()
            .map(|(sku, quantity)| json!({"sku": sku, "location": location, "quantity": quantity}))
            .collect();
        let mut body = json!({"lines": lines, "reference": key});
        if let Some(seconds) = expires_in_s {
            body["expires_in_s"] = json!(seconds);
        }
        let (status, made) = self.post("/v1/reservations", key, &body).await?;
        Ok((status == 201).then(|| made["id"].as_str().unwrap_or_default().to_owned()))
    }

    /// Takes a reservation one step on: `commit`, `pick`, `hand-over`, `release`.
    ///
    /// # Errors
    /// When there is no answer.
    pub async fn step(&self, id: &str, step: &str) -> Result<bool> {
        let path = format!("/v1/reservations/{id}/{step}");
        let (status, _) = self.post(&path, &format!("{id}-{step}"), &json!({})).await?;
        Ok(status < 300)
    }
}
