//! A sheet as plain text and as an SVG picture; bytes to sheets in one call.
//!
//! Owns how paper looks on a screen. Must not know printers or sockets. Invariant: text on paper
//! is escaped, so that a title cannot become markup of the page that shows the picture.

use std::fmt::Write;

use qrcode::{Color, EcLevel, QrCode};

use super::page::{Align, Cut, Press, Row, Sheet, Span};
use super::parser::Parser;
use crate::printer::Profile;

/// Dots of a character cell: fonts A and B, and the line's height.
const FONT_A: (usize, usize) = (12, 24);
const FONT_B: (usize, usize) = (9, 17);
const LINE: usize = 30;
/// White paper around the print.
const MARGIN: usize = 24;
const CUT_EDGE: usize = 8;
/// More of a picture is not shown.
pub(super) const MAX_PICTURE_ROWS: usize = 4000;

/// Interprets bytes on a fresh printer: the sheets that were cut, then what still hangs in it.
pub fn sheets(bytes: &[u8], profile: &Profile) -> Vec<Sheet> {
    let mut parser = Parser::default();
    let mut press = Press::new(profile.clone());
    let mut out: Vec<Sheet> = bytes
        .iter()
        .filter_map(|byte| parser.push(*byte))
        .filter_map(|command| press.apply(command))
        .collect();
    if !press.sheet().rows.is_empty() {
        out.push(press.sheet().clone());
    }
    out
}

impl Sheet {
    /// What a person reads, line by line; codes stand in brackets.
    pub fn text(&self) -> String {
        let mut out = String::new();
        for row in &self.rows {
            match row {
                Row::Text { spans, .. } => {
                    for span in spans {
                        out.push_str(&span.text);
                    }
                    out.push('\n');
                }
                Row::Feed(lines) => out.push_str(&"\n".repeat(usize::from(*lines))),
                Row::Bars { text, .. } => {
                    let _ = writeln!(out, "[bars {text}]");
                }
                Row::Qr { content, .. } => {
                    let _ = writeln!(out, "[qr {}]", String::from_utf8_lossy(content));
                }
                Row::Image { width, height, .. } => {
                    let _ = writeln!(out, "[image {width}x{height}]");
                }
            }
        }
        out
    }

    /// The sheet as a picture, one unit per dot.
    pub fn svg(&self) -> String {
        let width = self.dots + 2 * MARGIN;
        let mut body = String::new();
        let mut y = MARGIN;
        for row in &self.rows {
            y += row.draw(self.dots, y, &mut body);
        }
        y += MARGIN;
        let mut out = String::new();
        let _ = write!(
            out,
            "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width} {height}\" \
             width=\"{width}\" height=\"{height}\" \
             font-family=\"'DejaVu Sans Mono', 'Liberation Mono', monospace\">\
             <path d=\"{edge}\" fill=\"#fff\"/>{body}</svg>",
            height = y + CUT_EDGE,
            edge = self.edge(width, y),
        );
        out
    }

    /// The outline of the paper: torn teeth where it was cut, straight where it still hangs.
    fn edge(&self, width: usize, bottom: usize) -> String {
        let mut path = format!("M0 0H{width}V{bottom}");
        match self.cut {
            None => {}
            Some(Cut::Full) => {
                for x in (0..width).rev().step_by(CUT_EDGE) {
                    let depth =
                        if (x / CUT_EDGE).is_multiple_of(2) { bottom } else { bottom + CUT_EDGE };
                    let _ = write!(path, "L{x} {depth}");
                }
            }
            // The bridge of a partial cut stays in the middle.
            Some(Cut::Partial) => {
                let (left, right) = (width / 2 - CUT_EDGE, width / 2 + CUT_EDGE);
                let deep = bottom + CUT_EDGE;
                let _ = write!(path, "H{right}V{deep}H{left}V{bottom}");
            }
        }
        path.push_str("H0Z");
        path
    }
}

impl Row {
    /// Draws the row at `y` and gives its height in dots.
    fn draw(&self, dots: usize, y: usize, out: &mut String) -> usize {
        match self {
            Row::Text { spans, align } => draw_text(spans, *align, dots, y, out),
            Row::Feed(lines) => usize::from(*lines) * LINE,
            Row::Bars { modules, text, height, module, align } => {
                let mut tall = 0;
                if let Some(modules) = modules {
                    let module = usize::from(*module);
                    let x = MARGIN + offset(modules.len() * module, dots, *align);
                    for (start, length) in black_runs(modules) {
                        rect(out, x + start * module, y, length * module, usize::from(*height));
                    }
                    tall += usize::from(*height);
                }
                if !text.is_empty() {
                    let span = Span { text: text.clone(), look: Default::default() };
                    tall += draw_text(&[span], *align, dots, y + tall, out);
                }
                tall + 6
            }
            Row::Qr { content, level, module, align } => {
                let Some((modules, width)) = qr_modules(content, *level) else { return LINE };
                let module = usize::from(*module);
                let x = MARGIN + offset(width * module, dots, *align);
                for (line, row) in modules.chunks(width).enumerate() {
                    for (start, length) in black_runs(row) {
                        rect(out, x + start * module, y + line * module, length * module, module);
                    }
                }
                width * module + 6
            }
            Row::Image { width, height, align, .. } => {
                let x = MARGIN + offset(*width as usize, dots, *align);
                // One path for all dots: a picture has thousands of stretches.
                let mut path = String::new();
                for (line, row) in self.picture_rows().enumerate() {
                    for (start, length) in black_runs(&row) {
                        let _ = write!(path, "M{} {}h{length}v1h-{length}z", x + start, y + line);
                    }
                }
                let _ = write!(out, "<path d=\"{path}\" fill=\"#000\"/>");
                (*height as usize).min(MAX_PICTURE_ROWS)
            }
        }
    }
}

fn draw_text(spans: &[Span], align: Align, dots: usize, y: usize, out: &mut String) -> usize {
    let cell = |span: &Span| {
        let (width, height) = if span.look.font_b { FONT_B } else { FONT_A };
        (width * usize::from(span.look.width), height * usize::from(span.look.height))
    };
    let total: usize = spans.iter().map(|span| cell(span).0 * span.text.chars().count()).sum();
    let tall = spans.iter().map(|span| cell(span).1).max().unwrap_or(0).max(FONT_A.1);
    let mut x = MARGIN + offset(total, dots, align);
    for span in spans {
        let (wide, high) = cell(span);
        let length = wide * span.text.chars().count();
        let top = y + tall - high;
        if span.look.invert {
            rect(out, x, top, length, high);
        }
        if !span.text.trim().is_empty() {
            // The font is drawn at its normal height and stretched to the cell's proportions.
            let stretch = f64::from(span.look.width) / f64::from(span.look.height);
            let _ = write!(
                out,
                "<text transform=\"translate({x} {baseline}) scale({stretch} 1)\" \
                 font-size=\"{size}\" textLength=\"{inner}\" lengthAdjust=\"spacingAndGlyphs\" \
                 xml:space=\"preserve\"{weight}{line} fill=\"{ink}\">{text}</text>",
                baseline = top + high * 4 / 5,
                size = high * 5 / 6,
                inner = length as f64 / stretch,
                weight = if span.look.bold { " font-weight=\"bold\"" } else { "" },
                line = if span.look.underline { " text-decoration=\"underline\"" } else { "" },
                ink = if span.look.invert { "#fff" } else { "#111" },
                text = escape(&span.text),
            );
        }
        x += length;
    }
    tall + (LINE - FONT_A.1)
}

/// Blank dots before something of this width.
pub(super) fn offset(width: usize, dots: usize, align: Align) -> usize {
    let free = dots.saturating_sub(width);
    match align {
        Align::Left => 0,
        Align::Center => free / 2,
        Align::Right => free,
    }
}

/// Where black begins, and for how many modules.
pub(super) fn black_runs(modules: &[bool]) -> Vec<(usize, usize)> {
    let mut out: Vec<(usize, usize)> = Vec::new();
    for (place, _) in modules.iter().enumerate().filter(|(_, black)| **black) {
        match out.last_mut().filter(|(start, length)| start + length == place) {
            Some((_, length)) => *length += 1,
            None => out.push((place, 1)),
        }
    }
    out
}

/// The modules of a QR code, row by row, and its width.
pub(super) fn qr_modules(content: &[u8], level: u8) -> Option<(Vec<bool>, usize)> {
    let level = match level {
        49 => EcLevel::M,
        50 => EcLevel::Q,
        51 => EcLevel::H,
        _ => EcLevel::L,
    };
    let code = QrCode::with_error_correction_level(content, level).ok()?;
    let width = code.width();
    Some((code.into_colors().into_iter().map(|color| color == Color::Dark).collect(), width))
}

fn rect(out: &mut String, x: usize, y: usize, width: usize, height: usize) {
    let _ = write!(
        out,
        "<rect x=\"{x}\" y=\"{y}\" width=\"{width}\" height=\"{height}\" fill=\"#000\"/>"
    );
}

fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            letter if letter.is_control() => out.push('\u{fffd}'),
            letter => out.push(letter),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn one(bytes: &[u8]) -> Sheet {
        sheets(bytes, &Profile::default()).remove(0)
    }

    #[test]
    fn bytes_become_readable_text() {
        let sheet =
            one(b"\x1b@\x1bt\x10Caf\xe9 5 \x80\n\x1bt\x12\xad\xa2d\x9d\n\x1bd\x02\x1dVB\x00");
        assert_eq!(sheet.text(), "Café 5 €\nşódŁ\n\n\n");
        assert_eq!(sheet.cut, Some(Cut::Partial));
    }

    #[test]
    fn a_cut_parts_sheets_and_the_rest_hangs() {
        let all = sheets(b"one\n\x1dV\x00two\n\x1dV\x01three\n", &Profile::default());
        let texts: Vec<String> = all.iter().map(Sheet::text).collect();
        assert_eq!(texts, ["one\n", "two\n", "three\n"]);
        assert_eq!(
            all.iter().map(|sheet| sheet.cut).collect::<Vec<_>>(),
            [Some(Cut::Full), Some(Cut::Partial), None]
        );
    }

    #[test]
    fn long_lines_wrap_where_the_paper_ends() {
        let mut bytes = vec![b'x'; 50];
        bytes.push(b'\n');
        assert_eq!(one(&bytes).text(), format!("{}\nxx\n", "x".repeat(48)));
    }

    #[test]
    fn columns_stand_where_their_positions_say() {
        let bytes = b"Tea\x1b$\x73\x00\x1b\\\x0c\x002\x1b\\\xf4\xff\x1b$\x00\x00!\x1b$\xff\xff\n";
        assert_eq!(one(bytes).text(), format!("{:11}2!{:35}\n", "Tea", ""));
    }

    #[test]
    fn markup_in_a_title_stays_text() {
        let svg = one(b"<script>alert('1')</script> & \"x\"\n").svg();
        assert!(
            svg.contains("&lt;script&gt;alert(&#39;1&#39;)&lt;/script&gt; &amp; &quot;x&quot;")
        );
        assert!(!svg.contains("<script"));
    }

    #[test]
    fn styles_show_in_the_picture() {
        let svg = one(b"\x1ba\x01\x1bE\x01\x1dB\x01\x1d!\x11COPY\x1d!\x00\n").svg();
        assert!(svg.contains("font-weight=\"bold\"") && svg.contains("fill=\"#fff\">COPY<"));
        assert!(svg.contains("<rect x=\"264\""), "four wide characters stand in the middle");
    }

    #[test]
    fn codes_are_drawn_as_modules() {
        let svg =
            one(b"\x1dh\x40\x1dw\x02\x1dkI\x05{BA12\x1d(k\x04\x001A2\x00\x1d(k\x03\x001C\x05\
              \x1d(k\x06\x001P0abc\x1d(k\x03\x001Q0\n")
            .svg();
        assert!(svg.matches("<rect").count() > 100);
    }
}
