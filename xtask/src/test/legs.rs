//! The table of test legs: what runs, after what, with what, within which budget.
//! It must not know how a leg is run or counted. Order is the order of running; budgets are
//! seconds of a cold run on two cores and stand in docs/testing.md too (tidy compares them).

use anyhow::Result;

use super::demo;
use crate::tree::Tree;
use crate::{tidy, types};

pub(crate) struct Leg {
    pub(crate) name: &'static str,
    pub(crate) budget_s: u64,
    pub(crate) when: When,
    /// Legs whose results this one uses: it fails without running when one of them failed.
    pub(crate) after: &'static [&'static str],
    pub(crate) needs: &'static [Need],
    pub(crate) environment: &'static [(&'static str, &'static str)],
    pub(crate) steps: &'static [Step],
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum When {
    Always,
    TestOnly,
    CheckOnly,
    FullOnly,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Need {
    /// The folder of shared data; the only need that may be missing outside CI.
    Shared,
    /// A running throw-away cluster.
    Postgres,
    /// A package of Debian.
    Debian(&'static str),
    /// npm packages of a folder of the tree.
    Npm(&'static str),
    /// The Python environment of tests/peers/requirements.txt.
    Peers,
}

#[derive(Clone, Copy)]
pub(crate) enum Step {
    Cargo(&'static [&'static str]),
    /// npm in web/.
    Npm(&'static [&'static str]),
    /// node in the root of the tree.
    Node(&'static [&'static str]),
    /// A program that the leg `build` made.
    Built(&'static str, &'static [&'static str]),
    /// `cargo test` of the crates' own test binaries: all but those of tests/.
    CrateTests,
    /// A check of xtask itself; each finding is one test.
    Own(fn(&Tree) -> Result<Vec<Finding>>),
}

/// What a check of xtask found under one name: nothing is good.
pub(crate) struct Finding {
    pub(crate) name: &'static str,
    pub(crate) problems: Vec<String>,
}

impl Step {
    /// Whether passing without one test is a failure. Nothing asks for an example in the docs.
    pub(crate) fn runs_tests(&self) -> bool {
        match self {
            Self::Cargo(words) => words.first() == Some(&"test") && !words.contains(&"--doc"),
            Self::Npm(_) => false,
            Self::Node(_) | Self::Built(..) | Self::CrateTests | Self::Own(_) => true,
        }
    }
}

/// Every build and test names the same packages: another choice means other features of the
/// dependencies, and these would be built again.
const LEG: Leg = Leg {
    name: "",
    budget_s: 0,
    when: When::TestOnly,
    after: &[],
    needs: &[],
    environment: &[],
    steps: &[],
};
const MOSQUITTO: &[Need] = &[Need::Debian("mosquitto"), Need::Debian("mosquitto-clients")];
const ON_SQLITE: &[(&str, &str)] = &[("ONESHELF_TEST_ENGINE", "sqlite")];
const ON_POSTGRES: &[(&str, &str)] = &[("ONESHELF_TEST_ENGINE", "postgres")];
const STORE: Step = Step::Cargo(&["test", "--workspace", "--exclude=xtask", "--test=store"]);
const API: Step = Step::Cargo(&["test", "--workspace", "--exclude=xtask", "--test=api"]);

pub(crate) const LEGS: &[Leg] = &[
    Leg {
        name: "fmt",
        budget_s: 10,
        when: When::Always,
        steps: &[Step::Cargo(&["fmt", "--all", "--check", "--", "--color=never"])],
        ..LEG
    },
    Leg {
        name: "tidy",
        budget_s: 10,
        when: When::Always,
        steps: &[Step::Own(tidy::findings)],
        ..LEG
    },
    Leg {
        name: "advisories",
        budget_s: 10,
        needs: &[Need::Shared],
        steps: &[Step::Own(tidy::advisory_findings)],
        ..LEG
    },
    Leg {
        name: "xtask",
        budget_s: 20,
        needs: &[Need::Debian("postgresql")],
        steps: &[Step::Cargo(&["test", "--package=xtask"])],
        ..LEG
    },
    Leg {
        name: "web",
        budget_s: 35,
        needs: &[Need::Npm("web")],
        steps: &[
            Step::Npm(&["run", "build"]),
            Step::Npm(&["run", "check"]),
            Step::Npm(&["run", "size"]),
        ],
        ..LEG
    },
    Leg {
        name: "clippy",
        budget_s: 170,
        when: When::Always,
        after: &["web"],
        // With the parts that a plain build leaves out.
        steps: &[Step::Cargo(&[
            "clippy",
            "--workspace",
            "--all-targets",
            "--features=oneshelf-pos-agent/evdev",
            "--",
            "-D",
            "warnings",
        ])],
        ..LEG
    },
    Leg {
        name: "build",
        budget_s: 290,
        after: &["web"],
        steps: &[Step::Cargo(&["build", "--workspace", "--exclude=xtask", "--all-targets"])],
        ..LEG
    },
    Leg {
        name: "domain",
        budget_s: 50,
        when: When::CheckOnly,
        steps: &[Step::Cargo(&[
            "test",
            "--package=oneshelf-domain",
            "--package=oneshelf-protocol",
            "--package=oneshelf-connectors",
            "--package=oneshelf-sync",
        ])],
        ..LEG
    },
    Leg {
        name: "unit",
        budget_s: 60,
        after: &["build"],
        steps: &[
            Step::Cargo(&["test", "--workspace", "--exclude=xtask", "--lib", "--bins"]),
            Step::CrateTests,
            Step::Cargo(&["test", "--workspace", "--exclude=xtask", "--doc"]),
        ],
        ..LEG
    },
    Leg {
        name: "store-sqlite",
        budget_s: 20,
        when: When::Always,
        after: &["build"],
        environment: ON_SQLITE,
        steps: &[STORE],
        ..LEG
    },
    Leg {
        name: "store-postgres",
        budget_s: 45,
        after: &["build"],
        needs: &[Need::Postgres],
        environment: ON_POSTGRES,
        steps: &[STORE],
        ..LEG
    },
    Leg {
        name: "api-sqlite",
        budget_s: 95,
        after: &["build"],
        needs: MOSQUITTO,
        environment: ON_SQLITE,
        steps: &[API],
        ..LEG
    },
    Leg {
        name: "api-postgres",
        budget_s: 155,
        after: &["build"],
        needs: &[Need::Postgres, Need::Debian("mosquitto"), Need::Debian("mosquitto-clients")],
        environment: ON_POSTGRES,
        steps: &[API],
        ..LEG
    },
    Leg {
        name: "agent",
        budget_s: 95,
        after: &["build"],
        steps: &[Step::Cargo(&["test", "--workspace", "--exclude=xtask", "--test=agent"])],
        ..LEG
    },
    Leg {
        name: "sync",
        budget_s: 10,
        after: &["build"],
        steps: &[Step::Cargo(&["test", "--workspace", "--exclude=xtask", "--test=sync"])],
        ..LEG
    },
    Leg {
        name: "sim",
        budget_s: 185,
        after: &["build"],
        steps: &[
            Step::Cargo(&["test", "--workspace", "--exclude=xtask", "--test=sim"]),
            Step::Built("sim", &["--bugs"]),
            Step::Built("sim", &["--hours", "2000"]),
        ],
        ..LEG
    },
    Leg {
        name: "chaos-kills",
        budget_s: 85,
        after: &["build"],
        needs: &[Need::Postgres, Need::Debian("strace")],
        steps: &[
            Step::Built("chaos", &["kills", "--count", "60"]),
            Step::Built("chaos", &["disk", "--count", "20"]),
            Step::Built("chaos", &["load", "--count", "10"]),
        ],
        ..LEG
    },
    Leg {
        name: "chaos-hot",
        budget_s: 15,
        after: &["build"],
        needs: &[Need::Postgres],
        steps: &[Step::Built("chaos", &["hot", "--count", "5"])],
        ..LEG
    },
    Leg {
        name: "chaos-offline",
        budget_s: 65,
        after: &["build"],
        needs: &[Need::Postgres],
        steps: &[Step::Built("chaos", &["offline", "--count", "5000"])],
        ..LEG
    },
    Leg {
        name: "chaos-last-unit",
        budget_s: 15,
        after: &["build"],
        needs: &[Need::Postgres],
        steps: &[Step::Built("chaos", &["last-unit", "--count", "100"])],
        ..LEG
    },
    Leg {
        name: "chaos-restore",
        budget_s: 20,
        after: &["build"],
        needs: &[Need::Postgres],
        steps: &[
            Step::Built("chaos", &["restore", "--count", "1"]),
            Step::Built("chaos", &["agents", "--count", "1"]),
        ],
        ..LEG
    },
    Leg {
        name: "chaos-linear",
        budget_s: 25,
        after: &["build"],
        needs: &[Need::Postgres],
        steps: &[Step::Built("chaos", &["linear", "--count", "12"])],
        ..LEG
    },
    Leg {
        name: "chaos-replicas",
        budget_s: 15,
        after: &["build"],
        needs: &[Need::Postgres],
        steps: &[Step::Built("chaos", &["replicas", "--count", "2"])],
        ..LEG
    },
    Leg {
        name: "chaos-long",
        budget_s: 600,
        when: When::FullOnly,
        after: &["build"],
        needs: &[Need::Postgres, Need::Debian("strace")],
        steps: &[
            Step::Built("chaos", &["load", "--count", "200"]),
            Step::Built("chaos", &["hot", "--count", "100"]),
        ],
        ..LEG
    },
    Leg {
        name: "openapi",
        budget_s: 50,
        after: &["build"],
        needs: &[Need::Npm("tests/e2e"), Need::Peers],
        steps: &[Step::Cargo(&["test", "--workspace", "--exclude=xtask", "--test=openapi"])],
        ..LEG
    },
    Leg {
        name: "types",
        budget_s: 10,
        after: &["build"],
        needs: &[Need::Npm("tests/e2e")],
        steps: &[Step::Own(same_types)],
        ..LEG
    },
    Leg {
        name: "e2e",
        budget_s: 180,
        after: &["build"],
        needs: &[Need::Npm("tests/e2e"), Need::Debian("chromium")],
        steps: &[Step::Node(&["tests/e2e/run.mjs"])],
        ..LEG
    },
    Leg {
        name: "demo",
        budget_s: 15,
        after: &["build"],
        steps: &[Step::Own(demo::generated)],
        ..LEG
    },
    Leg {
        name: "demo-real",
        budget_s: 20,
        after: &["build"],
        needs: &[Need::Shared],
        steps: &[Step::Own(demo::real)],
        ..LEG
    },
    Leg {
        name: "peers",
        budget_s: 25,
        after: &["build"],
        needs: &[Need::Npm("tests/e2e"), Need::Peers, Need::Debian("zint")],
        steps: &[Step::Cargo(&["test", "--workspace", "--exclude=xtask", "--test=peers"])],
        ..LEG
    },
];

fn same_types(tree: &Tree) -> Result<Vec<Finding>> {
    Ok(vec![Finding { name: "types of the pages", problems: types::differences(tree)? }])
}
