//! Starts, kills and stops the real programs.
//!
//! Owns processes, their ports and their logs. It knows nothing of what the programs do, but the
//! line on standard output that says that one is ready. Invariant: what it started is dead when
//! the value is dropped; nothing else is ever killed.

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::fs::OpenOptions;
use std::net::TcpListener;
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Stdio};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, Command};
use tokio::time::timeout;

use super::client::until;
use super::dice::Dice;

/// Debug programs on a busy machine, with strace around them.
const START_LIMIT: Duration = Duration::from_secs(60);
/// Ports that shops of this process have.
static GIVEN: Mutex<BTreeSet<u16>> = Mutex::new(BTreeSet::new());
/// The signal of `kill -9`.
const SIGKILL: i32 = 9;
const STOP_LIMIT: Duration = Duration::from_secs(30);

/// What strace does to a program at its system calls.
#[derive(Debug, Clone)]
pub struct Trap {
    /// The calls, for people.
    pub call: String,
    arguments: Vec<String>,
}

/// What happens at a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// The process is killed before it is made.
    Kill,
    /// It fails: once, or from then on.
    Error {
        /// `EIO`, `ENOSPC`.
        errno: &'static str,
        /// From then on.
        lasting: bool,
    },
}

impl Trap {
    /// At the how manieth such call of one thread something happens; of calls that name a file,
    /// only those on one of `files`, if there are any.
    /// What strace has to say goes into `log`.
    pub fn new(call: &str, nth: u64, fault: Fault, files: &[PathBuf], log: &Path) -> Self {
        let what = match fault {
            Fault::Kill => format!("signal=KILL:when={nth}"),
            Fault::Error { errno, lasting } => {
                format!("error={errno}:when={nth}{}", if lasting { "+" } else { "" })
            }
        };
        let log = log.display().to_string();
        let mut arguments: Vec<String> = ["-qqq", "-s", "0", "-o", &log].map(str::to_owned).into();
        arguments.push(format!("--trace={call}"));
        arguments.push(format!("--inject={call}:{what}"));
        for file in files {
            arguments.extend(["-P".to_owned(), file.display().to_string()]);
        }
        Self { call: call.to_owned(), arguments }
    }

    /// Nothing happens; the calls are written down.
    pub fn write_down(calls: &str, log: &Path) -> Self {
        let log = log.display().to_string();
        let trace = format!("--trace={calls}");
        let arguments = ["-q", "-y", "-s", "0", "-o", &log, &trace].map(str::to_owned).into();
        Self { call: calls.to_owned(), arguments }
    }
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
    /// What it finds in its environment beside what this program has in its own.
    pub environment: Vec<(&'static str, OsString)>,
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
    /// The strace of that.
    tracer: Option<u32>,
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
/// No port is given twice: a shop beside may not listen on its own yet.
///
/// # Errors
/// When there is none.
pub fn free_port(dice: &mut Dice) -> Result<u16> {
    let mut given = GIVEN.lock().unwrap_or_else(PoisonError::into_inner);
    for _ in 0..1_000 {
        let port = u16::try_from(dice.between(15_000, 30_000))?;
        if !given.contains(&port) && TcpListener::bind(("127.0.0.1", port)).is_ok() {
            given.insert(port);
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
        let mut command = self.command(trap.as_ref());
        let log = OpenOptions::new().create(true).append(true).open(self.log())?;
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
                let tracer = child.id().filter(|_| trap.is_some()).and_then(tracer_of);
                let ready = Running { child, name, ready_line, ready_after, trap, tracer };
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

    /// Runs it to its end, however that is, with what is said to it into its log.
    ///
    /// # Errors
    /// When it does not end.
    pub async fn to_its_end(&self, trap: Option<Trap>) -> Result<(ExitStatus, Option<u32>)> {
        let log = OpenOptions::new().create(true).append(true).open(self.log())?;
        let mut command = self.command(trap.as_ref());
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(log);
        let mut child = command.spawn()?;
        let pid = child.id();
        let ended = timeout(START_LIMIT, child.wait()).await;
        Ok((ended.with_context(|| format!("{} does not end", self.name))??, pid))
    }

    /// Runs it to its end and gives what it printed.
    ///
    /// # Errors
    /// When it does not end well.
    pub async fn output(&self) -> Result<String> {
        let mut command = self.command(None);
        command.stdin(Stdio::null());
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

    fn command(&self, trap: Option<&Trap>) -> Command {
        let mut command = match trap {
            None => Command::new(&self.file),
            Some(Trap { arguments, .. }) => {
                let mut strace = Command::new("strace");
                // -D: the traced program stays our child, with the pid that we know. (With
                // --seccomp-bpf, which would be faster, strace 6.1 looks at no path.)
                strace.args(["-D", "-f"]).args(arguments).arg(&self.file);
                strace
            }
        };
        command.args(&self.arguments).envs(self.environment.clone()).kill_on_drop(true);
        command
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

    /// SIGSTOP: it sleeps, wherever it is.
    ///
    /// # Errors
    /// When it is dead.
    pub async fn pause(&self) -> Result<()> {
        tell(self.pid().context("it is dead already")?, "STOP").await
    }

    /// SIGCONT: it wakes up and knows nothing of having slept.
    ///
    /// # Errors
    /// When it is dead.
    pub async fn go_on(&self) -> Result<()> {
        tell(self.pid().context("it is dead already")?, "CONT").await
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

    /// Takes strace away: from now on every call does what it should. (Asked to end, strace 6.1
    /// may wait for ever for a thread that it wants to let go of; killed it lets go of all.)
    ///
    /// # Errors
    /// When strace does not go.
    pub async fn free(&self) -> Result<()> {
        let Some(strace) = self.pid().and_then(tracer_of) else { return Ok(()) };
        tell(strace, "KILL").await?;
        gone(strace).await
    }

    /// Asks it to stop, however it ends; true when it ended well.
    ///
    /// # Errors
    /// When it does not end in time.
    pub async fn end(mut self) -> Result<bool> {
        if let Some(pid) = self.pid() {
            // One that has just died cannot be asked.
            let _ = tell(pid, "TERM").await;
        }
        let ended = timeout(STOP_LIMIT, self.child.wait()).await;
        let ended = ended.with_context(|| format!("{} does not stop", self.name))??;
        if let Some(strace) = self.tracer {
            gone(strace).await?;
        }
        Ok(ended.success())
    }

    /// Asks it to stop; it must end well.
    ///
    /// # Errors
    /// When it does not end in time, or badly.
    pub async fn stop(mut self) -> Result<()> {
        let pid = self.child.id().with_context(|| format!("{} is dead already", self.name))?;
        tell(pid, "TERM").await.with_context(|| self.name.clone())?;
        let ended = timeout(STOP_LIMIT, self.child.wait()).await;
        let status = ended.with_context(|| format!("{} does not stop", self.name))??;
        if !status.success() {
            bail!("{} was asked to stop and ended with {status}", self.name);
        }
        Ok(())
    }
}

/// What the system says of a process.
fn about(pid: u32, what: &str) -> Option<String> {
    let text = std::fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    let line = text.lines().find_map(|line| line.strip_prefix(what))?;
    Some(line.trim().to_owned())
}

/// The strace that looks at a process.
fn tracer_of(pid: u32) -> Option<u32> {
    about(pid, "TracerPid:")?.parse().ok().filter(|tracer| *tracer > 0)
}

/// Waits until a process of ours is no more: then all that it had to say is written.
async fn gone(pid: u32) -> Result<()> {
    until(STOP_LIMIT, async || {
        // What nobody has asked for yet, as strace's parent is no more, has ended too.
        let state = about(pid, "State:").filter(|state| !state.starts_with('Z'));
        Ok(state.map_or(Ok(()), |state| Err(format!("{pid} is still there: {state}"))))
    })
    .await
}

async fn tell(pid: u32, signal: &str) -> Result<()> {
    let mut kill = Command::new("sh");
    kill.args(["-c", &format!("kill -{signal} {pid}")]).stderr(Stdio::null());
    if !kill.status().await?.success() {
        bail!("{pid} cannot be told {signal}");
    }
    Ok(())
}

/// By the signal that strace sends.
pub fn killed(status: ExitStatus) -> bool {
    status.signal() == Some(SIGKILL)
}

/// A call was answered by strace, as it wrote down.
///
/// # Errors
/// When there is no such log.
pub fn injected(log: &Path) -> Result<bool> {
    Ok(std::fs::read_to_string(log)?.contains("(INJECTED)"))
}
