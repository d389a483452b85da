//! What `--help` prints. It must not know what the commands do beyond that: the programs behind
//! `bench`, `sim` and `chaos` explain their own options, and forward.rs asks them.

const ALL: &str = include_str!("usage.txt");

const PAGES: &[(&str, &str)] = &[
    (
        "demo",
        "usage: cargo xtask demo [--release] [--built] [--exit-after-ready]

Builds the pages and the programs, opens a hub and two stores with simulated devices, and prints
their addresses and credentials. Ctrl-C stops everything; a second start goes on.

  --release            optimised programs
  --built              builds nothing: the programs that are there
  --exit-after-ready   ask each address once, then stop: what a test wants

Data lies in .demo of the checkout, or where ONESHELF_DEMO_DIR says.
",
    ),
    (
        "test",
        "usage: cargo xtask test [--full] [--only LEG[,LEG]]

Runs the legs of docs/testing.md in their order and ends with `N passed, N failed`.

  --full       also the legs that are too long for every run
  --only LEG   these legs, and before them those whose results they use
",
    ),
    (
        "check",
        "usage: cargo xtask check\n\nThe quick answer: format, tidy, clippy, domain, SQLite.\n",
    ),
    ("web", "usage: cargo xtask web\n\nBuilds the pages into web/dist.\n"),
    ("types", "usage: cargo xtask types\n\nWrites the pages' types from the OpenAPI document.\n"),
    (
        "bench",
        "usage: cargo xtask bench NAME [...]

Builds the programs with --release, starts a throw-away PostgreSQL, runs `bench` with the rest.
",
    ),
    (
        "sim",
        "usage: cargo xtask sim [...]

Builds the simulator and runs it with the rest.
",
    ),
    (
        "chaos",
        "usage: cargo xtask chaos NAME [...]

Builds the programs, starts a throw-away PostgreSQL, runs `chaos` with the rest.
",
    ),
    (
        "fuzz",
        "usage: cargo xtask fuzz [--count N]

Hands N random and mutated inputs (1000000 unless given) to everything that reads foreign bytes,
then tests the crates with N/50 random cases for each property. A failing case is shrunk and printed
with its seed.
",
    ),
];

pub(crate) fn all() -> &'static str {
    ALL
}

/// The page of a command, when its words ask for it.
pub(crate) fn asked(command: &str, words: &[String]) -> Option<&'static str> {
    let asks = words.iter().any(|word| word == "--help" || word == "-h");
    let page = PAGES.iter().find(|(name, _)| *name == command);
    page.filter(|_| asks).map(|(_, page)| *page)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_command_of_the_list_has_a_page() {
        let help = ["--help".to_owned()];
        let commands = ALL.lines().filter_map(|line| line.strip_prefix("  ")?.split(' ').next());
        let commands: Vec<&str> = commands.collect();
        assert_eq!(commands.len(), PAGES.len());
        for command in commands {
            let page = asked(command, &help).unwrap();
            assert!(page.starts_with(&format!("usage: cargo xtask {command}")), "{page}");
        }
        assert!(asked("demo", &[]).is_none() && asked("nothing", &help).is_none());
    }
}
