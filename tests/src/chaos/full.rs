//! A disk that is full, really: a small file system under the agent, and one under the hub.
//!
//! A register refuses new goods before it refuses a payment, and a payment before it takes it; the
//! hub keeps what is left for what has happened in stores. Both go on by themselves when there is
//! room again. Needs the right to mount.

use std::fs::File;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use serde_json::{Value, json};

use super::client::{Ask, Caller, until};
use super::dice::Dice;
use super::load::Books;
use super::register::Register;
use super::world::{Engine, Item, MANAGER, STORE, WAREHOUSE, World, stop_all};
use super::{settle, verdict};

const SIZE_MIB: u64 = 48;
/// Between the two bounds of a register, and below both.
const HARDLY_ANY_MIB: u64 = 10;
const NEARLY_NONE_MIB: u64 = 1;
const UNITS: i64 = 10_000;
/// Sales until the hub's log has no room for one more; each takes some pages.
const SALES_MAX: usize = 200;

/// A small disk; it is gone when the value is dropped.
struct Disk {
    at: PathBuf,
}

impl Disk {
    fn mount(at: PathBuf) -> Result<Self> {
        std::fs::create_dir_all(&at)?;
        let mut mount = Command::new("mount");
        mount.args(["-t", "tmpfs", "-o", &format!("size={SIZE_MIB}m,mode=700"), "tmpfs"]);
        let done = mount.arg(&at).output().context("mount")?;
        if !done.status.success() {
            bail!("no small disk: {}", String::from_utf8_lossy(&done.stderr));
        }
        Ok(Self { at })
    }

    fn filler(&self) -> PathBuf {
        self.at.join("filler")
    }

    /// Fills it but for so much.
    fn fill(&self, leave_mib: u64) -> Result<()> {
        let there = free(&self.at)?.saturating_sub(leave_mib << 20);
        let mut file = File::options().append(true).create(true).open(self.filler())?;
        let page = vec![1; 4096];
        for _ in 0..there / 4096 {
            file.write_all(&page)?;
        }
        Ok(())
    }

    fn empty(&self) -> Result<()> {
        Ok(std::fs::remove_file(self.filler())?)
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        // Whoever still has it open keeps it until then.
        let _ = Command::new("umount").arg("--lazy").arg(&self.at).status();
    }
}

/// Bytes that are free.
fn free(at: &Path) -> Result<u64> {
    let mut stat = Command::new("stat");
    let said = stat.args(["--file-system", "--format=%a %S"]).arg(at).output()?;
    let said = String::from_utf8(said.stdout)?;
    let (blocks, size) = said.trim().split_once(' ').context("stat")?;
    Ok(blocks.parse::<u64>()? * size.parse::<u64>()?)
}

struct Shop {
    items: Vec<Item>,
    books: Books,
    one: Register,
    two: Register,
}

impl Shop {
    async fn begun(register: &mut Register, item: &Item) -> Result<Value> {
        register.open().await?;
        register.scan(&item.code).await
    }

    async fn sell(&mut self, key: &str) -> Result<()> {
        let ticket = self.one.scan(&self.items[0].code).await?;
        let sold = self.one.pay(&ticket, key, true).await?;
        let sold = sold.map_err(|no| anyhow::anyhow!("pay: {} {}", no.status, no.body))?;
        self.books.sales.push(sold);
        Ok(())
    }
}

/// Asks once, and wants to hear that the disk is full.
async fn refused(caller: &Caller, ask: &Ask<'_>, what: &str) -> Result<()> {
    let answer = caller.once(ask).await?;
    let said = (answer.status, answer.code());
    ensure!(said == (507, "storage_full"), "{what}: {} {}", answer.status, answer.body);
    Ok(())
}

/// Fills the disks of a shop of its own, of the agent and of the hub, and makes room again.
///
/// # Errors
/// Says what was half-sold, lost or refused too late, and where the logs are.
pub async fn run(mut dice: Dice) -> Result<String> {
    let mut world = World::make("full", Engine::Sqlite, &mut dice).await?;
    let folder = world.folder.display().to_string();
    let said = fill_both(&mut world).await.with_context(|| format!("logs in {folder}"))?;
    world.remove().await?;
    Ok(said)
}

async fn fill_both(world: &mut World) -> Result<String> {
    let centre = Disk::mount(world.folder.join("centre"))?;
    let store = Disk::mount(world.journal())?;
    world.database = format!("sqlite:{}", centre.at.join("hub.db").display());
    world.set_up().await?;
    let hub = world.hub(0)?.start_sound().await?;
    world.open_store(&["R1", "R2"]).await?;
    let items = world.items(2, &[(STORE, UNITS), (WAREHOUSE, UNITS)]).await?;
    world.enrol(world.hubs[0]).await?;
    let (agent, at) = world.agent()?;
    let agent = agent.start_sound().await?;
    let pages = Caller::new(&format!("http://{at}"), None)?;
    settle::drained(&pages, Duration::from_secs(60)).await?;
    let register = |code| Register::new(pages.clone(), code, MANAGER);
    let mut shop =
        Shop { items, books: Books::default(), one: register("R1"), two: register("R2") };
    at_the_register(&store, &mut shop).await?;
    settle::drained(&pages, Duration::from_secs(60)).await?;
    let line = hub.ready_line.split_whitespace();
    let admin =
        line.skip_while(|word| *word != "admin").nth(1).context("the hub's second address")?;
    let operator = Caller::new(admin, None)?;
    let sales = at_the_hub(world, &centre, &operator, &mut shop, &pages).await?;
    let openings = (UNITS, UNITS);
    for item in &shop.items {
        verdict::stock(&world.admin(0)?, &item.sku, openings, &shop.books).await?;
    }
    verdict::words(world, &shop.books, &mut shop.one, 0).await?;
    stop_all(vec![agent, hub]).await?;
    verdict::rows(world, &shop.books).await?;
    world.audit().await?;
    Ok(format!(
        "the register refused goods, then a payment, and went on; the hub refused what can wait, \
         took a store's facts, and after {sales} of them had no room for one; nothing half-sold, \
         lost or doubled"
    ))
}

async fn at_the_register(disk: &Disk, shop: &mut Shop) -> Result<()> {
    let (item, code) = (&shop.items[0], json!({"code": shop.items[1].code}));
    let first = Shop::begun(&mut shop.one, item).await?;
    let second = Shop::begun(&mut shop.two, item).await?;
    disk.fill(HARDLY_ANY_MIB)?;
    let scan = Ask::say("/api/ticket/scan", &code);
    for register in [&shop.one, &shop.two] {
        refused(register.caller(), &scan, "new goods").await?;
    }
    let sold = shop.one.pay(&first, "begun", true).await?;
    let sold = sold.map_err(|no| anyhow::anyhow!("what had begun: {} {}", no.status, no.body))?;
    shop.books.sales.push(sold);
    disk.fill(NEARLY_NONE_MIB)?;
    let body = json!({"shown": {"ticket": second["id"], "total": second["total"],
        "fingerprint": second["fingerprint"]},
        "tenders": [{"kind": "cash", "given": second["total"]}]});
    let pay = Ask::post("/api/ticket/pay", "late", &body);
    refused(shop.two.caller(), &pay, "a payment").await?;
    let still = shop.two.ticket().await?;
    ensure!(still["lines"] == second["lines"], "the ticket changed: {second} {still}");
    let sales = shop.two.settled(&Ask::get("/api/sales")).await?.good("the receipts")?;
    let there = sales["sales"].as_array().map_or(0, Vec::len);
    ensure!(there == shop.books.sales.len(), "half-sold: {sales}");
    disk.empty()?;
    let sold = shop.two.pay(&second, "late", true).await?;
    let sold = sold.map_err(|no| anyhow::anyhow!("with room: {} {}", no.status, no.body))?;
    shop.books.sales.push(sold);
    Ok(())
}

/// Answers how many sales the hub took while it took nothing else.
async fn at_the_hub(
    world: &World,
    disk: &Disk,
    operator: &Caller,
    shop: &mut Shop,
    pages: &Caller,
) -> Result<usize> {
    let hub = world.admin(0)?;
    let said = async |word: &str| {
        until(Duration::from_secs(20), async || {
            let ready = operator.once(&Ask::get("/readyz")).await?;
            let same = ready.body["disk"] == json!(word);
            Ok(if same { Ok(ready.status) } else { Err(ready.body.to_string()) })
        })
        .await
    };
    ensure!(said("sound").await? == 200, "a hub with room is ready");
    disk.fill(HARDLY_ANY_MIB)?;
    ensure!(said("full").await? == 503, "a hub without room is not");
    let sku = shop.items[1].sku.clone();
    let body = json!({"location": WAREHOUSE, "lines": [{"sku": sku, "quantity": 4}],
        "reference": "late"});
    let receive = Ask::post("/v1/stock/receive", "late", &body);
    refused(&hub, &receive, "goods at the hub").await?;
    hub.need(&Ask::get(&format!("/v1/stock/{sku}"))).await?;
    shop.sell("while-full").await?;
    settle::drained(pages, Duration::from_secs(60)).await.context("what has happened")?;
    disk.fill(0)?;
    let mut sales = 0;
    loop {
        let metrics = operator.once(&Ask::get("/metrics")).await?.body;
        if metrics.as_str().is_some_and(|text| text.contains("kind=\"storage_full\"")) {
            break;
        }
        ensure!(sales < SALES_MAX, "{SALES_MAX} sales find room on a full disk");
        sales += 1;
        shop.sell(&format!("full-{sales}")).await?;
    }
    disk.empty()?;
    said("sound").await?;
    settle::drained(pages, Duration::from_secs(60)).await.context("with room again")?;
    hub.need(&receive).await?;
    *shop.books.came.entry((WAREHOUSE, sku)).or_default() += 4;
    let rejected = hub.need(&Ask::get("/v1/rejected-facts")).await?;
    let none = rejected
        .as_object()
        .is_some_and(|all| all.values().all(|list| list.as_array().is_none_or(Vec::is_empty)));
    ensure!(none, "a full disk is no reason to reject a sale: {rejected}");
    Ok(sales)
}
