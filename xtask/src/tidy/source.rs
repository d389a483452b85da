//! One file of the tree, and its code without comments and string contents.
//! It must not know the rules. The code has the same lines and columns as the text, so that a
//! rule can name a place; strings keep their quotes and lose what is between them.

use std::path::Path;

pub(crate) struct Source {
    pub(crate) path: String,
    pub(crate) text: String,
    /// Empty unless the file is Rust, TypeScript or SQL.
    pub(crate) code: String,
    /// For each line of Rust: whether it belongs to a test.
    pub(crate) in_test: Vec<bool>,
}

impl Source {
    pub(crate) fn new(path: &str, text: String) -> Self {
        let (code, in_test) = match extension(path) {
            "rs" => {
                let code = without_comments(&text, Language::Rust);
                let in_test = test_lines(&code, is_test_file(path));
                (code, in_test)
            }
            "ts" | "mjs" => (without_comments(&text, Language::TypeScript), Vec::new()),
            "svelte" => (without_comments(&script_only(&text), Language::TypeScript), Vec::new()),
            "sql" => (without_line_comments(&text), Vec::new()),
            _ => (String::new(), Vec::new()),
        };
        Self { path: path.to_owned(), text, code, in_test }
    }

    pub(crate) fn extension(&self) -> &str {
        extension(&self.path)
    }

    pub(crate) fn is_rust(&self) -> bool {
        self.extension() == "rs"
    }

    pub(crate) fn is_test_file(&self) -> bool {
        is_test_file(&self.path)
    }

    /// Whether the file is the module at this path, or lies in it.
    pub(crate) fn lies_in(&self, module: &str) -> bool {
        let rest = self.path.strip_prefix(module);
        rest.is_some_and(|rest| rest == ".rs" || rest.starts_with('/'))
    }

    /// The code's lines with their numbers and whether they belong to a test.
    pub(crate) fn code_lines(&self) -> impl Iterator<Item = (usize, &str, bool)> {
        self.code.lines().enumerate().map(|(at, line)| {
            let in_test = self.in_test.get(at).copied().unwrap_or(false);
            (at + 1, line, in_test)
        })
    }

    pub(crate) fn place(&self, line: usize, problem: &str) -> String {
        format!("{}:{line}: {problem}", self.path)
    }
}

fn extension(path: &str) -> &str {
    Path::new(path).extension().and_then(|it| it.to_str()).unwrap_or("")
}

/// Files that hold nothing but tests, beside or below the code that they test.
fn is_test_file(path: &str) -> bool {
    let name = path.rsplit('/').next().unwrap_or(path);
    let is_code = path.starts_with("tests/src/");
    let below_tests = path.split('/').rev().skip(1).any(|part| part == "tests");
    (below_tests && !is_code) || name == "tests.rs" || name.ends_with("_tests.rs")
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Language {
    Rust,
    TypeScript,
}

fn without_line_comments(text: &str) -> String {
    let code = |line: &str| line.split("--").next().unwrap_or("").to_owned() + "\n";
    text.lines().map(code).collect()
}

/// Keeps the lines between script tags and empties the others.
fn script_only(text: &str) -> String {
    let mut inside = false;
    let mut kept = String::with_capacity(text.len());
    for line in text.lines() {
        if line.starts_with("</script") {
            inside = false;
        }
        if inside {
            kept.push_str(line);
        }
        inside |= line.starts_with("<script");
        kept.push('\n');
    }
    kept
}

/// Reads characters one by one and blanks those of comments and strings.
struct Blanker<'a> {
    characters: &'a [char],
    at: usize,
    out: String,
    language: Language,
}

fn without_comments(text: &str, language: Language) -> String {
    let characters: Vec<char> = text.chars().collect();
    let out = String::with_capacity(text.len());
    let mut blanker = Blanker { characters: &characters, at: 0, out, language };
    while blanker.at < characters.len() {
        blanker.step();
    }
    blanker.out
}

impl Blanker<'_> {
    fn peek(&self, ahead: usize) -> char {
        self.characters.get(self.at + ahead).copied().unwrap_or('\0')
    }

    fn keep(&mut self) {
        self.out.push(self.peek(0));
        self.at += 1;
    }

    fn blank(&mut self) {
        self.out.push(if self.peek(0) == '\n' { '\n' } else { ' ' });
        self.at += 1;
    }

    fn done(&self) -> bool {
        self.at >= self.characters.len()
    }

    fn step(&mut self) {
        match (self.peek(0), self.peek(1)) {
            ('/', '/') => {
                while !self.done() && self.peek(0) != '\n' {
                    self.blank();
                }
            }
            ('/', '*') => self.block_comment(),
            ('"', _) => self.quoted('"'),
            ('\'', _) if self.language == Language::TypeScript => self.quoted('\''),
            ('`', _) if self.language == Language::TypeScript => self.quoted('`'),
            ('\'', _) => self.character_or_lifetime(),
            ('r', '"' | '#') if self.language == Language::Rust && self.begins_raw() => self.raw(),
            _ => self.keep(),
        }
    }

    fn block_comment(&mut self) {
        let mut depth = 0;
        while !self.done() {
            match (self.peek(0), self.peek(1)) {
                ('/', '*') if self.language == Language::Rust || depth == 0 => depth += 1,
                ('*', '/') => depth -= 1,
                _ => {
                    self.blank();
                    continue;
                }
            }
            self.blank();
            self.blank();
            if depth == 0 {
                return;
            }
        }
    }

    fn quoted(&mut self, quote: char) {
        self.keep();
        while !self.done() && self.peek(0) != quote {
            // A stray quote of a TypeScript regular expression ends with its line.
            if self.language == Language::TypeScript && quote != '`' && self.peek(0) == '\n' {
                return;
            }
            if self.peek(0) == '\\' {
                self.blank();
            }
            self.blank();
        }
        if !self.done() {
            self.keep();
        }
    }

    fn character_or_lifetime(&mut self) {
        let is_character = self.peek(1) == '\\' || self.peek(2) == '\'';
        self.keep();
        if is_character {
            if self.peek(0) == '\\' {
                self.blank();
            }
            self.blank();
            while !self.done() && self.peek(0) != '\'' {
                self.blank();
            }
            self.keep();
        }
    }

    /// `r"`, `r#"`, `br"`; not the `r` of a longer word and not the raw name `r#type`.
    fn begins_raw(&self) -> bool {
        let before = |back: usize| self.at.checked_sub(back).map(|at| self.characters[at]);
        let in_word =
            |character: Option<char>| character.is_some_and(|it| it.is_alphanumeric() || it == '_');
        let prefixed = matches!(before(1), Some('b' | 'c')) && !in_word(before(2));
        let hashes = (1..).take_while(|ahead| self.peek(*ahead) == '#').count();
        (prefixed || !in_word(before(1))) && self.peek(1 + hashes) == '"'
    }

    fn raw(&mut self) {
        self.keep();
        let mut hashes = 0;
        while self.peek(0) == '#' {
            self.keep();
            hashes += 1;
        }
        self.keep();
        let ends = |blanker: &Self| {
            blanker.peek(0) == '"' && (1..=hashes).all(|ahead| blanker.peek(ahead) == '#')
        };
        while !self.done() && !ends(self) {
            self.blank();
        }
        for _ in 0..=hashes {
            if !self.done() {
                self.keep();
            }
        }
    }
}

/// Marks the lines of `#[cfg(test)] mod ... { }`, counting braces of code alone.
fn test_lines(code: &str, whole: bool) -> Vec<bool> {
    let mut marks = Vec::new();
    let mut announced = false;
    let mut depth = 0_i64;
    for line in code.lines() {
        let trimmed = line.trim();
        if depth == 0 && trimmed.starts_with("#[cfg(test)]") {
            announced = true;
        }
        let inside = announced || depth > 0;
        if inside {
            let count = |brace| i64::try_from(line.matches(brace).count()).unwrap_or(0);
            depth += count('{') - count('}');
            // An attribute on a line of its own waits for what it belongs to.
            announced &= depth == 0 && (trimmed.starts_with("#[") && trimmed.ends_with(']'));
        }
        marks.push(whole || inside);
    }
    marks
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn comments_and_strings_lose_their_contents() {
        let rust = "let a = \"// till\"; // qty\nlet b = r#\"a \" qty\"#; /* x /* y */ qty */ end";
        let code = Source::new("a.rs", rust.to_owned()).code;
        assert!(!code.contains("qty") && !code.contains("till"), "{code}");
        assert!(code.contains("let b = r#\"") && code.contains("end"));
        assert_eq!(code.lines().count(), 2);
    }

    #[test]
    fn characters_and_lifetimes_are_told_apart() {
        let rust = "fn f<'a>(x: &'a str) { g('\"'); h('\\''); k('\\u{1b}'); } // qty";
        let code = Source::new("a.rs", rust.to_owned()).code;
        assert!(code.contains("&'a str") && code.contains("k("), "{code}");
        assert!(!code.contains("qty"));
    }

    #[test]
    fn only_the_script_of_a_component_is_code() {
        let text =
            "<!-- head -->\n<script lang=\"ts\">\nlet qty = 'till';\n</script>\n<p>don't</p>";
        let code = Source::new("A.svelte", text.to_owned()).code;
        assert_eq!(code.trim(), "let qty = '    ';");
    }

    #[test]
    fn test_modules_are_marked_to_their_last_brace() {
        let rust = "fn a() {}\n#[cfg(test)]\nmod tests {\n    fn b() {}\n}\nfn c() {}\n";
        let marks = Source::new("a.rs", rust.to_owned()).in_test;
        assert_eq!(marks, [false, true, true, true, true, false]);
        let one = "#[cfg(test)]\nmod tests;\nfn c() {}\n";
        assert_eq!(Source::new("a.rs", one.to_owned()).in_test, [true, true, false]);
    }

    #[test]
    fn test_files_are_known_by_place_and_name() {
        let is = |path: &str| Source::new(path, String::new()).is_test_file();
        assert!(is("tests/store/main.rs") && is("domain/src/stock/tests.rs"));
        assert!(is("hub/tests/boot.rs"));
        assert!(!is("tests/src/sim/mod.rs") && !is("hub/src/lib.rs"));
    }
}
