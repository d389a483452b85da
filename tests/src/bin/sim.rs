//! The simulator for people: many seeds in a row, a summary, and what broke.

use std::io::Write;
use std::process::ExitCode;
use std::time::Instant;

use oneshelf_sim::{
    self as sim, Bug, CONFIGS, Config, Counts, Found, Limits, Report, Shown, Summary, run, search,
};

const USAGE: &str = "\
sim [--seeds N | --hours H] [--from S] [--shares off] [--bug NAME] [--bugs]
sim --search CONFIG [--depth N] [--states N] [--bug NAME]
sim --policies [--weeks N]

  --seeds N   runs of N seeds (default 200)
  --from S    the first seed (default 1); one that broke is made again with --from S --seeds 1
  --hours H   goes on until H store-hours (hours times stores) of virtual time have passed;
              from 2,000 on it fails when a store-hour had less than 200 commands or 20 faults,
              from 100,000 on when a kind of fault happened less than 1,000 times
  --shares off  the same without shares: registers ask nobody and sell whatever lies on the
              shelf, the hub promises all of it; counts the promises that this breaks, and fails
              when it breaks none
  --threads N runs of so many seeds at once (default: one a core); the result does not differ
  --hashes    a line a seed: the hash over its trace, and nothing that depends on the machine
  --bug NAME  plants a bug and stops at the seed that shows it
  --tail N    lines of the trace to show (default 40)
  --bugs      every planted bug: which seed shows it, and the shortest trace in its small world;
              fails when the auditor does not find one in 400 seeds (or N, when that is more), or,
              of those that are left to it, in that world

  --policies  what share policies cost, by stock and line, as a table; writes it into
              docs/shares-policies.md and the plot beside it, when it is of the default weeks
  --weeks N   weeks of each cell (default 100000)

  --search CONFIG  every order of a few acts, frames and faults in a small world, breadth first;
                   says how many states there are, or the shortest trace to what breaks
  --depth N        steps of the longest trace (default: until no state is new)
  --states N       stops at N different states (default: the seven small ones of shares.md
                   section 8 are searched to the end, the others to 300000)
";

struct Wish {
    seeds: u64,
    from: u64,
    hours: Option<u64>,
    shares: bool,
    threads: usize,
    hashes: bool,
    policies: bool,
    weeks: u64,
    bug: Option<Bug>,
    bugs: bool,
    tail: usize,
    search: Option<Vec<&'static Config>>,
    depth: usize,
    states: Option<usize>,
}

fn main() -> ExitCode {
    let mut out = std::io::stdout();
    let result = match read(std::env::args().skip(1)) {
        Ok(Some(wish)) if wish.search.is_some() => searches(&mut out, &wish),
        Ok(Some(wish)) if wish.policies => policies(&mut out, &wish),
        Ok(Some(wish)) if wish.bugs => all_bugs(&mut out, &wish),
        Ok(Some(wish)) => seeds(&mut out, &wish),
        Ok(None) => usage(&mut out).map(|()| true),
        Err(wrong) => write!(out, "{wrong}\n\n{USAGE}").map(|()| false),
    };
    if result.unwrap_or(false) { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn usage(out: &mut impl Write) -> std::io::Result<()> {
    write!(out, "{USAGE}\nCONFIG is one of these, or `all`:\n")?;
    CONFIGS.iter().try_for_each(|c| writeln!(out, "  {:18} {}", c.name, c.about))
}

fn read(mut words: impl Iterator<Item = String>) -> Result<Option<Wish>, String> {
    let mut wish = Wish {
        seeds: 200,
        from: 1,
        hours: None,
        shares: true,
        threads: sim::threads(),
        hashes: false,
        policies: false,
        weeks: sim::WEEKS,
        bug: None,
        bugs: false,
        tail: 40,
        search: None,
        depth: usize::MAX,
        states: None,
    };
    while let Some(word) = words.next() {
        let mut number = || -> Result<u64, String> {
            let text = words.next().ok_or(format!("{word} needs a number"))?;
            text.parse().map_err(|_| format!("{word} needs a number, not {text}"))
        };
        match word.as_str() {
            "--seeds" | "--count" => wish.seeds = number()?,
            "--from" => wish.from = number()?,
            "--tail" => wish.tail = usize::try_from(number()?).unwrap_or(40),
            "--hours" => wish.hours = Some(number()?),
            "--threads" => wish.threads = usize::try_from(number()?).unwrap_or(1),
            "--policies" => wish.policies = true,
            "--weeks" => wish.weeks = number()?,
            "--hashes" => wish.hashes = true,
            "--shares" => {
                wish.shares = match words.next().as_deref() {
                    Some("on") => true,
                    Some("off") => false,
                    other => return Err(format!("--shares is on or off, not {other:?}")),
                }
            }
            "--depth" => wish.depth = usize::try_from(number()?).unwrap_or(usize::MAX),
            "--states" => wish.states = usize::try_from(number()?).ok(),
            "--search" => {
                let name = words.next().unwrap_or_default();
                let named = CONFIGS.iter().filter(|c| name == "all" || c.name == name);
                let named: Vec<_> = named.collect();
                if named.is_empty() {
                    return Err(format!("there is no configuration named {name}"));
                }
                wish.search = Some(named);
            }
            "--bugs" => wish.bugs = true,
            "--bug" => {
                let name = words.next().unwrap_or_default();
                let known = Bug::ALL.iter().find(|b| b.name() == name);
                wish.bug = Some(*known.ok_or(format!("there is no bug named {name}"))?);
            }
            "--help" | "-h" => return Ok(None),
            _ => return Err(format!("{word} is not known")),
        }
    }
    Ok(Some(wish))
}

/// Seconds between two words of how far it is.
const PROGRESS_S: u64 = 10;

fn seeds(out: &mut impl Write, wish: &Wish) -> std::io::Result<bool> {
    let begun = Instant::now();
    let (mut counts, mut seeds, mut told) = (Counts::default(), 0, 0);
    let (mut broken, mut written) = (None, Ok(()));
    let one = |seed| match wish.shares {
        true => run(seed, wish.bug, wish.tail),
        false => sim::run_without_shares(seed, wish.tail),
    };
    sim::in_order(wish.from, wish.threads, one, |report| {
        counts.add(&report.counts);
        if wish.hashes {
            written = writeln!(out, "seed {}: {:016x}", report.seed, report.hash);
        }
        if report.broken.is_some() {
            broken = Some(report);
            return false;
        }
        seeds += 1;
        let hours = counts.store_hours();
        if begun.elapsed().as_secs() / PROGRESS_S > told {
            told = begun.elapsed().as_secs() / PROGRESS_S;
            let rest = wish.hours.map_or(String::new(), |all| format!(" of {all}"));
            eprintln!("{seeds} seeds, {hours}{rest} store-hours");
        }
        written.is_ok() && wish.hours.map_or(seeds < wish.seeds, |h| hours < h)
    });
    written?;
    if let Some(report) = broken {
        tell_broken(out, wish, report)?;
        writeln!(out, "{seeds} passed, 1 failed")?;
        return Ok(false);
    }
    if !wish.hashes {
        let ms = begun.elapsed().as_millis().max(1);
        let rate = u128::from(counts.store_hours()) * 10_000 / ms;
        let (whole, part, threads) = (rate / 10, rate % 10, wish.threads);
        writeln!(out, "{seeds} seeds, nothing broke, {} s", ms / 1_000)?;
        writeln!(
            out,
            "{whole}.{part} store-hours a second, {threads} threads\n{}",
            Summary(&counts)
        )?;
    }
    let mut lacks = counts.too_thin();
    if wish.shares && counts.broken > 0 {
        lacks.push(format!("{} promises were broken without a cause", counts.broken));
    }
    if !wish.shares && counts.broken == 0 {
        lacks.push("no promise was broken, although no store has a share".to_owned());
    }
    lacks.iter().try_for_each(|lack| writeln!(out, "not enough: {lack}"))?;
    writeln!(out, "{seeds} passed, {} failed", lacks.len())?;
    Ok(lacks.is_empty())
}

/// Where the table and the plot stand, from the root of the tree.
const PAGE: &str = "docs/shares-policies.md";
const PLOT: &str = "docs/shares-policies.svg";
/// The table stands between these lines.
const TABLE: [&str; 2] = ["<!-- by cargo xtask sim --policies -->\n", "<!-- end -->\n"];

fn policies(out: &mut impl Write, wish: &Wish) -> std::io::Result<bool> {
    let cells = sim::measure(wish.weeks, wish.threads, |done, all| eprintln!("{done} of {all}"));
    let table = sim::table(&cells);
    writeln!(out, "{table}")?;
    if wish.weeks == sim::WEEKS {
        let page = std::fs::read_to_string(PAGE)?;
        let parts = page.split_once(TABLE[0]).zip(page.split_once(TABLE[1]));
        let Some(((before, _), (_, after))) = parts else {
            writeln!(out, "{PAGE} has no place for the table")?;
            return Ok(false);
        };
        std::fs::write(PAGE, [before, TABLE[0], &table, TABLE[1], after].concat())?;
        std::fs::write(PLOT, sim::plot(&cells))?;
        writeln!(out, "written to {PAGE} and {PLOT}")?;
    }
    writeln!(out, "{} passed, 0 failed", cells.len())?;
    Ok(true)
}

fn tell_broken(out: &mut impl Write, wish: &Wish, report: Report) -> std::io::Result<()> {
    let (seed, Some(broken)) = (report.seed, report.broken) else { return Ok(()) };
    broken.tail.iter().try_for_each(|line| writeln!(out, "{line}"))?;
    writeln!(out, "\nseed {seed} broke: {}", broken.what)?;
    let shares = if wish.shares { "" } else { " --shares off" };
    writeln!(out, "make it again: --from {seed} --seeds 1 --tail 1000000{shares}")
}

/// States of a larger world, when nothing else is wanted.
const STATES: usize = 300_000;

fn searches(out: &mut impl Write, wish: &Wish) -> std::io::Result<bool> {
    let configs = wish.search.as_deref().unwrap_or_default();
    let states = |config: &Config| match config.is_small() {
        true => usize::MAX,
        false => STATES,
    };
    let one = |config: &'static Config| {
        let begun = Instant::now();
        let states = wish.states.unwrap_or_else(|| states(config));
        let found = search(config, wish.bug, Limits { depth: wish.depth, states });
        (found, begun.elapsed().as_millis())
    };
    let (mut passed, mut complete, mut small, mut written) = (0, 0, 0, Ok(true));
    sim::each_in_order(configs, wish.threads, one, |config, (found, ms)| {
        small += usize::from(config.is_small());
        complete += usize::from(config.is_small() && found.exhausted);
        written = tell_found(out, config, found, ms);
        passed += usize::from(matches!(written, Ok(true)));
        matches!(written, Ok(true))
    });
    if !written? {
        writeln!(out, "{passed} passed, 1 failed")?;
        return Ok(false);
    }
    if small > 0 {
        writeln!(out, "{complete} of {small} small configurations complete")?;
    }
    writeln!(out, "{passed} passed, 0 failed")?;
    Ok(true)
}

/// True when nothing broke.
fn tell_found(
    out: &mut impl Write,
    config: &Config,
    found: Found,
    ms: u128,
) -> std::io::Result<bool> {
    let Found { states, steps, pruned, depth, exhausted, broken } = found;
    let end = match (&broken, exhausted) {
        (Some(_), _) => "broken",
        (None, true) => "complete, 0 violations",
        (None, false) => "cut off, 0 violations",
    };
    writeln!(
        out,
        "{:18} {states} states, {steps} steps, {pruned} with more than 3 messages one way, depth \
         {depth}, {end}, {ms} ms",
        config.name
    )?;
    let Some((what, trace)) = broken else { return Ok(true) };
    for (at, line) in trace.iter().enumerate() {
        writeln!(out, "{:3}. {line}", at + 1)?;
    }
    writeln!(out, "broke: {what}")?;
    Ok(false)
}

/// Seeds in which a planted bug must show.
const SEEDS_OF_A_BUG: u64 = 400;

fn all_bugs(out: &mut impl Write, wish: &Wish) -> std::io::Result<bool> {
    std::panic::set_hook(Box::new(|_| ())); // some bugs end a run by an assertion
    let (mut passed, mut failed, mut written) = (0, 0, Ok(()));
    let seeds = wish.seeds.max(SEEDS_OF_A_BUG);
    sim::each_in_order(
        Bug::ALL,
        wish.threads,
        |bug| Shown::of(bug, seeds),
        |_, shown| {
            let judged = shown.judge();
            (passed, failed) = match judged {
                Ok(()) => (passed + 1, failed),
                Err(_) => (passed, failed + 1),
            };
            written = tell_shown(out, &shown, judged);
            written.is_ok()
        },
    );
    let _ = std::panic::take_hook();
    written?;
    writeln!(out, "{passed} passed, {failed} failed")?;
    Ok(failed == 0)
}

fn tell_shown(
    out: &mut impl Write,
    shown: &Shown,
    judged: Result<(), &str>,
) -> std::io::Result<()> {
    let short = |what: &str| what.chars().take(90).collect::<String>();
    writeln!(out, "{}: {}", shown.bug.name(), judged.err().unwrap_or("found"))?;
    if let Some((seed, what)) = &shown.seed {
        writeln!(out, "  seed {seed}: {}", short(what))?;
    }
    if let Some((world, trace, what)) = &shown.trace {
        writeln!(out, "  {} steps in {world}: {}", trace.len(), short(what))?;
        for (at, line) in trace.iter().enumerate() {
            writeln!(out, "  {:3}. {line}", at + 1)?;
        }
    }
    Ok(())
}
