//! A page of the register: requests with its cookie and origin, and its socket of events.

use std::time::Duration;

use futures_util::StreamExt;
use reqwest::{Method, RequestBuilder};
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async};

use super::store::within;

pub struct Page {
    pub base: String,
    pub cookie: Option<String>,
    http: reqwest::Client,
}

pub struct Events(WebSocketStream<MaybeTlsStream<TcpStream>>);

impl Page {
    pub fn new(base: &str) -> Self {
        oneshelf_hub::tls::use_ring();
        Self { base: base.to_owned(), cookie: None, http: reqwest::Client::new() }
    }

    pub fn request(&self, method: Method, path: &str) -> RequestBuilder {
        let request = self.http.request(method, format!("{}/{path}", self.base));
        match &self.cookie {
            Some(cookie) => request.header("cookie", cookie),
            None => request,
        }
    }

    async fn ask(&mut self, method: Method, path: &str, body: Option<Value>) -> (u16, Value) {
        let mut request = self.request(method, path).header("origin", &self.base);
        if let Some(body) = body {
            request = request.json(&body);
        }
        let answer = within(request.send()).await.unwrap();
        if let Some(cookie) = answer.headers().get("set-cookie") {
            let pair = cookie.to_str().unwrap().split(';').next().unwrap();
            self.cookie = Some(pair.to_owned());
        }
        let status = answer.status().as_u16();
        let text = answer.text().await.unwrap();
        (status, serde_json::from_str(&text).unwrap_or(Value::Null))
    }

    pub async fn get(&self, path: &str) -> Value {
        let answer = within(self.request(Method::GET, path).send()).await.unwrap();
        let text = answer.text().await.unwrap();
        serde_json::from_str(&text).unwrap_or(Value::Null)
    }

    pub async fn post(&mut self, path: &str, body: Value) -> (u16, Value) {
        self.ask(Method::POST, path, Some(body)).await
    }

    pub async fn patch(&mut self, path: &str, body: Value) -> (u16, Value) {
        self.ask(Method::PATCH, path, Some(body)).await
    }

    pub async fn delete(&mut self, path: &str) -> (u16, Value) {
        self.ask(Method::DELETE, path, None).await
    }

    pub async fn scan(&mut self, code: &str) -> (u16, Value) {
        self.post("api/ticket/scan", json!({"code": code})).await
    }

    /// Scans, and takes the ticket.
    pub async fn scanned(&mut self, code: &str) -> Value {
        let (status, added) = self.scan(code).await;
        assert_eq!(status, 200, "{added}");
        added["ticket"].clone()
    }

    /// Pays the ticket as it is now.
    pub async fn pay(&mut self, mut body: Value) -> (u16, Value) {
        body["shown"] = shown(&self.get("api/ticket").await);
        self.post("api/ticket/pay", body).await
    }

    /// The same with a key.
    pub async fn pay_as(&mut self, key: &str, mut body: Value) -> (u16, Value) {
        if body["shown"].is_null() {
            body["shown"] = shown(&self.get("api/ticket").await);
        }
        let request = self.request(Method::POST, "api/ticket/pay").header("origin", &self.base);
        let answer = within(request.header("idempotency-key", key).json(&body).send()).await;
        let answer = answer.unwrap();
        let status = answer.status().as_u16();
        (status, answer.json().await.unwrap())
    }

    /// Asks again until the answer is as described.
    pub async fn until(&self, path: &str, is_so: impl Fn(&Value) -> bool) -> Value {
        within(async {
            let mut pause = tokio::time::interval(Duration::from_millis(10));
            loop {
                pause.tick().await;
                let value = self.get(path).await;
                if is_so(&value) {
                    return value;
                }
            }
        })
        .await
    }

    pub async fn events(&self) -> Events {
        let url = format!("{}/api/events", self.base.replace("http://", "ws://"));
        let mut request = url.into_client_request().unwrap();
        let headers = request.headers_mut();
        headers.insert("origin", self.base.parse().unwrap());
        if let Some(cookie) = &self.cookie {
            headers.insert("cookie", cookie.parse().unwrap());
        }
        let mut events = Events(connect_async(request).await.unwrap().0);
        events.next("state", |_| true).await;
        events
    }
}

/// What a payment says that was shown.
pub fn shown(ticket: &Value) -> Value {
    json!({"ticket": ticket["id"], "total": ticket["total"], "fingerprint": ticket["fingerprint"]})
}

impl Events {
    /// The next event of a kind that is as described.
    pub async fn next(&mut self, kind: &str, is_so: impl Fn(&Value) -> bool) -> Value {
        within(async {
            loop {
                let message = self.0.next().await.unwrap().unwrap();
                let Ok(text) = message.to_text() else { continue };
                let Ok(event) = serde_json::from_str::<Value>(text) else { continue };
                if event["kind"] == kind && is_so(&event) {
                    return event;
                }
            }
        })
        .await
    }
}
