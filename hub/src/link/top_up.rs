//! Which items of a store need share: its policy says more than it has, and units are free.
//!
//! What a frame tells is taken from the frame. A policy alone changes no row of stock, and a grant
//! that was not taken in leaves none: then the whole shelf is looked at, page by page, as it is
//! when a session opens. A hint only; the command decides again.

use std::collections::{BTreeMap, VecDeque};

use oneshelf_domain::Sku;
use oneshelf_domain::record::Records;
use oneshelf_domain::stock::{ItemNo, LocationNo, Place};
use oneshelf_protocol::replica::Row;

use crate::store::read::free;
use crate::store::{Store, StoreError};

/// Items that lack share, as far as they are known, and how far the shelf was looked at.
#[derive(Debug, Default)]
pub(super) struct TopUps {
    waiting: VecDeque<(ItemNo, Sku)>,
    /// The shelf is still to be looked at behind this item; none: all of it was.
    behind: Option<ItemNo>,
    /// A grant was not taken in.
    missed: bool,
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

    /// A while has passed.
    pub(super) fn try_missed(&mut self) {
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

    /// Takes from a frame what lacks share.
    pub(super) fn told(
        &mut self,
        records: &Records,
        location: LocationNo,
        rows: &[Row],
        numbers: &BTreeMap<Sku, ItemNo>,
    ) {
        let policy =
            |row: &Row| matches!(row, Row::Record { key, .. } if key.starts_with("share/"));
        if rows.iter().any(policy) {
            self.behind = Some(ItemNo(0));
        }
        // The look from the start will find these rows too.
        if self.behind == Some(ItemNo(0)) || records.of_kind("share").next().is_none() {
            return;
        }
        for row in rows {
            let Row::Stock { sku, balances, .. } = row else { continue };
            let Some(no) = numbers.get(sku) else { continue };
            let share = balances[Place::StoreShare.index()];
            let available = balances[Place::Available.index()];
            if available > 0 && share < records.share_units(location, *no) {
                self.waiting.push_back((*no, sku.clone()));
            }
        }
    }

    /// Reads the next page of the shelf.
    ///
    /// # Errors
    /// When the database does not answer.
    pub(super) async fn look(
        &mut self,
        store: &Store,
        records: &Records,
        location: LocationNo,
    ) -> Result<(), StoreError> {
        let Some(behind) = self.behind else { return Ok(()) };
        if records.of_kind("share").next().is_none() {
            self.behind = None;
            return Ok(());
        }
        let page = free::page(store, location, behind).await?;
        self.behind = page.last().map(|row| row.item);
        let lacks = |row: &free::Free| row.share < records.share_units(location, row.item);
        self.waiting.extend(page.into_iter().filter(lacks).map(|row| (row.item, row.sku)));
        Ok(())
    }
}
