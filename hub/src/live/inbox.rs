//! What waits for one follower: of each item the newest figure, and whether it must look again.
//!
//! Invariant: it holds at most one figure an item, and of followers of everything at most
//! [`EVERYTHING_MAX`]; beyond that it says that anything may have changed.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use oneshelf_domain::stock::ItemNo;
use tokio::sync::Notify;

use super::Figure;

/// Figures that wait for a follower of everything.
pub const EVERYTHING_MAX: usize = 10_000;

/// See the module.
#[derive(Debug, Default)]
pub(super) struct Inbox {
    waiting: Mutex<Waiting>,
    pub(super) bell: Notify,
}

/// What is new.
#[derive(Debug, Default)]
pub struct Waiting {
    /// Of each item that changed the newest figure.
    pub figures: BTreeMap<ItemNo, Arc<Figure>>,
    /// Any item may have changed: whoever follows everything reads again what it told.
    pub anything: bool,
}

impl Inbox {
    /// The newest figure takes the place of one that waits.
    pub(super) fn put(&self, figure: &Arc<Figure>) {
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        if waiting.figures.len() >= EVERYTHING_MAX {
            *waiting = Waiting { anything: true, ..Waiting::default() };
        }
        waiting.figures.insert(figure.no(), Arc::clone(figure));
    }

    /// Says that anything may have changed.
    pub(super) fn doubt(&self) {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner).anything = true;
    }

    /// What waits; none: nothing does.
    pub(super) fn take(&self) -> Option<Waiting> {
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        let something = waiting.anything || !waiting.figures.is_empty();
        something.then(|| std::mem::take(&mut *waiting))
    }
}

#[cfg(test)]
mod tests {
    use oneshelf_domain::Sku;
    use oneshelf_domain::promise::Shown;

    use super::*;
    use crate::shown::ShownItem;

    fn figure(no: i64, count: i64) -> Arc<Figure> {
        let (sku, total) = (Sku::new("MUG").unwrap(), Shown::Exact { count, more: false });
        Arc::new(Figure::new(ItemNo(no), ShownItem { sku, total, locations: vec![] }))
    }

    #[test]
    fn the_newest_figure_of_an_item_waits_and_no_queue() {
        let inbox = Inbox::default();
        assert!(inbox.take().is_none());
        for count in 0..1_000 {
            inbox.put(&figure(1, count));
        }
        inbox.put(&figure(2, 5));
        let taken = inbox.take().unwrap();
        let counts: Vec<_> = taken.figures.values().map(|f| f.shown().total).collect();
        let exact = |count| Shown::Exact { count, more: false };
        assert_eq!((counts, taken.anything), (vec![exact(999), exact(5)], false));
        assert!(inbox.take().is_none());
    }

    #[test]
    fn who_takes_nothing_is_told_to_look_again() {
        let inbox = Inbox::default();
        for no in 0..25_000 {
            inbox.put(&figure(no, 1));
        }
        let taken = inbox.take().unwrap();
        assert!(taken.anything && taken.figures.len() <= EVERYTHING_MAX);
    }
}
