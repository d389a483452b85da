//! Programs that are killed, or whose writes fail, at each of their system calls: which lanes there
//! are, and who has which points. Lanes run side by side, since most of a life is waiting.
//!
//! It must not know what is compared. Invariant: the lanes of a program share its points out, each
//! taking its turn.

use anyhow::{Context, Result};

use super::dice::Dice;
use super::lane::{Lane, Ran};
use super::points::{OF_FILES, OF_SOCKETS};
use super::programs::Fault;
use super::world::{Engine, World};

/// Which program it is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Victim {
    /// The hub.
    Hub,
    /// A store's agent.
    Agent,
    /// `hub backup`.
    Backup,
}

impl Victim {
    /// For people and folders.
    pub fn name(self) -> &'static str {
        match self {
            Self::Hub => "hub",
            Self::Agent => "agent",
            Self::Backup => "backup",
        }
    }
}

/// What happens at the points.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Trouble {
    /// `kill -9`.
    Kills,
    /// EIO and ENOSPC, each once and from then on.
    Errors,
}

impl Trouble {
    /// At the how manieth point.
    pub fn at(self, point: usize) -> Fault {
        if self == Trouble::Kills {
            return Fault::Kill;
        }
        let errno = ["EIO", "ENOSPC"][point % 2];
        Fault::Error { errno, lasting: point / 2 % 2 == 1 }
    }

    /// Calls that a program may meet it at.
    pub fn calls(self, victim: Victim, engine: Engine) -> Vec<&'static str> {
        // A disk's errors are those of files; on a server the hub has only sockets.
        let sockets =
            engine != Engine::Sqlite || (self == Trouble::Kills && victim != Victim::Backup);
        let sockets = if sockets { &OF_SOCKETS[..] } else { &[] };
        OF_FILES.iter().chain(sockets).copied().collect()
    }
}

/// A lane of a proof.
pub struct Plan {
    /// Which program.
    pub victim: Victim,
    /// Where the hub keeps its rows.
    pub engine: Engine,
    /// How many points the program gets, in all its lanes.
    pub count: usize,
    /// Which lane of how many: each takes its turn.
    pub turn: (usize, usize),
}

/// Points of a lane as a rule: a shop is opened for fewer in vain.
const LANE_POINTS: usize = 6;
/// Lanes of a program: the most of a life is waiting.
const LANES_MAX: usize = 3;

/// The lanes of a proof. The agent and the hub on SQLite have most of the calls.
pub fn plans(trouble: Trouble, count: usize) -> Vec<Plan> {
    use Engine::{Postgres, Sqlite};
    let (some, few) = (count * 35 / 100, count / 10);
    let servers = if trouble == Trouble::Kills { count * 2 / 10 } else { few };
    let programs = [
        (Victim::Hub, Sqlite, count - some - servers - few),
        (Victim::Agent, Sqlite, some),
        (Victim::Hub, Postgres, servers),
        (Victim::Backup, Sqlite, few),
    ];
    let mut plans = vec![];
    for (victim, engine, count) in programs {
        let lanes = count.div_ceil(LANE_POINTS).min(LANES_MAX);
        for turn in 0..lanes {
            plans.push(Plan { victim, engine, count, turn: (turn, lanes) });
        }
    }
    plans
}

/// One lane from beginning to end.
///
/// # Errors
/// What was lost, doubled or broken, and where the logs are.
pub async fn run(trouble: Trouble, plan: &Plan, mut dice: Dice) -> Result<Ran> {
    let name = format!("{trouble:?}-{}-{}", plan.victim.name(), plan.turn.0).to_lowercase();
    let world = World::make(&name, plan.engine, &mut dice).await?;
    let folder = world.folder.display().to_string();
    let ran = async {
        let mut lane = Lane::open(world, plan.victim, trouble, plan.engine).await?;
        let said = lane.run(plan.count, plan.turn).await?;
        lane.close().await?;
        anyhow::Ok(said)
    };
    ran.await.with_context(|| format!("logs in {folder}"))
}
