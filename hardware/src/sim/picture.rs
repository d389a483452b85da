//! The codes of a sheet as a black and white PNG, for programs that read codes from pictures.
//!
//! Owns rasterising of bars and QR codes; letters are drawn as grey lines, since no font is part of
//! this program. Must not know printers. Invariant: every code stands in its quiet zone.

use std::io::Cursor;

use image::{GrayImage, ImageError, ImageFormat, Luma};

use super::page::{Row, Sheet};
use super::render::{MAX_PICTURE_ROWS, black_runs, offset, qr_modules};

const MARGIN: usize = 48;
const LINE: usize = 30;
const GREY: u8 = 0xc0;
const MAX_HEIGHT: usize = 20_000;

impl Sheet {
    /// The picture, as the bytes of a PNG file.
    pub fn png(&self) -> Result<Vec<u8>, ImageError> {
        let width = self.dots + 2 * MARGIN;
        let height = (self.rows.iter().map(tall).sum::<usize>() + 2 * MARGIN).min(MAX_HEIGHT);
        let mut picture =
            Picture { image: GrayImage::from_pixel(side(width), side(height), Luma([0xff])) };
        let mut y = MARGIN;
        for row in &self.rows {
            picture.row(row, self.dots, y);
            y += tall(row);
        }
        let mut out = Cursor::new(Vec::new());
        picture.image.write_to(&mut out, ImageFormat::Png)?;
        Ok(out.into_inner())
    }
}

fn side(dots: usize) -> u32 {
    u32::try_from(dots).unwrap_or(u32::MAX)
}

fn tall(row: &Row) -> usize {
    match row {
        Row::Text { .. } => LINE,
        Row::Image { height, .. } => (*height as usize).min(MAX_PICTURE_ROWS),
        Row::Feed(lines) => usize::from(*lines) * LINE,
        Row::Bars { height, .. } => usize::from(*height) + 2 * LINE,
        Row::Qr { content, level, module, .. } => {
            let width = qr_modules(content, *level).map_or(0, |(_, width)| width);
            (width + 8) * usize::from(*module)
        }
    }
}

struct Picture {
    image: GrayImage,
}

impl Picture {
    fn row(&mut self, row: &Row, dots: usize, y: usize) {
        match row {
            Row::Text { spans, align } => {
                let columns: usize = spans
                    .iter()
                    .map(|span| span.text.chars().count() * usize::from(span.look.width))
                    .sum();
                let x = MARGIN + offset(columns * 12, dots, *align);
                self.fill(x, y + LINE / 2, columns * 12, 2, GREY);
            }
            Row::Bars { modules: Some(modules), height, module, align, .. } => {
                let module = usize::from(*module);
                let x = MARGIN + offset(modules.len() * module, dots, *align);
                for (start, length) in black_runs(modules) {
                    let left = x + start * module;
                    self.fill(left, y + LINE / 2, length * module, usize::from(*height), 0);
                }
            }
            Row::Qr { content, level, module, align } => {
                let Some((modules, width)) = qr_modules(content, *level) else { return };
                let module = usize::from(*module);
                let x = MARGIN + offset(width * module, dots, *align);
                for (line, row) in modules.chunks(width).enumerate() {
                    for (start, length) in black_runs(row) {
                        let top = y + (line + 4) * module;
                        self.fill(x + start * module, top, length * module, module, 0);
                    }
                }
            }
            Row::Image { width, align, .. } => {
                let x = MARGIN + offset(*width as usize, dots, *align);
                for (line, modules) in row.picture_rows().take(MAX_PICTURE_ROWS).enumerate() {
                    for (start, length) in black_runs(&modules) {
                        self.fill(x + start, y + line, length, 1, 0);
                    }
                }
            }
            Row::Bars { .. } | Row::Feed(_) => {}
        }
    }

    fn fill(&mut self, x: usize, y: usize, width: usize, height: usize, shade: u8) {
        for row in y..y + height {
            for column in x..x + width {
                if let Some(pixel) = self.image.get_pixel_mut_checked(side(column), side(row)) {
                    *pixel = Luma([shade]);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::render::sheets;
    use crate::printer::Profile;

    #[test]
    fn a_sheet_with_codes_becomes_a_png() {
        let sheet = sheets(b"Mug\n\x1dw\x02\x1dkI\x05{BA12\n", &Profile::default()).remove(0);
        let png = sheet.png().unwrap();
        assert!(png.starts_with(b"\x89PNG\r\n"));
        let image = image::load_from_memory(&png).unwrap().into_luma8();
        let black = image.pixels().filter(|pixel| pixel.0[0] == 0).count();
        assert!(black > 1000, "{black}");
    }
}
