//! Requests to a running hub, and its refusals as words.

use std::path::PathBuf;

use anyhow::{Context, bail};
use clap::Args;
use oneshelf_protocol::problem::Problem;
use reqwest::{Method, RequestBuilder, Response};
use serde_json::Value;

/// Rows that are asked for at once: as many as the hub gives.
const PAGE_ROWS: usize = oneshelf_domain::limits::PAGE_ROWS_MAX;

/// Which hub, and who asks.
#[derive(Args, Clone)]
pub(super) struct Where {
    /// The running hub.
    #[arg(long, env = "HUB_URL", default_value = "http://127.0.0.1:8080", global = true)]
    hub: String,
    /// Admin secret or key (`osa_...`, `osk_...`); better given by the environment.
    #[arg(long, env = "HUB_SECRET", hide_env_values = true, global = true)]
    secret: Option<String>,
    /// A root certificate (PEM) that the hub's leads to, beside those of the system.
    #[arg(long, env = "HUB_CA", global = true)]
    hub_ca: Option<PathBuf>,
    /// Prints the answer as JSON.
    #[arg(long, global = true)]
    pub(super) json: bool,
}

/// A hub to talk to.
pub(super) struct Client {
    http: reqwest::Client,
    hub: String,
    secret: String,
}

impl Where {
    pub(super) fn client(&self) -> anyhow::Result<Client> {
        let secret = self.secret.clone();
        let secret = secret.context("who asks? --secret osa_... or HUB_SECRET")?;
        let http = crate::tls::roots::http_client(self.hub_ca.as_deref())?.build()?;
        Ok(Client { http, hub: self.hub.trim_end_matches('/').to_owned(), secret })
    }
}

/// A part of a path from text that somebody chose.
pub(super) fn part(text: &str) -> String {
    let plain = |b: &u8| b.is_ascii_alphanumeric() || b"-._~".contains(b);
    text.bytes()
        .map(|b| if plain(&b) { char::from(b).to_string() } else { format!("%{b:02X}") })
        .collect()
}

impl Client {
    /// A request that the hub knows to be from us.
    pub(super) fn request(&self, method: Method, path: &str) -> RequestBuilder {
        self.http.request(method, format!("{}{path}", self.hub)).bearer_auth(&self.secret)
    }

    pub(super) async fn get(&self, path: &str) -> anyhow::Result<Value> {
        self.answer(self.request(Method::GET, path)).await
    }

    /// All rows of a list, page after page.
    pub(super) async fn all(&self, path: &str, name: &str) -> anyhow::Result<Vec<Value>> {
        let (mut rows, mut behind) = (vec![], String::new());
        let with = if path.contains('?') { '&' } else { '?' };
        loop {
            let mut page = self.get(&format!("{path}{with}limit={PAGE_ROWS}{behind}")).await?;
            if let Value::Array(more) = page[name].take() {
                rows.extend(more);
            }
            match page["next_cursor"].as_str() {
                Some(cursor) => behind = format!("&cursor={}", part(cursor)),
                None => return Ok(rows),
            }
        }
    }

    pub(super) async fn put(&self, path: &str, body: &Value) -> anyhow::Result<Value> {
        self.answer(self.request(Method::PUT, path).json(body)).await
    }

    pub(super) async fn post(&self, path: &str, body: &Value) -> anyhow::Result<Value> {
        self.answer(self.request(Method::POST, path).json(body)).await
    }

    pub(super) async fn delete(&self, path: &str) -> anyhow::Result<Value> {
        self.answer(self.request(Method::DELETE, path)).await
    }

    /// Sends a request; a refusal is an error in the hub's own words.
    pub(super) async fn answer(&self, request: RequestBuilder) -> anyhow::Result<Value> {
        let sent = request.send().await;
        let response: Response = sent.with_context(|| format!("no answer from {}", self.hub))?;
        let status = response.status();
        let text = response.text().await?;
        if status.is_success() {
            return Ok(serde_json::from_str(&text).unwrap_or(Value::Null));
        }
        bail!(refusal(status, &text))
    }
}

/// A refusal in the hub's own words.
pub(super) fn refusal(status: reqwest::StatusCode, text: &str) -> String {
    match serde_json::from_str::<Problem>(text) {
        Ok(problem) => format!("{} ({}): {}", problem.code, problem.status, problem.detail),
        Err(_) => format!("the hub answered {status}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_of_paths_are_quoted() {
        assert_eq!(part("A/1 *"), "A%2F1%20%2A");
        assert_eq!(part("S07"), "S07");
    }
}
