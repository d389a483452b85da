//! Which part may use which: the dependency table of the design, SQL in stores, axum in http,
//! planning in the write path, no clock in the pure crates.
//! It must not know why a part uses another; a new edge is a decision, made in this table.

use serde_json::Value;

use super::source::Source;

/// A crate of the workspace and the ones it may depend on. `*` is all but xtask.
const MAY_DEPEND_ON: &[(&str, &[&str])] = &[
    ("oneshelf-domain", &[]),
    ("oneshelf-protocol", &["oneshelf-domain"]),
    ("oneshelf-connectors", &["oneshelf-domain"]),
    ("oneshelf-sync", &["oneshelf-domain", "oneshelf-protocol", "oneshelf-connectors"]),
    ("oneshelf-hardware", &["oneshelf-domain"]),
    ("oneshelf-web", &[]),
    (
        "oneshelf-hub",
        &[
            "oneshelf-domain",
            "oneshelf-protocol",
            "oneshelf-sync",
            "oneshelf-connectors",
            "oneshelf-web",
        ],
    ),
    (
        "oneshelf-pos-agent",
        &[
            "oneshelf-domain",
            "oneshelf-protocol",
            "oneshelf-sync",
            "oneshelf-hardware",
            "oneshelf-web",
        ],
    ),
    ("oneshelf-tests", &["*"]),
    ("oneshelf-clock", &[]),
    (
        "oneshelf-sim",
        &["oneshelf-domain", "oneshelf-protocol", "oneshelf-sync", "oneshelf-connectors"],
    ),
    ("xtask", &[]),
];

/// The pure crates have no clock, randomness, socket or database of their own.
const PURE: &[&str] =
    &["oneshelf-domain", "oneshelf-protocol", "oneshelf-connectors", "oneshelf-sync"];
const IMPURE: &[&str] = &["tokio", "sqlx", "axum", "reqwest", "rand", "getrandom"];

pub(crate) fn forbidden_dependencies(metadata: &Value) -> Vec<String> {
    let mut problems = Vec::new();
    let packages = metadata["packages"].as_array();
    let packages: Vec<&Value> = packages.into_iter().flatten().collect();
    let ours: Vec<&str> = packages.iter().filter_map(|it| it["name"].as_str()).collect();
    for package in &packages {
        let name = package["name"].as_str().unwrap_or("");
        let Some((_, allowed)) = MAY_DEPEND_ON.iter().find(|(row, _)| *row == name) else {
            problems.push(format!("{name} has no row in the dependency table of tidy"));
            continue;
        };
        for dependency in package["dependencies"].as_array().into_iter().flatten() {
            let on = dependency["name"].as_str().unwrap_or("");
            let all = allowed.contains(&"*") && on != "xtask";
            if ours.contains(&on) && !all && !allowed.contains(&on) {
                problems.push(format!("{name} must not depend on {on}"));
            }
            let at_run_time = dependency["kind"].is_null();
            if PURE.contains(&name) && IMPURE.contains(&on) && at_run_time {
                problems.push(format!("{name} is pure and must not depend on {on}"));
            }
        }
    }
    problems
}

const STORES: &[&str] = &["hub/src/store", "pos-agent/src/journal"];
const HTTP: &[&str] = &["hub/src/http", "pos-agent/src/http"];
const WRITE_PATH: &[&str] = &["sync/src", "hub/src/commands"];
/// What only a shell may ask for; a pure crate is told the time and fresh ids.
const OF_SHELLS: &[&str] =
    &["SystemTime", "Instant", "Utc::now", "Local::now", "now_v7", "new_v4", "thread_rng"];

pub(crate) fn sql_outside_stores(sources: &[Source]) -> Vec<String> {
    named_outside(sources, STORES, &["sqlx"], "SQL belongs in the hub's store/ or the journal/")
}

pub(crate) fn axum_outside_http(sources: &[Source]) -> Vec<String> {
    named_outside(sources, HTTP, &["axum"], "axum belongs in http/")
}

/// The planner is reached by its type or its function; the rows that it makes may be named.
pub(crate) fn plan_outside_write_path(sources: &[Source]) -> Vec<String> {
    let names = &["Plan", "plan("];
    named_outside(sources, WRITE_PATH, names, "only the write path plans: hub/src/commands")
}

pub(crate) fn impure_code(sources: &[Source]) -> Vec<String> {
    let pure = ["domain/", "protocol/", "connectors/", "sync/"];
    let mut problems = Vec::new();
    for source in sources.iter().filter(|it| pure.iter().any(|folder| it.path.starts_with(folder)))
    {
        for (line, code, in_test) in source.code_lines() {
            if !in_test && OF_SHELLS.iter().any(|name| mentions(code, name)) {
                problems.push(source.place(line, "a pure crate is told the time and fresh ids"));
            }
        }
    }
    problems
}

fn named_outside(sources: &[Source], homes: &[&str], names: &[&str], advice: &str) -> Vec<String> {
    let mut problems = Vec::new();
    let elsewhere = |source: &&Source| {
        let at_home = homes.iter().any(|home| source.lies_in(home));
        let aside = ["tests/", "xtask/"].iter().any(|folder| source.path.starts_with(folder));
        source.is_rust() && !aside && !at_home
    };
    for source in sources.iter().filter(elsewhere) {
        for (line, code, in_test) in source.code_lines() {
            if !in_test && names.iter().any(|name| mentions(code, name)) {
                problems.push(source.place(line, advice));
            }
        }
    }
    problems
}

/// `sqlx::query` and `use sqlx;` mention sqlx, `my_sqlx` does not.
fn mentions(code: &str, name: &str) -> bool {
    let in_word = |character: char| character.is_alphanumeric() || character == '_';
    code.match_indices(name).any(|(at, _)| {
        let before = code[..at].chars().last();
        let after = code[at + name.len()..].chars().next();
        let ends_in_word = name.ends_with(in_word);
        let goes_on = ends_in_word && after.is_some_and(in_word);
        !goes_on && !before.is_some_and(in_word)
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn source(path: &str, text: &str) -> Vec<Source> {
        vec![Source::new(path, text.to_owned())]
    }

    fn workspace(name: &str, on: &str) -> Value {
        json!({"packages": [
            {"name": name, "dependencies": [{"name": on, "kind": null}]},
            {"name": "oneshelf-hub", "dependencies": []},
            {"name": "oneshelf-domain", "dependencies": []},
        ]})
    }

    #[test]
    fn an_edge_that_is_not_in_the_table_is_named() {
        for (name, on) in [
            ("oneshelf-pos-agent", "oneshelf-hub"),
            ("oneshelf-web", "oneshelf-domain"),
            ("xtask", "oneshelf-domain"),
            ("oneshelf-sync", "tokio"),
            ("oneshelf-new", "serde"),
        ] {
            assert_eq!(forbidden_dependencies(&workspace(name, on)).len(), 1, "{name} -> {on}");
        }
        for (name, on) in [("oneshelf-tests", "oneshelf-hub"), ("oneshelf-sync", "serde")] {
            assert!(forbidden_dependencies(&workspace(name, on)).is_empty(), "{name} -> {on}");
        }
    }

    #[test]
    fn sql_outside_a_store_is_named() {
        assert_eq!(sql_outside_stores(&source("hub/src/http/a.rs", "sqlx::query(x)")).len(), 1);
        assert!(sql_outside_stores(&source("hub/src/store/a.rs", "sqlx::query(x)")).is_empty());
        assert!(sql_outside_stores(&source("pos-agent/src/journal.rs", "use sqlx;")).is_empty());
        assert!(
            sql_outside_stores(&source("hub/src/a.rs", "// sqlx::query\nmy_sqlx()")).is_empty()
        );
    }

    #[test]
    fn axum_outside_http_is_named() {
        assert_eq!(axum_outside_http(&source("hub/src/jobs/a.rs", "use axum::Json;")).len(), 1);
        assert_eq!(axum_outside_http(&source("hub/src/link/ws.rs", "axum::serve(x)")).len(), 1);
        assert!(axum_outside_http(&source("hub/src/http/a.rs", "use axum::Json;")).is_empty());
    }

    #[test]
    fn planning_outside_the_write_path_is_named() {
        for code in ["Plan::run(state)", "oneshelf_sync::plan::plan(commands)"] {
            assert_eq!(plan_outside_write_path(&source("hub/src/http/a.rs", code)).len(), 1);
            assert!(plan_outside_write_path(&source("hub/src/commands/a.rs", code)).is_empty());
        }
        let rows = "use oneshelf_sync::plan::{Key, Writes};\nfn explan(planned: u8) {}";
        assert!(plan_outside_write_path(&source("hub/src/store/a.rs", rows)).is_empty());
    }

    #[test]
    fn a_clock_in_a_pure_crate_is_named() {
        let code = "let now = std::time::Instant::now();";
        assert_eq!(impure_code(&source("sync/src/link.rs", code)).len(), 1);
        assert!(impure_code(&source("hub/src/clock.rs", code)).is_empty());
        assert!(
            impure_code(&source("domain/src/a.rs", "// an Instant\nlet instants = 1;")).is_empty()
        );
    }
}
