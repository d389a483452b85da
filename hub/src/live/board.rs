//! The board: the figures that somebody follows, read and encoded once for all followers.
//!
//! One task reads what each commit changed, in one pass for all audiences, and puts every figure
//! that a person would see differently into the inboxes of its followers. Whoever opens a
//! [`Follower`] gets the figures of now, then the newest ones, never a queue. It knows no
//! connection and no message; SSE, WebSocket and MQTT are written on top of it.
//!
//! How to follow:
//! - some items: [`Board::follower`], then [`Follower::follow`] gives their figures of now, and
//!   [`Follower::next`] those that changed since;
//! - everything: [`Board::everything`]; [`News::anything`] says that more may have changed than is
//!   told one by one (settings, or a follower that was slow), so what was told must be read again;
//! - once: [`Board::current`].
//!
//! A [`Figure`] carries its JSON, whole and by location, and [`Figure::changed`] tells where it
//! differs from one that was told before.
//!
//! Invariant: a follower that has taken its news at version `upto` was told every change of its
//! items up to there, or something newer.

use std::collections::BTreeSet;
use std::future::poll_fn;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use oneshelf_domain::stock::ItemNo;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use super::Figure;
use super::inbox::Inbox;
use super::shelf::State;
use super::teller;
use crate::shown::{Audience, Source};
use crate::store::StoreError;
use crate::store::read::figures;

/// Items of one read.
pub(super) const READ_ITEMS: usize = 500;
/// How long a new follower waits for what was committed before it came.
const WAIT_MAX: Duration = Duration::from_secs(1);

/// The handle; clones share it.
#[derive(Clone)]
pub struct Board(Arc<Inner>);

pub(super) struct Inner {
    source: Source,
    state: Mutex<State>,
    /// Everything up to this was told ...
    told: AtomicI64,
    /// ... and those who wait for it.
    upto: watch::Sender<i64>,
    names: AtomicU64,
}

/// What a follower is told.
#[derive(Debug)]
pub struct News {
    /// All changes up to this version were told.
    pub upto: i64,
    /// The newest figures of items that changed, by number.
    pub figures: Vec<Arc<Figure>>,
    /// More may have changed: whoever follows everything reads again what it told.
    pub anything: bool,
}

/// One who follows. Dropping it ends that.
pub struct Follower {
    board: Board,
    name: u64,
    audience: Arc<Audience>,
    items: BTreeSet<ItemNo>,
    everything: bool,
    inbox: Arc<Inbox>,
    /// Wakes the follower for what is behind its inbox's gate.
    waker: Waker,
}

impl Board {
    /// Starts reading; ends with the token.
    pub fn start(source: Source, stop: CancellationToken) -> Self {
        let version = source.follow.seen().version.0;
        let (upto, _) = watch::channel(version);
        let told = AtomicI64::new(version);
        let (state, names) = (Mutex::default(), AtomicU64::default());
        let board = Self(Arc::new(Inner { source, state, told, upto, names }));
        tokio::spawn(teller::run(board.clone(), stop));
        board
    }

    /// What figures are made from.
    pub fn source(&self) -> &Source {
        &self.0.source
    }

    /// The figures of some items now, with the version that they are true at.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn current(
        &self,
        audience: &Audience,
        items: &[ItemNo],
    ) -> Result<(i64, Vec<Arc<Figure>>), StoreError> {
        let mut shown = vec![];
        // The first read is the oldest, so all are true at its version or later.
        let mut upto = None;
        for part in items.chunks(READ_ITEMS) {
            let (version, stock) = self.0.source.stock(part).await?;
            upto.get_or_insert(version.0);
            let moment = self.0.source.moment();
            let made = |i: &figures::ItemStock| Figure::new(i.no, moment.item(audience, i));
            shown.extend(stock.iter().map(made).map(Arc::new));
        }
        Ok((upto.unwrap_or_else(|| self.upto()), shown))
    }

    /// Somebody who follows nothing yet.
    pub fn follower(&self, audience: Audience) -> Follower {
        let inbox = Arc::<Inbox>::default();
        let waker = Waker::from(Arc::clone(&inbox));
        // Nobody behind the gate was looked at yet.
        waker.wake_by_ref();
        Follower {
            board: self.clone(),
            name: self.0.names.fetch_add(1, Ordering::Relaxed),
            audience: Arc::new(audience),
            items: BTreeSet::new(),
            everything: false,
            inbox,
            waker,
        }
    }

    /// Somebody who follows every item from now on. Figures come as items change; whoever wants
    /// those of now asks for them ([`Board::current`]) after this.
    pub fn everything(&self, audience: Audience) -> Follower {
        let mut follower = self.follower(audience);
        follower.everything = true;
        let (name, audience) = (follower.name, &follower.audience);
        self.state().enter_everything(name, audience, &follower.inbox);
        follower
    }

    /// Items that somebody follows by name.
    pub fn items(&self) -> usize {
        self.state().followed().len()
    }

    pub(super) fn state(&self) -> MutexGuard<'_, State> {
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn reach(&self, upto: i64) {
        // Release and Acquire: who reads this version finds everything up to it in its inbox.
        self.0.told.store(upto, Ordering::Release);
        self.0.upto.send_replace(upto);
    }

    fn upto(&self) -> i64 {
        self.0.told.load(Ordering::Acquire)
    }

    /// Waits until everything that was committed before now is on the board; false: it took too
    /// long.
    async fn reached(&self) -> Result<bool, StoreError> {
        let wanted = self.0.source.store.head().await?.0.version.0;
        let mut upto = self.0.upto.subscribe();
        let there = upto.wait_for(|upto| *upto >= wanted);
        Ok(matches!(tokio::time::timeout(WAIT_MAX, there).await, Ok(Ok(_))))
    }

    /// Reads rows onto the board; `changed`: those who follow everything are told them.
    pub(super) async fn read(&self, items: &[ItemNo], changed: bool) -> Result<(), StoreError> {
        for part in items.chunks(READ_ITEMS) {
            let (version, stock) = self.0.source.stock(part).await?;
            let moment = self.0.source.moment();
            let mut state = self.state();
            if changed {
                state.tell_everything(&moment, &stock);
            }
            state.put(&moment, version.0, stock);
        }
        Ok(())
    }
}

impl Follower {
    /// Follows these items from now on and no others; gives their figures of now.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn follow(&mut self, items: BTreeSet<ItemNo>) -> Result<News, StoreError> {
        let gone: Vec<ItemNo> = self.items.difference(&items).copied().collect();
        self.items = items;
        let missing = {
            let mut state = self.board.state();
            state.leave(self.name, &gone);
            state.enter(self.name, &self.audience, &self.inbox, &self.items)
        };
        if self.board.reached().await? {
            self.board.read(&missing, false).await?;
        } else {
            let all: Vec<ItemNo> = self.items.iter().copied().collect();
            self.board.read(&all, false).await?;
        }
        let upto = self.board.upto();
        let moment = self.board.0.source.moment();
        let mut state = self.board.state();
        let figures = state.figures(&moment, &self.audience, &self.items);
        // What waits is in these figures; nobody puts more while the board is locked.
        let _ = self.inbox.take();
        drop(state);
        Ok(News { upto, figures, anything: false })
    }

    /// As [`Follower::follow`], for somebody who may see something else from now on.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn become_audience(&mut self, audience: Audience) -> Result<News, StoreError> {
        let all: Vec<ItemNo> = self.items.iter().copied().collect();
        self.board.state().leave(self.name, &all);
        self.audience = Arc::new(audience);
        self.follow(self.items.clone()).await
    }

    /// Who it is.
    pub fn audience(&self) -> &Audience {
        &self.audience
    }

    /// Waits for what changes. Nothing is lost when it is asked again before it answered.
    pub async fn next(&mut self) -> News {
        poll_fn(|cx| self.poll_next(cx)).await
    }

    /// As [`Follower::next`].
    pub(super) fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<News> {
        // First the version, then the figures: those up to it were put before it was said.
        let upto = self.board.upto();
        self.inbox.poll(cx).map(|waiting| {
            let anything = waiting.anything;
            News { upto, figures: waiting.figures(), anything }
        })
    }

    /// Looks at what seldom happens, when something of it was woken. Pending is a promise to be
    /// woken only after [`Follower::poll_next`] was.
    pub(super) fn poll_seldom<T>(&self, look: impl FnOnce(&mut Context<'_>) -> Poll<T>) -> Poll<T> {
        self.inbox.look(&self.waker, look)
    }
}

impl Drop for Follower {
    fn drop(&mut self) {
        let all: Vec<ItemNo> = self.items.iter().copied().collect();
        let mut state = self.board.state();
        state.leave(self.name, &all);
        if self.everything {
            state.leave_everything(self.name);
        }
    }
}
