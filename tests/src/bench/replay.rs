//! `bench replay`: a store that was offline for 21 days says 50,000 sales, a tenth of them for the
//! second time, while shoppers reserve and release.
//!
//! Hub and agent are real programs; the sales were written into the agent's journal as the agent
//! writes them ([`super::replay_log`]). Two things are judged: how long the store takes to be
//! caught up, and how much longer the slowest hundredth of the shoppers' requests wait meanwhile
//! than they do in the same run with the store away.

use std::io::Write;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use serde_json::json;
use tokio::task::JoinSet;
use tokio::time::{MissedTickBehavior, interval};

use super::replay_log::Journal;
use super::spread::Spread;
use crate::chaos::client::{Ask, Caller};
use crate::chaos::dice::Dice;
use crate::chaos::rows;
use crate::chaos::settle::drained;
use crate::chaos::world::{Engine, Item, STORE, WAREHOUSE, World};

/// Seconds within which the store must be caught up.
const BAR_S: f64 = 60.0;
/// How many times as long the slowest hundredth of requests may wait.
const BAR_RATIO: f64 = 2.0;
/// Longer than this is no measurement any more.
const GIVE_UP: Duration = Duration::from_secs(600);
const ITEMS: usize = 200;

/// What the command line says.
#[derive(Debug, clap::Args)]
pub struct Options {
    /// Fails when one of the two is missed.
    #[arg(long)]
    pub check: bool,
    /// Sales that the store tells.
    #[arg(long, default_value_t = 50_000)]
    pub sales: usize,
    /// Of a hundred, those that the hub has booked before.
    #[arg(long, default_value_t = 10)]
    pub twice: usize,
    /// Days that they are of.
    #[arg(long, default_value_t = 21)]
    pub days: u32,
    /// Shoppers; each has one request at a time.
    #[arg(long, default_value_t = 8)]
    pub shoppers: usize,
    /// Requests of all shoppers a second.
    #[arg(long, default_value_t = 200)]
    pub requests: u32,
    /// Seconds of the measurement with the store away.
    #[arg(long, default_value_t = 20)]
    pub seconds: u64,
    /// The hub on PostgreSQL.
    #[arg(long)]
    pub postgres: bool,
}

/// Runs it and prints the figures.
///
/// # Errors
/// When something fails, a sale is missing or doubled, or `--check` is not met.
pub async fn run(options: &Options, out: &mut impl Write) -> Result<()> {
    let engine = if options.postgres { Engine::Postgres } else { Engine::Sqlite };
    let mut world = World::make("replay", engine, &mut Dice::new(17)).await?;
    let folder = world.folder.clone();
    let measured = measure(options, &mut world, out).await;
    measured.with_context(|| format!("logs and data are in {}", folder.display()))?;
    world.remove().await
}

async fn measure(options: &Options, world: &mut World, out: &mut impl Write) -> Result<()> {
    world.set_up().await?;
    let hub = world.hub(0)?.start_sound().await?;
    world.open_store(&["R1"]).await?;
    let items = world.items(ITEMS, &[(STORE, 100_000), (WAREHOUSE, 1_000_000)]).await?;
    world.enrol(world.hubs[0]).await?;
    let (program, pages) = world.agent()?;
    let agent = Caller::new(&format!("http://{pages}"), None)?;

    writeln!(out, "the store is away for {} days", options.days)?;
    let running = program.start_sound().await?;
    drained(&agent, Duration::from_secs(60)).await?;
    running.stop().await?;
    let mut journal = Journal::open(&world.journal(), options.sales, options.days).await?;
    let twice = options.sales * options.twice / 100;
    journal.write(&items, twice).await?;
    let running = program.start_sound().await?;
    drained(&agent, GIVE_UP).await?;
    running.stop().await?;
    // The hub's word on them was lost with the disk's last page, say.
    journal.forget_answers().await?;
    journal.write(&items, options.sales - twice).await?;
    journal.close().await?;

    writeln!(out, "shoppers alone, {} s", options.seconds)?;
    let quiet = Shoppers::begin(options, world, &items)?;
    tokio::time::sleep(Duration::from_secs(options.seconds)).await;
    let quiet = quiet.end().await?;
    writeln!(out, "the store comes back")?;
    let shoppers = Shoppers::begin(options, world, &items)?;
    let began = Instant::now();
    let running = program.start_sound().await?;
    drained(&agent, GIVE_UP).await?;
    let seconds = began.elapsed().as_secs_f64();
    let busy = shoppers.end().await?;

    running.stop().await?;
    hub.stop().await?;
    let booked = rows::sales(&world.database).await?;
    ensure!(booked.len() == options.sales, "{} sales are booked", booked.len());
    world.audit().await?;
    judge(options, (&quiet, &busy), seconds, out)
}

fn judge(
    options: &Options,
    (quiet, busy): (&Spread, &Spread),
    seconds: f64,
    out: &mut impl Write,
) -> Result<()> {
    let Options { sales, twice, requests, shoppers, .. } = options;
    writeln!(out, "{shoppers} shoppers, {requests} requests a second: reserve, release")?;
    writeln!(out, "{:40}{}", "milliseconds", Spread::HEAD)?;
    writeln!(out, "{:40}{quiet}", "the store is away")?;
    writeln!(out, "{:40}{busy}", "the store says what it sold")?;
    let ratio = busy.at(99.0) / quiet.at(99.0).max(f64::MIN_POSITIVE);
    let held = |good| if good { "bar held" } else { "bar MISSED" };
    let (in_time, calm) = (seconds <= BAR_S, ratio <= BAR_RATIO);
    #[expect(clippy::cast_precision_loss, reason = "far below 2^52")]
    let rate = *sales as f64 / seconds;
    writeln!(
        out,
        "{sales} sales, {twice} % for the second time: caught up in {seconds:.1} s, {rate:.0}/s \
         (bar {BAR_S:.0} s): {}",
        held(in_time)
    )?;
    writeln!(out, "requests: p99 {ratio:.1} times as long (bar {BAR_RATIO:.0}): {}", held(calm))?;
    if options.check && !(in_time && calm) {
        bail!("a bar was missed");
    }
    Ok(())
}

/// Shoppers at work, until they are told to stop.
struct Shoppers {
    tasks: JoinSet<Result<Spread>>,
    stop: Arc<AtomicBool>,
}

impl Shoppers {
    fn begin(options: &Options, world: &World, items: &[Item]) -> Result<Self> {
        let (mut tasks, stop) = (JoinSet::new(), Arc::new(AtomicBool::new(false)));
        let shoppers = u32::try_from(options.shoppers)?.max(1);
        let pace = Duration::from_secs(1) * shoppers / options.requests.max(1);
        for no in 0..options.shoppers {
            let (hub, stop) = (world.admin(0)?, Arc::clone(&stop));
            let skus: Vec<String> = items.iter().map(|item| item.sku.clone()).collect();
            tasks.spawn(async move { shop(&hub, no, &skus, pace, &stop).await });
        }
        Ok(Self { tasks, stop })
    }

    async fn end(mut self) -> Result<Spread> {
        self.stop.store(true, Ordering::Relaxed);
        let mut all = Spread::default();
        while let Some(done) = self.tasks.join_next().await {
            all.add(&done??);
        }
        Ok(all)
    }
}

/// One shopper: reserves a unit from the warehouse and gives it up, again and again.
async fn shop(
    hub: &Caller,
    no: usize,
    skus: &[String],
    pace: Duration,
    stop: &AtomicBool,
) -> Result<Spread> {
    let mut times = Spread::default();
    let mut tick = interval(pace);
    tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let run = uuid::Uuid::now_v7().as_simple().to_string();
    for (turn, sku) in skus.iter().cycle().enumerate() {
        if stop.load(Ordering::Relaxed) {
            break;
        }
        let line = json!({"sku": sku, "location": WAREHOUSE, "quantity": 1});
        let body = json!({"lines": [line], "expires_in_s": 900});
        tick.tick().await;
        let key = format!("{run}-{no}-{turn}");
        let made = timed(hub, &Ask::post("/v1/reservations", &key, &body), &mut times).await?;
        let id = made["id"].as_str().context("a reservation has an id")?;
        tick.tick().await;
        let path = format!("/v1/reservations/{id}/release");
        let key = format!("{key}-release");
        timed(hub, &Ask::post(&path, &key, &json!(null)), &mut times).await?;
    }
    Ok(times)
}

async fn timed(hub: &Caller, ask: &Ask<'_>, times: &mut Spread) -> Result<serde_json::Value> {
    let began = Instant::now();
    let answer = hub.need(ask).await?;
    times.put(began.elapsed().as_secs_f64() * 1_000.0);
    Ok(answer)
}
