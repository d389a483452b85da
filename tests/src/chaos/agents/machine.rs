//! A store's machine for these proofs: a folder, the program on it, its line, its cashier. And the
//! book of what was sold on all of them.
//!
//! The book is the proof's own: what the cashiers were told. Invariant: what stands in it was
//! acknowledged by an agent, and its goods are gone whatever becomes of that agent's disk.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result, bail};
use serde_json::{Value, json};

use crate::chaos::client::{Ask, Caller, until};
use crate::chaos::dice::Dice;
use crate::chaos::programs::{Program, Running, free_port};
use crate::chaos::register::{Register, Sold};
use crate::chaos::road::{Line, Road};
use crate::chaos::settle;
use crate::chaos::world::{Item, MANAGER};

/// A debug program on a busy machine, which tries again at growing intervals.
pub const LIMIT: Duration = Duration::from_secs(90);

/// See the module.
#[derive(Debug, Default)]
pub struct Book {
    /// Sales that the hub must have, each once.
    pub sold: Vec<Sold>,
    /// Sales that were on one disk alone, which is gone.
    pub lost: Vec<Sold>,
}

impl Book {
    /// Units of an item that lie on the shelf.
    pub fn left(&self, sku: &str, opening: i64) -> i64 {
        let all = self.sold.iter().chain(&self.lost);
        opening - all.filter_map(|sold| sold.units.get(sku)).sum::<i64>()
    }

    /// Receipt numbers that two sales bear.
    pub fn doubles(&self) -> usize {
        let mut times: BTreeMap<&str, usize> = BTreeMap::new();
        self.sold.iter().for_each(|sold| *times.entry(&sold.receipt).or_default() += 1);
        times.values().map(|times| times - 1).sum()
    }
}

/// One machine.
pub struct Machine {
    pub program: Program,
    pub data: PathBuf,
    pub line: Line,
    pub caller: Caller,
    pub register: Register,
    running: Option<Running>,
    /// Of its pay keys.
    name: String,
    paid: usize,
}

impl Machine {
    /// A machine with this folder, which is not started.
    pub async fn new(
        program: &Program,
        data: &Path,
        hub: SocketAddr,
        name: &str,
        dice: &mut Dice,
    ) -> Result<Self> {
        let line = Line::open(hub, dice.fork()).await?;
        let pages = SocketAddr::from(([127, 0, 0, 1], free_port(dice)?));
        let (data_text, at) = (data.display().to_string(), pages.to_string());
        let to = format!("http://{}", line.address());
        let arguments = ["serve", "--data", &data_text, "--listen", &at, "--hub", &to];
        let program = Program {
            name: name.to_owned(),
            arguments: arguments.map(str::to_owned).into(),
            ..program.clone()
        };
        let caller = Caller::new(&format!("http://{pages}"), None)?;
        let register = Register::new(caller.clone(), "R1", MANAGER);
        let (data, name) = (data.to_owned(), name.to_owned());
        Ok(Self { program, data, line, caller, register, running: None, name, paid: 0 })
    }

    /// Starts it, with its line as it is.
    pub async fn start(&mut self) -> Result<()> {
        self.running = Some(self.program.start_sound().await?);
        // The cashier signs in anew; a scan would do it too, and be lost.
        self.register.ticket().await.map(drop)
    }

    /// Starts it for the first time: nobody can sign in before the first copy is here.
    pub async fn enrolled(&mut self) -> Result<()> {
        self.running = Some(self.program.start_sound().await?);
        self.drained().await?;
        self.register.open().await
    }

    pub async fn stop(&mut self) -> Result<()> {
        self.running.take().context("it does not run")?.stop().await
    }

    pub async fn kill(&mut self) -> Result<()> {
        self.running.take().context("it does not run")?.kill().await
    }

    /// Runs another command of the program on its folder; gives what it printed.
    pub async fn command(&self, arguments: &[&str]) -> Result<String> {
        let data = self.data.display().to_string();
        let mut all: Vec<String> = arguments.iter().map(|&a| a.to_owned()).collect();
        all.extend(["--data".to_owned(), data]);
        let name = format!("{}-{}", self.name, arguments.first().unwrap_or(&""));
        Program { name, arguments: all, ..self.program.clone() }.output().await
    }

    /// Everything is told, and the line is live.
    pub async fn drained(&self) -> Result<()> {
        settle::drained(&self.caller, LIMIT).await
    }

    /// Sells so many tickets.
    pub async fn sell(
        &mut self,
        items: &[Item],
        tickets: u64,
        dice: &mut Dice,
    ) -> Result<Vec<Sold>> {
        let mut all = vec![];
        for _ in 0..tickets {
            match self.ticket(items, dice).await? {
                Ok(sold) => all.push(sold),
                Err(code) => bail!("{}: a payment was refused: {code}", self.name),
            }
        }
        Ok(all)
    }

    /// One ticket: the sale, or the code of its refusal; then the ticket is void.
    pub async fn ticket(
        &mut self,
        items: &[Item],
        dice: &mut Dice,
    ) -> Result<std::result::Result<Sold, String>> {
        let mut ticket = json!(null);
        for _ in 0..dice.between(1, 3) {
            ticket = self.register.scan(&dice.pick(items).code.clone()).await?;
        }
        self.paid += 1;
        let key = format!("{}-{}", self.name, self.paid);
        match self.register.pay(&ticket, &key, true).await? {
            Ok(sold) => Ok(Ok(sold)),
            Err(no) => {
                let code = no.code().to_owned();
                self.register.void().await?;
                Ok(Err(code))
            }
        }
    }

    /// What became of its journal, as its page shows it.
    pub async fn life(&self) -> Result<Value> {
        Ok(self.caller.settled(&Ask::get("/api/state")).await?.good("the state")?["life"].take())
    }

    /// The word for it.
    pub async fn word(&self) -> Result<String> {
        Ok(self.life().await?["state"].as_str().unwrap_or_default().to_owned())
    }

    /// Waits until its page shows one of these words.
    pub async fn shows(&self, words: &[&str]) -> Result<()> {
        until(LIMIT, async || {
            let word = self.word().await?;
            Ok(if words.contains(&&*word) { Ok(()) } else { Err(word) })
        })
        .await
        .with_context(|| format!("{} does not show one of {words:?}", self.name))
    }

    /// Counts every shelf, and finds what the book says.
    pub async fn count(&mut self, items: &[Item], book: &Book, opening: i64) -> Result<()> {
        for item in items {
            let found = book.left(&item.sku, opening);
            let body = json!({"act": "count", "sku": item.sku, "found": found});
            let ask = Ask::say("/api/stock/acts", &body);
            self.register.settled(&ask).await?.good("a count")?;
        }
        self.drained().await
    }

    /// Cuts its line.
    pub fn cut(&self) {
        self.line.set(Road::Cut);
    }

    /// Mends its line.
    pub fn mend(&self) {
        self.line.set(Road::Clear);
    }
}

/// Makes backups of a machine that sells meanwhile.
pub struct Maker(Program, String);

impl Maker {
    /// Of this machine.
    pub fn of(machine: &Machine) -> Self {
        Self(machine.program.clone(), machine.data.display().to_string())
    }

    pub async fn backup(&self, file: &str) -> Result<String> {
        let arguments = ["backup", file, "--data", &self.1].map(str::to_owned).into();
        let name = "agent-backup".to_owned();
        Program { name, arguments, ..self.0.clone() }.output().await
    }
}

/// The disk is gone, and its keys were kept elsewhere.
pub fn remove_journal(data: &Path) -> Result<()> {
    for suffix in ["", "-wal", "-shm"] {
        let path = data.join(format!("agent.sqlite{suffix}"));
        if path.exists() {
            std::fs::remove_file(path)?;
        }
    }
    let mark = data.join("serve.open");
    if mark.exists() {
        std::fs::remove_file(mark)?;
    }
    Ok(())
}

/// As somebody would who moves a shop to another machine.
pub fn copy_folder(from: &Path, to: &Path) -> Result<()> {
    std::fs::create_dir(to)?;
    for entry in std::fs::read_dir(from)? {
        let entry = entry?;
        let name = entry.file_name();
        if entry.file_type()?.is_file() && !name.to_string_lossy().contains("before-restore") {
            std::fs::copy(entry.path(), to.join(name))?;
        }
    }
    Ok(())
}
