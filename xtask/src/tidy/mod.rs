//! The rules of the tree that no compiler checks. `cargo xtask test` runs them as the legs `tidy`
//! and `advisories`, `cargo test -p xtask` as a test. They read text and know no meaning; each
//! has a test that shows that it can fail.

mod advisories;
mod borders;
mod ledger;
mod shape;
mod source;
mod words;

use anyhow::{Context, Result};

use crate::run;
use crate::test::Finding;
use crate::tree::Tree;
use source::Source;

/// All rules that need nothing but the checkout.
pub(crate) fn findings(tree: &Tree) -> Result<Vec<Finding>> {
    let sources = read_sources(tree)?;
    let text = |path: &str| {
        let found = sources.iter().find(|source| source.path == path);
        found.map(|source| source.text.as_str()).with_context(|| format!("{path} is missing"))
    };
    let mut dependencies = ledger::crates(text("Cargo.toml")?)?;
    dependencies.extend(ledger::npm_packages(text("web/package.json")?)?);
    dependencies.extend(ledger::npm_packages(text("tests/e2e/package.json")?)?);
    dependencies.extend(ledger::python_packages(text("tests/peers/requirements.txt")?));
    let ledger = ledger::unrecorded(&dependencies, text("docs/decisions/dependencies.md")?);
    let legs = ledger::unlisted_legs(crate::test::budgets(), text("docs/testing.md")?);
    let finding = |name, problems| Finding { name, problems };
    Ok(vec![
        finding("dependency table", borders::forbidden_dependencies(&tree.metadata()?)),
        finding("SQL only in stores", borders::sql_outside_stores(&sources)),
        finding("axum only in http", borders::axum_outside_http(&sources)),
        finding("plan only in the write path", borders::plan_outside_write_path(&sources)),
        finding("no clock in pure crates", borders::impure_code(&sources)),
        finding("file sizes", shape::too_long(&sources)),
        finding("opening comments", shape::without_header(&sources)),
        finding("line lengths", shape::wide_lines(&sources)),
        finding("words", words::unwanted_names(&sources)),
        finding("stubs and ignored tests", words::stubs(&sources)),
        finding("sleeps in tests", words::sleeps_in_tests(&sources)),
        finding("machine paths", words::machine_paths(&sources)),
        finding("registry addresses", ledger::registry_addresses(&sources)),
        finding("dependencies have reasons", ledger),
        finding("legs stand in docs/testing.md", legs),
    ])
}

/// Cargo.lock against the advisories of the shared folder.
pub(crate) fn advisory_findings(tree: &Tree) -> Result<Vec<Finding>> {
    let shared = tree.shared.as_ref().context("the advisories lie in the shared folder")?;
    let lock = std::fs::read_to_string(tree.root.join("Cargo.lock"))?;
    let problems = advisories::problems(&lock, &shared.join("advisory-db/crates"))?;
    Ok(vec![Finding { name: "advisories", problems }])
}

/// Every text file that is in the repository or would be after `git add`.
fn read_sources(tree: &Tree) -> Result<Vec<Source>> {
    let mut git = tree.command("git");
    git.args(["ls-files", "-z", "--cached", "--others", "--exclude-standard"]);
    let listed = run::output(&mut git).context("tidy asks git for the files")?;
    let mut sources = Vec::new();
    for path in listed.split('\0').filter(|path| !path.is_empty()) {
        // A file may be deleted and still be in the index; a binary one has no lines.
        let Ok(bytes) = std::fs::read(tree.root.join(path)) else { continue };
        if let Ok(text) = String::from_utf8(bytes) {
            sources.push(Source::new(path, text));
        }
    }
    Ok(sources)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_tree_is_tidy() {
        let tree = Tree::find().unwrap();
        let findings = findings(&tree).unwrap();
        let problems: Vec<String> = findings
            .iter()
            .flat_map(|finding| finding.problems.iter().map(|it| format!("{}: {it}", finding.name)))
            .collect();
        assert!(problems.is_empty(), "\n{}\n", problems.join("\n"));
    }
}
