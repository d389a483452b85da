//! What the same machine takes, in the same run, for the two ends of a scan without an agent:
//! bytes through a pseudo terminal, and a push into a page.
//!
//! It shares the scanner's reader and the browser with the measurement, nothing else.

use std::time::Duration;

use anyhow::{Context, Result, bail};
use axum::Router;
use axum::extract::State;
use axum::extract::ws::{Message, WebSocketUpgrade};
use axum::response::Html;
use axum::routing::get;
use oneshelf_hardware::scanner::{Scanner, ScannerEvent};
use oneshelf_hardware::sim::ScannerSim;
use tokio::sync::{broadcast, mpsc};
use tokio::time::timeout;

use super::scan_page::{Page, wall_ms};
use super::scan_shop::sku_of;
use super::spread::Spread;

const PUSHES: usize = 300;
const LIMIT: Duration = Duration::from_secs(5);
const PAUSE: Duration = Duration::from_millis(10);
/// As long as an event with a ticket of some lines.
const BYTES: usize = 6_000;

/// Bytes into a terminal until the scanner's reader has the code.
///
/// # Errors
/// When a code does not come through.
pub async fn terminal(times: usize) -> Result<Spread> {
    let mut sim = ScannerSim::plug_in(None).context("no pseudo terminal")?;
    let path = sim.path().context("a plugged scanner has a path")?;
    let (tx, mut events) = mpsc::channel(8);
    let scanner = Scanner::spawn(path.display().to_string().parse()?, tx)?;
    let mut spread = Spread::default();
    match timeout(LIMIT, events.recv()).await? {
        Some(ScannerEvent::Ready) => {}
        other => bail!("the scanner is not ready: {other:?}"),
    }
    for number in 0..times {
        tokio::time::sleep(PAUSE).await;
        let begun = wall_ms();
        sim.scan(&sku_of(number).1)?;
        match timeout(LIMIT, events.recv()).await? {
            Some(ScannerEvent::Scan { .. }) => spread.put(wall_ms() - begun),
            other => bail!("not a scan: {other:?}"),
        }
    }
    drop(scanner);
    Ok(spread)
}

const PROBE_PAGE: &str = "<!doctype html><title>Probe</title><ol></ol><script>
  const list = document.querySelector('ol');
  const socket = new WebSocket(`ws://${location.host}/push`);
  socket.onmessage = (m) => {
    const line = document.createElement('li');
    line.textContent = JSON.parse(m.data).sku;
    list.append(line);
  };
  socket.onopen = () => (document.title = 'Open');
</script>";

/// A message pushed to a page until its element is there.
///
/// # Errors
/// When one does not come.
pub async fn pushes(page: &mut Page) -> Result<Spread> {
    let (push, _) = broadcast::channel::<String>(8);
    let routes = Router::new()
        .route("/", get(|| async { Html(PROBE_PAGE) }))
        .route("/push", get(listen))
        .with_state(push.clone());
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
    let url = format!("http://{}/", listener.local_addr()?);
    let server = tokio::spawn(async move { axum::serve(listener, routes).await });
    page.open_probe(&url).await?;
    let mut spread = Spread::default();
    let filling = "x".repeat(BYTES);
    for number in 0..PUSHES {
        tokio::time::sleep(PAUSE).await;
        let text = serde_json::json!({"sku": sku_of(number).0, "filling": filling}).to_string();
        let begun = wall_ms();
        push.send(text).context("the page does not listen")?;
        spread.put(page.probe(LIMIT).await? - begun);
    }
    page.close_probe().await?;
    server.abort();
    Ok(spread)
}

async fn listen(
    State(push): State<broadcast::Sender<String>>,
    upgrade: WebSocketUpgrade,
) -> axum::response::Response {
    let mut messages = push.subscribe();
    upgrade.on_upgrade(|mut socket| async move {
        while let Ok(text) = messages.recv().await {
            if socket.send(Message::text(text)).await.is_err() {
                return;
            }
        }
    })
}
