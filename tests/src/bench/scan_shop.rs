//! The shop of `bench scan`: a hub that will be killed, a store, an agent with a scanner, a large
//! catalogue, and an outbox.
//!
//! It measures nothing. Invariant: the agent has every item before the hub is killed.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result, bail};
use oneshelf_hardware::sim::ScannerSim;

use crate::chaos::client::{Ask, Caller};
use crate::chaos::dice::Dice;
use crate::chaos::programs::Running;
use crate::chaos::register::Register;
use crate::chaos::settle::drained;
use crate::chaos::world::{Engine, MANAGER, STORE, World};
use crate::demo::generated::ean13;
use crate::demo::hub::Hub;

/// Where the page sells.
pub const REGISTER: &str = "R1";
/// Where the outbox is made.
const OTHER: &str = "R2";
/// Units of each item at the store.
const UNITS: usize = 9;

/// See the module.
pub struct ScanShop {
    world: World,
    hub: Option<Running>,
    hub_id: String,
    agent: Running,
    pages: String,
    scanner: ScannerSim,
    items: usize,
}

/// SKU and barcode of an item.
pub fn sku_of(item: usize) -> (String, String) {
    (format!("SCAN-{item:05}"), ean13(210_000_000_000 + item as u64))
}

impl ScanShop {
    /// Opens it and waits until the agent has everything.
    ///
    /// # Errors
    /// When a program does not start or refuses.
    pub async fn open(items: usize, dice: &mut Dice) -> Result<Self> {
        let mut world = World::make("scan", Engine::Sqlite, dice).await?;
        let folder = world.folder.clone();
        let opened = open(&mut world, items).await;
        let (hub, hub_id, agent, pages, scanner) =
            opened.with_context(|| format!("logs and data are in {}", folder.display()))?;
        let mut shop = Self { world, hub: Some(hub), hub_id, agent, pages, scanner, items };
        shop.agent_has_all().await?;
        Ok(shop)
    }

    /// Logs and data.
    pub fn folder(&self) -> &Path {
        &self.world.folder
    }

    /// Where the register page is.
    pub fn pages(&self) -> String {
        self.pages.clone()
    }

    /// Where the hub was.
    pub fn hub_address(&self) -> SocketAddr {
        self.world.hubs[0]
    }

    /// The id that agents ask for before they say who they are.
    pub fn hub_id(&self) -> String {
        self.hub_id.clone()
    }

    /// The scanner in the cashier's hand.
    pub fn scanner(&mut self) -> &mut ScannerSim {
        &mut self.scanner
    }

    fn caller(&self) -> Result<Caller> {
        Caller::new(&self.pages, None)
    }

    /// The link is live: every change was taken in. A look at the last item makes sure.
    async fn agent_has_all(&mut self) -> Result<()> {
        drained(&self.caller()?, Duration::from_secs(300)).await?;
        let mut register = Register::new(self.caller()?, OTHER, MANAGER);
        register.open().await?;
        for item in [0, self.items / 2, self.items - 1] {
            let here = register.here(&sku_of(item).0).await?;
            if here["on_hand"] != serde_json::json!(UNITS) {
                bail!("the agent says of item {item}: {here}");
            }
        }
        Ok(())
    }

    /// `kill -9`.
    ///
    /// # Errors
    /// When it does not die.
    pub async fn kill_hub(&mut self) -> Result<()> {
        match self.hub.take() {
            Some(mut hub) => hub.kill().await,
            None => Ok(()),
        }
    }

    /// Makes sales at another register, which nobody answers.
    ///
    /// # Errors
    /// When the agent refuses one.
    pub async fn sell(&mut self, sales: usize) -> Result<()> {
        let mut register = Register::new(self.caller()?, OTHER, MANAGER);
        register.open().await?;
        for number in 0..sales {
            let ticket = register.scan(&sku_of(number % self.items).1).await?;
            let paid = register.pay(&ticket, &format!("unsent-{number}"), true).await?;
            if let Err(no) = paid {
                bail!("sale {number} was refused: {} {}", no.status, no.body);
            }
        }
        Ok(())
    }

    /// Facts without an answer.
    ///
    /// # Errors
    /// When the agent does not answer.
    pub async fn waiting(&self) -> Result<usize> {
        let state = self.caller()?.need(&Ask::get("/api/state")).await?;
        let waiting = state["link"]["waiting"].as_u64().context("a state says what waits")?;
        Ok(usize::try_from(waiting)?)
    }

    /// Ends the agent and removes everything.
    ///
    /// # Errors
    /// When the agent does not end well.
    pub async fn close(self) -> Result<()> {
        self.agent.stop().await?;
        drop(self.scanner);
        self.world.remove().await
    }
}

type Opened = (Running, String, Running, String, ScannerSim);

async fn open(world: &mut World, items: usize) -> Result<Opened> {
    world.set_up().await?;
    let hub = world.hub(0)?.start_sound().await?;
    world.open_store(&[REGISTER, OTHER]).await?;
    let base = format!("http://{}", world.hubs[0]);
    let admin = Hub::new(&base, &world.secret)?;
    for (kind, csv) in [("items", items_csv(items)), ("stock", stock_csv(items))] {
        eprintln!("importing {items} rows of {kind}");
        let done = admin.import(kind, csv).await?;
        if done["rows_failed"] != serde_json::json!(0) {
            bail!("the import of {kind} left rows out: {done}");
        }
    }
    let (_, time) = admin.get("/v1/time").await?;
    let hub_id = time["hub_id"].as_str().context("a hub has an id")?.to_owned();
    world.enrol(world.hubs[0]).await?;
    let link: PathBuf = world.folder.join("scanner");
    let scanner = ScannerSim::plug_in(Some(&link)).context("no pseudo terminal")?;
    let (mut program, pages) = world.agent()?;
    program.arguments.extend(["--scanner".to_owned(), link.display().to_string()]);
    eprintln!("the agent reads them");
    let agent = program.start_sound().await?;
    Ok((hub, hub_id, agent, format!("http://{pages}"), scanner))
}

fn items_csv(items: usize) -> Vec<u8> {
    let mut csv = "sku,name,barcode,price,tax\n".to_owned();
    for item in 0..items {
        let (sku, code) = sku_of(item);
        let price = 100 + item % 9_000;
        let price = format!("{}.{:02}", price / 100, price % 100);
        csv.push_str(&format!("{sku},Thing number {item},{code},{price},standard\n"));
    }
    csv.into_bytes()
}

fn stock_csv(items: usize) -> Vec<u8> {
    let mut csv = "sku,location,quantity\n".to_owned();
    for item in 0..items {
        csv.push_str(&format!("{},{STORE},{UNITS}\n", sku_of(item).0));
    }
    csv.into_bytes()
}
