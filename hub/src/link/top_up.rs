//! Which items of a store need share, and of which some is wanted back.
//!
//! What a frame tells is taken from the frame. A policy alone changes no row of stock, and a grant
//! that was not taken in leaves none: then the whole shelf is looked at, page by page, as it is
//! when a session opens. A hint only; the command, or the agent, decides again.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::ops::Bound;

use oneshelf_domain::Sku;
use oneshelf_domain::record::Records;
use oneshelf_domain::stock::{ItemNo, LocationNo, Stock, StockKey};
use oneshelf_protocol::replica::Row;
use oneshelf_sync::hub::{Balance, balance};

use crate::store::read::free;
use crate::store::{Store, StoreError};

/// Items that lack share or owe it, as far as they are known, and how far the shelf was looked at.
#[derive(Debug)]
pub(super) struct TopUps {
    waiting: VecDeque<(ItemNo, Sku)>,
    /// The shelf is still to be looked at behind this item; none: all of it was.
    behind: Option<ItemNo>,
    /// A grant was not taken in.
    missed: bool,
    /// Items of which units are wanted back, until the rows say that they came.
    wanted: BTreeMap<ItemNo, Sku>,
    /// Those of them that nobody was asked for yet.
    new: BTreeSet<ItemNo>,
    /// Where the asking goes on.
    asked: ItemNo,
}

impl Default for TopUps {
    fn default() -> Self {
        Self {
            waiting: VecDeque::new(),
            behind: None,
            missed: false,
            wanted: BTreeMap::new(),
            new: BTreeSet::new(),
            asked: ItemNo(0),
        }
    }
}

impl TopUps {
    /// A session opened: what the one before it left is found again.
    pub(super) fn begin(&mut self) {
        *self = Self { behind: Some(ItemNo(0)), ..Self::default() };
    }

    /// A grant was not taken in: the shelf is looked at again, in a while.
    pub(super) fn missed(&mut self) {
        self.missed = true;
    }

    /// A while has passed, and these items are not kept any more.
    pub(super) fn try_missed(&mut self, no_longer_kept: impl IntoIterator<Item = (ItemNo, Sku)>) {
        self.waiting.extend(no_longer_kept);
        if std::mem::take(&mut self.missed) {
            self.behind = Some(ItemNo(0));
        }
    }

    /// The next item, for one grant.
    pub(super) fn next(&mut self) -> Option<(ItemNo, Sku)> {
        self.waiting.pop_front()
    }

    /// True when a page of the shelf is to be read now.
    pub(super) fn may_look(&self) -> bool {
        self.behind.is_some() && self.waiting.is_empty()
    }

    /// An item is recalled for a claim: a grant that waits does not go.
    pub(super) fn not_now(&mut self, item: ItemNo) {
        self.waiting.retain(|(no, _)| *no != item);
    }

    /// Items of which units are newly wanted back, at most so many; the rest has its turn later.
    pub(super) fn newly_wanted(&mut self, most: usize) -> Vec<(ItemNo, Sku)> {
        let new = std::mem::take(&mut self.new).into_iter().take(most);
        new.filter_map(|no| Some((no, self.wanted.get(&no)?.clone()))).collect()
    }

    /// The next items of which units are still wanted back, at most so many: all in turn.
    pub(super) fn still_wanted(&mut self, most: usize) -> Vec<(ItemNo, Sku)> {
        let behind = (Bound::Excluded(self.asked), Bound::Unbounded);
        let mut some: Vec<_> =
            self.wanted.range(behind).take(most).map(|(no, sku)| (*no, sku.clone())).collect();
        if some.len() < most {
            let rest = most - some.len();
            let first = self.wanted.range(..=self.asked).take(rest);
            some.extend(first.map(|(no, sku)| (*no, sku.clone())));
        }
        self.asked = some.last().map_or(ItemNo(0), |(no, _)| *no);
        some
    }

    /// Nothing more is wanted back of an item.
    pub(super) fn settled(&mut self, item: ItemNo) {
        self.wanted.remove(&item);
    }

    /// Takes from a frame what lacks share or owes it; what is `kept` gets none now. True when
    /// something is newly wanted back.
    pub(super) fn told(
        &mut self,
        records: &Records,
        location: LocationNo,
        rows: &[Row],
        numbers: &BTreeMap<Sku, ItemNo>,
        kept: &BTreeSet<ItemNo>,
    ) -> bool {
        let policy = |row: &Row| match row {
            Row::Record { key, .. } => key.starts_with("share/") || key.starts_with("walk_in/"),
            _ => false,
        };
        if rows.iter().any(policy) {
            self.behind = Some(ItemNo(0));
        }
        // The look from the start will find these rows too.
        if self.behind == Some(ItemNo(0)) {
            return false;
        }
        let mut news = false;
        for row in rows {
            let Row::Stock { sku, balances, short } = row else { continue };
            let Some(no) = numbers.get(sku) else { continue };
            let stock = Stock { balances: *balances, short: *short, ..Stock::default() };
            news |= self.row(records, StockKey { item: *no, location }, (sku, &stock), kept);
        }
        news
    }

    fn row(
        &mut self,
        records: &Records,
        key: StockKey,
        (sku, stock): (&Sku, &Stock),
        kept: &BTreeSet<ItemNo>,
    ) -> bool {
        match balance(records, key, stock) {
            Balance::Recall(_) => {
                let new = self.wanted.insert(key.item, sku.clone()).is_none();
                if new {
                    self.new.insert(key.item);
                }
                new
            }
            other => {
                self.wanted.remove(&key.item);
                if other == Balance::Grant && !kept.contains(&key.item) {
                    self.waiting.push_back((key.item, sku.clone()));
                }
                false
            }
        }
    }

    /// Reads the next page of the shelf. True when something is wanted back.
    ///
    /// # Errors
    /// When the database does not answer.
    pub(super) async fn look(
        &mut self,
        store: &Store,
        records: &Records,
        location: LocationNo,
        kept: &BTreeSet<ItemNo>,
    ) -> Result<bool, StoreError> {
        let Some(behind) = self.behind else { return Ok(false) };
        let page = free::page(store, location, behind).await?;
        self.behind = page.last().map(|row| row.item);
        let mut news = false;
        for row in page {
            let key = StockKey { item: row.item, location };
            news |= self.row(records, key, (&row.sku, &row.stock), kept);
        }
        Ok(news)
    }
}
