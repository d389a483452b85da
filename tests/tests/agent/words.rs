//! What pages say of the agent's refusals: a sentence for each code in the other language too.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

fn sources(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            sources(&path, found);
        } else if path.extension().is_some_and(|e| e == "rs") {
            found.push(path);
        }
    }
}

/// Codes stand behind a status: `new(409, "code"`, `(409, "code")`.
fn codes(text: &str) -> BTreeSet<String> {
    let marks = text.match_indices(", \"").filter_map(|(at, mark)| {
        let status = text.get(at.checked_sub(4)?..at)?;
        let opens = status.starts_with('(') && status[1..].bytes().all(|b| b.is_ascii_digit());
        let code = text[at + mark.len()..].split('"').next()?;
        let plain = code.bytes().all(|b| b.is_ascii_lowercase() || b == b'_');
        (opens && plain).then(|| code.to_owned())
    });
    marks.collect()
}

#[test]
fn every_refusal_has_its_german_sentence() {
    let mut files = vec![];
    sources(&repository().join("pos-agent/src"), &mut files);
    let known: BTreeSet<String> =
        files.iter().flat_map(|f| codes(&std::fs::read_to_string(f).unwrap())).collect();
    for sure in ["ticket_changed", "tender_too_small", "pin_locked", "json_only", "scan_unreadable"]
    {
        assert!(known.contains(sure), "{sure} is not found: {known:?}");
    }
    let german = repository().join("web/src/shared/strings/de/agent.ts");
    let german = std::fs::read_to_string(german).unwrap();
    let said: BTreeSet<String> = german
        .lines()
        .filter_map(|l| Some(l.strip_prefix("  ")?.split_once(": ")?.0.to_owned()))
        .filter(|w| w.bytes().all(|b| b.is_ascii_lowercase() || b == b'_'))
        .collect();
    let missing: Vec<&String> = known.difference(&said).collect();
    assert!(missing.is_empty(), "without a German sentence: {missing:?}");
    let idle: Vec<&String> = said.difference(&known).collect();
    assert!(idle.is_empty(), "no refusal has these codes any more: {idle:?}");
}
