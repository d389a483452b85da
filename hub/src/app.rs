//! What every request and socket of the hub may reach, in one value that is cheap to clone.
//!
//! Owns no behaviour of its own beside the numbers of items, which never change. It must not
//! know HTTP.

use std::collections::{BTreeMap, HashMap};
use std::ops::Deref;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use oneshelf_domain::stock::ItemNo;
use oneshelf_domain::{Sku, Timestamp};
use tokio_util::sync::CancellationToken;

use crate::auth::passwords::Hasher;
use crate::auth::rates::Gate;
use crate::channels;
use crate::commands::Commands;
use crate::exports::Exports;
use crate::follow::{Follow, Seen};
use crate::imports::Imports;
use crate::link::Links;
use crate::live::{Board, Sockets};
use crate::secrets::Secrets;
use crate::store::{Store, StoreError};
use crate::tls::Tls;

/// Tells the time.
pub type Clock = Arc<dyn Fn() -> Timestamp + Send + Sync>;

/// The parts of a running hub.
pub struct Parts {
    /// The database.
    pub store: Store,
    /// The only way to change anything.
    pub commands: Commands,
    /// What was committed last.
    pub follow: Follow,
    /// Wall clock.
    pub clock: Clock,
    /// Keys outside the database.
    pub secrets: Arc<Secrets>,
    /// Of this hub; goes into agents' signatures.
    pub hub_id: String,
    /// The lines to the stores.
    pub links: Arc<Links>,
    /// Figures for live readers.
    pub board: Board,
    /// Places for those.
    pub sockets: Sockets,
    /// Where browsers and agents reach the hub, when the operator said so.
    pub public_url: Option<String>,
    /// The certificate of the listener for everybody, when it has one.
    pub tls: Option<Arc<Tls>>,
    /// Fires when the program is to end.
    pub stop: CancellationToken,
    /// Rate limits.
    pub gate: Gate,
    /// Password hashing.
    pub hasher: Hasher,
    /// Files that are being taken in.
    pub imports: Imports,
    /// The way to channels.
    pub channels: channels::Shared,
    /// Room for files that are being sent.
    pub exports: Exports,
    /// How long a job is this hub's without its saying so again.
    pub lease: Duration,
    /// Numbers of items that were asked for.
    pub items: ItemNumbers,
}

/// A running hub.
#[derive(Clone)]
pub struct App(Arc<Parts>);

impl App {
    /// Puts the parts together.
    pub fn new(parts: Parts) -> Self {
        Self(Arc::new(parts))
    }

    /// Now.
    pub fn now(&self) -> Timestamp {
        (self.clock)()
    }

    /// Settings and rights as last seen.
    pub fn seen(&self) -> Arc<Seen> {
        self.follow.seen()
    }
}

impl Deref for App {
    type Target = Parts;

    fn deref(&self) -> &Parts {
        &self.0
    }
}

/// Names kept before they are dropped and looked up anew.
const NUMBERS_MAX: usize = 200_000;

/// Which number an item has. An item keeps its number for ever, so a known one is always right.
#[derive(Default)]
pub struct ItemNumbers(RwLock<Both>);

#[derive(Default)]
struct Both {
    numbers: HashMap<Sku, ItemNo>,
    skus: HashMap<ItemNo, Sku>,
}

impl ItemNumbers {
    /// Remembers an item.
    pub fn learn(&self, sku: &Sku, no: ItemNo) {
        let mut both = self.0.write().unwrap_or_else(PoisonError::into_inner);
        if both.numbers.len() >= NUMBERS_MAX {
            *both = Both::default();
        }
        both.numbers.insert(sku.clone(), no);
        both.skus.insert(no, sku.clone());
    }

    /// The numbers of these SKUs, in their order; none where there is no such item.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn of(&self, store: &Store, skus: &[Sku]) -> Result<Vec<Option<ItemNo>>, StoreError> {
        // What was found is answered from here: the memory may have been emptied meanwhile.
        let mut found: HashMap<Sku, ItemNo> = {
            let both = self.0.read().unwrap_or_else(PoisonError::into_inner);
            let known = |sku: &Sku| both.numbers.get_key_value(sku).map(|(s, no)| (s.clone(), *no));
            skus.iter().filter_map(known).collect()
        };
        let unknown: Vec<Sku> =
            skus.iter().filter(|sku| !found.contains_key(*sku)).cloned().collect();
        if !unknown.is_empty() {
            let mut tx = store.read().await?;
            for (sku, no) in crate::store::read::numbers::by_sku(&mut tx, &unknown).await? {
                self.learn(&sku, no);
                found.insert(sku, no);
            }
        }
        Ok(skus.iter().map(|sku| found.get(sku).copied()).collect())
    }

    /// The SKUs of these numbers, as far as there are such items.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn skus(
        &self,
        store: &Store,
        numbers: &[ItemNo],
    ) -> Result<BTreeMap<ItemNo, Sku>, StoreError> {
        let mut found: BTreeMap<ItemNo, Sku> = {
            let both = self.0.read().unwrap_or_else(PoisonError::into_inner);
            let known = |no: &ItemNo| both.skus.get(no).map(|sku| (*no, sku.clone()));
            numbers.iter().filter_map(known).collect()
        };
        let unknown: Vec<ItemNo> =
            numbers.iter().filter(|no| !found.contains_key(*no)).copied().collect();
        if !unknown.is_empty() {
            let mut tx = store.read().await?;
            for (sku, no) in crate::store::read::numbers::by_no(&mut tx, &unknown).await? {
                self.learn(&sku, no);
                found.insert(no, sku);
            }
        }
        Ok(found)
    }
}
