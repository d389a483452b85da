//! One subscriber: what it asked for, what it was last told, and the frames that keep it right.
//!
//! Bounded in items, in bytes and in rate; the newest figure wins. What it was told it shares with
//! all who were told the same.

use std::collections::{BTreeMap, BTreeSet};
use std::future::poll_fn;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use futures_util::future::BoxFuture;
use futures_util::{FutureExt, Sink, SinkExt, Stream, StreamExt};
use oneshelf_domain::stock::ItemNo;
use oneshelf_domain::{LocationCode, Sku, limits};
use oneshelf_protocol::problem::Problem;
use serde::{Deserialize, Serialize};
use tokio::time::{Instant, Interval, MissedTickBehavior};

use super::figure::Message as Which;
use super::pace::Pace;
use super::{Figure, Follower, Listener, News, Text};
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

struct Subscriber<'a, L> {
    app: &'a App,
    listener: Listener,
    bounds: Bounds,
    line: L,
    follower: Follower,
    locations: Option<BTreeSet<LocationCode>>,
    /// Shared with all who were told the same.
    told: BTreeMap<ItemNo, Arc<Figure>>,
    upto: i64,
    /// The last thing that happened was news: next the others have their turn.
    heard: bool,
    pulse: Interval,
    stop: BoxFuture<'a, ()>,
}

/// What happens at a connection.
enum Event {
    Stop,
    Said(String),
    Gone,
    Pulse,
    News(News),
}

/// Serves one connection until it ends; gives the line back, and why it ended.
pub async fn run<L>(
    app: &App,
    listener: Listener,
    bounds: Bounds,
    line: L,
) -> (L, Result<(), Ended>)
where
    L: Stream<Item = String> + Sink<Text> + Unpin,
{
    let audience = match listener.audience(app).await {
        Ok(Some(audience)) => audience,
        Ok(None) => return (line, Err(Ended::NotAllowed)),
        Err(error) => return (line, Err(error.into())),
    };
    let mut pulse = tokio::time::interval(bounds.pulse);
    pulse.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut me = Subscriber {
        app,
        listener,
        bounds,
        line,
        follower: app.board.follower(audience),
        locations: None,
        told: BTreeMap::new(),
        upto: 0,
        heard: false,
        pulse,
        stop: Box::pin(app.stop.cancelled()),
    };
    let ended = me.serve().await;
    (me.line, ended)
}

impl<L: Stream<Item = String> + Sink<Text> + Unpin> Subscriber<'_, L> {
    async fn serve(&mut self) -> Result<(), Ended> {
        let (messages, every) = (self.bounds.messages, self.bounds.every);
        let mut pace = Pace::new(messages, every, Instant::now());
        loop {
            match poll_fn(|cx| self.poll(cx)).await {
                Event::Stop => return Err(Ended::Stopping),
                Event::Gone => return Err(Ended::Gone),
                Event::Said(text) => {
                    let said = match pace.pass(Instant::now()) {
                        true => self.message(&text).await,
                        false => Err(Ended::TooFast),
                    };
                    if let Err(why) = said {
                        self.refuse(&why).await;
                        return Err(why);
                    }
                }
                Event::News(news) => self.changed(news).await?,
                Event::Pulse => {
                    if let Err(why) = self.prove().await {
                        self.refuse(&why).await;
                        return Err(why);
                    }
                    self.say(&Told::Ping).await?;
                }
            }
        }
    }

    /// What happened. News come first, but never twice in a row before the others were looked at.
    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Event> {
        let heard = std::mem::take(&mut self.heard);
        if heard && let Poll::Ready(event) = self.poll_seldom() {
            return Poll::Ready(event);
        }
        if let Poll::Ready(news) = self.follower.poll_next(cx) {
            self.heard = true;
            return Poll::Ready(Event::News(news));
        }
        // Also what was woken before the task was to be woken for it.
        self.poll_seldom()
    }

    fn poll_seldom(&mut self) -> Poll<Event> {
        let Self { follower, stop, line, pulse, .. } = self;
        follower.poll_seldom(|cx| {
            if stop.poll_unpin(cx).is_ready() {
                return Poll::Ready(Event::Stop);
            }
            if let Poll::Ready(said) = line.poll_next_unpin(cx) {
                return Poll::Ready(said.map_or(Event::Gone, Event::Said));
            }
            pulse.poll_tick(cx).map(|_| Event::Pulse)
        })
    }

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
        self.send(text.into()).await
    }

    /// Tells what a person would see differently.
    async fn changed(&mut self, news: News) -> Result<(), Ended> {
        match self.change(news) {
            Some(text) => self.send(text).await,
            None => Ok(()),
        }
    }

    fn change(&mut self, news: News) -> Option<Text> {
        let only = self.locations.as_ref();
        let mut figures = news.figures;
        figures.retain(|f| self.told.get(&f.no()).is_none_or(|old| !old.same(f, only)));
        if figures.is_empty() {
            return None;
        }
        let which = Which { after: self.upto, upto: self.upto.max(news.upto) };
        self.upto = which.upto;
        let make = || {
            let Which { after, upto } = which;
            let kind = format!("\"changes\",\"after\":{after},\"upto\":{upto}");
            self.text_of(&kind, &figures)
        };
        let text = match &figures[..] {
            [figure] if self.locations.is_none() => figure.message(which, make),
            _ => make().into(),
        };
        self.told.extend(figures.into_iter().map(|f| (f.no(), f)));
        Some(text)
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
        self.send(text_of(told).into()).await
    }

    /// A reader that takes nothing holds a place and the figures of its items: not for long.
    async fn send(&mut self, text: Text) -> Result<(), Ended> {
        let mut sending = self.line.send(text);
        // Most lines take it at once, and need no timer.
        if let Some(sent) = (&mut sending).now_or_never() {
            return sent.map_err(|_| Ended::Gone);
        }
        match tokio::time::timeout(self.bounds.send, sending).await {
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
