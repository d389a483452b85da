//! What a store's agent copies: rows that changed, and how far its own log is in them.
//!
//! A frame covers (after, upto] and carries every row that concerns the store and whose last
//! change lies there, as it is at `upto` (docs/decisions/0002). From `after` = 0 it is the whole
//! copy, without what ended: the agent forgets what it had. It comes in parts of bounded size.
//! Invariant: all parts are read in one transaction, so they are of one moment.

mod concern;
mod lives;
mod pages;

use std::collections::{BTreeSet, HashSet, VecDeque};
use std::sync::Arc;

use oneshelf_domain::record::Records;
use oneshelf_domain::stock::{Incarnation, ItemNo, LocationNo, Version};
use oneshelf_domain::{IncarnationId, Sku, limits};
use oneshelf_protocol::frame::Applied;
use oneshelf_protocol::replica::Row;

use self::concern::Concern;
pub use self::lives::of_store as lives_of;
pub use crate::store::{RejectedFrame, keep_rejected};
use crate::store::{Store, StoreError, Tx, head, records};

/// Bytes of a part's rows; the rest of the frame has room beside them.
const PART_BYTES: usize = limits::FRAME_BYTES_MAX - 4_096;

/// Whose copy, and from where on.
#[derive(Debug, Clone)]
pub struct Asked {
    /// The agent's store.
    pub location: LocationNo,
    /// The life of the agent that speaks; none: nobody does.
    pub life: Option<IncarnationId>,
    /// It has everything up to here; 0: nothing.
    pub after: Version,
    /// Settings and rights ...
    pub records: Arc<Records>,
    /// ... as they were at this version or later.
    pub records_at: Version,
}

/// Rows of one part.
#[derive(Debug)]
pub struct Part {
    /// The rows.
    pub rows: Vec<Row>,
    /// Numbers of the items of its stock rows, at least.
    pub numbers: Vec<(Sku, ItemNo)>,
    /// Another part follows.
    pub more: bool,
}

/// A whole frame at once: for the changes of a short while.
#[derive(Debug)]
pub struct Whole {
    /// It has everything behind this version; 0: all there is, whatever was asked for.
    pub after: i64,
    /// Every change up to here is in it.
    pub upto: i64,
    /// The last of the agent's facts that the rows include.
    pub applied: Applied,
    /// The life that speaks, at the same moment; none when nobody does.
    pub life: Option<Incarnation>,
    /// The rows.
    pub rows: Vec<Row>,
    /// Numbers of the items of its stock rows.
    pub numbers: Vec<(Sku, ItemNo)>,
}

/// Reads a whole frame into memory. A snapshot of a large shop is better read part by part.
///
/// # Errors
/// As [`Frame::open`] and [`Frame::part`].
pub async fn changed(
    store: &Store,
    location: LocationNo,
    life: Option<IncarnationId>,
    after: i64,
    records: &Arc<Records>,
) -> Result<Whole, StoreError> {
    // They may be newer, never older.
    let records_at = records.all().map(|(_, version, _)| version).max().unwrap_or_default();
    let asked =
        Asked { location, life, after: Version(after), records: records.clone(), records_at };
    let mut tx = store.read().await?;
    let mut frame = Frame::open(&mut tx, asked).await?;
    let (mut rows, mut numbers) = (vec![], vec![]);
    loop {
        let part = frame.part(&mut tx).await?;
        rows.extend(part.rows);
        numbers.extend(part.numbers);
        if !part.more {
            break;
        }
    }
    tx.rollback().await?;
    let (after, upto) = (frame.after.0, frame.upto.0);
    let Frame { applied, life, .. } = frame;
    Ok(Whole { after, upto, applied, life, rows, numbers })
}

/// A frame being read.
#[derive(Debug)]
pub struct Frame {
    /// The hub's epoch.
    pub epoch: i64,
    /// Every change up to here is in it.
    pub upto: Version,
    /// The last of the agent's facts that the rows include.
    pub applied: Applied,
    /// The life that speaks.
    life: Option<Incarnation>,
    after: Version,
    records: Arc<Records>,
    concern: Concern,
    stage: Stage,
    waiting: VecDeque<(usize, Row)>,
    numbers: Vec<(Sku, ItemNo)>,
    /// Items whose figures elsewhere were given already.
    told: HashSet<ItemNo>,
    /// Items whose figures changed without their stock: by a policy.
    items: BTreeSet<ItemNo>,
    /// Stores whose figures changed without their stock: opened, closed.
    stores: Vec<LocationNo>,
}

/// What is read next, and behind which row.
#[derive(Debug)]
enum Stage {
    Records(records::Place),
    Items(pages::ByVersion),
    Stock(pages::ByVersion),
    Reservations(pages::ById),
    Elsewhere(pages::ByStock),
    OfItems,
    OfStores(ItemNo),
    Done,
}

impl Frame {
    /// Begins a frame; the transaction must stay the same until the last part.
    ///
    /// # Errors
    /// When the database does not answer, or does not know the store.
    pub async fn open(tx: &mut Tx, asked: Asked) -> Result<Self, StoreError> {
        let head = head(tx).await?.head;
        // Whoever is further than the hub has rows of versions that came to nothing.
        let after = if asked.after > head.version { Version(0) } else { asked.after };
        let mut records = asked.records;
        if asked.records_at < head.version && records::changed_since(tx, asked.records_at).await? {
            records::catch_up(tx, Arc::make_mut(&mut records), asked.records_at).await?;
        }
        let own = records.location_by_no(asked.location).ok_or_else(|| {
            StoreError::unreadable("record", format!("no location {}", asked.location.0))
        })?;
        let concern = Concern { code: own.code.clone(), no: asked.location };
        let (applied, life) = lives::applied(tx, asked.location, asked.life).await?;
        Ok(Self {
            epoch: head.epoch,
            upto: head.version,
            applied,
            life,
            after,
            records,
            concern,
            stage: match after < head.version {
                true => Stage::Records(records::Place::after(after)),
                false => Stage::Done,
            },
            waiting: VecDeque::new(),
            numbers: vec![],
            told: HashSet::new(),
            items: BTreeSet::new(),
            stores: vec![],
        })
    }

    /// The next part. A frame without rows has one empty part.
    ///
    /// # Errors
    /// When the database does not answer, or holds a row that this version cannot read.
    pub async fn part(&mut self, tx: &mut Tx) -> Result<Part, StoreError> {
        let mut rows = vec![];
        let mut bytes = 0;
        loop {
            while let Some((size, row)) = self.waiting.pop_front() {
                if !rows.is_empty() && bytes + size > PART_BYTES {
                    self.waiting.push_front((size, row));
                    let numbers = std::mem::take(&mut self.numbers);
                    return Ok(Part { rows, numbers, more: true });
                }
                bytes += size;
                rows.push(row);
            }
            if matches!(self.stage, Stage::Done) {
                let numbers = std::mem::take(&mut self.numbers);
                return Ok(Part { rows, numbers, more: false });
            }
            self.fill(tx).await?;
        }
    }

    /// Reads one page and says what comes next.
    async fn fill(&mut self, tx: &mut Tx) -> Result<(), StoreError> {
        let own = self.concern.no;
        let snapshot = self.after == Version(0);
        match &mut self.stage {
            Stage::Records(place) => {
                let changed = records::page(tx, place).await?;
                if changed.is_empty() {
                    self.stage = Stage::Items(pages::ByVersion::after(self.after));
                }
                self.take_records(changed, snapshot);
            }
            Stage::Items(at) => {
                let rows = pages::items(tx, at).await?;
                if rows.is_empty() {
                    self.stage = Stage::Stock(pages::ByVersion::after(self.after));
                }
                self.push(rows);
            }
            Stage::Stock(at) => {
                let (rows, numbers) = pages::stock(tx, own, at).await?;
                self.numbers.extend(numbers);
                if rows.is_empty() {
                    self.stage = Stage::Reservations(pages::ById::new(self.after));
                }
                self.push(rows);
            }
            Stage::Reservations(at) => {
                let rows = pages::reservations(tx, own, &self.records, at).await?;
                if rows.is_empty() {
                    self.stage = Stage::Elsewhere(pages::ByStock::after(self.after));
                }
                self.push(rows);
            }
            _ => self.fill_elsewhere(tx).await?,
        }
        Ok(())
    }

    /// Figures of other stores: of items whose stock changed there, then of those whose figures
    /// changed by a policy or with their store.
    async fn fill_elsewhere(&mut self, tx: &mut Tx) -> Result<(), StoreError> {
        let mut changed: Vec<ItemNo> = match &mut self.stage {
            Stage::Elsewhere(at) => {
                let items = pages::changed_elsewhere(tx, self.concern.no, at).await?;
                if items.is_empty() {
                    self.stage = Stage::OfItems;
                }
                items
            }
            Stage::OfItems => {
                self.stage = Stage::OfStores(ItemNo(0));
                std::mem::take(&mut self.items).into_iter().collect()
            }
            Stage::OfStores(at) => {
                let mut items = vec![];
                if let Some(store) = self.stores.last() {
                    items = pages::items_at(tx, *store, *at).await?;
                    *at = items.last().copied().unwrap_or_default();
                }
                if items.is_empty() && self.stores.pop().is_none() {
                    self.stage = Stage::Done;
                }
                items
            }
            _ => vec![],
        };
        changed.retain(|item| self.told.insert(*item));
        let figures = pages::figures(tx, &changed, &self.records, self.concern.no).await?;
        self.push(figures);
        Ok(())
    }

    fn take_records(&mut self, changed: Vec<records::Changed>, snapshot: bool) {
        for change in changed {
            if !snapshot {
                match concern::elsewhere(&change) {
                    Some(concern::Elsewhere::Item(item)) => {
                        self.items.insert(item);
                    }
                    Some(concern::Elsewhere::Store(no)) if no != self.concern.no => {
                        self.stores.push(no);
                    }
                    _ => {}
                }
            }
            if let Some(row) = self.concern.row(change, snapshot) {
                self.push(vec![row]);
            }
        }
    }

    fn push(&mut self, rows: Vec<Row>) {
        for row in rows {
            // Plain text and numbers: serde cannot fail on them. One byte for the comma.
            let size = serde_json::to_string(&row).map_or(0, |text| text.len() + 1);
            self.waiting.push_back((size, row));
        }
    }
}
