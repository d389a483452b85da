//! What must be written down: a reason for each dependency, the legs and budgets in the docs,
//! and lock files without the address of a registry. It must not judge the reasons.

use anyhow::{Context, Result};

use super::source::Source;

/// Each outside dependency has a row `| name | why |`, and no row is idle.
pub(crate) fn unrecorded(dependencies: &[String], ledger: &str) -> Vec<String> {
    let rows: Vec<(&str, &str)> = ledger.lines().filter_map(row).collect();
    let mut problems = Vec::new();
    for name in dependencies {
        let reason = rows.iter().find(|(row, _)| row == name).map(|(_, reason)| *reason);
        if reason.is_none_or(str::is_empty) {
            problems
                .push(format!("{name}: no row with a reason in docs/decisions/dependencies.md"));
        }
    }
    for (name, _) in &rows {
        if !dependencies.iter().any(|it| it == name) {
            problems.push(format!("{name}: a row, but nothing depends on it"));
        }
    }
    problems
}

/// The outside entries of `[workspace.dependencies]`.
pub(crate) fn crates(manifest: &str) -> Result<Vec<String>> {
    let manifest: toml::Table = manifest.parse().context("Cargo.toml is not TOML")?;
    let dependencies = manifest.get("workspace").and_then(|it| it.get("dependencies"));
    let dependencies = dependencies.and_then(toml::Value::as_table);
    let dependencies = dependencies.context("no [workspace.dependencies]")?;
    let outside = dependencies.iter().filter(|(_, value)| value.get("path").is_none());
    Ok(outside.map(|(name, _)| name.clone()).collect())
}

/// What a package.json names, for the pages or for tests.
pub(crate) fn npm_packages(manifest: &str) -> Result<Vec<String>> {
    let manifest: serde_json::Value =
        serde_json::from_str(manifest).context("a package.json is not JSON")?;
    let of = |kind: &str| manifest[kind].as_object().cloned().unwrap_or_default();
    let names = ["dependencies", "devDependencies"].map(|kind| of(kind).into_iter());
    Ok(names.into_iter().flatten().map(|(name, _)| name).collect())
}

/// The names of a requirements.txt with pinned versions, down to what they bring themselves.
pub(crate) fn python_packages(requirements: &str) -> Vec<String> {
    let chosen = requirements.lines().take_while(|line| !line.starts_with('#'));
    let names = chosen.filter_map(|line| line.split_once("=="));
    names.map(|(name, _)| name.trim().to_owned()).collect()
}

/// Each leg stands in the page's list of legs with its budget, and no row is of a leg of old.
pub(crate) fn unlisted_legs(
    legs: impl Iterator<Item = (&'static str, u64)>,
    document: &str,
) -> Vec<String> {
    let section = document.split("\n## ").find(|it| it.starts_with("Legs\n")).unwrap_or("");
    let rows: Vec<(&str, &str)> = section.lines().filter_map(row).collect();
    let legs: Vec<(&str, String)> = legs.map(|(name, budget)| (name, budget.to_string())).collect();
    let mut problems = Vec::new();
    for (name, budget) in &legs {
        if !rows.iter().any(|(row, seconds)| row == name && seconds == budget) {
            problems.push(format!("{name}: docs/testing.md has no row with its budget {budget}"));
        }
    }
    for (name, _) in &rows {
        if !legs.iter().any(|(leg, _)| leg == name) {
            problems.push(format!("{name}: a row of docs/testing.md, but no leg"));
        }
    }
    problems
}

/// `| name | text | ...` without the heading and its rule.
fn row(line: &str) -> Option<(&str, &str)> {
    let mut cells = line.strip_prefix('|')?.split('|').map(str::trim);
    let (name, text) = (cells.next()?, cells.next()?);
    let is_heading = name.starts_with("--") || matches!(name, "crate" | "package" | "leg");
    (!is_heading).then_some((name.trim_matches('`'), text))
}

pub(crate) fn registry_addresses(sources: &[Source]) -> Vec<String> {
    let mut problems = Vec::new();
    for source in sources.iter().filter(|it| it.path.ends_with("package-lock.json")) {
        let resolved = |line: &str| {
            let value = line.trim().strip_prefix("\"resolved\":");
            value.is_some_and(|value| value.contains("://"))
        };
        if let Some(at) = source.text.lines().position(resolved) {
            let advice = "records a registry; set omit-lockfile-registry-resolved in .npmrc";
            problems.push(source.place(at + 1, advice));
        }
    }
    problems
}

#[cfg(test)]
mod tests {
    use super::*;

    const MANIFEST: &str = "[workspace.dependencies]\n\
        ours = { path = \"ours\" }\nserde = \"1\"\ntokio = { version = \"1\" }\n";

    #[test]
    fn a_dependency_without_a_reason_and_a_row_without_a_dependency_are_named() {
        let names = crates(MANIFEST).unwrap();
        assert_eq!(names, ["serde", "tokio"]);
        let whole = "| crate | why |\n| --- | --- |\n| serde | JSON |\n| `tokio` | the runtime |\n";
        assert!(unrecorded(&names, whole).is_empty());
        assert_eq!(unrecorded(&names, "| serde | JSON |\n| tokio | |\n").len(), 1);
        assert_eq!(unrecorded(&names, &format!("{whole}| rand | dice |\n")).len(), 1);
    }

    #[test]
    fn packages_of_npm_and_python_are_read() {
        let manifest = "{\"devDependencies\": {\"vite\": \"8.0.0\", \"@a/b\": \"1.0.0\"}}";
        assert_eq!(npm_packages(manifest).unwrap(), ["@a/b", "vite"]);
        assert_eq!(
            python_packages("schemathesis==4.32.5\n# brought:\nsix==1.17.0\n"),
            ["schemathesis"]
        );
    }

    #[test]
    fn a_leg_with_another_budget_and_a_leg_of_old_are_named() {
        let legs = || [("fmt", 10), ("web", 60)].into_iter();
        let page = |rows: &str| format!("# Testing\n\n## Legs\n\n{rows}\n\n## More\n| x | 1 |\n");
        let rows = "| fmt | 10 | x |\n| web | 60 | y |";
        assert!(unlisted_legs(legs(), &page(rows)).is_empty());
        assert_eq!(unlisted_legs(legs(), &page(&rows.replace("60", "90"))).len(), 1);
        assert_eq!(unlisted_legs(legs(), &page(&format!("{rows}\n| old | 5 | z |"))).len(), 1);
        assert_eq!(unlisted_legs(legs(), "").len(), 2);
    }

    #[test]
    fn a_lock_file_with_an_address_is_named() {
        let lock = |text: &str| vec![Source::new("web/package-lock.json", text.to_owned())];
        let address = "{\n  \"resolved\": \"https://registry.example/a.tgz\"\n}";
        assert_eq!(registry_addresses(&lock(address)).len(), 1);
        assert!(registry_addresses(&lock("{\n  \"version\": \"1.0.0\"\n}")).is_empty());
    }
}
