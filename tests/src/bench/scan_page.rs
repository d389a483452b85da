//! The register page in a real browser, driven by `tests/e2e/scan.mjs`: one line of JSON a command
//! and one a thing seen.
//!
//! Invariant: the browser is gone when the value is dropped: its driver ends with its input.

use std::path::PathBuf;
use std::process::Stdio;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use anyhow::{Context, Result, bail};
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader, Lines};
use tokio::process::{Child, ChildStdin, ChildStdout, Command};
use tokio::time::timeout;

use super::scan_shop::REGISTER;
use crate::chaos::world::MANAGER;

const READY: Duration = Duration::from_secs(60);

/// See the module.
pub struct Page {
    child: Child,
    say: Option<ChildStdin>,
    lines: Lines<BufReader<ChildStdout>>,
}

/// The system's clock, milliseconds and their parts.
pub fn wall_ms() -> f64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    since.as_secs_f64() * 1_000.0
}

/// The script, in the checkout that this is run in, or else in the one that it was built in.
fn script() -> PathBuf {
    let here = PathBuf::from("tests/e2e/scan.mjs");
    if here.is_file() {
        here
    } else {
        PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("e2e/scan.mjs")
    }
}

impl Page {
    /// Opens the register page and signs in.
    ///
    /// # Errors
    /// When there is no browser, or the page does not come that far.
    pub async fn open(pages: &str) -> Result<Self> {
        let mut node = Command::new("node");
        node.arg(script()).args([pages, REGISTER, MANAGER.0, MANAGER.1]);
        node.stdin(Stdio::piped()).stdout(Stdio::piped()).kill_on_drop(true);
        let mut child = node.spawn().context("cannot start node")?;
        let say = child.stdin.take();
        let out = child.stdout.take().context("its output is piped")?;
        let lines = BufReader::new(out).lines();
        let mut page = Self { child, say, lines };
        page.wait("ready", READY).await?;
        Ok(page)
    }

    async fn next(&mut self, limit: Duration) -> Result<Value> {
        let line = timeout(limit, self.lines.next_line()).await.context("the page says nothing")?;
        let line = line?.context("the browser ended")?;
        let said: Value = serde_json::from_str(&line).with_context(|| line.clone())?;
        match said["error"].as_str() {
            Some(error) => bail!("the page: {error}"),
            None => Ok(said),
        }
    }

    /// The next thing of this kind; others are of no interest any more.
    async fn wait(&mut self, kind: &str, limit: Duration) -> Result<Value> {
        loop {
            let said = self.next(limit).await?;
            if said["kind"] == json!(kind) {
                return Ok(said);
            }
        }
    }

    async fn command(&mut self, command: &Value) -> Result<()> {
        let pipe = self.say.as_mut().context("the browser is closed")?;
        Ok(pipe.write_all(format!("{command}\n").as_bytes()).await?)
    }

    /// When the line of an item came into the page, by the system's clock.
    ///
    /// # Errors
    /// When it does not come.
    pub async fn line(&mut self, sku: &str, limit: Duration) -> Result<f64> {
        loop {
            let line = self.wait("line", limit).await?;
            if line["sku"] == json!(sku) {
                return line["at"].as_f64().context("a line has its time");
            }
        }
    }

    /// Takes everything off the ticket: paid, or voided.
    ///
    /// # Errors
    /// When the page does not get that far.
    pub async fn clear(&mut self, pays: bool) -> Result<()> {
        self.command(&json!({"do": if pays { "pay" } else { "void" }})).await?;
        self.wait("cleared", READY).await.map(drop)
    }

    /// Compares the page's fine clock with the system's anew; how far it is ahead. The page's times
    /// are corrected by it.
    ///
    /// # Errors
    /// When the page does not answer.
    pub async fn clock(&mut self) -> Result<f64> {
        self.command(&json!({"do": "clock"})).await?;
        let said = self.wait("clock", READY).await?;
        said["ahead"].as_f64().context("a difference of clocks")
    }

    /// Opens another page that adds an element for each message pushed to it.
    ///
    /// # Errors
    /// When it does not open.
    pub async fn open_probe(&mut self, url: &str) -> Result<()> {
        self.command(&json!({"do": "open_probe", "url": url})).await?;
        self.wait("probe_open", READY).await.map(drop)
    }

    /// When the probe's next element came into its page, by the system's clock.
    ///
    /// # Errors
    /// When it does not come.
    pub async fn probe(&mut self, limit: Duration) -> Result<f64> {
        let seen = self.wait("probe", limit).await?;
        seen["at"].as_f64().context("a probe has its time")
    }

    /// Closes that other page.
    ///
    /// # Errors
    /// When it does not close.
    pub async fn close_probe(&mut self) -> Result<()> {
        self.command(&json!({"do": "close_probe"})).await?;
        self.wait("probe_closed", READY).await.map(drop)
    }

    /// Closes the browser.
    ///
    /// # Errors
    /// When it does not end well.
    pub async fn close(mut self) -> Result<()> {
        self.say = None;
        let status = timeout(READY, self.child.wait()).await.context("it does not close")??;
        if !status.success() {
            bail!("the browser's driver ended with {status}");
        }
        Ok(())
    }
}
