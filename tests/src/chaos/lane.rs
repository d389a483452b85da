//! One program that is killed, or whose writes fail, at each of its system calls through the core
//! commands, in a shop of its own.
//!
//! First the calls of one life are written down, then lives begin that meet something at one of
//! them. After each the programs are started plain, everything settles, and words, rows and audit
//! are compared with the books. Invariant: what is not the victim runs all the time.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use serde_json::json;

use super::client::{Ask, Caller, Weather, until};
use super::lanes::{Trouble, Victim};
use super::points::{OF_SOCKETS, Point, Seen, Table, instead, seen, spread};
use super::programs::{Fault, Program, Running, Start, Trap, injected, killed};
use super::register::Register;
use super::script::Script;
use super::world::{Engine, Item, MANAGER, STORE, WAREHOUSE, World, stop_all};
use super::{rows as tables, settle, verdict};

const ITEMS: usize = 3;
const AT_STORE: i64 = 100_000;
const AT_WAREHOUSE: i64 = 100_000;
const REGISTER: &str = "R1";
const BACKUP: &str = "shop.backup";
/// Refusals after which there is room again. (Also where a call was to fail once: a program that
/// takes a new connection takes a new thread, and strace counts each for itself.)
const REFUSALS: u64 = 3;
/// In place of those that a program did not get to: at most so many times the points of a lane, and
/// so many more, since a lane of one or two on PostgreSQL meets few of the calls on files.
const TRIES: usize = 2;
const TRIES_MORE: usize = 16;
/// How often the audit runs: each fifth point, and at the end.
const AUDIT_EVERY: usize = 5;

/// What a lane came to.
#[derive(Debug)]
pub struct Ran {
    /// Points at which something happened.
    pub met: u64,
    /// Where that was; other lanes of the same program may have been there too.
    pub different: BTreeSet<Point>,
    /// For people.
    pub said: String,
}

/// See the module.
pub struct Lane {
    world: World,
    victim: Victim,
    trouble: Trouble,
    engine: Engine,
    script: Script,
    items: Vec<Item>,
    weather: Arc<Weather>,
    pages: Caller,
    hub: Program,
    agent: Program,
    /// The one that is not the victim, and the hub of a backup.
    others: Vec<Running>,
    ends: u64,
    compared: usize,
}

impl Lane {
    /// Opens a shop and starts what is not the victim.
    ///
    /// # Errors
    /// When a program refuses.
    pub async fn open(
        mut world: World,
        victim: Victim,
        trouble: Trouble,
        engine: Engine,
    ) -> Result<Self> {
        world.set_up().await?;
        let hub = world.hub(0)?;
        let first = hub.start_sound().await?;
        world.open_store(&[REGISTER]).await?;
        let items = world.items(ITEMS, &[(STORE, AT_STORE), (WAREHOUSE, AT_WAREHOUSE)]).await?;
        world.policy(&format!("share/{STORE}/*"), 50).await?;
        let road = json!({"name": "Road", "kind": "transit"});
        world.admin(0)?.need(&Ask::put("/v1/locations/T01", &road)).await?;
        world.enrol(world.hubs[0]).await?;
        let (agent, at) = world.agent()?;
        let second = agent.start_sound().await?;
        let weather = Arc::<Weather>::default();
        let pages = Caller::new(&format!("http://{at}"), None)?.in_weather(&weather);
        settle::drained(&pages, Duration::from_secs(60)).await?;
        let others = match victim {
            Victim::Hub => {
                first.stop().await?;
                vec![second]
            }
            Victim::Agent => {
                second.stop().await?;
                vec![first]
            }
            Victim::Backup => vec![second, first],
        };
        let register = Register::new(pages.clone(), REGISTER, MANAGER);
        let admin = world.admin(0)?.in_weather(&weather);
        let script = Script::new(admin, register, items.clone(), AT_STORE);
        Ok(Self {
            world,
            victim,
            trouble,
            engine,
            script,
            items,
            weather,
            pages,
            hub,
            agent,
            others,
            ends: 0,
            compared: 0,
        })
    }

    fn program(&self) -> Result<Program> {
        Ok(match self.victim {
            Victim::Hub => self.hub.clone(),
            Victim::Agent => self.agent.clone(),
            Victim::Backup => self.world.backup_to(BACKUP)?,
        })
    }

    /// What belongs to the victim in the folder.
    fn own(&self) -> Vec<PathBuf> {
        let names: &[&str] = match self.victim {
            Victim::Hub => &["hub.db", "hub/"],
            Victim::Agent => &["agent/"],
            Victim::Backup => &["hub.db", BACKUP],
        };
        names
            .iter()
            .map(|name| PathBuf::from(format!("{}/{name}", self.world.folder.display())))
            .collect()
    }

    /// Goes through its share of `count` points, and says what happened.
    ///
    /// # Errors
    /// What was lost, doubled or broken.
    pub async fn run(&mut self, count: usize, turn: (usize, usize)) -> Result<Ran> {
        let begun = Instant::now();
        let seen = self.write_down().await?;
        ensure!(!seen.calls.is_empty(), "strace saw no call");
        let points = spread(&seen.calls, count);
        let mut table = Table::of(&seen.calls);
        let mine: Vec<_> = points.iter().enumerate().skip(turn.0).step_by(turn.1).collect();
        let wanted = mine.len() as u64;
        for (round, (number, point)) in mine.into_iter().enumerate() {
            let fault = self.trouble.at(number);
            let mut point = point.clone();
            // A life may make fewer calls than the one that was written down.
            while !self.try_one(&point, fault, &seen, &mut table).await? && point.nth > 1 {
                point.nth /= 2;
            }
            let audit = round % AUDIT_EVERY == AUDIT_EVERY - 1;
            self.compare(audit).await.with_context(|| format!("after {fault:?} at {point:?}"))?;
        }
        let others = instead(&seen.calls, count, turn, table.different());
        let tries = usize::try_from(wanted)? * TRIES + TRIES_MORE;
        for (number, point) in others.iter().cycle().take(tries).enumerate() {
            if table.met() >= wanted {
                break;
            }
            let fault = self.trouble.at(number);
            self.try_one(point, fault, &seen, &mut table).await?;
            self.compare(false).await.with_context(|| format!("after {fault:?} at {point:?}"))?;
        }
        self.compare(true).await?;
        Ok(Ran {
            met: table.met(),
            different: table.different().clone(),
            said: self.said(&table, begun),
        })
    }

    fn said(&self, table: &Table, begun: Instant) -> String {
        let (met, different) = (table.met(), table.different().len());
        format!(
            "{}\n{met} points met of {} tried, {different} of them different, in {:.1} s; {} times \
             the program ended by itself, {} refusals for the disk's sake; acknowledged {} claims \
             with {} steps, {} sales, {} tickets voided; nothing lost or doubled, receipts equal \
             sales, audit clean",
            table.print(&self.table_name()),
            table.tries(),
            begun.elapsed().as_secs_f64(),
            self.ends,
            self.weather.disk.load(Ordering::Relaxed),
            self.script.books.claims.len(),
            self.script.books.steps,
            self.script.books.sales.len(),
            self.script.books.voided,
        )
    }

    async fn try_one(
        &mut self,
        point: &Point,
        fault: Fault,
        seen: &Seen,
        table: &mut Table,
    ) -> Result<bool> {
        let met = self.meet(point, fault, seen).await;
        let met = met.with_context(|| format!("{fault:?} at {point:?}"))?;
        table.tried(point, met);
        Ok(met)
    }

    fn table_name(&self) -> String {
        format!("{}, {}", self.victim.name(), self.engine.name())
    }

    /// One life of the victim from its start to its stop, with every call written down.
    async fn write_down(&mut self) -> Result<Seen> {
        let log = self.world.folder.join("calls");
        let calls = self.trouble.calls(self.victim, self.engine).join(",");
        let trap = Trap::write_down(&calls, &log);
        let program = self.program()?;
        let pid = match self.victim {
            Victim::Backup => {
                self.script.centre().await?;
                let (ended, pid) = program.to_its_end(Some(trap)).await?;
                ensure!(ended.success(), "a backup that is watched fails");
                pid
            }
            Victim::Hub | Victim::Agent => {
                let Start::Ready(running) = program.start(Some(trap)).await? else {
                    bail!("a program that is watched ends by itself");
                };
                let pid = running.pid();
                self.play().await?;
                settle::drained(&self.pages, Duration::from_secs(60)).await?;
                running.stop().await?;
                pid
            }
        };
        let pid = pid.context("it had a number")?.to_string();
        let last = |line: &str| {
            // strace fills a short number up with blanks.
            let rest = line.strip_prefix(&*pid).filter(|rest| rest.starts_with(' '));
            rest.is_some_and(|rest| rest.trim_start().starts_with("+++ exited"))
        };
        let text = until(Duration::from_secs(20), async || {
            let text = std::fs::read_to_string(&log).unwrap_or_default();
            let whole = text.lines().any(last);
            Ok(if whole { Ok(text) } else { Err("strace is not done".to_owned()) })
        })
        .await?;
        std::fs::remove_file(&log)?;
        self.plain().await?;
        Ok(seen(&text, &self.own()))
    }

    async fn play(&mut self) -> Result<()> {
        match self.victim {
            Victim::Hub => self.script.whole().await,
            Victim::Agent => self.script.store().await,
            Victim::Backup => self.script.centre().await,
        }
    }

    /// Starts the victim without strace, where it is one that serves.
    async fn plain(&mut self) -> Result<()> {
        if self.victim != Victim::Backup {
            self.others.push(self.program()?.start_sound().await?);
        }
        Ok(())
    }

    /// One life that meets something at a point; the victim serves plain afterwards. True when it
    /// got there.
    async fn meet(&mut self, point: &Point, fault: Fault, seen: &Seen) -> Result<bool> {
        let files: Vec<PathBuf> = match OF_SOCKETS.contains(&point.call) {
            true => vec![],
            false => seen.files.iter().cloned().collect(),
        };
        let log = self.world.folder.join("trap");
        let trap = Trap::new(point.call, point.nth, fault, &files, &log);
        if self.victim == Victim::Backup {
            return self.meet_in_backup(trap, fault).await;
        }
        let plain = self.others.pop().context("the victim serves")?;
        plain.stop().await?;
        let program = self.program()?;
        let (bad, refused) = (self.weather.bad(), self.weather.disk.load(Ordering::Relaxed));
        let mut running = match program.start(Some(trap)).await? {
            Start::Ready(running) => *running,
            Start::Died(status) => {
                self.ends += u64::from(fault != Fault::Kill);
                ensure!(fault != Fault::Kill || killed(status), "it ended by itself: {status}");
                self.plain().await?;
                self.play().await?;
                return Ok(fault == Fault::Kill || injected(&log)?);
            }
        };
        let (mut ended, mut freed) = (false, false);
        {
            let weather = Arc::clone(&self.weather);
            let playing = async {
                match self.victim {
                    Victim::Agent => self.script.store().await,
                    Victim::Hub | Victim::Backup => self.script.whole().await,
                }
            };
            tokio::pin!(playing);
            loop {
                tokio::select! {
                    played = &mut playing => break played?,
                    status = running.ended(), if !ended => {
                        let status = status?;
                        ensure!(fault != Fault::Kill || killed(status), "by itself: {status}");
                        ended = true;
                        running = program.start_sound().await?;
                        running.trap = None;
                    }
                    () = weather.rung.notified(), if !ended && !freed => {
                        if fault != Fault::Kill && weather.bad() >= bad + REFUSALS {
                            freed = true;
                            running.free().await?;
                        }
                    }
                }
            }
        }
        self.ends += u64::from(ended && fault != Fault::Kill);
        if ended {
            self.others.push(running);
            return Ok(fault == Fault::Kill || injected(&log)?);
        }
        // The last calls of a life are those of its end.
        let well = running.end().await?;
        self.plain().await?;
        // What strace had not written down yet when it was ended, the disk's refusals tell.
        let refused = self.weather.disk.load(Ordering::Relaxed) > refused;
        Ok(freed && refused || fault == Fault::Kill && !well || injected(&log)?)
    }

    async fn meet_in_backup(&mut self, trap: Trap, fault: Fault) -> Result<bool> {
        self.play().await?;
        let (ended, _) = self.program()?.to_its_end(Some(trap)).await?;
        let half = self.world.folder.join(format!("{BACKUP}.partial"));
        if fault != Fault::Kill {
            self.ends += u64::from(!ended.success());
            ensure!(!half.exists(), "a backup that failed left its half behind");
        }
        let (after, _) = self.program()?.to_its_end(None).await?;
        ensure!(after.success(), "the backup afterwards failed: {after}");
        ensure!(!half.exists(), "the backup afterwards left a half behind");
        Ok(!ended.success())
    }

    /// Everything settles, and is compared with the books.
    async fn compare(&mut self, audit: bool) -> Result<()> {
        settle::drained(&self.pages, Duration::from_secs(90)).await?;
        let admin = self.world.admin(0)?;
        let Script { books, register, .. } = &mut self.script;
        verdict::words(&self.world, books, register, self.compared).await?;
        self.compared = books.sales.len();
        for item in &self.items {
            let opening = (AT_STORE, AT_WAREHOUSE);
            verdict::stock(&admin, &item.sku, opening, books).await?;
        }
        verdict::rows(&self.world, books).await?;
        if audit {
            self.world.audit().await?;
            tables::whole(&self.world.journal()).await?;
        }
        Ok(())
    }

    /// Stops everything and takes the shop away.
    ///
    /// # Errors
    /// When a program does not end well.
    pub async fn close(self) -> Result<()> {
        let Self { world, others, .. } = self;
        stop_all(others).await?;
        world.audit().await?;
        world.remove().await
    }
}
