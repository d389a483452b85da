//! Our figure: pairs of reserve and hand-over through the write path, each answered after its own
//! commit, with every row that the product writes.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use anyhow::{Result, bail};
use oneshelf_domain::item::{ItemDetails, ItemState, Unit};
use oneshelf_domain::promise::Fulfilment;
use oneshelf_domain::record::{Location, LocationKind, Record, RecordState};
use oneshelf_domain::stock::{Command, ItemNo, LocationNo, Outcome, Version};
use oneshelf_domain::{CommandId, LocationCode, ReservationId, Sku, Timestamp};
use oneshelf_hub::commands::{Accepted, Commands, Lane};
use oneshelf_hub::store::Store;
use oneshelf_sync::plan::Submission;
use tokio::sync::watch;
use uuid::Uuid;

use super::Load;
use crate::demo::mixed;

const ITEMS: usize = 1_000;
const LOCATIONS: usize = 10;
const UNITS: i64 = 1_000_000;

/// A hub's write path over a filled database.
pub struct Ours {
    store: Store,
    commands: Commands,
    items: Arc<Vec<ItemNo>>,
    locations: Arc<Vec<LocationNo>>,
    _committed: watch::Receiver<Version>,
}

fn now() -> Timestamp {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Timestamp(i64::try_from(since.as_micros()).unwrap_or(i64::MAX))
}

fn submission(command: Command) -> Submission {
    Submission {
        id: CommandId(Uuid::now_v7()),
        principal: "key:bench".to_owned(),
        actor: "key:bench".to_owned(),
        on_behalf_of: None,
        keyed: true,
        command,
    }
}

impl Ours {
    /// Opens a fresh database and fills it.
    ///
    /// # Errors
    /// When it cannot be opened or filled.
    pub async fn open(url: &str) -> Result<Self> {
        let store = Store::open(url).await?;
        let (committed, receiver) = watch::channel(Version(0));
        let (commands, _) = Commands::start(store.clone(), Arc::new(now), committed);
        let mut ours = Self {
            store,
            commands,
            items: Arc::default(),
            locations: Arc::default(),
            _committed: receiver,
        };
        ours.fill().await?;
        Ok(ours)
    }

    async fn submit(&self, command: Command) -> Result<Accepted> {
        let answer = self.commands.submit(Lane::Interactive, submission(command)).await;
        answer.map_err(|failure| anyhow::anyhow!("{failure:?}"))
    }

    async fn fill(&mut self) -> Result<()> {
        let mut locations = vec![];
        for at in 0..LOCATIONS {
            let code = LocationCode::new(&format!("W{at:02}"))?;
            let location = Location {
                no: LocationNo(0),
                code,
                name: format!("Warehouse {at}"),
                kind: LocationKind::Warehouse,
                zone: "Etc/UTC".to_owned(),
                address: None,
                receipt_header: vec![],
                opening_hours: None,
                state: RecordState::Active,
            };
            let record = Box::new(Record::Location(location));
            let accepted = self.submit(Command::PutRecord { record }).await?;
            locations.push(LocationNo(accepted.version.map_or(0, |v| v.0)));
        }
        let mut items = vec![];
        for at in 0..ITEMS {
            let details = ItemDetails {
                name: format!("Item {at}"),
                barcodes: vec![],
                unit: Unit::Each,
                price: None,
                tax: "standard".to_owned(),
                brand: None,
                category: None,
                image: None,
                options: None,
                state: ItemState::Active,
                components: vec![],
            };
            let sku = Sku::new(&format!("B{at:04}"))?;
            let accepted = self.submit(Command::PutItem { sku, details }).await?;
            let Outcome::Item { no } = accepted.outcome else { bail!("no item") };
            items.push(no);
        }
        for location in &locations {
            for chunk in items.chunks(200) {
                let lines = chunk.iter().map(|no| (*no, UNITS)).collect();
                let location = *location;
                self.submit(Command::Receive { location, lines, reference: None }).await?;
            }
        }
        self.items = Arc::new(items);
        self.locations = Arc::new(locations);
        Ok(())
    }

    /// Pairs a second of `clients` callers, each waiting for its answers.
    ///
    /// # Errors
    /// When a pair fails.
    pub async fn pairs(&self, load: Load, clients: usize, seconds: u64) -> Result<f64> {
        let done = Arc::new(AtomicU64::new(0));
        let stop = Arc::new(AtomicBool::new(false));
        let start = Instant::now();
        let mut callers = tokio::task::JoinSet::new();
        for caller in 0..clients {
            let (commands, done, stop) = (self.commands.clone(), done.clone(), stop.clone());
            let (items, locations) = (self.items.clone(), self.locations.clone());
            callers.spawn(async move {
                let mut draw = mixed(caller as u64 ^ now().0.unsigned_abs());
                while !stop.load(Ordering::Relaxed) {
                    draw = mixed(draw);
                    let (item, location) = choose(load, draw, &items, &locations);
                    pair(&commands, item, location).await?;
                    done.fetch_add(1, Ordering::Relaxed);
                }
                anyhow::Ok(())
            });
        }
        tokio::time::sleep(Duration::from_secs(seconds)).await;
        let pairs = done.load(Ordering::Relaxed);
        let elapsed = start.elapsed().as_secs_f64();
        stop.store(true, Ordering::Relaxed);
        while let Some(ended) = callers.join_next().await {
            ended??;
        }
        #[expect(clippy::cast_precision_loss, reason = "far below 2^52")]
        Ok(pairs as f64 / elapsed)
    }

    /// The audit's findings; none when all is well.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn audit(&self) -> Result<Vec<String>> {
        let report = oneshelf_hub::audit::audit(&self.store).await?;
        Ok(report.broken.iter().map(|f| format!("{f:?}")).collect())
    }

    /// Ends the write path.
    pub async fn close(self) {
        self.commands.stop().await;
        self.store.close().await;
    }
}

fn choose(
    load: Load,
    draw: u64,
    items: &[ItemNo],
    locations: &[LocationNo],
) -> (ItemNo, LocationNo) {
    if load == Load::Hot && draw % 100 < 90 {
        return (items[0], locations[0]);
    }
    let item = usize::try_from(draw / 100 % items.len() as u64).unwrap_or(0);
    let location = usize::try_from(draw / 100_000 % locations.len() as u64).unwrap_or(0);
    (items[item], locations[location])
}

async fn pair(commands: &Commands, item: ItemNo, location: LocationNo) -> Result<()> {
    let reserve = submission(Command::Reserve {
        lines: vec![(item, location, 1)],
        expires_in_ms: Some(900_000),
        channel: None,
        fulfilment: Fulfilment::Shipping,
        shopper: None,
        address: None,
        reference: None,
    });
    let id = ReservationId(reserve.id.0);
    for one in [reserve, submission(Command::HandOver { id })] {
        let answer = commands.submit(Lane::Interactive, one).await;
        answer.map_err(|failure| anyhow::anyhow!("a pair failed: {failure:?}"))?;
    }
    Ok(())
}
