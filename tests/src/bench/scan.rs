//! `bench scan`: from a scanner's first byte to the line in the register page, without a hub.
//!
//! A real agent has 50,000 items and thousands of sales that nobody has answered. The hub is
//! killed; at its address answers somebody who opens sessions and takes the outbox in without a
//! word, and later answers slowly, so that the agent replays all the while (`scan_silent`).
//! Invariant: every scan is counted, also one that never came to the page.

use std::io::Write;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use oneshelf_hardware::sim::ScannerSim;

use super::scan_page::{Page, wall_ms};
use super::scan_probe;
use super::scan_shop::{ScanShop, sku_of};
use super::scan_silent::Silent;
use super::spread::Spread;
use crate::chaos::dice::Dice;

/// p99 that must hold and that is wished for, milliseconds.
const BAR_MS: f64 = 100.0;
const GOAL_MS: f64 = 20.0;
/// Lines of a ticket before it is paid or voided.
const LINES: usize = 20;
/// A line that is not there by then never comes.
const LIMIT: Duration = Duration::from_secs(5);
/// A prime: steps through a catalogue whose size it does not divide.
const STRIDE: usize = 7_919;
/// Facts answered per second in the second half.
const ANSWERS_PER_S: u64 = 60;

/// What the command line says.
#[derive(Debug, clap::Args)]
pub struct Options {
    /// Fails when p99 is above the bar.
    #[arg(long)]
    pub check: bool,
    /// Scans.
    #[arg(long, default_value_t = 1_000)]
    pub scans: usize,
    /// Items of the catalogue.
    #[arg(long, default_value_t = 50_000)]
    pub items: usize,
    /// Sales that wait for an answer.
    #[arg(long, default_value_t = 3_000)]
    pub unsent: usize,
}

/// Runs it and prints the spread.
///
/// # Errors
/// When something fails, a line does not come, or `--check` is not met.
pub async fn run(options: &Options, out: &mut impl Write) -> Result<()> {
    let mut dice = Dice::new(7);
    let shop = ScanShop::open(options.items, &mut dice).await?;
    let folder = shop.folder().to_owned();
    let measured = measure(options, shop, out, &mut dice).await;
    measured.with_context(|| format!("logs and data are in {}", folder.display()))
}

async fn measure(
    options: &Options,
    mut shop: ScanShop,
    out: &mut impl Write,
    dice: &mut Dice,
) -> Result<()> {
    eprintln!("the hub is killed; {} sales are made without it", options.unsent);
    shop.kill_hub().await?;
    shop.sell(options.unsent).await?;
    let silent = Silent::open(shop.hub_address(), shop.hub_id()).await?;
    let mut page = Page::open(&shop.pages()).await?;
    let before = page.clock().await?;
    let mut pushes = scan_probe::pushes(&mut page).await?;
    let mut bare = scan_probe::terminal(300).await?;
    let waiting = shop.waiting().await?;
    if waiting < options.unsent {
        bail!("{waiting} sales wait, not {}", options.unsent);
    }
    let half = options.scans / 2;
    eprintln!("{half} scans while nothing is answered");
    let mut all = Scans::default();
    all.go(0..half, options.items, &mut page, shop.scanner(), dice).await?;
    let mute = (silent.taken(), all.spread.clone());
    eprintln!("{} scans while {ANSWERS_PER_S} facts a second are", options.scans - half);
    silent.answer(ANSWERS_PER_S);
    all.pays = true;
    all.go(half..options.scans, options.items, &mut page, shop.scanner(), dice).await?;
    silent.answer(0);
    pushes.add(&scan_probe::pushes(&mut page).await?);
    bare.add(&scan_probe::terminal(300).await?);
    let after = page.clock().await?;
    let left = shop.waiting().await?;
    page.close().await?;
    writeln!(out, "{:<44}{}", "milliseconds", Spread::HEAD)?;
    writeln!(out, "{:<44}{bare}", "probe: terminal written -> code read, no agent")?;
    writeln!(out, "{:<44}{pushes}", "probe: WebSocket push -> element, no agent")?;
    writeln!(out, "{:<44}{}", "scan -> line, nothing answered", mute.1)?;
    writeln!(out, "{:<44}{}", "scan -> line, all", all.spread)?;
    writeln!(
        out,
        "{} items; hub down; {waiting} facts unanswered at first, {left} at last; {} facts read \
         again from disk and sent, {} of them before the first answer, over {} connections; {} \
         tickets paid, {} voided meanwhile",
        options.items,
        silent.taken(),
        mute.0,
        silent.connections(),
        all.paid,
        all.voided,
    )?;
    writeln!(
        out,
        "clocks: the page's against this program's {:+.2} ms at first, {:+.2} ms at last \
         (corrected); resolution 0.1 ms",
        before, after
    )?;
    silent.close();
    shop.close().await?;
    judge(&all.spread, options.check, out)
}

fn judge(spread: &Spread, check: bool, out: &mut impl Write) -> Result<()> {
    let p99 = spread.at(99.0);
    let word = match p99 {
        p if p <= GOAL_MS => "goal reached",
        p if p <= BAR_MS => "bar held",
        _ => "BAR MISSED",
    };
    writeln!(out, "p99 {p99:.1} ms (bar {BAR_MS} ms, goal {GOAL_MS} ms): {word}")?;
    if check && p99 > BAR_MS {
        bail!("a scan takes too long");
    }
    Ok(())
}

/// What came of the scans.
#[derive(Debug, Default)]
struct Scans {
    /// Every second ticket is paid. What nobody grants, a cashier cannot sell.
    pays: bool,
    spread: Spread,
    paid: usize,
    voided: usize,
}

impl Scans {
    async fn go(
        &mut self,
        numbers: std::ops::Range<usize>,
        items: usize,
        page: &mut Page,
        scanner: &mut ScannerSim,
        dice: &mut Dice,
    ) -> Result<()> {
        for number in numbers {
            // Spread over the catalogue, none twice on a ticket: that would add no line.
            let item = number * STRIDE % items;
            let (sku, code) = sku_of(item);
            // Not in step with heartbeats and the disk's rhythm.
            tokio::time::sleep(dice.time(5, 40)).await;
            let begun = wall_ms();
            scanner.scan(&code)?;
            let line = page.line(&sku, LIMIT).await;
            let line = line.with_context(|| format!("scan {number} of {code}"))?;
            let took = line - begun;
            if !(0.0..=wall_ms() - begun + 1.0).contains(&took) {
                bail!("the clocks disagree: a line {took:.2} ms after its scan");
            }
            self.spread.put(took);
            if (number + 1) % LINES == 0 {
                let pays = self.pays && ((number + 1) / LINES).is_multiple_of(2);
                page.clear(pays).await?;
                *(if pays { &mut self.paid } else { &mut self.voided }) += 1;
            }
        }
        Ok(())
    }
}
