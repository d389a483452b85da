//! Cargo.lock against a folder of RustSec advisories: the TOML at the head of each file.
//! It must not reach for a network. What is accepted stands in `ACCEPTED` with its reason, and a
//! row there that nothing needs any more is a problem itself.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result};
use semver::{Version, VersionReq};
use toml::{Table, Value};

struct Accepted {
    id: &'static str,
    package: &'static str,
    /// Why the advisory does not touch this product.
    reason: &'static str,
}

/// rumqttc 0.25.1 names an error type of rustls-webpki 0.102 and reads PEM with rustls-pemfile only
/// where it is given PEM; chains are verified by rustls 0.23, and we hand it a ready configuration.
const RUMQTTC: &str = "rumqttc uses an error type of it alone";

const ACCEPTED: &[Accepted] = &[
    Accepted { id: "RUSTSEC-2026-0049", package: "rustls-webpki", reason: RUMQTTC },
    Accepted { id: "RUSTSEC-2026-0098", package: "rustls-webpki", reason: RUMQTTC },
    Accepted { id: "RUSTSEC-2026-0099", package: "rustls-webpki", reason: RUMQTTC },
    Accepted { id: "RUSTSEC-2026-0104", package: "rustls-webpki", reason: RUMQTTC },
    Accepted { id: "RUSTSEC-2025-0134", package: "rustls-pemfile", reason: RUMQTTC },
];

/// The advisories know operating systems by these names; the product runs on Linux.
const SYSTEM: &str = "linux";

pub(crate) fn problems(lock: &str, crates: &Path) -> Result<Vec<String>> {
    problems_beyond(ACCEPTED, lock, crates)
}

fn problems_beyond(accepted: &[Accepted], lock: &str, crates: &Path) -> Result<Vec<String>> {
    anyhow::ensure!(crates.is_dir(), "no advisories in {}", crates.display());
    let mut problems = Vec::new();
    let mut used = vec![false; accepted.len()];
    for (name, version) in locked(lock)? {
        for text in advisories_of(&crates.join(&name))? {
            let Some(advisory) = Advisory::read(&text)
                .with_context(|| format!("an advisory of {name} cannot be read"))?
            else {
                continue;
            };
            if !advisory.concerns(&version) {
                continue;
            }
            let row = accepted.iter().position(|it| it.id == advisory.id && it.package == name);
            match row {
                Some(row) => used[row] = true,
                None => problems.push(format!("{name} {version}: {advisory}")),
            }
        }
    }
    for (row, _) in accepted.iter().zip(used).filter(|(_, used)| !used) {
        let Accepted { id, package, reason } = row;
        problems.push(format!("{id} of {package} is accepted ({reason}), but nothing has it"));
    }
    Ok(problems)
}

/// Name and version of all packages that came from a registry.
fn locked(lock: &str) -> Result<Vec<(String, Version)>> {
    let lock: Table = lock.parse().context("Cargo.lock is not TOML")?;
    let packages = lock.get("package").and_then(Value::as_array);
    let mut found = Vec::new();
    for package in packages.into_iter().flatten().filter(|it| it.get("source").is_some()) {
        let text = |key| package.get(key).and_then(Value::as_str).unwrap_or("");
        let version = Version::parse(text("version"))
            .with_context(|| format!("{} has an odd version", text("name")))?;
        found.push((text("name").to_owned(), version));
    }
    Ok(found)
}

fn advisories_of(folder: &Path) -> Result<Vec<String>> {
    if !folder.is_dir() {
        return Ok(Vec::new());
    }
    let mut texts = Vec::new();
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.extension().is_some_and(|extension| extension == "md") {
            texts.push(fs::read_to_string(path)?);
        }
    }
    Ok(texts)
}

struct Advisory {
    id: String,
    title: String,
    unmaintained: bool,
    patched: Vec<VersionReq>,
    unaffected: Vec<VersionReq>,
}

impl std::fmt::Display for Advisory {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let kind = if self.unmaintained { " (unmaintained)" } else { "" };
        write!(formatter, "{}{kind}: {}", self.id, self.title)
    }
}

impl Advisory {
    /// Nothing when it was withdrawn, is a mere notice, or is about other systems.
    fn read(text: &str) -> Result<Option<Self>> {
        let head = text.split_once("```toml").and_then(|(_, rest)| rest.split_once("```"));
        let (head, body) = head.context("no TOML at its head")?;
        let head: Table = head.parse()?;
        let advisory = head.get("advisory").context("no [advisory]")?;
        let text_of = |key| advisory.get(key).and_then(Value::as_str);
        let systems = head.get("affected").and_then(|it| it.get("os")).and_then(Value::as_array);
        let elsewhere = systems.is_some_and(|systems| {
            !systems.is_empty() && !systems.iter().any(|system| system.as_str() == Some(SYSTEM))
        });
        let informational = text_of("informational");
        if text_of("withdrawn").is_some() || informational == Some("notice") || elsewhere {
            return Ok(None);
        }
        let title = body.lines().find_map(|line| line.strip_prefix("# ")).unwrap_or("");
        Ok(Some(Self {
            id: text_of("id").context("no id")?.to_owned(),
            title: title.trim().to_owned(),
            unmaintained: informational == Some("unmaintained"),
            patched: requirements(&head, "patched")?,
            unaffected: requirements(&head, "unaffected")?,
        }))
    }

    fn concerns(&self, version: &Version) -> bool {
        !self.patched.iter().chain(&self.unaffected).any(|good| good.matches(version))
    }
}

fn requirements(head: &Table, key: &str) -> Result<Vec<VersionReq>> {
    let list = head.get("versions").and_then(|it| it.get(key)).and_then(Value::as_array);
    let texts = list.into_iter().flatten().filter_map(Value::as_str);
    texts.map(|text| VersionReq::parse(text).with_context(|| text.to_owned())).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const LOCK: &str = "[[package]]\nname = \"leaky\"\nversion = \"0.102.8\"\n\
        source = \"registry\"\n[[package]]\nname = \"ours\"\nversion = \"0.1.0\"\n";

    fn advisory(versions: &str, more: &str) -> String {
        format!(
            "```toml\n[advisory]\nid = \"RUSTSEC-1\"\npackage = \"leaky\"\n{more}\n\
             [versions]\n{versions}\n```\n\n# It leaks\n"
        )
    }

    /// A folder of advisories with one of `leaky`, gone at the end of the test.
    struct Folder(std::path::PathBuf);

    impl Folder {
        fn with(name: &str, advisory: &str) -> Self {
            let folder = format!("xtask-advisories-{name}-{}", std::process::id());
            let folder = std::env::temp_dir().join(folder);
            fs::create_dir_all(folder.join("leaky")).unwrap();
            fs::write(folder.join("leaky/RUSTSEC-1.md"), advisory).unwrap();
            Self(folder)
        }
    }

    impl Drop for Folder {
        fn drop(&mut self) {
            let _ = fs::remove_dir_all(&self.0);
        }
    }

    #[test]
    fn a_version_below_the_patch_is_named() {
        let folder = Folder::with("below", &advisory("patched = [\">= 0.103.10\"]", ""));
        let found = problems_beyond(&[], LOCK, &folder.0).unwrap();
        assert_eq!(found, ["leaky 0.102.8: RUSTSEC-1: It leaks"]);
    }

    #[test]
    fn patched_unaffected_withdrawn_and_foreign_ones_are_not() {
        for (at, text) in [
            advisory("patched = [\">= 0.100.2, < 0.103.0\"]", ""),
            advisory("patched = []\nunaffected = [\"< 0.103.0-alpha.0\"]", ""),
            advisory("patched = []", "withdrawn = \"2026-01-01\""),
            advisory("patched = []\n[affected]\nos = [\"windows\"]", ""),
        ]
        .iter()
        .enumerate()
        {
            let folder = Folder::with(&format!("good{at}"), text);
            assert!(problems_beyond(&[], LOCK, &folder.0).unwrap().is_empty(), "{text}");
        }
    }

    #[test]
    fn an_accepted_one_is_silent_until_nothing_has_it() {
        let accepted = [Accepted { id: "RUSTSEC-1", package: "leaky", reason: "not called" }];
        let folder = Folder::with("accepted", &advisory("patched = []", ""));
        assert!(problems_beyond(&accepted, LOCK, &folder.0).unwrap().is_empty());
        let left = problems_beyond(&accepted, "", &folder.0).unwrap();
        assert!(left[0].contains("nothing has it"), "{left:?}");
    }

    #[test]
    fn a_missing_folder_is_an_error_not_a_pass() {
        assert!(problems_beyond(&[], LOCK, Path::new("no-such-folder")).is_err());
    }
}
