//! The figures that one client listens to, from the board of live stock.
//!
//! It knows filters and figures, no packets. Invariant: what is told of a figure is never older
//! than what was told of it before.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use bytes::Bytes;
use oneshelf_domain::stock::ItemNo;
use oneshelf_domain::{LocationCode, Sku};
use oneshelf_sync::mqtt::{StockFilter, VALUES_MAX};

use crate::app::App;
use crate::live::{Figure, Follower, Listener, News};
use crate::shown::Audience;
use crate::store::StoreError;
use crate::store::read::items;

/// Items that are looked up at once.
const PAGE: usize = 500;

/// A figure to be told.
pub(super) struct Told {
    pub(super) location: LocationCode,
    pub(super) sku: Sku,
    pub(super) payload: Bytes,
}

/// See the module.
pub(super) struct Figures {
    app: App,
    audience: Audience,
    follower: Option<Follower>,
    /// Every item is followed; otherwise those that were named.
    everything: bool,
    told: HashMap<ItemNo, Arc<Figure>>,
    /// All items that were ever told.
    heard: BTreeSet<ItemNo>,
    /// No figure that was read by itself is newer than this version.
    read_at: i64,
}

/// What a client is to be told after a SUBSCRIBE.
#[derive(Default)]
pub(super) struct Heard {
    /// What changed for filters that it had.
    pub(super) news: Vec<Told>,
    /// What is there now for the new ones.
    pub(super) current: Vec<Told>,
}

impl Figures {
    /// For somebody who listens to nothing yet; none: it may not listen at all.
    pub(super) async fn of(app: &App, listener: &Listener) -> Result<Option<Self>, StoreError> {
        let audience = listener.audience(app).await?;
        Ok(audience.map(|audience| Self {
            app: app.clone(),
            audience,
            follower: None,
            everything: false,
            told: HashMap::new(),
            heard: BTreeSet::new(),
            read_at: 0,
        }))
    }

    /// Whether it may still listen. One that is shown something else from now on starts anew.
    pub(super) async fn prove(&mut self, listener: &Listener) -> Result<Proof, StoreError> {
        let Some(audience) = listener.audience(&self.app).await? else { return Ok(Proof::Gone) };
        if audience == self.audience {
            return Ok(Proof::Same);
        }
        self.audience = audience;
        (self.follower, self.everything) = (None, false);
        self.told.clear();
        self.heard.clear();
        Ok(Proof::Other)
    }

    /// Follows what the filters take. Gives the figures of now that the new ones take, and what
    /// else was found to have changed meanwhile.
    pub(super) async fn listen(
        &mut self,
        filters: &[StockFilter],
        new: &[StockFilter],
    ) -> Result<Heard, StoreError> {
        let mut heard = Heard::default();
        let figures = match self.named(filters).await? {
            Some(items) => {
                if self.everything || self.follower.is_none() {
                    self.follower = Some(self.app.board.follower(self.audience.clone()));
                    self.everything = false;
                }
                match &mut self.follower {
                    Some(follower) => follower.follow(items).await?.figures,
                    None => vec![],
                }
            }
            None => {
                if !self.everything {
                    self.follower = Some(self.app.board.everything(self.audience.clone()));
                    self.everything = true;
                    // What waited for the follower before it is read again.
                    let known: Vec<ItemNo> = self.heard.iter().copied().collect();
                    for figure in self.read(&known).await? {
                        let before = self.told.get(&figure.no()).cloned();
                        heard.news.extend(values(&figure, before.as_deref(), filters));
                        self.remember(figure);
                    }
                }
                self.now(new).await?
            }
        };
        for figure in figures {
            if let Some(before) = self.told.get(&figure.no()).cloned() {
                heard.news.extend(values(&figure, Some(&before), filters));
            }
            heard.current.extend(values(&figure, None, new));
            self.remember(figure);
        }
        heard.current.truncate(VALUES_MAX);
        Ok(heard)
    }

    /// The items that the filters name; none: they take more than can be named.
    async fn named(&self, filters: &[StockFilter]) -> Result<Option<BTreeSet<ItemNo>>, StoreError> {
        let skus: Vec<Sku> = filters.iter().filter_map(|filter| filter.sku.clone()).collect();
        if skus.len() < filters.len() {
            return Ok(None);
        }
        // An item that is not there yet may come: whoever names it follows everything.
        let numbers = self.app.items.of(&self.app.store, &skus).await?;
        Ok(numbers.into_iter().collect())
    }

    /// Waits for news; for ever while nothing is followed.
    pub(super) async fn next(&mut self) -> News {
        match &mut self.follower {
            Some(follower) => follower.next().await,
            None => std::future::pending().await,
        }
    }

    /// What the news change for these filters.
    pub(super) async fn news(
        &mut self,
        news: News,
        filters: &[StockFilter],
    ) -> Result<Vec<Told>, StoreError> {
        let mut figures = news.figures;
        if news.anything || news.upto < self.read_at {
            // What waited may be older than what was read since, or not be all.
            let mut items: BTreeSet<ItemNo> = figures.iter().map(|figure| figure.no()).collect();
            if news.anything {
                items.extend(&self.heard);
            }
            figures = self.read(&items.into_iter().collect::<Vec<_>>()).await?;
        }
        let mut told = vec![];
        for figure in figures {
            let before = self.told.get(&figure.no()).cloned();
            told.extend(values(&figure, before.as_deref(), filters));
            self.remember(figure);
        }
        Ok(told)
    }

    /// The figures that some filters take, by number of the item, as many as are told at once.
    async fn now(&mut self, new: &[StockFilter]) -> Result<Vec<Arc<Figure>>, StoreError> {
        let skus: Vec<Sku> = new.iter().filter_map(|filter| filter.sku.clone()).collect();
        if skus.len() == new.len() {
            let numbers = self.app.items.of(&self.app.store, &skus).await?;
            let items: Vec<ItemNo> = numbers.into_iter().flatten().collect();
            return self.read(&items).await;
        }
        let (mut figures, mut count, mut after) = (vec![], 0, ItemNo(0));
        while count < VALUES_MAX {
            let mut tx = self.app.store.read().await?;
            let page = items::active_after(&mut tx, after, PAGE).await?;
            tx.rollback().await?;
            let Some(last) = page.last() else { break };
            after = *last;
            for figure in self.read(&page).await? {
                count += values(&figure, None, new).count();
                figures.push(figure);
            }
        }
        Ok(figures)
    }

    async fn read(&mut self, items: &[ItemNo]) -> Result<Vec<Arc<Figure>>, StoreError> {
        let (_, figures) = self.app.board.current(&self.audience, items).await?;
        // No figure of these is newer.
        self.read_at = self.app.follow.seen().version.0.max(self.read_at);
        Ok(figures)
    }

    fn remember(&mut self, figure: Arc<Figure>) {
        self.heard.insert(figure.no());
        // Who forgets tells a figure once more than it had to.
        if self.told.len() >= VALUES_MAX && !self.told.contains_key(&figure.no()) {
            self.told.clear();
        }
        self.told.insert(figure.no(), figure);
    }
}

/// Whether a listener may still listen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Proof {
    /// To the same.
    Same,
    /// To something else.
    Other,
    /// No.
    Gone,
}

/// The values of a figure that differ from one told before and that a filter takes.
fn values<'a>(
    figure: &'a Figure,
    before: Option<&'a Figure>,
    filters: &'a [StockFilter],
) -> impl Iterator<Item = Told> + 'a {
    let sku = &figure.shown().sku;
    let taken = move |location: &LocationCode| filters.iter().any(|f| f.takes(location, sku));
    figure.changed(before).filter(move |(shown, _)| taken(&shown.location)).map(|(shown, text)| {
        // The location's JSON is an object: the SKU goes in front of its first field.
        let sku_text = serde_json::Value::from(sku.as_str());
        let rest = text.strip_prefix('{').unwrap_or(text);
        let payload = Bytes::from(format!("{{\"sku\":{sku_text},{rest}"));
        Told { location: shown.location.clone(), sku: sku.clone(), payload }
    })
}
