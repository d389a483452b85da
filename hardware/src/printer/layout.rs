//! From a receipt to lines of paper.
//!
//! Owns columns, wrapping and alignment. Pure; must not know bytes or transports. Invariants: all
//! text in its output was made printable, and no line is wider than the paper.

use super::picture::Bitmap;
use super::profile::{PageNumber, PictureMode, Profile, QrMode};
use super::receipt::{Receipt, ReceiptLine, TaxLine, TestPage};
use super::text::printable;

/// A hostile title must not print metres of paper.
const MAX_WRAPPED_LINES: usize = 6;
/// Data of a code that is longer is left out; it would not be readable on paper.
const MAX_QR_BYTES: usize = 300;
/// GS1's own example of an item, on the test page.
const TEST_EAN: &str = "9506000134352";
/// Dots of a module of a QR code; a code that does not fit gets smaller ones.
pub(super) const QR_MODULE_DOTS: u8 = 5;
/// Start, check and stop. The blank that a Code 128 needs on both sides is the paper's own margin.
const CODE128_FRAME_MODULES: usize = 35;
const CODE128_MODULES: usize = 11;

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Style {
    pub bold: bool,
    pub invert: bool,
    /// Twice as wide: a character takes two columns.
    pub wide: bool,
    pub tall: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Align {
    #[default]
    Left,
    Center,
}

/// One thing on paper, from the top.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Block {
    Line {
        text: String,
        style: Style,
        align: Align,
    },
    Feed(u8),
    /// Code 128, with its text below. `dots` is the width of a module.
    Code128 {
        content: String,
        dots: u8,
    },
    /// The 13 digits of an EAN-13.
    Ean13(String),
    Qr(String),
    Picture(Bitmap),
    /// The upper half of a code page, for the test page.
    PageSample(PageNumber),
}

/// Lays out a receipt for the columns of a profile.
pub fn lay_out(receipt: &Receipt, profile: &Profile) -> Vec<Block> {
    let mut paper = Paper { profile, blocks: Vec::new() };
    paper.logo();
    paper.header(receipt);
    paper.rule();
    for line in &receipt.lines {
        paper.item(line, receipt);
    }
    paper.rule();
    paper.sums(receipt);
    paper.taxes(receipt);
    paper.footer(receipt);
    paper.blocks
}

/// Lays out a test page: a ruler, each code page, each kind of code.
pub fn lay_out_test_page(page: &TestPage, profile: &Profile) -> Vec<Block> {
    let mut paper = Paper { profile, blocks: Vec::new() };
    paper.logo();
    let large = Style { bold: true, wide: true, tall: true, ..Style::default() };
    paper.wrapped(&page.title, large, Align::Center);
    for detail in &page.details {
        paper.wrapped(detail, Style::default(), Align::Center);
    }
    paper.plain(ruler(profile.columns));
    let printed = printable(&profile.name, profile);
    paper.plain(format!("{printed}: {} columns, {} dots", profile.columns, profile.dots));
    for entry in &profile.pages {
        paper.plain(format!("{} n={}", entry.page.name(), entry.n));
        paper.blocks.push(Block::PageSample(*entry));
    }
    paper.blocks.push(Block::Ean13(TEST_EAN.to_owned()));
    paper.code128("TEST-12345");
    paper.qr("https://example.com/test");
    paper.blocks
}

/// `1...5....10....15` up to the last column.
fn ruler(columns: usize) -> String {
    let mut out = String::new();
    for column in 1..=columns {
        let mark = column.to_string();
        if column % 10 == 0 {
            out.truncate(out.len() + 1 - mark.len());
            out.push_str(&mark);
        } else {
            out.push(if column % 5 == 0 { '+' } else { '.' });
        }
    }
    out
}

struct Paper<'a> {
    profile: &'a Profile,
    blocks: Vec<Block>,
}

impl Paper<'_> {
    fn header(&mut self, receipt: &Receipt) {
        let mut style = Style { bold: true, wide: true, tall: true, ..Style::default() };
        for line in &receipt.header {
            self.wrapped(line, style, Align::Center);
            style = Style::default();
        }
        if receipt.copy {
            let style = Style { bold: true, invert: true, wide: true, tall: true };
            let word = printable(&receipt.words.copy, self.profile);
            let room = (self.profile.columns / 2).saturating_sub(2);
            self.push(format!(" {} ", cut(word.trim(), room)), style, Align::Center);
        }
        let words = &receipt.words;
        self.pair(&format!("{} {}", words.receipt, receipt.number), &receipt.time);
        self.pair(
            &format!("{} {}", words.cashier, receipt.cashier),
            &format!("{} {}", words.register, receipt.register),
        );
    }

    /// `2 x Name of the item                 34.90`, wrapped under the name.
    fn item(&mut self, line: &ReceiptLine, receipt: &Receipt) {
        let amount = receipt.currency.amount(line.total);
        let quantity = printable(&line.quantity, self.profile);
        let quantity = cut(&quantity, self.profile.columns / 4);
        let lead = format!("{quantity} x ");
        let indent = width(&lead);
        let columns = self.profile.columns;
        let room = columns.saturating_sub(indent + amount.len() + 1).max(8);
        let name = printable(&line.name, self.profile);
        let mut lead = lead;
        for (row, part) in wrap(&name, room).into_iter().enumerate() {
            if row == 0 {
                self.spread(&format!("{lead}{part}"), &amount, Style::default());
                lead = " ".repeat(indent);
            } else {
                self.plain(format!("{lead}{part}"));
            }
        }
        if let Some(detail) = &line.detail {
            let room = columns.saturating_sub(indent).max(8);
            for part in wrap(&printable(detail, self.profile), room) {
                self.plain(format!("{}{part}", " ".repeat(indent)));
            }
        }
    }

    fn sums(&mut self, receipt: &Receipt) {
        for total in &receipt.totals {
            let amount = receipt.currency.amount(total.amount);
            let name = printable(&total.name, self.profile);
            if total.grand {
                let currency = printable(&receipt.currency.text, self.profile);
                let style = Style { bold: true, wide: false, tall: true, ..Style::default() };
                self.spread(&name, &format!("{currency} {amount}"), style);
            } else {
                self.spread(&name, &amount, Style::default());
            }
        }
        for tender in &receipt.tenders {
            let name = printable(&tender.name, self.profile);
            self.spread(&name, &receipt.currency.amount(tender.amount), Style::default());
        }
        if let Some(change) = receipt.change {
            let name = printable(&receipt.words.change, self.profile);
            self.spread(&name, &receipt.currency.amount(change), Style::default());
        }
    }

    /// Name, net, tax and gross in columns; the name gets its own line where it does not fit.
    fn taxes(&mut self, receipt: &Receipt) {
        if receipt.taxes.is_empty() {
            return;
        }
        self.rule();
        let words = &receipt.words;
        let cells = |line: &TaxLine| {
            [line.net, line.tax, line.gross].map(|amount| receipt.currency.amount(amount))
        };
        let heads = [&words.net, &words.tax, &words.gross]
            .map(|word| cut(&printable(word, self.profile), 10));
        let rows: Vec<[String; 3]> = receipt.taxes.iter().map(cells).collect();
        let cell = rows.iter().chain([&heads]).flatten().map(|text| width(text)).max().unwrap_or(0);
        let figures = |row: &[String; 3]| {
            row.iter().map(|text| format!(" {text:>cell$}")).collect::<String>()
        };
        let Some(room) = self.profile.columns.checked_sub(3 * (cell + 1)) else {
            return self.stacked_taxes(receipt, &heads);
        };
        self.spread("", figures(&heads).trim_start(), Style::default());
        for (line, row) in receipt.taxes.iter().zip(&rows) {
            let name = printable(&line.name, self.profile);
            if width(&name) <= room {
                self.spread(&name, figures(row).trim_start(), Style::default());
            } else {
                self.wrapped_raw(&name, Style::default(), Align::Left);
                self.spread("", figures(row).trim_start(), Style::default());
            }
        }
    }

    /// Figures too wide for columns, one below the other.
    fn stacked_taxes(&mut self, receipt: &Receipt, heads: &[String; 3]) {
        for line in &receipt.taxes {
            self.wrapped(&line.name, Style::default(), Align::Left);
            for (head, amount) in heads.iter().zip([line.net, line.tax, line.gross]) {
                self.spread(head, &receipt.currency.amount(amount), Style::default());
            }
        }
    }

    fn footer(&mut self, receipt: &Receipt) {
        self.blocks.push(Block::Feed(1));
        for line in &receipt.footer {
            self.wrapped(line, Style::default(), Align::Center);
        }
        self.code128(&receipt.number);
        if let Some(content) = &receipt.qr {
            self.qr(content);
        }
    }

    /// The widest bars that fit; where none fit the number stays readable as text.
    fn code128(&mut self, content: &str) {
        let content = printable(content, self.profile);
        let modules = content.len() * CODE128_MODULES + CODE128_FRAME_MODULES;
        let fitting = content.is_ascii() && !content.is_empty() && content.len() <= 60;
        let dots =
            [3u8, 2].into_iter().find(|dots| modules * usize::from(*dots) <= self.profile.dots);
        match dots.filter(|_| fitting) {
            Some(dots) => self.blocks.push(Block::Code128 { content, dots }),
            None => self.wrapped_raw(&content, Style::default(), Align::Center),
        }
    }

    fn qr(&mut self, content: &str) {
        let content: String = super::text::clean(content);
        if !(1..=MAX_QR_BYTES).contains(&content.len()) {
            return;
        }
        match self.profile.qr {
            QrMode::Native => self.blocks.push(Block::Qr(content)),
            QrMode::Picture => {
                let module = usize::from(QR_MODULE_DOTS);
                let drawn = Bitmap::qr(&content, module, self.profile.dots);
                self.blocks.extend(drawn.map(Block::Picture));
            }
            QrMode::None => {}
        }
    }

    fn logo(&mut self) {
        let fits = |logo: &&Bitmap| logo.width() <= self.profile.dots;
        if self.profile.pictures != PictureMode::None {
            let logo = self.profile.logo.as_ref().filter(fits).cloned();
            self.blocks.extend(logo.map(Block::Picture));
        }
    }

    fn rule(&mut self) {
        self.plain("-".repeat(self.profile.columns));
    }

    fn plain(&mut self, text: String) {
        self.push(text, Style::default(), Align::Left);
    }

    fn push(&mut self, text: String, style: Style, align: Align) {
        // Blanks at the end print nothing, unless they are printed white on black.
        let text = if style.invert { text } else { text.trim_end().to_owned() };
        self.blocks.push(Block::Line { text, style, align });
    }

    fn wrapped(&mut self, text: &str, style: Style, align: Align) {
        self.wrapped_raw(&printable(text, self.profile), style, align);
    }

    fn wrapped_raw(&mut self, text: &str, style: Style, align: Align) {
        let columns = if style.wide { self.profile.columns / 2 } else { self.profile.columns };
        for part in wrap(text, columns) {
            self.push(part, style, align);
        }
    }

    /// Two texts on one line where they fit, else below each other.
    fn pair(&mut self, left: &str, right: &str) {
        let left = printable(left, self.profile);
        let right = printable(right, self.profile);
        if width(&left) + 1 + width(&right) <= self.profile.columns {
            self.spread(&left, &right, Style::default());
        } else {
            self.wrapped_raw(&left, Style::default(), Align::Left);
            self.wrapped_raw(&right, Style::default(), Align::Left);
        }
    }

    /// Left text and a right-aligned amount. The amount is never cut; the text is.
    fn spread(&mut self, left: &str, right: &str, style: Style) {
        let columns = self.profile.columns;
        let right = cut(right, columns);
        let room = columns.saturating_sub(width(&right) + 1);
        let left = cut(left, room);
        let gap = columns.saturating_sub(width(&left) + width(&right));
        self.push(format!("{left}{}{right}", " ".repeat(gap)), style, Align::Left);
    }
}

/// Columns of printable text: one character is one column.
fn width(text: &str) -> usize {
    text.chars().count()
}

fn cut(text: &str, columns: usize) -> String {
    text.chars().take(columns).collect()
}

/// Breaks at spaces, and inside words that are wider than the line.
fn wrap(text: &str, columns: usize) -> Vec<String> {
    let columns = columns.max(1);
    let mut lines: Vec<String> = Vec::new();
    let mut line = String::new();
    for word in text.split(' ').filter(|word| !word.is_empty()) {
        let mut word = word;
        if !line.is_empty() && width(&line) + 1 + width(word) > columns {
            lines.push(std::mem::take(&mut line));
        }
        while width(word) > columns {
            let end = word.char_indices().nth(columns).map_or(word.len(), |(place, _)| place);
            lines.push(word[..end].to_owned());
            word = &word[end..];
        }
        if !line.is_empty() {
            line.push(' ');
        }
        line.push_str(word);
    }
    if !line.is_empty() || lines.is_empty() {
        lines.push(line);
    }
    if lines.len() > MAX_WRAPPED_LINES {
        lines.truncate(MAX_WRAPPED_LINES);
        if let Some(last) = lines.last_mut() {
            *last = format!("{}...", cut(last, columns.saturating_sub(3)));
        }
    }
    lines
}

#[cfg(test)]
#[path = "layout_tests.rs"]
mod tests;
