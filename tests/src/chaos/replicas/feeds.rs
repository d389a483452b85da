//! Readers of a hub's feeds that never give up: movements by cursor, live figures by events.
//!
//! Owns connections and what came over them; what is right is `verdict`'s. Invariant: a part counts
//! only when it came whole, and the next one is asked for with its cursor.

use std::collections::BTreeMap;
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use serde_json::Value;
use tokio::sync::watch;
use tokio::time::timeout;

use super::verdict::{Frame, Page};

/// A hub that is paused answers later; one that is dead is asked again.
const ANSWER: Duration = Duration::from_secs(20);
const PAUSE: Duration = Duration::from_millis(20);
/// A live line says something every five seconds.
const SILENCE: Duration = Duration::from_secs(20);

/// A hub, and who asks.
#[derive(Debug, Clone)]
pub struct Source {
    client: reqwest::Client,
    base: String,
    secret: String,
}

/// What a reader of movements has.
#[derive(Debug, Default)]
pub struct Movements {
    /// Its pages, in order.
    pub pages: Vec<Page>,
    /// Times that it had to ask again.
    pub again: usize,
}

/// What a live reader has.
#[derive(Debug, Default)]
pub struct Live {
    /// Frames with figures, in order.
    pub frames: Vec<Frame>,
    /// The figure told last, of each item.
    pub told: BTreeMap<String, Value>,
    /// Lines that were opened.
    pub lines: usize,
}

impl Source {
    /// At an address, with the admin's secret.
    ///
    /// # Errors
    /// When no client can be made.
    pub fn new(base: &str, secret: &str) -> Result<Self> {
        let client = reqwest::Client::builder().no_proxy().build()?;
        Ok(Self { client, base: base.to_owned(), secret: secret.to_owned() })
    }

    /// Follows the movements until told to stop, and then up to the end.
    ///
    /// # Errors
    /// When a page is not what it must be.
    pub async fn movements(self, stop: watch::Receiver<bool>) -> Result<Movements> {
        let mut read = Movements::default();
        let mut after = 0;
        let mut pace = tokio::time::interval(PAUSE);
        loop {
            pace.tick().await;
            // What is there when the stop is seen is still read.
            let last = *stop.borrow();
            let Ok(Ok(page)) = timeout(ANSWER, self.page(after)).await else {
                read.again += 1;
                continue;
            };
            let page = page?;
            after = page.upto;
            read.pages.push(page);
            if last {
                return Ok(read);
            }
        }
    }

    /// Outer: nothing whole came. Inner: what came cannot be read.
    async fn page(&self, after: i64) -> Result<Result<Page>> {
        let url = format!("{}/v1/exports/movements?after={after}", self.base);
        let answer = self.client.get(url).bearer_auth(&self.secret).send().await?;
        ensure!(answer.status().is_success(), "{}", answer.status());
        let upto = answer.headers().get("oneshelf-next-cursor").cloned();
        let text = answer.text().await?;
        Ok(read_page(after, upto.as_ref().and_then(|value| value.to_str().ok()), &text))
    }

    /// Follows the figures of items until told to stop.
    ///
    /// # Errors
    /// When a frame cannot be read.
    pub async fn live(self, items: Vec<String>, mut stop: watch::Receiver<bool>) -> Result<Live> {
        let mut live = Live::default();
        let mut pace = tokio::time::interval(PAUSE);
        loop {
            pace.tick().await;
            tokio::select! {
                _ = stop.wait_for(|stop| *stop) => return Ok(live),
                line = self.line(&items, &mut live) => line?,
            }
        }
    }

    /// The figures of now, as a new line says them.
    ///
    /// # Errors
    /// When the hub says none.
    pub async fn figures(&self, items: &[String]) -> Result<BTreeMap<String, Value>> {
        let mut live = Live::default();
        let mut response = self.open(items).await?;
        let mut rest = String::new();
        while live.frames.is_empty() {
            let chunk = timeout(SILENCE, response.chunk()).await??.context("no snapshot")?;
            live.hear(&mut rest, &chunk)?;
        }
        Ok(live.told)
    }

    async fn open(&self, items: &[String]) -> Result<reqwest::Response> {
        let query: Vec<String> = items.iter().map(|sku| format!("items={sku}")).collect();
        let url = format!("{}/v1/live/events?{}", self.base, query.join("&"));
        let answer = self.client.get(url).bearer_auth(&self.secret).send().await?;
        Ok(answer.error_for_status()?)
    }

    /// One line, until it is lost.
    async fn line(&self, items: &[String], live: &mut Live) -> Result<()> {
        let Ok(Ok(mut response)) = timeout(ANSWER, self.open(items)).await else { return Ok(()) };
        live.lines += 1;
        let mut rest = String::new();
        while let Ok(Ok(Some(chunk))) = timeout(SILENCE, response.chunk()).await {
            live.hear(&mut rest, &chunk)?;
        }
        Ok(())
    }
}

impl Live {
    fn hear(&mut self, rest: &mut String, chunk: &[u8]) -> Result<()> {
        rest.push_str(std::str::from_utf8(chunk)?);
        while let Some((event, others)) = rest.split_once("\n\n") {
            let text = event.lines().find_map(|line| line.strip_prefix("data: "));
            let message = text.map(serde_json::from_str::<Value>).transpose()?;
            *rest = others.to_owned();
            if let Some(message) = message {
                self.frame(&message)?;
            }
        }
        Ok(())
    }

    fn frame(&mut self, message: &Value) -> Result<()> {
        let upto = || message["upto"].as_i64().context("a frame has an upto");
        match message["kind"].as_str() {
            Some("ping") => return Ok(()),
            Some("snapshot") => self.frames.push((None, upto()?)),
            Some("changes") => {
                let after = message["after"].as_i64().context("changes have an after")?;
                self.frames.push((Some(after), upto()?));
            }
            _ => bail!("a live line says {message}"),
        }
        for item in message["items"].as_array().context("a frame has items")? {
            let sku = item["sku"].as_str().context("an item has a SKU")?;
            self.told.insert(sku.to_owned(), counts(item));
        }
        Ok(())
    }
}

/// What a shopper reads of an item: without when that was so, which no two hubs say alike.
fn counts(item: &Value) -> Value {
    let mut item = item.clone();
    for location in item["locations"].as_array_mut().into_iter().flatten() {
        if let Some(location) = location.as_object_mut() {
            location.remove("as_of");
            location.remove("state");
        }
    }
    item
}

fn read_page(after: i64, upto: Option<&str>, text: &str) -> Result<Page> {
    let upto = upto.context("an export says its next cursor")?.parse()?;
    let mut rows = vec![];
    let mut lines = csv::Reader::from_reader(text.as_bytes());
    for line in lines.records() {
        let line = line?;
        let cell = |at: usize| line.get(at).context("version, line").and_then(|c| Ok(c.parse()?));
        rows.push((cell(0)?, cell(1)?));
    }
    Ok(Page { after, upto, rows })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn events_are_read_in_whatever_pieces_they_come() {
        let place = json!({"location": "W01", "count": 4, "state": "fresh", "as_of": 1});
        let items = json!([{"sku": "A", "locations": [place]}]);
        let snapshot = json!({"kind": "snapshot", "upto": 3, "items": items});
        let changes = json!({"kind": "changes", "after": 3, "upto": 5, "items": []});
        let ping = json!({"kind": "ping"});
        let text = format!(
            "retry: 2000\n\nid: 3\ndata: {snapshot}\n\ndata: {ping}\n\nid: 5\ndata: {changes}\n\n"
        );
        let (mut live, mut rest) = (Live::default(), String::new());
        for byte in text.as_bytes() {
            live.hear(&mut rest, &[*byte]).unwrap();
        }
        assert_eq!(live.frames, [(None, 3), (Some(3), 5)]);
        let place = &live.told["A"]["locations"][0];
        assert_eq!(place, &json!({"location": "W01", "count": 4}));
        assert!(live.hear(&mut rest, b"data: {\"kind\":\"problem\"}\n\n").is_err());
    }

    #[test]
    fn a_page_of_movements_has_its_rows_and_its_cursor() {
        let text = "version,line,recorded_at\n7,0,x\n7,1,x\n";
        let page = read_page(6, Some("9"), text).unwrap();
        assert_eq!(page, Page { after: 6, upto: 9, rows: vec![(7, 0), (7, 1)] });
        assert!(read_page(6, None, text).is_err() && read_page(6, Some("9"), "a\nb\n").is_err());
    }
}
