//! Live stock as server-sent events: the messages of the WebSocket, for whoever may have one.

use std::time::Duration;

use serde_json::{Value, json};

use crate::support::Hub;

const FLASK: &str = "/v1/live/events?items=FLASK&items=LAMP";

async fn within<T>(what: impl Future<Output = T>) -> T {
    tokio::time::timeout(Duration::from_secs(60), what).await.expect("nothing came")
}

/// A reader of events.
struct Reader {
    response: reqwest::Response,
    rest: String,
}

impl Reader {
    async fn open(hub: &Hub, path: &str, headers: &[(&str, &str)]) -> Self {
        let mut ask = reqwest::Client::new().get(format!("{}{path}", hub.base));
        for (name, value) in headers {
            ask = ask.header(*name, *value);
        }
        let response = ask.send().await.unwrap();
        assert_eq!(response.status(), 200);
        Self { response, rest: String::new() }
    }

    /// The id and message of the next event but pings; none at the end.
    async fn next(&mut self) -> Option<(Option<i64>, Value)> {
        loop {
            if let Some((event, rest)) = self.rest.split_once("\n\n") {
                let (event, rest) = (event.to_owned(), rest.to_owned());
                self.rest = rest;
                let of = |name: &str| event.lines().find_map(|line| line.strip_prefix(name));
                let Some(data) = of("data: ") else { continue };
                let message: Value = serde_json::from_str(data).unwrap();
                if message["kind"] == "ping" {
                    continue;
                }
                return Some((of("id: ").map(|id| id.parse().unwrap()), message));
            }
            let more = within(self.response.chunk()).await.unwrap()?;
            self.rest.push_str(std::str::from_utf8(&more).unwrap());
        }
    }
}

async fn page_key(hub: &Hub) -> (String, String) {
    let body = json!({"name": "Web", "kind": "publishable", "scopes": ["live"],
        "origins": ["https://shop.example"]});
    hub.make_key(body).await
}

#[tokio::test]
async fn events_are_the_messages_of_the_socket() {
    let hub = Hub::open().await;
    hub.receive("S07", 1).await;
    let (id, key) = page_key(&hub).await;
    let path = format!("{FLASK}&locations=S07&key={key}");
    let origin = [("origin", "https://shop.example"), ("last-event-id", "3")];
    let mut reader = Reader::open(&hub, &path, &origin).await;
    let headers = reader.response.headers();
    assert_eq!(headers["content-type"], "text/event-stream");
    assert_eq!(headers["access-control-allow-origin"], "https://shop.example");
    assert_eq!(headers["x-accel-buffering"], "no");
    assert!(headers["cache-control"].to_str().unwrap().contains("no-transform"));
    let (first, snapshot) = reader.next().await.unwrap();
    assert_eq!((&snapshot["kind"], first), (&json!("snapshot"), snapshot["upto"].as_i64()));
    assert_eq!(snapshot["items"].as_array().unwrap().len(), 2, "whatever was heard before");
    hub.receive("S07", 2).await;
    let (second, changes) = reader.next().await.unwrap();
    assert_eq!((&changes["kind"], &changes["after"]), (&json!("changes"), &snapshot["upto"]));
    assert_eq!(second, changes["upto"].as_i64());
    assert_eq!(changes["items"][0]["locations"][0]["shown"]["count"], 3);
    // The key ends: the reader is told, and the stream with it.
    hub.delete(&format!("/v1/keys/{id}")).await.ok(204);
    let (_, problem) = reader.next().await.unwrap();
    assert_eq!((&problem["kind"], &problem["code"]), (&json!("problem"), &json!("wrong_secret")));
    assert!(reader.next().await.is_none());
    hub.ask("GET", &path).send().await.refused(401, "wrong_secret");
    hub.close().await;
}

#[tokio::test]
async fn who_may_not_listen_is_refused_and_who_asks_badly_too() {
    let hub = Hub::open().await;
    let (_, key) = page_key(&hub).await;
    let from = |origin: &str, path: String| hub.ask("GET", &path).header("origin", origin).send();
    let crossed = from("https://evil.example", format!("{FLASK}&key={key}")).await;
    assert!(!crossed.headers.contains_key("access-control-allow-origin"));
    crossed.refused(403, "foreign_origin");
    let (_, holder) =
        hub.make_key(json!({"name": "H", "kind": "publishable", "scopes": ["hold"]})).await;
    from(&hub.base, format!("{FLASK}&key={holder}")).await.refused(403, "not_allowed");
    hub.ask("GET", &format!("{FLASK}&key=osp_nothing")).send().await.refused(401, "wrong_secret");
    hub.ask("GET", FLASK).send().await.refused(401, "not_signed_in");
    let bad = async |query: &str| {
        let path = format!("/v1/live/events?key={key}{query}");
        hub.ask("GET", &path).send().await.refused(422, "invalid");
    };
    bad("").await;
    bad("&items=%20").await;
    bad("&items=FLASK&locations=nowhere").await;
    bad(&"&items=FLASK".repeat(501)).await;
    hub.close().await;
}

#[tokio::test]
async fn a_reader_that_is_gone_leaves_its_place() {
    let hub = Hub::open().await;
    let (_, key) = page_key(&hub).await;
    let sockets = &hub.app().sockets;
    let places = || {
        let held: Vec<_> = (0..).map_while(|_| sockets.enter("test", "127.0.0.1").ok()).collect();
        held.len()
    };
    let all = places();
    let mut reader = Reader::open(&hub, &format!("{FLASK}&key={key}"), &[]).await;
    assert!(reader.next().await.is_some());
    assert_eq!(places(), all - 1);
    assert_eq!(hub.app().board.items(), 2);
    drop(reader);
    within(async {
        while places() < all || hub.app().board.items() > 0 {
            tokio::task::yield_now().await;
        }
    })
    .await;
    hub.close().await;
}
