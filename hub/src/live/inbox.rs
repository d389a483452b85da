//! What waits for one follower: of each item the newest figure, and whether it must look again.
//!
//! It is also the gate before what seldom happens to the follower: its line, its timer, the hub's
//! stop. A task that tells thousands of figures a second looks at those only when they were woken,
//! because a look costs as much as writing a figure; and at one place, because each further one is
//! out of the processor's cache by its next turn.
//!
//! Invariant: it holds at most one figure an item, and of followers of everything at most
//! [`EVERYTHING_MAX`]; beyond that it says that anything may have changed. Whoever found nothing is
//! woken by the next ring, and by what is woken behind the gate.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Wake, Waker};

use oneshelf_domain::stock::ItemNo;

use super::Figure;

/// Figures that wait for a follower of everything.
pub const EVERYTHING_MAX: usize = 10_000;

/// See the module.
#[derive(Debug, Default)]
pub(super) struct Inbox {
    inner: Mutex<Inner>,
    /// Something behind the gate was woken.
    woken: AtomicBool,
}

#[derive(Debug, Default)]
struct Inner {
    waiting: Waiting,
    /// Who found nothing.
    waker: Option<Waker>,
}

/// What is new.
#[derive(Debug, Default)]
pub(super) struct Waiting {
    /// The first item that changed: most followers have no other.
    first: Option<Arc<Figure>>,
    /// Of each other one the newest figure.
    more: BTreeMap<ItemNo, Arc<Figure>>,
    /// Any item may have changed: whoever follows everything reads again what it told.
    pub(super) anything: bool,
}

impl Waiting {
    /// The newest figures of the items that changed.
    pub(super) fn figures(self) -> Vec<Arc<Figure>> {
        self.first.into_iter().chain(self.more.into_values()).collect()
    }

    fn put(&mut self, figure: &Arc<Figure>) {
        match &mut self.first {
            Some(first) if first.no() == figure.no() => *first = Arc::clone(figure),
            Some(_) => {
                self.more.insert(figure.no(), Arc::clone(figure));
            }
            None => self.first = Some(Arc::clone(figure)),
        }
    }

    fn is_something(&self) -> bool {
        self.anything || self.first.is_some()
    }
}

impl Inbox {
    /// The newest figure takes the place of one that waits.
    pub(super) fn put(&self, figure: &Arc<Figure>) {
        let waiting = &mut self.inner().waiting;
        if waiting.more.len() >= EVERYTHING_MAX {
            *waiting = Waiting { anything: true, ..Waiting::default() };
        }
        waiting.put(figure);
    }

    /// Says that anything may have changed.
    pub(super) fn doubt(&self) {
        self.inner().waiting.anything = true;
    }

    /// What waits; none: nothing does.
    pub(super) fn take(&self) -> Option<Waiting> {
        let waiting = &mut self.inner().waiting;
        waiting.is_something().then(|| std::mem::take(waiting))
    }

    /// What waits, or a place to be rung at. One task at a time waits here.
    pub(super) fn poll(&self, cx: &mut Context<'_>) -> Poll<Waiting> {
        let mut inner = self.inner();
        if inner.waiting.is_something() {
            return Poll::Ready(std::mem::take(&mut inner.waiting));
        }
        match &inner.waker {
            Some(waker) if waker.will_wake(cx.waker()) => {}
            _ => inner.waker = Some(cx.waker().clone()),
        }
        Poll::Pending
    }

    /// Wakes who found nothing.
    pub(super) fn ring(&self) {
        let waker = self.inner().waker.take();
        if let Some(waker) = waker {
            waker.wake();
        }
    }

    /// Looks behind the gate with the inbox's own waker, when something there was woken. Whoever
    /// goes to sleep registers first, by [`Inbox::poll`].
    pub(super) fn look<T>(
        &self,
        waker: &Waker,
        look: impl FnOnce(&mut Context<'_>) -> Poll<T>,
    ) -> Poll<T> {
        if !self.woken.load(Ordering::Acquire) {
            return Poll::Pending;
        }
        self.woken.store(false, Ordering::Release);
        let looked = look(&mut Context::from_waker(waker));
        if looked.is_ready() {
            // The others behind it were not looked at.
            self.woken.store(true, Ordering::Release);
        }
        looked
    }

    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Wake for Inbox {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        self.woken.store(true, Ordering::Release);
        self.ring();
    }
}

#[cfg(test)]
mod tests {
    use std::future::{Future, poll_fn};

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
            inbox.put(&figure(2, count + 5));
        }
        let taken = inbox.take().unwrap();
        assert!(!taken.anything);
        let counts: Vec<_> = taken.figures().iter().map(|f| f.shown().total).collect();
        let exact = |count| Shown::Exact { count, more: false };
        assert_eq!(counts, vec![exact(999), exact(1_004)]);
        assert!(inbox.take().is_none());
    }

    #[test]
    fn who_takes_nothing_is_told_to_look_again() {
        let inbox = Inbox::default();
        for no in 0..25_000 {
            inbox.put(&figure(no, 1));
        }
        let taken = inbox.take().unwrap();
        assert!(taken.anything && taken.figures().len() <= EVERYTHING_MAX + 1);
    }

    #[tokio::test]
    async fn who_found_nothing_is_woken() {
        let inbox = Arc::new(Inbox::default());
        let (asks, asked) = tokio::sync::oneshot::channel();
        let waits = Arc::clone(&inbox);
        let task = tokio::spawn(async move {
            let mut asks = Some(asks);
            poll_fn(move |cx| {
                let polled = waits.poll(cx);
                asks.take().map(|asks| asks.send(()));
                polled
            })
            .await
        });
        asked.await.unwrap();
        inbox.ring();
        inbox.put(&figure(1, 7));
        inbox.ring();
        assert_eq!(task.await.unwrap().figures().len(), 1);
    }

    #[tokio::test]
    async fn what_was_woken_is_looked_at_and_nothing_else_is() {
        let inbox = Arc::new(Inbox::default());
        let waker = Waker::from(Arc::clone(&inbox));
        waker.wake_by_ref();
        let (says, mut said) = tokio::sync::oneshot::channel::<i32>();
        let (mut looks, mut polls, mut says) = (0, 0, Some(says));
        let heard = poll_fn(|cx| {
            polls += 1;
            assert!(inbox.poll(cx).is_pending());
            let polled = inbox.look(&waker, |cx| {
                looks += 1;
                std::pin::Pin::new(&mut said).poll(cx)
            });
            match polls {
                // Rings that nobody behind the gate asked for.
                1..5 => inbox.ring(),
                5 => says.take().unwrap().send(7).unwrap(),
                _ => {}
            }
            polled
        });
        assert_eq!(heard.await, Ok(7));
        assert_eq!((looks, polls), (2, 6));
        assert!(inbox.look(&waker, |_| Poll::Ready(())).is_ready(), "others may wait there");
    }
}
