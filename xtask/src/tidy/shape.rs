//! The outer shape of files: how long, how wide, and that each says first what it is for.
//! It must not know what the files do.

use super::source::Source;

const LINES_MAX: usize = 400;
const MAIN_LINES_MAX: usize = 60;
const COLUMNS_MAX: usize = 100;

pub(crate) fn too_long(sources: &[Source]) -> Vec<String> {
    let mut problems = Vec::new();
    for source in sources.iter().filter(|it| is_code(it) && !it.is_test_file()) {
        let is_main = source.path.ends_with("src/main.rs");
        let max = if is_main { MAIN_LINES_MAX } else { LINES_MAX };
        let tests = source.in_test.iter().filter(|in_test| **in_test).count();
        let lines = source.text.lines().count() - tests;
        if lines > max {
            let problem = format!("{}: {lines} lines without tests, at most {max}", source.path);
            problems.push(problem);
        }
    }
    problems
}

pub(crate) fn without_header(sources: &[Source]) -> Vec<String> {
    let missing = |source: &&Source| {
        let text = source.text.trim_start_matches("#!/usr/bin/env node\n").trim_start();
        match source.extension() {
            "rs" => !text.starts_with("//!"),
            "svelte" => !text.starts_with("<!--"),
            "ts" | "mjs" | "js" => is_code(source) && !starts_with_comment(text),
            _ => false,
        }
    };
    let found = sources.iter().filter(missing);
    found.map(|source| format!("{}: no opening comment", source.path)).collect()
}

pub(crate) fn wide_lines(sources: &[Source]) -> Vec<String> {
    let mut problems = Vec::new();
    for source in sources.iter().filter(|source| source.is_rust()) {
        for (at, line) in source.text.lines().enumerate() {
            let columns = line.chars().count();
            if columns > COLUMNS_MAX {
                let problem = format!("{columns} columns, at most {COLUMNS_MAX}");
                problems.push(source.place(at + 1, &problem));
            }
        }
    }
    problems
}

/// Files that people write: type declarations are made by a tool.
fn is_code(source: &Source) -> bool {
    matches!(source.extension(), "rs" | "ts" | "svelte" | "mjs" | "js")
        && !source.path.ends_with(".d.ts")
}

fn starts_with_comment(text: &str) -> bool {
    text.starts_with("//") || text.starts_with("/*")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn source(path: &str, text: &str) -> Vec<Source> {
        vec![Source::new(path, text.to_owned())]
    }

    #[test]
    fn a_long_file_is_named_but_its_tests_do_not_count() {
        let long = "fn a() {}\n".repeat(401);
        assert_eq!(too_long(&source("hub/src/a.rs", &long)).len(), 1);
        assert_eq!(too_long(&source("web/src/a.ts", &long)).len(), 1);
        assert_eq!(too_long(&source("hub/src/main.rs", &"\n".repeat(61))).len(), 1);
        assert!(too_long(&source("tests/store/main.rs", &long)).is_empty());
        let tests = format!("#[cfg(test)]\nmod tests {{\n{long}}}\n");
        assert!(too_long(&source("hub/src/a.rs", &tests)).is_empty());
    }

    #[test]
    fn a_file_without_a_header_is_named() {
        assert_eq!(without_header(&source("a.rs", "fn a() {}")).len(), 1);
        assert_eq!(without_header(&source("a.ts", "let a = 1;")).len(), 1);
        assert_eq!(without_header(&source("A.svelte", "<script>")).len(), 1);
        assert!(without_header(&source("a.rs", "//! What it is.\n")).is_empty());
        assert!(without_header(&source("a.d.ts", "let a = 1;")).is_empty());
        assert!(without_header(&source("a.mjs", "#!/usr/bin/env node\n// It.\n")).is_empty());
    }

    #[test]
    fn a_wide_line_is_named_by_columns_not_bytes() {
        assert_eq!(wide_lines(&source("a.rs", &"x".repeat(101))).len(), 1);
        assert!(wide_lines(&source("a.rs", &"é".repeat(100))).is_empty());
    }
}
