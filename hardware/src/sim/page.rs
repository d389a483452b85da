//! What is on the paper: commands become rows of a sheet.
//!
//! Owns the printer's print modes and the sheet they leave. Must not know bytes, sockets or
//! pictures. Invariant: a sheet holds at most `MAX_ROWS` rows; what is printed beyond is counted.

use std::mem;

use super::parser::Command;
use crate::printer::{CodePage, Profile};

/// More than any receipt; about 12 metres of paper.
const MAX_ROWS: usize = 4000;
const MAX_SPANS: usize = 400;
/// Bytes of pictures kept of one sheet; what is printed beyond is blank.
const MAX_PICTURES: usize = 128 * 1024;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Align {
    Left,
    Center,
    Right,
}

/// How a span looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Look {
    pub bold: bool,
    pub underline: bool,
    pub invert: bool,
    pub font_b: bool,
    /// 1 to 8.
    pub width: u8,
    pub height: u8,
}

impl Default for Look {
    fn default() -> Self {
        Look { bold: false, underline: false, invert: false, font_b: false, width: 1, height: 1 }
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Span {
    pub text: String,
    pub look: Look,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Row {
    Text {
        spans: Vec<Span>,
        align: Align,
    },
    Feed(u8),
    /// `modules` is `None` for kinds that are not drawn as bars here.
    Bars {
        modules: Option<Vec<bool>>,
        text: String,
        height: u8,
        module: u8,
        align: Align,
    },
    Qr {
        content: Vec<u8>,
        level: u8,
        module: u8,
        align: Align,
    },
    /// Packed rows, as far as they were kept.
    Image {
        width: u32,
        height: u32,
        bits: Vec<u8>,
        align: Align,
    },
}

impl Row {
    fn picture_bytes(&self) -> usize {
        match self {
            Row::Image { bits, .. } => bits.len(),
            _ => 0,
        }
    }

    /// The rows of a picture that were kept, as modules, true for black.
    pub(super) fn picture_rows(&self) -> impl Iterator<Item = Vec<bool>> {
        let (width, bits) = match self {
            Row::Image { width, bits, .. } => (*width as usize, bits.as_slice()),
            _ => (0, &[][..]),
        };
        let black = move |row: &[u8], x: usize| row[x / 8] & (0x80 >> (x % 8)) != 0;
        bits.chunks_exact(width.div_ceil(8).max(1))
            .map(move |row| (0..width).map(|x| black(row, x)).collect())
    }
}

/// One printed sheet, from cut to cut.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Sheet {
    pub rows: Vec<Row>,
    /// Rows that were printed beyond the limit and not kept.
    pub rows_lost: usize,
    /// Dots across.
    pub dots: usize,
    /// How it was cut off; `None` while it still hangs in the printer.
    pub cut: Option<Cut>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cut {
    Partial,
    Full,
}

/// The print modes, and the line that is being collected.
#[derive(Debug)]
pub struct Press {
    profile: Profile,
    page: CodePage,
    look: Look,
    align: Align,
    bar_height: u8,
    bar_module: u8,
    bar_text: bool,
    qr_module: u8,
    qr_level: u8,
    qr_content: Vec<u8>,
    line: Vec<Span>,
    /// A strip of a picture waits for its line feed.
    strip: bool,
    sheet: Sheet,
}

impl Press {
    pub fn new(profile: Profile) -> Press {
        let sheet = Sheet { dots: profile.dots, ..Sheet::default() };
        Press {
            page: profile.page(0).unwrap_or(CodePage::Pc437),
            profile,
            look: Look::default(),
            align: Align::Left,
            bar_height: 162,
            bar_module: 3,
            bar_text: false,
            qr_module: 3,
            qr_level: 48,
            qr_content: Vec::new(),
            line: Vec::new(),
            strip: false,
            sheet,
        }
    }

    /// The sheet that hangs in the printer.
    pub fn sheet(&self) -> &Sheet {
        &self.sheet
    }

    /// Applies one command; gives the sheet when it was cut off.
    pub fn apply(&mut self, command: Command) -> Option<Sheet> {
        match command {
            Command::Byte(byte) => self.byte(byte),
            Command::LineFeed if self.strip && self.line.is_empty() => self.strip = false,
            Command::LineFeed => self.line_feed(),
            Command::Initialise => self.initialise(),
            // A number that the profile does not know prints in the printer's first page.
            Command::CodePage(n) => self.page = self.profile.page(n).unwrap_or(CodePage::Pc437),
            Command::Align(n) => {
                self.align = match n {
                    1 | 49 => Align::Center,
                    2 | 50 => Align::Right,
                    _ => Align::Left,
                };
            }
            Command::Bold(on) => self.look.bold = on,
            Command::Underline(on) => self.look.underline = on,
            Command::Invert(on) => self.look.invert = on,
            Command::Font(n) => self.look.font_b = n & 1 == 1,
            Command::Size(n) => {
                self.look.width = ((n >> 4) & 7) + 1;
                self.look.height = (n & 7) + 1;
            }
            Command::Position(dots) => self.place(usize::from(dots)),
            Command::Shift(dots) => {
                let here = self.columns() * self.cell();
                self.place(here.saturating_add_signed(isize::from(dots)));
            }
            Command::FeedLines(n) => {
                self.end_line();
                self.row(Row::Feed(n));
            }
            Command::Cut { partial } => return Some(self.cut(partial)),
            Command::BarcodeHeight(n) => self.bar_height = n.max(1),
            Command::BarcodeModule(n) => self.bar_module = n.clamp(1, 6),
            Command::BarcodeText(n) => self.bar_text = n & 3 != 0,
            Command::Barcode { system, content } => self.bars(system, &content),
            Command::QrModule(n) => self.qr_module = n.clamp(1, 16),
            Command::QrLevel(n) => self.qr_level = n,
            Command::QrStore(content) => self.qr_content = content,
            Command::QrPrint => self.qr(),
            Command::Image { width, height, bits, strip } => {
                self.picture(width, height, bits);
                self.strip = strip;
            }
            Command::Pulse { .. }
            | Command::AutomaticStatus(_)
            | Command::AskStatus(_)
            | Command::AskModel(_)
            | Command::Ignored => {}
        }
        None
    }

    fn initialise(&mut self) {
        let sheet = mem::take(&mut self.sheet);
        // What stood in the line buffer is lost, what is on paper stays.
        *self = Press { sheet, ..Press::new(self.profile.clone()) };
    }

    fn byte(&mut self, byte: u8) {
        let letter = self.page.decode(byte).unwrap_or('\u{fffd}');
        let wide = usize::from(self.look.width);
        if self.columns() + wide > self.width() {
            self.line_feed();
        }
        self.letter(letter, self.look);
    }

    fn letter(&mut self, letter: char, look: Look) {
        let spans = self.line.len();
        match self.line.last_mut().filter(|span| span.look == look) {
            Some(span) => span.text.push(letter),
            None if spans < MAX_SPANS => self.line.push(Span { text: letter.to_string(), look }),
            None => {}
        }
    }

    /// Blanks up to this many dots from the left, in whole letters. A place to the left of the last
    /// letter is not taken: a sheet has no letters on top of each other.
    fn place(&mut self, dots: usize) {
        let blank = Look { font_b: self.look.font_b, ..Look::default() };
        let column = (dots + self.cell() / 2) / self.cell();
        for _ in self.columns()..column.min(self.width()) {
            self.letter(' ', blank);
        }
    }

    fn columns(&self) -> usize {
        self.line.iter().map(|s| s.text.chars().count() * usize::from(s.look.width)).sum()
    }

    /// Characters that fit on a line of this font.
    fn width(&self) -> usize {
        (self.profile.dots / self.cell()).max(1)
    }

    /// Dots of a letter of this font.
    fn cell(&self) -> usize {
        if self.look.font_b { 9 } else { 12 }
    }

    fn line_feed(&mut self) {
        let spans = mem::take(&mut self.line);
        self.row(Row::Text { spans, align: self.align });
    }

    fn end_line(&mut self) {
        if !self.line.is_empty() {
            self.line_feed();
        }
    }

    /// A band that continues the picture above it becomes part of it.
    fn picture(&mut self, width: u32, height: u32, mut bits: Vec<u8>) {
        self.end_line();
        let kept: usize = self.sheet.rows.iter().map(Row::picture_bytes).sum();
        bits.truncate(MAX_PICTURES.saturating_sub(kept));
        let align = self.align;
        match self.sheet.rows.last_mut() {
            Some(Row::Image { width: w, height: h, bits: above, align: a })
                if *w == width && *a == align =>
            {
                // Rows that were not kept stay white.
                let bytes = (width as usize).div_ceil(8).saturating_mul(*h as usize);
                if above.len() < bytes && bytes <= MAX_PICTURES {
                    above.resize(bytes, 0);
                }
                if above.len() == bytes {
                    above.append(&mut bits);
                }
                *h = h.saturating_add(height);
            }
            _ => self.row(Row::Image { width, height, bits, align }),
        }
    }

    fn bars(&mut self, system: u8, content: &[u8]) {
        self.end_line();
        let (modules, text) = if system == 73 {
            (super::code128::modules(content), super::code128::text(content))
        } else {
            let text: String =
                content.iter().filter_map(|byte| CodePage::Pc437.decode(*byte)).collect();
            let ean = matches!(system, 2 | 67).then(|| super::ean::modules(content));
            (ean.flatten(), text)
        };
        let text = if self.bar_text || modules.is_none() { text } else { String::new() };
        let row = Row::Bars {
            modules,
            text,
            height: self.bar_height,
            module: self.bar_module,
            align: self.align,
        };
        self.row(row);
    }

    fn qr(&mut self) {
        self.end_line();
        let row = Row::Qr {
            content: self.qr_content.clone(),
            level: self.qr_level,
            module: self.qr_module,
            align: self.align,
        };
        self.row(row);
    }

    fn cut(&mut self, partial: bool) -> Sheet {
        self.end_line();
        let dots = self.profile.dots;
        let mut sheet = mem::replace(&mut self.sheet, Sheet { dots, ..Sheet::default() });
        sheet.cut = Some(if partial { Cut::Partial } else { Cut::Full });
        sheet
    }

    fn row(&mut self, row: Row) {
        if self.sheet.rows.len() < MAX_ROWS {
            self.sheet.rows.push(row);
        } else {
            self.sheet.rows_lost += 1;
        }
    }
}
