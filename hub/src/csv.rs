//! Cells of a CSV file on their way out, harmless to spreadsheets, and on their way back in.
//!
//! A spreadsheet takes a cell that begins with = + - @, a tab or a return for a formula. On the way
//! out such a cell gets an apostrophe before it, which spreadsheets take for "this is text". So
//! that reading back gives what was written, a cell whose apostrophes stand before such a character
//! gets one more. Knows no column. Invariant: `plain(guarded(x)) == x` for every text.

use std::borrow::Cow;

use oneshelf_domain::Money;
use oneshelf_domain::record::DecimalMark;

/// What begins a formula.
const FORMULA: [char; 6] = ['=', '+', '-', '@', '\t', '\r'];

/// How a file is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Style {
    /// Between cells.
    pub delimiter: char,
    /// In amounts.
    pub decimal: DecimalMark,
}

impl Style {
    /// Semicolons stand between cells where a comma stands in amounts.
    pub const fn of(decimal: DecimalMark) -> Self {
        let delimiter = match decimal {
            DecimalMark::Point => ',',
            DecimalMark::Comma => ';',
        };
        Self { delimiter, decimal }
    }

    /// An amount as people write it, without its currency.
    pub fn amount(self, money: Money) -> String {
        let places = usize::try_from(money.currency.decimals()).unwrap_or(2);
        let digits = format!("{:0width$}", money.minor.unsigned_abs(), width = places + 1);
        let (whole, fraction) = digits.split_at(digits.len() - places);
        let sign = if money.minor < 0 { "-" } else { "" };
        if fraction.is_empty() {
            return format!("{sign}{whole}");
        }
        format!("{sign}{whole}{}{fraction}", self.decimal.sign())
    }

    /// Adds a row.
    pub fn row<'a>(self, out: &mut String, cells: impl IntoIterator<Item = Cell<'a>>) {
        for (at, cell) in cells.into_iter().enumerate() {
            if at > 0 {
                out.push(self.delimiter);
            }
            match cell {
                Cell::Text(text) => self.text(out, &guarded(&text)),
                Cell::Number(number) => out.push_str(&number.to_string()),
                Cell::Empty => {}
            }
        }
        out.push_str("\r\n");
    }

    fn text(self, out: &mut String, text: &str) {
        let special = |c: char| c == self.delimiter || matches!(c, '"' | '\n' | '\r');
        let spaces = text.starts_with(' ') || text.ends_with(' ');
        // A quoted cell is text to the careful reader, and an apostrophe stands out less in one.
        if text.contains(special) || spaces || text.starts_with('\'') {
            out.push('"');
            out.push_str(&text.replace('"', "\"\""));
            out.push('"');
        } else {
            out.push_str(text);
        }
    }
}

/// A cell to be written.
#[derive(Debug, Clone)]
pub enum Cell<'a> {
    /// Text that anybody may have chosen.
    Text(Cow<'a, str>),
    /// A figure of ours.
    Number(i64),
    /// Nothing.
    Empty,
}

impl<'a> From<&'a str> for Cell<'a> {
    fn from(text: &'a str) -> Self {
        Cell::Text(Cow::Borrowed(text))
    }
}

impl From<String> for Cell<'_> {
    fn from(text: String) -> Self {
        Cell::Text(Cow::Owned(text))
    }
}

impl From<i64> for Cell<'_> {
    fn from(number: i64) -> Self {
        Cell::Number(number)
    }
}

impl<'a, T: Into<Cell<'a>>> From<Option<T>> for Cell<'a> {
    fn from(cell: Option<T>) -> Self {
        cell.map_or(Cell::Empty, Into::into)
    }
}

/// A cell that no spreadsheet takes for a formula.
pub fn guarded(text: &str) -> Cow<'_, str> {
    match text.trim_start_matches('\'').starts_with(FORMULA) {
        true => Cow::Owned(format!("'{text}")),
        false => Cow::Borrowed(text),
    }
}

/// The cell that was guarded.
pub fn plain(text: &str) -> &str {
    let inner = text.strip_prefix('\'');
    inner.filter(|t| t.trim_start_matches('\'').starts_with(FORMULA)).unwrap_or(text)
}

#[cfg(test)]
mod tests {
    use oneshelf_domain::Currency;

    use super::*;

    #[test]
    fn formulas_become_text_and_come_back() {
        for hostile in ["=1+1", "+1", "-1", "@sum", "\tx", "\rx", "'=1", "''-", "'"] {
            let out = guarded(hostile);
            assert_eq!(plain(&out), hostile, "{hostile:?}");
            assert!(!out.starts_with(FORMULA), "{hostile:?}");
        }
        for harmless in ["", "a", "'tis", "a=b", "1-2", "''a"] {
            assert_eq!((guarded(harmless), plain(harmless)), (harmless.into(), harmless));
        }
    }

    #[test]
    fn rows_are_quoted_where_they_must_be() {
        let style = Style::of(DecimalMark::Point);
        let mut out = String::new();
        let cells = ["a", "b,c", "say \"hi\"", "=1", "two\nlines", " x", ""].map(Cell::from);
        style.row(&mut out, cells.into_iter().chain([Cell::Number(-3), Cell::Empty]));
        assert_eq!(out, "a,\"b,c\",\"say \"\"hi\"\"\",\"'=1\",\"two\nlines\",\" x\",,-3,\r\n");
    }

    #[test]
    fn amounts_have_the_digits_of_their_currency() {
        let money = |minor, code: &str| Money { minor, currency: Currency::new(code).unwrap() };
        let (point, comma) = (Style::of(DecimalMark::Point), Style::of(DecimalMark::Comma));
        let table =
            [(5, "EUR", "0.05"), (1_250, "EUR", "12.50"), (7, "JPY", "7"), (7, "KWD", "0.007")];
        for (minor, currency, text) in table {
            assert_eq!(point.amount(money(minor, currency)), text);
            assert_eq!(comma.amount(money(minor, currency)), text.replace('.', ","));
        }
    }
}
