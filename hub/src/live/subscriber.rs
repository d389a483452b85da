//! One subscriber: what it asked for, what it was last told, and the frames that keep it right.
//!
//! Bounded in items, in bytes and in rate; the newest figure wins. What it was told it shares with
//! all who were told the same.

use std::collections::{BTreeMap, BTreeSet};
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use futures_util::{Sink, SinkExt, Stream, StreamExt, stream};
use oneshelf_domain::stock::ItemNo;
use oneshelf_domain::{LocationCode, Sku, limits};
use oneshelf_protocol::problem::Problem;
use serde::{Deserialize, Serialize};
use tokio::time::{Instant, MissedTickBehavior};

use super::pace::Pace;
use super::{Figure, Follower, Listener, News};
use crate::app::App;
use crate::store::StoreError;

/// Items of one subscriber.
pub const ITEMS_MAX: usize = 500;
/// A message from a subscriber, bytes.
pub const MESSAGE_BYTES_MAX: usize = 64 << 10;

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

/// What it is told beside snapshots and changes.
#[derive(Debug, Serialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
enum Told {
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
    bounds: Bounds,
    out: O,
    follower: Follower,
    locations: Option<BTreeSet<LocationCode>>,
    /// Shared with all who were told the same.
    told: BTreeMap<ItemNo, Arc<Figure>>,
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
    incoming: I,
    out: O,
) -> Result<(), Ended>
where
    I: Stream<Item = String> + Unpin,
    O: Sink<String> + Unpin,
{
    let audience = listener.audience(app).await?.ok_or(Ended::NotAllowed)?;
    let mut me = Subscriber {
        app,
        listener,
        bounds,
        out,
        follower: app.board.follower(audience),
        locations: None,
        told: BTreeMap::new(),
        upto: 0,
    };
    let mut pace = Pace::new(bounds.messages, bounds.every, Instant::now());
    let mut pulse = tokio::time::interval(bounds.pulse);
    pulse.set_missed_tick_behavior(MissedTickBehavior::Delay);
    // Looked at when something came, not at each figure that is told: reading a line costs as much
    // as writing one.
    let mut incoming = stream::select_all([incoming]);
    // Made once: each making waits for a lock that all subscribers share.
    let mut stop = pin!(app.stop.cancelled());
    loop {
        tokio::select! {
            () = &mut stop => return Err(Ended::Stopping),
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
            news = me.follower.next() => me.changed(news).await?,
            _ = pulse.tick() => {
                if let Err(why) = me.prove().await {
                    me.refuse(&why).await;
                    return Err(why);
                }
                me.say(&Told::Ping).await?;
            }
        }
    }
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
        self.locations = locations.map(|l| l.into_iter().collect());
        let now = self.follower.follow(numbers.into_iter().flatten().collect()).await?;
        self.upto = now.upto;
        let text = self.text_of(&format!("\"snapshot\",\"upto\":{}", now.upto), &now.figures);
        self.told = now.figures.into_iter().map(|f| (f.no(), f)).collect();
        self.send(text).await
    }

    /// Tells what a person would see differently.
    async fn changed(&mut self, news: News) -> Result<(), Ended> {
        let only = self.locations.as_ref();
        let mut figures = news.figures;
        figures.retain(|f| self.told.get(&f.no()).is_none_or(|old| !old.same(f, only)));
        if figures.is_empty() {
            return Ok(());
        }
        let after = self.upto;
        self.upto = self.upto.max(news.upto);
        let kind = format!("\"changes\",\"after\":{after},\"upto\":{}", self.upto);
        let text = self.text_of(&kind, &figures);
        self.told.extend(figures.into_iter().map(|f| (f.no(), f)));
        self.send(text).await
    }

    /// A message about items: their texts are there already.
    fn text_of(&self, kind: &str, figures: &[Arc<Figure>]) -> String {
        let bytes: usize = figures.iter().map(|f| f.text().len() + 1).sum();
        let mut text = String::with_capacity(bytes + kind.len() + 24);
        text.push_str("{\"kind\":");
        text.push_str(kind);
        text.push_str(",\"items\":[");
        for (at, figure) in figures.iter().enumerate() {
            if at > 0 {
                text.push(',');
            }
            figure.write(&mut text, self.locations.as_ref());
        }
        text.push_str("]}");
        text
    }

    /// Whoever was let in may have been locked out since, or be shown less.
    async fn prove(&mut self) -> Result<(), Ended> {
        let audience = self.listener.audience(self.app).await?.ok_or(Ended::NotAllowed)?;
        if audience == *self.follower.audience() {
            return Ok(());
        }
        let news = self.follower.become_audience(audience).await?;
        self.changed(news).await
    }

    async fn say(&mut self, told: &Told) -> Result<(), Ended> {
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

fn text_of(told: &Told) -> String {
    // Plain data: serde cannot fail on it.
    serde_json::to_string(told).unwrap_or_default()
}
