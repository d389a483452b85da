//! What a doctor found: one row a check, for people as a table and for programs as JSON.
//!
//! It knows no check. Invariant: whatever is not well says what to do about it, and text from
//! elsewhere moves no cursor.

use oneshelf_domain::code::plain_text;
use serde::{Deserialize, Serialize};

/// Characters of a cell that are shown.
const CELL_CHARS_MAX: usize = 300;

/// How a thing is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// Well.
    Ok,
    /// Not looked at; the row says what it would take.
    NotChecked,
    /// It works, and somebody should look.
    Warn,
    /// It does not work, or is not safe.
    Bad,
}

impl Verdict {
    fn word(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::NotChecked => "-",
            Self::Warn => "WARN",
            Self::Bad => "BAD",
        }
    }
}

/// One check.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Check {
    /// A stable name, as in `database.version`.
    pub name: String,
    /// How it is.
    pub verdict: Verdict,
    /// What was found.
    pub found: String,
    /// What to do; empty when nothing is to be done.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub todo: String,
}

/// All checks of one look.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Report {
    /// In the order of looking.
    pub checks: Vec<Check>,
}

impl Report {
    /// It is well.
    pub fn ok(&mut self, name: &str, found: impl Into<String>) {
        self.add(name, Verdict::Ok, found.into(), "");
    }

    /// It was not looked at.
    pub fn not_checked(&mut self, name: &str, found: impl Into<String>) {
        self.add(name, Verdict::NotChecked, found.into(), "");
    }

    /// Somebody should look.
    pub fn warn(&mut self, name: &str, found: impl Into<String>, to_do: &str) {
        self.add(name, Verdict::Warn, found.into(), to_do);
    }

    /// It does not work.
    pub fn bad(&mut self, name: &str, found: impl Into<String>, to_do: &str) {
        self.add(name, Verdict::Bad, found.into(), to_do);
    }

    fn add(&mut self, name: &str, verdict: Verdict, found: String, to_do: &str) {
        let (name, todo) = (name.to_owned(), to_do.to_owned());
        self.checks.push(Check { name, verdict, found, todo });
    }

    /// Whether nothing is bad.
    pub fn is_well(&self) -> bool {
        self.checks.iter().all(|check| check.verdict != Verdict::Bad)
    }

    /// For people: a row a check, and below it what to do.
    pub fn table(&self) -> String {
        let width = self.checks.iter().map(|check| check.name.chars().count()).max().unwrap_or(0);
        let mut lines = vec![];
        for check in &self.checks {
            let (word, name) = (check.verdict.word(), &check.name);
            let found = plain_text(&check.found, CELL_CHARS_MAX);
            lines.push(format!("{word:4}  {name:width$}  {found}").trim_end().to_owned());
            if !check.todo.is_empty() {
                let todo = plain_text(&check.todo, CELL_CHARS_MAX);
                lines.push(format!("{:4}  {:width$}  -> {todo}", "", ""));
            }
        }
        let count = |verdict| self.checks.iter().filter(|c| c.verdict == verdict).count();
        let (bad, warn) = (count(Verdict::Bad), count(Verdict::Warn));
        lines.push(format!("{} checks: {bad} bad, {warn} to look at", self.checks.len()));
        lines.join("\n")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_report_reads_as_a_table_and_as_json() {
        let mut report = Report::default();
        report.ok("database", "SQLite 3.51.3");
        report.warn("disk", "900 MiB free", "make room");
        assert!(report.is_well());
        report.bad("key", "mode\u{1b}[2J 644", "chmod 600 it");
        assert!(!report.is_well());
        let table = report.table();
        let lines = [
            "ok    database  SQLite 3.51.3",
            "WARN  disk      900 MiB free",
            "                -> make room",
            "BAD   key       mode [2J 644",
            "                -> chmod 600 it",
            "3 checks: 1 bad, 1 to look at",
        ];
        assert_eq!(table.lines().collect::<Vec<_>>(), lines);
        let json = serde_json::to_value(&report).unwrap();
        assert_eq!(json["checks"][1]["verdict"], "warn");
        assert_eq!(serde_json::from_value::<Report>(json).unwrap(), report);
    }
}
