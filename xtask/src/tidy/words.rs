//! Words that must not stand in the tree: unwanted names, stubs, sleeps in tests, machine paths.
//! It must not know where code belongs; borders.rs does.

use super::source::Source;

/// One word per idea; the second column is the word that the tree uses.
const UNWANTED: &[(&str, &str)] = &[
    ("qty", "quantity"),
    ("inv", "stock, or the thing's own name"),
    ("mgr", "the thing's own name"),
    ("helper", "the name of what it does"),
    ("helpers", "the name of what it does"),
    ("till", "register"),
    ("web share", "available"),
];

/// These say nothing as the name of a file or module; inside one they may be just right, and the
/// modules of others have them (`std::process`, `tokio_util`).
const UNWANTED_MODULES: &[(&str, &str)] = &[
    ("data", "what it holds"),
    ("info", "what it tells"),
    ("process", "what it does"),
    ("util", "what it does"),
    ("utils", "what it does"),
];

const STUBS: &[&str] = &["todo!", "unimplemented!", "#[ignore"];
const SLEEPS: &[&str] = &["thread::sleep", "time::sleep"];
/// Parts of `tests/src` that are programs for people, not tests.
const NOT_TESTS: &[&str] = &["demo", "bench"];
/// Written in two parts, so that this file does not hold what it looks for.
const MACHINE_PATHS: &[&str] =
    &[concat!("/wo", "rk/"), concat!("/ro", "ot/"), concat!("/ho", "me/")];

pub(crate) fn unwanted_names(sources: &[Source]) -> Vec<String> {
    let mut problems = Vec::new();
    for source in sources {
        if matches!(source.extension(), "rs" | "ts" | "svelte" | "mjs" | "sql") {
            let of_modules = found_words(&source.path, UNWANTED_MODULES);
            for (unwanted, instead) in found_words(&source.path, UNWANTED).chain(of_modules) {
                problems.push(format!("{}: `{unwanted}` in a path, say {instead}", source.path));
            }
        }
        for (line, code, _) in source.code_lines() {
            let module = code.split_once("mod ").map_or("", |(_, name)| name);
            let of_modules = found_words(module, UNWANTED_MODULES);
            for (unwanted, instead) in found_words(code, UNWANTED).chain(of_modules) {
                problems.push(source.place(line, &format!("`{unwanted}`, say {instead}")));
            }
        }
    }
    problems
}

fn found_words<'a>(
    text: &str,
    table: &'a [(&'static str, &'static str)],
) -> impl Iterator<Item = (&'static str, &'static str)> + use<'a> {
    let text = format!(" {} ", words(text).join(" "));
    table.iter().filter(move |(unwanted, _)| text.contains(&format!(" {unwanted} "))).copied()
}

/// The words of all names: `stock_qty`, `StockQty` and `stockQty` all hold `qty`.
fn words(text: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    let mut last = ' ';
    for character in text.chars() {
        let begins = character.is_uppercase() && last.is_lowercase();
        if !character.is_alphanumeric() || begins {
            words.push(String::new());
        }
        if let Some(word) = words.last_mut().filter(|_| character.is_alphanumeric()) {
            word.extend(character.to_lowercase());
        }
        last = character;
    }
    words
}

pub(crate) fn stubs(sources: &[Source]) -> Vec<String> {
    let everywhere = |_: &Source, _: bool| true;
    found(sources, STUBS, everywhere, "finish it, or take it away")
}

pub(crate) fn sleeps_in_tests(sources: &[Source]) -> Vec<String> {
    let in_tests = |source: &Source, in_test: bool| {
        let for_people = source.path.strip_prefix("tests/src/").is_some_and(|below| {
            below.split('/').any(|part| NOT_TESTS.iter().any(|it| part.starts_with(it)))
        });
        in_test || (source.path.starts_with("tests/") && !for_people)
    };
    found(sources, SLEEPS, in_tests, "wait for what happens, not for time")
}

fn found(
    sources: &[Source],
    patterns: &[&str],
    concerns: impl Fn(&Source, bool) -> bool,
    advice: &str,
) -> Vec<String> {
    let mut problems = Vec::new();
    for source in sources.iter().filter(|source| source.is_rust()) {
        for (line, code, in_test) in source.code_lines() {
            for pattern in patterns.iter().filter(|pattern| code.contains(**pattern)) {
                if concerns(source, in_test) {
                    problems.push(source.place(line, &format!("`{pattern}`: {advice}")));
                }
            }
        }
    }
    problems
}

pub(crate) fn machine_paths(sources: &[Source]) -> Vec<String> {
    let mut problems = Vec::new();
    for source in sources {
        for (at, line) in source.text.lines().enumerate() {
            for path in MACHINE_PATHS.iter().filter(|path| begins_a_path(line, path)) {
                problems.push(source.place(at + 1, &format!("`{path}` is a path of one machine")));
            }
        }
    }
    problems
}

/// `/v1/wo` + `rk/` is an address: a path of a machine begins after something that ends a word.
fn begins_a_path(line: &str, path: &str) -> bool {
    let ends_a_word = |before: char| !before.is_alphanumeric() && !"_-.}>".contains(before);
    line.match_indices(path).any(|(at, _)| line[..at].chars().last().is_none_or(ends_a_word))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn source(path: &str, text: &str) -> Vec<Source> {
        vec![Source::new(path, text.to_owned())]
    }

    #[test]
    fn an_unwanted_name_is_found_in_every_spelling() {
        for code in ["let qty = 1;", "struct StockQty;", "fn till_open() {}", "mod helpers;"] {
            assert_eq!(unwanted_names(&source("hub/src/a.rs", code)).len(), 1, "{code}");
        }
        assert_eq!(unwanted_names(&source("web/src/a.ts", "let stockQty = 1")).len(), 1);
        assert_eq!(unwanted_names(&source("hub/src/util.rs", "")).len(), 1);
        assert_eq!(unwanted_names(&source("migrations/hub/1.sql", "qty bigint")).len(), 1);
        assert_eq!(unwanted_names(&source("hub/src/a.rs", "let web_share = 1;")).len(), 1);
    }

    #[test]
    fn some_words_are_unwanted_as_names_of_modules_alone() {
        assert_eq!(unwanted_names(&source("hub/src/data/a.rs", "")).len(), 1);
        assert_eq!(unwanted_names(&source("hub/src/a.rs", "pub mod process;")).len(), 1);
        assert_eq!(unwanted_names(&source("hub/src/text_utils.rs", "")).len(), 1);
        let code = "use std::process::Command;\nuse tokio_util::io;\nlet data = info(modern);";
        assert!(unwanted_names(&source("hub/src/a.rs", code)).is_empty());
    }

    #[test]
    fn prose_and_longer_words_are_free() {
        let code = "// wait till then\nlet still = invoice(\"qty\");";
        assert!(unwanted_names(&source("hub/src/a.rs", code)).is_empty());
        let sql = "-- wait till then\ncreate table stock (quantity bigint);";
        assert!(unwanted_names(&source("migrations/hub/1.sql", sql)).is_empty());
    }

    #[test]
    fn stubs_are_found_everywhere() {
        for code in ["todo!()", "unimplemented!()", "#[ignore = \"later\"]"] {
            assert_eq!(stubs(&source("hub/src/a.rs", code)).len(), 1, "{code}");
        }
        assert!(stubs(&source("a.rs", "// todo!()")).is_empty());
    }

    #[test]
    fn sleeps_are_found_in_tests_alone() {
        let code = "std::thread::sleep(x);";
        assert_eq!(sleeps_in_tests(&source("tests/api/a.rs", code)).len(), 1);
        assert_eq!(sleeps_in_tests(&source("tests/src/support.rs", code)).len(), 1);
        let inner = format!("#[cfg(test)]\nmod tests {{\n{code}\n}}\n");
        assert_eq!(sleeps_in_tests(&source("hub/src/a.rs", &inner)).len(), 1);
        assert!(sleeps_in_tests(&source("hub/src/a.rs", code)).is_empty());
        assert!(sleeps_in_tests(&source("tests/src/demo/line.rs", code)).is_empty());
    }

    #[test]
    fn a_path_of_a_machine_is_found_and_an_address_is_not() {
        for path in MACHINE_PATHS {
            assert_eq!(machine_paths(&source("docs/a.md", &format!("see {path}x"))).len(), 1);
            assert!(machine_paths(&source("docs/a.md", &format!("GET /v1{path}x"))).is_empty());
        }
    }
}
