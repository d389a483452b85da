//! From laid-out paper to ESC/POS bytes.
//!
//! Owns every byte sent to a printer. The `escpos` crate serves as byte builder where it is right
//! (initialise, sizes, bold, alignment, QR); its drawer pulse, partial cut, text encoding and
//! missing Code 128 are worked around here, each pinned by a test of its bytes. Invariants: text
//! goes out only as bytes of a code page that the profile has; a copy never pulses the drawer; a
//! job ends with a question whose answer proves that everything before it was printed.

use std::cell::RefCell;
use std::rc::Rc;

use escpos::driver::Driver;
use escpos::errors::PrinterError;
use escpos::printer::Printer as Builder;
use escpos::utils::{
    CharacterSet, Font, JustifyMode, Protocol, QRCodeCorrectionLevel, QRCodeModel, QRCodeOption,
};

use super::layout::{Align, Block, QR_MODULE_DOTS, Style, lay_out, lay_out_test_page};
use super::picture::Bitmap;
use super::profile::{DrawerProfile, PageNumber, PictureMode, Profile};
use super::receipt::{Receipt, TestPage};
use super::text::runs;

/// `FS .`: leave double-byte mode, in which some printers wake up.
const CANCEL_KANJI: [u8; 2] = [0x1c, b'.'];
/// `GS a 0`: no unasked status, so that answers cannot be mistaken.
const NO_AUTOMATIC_STATUS: [u8; 3] = [0x1d, b'a', 0];
/// `GS V 66 0`: feed to the cutter and cut, leaving a bridge.
const PARTIAL_CUT: [u8; 4] = [0x1d, b'V', 66, 0];
/// `GS r 1`: answer with the paper sensor when everything before this has been processed.
pub const READ_BACK: [u8; 3] = [0x1d, b'r', 1];
/// No command of a job is longer, so that so many NULs end whatever a broken job left half sent.
pub(super) const LONGEST_COMMAND: usize = 2048;
const BARCODE_HEIGHT_DOTS: u8 = 64;

/// Whether a job begins by opening the drawer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Drawer {
    Leave,
    /// Ignored by copies.
    Open,
}

/// Bytes for a printer, with the id that stays the same however often they are sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Job {
    pub id: String,
    /// Ends with the read-back question.
    pub bytes: Vec<u8>,
}

#[derive(Debug, thiserror::Error)]
#[error("cannot encode the print job: {0}")]
pub struct EncodeError(String);

impl From<PrinterError> for EncodeError {
    fn from(error: PrinterError) -> Self {
        EncodeError(error.to_string())
    }
}

/// The bytes of a receipt, ending with the cut and the read-back question.
pub fn receipt_job(
    id: &str,
    receipt: &Receipt,
    profile: &Profile,
    drawer: Drawer,
) -> Result<Job, EncodeError> {
    let open = drawer == Drawer::Open && !receipt.copy;
    let pulse = open.then(|| drawer_pulse(&profile.drawer));
    Ok(Job { id: id.to_owned(), bytes: encode(&lay_out(receipt, profile), profile, pulse)? })
}

/// The bytes of a test page.
pub fn test_page_job(id: &str, page: &TestPage, profile: &Profile) -> Result<Job, EncodeError> {
    let blocks = lay_out_test_page(page, profile);
    Ok(Job { id: id.to_owned(), bytes: encode(&blocks, profile, None)? })
}

/// All five bytes of a drawer pulse. `Printer::cash_drawer` of the crate sends three; the printer
/// then takes the next two bytes of the job as timings.
pub fn drawer_pulse(drawer: &DrawerProfile) -> [u8; 5] {
    [0x1b, b'p', drawer.connector, drawer.t1, drawer.t2]
}

fn encode(
    blocks: &[Block],
    profile: &Profile,
    pulse: Option<[u8; 5]>,
) -> Result<Vec<u8>, EncodeError> {
    let sink = Sink::default();
    let mut out = Encoder {
        builder: Builder::new(sink.clone(), Protocol::default(), None),
        profile,
        page: None,
        style: Style::default(),
        align: Align::Left,
    };
    out.open(pulse)?;
    for block in blocks {
        out.block(block)?;
    }
    out.close()?;
    out.builder.print()?;
    drop(out);
    Ok(sink.0.take())
}

/// Collects what the builder writes.
#[derive(Clone, Default)]
struct Sink(Rc<RefCell<Vec<u8>>>);

impl Driver for Sink {
    fn name(&self) -> String {
        "memory".to_owned()
    }

    fn write(&self, bytes: &[u8]) -> escpos::errors::Result<()> {
        self.0.borrow_mut().extend_from_slice(bytes);
        Ok(())
    }

    fn read(&self, _: &mut [u8]) -> escpos::errors::Result<usize> {
        Ok(0)
    }

    fn flush(&self) -> escpos::errors::Result<()> {
        Ok(())
    }
}

struct Encoder<'a> {
    builder: Builder<Sink>,
    profile: &'a Profile,
    /// The page that `ESC t` selected last in this job.
    page: Option<PageNumber>,
    style: Style,
    align: Align,
}

impl Encoder<'_> {
    fn open(&mut self, pulse: Option<[u8; 5]>) -> Result<(), EncodeError> {
        let builder = self.builder.init()?;
        builder.custom(&NO_AUTOMATIC_STATUS)?;
        if let Some(pulse) = pulse {
            builder.custom(&pulse)?;
        }
        builder.custom(&CANCEL_KANJI)?.character_set(CharacterSet::USA)?;
        if self.profile.font_b {
            builder.font(Font::B)?;
        }
        Ok(())
    }

    fn close(&mut self) -> Result<(), EncodeError> {
        self.align(Align::Left)?;
        let feed = self.profile.feed_before_cut;
        if feed > 0 {
            self.builder.feeds(feed)?;
        }
        // `Printer::partial_cut` of the crate cuts right through.
        self.builder.custom(&PARTIAL_CUT)?.custom(&READ_BACK)?;
        Ok(())
    }

    fn block(&mut self, block: &Block) -> Result<(), EncodeError> {
        match block {
            Block::Line { text, style, align } => {
                self.align(*align)?;
                self.style(*style)?;
                self.text(text)?;
                self.builder.custom(b"\n")?;
                self.style(Style::default())?;
            }
            Block::Feed(lines) => {
                self.builder.feeds(*lines)?;
            }
            Block::Code128 { content, dots } => self.code128(content, *dots)?,
            Block::Ean13(digits) => self.ean13(digits)?,
            Block::Picture(picture) => self.picture(picture)?,
            Block::Qr(content) => {
                self.align(Align::Center)?;
                let option = QRCodeOption::new(
                    QRCodeModel::Model2,
                    QR_MODULE_DOTS,
                    QRCodeCorrectionLevel::M,
                );
                self.builder.qrcode_option(content, option)?;
                self.builder.custom(b"\n")?;
            }
            Block::PageSample(entry) => self.page_sample(*entry)?,
        }
        Ok(())
    }

    /// Text in runs of code pages. `Printer::write` of the crate is never used: its tables are
    /// wrong for several pages, and what they lack goes out as raw UTF-8.
    fn text(&mut self, text: &str) -> Result<(), EncodeError> {
        let mut page = self.page;
        for run in runs(text, self.profile, &mut page) {
            if self.page.map(|entry| entry.n) != Some(run.n) {
                self.select(PageNumber { page: run.page, n: run.n })?;
            }
            self.builder.custom(&run.bytes)?;
        }
        Ok(())
    }

    fn select(&mut self, entry: PageNumber) -> Result<(), EncodeError> {
        self.builder.custom(&[0x1b, b't', entry.n])?;
        self.page = Some(entry);
        Ok(())
    }

    /// `GS k 73 n {B...`, which the crate lacks. A brace in the content is doubled.
    fn code128(&mut self, content: &str, dots: u8) -> Result<(), EncodeError> {
        let mut symbols = b"{B".to_vec();
        for byte in content.bytes().filter(|byte| matches!(byte, 0x20..=0x7e)) {
            symbols.push(byte);
            if byte == b'{' {
                symbols.push(byte);
            }
        }
        let length = u8::try_from(symbols.len())
            .map_err(|_| EncodeError("the bar code is too long".to_owned()))?;
        self.bars(dots, &[&[0x1d, b'k', 73, length], symbols.as_slice()].concat())
    }

    /// `GS k 67 13 ...`.
    fn ean13(&mut self, digits: &str) -> Result<(), EncodeError> {
        self.bars(3, &[&[0x1d, b'k', 67, 13], digits.as_bytes()].concat())
    }

    fn bars(&mut self, dots: u8, command: &[u8]) -> Result<(), EncodeError> {
        self.align(Align::Center)?;
        self.builder
            .custom(&[0x1d, b'h', BARCODE_HEIGHT_DOTS])?
            .custom(&[0x1d, b'w', dots])?
            .custom(&[0x1d, b'H', 2])?
            .custom(command)?
            .custom(b"\n")?;
        Ok(())
    }

    fn picture(&mut self, picture: &Bitmap) -> Result<(), EncodeError> {
        let commands = match self.profile.pictures {
            PictureMode::Raster { band_rows } => raster(picture, band_rows),
            PictureMode::Columns => columns(picture),
            PictureMode::None => return Ok(()),
        };
        self.align(Align::Center)?;
        for command in commands {
            self.builder.custom(&command)?;
        }
        Ok(())
    }

    /// Every printable byte from 0x80 up, as this page shows it.
    fn page_sample(&mut self, entry: PageNumber) -> Result<(), EncodeError> {
        self.align(Align::Left)?;
        self.select(entry)?;
        let bytes: Vec<u8> =
            (0x80..=0xff).filter(|byte| entry.page.decode(*byte).is_some()).collect();
        for line in bytes.chunks(self.profile.columns.max(1)) {
            self.builder.custom(line)?.custom(b"\n")?;
        }
        Ok(())
    }

    fn align(&mut self, align: Align) -> Result<(), EncodeError> {
        if self.align != align {
            self.builder.justify(match align {
                Align::Left => JustifyMode::LEFT,
                Align::Center => JustifyMode::CENTER,
            })?;
            self.align = align;
        }
        Ok(())
    }

    fn style(&mut self, style: Style) -> Result<(), EncodeError> {
        let before = std::mem::replace(&mut self.style, style);
        if before.bold != style.bold {
            self.builder.bold(style.bold)?;
        }
        if before.invert != style.invert {
            self.builder.reverse(style.invert)?;
        }
        if (before.wide, before.tall) != (style.wide, style.tall) {
            self.builder.size(u8::from(style.wide) + 1, u8::from(style.tall) + 1)?;
        }
        Ok(())
    }
}

/// `GS v 0` in bands. A whole picture at once overflows small buffers.
fn raster(picture: &Bitmap, band_rows: usize) -> Vec<Vec<u8>> {
    const HEAD: usize = 8;
    let across = picture.row_bytes().max(1);
    let rows = band_rows.min((LONGEST_COMMAND - HEAD) / across).max(1);
    let starts = (0..picture.height()).step_by(rows);
    let band = |start: usize| {
        let rows = rows.min(picture.height() - start);
        let [wide, high] = [across, rows].map(|size| u16::try_from(size).unwrap_or(u16::MAX));
        let [xl, xh] = wide.to_le_bytes();
        let [yl, yh] = high.to_le_bytes();
        let mut command = vec![0x1d, b'v', b'0', 0, xl, xh, yl, yh];
        (start..start + rows).for_each(|y| command.extend_from_slice(picture.row(y)));
        defused(command)
    };
    starts.map(band).collect()
}

/// `ESC * 33`: strips of 24 rows, column by column, with lines set as close as they are tall.
fn columns(picture: &Bitmap) -> Vec<Vec<u8>> {
    const ROWS: usize = 24;
    const HEAD: usize = 5;
    let wide = picture.width().min((LONGEST_COMMAND - HEAD) / 3);
    let [low, high] = u16::try_from(wide).unwrap_or(u16::MAX).to_le_bytes();
    let mut commands = vec![vec![0x1b, b'3', 24]];
    for start in (0..picture.height()).step_by(ROWS) {
        let mut command = vec![0x1b, b'*', 33, low, high];
        for x in 0..wide {
            for eight in 0..3 {
                let dot = |y: usize| u8::from(picture.is_black(x, start + 8 * eight + y));
                command.push((0..8).fold(0, |byte, y| byte << 1 | dot(y)));
            }
        }
        let mut command = defused(command);
        command.push(b'\n');
        commands.push(command);
    }
    commands.push(vec![0x1b, b'2']);
    commands
}

/// Printers look for real-time commands also among the dots of a picture: `DLE DC4` there would
/// open the drawer. One dot is changed where two bytes would be taken for one.
fn defused(mut command: Vec<u8>) -> Vec<u8> {
    for place in 1..command.len() {
        if command[place - 1] == 0x10 && matches!(command[place], 0x04 | 0x05 | 0x14) {
            command[place] ^= 0x40;
        }
    }
    command
}

#[cfg(test)]
#[path = "encode_tests.rs"]
mod tests;
