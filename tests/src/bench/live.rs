//! `bench live`: thousands of subscribers on a hot item whose stock never rests.
//!
//! The hub and, in turn, a bare axum broadcast server are programs of their own; the subscribers
//! are here. Three things are judged: how late the newest value is at every subscriber, how many
//! values are delivered beside what the bare server delivers, and that the hub's memory stays flat
//! while some readers take nothing.
//!
//! Subscribers over MQTT share the scores with those over WebSocket: all are judged together.

use std::fmt;
use std::io::Write;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

use super::live_mqtt;
use super::live_shop::LiveShop;
use super::live_swarm::{Scores, Swarm, Target, stalled};
use super::report::median;
use crate::chaos::dice::Dice;
use crate::chaos::programs::{Program, find};

/// p99 that must hold, milliseconds.
const BAR_MS: f64 = 250.0;
/// Deliveries as a share of the bare server's: what must hold, what is wished for.
const SHARE: (f64, f64) = (0.5, 0.8);
/// Growth of the hub's memory that is still flat, and the minute from which it counts.
const GROWTH: f64 = 1.05;
const SETTLED_MINUTES: u64 = 2;
/// What is not counted at first: connections warm up, queues fill.
const WARM_UP: Duration = Duration::from_secs(2);
/// By then everybody knows the last value, or never will.
const LAST: Duration = Duration::from_secs(10);

/// What the command line says.
#[derive(Debug, clap::Args)]
pub struct Options {
    /// Fails when one of the three is missed.
    #[arg(long)]
    pub check: bool,
    /// Subscribers over WebSocket, all on one item.
    #[arg(long, default_value_t = 2_000)]
    pub subscribers: usize,
    /// Subscribers over MQTT, on the same item. The bare server gets as many more.
    #[arg(long, default_value_t = 500)]
    pub mqtt: usize,
    /// Rounds; in each the bare server and the hub are measured once.
    #[arg(long, default_value_t = 5)]
    pub rounds: usize,
    /// Seconds of a measurement.
    #[arg(long, default_value_t = 10)]
    pub seconds: u64,
    /// Changes of the hot item a second; 0: as many as the hub answers.
    #[arg(long, default_value_t = 150)]
    pub changes: u64,
    /// Commands a second to other items meanwhile.
    #[arg(long, default_value_t = 100)]
    pub others: u64,
    /// Minutes for which memory is watched; 0 leaves it out.
    #[arg(long, default_value_t = 5)]
    pub minutes: u64,
    /// Readers that take nothing meanwhile.
    #[arg(long, default_value_t = 100)]
    pub stalled: usize,
}

impl Options {
    fn everybody(&self) -> usize {
        self.subscribers + self.mqtt
    }
}

/// What was measured.
#[derive(Debug, Default)]
struct Figures {
    bare: Vec<f64>,
    hub: Vec<f64>,
    changes: Vec<f64>,
    others: Vec<f64>,
    grown: Option<f64>,
}

/// How late values were: of one protocol.
struct Late<'a>(&'static str, &'a Scores);

/// Runs it and prints the figures.
///
/// # Errors
/// When something fails, a subscriber misses the last value, or `--check` is not met.
pub async fn run(options: &Options, out: &mut impl Write) -> Result<()> {
    if options.check && options.minutes <= SETTLED_MINUTES {
        bail!("--check watches memory for more than {SETTLED_MINUTES} minutes");
    }
    // Two ends of each line and more; the hub asks for its own.
    let wanted = 2 * options.everybody() as u64 + 1_000;
    let had = rlimit::increase_nofile_limit(wanted)?;
    if had < wanted {
        bail!("{had} descriptors are too few for {} subscribers", options.everybody());
    }
    let shop = LiveShop::open(&mut Dice::new(11)).await?;
    let folder = shop.folder().to_owned();
    let measured = measure(options, shop, out).await;
    measured.with_context(|| format!("logs and data are in {}", folder.display()))
}

async fn measure(options: &Options, shop: LiveShop, out: &mut impl Write) -> Result<()> {
    let mut figures = Figures::default();
    let scores = Arc::new(Scores::new(options.everybody()));
    eprintln!("{} subscribers connect", options.everybody());
    let mut swarm = Swarm::open(&shop.target(), &scores, options.subscribers).await?;
    if options.mqtt > 0 {
        let places = options.subscribers..options.everybody();
        swarm.join(live_mqtt::open(&shop.mqtt_target(), &scores, places).await?);
    }
    everybody(&scores).await?;
    for round in 1..=options.rounds {
        eprintln!("round {round}: the hub under load");
        under_load(options, &shop, &scores, &mut swarm, &mut figures).await?;
        eprintln!("round {round}: bare axum, texts of {} bytes", scores.longest());
        figures.bare.push(bare(options, scores.longest()).await?);
    }
    if options.minutes > 0 {
        figures.grown = Some(memory(options, &shop, &scores, &mut swarm).await?);
    }
    swarm.is_whole()?;
    drop(swarm);
    shop.close().await?;
    report(options, &figures, &scores, out)?;
    judge(options, &figures, &Late("WebSocket and MQTT", &scores), out)
}

/// Waits until everybody was told the newest value.
async fn everybody(scores: &Scores) -> Result<()> {
    let begun = Instant::now();
    let mut pause = tokio::time::interval(Duration::from_millis(20));
    while !(scores.all_there() && scores.all_know()) {
        pause.tick().await;
        if begun.elapsed() > LAST {
            bail!("{} subscribers do not know the last value", scores.close());
        }
    }
    Ok(())
}

/// What is delivered and written a second while stock changes.
async fn under_load(
    options: &Options,
    shop: &LiveShop,
    scores: &Arc<Scores>,
    swarm: &mut Swarm,
    figures: &mut Figures,
) -> Result<()> {
    let mut writers = shop.write(scores, options.changes, options.others)?;
    let others = Arc::clone(&writers.others);
    let written = || [scores.newest().unsigned_abs(), others.load(Ordering::Relaxed)];
    tokio::time::sleep(WARM_UP).await;
    let before = written();
    figures.hub.push(rate(scores, options.seconds).await);
    let after = written();
    for (at, rates) in [&mut figures.changes, &mut figures.others].into_iter().enumerate() {
        #[expect(clippy::cast_precision_loss, reason = "far below 2^52")]
        rates.push((after[at] - before[at]) as f64 / options.seconds as f64);
    }
    writers.are_well()?;
    writers.end().await?;
    everybody(scores).await?;
    swarm.is_whole()
}

async fn rate(scores: &Scores, seconds: u64) -> f64 {
    let (begun, before) = (Instant::now(), scores.deliveries());
    tokio::time::sleep(Duration::from_secs(seconds)).await;
    #[expect(clippy::cast_precision_loss, reason = "far below 2^52")]
    let delivered = (scores.deliveries() - before) as f64;
    delivered / begun.elapsed().as_secs_f64()
}

/// Deliveries a second of the bare server.
async fn bare(options: &Options, bytes: usize) -> Result<f64> {
    let count = |n: usize| n.to_string();
    let program = Program {
        name: "bare".to_owned(),
        file: find("bench")?,
        arguments: [
            "live-bare",
            "--subscribers",
            &count(options.everybody()),
            "--bytes",
            &count(bytes),
        ]
        .map(str::to_owned)
        .to_vec(),
        logs: std::env::temp_dir(),
        environment: vec![],
    };
    let mut server = program.start_sound().await?;
    let address: SocketAddr = server.ready_line.trim().parse()?;
    let scores = Arc::new(Scores::new(options.everybody()));
    let target = Target { address, path: "/live".to_owned(), says: None };
    let mut swarm = Swarm::open(&target, &scores, options.everybody()).await?;
    tokio::time::sleep(WARM_UP).await;
    let rate = rate(&scores, options.seconds).await;
    swarm.is_whole()?;
    drop(swarm);
    server.kill().await?;
    Ok(rate)
}

/// How much the hub has grown since it had settled, while some readers take nothing.
async fn memory(
    options: &Options,
    shop: &LiveShop,
    scores: &Arc<Scores>,
    swarm: &mut Swarm,
) -> Result<f64> {
    eprintln!("{} minutes with {} readers that take nothing", options.minutes, options.stalled);
    let let_go = Arc::new(AtomicU64::new(0));
    let stuck = stalled(&shop.target(), options.stalled, &let_go);
    let mut writers = shop.write(scores, options.changes, options.others)?;
    let (mut settled, mut most) = (0, 0);
    let mut second = tokio::time::interval(Duration::from_secs(1));
    for at in 0..options.minutes * 60 {
        second.tick().await;
        writers.are_well()?;
        let now = shop.resident()?;
        if at <= SETTLED_MINUTES * 60 {
            settled = now;
        } else {
            most = most.max(now);
        }
        if at % 30 == 0 {
            let gone = let_go.load(Ordering::Relaxed);
            eprintln!("  {at:>4} s: {now} KiB, {gone} readers let go so far");
        }
    }
    writers.end().await?;
    everybody(scores).await?;
    swarm.is_whole()?;
    drop(stuck);
    if options.stalled > 0 && let_go.load(Ordering::Relaxed) == 0 {
        bail!("no reader that takes nothing was let go");
    }
    #[expect(clippy::cast_precision_loss, reason = "KiB of a program")]
    let grown = most.max(settled) as f64 / settled as f64;
    Ok(grown)
}

fn report(
    options: &Options,
    figures: &Figures,
    scores: &Scores,
    out: &mut impl Write,
) -> Result<()> {
    let smallest = |f: &[f64]| f.iter().copied().fold(f64::INFINITY, f64::min);
    writeln!(out, "{:<44}{:>10}{:>10}", "deliveries a second", "median", "minimum")?;
    for (who, rates) in [("bare axum broadcast", &figures.bare), ("hub, under load", &figures.hub)]
    {
        writeln!(out, "{who:<44}{:>10.0}{:>10.0}", median(rates), smallest(rates))?;
    }
    writeln!(
        out,
        "{} subscribers over WebSocket and {} over MQTT, texts of {} bytes; {:.0} changes of the \
         item and {:.0} other commands a second; {} rounds of {} s",
        options.subscribers,
        options.mqtt,
        scores.longest(),
        median(&figures.changes),
        median(&figures.others),
        options.rounds,
        options.seconds,
    )?;
    Ok(())
}

impl fmt::Display for Late<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{:<44}   count     p50     p95     p99     max", "milliseconds")?;
        write!(f, "{:<44}{}", format!("answered -> newest value told, {}", self.0), self.1.lags)
    }
}

fn judge(
    options: &Options,
    figures: &Figures,
    late: &Late<'_>,
    out: &mut impl Write,
) -> Result<()> {
    writeln!(out, "{late}")?;
    let mut missed = vec![];
    let p99 = late.1.lags.at(990);
    let word = if p99 <= BAR_MS { "bar held" } else { "BAR MISSED" };
    writeln!(out, "{}: p99 {p99:.1} ms (bar {BAR_MS} ms): {word}", late.0)?;
    if p99 > BAR_MS {
        missed.push("lateness");
    }
    // Round by round: both sides of a round had the same neighbours on this machine.
    let rounds = figures.hub.iter().zip(&figures.bare).map(|(hub, bare)| hub / bare);
    let share = median(&rounds.collect::<Vec<_>>());
    let word = match share {
        s if s >= SHARE.1 => "goal reached",
        s if s >= SHARE.0 => "floor held",
        _ => "FLOOR MISSED",
    };
    let (floor, goal) = (SHARE.0 * 100.0, SHARE.1 * 100.0);
    let share_of = format!("{:.0} % of the bare server's, median of rounds", share * 100.0);
    writeln!(out, "deliveries: {share_of} (floor {floor:.0} %, goal {goal:.0} %): {word}")?;
    if share < SHARE.0 {
        missed.push("deliveries");
    }
    if let Some(grown) = figures.grown {
        let word = if grown <= GROWTH { "flat" } else { "GREW" };
        let since = format!("since minute {SETTLED_MINUTES} of {}", options.minutes);
        let percent = (grown - 1.0) * 100.0;
        writeln!(
            out,
            "memory: {percent:+.1} % at most {since}, {} stalled: {word}",
            options.stalled
        )?;
        if grown > GROWTH {
            missed.push("memory");
        }
    }
    if options.check && !missed.is_empty() {
        bail!("missed: {}", missed.join(", "));
    }
    Ok(())
}
