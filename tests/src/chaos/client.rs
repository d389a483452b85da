//! HTTP as somebody who never gives up: an unknown outcome is asked again with the same key.
//!
//! Owns retries and what counts as an answer. It knows no endpoint. Invariant: what
//! [`Caller::settled`] returns is the program's definite word.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use reqwest::Method;
use serde_json::Value;
use tokio::sync::Notify;

/// How long somebody asks again; a program that is away longer does not come back.
const LIMIT: Duration = Duration::from_secs(90);
const PAUSE: Duration = Duration::from_millis(20);
/// One request.
const REQUEST_LIMIT: Duration = Duration::from_secs(20);

/// Status and body.
#[derive(Debug, Clone)]
pub struct Answer {
    /// HTTP status.
    pub status: u16,
    /// JSON, or the text.
    pub body: Value,
    /// `Set-Cookie`, as it is sent back.
    pub cookie: Option<String>,
    /// True when an earlier request got no answer.
    pub again: bool,
}

impl Answer {
    /// The body of a 2xx.
    ///
    /// # Errors
    /// Says what was answered instead.
    pub fn good(self, what: &str) -> Result<Value> {
        if (200..300).contains(&self.status) {
            return Ok(self.body);
        }
        bail!("{what}: {} {}", self.status, self.body)
    }

    /// The problem's code, or nothing.
    pub fn code(&self) -> &str {
        self.body["code"].as_str().unwrap_or_default()
    }
}

/// A request.
#[derive(Debug, Clone)]
pub struct Ask<'a> {
    method: Method,
    path: &'a str,
    key: Option<&'a str>,
    body: Option<&'a Value>,
}

impl<'a> Ask<'a> {
    /// Reads.
    pub fn get(path: &'a str) -> Self {
        Self { method: Method::GET, path, key: None, body: None }
    }

    /// Does.
    pub fn post(path: &'a str, key: &'a str, body: &'a Value) -> Self {
        Self { method: Method::POST, path, key: Some(key), body: Some(body) }
    }

    /// Does, without a key: asked twice it is done twice.
    pub fn say(path: &'a str, body: &'a Value) -> Self {
        Self { method: Method::POST, path, key: None, body: Some(body) }
    }

    /// Sets.
    pub fn put(path: &'a str, body: &'a Value) -> Self {
        Self { method: Method::PUT, path, key: None, body: Some(body) }
    }

    /// Takes away.
    pub fn delete(path: &'a str) -> Self {
        Self { method: Method::DELETE, path, key: None, body: None }
    }
}

/// What all callers of a proof met.
#[derive(Debug, Default)]
pub struct Weather {
    /// Requests without an answer.
    pub unknown: AtomicU64,
    /// Answers "not now".
    pub not_now: AtomicU64,
    /// Refusals for the disk's sake.
    pub disk: AtomicU64,
    /// Rung at each of all these.
    pub rung: Notify,
}

impl Weather {
    /// Times that somebody was told that it cannot be done now, or was told nothing.
    pub fn bad(&self) -> u64 {
        let all = [&self.disk, &self.unknown, &self.not_now];
        all.iter().map(|count| count.load(Ordering::Relaxed)).sum()
    }
}

/// Somebody with an address and a secret.
#[derive(Debug, Clone)]
pub struct Caller {
    client: reqwest::Client,
    base: String,
    header: Option<(&'static str, String)>,
    weather: Arc<Weather>,
}

impl Caller {
    /// Somebody who asks at `base` with a header.
    ///
    /// # Errors
    /// When no client can be made.
    pub fn new(base: &str, header: Option<(&'static str, String)>) -> Result<Self> {
        oneshelf_hub::tls::use_ring();
        let client = reqwest::Client::builder().timeout(REQUEST_LIMIT).no_proxy().build()?;
        Ok(Self { client, base: base.to_owned(), header, weather: Arc::default() })
    }

    /// The same, counting into a common tally.
    #[must_use]
    pub fn in_weather(mut self, weather: &Arc<Weather>) -> Self {
        self.weather = Arc::clone(weather);
        self
    }

    /// The value of the header that goes with each request.
    pub fn header(&self) -> Option<&str> {
        self.header.as_ref().map(|(_, value)| value.as_str())
    }

    /// Another header from now on.
    pub fn set_header(&mut self, name: &'static str, value: String) {
        self.header = Some((name, value));
    }

    /// Where it asks.
    pub fn base(&self) -> &str {
        &self.base
    }

    /// Asks once.
    ///
    /// # Errors
    /// When there is no answer: whether it happened is not known.
    pub async fn once(&self, ask: &Ask<'_>) -> Result<Answer> {
        let mut request = self.client.request(ask.method.clone(), self.base.clone() + ask.path);
        if let Some((name, value)) = &self.header {
            request = request.header(*name, value);
        }
        if let Some(key) = ask.key {
            request = request.header("idempotency-key", key);
        }
        if let Some(body) = ask.body {
            request = request.json(body);
        }
        let answer = request.send().await?;
        let status = answer.status().as_u16();
        let cookie = answer.headers().get("set-cookie").and_then(|v| v.to_str().ok());
        let cookie = cookie.and_then(|c| c.split(';').next()).map(str::to_owned);
        let text = answer.text().await?;
        let body = serde_json::from_str(&text).unwrap_or(Value::String(text));
        let answer = Answer { status, body, cookie, again: false };
        if answer.code().starts_with("storage_") {
            self.weather.disk.fetch_add(1, Ordering::Relaxed);
            self.weather.rung.notify_one();
        }
        Ok(answer)
    }

    /// Asks until there is a definite answer.
    ///
    /// # Errors
    /// When there is none for long, or the program says that it failed inside.
    pub async fn settled(&self, ask: &Ask<'_>) -> Result<Answer> {
        let begun = Instant::now();
        let mut pause = tokio::time::interval(PAUSE);
        let mut again = false;
        loop {
            pause.tick().await;
            let why = match self.once(ask).await {
                Ok(answer) if matches!(answer.status, 429 | 503 | 507) => {
                    self.weather.not_now.fetch_add(1, Ordering::Relaxed);
                    self.weather.rung.notify_one();
                    format!("{} {}", answer.status, answer.body)
                }
                Ok(answer) if answer.status >= 500 => {
                    bail!("{} {}: {} {}", ask.method, ask.path, answer.status, answer.body)
                }
                Ok(answer) => return Ok(Answer { again, ..answer }),
                Err(error) => {
                    again = true;
                    self.weather.unknown.fetch_add(1, Ordering::Relaxed);
                    self.weather.rung.notify_one();
                    format!("{error:#}")
                }
            };
            if begun.elapsed() > LIMIT {
                bail!("{} {}: no answer within {LIMIT:?}: {why}", ask.method, ask.path);
            }
        }
    }

    /// Asks until there is an answer, which must be good.
    ///
    /// # Errors
    /// When it is not.
    pub async fn need(&self, ask: &Ask<'_>) -> Result<Value> {
        let what = format!("{} {}", ask.method, ask.path);
        self.settled(ask).await?.good(&what).context("refused")
    }
}

/// Looks again and again until what is looked for is there.
///
/// # Errors
/// When it is not there in time: the last word of `look`.
pub async fn until<T>(
    limit: Duration,
    mut look: impl AsyncFnMut() -> Result<Result<T, String>>,
) -> Result<T> {
    let begun = Instant::now();
    let mut pause = tokio::time::interval(PAUSE);
    loop {
        pause.tick().await;
        match look().await? {
            Ok(found) => return Ok(found),
            Err(why) if begun.elapsed() > limit => bail!("not within {limit:?}: {why}"),
            Err(_) => {}
        }
    }
}
