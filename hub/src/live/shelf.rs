//! What the board remembers: rows of items that somebody follows, their figures by audience, and
//! who follows them. No clock, no database.
//!
//! Invariant: a figure is made from the newest rows that were read, and nothing is remembered of
//! an item that nobody follows.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use oneshelf_domain::Timestamp;
use oneshelf_domain::stock::ItemNo;

use super::Figure;
use super::inbox::Inbox;
use crate::shown::{Audience, Moment};
use crate::store::read::figures::ItemStock;

/// How old a figure may be that somebody new is shown: its times are those of when it was made.
const AGE_MAX_MS: i64 = 1_000;

/// See the module.
#[derive(Default)]
pub(super) struct State {
    items: HashMap<ItemNo, Followed>,
    everything: HashMap<u64, Everything>,
    /// Who has news and was not rung yet.
    ringing: Vec<Arc<Inbox>>,
}

struct Everything {
    audience: Arc<Audience>,
    inbox: Arc<Inbox>,
}

/// An item that somebody follows.
#[derive(Default)]
struct Followed {
    /// The newest rows, and the version of that reading.
    stock: Option<(i64, ItemStock)>,
    /// One for each audience: there are as many as display policies and channels.
    shelves: Vec<Shelf>,
}

/// An item as one audience sees it.
struct Shelf {
    audience: Arc<Audience>,
    figure: Option<(Timestamp, Arc<Figure>)>,
    followers: HashMap<u64, Arc<Inbox>>,
}

impl State {
    /// Adds a follower to items; gives those that nobody has read yet.
    pub(super) fn enter(
        &mut self,
        name: u64,
        audience: &Arc<Audience>,
        inbox: &Arc<Inbox>,
        items: &BTreeSet<ItemNo>,
    ) -> Vec<ItemNo> {
        let mut missing = vec![];
        for no in items {
            let followed = self.items.entry(*no).or_default();
            if followed.stock.is_none() {
                missing.push(*no);
            }
            let shelf = followed.shelf(audience);
            shelf.followers.insert(name, Arc::clone(inbox));
        }
        missing
    }

    /// Takes a follower from items.
    pub(super) fn leave(&mut self, name: u64, items: &[ItemNo]) {
        for no in items {
            let Some(followed) = self.items.get_mut(no) else { continue };
            for shelf in &mut followed.shelves {
                shelf.followers.remove(&name);
            }
            followed.shelves.retain(|shelf| !shelf.followers.is_empty());
            if followed.shelves.is_empty() {
                self.items.remove(no);
            }
        }
    }

    pub(super) fn enter_everything(
        &mut self,
        name: u64,
        audience: &Arc<Audience>,
        inbox: &Arc<Inbox>,
    ) {
        let (audience, inbox) = (Arc::clone(audience), Arc::clone(inbox));
        self.everything.insert(name, Everything { audience, inbox });
    }

    pub(super) fn leave_everything(&mut self, name: u64) {
        self.everything.remove(&name);
    }

    /// Which of these somebody follows.
    pub(super) fn followed_of(&self, items: &BTreeSet<ItemNo>) -> Vec<ItemNo> {
        let wanted = |no: &&ItemNo| !self.everything.is_empty() || self.items.contains_key(no);
        items.iter().filter(wanted).copied().collect()
    }

    /// All that somebody follows by name.
    pub(super) fn followed(&self) -> Vec<ItemNo> {
        self.items.keys().copied().collect()
    }

    /// All that somebody follows, when these are few and nobody follows everything.
    pub(super) fn few(&self, most: usize) -> Option<Vec<ItemNo>> {
        (self.everything.is_empty() && self.items.len() <= most).then(|| self.followed())
    }

    /// Nobody follows anything.
    pub(super) fn is_idle(&self) -> bool {
        self.items.is_empty() && self.everything.is_empty()
    }

    /// Tells those who follow everything of items that changed.
    pub(super) fn tell_everything(&mut self, moment: &Moment<'_>, stock: &[ItemStock]) {
        // Few audiences follow everything, often one: its figures are made once.
        let mut made: Vec<(&Arc<Audience>, Vec<Arc<Figure>>)> = vec![];
        for one in self.everything.values() {
            let known = made.iter().position(|(audience, _)| **audience == one.audience);
            let at = known.unwrap_or_else(|| {
                let figures = stock.iter().map(|i| figure_of(moment, &one.audience, i));
                made.push((&one.audience, figures.collect()));
                made.len() - 1
            });
            made[at].1.iter().for_each(|figure| one.inbox.put(figure));
            self.ringing.push(Arc::clone(&one.inbox));
        }
    }

    /// Takes rows in that were read at a version, and puts what changed into the inboxes.
    pub(super) fn put(&mut self, moment: &Moment<'_>, version: i64, stock: Vec<ItemStock>) {
        for stock in stock {
            let Some(followed) = self.items.get_mut(&stock.no) else { continue };
            if followed.stock.as_ref().is_some_and(|(at, _)| *at > version) {
                continue;
            }
            for shelf in &mut followed.shelves {
                let figure = figure_of(moment, &shelf.audience, &stock);
                shelf.put(moment.now(), figure, &mut self.ringing);
            }
            followed.stock = Some((version, stock));
        }
    }

    /// Forgets how new the rows are: the database went back.
    pub(super) fn distrust(&mut self) {
        for (at, _) in self.items.values_mut().filter_map(|f| f.stock.as_mut()) {
            *at = 0;
        }
    }

    /// Makes every figure anew from the rows that are here: settings or lines changed.
    pub(super) fn refresh(&mut self, moment: &Moment<'_>) {
        for followed in self.items.values_mut() {
            let Some((_, stock)) = &followed.stock else { continue };
            for shelf in &mut followed.shelves {
                let figure = figure_of(moment, &shelf.audience, stock);
                shelf.put(moment.now(), figure, &mut self.ringing);
            }
        }
        self.doubt();
    }

    /// Tells those who follow everything that anything may have changed.
    pub(super) fn doubt(&mut self) {
        for one in self.everything.values() {
            one.inbox.doubt();
            self.ringing.push(Arc::clone(&one.inbox));
        }
    }

    /// The figures of some items as of now, in the order of their SKUs.
    pub(super) fn figures(
        &mut self,
        moment: &Moment<'_>,
        audience: &Arc<Audience>,
        items: &BTreeSet<ItemNo>,
    ) -> Vec<Arc<Figure>> {
        let mut figures = vec![];
        for no in items {
            let Some(followed) = self.items.get_mut(no) else { continue };
            let Some((_, stock)) = &followed.stock else { continue };
            let same = |shelf: &&mut Shelf| shelf.audience == *audience;
            let Some(shelf) = followed.shelves.iter_mut().find(same) else { continue };
            let figure = match &shelf.figure {
                Some((at, figure)) if moment.now() < at.plus_ms(AGE_MAX_MS) => Arc::clone(figure),
                _ => {
                    let figure = figure_of(moment, audience, stock);
                    shelf.put(moment.now(), Arc::clone(&figure), &mut self.ringing);
                    figure
                }
            };
            figures.push(figure);
        }
        figures.sort_by(|a, b| a.shown().sku.cmp(&b.shown().sku));
        figures
    }

    /// Those who have news, to be rung outside of the lock.
    pub(super) fn take_ringing(&mut self) -> Vec<Arc<Inbox>> {
        std::mem::take(&mut self.ringing)
    }
}

impl Followed {
    fn shelf(&mut self, audience: &Arc<Audience>) -> &mut Shelf {
        let found = self.shelves.iter().position(|shelf| shelf.audience == *audience);
        let at = found.unwrap_or_else(|| {
            let (audience, followers) = (Arc::clone(audience), HashMap::new());
            self.shelves.push(Shelf { audience, figure: None, followers });
            self.shelves.len() - 1
        });
        &mut self.shelves[at]
    }
}

impl Shelf {
    /// Takes a figure in; its followers are told when a person would see something else.
    fn put(&mut self, now: Timestamp, figure: Arc<Figure>, ringing: &mut Vec<Arc<Inbox>>) {
        let news = self.figure.as_ref().is_none_or(|(_, was)| !was.same(&figure, None));
        if news {
            for inbox in self.followers.values() {
                inbox.put(&figure);
                ringing.push(Arc::clone(inbox));
            }
        }
        self.figure = Some((now, figure));
    }
}

fn figure_of(moment: &Moment<'_>, audience: &Audience, stock: &ItemStock) -> Arc<Figure> {
    Arc::new(Figure::new(stock.no, moment.item(audience, stock)))
}
