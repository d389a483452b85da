//! The customer display: who may look, what is shown, and that it allows nothing.

use futures_util::StreamExt;
use reqwest::{Method, RequestBuilder};
use serde_json::{Value, json};
use tokio_tungstenite::connect_async;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::{Error, Message};

use super::page::Page;
use super::store::{Store, TEA, cash, within};

/// A display's browser: its cookie and no other.
struct Display {
    base: String,
    cookie: Option<String>,
    http: reqwest::Client,
}

impl Display {
    fn new(store: &Store) -> Self {
        Self { base: store.base(), cookie: None, http: reqwest::Client::new() }
    }

    fn request(&self, method: Method, path: &str) -> RequestBuilder {
        let request = self.http.request(method, format!("{}/{path}", self.base));
        let request = request.header("origin", &self.base);
        match &self.cookie {
            Some(cookie) => request.header("cookie", cookie),
            None => request,
        }
    }

    async fn claim(&mut self, key: &str) -> u16 {
        let asked = self.request(Method::POST, "api/display/claim").json(&json!({"key": key}));
        let answer = within(asked.send()).await.unwrap();
        if let Some(cookie) = answer.headers().get("set-cookie") {
            let cookie = cookie.to_str().unwrap();
            assert!(cookie.contains("HttpOnly") && cookie.contains("SameSite=Strict"), "{cookie}");
            assert!(cookie.contains("Path=/api/display;"), "{cookie}");
            self.cookie = Some(cookie.split(';').next().unwrap().to_owned());
        }
        answer.status().as_u16()
    }

    async fn get(&self, path: &str) -> (u16, Value) {
        let answer = within(self.request(Method::GET, path).send()).await.unwrap();
        let status = answer.status().as_u16();
        (status, serde_json::from_str(&answer.text().await.unwrap()).unwrap_or(Value::Null))
    }

    async fn look(&self) -> Result<Looks, Error> {
        let url = format!("{}/api/display/events", self.base.replace("http://", "ws://"));
        let mut request = url.into_client_request().unwrap();
        let headers = request.headers_mut();
        headers.insert("origin", self.base.parse().unwrap());
        if let Some(cookie) = &self.cookie {
            headers.insert("cookie", cookie.parse().unwrap());
        }
        Ok(Looks(connect_async(request).await?.0))
    }
}

struct Looks(
    tokio_tungstenite::WebSocketStream<tokio_tungstenite::MaybeTlsStream<tokio::net::TcpStream>>,
);

impl Looks {
    async fn next(&mut self, is_so: impl Fn(&Value) -> bool) -> Value {
        within(async {
            loop {
                let message = self.0.next().await.unwrap().unwrap();
                let Ok(text) = message.to_text() else { continue };
                let Ok(shown) = serde_json::from_str::<Value>(text) else { continue };
                if is_so(&shown) {
                    return shown;
                }
            }
        })
        .await
    }

    async fn ended(&mut self) -> u16 {
        within(async {
            loop {
                let next = self.0.next().await.unwrap().unwrap();
                if let Message::Close(Some(frame)) = next {
                    return frame.code.into();
                }
            }
        })
        .await
    }
}

async fn key(page: &mut Page) -> String {
    let (status, made) = page.post("api/display-keys", json!({})).await;
    assert_eq!(status, 200, "{made}");
    made["key"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn a_customer_sees_lines_total_and_change_as_they_come() {
    let mut store = Store::open().await;
    let line = store.first_line().await;
    let mut page = store.ana_with_float().await;
    let mut display = Display::new(&store);
    assert_eq!(display.claim(&key(&mut page).await).await, 204);
    let mut looks = display.look().await.unwrap();
    let idle = looks.next(|_| true).await;
    assert_eq!((&idle["shop"], &idle["lines"]), (&json!("Harbour Goods"), &json!([])));
    page.until("api/devices", |d| d["display"]["state"] == "showing").await;
    store.hub.down();
    page.until("api/state", |s| s["link"]["state"] == "offline").await;
    drop(line);
    let ticket = page.scanned(TEA).await;
    let shown = looks.next(|s| s["lines"][0]["name"] == "Tea").await;
    assert_eq!((&shown["total"], &shown["pieces"]), (&ticket["total"], &json!(1)));
    let id = ticket["lines"][0]["id"].as_str().unwrap().to_owned();
    page.patch(&format!("api/ticket/lines/{id}"), json!({"quantity": 2})).await;
    looks.next(|s| s["lines"][0]["quantity"] == 2).await;
    page.until("api/ticket", |t| t["lines"][0]["warning"] == "free_when_offline").await;
    assert_eq!(page.pay(cash(1_000)).await.0, 200);
    let thanks = looks.next(|s| s["paid"]["change"]["minor"] == 100).await;
    assert_eq!(thanks["lines"], json!([]));
    // The next ticket takes the thanks' place; a void empties the display.
    page.scanned(TEA).await;
    let next = looks.next(|s| s["lines"][0]["quantity"] == 1).await;
    assert_eq!(next["paid"], Value::Null);
    page.delete("api/ticket").await;
    looks.next(|s| s["lines"] == json!([])).await;
    let text = [&idle, &shown, &thanks].map(ToString::to_string).concat();
    for secret in ["Ana", "ana", "S07-R1", "TEA", "share", "beyond"] {
        assert!(!text.contains(secret), "{secret} is shown: {text}");
    }
    // It is the register's display also after a restart.
    store.stop().await;
    store.start().await;
    display.base = store.base();
    let cookie = display.cookie.clone().unwrap();
    let port = store.base().rsplit(':').next().unwrap().to_owned();
    let token = cookie.split('=').nth(1).unwrap();
    display.cookie = Some(format!("oneshelf_display_{port}={token}"));
    assert_eq!(display.get("api/display").await.0, 200);
}

#[tokio::test]
async fn a_key_opens_one_display_and_a_new_display_ends_the_one_before() {
    let store = Store::open().await;
    let _line = store.first_line().await;
    let mut page = store.ana_with_float().await;
    let (mut first, mut second) = (Display::new(&store), Display::new(&store));
    let mut stranger = Display::new(&store);
    let one = key(&mut page).await;
    assert_eq!(first.claim(&one).await, 204);
    assert_eq!(second.claim(&one).await, 403, "a key is good once");
    assert_eq!(stranger.claim("").await, 403);
    assert_eq!(stranger.get("api/display").await.0, 401);
    assert!(stranger.look().await.is_err());
    let mut looks = first.look().await.unwrap();
    looks.next(|_| true).await;
    assert_eq!(second.claim(&key(&mut page).await).await, 204);
    assert_eq!(looks.ended().await, 4401);
    assert_eq!(first.get("api/display").await.1["code"], "no_display");
    let mut looks = second.look().await.unwrap();
    looks.next(|_| true).await;
    assert_eq!(page.delete("api/displays").await.0, 204);
    assert_eq!(looks.ended().await, 4401);
}

#[tokio::test]
async fn a_display_may_look_and_do_nothing() {
    let store = Store::open().await;
    let _line = store.first_line().await;
    let mut page = store.ana_with_float().await;
    let mut display = Display::new(&store);
    display.claim(&key(&mut page).await).await;
    for path in ["api/ticket", "api/sales", "api/devices", "api/me", "api/print-jobs"] {
        assert_eq!(display.get(path).await.0, 401, "{path}");
    }
    for (method, path) in [
        (Method::POST, "api/ticket/scan"),
        (Method::POST, "api/no-sale"),
        (Method::POST, "api/display-keys"),
        (Method::DELETE, "api/displays"),
        (Method::DELETE, "api/ticket"),
    ] {
        let asked = display.request(method, path).json(&json!({"code": TEA, "reason": "x"}));
        let status = within(asked.send()).await.unwrap().status().as_u16();
        assert!(matches!(status, 401 | 422), "{path}: {status}");
    }
    // A cashier's session is no display's, and another site's page opens none.
    assert_eq!(page.get("api/display").await["code"], "no_display");
    let foreign = display.http.post(format!("{}/api/display/claim", display.base));
    let foreign = foreign.header("origin", "http://evil.example").json(&json!({"key": "x"}));
    assert_eq!(within(foreign.send()).await.unwrap().status().as_u16(), 403);
    let page = within(display.request(Method::GET, "display").send()).await.unwrap();
    assert_eq!(page.headers()["content-type"], "text/html; charset=utf-8");
}
