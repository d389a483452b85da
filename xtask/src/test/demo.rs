//! The legs `demo` and `demo-real`: the real demo as a person meets it, started twice, ended twice.
//! It must not know how the demo works: it reads what it prints, asks the addresses that it names
//! and looks at its processes. Invariant: no process of a demo outlives its leg.

use std::fs::{self, File};
use std::io::{BufRead, BufReader};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use serde_json::{Value, json};

use super::Finding;
use crate::tree::Tree;
use crate::{http, stop};

/// The last line before the demo waits for Ctrl-C.
const READY: &str = "Ctrl-C stops everything";
const READY_WITHIN: Duration = Duration::from_secs(150);
const ENDED_WITHIN: Duration = Duration::from_secs(90);
const LOOK_EVERY: Duration = Duration::from_millis(200);
const LOOK_OFTEN: Duration = Duration::from_millis(5);
/// What the demo must name, in the words of its table.
const PLACES: [&str; 7] = [
    "Shop page",
    "Set-up page",
    "API documents",
    "Register, Quay Street",
    "Register, Patrick Street",
    "Bench",
    "Health and metrics",
];
/// xtask, hub, world and two agents.
const PROGRAMS: usize = 5;

/// As in a clone without shared data; and a start that is killed in the middle of its work.
pub(crate) fn generated(tree: &Tree) -> Result<Vec<Finding>> {
    let mut findings = twice(tree, None, "a generated catalogue")?;
    let problems = cut_off(tree).err().map(|error| vec![format!("{error:#}")]);
    let name = "a start that was killed is gone on with, and takes stock in once";
    findings.push(Finding { name, problems: problems.unwrap_or_default() });
    Ok(findings)
}

/// Kills a first start while it fills the shop, at whatever row it is, and starts again.
fn cut_off(tree: &Tree) -> Result<()> {
    let folder = Scratch::make()?;
    let killed = Demo::begin(tree, &folder, None)?;
    let log = folder.demo().join("logs/demo-world.log");
    // Then it sends the opening stock.
    killed.wait_until("its items are in", READY_WITHIN, || {
        Ok(fs::read_to_string(&log).unwrap_or_default().contains("items are in"))
    })?;
    stop::send("KILL", &format!("-{}", killed.pid));
    killed.wait_until(
        "all of it is dead",
        ENDED_WITHIN,
        || Ok(members(&killed.pid)?.is_empty()),
    )?;
    let mut again = Demo::begin(tree, &folder, None)?;
    again.get_ready(&folder)?;
    let (hub, secret) = (again.place("Shop page")?, again.secret()?);
    let rows = stock(&hub, &secret, "W01")?;
    // The catalogue gives each item 20 to 79 units there; orders have taken a few.
    let wrong = |row: &&Value| !(1..80).contains(&row["on_hand"].as_i64().unwrap_or(0));
    let odd: Vec<String> = rows.iter().filter(wrong).map(ToString::to_string).collect();
    ensure!(odd.is_empty(), "{} items, such as {}", odd.len(), odd[0]);
    ensure!(rows.len() == 300, "{} of 300 items have stock", rows.len());
    again.end(Signal::OfTerminal)
}

/// With the products and orders of the shared data.
pub(crate) fn real(tree: &Tree) -> Result<Vec<Finding>> {
    let shared = tree.shared.as_deref().context("no shared data")?;
    twice(tree, Some(shared), "real products and orders")
}

fn twice(tree: &Tree, shared: Option<&Path>, sells: &str) -> Result<Vec<Finding>> {
    let folder = Scratch::make()?;
    let mut findings = Vec::new();
    let mut note = |name, outcome: Result<()>| {
        let problems = outcome.err().map(|error| vec![format!("{error:#}")]).unwrap_or_default();
        findings.push(Finding { name, problems });
    };
    let first = Demo::start(tree, &folder, shared)?;
    let secret = first.secret()?;
    let hub = first.place("Shop page")?;
    let sells = first.says(&format!("It sells {sells}"));
    note("the catalogue", sells);
    note("each address of the first start answers", first.answers());
    note(
        "the credentials are their owner's alone",
        private(&folder.demo().join("credentials.txt")),
    );
    note("no command line shows the admin secret", first.hides(&secret));
    let held = hold(&hub, &secret)?;
    let before = on_hand(&hub, &secret)?;
    note("Ctrl-C ends the demo and all of its programs", first.end(Signal::OfTerminal));
    let second = Demo::start(tree, &folder, shared)?;
    note("each address of the second start answers", second.answers());
    note("a second start has the same admin secret", {
        let again = second.secret()?;
        ensure_that(again == secret, || "it is another one".to_owned())
    });
    let hub = second.place("Shop page")?;
    note("a hold of the first start is still there", still_held(&hub, &secret, &held));
    note("a second start takes no opening stock in", {
        let now = on_hand(&hub, &secret)?;
        ensure_that((1..=before).contains(&now), || format!("{before} units became {now}"))
    });
    note("SIGINT to the demo alone ends it and all of its programs", second.end(Signal::ToXtask));
    Ok(findings)
}

fn ensure_that(good: bool, problem: impl FnOnce() -> String) -> Result<()> {
    if good { Ok(()) } else { bail!(problem()) }
}

/// A folder of our own that goes with us.
struct Scratch(PathBuf);

impl Scratch {
    fn make() -> Result<Self> {
        let path = std::env::temp_dir().join(format!("oneshelf-demo-{}", std::process::id()));
        let _ = fs::remove_dir_all(&path);
        fs::create_dir_all(&path).with_context(|| format!("cannot make {}", path.display()))?;
        Ok(Self(path))
    }

    fn demo(&self) -> PathBuf {
        self.0.join("demo")
    }

    fn complaints(&self) -> PathBuf {
        self.0.join("complaints")
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// Whom the signal reaches.
enum Signal {
    /// Ctrl-C in a terminal: every process of the group at once.
    OfTerminal,
    /// `kill -INT`: xtask, which passes it on.
    ToXtask,
}

/// A running demo; its process group has no other members.
struct Demo {
    pid: String,
    said: Vec<String>,
    lines: Receiver<String>,
    ended: Receiver<std::io::Result<ExitStatus>>,
    _listed: stop::Listed,
}

impl Demo {
    /// Starts it and waits until it says that it is ready.
    fn start(tree: &Tree, folder: &Scratch, shared: Option<&Path>) -> Result<Self> {
        let mut demo = Self::begin(tree, folder, shared)?;
        demo.get_ready(folder)?;
        Ok(demo)
    }

    fn get_ready(&mut self, folder: &Scratch) -> Result<()> {
        self.hear(READY_WITHIN, |line| line.contains(READY)).with_context(|| {
            let complaints = fs::read_to_string(folder.complaints()).unwrap_or_default();
            format!("the demo is not ready\n{}\n{complaints}", self.said.join("\n"))
        })
    }

    fn begin(tree: &Tree, folder: &Scratch, shared: Option<&Path>) -> Result<Self> {
        let mut command = tree.command(std::env::current_exe()?);
        command.args(["demo", "--built"]).env("CARGO_MANIFEST_DIR", tree.root.join("xtask"));
        command.env("ONESHELF_DEMO_DIR", folder.demo());
        command.env("ONESHELF_SHARED", shared.unwrap_or(&folder.0.join("none")));
        command.process_group(0).stdin(Stdio::null()).stdout(Stdio::piped());
        command.stderr(File::create(folder.complaints())?);
        let mut child = command.spawn().context("cannot start the demo")?;
        let printed = child.stdout.take().context("a piped output is there")?;
        let pid = child.id().to_string();
        let (line, lines) = channel();
        std::thread::spawn(move || {
            for text in BufReader::new(printed).lines().map_while(Result::ok) {
                let _ = line.send(text);
            }
        });
        let (end, ended) = channel();
        std::thread::spawn(move || end.send(child.wait()));
        let _listed = stop::list(format!("-{pid}"));
        Ok(Self { pid, said: Vec::new(), lines, ended, _listed })
    }

    /// Looks often, since what is waited for may be over soon.
    fn wait_until(
        &self,
        what: &str,
        within: Duration,
        is_so: impl Fn() -> Result<bool>,
    ) -> Result<()> {
        let since = Instant::now();
        let (_never, pause) = channel::<()>();
        while !is_so()? {
            stop::fail_if_asked()?;
            ensure!(since.elapsed() < within, "waited in vain until {what}");
            let _ = pause.recv_timeout(LOOK_OFTEN);
        }
        Ok(())
    }

    /// Reads until a line is the one; an output that ends before is an error.
    fn hear(&mut self, within: Duration, wanted: impl Fn(&str) -> bool) -> Result<()> {
        let since = Instant::now();
        loop {
            stop::fail_if_asked()?;
            match self.lines.recv_timeout(LOOK_EVERY) {
                Ok(line) => {
                    let found = wanted(&line);
                    self.said.push(line);
                    if found {
                        return Ok(());
                    }
                }
                Err(RecvTimeoutError::Disconnected) => bail!("its output ended"),
                Err(RecvTimeoutError::Timeout) if since.elapsed() > within => {
                    bail!("nothing came within {} s", within.as_secs())
                }
                Err(RecvTimeoutError::Timeout) => {}
            }
        }
    }

    fn says(&self, words: &str) -> Result<()> {
        let found = self.said.iter().any(|line| line.contains(words));
        ensure_that(found, || format!("`{words}` is not in\n{}", self.said.join("\n")))
    }

    fn secret(&self) -> Result<String> {
        let words = self.said.iter().flat_map(|line| line.split_whitespace());
        let secret = words.into_iter().find(|word| word.starts_with("osa_"));
        secret.map(str::to_owned).context("the demo printed no admin secret")
    }

    /// Base and path of an address that was printed behind these words.
    fn address(&self, name: &str) -> Result<(String, String)> {
        let lines = self.said.iter().filter(|line| line.trim_start().starts_with(name));
        let rest = lines.into_iter().find_map(|line| line.split_once("http://"));
        let (_, address) = rest.with_context(|| format!("the demo named no `{name}`"))?;
        let (host, path) = address.split_once('/').unwrap_or((address, ""));
        Ok((format!("http://{host}"), format!("/{path}")))
    }

    fn place(&self, name: &str) -> Result<String> {
        Ok(self.address(name)?.0)
    }

    fn answers(&self) -> Result<()> {
        for name in PLACES {
            let (base, path) = self.address(name)?;
            let answer = http::get(&base, &path)?;
            ensure!(answer.status == 200, "{name} ({base}{path}) answers {}", answer.status);
            let page = answer.body.to_ascii_lowercase().contains("<!doctype html");
            let wanted = name != "Health and metrics";
            ensure!(page || !wanted, "{name} ({base}{path}) is no page");
        }
        Ok(())
    }

    /// Everybody on the machine may read command lines.
    fn hides(&self, secret: &str) -> Result<()> {
        let programs = members(&self.pid)?;
        let shown: Vec<&str> = programs.iter().map(|(_, words)| words.as_str()).collect();
        ensure!(shown.len() >= PROGRAMS, "only these programs run: {}", shown.join("; "));
        let telling = shown.iter().find(|words| words.contains(secret));
        ensure_that(telling.is_none(), || {
            let program = telling.and_then(|words| words.split(' ').next());
            format!("it is an argument of {}", program.unwrap_or("?"))
        })
    }

    /// Ends it; its word, its exit code and what is left of its group must be right.
    fn end(mut self, signal: Signal) -> Result<()> {
        let target = match signal {
            Signal::OfTerminal => format!("-{}", self.pid),
            Signal::ToXtask => self.pid.clone(),
        };
        stop::send("INT", &target);
        self.hear(ENDED_WITHIN, |line| line.starts_with("All stopped"))?;
        let status = self.ended.recv_timeout(ENDED_WITHIN).context("it does not end")??;
        ensure!(status.success(), "it ended with {status}");
        let left = members(&self.pid)?;
        ensure_that(left.is_empty(), || {
            let shown: Vec<String> =
                left.iter().map(|(pid, words)| format!("{pid} {words}")).collect();
            format!("these still run: {}", shown.join("; "))
        })
    }
}

impl Drop for Demo {
    fn drop(&mut self) {
        stop::send("KILL", &format!("-{}", self.pid));
    }
}

/// Process ids and command lines of a process group.
fn members(group: &str) -> Result<Vec<(String, String)>> {
    let mut members = Vec::new();
    for entry in fs::read_dir("/proc").context("cannot look at processes")? {
        let path = entry?.path();
        // A process may end while it is looked at.
        let Ok(stat) = fs::read_to_string(path.join("stat")) else { continue };
        // Behind the name, which may hold anything: state, parent, group.
        let rest = stat.rsplit_once(')').map_or("", |(_, rest)| rest);
        let fields: Vec<&str> = rest.split_whitespace().take(3).collect();
        // What is dead and not yet buried does not run.
        if fields.get(2) != Some(&group) || fields[0] == "Z" {
            continue;
        }
        let words = fs::read(path.join("cmdline")).unwrap_or_default();
        let words = String::from_utf8_lossy(&words).replace('\0', " ");
        let pid = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        members.push((pid, words));
    }
    Ok(members)
}

fn private(path: &Path) -> Result<()> {
    let mode = fs::metadata(path).context("no credentials")?.permissions().mode() & 0o777;
    ensure_that(mode == 0o600, || format!("the file has mode {mode:o}"))
}

/// The first rows of a location's stock.
fn stock(hub: &str, secret: &str, location: &str) -> Result<Vec<Value>> {
    let path = format!("/v1/locations/{location}/stock?limit=500");
    let page = http::read(hub, secret, &path)?;
    page["items"].as_array().cloned().context("a list of stock")
}

/// Units on hand. Shoppers only take from them while the demo runs.
fn on_hand(hub: &str, secret: &str) -> Result<i64> {
    let rows = stock(hub, secret, "W01")?;
    Ok(rows.iter().filter_map(|row| row["on_hand"].as_i64()).sum())
}

/// Holds a unit at the warehouse for an hour and gives the reservation's id.
fn hold(hub: &str, secret: &str) -> Result<String> {
    let rows = stock(hub, secret, "W01")?;
    let free = rows.iter().find(|row| row["available"].as_i64() > Some(5));
    let sku = free.and_then(|row| row["sku"].as_str()).context("the warehouse has nothing")?;
    let line = json!({"sku": sku, "location": "W01", "quantity": 1});
    let body = json!({"lines": [line], "reference": "leg demo", "expires_in_s": 3_600});
    let made = http::call(hub, secret, "POST", "/v1/reservations", &body)?;
    made["id"].as_str().map(str::to_owned).context("a reservation has an id")
}

fn still_held(hub: &str, secret: &str, id: &str) -> Result<()> {
    let found: Value = http::read(hub, secret, &format!("/v1/reservations/{id}"))?;
    ensure_that(found["state"] == "held", || format!("it is {found}"))
}
