//! One subscriber: what it asked for, what it was last told, and the frames that keep it right.
//!
//! Bounded in items, in bytes and in rate; the newest figure wins.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use futures_util::{Sink, SinkExt, Stream, StreamExt};
use oneshelf_domain::stock::ItemNo;
use oneshelf_domain::{LocationCode, Sku, limits};
use oneshelf_protocol::problem::Problem;
use serde::{Deserialize, Serialize};
use tokio::sync::broadcast::error::RecvError;
use tokio::time::{Instant, MissedTickBehavior};

use super::pace::Pace;
use super::{Listener, Tick};
use crate::app::App;
use crate::shown::{Audience, ShownItem, shown_items};
use crate::store::StoreError;

/// Items of one subscriber.
pub const ITEMS_MAX: usize = 500;
/// A message from a subscriber, bytes.
pub const MESSAGE_BYTES_MAX: usize = 64 << 10;
/// How long changes gather before they are sent.
const GATHER: Duration = Duration::from_millis(25);

/// What a connection is bounded by in time.
#[derive(Debug, Clone, Copy)]
pub struct Bounds {
    /// How often the line and its listener are proved anew, and ages of stores are looked at.
    pub pulse: Duration,
    /// How long a reader may take nothing.
    pub send: Duration,
    /// Messages of the other side at once ...
    pub messages: u32,
    /// ... and after which time one more.
    pub every: Duration,
}

impl Default for Bounds {
    fn default() -> Self {
        let ms = |ms: i64| Duration::from_millis(ms.unsigned_abs());
        Self {
            pulse: Duration::from_secs(5),
            send: ms(limits::LIVE_SEND_MS),
            messages: limits::LIVE_MESSAGES_MAX,
            every: ms(limits::LIVE_MESSAGE_MS),
        }
    }
}

/// What a subscriber says.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Message {
    subscribe: Subscribe,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Subscribe {
    items: Vec<Sku>,
    #[serde(default)]
    locations: Option<Vec<LocationCode>>,
}

/// What it is told.
#[derive(Debug, Serialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
enum Told<'a> {
    Snapshot {
        upto: i64,
        items: Vec<&'a ShownItem>,
    },
    Changes {
        after: i64,
        upto: i64,
        items: Vec<&'a ShownItem>,
    },
    Ping,
    Problem {
        #[serde(flatten)]
        problem: Problem,
    },
}

/// Why a connection ended.
#[derive(Debug, thiserror::Error)]
pub enum Ended {
    /// The other side is gone.
    #[error("the connection is gone")]
    Gone,
    /// It said something that is not understood.
    #[error("{0}")]
    Refused(String),
    /// It says too much.
    #[error("too many messages; wait a moment")]
    TooFast,
    /// It takes nothing.
    #[error("the reader takes nothing")]
    Stalled,
    /// Its key, session or person may not listen any more.
    #[error("the key or session that opened this ended, or may not listen any more")]
    NotAllowed,
    /// The hub stops.
    #[error("the hub stops")]
    Stopping,
    /// The database does not answer.
    #[error(transparent)]
    Store(#[from] StoreError),
}

struct Subscriber<'a, O> {
    app: &'a App,
    listener: Listener,
    audience: Audience,
    bounds: Bounds,
    out: O,
    items: BTreeMap<ItemNo, Sku>,
    locations: Option<BTreeSet<LocationCode>>,
    told: BTreeMap<Sku, ShownItem>,
    upto: i64,
}

/// Serves one connection until it ends.
///
/// # Errors
/// Says why it ended.
pub async fn run<I, O>(
    app: &App,
    listener: Listener,
    bounds: Bounds,
    mut incoming: I,
    out: O,
) -> Result<(), Ended>
where
    I: Stream<Item = String> + Unpin,
    O: Sink<String> + Unpin,
{
    let mut feed = app.feed.subscribe();
    let audience = listener.audience(app).await?.ok_or(Ended::NotAllowed)?;
    let mut me = Subscriber {
        app,
        listener,
        audience,
        bounds,
        out,
        items: BTreeMap::new(),
        locations: None,
        told: BTreeMap::new(),
        upto: 0,
    };
    let mut pace = Pace::new(bounds.messages, bounds.every, Instant::now());
    let mut pulse = tokio::time::interval(bounds.pulse);
    pulse.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            () = app.stop.cancelled() => return Err(Ended::Stopping),
            text = incoming.next() => {
                let Some(text) = text else { return Err(Ended::Gone) };
                let said = match pace.pass(Instant::now()) {
                    true => me.message(&text).await,
                    false => Err(Ended::TooFast),
                };
                if let Err(why) = said {
                    me.refuse(&why).await;
                    return Err(why);
                }
            }
            tick = feed.recv() => {
                let first = match tick {
                    Ok(tick) => tick,
                    Err(RecvError::Lagged(_)) => Tick { upto: 0, items: None },
                    Err(RecvError::Closed) => return Err(Ended::Stopping),
                };
                let changed = gather(&mut feed, first).await;
                me.changed(changed).await?;
            }
            _ = pulse.tick() => {
                if let Err(why) = me.prove().await {
                    me.refuse(&why).await;
                    return Err(why);
                }
                // Freshness is a matter of time alone.
                me.changed(Tick { upto: 0, items: None }).await?;
                me.say(&Told::Ping).await?;
            }
        }
    }
}

/// Takes what else comes within a moment: one message tells it all. None: anything may have.
async fn gather(feed: &mut tokio::sync::broadcast::Receiver<Tick>, first: Tick) -> Tick {
    let mut upto = first.upto;
    let mut items: Option<BTreeSet<ItemNo>> = first.items.map(|i| (*i).clone());
    let end = tokio::time::Instant::now() + GATHER;
    while let Ok(next) = tokio::time::timeout_at(end, feed.recv()).await {
        match next {
            Ok(tick) => {
                upto = upto.max(tick.upto);
                match (&mut items, tick.items) {
                    (Some(known), Some(more)) => known.extend(more.iter().copied()),
                    _ => items = None,
                }
            }
            Err(RecvError::Lagged(_)) => items = None,
            Err(RecvError::Closed) => break,
        }
    }
    Tick { upto, items: items.map(Arc::new) }
}

impl<O: Sink<String> + Unpin> Subscriber<'_, O> {
    async fn message(&mut self, text: &str) -> Result<(), Ended> {
        if text.len() > MESSAGE_BYTES_MAX {
            return Err(Ended::Refused("a message has at most 64 KiB".to_owned()));
        }
        let message: Message =
            serde_json::from_str(text).map_err(|e| Ended::Refused(e.to_string()))?;
        let Subscribe { items, locations } = message.subscribe;
        if items.len() > ITEMS_MAX {
            return Err(Ended::Refused(format!("subscribe to at most {ITEMS_MAX} items")));
        }
        let numbers = self.app.items.of(&self.app.store, &items).await?;
        self.items = items.into_iter().zip(numbers).filter_map(|(s, no)| Some((no?, s))).collect();
        self.locations = locations.map(|l| l.into_iter().collect());
        let numbers: Vec<ItemNo> = self.items.keys().copied().collect();
        let (upto, shown) = self.read(&numbers).await?;
        self.told = shown.into_iter().map(|i| (i.sku.clone(), i)).collect();
        self.upto = upto;
        let text = text_of(&Told::Snapshot { upto, items: self.told.values().collect() });
        self.send(text).await
    }

    /// Reads what may have changed and tells what did.
    async fn changed(&mut self, tick: Tick) -> Result<(), Ended> {
        let mine: Vec<ItemNo> = match &tick.items {
            None => self.items.keys().copied().collect(),
            Some(changed) => self.items.keys().filter(|no| changed.contains(no)).copied().collect(),
        };
        if mine.is_empty() {
            return Ok(());
        }
        let (upto, shown) = self.read(&mine).await?;
        let news: Vec<ShownItem> = shown
            .into_iter()
            .filter(|i| self.told.get(&i.sku).is_none_or(|old| !old.same(i)))
            .collect();
        if news.is_empty() {
            return Ok(());
        }
        // What was read is newer than the tick, but another item may have changed in between:
        // only when all were read does the message reach as far as the reading.
        let reached = if tick.items.is_some() { tick.upto } else { upto };
        let after = self.upto;
        self.upto = self.upto.max(reached);
        let text = text_of(&Told::Changes { after, upto: self.upto, items: news.iter().collect() });
        self.told.extend(news.into_iter().map(|i| (i.sku.clone(), i)));
        self.send(text).await
    }

    async fn read(&self, items: &[ItemNo]) -> Result<(i64, Vec<ShownItem>), Ended> {
        let (upto, mut shown) = shown_items(self.app, &self.audience, items).await?;
        if let Some(only) = &self.locations {
            for item in &mut shown {
                item.locations.retain(|l| only.contains(&l.location));
            }
        }
        Ok((upto, shown))
    }

    /// Whoever was let in may have been locked out since, or be shown less.
    async fn prove(&mut self) -> Result<(), Ended> {
        self.audience = self.listener.audience(self.app).await?.ok_or(Ended::NotAllowed)?;
        Ok(())
    }

    async fn say(&mut self, told: &Told<'_>) -> Result<(), Ended> {
        self.send(text_of(told)).await
    }

    /// A reader that takes nothing holds a place and the figures of its items: not for long.
    async fn send(&mut self, text: String) -> Result<(), Ended> {
        match tokio::time::timeout(self.bounds.send, self.out.send(text)).await {
            Ok(sent) => sent.map_err(|_| Ended::Gone),
            Err(_) => Err(Ended::Stalled),
        }
    }

    /// Says why it ends, where that is the other side's matter.
    async fn refuse(&mut self, why: &Ended) {
        let (status, code) = match why {
            Ended::Refused(_) => (400, "malformed"),
            Ended::TooFast => (429, "too_many_requests"),
            Ended::NotAllowed => (401, "wrong_secret"),
            _ => return,
        };
        let problem = Problem::new(status, code, &why.to_string());
        // The connection ends either way.
        let _ = self.say(&Told::Problem { problem }).await;
    }
}

fn text_of(told: &Told<'_>) -> String {
    // Plain data: serde cannot fail on it.
    serde_json::to_string(told).unwrap_or_default()
}
