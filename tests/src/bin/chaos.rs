//! `chaos`: proofs with real processes. Started by `cargo xtask chaos` and by the test command,
//! which build the programs and bring a throw-away PostgreSQL. It owns the choice and the verdict.

use std::collections::BTreeSet;
use std::process::ExitCode;
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use anyhow::{Result, bail};
use clap::{Parser, ValueEnum};
use oneshelf_tests::chaos::dice::Dice;
use oneshelf_tests::chaos::lane::Ran;
use oneshelf_tests::chaos::lanes::Trouble;
use oneshelf_tests::chaos::world::{Engine, World};
use oneshelf_tests::chaos::{
    agents, full, hot, kills, lanes, last_unit, linear, offline, replicas, restore,
};
use oneshelf_tests::program::{asked_to_stop, say};
use tokio::task::{JoinSet, LocalSet};

/// Proofs with real processes.
#[derive(Debug, Parser)]
struct Arguments {
    /// Which proof.
    what: What,
    /// Rounds, kills, points, tickets or histories; of replicas pauses, and as many kills.
    #[arg(long)]
    count: Option<usize>,
    /// Seed of its choices; another one each time when absent.
    #[arg(long)]
    seed: Option<u64>,
    /// One engine; all that the proof is for when absent.
    #[arg(long)]
    engine: Option<Engine>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum What {
    /// A thousand claims at once on ten units.
    Hot,
    /// `kill -9` of hub, agent and backup at their system calls, one after another.
    Kills,
    /// EIO and ENOSPC at these calls, and disks that are full.
    Disk,
    /// `kill -9` of hub and agent under load, at random moments and calls.
    Load,
    /// Thousands of tickets without a line, then a lossy one.
    Offline,
    /// The last unit at a register and by a hold.
    LastUnit,
    /// A hub put back to a backup while a store sells, shoppers claim and a channel orders.
    Restore,
    /// A store's agent put back to yesterday, told so and by hand, and copied.
    Agents,
    /// Histories of many at one item: some order of their acts explains every answer.
    Linear,
    /// Two hubs on one PostgreSQL: the holder of a job is paused past its lease, and killed.
    Replicas,
}

impl What {
    fn name(self) -> &'static str {
        match self {
            Self::Hot => "hot",
            Self::Kills => "kills",
            Self::Disk => "disk",
            Self::Load => "load",
            Self::Offline => "offline",
            Self::LastUnit => "last-unit",
            Self::Restore => "restore",
            Self::Agents => "agents",
            Self::Linear => "linear",
            Self::Replicas => "replicas",
        }
    }

    fn count(self) -> usize {
        match self {
            Self::Hot => 5,
            Self::Kills => 60,
            Self::Disk => 20,
            Self::Load => 40,
            Self::Offline => 5_000,
            Self::LastUnit => 100,
            Self::Restore => 3,
            Self::Agents => 2,
            Self::Linear => 200,
            Self::Replicas => 50,
        }
    }

    /// What happens at system calls.
    fn trouble(self) -> Option<Trouble> {
        match self {
            Self::Kills => Some(Trouble::Kills),
            Self::Disk => Some(Trouble::Errors),
            _ => None,
        }
    }

    /// The engines of a run that names none, each with its part of the count.
    fn engines(self, count: usize) -> Vec<(Engine, usize)> {
        use Engine::{Postgres, PostgresTwo, Sqlite};
        match self {
            Self::Hot | Self::Linear => {
                vec![(Sqlite, count), (Postgres, count), (PostgresTwo, count)]
            }
            Self::Load => vec![(Sqlite, count - count / 2), (Postgres, count / 2)],
            Self::Restore => vec![(Sqlite, count), (Postgres, count)],
            Self::Offline | Self::LastUnit | Self::Agents => vec![(Sqlite, count)],
            Self::Replicas => vec![(PostgresTwo, count)],
            Self::Kills | Self::Disk => vec![],
        }
    }
}

#[tokio::main]
async fn main() -> Result<ExitCode> {
    tracing_subscriber::fmt().with_writer(std::io::stderr).init();
    let arguments = Arguments::parse();
    let clock = SystemTime::now().duration_since(UNIX_EPOCH)?.as_millis();
    let seed = arguments.seed.unwrap_or(u64::try_from(clock)?);
    let count = arguments.count.unwrap_or(arguments.what.count());
    let engines = match arguments.engine {
        Some(engine) if arguments.what.trouble().is_none() => vec![(engine, count)],
        _ => arguments.what.engines(count),
    };
    say(&format!("chaos {} --count {count} --seed {seed}", arguments.what.name()))?;
    let mut dice = Dice::new(seed);
    let (mut passed, mut failed) = match arguments.what.trouble() {
        Some(trouble) => {
            let proofs = side_by_side(trouble, count, arguments.engine, &mut dice);
            LocalSet::new().run_until(proofs).await?
        }
        None => (0, 0),
    };
    for (engine, count) in &engines {
        let good = proved(arguments.what, *engine, *count, &mut dice).await?;
        (passed, failed) = (passed + usize::from(good), failed + usize::from(!good));
    }
    say(&format!("{passed} passed, {failed} failed"))?;
    Ok(if failed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// The lanes of a proof, each with a shop of its own. Gives how many passed and failed.
async fn side_by_side(
    trouble: Trouble,
    count: usize,
    engine: Option<Engine>,
    dice: &mut Dice,
) -> Result<(usize, usize)> {
    let mut running = JoinSet::new();
    for plan in lanes::plans(trouble, count) {
        if plan.count == 0 || engine.is_some_and(|engine| engine != plan.engine) {
            continue;
        }
        let dice = dice.fork();
        running.spawn_local(async move {
            let begun = Instant::now();
            let outcome = lanes::run(trouble, &plan, dice).await;
            let program = format!("{} on {}", plan.victim.name(), plan.engine.name());
            let name = format!("{trouble:?} of {program}, lane {}", plan.turn.0 + 1);
            let outcome = outcome.map(|ran| (program, ran));
            (name, outcome, begun.elapsed().as_secs_f64())
        });
    }
    if trouble == Trouble::Errors && engine != Some(Engine::Postgres) {
        let dice = dice.fork();
        running.spawn_local(async move {
            let begun = Instant::now();
            let outcome = full::run(dice).await;
            let outcome = outcome
                .map(|said| (String::new(), Ran { met: 0, different: BTreeSet::new(), said }));
            ("full disks".to_owned(), outcome, begun.elapsed().as_secs_f64())
        });
    }
    let (mut passed, mut failed) = (0, 0);
    let (mut met, mut different) = (0, BTreeSet::new());
    loop {
        let ended = tokio::select! {
            ended = running.join_next() => ended,
            // What runs is killed when the tasks are dropped.
            () = asked_to_stop() => bail!("asked to stop"),
        };
        let Some(ended) = ended else { break };
        let (name, outcome, seconds) = ended?;
        match outcome {
            Ok((program, ran)) => {
                passed += 1;
                met += ran.met;
                different.extend(ran.different.into_iter().map(|at| (program.clone(), at)));
                say(&format!("{}\ntest {name} ... ok ({seconds:.1} s)", ran.said))?;
            }
            Err(error) => {
                failed += 1;
                say(&format!("{error:#}\ntest {name} ... FAILED ({seconds:.1} s)"))?;
            }
        }
    }
    // Of one engine there are fewer.
    let enough = met >= count as u64 || engine.is_some();
    let word = if enough { "ok" } else { "FAILED" };
    let different = different.len();
    say(&format!(
        "{met} points met of {count}, {different} of them different\ntest points ... {word}"
    ))?;
    Ok(if enough { (passed + 1, failed) } else { (passed, failed + 1) })
}

/// One proof on one engine: a line of what happened, and a verdict.
async fn proved(what: What, engine: Engine, count: usize, dice: &mut Dice) -> Result<bool> {
    let begun = Instant::now();
    let mut world = World::make(what.name(), engine, dice).await?;
    let outcome = tokio::select! {
        outcome = prove(what, &mut world, engine, count, dice) => outcome,
        // What runs is killed when the future is dropped.
        () = asked_to_stop() => bail!("asked to stop"),
    };
    let seconds = begun.elapsed().as_secs_f64();
    let test = format!("test {} on {} ...", what.name(), engine.name());
    match outcome {
        Ok(said) => {
            world.remove().await?;
            say(&format!("{said}\n{test} ok ({seconds:.1} s)"))?;
            Ok(true)
        }
        Err(error) => {
            let folder = world.folder.display();
            say(&format!("{error:#}\n{test} FAILED ({seconds:.1} s), logs in {folder}"))?;
            Ok(false)
        }
    }
}

async fn prove(
    what: What,
    world: &mut World,
    engine: Engine,
    count: usize,
    dice: &mut Dice,
) -> Result<String> {
    world.set_up().await?;
    match what {
        What::Hot => hot::run(world, engine, count, dice).await,
        What::Load => kills::run(world, engine, count, dice).await,
        What::Offline => offline::run(world, engine, count, dice).await,
        What::LastUnit => last_unit::run(world, engine, count, dice).await,
        What::Restore => restore::run(world, engine, count, dice).await,
        What::Agents => agents::run(world, engine, count, dice).await,
        What::Linear => linear::run(world, engine, count, dice).await,
        What::Replicas => replicas::run(world, count, dice).await,
        What::Kills | What::Disk => bail!("lanes have shops of their own"),
    }
}
