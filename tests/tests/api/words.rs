//! What pages say of the hub's refusals: a sentence for each code in the other language too, and no
//! word for a code that nobody sends.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use oneshelf_hub::http::CATALOGUE;

fn read(path: &str) -> String {
    let path: PathBuf = Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(path);
    std::fs::read_to_string(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()))
}

fn is_code(word: &str) -> bool {
    !word.is_empty() && word.bytes().all(|b| b.is_ascii_lowercase() || b == b'_' || b == b'8')
}

/// The names of a list of a page, which begins with such a line and ends with `};`.
fn names(page: &str, list: &str) -> BTreeSet<String> {
    let (_, behind) = page.split_once(&format!("const {list}: Record<")).unwrap();
    let (body, _) = behind.split_once("\n};").unwrap();
    let names = body.lines().filter_map(|l| Some(l.strip_prefix("  ")?.split_once(':')?.0));
    names.filter(|name| is_code(name)).map(str::to_owned).collect()
}

/// The codes of rows: texts that stand first in brackets, before their sentence. What the database
/// has and nobody can read is no fault of a row.
fn codes_of_rows() -> BTreeSet<String> {
    let files = ["commands", "file", "items", "rows", "split", "worker"]
        .map(|f| format!("hub/src/imports/{f}.rs"));
    let texts = files.iter().map(|f| read(f).split("#[cfg(test)]").next().unwrap().to_owned());
    let codes = texts.flat_map(|text| {
        let text = text.replace("unreadable(\"", "");
        let marks: Vec<_> = text.split("(\"").skip(1).map(str::to_owned).collect();
        marks.into_iter().filter_map(|rest| Some(rest.split_once("\", ")?.0.to_owned()))
    });
    codes.filter(|code| is_code(code)).collect()
}

fn codes() -> BTreeSet<String> {
    CATALOGUE.iter().map(|entry| entry.code.to_owned()).collect()
}

#[test]
fn every_refusal_has_its_german_sentence() {
    let said = names(&read("web/src/shared/strings/de/hub.ts"), "refusals");
    let known = codes();
    let missing: Vec<_> = known.difference(&said).collect();
    assert!(missing.is_empty(), "without a German sentence: {missing:?}");
    let idle: Vec<_> = said.difference(&known).collect();
    assert!(idle.is_empty(), "no refusal has these codes any more: {idle:?}");
}

#[test]
fn every_fault_of_a_row_has_its_german_sentence() {
    let said = names(&read("web/src/shared/strings/de/hub.ts"), "rows");
    let known = codes_of_rows();
    for sure in ["quote_open", "columns", "price_malformed", "not_utf8"] {
        assert!(known.contains(sure), "{sure} is not found: {known:?}");
    }
    let refusals = codes();
    let missing: Vec<_> = known.difference(&said).filter(|c| !refusals.contains(*c)).collect();
    assert!(missing.is_empty(), "without a German sentence: {missing:?}");
    let idle: Vec<_> = said.difference(&known).collect();
    assert!(idle.is_empty(), "no row has these codes any more: {idle:?}");
}

#[test]
fn a_shopper_is_told_of_codes_that_are_sent() {
    let mut told = names(&read("web/src/shop/holds.svelte.ts"), "troubles");
    assert!(told.remove("unreachable"), "the page's own: nobody answered");
    let idle: Vec<_> = told.difference(&codes()).cloned().collect();
    assert!(idle.is_empty(), "no refusal has these codes: {idle:?}");
    assert!(told.contains("too_many_holds"), "{told:?}");
}
