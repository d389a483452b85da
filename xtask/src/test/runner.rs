//! Runs one leg: its steps into target/test-logs/NAME.log, its seconds and counts to the terminal.
//! It must not know which legs there are. A failing leg shows the end of its log; a leg stops at
//! its first failing step, and at three times its budget.

use std::fs::{self, File, OpenOptions};
use std::io::Write;
use std::path::PathBuf;
use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use serde_json::Value;

use super::count::Counts;
use super::legs::{Finding, Leg, Step};
use super::needs::Needs;
use crate::run::{self, Ended};
use crate::tree::Tree;
use crate::{packages, stop};

const TAIL_LINES: usize = 200;
/// A hung leg must not eat the time of the others; a slow one is only named.
const LIMIT_TIMES_BUDGET: u64 = 3;
const LIMIT_MIN_S: u64 = 300;

pub(crate) struct Runner<'a> {
    tree: &'a Tree,
    needs: &'a Needs,
    with_pages: bool,
    logs: PathBuf,
}

impl<'a> Runner<'a> {
    pub(crate) fn new(tree: &'a Tree, needs: &'a Needs, with_pages: bool) -> Result<Self> {
        let logs = tree.target.join("test-logs");
        fs::create_dir_all(&logs).with_context(|| format!("cannot make {}", logs.display()))?;
        Ok(Self { tree, needs, with_pages, logs })
    }

    pub(crate) fn run(&self, leg: &Leg) -> Result<Counts> {
        let path = self.logs.join(format!("{}.log", leg.name));
        fs::write(&path, "")?;
        print!("== leg {} ... ", leg.name);
        std::io::stdout().flush()?;
        let started = Instant::now();
        let mut counts = Counts::default();
        let mut trouble = None;
        for step in leg.steps {
            let before = fs::metadata(&path)?.len();
            trouble = self.step(leg, step, &path)?;
            let printed = fs::read(&path)?.split_off(usize::try_from(before)?);
            let counted = Counts::of_output(&String::from_utf8_lossy(&printed));
            counts.add(counted);
            stop::fail_if_asked()?;
            if trouble.is_none() && step.runs_tests() && !counted.ran_something() {
                trouble = Some("a step of tests ran no test".to_owned());
            }
            if trouble.is_some() {
                break;
            }
        }
        let counts = counts.of_leg(trouble.is_some());
        let took = started.elapsed();
        let seconds = took.as_secs_f64();
        let over = if took > Duration::from_secs(leg.budget_s) { ", OVER" } else { "" };
        let verdict = if counts.failed == 0 { "ok" } else { "FAILED" };
        println!("{verdict} in {seconds:.1} s (budget {}{over}), {counts}", leg.budget_s);
        if counts.failed > 0 {
            self.show_tail(&path, trouble.as_deref().unwrap_or("it counted failures"))?;
        }
        Ok(counts)
    }

    /// What went wrong, if anything did.
    fn step(&self, leg: &Leg, step: &Step, path: &PathBuf) -> Result<Option<String>> {
        let mut log = OpenOptions::new().append(true).open(path)?;
        if let Step::Own(check) = step {
            return match check(self.tree) {
                Ok(findings) => write_findings(&mut log, &findings),
                Err(error) => Ok(Some(format!("{error:#}"))),
            };
        }
        let mut command = match self.command(step) {
            Ok(Some(command)) => command,
            Ok(None) => return Ok(None),
            Err(error) => return Ok(Some(format!("{error:#}"))),
        };
        self.set_environment(&mut command, leg);
        writeln!(log, "$ {}", run::shown(&command).trim_matches('`'))?;
        let limit = Duration::from_secs((leg.budget_s * LIMIT_TIMES_BUDGET).max(LIMIT_MIN_S));
        let ended = run::into_log(&mut command, &log, limit, |seconds| {
            println!("\n   {seconds} s: {}", last_line(path));
            print!("== leg {} ... ", leg.name);
            let _ = std::io::stdout().flush();
        })?;
        Ok(match ended {
            Ended::Well => None,
            Ended::Badly(why) => Some(why),
        })
    }

    /// Nothing when there is nothing to start: a check of xtask itself.
    fn command(&self, step: &Step) -> Result<Option<Command>> {
        let command = |program: &str, arguments: &[&str]| {
            let mut command = self.tree.command(program);
            command.args(arguments);
            command
        };
        Ok(Some(match step {
            Step::Cargo(arguments) => command("cargo", arguments),
            Step::Npm(arguments) => {
                let mut npm = command("npm", arguments);
                npm.current_dir(self.tree.root.join("web"));
                npm
            }
            Step::Node(arguments) => command("node", arguments),
            Step::Built(name, arguments) => {
                let mut built = self.tree.command(self.tree.program(name, false));
                built.args(*arguments);
                built
            }
            Step::CrateTests => {
                let targets = crate_tests(&self.tree.metadata()?);
                // Without a name cargo would run every suite there is.
                anyhow::ensure!(!targets.is_empty(), "no crate has a test binary of its own");
                let mut cargo = command("cargo", &["test", "--workspace", "--exclude=xtask"]);
                cargo.args(targets.iter().map(|name| format!("--test={name}")));
                cargo
            }
            Step::Own(_) => return Ok(None),
        }))
    }

    /// All that a test may want to find; docs/testing.md lists the names.
    fn set_environment(&self, command: &mut Command, leg: &Leg) {
        command.env("CARGO_TERM_COLOR", "never").env("NO_COLOR", "1");
        command.env("ONESHELF_BIN", self.tree.target.join("debug"));
        command.env("ONESHELF_TEST_TOOLS", self.tree.root.join("tests/e2e/node_modules"));
        command.env("ONESHELF_PEERS", packages::peers_environment(self.tree).join("bin"));
        if self.with_pages {
            command.env("ONESHELF_REQUIRE_WEB", "1");
        }
        if let Some(chromium) = packages::chromium() {
            command.env("ONESHELF_CHROMIUM", chromium);
        }
        match &self.needs.cluster {
            Some(cluster) => command.env("ONESHELF_TEST_POSTGRES", cluster.url()),
            None => command.env_remove("ONESHELF_TEST_POSTGRES"),
        };
        command.envs(leg.environment.iter().copied());
    }

    fn show_tail(&self, path: &PathBuf, trouble: &str) -> Result<()> {
        let text = String::from_utf8_lossy(&fs::read(path)?).into_owned();
        let lines: Vec<&str> = text.lines().collect();
        let skipped = lines.len().saturating_sub(TAIL_LINES);
        println!("---- {trouble}");
        if skipped > 0 {
            println!("---- {skipped} earlier lines are in {}", self.tree.shown(path));
        }
        for line in &lines[skipped..] {
            println!("{line}");
        }
        println!("----");
        Ok(())
    }
}

fn write_findings(log: &mut File, findings: &[Finding]) -> Result<Option<String>> {
    let mut counts = Counts::default();
    for finding in findings {
        for problem in &finding.problems {
            writeln!(log, "{}: {problem}", finding.name)?;
        }
        counts.add(Counts::of_check(finding.problems.is_empty()));
    }
    writeln!(log, "{counts}")?;
    Ok((counts.failed > 0).then(|| "problems were found".to_owned()))
}

/// The test binaries of all packages but xtask and those whose suites have legs of their own.
fn crate_tests(metadata: &Value) -> Vec<String> {
    let mut names = Vec::new();
    for package in metadata["packages"].as_array().into_iter().flatten() {
        if matches!(package["name"].as_str(), Some("xtask" | "oneshelf-tests" | "oneshelf-sim")) {
            continue;
        }
        for target in package["targets"].as_array().into_iter().flatten() {
            if target["kind"][0] == "test" {
                names.extend(target["name"].as_str().map(str::to_owned));
            }
        }
    }
    names
}

fn last_line(path: &PathBuf) -> String {
    let bytes = fs::read(path).unwrap_or_default();
    let text = String::from_utf8_lossy(&bytes);
    text.lines().rev().find(|line| !line.trim().is_empty()).unwrap_or("").trim().to_owned()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::legs::When;
    use super::*;

    /// Runs a leg of one step in a folder of its own.
    fn counts_of(name: &'static str, step: Step) -> Counts {
        let target = std::env::temp_dir().join(format!("xtask-{name}-{}", std::process::id()));
        let tree = Tree { target: target.clone(), ..Tree::find().unwrap() };
        let steps: &[Step] = Box::leak(Box::new([step]));
        let leg = Leg {
            name,
            budget_s: 10,
            when: When::TestOnly,
            after: &[],
            needs: &[],
            environment: &[],
            steps,
        };
        let counts = Runner::new(&tree, &Needs::none(), false).unwrap().run(&leg).unwrap();
        fs::remove_dir_all(target).unwrap();
        counts
    }

    fn finds(problems: &[&str]) -> Vec<Finding> {
        let problems = problems.iter().map(|it| (*it).to_owned()).collect();
        vec![Finding { name: "rule", problems }]
    }

    #[test]
    fn a_step_of_tests_that_ran_none_is_a_failure() {
        let good = counts_of("good", Step::Own(|_| Ok(finds(&[]))));
        assert_eq!((good.passed, good.failed), (1, 0));
        let bad = counts_of("bad", Step::Own(|_| Ok(finds(&["a.rs: odd"]))));
        assert_eq!((bad.passed, bad.failed), (0, 1));
        let none = counts_of("none", Step::Own(|_| Ok(Vec::new())));
        assert_eq!((none.passed, none.failed), (0, 1));
    }

    #[test]
    fn only_cargos_tests_must_count_something() {
        assert!(Step::Cargo(&["test", "--lib"]).runs_tests() && Step::CrateTests.runs_tests());
        assert!(!Step::Cargo(&["test", "--doc"]).runs_tests());
        assert!(!Step::Cargo(&["build"]).runs_tests());
    }

    #[test]
    fn suites_have_legs_of_their_own() {
        let target = |name| json!({"name": name, "kind": ["test"]});
        let metadata = json!({"packages": [
            {"name": "oneshelf-hub", "targets": [target("boot"), {"name": "x", "kind": ["lib"]}]},
            {"name": "oneshelf-tests", "targets": [target("store")]},
            {"name": "oneshelf-sim", "targets": [target("sim")]},
        ]});
        assert_eq!(crate_tests(&metadata), ["boot"]);
    }
}
