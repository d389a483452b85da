//! `kill -9` of hub and agent, at random moments and at system calls, under load.
//!
//! Nothing acknowledged may be lost or doubled: the clients' books, the hub's rows, the agent's
//! receipts and the audit must agree afterwards.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::timeout;

use super::client::{Caller, Weather};
use super::dice::Dice;
use super::load::{Client, Shared};
use super::programs::{Fault, Program, Running, Start, Trap};
use super::register::Register;
use super::road::{Line, Road};
use super::world::{Engine, MANAGER, STORE, WAREHOUSE, World, stop_all};
use super::{settle, verdict};

const ITEMS: usize = 12;
/// Enough for the whole run: what a store lacks is another proof.
const AT_STORE: i64 = 20_000;
/// Units of an item at the warehouse, before and for each kill: just not enough, so that orders
/// are refused now and then.
const AT_WAREHOUSE: (i64, i64) = (50, 6);
const REGISTERS: [&str; 2] = ["R1", "R2"];
const ORDER_CLIENTS: usize = 4;

/// System calls at which a process dies: writes and syncs of its files, answers on sockets.
/// The number is the most such calls of one thread that it lives to see.
const CALLS: [(&str, u64); 3] = [("fsync,fdatasync", 10), ("pwrite64", 60), ("writev,sendto", 40)];

const RANDOM: &str = "at a random moment";

/// A program that is killed and started again.
struct Victim {
    what: &'static str,
    program: Program,
    running: Running,
    slowest: Duration,
}

/// Deaths by their kind.
type Deaths = BTreeMap<String, u64>;

impl Victim {
    async fn start(what: &'static str, program: Program) -> Result<Self> {
        let running = program.start_sound().await?;
        Ok(Self { what, program, running, slowest: Duration::ZERO })
    }

    /// Starts it again, with or without a trap; a trap may end it before it is ready.
    async fn again(&mut self, dice: &mut Dice, traps: bool, deaths: &mut Deaths) -> Result<()> {
        loop {
            let trap = (traps && dice.chance(60)).then(|| {
                let (call, most) = *dice.pick(&CALLS);
                Trap::new(call, dice.between(1, most), Fault::Kill, &[], Path::new("/dev/null"))
            });
            match self.program.start(trap.clone()).await? {
                Start::Ready(running) => {
                    if running.trap.is_none() {
                        self.slowest = self.slowest.max(running.ready_after);
                    }
                    self.running = *running;
                    return Ok(());
                }
                Start::Died(_) => self.died_at(trap.as_ref(), deaths)?,
            }
        }
    }

    fn died_at(&self, trap: Option<&Trap>, deaths: &mut Deaths) -> Result<()> {
        let Some(trap) = trap else { bail!("{} ended by itself", self.what) };
        *deaths.entry(format!("{} at {}", self.what, trap.call)).or_default() += 1;
        Ok(())
    }
}

/// Kills `count` times on one engine; says what happened.
///
/// # Errors
/// What was lost, doubled or broken.
pub async fn run(
    world: &mut World,
    engine: Engine,
    count: usize,
    dice: &mut Dice,
) -> Result<String> {
    let hub = Victim::start("hub", world.hub(0)?).await?;
    world.open_store(&REGISTERS).await?;
    let at_warehouse = AT_WAREHOUSE.0 + AT_WAREHOUSE.1 * i64::try_from(count)?;
    let opening = [(STORE, AT_STORE), (WAREHOUSE, at_warehouse)];
    let items = Arc::new(world.items(ITEMS, &opening).await?);
    world.policy(&format!("share/{STORE}/*"), 5).await?;
    let line = Line::open(world.hubs[0], dice.fork()).await?;
    world.enrol(line.address()).await?;
    let (program, pages) = world.agent()?;
    let agent = Victim::start("agent", program).await?;
    let caller = Caller::new(&format!("http://{pages}"), None)?;
    settle::drained(&caller, Duration::from_secs(60)).await?;

    let (weather, shared) = (Arc::<Weather>::default(), Shared::default());
    let (stop, stopped) = watch::channel(false);
    let client = |name: String, dice: &mut Dice| Client {
        name,
        items: Arc::clone(&items),
        dice: dice.fork(),
        shared: shared.clone(),
        stop: stopped.clone(),
    };
    let mut load = JoinSet::new();
    for number in 0..ORDER_CLIENTS {
        let hub = world.admin(0)?.in_weather(&weather);
        load.spawn(client(format!("order-{number}"), dice).orders(hub));
    }
    load.spawn(client("hold".to_owned(), dice).holds(world.shopper().await?.in_weather(&weather)));
    for code in REGISTERS {
        let register = Register::new(caller.clone().in_weather(&weather), code, MANAGER);
        load.spawn(client(format!("sale-{code}"), dice).sales(register));
    }
    let mut trouble = Trouble { hub, agent, line, deaths: Deaths::new(), cuts: 0 };
    trouble.make(count, dice, &mut load).await?;
    stop.send_replace(true);
    while let Some(ended) = load.join_next().await {
        ended??;
    }
    let books = std::mem::take(&mut *shared.books());
    let mut register = Register::new(caller.clone(), REGISTERS[0], MANAGER);
    settle::drained(&caller, Duration::from_secs(90)).await?;
    verdict::words(world, &books, &mut register, 0).await?;
    for item in items.iter() {
        verdict::stock(&world.admin(0)?, &item.sku, (AT_STORE, at_warehouse), &books).await?;
    }
    stop_all(vec![trouble.agent.running, trouble.hub.running]).await?;
    verdict::rows(world, &books).await?;
    world.audit().await?;
    let at_calls = trouble.deaths.keys().any(|kind| !kind.ends_with(RANDOM));
    if count >= 15 && !at_calls {
        bail!("no program died at a system call: {:?}", trouble.deaths);
    }
    Ok(format!(
        "{} on {}: {:?}, {} cuts of the line; slowest start hub {:?}, agent {:?}; acknowledged \
         {} claims with {} steps ({} refused), {} sales ({} of them asked again, {} tickets \
         voided), {} asked twice on purpose; {} outcomes unknown at first; nothing lost or \
         doubled, receipts equal sales, audit clean",
        trouble.deaths.values().sum::<u64>(),
        engine.name(),
        trouble.deaths,
        trouble.cuts,
        trouble.hub.slowest,
        trouble.agent.slowest,
        books.claims.len(),
        books.steps,
        books.refused,
        books.sales.len(),
        books.paid_again,
        books.voided,
        books.asked_twice,
        weather.unknown.load(Ordering::Relaxed),
    ))
}

struct Trouble {
    hub: Victim,
    agent: Victim,
    line: Line,
    deaths: Deaths,
    cuts: u64,
}

impl Trouble {
    async fn make(
        &mut self,
        count: usize,
        dice: &mut Dice,
        load: &mut JoinSet<Result<()>>,
    ) -> Result<()> {
        while self.deaths.values().sum::<u64>() < count as u64 {
            let moment = match dice.between(1, 100) {
                // Time enough for the agent to find the hub again and tell everything.
                1..=15 => dice.time(1_500, 3_000),
                _ => dice.time(5, 700),
            };
            let ended = tokio::select! {
                _ = self.hub.running.ended() => Some(&mut self.hub),
                _ = self.agent.running.ended() => Some(&mut self.agent),
                ended = load.join_next() => {
                    ended.context("there is load")???;
                    bail!("a client ended before it was told to");
                }
                // The moment has come: a race of two events, not a wait for one.
                () = elapsed(moment) => None,
            };
            if let Some(victim) = ended {
                victim.died_at(victim.running.trap.clone().as_ref(), &mut self.deaths)?;
                victim.again(dice, true, &mut self.deaths).await?;
                continue;
            }
            match dice.between(1, 100) {
                1..=45 => self.kill(true, false, dice, true).await?,
                46..=85 => self.kill(false, true, dice, true).await?,
                86..=92 => self.kill(true, true, dice, true).await?,
                _ => {
                    self.cuts += 1;
                    self.line.set(Road::Cut);
                    elapsed(dice.time(50, 800)).await;
                }
            }
            self.line.set(Road::Clear);
        }
        // From here on nobody dies.
        self.kill(self.hub.running.trap.is_some(), self.agent.running.trap.is_some(), dice, false)
            .await
    }

    async fn kill(&mut self, hub: bool, agent: bool, dice: &mut Dice, traps: bool) -> Result<()> {
        let mut dead = vec![];
        if hub {
            dead.push(&mut self.hub);
        }
        if agent {
            dead.push(&mut self.agent);
        }
        for victim in &mut dead {
            victim.running.kill().await?;
            *self.deaths.entry(format!("{} {RANDOM}", victim.what)).or_default() += 1;
        }
        for victim in dead {
            victim.again(dice, traps, &mut self.deaths).await?;
        }
        Ok(())
    }
}

/// The passing of a chosen time is itself the event that is wanted here.
async fn elapsed(time: Duration) {
    let _ = timeout(time, std::future::pending::<()>()).await;
}
