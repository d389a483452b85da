//! The demo's programs while they run: starts them, reads their first line, stops them in turn.
//! It must not know which programs these are. They share the terminal's process group, so that
//! Ctrl-C reaches them even if xtask cannot pass it on; what they print goes to their logs.

use std::fs::{File, OpenOptions};
use std::io::{BufRead, BufReader, Write};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

use crate::tree::Tree;
use crate::{run, stop};

const READY_WITHIN: Duration = Duration::from_secs(120);
const STOP_WITHIN: Duration = Duration::from_secs(20);
const LOOK_EVERY: Duration = Duration::from_millis(200);
const TAIL_LINES: usize = 30;

pub(crate) struct Children<'a> {
    tree: &'a Tree,
    release: bool,
    logs: PathBuf,
    running: Vec<Running>,
}

struct Running {
    name: String,
    child: Child,
}

impl<'a> Children<'a> {
    pub(crate) fn new(tree: &'a Tree, release: bool, logs: &Path) -> Self {
        Self { tree, release, logs: logs.to_path_buf(), running: Vec::new() }
    }

    /// Starts a program that stays, and gives back the line that says that it is ready.
    pub(crate) fn start(&mut self, name: &str, program: &str, words: &[&str]) -> Result<String> {
        self.start_with(name, program, words, &[])
    }

    /// The same with variables that only it sees: command lines show to everybody.
    pub(crate) fn start_with(
        &mut self,
        name: &str,
        program: &str,
        words: &[&str],
        variables: &[(&str, &str)],
    ) -> Result<String> {
        stop::fail_if_asked()?;
        let path = self.log(name);
        let log = OpenOptions::new().create(true).append(true).open(&path)?;
        let mut command = self.tree.command(self.tree.program(program, self.release));
        command.args(words).envs(variables.iter().copied());
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(log.try_clone()?);
        let mut child = command.spawn().with_context(|| format!("cannot start {program}"))?;
        let printed = child.stdout.take().context("a piped output is there")?;
        self.running.push(Running { name: name.to_owned(), child });
        let lines = read_lines(printed, log);
        let since = Instant::now();
        loop {
            stop::fail_if_asked()?;
            match lines.recv_timeout(LOOK_EVERY) {
                Ok(line) => return Ok(line),
                Err(RecvTimeoutError::Disconnected) => {
                    bail!("{name} ended before it was ready\n{}", tail(&path))
                }
                Err(RecvTimeoutError::Timeout) if since.elapsed() > READY_WITHIN => {
                    let seconds = READY_WITHIN.as_secs();
                    bail!("{name} was not ready within {seconds} s\n{}", tail(&path))
                }
                Err(RecvTimeoutError::Timeout) => {}
            }
        }
    }

    /// Runs a program that ends by itself and gives back what it printed.
    pub(crate) fn once(&self, program: &str, words: &[&str]) -> Result<String> {
        stop::fail_if_asked()?;
        let program = self.tree.program(program, self.release);
        run::output(self.tree.command(program).args(words))
    }

    /// Until Ctrl-C; a program that ends by itself is an error.
    pub(crate) fn wait(&mut self) -> Result<()> {
        let (_never, pause) = channel::<()>();
        while !stop::asked() {
            for running in &mut self.running {
                // Ctrl-C in a terminal reaches all at once; what ends then has been asked to.
                if let Some(status) = running.child.try_wait()?
                    && !stop::asked()
                {
                    let log = self.logs.join(format!("{}.log", running.name));
                    bail!("{} ended by itself ({status})\n{}", running.name, tail(&log));
                }
            }
            let _ = pause.recv_timeout(LOOK_EVERY);
        }
        Ok(())
    }

    /// The last one started goes first: agents, then their world, then the hub.
    pub(crate) fn stop(&mut self) {
        while let Some(mut running) = self.running.pop() {
            stop::send("TERM", &running.child.id().to_string());
            let since = Instant::now();
            let (_never, pause) = channel::<()>();
            while matches!(running.child.try_wait(), Ok(None)) {
                if since.elapsed() > STOP_WITHIN {
                    println!("{} does not stop: it is killed", running.name);
                    let _ = running.child.kill();
                    let _ = running.child.wait();
                    break;
                }
                let _ = pause.recv_timeout(LOOK_EVERY);
            }
        }
    }

    fn log(&self, name: &str) -> PathBuf {
        self.logs.join(format!("{name}.log"))
    }
}

impl Drop for Children<'_> {
    fn drop(&mut self) {
        self.stop();
    }
}

/// The first line goes to the caller, every line to the log. The channel closes with the output.
fn read_lines(printed: ChildStdout, mut log: File) -> Receiver<String> {
    let (first, caller) = channel();
    std::thread::spawn(move || {
        for line in BufReader::new(printed).lines().map_while(Result::ok) {
            let _ = writeln!(log, "{line}");
            let _ = first.send(line);
        }
    });
    caller
}

/// The loopback address with this port, or with any when it is taken.
pub(crate) fn listen(port: u16) -> String {
    let free = TcpListener::bind(("127.0.0.1", port)).is_ok();
    format!("127.0.0.1:{}", if free { port } else { 0 })
}

/// The `at`-th address of a line such as `hub listening on http://127.0.0.1:8080 admin http://...`.
pub(crate) fn address(line: &str, at: usize) -> Result<String> {
    let mut addresses = line.split_whitespace().filter(|word| word.starts_with("http://"));
    let found = addresses.nth(at).with_context(|| format!("no address in `{line}`"))?;
    Ok(found.trim_end_matches('/').to_owned())
}

fn tail(log: &Path) -> String {
    let text = std::fs::read_to_string(log).unwrap_or_default();
    let lines: Vec<&str> = text.lines().collect();
    lines[lines.len().saturating_sub(TAIL_LINES)..].join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_read_in_their_order() {
        let line = "hub listening on http://127.0.0.1:8080 admin http://127.0.0.1:8081/";
        assert_eq!(address(line, 0).unwrap(), "http://127.0.0.1:8080");
        assert_eq!(address(line, 1).unwrap(), "http://127.0.0.1:8081");
        assert!(address("nothing", 0).is_err());
    }

    #[test]
    fn a_taken_port_gives_way_to_any() {
        let taken = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = taken.local_addr().unwrap().port();
        assert_eq!(listen(port), "127.0.0.1:0");
    }

    #[test]
    fn a_program_that_ends_too_early_is_told_with_its_log() {
        let tree = Tree::find().unwrap();
        let logs = std::env::temp_dir().join(format!("xtask-children-{}", std::process::id()));
        std::fs::create_dir_all(&logs).unwrap();
        let mut children = Children::new(&tree, false, &logs);
        // An absolute path takes the place of the program folder when joined to it.
        let error = children.start("early", "/bin/sh", &["-c", "echo why >&2"]).unwrap_err();
        assert!(error.to_string().contains("why"), "{error}");
        let ready = "echo ready; exec sleep 600";
        assert_eq!(children.start("late", "/bin/sh", &["-c", ready]).unwrap(), "ready");
        children.stop();
        std::fs::remove_dir_all(logs).unwrap();
    }
}
