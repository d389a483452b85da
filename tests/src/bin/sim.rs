//! The simulator for people: many seeds in a row, a summary, and what broke.

#[path = "../sim/mod.rs"]
mod sim;

use std::io::Write;
use std::process::ExitCode;

use sim::{Bug, CONFIGS, Config, Counts, Limits, run, search};

const USAGE: &str = "\
sim [--seeds N] [--from S] [--hours H] [--bug NAME] [--bugs]
sim --search CONFIG [--depth N] [--states N] [--bug NAME]

  --seeds N   runs of N seeds (default 200)
  --from S    the first seed (default 1); one that broke is made again with --from S --seeds 1
  --hours H   goes on until H store-hours of virtual time have passed
  --bug NAME  plants a bug and stops at the seed that shows it
  --tail N    lines of the trace to show (default 40)
  --bugs      each planted bug in turn: which of N seeds shows it, and how

  --search CONFIG  every order of a few acts, frames and faults in a small world, breadth first;
                   says how many states there are, or the shortest trace to what breaks
  --depth N        steps of the longest trace (default: until no state is new)
  --states N       stops at N different states (default 1000000)
";

struct Wish {
    seeds: u64,
    from: u64,
    hours: Option<u64>,
    bug: Option<Bug>,
    bugs: bool,
    tail: usize,
    search: Option<Vec<&'static Config>>,
    limits: Limits,
}

fn main() -> ExitCode {
    let mut out = std::io::stdout();
    let result = match read(std::env::args().skip(1)) {
        Ok(Some(Wish { search: Some(configs), bug, limits, .. })) => {
            searches(&mut out, &configs, bug, limits)
        }
        Ok(Some(wish)) if wish.bugs => all_bugs(&mut out, &wish),
        Ok(Some(wish)) => seeds(&mut out, &wish),
        Ok(None) => usage(&mut out).map(|()| true),
        Err(wrong) => write!(out, "{wrong}\n\n{USAGE}").map(|()| false),
    };
    if result.unwrap_or(false) { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn usage(out: &mut impl Write) -> std::io::Result<()> {
    write!(out, "{USAGE}\nCONFIG is one of these, or `all`:\n")?;
    CONFIGS.iter().try_for_each(|c| writeln!(out, "  {:10} {}", c.name, c.about))
}

fn read(mut words: impl Iterator<Item = String>) -> Result<Option<Wish>, String> {
    let mut wish = Wish {
        seeds: 200,
        from: 1,
        hours: None,
        bug: None,
        bugs: false,
        tail: 40,
        search: None,
        limits: Limits { depth: usize::MAX, states: 1_000_000 },
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
            "--depth" => wish.limits.depth = usize::try_from(number()?).unwrap_or(usize::MAX),
            "--states" => wish.limits.states = usize::try_from(number()?).unwrap_or(usize::MAX),
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

fn seeds(out: &mut impl Write, wish: &Wish) -> std::io::Result<bool> {
    let begun = std::time::Instant::now();
    let mut counts = Counts::default();
    let mut seed = wish.from;
    loop {
        let report = run(seed, wish.bug, wish.tail);
        counts.add(&report.counts);
        if let Some(broken) = report.broken {
            for line in broken.tail {
                writeln!(out, "{line}")?;
            }
            writeln!(out, "\nseed {seed} broke: {}", broken.what)?;
            writeln!(out, "make it again: --from {seed} --seeds 1 --tail 1000000")?;
            writeln!(out, "{} passed, 1 failed", seed - wish.from)?;
            return Ok(false);
        }
        seed += 1;
        let hours = counts.store_seconds / 3_600;
        let enough = wish.hours.map_or(seed >= wish.from + wish.seeds, |h| hours >= h);
        if enough {
            break;
        }
    }
    let took = begun.elapsed().as_secs();
    writeln!(out, "{} seeds, nothing broke, {took} s", seed - wish.from)?;
    writeln!(out, "{} store-hours of virtual time", counts.store_seconds / 3_600)?;
    writeln!(out, "{counts:#?}")?;
    writeln!(out, "{} passed, 0 failed", seed - wish.from)?;
    Ok(true)
}

fn searches(
    out: &mut impl Write,
    configs: &[&'static Config],
    bug: Option<Bug>,
    limits: Limits,
) -> std::io::Result<bool> {
    for (passed, config) in configs.iter().enumerate() {
        let begun = std::time::Instant::now();
        let found = search(config, bug, limits);
        let ms = begun.elapsed().as_millis();
        let end = if found.exhausted { "no state is left" } else { "not to the end" };
        writeln!(
            out,
            "{:10} {} states, {} steps, {} with too much on its way, depth {}, {end}, {ms} ms",
            config.name, found.states, found.steps, found.pruned, found.depth
        )?;
        if let Some((what, trace)) = found.broken {
            for (at, line) in trace.iter().enumerate() {
                writeln!(out, "{:3}. {line}", at + 1)?;
            }
            writeln!(out, "broke: {what}\n{passed} passed, 1 failed")?;
            return Ok(false);
        }
    }
    writeln!(out, "{} passed, 0 failed", configs.len())?;
    Ok(true)
}

fn all_bugs(out: &mut impl Write, wish: &Wish) -> std::io::Result<bool> {
    let mut all = true;
    for bug in Bug::ALL.iter().filter(|bug| bug.by_chance()) {
        let shown = bug
            .seeds(wish.seeds)
            .find_map(|seed| run(seed, Some(*bug), 0).broken.map(|broken| (seed, broken.what)));
        match shown {
            Some((seed, what)) => {
                let what: String = what.chars().take(100).collect();
                writeln!(out, "{:22} seed {seed:4}: {what}", bug.name())?;
            }
            None => {
                all = false;
                writeln!(out, "{:22} not caught", bug.name())?;
            }
        }
    }
    Ok(all)
}
