//! Starts, kills and stops the real programs.
//!
//! Owns processes, their ports and their logs. It knows nothing of what the programs do, but the
//! line on standard output that says that one is ready. Invariant: what it started is dead when
//! the value is dropped; nothing else is ever killed.

use std::fs::OpenOptions;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, Command};
use tokio::time::timeout;

use super::dice::Dice;

/// Debug programs on a busy machine, with strace around them.
const START_LIMIT: Duration = Duration::from_secs(60);
const STOP_LIMIT: Duration = Duration::from_secs(30);

/// A system call at which a process kills itself.
#[derive(Debug, Clone)]
pub struct Trap {
    /// Its name.
    pub call: &'static str,
    /// The how manieth such call of one thread.
    pub nth: u64,
}

/// How a program is started.
#[derive(Debug, Clone)]
pub struct Program {
    /// For people, and the name of its log.
    pub name: String,
    /// The file.
    pub file: PathBuf,
    /// What follows on its command line.
    pub arguments: Vec<String>,
    /// Folder of logs.
    pub logs: PathBuf,
}

/// A program that said that it is ready.
pub struct Running {
    child: Child,
    name: String,
    /// What it said.
    pub ready_line: String,
    /// How long that took.
    pub ready_after: Duration,
    /// Where it will kill itself.
    pub trap: Option<Trap>,
}

/// What starting came to.
pub enum Start {
    /// It is ready.
    Ready(Box<Running>),
    /// It ended before: a trap.
    Died(ExitStatus),
}

/// The built program of this name: in `ONESHELF_BIN`, else beside this one.
///
/// # Errors
/// Says where it is not.
pub fn find(name: &str) -> Result<PathBuf> {
    let folder = match std::env::var_os("ONESHELF_BIN") {
        Some(folder) => PathBuf::from(folder),
        None => std::env::current_exe()?.parent().unwrap_or(Path::new(".")).to_path_buf(),
    };
    let file = folder.join(name);
    if !file.is_file() {
        bail!("{} is not there; build it, or say where with ONESHELF_BIN", file.display());
    }
    Ok(file)
}

/// A free port below those that the system gives to connections: while a program is dead nobody
/// else gets its port by chance.
///
/// # Errors
/// When there is none.
pub fn free_port(dice: &mut Dice) -> Result<u16> {
    for _ in 0..1_000 {
        let port = u16::try_from(dice.between(15_000, 30_000))?;
        if TcpListener::bind(("127.0.0.1", port)).is_ok() {
            return Ok(port);
        }
    }
    bail!("no free port between 15000 and 30000")
}

impl Program {
    /// Starts it and waits until it is ready.
    ///
    /// # Errors
    /// When it cannot be started, does not get ready, or ends without a trap.
    pub async fn start(&self, trap: Option<Trap>) -> Result<Start> {
        let mut command = match &trap {
            None => Command::new(&self.file),
            Some(Trap { call, nth }) => {
                let mut strace = Command::new("strace");
                // -D: the traced program stays our child, with the pid that we know. (With
                // --seccomp-bpf, which would be faster, strace 6.1 injects nothing.)
                strace.args(["-D", "-f", "-qqq", "-o", "/dev/null"]);
                strace.arg(format!("--trace={call}"));
                strace.arg(format!("--inject={call}:signal=KILL:when={nth}")).arg(&self.file);
                strace
            }
        };
        let log = OpenOptions::new().create(true).append(true).open(self.log())?;
        command.args(&self.arguments).kill_on_drop(true);
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(log);
        let begun = Instant::now();
        let mut child =
            command.spawn().with_context(|| format!("cannot start {}", self.file.display()))?;
        let out = child.stdout.take().context("its output is piped")?;
        let mut lines = BufReader::new(out).lines();
        let first = timeout(START_LIMIT, lines.next_line()).await;
        match first {
            Ok(Ok(Some(ready_line))) => {
                // Whatever else it says must not fill the pipe.
                tokio::spawn(async move { while let Ok(Some(_)) = lines.next_line().await {} });
                let (name, ready_after) = (self.name.clone(), begun.elapsed());
                let ready = Running { child, name, ready_line, ready_after, trap };
                Ok(Start::Ready(Box::new(ready)))
            }
            Ok(_) => {
                let status = timeout(STOP_LIMIT, child.wait()).await.context("it neither")??;
                if trap.is_some() {
                    return Ok(Start::Died(status));
                }
                bail!("{} ended before it was ready: {status}\n{}", self.name, self.end_of_log())
            }
            Err(_) => {
                bail!("{} was not ready within {START_LIMIT:?}\n{}", self.name, self.end_of_log())
            }
        }
    }

    /// Starts it without a trap.
    ///
    /// # Errors
    /// When it does not get ready.
    pub async fn start_sound(&self) -> Result<Running> {
        match self.start(None).await? {
            Start::Ready(running) => Ok(*running),
            Start::Died(status) => bail!("{} ended before it was ready: {status}", self.name),
        }
    }

    /// Runs it to its end and gives what it printed.
    ///
    /// # Errors
    /// When it does not end well.
    pub async fn output(&self) -> Result<String> {
        let mut command = Command::new(&self.file);
        command.args(&self.arguments).stdin(Stdio::null()).kill_on_drop(true);
        let output = timeout(Duration::from_secs(300), command.output())
            .await
            .with_context(|| format!("{} does not end", self.name))??;
        let out = String::from_utf8_lossy(&output.stdout).into_owned();
        if !output.status.success() {
            let errors = String::from_utf8_lossy(&output.stderr);
            bail!("{} failed ({}): {out}{errors}", self.name, output.status);
        }
        Ok(out)
    }

    fn log(&self) -> PathBuf {
        self.logs.join(format!("{}.log", self.name))
    }

    fn end_of_log(&self) -> String {
        let text = std::fs::read_to_string(self.log()).unwrap_or_default();
        let lines: Vec<&str> = text.lines().collect();
        lines[lines.len().saturating_sub(20)..].join("\n")
    }
}

impl Running {
    /// Its number, while it lives.
    pub fn pid(&self) -> Option<u32> {
        self.child.id()
    }

    /// Waits until it ends.
    ///
    /// # Errors
    /// When the system does not say how.
    pub async fn ended(&mut self) -> Result<ExitStatus> {
        Ok(self.child.wait().await?)
    }

    /// `kill -9`.
    ///
    /// # Errors
    /// When it does not die.
    pub async fn kill(&mut self) -> Result<()> {
        self.child.start_kill()?;
        timeout(STOP_LIMIT, self.child.wait()).await.context("killed, and still there")??;
        Ok(())
    }

    /// Asks it to stop; it must end well.
    ///
    /// # Errors
    /// When it does not end in time, or badly.
    pub async fn stop(mut self) -> Result<()> {
        let pid = self.child.id().with_context(|| format!("{} is dead already", self.name))?;
        let mut kill = Command::new("sh");
        kill.args(["-c", &format!("kill -TERM {pid}")]);
        if !kill.status().await?.success() {
            bail!("{} cannot be asked to stop", self.name);
        }
        let ended = timeout(STOP_LIMIT, self.child.wait()).await;
        let status = ended.with_context(|| format!("{} does not stop", self.name))??;
        if !status.success() {
            bail!("{} was asked to stop and ended with {status}", self.name);
        }
        Ok(())
    }
}
