//! A store without a line sells thousands of tickets, then meets a road that loses a fifth of
//! what the hub says: each sale is booked exactly once, and the store's figures are never wrong
//! by its own unsent sales.
//!
//! How a day is covered: no rule of the programs turns on how long the line was down, except that
//! after two heartbeats it counts as down, which it does here from the first sale on; and answered
//! facts are kept for 30 days. What a day brings is its tickets, so the load is a day's 5,000.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use serde_json::json;
use tokio::sync::watch;
use tokio::task::JoinSet;

use super::client::{Ask, Caller, until};
use super::dice::Dice;
use super::register::{Register, Sold};
use super::road::{Line, Road};
use super::world::{CASHIER, Engine, Item, MANAGER, STORE, World, stop_all};
use super::{rows, settle};

const REGISTERS: [&str; 2] = ["R1", "R2"];
const ITEMS: usize = 40;
const OPENING: i64 = 5_000;
/// Units that the store may sell without asking: less than it will, so that most go beyond.
const SHARE: i64 = 20;
const LOSSY: Road = Road::Lossy { lost_percent: 20, torn_after: 250 };
/// Sales between two looks at a figure.
const LOOK_EVERY: usize = 20;

/// One register with the items that it alone sells: so its own figures are exact while the
/// other one sells beside it.
struct Desk {
    register: Register,
    items: Vec<Item>,
    sold: Vec<Sold>,
    units: BTreeMap<String, i64>,
    dice: Dice,
    looks: Arc<AtomicU64>,
    /// A manager sells here, who takes on what may be promised to somebody.
    approves: bool,
    /// A grant may be lost: then a cashier must not sell, and throws the ticket away.
    may_lack: bool,
}

impl Desk {
    async fn sell(&mut self, tickets: usize) -> Result<()> {
        for number in 0..tickets {
            let key = format!("offline-{}", self.sold.len());
            let mut ticket = json!(null);
            for _ in 0..self.dice.between(1, 2) {
                let code = self.dice.pick(&self.items).code.clone();
                ticket = self.register.scan(&code).await?;
            }
            let sold = match self.register.pay(&ticket, &key, self.approves).await? {
                Ok(sold) => sold,
                Err(no) if self.may_lack && no.code() == "approval_needed" => {
                    self.register.void().await?;
                    continue;
                }
                Err(no) => bail!("pay: {} {}", no.status, no.body),
            };
            for (sku, units) in &sold.units {
                *self.units.entry(sku.clone()).or_default() += units;
            }
            self.sold.push(sold);
            if number % LOOK_EVERY == 0 {
                let sku = self.dice.pick(&self.items).sku.clone();
                self.look(&sku).await?;
            }
        }
        Ok(())
    }

    /// The agent's figure is the opening stock less own sales, sent or not.
    async fn look(&mut self, sku: &str) -> Result<()> {
        let here = self.register.here(sku).await?;
        let book = OPENING - self.units.get(sku).copied().unwrap_or_default();
        if here["on_hand"] != json!(book) {
            let state = self.register.settled(&Ask::get("/api/state")).await?.body;
            bail!("{sku}: {book} are left, the agent says {here}; line {}", state["link"]);
        }
        self.looks.fetch_add(1, Ordering::Relaxed);
        Ok(())
    }

    /// Looks at all its items in turn until told to stop, and sells a ticket now and then.
    async fn watch(&mut self, stop: &watch::Receiver<bool>) -> Result<()> {
        let mut pace = tokio::time::interval(Duration::from_millis(50));
        let skus: Vec<String> = self.items.iter().map(|item| item.sku.clone()).collect();
        for (turn, sku) in skus.iter().cycle().enumerate() {
            pace.tick().await;
            if *stop.borrow() {
                break;
            }
            self.look(sku).await?;
            if turn % 20 == 0 {
                self.sell(1).await?;
            }
        }
        Ok(())
    }
}

/// Sells `tickets` without a line on one engine, reconnects over a lossy road, and compares.
///
/// # Errors
/// What was wrong.
pub async fn run(
    world: &mut World,
    engine: Engine,
    tickets: usize,
    dice: &mut Dice,
) -> Result<String> {
    let hub_process = world.hub(0)?.start_sound().await?;
    world.open_store(&REGISTERS).await?;
    let items = world.items(ITEMS, &[(STORE, OPENING)]).await?;
    world.policy(&format!("share/{STORE}/*"), SHARE).await?;
    let line = Line::open(world.hubs[0], dice.fork()).await?;
    world.enrol(line.address()).await?;
    let (program, pages) = world.agent()?;
    let agent_process = program.start_sound().await?;
    let caller = Caller::new(&format!("http://{pages}"), None)?;
    let hub = world.admin(0)?;
    settle::drained(&caller, Duration::from_secs(60)).await?;
    shares_are_there(&hub, &items).await?;
    let mut desks = desks(&caller, &items, dice);
    let looks = Arc::clone(&desks[0].looks);
    for desk in &mut desks {
        desk.register.open().await?;
        settle::same_views(&mut desk.register, &hub, desk.items.iter().map(|i| &i.sku)).await?;
    }

    line.set(Road::Cut);
    until(Duration::from_secs(30), async || {
        let state = caller.once(&Ask::get("/api/state")).await?.body;
        let offline = state["link"]["state"] == json!("offline");
        Ok(if offline { Ok(()) } else { Err(format!("the line is {}", state["link"])) })
    })
    .await?;
    let begun = Instant::now();
    let mut desks = sell_at_both(desks, tickets).await?;
    let (selling, looked) = (begun.elapsed(), looks.load(Ordering::Relaxed));
    let waiting = caller.once(&Ask::get("/api/state")).await?.body["link"]["waiting"].clone();
    if !rows::sales(&world.database).await?.is_empty() {
        bail!("the line was cut, and the hub has sales");
    }

    line.set(LOSSY);
    let begun = Instant::now();
    desks = drain(desks, &caller).await?;
    let draining = begun.elapsed();
    let passed = line.passed();
    line.set(Road::Clear);
    settle::drained(&caller, Duration::from_secs(60)).await?;
    for desk in &mut desks {
        settle::same_views(&mut desk.register, &hub, desk.items.iter().map(|i| &i.sku)).await?;
        for item in desk.items.clone() {
            desk.look(&item.sku).await?;
        }
    }
    stop_all(vec![agent_process, hub_process]).await?;
    let sold = compare(world, &desks).await?;
    world.audit().await?;
    Ok(format!(
        "{sold} tickets at {} registers of one store, hub on {}: {tickets} in {:.0} s without a \
         line ({waiting} facts unsent), {looked} looks at figures; told in {:.0} s over a road \
         that lost {:?}, let through {:?} and tore {} connections, {} looks meanwhile; each \
         booked once, views equal, audit clean",
        REGISTERS.len(),
        engine.name(),
        selling.as_secs_f64(),
        draining.as_secs_f64(),
        passed.lost,
        passed.arrived,
        passed.torn,
        looks.load(Ordering::Relaxed) - looked,
    ))
}

fn desks(caller: &Caller, items: &[Item], dice: &mut Dice) -> Vec<Desk> {
    let looks = Arc::<AtomicU64>::default();
    let desk = |(number, code): (usize, &&str)| Desk {
        // A manager sells, who may approve what is beyond; at the other register a cashier does,
        // who may not: nobody had claimed these goods when the line fell.
        register: Register::new(caller.clone(), code, [MANAGER, CASHIER][number % 2]),
        items: items.iter().skip(number).step_by(REGISTERS.len()).cloned().collect(),
        sold: vec![],
        units: BTreeMap::new(),
        dice: dice.fork(),
        looks: Arc::clone(&looks),
        approves: number % 2 == 0,
        may_lack: false,
    };
    REGISTERS.iter().enumerate().map(desk).collect()
}

async fn shares_are_there(hub: &Caller, items: &[Item]) -> Result<()> {
    for item in items {
        until(Duration::from_secs(30), async || {
            let figures = settle::at_store(hub, &item.sku).await?;
            let there = figures["store_share"] == json!(SHARE);
            Ok(if there { Ok(()) } else { Err(figures.to_string()) })
        })
        .await
        .with_context(|| format!("the share of {} is not {SHARE}", item.sku))?;
    }
    Ok(())
}

async fn sell_at_both(desks: Vec<Desk>, tickets: usize) -> Result<Vec<Desk>> {
    let count = desks.len();
    let mut selling = JoinSet::new();
    for (number, mut desk) in desks.into_iter().enumerate() {
        let part = tickets / count + usize::from(number < tickets % count);
        selling.spawn(async move { desk.sell(part).await.map(|()| desk) });
    }
    joined(selling).await
}

/// Both registers look at their figures until the agent has told everything.
async fn drain(desks: Vec<Desk>, agent: &Caller) -> Result<Vec<Desk>> {
    let (stop, stopped) = watch::channel(false);
    let mut watching = JoinSet::new();
    for mut desk in desks {
        desk.may_lack = true;
        let stopped = stopped.clone();
        watching.spawn(async move { desk.watch(&stopped).await.map(|()| desk) });
    }
    // While tickets are sold something may wait at any moment; what matters is the old ones.
    let told = until(Duration::from_secs(600), async || {
        let Ok(answer) = agent.once(&Ask::get("/api/state")).await else {
            return Ok(Err("no answer".to_owned()));
        };
        let waiting = answer.body["link"]["waiting"].as_i64().unwrap_or(i64::MAX);
        Ok(if waiting <= 2 { Ok(()) } else { Err(format!("{waiting} facts wait")) })
    });
    tokio::select! {
        told = told => told?,
        Some(ended) = watching.join_next() => {
            ended??;
            bail!("a register stopped looking");
        }
    }
    stop.send_replace(true);
    joined(watching).await
}

async fn joined(mut tasks: JoinSet<Result<Desk>>) -> Result<Vec<Desk>> {
    let mut desks = vec![];
    while let Some(ended) = tasks.join_next().await {
        desks.push(ended??);
    }
    Ok(desks)
}

async fn compare(world: &World, desks: &[Desk]) -> Result<usize> {
    let hub = rows::sales(&world.database).await?;
    let receipts = rows::receipts(&world.journal()).await?;
    let sold: BTreeMap<&str, &Sold> =
        desks.iter().flat_map(|d| &d.sold).map(|s| (s.receipt.as_str(), s)).collect();
    let acknowledged: usize = desks.iter().map(|d| d.sold.len()).sum();
    if hub.len() != acknowledged || receipts.len() != acknowledged || sold.len() != acknowledged {
        bail!(
            "{acknowledged} sales were acknowledged under {} numbers, the hub has {}, the agent {}",
            sold.len(),
            hub.len(),
            receipts.len()
        );
    }
    let mut last: BTreeMap<&str, i64> = BTreeMap::new();
    for sale in &hub {
        let same = sold.get(sale.receipt.as_str());
        let same = same.is_some_and(|s| s.total == sale.total && s.units == sale.units);
        if !same {
            bail!("the hub has {sale:?}, which was not sold so");
        }
        // Booked in the order in which they were made, so no number can come twice.
        let before = last.insert(&sale.register, sale.number).unwrap_or_default();
        if sale.number != before + 1 {
            bail!("{} was booked after number {before}", sale.receipt);
        }
    }
    rows::gapless(receipts.keys())?;
    Ok(acknowledged)
}
