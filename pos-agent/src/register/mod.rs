//! The rules of the register, around one [`Front`]: sign-in, cash session, ticket, pay, receipts.
//!
//! `Front` is what pages, link and devices talk to. Its [`Core`] holds the machine and the one
//! writing connection behind one lock: an act changes the machine, stores the machine's writes and
//! the register's rows in one transaction, and only then sends, prints or answers.
//! It knows neither HTTP nor SQL.

mod acts;
pub(crate) mod cash;
mod core;
mod devices;
mod display;
mod figures;
mod given_up;
mod link_side;
mod lives;
mod looking;
mod mark;
mod pay;
mod printing;
mod receipt;
mod refused;
pub(crate) mod sale;
mod scan;
mod sign_in;
mod state;
mod teach;
mod ticket;
mod view;
mod weigh;

use std::sync::{Arc, PoisonError, RwLock};

use oneshelf_domain::item::Item;
use oneshelf_domain::record::Records;
use oneshelf_domain::{Currency, LocationCode, Money, RegisterCode};
use oneshelf_hardware::scale::Scale;
use oneshelf_hardware::scanner::Patterns;
use tokio::sync::{Mutex, MutexGuard, Notify, watch};

pub(crate) use acts::Act;
pub(crate) use cash::CashSession;
pub(crate) use core::Core;
pub(crate) use devices::Links;
use devices::Seen;
use display::Displays;
use lives::LifeView;
pub(crate) use pay::PayRequest;
pub(crate) use refused::{Answer, Refused};
pub(crate) use scan::ScanRequest;
pub(crate) use sign_in::{Desk, Session, SignIn};
pub(crate) use state::{Devices, DrawerWord, LinkView, PrinterWord, ScannerWord};
pub(crate) use teach::Affixes;
use teach::Teaching;
pub(crate) use view::{Added, ItemHere, JobView, SaleView, TicketView};

use crate::clock;
use crate::devices::Drawer;
use crate::events::Events;
use crate::journal::{self, Fault, Identity, Reads, Spool, Storage};
use crate::language::Language;
use crate::pepper::Pepper;

/// What can be read without the lock of the core.
pub(crate) struct Shared {
    pub reads: Reads,
    pub events: Events,
    /// Settings and rights of the copy.
    records: RwLock<Arc<Records>>,
    identity: RwLock<Option<Identity>>,
    pub link: watch::Sender<LinkView>,
    pub devices: watch::Sender<Devices>,
    /// What was seen of them since the start.
    pub(super) seen: Seen,
    /// The displays that customers look at.
    pub displays: Displays,
    /// The printer's queue.
    pub(super) spool: watch::Sender<Spool>,
    /// A print job waits.
    pub printer_wake: Notify,
    /// Drawer pulses; none without a printer.
    pub drawer: Option<Drawer>,
    /// What weighs goods.
    scale: Option<Arc<Scale>>,
    /// Of receipts.
    language: Language,
    /// How the store's own labels carry weights and prices.
    patterns: Patterns,
    /// What scanners put around codes.
    teaching: Teaching,
    looking: looking::Looking,
    /// What became of the database: put back, or copied.
    pub(super) life: watch::Sender<LifeView>,
    /// The disk under the database failed: the program is to end.
    pub(super) disk_failed: watch::Sender<bool>,
    /// A share changed: a payment that waits for a grant looks again.
    share_changed: Notify,
}

impl Shared {
    /// A refusal when less than so much is free: rather before goods or money are taken than in
    /// the middle.
    fn room_for(&self, bytes: u64) -> Answer<()> {
        match self.reads.free_bytes() {
            Some(free) if free < bytes => Err(Refused::storage(Storage::Full)),
            _ => Ok(()),
        }
    }

    /// Settings and rights as they are now.
    pub(crate) fn records(&self) -> Arc<Records> {
        Arc::clone(&self.records.read().unwrap_or_else(PoisonError::into_inner))
    }

    fn set_records(&self, records: Records) {
        *self.records.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(records);
    }

    /// Who this agent is.
    pub(crate) fn identity(&self) -> Option<Identity> {
        self.identity.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn set_identity(&self, identity: Option<Identity>) {
        *self.identity.write().unwrap_or_else(PoisonError::into_inner) = identity;
    }

    /// The shop's currency; a refusal before the first copy arrived.
    fn currency(&self) -> Answer<Currency> {
        self.records().shop().map(|s| s.currency).ok_or_else(Refused::not_ready)
    }

    /// What a unit costs here now: a price that was told of beforehand begins by itself, also with
    /// the line down.
    fn price(&self, item: &Item) -> Option<Money> {
        let own = self.identity().and_then(|i| LocationCode::new(&i.location).ok());
        item.price_at(clock::now(), self.records().zone_of(own.as_ref()))
    }
}

/// The register's side of the agent: one per program.
pub(crate) struct Front {
    core: Mutex<Core>,
    pub shared: Arc<Shared>,
    desk: Desk,
}

impl Front {
    /// Loads everything that was kept and gives back the share that no ticket needs.
    pub(crate) async fn load(
        writer: journal::Writer,
        reads: Reads,
        pepper: Pepper,
        drawer: Option<Drawer>,
        devices: (Devices, Links, Option<Arc<Scale>>),
        (language, patterns): (Language, Patterns),
    ) -> Result<Arc<Self>, Fault> {
        let shared = Arc::new(Shared {
            events: Events::new(),
            records: RwLock::default(),
            identity: RwLock::new(reads.identity().await?),
            link: watch::Sender::new(LinkView::offline(clock::now())),
            seen: Seen::new(devices.1),
            displays: Displays::default(),
            devices: watch::Sender::new(devices.0),
            scale: devices.2,
            spool: watch::Sender::new(reads.spool().await?),
            printer_wake: Notify::new(),
            drawer,
            language,
            patterns,
            teaching: Teaching::new(reads.affixes().await?),
            looking: looking::Looking::default(),
            life: watch::Sender::new(LifeView { past: reads.past().await?, ..LifeView::default() }),
            disk_failed: watch::Sender::new(false),
            share_changed: Notify::new(),
            reads,
        });
        let mut core = Core::load(writer, Arc::clone(&shared)).await?;
        core.writer.doubt_jobs(clock::now()).await?;
        core.show_spool().await;
        core.settle_at_start().await?;
        Ok(Arc::new(Self { core: Mutex::new(core), shared, desk: Desk::new(pepper) }))
    }

    /// The core, equal to what is on disk.
    async fn core(&self) -> Result<MutexGuard<'_, Core>, Fault> {
        let mut core = self.core.lock().await;
        core.ready().await?;
        Ok(core)
    }

    /// Looks whether `pos-agent enrol` has run meanwhile.
    pub(crate) async fn look_for_identity(&self) -> Result<Option<Identity>, Fault> {
        if self.shared.identity().is_none() {
            let found = self.shared.reads.identity().await?;
            if found.is_some() {
                self.shared.set_identity(found);
                self.push_state();
            }
        }
        Ok(self.shared.identity())
    }

    /// Daily work: facts that the hub answered long ago leave the log. Only while a session is
    /// open: a hub that was put back since the last one wants them again.
    pub(crate) async fn drop_old_facts(&self) -> Result<u64, Fault> {
        let mut core = self.core().await?;
        if core.agent.session().is_none() {
            return Ok(0);
        }
        let dropped = core.writer.drop_old_facts(clock::now()).await;
        if let Err(fault) = &dropped {
            core.doubt(fault);
        }
        dropped
    }

    /// Waits until the disk under the database has failed.
    pub(crate) async fn disk_failed(&self) {
        let mut failed = self.shared.disk_failed.subscribe();
        // It ends with the sender, which this value holds.
        if failed.wait_for(|failed| *failed).await.is_err() {
            std::future::pending().await
        }
    }

    /// Lets go of the database, when everything else has ended.
    pub(crate) async fn close(self: Arc<Self>) {
        self.shared.reads.close().await;
        if let Some(front) = Arc::into_inner(self)
            && let Err(error) = front.core.into_inner().writer.close().await
        {
            tracing::warn!(%error, "the database was not closed properly");
        }
    }
}

/// Which register a ticket, a sale or an event belongs to.
pub(crate) fn register_path(location: &str, register: &RegisterCode) -> String {
    format!("{location}-{register}")
}
