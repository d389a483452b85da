//! Live stock at the hub: who may listen, for how long, and how much they may ask.

use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use futures_util::{Sink, SinkExt, StreamExt, sink, stream};
use oneshelf_hub::auth::rates::{Rate, Rates};
use oneshelf_hub::live::{Bounds, Ended, Halves, Listener, Text, run};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::sync::mpsc;
use tokio_tungstenite::tungstenite::Message;

use crate::support::Hub;

const SUBSCRIBE: &str = "{\"subscribe\":{\"items\":[\"FLASK\"]}}";

async fn within<T>(what: impl Future<Output = T>) -> T {
    tokio::time::timeout(Duration::from_secs(60), what).await.expect("nothing came")
}

/// A key for pages: its id and its secret.
async fn page_key(hub: &Hub) -> (String, String) {
    hub.make_key(json!({"name": "Web", "kind": "publishable", "scopes": ["live"]})).await
}

/// Serves a listener that says these texts and then nothing; gives what it was told, and how it
/// ended.
async fn serve(
    hub: &Hub,
    listener: Listener,
    bounds: Bounds,
    says: Vec<&str>,
    mut told: impl AsyncFnMut(Value),
) -> Ended {
    let (out, mut heard) = mpsc::unbounded_channel::<Text>();
    let out = sink::unfold(out, |out, text: Text| async { out.send(text).map(|()| out) });
    let says: Vec<String> = says.into_iter().map(str::to_owned).collect();
    let incoming = Box::pin(stream::iter(says).chain(stream::pending()));
    let app = hub.app().clone();
    let line = Halves(incoming, Box::pin(out));
    let serving = tokio::spawn(async move { run(&app, listener, bounds, line).await.1 });
    while let Some(text) = within(heard.recv()).await {
        told(serde_json::from_str(text.as_str()).unwrap()).await;
    }
    serving.await.unwrap().unwrap_err()
}

fn quick() -> Bounds {
    Bounds { pulse: Duration::from_millis(5), ..Bounds::default() }
}

#[tokio::test]
async fn a_key_that_was_revoked_hears_no_more() {
    let hub = Hub::open().await;
    let (id, _) = page_key(&hub).await;
    let listener = Listener::Page(id.parse().unwrap());
    let mut last = Value::Null;
    let ended = serve(&hub, listener, quick(), vec![SUBSCRIBE], async |told| {
        if told["kind"] == "snapshot" {
            hub.delete(&format!("/v1/keys/{id}")).await.ok(204);
        }
        last = told;
    });
    assert!(matches!(ended.await, Ended::NotAllowed));
    assert_eq!((&last["kind"], &last["code"]), (&json!("problem"), &json!("wrong_secret")));
    hub.close().await;
}

#[tokio::test]
async fn whose_session_was_closed_hears_no_more() {
    let hub = Hub::open().await;
    let cookie = hub.sign_in("mia", "manager", &["S07"]).await;
    let session = cookie.split_once('=').unwrap().1;
    let listener = Listener::Session(oneshelf_hub::auth::tokens::hash(session));
    let mut asked = false;
    let ended = serve(&hub, listener, quick(), vec![SUBSCRIBE], async |told| {
        if told["kind"] == "snapshot" && !asked {
            asked = true;
            let out = hub.ask("DELETE", "/v1/session").header("cookie", &cookie);
            out.header("origin", &hub.base).send().await.ok(204);
        }
    });
    assert!(matches!(ended.await, Ended::NotAllowed));
    hub.close().await;
}

#[tokio::test]
async fn who_says_too_much_is_cut_off() {
    let hub = Hub::open().await;
    let (id, _) = page_key(&hub).await;
    let listener = || Listener::Page(id.parse().unwrap());
    let bounds = Bounds { messages: 3, every: Duration::from_secs(3_600), ..Bounds::default() };
    let (mut snapshots, mut problem) = (0, Value::Null);
    let ended = serve(&hub, listener(), bounds, vec![SUBSCRIBE; 4], async |told| {
        snapshots += i32::from(told["kind"] == "snapshot");
        problem = told;
    });
    assert!(matches!(ended.await, Ended::TooFast));
    assert_eq!((snapshots, &problem["code"]), (3, &json!("too_many_requests")));
    hub.close().await;
}

#[tokio::test]
async fn who_asked_for_some_locations_hears_of_those_alone() {
    let hub = Hub::open().await;
    hub.receive("W01", 30).await;
    let (id, _) = page_key(&hub).await;
    let says = "{\"subscribe\":{\"items\":[\"FLASK\",\"LAMP\"],\"locations\":[\"S07\"]}}";
    let (mut heard, mut upto) = (vec![], Value::Null);
    let listener = Listener::Page(id.parse().unwrap());
    serve(&hub, listener, quick(), vec![says], async |told| {
        match told["kind"].as_str().unwrap() {
            "snapshot" => {
                // More of what is shown as "10+", elsewhere: nothing to tell. Then here.
                hub.receive("W01", 5).await;
                hub.receive("S07", 1).await;
            }
            "changes" => {
                assert_eq!(told["after"], upto, "nothing is missed in between");
                hub.delete(&format!("/v1/keys/{id}")).await;
            }
            _ => return,
        }
        upto = told["upto"].clone();
        heard.push(told);
    })
    .await;
    assert_eq!(heard.len(), 2, "{heard:?}");
    for (told, items) in heard.iter().zip([2, 1]) {
        let told = told["items"].as_array().unwrap();
        assert_eq!(told.len(), items);
        for item in told {
            assert_eq!(item["locations"].as_array().unwrap().len(), 1);
            assert_eq!(item["locations"][0]["location"], "S07");
        }
    }
    assert_eq!(heard[1]["items"][0]["locations"][0]["shown"]["count"], 1);
    hub.close().await;
}

/// A reader that takes nothing.
struct Stuck;

impl Sink<Text> for Stuck {
    type Error = ();

    fn poll_ready(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Result<(), ()>> {
        Poll::Pending
    }

    fn start_send(self: Pin<&mut Self>, _: Text) -> Result<(), ()> {
        Ok(())
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Result<(), ()>> {
        Poll::Pending
    }

    fn poll_close(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Result<(), ()>> {
        Poll::Ready(Ok(()))
    }
}

#[tokio::test]
async fn a_reader_that_takes_nothing_is_let_go() {
    let hub = Hub::open().await;
    let (id, _) = page_key(&hub).await;
    let bounds = Bounds { send: Duration::from_millis(5), ..Bounds::default() };
    let listener = Listener::Page(id.parse().unwrap());
    let line = Halves(stream::pending::<String>(), Stuck);
    let (_, ended) = within(run(hub.app(), listener, bounds, line)).await;
    assert!(matches!(ended, Err(Ended::Stalled)));
    hub.close().await;
}

#[tokio::test]
async fn a_frame_that_is_too_large_is_refused_before_it_is_here() {
    let hub = Hub::open().await;
    let (_, secret) = page_key(&hub).await;
    let host = hub.base.strip_prefix("http://").unwrap();
    let mut line = tokio::net::TcpStream::connect(host).await.unwrap();
    let head = format!(
        "GET /v1/live?key={secret} HTTP/1.1\r\nHost: {host}\r\nConnection: upgrade\r\n\
         Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\n\
         Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
    );
    line.write_all(head.as_bytes()).await.unwrap();
    // A text, masked, of eight million bytes, of which none follows.
    let mut frame = vec![0x81, 0xff];
    frame.extend(8_000_000u64.to_be_bytes());
    frame.extend([0; 4]);
    line.write_all(&frame).await.unwrap();
    // Until the hub hangs up.
    within(line.read_to_end(&mut vec![])).await.unwrap();
    hub.close().await;
}

#[tokio::test]
async fn a_key_of_a_page_is_guessed_at_the_rate_of_its_address() {
    let one = Rate { burst: 1, every: Duration::from_secs(3_600) };
    let hub = Hub::open_with(Rates { address: one, ..Rates::default() }).await;
    let guess = async || {
        let ask = hub.ask("GET", "/v1/live?key=osp_guess");
        let ask = ask.header("connection", "upgrade").header("upgrade", "websocket");
        let ask = ask.header("sec-websocket-version", "13");
        ask.header("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ==").send().await
    };
    guess().await.refused(401, "wrong_secret");
    guess().await.refused(429, "too_many_requests");
    hub.close().await;
}

#[tokio::test]
async fn sockets_have_places_and_end_with_a_code() {
    let hub = Hub::open().await;
    let (id, secret) = page_key(&hub).await;
    let url = format!("ws{}/v1/live?key={secret}", hub.base.strip_prefix("http").unwrap());
    let (mut socket, _) = tokio_tungstenite::connect_async(&url).await.unwrap();
    socket.send(Message::text("nonsense")).await.unwrap();
    let code = loop {
        match within(socket.next()).await.unwrap().unwrap() {
            Message::Close(frame) => break frame.unwrap().code,
            _ => continue,
        }
    };
    assert_eq!(u16::from(code), 4400);
    // All places of the address of this test are taken.
    let sockets = &hub.app().sockets;
    let held: Vec<_> = (0..).map_while(|_| sockets.enter("test", "127.0.0.1").ok()).collect();
    let ask = hub.ask("GET", &format!("/v1/live?key={secret}"));
    let ask = ask.header("connection", "upgrade").header("upgrade", "websocket");
    let ask = ask.header("sec-websocket-version", "13");
    let said = ask.header("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ==").send().await;
    said.refused(429, "too_many_requests");
    drop(held);
    assert!(tokio_tungstenite::connect_async(&url).await.is_ok(), "key {id} has a place again");
    hub.close().await;
}
